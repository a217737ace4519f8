"""Which NeuronCore an instance claims."""

import pytest
from neuron_serving.cores import claim, instance_index, visible_cores


@pytest.mark.parametrize(("name", "index"), [("gpt2_0_0", 0), ("gpt2_0_3", 3), ("bert-mrpc_0_11", 11)])
def test_the_index_is_the_last_number_of_the_instances_name(name: str, index: int) -> None:
    assert instance_index(name) == index


@pytest.mark.parametrize(
    ("text", "cores"), [("0", (0,)), ("2-4", (2, 3, 4)), ("0,2-3, 7", (0, 2, 3, 7)), ("5,4", (5, 4))]
)
def test_core_lists_are_numbers_and_ranges(text: str, cores: tuple[int, ...]) -> None:
    assert visible_cores(text) == cores


@pytest.mark.parametrize(
    ("instance", "visible", "core"),
    [("gpt2_0_0", None, "0"), ("gpt2_0_1", None, "1"), ("gpt2_0_1", "4-7", "5"), ("gpt2_0_0", "3", "3")],
)
def test_each_instance_claims_one_core_of_its_own(instance: str, visible: str | None, core: str) -> None:
    assert claim(instance, visible) == {"NEURON_RT_VISIBLE_CORES": core, "NEURON_RT_NUM_CORES": "1"}


def test_more_instances_than_cores_are_refused_with_what_to_change() -> None:
    with pytest.raises(ValueError, match=r"serving\.cores"):
        claim("gpt2_0_2", "0-1")
