"""What is asked and expected of a model and its twin for the CPU. Pure."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]

# Answers of one model on two kinds of hardware: casting to bf16 costs about three digits.
LEAST_COSINE = 0.99
# What compilers of the Neuron families call themselves (images/compiler/neuron_compiler/backends).
_NEURON = ("torch_neuronx", "torch_neuron")
_SHAPES = ("batchSizes", "sequenceLengths", "imageSizes")
_TEXTS = ("A cat sits on the mat.", "The weather is fine today.")


def single(model: Mapping[str, Any], namespace: str) -> Object:
    """The model in the namespace, with one replica on one core."""
    made = copy.deepcopy(dict(model))
    made["metadata"] = {"name": model["metadata"]["name"], "namespace": namespace}
    made["spec"].pop("autoscaling", None)
    made["spec"]["replicas"] = 1
    # An inf2.xlarge has two cores: one serves, and the other one is free for the next revision.
    made["spec"].setdefault("serving", {})["cores"] = 1
    return made


def twin(model: Mapping[str, Any]) -> Object:
    """The same weights and shapes in fp32 on the CPU."""
    spec = model["spec"]
    compiled = {name: value for name, value in spec.get("compile", {}).items() if name in _SHAPES}
    return {
        **copy.deepcopy(dict(model)),
        "metadata": {**model["metadata"], "name": f"{model['metadata']['name']}-twin"},
        "spec": {
            "model": spec["model"],
            "target": "cpu",
            "compile": {**compiled, "cpu": {"backend": "TorchScript"}},
            "replicas": 1,
        },
    }


def wrong_status(status: Mapping[str, Any], target: str) -> Iterator[str]:
    """What a Ready model's status should say and does not."""
    if status.get("target") != target:
        yield f"it is served for {status.get('target')}, not for {target}"
    parity = status.get("parity", {})
    if not parity.get("passed"):
        yield f"parity was not passed: {json.dumps(parity)}"
    benchmark = status.get("benchmark", {})
    for name in ("throughputPerSecond", "p99Milliseconds", "speedUp", "loadSeconds"):
        if not benchmark.get(name, 0) > 0:
            yield f"the benchmark has no {name}"
    if target != "cpu" and status.get("backend", {}).get("name") not in _NEURON:
        yield f"the backend is {status.get('backend')}, not one for Neuron"
    if target != "cpu" and not status.get("backend", {}).get("deviceShare", 0) > 0:
        yield "nothing says that its operators run on the accelerator"


def question(inputs: list[Mapping[str, Any]]) -> Object:
    """A request for a model with these inputs (metadata of the protocol): two rows, the second shorter.

    Raises ValueError where only the model's owner knows what to ask.
    """
    names = {each["name"]: each["datatype"] for each in inputs}
    columns: dict[str, list[Any]]
    if "text" in names:
        columns, shape = {"text": list(_TEXTS)}, [2, 1]
    elif "input_ids" in names:
        columns = {
            "input_ids": [101, 1037, 4937, 102, 101, 102, 0, 0],
            "attention_mask": [1, 1, 1, 1, 1, 1, 0, 0],
        }
        shape = [2, 4]
    else:
        raise ValueError(f"the inputs are {', '.join(sorted(names))}")
    asked = [
        {"name": name, "datatype": names[name], "shape": shape, "data": data}
        for name, data in columns.items()
        if name in names
    ]
    return {"inputs": asked}


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The least cosine of the float outputs of two answers. Raises ValueError for other outputs or shapes."""
    pairs = zip(_floats(one), _floats(other), strict=True)
    return min(_cosine(*pair) for pair in pairs)


def _floats(answer: Mapping[str, Any]) -> list[tuple[str, list[int], list[float]]]:
    found = [
        (each["name"], each["shape"], each["data"])
        for each in answer["outputs"]
        if each["datatype"] == "FP32"
    ]
    if not found:
        raise ValueError("an answer without a float output")
    return sorted(found)


def _cosine(one: tuple[str, list[int], list[float]], other: tuple[str, list[int], list[float]]) -> float:
    if one[:2] != other[:2]:
        raise ValueError(f"{one[0]} {one[1]} and {other[0]} {other[1]} are not the same output")
    product = sum(a * b for a, b in zip(one[2], other[2], strict=True))
    lengths = [sum(a * a for a in each[2]) ** 0.5 for each in (one, other)]
    return float(product / (lengths[0] * lengths[1])) if all(lengths) else 0.0
