"""Example inputs and what the eager model makes of them, kept for a machine that has no eager model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from neuron_artifact import Bucket, Manifest
from safetensors.torch import load_file, save_file

from neuron_compiler.shapes import Reference
from neuron_compiler.tasks import Task, Tensors

_DIRECTORY = "reference"


def save(item: Reference, task: Task, artifact: Path) -> None:
    """Writes the examples of a bucket to reference/<bucket>.safetensors of the artifact."""
    inputs = [tensor.name for tensor in task.inputs]
    outputs = [tensor.name for tensor in task.outputs]
    tensors: dict[str, torch.Tensor] = {}
    for case, given in item.cases.items():
        tensors |= {f"{case}/in/{name}": value for name, value in zip(inputs, given, strict=True)}
    for case, made in item.outputs.items():
        tensors |= {
            f"{case}/out/{name}": value.contiguous() for name, value in zip(outputs, made, strict=True)
        }
    path = artifact / _DIRECTORY / f"{item.bucket.name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file(tensors, path)


def load(manifest: Manifest, bucket: Bucket, artifact: Path) -> Reference:
    """Reads the examples of a bucket again. Raises OSError or KeyError."""
    tensors = load_file(artifact / _DIRECTORY / f"{bucket.name}.safetensors")
    inputs = tuple(tensor.name for tensor in manifest.inputs)
    outputs = tuple(tensor.name for tensor in manifest.outputs)
    cases = {name.partition("/")[0] for name in tensors}

    def side(case: str, part: str, names: tuple[str, ...]) -> Tensors:
        return tuple(tensors[f"{case}/{part}/{name}"] for name in names)

    given = {case: side(case, "in", inputs) for case in sorted(cases)}
    made: Mapping[str, Tensors] = {
        case: side(case, "out", outputs) for case in sorted(cases) if f"{case}/out/{outputs[0]}" in tensors
    }
    return Reference(bucket, given, made, None)
