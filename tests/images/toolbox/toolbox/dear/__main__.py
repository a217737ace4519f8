"""`python -m toolbox.dear`: attack a served MiniLM in every dear way, some at a time, for some time.

The last line is the report, as JSON: how often each attack was made, and what it got.
"""

import argparse
import json
import random
import resource
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

from toolbox.dear.attacks import ATTACKS, Target


def main(words: list[str] | None = None) -> None:
    arguments = _parse(words)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    target = Target(arguments.model, arguments.url, arguments.grpc, arguments.longest)
    end = time.monotonic() + arguments.seconds
    with ThreadPoolExecutor(arguments.clients) as pool:
        clients = [pool.submit(client, target, number, end) for number in range(arguments.clients)]
    got: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for done in clients:
        for name, outcomes in done.result().items():
            got[name].update(outcomes)
    print(json.dumps({"attacks": sum(sum(each.values()) for each in got.values()), "got": got}), flush=True)


def client(target: Target, number: int, end: float) -> dict[str, Counter[str]]:
    """One client's attacks, each once in an order of its own, and again until the time is over."""
    rng = random.Random(number)
    got: defaultdict[str, Counter[str]] = defaultdict(Counter)
    while time.monotonic() < end:
        for name in rng.sample(list(ATTACKS), len(ATTACKS)):
            if time.monotonic() >= end:
                break
            got[name][ATTACKS[name](target)] += 1
    return got


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="toolbox.dear", description=__doc__)
    parser.add_argument("--url", required=True, metavar="HOST:PORT", help="the server's HTTP port")
    parser.add_argument("--grpc", required=True, metavar="HOST:PORT", help="the server's gRPC port")
    parser.add_argument("--model", required=True)
    parser.add_argument("--longest", type=int, default=128, help="tokens that the model takes")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=6)
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
