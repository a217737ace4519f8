"""The parts of the spec that NeuronModel and NeuronArtifact share, and their parser.

Defaults repeat those of the CRD: the API server fills them in, so they matter only for objects that never
passed through it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuron_operator.reading.objects import Object

IMAGE_TASKS = ("image-classification", "image-feature-extraction")
CUSTOM_TASK = "custom"
_DEFAULT_SEQUENCE_LENGTHS = (128,)


@dataclass(frozen=True)
class Source:
    """Which model, and what it is used for."""

    uri: str
    revision: str | None = None
    sha256: str | None = None
    task: str = "feature-extraction"
    pooling: str = "Auto"
    architecture: str | None = None
    secret: str | None = None
    trust_remote_code: bool = False

    @property
    def kind(self) -> str:
        """The uri's scheme: hf, s3, pvc or https."""
        return self.uri.partition("://")[0]

    @property
    def claim(self) -> str | None:
        """The claim of a pvc:// uri, None for any other."""
        return self.uri.removeprefix("pvc://").split("/", 1)[0] if self.kind == "pvc" else None


@dataclass(frozen=True)
class Resources:
    """Requests and limits of a container, as quantities."""

    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Placement:
    """Where pods run. None: not said, so that a default may apply."""

    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Object, ...] | None = None
    affinity: Object | None = None
    scheduler_name: str | None = None
    service_account_name: str | None = None
    priority_class_name: str | None = None


@dataclass(frozen=True)
class ConfigMapKey:
    """A value in a ConfigMap of the resource's namespace."""

    name: str
    key: str = "examples.json"


@dataclass(frozen=True)
class Parity:
    """How far the compiled model may be from eager fp32 on the CPU.

    The user's own requests are in a file beside the model (`examples`) or in a ConfigMap (`examples_from`).
    """

    metric: str = "MaxRel"
    tolerance: float | None = None
    policy: str = "Block"
    examples: str | None = None
    examples_from: ConfigMapKey | None = None


@dataclass(frozen=True)
class Thresholds:
    """What a benchmark must reach; None: anything will do."""

    p99_milliseconds: float | None = None
    throughput_per_second: float | None = None
    speed_up: float | None = None


@dataclass(frozen=True)
class Benchmark:
    """The measurement after compiling: seconds for each bucket and concurrency, dollars an hour."""

    seconds: int = 5
    concurrencies: tuple[int, ...] = (1,)
    price_per_hour: float | None = None
    thresholds: Thresholds = Thresholds()
    policy: str = "Block"


@dataclass(frozen=True)
class Partitioner:
    """Which parts of a model go to the accelerator where some operators are not supported."""

    support_threshold: float = 0.5
    min_subgraph_size: int | None = None
    max_subgraph_count: int | None = None


@dataclass(frozen=True)
class Neuronx:
    """Options of neuronx-cc, for inf2, trn1 and trn2."""

    auto_cast: str = "matmult"
    auto_cast_type: str = "bf16"
    opt_level: int = 2
    model_type: str | None = None
    logical_cores: int | None = None
    fast_loading: bool = False
    weights: str = "Inlined"
    partitioner: Partitioner | None = None
    extra_args: tuple[str, ...] = ()

    def model_type_for(self, task: str, target: str) -> str:
        """For which kind of model neuronx-cc optimises; where the spec does not say it, for transformers in
        tasks on text, and only on the target on which that was seen to gain.
        """
        on_text = task not in (*IMAGE_TASKS, CUSTOM_TASK)
        return self.model_type or ("transformer" if on_text and target == "inf2" else "generic")


@dataclass(frozen=True)
class Neuron:
    """Options of neuron-cc, for inf1."""

    fast_math: str | None = None
    pipeline_cores: int | None = None
    fast_loading: bool = False
    weights: str = "Inlined"
    extra_args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cpu:
    """Options for the CPU: backend Auto, TorchScript or Inductor; precision Auto or FP32."""

    backend: str = "Auto"
    precision: str = "Auto"


@dataclass(frozen=True)
class Compile:
    """How the model is compiled. Lengths and sizes are empty where the spec names none."""

    batch_sizes: tuple[int, ...] = (1,)
    sequence_lengths: tuple[int, ...] = ()
    image_sizes: tuple[int, ...] = ()
    neuronx: Neuronx = Neuronx()
    neuron: Neuron = Neuron()
    cpu: Cpu = Cpu()
    runs_on: str = "Accelerator"
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Object, ...] | None = None
    env: tuple[Object, ...] = ()
    pod_template: Object | None = None
    resources: Resources = Resources()
    timeout_seconds: int = 3600
    retries: int = 2
    parity: Parity = Parity()
    benchmark: Benchmark = Benchmark()

    def sequence_lengths_for(self, task: str) -> tuple[int, ...]:
        """In tokens, sorted; empty for tasks that are not on text."""
        if task in (*IMAGE_TASKS, CUSTOM_TASK):
            return ()
        return self.sequence_lengths or _DEFAULT_SEQUENCE_LENGTHS

    def image_sizes_for(self, task: str) -> tuple[int, ...]:
        """In pixels, sorted; empty for other tasks, and where the model's own size is wanted."""
        return self.image_sizes if task in IMAGE_TASKS else ()


def parse_source(spec: Mapping[str, Any]) -> Source:
    """`spec.model`."""
    return Source(
        uri=spec["uri"],
        revision=spec.get("revision"),
        sha256=spec.get("sha256"),
        task=spec.get("task", Source.task),
        pooling=spec.get("pooling", Source.pooling),
        architecture=spec.get("architecture"),
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
    tolerations = spec.get("tolerations")
    return Compile(
        batch_sizes=tuple(sorted(spec.get("batchSizes", Compile.batch_sizes))),
        sequence_lengths=tuple(sorted(spec.get("sequenceLengths") or ())),
        image_sizes=tuple(sorted(spec.get("imageSizes") or ())),
        neuronx=_parse_neuronx(spec.get("neuronx") or {}),
        neuron=_parse_neuron(spec.get("neuron") or {}),
        cpu=_parse_cpu(spec.get("cpu") or {}),
        runs_on=spec.get("runsOn", Compile.runs_on),
        node_selector=spec.get("nodeSelector"),
        tolerations=None if tolerations is None else tuple(tolerations),
        env=tuple(spec.get("env") or ()),
        pod_template=spec.get("podTemplate"),
        resources=parse_resources(spec.get("resources") or {}),
        timeout_seconds=spec.get("timeoutSeconds", Compile.timeout_seconds),
        retries=spec.get("retries", Compile.retries),
        parity=_parse_parity(spec.get("parity") or {}),
        benchmark=_parse_benchmark(spec.get("benchmark") or {}),
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


def _parse_neuronx(spec: Mapping[str, Any]) -> Neuronx:
    return Neuronx(
        auto_cast=spec.get("autoCast", Neuronx.auto_cast),
        auto_cast_type=spec.get("autoCastType", Neuronx.auto_cast_type),
        opt_level=spec.get("optLevel", Neuronx.opt_level),
        model_type=spec.get("modelType"),
        logical_cores=spec.get("logicalCores"),
        fast_loading=spec.get("fastLoading", Neuronx.fast_loading),
        weights=spec.get("weights", Neuronx.weights),
        partitioner=_parse_partitioner(spec.get("partitioner")),
        extra_args=tuple(spec.get("extraArgs") or ()),
    )


def _parse_neuron(spec: Mapping[str, Any]) -> Neuron:
    return Neuron(
        fast_math=spec.get("fastMath"),
        pipeline_cores=spec.get("pipelineCores"),
        fast_loading=spec.get("fastLoading", Neuron.fast_loading),
        weights=spec.get("weights", Neuron.weights),
        extra_args=tuple(spec.get("extraArgs") or ()),
    )


def _parse_cpu(spec: Mapping[str, Any]) -> Cpu:
    return Cpu(backend=spec.get("backend", Cpu.backend), precision=spec.get("precision", Cpu.precision))


def _parse_partitioner(spec: Mapping[str, Any] | None) -> Partitioner | None:
    if spec is None:
        return None
    return Partitioner(
        support_threshold=float(spec.get("supportThreshold", Partitioner.support_threshold)),
        min_subgraph_size=spec.get("minSubgraphSize"),
        max_subgraph_count=spec.get("maxSubgraphCount"),
    )


def _parse_parity(spec: Mapping[str, Any]) -> Parity:
    return Parity(
        metric=spec.get("metric", Parity.metric),
        tolerance=_number(spec.get("tolerance")),
        policy=spec.get("policy", Parity.policy),
        examples=spec.get("examples"),
        examples_from=_parse_config_map_key((spec.get("examplesFrom") or {}).get("configMapKeyRef")),
    )


def _parse_config_map_key(spec: Mapping[str, Any] | None) -> ConfigMapKey | None:
    return None if spec is None else ConfigMapKey(spec["name"], spec.get("key", ConfigMapKey.key))


def _parse_benchmark(spec: Mapping[str, Any]) -> Benchmark:
    thresholds = spec.get("thresholds") or {}
    return Benchmark(
        seconds=spec.get("seconds", Benchmark.seconds),
        concurrencies=tuple(sorted(spec.get("concurrencies", Benchmark.concurrencies))),
        price_per_hour=_number(spec.get("pricePerHour")),
        thresholds=Thresholds(
            p99_milliseconds=_number(thresholds.get("p99Milliseconds")),
            throughput_per_second=_number(thresholds.get("throughputPerSecond")),
            speed_up=_number(thresholds.get("speedUp")),
        ),
        policy=spec.get("policy", Benchmark.policy),
    )


def _number(value: str | None) -> float | None:
    return None if value is None else float(value)


def decimal(value: float | None) -> str | None:
    """A number as the spec writes it; the same number is always the same text."""
    return None if value is None else f"{value:.15g}"
