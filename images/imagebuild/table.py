"""Which images there are, what each is built from, and which files of the repository go into it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    """One image of the project.

    ``parent`` is the image it is built from, or None for the operating system's Python image.
    ``paths`` are the files and directories of the repository that its Dockerfile may copy.
    ``build_args`` are the names of the build arguments it takes besides BASE_IMAGE.
    """

    name: str
    dockerfile: str
    parent: str | None
    paths: tuple[str, ...]
    build_args: tuple[str, ...] = ()


# In the order of building: a parent comes before its children.
IMAGES: tuple[Image, ...] = (
    Image(
        name="base",
        dockerfile="images/base/Dockerfile",
        parent=None,
        paths=("images/base",),
        build_args=(
            "TORCH_REQUIREMENT",
            "TORCHVISION_REQUIREMENT",
            "TORCH_INDEX_URL",
            "EXTRA_REQUIREMENTS",
            "EXTRA_INDEX_URL",
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
    ),
    Image(
        name="compiler",
        dockerfile="images/compiler/Dockerfile",
        parent="base",
        paths=("images/artifact", "images/serving/neuron_serving", "images/compiler"),
    ),
    Image(
        name="triton",
        dockerfile="images/triton/Dockerfile",
        parent="base",
        paths=("images/artifact", "images/serving/neuron_serving", "images/triton"),
        build_args=("TRITON_REQUIREMENT", "NUMPY_REQUIREMENT"),
    ),
    Image(
        name="torchserve",
        dockerfile="images/torchserve/Dockerfile",
        parent="base",
        paths=("images/artifact", "images/serving/neuron_serving", "images/torchserve"),
    ),
    Image(
        name="toolbox",
        dockerfile="tests/images/toolbox/Dockerfile",
        parent="compiler",
        paths=(
            "tests/images/toolbox",
            "tests/compiler",
            "tests/standin",
            "images/serving/neuron_serving",
            "images/triton/neuron_triton",
            "images/torchserve/neuron_torchserve",
        ),
    ),
    Image(
        name="compiler-standin",
        dockerfile="tests/images/standin/Dockerfile",
        parent="compiler",
        paths=("tests/standin",),
    ),
    Image(
        name="triton-standin",
        dockerfile="tests/images/standin/Dockerfile",
        parent="triton",
        paths=("tests/standin",),
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
