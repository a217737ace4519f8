"""pvc://claim/path: a model's files on a claim that is mounted into the pod."""

from __future__ import annotations

from pathlib import Path

from neuron_compiler.failure import CompileError


def directory(rest: str, mounted: Path) -> Path:
    """The directory of pvc://`rest` (claim/path) below the mounted claim; it is read where it lies.

    Raises CompileError when it does not exist, or leads out of the claim.
    """
    claim, _, path = rest.partition("/")
    root = mounted.resolve()
    try:
        found = (root / path.strip("/")).resolve()
        is_there = found.is_relative_to(root) and found.is_dir()
    except (OSError, RuntimeError):  # a name that is too long, a link to itself
        is_there = False
    if not is_there:
        raise CompileError(
            "SourceNotFound",
            f"The claim {claim} has no directory {path}: put the model's files there, or correct "
            "spec.model.uri.",
        )
    return found
