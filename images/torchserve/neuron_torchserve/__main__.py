"""`python -m neuron_torchserve`: the entry point of the TorchServe image."""

import asyncio
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from neuron_artifact import Manifest
from neuron_contract import exits
from neuron_serving import settings
from neuron_serving.artifact import servable
from neuron_serving.cores import pipeline
from neuron_serving.failure import ServingError, explained, report
from neuron_serving.front import guard
from neuron_serving.front.models import opened
from neuron_serving.front.serving import serve as serve_front
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.limits import MAX_REQUEST_BYTES
from neuron_serving.settings import Settings

from neuron_torchserve import archive, metrics
from neuron_torchserve.archive import Served
from neuron_torchserve.server import TorchServe, inference_url
from neuron_torchserve.workers import Workers

WORK = Path("/tmp/torchserve")
COUNTS = WORK / "counts"
METRICS_PORT = 8002
# Unlike exits.FAILED a failure that a restart may heal.
EXIT_DIED = 1
LOAD_SECONDS = 600
# TorchServe waits so long for requests to fill a batch; with nothing it would never take more than two.
BATCH_DELAY_MILLISECONDS = 1

log = logging.getLogger("neuron_torchserve")


def main() -> None:
    """Serve until a signal; exit with a code of its own where that is impossible."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        configured = settings.parse(os.environ, settings.visible_cpus())
        directory, manifest = servable(configured)
        serve(configured, directory, manifest)
    except ServingError as failure:
        log.error("%s: %s", failure.reason, failure.message)
        report(failure)
        sys.exit(exits.FAILED)


def serve(configured: Settings, directory: Path, manifest: Manifest) -> None:
    """Start TorchServe and answer in front of it. Raises ServingError."""
    served = describe(configured, directory, manifest)
    store = WORK / "store"
    archive.write_archive(served, store)
    configuration = WORK / "config.properties"
    configuration.write_text(archive.properties(served, store), encoding="utf-8")
    # What an earlier start of this container has counted would be told as this one's.
    shutil.rmtree(COUNTS, ignore_errors=True)
    COUNTS.mkdir()
    listens = manifest.family in PACKAGE_OF_FAMILY
    torchserve = TorchServe(configuration, store, environment(served), died, listens=listens)
    try:
        torchserve.until_ready(served.name, LOAD_SECONDS)
        metrics.serve(METRICS_PORT, COUNTS)
        log.info("%s: %d workers of %d threads", served.name, served.workers, served.threads)
        code = answer(configured, directory, manifest)
        if code or not torchserve.running:
            sys.exit(EXIT_DIED)
    finally:
        torchserve.stop()


def describe(configured: Settings, directory: Path, manifest: Manifest) -> Served:
    """What TorchServe is to serve: a worker for each NeuronCore, or pipeline of them, or one with all threads
    of a CPU.
    """
    workers = max(1, configured.cores // pipeline(manifest))
    return Served(
        name=configured.model_name,
        artifact=directory,
        workers=workers,
        threads=max(1, configured.cpus // workers),
        batch=configured.batch_rows or max(bucket.batch for bucket in manifest.buckets),
        delay_milliseconds=BATCH_DELAY_MILLISECONDS
        if configured.batch_delay is None
        else configured.batch_delay,
        max_request_bytes=MAX_REQUEST_BYTES + 2**20,
        cores=configured.cores,
    )


def environment(served: Served) -> dict[str, str]:
    """The environment of TorchServe: it writes below /tmp alone."""
    logs = str(WORK / "logs")
    return {
        "OMP_WAIT_POLICY": "ACTIVE",
        "GOMP_SPINCOUNT": "1000",
        **os.environ,
        "OMP_NUM_THREADS": str(served.threads),
        "LOG_LOCATION": logs,
        "METRICS_LOCATION": logs,
        "TEMP": "/tmp",
        "PROMETHEUS_MULTIPROC_DIR": str(COUNTS),
    }


def answer(configured: Settings, directory: Path, manifest: Manifest) -> int:
    """Serve the Open Inference Protocol until a signal; 0, or another code where the guard ended."""

    async def serving() -> int:
        async with Workers(configured.model_name, inference_url()) as backend:
            words = (
                guard.write(WORK / "guard", request_log=configured.request_log) if guard.is_there() else None
            )
            models = opened(configured.model_name, directory, manifest, backend)
            return await serve_front(models, words)

    return asyncio.run(serving())


def died(said: str) -> None:
    """TorchServe has ended by itself: so does the container, which Kubernetes starts again."""
    failure = ServingError("WorkerDied", "TorchServe has ended; the container's log says where.")
    report(explained(failure, said))
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
