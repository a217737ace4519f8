"""Triton's model repository for one artifact: what config.pbtxt says, and the files on disk."""

from pathlib import Path

from neuron_artifact import Manifest
from neuron_serving import cores
from neuron_serving.limits import max_rows, public_sizes
from neuron_serving.settings import Settings
from neuron_serving.tensornames import OPTIONAL

from neuron_triton.modelconfig import DynamicBatching, ModelConfig, Tensor, to_prototxt

MODEL_SOURCE = 'from neuron_triton.model import TritonPythonModel\n\n__all__ = ["TritonPythonModel"]\n'
# Requests that may wait for the model; the front and the guard together let fewer through.
MAX_QUEUE = 1024


def model_config(manifest: Manifest, settings: Settings, directory: Path) -> ModelConfig:
    """Return the configuration that serves the artifact in directory.

    Sizes of named axes are declared as -1: the model pads lengths up to its largest bucket, and checks
    others. One instance serves a CPU with all its threads, which measures best; on Neuron there is one
    instance for each core, or for each pipeline of cores. No request waits for others unless that is asked
    for: while the model is busy they gather by themselves, and an idle one starts at once.
    """
    batch = max(bucket.batch for bucket in manifest.buckets)
    instances = max(1, settings.cores // cores.pipeline(manifest))
    return ModelConfig(
        name=settings.model_name,
        max_batch_size=max_rows(manifest),
        inputs=tuple(
            Tensor(
                tensor.name,
                tensor.dtype,
                tuple(map(_dimension, tensor.dims)),
                optional=tensor.name in OPTIONAL,
                ragged=batch > 1 and any(isinstance(dim, str) for dim in tensor.dims),
            )
            for tensor in manifest.inputs
        ),
        outputs=tuple(
            Tensor(tensor.name, tensor.dtype, tuple(map(_dimension, tensor.dims)))
            for tensor in manifest.outputs
        ),
        instances=instances,
        dynamic_batching=_batching(batch, settings),
        parameters=(
            ("artifact", str(directory)),
            ("threads", str(max(1, settings.cpus // instances))),
            ("cores", str(settings.cores)),
            *public_sizes(manifest).items(),
        ),
    )


def _batching(largest: int, settings: Settings) -> DynamicBatching | None:
    """Up to the largest compiled batch of rows together, unless something else is asked for."""
    rows = settings.batch_rows or largest
    return DynamicBatching(rows, 1000 * (settings.batch_delay or 0), MAX_QUEUE) if rows > 1 else None


def write(root: Path, config: ModelConfig) -> None:
    """Write <root>/<model>/config.pbtxt and its version 1, over what an earlier start left."""
    version = root / config.name / "1"
    version.mkdir(parents=True, exist_ok=True)
    (root / config.name / "config.pbtxt").write_text(to_prototxt(config), encoding="utf-8")
    (version / "model.py").write_text(MODEL_SOURCE, encoding="utf-8")


def _dimension(dim: int | str) -> int:
    return dim if isinstance(dim, int) else -1
