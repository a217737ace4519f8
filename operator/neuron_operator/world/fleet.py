"""What Prometheus is told of each resource, as the last reconcile of it left it."""

import marshal
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from neuron_operator.terms.gauges import OF_ARTIFACTS, OF_MODELS, Family, Sample

MOST = 5000
"""Resources of a kind that are told of one by one: twenty series each are what a Prometheus bears well."""


class Fleet(Collector):
    """The metrics of all resources of one kind.

    Args:
        kind: the name of its label.
        families: what is told of each.
        untold: the metric that says how many there are beyond `most`.
    """

    def __init__(self, kind: str, families: Sequence[Family], untold: Family, most: int = MOST) -> None:
        self._kind, self._families, self._untold, self._most = kind, families, untold, most
        self._known: dict[tuple[str, str], bytes] = {}
        """By resource, of each sample its metric's name, its value and those of its own labels; packed."""

    def record(self, namespace: str, name: str, samples: Iterable[Sample]) -> None:
        """These are the resource's samples now, and no others."""
        said = [
            (each.family.name, each.value, [each.labels[label] for label in each.family.labels])
            for each in samples
        ]
        self._known[namespace, name] = marshal.dumps(said)

    def forget(self, namespace: str, name: str) -> None:
        """The resource is gone."""
        self._known.pop((namespace, name), None)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing, so that nobody collects to find the names out."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of them, for a scrape, which runs in a thread of its own."""
        known = list(self._known.items())
        told = {family.name: self._family(family) for family in self._families}
        for key, said in known[: self._most]:
            for name, value, labels in marshal.loads(said):
                told[name].add_metric([*key, *labels], value)
        yield from told.values()
        untold = GaugeMetricFamily(self._untold.name, self._untold.says)
        untold.add_metric([], max(0, len(known) - self._most))
        yield untold

    def _family(self, family: Family) -> GaugeMetricFamily:
        return GaugeMetricFamily(family.name, family.says, labels=["namespace", self._kind, *family.labels])


MODELS = Fleet(
    "model",
    OF_MODELS,
    Family("neuron_operator_neuronmodels_untold", "NeuronModels beyond those that are told of one by one."),
)
ARTIFACTS = Fleet(
    "artifact",
    OF_ARTIFACTS,
    Family(
        "neuron_operator_neuronartifacts_untold", "NeuronArtifacts beyond those that are told of one by one."
    ),
)
for _fleet in (MODELS, ARTIFACTS):
    REGISTRY.register(_fleet)
