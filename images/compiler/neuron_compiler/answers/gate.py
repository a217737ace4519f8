"""The gate itself: whether an artifact's door answers what the model's own library answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neuron_artifact import Answers, Bucket, Manifest
from neuron_serving.doors.face import kind_of
from neuron_serving.doors.opening import open_door
from neuron_serving.loading import runner

from neuron_compiler import parity
from neuron_compiler.answers import kept
from neuron_compiler.answers.asking import Asking
from neuron_compiler.answers.reference import Answered, ask_library
from neuron_compiler.answers.verdict import Verdict
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Request


class AnswersGate:
    """Compares the answers of one artifact, as its buckets are loaded one after another."""

    def __init__(
        self, request: Request, directory: Path, manifest: Manifest, known: Answered, precision: str
    ) -> None:
        """`directory` has the artifact's files, `known` the library's answers."""
        tolerance = parity.tolerance_of(request.parity, precision)
        self._manifest = manifest
        self._verdict = Verdict(known, request.parity, tolerance)
        try:
            door = open_door(directory, manifest)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CompileError(
                "ModelUnreadable",
                f"The tokenizer or processor of {request.model.uri} makes no door for texts or pictures "
                f"({type(error).__name__}: {one_line(str(error))[:300]}): correct its files.",
            ) from error
        self._asking = Asking(door, directory, manifest, known.examples, self._verdict)

    @classmethod
    def of(
        cls, request: Request, source: Path | None, directory: Path, manifest: Manifest, precision: str
    ) -> AnswersGate | None:
        """The gate of an artifact; None where it has no door.

        The library is asked about the model's files in `source`; without them its answers are those that were
        kept when the artifact was compiled.
        """
        if kind_of(directory, manifest) is None:
            return None
        if source is None:
            known = kept.load(directory)
        else:
            known = ask_library(request, source, manifest.labels or ())
        return None if known is None else cls(request, directory, manifest, known, precision)

    def run(self, bucket: Bucket, module: Callable[..., Sequence[Any]]) -> None:
        """Has a loaded module answer what falls to its bucket."""
        self._asking.run(bucket, runner(module, self._manifest))

    def result(self) -> Answers:
        """What all the buckets' answers say."""
        found = self._verdict.result()
        print(
            f"answers: {found.compared} compared with {found.library}, {found.differing} differ, the worst "
            f"by {found.worst:.2e}",
            flush=True,
        )
        return found
