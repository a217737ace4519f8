"""A Job looks at published files now and then; what it finds lost is compiled again, and servers serve on."""

import pytest
from apiserver.conftest import Worlds
from hollow import failed, published
from hollow.world import ARTIFACTS, World
from support.wait import eventually

EVERY = 5
SHA256 = "6" * 64


@pytest.fixture(scope="module")
def world(worlds: Worlds) -> World:
    """An operator that has files looked at every few seconds."""
    return worlds("scrubbed", storage={"size": "1Gi", "storageClassName": "hollow", "scrubSeconds": EVERY})


def test_whole_files_are_looked_at_again_and_again_and_nothing_else_happens(world: World) -> None:
    with world.record("jobs") as jobs:
        world.apply("kept")
        world.ready("kept")
        artifact = world.artifact("kept")
        eventually(lambda: jobs.created(f"{artifact}-scrub") >= 2, what="two looks at the files")
        assert jobs.created(f"{artifact}-compile") == 1
    assert world.there(ARTIFACTS, artifact)["status"]["phase"] == "Ready"
    assert world.there(ARTIFACTS, artifact)["status"]["scrubbedAt"]
    assert world.status("kept")["phase"] == "Ready"


def test_files_that_a_look_finds_lost_are_compiled_again_by_themselves(world: World) -> None:
    world.apply("lost")
    world.ready("lost")
    artifact = world.artifact("lost")
    world.node.play(world.uri("lost"), published(manifestSha256=SHA256))
    world.node.play(artifact, failed("ArtifactMissing", "There is no artifact in the store."))
    healed = eventually(
        lambda: world.there(ARTIFACTS, artifact)["status"].get("healedAt"), what="the loss is found"
    )
    eventually(
        lambda: world.there(ARTIFACTS, artifact)["status"].get("manifestSha256") == SHA256,
        what="the files are published again",
    )
    world.ready("lost")
    assert any("a scrub says" in said for said in world.events(artifact, "Retrying"))
    # What is lost again at once is not compiled again: the volume needs somebody's hands.
    with world.record("jobs") as jobs:
        eventually(lambda: jobs.created(f"{artifact}-scrub") >= 2, what="two further looks")
        assert jobs.created(f"{artifact}-compile") == 0
    assert world.there(ARTIFACTS, artifact)["status"]["healedAt"] == healed
