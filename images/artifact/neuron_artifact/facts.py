"""What was found out about an artifact while it was compiled: its backend, its parity, its benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """A way to compile that was tried: rows a second of one bucket, and how far it is from eager fp32."""

    name: str
    precision: str
    throughput_per_second: float
    max_rel: float
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """The candidate as it stands in the manifest."""
        return {
            "name": self.name,
            "precision": self.precision,
            "throughputPerSecond": self.throughput_per_second,
            "maxRel": self.max_rel,
            "passed": self.passed,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Candidate:
        """The inverse of `to_dict`. Raises KeyError or TypeError."""
        return cls(
            name=str(content["name"]),
            precision=str(content["precision"]),
            throughput_per_second=float(content["throughputPerSecond"]),
            max_rel=float(content["maxRel"]),
            passed=bool(content["passed"]),
        )


@dataclass(frozen=True)
class Backend:
    """What compiled the modules: torchscript, inductor, torch_neuronx or torch_neuron, and its precision.

    `cpu_features` are the flags of /proc/cpuinfo without which the modules can't run; `candidates` is what
    was measured before this one was chosen, empty where there was no choice. `device_share` is the part of
    the largest bucket's operators that runs on the accelerator, above 0 and up to 1; None on a CPU.
    """

    name: str
    precision: str
    cpu_features: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    device_share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The backend as it stands in the manifest."""
        return {
            "name": self.name,
            "precision": self.precision,
            "cpuFeatures": list(self.cpu_features),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            **({} if self.device_share is None else {"deviceShare": self.device_share}),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Backend:
        """The inverse of `to_dict`. Raises KeyError or TypeError."""
        return cls(
            name=str(content["name"]),
            precision=str(content["precision"]),
            cpu_features=tuple(str(feature) for feature in content["cpuFeatures"]),
            candidates=tuple(Candidate.from_dict(item) for item in content["candidates"]),
            device_share=None if content.get("deviceShare") is None else float(content["deviceShare"]),
        )


@dataclass(frozen=True)
class BucketParity:
    """How far one bucket is from eager fp32, at its worst over the examples."""

    bucket: str
    passed: bool
    max_abs: float
    max_rel: float
    cosine: float

    def to_dict(self) -> dict[str, Any]:
        """The bucket's parity as it stands in the manifest and in the compiler's result."""
        return {
            "bucket": self.bucket,
            "passed": self.passed,
            "maxAbs": self.max_abs,
            "maxRel": self.max_rel,
            "cosine": self.cosine,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> BucketParity:
        """The inverse of `to_dict`. Raises KeyError or TypeError."""
        return cls(
            bucket=str(content["bucket"]),
            passed=bool(content["passed"]),
            max_abs=float(content["maxAbs"]),
            max_rel=float(content["maxRel"]),
            cosine=float(content["cosine"]),
        )


@dataclass(frozen=True)
class Answers:
    """How the door's answers compare with those of `library`, the model's own.

    `compared` counts the answers, `differing` those that are not the library's, `wrong` those of them in
    which more than a number differs: a label, a place, a refusal. `worst` is the largest difference of
    numbers, in the parity's metric; `example` tells of the worst one, None where all passed.
    """

    passed: bool
    compared: int
    differing: int
    wrong: int
    worst: float
    library: str
    example: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The answers as they stand in the manifest and in the compiler's result."""
        return {
            "passed": self.passed,
            "compared": self.compared,
            "differing": self.differing,
            "wrong": self.wrong,
            "worst": self.worst,
            "library": self.library,
            "example": self.example,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Answers:
        """The inverse of `to_dict`. Raises KeyError or TypeError."""
        example = content["example"]
        return cls(
            passed=bool(content["passed"]),
            compared=int(content["compared"]),
            differing=int(content["differing"]),
            wrong=int(content["wrong"]),
            worst=float(content["worst"]),
            library=str(content["library"]),
            example=None if example is None else str(example),
        )


@dataclass(frozen=True)
class Parity:
    """How far the compiled model is from eager fp32 on the CPU: the worst over all buckets, and each.

    `answers` is None where the artifact has no door, or was compiled before answers were compared.
    """

    passed: bool
    metric: str
    value: float
    tolerance: float
    max_abs: float
    max_rel: float
    cosine: float
    buckets: tuple[BucketParity, ...] = ()
    answers: Answers | None = None

    def to_dict(self) -> dict[str, Any]:
        """The parity as it stands in the manifest and in the compiler's result."""
        return {
            "passed": self.passed,
            "metric": self.metric,
            "value": self.value,
            "tolerance": self.tolerance,
            "maxAbs": self.max_abs,
            "maxRel": self.max_rel,
            "cosine": self.cosine,
            "buckets": [bucket.to_dict() for bucket in self.buckets],
            **({"answers": self.answers.to_dict()} if self.answers else {}),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Parity:
        """The inverse of `to_dict`. Raises KeyError or TypeError."""
        answers = content.get("answers")
        return cls(
            passed=bool(content["passed"]),
            metric=str(content["metric"]),
            value=float(content["value"]),
            tolerance=float(content["tolerance"]),
            max_abs=float(content["maxAbs"]),
            max_rel=float(content["maxRel"]),
            cosine=float(content["cosine"]),
            buckets=tuple(BucketParity.from_dict(item) for item in content["buckets"]),
            answers=Answers.from_dict(answers) if answers else None,
        )


@dataclass(frozen=True)
class Measurement:
    """Latency in milliseconds and throughput in rows a second of one bucket, `concurrency` calls at a time.

    The baseline is the eager fp32 model's throughput, one call at a time.
    """

    bucket: str
    concurrency: int
    p50_milliseconds: float
    p90_milliseconds: float
    p99_milliseconds: float
    throughput_per_second: float
    cpu_baseline_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """The measurement as it stands in the manifest and in the compiler's result."""
        return {
            "bucket": self.bucket,
            "concurrency": self.concurrency,
            "p50Milliseconds": self.p50_milliseconds,
            "p90Milliseconds": self.p90_milliseconds,
            "p99Milliseconds": self.p99_milliseconds,
            "throughputPerSecond": self.throughput_per_second,
            "cpuBaselinePerSecond": self.cpu_baseline_per_second,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Measurement:
        """The inverse of `to_dict`. Raises KeyError or TypeError."""
        return cls(
            bucket=str(content["bucket"]),
            concurrency=int(content["concurrency"]),
            p50_milliseconds=float(content["p50Milliseconds"]),
            p90_milliseconds=float(content["p90Milliseconds"]),
            p99_milliseconds=float(content["p99Milliseconds"]),
            throughput_per_second=float(content["throughputPerSecond"]),
            cpu_baseline_per_second=float(content["cpuBaselinePerSecond"]),
        )


@dataclass(frozen=True)
class Benchmark:
    """What was measured, each bucket at each concurrency for `seconds`.

    `main` is the largest bucket at the concurrency with the highest throughput. `load_seconds`: the time a
    fresh load of that bucket took; `cost_per_million`: dollars for a million rows, None without a price;
    `passed`: whether the thresholds are met.
    """

    main: Measurement
    seconds: float
    load_seconds: float
    cost_per_million: float | None
    passed: bool
    buckets: tuple[Measurement, ...]

    @property
    def speed_up(self) -> float:
        """Times the eager fp32 model's throughput on the CPU."""
        return round(self.main.throughput_per_second / self.main.cpu_baseline_per_second, 3)

    def to_dict(self) -> dict[str, Any]:
        """The benchmark as it stands in the manifest and in the compiler's result."""
        return {
            **self.main.to_dict(),
            "seconds": self.seconds,
            "speedUp": self.speed_up,
            "loadSeconds": self.load_seconds,
            "costPerMillion": self.cost_per_million,
            "passed": self.passed,
            "buckets": [measurement.to_dict() for measurement in self.buckets],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Benchmark:
        """The inverse of `to_dict`. Raises KeyError or TypeError."""
        cost = content["costPerMillion"]
        return cls(
            main=Measurement.from_dict(content),
            seconds=float(content["seconds"]),
            load_seconds=float(content["loadSeconds"]),
            cost_per_million=None if cost is None else float(cost),
            passed=bool(content["passed"]),
            buckets=tuple(Measurement.from_dict(item) for item in content["buckets"]),
        )
