"""The NeuronArtifact that a NeuronModel needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuron_operator.api.model import NeuronModel, Pinned
from neuron_operator.api.options import reaching
from neuron_operator.api.spec import Benchmark, Parity, decimal
from neuron_operator.builders.fallback import compile_placement_for, placement_for, resources_for
from neuron_operator.builders.metadata import whole_object
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels, names
from neuron_operator.terms.kinds import NEURON_ARTIFACT
from neuron_operator.terms.targets import family_of


@dataclass(frozen=True)
class Wanted:
    """The artifact a model wants: for which target, by which toolchain and image, and under which digest."""

    target: str
    toolchain: str
    image: str
    digest: str
    name: str


def wanted_artifact(model: NeuronModel, pinned: Pinned) -> Wanted:
    """What the model wants for that target with these versions."""
    name = names.artifact_name(model.source.uri, pinned.digest)
    return Wanted(pinned.target, pinned.toolchain, pinned.compiler_image, pinned.digest, name)


def artifact(model: NeuronModel, wanted: Wanted, claim: str) -> Object:
    """The NeuronArtifact: no owner, because every NeuronModel of the namespace may share it."""
    return whole_object(
        NEURON_ARTIFACT,
        name=wanted.name,
        namespace=model.namespace,
        labels_={
            labels.MANAGED_BY: labels.MANAGER,
            labels.NAME: wanted.name,
            labels.DIGEST: wanted.digest,
        },
        owner=None,
        content={
            "spec": {
                "model": _source(model),
                "target": wanted.target,
                "compile": _compile(model, wanted.target),
                "toolchain": wanted.toolchain,
                "image": wanted.image,
                "claimName": claim,
                **_placement(model, wanted.target),
                **_ttl(model),
            }
        },
    )


def _source(model: NeuronModel) -> Object:
    source = model.source
    content = {
        "uri": source.uri,
        "revision": source.revision,
        "sha256": source.sha256,
        "task": source.task,
        "pooling": source.pooling,
        "architecture": source.architecture,
        "secretRef": None if source.secret is None else {"name": source.secret},
        "trustRemoteCode": source.trust_remote_code,
    }
    return _said(content)


def _compile(model: NeuronModel, target: str) -> Object:
    compile_, task = model.compile, model.source.task
    own = resources_for(model, compile_.resources, target)
    placement = compile_placement_for(model, target)
    content = {
        "batchSizes": list(compile_.batch_sizes),
        "sequenceLengths": list(compile_.sequence_lengths_for(task)) or None,
        "imageSizes": list(compile_.image_sizes_for(task)) or None,
        family_of(target): reaching(compile_, target, task),
        "runsOn": compile_.runs_on,
        "nodeSelector": placement.node_selector,
        "tolerations": None if placement.tolerations is None else list(placement.tolerations),
        "env": list(compile_.env) or None,
        "podTemplate": compile_.pod_template,
        "resources": _filled({"requests": dict(own.requests), "limits": dict(own.limits)}) or None,
        "timeoutSeconds": compile_.timeout_seconds,
        "retries": compile_.retries,
        "parity": _said(
            {
                "metric": compile_.parity.metric,
                "tolerance": decimal(compile_.parity.tolerance),
                "policy": compile_.parity.policy,
                "examples": compile_.parity.examples,
                "examplesFrom": _examples_from(compile_.parity),
            }
        ),
        "benchmark": _benchmark(compile_.benchmark),
    }
    return _said(content)


def _examples_from(parity: Parity) -> Object | None:
    found = parity.examples_from
    return None if found is None else {"configMapKeyRef": {"name": found.name, "key": found.key}}


def _benchmark(benchmark: Benchmark) -> Object:
    thresholds = {
        "p99Milliseconds": decimal(benchmark.thresholds.p99_milliseconds),
        "throughputPerSecond": decimal(benchmark.thresholds.throughput_per_second),
        "speedUp": decimal(benchmark.thresholds.speed_up),
    }
    content = {
        "seconds": benchmark.seconds,
        "concurrencies": list(benchmark.concurrencies),
        "pricePerHour": decimal(benchmark.price_per_hour),
        "thresholds": _said(thresholds) or None,
        "policy": benchmark.policy,
    }
    return _said(content)


def _placement(model: NeuronModel, target: str) -> Object:
    """The compile pod runs where the server runs: the same node selector, tolerations and service account."""
    placement = placement_for(model, target)
    fields: Object = {
        "nodeSelector": placement.node_selector,
        "tolerations": None if placement.tolerations is None else list(placement.tolerations),
        "affinity": placement.affinity,
        "schedulerName": placement.scheduler_name,
        "serviceAccountName": placement.service_account_name,
        "priorityClassName": placement.priority_class_name,
    }
    said = _said(fields)
    return {"placement": said} if said else {}


def _ttl(model: NeuronModel) -> Object:
    ttl = model.storage.ttl_seconds
    return {} if ttl is None else {"ttlSeconds": ttl}


def _said(fields: Mapping[str, object]) -> Object:
    return {name: value for name, value in fields.items() if value is not None}


def _filled(fields: Mapping[str, object]) -> Object:
    return {name: value for name, value in fields.items() if value}
