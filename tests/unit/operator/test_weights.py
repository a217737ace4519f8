"""A server's memory follows from its artifact's size: each process holds the weights of every bucket."""

from dataclasses import replace
from typing import Any

import pytest
from neuron_contract.instances import INSTANCES, memory_for_one_pod
from neuron_operator.reading.objects import Object
from neuron_operator.reading.quantities import parse
from unit.operator.model_world import World
from unit.operator.worlds import SETTINGS

GIB = 2**30
_IMAGES = {"cpu": "r/s:1", "neuronx": "r/s:1", "neuron": "r/s:1"}
_SETTINGS = replace(SETTINGS, compiler_images=_IMAGES, server_images={"Triton": _IMAGES})


def server(size: int, **spec: Any) -> Object:
    """The server's resources for an artifact of so many bytes."""
    world = World(_SETTINGS, **spec)
    world.reconcile()
    world.publish()
    world.the("NeuronArtifact", world.wanted_name())["status"]["sizeBytes"] = size
    world.reconcile()
    (container,) = world.the("Deployment")["spec"]["template"]["spec"]["containers"]
    found: Object = container["resources"]
    return found


def memory(resources: Object) -> tuple[str, str]:
    return resources["requests"]["memory"], resources["limits"]["memory"]


def test_the_installations_default_holds_what_fits_it() -> None:
    assert memory(server(GIB // 2)) == memory(server(0))


def test_weights_that_do_not_fit_the_default_raise_it() -> None:
    found = server(6 * GIB)
    # The process and its weights; the bucket's file while it is loaded, and a quarter for computing.
    assert found["requests"]["memory"] == "6544Mi"
    assert found["limits"]["memory"] == "15860Mi"


@pytest.mark.parametrize(
    ("spec", "processes"),
    [
        ({"target": "inf2", "serving": {"cores": 2}}, 2),
        ({"target": "inf1", "serving": {"cores": 4}}, 4),
        ({"target": "inf1", "serving": {"cores": 4}, "compile": {"neuron": {"pipelineCores": 4}}}, 1),
        ({"target": "cpu", "serving": {"cores": 2}}, 1),
    ],
)
def test_each_process_holds_the_weights(spec: dict[str, Any], processes: int) -> None:
    assert server(10 * GIB, **spec)["requests"]["memory"] == f"{processes * (10 * 1024 + 400)}Mi"


def test_what_the_user_asks_for_wins() -> None:
    own = {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}}
    found = server(6 * GIB, serving=own)
    assert (found["requests"]["memory"], found["limits"]["memory"]) == ("1Gi", "2Gi")
    found = server(6 * GIB, serving={"resources": {"limits": {"memory": "4Gi"}}})
    assert (found["requests"]["memory"], found["limits"]["memory"]) == ("4Gi", "4Gi")


def test_bert_large_on_the_smallest_node_of_its_target_fits() -> None:
    found = server(1_340_000_000, target="inf2", serving={"cores": 1})
    assert parse(found["requests"]["memory"]) < memory_for_one_pod(INSTANCES["inf2.xlarge"]) * 2**20
