"""Models that the CPU serves while no node has an accelerator."""

from decimal import Decimal

import pytest
from neuron_operator.reading.nodes import Offer
from neuron_operator.reading.objects import Object
from unit.operator.model_world import World
from unit.operator.worlds import UPGRADED, at

NEURON = "aws.amazon.com/neuroncore"
NODE = Offer("node-1", {"pool": "inferentia"}, {NEURON: Decimal(2)})
ON_NEURON_NODES: Object = {
    "nodeSelector": {"pool": "inferentia"},
    "tolerations": [{"key": "aws.amazon.com/neuron", "operator": "Exists"}],
    "serviceAccountName": "irsa",
    "resources": {"requests": {NEURON: "2"}, "limits": {NEURON: "2", "memory": "9Gi"}},
}
COMPILE_ON_NEURON: Object = {"resources": {"limits": {NEURON: "2", "memory": "32Gi"}}}


def on_the_cpu_when_a_node_came() -> World:
    """A model that the CPU serves, and a node that has just come with what it waits for."""
    world = World(target="inf2", fallback="CPU")
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    world.offers = [NODE]
    world.reconcile()
    return world


def test_without_an_accelerator_a_fallback_serves_from_the_cpu_and_says_so() -> None:
    world = World(target="inf2", fallback="CPU")
    world.reconcile()
    assert world.status["target"] == "cpu"
    assert world.says("FallbackActive") == ("True", "NoAccelerator")
    assert world.find("NeuronArtifact", world.wanted_name("cpu")) is not None
    assert world.find("NeuronArtifact", world.wanted_name("inf2")) is None
    assert world.status["pinned"]["compilerImage"] == "example.org/compiler:1"


def test_a_fallback_ends_when_an_accelerator_appears_and_the_cpu_serves_until_then() -> None:
    world = World(target="inf2", fallback="CPU")
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    world.serve()
    world.reconcile()
    on_cpu = world.served_digest()
    world.offers = [NODE]
    world.reconcile()
    assert world.says("FallbackActive") == ("False", "AcceleratorFound")
    assert (world.status["target"], world.served_digest()) == ("inf2", on_cpu)
    world.publish("inf2")
    world.reconcile()
    assert world.served_digest() != on_cpu
    limits = world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits[NEURON] == "1"


def test_a_model_goes_back_to_the_cpu_when_the_last_accelerator_goes() -> None:
    world = World(target="inf2", fallback="CPU")
    world.offers = [NODE]
    world.reconcile()
    world.publish("inf2")
    world.reconcile()
    world.offers = []
    world.reconcile()
    world.now = at(300)
    world.reconcile()
    assert world.status["target"] == "cpu"
    assert "inf2" in world.condition("FallbackActive")["message"]
    world.publish("cpu")
    world.reconcile()
    limits = world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert NEURON not in limits


def pod_specs(world: World, target: str) -> tuple[Object, Object]:
    """Of the NeuronArtifact, placement and resources; of the server's pod, everything."""
    artifact = world.the("NeuronArtifact", world.wanted_name(target))["spec"]
    compiles = {"placement": artifact.get("placement"), "resources": artifact["compile"].get("resources")}
    return compiles, world.the("Deployment")["spec"]["template"]["spec"]


def test_a_fallback_leaves_what_is_meant_for_the_accelerator_aside() -> None:
    world = World(target="inf2", fallback="CPU", serving=ON_NEURON_NODES, compile=COMPILE_ON_NEURON)
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    compiles, serves = pod_specs(world, "cpu")
    assert compiles == {"placement": None, "resources": {"limits": {"memory": "32Gi"}}}
    assert not serves.keys() & {"nodeSelector", "tolerations", "serviceAccountName"}
    asked = serves["containers"][0]["resources"]
    assert asked["limits"] == {"memory": "9Gi"}
    assert NEURON not in asked["requests"]


@pytest.mark.parametrize("target", ["cpu", "inf2"])
def test_a_model_whose_own_target_is_served_keeps_its_devices_and_its_nodes(target: str) -> None:
    world = World(target=target, serving=ON_NEURON_NODES, compile=COMPILE_ON_NEURON)
    world.reconcile()
    world.publish()
    world.reconcile()
    compiles, serves = pod_specs(world, target)
    assert compiles["placement"]["nodeSelector"] == serves["nodeSelector"] == {"pool": "inferentia"}
    assert compiles["resources"]["limits"][NEURON] == "2"
    assert serves["containers"][0]["resources"]["limits"][NEURON] == "2"


def test_without_a_fallback_the_accelerator_is_asked_for_whatever_the_nodes_have() -> None:
    world = World(target="inf2")
    world.reconcile()
    assert world.status["target"] == "inf2"
    assert all(c["type"] != "FallbackActive" for c in world.status["conditions"])


INSTANCE = "node.kubernetes.io/instance-type"
POOL: Object = {"nodeSelector": {"pool": "inferentia"}}


@pytest.mark.parametrize(
    ("node", "spec", "target"),
    [
        ({}, {}, "inf2"),
        ({"labels": {INSTANCE: "inf2.xlarge"}}, {}, "inf2"),
        ({"labels": {INSTANCE: "trn1.2xlarge"}}, {}, "cpu"),
        ({"labels": {INSTANCE: "trn1n.32xlarge"}}, {"target": "trn1"}, "trn1"),
        ({"labels": {INSTANCE: "inf2.xlarge"}}, {"target": "trn2"}, "cpu"),
        ({"amounts": {"aws.amazon.com/neuron": Decimal(1)}}, {}, "cpu"),
        ({"amounts": {NEURON: Decimal(2)}}, {"serving": {"cores": 4}}, "cpu"),
        ({"labels": {"pool": "other"}}, {"serving": POOL}, "cpu"),
        ({"labels": {"pool": "inferentia", "zone": "a"}}, {"serving": POOL}, "inf2"),
    ],
)
def test_only_a_node_on_which_a_server_could_run_keeps_a_model_from_falling_back(
    node: Object, spec: Object, target: str
) -> None:
    world = World(**{"target": "inf2", "fallback": "CPU", **spec})
    world.offers = [Offer("node", node.get("labels", {}), node.get("amounts", {NEURON: Decimal(2)}))]
    world.reconcile()
    assert world.status["target"] == target


def on_the_accelerator() -> World:
    world = World(target="inf2", fallback="CPU")
    world.offers = [NODE]
    world.reconcile()
    world.publish("inf2")
    world.reconcile()
    world.serve()
    world.reconcile()
    return world


def test_a_node_that_restarts_moves_no_model() -> None:
    world = on_the_accelerator()
    deployment, world.offers = world.the("Deployment"), []
    plan = world.reconcile()
    assert (plan.requeue, plan.writes_children) == (300, False)
    assert world.says("FallbackActive") == ("Unknown", "AcceleratorAway")
    world.now = at(299)
    assert not world.reconcile().writes_children
    world.offers = [NODE]
    assert not world.reconcile().writes_children
    assert world.says("FallbackActive") == ("False", "AcceleratorFound")
    assert world.the("Deployment") == deployment


def test_a_node_that_blinks_after_an_upgrade_compiles_nothing() -> None:
    world = on_the_cpu_when_a_node_came()
    world.publish("inf2")
    world.reconcile()
    wanted = {target: world.wanted_name(target) for target in ("cpu", "inf2")}
    world.settings = UPGRADED
    world.offers = []
    world.reconcile()
    world.now = at(300)
    world.reconcile()
    assert world.status["target"] == "cpu"
    world.offers = [NODE]
    world.reconcile()
    assert world.status["target"] == "inf2"
    assert {target: world.wanted_name(target) for target in ("cpu", "inf2")} == wanted
    assert len([key for key in world.objects if key[0] == "NeuronArtifact"]) == 2


def test_a_cpu_artifact_is_never_started_with_the_accelerators_image() -> None:
    world = on_the_cpu_when_a_node_came()
    del world.objects["Deployment", "gpt2"]
    world.reconcile()
    container = world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "example.org/triton:1"
    assert world.served_digest() == world.status["artifact"]["digest"] != world.status["preparing"]["digest"]
