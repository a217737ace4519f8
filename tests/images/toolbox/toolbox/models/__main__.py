"""`python -m toolbox.models`: the sweep; the last line is a summary, as JSON.

Results are kept in a file, a line each: a sweep that was broken off goes on where it was. Each worker has a
process of its own, which is ended when a model takes longer than the limit.
"""

import argparse
import fnmatch
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from toolbox.models import subjects
from toolbox.models.trial import CRASHED, NOT_COMPARED, Record, summary

LIMIT_SECONDS = 400.0
_STARTED = "ready\n"


class Worker:
    """A process that tries one subject after another."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def try_(self, subject: subjects.Subject) -> Record:
        """The record of a subject, also where it ends the process or takes too long."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "toolbox.models.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
                bufsize=0,
            )
            if self._line() != _STARTED.encode():
                raise SystemExit("a worker did not start: run python -m toolbox.models.worker to see why")
        assert self._process.stdin
        self._process.stdin.write(f"{subject.name}\n".encode())
        line = self._line()
        if line is None:
            # A pod has hours, and ends in a reason of its own; the sweep goes on to the next.
            endless = self._process.poll() is None
            said = f"it took longer than the sweep's {LIMIT_SECONDS:.0f} s" if endless else "the process died"
            self.end()
            outcome = NOT_COMPARED if endless else CRASHED
            return Record(subject.name, subject.kind, subject.task, outcome, "Process", said)
        return Record.from_json(line.decode())

    def end(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _line(self) -> bytes | None:
        assert self._process
        assert self._process.stdout
        found, until = b"", time.monotonic() + LIMIT_SECONDS
        while not found.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                return None
            found += piece
        return found


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.models", description=__doc__)
    parser.add_argument("--only", default="*", help="names of subjects, such as 'timm/*' or '*/bert'")
    parser.add_argument("--results", type=Path, default=Path("/tmp/models.jsonl"))
    parser.add_argument("--records", action="store_true", help="print every record at the end")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args(words)
    every = subjects.every()
    known = read(arguments.results)
    wanted = [name for name in every if fnmatch.fnmatch(name, arguments.only)]
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in wanted:
        if name not in known:
            waiting.put(name)
    print(f"{len(wanted)} subjects, {waiting.qsize()} to be tried", flush=True)
    lock = threading.Lock()

    def work() -> None:
        worker = Worker()
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                worker.end()
                return
            record = worker.try_(every[name])
            with lock, arguments.results.open("a", encoding="utf-8") as file:
                file.write(record.to_json() + "\n")
                known[name] = record
                print(
                    f"{len(known)}/{len(every)} {name}: {record.outcome} {record.reason} {record.said[:160]}",
                    flush=True,
                )

    threads = [threading.Thread(target=work) for _ in range(arguments.workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if arguments.records:
        for record in known.values():
            print(f"record: {record.to_json()}")
    print(json.dumps({"summary": summary(known)}), flush=True)


def read(path: Path) -> dict[str, Record]:
    """The records of a file by name; none where there is no file."""
    if not path.is_file():
        return {}
    records = [Record.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {record.name: record for record in records}


if __name__ == "__main__":
    main()
