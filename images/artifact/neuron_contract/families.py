"""The targets, and the family of compilers behind each."""

FAMILY_OF_TARGET = {"cpu": "cpu", "inf1": "neuron", "inf2": "neuronx", "trn1": "neuronx", "trn2": "neuronx"}
TARGETS = tuple(FAMILY_OF_TARGET)
FAMILIES = tuple(dict.fromkeys(FAMILY_OF_TARGET.values()))

LOGICAL_CORES = {"trn2": 2}
"""How many physical cores make one logical core where the spec does not say it; elsewhere a core is a core.
Compiler and runtime must be told the same."""


def logical_cores(target: str, asked: int | None) -> int | None:
    """How many physical cores make a logical one, None where the target has no such setting."""
    return (asked or LOGICAL_CORES[target]) if target in LOGICAL_CORES else None
