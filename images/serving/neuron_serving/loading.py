"""From an artifact on disk to an Engine: compiled modules on this process's CPUs or NeuronCore."""

import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest

from neuron_serving.engine import Bucket, Engine
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.plan import Shape
from neuron_serving.signature import NUMPY, axis_names, signature
from neuron_serving.tensors import Array

# TorchScript profiles a module in its first runs and optimises it in the next.
WARM_UP_RUNS = 3


def load(directory: Path, manifest: Manifest, claim: Mapping[str, str], threads: int) -> Engine:
    """Load every bucket once and run it, so that the first request meets a warm model.

    claim is the environment with which this process sees its own NeuronCore alone; it is set before anything
    is loaded, and empty on a CPU. threads is the number of CPU threads of this process. Raises what torch
    raises.
    """
    package = PACKAGE_OF_FAMILY.get(manifest.family)
    if package is not None:
        os.environ.update(claim)
    import torch

    if package is not None:
        # Registers the classes of compiled modules, without which torch.jit.load fails.
        importlib.import_module(package)
    torch.set_num_threads(threads)
    axes = axis_names(manifest)
    engine = Engine(
        signature=signature(manifest, model_config(directory)),
        shapes=tuple(
            Shape(bucket.batch, tuple(bucket.axes[axis] for axis in axes)) for bucket in manifest.buckets
        ),
        costs=costs(manifest),
        buckets=tuple(_bucket(torch, directory / bucket.path, manifest) for bucket in manifest.buckets),
    )
    warm_up(engine)
    return engine


def costs(manifest: Manifest) -> tuple[float, ...]:
    """Return the milliseconds that one call of each bucket took when it was measured.

    Where not all of them were, a call is taken to cost its rows, and a little for the call itself.
    """
    measured = manifest.benchmark.buckets if manifest.benchmark is not None else ()
    least = min((each.concurrency for each in measured), default=0)
    alone = {each.bucket: each.p50_milliseconds for each in measured if each.concurrency == least}
    if all(bucket.name in alone for bucket in manifest.buckets):
        return tuple(alone[bucket.name] for bucket in manifest.buckets)
    return tuple(bucket.batch + 0.1 for bucket in manifest.buckets)


def model_config(directory: Path) -> dict[str, Any]:
    """Return the model's config.json, which lies with the tokenizer; empty where there is none."""
    path = directory / "tokenizer" / "config.json"
    if not path.is_file():
        return {}
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def warm_up(engine: Engine) -> None:
    """Run every bucket with a full batch of its whole shape. Raises what a bucket raises."""
    named = engine.signature.axes
    for shape, bucket in zip(engine.shapes, engine.buckets, strict=True):
        sizes = dict(zip(named, shape.axes, strict=True))
        arguments = []
        for feature in engine.signature.inputs:
            dims = [sizes[dim] if isinstance(dim, str) else dim for dim in feature.dims]
            # One is a token of every vocabulary and lets every token through a mask; of segments there may be
            # a single one.
            value = 0 if feature.name == "token_type_ids" else 1
            arguments.append(np.full((shape.batch, *dims), value, dtype=NUMPY[feature.dtype]))
        for _ in range(WARM_UP_RUNS):
            bucket(arguments)


def _bucket(torch: Any, path: Path, manifest: Manifest) -> Bucket:
    if manifest.backend.name == "inductor":
        # Unpacked below TMPDIR for as long as it is in use; no C++ compiler is needed.
        module = importlib.import_module("torch._inductor").aoti_load_package(str(path))
    else:
        module = torch.jit.load(str(path), map_location="cpu")
    return runner(module, manifest)


def runner(module: Callable[..., Sequence[Any]], manifest: Manifest) -> Bucket:
    """Return what runs a loaded module on arrays; torch is imported already."""
    import torch

    taken = [NUMPY[tensor.trace_dtype or tensor.dtype] for tensor in manifest.inputs]
    given = [NUMPY[tensor.dtype] for tensor in manifest.outputs]

    def run(arguments: Sequence[Array]) -> list[Array]:
        with torch.inference_mode():
            outputs = module(
                *(
                    torch.from_numpy(argument.astype(dtype, copy=False))
                    for argument, dtype in zip(arguments, taken, strict=True)
                )
            )
        # Neuron modules may answer in bfloat16, which numpy does not have.
        return [
            (output.float() if output.is_floating_point() else output).numpy().astype(dtype, copy=False)
            for output, dtype in zip(outputs, given, strict=True)
        ]

    return run
