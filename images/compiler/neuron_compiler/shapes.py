"""One bucket at a time: its eager reference, its compilation, its comparison and its measurement."""

from __future__ import annotations

import gc
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Bucket, Measurement

from neuron_compiler import benchmark, parity
from neuron_compiler.backends import Backend, Compiled
from neuron_compiler.failure import CompileError, of_model
from neuron_compiler.metrics import Difference
from neuron_compiler.request import BenchmarkOrder
from neuron_compiler.tasks import Task, Tensors

# Inputs of models that see more than a text or a picture.
_OTHER_INPUTS = (
    *("bbox", "boxes", "pixel_values", "image", "visual_feats", "visual_pos", "lang_ids", "langs"),
    *("entity_ids", "xpath_tags_seq", "decoder_input_ids", "input_features", "speech"),
)
_ANOTHER_WAY = (
    " A compiled model takes one way through the network: this one takes another for other inputs, as where "
    "each token chooses its experts."
)
_DTYPES = {"INT64": torch.int64, "INT32": torch.int32}


@dataclass
class Clock:
    """Times of the steps in seconds; each step is announced when it begins."""

    announce: Callable[[Mapping[str, Any]], None]
    seconds: dict[str, float] = field(default_factory=dict)
    begun: str = "compile"
    """The step that has begun last."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds the time of the block to the step."""
        self.begun = name
        self.announce({"step": name})
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    @contextmanager
    def reading(self, uri: str) -> Iterator[None]:
        """Says that the block reads the model of that uri: what ends the process here is in its files."""
        self.announce({"step": self.begun, "reading": uri})
        yield
        self.announce({"step": self.begun, "reading": None})


@dataclass(frozen=True)
class Reference:
    """A bucket, its example inputs by the name of the case, and what the eager fp32 model makes of them.

    `outputs` is empty where nothing will be compared, `baseline`, the eager model's rows
    a second, None where nothing is measured. The bucket's
    path has no suffix yet: that is the backend's.
    """

    bucket: Bucket
    cases: Mapping[str, Tensors]
    outputs: Mapping[str, Tensors]
    baseline: float | None


def placed(bucket: Bucket, backend: Backend) -> Bucket:
    """The bucket with its path as the backend writes it."""
    return replace(bucket, path=bucket.path + backend.suffix)


def reference(task: Task, bucket: Bucket, compared: bool, seconds: float, clock: Clock) -> Reference:
    """The eager model's outputs for a bucket's examples where they are compared, and its speed where it is
    measured for more than 0 seconds.
    """
    with torch.inference_mode():
        with clock.step("parity"):
            cases = task.cases(bucket)
            wanted = cases if compared else {}
            try:
                outputs = {name: task.module(*tensors) for name, tensors in wanted.items()}
            except MemoryError:
                raise
            except Exception as error:  # whatever a model's own code raises
                raise of_model(error, task.architecture, "computed", _lacking(task)) from error
            _check_finite(task, outputs)
        if seconds <= 0:
            return Reference(bucket, cases, outputs, None)
        with clock.step("benchmark"):
            timing = benchmark.measure(task.module, next(iter(cases.values())), seconds)
    rows = bucket.batch * timing.calls_per_second
    print(f"benchmark: eager {bucket.name}, {rows:.1f} rows a second", flush=True)
    return Reference(bucket, cases, outputs, rows)


def _check_finite(task: Task, outputs: Mapping[str, Tensors]) -> None:
    """Raises CompileError where the weights themselves make outputs that are no numbers."""
    made = [tensor for tensors in outputs.values() for tensor in tensors if tensor.is_floating_point()]
    if all(bool(torch.isfinite(tensor).all()) for tensor in made):
        return
    names = [name for name, value in task.module.named_parameters() if not torch.isfinite(value).all()]
    if names:
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {task.architecture} hold NaN or infinity ({', '.join(names[:3])}): take a "
            "checkpoint from before training diverged, or one that is whole.",
        )


def _lacking(task: Task) -> str:
    """What a model takes beside what it is given: texts have nothing to fill that with."""
    model = getattr(task.module, "model", None)
    given = [tensor.name for tensor in task.inputs]
    known = inspect.signature(model.forward).parameters if isinstance(model, torch.nn.Module) else {}
    others = [name for name in known if name in _OTHER_INPUTS and name not in given]
    if not others:
        return ""
    return f" It is given {', '.join(given)}, and also takes {', '.join(others)}, which no request here has."


def compile_bucket(backend: Backend, module: torch.nn.Module, item: Reference, path: Path) -> float:
    """Compiles one bucket and returns the seconds that took.

    A text's last example has padding, so that masks are not taken for constants.
    """
    started = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        backend.compile(module, cast([*item.cases.values()][-1], backend), path)
    except MemoryError:
        raise
    except Exception as error:  # whatever a compiler raises about a model
        name = type(getattr(module, "model", module)).__name__
        raise of_model(error, name, f"compiled by {backend.name}") from error
    took, size = time.monotonic() - started, path.stat().st_size
    print(
        f"compile: {item.bucket.name} by {backend.name} in {backend.precision}: {took:.1f} s, "
        f"{size / 1e6:.1f} MB",
        flush=True,
    )
    return took


def check(
    compiled: Compiled,
    backend: Backend,
    item: Reference,
    outputs: tuple[Any, ...],
    mask_index: int | None,
) -> list[Difference]:
    """The differences between the compiled and the eager model on a bucket's examples."""
    differences = []
    with torch.inference_mode():
        for name, tensors in item.cases.items():
            mask = tensors[mask_index] if mask_index is not None else None
            try:
                actual = compiled(*cast(tensors, backend))
            except MemoryError:
                raise
            except Exception as error:  # whatever a compiled module raises
                raise of_model(
                    error, f"The model as {backend.name} compiled it", "run", _ANOTHER_WAY
                ) from error
            found = parity.compare(item.outputs[name], actual, outputs, mask)
            print(
                f"parity: {item.bucket.name} {name}: max abs {found.value('MaxAbs'):.2e}, max rel "
                f"{found.max_rel:.2e}, cosine {found.cosine:.7f}",
                flush=True,
            )
            differences.append(found)
    return differences


def measure(
    compiled: Compiled, backend: Backend, item: Reference, baseline: float, order: BenchmarkOrder
) -> list[Measurement]:
    """The figures of one bucket at each concurrency; `baseline` is the eager model's rows a second."""
    found = []
    inputs = cast(next(iter(item.cases.values())), backend)
    for concurrency in order.concurrencies:
        with torch.inference_mode():
            timing = benchmark.measure(compiled, inputs, order.seconds, concurrency)
        result = benchmark.measurement(item.bucket, concurrency, timing, baseline)
        print(
            f"benchmark: {result.bucket}, {concurrency} at a time: p50 {result.p50_milliseconds} ms, "
            f"p99 {result.p99_milliseconds} ms, {result.throughput_per_second} rows a second, "
            f"{result.throughput_per_second / baseline:.2f} times eager",
            flush=True,
        )
        found.append(result)
    return found


def cast(tensors: Tensors, backend: Backend) -> Tensors:
    """The inputs as compiled modules take them: integers in the backend's type."""
    wanted = _DTYPES[backend.trace_dtype]
    return tuple(tensor.to(wanted) if tensor.dtype == torch.int64 else tensor for tensor in tensors)


def forget_traces() -> None:
    """Frees models that were traced and are not used any more.

    torch registers the classes of traced modules for the life of the process, and their weights with them:
    for GPT-2 that would be a third of the peak. There is no public call for it.
    """
    gc.collect()
    torch._C._jit_clear_class_registry()
    gc.collect()
