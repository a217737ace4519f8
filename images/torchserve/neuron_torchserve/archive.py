"""The model archive (.mar) and TorchServe's configuration, written before it starts.

Sources: pytorch/serve, docs/configuration.md, model-archiver/README.md, docs/token_authorization_api.md.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from neuron_serving.failure import ServingError

HOST = "127.0.0.1"
INFERENCE_PORT, MANAGEMENT_PORT, METRICS_PORT = 8080, 8081, 8082
_HANDLER = Path(__file__).with_name("handler.py")
_VERSION = "1.0"
_RESPONSE_TIMEOUT_SECONDS = 600
_QUEUE = 256


@dataclass(frozen=True)
class Served:
    """What TorchServe serves: workers of so many threads each, which share the cores, and how they batch."""

    name: str
    artifact: Path
    workers: int
    threads: int
    batch: int
    delay_milliseconds: int
    max_request_bytes: int
    cores: int = 1


def write_archive(served: Served, store: Path) -> Path:
    """Write <store>/<name>.mar: the handler, and where the artifact is. Raises ServingError."""
    store.mkdir(parents=True, exist_ok=True)
    configuration = store / "model-config.yaml"
    handler: dict[str, object] = {"model": served.name, "artifact": str(served.artifact)}
    handler |= {"threads": served.threads, "cores": served.cores}
    configuration.write_text(yaml.safe_dump({"handler": handler}), encoding="utf-8")
    command = [sys.executable, "-m", "model_archiver.model_packaging"]
    command += ["--model-name", served.name, "--version", _VERSION, "--handler", str(_HANDLER)]
    command += ["--config-file", str(configuration), "--export-path", str(store), "--force"]
    # It packs in a directory of the model's name, which it empties first: not among what others keep in /tmp.
    with tempfile.TemporaryDirectory(dir=store) as packing:
        environment = {**os.environ, "TMPDIR": packing}
        packed = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)
    if packed.returncode != 0:
        raise ServingError("LoadFailed", "TorchServe's archive can't be written to /tmp; the log says why.")
    return store / f"{served.name}.mar"


def properties(served: Served, store: Path) -> str:
    """Return config.properties: everything listens on the loopback address, and nothing can be managed."""
    model = {
        "defaultVersion": True,
        "marName": f"{served.name}.mar",
        "minWorkers": served.workers,
        "maxWorkers": served.workers,
        "batchSize": served.batch,
        "maxBatchDelay": served.delay_milliseconds,
        "responseTimeout": _RESPONSE_TIMEOUT_SECONDS,
        "startupTimeout": _RESPONSE_TIMEOUT_SECONDS,
    }
    lines: Mapping[str, object] = {
        "inference_address": f"http://{HOST}:{INFERENCE_PORT}",
        "management_address": f"http://{HOST}:{MANAGEMENT_PORT}",
        "metrics_address": f"http://{HOST}:{METRICS_PORT}",
        "grpc_inference_address": HOST,
        "grpc_management_address": HOST,
        "model_store": store,
        "load_models": f"{served.name}.mar",
        "models": json.dumps({served.name: {_VERSION: model}}),
        "default_workers_per_model": served.workers,
        "job_queue_size": _QUEUE,
        "max_request_size": served.max_request_bytes,
        "max_response_size": 2**31 - 1,
        "metrics_mode": "prometheus",
        # Both are said because their defaults have changed between releases. Nobody outside of the pod
        # reaches these ports, and models are neither added nor removed.
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "install_py_dep_per_model": "false",
        "number_of_netty_threads": 2,
        "netty_client_threads": 2,
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())
