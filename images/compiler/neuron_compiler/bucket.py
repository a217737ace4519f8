"""The process that compiles one bucket, where several are compiled at a time.

It speaks to the compiling process as that one does to its own parent.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from neuron_compiler import backends, cpus, shapes, tasks
from neuron_compiler.request import parse
from neuron_compiler.shapes import Clock, Reference, placed
from neuron_compiler.speaking import leave, report_to


def main(words: list[str]) -> int:
    """Compiles one bucket of the environment's request and reports on the pipe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--precision", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--threads-of", type=int, required=True, help="processes that share the processors")
    parser.add_argument("--report", type=int, required=True)
    arguments = parser.parse_args(words)
    torch.set_num_threads(max(1, cpus.available() // arguments.threads_of))
    transformers.logging.set_verbosity_error()

    def work(clock: Clock) -> Mapping[str, Any]:
        request = parse(os.environ["COMPILE_REQUEST"])
        with tempfile.TemporaryDirectory(prefix="compile-") as scratch, clock.step("compile"):
            candidates = backends.candidates(request, Path(scratch))
            backend = backends.named(candidates, arguments.backend, arguments.precision)
            task = tasks.prepare(request, arguments.source, backend.attention)
            bucket = next(each for each in task.buckets if each.name == arguments.bucket)
            path = arguments.output / placed(bucket, backend).path
            item = Reference(bucket, task.cases(bucket), {}, None)
            shapes.compile_bucket(backend, task.module, item, path)
        return {}

    report_to(arguments.report, work)
    return 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
