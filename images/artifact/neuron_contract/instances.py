"""The EC2 instance types with Neuron devices, and what each has for pods.

CPU and memory are what a node offers to pods (allocatable) with Karpenter's defaults; a managed node group's
differ by little. Source: aws/karpenter-provider-aws, website/content/en/docs/reference/instance-types.md
(August 2026). The memory of a device: aws-neuron-sdk, about-neuron/arch/neuron-hardware.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Instance:
    """One type: CPUs in thousandths, memory in MiB, devices, and of these together the physical NeuronCores
    and the memory in GiB.
    """

    target: str
    millicpus: int
    memory: int
    devices: int
    cores: int
    device_memory: int


INSTANCES = {
    "inf1.xlarge": Instance("inf1", 3920, 6804, 1, 4, 8),
    "inf1.2xlarge": Instance("inf1", 7910, 14382, 1, 4, 8),
    "inf1.6xlarge": Instance("inf1", 23870, 42536, 4, 16, 32),
    "inf1.24xlarge": Instance("inf1", 95690, 177976, 16, 64, 128),
    "inf2.xlarge": Instance("inf2", 3920, 14162, 1, 2, 32),
    "inf2.8xlarge": Instance("inf2", 31850, 118312, 1, 2, 32),
    "inf2.24xlarge": Instance("inf2", 95690, 355262, 6, 12, 192),
    "inf2.48xlarge": Instance("inf2", 191450, 718987, 12, 24, 384),
    "trn1.2xlarge": Instance("trn1", 7910, 29317, 1, 2, 32),
    "trn1.32xlarge": Instance("trn1", 127610, 481894, 16, 32, 512),
    "trn1n.32xlarge": Instance("trn1", 127610, 481894, 16, 32, 512),
    "trn2.48xlarge": Instance("trn2", 191450, 1938410, 16, 128, 1536),
}

DEFAULT_DISK_GIB = 17
"""What a node's default root volume of 20 GiB leaves to pods, images included: too little for ours."""

OWN_PODS_MIB = 1024
"""Memory that the pods of the node itself take: network, proxy, volumes, device plugin."""


def memory_for_one_pod(instance: Instance) -> int:
    """The memory in MiB that one pod can have beside those of the node itself."""
    return instance.memory - OWN_PODS_MIB


def memory_of_core(target: str) -> int | None:
    """The MiB of device memory behind one physical core of the target, None where it has no device."""
    found = next((each for each in INSTANCES.values() if each.target == target), None)
    return None if found is None else found.device_memory * 1024 // found.cores
