"""Calling Docker's command line."""

import shutil
import subprocess


def answers() -> bool:
    """Say whether a Docker engine answers on this machine."""
    return shutil.which("docker") is not None and succeeds("info")


def run(*arguments: str) -> str:
    """Return what docker prints. Raises RuntimeError with the end of what it complains of."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"docker {' '.join(arguments[:4])} ...: {done.stderr.strip()[-2000:]}")
    return done.stdout


def succeeds(*arguments: str) -> bool:
    """Say whether the command succeeds."""
    return subprocess.run(["docker", *arguments], capture_output=True, check=False).returncode == 0
