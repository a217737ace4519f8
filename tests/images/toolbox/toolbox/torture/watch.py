"""`python -m toolbox.torture.watch`: looks at a store until it is deleted, or once at the end.

It prints a line of JSON for each violation when it sees it, and every few seconds one of what it has done:
the last line of its log is always the newest report.
"""

import argparse
import json
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from toolbox.torture.store import Watcher, contents

REPORT_SECONDS = 2.0
PAUSE_SECONDS = 0.02


def watch(store: Path) -> None:
    """Look without an end."""
    watcher, idle, said = Watcher(store), threading.Event(), 0.0
    while True:
        for violation in watcher.look():
            say({"violation": asdict(violation)})
        if time.monotonic() - said > REPORT_SECONDS:
            said = time.monotonic()
            say(report(watcher))
        idle.wait(PAUSE_SECONDS)


def report(watcher: Watcher) -> dict[str, object]:
    """What a watcher has done and found so far."""
    return {
        "looks": watcher.looks,
        "verified": watcher.verified,
        "violations": [asdict(violation) for violation in watcher.violations],
    }


def say(content: dict[str, object]) -> None:
    print(json.dumps(content), flush=True)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.torture.watch", description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--once", action="store_true", help="print what the store holds, and end")
    arguments = parser.parse_args(words)
    if arguments.once:
        say(asdict(contents(arguments.store)))
        sys.exit()
    watch(arguments.store)


if __name__ == "__main__":
    main()
