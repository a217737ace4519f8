"""What each error code of the Neuron compiler (NCC_...) means here, and what to do about it.

Source: aws-neuron/aws-neuron-sdk, compiler/error-codes (July 2026), and EVRF029 of an earlier edition. Codes
that begin with E are the model's or its options'; all others are the compiler's own failures.
"""

from __future__ import annotations

from collections.abc import Iterator

_SMALLER = "take smaller batchSizes, sequenceLengths or imageSizes"
_TYPES = "keep to float32, bfloat16 and int32 in the model, or leave the part to the CPU (partitioner)"
_INTEGERS = (
    "cast its operands to a floating-point type in the model, or leave the part to the CPU (partitioner)"
)
_FORM = "write it otherwise in the model, or leave the part to the CPU (partitioner)"
_QUANTIZED = "take a checkpoint without quantised kernels of its own (MX formats)"
_KERNELS = "compile without kernels of the model's own (NKI), or with those of the compiler's release"

_TABLE: tuple[tuple[str, str, str], ...] = (
    # reason, codes, what to do.
    ("DeviceOutOfMemory", "EOOM001 EOOM002 EVRF009 EVRF024 EXSP001", _SMALLER),
    ("ModelTooLarge", "EBVF030 EVRF007 EXTP004", f"{_SMALLER}, or a smaller model"),
    ("ModelTooLarge", "EBIR023", "take a model with narrower layers (4096 at most)"),
    ("DynamicShape", "EMOD025", "let shapes depend on the inputs' shapes alone"),
    ("SequenceTooLong", "EVRF056", "let no sequence be longer than the model's max_position_embeddings"),
    ("UnsupportedOperator", "EHCA005 EUOC002 EVRF001 EVRF015 EVRF029", _FORM),
    ("UnsupportedOperator", "EVRF006 EVRF010 EVRF011 EVRF017 EVRF018 EVRF019", _FORM),
    ("UnsupportedOperator", "EVRF013 EVRF016 EVRF022 EVRF035 EVRF060 EVRF061 EVRF062 EVRF063", _INTEGERS),
    ("UnsupportedOperator", "ESFH002 ESPP004 ESPP047 EVRF004 EVRF005 EVRF051 EVRF052", _TYPES),
    ("CompilerRefused", "EARG001", "correct spec.compile.neuronx.logicalCores"),
    ("CompilerRefused", "EVRF031 EVRF064", "write that part of the model otherwise"),
    (
        "CompilerRefused",
        "EVRF036 EVRF037 EVRF038 EVRF039 EVRF040 EVRF041 EVRF042 EVRF057 EVRF058",
        _QUANTIZED,
    ),
    ("CompilerRefused", "EVRF043 EVRF044 EVRF045 EVRF046 EVRF047 EVRF048 EVRF049 EVRF050", _QUANTIZED),
    ("CompilerRefused", "EVRF053 EVRF054 EVRF055", _QUANTIZED),
    ("CompilerRefused", "EVRF059 EVRF065", _KERNELS),
)


def _rows() -> Iterator[tuple[str, tuple[str, str]]]:
    for reason, codes, advice in _TABLE:
        for code in codes.split():
            yield code, (reason, advice)


DOCUMENTED = dict(_rows())
"""By code, without NCC_: the reason, and half a sentence on what to do."""


def meaning_of(code: str) -> tuple[str, str]:
    """The reason of a code and what to do, for one that is not documented by its first letter."""
    if code in DOCUMENTED:
        return DOCUMENTED[code]
    if code.startswith("E"):
        return "CompilerRefused", "change the model or spec.compile"
    return "CompilerCrashed", "other options may help: the same graph would meet it again"
