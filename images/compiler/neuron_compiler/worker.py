"""The compiling process: everything that needs torch, apart from the process that reports to the operator.

Tracing can end the process it runs in; the parent makes a result of that. It tells its parent what happens
in JSON lines on a pipe: {"step": name} when a step begins, then {"compiled": ...} or {"failed": ...}.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from neuron_artifact import Backend as BackendFacts
from neuron_artifact import Measurement

from neuron_compiler import backends, benchmark, checkpoint, cpus, gates, shapes, tasks
from neuron_compiler.choice import Choice, choose
from neuron_compiler.failure import CompileError, classify
from neuron_compiler.message import failed
from neuron_compiler.metrics import Difference
from neuron_compiler.request import Request, parse
from neuron_compiler.shapes import Clock, placed


def compile_model(request: Request, source: Path, output: Path, clock: Clock) -> dict[str, Any]:
    """Compiles, checks and measures every bucket; files go to `output`, the rest of the manifest is returned.

    Where several backends may serve the request they are tried on the longest bucket. The eager model is let
    go before a compiled one is loaded again, so that only one of them is in memory. Raises CompileError, or
    whatever the compiler raises.
    """
    with tempfile.TemporaryDirectory(prefix="compile-") as scratch:
        with clock.step("compile"):
            tried = backends.candidates(request, Path(scratch))
            model = checkpoint.read(request, source, tried[0].attention)
            task = tasks.prepare(request, model, source)
            save_tokenizer(model, output / "tokenizer")
        count = sum(parameter.numel() for parameter in task.module.parameters())
        print(f"compile: {type(model.module).__name__}, {count / 1e6:.1f} million parameters", flush=True)
        compared = request.parity.policy != "Skip"
        references = [
            shapes.reference(task, bucket, compared or len(tried) > 1, request.benchmark.seconds, clock)
            for bucket in shapes.buckets(request)
        ]
        choice, rest = Choice(tried[0], ()), references
        if len(tried) > 1:
            *rest, longest = references
            paths = (Path(scratch), output / longest.bucket.path)
            choice = choose(tried, task, longest, request.parity, paths, clock)
        backend = choice.backend
        for item in rest:
            with clock.step("compile"):
                shapes.compile_bucket(backend, task.module, item, output / placed(item.bucket, backend).path)
        facts = describe(task, choice)
        mask_index = task.inputs.index("attention_mask") if "attention_mask" in task.inputs else None
        outputs = task.outputs
        del model, task
        shapes.forget_traces()
        differences: dict[str, list[Difference]] = {}
        measured: list[Measurement] = []
        load_seconds = 0.0
        for item in references:
            with clock.step("parity"):
                started = time.monotonic()
                compiled = backend.load(output / placed(item.bucket, backend).path)
                load_seconds = time.monotonic() - started
                if compared:
                    name = item.bucket.name
                    differences[name] = shapes.check(compiled, backend, item, outputs, mask_index)
            if item.timing is not None:
                with clock.step("benchmark"):
                    measured += shapes.measure(compiled, backend, item, item.timing, request.benchmark)
            del compiled
    verdict = gates.parity_gate(differences, request.parity, backend.precision)
    report = benchmark.report(measured, load_seconds, request.benchmark) if measured else None
    gates.speed_gate(report, request.benchmark, verdict)
    return {
        **facts,
        "buckets": [vars(placed(item.bucket, backend)) for item in references],
        "parity": verdict.to_dict() if verdict else None,
        "benchmark": report.to_dict() if report else None,
        "seconds": {name: round(value, 3) for name, value in clock.seconds.items()},
    }


def describe(task: tasks.Task, choice: Choice) -> dict[str, Any]:
    """What the manifest says of the backend, of inputs, outputs and versions."""
    backend = choice.backend
    facts = BackendFacts(backend.name, backend.precision, backend.cpu_features, choice.candidates)
    own_dtype = backend.trace_dtype if backend.trace_dtype != "INT64" else None
    return {
        "backend": facts.to_dict(),
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
