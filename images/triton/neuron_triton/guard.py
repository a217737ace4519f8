"""The guard in front of tritonserver's HTTP port: HAProxy, which refuses what the server can't bear.

tritonserver ends when a request's shape says more than it can allocate, answers broken JSON with a 500,
compresses answers at whatever price, and leaves lasting connections without a word when it ends. guard.lua
says what is refused. gRPC has none of this and goes straight to tritonserver.
Source: docs.haproxy.org, configuration manual 2.6.
"""

from pathlib import Path

HAPROXY = "haproxy"
LUA = Path(__file__).with_name("guard.lua")

HTTP_PORT = 8000
# tritonserver's own HTTP port, on the loopback address.
TRITON_PORT = 9000
# JSON is checked as a whole, so it must fit into HAProxy's buffer.
MAX_JSON_BYTES = 8 * 1024 * 1024
MAX_REQUEST_BYTES = 256 * 1024 * 1024
# Connections in all, and of one client.
MAX_CONNECTIONS = 4096
MAX_CONNECTIONS_OF_CLIENT = 512
# Clients with lasting connections have this long to ask once more and be told that it ends.
DRAIN_SECONDS = 10

_ERRORS = {
    400: "The request is not HTTP as it should be.",
    408: "The request did not arrive in time.",
    502: "The server ended before it answered.",
    503: "The server is not there yet, or no longer.",
    504: "The server did not answer in time.",
}

# The same fields as TorchServe's (neuron_torchserve.requestlog). Paths and ids are a client's: they are cut.
_REQUEST_LOG = """\
    log stdout len 4096 format raw local0
    option dontlognull
    http-request set-log-level silent if !infers
    http-request set-var(txn.request_id) req.hdr(x-request-id)
    log-format '{"time":"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]","client":"%ci","method":"%HM",\
"path":"%[capture.req.uri,bytes(0,256),lua.printable]","status":%ST,"bytes":%B,"milliseconds":%Ta,\
"requestId":"%[var(txn.request_id),bytes(0,128),json(utf8s)]"}'
"""


def arguments(configuration: Path) -> list[str]:
    """Return HAProxy's command line."""
    return [HAPROXY, "-db", "-f", str(configuration)]


def configuration(
    port: int = HTTP_PORT, server: str = f"127.0.0.1:{TRITON_PORT}", *, request_log: bool = False
) -> str:
    """Return HAProxy's configuration for a port in front of a server's address.

    With request_log each inference is a line of JSON on the standard output.
    """
    errors = "\n".join(f"    http-error status {code} {_said(words)}" for code, words in _ERRORS.items())
    unknown = _said("There is no such operation.")
    bodiless = _said("GET and HEAD have no body.")
    wrong_method = _said("An inference is asked for with POST.")
    too_long = _said(f"A request may have {MAX_REQUEST_BYTES} bytes.")
    too_much = _said(f"JSON may have {MAX_JSON_BYTES} bytes: send large tensors in binary.")
    log = _REQUEST_LOG if request_log else ""
    return f"""\
global
    lua-load {LUA}
    tune.bufsize {MAX_JSON_BYTES + 64 * 1024}
    nbthread 1
    maxconn {MAX_CONNECTIONS}
    hard-stop-after {DRAIN_SECONDS}s
    no strict-limits

defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout http-request 60s
    timeout http-keep-alive 5m
    timeout server 10m
    retries 0
    # Whoever has a lasting connection when the server ends is told so with the next answer.
    option idle-close-on-response
{errors}

frontend protocol
    bind *:{port}
    # One client leaves room for others, probes among them.
    stick-table type ipv6 size 64k expire 10m store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if {{ sc0_conn_cur gt {MAX_CONNECTIONS_OF_CLIENT} }}
    acl reads method GET HEAD
    acl bodied req.hdr_val(content-length) gt 0
    acl chunked req.hdr(transfer-encoding) -m found
    http-request return status 400 {bodiless} if reads bodied or reads chunked
    acl infers path_reg ^/v2/models/[^/]+(/versions/[^/]+)?/infer$
    acl binary req.hdr(inference-header-content-length) -m found
{log}\
    http-request return status 404 {unknown} if !reads !infers
    http-request return status 405 {wrong_method} if infers !METH_POST
    acl long req.hdr_val(content-length) gt {MAX_REQUEST_BYTES}
    acl much req.hdr_val(content-length) gt {MAX_JSON_BYTES}
    http-request return status 413 {too_long} if long
    http-request wait-for-body time 60s if infers
    http-request return status 413 {too_much} if infers !binary much
    http-request lua.check_inference if infers
    # Most clients accept compressed answers without a thought. tritonserver would take 12 ms to compress
    # 400 KB of numbers, and gain a tenth.
    http-request del-header accept-encoding
    default_backend triton

backend triton
    http-reuse always
    http-response wait-for-body time 1s if {{ status 500 }}
    # tritonserver's words for a request that it can't read.
    acl unread res.body -m reg '^[{{]"error":"([Uu]nable|failed) to parse'
    http-response set-status 400 if {{ status 500 }} unread
    server triton {server}
"""


def _said(sentence: str) -> str:
    return f'content-type application/json string \'{{"error":"{sentence}"}}\''
