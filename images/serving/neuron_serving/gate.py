"""Whether an artifact and this image belong together, decided before anything is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neuron_serving import neuronversions
from neuron_serving.failure import ServingError

# The package whose import makes a family's compiled modules loadable.
PACKAGE_OF_FAMILY = {"neuronx": "torch_neuronx", "neuron": "torch_neuron"}
# Under which names manifests have its version and its compiler's.
DISTRIBUTIONS = {"neuronx": ("torch-neuronx", "neuronx-cc"), "neuron": ("torch-neuron", "neuron-cc")}


@dataclass(frozen=True)
class Installed:
    """What is here: torch's version, the Neuron packages that can be imported, and the CPU's instructions
    as /proc/cpuinfo calls them. neuron has the versions of those packages, of the image's Neuron runtime and
    of the node's driver, by the names that manifests have.
    """

    torch: str
    packages: frozenset[str]
    cpu_features: frozenset[str] = frozenset()
    neuron: Mapping[str, str] = field(default_factory=dict)


def check(
    family: str,
    versions: Mapping[str, str],
    cpu_features: Sequence[str],
    expected_family: str,
    installed: Installed,
) -> None:
    """Raise ServingError unless an artifact of the family and versions can be served here.

    expected_family is the pod's own. versions and cpu_features are the manifest's: compiled code without an
    instruction it uses would end the process. Reasons: VersionMismatch, ToolchainMissing.
    """
    if family != expected_family:
        raise ServingError(
            "VersionMismatch",
            f"The artifact is compiled for the backend family {family}, and this server runs "
            f"{expected_family}: compile it for the server's target.",
        )
    missing = [feature for feature in cpu_features if feature not in installed.cpu_features]
    if missing:
        raise ServingError(
            "VersionMismatch",
            f"The artifact's machine code needs {', '.join(missing)}, which this node's CPU does not have: "
            "serve it on nodes like the one that compiled it (spec.serving.nodeSelector), or set "
            "spec.compile.cpu.backend to TorchScript.",
        )
    package = PACKAGE_OF_FAMILY.get(family)
    if package is not None and package not in installed.packages:
        raise ServingError(
            "ToolchainMissing",
            f"The artifact needs {package}, which this serving image does not have: set an image with the "
            "AWS Neuron packages as the chart's Triton image of this backend family.",
        )
    compiled_with = versions.get("torch")
    if compiled_with is None or _minor(compiled_with) != _minor(installed.torch):
        raise ServingError(
            "VersionMismatch",
            f"The artifact is compiled with torch {compiled_with or 'of an unknown version'}, and this image "
            f"has torch {installed.torch}: use compiler and serving images of one release.",
        )
    _check_neuron(DISTRIBUTIONS.get(family, ()), versions, installed.neuron)


def _check_neuron(distributions: Sequence[str], made: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Compiled code is promised to run with the release that made it, and on no older runtime."""
    for name in distributions:
        compiled_with, present = made.get(name), here.get(name)
        if compiled_with and present and compiled_with.split("+")[0] != present.split("+")[0]:
            raise _of_another_release(f"{name} {compiled_with}", present)
    if not distributions:
        return
    beside = made.get("neuron-runtime")
    runtime, driver = here.get("neuron-runtime"), here.get("neuron-driver")
    if beside and runtime and neuronversions.is_older(runtime, beside):
        raise _of_another_release(f"the Neuron runtime {beside}", runtime)
    if runtime and driver and (why := neuronversions.mismatch(runtime, driver)) is not None:
        raise ServingError("DriverMismatch", f"This node can't serve the artifact: {why}.")


def _of_another_release(made: str, here: str) -> ServingError:
    return ServingError(
        "VersionMismatch",
        f"The artifact is compiled with {made}, and this image has {here}: use compiler and serving images "
        f"of one release.",
    )


def _minor(version: str) -> tuple[str, ...]:
    return tuple(version.split("+")[0].split(".")[:2])
