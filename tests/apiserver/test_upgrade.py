"""Upgrades of the operator, and ways back: only a newer serving image replaces servers, nothing compiles."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hollow.process import ROOT, SOURCES
from hollow.world import World, settings
from support.kube import Object, condition
from support.wait import eventually

FAMILIES = ("cpu", "neuronx", "neuron")


def images(version: str) -> dict[str, str]:
    return {family: f"images.invalid/{family}:{version}" for family in FAMILIES}


def new_toolchain() -> Object:
    """The chart's values with another toolchain, its images, and other defaults of the servers' pods."""
    after = settings(images={"compiler": images("2"), "triton": images("2"), "pullPolicy": "Always"})
    return {**after, "toolchains": {**after["toolchains"], "cpu": "cpu-torch9.9.9"}}


def patched_image() -> Object:
    """The chart's values with a newer serving image of the same toolchain."""
    return settings(images={"compiler": images("1"), "triton": images("1.1")})


def upgrade(world: World, content: Object, sources: tuple[Path, ...] = SOURCES) -> None:
    """Another operator with other settings takes over, and has shown that it works."""
    world.operator.stop()
    world.operator.configure(content)
    world.operator.sources = sources
    world.operator.start()
    probe = f"probe-{len(world.all('neuronmodels'))}"
    world.apply(probe)
    world.ready(probe, timeout=180)


def pods(world: World, name: str) -> set[str]:
    selector = f"app.kubernetes.io/component=server,neuron-operator.dev/model={name}"
    return {pod["metadata"]["uid"] for pod in world.all("pods", selector)}


def server_image(world: World, name: str) -> str:
    containers = world.there("deployment", name)["spec"]["template"]["spec"]["containers"]
    return str(containers[0]["image"])


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """The sources of the operator one commit ago."""
    names = [str(source.relative_to(ROOT)) for source in SOURCES]
    done = subprocess.run(["git", "archive", "HEAD~1", *names], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this checkout has no history: there is no operator of before")
    home = tmp_path_factory.mktemp("former")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(home, filter="data")
    return tuple(home / name for name in names)


def test_upgraded_rolled_back_and_upgraded_again_a_model_is_left_alone(
    world: World, former: tuple[Path, ...]
) -> None:
    upgrade(world, settings(), former)
    world.apply("settled", replicas=1)
    artifact = world.ready("settled")["status"]["artifact"]["digest"]
    running = pods(world, "settled")
    with world.record("jobs") as jobs:
        for content, sources in (
            (new_toolchain(), SOURCES),
            (settings(), former),
            (new_toolchain(), SOURCES),
        ):
            upgrade(world, content, sources)
            assert world.ready("settled")["status"]["artifact"]["digest"] == artifact
            assert pods(world, "settled") == running
        world.patch("settled", replicas=2)
        eventually(lambda: len(pods(world, "settled")) == 2, what="the model has a second server")
        assert world.ready("settled")["status"]["artifact"]["digest"] == artifact
        assert running < pods(world, "settled")
        assert jobs.created("settled-") == 0
        kept = condition(world.there("neuronmodels", "settled"), "ImageOutdated")
        assert kept["reason"] == "ToolchainKept", kept

        world.patch("settled", compile={"batchSizes": [2]})
        moved = world.ready("settled")["status"]
        assert moved["pinned"]["toolchain"] == "cpu-torch9.9.9"
        assert jobs.created("settled-") == 1
        assert server_image(world, "settled") == images("2")["cpu"]


def test_a_newer_image_of_the_same_toolchain_replaces_running_servers_and_compiles_nothing(
    world: World,
) -> None:
    upgrade(world, settings())
    world.apply("patched")
    world.ready("patched")
    running = pods(world, "patched")
    with world.record("jobs") as jobs:
        upgrade(world, {**patched_image(), "upgrades": {"rollServers": False}})
        held = condition(world.ready("patched"), "ImageOutdated")
        assert held["reason"] == "RollHeldBack", held
        assert pods(world, "patched") == running
        upgrade(world, patched_image())
        eventually(
            lambda: server_image(world, "patched") == images("1.1")["cpu"], what="the servers' image is new"
        )
        world.ready("patched", timeout=180)
        assert jobs.created("patched-") == 0
