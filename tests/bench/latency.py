"""How long the operator takes for its own part, and how much it writes, one model at a time."""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack

from hollow.recorder import Recorder, Seen
from hollow.world import ARTIFACTS, MODELS, World, exists, is_ready
from support.kube import Object
from support.wait import eventually

from bench.figures import Figure
from bench.progress import say
from bench.writes import WriteCount

NAMES = (
    "apply_to_job_seconds",
    "artifact_ready_to_deployment_seconds",
    "api_writes_per_model",
    "api_writes_steady_60s",
)
COUNT = 20
QUIET_SECONDS = 5
STEADY_SECONDS = 60


def measure(world: World) -> dict[str, Figure]:
    """Figures of single models: seconds to the Job and to the Deployment, writes to Ready, writes at rest."""
    with ExitStack() as stack:
        models, artifacts, jobs, deployments = (
            stack.enter_context(world.record(kind)) for kind in (MODELS, ARTIFACTS, "jobs", "deployments")
        )
        bring_up(world, models, "warm-up")
        to_job, to_deployment, writes = [], [], []
        count = WriteCount(world.operator)
        for n in range(COUNT):
            name = f"latency-{n:02}"
            before = count.so_far()
            bring_up(world, models, name)
            writes.append(count.so_far() - before)
            to_job.append(first(jobs, name, exists).at - first(models, name, exists).at)
            to_deployment.append(first(deployments, name, exists).at - first(artifacts, name, is_ready).at)
            say(f"{name}: Job {to_job[-1]:.3f} s, Deployment {to_deployment[-1]:.3f} s, {writes[-1]} writes")
        steady = at_rest(count)
    alone = f"the operator alone, median of {COUNT} models that follow one another, seen through watches"
    return {
        "apply_to_job_seconds": Figure(
            round(statistics.median(to_job), 3), "s", f"NeuronModel created to compile Job created; {alone}"
        ),
        "artifact_ready_to_deployment_seconds": Figure(
            round(statistics.median(to_deployment), 3),
            "s",
            f"NeuronArtifact Ready to Deployment created; {alone}",
        ),
        "api_writes_per_model": Figure(
            statistics.median(writes),
            "writes",
            f"the operator's writes from a model's creation to Ready, median of {COUNT}, from {count.source}",
        ),
        "api_writes_steady_60s": Figure(
            steady,
            "writes",
            f"the operator's writes in {STEADY_SECONDS} s with {COUNT + 1} Ready models, from {count.source}",
        ),
    }


def bring_up(world: World, models: Recorder, name: str) -> None:
    world.apply(name)
    eventually(lambda: models.first(name, is_ready), what=f"{name} is Ready", every=0.02)


def first(recorder: Recorder, name: str, holds: Callable[[Object], bool]) -> Seen:
    """The first such event of the object that belongs to the model: its own, or one named after it."""
    return eventually(
        lambda: recorder.first(name, holds), what=f"the watch shows {name}", timeout=10, every=0.02
    )


def at_rest(count: WriteCount) -> int:
    """The writes within a minute that begins when the operator has been quiet for some seconds."""

    def quiet() -> bool:
        before = count.so_far()
        pause(QUIET_SECONDS)
        return count.so_far() == before

    eventually(quiet, what=f"no write for {QUIET_SECONDS} s")
    before = count.so_far()
    say(f"counting writes for {STEADY_SECONDS} s")
    pause(STEADY_SECONDS)
    return count.so_far() - before


def pause(seconds: float) -> None:
    end = time.monotonic() + seconds
    eventually(lambda: time.monotonic() >= end, what=f"{seconds:g} s pass", timeout=seconds + 10)
