"""Which images there are, what each is built from, and which files of the repository go into it."""

from dataclasses import dataclass, replace

# Stands for the family's name in the paths of an image that each family has one of.
_FAMILY = "{family}"


@dataclass(frozen=True)
class Image:
    """One image of the project.

    ``parent`` is the image it is built from, or None for the operating system's Python image.
    ``paths`` are the files and directories of the repository that its Dockerfile may copy.
    ``build_args`` are the names of the build arguments it takes besides BASE_IMAGE. ``of_family``: each
    family has one of its own; ``for_tests``: no release has it.
    """

    name: str
    dockerfile: str
    parent: str | None
    paths: tuple[str, ...]
    build_args: tuple[str, ...] = ()
    of_family: bool = True
    for_tests: bool = False

    def of(self, family: str) -> "Image":
        """The same with the family's own files."""
        return replace(self, paths=tuple(path.replace(_FAMILY, family) for path in self.paths))


# In the order of building: a parent comes before its children.
IMAGES: tuple[Image, ...] = (
    Image(
        name="base",
        dockerfile="images/base/Dockerfile",
        parent=None,
        paths=("images/base", "images/families/{family}/kept.txt", "images/families/{family}/base.txt"),
        build_args=(
            "FAMILY",
            "PYTHON",
            "SEES_BASE",
            "TORCH_REQUIREMENTS",
            "TORCH_INDEX_URL",
            "WARM_IMPORTS",
        ),
    ),
    Image(
        name="operator",
        dockerfile="images/operator/Dockerfile",
        parent=None,
        paths=(
            "images/base/build-settings",
            "images/operator/requirements.txt",
            "images/artifact/neuron_contract",
            "operator/neuron_operator",
        ),
        of_family=False,
    ),
    Image(
        name="compiler",
        dockerfile="images/compiler/Dockerfile",
        parent="base",
        paths=(
            "images/artifact",
            "images/serving/neuron_serving",
            "images/compiler",
            "images/families/{family}/compiler.txt",
        ),
        build_args=("FAMILY", "APT_PACKAGES", "REPLACES", "ACCEPTS", "WARM_IMPORTS"),
    ),
    Image(
        name="triton",
        dockerfile="images/triton/Dockerfile",
        parent="base",
        paths=(
            "images/artifact",
            "images/serving/neuron_serving",
            "images/triton",
            "images/families/{family}/front.txt",
        ),
        build_args=("FAMILY", "APT_PACKAGES", "REPLACES", "ACCEPTS"),
    ),
    Image(
        name="torchserve",
        dockerfile="images/torchserve/Dockerfile",
        parent="base",
        paths=(
            "images/artifact",
            "images/serving/neuron_serving",
            "images/torchserve",
            "images/families/{family}/front.txt",
            "images/families/{family}/torchserve.txt",
        ),
        build_args=("FAMILY", "APT_PACKAGES", "REPLACES", "ACCEPTS", "WARM_IMPORTS"),
    ),
    Image(
        name="toolbox",
        dockerfile="tests/images/toolbox/Dockerfile",
        parent="compiler",
        paths=(
            "tests/images/toolbox",
            "images/families/neuronx/base.txt",
            "images/families/neuronx/compiler.txt",
            "images/families/neuron/base.txt",
            "images/families/neuron/compiler.txt",
            "tests/compiler",
            "tests/standin",
            "images/serving/neuron_serving",
            "images/triton/neuron_triton",
            "images/torchserve/neuron_torchserve",
        ),
        for_tests=True,
    ),
    Image(
        name="compiler-standin",
        dockerfile="tests/images/standin/Dockerfile",
        parent="compiler",
        paths=("tests/standin",),
        for_tests=True,
    ),
    Image(
        name="triton-standin",
        dockerfile="tests/images/standin/Dockerfile",
        parent="triton",
        paths=("tests/standin",),
        for_tests=True,
    ),
)


def with_parents(names: list[str]) -> list[Image]:
    """The named images and all they are built from, parents first.

    Raises KeyError with the first name that is not in the table.
    """
    by_name = {image.name: image for image in IMAGES}
    wanted: set[str] = set()
    for name in names:
        image: Image | None = by_name[name]
        while image is not None:
            wanted.add(image.name)
            image = by_name[image.parent] if image.parent else None
    return [image for image in IMAGES if image.name in wanted]
