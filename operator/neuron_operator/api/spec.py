"""The parts of the spec that NeuronModel and NeuronArtifact share, and their parser.

Defaults repeat those of the CRD: the API server fills them in, so they matter only for objects that never
passed through it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuron_operator.objects import Object


@dataclass(frozen=True)
class Source:
    """Which model, and what it is used for."""

    uri: str
    revision: str | None = None
    task: str = "feature-extraction"
    pooling: str = "Auto"
    secret: str | None = None
    trust_remote_code: bool = False

    @property
    def claim(self) -> str | None:
        """The claim of a pvc:// uri, None for a hub model."""
        return self.uri.removeprefix("pvc://").split("/", 1)[0] if self.uri.startswith("pvc://") else None


@dataclass(frozen=True)
class Resources:
    """Requests and limits of a container, as quantities."""

    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parity:
    """How far the compiled model may be from eager fp32 on the CPU."""

    metric: str = "MaxAbs"
    tolerance: float | None = None
    policy: str = "Block"


@dataclass(frozen=True)
class Compile:
    """How the model is compiled."""

    batch_size: int = 1
    sequence_lengths: tuple[int, ...] = (128,)
    auto_cast: str = "matmult"
    auto_cast_type: str = "bf16"
    opt_level: int = 2
    extra_args: tuple[str, ...] = ()
    resources: Resources = Resources()
    timeout_seconds: int = 3600
    retries: int = 2
    parity: Parity = Parity()
    benchmark_seconds: int = 5


@dataclass(frozen=True)
class Placement:
    """Where pods run. None: not said, so that a default may apply."""

    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Object, ...] | None = None
    affinity: Object | None = None
    scheduler_name: str | None = None
    service_account_name: str | None = None
    priority_class_name: str | None = None


def parse_source(spec: Mapping[str, Any]) -> Source:
    """`spec.model`."""
    return Source(
        uri=spec["uri"],
        revision=spec.get("revision"),
        task=spec.get("task", Source.task),
        pooling=spec.get("pooling", Source.pooling),
        secret=(spec.get("secretRef") or {}).get("name"),
        trust_remote_code=spec.get("trustRemoteCode", Source.trust_remote_code),
    )


def parse_resources(spec: Mapping[str, Any]) -> Resources:
    """`resources`; whole numbers become text."""
    return Resources(
        requests={name: str(value) for name, value in (spec.get("requests") or {}).items()},
        limits={name: str(value) for name, value in (spec.get("limits") or {}).items()},
    )


def parse_compile(spec: Mapping[str, Any]) -> Compile:
    """`spec.compile`."""
    parity = spec.get("parity") or {}
    benchmark = spec.get("benchmark") or {}
    return Compile(
        batch_size=spec.get("batchSize", Compile.batch_size),
        sequence_lengths=tuple(sorted(spec.get("sequenceLengths", Compile.sequence_lengths))),
        auto_cast=spec.get("autoCast", Compile.auto_cast),
        auto_cast_type=spec.get("autoCastType", Compile.auto_cast_type),
        opt_level=spec.get("optLevel", Compile.opt_level),
        extra_args=tuple(spec.get("extraArgs") or ()),
        resources=parse_resources(spec.get("resources") or {}),
        timeout_seconds=spec.get("timeoutSeconds", Compile.timeout_seconds),
        retries=spec.get("retries", Compile.retries),
        parity=Parity(
            metric=parity.get("metric", Parity.metric),
            tolerance=parity.get("tolerance"),
            policy=parity.get("policy", Parity.policy),
        ),
        benchmark_seconds=benchmark.get("seconds", Compile.benchmark_seconds),
    )


def parse_placement(spec: Mapping[str, Any]) -> Placement:
    """The placement fields, wherever they stand."""
    tolerations = spec.get("tolerations")
    return Placement(
        node_selector=spec.get("nodeSelector"),
        tolerations=None if tolerations is None else tuple(tolerations),
        affinity=spec.get("affinity"),
        scheduler_name=spec.get("schedulerName"),
        service_account_name=spec.get("serviceAccountName"),
        priority_class_name=spec.get("priorityClassName"),
    )
