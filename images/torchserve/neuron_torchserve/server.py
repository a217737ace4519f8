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

from neuron_serving import runtimetexts
from neuron_serving.failure import ServingError, explained
from neuron_serving.listening import Listener

from neuron_torchserve.archive import HOST, INFERENCE_PORT, MANAGEMENT_PORT

log = logging.getLogger("neuron_torchserve")

_LOG_CONFIGURATION = Path(__file__).with_name("log4j2.xml")
_STOP_SECONDS = 20
_POLL_SECONDS = 0.25
# TorchServe starts a worker that could not load again and again. Neuron's runtime may say for so long what
# heals, and what does not: a line or two are of one worker's first try.
_HEALING_SECONDS, _SURE_SECONDS = 120.0, 10.0


class TorchServe:
    """A running TorchServe with one model; `died` is called if it ends by itself, with what Neuron's runtime
    has said; `listens`: to that.
    """

    def __init__(
        self,
        configuration: Path,
        store: Path,
        environment: Mapping[str, str],
        died: Callable[[str], None],
        *,
        listens: bool = False,
    ) -> None:
        program = shutil.which("torchserve")
        if program is None:
            raise ServingError("ToolchainMissing", "This image has no torchserve: use the torchserve image.")
        command = [program, "--start", "--foreground", "--no-config-snapshots", "--disable-token-auth"]
        command += ["--ts-config", str(configuration), "--model-store", str(store)]
        command += ["--log-config", str(_LOG_CONFIGURATION)]
        # In a group of its own: signals reach it, its Java and its workers through this process alone.
        self._listener = Listener() if listens else None
        output = None if self._listener is None else self._listener.output
        self._process = subprocess.Popen(
            command, env=dict(environment), start_new_session=True, stdout=output, stderr=output
        )
        if self._listener is not None:
            self._listener.given()
        self._stopping = False
        self._died = died
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def until_ready(self, model: str, seconds: float) -> None:
        """Return when every worker of the model has loaded the artifact. Raises ServingError (LoadFailed, or
        what Neuron's runtime says).
        """
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while time.monotonic() < deadline and self.running:
            if workers_ready(model):
                if self._listener is not None:
                    self._listener.forget()
                return
            if self._gives_up():
                break
            pause.wait(_POLL_SECONDS)
        text = "TorchServe's workers did not load the artifact; the container's log says why."
        raise explained(ServingError("LoadFailed", text), self._said(ended=not self.running))

    def _gives_up(self) -> bool:
        """Whether the runtime goes on saying why the workers can't load."""
        meaning = runtimetexts.found(self._said())
        if meaning is None or self._listener is None:
            return False
        return self._listener.seconds >= (_HEALING_SECONDS if meaning.heals else _SURE_SECONDS)

    def _said(self, *, ended: bool = False) -> str:
        return "" if self._listener is None else self._listener.said(ended=ended)

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
            self._died(self._said(ended=True))


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
