"""TorchServe's own process: started, awaited, stopped."""

import json
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from neuron_serving.failure import ServingError

from neuron_torchserve.archive import HOST, INFERENCE_PORT, MANAGEMENT_PORT

log = logging.getLogger("neuron_torchserve")

_LOG_CONFIGURATION = Path(__file__).with_name("log4j2.xml")
_STOP_SECONDS = 20
_POLL_SECONDS = 0.25


class TorchServe:
    """A running TorchServe with one model; `died` is called if it ends by itself."""

    def __init__(
        self,
        configuration: Path,
        store: Path,
        environment: Mapping[str, str],
        died: Callable[[], None],
    ) -> None:
        program = shutil.which("torchserve")
        if program is None:
            raise ServingError("ToolchainMissing", "This image has no torchserve: use the torchserve image.")
        command = [program, "--start", "--foreground", "--no-config-snapshots", "--disable-token-auth"]
        command += ["--ts-config", str(configuration), "--model-store", str(store)]
        command += ["--log-config", str(_LOG_CONFIGURATION)]
        # In a group of its own: signals reach it, its Java and its workers through this process alone.
        self._process = subprocess.Popen(command, env=dict(environment), start_new_session=True)
        self._stopping = False
        self._died = died
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def until_ready(self, model: str, seconds: float) -> None:
        """Return when every worker of the model has loaded the artifact. Raises ServingError (LoadFailed)."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while time.monotonic() < deadline and self.running:
            if workers_ready(model):
                return
            pause.wait(_POLL_SECONDS)
        raise ServingError(
            "LoadFailed", "TorchServe's workers did not load the artifact; the container's log says why."
        )

    def stop(self) -> None:
        """End it and everything it started; requests that it works on are finished first."""
        self._stopping = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(_STOP_SECONDS)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def _watch(self) -> None:
        self._process.wait()
        if not self._stopping:
            log.error("TorchServe has ended with the code %d", self._process.returncode)
            self._died()


def workers_ready(model: str) -> bool:
    """Whether TorchServe says of every worker of the model that it is ready."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{MANAGEMENT_PORT}/models/{model}", timeout=5) as answer:
            workers = json.load(answer)[0]["workers"]
    except (OSError, ValueError, LookupError):
        return False
    return bool(workers) and all(worker["status"] == "READY" for worker in workers)


def inference_url() -> str:
    """Where TorchServe answers inside the pod."""
    return f"http://{HOST}:{INFERENCE_PORT}"
