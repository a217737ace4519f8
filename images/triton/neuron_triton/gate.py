"""Whether an artifact and this image belong together, decided before anything is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuron_triton.failure import ServingError

# The package whose import makes a family's compiled modules loadable.
PACKAGE_OF_FAMILY = {"neuronx": "torch_neuronx", "neuron": "torch_neuron"}


@dataclass(frozen=True)
class Installed:
    """What this image has: torch's version, and which of the Neuron packages can be imported."""

    torch: str
    packages: frozenset[str]


def check(family: str, versions: Mapping[str, str], expected_family: str, installed: Installed) -> None:
    """Raise ServingError unless an artifact of the family and versions can be served here.

    expected_family is the pod's own. versions are the manifest's. Reasons: VersionMismatch, ToolchainMissing.
    """
    if family != expected_family:
        raise ServingError(
            "VersionMismatch",
            f"The artifact is compiled for the backend family {family}, and this server runs "
            f"{expected_family}: compile it for the server's target.",
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


def _minor(version: str) -> tuple[str, ...]:
    return tuple(version.split("+")[0].split(".")[:2])
