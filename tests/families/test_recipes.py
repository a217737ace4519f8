"""The real Dockerfiles of the Neuron families, built on stand-ins for AWS's containers and probed."""

import os
from pathlib import Path

import pytest
from imagebuild import build, families
from imagebuild.build import Builder, Target, choose_os_image
from imagebuild.disk import check_space
from imagebuild.engines import find_engine
from imagebuild.errors import BuildError
from imagebuild.table import IMAGES, Image
from support import aws

_ROOT = aws.ROOT
_WORK = _ROOT / "build" / "families"
_TABLE = {image.name: image for image in IMAGES}
_LOCAL = Target(None, False, False)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's torch has a few lines: its base image needs no more room than any other."""
    monkeypatch.setattr(build, "check_space", lambda store, heavy: check_space(store, heavy=False))


def builder(family: families.Family, os_image: str, environ: dict[str, str]) -> Builder:
    return Builder(_ROOT, _WORK, find_engine(), _LOCAL, environ, os_image, "0.0.0", family)


def container(family: str) -> str:
    """The reference of a stand-in for the family's container of AWS; built where it has changed."""
    aws.prepare(family)
    cpu = families.read(_ROOT, "cpu")
    system = choose_os_image(cpu, os.environ)
    made = builder(families.read(_ROOT, family), system, dict(os.environ))
    image = Image(
        name=f"aws-{family}",
        dockerfile="tests/images/aws/Dockerfile",
        parent=None,
        paths=(
            "images/base/build-settings",
            "images/base/install-apt",
            f"build/standin/{family}",
            f"tests/images/aws/{family}.txt",
        ),
        build_args=("FAMILY",),
    )
    made.assign_tags([image])
    return made.deliver(image, {image.name: image}).reference


def probed(family: str, name: str, probes: tuple[str, ...], **changes: str) -> None:
    """Builds an image of a family on the stand-in, and probes it. Raises BuildError with what went wrong."""
    made = builder(
        families.read(_ROOT, family), container(family), {**os.environ, "WARM_IMPORTS": "", **changes}
    )
    images = {image.name: image.of(family) for image in IMAGES}
    images |= {
        f"{name}-{probe}": Image(
            f"{name}-{probe}",
            "tests/images/probe/Dockerfile",
            name,
            (f"tests/images/probe/{probe}.py",),
            ("PROBE",),
        )
        for probe in probes
    }
    made.assign_tags([images["base"], images[name], *(images[f"{name}-{probe}"] for probe in probes)])
    for probe in probes:
        made.environ = {**made.environ, "PROBE": probe}
        made.assign_tags([images[f"{name}-{probe}"]])
        made.deliver(images[f"{name}-{probe}"], images)


@pytest.mark.parametrize(
    ("family", "name"),
    [(family, name) for family in ("neuronx", "neuron") for name in families.read(_ROOT, family).images],
)
def test_an_image_of_each_family_is_built_on_awss_container_and_its_packages_can_be_imported(
    family: str, name: str
) -> None:
    neurons_own = (family,) if name == "compiler" else ()
    probed(family, name, (name, *neurons_own))


def test_a_base_whose_torch_is_not_seen_fails_the_build() -> None:
    with pytest.raises(BuildError, match=r"transformers .* requires .*, which is not installed"):
        probed("neuronx", "compiler", ("compiler",), SEES_BASE="")


def test_a_pin_that_would_replace_neurons_protobuf_fails_the_build() -> None:
    with pytest.raises(BuildError, match=r"protobuf 3\.[0-9.]+ of the base image is now 6"):
        probed("neuronx", "torchserve", ("torchserve",), REPLACES="")


def test_there_is_a_reason_for_each_image_that_a_family_lacks() -> None:
    for name in families.FAMILIES:
        family = families.read(Path(_ROOT), name)
        assert {*family.images, *family.without} == {"compiler", "triton", "torchserve"}
