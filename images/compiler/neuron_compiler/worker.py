"""The compiling process: everything that needs torch, apart from the process that reports to the operator.

Tracing can end the process it runs in; the parent makes a result of that.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from neuron_artifact import Backend as BackendFacts
from neuron_artifact import Benchmark, Measurement, Parity

from neuron_compiler import backends, benchmark, cpus, gates, shapes, tasks
from neuron_compiler import references as kept_examples
from neuron_compiler.answers import kept as kept_answers
from neuron_compiler.answers.gate import AnswersGate
from neuron_compiler.answers.reference import ask_library
from neuron_compiler.backends import Backend
from neuron_compiler.buckets import Place, compile_buckets
from neuron_compiler.choice import Choice
from neuron_compiler.metrics import Difference
from neuron_compiler.newer.reading import readable
from neuron_compiler.pipeline import make_manifest
from neuron_compiler.progress import Progress
from neuron_compiler.request import Request, parse
from neuron_compiler.shapes import Clock, Reference, placed
from neuron_compiler.sources import Source
from neuron_compiler.speaking import leave, report_to


def compile_model(request: Request, source: Path, output: Path, clock: Clock) -> dict[str, Any]:
    """Compiles, checks and measures every bucket; files go to `output`, the rest of the manifest is returned.

    Raises CompileError, or whatever the compiler raises.
    """
    with readable(request.model, source) as said:
        return _compile(request, said, output, clock)


def _compile(request: Request, source: Path, output: Path, clock: Clock) -> dict[str, Any]:
    """The eager model is let go before a compiled one is loaded again, so that only one of them is in
    memory.
    """
    with tempfile.TemporaryDirectory(prefix="compile-") as scratch:
        with clock.step("compile"):
            tried = backends.candidates(request, Path(scratch))
            with clock.reading(request.model.uri):
                task = tasks.prepare(request, source, tried[0].attention)
                task.save(output)
        count = sum(parameter.numel() for parameter in task.module.parameters())
        print(f"compile: {task.architecture}, {count / 1e6:.1f} million parameters", flush=True)
        # What an ordinary node compiles may be compared later, when the policy is no longer Skip.
        compared = request.parity.policy != "Skip" or request.verified_elsewhere
        references = [
            shapes.reference(task, bucket, compared or len(tried) > 1, request.benchmark.seconds, clock)
            for bucket in task.buckets
        ]
        place = Place(source, output, Path(scratch))
        choice = compile_buckets(request, task, tried, references, place, clock)
        backend = choice.backend
        facts = describe(task, choice, references)
        if request.verified_elsewhere:
            for item in references:
                kept_examples.save(item, task, output)
            with clock.step("parity"):
                kept_answers.save(ask_library(request, source, task.labels or ()), output)
            return result(facts, references, backend, None, None, clock)
        outputs, mask_index = task.outputs, task.mask_index
        del task
        shapes.forget_traces()
        differences: dict[str, list[Difference]] = {}
        measured: list[Measurement] = []
        load_seconds = 0.0
        answers = None
        if compared:
            with clock.step("parity"):
                so_far = result(facts, references, backend, None, None, clock)
                draft = make_manifest(request, Source(source, None), so_far, {})
                answers = AnswersGate.of(request, source, output, draft, backend.precision)
        checked = Progress("parity", "buckets", len(references))
        for item in references:
            with clock.step("parity"):
                started = time.monotonic()
                compiled = backend.load(output / placed(item.bucket, backend).path)
                load_seconds = time.monotonic() - started
                if compared:
                    name = item.bucket.name
                    differences[name] = shapes.check(compiled, backend, item, outputs, mask_index)
                if answers is not None:
                    answers.run(placed(item.bucket, backend), compiled)
            if item.baseline is not None:
                with clock.step("benchmark"):
                    measured += shapes.measure(compiled, backend, item, item.baseline, request.benchmark)
            del compiled
            checked.advance(1)
    found = answers.result() if answers is not None else None
    verdict = gates.parity_gate(differences, request.parity, backend.precision, found)
    report = benchmark.report(measured, load_seconds, request.benchmark) if measured else None
    gates.speed_gate(report, request.benchmark, verdict)
    return result(facts, references, backend, verdict, report, clock)


def result(
    facts: Mapping[str, Any],
    references: Sequence[Reference],
    backend: Backend,
    verdict: Parity | None,
    report: Benchmark | None,
    clock: Clock,
) -> dict[str, Any]:
    """What the manifest says beyond the request."""
    return {
        **facts,
        "buckets": [vars(placed(item.bucket, backend)) for item in references],
        "parity": verdict.to_dict() if verdict else None,
        "benchmark": report.to_dict() if report else None,
        "seconds": {name: round(value, 3) for name, value in clock.seconds.items()},
    }


def describe(task: tasks.Task, choice: Choice, references: Sequence[Reference]) -> dict[str, Any]:
    """What the manifest says of the backend, of inputs, outputs and versions."""
    backend = choice.backend
    facts = BackendFacts(
        backend.name, backend.precision, backend.cpu_features, choice.candidates, backend.device_share
    )
    own_dtype = backend.trace_dtype if backend.trace_dtype != "INT64" else None
    return {
        "task": task.name,
        "pooling": task.pooling,
        "architecture": task.architecture,
        "wrapper": type(task.module).__name__,
        "settings": dict(task.settings),
        "backend": facts.to_dict(),
        "baseline": {
            item.bucket.name: round(item.baseline, 3) for item in references if item.baseline is not None
        },
        "inputs": [
            {**vars(tensor), "traceDtype": own_dtype if tensor.dtype == "INT64" else None}
            for tensor in task.inputs
        ],
        "outputs": [vars(output) for output in task.outputs],
        "padValues": dict(task.pad_values),
        "labels": task.labels,
        "checkpoint": dict(task.checkpoint),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            **backend.versions(),
        },
    }


def main(words: list[str]) -> int:
    """Compiles the request of the environment and reports on the pipe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--report", type=int, required=True)
    arguments = parser.parse_args(words)
    torch.set_num_threads(cpus.available())
    transformers.logging.set_verbosity_error()
    # It warns on every machine without a GPU.
    logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)

    def work(clock: Clock) -> Mapping[str, Any]:
        request = parse(os.environ["COMPILE_REQUEST"])
        return compile_model(request, arguments.source, arguments.output, clock)

    report_to(arguments.report, work)
    return 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
