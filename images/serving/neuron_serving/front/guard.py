"""The guard in front of a server: HAProxy, the only process that clients reach.

It bounds connections, in all and of each client, and what may come over them; probes have a listener of
their own, which it answers itself from what it last heard of the server, so that overload is no ill health.
gRPC passes through it as bytes, with each of some groups of clients at an address of its own, by which the
server knows them apart. Requests go to the front (rest.py). With a shortcut, small ones in binary that are
provably right go straight to the runtime (shortcut.lua).
Source: docs.haproxy.org, configuration manual 2.6.
"""

import json
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from neuron_serving.limits import MAX_REQUEST_BYTES

HAPROXY = "haproxy"
_LUA = Path(__file__).with_name("shortcut.lua")

HTTP_PORT, GRPC_PORT, METRICS_PORT, PROBE_PORT = 8000, 8001, 8002, 8003
# The front's own ports, on the loopback address.
FRONT_PORT, FRONT_GRPC_PORT = 9002, 9003
# Connections of HTTP, and as many of gRPC; of one client.
MAX_CONNECTIONS = 1024
MAX_CONNECTIONS_OF_CLIENT = 512
_PROBE_CONNECTIONS = 64
# Requests that the shortcut has at the runtime at once; others wait here, with less than a buffer each.
_SHORTCUT_REQUESTS = 32
_BUFFER_BYTES = 32 * 1024
# A request that may take the shortcut is in the buffer as a whole.
SHORTCUT_BYTES = 24 * 1024
_GROUPS = 16
# Clients with lasting connections have this long to ask once more and be told that it ends; so has what is
# in flight; gRPC connections have reached their age long before.
STOP_SECONDS = 20

_ERRORS = {
    400: "The request is not HTTP as it should be.",
    408: "The request did not arrive in time.",
    502: "The server ended before it answered.",
    503: "The server is not there yet, or no longer.",
    504: "The server did not answer in time.",
}

# Paths and ids are a client's: they are cut.
_REQUEST_LOG = """\
    log stdout len 4096 format raw local0
    option dontlognull
    http-request set-log-level silent if !infers !predicts
    http-request set-var(txn.request_id) req.hdr(x-request-id),bytes(0,128),json(utf8s)
    acl named res.hdr(x-neuron-request-id) -m found
    http-response set-var(txn.request_id) res.hdr(x-neuron-request-id) if named
    log-format '{"time":"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]","client":"%ci","method":"%HM",\
"path":"%[capture.req.uri,bytes(0,256),regsub([^!#-Z^-~],?,g)]","status":%ST,"bytes":%B,"milliseconds":%Ta,\
"requestId":"%[var(txn.request_id)]"}'
"""


@dataclass(frozen=True)
class Ports:
    """Where the guard listens, and where the front does."""

    http: int = HTTP_PORT
    grpc: int = GRPC_PORT
    probes: int = PROBE_PORT
    front: int = FRONT_PORT
    front_grpc: int = FRONT_GRPC_PORT
    metrics: int = METRICS_PORT


@dataclass(frozen=True)
class Shortcut:
    """A runtime that speaks the protocol itself, and what shortcut.lua must know of its tensor model.

    address is host:port. inputs: datatype, the sizes of its dimensions without the batch (-1: any), and
    whether it may be left out, by name.
    """

    address: str
    model: str
    inputs: dict[str, tuple[str, tuple[int, ...], bool]]
    outputs: tuple[str, ...]


def is_there() -> bool:
    """Whether the image has HAProxy: systems whose own is too old for the guard go without."""
    return shutil.which(HAPROXY) is not None


def arguments(configuration: Path) -> list[str]:
    """Return HAProxy's command line."""
    return [HAPROXY, "-db", "-f", str(configuration)]


def write(
    directory: Path,
    ports: Ports | None = None,
    *,
    shortcut: Shortcut | None = None,
    request_log: bool = False,
) -> list[str]:
    """Write HAProxy's configuration into a directory, and return its command line."""
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / "shortcut.lua"
    if shortcut is not None:
        script.write_text(_facts(shortcut) + _LUA.read_text(encoding="utf-8"), encoding="utf-8")
    path = directory / "guard.cfg"
    text = configuration(ports or Ports(), shortcut, script, request_log=request_log)
    path.write_text(text, encoding="utf-8")
    return arguments(path)


def configuration(ports: Ports, shortcut: Shortcut | None, script: Path, *, request_log: bool = False) -> str:
    """Return HAProxy's configuration; `script` has the shortcut's Lua.

    With request_log each inference is a line of JSON on the standard output. Every port is open to IPv4 and,
    where the kernel has it, to IPv6: a cluster may have that alone.
    """
    errors = "\n".join(f"    http-error status {code} {_said(words)}" for code, words in _ERRORS.items())
    log = _REQUEST_LOG if request_log else ""
    groups = "\n".join(
        f"    server group{number} 127.0.0.1:{ports.front_grpc} source 127.0.1.{number}"
        for number in range(1, _GROUPS + 1)
    )
    return f"""\
global
{"" if shortcut is None else f"    lua-load {script}" + chr(10)}\
    tune.bufsize {_BUFFER_BYTES}
    nbthread 1
    maxconn {2 * MAX_CONNECTIONS + 4 * _PROBE_CONNECTIONS}
    hard-stop-after {STOP_SECONDS}s
    no strict-limits

defaults
    mode http
    # A connection is one request at a time: with HTTP/2 it would be a hundred.
    option disable-h2-upgrade
    timeout connect 5s
    timeout client 60s
    timeout http-request 20s
    timeout http-keep-alive 5m
    timeout server 10m
    timeout queue 2m
    retries 0
{errors}

frontend probes
{_bind(ports.probes)}
    maxconn {_PROBE_CONNECTIONS}
    timeout client 5s
    timeout http-request 5s
    timeout http-keep-alive 1s
    http-request return status 200 if {{ path /v2/health/live }} {{ nbsrv(alive) gt 0 }}
    http-request return status 200 if {{ path_end /ready }} {{ nbsrv(ready) gt 0 }}
    http-request return status 503

backend alive
    option httpchk GET /v2/health/live
    timeout check 10s
    server front 127.0.0.1:{ports.front} check inter 2s fall 3 rise 1

backend ready
    option httpchk GET /v2/health/ready
    timeout check 5s
    server front 127.0.0.1:{ports.front} check inter 1s fall 3 rise 1

frontend protocol
{_bind(ports.http)}
    # Whoever has a lasting connection when the server ends is told so with the next answer.
    option idle-close-on-response
    maxconn {MAX_CONNECTIONS}
    stick-table type ipv6 size 64k expire 10m store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if {{ sc0_conn_cur gt {MAX_CONNECTIONS_OF_CLIENT} }}
    acl infers path_reg ^/v2/models/[^/]+(/versions/[^/]+)?/infer$
    acl predicts path_beg /predictions/
    acl binary req.hdr(inference-header-content-length) -m found
    acl chunked req.hdr(transfer-encoding) -m found
    acl body req.hdr_val(content-length) gt 0
{log}\
    acl reads method GET HEAD
    http-request return status 400 {_said("GET and HEAD have no body.")} if reads body or reads chunked
    http-request return status 405 {_said("An inference is asked for with POST.")} if infers !METH_POST
{_once()}
    http-request return status 413 {_said(f"A request may have {MAX_REQUEST_BYTES} bytes.")} \
if {{ req.hdr_val(content-length) gt {MAX_REQUEST_BYTES} }}
    http-request set-header X-Forwarded-For %[src]
    # Most clients accept compressed answers without a thought: it takes 12 ms to compress 400 KB of numbers,
    # and gains a tenth.
    http-request del-header accept-encoding
    http-response del-header x-neuron-request-id
{"" if shortcut is None else _SHORTCUT}\
    default_backend front

backend front
    http-reuse always
    server front 127.0.0.1:{ports.front}
{"" if shortcut is None else _runtime(shortcut)}
frontend grpc
    mode tcp
{_bind(ports.grpc)}
    maxconn {MAX_CONNECTIONS}
    timeout client 10m
    stick-table type ipv6 size 64k expire 10m store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if {{ sc0_conn_cur gt {MAX_CONNECTIONS_OF_CLIENT} }}
    default_backend groups

backend groups
    mode tcp
    balance source
    hash-type consistent
{groups}
{_metrics(ports) if socket.has_dualstack_ipv6() else ""}"""


def _bind(port: int) -> str:
    """At every address, of each family by itself, so that a client's address reads as it always did."""
    both = f"    bind *:{port}"
    return f"{both}\n    bind :::{port} v6only" if socket.has_dualstack_ipv6() else both


def _metrics(ports: Ports) -> str:
    """The runtime's own listener of its metrics knows IPv4 alone."""
    return f"""\

frontend metrics
    bind :::{ports.metrics} v6only
    maxconn {_PROBE_CONNECTIONS}
    default_backend metrics

backend metrics
    server metrics 127.0.0.1:{ports.metrics}
"""


# The front alone knows what a request means; these are read by proxies and it alike, or not at all.
_ONCE = ("inference-header-content-length", "content-encoding", "content-type", "x-request-id")


def _once() -> str:
    said = _said("A header is there twice.")
    return "\n".join(
        f"    http-request return status 400 {said} if {{ req.hdr_cnt({name}) gt 1 }}" for name in _ONCE
    )


_SHORTCUT = f"""\
    acl small req.hdr_val(content-length) le {SHORTCUT_BYTES}
    acl short req.hdr(content-length) -m found
    http-request wait-for-body time 20s if infers binary short small !chunked
    http-request lua.shortcut if infers binary short small !chunked
    use_backend runtime if {{ var(txn.shortcut) -m bool }}
    use_backend runtime if METH_GET {{ path_reg ^/v2/models/([^/]+/(versions/[^/]+/)?)?stats$ }}
"""


def _runtime(shortcut: Shortcut) -> str:
    return f"""\

backend runtime
    http-reuse always
    server runtime {shortcut.address} maxconn {_SHORTCUT_REQUESTS}
"""


def _facts(shortcut: Shortcut) -> str:
    """The Lua table that shortcut.lua reads; plain names are written alike in JSON and Lua."""
    inputs = ", ".join(
        f"[{json.dumps(name)}] = {{datatype = {json.dumps(datatype)}, "
        f"dims = {{{', '.join(map(str, dims))}}}, optional = {'true' if optional else 'false'}}}"
        for name, (datatype, dims, optional) in shortcut.inputs.items()
    )
    outputs = ", ".join(f"[{json.dumps(name)}] = true" for name in shortcut.outputs)
    name = json.dumps(shortcut.model)
    return f"local MODEL = {{name = {name}, inputs = {{{inputs}}}, outputs = {{{outputs}}}}}\n\n"


def _said(sentence: str) -> str:
    return f'content-type application/json string \'{{"error":"{sentence}"}}\''
