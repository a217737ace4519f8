"""Targets, the compiler families behind them, and which of them need an accelerator."""

from neuron_contract.families import FAMILIES, FAMILY_OF_TARGET, TARGETS

__all__ = ["CPU", "FAMILIES", "TARGETS", "family_of", "is_accelerated"]

CPU = "cpu"


_INSTANCE_FAMILIES = {
    "inf1": "inf1",
    "inf2": "inf2",
    "trn1": "trn1",
    "trn1n": "trn1",
    "trn2": "trn2",
    "trn2u": "trn2",
}


def target_of_instance(instance_type: str) -> str | None:
    """The target of an EC2 instance type such as inf2.xlarge; None for one without Neuron devices."""
    return _INSTANCE_FAMILIES.get(instance_type.partition(".")[0])


def family_of(target: str) -> str:
    """The compiler family of a target: cpu, neuronx or neuron."""
    return FAMILY_OF_TARGET[target]


def is_accelerated(target: str) -> bool:
    """Whether the target needs a Neuron device."""
    return target != CPU
