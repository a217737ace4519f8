"""The compiling process: everything that needs torch, apart from the process that reports to the operator.

Tracing can end the process it runs in; the parent makes a result of that. It tells its parent what happens
in JSON lines on a pipe: {"step": name} when a step begins, then {"compiled": ...} or {"failed": ...}.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from neuron_artifact import Benchmark, Bucket, Parity

from neuron_compiler import backends, benchmark, checkpoint, cpus, examples, parity, tasks
from neuron_compiler.backends import Backend
from neuron_compiler.failure import CompileError, classify
from neuron_compiler.message import failed
from neuron_compiler.metrics import Difference
from neuron_compiler.request import Request, parse

_DTYPES = {"INT64": torch.int64, "INT32": torch.int32}


@dataclass
class Clock:
    """Times of the steps in seconds; each step is announced when it begins."""

    announce: Callable[[Mapping[str, Any]], None]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds the time of the block to the step."""
        self.announce({"step": name})
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started


@dataclass(frozen=True)
class Reference:
    """A bucket, its example inputs as INT64 by name, and what the eager fp32 model makes of them."""

    bucket: Bucket
    cases: Mapping[str, tasks.Tensors]
    outputs: Mapping[str, tasks.Tensors]
    timing: benchmark.Timing | None


def buckets(request: Request) -> list[Bucket]:
    """One bucket for each sequence length, the shortest first."""
    batch = request.options.batch_size
    names = [(f"b{batch}_s{length}", length) for length in request.options.sequence_lengths]
    return [Bucket(name, batch, length, f"buckets/{name}/model.pt") for name, length in names]


def compile_model(request: Request, source: Path, output: Path, clock: Clock) -> dict[str, Any]:
    """Compiles, checks and measures every bucket; files go to `output`, the rest of the manifest is returned.

    The eager model is let go before a compiled one is loaded again, so that only one of them is in memory.
    Raises CompileError, or whatever the compiler raises.
    """
    with tempfile.TemporaryDirectory(prefix="compile-") as scratch:
        with clock.step("compile"):
            backend = backends.choose(request, Path(scratch))
            model = checkpoint.read(request, source, backend.attention)
            task = tasks.prepare(request, model, source)
            save_tokenizer(model, output / "tokenizer")
        count = sum(parameter.numel() for parameter in task.module.parameters())
        print(f"compile: {type(model.module).__name__}, {count / 1e6:.1f} million parameters", flush=True)
        references = [reference(request, task, bucket, clock) for bucket in buckets(request)]
        for item in references:
            with clock.step("compile"):
                compile_bucket(backend, task, item, output)
        facts = describe(task, backend)
        mask_index = task.inputs.index("attention_mask") if "attention_mask" in task.inputs else None
        outputs = task.outputs
        del model, task
        forget_traces()
        differences: list[Difference] = []
        measured: Benchmark | None = None
        for item in references:
            with clock.step("parity"):
                compiled = backend.load(output / item.bucket.path)
                if request.parity.policy != "Skip":
                    differences += check(compiled, backend, item, outputs, mask_index)
            if item.timing is not None:
                with clock.step("benchmark"):
                    measured = measure(compiled, backend, item, item.timing, request.benchmark_seconds)
            del compiled
    verdict = gate(differences, request)
    return {
        **facts,
        "buckets": [vars(item.bucket) for item in references],
        "parity": verdict.to_dict() if verdict else None,
        "benchmark": measured.to_dict() if measured else None,
        "seconds": {name: round(value, 3) for name, value in clock.seconds.items()},
    }


def forget_traces() -> None:
    """Frees models that were traced and are not used any more.

    torch registers the classes of traced modules for the life of the process, and their weights with them:
    for GPT-2 that would be a third of the peak. There is no public call for it.
    """
    gc.collect()
    torch._C._jit_clear_class_registry()
    gc.collect()


def reference(request: Request, task: tasks.Task, bucket: Bucket, clock: Clock) -> Reference:
    """The eager model's outputs for a bucket's examples, and its speed."""
    with torch.inference_mode():
        with clock.step("parity"):
            cases = examples.cases(task, bucket.batch, bucket.sequence, torch.int64)
            wanted = cases if request.parity.policy != "Skip" else {}
            outputs = {name: task.module(*tensors) for name, tensors in wanted.items()}
        if request.benchmark_seconds <= 0:
            return Reference(bucket, cases, outputs, None)
        with clock.step("benchmark"):
            timing = benchmark.measure(task.module, cases["full"], request.benchmark_seconds)
    print(
        f"benchmark: eager {bucket.name}, {bucket.batch * timing.calls_per_second:.1f} rows a second",
        flush=True,
    )
    return Reference(bucket, cases, outputs, timing)


def compile_bucket(backend: Backend, task: tasks.Task, item: Reference, output: Path) -> None:
    """Compiles one bucket. The example has padding, so that masks are not taken for constants."""
    started = time.monotonic()
    path = output / item.bucket.path
    path.parent.mkdir(parents=True)
    backend.compile(task.module, cast(item.cases["padded"], backend), path)
    took, size = time.monotonic() - started, path.stat().st_size
    print(f"compile: {item.bucket.name} in {took:.1f} s, {size / 1e6:.1f} MB", flush=True)


def check(
    compiled: backends.Compiled,
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
            actual = compiled(*cast(tensors, backend))
            found = parity.compare(item.outputs[name], actual, outputs, mask)
            print(
                f"parity: {item.bucket.name} {name}: max abs {found.value('MaxAbs'):.2e}, max rel "
                f"{found.max_rel:.2e}, cosine {found.cosine:.7f}",
                flush=True,
            )
            differences.append(found)
    return differences


def measure(
    compiled: backends.Compiled, backend: Backend, item: Reference, eager: benchmark.Timing, seconds: float
) -> Benchmark:
    """The benchmark of one bucket."""
    with torch.inference_mode():
        timing = benchmark.measure(compiled, cast(item.cases["full"], backend), seconds)
    result = benchmark.report(item.bucket.name, item.bucket.batch, seconds, timing, eager)
    print(
        f"benchmark: {result.bucket}: p50 {result.p50_milliseconds} ms, p99 {result.p99_milliseconds} ms, "
        f"{result.throughput_per_second} rows a second, {result.speed_up} times eager",
        flush=True,
    )
    return result


def gate(differences: list[Difference], request: Request) -> Parity | None:
    """The verdict on parity, None where it is skipped. Raises CompileError when it blocks."""
    if not differences:
        return None
    verdict = parity.judge(differences, request.parity)
    if not verdict.passed and request.parity.policy == "Block":
        raise CompileError(
            "ParityFailed",
            f"The compiled model differs from eager fp32 on the CPU: {verdict.metric} is "
            f"{verdict.value:.3g}, and {verdict.tolerance:.3g} is allowed. Cast less "
            "(spec.compile.autoCast), or raise the tolerance if your use allows it.",
            parity=verdict,
        )
    return verdict


def describe(task: tasks.Task, backend: Backend) -> dict[str, Any]:
    """What the manifest says of inputs, outputs and versions."""
    own_dtype = backend.trace_dtype if backend.trace_dtype != "INT64" else None
    return {
        "inputs": [{"name": name, "dtype": "INT64", "traceDtype": own_dtype} for name in task.inputs],
        "outputs": [vars(output) for output in task.outputs],
        "padValues": dict(task.pad_values),
        "labels": task.labels,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            **backend.versions(),
        },
    }


def save_tokenizer(model: checkpoint.Checkpoint, directory: Path) -> None:
    """Saves the configuration, and the tokenizer where there is one, in the form that loads fastest."""
    directory.mkdir(parents=True)
    model.config.save_pretrained(directory)
    if model.tokenizer is not None:
        model.tokenizer.save_pretrained(directory)


def cast(tensors: tasks.Tensors, backend: Backend) -> tasks.Tensors:
    """The inputs in the integer type that compiled modules take."""
    return tuple(tensor.to(_DTYPES[backend.trace_dtype]) for tensor in tensors)


def main(words: list[str]) -> int:
    """Compiles the request of the environment and reports on the pipe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--report", type=int, required=True)
    arguments = parser.parse_args(words)
    torch.set_num_threads(cpus.available())
    transformers.logging.set_verbosity_error()
    with os.fdopen(arguments.report, "w", buffering=1) as pipe:

        def announce(event: Mapping[str, Any]) -> None:
            pipe.write(json.dumps(event) + "\n")

        try:
            request = parse(os.environ["COMPILE_REQUEST"])
            announce(
                {"compiled": compile_model(request, arguments.source, arguments.output, Clock(announce))}
            )
        except Exception as error:
            if not isinstance(error, CompileError):
                traceback.print_exc()
            failure = classify(error)
            announce({"failed": {**failed(failure), "heals": failure.heals}})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
