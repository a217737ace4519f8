"""The operator understands the settings that the chart writes for it."""

from pathlib import Path

import pytest
from chart.helm import VALUES, Helm, settings
from neuron_operator.api.settings import Settings, SettingsError, parse_settings


def parsed(helm: Helm, *arguments: str, values: Path = VALUES / "default.yaml") -> Settings:
    return parse_settings(settings(helm.template(*arguments, values=values)))


def test_the_operator_reads_every_set_of_values(helm: Helm, values: Path) -> None:
    read = parsed(helm, values=values)
    assert all(read.compiler_images.values())
    assert all(read.server_images.values())
    assert read.compile_resources.keys() == read.server_resources.keys() == {"cpu", "neuronx", "neuron"}


def test_the_operators_defaults_are_the_charts(helm: Helm) -> None:
    """A settings file with images alone, as in a test, means what the chart's defaults mean."""
    written = parsed(helm)
    assumed = parse_settings({"images": settings(helm.template())["images"]})
    for name in ("pull_policy", "pull_secrets", "toolchains", "storage", "accelerator", "hub_endpoint"):
        assert getattr(written, name) == getattr(assumed, name), name
    for name in ("s3", "prices", "max_memory"):
        assert getattr(written, name) == getattr(assumed, name), name
    assert written.fallback_allowed == assumed.fallback_allowed
    assert written.drains_successor == assumed.drains_successor


def test_what_a_user_changes_reaches_the_operator(helm: Helm) -> None:
    read = parsed(helm, values=VALUES / "namespaced.yaml")
    assert read.pull_policy == "Always"
    assert read.pull_secrets == ("registry-token",)
    assert read.compiler_images["cpu"].startswith("other.example.com/compiler@sha256:")
    assert (
        read.server_images["Triton"]["neuron"]
        == "registry.example.com:5000/mirror/neuron-operator/triton:0.1.0-neuron"
    )
    assert read.storage.claim_name == "artifacts"
    assert read.accelerator.amount("inf2", cores=3) == 2
    assert read.placement["inf2"].scheduler_name == "my-scheduler"
    assert read.placement["inf2"].service_account_name == "models"
    assert read.hub_endpoint == "https://hub.example.com"
    assert (read.s3.endpoint, read.s3.region) == ("https://s3.example.com", "eu-west-1")
    assert read.prices == {"inf2": 0.76}
    assert read.max_memory == "128Gi"
    assert read.fallback_allowed is False
    assert read.drains_successor is False


def test_pods_on_every_accelerator_tolerate_the_neuron_taint(helm: Helm) -> None:
    placement = parsed(helm).placement
    for target in ("inf1", "inf2", "trn1", "trn2"):
        assert placement[target].tolerations == (
            {"key": "aws.amazon.com/neuron", "operator": "Exists", "effect": "NoSchedule"},
        )
    assert placement["cpu"].tolerations is None


def test_a_setting_the_operator_does_not_know_stops_it(helm: Helm) -> None:
    with pytest.raises(SettingsError, match="unknown settings"):
        parse_settings({**settings(helm.template()), "storrage": {}})
