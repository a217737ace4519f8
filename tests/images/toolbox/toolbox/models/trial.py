"""One subject: made, compiled, served through the door in this process, and compared with its library."""

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Publication, read_manifest
from neuron_compiler import failure, pipeline, worker
from neuron_compiler.request import parse
from neuron_compiler.shapes import Clock, forget_traces
from neuron_compiler.sources import Source, files
from neuron_serving.doors.face import kind_of
from neuron_serving.doors.opening import open_door
from neuron_serving.loading import load

from toolbox.measure.requests import request
from toolbox.models import library
from toolbox.models.subjects import LENGTHS, NotMadeError, Subject

RIGHT, REFUSED, WRONG, CRASHED = "right", "refused", "wrong", "crashed"
NOT_MADE, NOT_COMPARED = "not made", "not compared"
# An answer that is further off than this, relative to the largest number in it, is another answer.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Record:
    """What became of a subject: the outcome, a refusal's reason, what was said, and the worst difference."""

    name: str
    kind: str
    task: str
    outcome: str
    reason: str = ""
    said: str = ""
    worst: float = 0.0
    compared: int = 0
    seconds: float = 0.0

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "Record":
        """The inverse of `to_json`."""
        return cls(**json.loads(line))


def try_(subject: Subject) -> Record:
    """The record of a subject. Nothing that a model does is raised."""
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="sweep-") as work:
            found = _tried(subject, Path(work))
    finally:
        forget_traces()
    seconds = round(time.monotonic() - started, 2)
    return Record(subject.name, subject.kind, subject.task, **found, seconds=seconds)


def _tried(subject: Subject, work: Path) -> dict[str, Any]:
    source = work / "model"
    source.mkdir()
    try:
        subject.make(source)
    except NotMadeError as error:
        return {"outcome": NOT_MADE, "said": str(error)}
    try:
        directory = _published(subject, source, work / "store")
    except Exception as error:  # whatever a compiler raises about a model
        told = failure.classify(error)
        outcome = CRASHED if told.reason == "CompilerCrashed" else REFUSED
        return {"outcome": outcome, "reason": told.reason, "said": told.message[:400]}
    manifest = read_manifest(directory)
    if kind_of(directory, manifest) is None:
        return {"outcome": NOT_COMPARED, "said": "it has no door"}
    return _compared(subject, source, directory)


def _published(subject: Subject, source: Path, store: Path) -> Path:
    options: dict[str, Any] = {"cpuBackend": "TorchScript", "sequenceLengths": list(LENGTHS)}
    if subject.task == "image-classification":
        options["sequenceLengths"] = []
    content = json.loads(
        request(source, task=subject.task, batch_sizes=(2,), **{**options, **subject.compile})
    )
    content["model"] |= subject.model
    asked = parse(json.dumps(content))
    store.mkdir()
    files.check(source, asked.model)
    with Publication(store, asked.digest, "sweep") as publication:
        facts = worker.compile_model(asked, source, publication.path, Clock(lambda event: None))
        manifest = pipeline.make_manifest(asked, Source(source, None), facts, facts["seconds"])
        return publication.publish(manifest)


def _compared(subject: Subject, source: Path, directory: Path) -> dict[str, Any]:
    manifest = read_manifest(directory)
    engine, door = load(directory, manifest, {}, 1), open_door(directory, manifest)
    known = library.of(subject.task, source, manifest.labels or ())
    worst, compared = 0.0, 0
    for columns in library.requests(subject.task, known):
        rows = len(next(iter(columns.values())))
        try:
            wanted = [
                known.answer({name: each[row] for name, each in columns.items()}) for row in range(rows)
            ]
        except Exception as error:  # each library raises its own
            return {"outcome": NOT_COMPARED, "said": f"{type(error).__name__}: {str(error)[:200]}"}
        arrays = {name: np.array(each, dtype=np.object_)[:, None] for name, each in columns.items()}
        try:
            question = door.ask(arrays, False)
            results = engine.run([part.tensors for part in question.parts])
            for result in results:
                if isinstance(result, Exception):
                    raise result
            outputs = door.answer(question, [dict(result) for result in results if isinstance(result, dict)])
        except Exception as error:  # the model was compiled and does not answer
            return {"outcome": WRONG, "said": f"no answer: {type(error).__name__}: {str(error)[:200]}"}
        for row, each in enumerate(wanted):
            off = library.distance(
                each, {name: array[row] for name, array in outputs.items()}, door.face.labels
            )
            worst, compared = max(worst, off), compared + 1
    outcome = RIGHT if worst <= TOLERANCE else WRONG
    return {"outcome": outcome, "worst": worst, "compared": compared}


def summary(records: Mapping[str, Record]) -> dict[str, int]:
    """How many records there are of each outcome."""
    found: dict[str, int] = {}
    for record in records.values():
        found[record.outcome] = found.get(record.outcome, 0) + 1
    return found
