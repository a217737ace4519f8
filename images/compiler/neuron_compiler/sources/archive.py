"""Unpacking an archive of a model's directory: only what a compile needs, and nothing outside of it."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Model
from neuron_compiler.sources import files, scratch

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
# Weights hardly shrink; what unpacks to more than this many times its own size is no model.
_LARGEST_RATIO = 100
_MOST_MEMBERS = 100_000
# Small tars are padded, and shrink to little.
_SMALL_TAR = 1 << 20
_BLOCK = 1 << 20
# What a hundred thousand names take.
_LARGEST_TABLE, _LARGEST_TABLES = 16 << 20, 160 << 20
_GZIP = b"\x1f\x8b"
# Characters of a name that a message shows.
_SHOWN = 200


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
        with _open(path, model) as opened:
            paths = _paths(opened.members, model)
            chosen = [(name, paths[name]) for name in files.wanted(paths, model)]
            total = sum(opened.members[index].size for _, index in chosen)
            if total > _LARGEST_RATIO * path.stat().st_size:
                raise _unreadable(model, f"unpacks to more than {_LARGEST_RATIO} times its size")
            scratch.need(total, path.parent, f"unpacking {model.uri}")
            for name, index in chosen:
                _extract(opened.open(index), directory / name)
    except _Local as error:
        raise scratch.failed(error.cause, path.parent, model.uri) from error
    except (CompileError, MemoryError):
        raise
    except Exception as error:  # tarfile, zipfile, zlib and gzip each raise their own of what is none
        raise _unreadable(
            model, f"can't be unpacked ({one_line(str(error)) or type(error).__name__})"
        ) from error
    directory.mkdir(exist_ok=True)


class _Local(Exception):
    """An error of the disk that is written to, told apart from what gzip says of a damaged archive."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _extract(content: IO[bytes], target: Path) -> None:
    with content:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = target.open("xb")
        except OSError as error:
            raise _Local(error) from error
        with file:
            while block := content.read(_BLOCK):
                try:
                    file.write(block)
                except OSError as error:
                    raise _Local(error) from error


class _Sparing:
    """A file of which no more is read at once than a header has, nor more in all than headers have, until
    `unlimited`: the libraries read whole tables into memory, as large as the archive says they are.
    """

    def __init__(self, file: IO[bytes], at_once: int, in_all: int) -> None:
        self._file = file
        self._at_once = at_once
        self._left: int | None = in_all

    def unlimited(self) -> None:
        """From here on only what is at once is bounded."""
        self._left = None

    def read(self, size: int = -1) -> bytes:
        """As of any file. Raises ValueError where it would be more than there may be."""
        content = self._file.read(self._at_once + 1 if size < 0 else min(size, self._at_once + 1))
        if self._left is not None:
            self._left -= len(content)
        if len(content) > self._at_once or (self._left is not None and self._left < 0):
            raise ValueError("its table of contents is larger than any model's")
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """As of any file."""
        return True


@contextmanager
def _open(path: Path, model: Model) -> Iterator[_Opened]:
    with path.open("rb") as file:
        if path.suffix == ".zip":
            yield _zip(_Sparing(file, _LARGEST_TABLE, 2 * _LARGEST_TABLE))
        elif file.read(2) == _GZIP:
            with gzip.GzipFile(path) as unzipped:
                yield _tar(_Sparing(cast("IO[bytes]", unzipped), _BLOCK, _LARGEST_TABLES), path, model)
        else:
            file.seek(0)
            yield _tar(_Sparing(file, _BLOCK, _LARGEST_TABLES), path, model)


def _zip(file: _Sparing) -> _Opened:
    archive = zipfile.ZipFile(cast("IO[bytes]", file))
    file.unlimited()
    found = [entry for entry in archive.infolist() if not entry.is_dir()]
    return _Opened(
        [Member(entry.filename, entry.file_size, _is_plain(entry)) for entry in found],
        lambda index: archive.open(found[index]),
    )


def _tar(file: _Sparing, path: Path, model: Model) -> _Opened:
    """Whoever wrote it knows that all before a member is unpacked in order to come to it."""
    furthest = max(_LARGEST_RATIO * path.stat().st_size, _SMALL_TAR)
    tar = tarfile.open(  # noqa: SIM115  # it closes nothing: the file is whose opened it
        fileobj=cast("IO[bytes]", file), mode="r:"
    )
    entries: list[tarfile.TarInfo] = []
    for entry in tar:
        if entry.size < 0 or entry.offset_data + entry.size > furthest:
            raise _unreadable(model, f"unpacks to more than {_LARGEST_RATIO} times its size")
        if len(entries) == _MOST_MEMBERS:
            raise _unreadable(model, f"has more than {_MOST_MEMBERS} members")
        entries.append(entry)
    entries = [entry for entry in entries if not entry.isdir()]
    file.unlimited()

    def extract(index: int) -> IO[bytes]:
        content = tar.extractfile(entries[index])
        assert content is not None, "a plain file has content"
        return content

    return _Opened([Member(entry.name, entry.size, entry.isreg()) for entry in entries], extract)


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    plain = kind in (0, stat.S_IFREG) and not entry.flag_bits & 0x1
    # The others want as much memory as the archive says.
    return plain and entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def _paths(members: Sequence[Member], model: Model) -> dict[str, int]:
    """The members' numbers by their paths below the directory that holds them all."""
    if len(members) > _MOST_MEMBERS:
        raise _unreadable(model, f"has more than {_MOST_MEMBERS} members")
    found: dict[PurePosixPath, int] = {}
    for index, member in enumerate(members):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            raise _unreadable(model, f"has a member whose path leads out of it ({member.name[:_SHOWN]})")
        if not path.parts:
            raise _unreadable(model, "has a file without a name")
        if not member.plain:
            raise _unreadable(
                model, f"has a member that is no plain, unencrypted file ({member.name[:_SHOWN]})"
            )
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
