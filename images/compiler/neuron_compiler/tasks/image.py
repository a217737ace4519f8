"""image-classification: pixel values in, logits out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Bucket, Input, Output

from neuron_compiler.request import Request
from neuron_compiler.tasks.task import Task, Tensors
from neuron_compiler.vision import read
from neuron_compiler.vision.processor import Processor

_SEED = 20240301


class ImageLogits(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """logits: fp32 [batch, labels] of pixel_values [batch, 3, height, width]."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> Tensors:
        """The logits, which transformers wraps into an object and the others return as they are."""
        result = self.model(pixel_values)
        return (result if isinstance(result, torch.Tensor) else result.logits,)


def prepare(request: Request, directory: Path, attention: str | None) -> Task:
    """The task around the image model of a directory. Raises CompileError."""
    found = read(request, directory, attention)
    options = request.options
    sizes = options.image_sizes or (found.processor.size,)
    processor = found.processor.resized(max(sizes))

    def save(artifact: Path) -> None:
        target = artifact / "processor"
        target.mkdir(parents=True)
        (target / "preprocessor_config.json").write_text(json.dumps(processor.to_dict(), indent=2) + "\n")

    return Task(
        name=request.model.task,
        module=ImageLogits(found.module).eval(),
        architecture=found.architecture,
        inputs=(Input("pixel_values", "FP32", (3, "height", "width")),),
        outputs=(Output("logits", "FP32", (len(found.labels),)),),
        buckets=tuple(_bucket(batch, size) for size in sizes for batch in options.batch_sizes),
        cases=lambda bucket: _cases(bucket, processor),
        save=save,
        labels=found.labels,
        settings=_settings(found.module),
    )


def _bucket(batch: int, size: int) -> Bucket:
    name = f"b{batch}_i{size}"
    return Bucket(name, batch, {"height": size, "width": size}, f"buckets/{name}/model")


def _cases(bucket: Bucket, processor: Processor) -> Mapping[str, Tensors]:
    """Pictures as a processor makes them: `grainy` of pixels that have nothing to do with one another,
    `smooth` of large spots as photographs have them. The same bucket gets the same pictures.
    """
    height, width = bucket.axes["height"], bucket.axes["width"]
    generator = torch.Generator().manual_seed(_SEED + bucket.batch * 1_000_003 + height)
    grain = torch.rand((bucket.batch, 3, height, width), generator=generator)
    spots = torch.rand((bucket.batch, 3, 8, 8), generator=generator)
    smooth = torch.nn.functional.interpolate(spots, (height, width), mode="bilinear")
    mean, deviation = (
        torch.tensor(values).view(1, 3, 1, 1) for values in (processor.mean, processor.deviation)
    )
    return {
        "grainy": ((grain - mean) / deviation,),
        "smooth": (((0.9 * smooth + 0.1 * grain) - mean) / deviation,),
    }


def _settings(module: torch.nn.Module) -> dict[str, Any]:
    attention = getattr(getattr(module, "config", None), "_attn_implementation", None)
    return {} if attention is None else {"attn_implementation": attention}
