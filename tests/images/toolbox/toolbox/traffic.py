"""`python -m toolbox.traffic`: asks a served model without a pause until it is stopped; counts failures.

Every other question comes over a connection of its own, as from a new client; the rest share one, as from
a client that has been there for long, and which connects anew when an answer says that the connection ends.
Nothing is asked twice. Each failure is a line that starts with FAILED, and every
twentieth question adds a line `asked N failed M`.
"""

import argparse
import itertools

import numpy as np
import tritonclient.http
from geventhttpclient.response import HTTPConnectionClosed
from tritonclient.utils import InferenceServerException

from toolbox.ask import Door

QUESTION = {"input_ids": np.array([[1, 2, 3, 4]], dtype=np.int64)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="toolbox.traffic", description=__doc__)
    parser.add_argument("--url", required=True, metavar="HOST:PORT", help="the server's HTTP port")
    parser.add_argument("--model", required=True)
    arguments = parser.parse_args()

    lasting = door(arguments.url)
    failed = 0
    for asked in itertools.count(1):
        try:
            if asked % 2:
                lasting.ask(arguments.model, QUESTION)
            else:
                ask_once(arguments.url, arguments.model)
        except (InferenceServerException, HTTPConnectionClosed, OSError) as failure:
            failed += 1
            print(f"FAILED on a {'lasting' if asked % 2 else 'new'} connection: {failure!r}")
        if asked % 20 == 0:
            print(f"asked {asked} failed {failed}", flush=True)


def ask_once(url: str, model: str) -> None:
    new = door(url)
    try:
        new.ask(model, QUESTION)
    finally:
        new.client.close()


def door(url: str) -> Door:
    return Door("HTTP", tritonclient.http, tritonclient.http.InferenceServerClient(url, network_timeout=60))


if __name__ == "__main__":
    main()
