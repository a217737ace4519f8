"""Artifact after artifact, several at a time; each one's compile pods are killed a few times."""

import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from support.kube import Kube, Object
from support.release import Release
from support.wait import TimedOut, eventually
from toolbox.torture.moments import Moment

from torture.nodes import Executioner
from torture.pods import Followed, Hit, How, kill

MOST_KILLS = 3
SECOND_WRITER = 0.3
KILLS_PER_OPERATOR = 20
CONVERGE_SECONDS = 900.0


@dataclass
class Report:
    """What came of the kills of containers; times in seconds, from an artifact's last kill to its Ready."""

    seed: int
    steps: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    too_late: int = 0
    operators: int = 0
    second_writers: int = 0
    digests: list[str] = field(default_factory=list)
    converge_seconds: list[float] = field(default_factory=list)
    not_converged: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.ways.values())

    @property
    def median_seconds(self) -> float:
        return statistics.median(self.converge_seconds) if self.converge_seconds else 0.0


class Campaign:
    """Kills until so many have hit; all that is random is drawn from the seed and the artifact's number."""

    def __init__(
        self,
        kube: Kube,
        release: Release,
        executioner: Executioner,
        artifact: Callable[[int], Object],
        *,
        seed: int,
        whole: float,
        say: Callable[[str], None],
    ) -> None:
        """`artifact` makes a NeuronArtifact of a number; a whole compile takes `whole` s."""
        self._kube, self._release, self._executioner = kube, release, executioner
        self._artifact, self._seed, self._whole, self._say = artifact, seed, whole, say
        self._turn = threading.Lock()
        self._number = 0
        self._left = 0
        self.report = Report(seed)

    def run(self, kills: int, *, width: int, end: float = float("inf")) -> Report:
        """Let `width` artifacts at a time be compiled and killed; none is begun after `end` (monotonic)."""
        self._left = kills
        with ThreadPoolExecutor(width + 1) as pool:
            workers = [pool.submit(self._work, end) for _ in range(width)]
            operators = pool.submit(self._kill_operators, kills)
            for worker in workers:
                worker.result()
            # Where the time was over first, no operator has to be killed any more.
            self._left = 0
            operators.result()
        return self.report

    def _work(self, end: float) -> None:
        while time.monotonic() < end:
            with self._turn:
                if self._left <= 0:
                    return
                self._number += 1
                number = self._number
            self._victim(number)

    def _kill_operators(self, kills: int) -> None:
        for due in range(KILLS_PER_OPERATOR // 2, kills, KILLS_PER_OPERATOR):
            while self.report.kills < due:
                if self._left <= 0:
                    return
                threading.Event().wait(1)
            self._release.kill()
            self.report.operators += 1
            self._say("the operator is killed")

    def _victim(self, number: int) -> None:
        dice = random.Random(f"{self._seed}-{number}")
        wanted = self._artifact(number)
        name = wanted["metadata"]["name"]
        self._kube.apply(wanted)
        seen: set[str] = set()
        last = time.monotonic()
        second = dice.random() < SECOND_WRITER
        for attempt in range(dice.randint(1, MOST_KILLS)):
            moment, how = Moment.draw(dice), dice.choice(list(How))
            if not self._take():
                break
            try:
                pod = self._next_pod(wanted, seen)
            except TimedOut as late:
                self._give_back()
                self.report.not_converged.append(f"{name}: no compile pod: {late}")
                return
            if pod is None:
                self._give_back()
                break
            if second and attempt == 0:
                self._start_second(wanted)
            found = Followed(self._kube, pod)
            try:
                hit = kill(self._kube, self._executioner, found, moment, how, self._whole)
            finally:
                found.close()
            self._count(name, moment, hit)
            if hit is None:
                self._give_back()
                break
            last = time.monotonic()
        self._must_converge(wanted, last, second=second and bool(seen))

    def _count(self, name: str, moment: Moment, hit: Hit | None) -> None:
        with self._turn:
            if hit is None:
                self.report.too_late += 1
            else:
                self.report.steps[hit.step] += 1
                self.report.ways[hit.how] += 1
        what = "had ended" if hit is None else f"killed by {hit.how} in the step {hit.step}"
        self._say(f"{name} {moment}: {what} ({self.report.kills} kills)")

    def _take(self) -> bool:
        with self._turn:
            self._left -= 1
            if self._left < 0:
                self._left = 0
                return False
            return True

    def _give_back(self) -> None:
        with self._turn:
            self._left += 1

    def _next_pod(self, wanted: Object, seen: set[str]) -> Object | None:
        """The artifact's next compile pod; None when the artifact is Ready."""
        name, namespace = wanted["metadata"]["name"], wanted["metadata"]["namespace"]
        chosen = f"neuron-operator.dev/artifact={name},app.kubernetes.io/component=compile"

        def probe() -> tuple[Object | None] | None:
            for pod in self._kube.list("pods", namespace, chosen):
                ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
                if pod["metadata"]["uid"] not in seen and not ended:
                    return (pod,)
            return (None,) if self._phase(wanted) == "Ready" else None

        what = f"{name} has a new compile pod"
        (pod,) = eventually(probe, what=what, timeout=CONVERGE_SECONDS, every=0.5)
        if pod is not None:
            seen.add(pod["metadata"]["uid"])
        return pod

    def _phase(self, wanted: Object) -> str:
        found = self._kube.get("neuronartifact", wanted["metadata"]["name"], wanted["metadata"]["namespace"])
        return str((found or {}).get("status", {}).get("phase", ""))

    def _start_second(self, wanted: Object) -> None:
        """A pod like that of the Job, which nobody knows of: it writes the same digest to the same store."""
        name, namespace = wanted["metadata"]["name"], wanted["metadata"]["namespace"]
        job = self._kube.get("job", f"{name}-compile", namespace)
        if job is None:
            return
        meta = {"name": f"{name}-second", "namespace": namespace, "labels": {"torture": "second-writer"}}
        spec = job["spec"]["template"]["spec"]
        self._kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
        with self._turn:
            self.report.second_writers += 1

    def _must_converge(self, wanted: Object, since: float, *, second: bool) -> None:
        name, namespace = wanted["metadata"]["name"], wanted["metadata"]["namespace"]

        def ready() -> str:
            found = self._kube.get("neuronartifact", name, namespace)
            status = (found or {}).get("status", {})
            assert status.get("phase") == "Ready", str(status)
            return str(status["digest"])

        def ended() -> bool:
            pod = self._kube.get("pod", f"{name}-second", namespace)
            phase = (pod or {}).get("status", {}).get("phase", "Succeeded")
            assert phase == "Succeeded", f"the second writer is {phase}: {pod}"
            return True

        try:
            digest = eventually(ready, what=f"{name} is Ready", timeout=CONVERGE_SECONDS, every=0.5)
            took = time.monotonic() - since
            if second:
                eventually(ended, what=f"{name}'s second writer ends well", timeout=CONVERGE_SECONDS, every=1)
        except TimedOut as late:
            self.report.not_converged.append(f"{name}: {late}")
            self._say(f"{name} has NOT converged")
            return
        with self._turn:
            self.report.digests.append(digest)
            self.report.converge_seconds.append(round(took, 1))
        self._say(f"{name} is Ready, {took:.0f} s after the last kill")
