"""What the kills of containers and of processes came to, together, and the figures made of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Figure
from support.kube import Object
from toolbox.torture.steps import STEPS
from toolbox.torture.store import HALF_ARTIFACT, TWO_WRITERS

from torture.campaign import Report


@dataclass(frozen=True)
class Result:
    """Kills of containers (`pods`) and of processes (`processes`), the watcher's report, and what was left.

    Attributes:
        wrong: what lay in the store at the end that should not.
    """

    pods: Report
    processes: Object
    watched: Object
    wrong: Sequence[str]

    @property
    def violations(self) -> list[Object]:
        """What the watchers of both stores saw."""
        return [*self.watched["violations"], *self.processes["violations"]]

    @property
    def not_converged(self) -> list[str]:
        return [*self.pods.not_converged, *self.processes["not_converged"], *self.wrong]

    @property
    def failures(self) -> list[str]:
        """Everything that must not be, in words."""
        seen = [f"{each['kind']}: {each['digest']}: {each['detail']}" for each in self.violations]
        return [*seen, *self.not_converged]

    def count(self, kind: str) -> int:
        return sum(violation["kind"] == kind for violation in self.violations)

    def figures(self) -> dict[str, Figure]:
        """As they stand in docs/benchmarks.json."""
        pods, processes = self.pods, self.processes
        kills = pods.kills + processes["kills"]
        ways = ", ".join(f"{count} by {way}" for way, count in sorted(pods.ways.items()))
        how = (
            f"{pods.kills} of compile containers ({ways}) and {processes['kills']} of compiling processes in "
            f"one pod, at random moments, seed {pods.seed}; besides, {pods.operators} kills of the operator, "
            f"and {pods.second_writers + processes['second_writers']} second writers"
        )
        looks = self.watched["looks"] + processes["looks"]
        figures = {
            "torture_kills": Figure(kills, "kills", how),
            "torture_half_artifacts": Figure(
                self.count(HALF_ARTIFACT),
                "artifacts",
                "directories that a reader could take for an artifact and that did not verify, in "
                f"{looks:,} looks",
                goal="0",
            ),
            "torture_two_writers": Figure(
                self.count(TWO_WRITERS),
                "digests",
                "two temporary directories of a digest written at the same time, or two holders of its lock",
                goal="0",
            ),
            "torture_not_converged": Figure(
                len(self.not_converged),
                "artifacts",
                f"of {len(pods.converge_seconds) + len(pods.not_converged)} NeuronArtifacts and "
                f"{processes['rounds']} digests of processes: not Ready, not whole, or not alone at the end",
                goal="0",
            ),
            "torture_converge_seconds": Figure(
                round(pods.median_seconds, 1),
                "s",
                "from the last kill of an artifact's container to its Ready, the operator's rests included, "
                f"median; the longest took {max(pods.converge_seconds, default=0):g} s",
            ),
        }
        for step in STEPS:
            own, other = pods.steps[step], processes["steps"][step]
            figures[f"torture_kills_in_{step}"] = Figure(
                own + other, "kills", f"{own} of containers, {other} of processes"
            )
        return figures


NAMES = (
    "torture_kills",
    "torture_half_artifacts",
    "torture_two_writers",
    "torture_not_converged",
    "torture_converge_seconds",
    *(f"torture_kills_in_{step}" for step in STEPS),
)
