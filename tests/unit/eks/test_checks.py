"""What the checks on EKS ask and expect."""

import pytest
import yaml
from eks.checks import alike, question, single, twin, wrong_status
from support.images import ROOT

GOOD = {
    "target": "inf2",
    "parity": {"passed": True},
    "benchmark": {"throughputPerSecond": 9, "p99Milliseconds": 1, "speedUp": 3, "loadSeconds": 1},
    "backend": {"name": "torch_neuronx", "deviceShare": 1.0},
}


def test_the_twin_has_the_weights_and_shapes_and_nothing_of_the_accelerator() -> None:
    model = yaml.safe_load((ROOT / "examples/bert-large-neuronmodel.yaml").read_text())
    assert twin(single(model, "here")) == {
        "apiVersion": "neuron-operator.dev/v1alpha1",
        "kind": "NeuronModel",
        "metadata": {"name": "bert-large-twin", "namespace": "here"},
        "spec": {
            "model": {"uri": "hf://google-bert/bert-large-uncased"},
            "target": "cpu",
            "compile": {"sequenceLengths": [128], "cpu": {"backend": "TorchScript"}},
            "replicas": 1,
        },
    }


def test_a_status_as_it_should_be_has_nothing_wrong() -> None:
    assert list(wrong_status(GOOD, "inf2")) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"target": "cpu"}, "served for cpu"),
        ({"parity": {}}, "parity was not passed"),
        ({"benchmark": {}}, "no throughputPerSecond"),
        ({"backend": {"name": "torchscript"}}, "not one for Neuron"),
        ({"backend": {"name": "torch_neuronx"}}, "nothing says that its operators run on the accelerator"),
    ],
)
def test_what_a_status_lacks_is_said(change: dict[str, object], says: str) -> None:
    assert says in next(wrong_status({**GOOD, **change}, "inf2"))


def test_the_door_for_texts_and_that_for_tensors_are_asked_in_their_own_words() -> None:
    texts = question([{"name": "text", "datatype": "BYTES"}, {"name": "text_pair", "datatype": "BYTES"}])
    assert [(each["name"], each["shape"]) for each in texts["inputs"]] == [("text", [2, 1])]
    tensors = question([{"name": name, "datatype": "INT64"} for name in ("input_ids", "attention_mask")])
    assert [each["name"] for each in tensors["inputs"]] == ["input_ids", "attention_mask"]
    with pytest.raises(ValueError, match="pixel_values"):
        question([{"name": "pixel_values", "datatype": "FP32"}])


def answer(*numbers: float) -> dict[str, object]:
    return {"outputs": [{"name": "a", "shape": [len(numbers)], "datatype": "FP32", "data": list(numbers)}]}


def test_answers_are_compared_by_their_direction() -> None:
    assert alike(answer(1, 2), answer(2, 4)) == pytest.approx(1)
    assert alike(answer(1, 0), answer(0, 1)) == 0
    with pytest.raises(ValueError, match="not the same output"):
        alike(answer(1), answer(1, 2))


def test_the_backends_that_are_taken_for_neurons_are_those_that_the_compiler_has() -> None:
    for name in ("torch_neuronx", "torch_neuron"):
        source = ROOT / f"images/compiler/neuron_compiler/backends/{name.removeprefix('torch_')}.py"
        assert f'name = "{name}"' in source.read_text()
        assert list(wrong_status({**GOOD, "backend": {"name": name, "deviceShare": 0.9}}, "inf2")) == []


def test_a_model_leaves_a_core_of_the_smallest_node_free() -> None:
    model = yaml.safe_load((ROOT / "examples/minilm-neuronmodel.yaml").read_text())
    assert single(model, "here")["spec"]["serving"]["cores"] == 1
