"""The recipes: what the images of each backend family are built on, read from images/families."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FAMILIES = ("cpu", "neuronx", "neuron")


@dataclass(frozen=True)
class Family:
    """One family's recipe.

    `base` is the image that all are built on, `images` the images of the table it has, `without` why it lacks
    others, `arguments` the build arguments of each image, and `toolchain` the name of its compiler's
    versions.
    """

    name: str
    targets: tuple[str, ...]
    base: str
    toolchain: str
    images: tuple[str, ...]
    without: Mapping[str, str]
    arguments: Mapping[str, Mapping[str, str]]

    @property
    def base_variable(self) -> str:
        """The variable of the environment that names another base image."""
        return "BASE_IMAGE" if self.name == "cpu" else f"BASE_IMAGE_{self.name.upper()}"

    def tag(self, version: str) -> str:
        """The tag of a release: the version, with the family's name where it is not the CPU's."""
        return version if self.name == "cpu" else f"{version}-{self.name}"


def read(root: Path, name: str) -> Family:
    """The recipe of a family, from a checkout."""
    said = tomllib.loads((root / "images/families" / name / "family.toml").read_text())
    return Family(
        name=name,
        targets=tuple(said["targets"]),
        base=said["base"],
        toolchain=said["toolchain"],
        images=tuple(said["images"]),
        without=said.get("without", {}),
        arguments=said["arguments"],
    )
