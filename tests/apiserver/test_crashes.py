"""The operator may die at any moment, and two may run at once: all converges, with one Job per digest."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hollow import RUNNING, Runs, published
from hollow.process import OperatorProcess
from hollow.world import ARTIFACTS, MODELS, World, exists, settings
from support.kube import Object
from support.wait import eventually


def phase_is(phase: str) -> Callable[[Object], bool]:
    return lambda found: found.get("status", {}).get("phase") == phase


def has_succeeded(job: Object) -> bool:
    return bool(job.get("status", {}).get("succeeded"))


MOMENTS: dict[str, tuple[str, Callable[[Object], bool]]] = {
    "the-artifact-is-made": (ARTIFACTS, exists),
    "the-job-is-made": ("jobs", exists),
    "the-model-is-compiling": (MODELS, phase_is("Compiling")),
    "the-job-has-succeeded": ("jobs", has_succeeded),
    "the-artifact-is-ready": (ARTIFACTS, phase_is("Ready")),
    "the-deployment-is-made": ("deployments", exists),
    "the-model-is-deploying": (MODELS, phase_is("Deploying")),
    "the-model-is-ready": (MODELS, phase_is("Ready")),
}


@contextmanager
def restarted(world: World) -> Iterator[None]:
    """The operator runs again at the end, whatever happens inside."""
    try:
        yield
    finally:
        world.operator.start()


@pytest.mark.parametrize("moment", list(MOMENTS))
def test_an_operator_killed_at_any_moment_converges_with_one_job(world: World, moment: str) -> None:
    kind, holds = MOMENTS[moment]
    with world.record("jobs") as jobs, world.record(kind) as seen:
        world.apply(moment)
        eventually(lambda: seen.first(moment, holds), what=moment, every=0.005, timeout=60)
        world.operator.kill()
        with restarted(world):
            pass
        artifact = world.ready(moment)["status"]["artifact"]["name"]
        assert jobs.created(artifact) == 1
    assert len(world.all("deployment", f"neuron-operator.dev/model={moment}")) == 1


def test_models_in_every_phase_survive_the_operator_and_what_happens_while_it_is_away(world: World) -> None:
    world.node.play(world.uri("compiling"), RUNNING)
    world.node.play("deploying", Runs(ready=False))
    with world.record("jobs") as jobs:
        for name in ("compiling", "deploying", "serving", "leaving"):
            world.apply(name, storage={"ttlSeconds": 1})
        world.phase("compiling", "Compiling")
        world.phase("deploying", "Deploying")
        world.ready("serving")
        leaving = world.ready("leaving")["status"]["artifact"]["name"]
        world.operator.kill()
        with restarted(world):
            world.node.play(world.uri("compiling"), published())
            world.node.play("deploying", RUNNING)
            world.apply("pending", storage={"ttlSeconds": 1})
            world.delete("service", "serving")
            world.delete(MODELS, "leaving")
            world.gone(MODELS, "leaving")
        for name in ("pending", "compiling", "deploying", "serving"):
            artifact = world.ready(name)["status"]["artifact"]["name"]
            assert jobs.created(f"{artifact}-compile") == 1, name
        world.appears("service", "serving")
        world.gone(ARTIFACTS, leaving)
        assert jobs.created(f"{leaving}-collect") == 1


def test_two_operators_at_once_do_no_harm(world: World) -> None:
    names = [f"contested-{n}" for n in range(8)]
    home = world.operator.log.parent / "second"
    second = OperatorProcess(world.kube, home, [world.namespace], settings(), account="second-operator")
    with ExitStack() as stack:
        jobs = stack.enter_context(world.record("jobs"))
        stack.enter_context(second)
        world.kube.apply(*(world.model(name) for name in names))
        for name in names:
            artifact = world.ready(name)["status"]["artifact"]["name"]
            assert jobs.created(artifact) == 1, name
            assert len(world.all("deployment", f"neuron-operator.dev/model={name}")) == 1
            assert world.there("deployment", name)["metadata"]["generation"] <= 2
