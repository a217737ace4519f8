"""The operating system's Python image, where no image registry can be reached: Debian's own bootstrap."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from imagebuild.engines import Engine
from imagebuild.errors import BuildError
from imagebuild.packages import have
from imagebuild.progress import run, say

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
MIRROR = "http://deb.debian.org/debian"
# What the packages leave behind that an image has no use for.
_LEFTOVERS = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)


def reference(prefix: str) -> str:
    """The local reference of the bootstrapped image; its tag changes with the recipe."""
    recipe = "\n".join((SUITE, *PACKAGES, *_LEFTOVERS))
    return f"{prefix}debian-python:{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"


def bootstrap(engine: Engine, name: str, log: Path) -> None:
    """Makes the image `name` with debootstrap, once.

    Raises BuildError without root or debootstrap.
    """
    if engine.exists(name):
        return
    if os.geteuid() != 0 or not have("debootstrap"):
        raise BuildError(
            "No image registry can be reached, and Debian's bootstrap needs root and debootstrap: name a "
            "Python 3.11 image that this machine can pull in BASE_IMAGE, or as root install debootstrap."
        )
    say(f"No image registry answers: the base comes from Debian's bootstrap ({SUITE}, about a minute)")
    with tempfile.TemporaryDirectory(prefix="neuron-operator-debian-") as directory:
        tree = Path(directory) / "root"
        include = f"--include={','.join(PACKAGES)}"
        run(["debootstrap", "--variant=minbase", include, SUITE, str(tree), MIRROR], log)
        for leftover in _LEFTOVERS:
            for entry in (tree / leftover).iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        engine.import_root(tree, name, log)
