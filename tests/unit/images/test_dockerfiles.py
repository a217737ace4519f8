"""What holds for every image: a numeric user that is not root, and sources that the table gives."""

import re
from pathlib import Path

import pytest
from imagebuild.table import IMAGES, Image

_ROOT = Path(__file__).resolve().parents[3]


def instructions(image: Image) -> list[tuple[str, str]]:
    """The Dockerfile's instructions as (word, rest), continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (_ROOT / image.dockerfile).read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_image_runs_as_a_numeric_user_that_is_not_root(image: Image) -> None:
    users = [rest for word, rest in instructions(image) if word == "USER"]
    assert users[-1] == "1000:1000"


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_what_a_dockerfile_copies_is_in_its_context(image: Image) -> None:
    for word, rest in instructions(image):
        if word == "COPY" and "--from=" not in rest:
            *sources, _ = [part for part in rest.split() if not part.startswith("--")]
            for source in (each.replace("${FAMILY}", "{family}") for each in sources):
                assert any(source == path or source.startswith(f"{path}/") for path in image.paths), source


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_image_is_built_from_the_image_it_is_given(image: Image) -> None:
    assert ("FROM", "${BASE_IMAGE}") in instructions(image)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_every_build_argument_of_the_table_is_one_of_the_dockerfile(image: Image) -> None:
    declared = {rest.partition("=")[0] for word, rest in instructions(image) if word == "ARG"}
    assert {"BASE_IMAGE", *image.build_args} == declared
