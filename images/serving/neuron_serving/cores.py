"""Which NeuronCore a model instance claims."""


def instance_index(instance_name: str) -> int:
    """Return the 0-based index in Triton's instance name, <model>_<group>_<index> (gpt2_0_1 has 1)."""
    return int(instance_name.rsplit("_", 1)[1])


def visible_cores(text: str) -> tuple[int, ...]:
    """Return the cores in a NEURON_RT_VISIBLE_CORES value: numbers and ranges, for example 0,2-3."""
    cores: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        cores.extend(range(int(first), int(last or first) + 1))
    return tuple(cores)


def claim(instance_name: str, visible: str | None) -> dict[str, str]:
    """Return the environment with which an instance sees one core alone, its own.

    visible is the container's NEURON_RT_VISIBLE_CORES, which the device plugin may set; core numbers inside a
    pod start at 0 otherwise. Raises ValueError where the pod has fewer cores than instances.
    """
    index = instance_index(instance_name)
    cores = visible_cores(visible) if visible else None
    if cores is not None and index >= len(cores):
        raise ValueError(
            f"{instance_name} needs core {index + 1} of the pod's, but NEURON_RT_VISIBLE_CORES={visible} "
            f"has {len(cores)}: lower serving.cores or request more cores."
        )
    core = index if cores is None else cores[index]
    return {"NEURON_RT_VISIBLE_CORES": str(core), "NEURON_RT_NUM_CORES": "1"}
