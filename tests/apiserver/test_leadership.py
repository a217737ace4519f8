"""Several replicas, of which one works; several installations, of which one has a namespace."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hollow.process import OperatorProcess
from hollow.world import MODELS, World, settings
from support.wait import eventually
from support.writes import Writes

TAKE_OVER_SECONDS = 15


def replica(world: World, name: str) -> OperatorProcess:
    """Another process of the installation, as its chart configures each."""
    lease = {"namespace": world.namespace, "name": "leader"}
    home = world.operator.log.parent / name
    content = settings(leaderElection=lease, installation="first")
    return OperatorProcess(world.kube, home, [world.namespace], content, account=name)


@pytest.fixture
def alone(world: World) -> Iterator[World]:
    """The namespace without the operator that it was made with."""
    world.operator.stop()
    world.kube.delete("lease", "neuron-operator", world.namespace)
    yield world
    world.kube.delete("lease", "neuron-operator", world.namespace)
    world.operator.start()


def says(operator: OperatorProcess, text: str) -> None:
    eventually(
        lambda: text in operator.log.read_text(), what=f"the operator says: {text}", timeout=60, every=0.1
    )


def test_a_killed_leader_is_followed_by_the_one_that_waits(alone: World) -> None:
    leader, waiting = replica(alone, "leader"), replica(alone, "waiting")
    with ExitStack() as stack:
        stack.enter_context(leader)
        says(leader, " leads")
        waiting = stack.enter_context(waiting)
        says(waiting, "waiting to lead")
        alone.apply("before")
        alone.ready("before")
        assert " leads" not in waiting.log.read_text()
        leader.kill()
        alone.apply("after")
        eventually(
            lambda: alone.status("after").get("phase"),
            what="the one that waited works",
            timeout=TAKE_OVER_SECONDS,
        )
        alone.ready("after")
        leader.start()


def test_a_leader_that_is_asked_to_stop_is_followed_at_once(alone: World) -> None:
    leader, waiting = replica(alone, "leader"), replica(alone, "waiting")
    with ExitStack() as stack:
        stack.enter_context(leader)
        says(leader, " leads")
        stack.enter_context(waiting)
        says(waiting, "waiting to lead")
        leader.stop()
        says(waiting, " leads")
        alone.apply("handed-over")
        alone.ready("handed-over")
        leader.start()


def test_a_second_installation_leaves_the_namespace_alone_and_says_so(alone: World) -> None:
    first = replica(alone, "first")
    other = settings(installation="second")
    home = alone.operator.log.parent / "other"
    second = OperatorProcess(alone.kube, home, [alone.namespace], other, account="other")
    with ExitStack() as stack:
        stack.enter_context(first)
        alone.apply("claimed")
        alone.ready("claimed")
        writes = Writes(second)
        stack.enter_context(second)
        says(second, f"the namespace {alone.namespace} is left alone: the installation first works there")
        alone.apply("mine")
        alone.ready("mine")
        assert writes.since_made() == []
    assert alone.get(MODELS, "mine")
