"""`python -m toolbox.dear.probes HOST:PORT`: probe a server as a kubelet does, and say how long answers took.

The last line is the report, as JSON: probes, those that failed, and milliseconds.
"""

import argparse
import json
import time
from http.client import HTTPConnection, HTTPException
from threading import Event

_SECONDS = 5
_PAUSE = 0.1


def main(words: list[str] | None = None) -> None:
    arguments = _parse(words)
    end = time.monotonic() + arguments.seconds
    took, failed = [], 0
    while time.monotonic() < end:
        started = time.monotonic()
        failed += not probe(arguments.address)
        took.append(1000 * (time.monotonic() - started))
        Event().wait(_PAUSE)
    took.sort()
    p99 = took[min(len(took) - 1, len(took) * 99 // 100)]
    said = {"probes": len(took), "failed": failed, "p50_ms": took[len(took) // 2], "p99_ms": p99}
    print(json.dumps({**said, "max_ms": took[-1]}), flush=True)


def probe(address: str) -> bool:
    """Whether a probe has its 200 in time."""
    connection = HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="toolbox.dear.probes", description=__doc__)
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=600.0)
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
