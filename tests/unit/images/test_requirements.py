"""What the images install is pinned exactly and by hash, and the operator's image installs what its tests run
with.
"""

import re
import tomllib
from pathlib import Path

import pytest
from imagebuild.families import FAMILIES, read

_ROOT = Path(__file__).resolve().parents[3]
_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)( ; .*?)?(?P<hashes>( --hash=sha256:[0-9a-f]{64})*)"
)
_INSTALLING = [
    path
    for pattern in (
        "images/*/Dockerfile",
        "images/base/install-*",
        "images/base/make-*",
        "tests/images/toolbox/Dockerfile",
    )
    for path in sorted(_ROOT.glob(pattern))
]


def pins(path: Path, hashed: bool = True) -> dict[str, str]:
    """The pins of a requirements file; a line that is none, or has no hash, fails the test."""
    found = {}
    for line in re.sub(r" \\\n *", " ", path.read_text()).splitlines():
        if line and not line.lstrip().startswith("#"):
            match = _PIN.fullmatch(line)
            assert match, f"{path.name}: {line!r} is not an exact pin"
            assert bool(match["hashes"]) == hashed, f"{path.name}: {match['name']} has no hash: make hashes"
            found[match["name"]] = match["version"]
    return found


@pytest.mark.parametrize(
    "name",
    [
        "images/base/pip-pin.txt",
        "images/base/uv-pin.txt",
        "images/operator/requirements.txt",
        "images/triton/numpy.txt",
        "images/triton/server.txt",
        "tests/images/toolbox/requirements.txt",
    ],
)
def test_every_requirement_of_an_image_is_pinned_exactly_and_by_hash(name: str) -> None:
    assert pins(_ROOT / name)


def test_what_torch_leaves_open_is_pinned_exactly() -> None:
    assert pins(_ROOT / "images/base/torch-constraints.txt", hashed=False)


def test_the_operators_image_installs_the_locked_versions() -> None:
    lock = tomllib.loads((_ROOT / "uv.lock").read_text())
    locked = {package["name"]: package.get("version") for package in lock["package"]}
    installed = pins(_ROOT / "images/operator/requirements.txt")
    assert {name: locked.get(name) for name in installed} == installed
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    direct = {requirement.split("==")[0] for requirement in project["dependencies"]}
    assert direct <= set(installed)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_requirement_of_a_family_is_pinned_exactly_and_by_hash(family: str) -> None:
    recipe = read(_ROOT, family)
    for image in {"base", "front", *recipe.images} - {"triton"}:
        assert pins(_ROOT / "images/families" / family / f"{image}.txt")


@pytest.mark.parametrize(
    ("family", "lacks"), [("cpu", set()), ("neuronx", set()), ("neuron", {"sentence-transformers"})]
)
def test_every_familys_compiler_reads_what_the_cpus_does(family: str, lacks: set[str]) -> None:
    direct = set(pins(_ROOT / "images/families/cpu/compiler.txt")) & _direct("compiler")
    # AWS's containers have these.
    direct -= {"boto3", "protobuf"} if family != "cpu" else set()
    assert direct - set(pins(_ROOT / "images/families" / family / "compiler.txt")) == lacks


@pytest.mark.parametrize(
    ("directory", "name"),
    [("base", "base"), ("compiler", "compiler"), ("serving", "front"), ("torchserve", "torchserve")],
)
def test_every_direct_requirement_of_an_image_is_pinned(directory: str, name: str) -> None:
    assert _direct(directory) <= set(pins(_ROOT / "images/families/cpu" / f"{name}.txt"))


def _direct(directory: str) -> set[str]:
    lines = (_ROOT / "images" / directory / "requirements.in").read_text().splitlines()
    return {re.split(r"[=\[]", line)[0] for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("path", _INSTALLING, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_is_installed_without_its_hash_but_torch(path: Path) -> None:
    commands = re.sub(r" *\\\n *", " ", path.read_text())
    for command in re.findall(r"pip install [^;&|\n]*", commands):
        assert "--require-hashes" in command or "TORCH_REQUIREMENTS" in command, command
