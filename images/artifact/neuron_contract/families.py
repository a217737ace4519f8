"""The targets, and the family of compilers behind each."""

FAMILY_OF_TARGET = {"cpu": "cpu", "inf1": "neuron", "inf2": "neuronx", "trn1": "neuronx", "trn2": "neuronx"}
TARGETS = tuple(FAMILY_OF_TARGET)
FAMILIES = tuple(dict.fromkeys(FAMILY_OF_TARGET.values()))
