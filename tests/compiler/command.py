"""The compiler as its container runs it: a process, an environment, a termination message."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler import requests


def run(
    command: str,
    directory: Path,
    asked: Mapping[str, Any],
    path: str,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> dict[str, Any]:
    """The termination message of a Job (compile, verify), with the exit code as `code` and the log as `said`.

    `directory` has the store and the claim; `path` is the PYTHONPATH.
    """
    done = subprocess.run(
        [sys.executable, "-m", "toolbox.pod", command],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                str(Path(each).resolve()) for each in path.split(os.pathsep) if each
            ),
            "COMPILE_REQUEST": requests.text(**asked),
            "STORE_PATH": str(directory / "store"),
            "SOURCE_PATH": str(directory / "claim"),
            **(environ or {}),
        },
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        cwd=cwd,
        check=False,
    )
    message: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**message, "code": done.returncode, "said": done.stdout}
