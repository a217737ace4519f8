"""One compile for each digest, kept as long as somebody uses it."""

from hollow import RUNNING, Ends
from hollow.world import ARTIFACTS, MODELS, World
from support.kube import condition
from support.wait import eventually


def users(world: World, artifact: str) -> list[str]:
    return list(world.there(ARTIFACTS, artifact).get("status", {}).get("users", []))


def test_models_of_one_digest_share_one_job_even_when_they_come_at_once(world: World) -> None:
    names = [f"twin-{n}" for n in range(4)]
    same = {"model": {"uri": world.uri("twins")}, "storage": {"ttlSeconds": 1}}
    with world.record("jobs") as jobs:
        world.kube.apply(*(world.model(name, **same) for name in names))
        artifacts = {world.ready(name)["status"]["artifact"]["name"] for name in names}
        assert len(artifacts) == 1
        artifact = artifacts.pop()
        eventually(lambda: users(world, artifact) == names, what="every model is a user")
        assert jobs.created(f"{artifact}-compile") == 1

        world.kube.kubectl("delete", MODELS, *names[:3], "-n", world.namespace)
        eventually(lambda: users(world, artifact) == names[3:], what="one user is left")
        assert world.get("job", f"{artifact}-collect") is None

        world.delete(MODELS, names[3])
        world.gone(ARTIFACTS, artifact)
        assert jobs.created(f"{artifact}-collect") == 1


def test_a_later_model_with_the_same_digest_compiles_nothing(world: World) -> None:
    world.apply("early")
    artifact = world.ready("early")["status"]["artifact"]["name"]
    with world.record("jobs") as jobs:
        world.apply("late", model={"uri": world.uri("early")}, replicas=2)
        assert world.ready("late")["status"]["artifact"]["name"] == artifact
        assert jobs.created(artifact) == 0


def test_what_does_not_change_the_binary_does_not_change_the_digest(world: World) -> None:
    world.apply("steady")
    artifact = world.ready("steady")["status"]["artifact"]["name"]
    with world.record("jobs") as jobs:
        world.patch(
            "steady",
            compile={"timeoutSeconds": 7200, "retries": 5, "benchmark": {"seconds": 9}},
            serving={"env": [{"name": "LOG", "value": "debug"}]},
        )
        assert world.ready("steady")["status"]["artifact"]["name"] == artifact
        assert jobs.created(artifact) == 0


def test_an_artifact_within_its_time_to_live_is_taken_up_again(world: World) -> None:
    world.apply("returner")
    artifact = world.ready("returner")["status"]["artifact"]["name"]
    world.delete(MODELS, "returner")
    eventually(lambda: users(world, artifact) == [], what="the artifact has no user")
    assert world.there(ARTIFACTS, artifact)["status"]["unusedSince"]
    with world.record("jobs") as jobs:
        world.apply("returner")
        assert world.ready("returner")["status"]["artifact"]["name"] == artifact
        assert jobs.created(artifact) == 0
    eventually(lambda: users(world, artifact) == ["returner"], what="it has its user again")
    assert "unusedSince" not in world.there(ARTIFACTS, artifact)["status"]


def test_a_model_that_comes_back_during_the_collection_waits_for_its_end_and_compiles_anew(
    world: World,
) -> None:
    world.apply("phoenix", storage={"ttlSeconds": 1})
    artifact = world.ready("phoenix")["status"]["artifact"]["name"]
    world.node.play(artifact, RUNNING)
    world.delete(MODELS, "phoenix")
    world.appears("job", f"{artifact}-collect")
    with world.record("jobs") as jobs:
        world.apply("phoenix", storage={"ttlSeconds": 1})
        eventually(
            lambda: condition(world.get(MODELS, "phoenix"), "Ready")["reason"] == "ArtifactBeingCollected",
            what="the model says what it waits for",
        )
        assert jobs.created(f"{artifact}-compile") == 0
        world.node.play(artifact, Ends(exit_code=0, reason="Completed", message={}))
        assert world.ready("phoenix")["status"]["artifact"]["name"] == artifact
        assert jobs.created(f"{artifact}-compile") == 1


def test_an_artifact_that_is_to_be_kept_outlives_its_last_user(world: World) -> None:
    """Its twin without the pin, left at the same time, shows when the time to live is over."""
    for name in ("kept", "loose"):
        world.apply(name, storage={"ttlSeconds": 1})
    artifacts = {name: world.ready(name)["status"]["artifact"]["name"] for name in ("kept", "loose")}
    world.kube.patch(ARTIFACTS, artifacts["kept"], world.namespace, {"spec": {"keep": True}})
    world.kube.kubectl("delete", MODELS, "kept", "loose", "-n", world.namespace)
    world.gone(ARTIFACTS, artifacts["loose"])
    assert world.there(ARTIFACTS, artifacts["kept"])["status"]["phase"] == "Ready"
    assert world.get("job", f"{artifacts['kept']}-collect") is None


def test_a_deleted_artifact_that_is_in_use_comes_back_while_the_servers_go_on(world: World) -> None:
    world.apply("careless")
    artifact = world.ready("careless")["status"]["artifact"]["name"]
    before = world.there(ARTIFACTS, artifact)["metadata"]["uid"]
    template = world.there("deployment", "careless")["spec"]["template"]
    world.delete(ARTIFACTS, artifact)

    def back() -> bool:
        return bool(world.there(ARTIFACTS, artifact)["metadata"]["uid"] != before)

    eventually(back, what="the artifact is there again")
    world.ready("careless")
    assert world.there("deployment", "careless")["spec"]["template"] == template
