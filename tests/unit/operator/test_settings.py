"""The settings file: defaults, and what is refused with which words."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from neuron_operator.api.settings import Accelerator, SettingsError, load_settings, parse_settings

IMAGES = {"compiler": {"cpu": "example.org/compiler:1"}, "triton": {"cpu": "example.org/triton:1"}}


def test_what_is_left_out_has_a_default() -> None:
    settings = parse_settings({"images": IMAGES})
    assert settings.toolchains == {
        "cpu": "cpu-torch2.13.0",
        "neuronx": "neuronx-2.31.1",
        "neuron": "neuron-2.20.2",
    }
    assert settings.storage.size == "50Gi"
    assert settings.storage.ttl_seconds == 604800
    assert settings.accelerator.resource_name == "aws.amazon.com/neuroncore"
    assert settings.pull_policy == "IfNotPresent"
    assert settings.fallback_allowed
    assert settings.compiler_images["neuronx"] == ""


def test_everything_is_read(tmp_path: Path) -> None:
    content: dict[str, Any] = {
        "watchNamespaces": ["a"],
        "images": {**IMAGES, "pullPolicy": "Always", "pullSecrets": ["registry"]},
        "toolchains": {"cpu": "cpu-torch3"},
        "storage": {"claimName": "efs", "storageClassName": "efs-sc", "size": "1Ti", "ttlSeconds": 0},
        "accelerator": {"resourceName": "example.org/neuron", "coresPerDevice": {"inf2": 4}},
        "placement": {"inf2": {"nodeSelector": {"a": "b"}}, "cpu": None},
        "resources": {"compile": {"cpu": {"limits": {"memory": "1Gi", "cpu": 2}}}, "serving": {"cpu": None}},
        "hub": {"endpoint": "https://hub"},
        "s3": {"endpoint": "https://s3", "region": "eu-west-1"},
        "prices": {"inf2": 0.76, "cpu": None},
        "compile": {"maxMemory": "128Gi"},
        "fallback": {"allowed": False},
    }
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(content))
    settings = load_settings(file)
    assert (settings.pull_policy, settings.pull_secrets) == ("Always", ("registry",))
    assert settings.toolchains["cpu"] == "cpu-torch3"
    assert settings.storage.ttl_seconds == 0
    assert settings.storage.claim_name == "efs"
    assert settings.accelerator.cores_per_device["inf2"] == 4
    assert settings.accelerator.cores_per_device["trn1"] == 2
    assert settings.placement["inf2"].node_selector == {"a": "b"}
    assert settings.compile_resources["cpu"].limits == {"memory": "1Gi", "cpu": "2"}
    assert settings.hub_endpoint == "https://hub"
    assert (settings.s3.endpoint, settings.s3.region) == ("https://s3", "eu-west-1")
    assert settings.prices == {"inf2": 0.76}
    assert settings.max_memory == "128Gi"
    assert not settings.fallback_allowed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "images.compiler is empty"),
        ({"images": IMAGES, "tolchains": {}}, "unknown settings .*tolchains"),
        ({"images": IMAGES, "placement": {"inf3": {}}}, "inf3.* in placement"),
        ({"images": {**IMAGES, "triton": {"gpu": "x"}}}, "gpu.* in images.triton"),
        ({"images": IMAGES, "prices": {"inf3": 1}}, "inf3.* in prices"),
        ({"images": IMAGES, "s3": {"url": "x"}}, "url.* in s3"),
        ({"images": IMAGES, "resources": {"compile": {"inf2": {}}}}, "inf2.* in resources.compile"),
    ],
)
def test_what_the_operator_does_not_know_is_refused(content: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_settings(content)


def test_a_missing_file_is_named_together_with_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere.yaml .*NEURON_OPERATOR_SETTINGS"):
        load_settings(tmp_path / "nowhere.yaml")


def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("a: [")
    with pytest.raises(SettingsError, match="is not YAML"):
        load_settings(file)


@pytest.mark.parametrize(
    ("resource", "target", "cores", "amount"),
    [
        ("aws.amazon.com/neuroncore", "inf2", 3, 3),
        ("aws.amazon.com/neuron", "inf2", 1, 1),
        ("aws.amazon.com/neuron", "inf2", 2, 1),
        ("aws.amazon.com/neuron", "inf2", 3, 2),
        ("aws.amazon.com/neuron", "trn2", 5, 2),
    ],
)
def test_cores_are_counted_in_the_resource_that_nodes_advertise(
    resource: str, target: str, cores: int, amount: int
) -> None:
    assert Accelerator(resource_name=resource).amount(target, cores) == amount
