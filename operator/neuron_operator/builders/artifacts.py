"""The NeuronArtifact that a NeuronModel needs."""

from dataclasses import dataclass

from neuron_operator import labels, names
from neuron_operator.api.model import NeuronModel
from neuron_operator.builders.fallback import placement_for, resources_for
from neuron_operator.builders.metadata import whole_object
from neuron_operator.digest import digest_of
from neuron_operator.kinds import NEURON_ARTIFACT
from neuron_operator.objects import Object


@dataclass(frozen=True)
class Wanted:
    """The artifact a model wants: for which target, by which toolchain and image, and under which digest."""

    target: str
    toolchain: str
    image: str
    digest: str
    name: str


def wanted_artifact(model: NeuronModel, target: str, toolchain: str, image: str) -> Wanted:
    """What the model wants for that target with that toolchain."""
    digest = digest_of(model.source, target, model.compile, toolchain)
    return Wanted(target, toolchain, image, digest, names.artifact_name(model.source.uri, digest))


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
    return {
        "uri": source.uri,
        **({"revision": source.revision} if source.revision is not None else {}),
        "task": source.task,
        "pooling": source.pooling,
        **({"secretRef": {"name": source.secret}} if source.secret is not None else {}),
        "trustRemoteCode": source.trust_remote_code,
    }


def _compile(model: NeuronModel, target: str) -> Object:
    compile_ = model.compile
    parity = compile_.parity
    own = resources_for(model, compile_.resources, target)
    resources = {
        name: dict(quantities)
        for name, quantities in (("requests", own.requests), ("limits", own.limits))
        if quantities
    }
    return {
        "batchSize": compile_.batch_size,
        "sequenceLengths": list(compile_.sequence_lengths),
        "autoCast": compile_.auto_cast,
        "autoCastType": compile_.auto_cast_type,
        "optLevel": compile_.opt_level,
        **({"extraArgs": list(compile_.extra_args)} if compile_.extra_args else {}),
        **({"resources": resources} if resources else {}),
        "timeoutSeconds": compile_.timeout_seconds,
        "retries": compile_.retries,
        "parity": {
            "metric": parity.metric,
            **({"tolerance": parity.tolerance} if parity.tolerance is not None else {}),
            "policy": parity.policy,
        },
        "benchmark": {"seconds": compile_.benchmark_seconds},
    }


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
    said = {key: value for key, value in fields.items() if value is not None}
    return {"placement": said} if said else {}


def _ttl(model: NeuronModel) -> Object:
    ttl = model.storage.ttl_seconds
    return {} if ttl is None else {"ttlSeconds": ttl}
