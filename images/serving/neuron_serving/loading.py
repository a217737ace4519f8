"""From an artifact on disk to an Engine: TorchScript modules on this process's CPUs or NeuronCore."""

import importlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest

from neuron_serving import cores
from neuron_serving.engine import Bucket, Engine, Signature
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.plan import Shape, longest
from neuron_serving.tensors import Array, Limits

# V2 dtypes that tensors of a text model have -> numpy.
NUMPY = {"INT32": np.int32, "INT64": np.int64, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64}
# TorchScript profiles a module in its first runs and optimises it in the next.
WARM_UP_RUNS = 3
# An input's values are indices into a table whose size the model's config.json names.
TABLES = {"input_ids": "vocab_size", "token_type_ids": "type_vocab_size"}


def load(directory: Path, manifest: Manifest, instance_name: str, threads: int) -> Engine:
    """Load every bucket once and run it, so that the first request meets a warm model.

    instance_name is Triton's; on Neuron it decides the core, which is claimed before anything is loaded.
    threads is the number of CPU threads of this process. Raises what torch raises.
    """
    package = PACKAGE_OF_FAMILY.get(manifest.family)
    if package is not None:
        os.environ.update(cores.claim(instance_name, os.environ.get("NEURON_RT_VISIBLE_CORES")))
    import torch

    if package is not None:
        # Registers the classes of compiled modules, without which torch.jit.load fails.
        importlib.import_module(package)
    torch.set_num_threads(threads)
    shapes = tuple(Shape(bucket.batch, bucket.sequence) for bucket in manifest.buckets)
    engine = Engine(
        signature=signature(manifest, shapes, model_config(directory)),
        shapes=shapes,
        buckets=tuple(_bucket(torch, directory / bucket.path, manifest) for bucket in manifest.buckets),
    )
    warm_up(engine)
    return engine


def signature(manifest: Manifest, shapes: Sequence[Shape], config: dict[str, Any]) -> Signature:
    """Return the model's public face; config is the model's config.json, for the sizes of its tables."""
    tables = {name: config.get(key) for name, key in TABLES.items()} | {"attention_mask": 2}
    return Signature(
        inputs=tuple(tensor.name for tensor in manifest.inputs),
        pad=manifest.pad_values,
        outputs={tensor.name: tensor.dims for tensor in manifest.outputs},
        limits=Limits(
            longest(shapes), {name: size for name, size in tables.items() if isinstance(size, int)}
        ),
    )


def model_config(directory: Path) -> dict[str, Any]:
    """Return the model's config.json, which lies with the tokenizer; empty where there is none."""
    path = directory / "tokenizer" / "config.json"
    if not path.is_file():
        return {}
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def warm_up(engine: Engine) -> None:
    """Run every bucket with a full batch of the longest text it takes. Raises what a bucket raises."""
    names = engine.signature.inputs
    for shape, bucket in zip(engine.shapes, engine.buckets, strict=True):
        ones = [np.ones((shape.batch, shape.sequence), dtype=np.int64) for _ in names]
        arguments = [
            np.zeros_like(one) if name == "token_type_ids" else one
            for name, one in zip(names, ones, strict=True)
        ]
        for _ in range(WARM_UP_RUNS):
            bucket(arguments)


def _bucket(torch: Any, path: Path, manifest: Manifest) -> Bucket:
    if manifest.backend.name == "inductor":
        # Unpacked below TMPDIR for as long as it is in use; no C++ compiler is needed.
        module = importlib.import_module("torch._inductor").aoti_load_package(str(path))
    else:
        module = torch.jit.load(str(path), map_location="cpu")
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
