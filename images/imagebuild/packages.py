"""Programs that Debian and Ubuntu carry, installed when they are needed and may be."""

import os
import shutil
import subprocess

from imagebuild.errors import BuildError
from imagebuild.progress import say

# Debian keeps what only root runs, debootstrap among it, outside the path of ordinary users.
_SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def have(program: str, package: str | None = None) -> bool:
    """Whether the machine has the program, after an attempt to install its package, of the same name unless
    said.

    The attempt is made as root where there is apt-get. Raises BuildError when apt-get fails.
    """
    if shutil.which(program, path=_SEARCH_PATH):
        return True
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    package = package or program
    say(f"Installing {package} with apt-get")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", package]):
        # Another installation may be under way.
        words = ["apt-get", "-o", "DPkg::Lock::Timeout=600", *command]
        done = subprocess.run(
            words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise BuildError(
            f"apt-get could not install {package}, install it by hand: {done.stderr.strip()[-500:]}"
        )
    return shutil.which(program, path=_SEARCH_PATH) is not None
