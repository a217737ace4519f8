"""`python -m toolbox.traffic`: asks a served model without a pause until it is stopped; counts failures.

Questions take turns: over HTTP and gRPC, each over a lasting connection, as from a client that has been there
for long, and over one of its own, as from a new client. tritonclient connects anew when the server has said
that a connection ends. Nothing is asked twice. Each failure is a line that starts with FAILED, and every
twentieth question adds a line `asked N failed M`.
"""

import argparse
import itertools

import numpy as np
from geventhttpclient.response import HTTPConnectionClosed
from tritonclient.utils import InferenceServerException

from toolbox.ask import Door, doors

QUESTION = {"input_ids": np.array([[1, 2, 3, 4]], dtype=np.int64)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="toolbox.traffic", description=__doc__)
    parser.add_argument("--url", required=True, metavar="HOST:PORT", help="the server's HTTP port")
    parser.add_argument("--grpc", required=True, metavar="HOST:PORT", help="the server's gRPC port")
    parser.add_argument("--model", required=True)
    arguments = parser.parse_args()

    lasting = doors(arguments.url, arguments.grpc)
    failed = 0
    for asked in itertools.count(1):
        protocol = asked % 2
        is_new = asked % 4 < 2
        door = doors(arguments.url, arguments.grpc)[protocol] if is_new else lasting[protocol]
        try:
            ask(door, arguments.model, is_new)
        except (InferenceServerException, HTTPConnectionClosed, OSError) as failure:
            failed += 1
            age = "new" if is_new else "lasting"
            print(f"FAILED over {door.protocol} on a {age} connection: {type(failure).__name__}: {failure}")
        if asked % 20 == 0:
            print(f"asked {asked} failed {failed}", flush=True)


def ask(door: Door, model: str, close: bool) -> None:
    try:
        door.ask(model, QUESTION)
    finally:
        if close:
            door.client.close()


if __name__ == "__main__":
    main()
