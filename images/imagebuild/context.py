"""The build context of an image, and the tag that names its content."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from imagebuild.errors import BuildError
from imagebuild.table import Image

# Files get this time in the context, so that the same content makes the same layer on every machine.
_TIME = 1_577_836_800  # 2020-01-01T00:00:00Z
_IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def files(root: Path, image: Image) -> Iterator[Path]:
    """The files that go into the image's context, relative to `root`, sorted; the Dockerfile is among them.

    Raises BuildError when a path of the table does not exist.
    """
    found = {Path(image.dockerfile)}
    for name in image.paths:
        path = root / name
        if path.is_file():
            found.add(Path(name))
        elif path.is_dir():
            found.update(
                file.relative_to(root)
                for file in path.rglob("*")
                if file.is_file() and not _IGNORED.intersection(file.parts)
            )
        else:
            raise BuildError(f"{name} is missing for the image {image.name}: use a complete checkout.")
    if not (root / image.dockerfile).is_file():
        raise BuildError(f"{image.dockerfile} is missing: use a complete checkout.")
    return iter(sorted(found))


def content_tag(root: Path, image: Image, parent: str, build_args: Mapping[str, str], version: str) -> str:
    """The tag of the image: 16 hex digits over everything that goes into it.

    `parent` is the full reference of the image it is built from, so a change below reaches all above.
    """
    digest = hashlib.sha256()

    def add(*parts: bytes) -> None:
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)

    add(b"parent", parent.encode(), b"version", version.encode())
    for name, value in sorted(build_args.items()):
        add(b"argument", name.encode(), value.encode())
    for file in files(root, image):
        executable = b"x" if os.access(root / file, os.X_OK) else b"-"
        add(b"file", str(file).encode(), executable, (root / file).read_bytes())
    return digest.hexdigest()[:16]


def stage(root: Path, image: Image, directory: Path) -> Path:
    """Copies the image's files to `directory`, which is emptied first, and returns it."""
    shutil.rmtree(directory, ignore_errors=True)
    for file in files(root, image):
        target = directory / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, target)
        target.chmod(0o755 if os.access(root / file, os.X_OK) else 0o644)
        os.utime(target, (_TIME, _TIME))
    for folder, _, _ in os.walk(directory, topdown=False):
        os.utime(folder, (_TIME, _TIME))
    return directory
