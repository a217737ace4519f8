"""What the torture of the store on bad disks came to, and the figures made of it."""

from collections import Counter
from dataclasses import dataclass, field

from bench.figures import Figure


@dataclass
class Result:
    """What has come of it; the ways are `kill`, `stall` and the names of errors."""

    seed: int
    ways: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    looks: int = 0
    half: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    not_converged: list[str] = field(default_factory=list)
    longest_seconds: float = 0.0

    @property
    def events(self) -> int:
        return sum(self.ways.values())

    @property
    def failures(self) -> list[str]:
        """Everything that must not be, in words."""
        return [*self.half, *self.mixed, *self.not_converged]

    def figures(self) -> dict[str, Figure]:
        """As they stand in docs/benchmarks.json."""
        ways = ", ".join(f"{count} {way}" for way, count in sorted(self.ways.items()))
        how = f"of writers on a bad file system with locks on one node alone: {ways}; seed {self.seed}"
        return {
            "torture_disk_faults": Figure(self.events, "faults", how),
            "torture_disk_half_artifacts": Figure(
                len(self.half), "artifacts", f"that a reader could take for one, in {self.looks:,} looks", "0"
            ),
            "torture_disk_two_writers": Figure(
                len(self.mixed), "artifacts", "with files of two writers in them", "0"
            ),
            "torture_disk_not_converged": Figure(
                len(self.not_converged),
                "artifacts",
                f"of {self.rounds}: not whole, or not alone, once the next writer had ended without a fault",
                "0",
            ),
            "torture_disk_converge_seconds": Figure(
                round(self.longest_seconds, 1), "s", "from the last fault to a whole artifact, the longest"
            ),
        }


NAMES = tuple(Result(0).figures())
