"""What a compile or verify Job is asked to do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from neuron_contract import codec
from neuron_contract.families import FAMILY_OF_TARGET


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
    """How to compile it: the shapes, sorted, whose product are the buckets, and each compiler's options."""

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
    Warn or Skip. Without a tolerance the precision of the compiled model decides. `examples` names a file
    with the user's own requests, beside the model or by its absolute path."""

    metric: str
    tolerance: float | None
    policy: str
    examples: str | None = None


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
    """A whole compile request."""

    digest: str
    toolchain: str
    target: str
    model: Model
    options: Options = field(metadata={"key": "compile"})
    parity: ParityGate
    benchmark: BenchmarkOrder

    @property
    def family(self) -> str:
        """The backend family of the target: cpu, neuronx or neuron."""
        return FAMILY_OF_TARGET[self.target]

    @property
    def verified_elsewhere(self) -> bool:
        """Whether this machine only compiles, and another one with the accelerator verifies."""
        return self.family != "cpu" and self.options.placement == "CPU"


def to_text(request: Request) -> str:
    """The value of COMPILE_REQUEST; the same request is always the same text."""
    return json.dumps(codec.to_json(request), sort_keys=True)


def from_text(text: str) -> Request:
    """The inverse of `to_text`. Raises ValueError that says what is wrong."""
    request = codec.from_json(Request, json.loads(text))
    if request.target not in FAMILY_OF_TARGET:
        raise ValueError(f"Request.target is {request.target!r}")
    options = request.options
    ordered = replace(
        options,
        batch_sizes=tuple(sorted(options.batch_sizes)),
        sequence_lengths=tuple(sorted(options.sequence_lengths)),
        image_sizes=tuple(sorted(options.image_sizes)),
    )
    return replace(request, options=ordered)
