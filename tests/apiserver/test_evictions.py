"""What the kubelet puts out fills no second node, beside the cluster's own Job and Deployment controllers."""

from hollow import RUNNING, Evicted, published
from hollow.world import World
from support.kube import condition
from support.wait import eventually

PRESSURE = "The node was low on resource: ephemeral-storage. Threshold quantity: 2Gi, available: 1Gi. "
LIMIT = 'Usage of EmptyDir volume "model" exceeds the limit "100Gi". '


def test_a_compile_that_a_node_has_put_out_rests_before_it_comes_to_another_node(world: World) -> None:
    world.node.play(world.uri("pressed"), Evicted(PRESSURE, pressure=True))
    with world.record("pods") as pods:
        world.apply("pressed")
        model = world.becomes("pressed", "Failed", "Ready", holds="False", reason="Evicted")
        assert PRESSURE.strip() in condition(model, "Ready")["message"]
        eventually(lambda: world.events("pressed", "Evicted"), what="an Event about the eviction")
        world.node.play(world.uri("pressed"), published())
        world.gone("job", f"{world.artifact('pressed')}-compile")
        # The Job's controller may have been faster than the operator, by one pod.
        put_out = pods.created("pressed-")
        assert put_out <= 2
        world.ready("pressed")


def test_a_compile_beyond_its_own_limit_is_left_until_the_limit_is_raised(world: World) -> None:
    world.node.play(world.uri("filling"), Evicted(LIMIT, pressure=False))
    world.apply("filling")
    model = world.becomes("filling", "Failed", "Ready", holds="False", reason="DiskFull")
    assert "limits.ephemeral-storage" in condition(model, "Ready")["message"]
    world.node.play(world.uri("filling"), published())
    world.patch("filling", compile={"resources": {"limits": {"ephemeral-storage": "200Gi"}}})
    world.ready("filling")
    job = world.there("job", f"{world.artifact('filling')}-compile")
    scratch = [
        volume["emptyDir"] for volume in job["spec"]["template"]["spec"]["volumes"] if "emptyDir" in volume
    ]
    assert scratch == [{"sizeLimit": "200Gi"}, {"sizeLimit": "200Gi"}]


def test_a_server_that_was_put_out_is_told_until_its_successor_serves(world: World) -> None:
    world.apply("outed")
    world.ready("outed")
    world.node.play("outed", Evicted(PRESSURE, pressure=True))
    model = world.becomes("outed", "Deploying", "Ready", holds="False", reason="Evicted")
    assert PRESSURE.strip() in condition(model, "Ready")["message"]
    world.node.play("outed", RUNNING)
    world.ready("outed")
