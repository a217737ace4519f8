"""One compile for each digest, kept as long as somebody uses it."""

from typing import Any

from e2e.conftest import NAMESPACE, World
from support.wait import eventually


def test_a_second_model_with_the_same_digest_compiles_nothing_and_the_last_user_takes_the_artifact_along(
    world: World,
) -> None:
    spec: dict[str, Any] = {"compile": {"sequenceLengths": [24]}, "storage": {"ttlSeconds": 2}}
    world.kube.apply(world.model("first", **spec))
    artifact = world.ready("first")["status"]["artifact"]["name"]
    jobs = [job["metadata"]["uid"] for job in world.jobs_of(artifact)]
    assert len(jobs) == 1

    world.kube.apply(world.model("second", **spec))
    assert world.ready("second")["status"]["artifact"]["name"] == artifact
    assert [job["metadata"]["uid"] for job in world.jobs_of(artifact)] == jobs

    def users() -> list[str]:
        found = world.kube.get("neuronartifact", artifact, NAMESPACE)
        assert found
        return list(found["status"]["users"])

    eventually(lambda: users() == ["first", "second"], what="both models are users")
    digest = _digest(world, artifact)
    world.remove("first")
    eventually(lambda: users() == ["second"], what="one user is left")
    assert digest in _stored(world)

    world.remove("second")
    eventually(
        lambda: world.kube.get("neuronartifact", artifact, NAMESPACE) is None,
        what="the artifact is collected after its time",
        timeout=120,
    )
    assert digest not in _stored(world)


def _digest(world: World, artifact: str) -> str:
    found = world.kube.get("neuronartifact", artifact, NAMESPACE)
    assert found
    return str(found["status"]["digest"])


def _stored(world: World) -> list[str]:
    """What lies on the artifacts' volume, seen from a pod."""
    shelf = type(world.toolbox)(world.toolbox.image, NAMESPACE, {"artifacts": "/artifacts"})
    return world.kube.run_job(shelf.job("list-artifacts", "ls", f"/artifacts/{NAMESPACE}")).split()
