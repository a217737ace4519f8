"""`python -m toolbox.pod compile | verify`: a Job's containers one after the other, as a kubelet runs them.

The environment says what is asked for and where the store is; the directories that the containers share are
made here. It ends with the exit code of the first container that fails, or of the last.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from neuron_artifact import artifact_path, manifest_sha256, work_path
from neuron_contract import steps, variables

JOBS = {"compile": steps.OF_COMPILING, "verify": steps.OF_VERIFYING}


def run(job: str, environ: Mapping[str, str]) -> int:
    """Run the Job's containers; what they say goes to this process's own output."""
    with tempfile.TemporaryDirectory(prefix="pod-") as directory:
        own = {**environ, **_places(Path(directory), environ)}
        for container in JOBS[job]:
            process = subprocess.Popen([sys.executable, "-m", "neuron_compiler", container], env=own)
            signal.signal(signal.SIGTERM, _passed_on(process))
            code = process.wait()
            if code:
                return code if code > 0 else 128 - code
    return 0


def _places(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in (variables.MODEL_PATH, variables.REPORT_PATH):
        path = directory / name.lower()
        path.mkdir()
        found[name] = str(path)
    try:
        digest = json.loads(environ[variables.COMPILE_REQUEST])["digest"]
        store = Path(environ[variables.STORE_PATH])
        found[variables.WORK_PATH] = str(work_path(store, digest))
        found[variables.MANIFEST_SHA256] = manifest_sha256(artifact_path(store, digest))
    except (KeyError, ValueError, OSError):
        pass  # The containers say what is wrong.
    return found


def _passed_on(process: "subprocess.Popen[bytes]") -> "signal._HANDLER":
    def handle(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    return handle


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], os.environ))
