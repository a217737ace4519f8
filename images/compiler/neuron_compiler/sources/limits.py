"""What a model's files may be, before anything reads them: of a bounded number, plain, and the source's own.

Whoever wrote them may mean harm. A link may lead to files of the pod's or of somebody else's, a pipe is
waited on for ever, and a text of a terabyte takes no room where it is sparse.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model

MOST_FILES = 100_000
_LONGEST_NAME = 255
# Tokenizers are the largest files that are read whole; the largest that is known has 35 MB.
MOST_SMALL_BYTES = 256 << 20


def check(directory: Path, root: Path, model: Model, small: frozenset[str], weights: frozenset[str]) -> None:
    """Raises CompileError for a file in the directory, or in a folder of it, that must not be read.

    Links may lead to whatever is below `root`. `small` and `weights` are the suffixes of the files that are
    read; others are not looked at.
    """
    root = root.resolve()
    for number, path in enumerate(_two_levels(directory)):
        if number == MOST_FILES:
            raise refused(model, f"holds more than {MOST_FILES} files")
        if path.suffix not in small | weights:
            continue
        name = path.relative_to(directory).as_posix()
        if not _leads_below(path, root):
            raise refused(model, f"has a link that leads out of it, or nowhere ({name})")
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise refused(model, f"has a pipe or a device in the place of {name}")
        if path.suffix in small and stat.S_ISREG(found.st_mode):
            check_small(model, name, found.st_size)


def stays_inside(name: str) -> bool:
    """Whether a path that a file of the model's names can only be below the model's directory."""
    path = PurePosixPath(name)
    long = any(len(part.encode(errors="surrogatepass")) > _LONGEST_NAME for part in path.parts)
    return not (path.is_absolute() or ".." in path.parts or "\0" in name or long)


def check_small(model: Model, name: str, size: int) -> None:
    """Raises CompileError for a configuration or vocabulary that is too large to be read whole."""
    if size > MOST_SMALL_BYTES:
        raise refused(model, f"has {name} of {size} bytes, where {MOST_SMALL_BYTES} are allowed")


def _leads_below(path: Path, root: Path) -> bool:
    """Whether the file, or what a link in its place stands for, is below the root."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a link to itself
        return False


def _two_levels(directory: Path) -> Iterator[Path]:
    """The entries of a directory and of its folders; those that can't be listed count as empty."""
    for path in _entries(directory):
        yield path
        if path.is_dir():
            yield from _entries(path)


def _entries(directory: Path) -> Iterator[Path]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                yield directory / entry.name
    except PermissionError:  # lost+found
        return


def refused(model: Model, what: str) -> CompileError:
    """The refusal of a model that `what`."""
    return CompileError(
        "ModelUnreadable", f"{model.uri} {what}: put the model's own files there, and nothing else."
    )
