"""NeuronModel: what the user wants."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neuron_operator.api.spec import (
    Compile,
    Placement,
    Resources,
    Source,
    parse_compile,
    parse_placement,
    parse_resources,
    parse_source,
)
from neuron_operator.reading.objects import (
    Object,
    annotations_of,
    is_deleting,
    name_of,
    namespace_of,
    status_of,
    uid_of,
)
from neuron_operator.terms import labels

TRITON, TORCHSERVE = "Triton", "TorchServe"
UNMAINTAINED = (TORCHSERVE,)
"""Servers that their authors have given up: vulnerabilities found in them stay."""
"""The values of spec.serving.runtime."""
_LONGEST_RESTART = 63
"""Characters of the annotation that count: one may have 256 KiB, and pods carry it."""
_LONGEST_ASKED = 256
"""The same of the annotations that no pod carries."""
HORIZONTAL_POD_AUTOSCALER, EXTERNAL, NONE = "HorizontalPodAutoscaler", "External", "None"
"""The values of spec.autoscaling.type."""


@dataclass(frozen=True)
class Storage:
    """Where artifacts are kept. None: the chart's default."""

    claim_name: str | None = None
    storage_class_name: str | None = None
    size: str | None = None
    ttl_seconds: int | None = None


@dataclass(frozen=True)
class Batching:
    """How waiting requests are computed together; None: the server's default."""

    rows: int | None = None
    delay_milliseconds: int | None = None


@dataclass(frozen=True)
class Serving:
    """How the artifact is served."""

    runtime: str = TRITON
    cores: int = 1
    batching: Batching = field(default_factory=Batching)
    local_copy: bool = False
    request_log: bool = False
    resources: Resources = field(default_factory=Resources)
    placement: Placement = field(default_factory=Placement)
    topology_spread_constraints: tuple[Object, ...] = ()
    env: tuple[Object, ...] = ()
    pod_template: Object | None = None
    service: Object = field(default_factory=dict)


@dataclass(frozen=True)
class HorizontalPodAutoscaler:
    """A HorizontalPodAutoscaler's bounds and metrics."""

    min_replicas: int = 1
    max_replicas: int = 3
    target_cpu_percent: int = 80
    metrics: tuple[Object, ...] = ()
    behavior: Object | None = None


@dataclass(frozen=True)
class Autoscaling:
    """Who decides on the number of servers; `autoscaler` is None for all types but the first."""

    type: str = HORIZONTAL_POD_AUTOSCALER
    autoscaler: HorizontalPodAutoscaler | None = HorizontalPodAutoscaler()


@dataclass(frozen=True)
class Rollout:
    """How servers are replaced. None: the operator's default.

    `keep`: how many artifacts that served before count as used, so that an undo finds their files.
    """

    progress_deadline_seconds: int | None = None
    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    keep: int = 1


@dataclass(frozen=True)
class Pinned:
    """The versions chosen for what a model compiles for one target.

    Attributes:
        target: the target.
        generation: of the spec that was seen last.
        toolchain: what it is compiled with.
        compiler_image: the image that compiles it.
        serving_image: the image that serves it; empty where none is configured.
        runtime: the runtime in that image; empty where an operator of before has written it.
        digest: of what is compiled with that toolchain; empty likewise.
    """

    target: str
    generation: int
    toolchain: str
    compiler_image: str
    serving_image: str
    runtime: str = ""
    digest: str = ""


@dataclass(frozen=True)
class NeuronModel:
    """One NeuronModel. `replicas` is None where somebody else decides on the Deployment's number."""

    name: str
    namespace: str
    uid: str
    generation: int
    created: str
    deleting: bool
    source: Source
    target: str
    fallback: bool
    compile: Compile
    storage: Storage
    serving: Serving
    replicas: int | None
    autoscaling: Autoscaling
    rollout: Rollout
    toolchain_asked: str
    """What the annotation says; empty without one."""
    restart_asked: str
    """What the annotation says; empty without one."""
    retry_asked: str
    """What the annotation says; empty without one."""
    undo_asked: str
    """What the annotation says; empty without one."""
    status: Mapping[str, Any]

    @property
    def known_artifacts(self) -> set[str]:
        """Names of the artifacts that status says are served or prepared, and of those kept for an undo."""
        references = (self.status.get("artifact"), self.status.get("preparing"))
        named = {str(reference["name"]) for reference in references if reference}
        return named | set(self._kept_artifacts())

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """What has served, the newest first."""
        return self.status.get("history") or ()

    def _kept_artifacts(self) -> Iterator[str]:
        """Of the history: what served last, to which a failed rollout goes back; those of `rollout.keep`; the
        one that an undo asks for.
        """
        names = list(dict.fromkeys(str(entry["artifact"]) for entry in self.history))
        yield from names[: 1 + self.rollout.keep]
        yield from (str(entry["artifact"]) for entry in self.history if self.undoes_to(entry))

    def undoes_to(self, entry: Mapping[str, Any]) -> bool:
        """Whether the annotation names that entry of the history: its number, digest or artifact."""
        names = (str(entry.get("number")), entry.get("digest"), entry.get("artifact"))
        return self.undo_asked != "" and self.undo_asked in names

    @property
    def pins(self) -> Mapping[str, Pinned]:
        """What status holds of earlier choices, by target."""
        current = self.status.get("pinned")
        if not current:
            return {}
        # Written by an operator of before it names no target: it is that of the status.
        current = {"target": self.status.get("target", ""), **current}
        found = (_parse_pinned(pinned) for pinned in (*(current.get("others") or ()), current))
        return {pinned.target: pinned for pinned in found}


def _parse_pinned(status: Mapping[str, Any]) -> Pinned:
    return Pinned(
        target=status["target"],
        generation=status.get("generation", 0),
        toolchain=status["toolchain"],
        compiler_image=status["compilerImage"],
        serving_image=status["servingImage"],
        runtime=status.get("runtime", ""),
        digest=status.get("digest", ""),
    )


def parse_model(body: Mapping[str, Any]) -> NeuronModel:
    """A NeuronModel from the API's object."""
    spec, metadata = body["spec"], body["metadata"]
    autoscaling = _parse_autoscaling(spec)
    return NeuronModel(
        name=name_of(body),
        namespace=namespace_of(body),
        uid=uid_of(body),
        generation=metadata.get("generation", 0),
        created=metadata.get("creationTimestamp", ""),
        deleting=is_deleting(body),
        source=parse_source(spec["model"]),
        target=spec.get("target", "inf2"),
        fallback=spec.get("fallback", "Never") == "CPU",
        compile=parse_compile(spec.get("compile") or {}),
        storage=_parse_storage(spec.get("storage") or {}),
        serving=_parse_serving(spec.get("serving") or {}),
        replicas=_replicas(spec, autoscaling),
        autoscaling=autoscaling,
        rollout=_parse_rollout(spec.get("rollout") or {}),
        toolchain_asked=annotations_of(body).get(labels.TOOLCHAIN, ""),
        restart_asked=annotations_of(body).get(labels.RESTART, "")[:_LONGEST_RESTART],
        retry_asked=annotations_of(body).get(labels.RETRY, "")[:_LONGEST_ASKED],
        undo_asked=annotations_of(body).get(labels.UNDO, "")[:_LONGEST_ASKED],
        status=status_of(body),
    )


def _parse_storage(spec: Mapping[str, Any]) -> Storage:
    return Storage(
        claim_name=spec.get("claimName"),
        storage_class_name=spec.get("storageClassName"),
        size=spec.get("size"),
        ttl_seconds=spec.get("ttlSeconds"),
    )


def _parse_serving(spec: Mapping[str, Any]) -> Serving:
    return Serving(
        runtime=spec.get("runtime", Serving.runtime),
        cores=spec.get("cores", Serving.cores),
        batching=_parse_batching(spec.get("batching") or {}),
        local_copy=spec.get("localCopy", Serving.local_copy),
        request_log=spec.get("requestLog", Serving.request_log),
        resources=parse_resources(spec.get("resources") or {}),
        placement=parse_placement(spec),
        topology_spread_constraints=tuple(spec.get("topologySpreadConstraints") or ()),
        env=tuple(spec.get("env") or ()),
        pod_template=spec.get("podTemplate"),
        service=spec.get("service") or {},
    )


def _parse_rollout(spec: Mapping[str, Any]) -> Rollout:
    return Rollout(
        progress_deadline_seconds=spec.get("progressDeadlineSeconds"),
        max_surge=spec.get("maxSurge"),
        max_unavailable=spec.get("maxUnavailable"),
        keep=spec.get("keep", Rollout.keep),
    )


def _parse_batching(spec: Mapping[str, Any]) -> Batching:
    return Batching(rows=spec.get("rows"), delay_milliseconds=spec.get("delayMilliseconds"))


def _parse_autoscaling(spec: Mapping[str, Any]) -> Autoscaling:
    given = spec.get("autoscaling")
    if given is None and spec.get("replicas") is not None:
        return Autoscaling(NONE, None)
    chosen = (given or {}).get("type", Autoscaling.type)
    if chosen != HORIZONTAL_POD_AUTOSCALER:
        return Autoscaling(chosen, None)
    return Autoscaling(chosen, _parse_autoscaler((given or {}).get("horizontalPodAutoscaler") or {}))


def _replicas(spec: Mapping[str, Any], autoscaling: Autoscaling) -> int | None:
    number: int | None = spec.get("replicas")
    if autoscaling.type == NONE:
        return 1 if number is None else number
    return number if autoscaling.type == EXTERNAL else None


def _parse_autoscaler(spec: Mapping[str, Any]) -> HorizontalPodAutoscaler:
    default = HorizontalPodAutoscaler()
    return HorizontalPodAutoscaler(
        min_replicas=spec.get("minReplicas", default.min_replicas),
        max_replicas=spec.get("maxReplicas", default.max_replicas),
        target_cpu_percent=spec.get("targetCPUUtilizationPercentage", default.target_cpu_percent),
        metrics=tuple(spec.get("metrics") or ()),
        behavior=spec.get("behavior"),
    )
