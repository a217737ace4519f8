"""`python -m torture.disks`: writers of artifacts killed and stalled on a bad file system, and no cluster.

Two mounts of one directory are two nodes that don't see each other's locks (badfs). The writers do with the
store what a Job's containers do, with small files for a model: the store is tried, not the compiler.
"""

import argparse
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from badfs.durable import Disk
from badfs.faults import STALL, Fault
from badfs.mounts import Node, mounted
from bench import figures, machine, tables
from neuron_artifact import ArtifactCorrupt, ArtifactMissing, artifact_path, verify, work_path
from support.wait import TimedOut, eventually

from torture import diskwriter
from torture.diskresult import Result

LANES = 2
MOST_EVENTS = 6
CONVERGE_SECONDS = 300.0
_WRITER_SECONDS = 120.0
# How many of each a writer comes to, about; the first are those that change what another one sees.
_REMOVING = {"unlink": 6, "rmdir": 4, "rename": 4}
_OPERATIONS = {
    **_REMOVING,
    "mkdir": 5,
    "create": 6,
    "write": 12,
    "fsync": 10,
    "fsyncdir": 8,
    "open": 20,
    "getattr": 40,
}
_ERRORS = ("EIO", "ENOSPC", "EDQUOT", "ESTALE")
_AT_REST = {"lock", "published"}


def torture(place: Path, events: int, seed: int, *, end: float = float("inf")) -> Result:
    """So many kills, stalls and errors, on several disks at a time; none is begun after `end` (monotonic)."""
    result, turn = Result(seed), threading.Lock()
    numbers = iter(range(10**9))

    def lane(number: int) -> None:
        home = place / f"lane-{number}"
        home.mkdir()
        disk = Disk(home / "disk")
        with (
            mounted(disk, home, "one") as one,
            mounted(disk, home, "two") as two,
            _watched(disk, result, turn),
        ):
            while result.events < events and time.monotonic() < end and not result.failures:
                with turn:
                    round_ = next(numbers)
                _Round(disk, (one, two), random.Random(f"{seed}-{round_}"), result, turn).run()

    with ThreadPoolExecutor(LANES) as lanes:
        for each in [lanes.submit(lane, number) for number in range(LANES)]:
            each.result()
    return result


class _Round:
    """One digest: its writers meet faults, and then one meets none."""

    def __init__(
        self, disk: Disk, nodes: tuple[Node, Node], dice: random.Random, result: Result, turn: threading.Lock
    ) -> None:
        self._disk, self._nodes, self._dice, self._result, self._turn = disk, nodes, dice, result, turn
        self._digest = f"{dice.getrandbits(128):032x}"
        self._pods = 0

    def run(self) -> None:
        for _ in range(self._dice.randint(1, MOST_EVENTS)):
            here, there = self._dice.sample(self._nodes, 2)
            self._dice.choice((self._kill, self._kill, self._stall, self._stall, self._error))(here, there)
            for node in self._nodes:
                node.fails()
        self._must_converge()

    def _kill(self, here: Node, there: Node) -> None:
        """SIGKILL in the middle of an operation, or between two; a second writer may be at work."""
        here.fails(self._fault(STALL))
        first = self._writer(here)
        second = self._writer(there) if self._dice.random() < 0.3 else None
        self._until_it_stalls(here, first)
        first.kill()
        self._count("killed")
        here.fails()
        self._end(first)
        if second is not None:
            self._end(second)

    def _stall(self, here: Node, there: Node) -> None:
        """An operation stands still, and goes on once another node's writer has ended, or stalls too."""
        here.fails(self._fault(STALL))
        first = self._writer(here)
        self._until_it_stalls(here, first)
        if self._dice.random() < 0.5:
            there.fails(self._fault(STALL, _REMOVING))
        second = self._writer(there)
        self._until_it_stalls(there, second)
        here.fails()
        self._count("stalled")
        self._end(first)
        there.fails()
        self._end(second)

    def _error(self, here: Node, there: Node) -> None:
        error = self._dice.choice(_ERRORS)
        here.fails(self._fault(error))
        first = self._writer(here)
        second = self._writer(there) if self._dice.random() < 0.3 else None
        self._end(first)
        self._count(error)
        if second is not None:
            self._end(second)

    def _fault(self, error: str, among: Mapping[str, int] = _OPERATIONS) -> Fault:
        times = self._dice.choice((1, 1, 3, 10**9)) if error != STALL else 1
        operation = self._dice.choice(sorted(among))
        return Fault(operation, error, after=self._dice.randrange(among[operation]), times=times)

    def _writer(self, node: Node) -> "subprocess.Popen[bytes]":
        self._pods += 1
        words = [
            sys.executable,
            "-m",
            diskwriter.__name__,
            str(node.store),
            self._digest,
            f"pod-{self._pods}",
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        silent = subprocess.DEVNULL
        return subprocess.Popen(words, env=environment, stdout=silent, stderr=silent)

    def _until_it_stalls(self, node: Node, writer: "subprocess.Popen[bytes]") -> None:
        eventually(
            lambda: node.stands_still() or writer.poll() is not None,
            what="the writer stands still, or has ended",
            timeout=_WRITER_SECONDS,
            every=0.01,
        )

    def _end(self, writer: "subprocess.Popen[bytes]") -> None:
        try:
            writer.wait(_WRITER_SECONDS)
        except subprocess.TimeoutExpired:
            writer.kill()
            writer.wait()
            with self._turn:
                self._result.not_converged.append(f"{self._digest}: a writer hung without a fault")

    def _must_converge(self) -> None:
        since = time.monotonic()

        def done() -> bool:
            writer = self._writer(self._dice.choice(self._nodes))
            self._end(writer)
            left = {path.name for path in work_path(self._disk.live, self._digest).iterdir()}
            assert writer.returncode == 0, f"a writer without a fault ended with {writer.returncode}"
            assert self._digest in _whole(self._disk.live), "there is no artifact"
            assert left <= _AT_REST, f"left: {sorted(left - _AT_REST)}"
            return True

        said = None
        try:
            eventually(done, what=f"{self._digest} stands", timeout=CONVERGE_SECONDS, every=0.1)
        except TimedOut as late:
            said = str(late)
        with self._turn:
            self._result.rounds += 1
            self._result.longest_seconds = max(self._result.longest_seconds, time.monotonic() - since)
            self._result.not_converged += [said] if said else []

    def _count(self, way: str) -> None:
        with self._turn:
            self._result.ways[way] += 1


@contextmanager
def _watched(disk: Disk, result: Result, turn: threading.Lock) -> Iterator[None]:
    """Looks at the store all the while, as a reader on a node without faults would."""
    over = threading.Event()
    known: dict[str, tuple[int, int]] = {}

    def look() -> None:
        for digest, seen in _states(disk.live).items():
            if known.get(digest) == seen:
                continue
            known[digest] = seen
            said = _wrong(disk.live, digest)
            with turn:
                result.half += [f"{digest}: {said}"] if said and not said.startswith("mixed") else []
                result.mixed += [f"{digest}: {said}"] if said and said.startswith("mixed") else []
        with turn:
            result.looks += 1

    def watch() -> None:
        while not over.wait(0.02):
            look()
        look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _states(store: Path) -> dict[str, tuple[int, int]]:
    """Every artifact's directory, by which inode it is and when it was last changed."""
    found = {}
    for path in store.iterdir():
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        if not path.name.startswith("."):
            found[path.name] = (state.st_ino, state.st_mtime_ns)
    return found


def _wrong(store: Path, digest: str) -> str | None:
    """What is wrong with an artifact, None where nothing is."""
    try:
        manifest = verify(artifact_path(store, digest), digest)
        writers = {diskwriter.writer_of(store / digest / entry.path) for entry in manifest.files}
    except (ArtifactMissing, FileNotFoundError):
        return None  # Another one was put in its place just now: that one is looked at next.
    except (ArtifactCorrupt, ValueError) as half:
        return str(half)
    return None if len(writers) == 1 else f"mixed: files of {', '.join(sorted(writers))}"


def _whole(store: Path) -> set[str]:
    return {digest for digest in _states(store) if _wrong(store, digest) is None}


def main() -> None:
    parser = argparse.ArgumentParser(prog="torture.disks", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000, help="kills, stalls and errors")
    parser.add_argument("--seconds", type=float, default=3000.0, help="after which none is begun")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--dry", action="store_true", help="write no figures")
    arguments = parser.parse_args()
    sys.stderr.write(f"seed {arguments.seed}\n")
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        end = time.monotonic() + arguments.seconds
        result = torture(Path(place), arguments.faults, arguments.seed, end=end)
    said = {name: f"{figure.value} {figure.unit}: {figure.how}" for name, figure in result.figures().items()}
    sys.stdout.write(json.dumps({**said, "failures": result.failures}, indent=1) + "\n")
    if not arguments.dry:
        report = figures.Report.read(figures.FILE)
        # No cluster takes part: the one that the other figures are of stays.
        told = machine.describe(str(report.machine.get("kubernetes") or ""))
        report = report.merged(result.figures(), machine=told, commit=figures.commit(), now=datetime.now(UTC))
        report.write(figures.FILE)
        tables.write_all(report)
    sys.exit(bool(result.failures))


if __name__ == "__main__":
    main()
