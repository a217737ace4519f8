"""From an artifact on disk to an Engine: compiled modules on this process's CPUs or NeuronCore."""

import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest, loadable

from neuron_serving import cores
from neuron_serving.engine import Bucket, Engine
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.plan import Shape
from neuron_serving.signature import NUMPY, axis_names, signature
from neuron_serving.tensors import Array

# TorchScript profiles a module in its first runs and optimises it in the next.
WARM_UP_RUNS = 3


# Held by the process of the container that loads just now.
_TURN = Path("/tmp/neuron-load.lock")


def load(
    directory: Path, manifest: Manifest, claim: Mapping[str, str], threads: int, turn: Path = _TURN
) -> Engine:
    """Load every bucket once and run it, so that the first request meets a warm model.

    claim is the environment with which this process sees its own NeuronCores alone; it is set before anything
    is loaded, and empty on a CPU. threads is the number of CPU threads of this process. Processes with cores
    of their own load one after another (turn). Raises what torch raises.
    """
    package = PACKAGE_OF_FAMILY.get(manifest.family)
    if package is None:
        return _load(directory, manifest, threads, None)
    os.environ.update({**claim, **cores.runtime(manifest)})
    with cores.one_at_a_time(turn):
        # Registers the classes of compiled modules, without which torch.jit.load fails.
        return _load(directory, manifest, threads, importlib.import_module(package))


def _load(directory: Path, manifest: Manifest, threads: int, neuron: Any) -> Engine:
    """Load and warm up; neuron is torch_neuronx or torch_neuron, None on a CPU."""
    import torch

    torch.set_num_threads(threads)
    axes = axis_names(manifest)
    engine = Engine(
        signature=signature(manifest, model_config(directory)),
        shapes=tuple(
            Shape(bucket.batch, tuple(bucket.axes[axis] for axis in axes)) for bucket in manifest.buckets
        ),
        costs=costs(manifest),
        buckets=tuple(
            _bucket(torch, directory, bucket.path, manifest, neuron) for bucket in manifest.buckets
        ),
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


def _bucket(torch: Any, directory: Path, name: str, manifest: Manifest, neuron: Any) -> Bucket:
    with loadable(directory, manifest, name) as path:
        if manifest.backend.name == "inductor":
            # Unpacked below TMPDIR for as long as it is in use; no C++ compiler is needed.
            module = importlib.import_module("torch._inductor").aoti_load_package(str(path))
        else:
            module = torch.jit.load(str(path), map_location="cpu")
            if (
                manifest.family == "neuronx"
                and manifest.request.get("compile", {}).get("weights") == "Separated"
            ):
                # Weights that are apart are copied to the core at each call otherwise.
                neuron.move_trace_to_device(module, 0)
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
