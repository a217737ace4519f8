"""Compiling all buckets: the largest one, which tells with what and how many at a time, then the others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neuron_compiler import concurrency, cpus, shapes
from neuron_compiler.backends import Backend
from neuron_compiler.choice import Choice, choose
from neuron_compiler.progress import Progress
from neuron_compiler.request import Request
from neuron_compiler.shapes import Clock, Reference, placed
from neuron_compiler.tasks import Task


@dataclass(frozen=True)
class Place:
    """Where the model's files are, where the artifact's go, and where what nobody keeps may go."""

    source: Path
    output: Path
    scratch: Path


def compile_buckets(
    request: Request,
    task: Task,
    tried: Sequence[Backend],
    references: Sequence[Reference],
    place: Place,
    clock: Clock,
) -> Choice:
    """Compiles the largest bucket first, with each backend that is tried, and the others with the chosen one:
    several at a time where the memory that the largest took leaves room, else one after another.
    """
    made = Progress("compile", "buckets", len(references))
    *rest, largest = references
    if len(tried) > 1:
        paths = (place.scratch, place.output / largest.bucket.path)
        choice = choose(tried, task, largest, request.parity, paths, clock)
    else:
        with clock.step("compile"):
            path = place.output / placed(largest.bucket, tried[0]).path
            choice = Choice(tried[0], (), shapes.compile_bucket(tried[0], task.module, largest, path))
    made.advance(1)
    backend = choice.backend
    workers = 1
    if not backend.claims_device:
        room = concurrency.memory(os.environ)
        workers = concurrency.at_once(len(rest), choice.seconds, room, cpus.available())
    with clock.step("compile"):
        if workers > 1:
            names = [item.bucket.name for item in reversed(rest)]
            by = (backend.name, backend.precision)
            concurrency.compile_apart(place.source, place.output, by, names, workers, made)
            return choice
        for item in rest:
            path = place.output / placed(item.bucket, backend).path
            shapes.compile_bucket(backend, task.module, item, path)
            made.advance(1)
    return choice
