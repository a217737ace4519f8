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
    """What to compile: a uri of hf:// or pvc://, and how to read it."""

    uri: str
    revision: str | None
    task: str
    pooling: str
    trust_remote_code: bool


@dataclass(frozen=True)
class Options:
    """How to compile it: rows of a call, sequence lengths (one bucket each), and the Neuron compiler's
    options.
    """

    batch_size: int
    sequence_lengths: tuple[int, ...]
    auto_cast: str
    auto_cast_type: str
    opt_level: int
    extra_args: tuple[str, ...]


@dataclass(frozen=True)
class ParityGate:
    """How far the compiled model may be from the eager one: metric MaxAbs, MaxRel or Cosine; policy Block,
    Warn or
    Skip."""

    metric: str
    tolerance: float
    policy: str


@dataclass(frozen=True)
class Request:
    """A whole compile request; `raw` is the JSON as it came, for the manifest."""

    digest: str
    model: Model
    target: str
    options: Options
    parity: ParityGate
    benchmark_seconds: float
    raw: Mapping[str, Any]

    @property
    def family(self) -> str:
        """The backend family of the target: cpu, neuronx or neuron."""
        return FAMILIES[self.target]


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


def default_tolerance(metric: str, target: str, auto_cast: str) -> float:
    """The tolerance where the request names none.

    fp32 against fp32 differs by the order of additions only. With matrix products cast to bf16, which keeps
    8 bits, 5e-2 holds for activations of a transformer; a cosine is insensitive to small errors, so it gets a
    tighter one.
    """
    if target in ("cpu", "inf1") or auto_cast == "none":
        return 1e-4
    return 1e-2 if metric == "Cosine" else 5e-2


def _parse(content: Mapping[str, Any]) -> Request:
    model, options, gate = content["model"], content["compile"], content["parity"]
    target = content["target"]
    if target not in FAMILIES:
        raise ValueError(f"target {target!r}")
    auto_cast = options["autoCast"]
    tolerance = gate.get("tolerance")
    if tolerance is None:
        tolerance = default_tolerance(gate["metric"], target, auto_cast)
    return Request(
        digest=content["digest"],
        model=Model(
            uri=model["uri"],
            revision=model.get("revision"),
            task=model["task"],
            pooling=model.get("pooling") or "Auto",
            trust_remote_code=bool(model.get("trustRemoteCode")),
        ),
        target=target,
        options=Options(
            batch_size=int(options["batchSize"]),
            sequence_lengths=tuple(sorted(int(length) for length in options["sequenceLengths"])),
            auto_cast=auto_cast,
            auto_cast_type=options["autoCastType"],
            opt_level=int(options["optLevel"]),
            extra_args=tuple(options.get("extraArgs") or ()),
        ),
        parity=ParityGate(gate["metric"], float(tolerance), gate["policy"]),
        benchmark_seconds=float(content["benchmark"]["seconds"]),
        raw=content,
    )
