"""What keeps an artifact from being published: numbers that differ, or that are too slow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from neuron_artifact import Answers, Benchmark, Parity

from neuron_compiler import benchmark, parity
from neuron_compiler.answers.verdict import PADDING
from neuron_compiler.failure import CompileError
from neuron_compiler.metrics import Difference
from neuron_compiler.request import BenchmarkOrder, ParityGate

_ELSEWHERE = (
    "The tensors agree, so this is in how texts or pictures reach the model, or in what is made of its "
    "outputs. Set spec.compile.parity.policy to Warn if you use tensors only."
)
_PADS = (
    "A compiled model has every text padded to the length of its bucket, tensors too: choose an architecture "
    "that leaves padding out by its mask."
)


def parity_gate(
    differences: Mapping[str, Sequence[Difference]],
    gate: ParityGate,
    precision: str,
    answers: Answers | None = None,
) -> Parity | None:
    """The verdict on tensors and answers, None where it is skipped. Raises CompileError (ParityFailed,
    AnswersDiffer) when it blocks.
    """
    if not differences:
        return None
    verdict = replace(parity.judge(differences, gate, precision), answers=answers)
    if not verdict.passed and gate.policy == "Block":
        worst = next(bucket.bucket for bucket in verdict.buckets if not bucket.passed)
        raise CompileError(
            "ParityFailed",
            f"The compiled model differs from eager fp32 on the CPU: {verdict.metric} is "
            f"{verdict.value:.3g} (bucket {worst}), and {verdict.tolerance:.3g} is allowed. Cast less "
            "(spec.compile.neuronx.autoCast, spec.compile.cpu.precision), or raise the tolerance if your use "
            "allows it.",
            parity=verdict,
        )
    if answers is not None and not answers.passed and gate.policy == "Block":
        if not answers.compared:
            raise CompileError(
                "AnswersDiffer",
                f"No answer could be compared: {answers.example}. Correct the model's files, or set "
                "spec.compile.parity.policy to Warn to serve it uncompared.",
                parity=verdict,
            )
        padded = (answers.example or "").endswith(PADDING)
        raise CompileError(
            "AnswersDiffer",
            f"{answers.differing} of {answers.compared} answers are not those of {answers.library}: "
            f"{answers.example}. {_PADS if padded else _ELSEWHERE}",
            parity=verdict,
        )
    return verdict


def speed_gate(report: Benchmark | None, order: BenchmarkOrder, verdict: Parity | None) -> None:
    """Raises CompileError (TooSlow) when a threshold is missed and the policy blocks."""
    if report is None or report.passed or order.policy != "Block":
        return
    phrases = "; ".join(benchmark.missed(report.main, order.thresholds))
    raise CompileError(
        "TooSlow",
        f"The compiled model is too slow in the bucket {report.main.bucket}: {phrases}. Lower the thresholds "
        "of spec.compile.benchmark, or compile it another way.",
        parity=verdict,
        benchmark=report,
    )
