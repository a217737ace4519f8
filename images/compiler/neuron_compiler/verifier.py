"""The verifying process: loads a compiled artifact, compares and measures it.

Loading can end the process it runs in; it speaks to its parent as the compiling process does.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Manifest, Measurement, read_manifest

from neuron_compiler import backends, benchmark, cpus, gates, references, shapes, tasks
from neuron_compiler.answers.gate import AnswersGate
from neuron_compiler.backends import Backend
from neuron_compiler.metrics import Difference
from neuron_compiler.request import Request, parse
from neuron_compiler.shapes import Clock, Reference
from neuron_compiler.speaking import leave, report_to


def verify(
    request: Request, artifact: Path, manifest: Manifest, clock: Clock, source: Path | None = None
) -> dict[str, Any]:
    """Parity, benchmark and versions of an artifact, as this machine finds them. Raises CompileError, or
    whatever loading raises.

    With `source`, the model's files, the eager model is asked anew and nothing is measured but parity.
    """
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        made = manifest.backend
        backend = backends.named(backends.candidates(request, Path(scratch)), made.name, made.precision)
    names = [tensor.name for tensor in manifest.inputs]
    mask = names.index("attention_mask") if "attention_mask" in names else None
    differences: dict[str, list[Difference]] = {}
    measured: list[Measurement] = []
    load_seconds = 0.0
    fresh = {} if source is None else _fresh(request, source, backend, manifest, clock)
    answers = None
    if request.parity.policy != "Skip":
        with clock.step("parity"):
            answers = AnswersGate.of(request, source, artifact, manifest, backend.precision)
    for bucket in manifest.buckets:
        with clock.step("parity"):
            item = fresh.get(bucket.name) or references.load(manifest, bucket, artifact)
            started = time.monotonic()
            compiled = backend.load(artifact / bucket.path)
            load_seconds = time.monotonic() - started
            if item.outputs and request.parity.policy != "Skip":
                differences[bucket.name] = shapes.check(compiled, backend, item, manifest.outputs, mask)
            if answers is not None:
                answers.run(bucket, compiled)
        if source is None and bucket.name in manifest.baseline and request.benchmark.seconds > 0:
            with clock.step("benchmark"):
                baseline = manifest.baseline[bucket.name]
                measured += shapes.measure(compiled, backend, item, baseline, request.benchmark)
        del compiled
    found = answers.result() if answers is not None else None
    verdict = gates.parity_gate(differences, request.parity, backend.precision, found)
    report = benchmark.report(measured, load_seconds, request.benchmark) if measured else None
    gates.speed_gate(report, request.benchmark, verdict)
    return {
        "parity": verdict.to_dict() if verdict else None,
        "benchmark": report.to_dict() if report else None,
        "versions": {**manifest.versions, **backend.versions()},
        "seconds": {name: round(value, 3) for name, value in clock.seconds.items()},
    }


def _fresh(
    request: Request, source: Path, backend: Backend, manifest: Manifest, clock: Clock
) -> dict[str, Reference]:
    """Each bucket's examples with what the eager model makes of them; the model is let go again."""
    with clock.step("parity"):
        task = tasks.prepare(request, source, backend.attention)
    return {bucket.name: shapes.reference(task, bucket, True, 0, clock) for bucket in manifest.buckets}


def main(words: list[str]) -> int:
    """Verifies the artifact of the environment's request and reports on the pipe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--report", type=int, required=True)
    arguments = parser.parse_args(words)
    torch.set_num_threads(cpus.available())

    def work(clock: Clock) -> Mapping[str, Any]:
        request = parse(os.environ["COMPILE_REQUEST"])
        manifest = read_manifest(arguments.artifact)
        return verify(request, arguments.artifact, manifest, clock, arguments.source)

    report_to(arguments.report, work)
    return 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
