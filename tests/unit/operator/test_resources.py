"""A container's resources: the user's over the installation's, and the accelerator."""

from typing import Any

import pytest
from neuron_operator.api.settings import Accelerator
from neuron_operator.api.spec import Resources
from neuron_operator.builders.resources import container_resources

DEFAULT = Resources(requests={"cpu": "1", "memory": "2Gi"}, limits={"memory": "8Gi"})


def resources(own: Resources, target: str = "cpu", **options: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"cores": 1, "accelerator": Accelerator()} | options
    return container_resources(own, DEFAULT, target=target, **chosen)


def test_the_users_quantities_win_one_by_one() -> None:
    assert resources(Resources(requests={"cpu": "2"})) == {
        "requests": {"cpu": "2", "memory": "2Gi"},
        "limits": {"memory": "8Gi"},
    }


def test_a_limit_below_the_default_request_lowers_the_request() -> None:
    assert resources(Resources(limits={"memory": "1Gi"}))["requests"]["memory"] == "1Gi"


def test_a_request_above_the_default_limit_raises_the_limit() -> None:
    assert resources(Resources(requests={"memory": "16Gi"}))["limits"]["memory"] == "16Gi"


def test_what_the_user_contradicts_himself_is_left_to_the_api_server() -> None:
    own = Resources(requests={"memory": "2Gi"}, limits={"memory": "1Gi"})
    assert resources(own) == {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"memory": "1Gi"},
    }


def test_an_accelerated_target_asks_for_cores() -> None:
    asked = resources(Resources(), target="inf2", cores=2)
    assert asked["limits"]["aws.amazon.com/neuroncore"] == "2"
    assert asked["requests"]["aws.amazon.com/neuroncore"] == "2"


def test_or_for_the_devices_that_hold_them() -> None:
    accelerator = Accelerator(resource_name="aws.amazon.com/neuron")
    asked = resources(Resources(), target="inf2", cores=3, accelerator=accelerator)
    assert asked["limits"]["aws.amazon.com/neuron"] == "2"


@pytest.mark.parametrize("place", ["limits", "requests"])
def test_a_device_that_the_user_names_is_the_only_one_asked_for(place: str) -> None:
    asked = resources(Resources(**{place: {"aws.amazon.com/neuron": "4"}}), target="trn1")
    for part in ("requests", "limits"):
        assert {k: v for k, v in asked[part].items() if k.startswith("aws.")} == {
            "aws.amazon.com/neuron": "4"
        }


def test_the_cpu_asks_for_no_device() -> None:
    assert resources(Resources(), cores=4) == {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"memory": "8Gi"},
    }
