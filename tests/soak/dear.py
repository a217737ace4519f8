"""Dear requests of one client beside the valid ones of another: what a server that is attacked comes to."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure
from support.kube import Kube
from support.toolbox import Toolbox

from soak.processes import Process, ended, look

NAMES = ("dear_memory_ratio", "probe_p99_ms_under_attack", "valid_failed_under_attack")
SAMPLE_SECONDS = 2
_PROBES = 8003
_ATTACKERS, _VALID_CLIENTS = 6, 4


@dataclass(frozen=True)
class Attacked:
    """One server's time under attack.

    Attributes:
        attacks, probes, valid: the reports of toolbox.dear, toolbox.dear.probes and toolbox.soak.
        died: the names of the server's processes that ended.
        rest: resident bytes of all its processes before; most: the most that was seen since.
    """

    runtime: str
    seconds: float
    attacks: Mapping[str, Any]
    probes: Mapping[str, Any]
    valid: Mapping[str, Any]
    died: Sequence[str]
    rest: int
    most: int

    @property
    def ratio(self) -> float:
        """The most memory over that at rest."""
        return self.most / self.rest

    @property
    def failures(self) -> list[str]:
        """Everything that must not be, in words; how long a probe took is a figure."""
        died = [f"{self.runtime}: {name} ended under attack" for name in self.died]
        wrong = [f"{self.runtime}, under attack: {each}" for each in self.valid["examples"]]
        failed = self.probes["failed"]
        unwell = [f"{self.runtime}: {failed} probes failed under attack"] if failed else []
        grown = [f"{self.runtime}: memory at {self.ratio:.2f} of its rest"] if self.ratio > 1.25 else []
        return [*died, *wrong, *unwell, *grown]


def attack(
    kube: Kube, toolbox: Toolbox, namespace: str, name: str, pod: Mapping[str, Any], seconds: float
) -> Attacked:
    """Attack the one pod of a served MiniLM from one pod, ask validly from another, and probe it."""
    host, pod_name = f"{name}.{namespace}.svc", pod["metadata"]["name"]
    asked = ("--url", f"{host}:8000", "--grpc", f"{host}:8001", "--model", name, "--seconds", str(seconds))
    more = ("--reference", "/models/minilm", "--fuzz", "0", "--clients", str(_VALID_CLIENTS))
    probed = (f"{pod['status']['podIP']}:{_PROBES}", "--seconds", str(seconds))
    commands = {
        "attacks": ("toolbox.dear", *asked, "--clients", str(_ATTACKERS)),
        "probes": ("toolbox.dear.probes", *probed),
        "valid": ("toolbox.soak", *asked, *more),
    }
    before = latest = look(kube, namespace, pod_name)
    rest = most = total(before)
    with ThreadPoolExecutor(len(commands)) as beside:
        jobs = {
            what: beside.submit(
                kube.run_job,
                toolbox.job(f"dear-{what}-{name}", "python", "-m", *command),
                timeout=seconds + 1200,
            )
            for what, command in commands.items()
        }
        while wait(jobs.values(), timeout=SAMPLE_SECONDS).not_done:
            latest = look(kube, namespace, pod_name)
            most = max(most, total(latest))
        reports = {what: json.loads(job.result().splitlines()[-1]) for what, job in jobs.items()}
    latest = look(kube, namespace, pod_name)
    return Attacked(
        name, seconds, **reports, died=ended(before, latest), rest=rest, most=max(most, total(latest))
    )


def total(processes: Mapping[str, Process]) -> int:
    """The resident bytes of all."""
    return sum(process.resident for process in processes.values())


def figures(results: Sequence[Attacked]) -> dict[str, Figure]:
    """The figures of all servers, the worst one's each."""
    each = "; ".join(
        f"{result.runtime}, {result.seconds:.0f} s, {result.attacks['attacks']:,} attacks "
        f"of {_ATTACKERS} clients, {sum(result.valid['counts'].values()):,} requests beside them"
        for result in results
    )
    largest = max(results, key=lambda result: result.ratio)
    slowest = max(results, key=lambda result: float(result.probes["p99_ms"]))
    return {
        "dear_memory_ratio": Figure(
            round(largest.ratio, 3),
            "x",
            f"the most resident memory of all the server's processes under attack over that at rest, "
            f"{largest.runtime}: {largest.rest / 2**20:.0f} MiB at rest ({each})",
            "<= 1.25",
        ),
        "probe_p99_ms_under_attack": Figure(
            round(float(slowest.probes["p99_ms"]), 1),
            "ms",
            f"of {slowest.probes['probes']:,} probes of {slowest.runtime}, the slower one, with "
            f"{slowest.probes['failed']} that failed; attackers, clients and server on the same cores",
            "<= 1000",
        ),
        "valid_failed_under_attack": Figure(
            sum(result.valid["wrong"] for result in results),
            "requests",
            "of another client beside the attacks: not answered as eager mode does, or not refused with 4xx",
            "0",
        ),
    }
