"""Tasks on pictures: pixel values in, logits or vectors out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Bucket, Input, Output

from neuron_compiler import inventory
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Request
from neuron_compiler.tasks.task import Task, Tensors
from neuron_compiler.vision import VisionModel, read

_SEED = 20240301
_CLASSIFIES = "image-classification"
# How a picture's vector is made, as the manifest says it.
_POOLER = "Pooler"


class _Forward(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """A vision model called with pixel_values fp32 [batch, 3, height, width]."""

    def __init__(self, model: Any, kind: str) -> None:
        super().__init__()
        self.model = model
        # transformers' models know their inputs by name; some of them have others before this one.
        self.by_name = kind == "transformers"

    def result(self, pixel_values: torch.Tensor) -> Any:
        """What the model returns."""
        return self.model(pixel_values=pixel_values) if self.by_name else self.model(pixel_values)


class ImageLogits(_Forward):
    """logits: fp32 [batch, labels]."""

    def forward(self, pixel_values: torch.Tensor) -> Tensors:
        """The logits, which transformers wraps into an object and the others return as they are."""
        result = self.result(pixel_values)
        return (result if isinstance(result, torch.Tensor) else result.logits,)


class ImageVector(_Forward):
    """embedding: fp32 [batch, hidden], as the model itself makes one vector of a picture: by its pooler, or
    by the projection that compares pictures with texts.
    """

    def forward(self, pixel_values: torch.Tensor) -> Tensors:
        """The vector, without the edges of 1 x 1 that convolutional networks leave."""
        if hasattr(self.model, "get_image_features"):
            result = self.model.get_image_features(pixel_values=pixel_values)
        else:
            result = self.result(pixel_values)
        return (_vector_of(result).flatten(1),)


class ImageTokens(_Forward):
    """last_hidden_state: fp32 [batch, tokens, hidden], or [batch, channels, height, width]."""

    def forward(self, pixel_values: torch.Tensor) -> Tensors:
        """The model's last features, one vector for each part of a picture."""
        return (self.tokens(pixel_values),)

    def tokens(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """The same, as a tensor."""
        if not self.by_name:
            features: torch.Tensor = self.model.forward_features(pixel_values)
            return features
        tower = self.model.vision_model if hasattr(self.model, "get_image_features") else self.model
        result: torch.Tensor = tower(pixel_values=pixel_values)[0]
        return result


class PooledTokens(ImageTokens):
    """embedding: fp32 [batch, hidden], the first of the tokens' vectors, or the mean of all."""

    def __init__(self, model: Any, kind: str, first: bool) -> None:
        super().__init__(model, kind)
        self.first = first

    def forward(self, pixel_values: torch.Tensor) -> Tensors:
        """The vector."""
        tokens = self.tokens(pixel_values)
        if tokens.dim() == 4:
            tokens = tokens.flatten(2).transpose(1, 2)
        return (tokens[:, 0] if self.first else tokens.mean(1),)


@dataclass(frozen=True)
class _Head:
    """What a task adds to a model: the wrapper, the name of what it returns, and how a vector is made."""

    module: torch.nn.Module
    output: str
    pooling: str | None = None


def prepare(request: Request, directory: Path, attention: str | None) -> Task:
    """The task around the vision model of a directory. Raises CompileError."""
    found = read(request, directory, attention)
    sizes = _sizes(request, found)
    head = _head(request, found)
    module = head.module.eval()
    dims = [_dims(module, size, found.architecture) for size in sizes]
    if any(each != dims[0] for each in dims):
        raise CompileError(
            "UnsupportedArchitecture",
            f"{found.architecture} gives {head.output} another shape for each size of pictures "
            f"({', '.join(str(each) for each in dims)}): name one in spec.compile.imageSizes, or set "
            "spec.model.pooling to Mean.",
        )
    _check(head, dims[0], found, request)
    notes = list(found.not_applied)
    if found.processor is None:
        notes.append("There is no image processor, so that the model is served with tensors only.")
    files = inventory.take(request.model, directory, tuple(notes))
    files.say()

    def save(artifact: Path) -> None:
        if found.processor is not None:
            found.processor.save(artifact / "processor")

    return Task(
        name=request.model.task,
        module=module,
        architecture=found.architecture,
        inputs=(Input("pixel_values", "FP32", (3, "height", "width")),),
        outputs=(Output(head.output, "FP32", dims[0]),),
        buckets=tuple(_bucket(batch, *size) for size in sizes for batch in request.options.batch_sizes),
        cases=lambda bucket: _cases(bucket, found),
        save=save,
        labels=found.labels or None,
        pooling=head.pooling,
        settings=_settings(request, found),
        checkpoint=files.to_dict(),
    )


def _sizes(request: Request, found: VisionModel) -> tuple[tuple[int, int], ...]:
    """Heights and widths to compile for, the largest last: that is the one that pictures are made to."""
    if request.options.image_sizes:
        return tuple((size, size) for size in request.options.image_sizes)
    own = found.processor.size if found.processor is not None else found.own_size
    if own is None:
        raise CompileError(
            "ModelUnreadable",
            f"{request.model.uri} has no preprocessor_config.json, and its config.json no image_size: set "
            "spec.compile.imageSizes.",
        )
    return (own,)


def _head(request: Request, found: VisionModel) -> _Head:
    model, kind = found.module, found.kind
    if request.model.task == _CLASSIFIES:
        return _Head(ImageLogits(model, kind), "logits")
    wanted = request.model.pooling
    if wanted == "Auto" and not found.without_pooler and _has_vector(found):
        return _Head(ImageVector(model, kind), "embedding", _POOLER)
    if wanted in ("Auto", "None"):
        return _Head(ImageTokens(model, kind), "last_hidden_state")
    return _Head(PooledTokens(model, kind, wanted == "Cls"), "embedding", wanted)


def _has_vector(found: VisionModel) -> bool:
    """Whether the model itself makes one vector of a picture, which only running it tells."""
    size = found.processor.size if found.processor is not None else found.own_size or (224, 224)
    try:
        with torch.inference_mode():
            (vector,) = ImageVector(found.module, found.kind)(torch.zeros(1, 3, *size))
    # It does not, or it can't take this size, which is told further on.
    except Exception:
        return False
    return bool(vector.dim() == 2)


def _vector_of(result: Any) -> torch.Tensor:
    if isinstance(result, torch.Tensor):
        if result.dim() != 2:
            raise TypeError("the model has no pooled features")
        return result
    for name in ("image_embeds", "pooler_output"):
        vector = getattr(result, name, None)
        if vector is not None:
            pooled: torch.Tensor = vector
            return pooled
    raise TypeError("the model has no pooled features")


def _dims(module: torch.nn.Module, size: tuple[int, int], architecture: str) -> tuple[int, ...]:
    """The dims of what a model returns for one picture of a size. Raises CompileError where it takes none."""
    try:
        with torch.inference_mode():
            (output,) = module(torch.zeros(1, 3, *size))
    except MemoryError:
        raise
    except Exception as error:  # each model checks its inputs in its own way, or fails in its layers
        raise CompileError(
            "UnsupportedArchitecture",
            f"{architecture} can't take pictures of {size[0]} x {size[1]} pixels alone "
            f"({one_line(f'{type(error).__name__}: {error}')[:300]}): correct spec.compile.imageSizes or the "
            "image processor; a model with further inputs needs the task custom.",
        ) from error
    if not isinstance(output, torch.Tensor) or not output.is_floating_point():
        raise CompileError(
            "UnsupportedArchitecture",
            f"{architecture} returns {type(output).__name__} where one tensor is wanted: use the task "
            "custom.",
        )
    return tuple(int(dim) for dim in output.shape[1:])


def _check(head: _Head, dims: tuple[int, ...], found: VisionModel, request: Request) -> None:
    if head.output == "logits" and dims != (len(found.labels),):
        raise CompileError(
            "ModelUnreadable",
            f"{found.architecture} of {request.model.uri} gives {' x '.join(map(str, dims))} numbers for "
            f"{len(found.labels)} labels: it is no classifier of whole pictures.",
        )


def _bucket(batch: int, height: int, width: int) -> Bucket:
    name = f"b{batch}_i{height}" if height == width else f"b{batch}_i{height}x{width}"
    return Bucket(name, batch, {"height": height, "width": width}, f"buckets/{name}/model")


def _cases(bucket: Bucket, found: VisionModel) -> Mapping[str, Tensors]:
    """Pictures as a processor makes them: `grainy` of pixels that have nothing to do with one another,
    `smooth` of large spots as photographs have them. The same bucket gets the same pictures.
    """
    height, width = bucket.axes["height"], bucket.axes["width"]
    generator = torch.Generator().manual_seed(_SEED + bucket.batch * 1_000_003 + height)
    grain = torch.rand((bucket.batch, 3, height, width), generator=generator)
    spots = torch.rand((bucket.batch, 3, 8, 8), generator=generator)
    smooth = torch.nn.functional.interpolate(spots, (height, width), mode="bilinear")
    given = found.processor
    mean = torch.tensor(given.mean if given else (0.5,) * 3).view(1, 3, 1, 1)
    deviation = torch.tensor(given.deviation if given else (0.5,) * 3).view(1, 3, 1, 1)
    return {
        "grainy": ((grain - mean) / deviation,),
        "smooth": (((0.9 * smooth + 0.1 * grain) - mean) / deviation,),
    }


def _settings(request: Request, found: VisionModel) -> dict[str, Any]:
    said: dict[str, Any] = {} if found.attention is None else {"attn_implementation": found.attention}
    if request.model.task == _CLASSIFIES:
        said["function_to_apply"] = found.function
    return said
