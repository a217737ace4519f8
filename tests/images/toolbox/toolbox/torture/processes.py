"""`python -m toolbox.torture.processes`: kills compiling processes at random moments, again and again.

Each round has a digest of its own. Its writer is killed a few times, now and then with a second writer beside
it, and then left alone: the artifact must stand, and nothing else. The last line is the report, as JSON.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from neuron_artifact import artifact_path

from toolbox.torture.locks import holders
from toolbox.torture.moments import Moment
from toolbox.torture.steps import AFTER, PUBLISH, STEPS
from toolbox.torture.store import TWO_WRITERS, Violation, Watcher, contents
from toolbox.torture.writer import Writer

MOST_KILLS = 5
SECOND_WRITER = 0.3
TIMEOUT = 300.0
PAUSE_SECONDS = 0.01


@dataclass
class Report:
    """What came of the kills; times are in seconds."""

    seed: int
    kills: int = 0
    too_late: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    second_writers: int = 0
    converge_seconds: list[float] = field(default_factory=list)
    not_converged: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    looks: int = 0

    def to_json(self) -> str:
        """The report on one line, with all steps and the times' median and maximum."""
        times = self.converge_seconds
        content = {
            **asdict(self),
            "steps": {step: self.steps[step] for step in STEPS},
            "converge_seconds": {"median": statistics.median(times), "max": max(times)} if times else None,
        }
        return json.dumps(content)


class Guard:
    """Looks at the store and its locks in a thread of its own, as fast as it can."""

    def __init__(self, store: Path) -> None:
        self.watcher = Watcher(store)
        self._store = store
        self._locks = store / ".work"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Guard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(PAUSE_SECONDS):
            self.watcher.look()
            for digest, pids in holders(self._locks).items():
                found = Violation(TWO_WRITERS, digest, f"{len(pids)} processes hold the lock")
                if len(pids) > 1 and found not in self.watcher.violations:
                    self.watcher.violations.append(found)


class Torture:
    """The rounds, one after the other, all drawn from one seed."""

    def __init__(self, store: Path, environ: Mapping[str, str], seed: int) -> None:
        self._store = store
        self._environ = {**environ, "STORE_PATH": str(store)}
        self._dice = random.Random(seed)
        self.report = Report(seed)
        self._whole = self._measure()

    def run(self, kills: int, seconds: float) -> Report:
        """Go on until so many kills have hit, or the time is over."""
        end = time.monotonic() + seconds
        with Guard(self._store) as guard:
            while self.report.kills < kills and time.monotonic() < end:
                self._round(min(self._dice.randint(1, MOST_KILLS), kills - self.report.kills))
                print(f"{self.report.kills} of {kills} kills, {dict(self.report.steps)}", flush=True)
        self.report.violations = guard.watcher.violations
        self.report.looks = guard.watcher.looks
        return self.report

    def _measure(self) -> float:
        digest = self._digest()
        writer = self._start(digest, "first")
        code = writer.finish(TIMEOUT)
        if code:
            sys.exit(
                f"nothing was killed, and the compiler ended with {code}:\n" + "\n".join(writer.log.lines)
            )
        whole = writer.elapsed
        self._remove(digest)
        return whole

    def _round(self, kills: int) -> None:
        digest = self._digest()
        self.report.rounds += 1
        for attempt in range(kills):
            writers = [self._start(digest, f"attempt-{attempt}")]
            if self._dice.random() < SECOND_WRITER:
                self.report.second_writers += 1
                writers.append(self._start(digest, f"second-{attempt}"))
            for victim in writers:
                self._kill(victim, Moment.draw(self._dice), digest)
            if artifact_path(self._store, digest).exists():
                break
        begun = time.monotonic()
        last = [self._start(digest, name) for name in ("last", "second-last")[: self._dice.randint(1, 2)]]
        self.report.second_writers += len(last) - 1
        for writer in last:
            self._must_end_well(writer, digest)
        self.report.converge_seconds.append(round(time.monotonic() - begun, 1))
        self._must_stand_alone(digest)
        self._remove(digest)

    def _kill(self, victim: Writer, moment: Moment, digest: str) -> None:
        moment.wait(victim.log, self._whole, victim.elapsed, victim.ended)
        if not victim.kill():
            self.report.too_late += 1
            return
        step = self._step(victim, digest)
        self.report.kills += 1
        self.report.steps[step] += 1
        print(f"killed {digest[:8]} {moment}: {step}", flush=True)

    def _step(self, victim: Writer, digest: str) -> str:
        """Where the kill hit: what the log had named, and beyond it what lies in the store."""
        if artifact_path(self._store, digest).exists():
            return AFTER
        if any((self._store / ".work" / digest).glob("*/files/manifest.json")):
            return PUBLISH
        return victim.log.step

    def _must_end_well(self, writer: Writer, digest: str) -> None:
        try:
            code = writer.finish(TIMEOUT)
        except subprocess.TimeoutExpired:
            writer.kill()
            self.report.not_converged.append(f"{digest}: the compiler did not end within {TIMEOUT:g} s")
            return
        if code:
            log = " / ".join(writer.log.lines[-3:])
            self.report.not_converged.append(f"{digest}: the compiler ended with {code}: {log}")

    def _must_stand_alone(self, digest: str) -> None:
        left = contents(self._store)
        if digest not in left.whole:
            self.report.not_converged.append(f"{digest}: there is no artifact")
        temporary = [name for name in left.temporary if name.startswith(digest)]
        if temporary:
            self.report.not_converged.append(f"{digest}: temporary files are left: {', '.join(temporary)}")
        if left.half or left.strange:
            self.report.not_converged.append(f"{digest}: the store holds {left.half + left.strange} besides")

    def _start(self, digest: str, name: str) -> Writer:
        request = {**json.loads(self._environ["COMPILE_REQUEST"]), "digest": digest}
        return Writer(name, {**self._environ, "COMPILE_REQUEST": json.dumps(request)})

    def _digest(self) -> str:
        return f"{self._dice.getrandbits(128):032x}"

    def _remove(self, digest: str) -> None:
        # Out of sight in one step, as a collection does it.
        aside = self._store / f".{digest}"
        if artifact_path(self._store, digest).exists():
            artifact_path(self._store, digest).rename(aside)
            shutil.rmtree(aside)
        shutil.rmtree(self._store / ".work" / digest, ignore_errors=True)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.torture.processes", description=__doc__)
    parser.add_argument("store", type=Path, help="an empty directory on the volume under test")
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=3600, help="give up after this time")
    arguments = parser.parse_args(words)
    arguments.store.mkdir(parents=True, exist_ok=True)
    torture = Torture(arguments.store, {"COMPILE_REQUEST": os.environ["COMPILE_REQUEST"]}, arguments.seed)
    print(torture.run(arguments.kills, arguments.seconds).to_json(), flush=True)


if __name__ == "__main__":
    main()
