"""The old keeps serving until the new has passed."""

from hollow import RUNNING, Runs, failed, published
from hollow.world import World
from support.kube import Object, condition
from support.wait import eventually


def is_ready(pod: Object) -> bool:
    return bool(condition(pod, "Ready")["status"] == "True")


def template(world: World, name: str) -> Object:
    return dict(world.there("deployment", name)["spec"]["template"])


def digest(world: World, name: str) -> str:
    return str(template(world, name)["metadata"]["labels"]["neuron-operator.dev/digest"])


def test_a_new_digest_compiles_beside_the_running_deployment_and_then_replaces_it(world: World) -> None:
    world.apply("mover")
    old = world.ready("mover")["status"]["artifact"]
    before = template(world, "mover")
    world.node.play(world.uri("mover"), RUNNING)
    world.patch("mover", compile={"sequenceLengths": [64]})

    def preparing() -> Object:
        status = world.status("mover")
        assert status.get("preparing"), status
        return status

    status = eventually(preparing, what="the new artifact is being prepared")
    assert status["artifact"] == old
    assert status["preparing"]["digest"] != old["digest"]
    world.appears("job", f"{status['preparing']['name']}-compile")
    assert template(world, "mover") == before
    assert condition(world.get("neuronmodel", "mover"), "ServingReady")["status"] == "True"

    world.node.play(world.uri("mover"), published())
    new = world.ready("mover")["status"]
    assert new["artifact"] == {**status["preparing"], "image": new["artifact"]["image"]}
    assert "preparing" not in new
    assert digest(world, "mover") == new["artifact"]["digest"]


def test_a_failed_new_digest_leaves_the_old_one_serving_until_the_spec_is_corrected(world: World) -> None:
    world.apply("fallen")
    old = world.ready("fallen")["status"]["artifact"]
    before = template(world, "fallen")
    world.node.play(world.uri("fallen"), failed("SequenceTooLong", "4096 is above the model's 512."))
    world.patch("fallen", compile={"sequenceLengths": [4096]})
    degraded = world.becomes("fallen", "Degraded", "ArtifactReady", holds="False", reason="SequenceTooLong")
    assert degraded["status"]["artifact"] == old
    assert degraded["status"]["readyReplicas"] == 1
    assert "4096" in condition(degraded, "ArtifactReady")["message"]
    eventually(lambda: world.events("fallen", "SequenceTooLong"), what="an Event about SequenceTooLong")
    assert template(world, "fallen") == before

    world.node.play(world.uri("fallen"), published())
    world.patch("fallen", compile={"sequenceLengths": [256]})
    healed = world.ready("fallen")["status"]
    assert healed["artifact"]["digest"] != old["digest"]
    assert digest(world, "fallen") == healed["artifact"]["digest"]


def test_a_spec_that_goes_back_to_the_serving_digest_is_ready_at_once(world: World) -> None:
    world.apply("returning")
    old = world.ready("returning")["status"]["artifact"]
    before = template(world, "returning")
    world.node.play(world.uri("returning"), failed("UnsupportedOperator", "aten::frobnicate"))
    world.patch("returning", compile={"batchSizes": [8]})
    world.becomes("returning", "Degraded", "ArtifactReady", holds="False", reason="UnsupportedOperator")
    with world.record("jobs") as jobs:
        world.patch("returning", compile={"batchSizes": [1]})
        back = world.ready("returning")["status"]
        assert back["artifact"] == old
        assert "preparing" not in back
        assert jobs.created("returning-") == 0
    assert template(world, "returning") == before


def test_new_servers_that_never_get_ready_do_not_replace_the_old_ones(world: World) -> None:
    world.apply("stuck")
    old = world.ready("stuck")["status"]["artifact"]
    world.node.play(world.uri("stuck"), RUNNING)
    world.patch("stuck", compile={"sequenceLengths": [32]})
    new = eventually(
        lambda: world.status("stuck").get("preparing"), what="the new artifact is being prepared"
    )
    world.node.play(new["digest"], Runs(ready=False))
    world.node.play(world.uri("stuck"), published())
    eventually(lambda: digest(world, "stuck") == new["digest"], what="the new template is rolled out")

    def ready_digests() -> set[str]:
        pods = world.all("pods", "neuron-operator.dev/model=stuck,app.kubernetes.io/component=server")
        assert len(pods) == 2, "the new pod is not there yet"
        return {pod["metadata"]["labels"]["neuron-operator.dev/digest"] for pod in pods if is_ready(pod)}

    assert eventually(ready_digests, what="one old and one new pod are there") == {old["digest"]}
    assert condition(world.get("neuronmodel", "stuck"), "ServingReady")["status"] == "True"
    world.node.play(new["digest"], RUNNING)
    assert world.ready("stuck")["status"]["artifact"]["name"] == new["name"]
