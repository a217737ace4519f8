"""What a soak came to, and the figures made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure

from soak.processes import growth

NAMES = ("soak_crashes", "soak_rss_growth_ratio", "soak_wrong_answers", "fuzz_requests", "fuzz_worker_deaths")


@dataclass(frozen=True)
class Result:
    """One server's soak.

    Attributes:
        report: the report of toolbox.soak.
        died: the names of the server's processes that ended, and restarts of its container.
        resident: resident bytes of all its processes, sampled all the time.
    """

    runtime: str
    seconds: float
    clients: int
    report: Mapping[str, Any]
    died: Sequence[str]
    resident: Sequence[int]

    @property
    def failures(self) -> list[str]:
        """Everything that must not be, in words."""
        died = [f"{self.runtime}: {name} ended" for name in self.died]
        examples = [f"{self.runtime}: {each}" for each in self.report["examples"]]
        ratio = growth(self.resident)
        grown = [f"{self.runtime}: memory grew to {ratio:.3f} of what it was"] if ratio > 1.03 else []
        return [*died, *examples, *grown]


def figures(results: Sequence[Result]) -> dict[str, Figure]:
    """The figures of all servers: sums, and the memory of the one that grew most."""
    each = "; ".join(_words(result) for result in results)
    worst = max(results, key=lambda result: growth(result.resident))
    died = Figure(
        sum(len(result.died) for result in results),
        "processes",
        f"processes of the servers that ended, and restarts of their containers: {each}",
        "0",
    )
    mutants = sum(result.report["counts"].get("mutant", 0) for result in results)
    doors = "doors for tensors and texts, JSON, binary tensors and gRPC"
    return {
        "soak_crashes": died,
        "soak_rss_growth_ratio": Figure(
            round(growth(worst.resident), 3),
            "x",
            f"resident memory of all the server's processes at the end over that after a sixth of the time, "
            f"{worst.runtime}: {max(worst.resident) / 2**20:.0f} MiB at most",
            "<= 1.03",
        ),
        "soak_wrong_answers": Figure(
            sum(result.report["wrong"] for result in results),
            "answers",
            "valid requests not answered as the package's own eager mode does, hostile ones not refused with "
            "4xx, mutants neither refused nor answered with vectors",
            "0",
        ),
        "fuzz_requests": Figure(mutants, "requests", f"mutated requests, by seed: {doors}"),
        "fuzz_worker_deaths": died,
    }


def _words(result: Result) -> str:
    counts = result.report["counts"]
    asked = ", ".join(f"{counts.get(kind, 0):,} {kind}" for kind in ("valid", "hostile", "mutant"))
    return f"{result.runtime}, {result.seconds:.0f} s, {result.clients} clients ({asked})"
