"""The chart of the commit before, upgraded, rolled back and upgraded again under load: nobody notices."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from e2e.conftest import NAMESPACE, World
from e2e.test_rollout import servers
from rollouts.traffic import Traffic
from support.images import ROOT
from support.release import NAME, Release

MODEL = "upgraded"


@pytest.fixture
def former(world: World, tmp_path: Path) -> Iterator[Release]:
    """The release with the chart of the commit before; its images are this checkout's, for lack of others."""
    chart = "charts/neuron-operator"
    done = subprocess.run(["git", "archive", "HEAD~1", chart], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this checkout has no history: there is no chart of before")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(tmp_path, filter="data")
    yield replace(world.release, chart=tmp_path / chart)
    world.release.install()


def lives(world: World) -> set[tuple[str, int]]:
    """The model's servers by uid, and how often each has been restarted."""
    return {
        (pod["metadata"]["uid"], status["restartCount"])
        for pod in servers(world, MODEL)
        for status in pod["status"]["containerStatuses"]
    }


def compiles(world: World) -> set[str]:
    """The Jobs of the namespace, by uid."""
    jobs = world.kube.list("jobs", NAMESPACE, "app.kubernetes.io/component=compile")
    return {job["metadata"]["uid"] for job in jobs}


def test_upgraded_rolled_back_and_upgraded_again_servers_answer_all_the_while(
    world: World, former: Release
) -> None:
    former.install()
    world.kube.apply(world.model(MODEL, replicas=1, compile={"sequenceLengths": [62]}))
    traffic = Traffic(world, "traffic-upgrade")
    try:
        world.ready(MODEL)
        before, compiled = lives(world), compiles(world)
        traffic.start(MODEL)
        traffic.asks_more(40)
        for step in (world.release.install, lambda: rolled_back(world), world.release.install):
            step()
            world.ready(MODEL)
            traffic.asks_more(40)
        assert lives(world) == before
        assert compiles(world) <= compiled
        assert traffic.failures() == []
    finally:
        traffic.stop()
        world.remove(MODEL)


def rolled_back(world: World) -> None:
    """`helm rollback` to the revision before, waiting until its operator is ready."""
    namespace = ("--namespace", world.release.namespace)
    world.kube.helm("rollback", NAME, *namespace, "--wait", "--timeout", "5m")
