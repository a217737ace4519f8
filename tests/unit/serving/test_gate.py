"""Whether an artifact and the serving image belong together."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from neuron_serving.failure import ServingError
from neuron_serving.gate import Installed, check

CPU_IMAGE = Installed(torch="2.13.0+cu130", packages=frozenset())
NEURONX_IMAGE = Installed(torch="2.9.0", packages=frozenset({"torch_neuronx"}))


@pytest.mark.parametrize(
    ("family", "versions", "image"),
    [
        ("cpu", {"torch": "2.13.0"}, CPU_IMAGE),
        ("cpu", {"torch": "2.13.2+cpu"}, CPU_IMAGE),
        ("neuronx", {"torch": "2.9.1"}, NEURONX_IMAGE),
    ],
)
def test_an_artifact_of_the_same_torch_is_served(
    family: str, versions: Mapping[str, str], image: Installed
) -> None:
    check(family, versions, (), family, image)


@pytest.mark.parametrize(
    ("family", "versions", "expected_family", "image", "reason", "says"),
    [
        ("cpu", {"torch": "2.12.1"}, "cpu", CPU_IMAGE, "VersionMismatch", "torch 2.12.1"),
        ("cpu", {"torch": "2.1.3"}, "cpu", CPU_IMAGE, "VersionMismatch", "torch 2.1.3"),
        ("cpu", {}, "cpu", CPU_IMAGE, "VersionMismatch", "unknown version"),
        ("neuronx", {"torch": "2.9.0"}, "cpu", CPU_IMAGE, "VersionMismatch", "family neuronx"),
        ("cpu", {"torch": "2.9.0"}, "neuronx", NEURONX_IMAGE, "VersionMismatch", "family cpu"),
        ("neuronx", {"torch": "2.9.0"}, "neuronx", CPU_IMAGE, "ToolchainMissing", "torch_neuronx"),
        ("neuron", {"torch": "1.13.1"}, "neuron", NEURONX_IMAGE, "ToolchainMissing", "torch_neuron,"),
    ],
)
def test_an_artifact_that_cannot_be_served_here_is_refused(
    family: str, versions: Mapping[str, str], expected_family: str, image: Installed, reason: str, says: str
) -> None:
    with pytest.raises(ServingError, match=says) as raised:
        check(family, versions, (), expected_family, image)
    assert raised.value.reason == reason


def test_machine_code_runs_only_where_its_instructions_are() -> None:
    image = Installed("2.13.0", frozenset(), frozenset({"avx2", "avx512_bf16"}))
    check("cpu", {"torch": "2.13.0"}, ("avx2", "avx512_bf16"), "cpu", image)
    with pytest.raises(ServingError, match="needs amx_tile, amx_bf16, which this node") as raised:
        check("cpu", {"torch": "2.13.0"}, ("avx2", "amx_tile", "amx_bf16"), "cpu", image)
    assert raised.value.reason == "VersionMismatch"


@pytest.mark.parametrize(
    ("made", "here", "says"),
    [
        (
            {"torch-neuronx": "2.9.0.2.14.27725"},
            {"torch-neuronx": "2.9.0.2.15.32035"},
            "torch-neuronx 2.9.0.2.14",
        ),
        ({"neuronx-cc": "2.26.6360.0"}, {"neuronx-cc": "2.25.3371.0"}, "neuronx-cc 2.26.6360.0"),
        ({"neuron-runtime": "2.33.10.0"}, {"neuron-runtime": "2.32.31.0"}, "the Neuron runtime 2.33.10.0"),
    ],
)
def test_compiled_code_is_served_by_the_release_that_made_it_alone(
    made: Mapping[str, str], here: Mapping[str, str], says: str
) -> None:
    image = replace(NEURONX_IMAGE, neuron=here)
    check("neuronx", {"torch": "2.9.0", **here}, (), "neuronx", image)
    with pytest.raises(ServingError, match=f"compiled with {says}") as raised:
        check("neuronx", {"torch": "2.9.0", **made}, (), "neuronx", image)
    assert raised.value.reason == "VersionMismatch"


def test_a_newer_runtime_serves_what_an_older_one_was_there_for() -> None:
    image = replace(NEURONX_IMAGE, neuron={"neuron-runtime": "2.35.2.0"})
    check("neuronx", {"torch": "2.9.0", "neuron-runtime": "2.33.10.0"}, (), "neuronx", image)


def test_an_artifact_of_an_image_whose_packages_have_no_versions_here_is_served() -> None:
    check("neuronx", {"torch": "2.9.0", "neuronx-cc": "2.26.6360.0"}, (), "neuronx", NEURONX_IMAGE)
