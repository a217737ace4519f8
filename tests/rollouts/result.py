"""What became of a kind of change, and the figure made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figures import Figure

WORDS: Mapping[str, str] = {
    "new_artifact": "another artifact, one server",
    "replica_count": "from one server to three and back",
    "image": "another image, one server",
    "resources": "other resources, one server",
    "node_drained": "a drained node, two servers",
    "node_of_one_drained": "a drained node with the only server",
    "pod_killed": "a deleted pod, two servers",
    "operator_killed": "the operator killed in the middle of a change, one server",
    "chart_upgraded": "an upgrade of the chart, one server",
    "other_runtime": "from Triton to TorchServe or back, one server",
    "bad_revision": "a model that is not there, and the spec put right",
    "crash_loop": "servers that end as soon as they start, taken back, and the spec put right",
    "never_ready": "servers that no node takes, taken back after 30 s, and the spec put right",
    "undo": "another artifact, an undo, and the end of the undo, one server",
}
NAMES = tuple(f"rollout_failed_requests_{kind}" for kind in WORDS)


@dataclass(frozen=True)
class Result:
    """How often a kind was done, what was asked meanwhile, and what was not answered."""

    kind: str
    runs: int
    asked: int
    failures: Sequence[str]

    @property
    def figures(self) -> dict[str, Figure]:
        """Its figure, under its name."""
        doors = "HTTP and gRPC, new and lasting connections"
        how = f"of {self.asked:,}; {WORDS[self.kind]}, {self.runs} times; {doors}"
        return {f"rollout_failed_requests_{self.kind}": Figure(len(self.failures), "requests", how, "0")}
