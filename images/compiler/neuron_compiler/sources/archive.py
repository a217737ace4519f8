"""Unpacking an archive of a model's directory: only what a compile needs, and nothing outside of it."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import files, scratch

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
# Weights hardly shrink; what unpacks to more than this many times its own size is no model.
_LARGEST_RATIO = 100
_MOST_MEMBERS = 100_000


@dataclass(frozen=True)
class Member:
    """A file of an archive: its path as written, its size in bytes, and whether it is a plain file."""

    name: str
    size: int
    plain: bool


@dataclass(frozen=True)
class _Opened:
    members: Sequence[Member]
    open: Callable[[int], IO[bytes]]


def is_archive(name: str) -> bool:
    """Says whether a file's name is an archive's."""
    return name.endswith(SUFFIXES)


def unpack(path: Path, directory: Path, model: Model) -> None:
    """Unpacks what a compile needs of the archive into a new directory. Raises CompileError.

    A directory that holds everything is left out of the paths. An archive with links, devices, or a path
    that leads out of it is refused as a whole.
    """
    try:
        with _open(path) as opened:
            paths = _paths(opened.members, model)
            chosen = [(name, paths[name]) for name in files.wanted(paths, model)]
            total = sum(opened.members[index].size for _, index in chosen)
            if total > _LARGEST_RATIO * path.stat().st_size:
                raise _unreadable(model, f"unpacks to more than {_LARGEST_RATIO} times its size")
            scratch.need(total, path.parent, f"unpacking {model.uri}")
            for name, index in chosen:
                target = directory / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(index) as content, target.open("xb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _unreadable(model, f"can't be unpacked ({error})") from error
    except OSError as error:
        raise scratch.failed(error, path.parent, model.uri) from error
    directory.mkdir(exist_ok=True)


@contextmanager
def _open(path: Path) -> Iterator[_Opened]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            found = [entry for entry in archive.infolist() if not entry.is_dir()]
            yield _Opened(
                [Member(entry.filename, entry.file_size, _is_plain(entry)) for entry in found],
                lambda index: archive.open(found[index]),
            )
    else:
        with tarfile.open(path) as tar:
            entries = [entry for entry in tar if not entry.isdir()]

            def extract(index: int) -> IO[bytes]:
                content = tar.extractfile(entries[index])
                assert content is not None, "a plain file has content"
                return content

            members = [Member(entry.name, entry.size, entry.isreg()) for entry in entries]
            yield _Opened(members, extract)


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind in (0, stat.S_IFREG) and not entry.flag_bits & 0x1


def _paths(members: Sequence[Member], model: Model) -> dict[str, int]:
    """The members' numbers by their paths below the directory that holds them all."""
    if len(members) > _MOST_MEMBERS:
        raise _unreadable(model, f"has more than {_MOST_MEMBERS} members")
    found: dict[PurePosixPath, int] = {}
    for index, member in enumerate(members):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            raise _unreadable(model, f"has a member whose path leads out of it ({member.name})")
        if not member.plain:
            raise _unreadable(model, f"has a member that is no plain, unencrypted file ({member.name})")
        # macOS writes these beside the files.
        if path.parts[0] != "__MACOSX" and not path.name.startswith("._"):
            found[path] = index
    while found and all(len(path.parts) > 1 for path in found) and len({p.parts[0] for p in found}) == 1:
        found = {PurePosixPath(*path.parts[1:]): index for path, index in found.items()}
    return {path.as_posix(): index for path, index in found.items()}


def _unreadable(model: Model, what: str) -> CompileError:
    return CompileError(
        "ModelUnreadable",
        f"The archive {model.uri} {what}: pack the model's directory anew, with plain files only.",
    )
