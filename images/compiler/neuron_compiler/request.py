"""The compile request, parsed once from the pod's environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_compiler.failure import CompileError

FAMILIES = {"cpu": "cpu", "inf1": "neuron", "inf2": "neuronx", "trn1": "neuronx", "trn2": "neuronx"}


@dataclass(frozen=True)
class Model:
    """What to compile: a uri of hf://, s3://, pvc:// or https://, and how to read it.

    `sha256` is that of the file behind an https:// uri, `architecture` names a model of timm or torchvision.
    """

    uri: str
    revision: str | None
    sha256: str | None
    task: str
    pooling: str
    architecture: str | None
    trust_remote_code: bool


@dataclass(frozen=True)
class Partitioner:
    """What torch_neuronx may leave to the CPU; None: its own default."""

    support_threshold: float | None
    min_subgraph_size: int | None
    max_subgraph_count: int | None


@dataclass(frozen=True)
class Options:
    """How to compile it: the shapes, whose product are the buckets, and each compiler's options."""

    batch_sizes: tuple[int, ...]
    sequence_lengths: tuple[int, ...]
    image_sizes: tuple[int, ...]
    auto_cast: str
    auto_cast_type: str
    opt_level: int
    model_type: str
    logical_cores: int | None
    fast_loading: bool
    pipeline_cores: int | None
    fast_math: str | None
    partitioner: Partitioner | None
    weights: str
    cpu_backend: str
    placement: str
    extra_args: tuple[str, ...]


@dataclass(frozen=True)
class ParityGate:
    """How far the compiled model may be from the eager one: metric MaxAbs, MaxRel or Cosine; policy Block,
    Warn or Skip. Without a tolerance the precision of the compiled model decides."""

    metric: str
    tolerance: float | None
    policy: str


@dataclass(frozen=True)
class Thresholds:
    """What the benchmark must reach: milliseconds, rows a second, times eager. None: anything."""

    p99_milliseconds: float | None
    throughput_per_second: float | None
    speed_up: float | None


@dataclass(frozen=True)
class BenchmarkOrder:
    """What to measure: seconds for each bucket and concurrency, calls at a time, dollars an hour; policy
    Block or Warn."""

    seconds: float
    concurrencies: tuple[int, ...]
    price_per_hour: float | None
    thresholds: Thresholds
    policy: str


@dataclass(frozen=True)
class Request:
    """A whole compile request; `raw` is the JSON as it came, for the manifest."""

    digest: str
    model: Model
    target: str
    options: Options
    parity: ParityGate
    benchmark: BenchmarkOrder
    raw: Mapping[str, Any]

    @property
    def family(self) -> str:
        """The backend family of the target: cpu, neuronx or neuron."""
        return FAMILIES[self.target]

    @property
    def verified_elsewhere(self) -> bool:
        """Whether this machine only compiles, and another one with the accelerator verifies."""
        return self.family != "cpu" and self.options.placement == "CPU"


def parse(text: str) -> Request:
    """Parses COMPILE_REQUEST. Raises CompileError when it is not a request."""
    try:
        content = json.loads(text)
        return _parse(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompileError(
            "CompilerCrashed",
            f"COMPILE_REQUEST is no compile request ({type(error).__name__}: {error}): the operator and the "
            "compiler image must be of one release.",
        ) from error


def default_tolerance(metric: str, precision: str) -> float:
    """The tolerance where the request names none.

    fp32 against fp32 differs by the order of additions only. With matrix products cast to bf16, which keeps
    8 bits, 5e-2 holds for activations of a transformer; a cosine is insensitive to small errors, so it gets a
    tighter one.
    """
    if precision == "fp32":
        return 1e-4
    return 1e-2 if metric == "Cosine" else 5e-2


def _parse(content: Mapping[str, Any]) -> Request:
    model, gate, order = content["model"], content["parity"], content["benchmark"]
    target = content["target"]
    if target not in FAMILIES:
        raise ValueError(f"target {target!r}")
    return Request(
        digest=content["digest"],
        model=Model(
            uri=model["uri"],
            revision=model["revision"],
            sha256=model["sha256"],
            task=model["task"],
            pooling=model["pooling"],
            architecture=model["architecture"],
            trust_remote_code=bool(model["trustRemoteCode"]),
        ),
        target=target,
        options=_options(content["compile"]),
        parity=ParityGate(gate["metric"], _number(gate["tolerance"]), gate["policy"]),
        benchmark=BenchmarkOrder(
            seconds=float(order["seconds"]),
            concurrencies=tuple(sorted(int(count) for count in order["concurrencies"])),
            price_per_hour=_number(order["pricePerHour"]),
            thresholds=Thresholds(
                p99_milliseconds=_number(order["thresholds"]["p99Milliseconds"]),
                throughput_per_second=_number(order["thresholds"]["throughputPerSecond"]),
                speed_up=_number(order["thresholds"]["speedUp"]),
            ),
            policy=order["policy"],
        ),
        raw=content,
    )


def _options(content: Mapping[str, Any]) -> Options:
    partitioner = content["partitioner"]
    return Options(
        batch_sizes=_sizes(content["batchSizes"]),
        sequence_lengths=_sizes(content["sequenceLengths"]),
        image_sizes=_sizes(content["imageSizes"]),
        auto_cast=content["autoCast"],
        auto_cast_type=content["autoCastType"],
        opt_level=int(content["optLevel"]),
        model_type=content["modelType"],
        logical_cores=content["logicalCores"],
        fast_loading=bool(content["fastLoading"]),
        pipeline_cores=content["pipelineCores"],
        fast_math=content["fastMath"],
        partitioner=None
        if partitioner is None
        else Partitioner(
            partitioner["supportThreshold"], partitioner["minSubgraphSize"], partitioner["maxSubgraphCount"]
        ),
        weights=content["weights"],
        cpu_backend=content["cpuBackend"],
        placement=content["placement"],
        extra_args=tuple(content["extraArgs"]),
    )


def _sizes(values: list[Any]) -> tuple[int, ...]:
    return tuple(sorted(int(value) for value in values))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
