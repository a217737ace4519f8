"""What Prometheus is told of one NeuronModel. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.models.observed import Observed
from neuron_operator.reading import figures
from neuron_operator.reading.objects import status_of
from neuron_operator.terms import gauges
from neuron_operator.terms.gauges import Sample
from neuron_operator.terms.targets import is_accelerated


def of_model(
    model: NeuronModel, observed: Observed, settings: Settings, status: Mapping[str, Any]
) -> Iterator[Sample]:
    """Its samples: what its status says, what was measured of it, and its servers."""
    target = str(status.get("target") or model.target)
    served, backend = status.get("artifact") or {}, status.get("backend") or {}
    yield from figures.phase(gauges.MODEL_PHASE, status)
    yield from figures.conditions(gauges.MODEL_CONDITION, status)
    yield from figures.number(gauges.MODEL_PRICE, _price(model, target, settings))
    if not served:
        return
    labels = {
        "target": target,
        "runtime": (status.get("pinned") or {}).get("runtime"),
        "artifact": served.get("name"),
        "digest": served.get("digest"),
        "backend": backend.get("name"),
        "precision": backend.get("precision"),
    }
    yield from figures.one(gauges.MODEL_INFO, labels)
    yield from _benchmark(status.get("benchmark") or {})
    yield from _servers(model, observed, target)


def _benchmark(measured: Mapping[str, Any]) -> Iterator[Sample]:
    yield from figures.number(gauges.MODEL_P99, measured.get("p99Milliseconds"), 1e-3)
    yield from figures.number(gauges.MODEL_THROUGHPUT, measured.get("throughputPerSecond"))
    yield from figures.number(gauges.MODEL_COST, measured.get("costPerMillion"))


def _servers(model: NeuronModel, observed: Observed, target: str) -> Iterator[Sample]:
    if observed.deployment is None:
        return
    there = status_of(observed.deployment)
    yield Sample(gauges.MODEL_WANTED, observed.deployment["spec"].get("replicas", 1))
    yield Sample(gauges.MODEL_REPLICAS, there.get("replicas", 0))
    yield Sample(gauges.MODEL_READY, there.get("readyReplicas", 0))
    yield Sample(gauges.MODEL_RESTARTS, sum(_restarts(observed)))
    cores = model.serving.cores if is_accelerated(target) else 1
    pipeline = (model.compile.neuron.pipeline_cores or 1) if target == "inf1" else 1
    yield Sample(gauges.MODEL_WORKERS, max(1, cores // pipeline))


def _restarts(observed: Observed) -> Iterator[int]:
    for pod in observed.pods:
        for container in status_of(pod).get("containerStatuses") or ():
            yield int(container.get("restartCount", 0))


def _price(model: NeuronModel, target: str, settings: Settings) -> float | None:
    own = model.compile.benchmark.price_per_hour
    return settings.prices.get(target) if own is None else own
