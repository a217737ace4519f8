"""Targets, the compiler families behind them, and which of them need an accelerator."""

from neuron_contract.families import FAMILIES, FAMILY_OF_TARGET, TARGETS

__all__ = ["CPU", "FAMILIES", "TARGETS", "family_of", "is_accelerated"]

CPU = "cpu"


def family_of(target: str) -> str:
    """The compiler family of a target: cpu, neuronx or neuron."""
    return FAMILY_OF_TARGET[target]


def is_accelerated(target: str) -> bool:
    """Whether the target needs a Neuron device."""
    return target != CPU
