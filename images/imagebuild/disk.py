"""Saying early that the disk is too small, rather than failing late."""

import shutil
from pathlib import Path

from imagebuild.errors import BuildError

# torch's CUDA build: downloads, unpacked files and committed layer lie side by side for a while.
_HEAVY_GIB = 20
_LIGHT_GIB = 4


def check_space(store: Path, heavy: bool) -> None:
    """Raises BuildError when the file system of the image store has too little room for a build."""
    needed = _HEAVY_GIB if heavy else _LIGHT_GIB
    free = shutil.disk_usage(store).free / 2**30
    if free < needed:
        raise BuildError(
            f"Building needs about {needed} GiB free under {store} and there are {free:.0f}: free some "
            "space (images/build.py --prune removes superseded images)."
        )
