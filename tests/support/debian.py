"""Programs of Debian packages, unpacked into the cache of tools: nothing is installed on the machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cluster.interface import Lacking
from cluster.tools import cache_directory


def program(package: str, name: str) -> Path:
    """Return a program of a package, from PATH or unpacked; apt checks what it fetches. Raises Lacking."""
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    kept = cache_directory().with_name("debian") / package
    if not (kept / "usr/bin" / name).exists():
        _unpack(package, kept)
    return kept / "usr/bin" / name


def _unpack(package: str, kept: Path) -> None:
    if shutil.which("apt-get") is None:
        raise Lacking(f"A program is missing: install what Debian calls {package}.")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as directory:
        done = _run(directory, "apt-get", "download", package)
        if done.returncode != 0:  # A fresh machine has no lists yet.
            _run(directory, "apt-get", "-o", "DPkg::Lock::Timeout=600", "update")
            done = _run(directory, "apt-get", "download", package)
        files = list(Path(directory).glob("*.deb"))
        if done.returncode != 0 or not files:
            raise Lacking(f"apt-get could not fetch {package}: install it by hand.\n{done.stderr}")
        unpacked = Path(directory, "unpacked")
        _run(directory, "dpkg-deb", "-x", str(files[0]), str(unpacked)).check_returncode()
        shutil.rmtree(kept, ignore_errors=True)
        unpacked.rename(kept)


def _run(directory: str, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
