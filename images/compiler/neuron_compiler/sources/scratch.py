"""The pod's scratch space, where downloads go, and what it means when there is not enough of it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from neuron_contract import variables

from neuron_compiler.failure import CompileError, node_disk_full, storage_error

# No other disk changes that: a name that is too long, a file in the place of a folder or twice.
_OF_NAMES = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ, errno.ELOOP)


def directory(environ: Mapping[str, str]) -> Path:
    """Makes an empty directory for a model's files, in MODEL_PATH, or TMPDIR, or /tmp."""
    parent = environ.get(variables.MODEL_PATH) or environ.get("TMPDIR") or "/tmp"
    return Path(tempfile.mkdtemp(prefix="source-", dir=parent))


def need(size: int, path: Path, what: str) -> None:
    """Raises CompileError unless `size` bytes are left where `path` is, and the pod may write as many."""
    limit = os.environ.get(variables.SCRATCH_LIMIT)
    if limit and size > int(limit):
        raise CompileError(
            "DiskFull",
            f"{what} needs {gigabytes(size)}, and the pod may write {gigabytes(int(limit))} to its node's "
            "disk: raise limits.ephemeral-storage in spec.compile.resources.",
        )
    free = shutil.disk_usage(path).free
    if size > free:
        raise node_disk_full(
            f"{what} needs {gigabytes(size)} and the pod's scratch space has {gigabytes(free)} left"
        )


def failed(error: OSError, path: Path, what: str) -> CompileError:
    """What an error of the file system under `path` means for the download of `what`."""
    if error.errno in _OF_NAMES:
        return CompileError(
            "ModelUnreadable",
            f"{what} has files whose names can't be written together ({error.strerror}): give each a name "
            "of at most 255 bytes, and none that of a folder.",
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return node_disk_full(f"Before {what} was there whole, no space was left in the pod's scratch space")
    return storage_error(error, path)


def gigabytes(size: int) -> str:
    """A number of bytes for people, such as "1.4 GB" or "3.2 MB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
