"""Targets, the compiler families behind them, and which of them need an accelerator."""

CPU = "cpu"

_FAMILIES = {CPU: "cpu", "inf1": "neuron", "inf2": "neuronx", "trn1": "neuronx", "trn2": "neuronx"}

TARGETS = tuple(_FAMILIES)
FAMILIES = tuple(dict.fromkeys(_FAMILIES.values()))


def family_of(target: str) -> str:
    """The compiler family of a target: cpu, neuronx or neuron."""
    return _FAMILIES[target]


def is_accelerated(target: str) -> bool:
    """Whether the target needs a Neuron device."""
    return target != CPU
