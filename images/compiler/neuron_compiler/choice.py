"""Choosing a backend by measurement: the fastest of those whose numbers agree with eager fp32."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from neuron_artifact import Candidate

from neuron_compiler import benchmark, parity
from neuron_compiler.backends import Backend
from neuron_compiler.failure import classify, one_line
from neuron_compiler.request import ParityGate
from neuron_compiler.shapes import Clock, Reference, cast, check, compile_bucket, forget_traces
from neuron_compiler.tasks import Task

_TRIAL_SECONDS = 1.0


@dataclass(frozen=True)
class Choice:
    """The backend to compile with, what was measured of each that was tried, and how many seconds it took to
    compile the bucket.
    """

    backend: Backend
    candidates: tuple[Candidate, ...]
    seconds: float


def choose(
    backends: Sequence[Backend],
    task: Task,
    item: Reference,
    gate: ParityGate,
    paths: tuple[Path, Path],
    clock: Clock,
) -> Choice:
    """Tries every backend on one bucket, whose `item` has outputs to compare with, and keeps the fastest.

    `paths`: scratch space for the trials, and where the winner's file goes, without its suffix. A backend
    that fails to compile is passed over; the error of the last one is raised when none is left. Where no
    numbers agree, the last one compiled wins: parity, measured anew, then says what is wrong.
    """
    scratch, target = paths
    found: dict[int, Candidate] = {}
    took: dict[int, float] = {}
    failure: Exception | None = None
    for index, backend in enumerate(backends):
        if _is_settled(backend, found.values()):
            continue
        path = scratch / f"trial{index}" / f"model{backend.suffix}"
        try:
            with clock.step("compile"):
                took[index] = compile_bucket(backend, task.module, item, path)
                found[index] = _trial(backend, task, item, gate, path)
        except MemoryError:
            raise
        except Exception as error:  # whatever a compiler raises about a model
            failure = error
            print(
                f"compile: {backend.name} in {backend.precision} is passed over: {_text(error)}", flush=True
            )
    if not found:
        assert failure is not None
        raise failure
    passing = [index for index, candidate in found.items() if candidate.passed]
    best = max(passing, key=lambda index: found[index].throughput_per_second) if passing else max(found)
    winner = backends[best]
    source, destination = scratch / f"trial{best}" / f"model{winner.suffix}", f"{target}{winner.suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, destination)
    for index in range(len(backends)):
        shutil.rmtree(scratch / f"trial{index}", ignore_errors=True)
    print(f"compile: {winner.name} in {winner.precision} is chosen", flush=True)
    return Choice(winner, tuple(found.values()), took[best])


def _is_settled(backend: Backend, found: Iterable[Candidate]) -> bool:
    """Whether the same compiler has passed in a lower precision already, which is the faster one."""
    return any(candidate.name == backend.name and candidate.passed for candidate in found)


def _trial(backend: Backend, task: Task, item: Reference, gate: ParityGate, path: Path) -> Candidate:
    compiled = backend.load(path)
    differences = check(compiled, backend, item, task.outputs, task.mask_index)
    with torch.inference_mode():
        timing = benchmark.measure(compiled, cast(next(iter(item.cases.values())), backend), _TRIAL_SECONDS)
    del compiled
    forget_traces()
    verdict = parity.judge({item.bucket.name: differences}, gate, backend.precision)
    rows = round(item.bucket.batch * timing.calls_per_second, 3)
    print(
        f"compile: {backend.name} in {backend.precision}: {rows} rows a second, parity "
        f"{'passed' if verdict.passed else 'failed'}",
        flush=True,
    )
    return Candidate(backend.name, backend.precision, rows, verdict.max_rel, verdict.passed)


def _text(error: Exception) -> str:
    return one_line(classify(error).message)[:300]
