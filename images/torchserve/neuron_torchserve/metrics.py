"""TorchServe's metrics and its workers', on the port where every serving runtime has its metrics.

Source: pytorch/serve, docs/metrics_api.md.
"""

import logging
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from neuron_torchserve.archive import HOST, METRICS_PORT

log = logging.getLogger("neuron_torchserve")

_SECONDS = 5


class TorchServeMetrics:
    """A collector that reads TorchServe's metrics whenever it is asked for them."""

    def __init__(self, url: str = f"http://{HOST}:{METRICS_PORT}/metrics") -> None:
        self._url = url
        # The pod has no proxy between this process and TorchServe.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def describe(self) -> list[Any]:
        """Nothing is known before TorchServe is asked."""
        return []

    def collect(self) -> Iterator[Any]:
        """The metric families that TorchServe has; none where it does not answer."""
        try:
            with self._open(self._url, timeout=_SECONDS) as answer:
                text = answer.read().decode()
        except (OSError, ValueError) as error:
            log.warning("TorchServe's metrics can't be read: %s", error)
            return
        yield from text_string_to_metric_families(text)


def serve(port: int, workers: Path) -> None:
    """Answer /metrics on a port of the pod, from a thread; `workers` is where the workers' numbers are."""
    registry = CollectorRegistry()
    registry.register(TorchServeMetrics())
    MultiProcessCollector(registry, str(workers))  # type: ignore[no-untyped-call]
    start_http_server(port, registry=registry)
