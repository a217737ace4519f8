"""What the build tool does and leaves undone, over an engine and a registry kept in memory."""

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml
from imagebuild import build, registry, values
from imagebuild.build import (
    Builder,
    Delivered,
    Target,
    bring_os_image,
    choose_os_image,
    choose_torch_index,
)
from imagebuild.errors import BuildError
from imagebuild.families import Family
from imagebuild.request import Build, by_digest
from imagebuild.table import IMAGES, Image, with_parents

_TABLE = {
    "base": Image("base", "base/Dockerfile", None, ("base",), ("TORCH_REQUIREMENTS",)),
    "compiler": Image("compiler", "compiler/Dockerfile", "base", ("compiler",)),
}
_FAMILY = Family("neuronx", ("inf2",), "docker.io/library/os:1", "neuronx-1", ("compiler",), {}, {})
_REGISTRY = "registry.example:5000"


def digest_of(reference: str) -> str:
    """What stands for a digest in the registry here."""
    return f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"


@dataclass
class Engine:
    """A store of references, and the calls that change something."""

    directory: Path
    local: set[str] = field(default_factory=set)
    remote: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    built: list[Build] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    name: str = "memory"

    def store(self) -> Path:
        return self.directory

    def exists(self, reference: str) -> bool:
        return reference in self.local

    def references(self, prefix: str) -> list[str]:
        return sorted(reference for reference in self.local if reference.startswith(prefix))

    def build(self, build: Build, log: Path) -> None:
        assert all(path.is_file() for path in build.secrets.values())
        self.calls.append(f"build {build.labels['org.opencontainers.image.title']}")
        self.built.append(build)
        self.local.add(build.reference)

    def import_root(self, tree: Path, reference: str, log: Path) -> None:
        raise AssertionError("nothing is bootstrapped here")

    def pull(self, remote: str, reference: str, insecure: bool, log: Path) -> None:
        self.calls.append("pull")
        self.local.add(reference)

    def push(self, reference: str, remote: str, insecure: bool, log: Path) -> str:
        assert reference in self.local
        self.calls.append(f"push {remote.split('/')[-1].split(':')[0]}")
        self.remote.add(remote)
        return digest_of(remote)

    def run(self, reference: str, script: str) -> bytes:
        assert reference in self.local
        self.looked.append(reference)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as records:
            text = b"Metadata-Version: 2.1\nName: numpy\nVersion: 2.4.1\n"
            entry = tarfile.TarInfo("./venv/site-packages/numpy-2.4.1.dist-info/METADATA")
            entry.size = len(text)
            records.addfile(entry, io.BytesIO(text))
        return archive.getvalue()

    def pinned(self, reference: str) -> str:
        return by_digest(reference, digest_of(reference))

    def remove(self, references: list[str]) -> None:
        self.local.difference_update(references)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two images; there is always room for them."""
    for name in _TABLE:
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM scratch")
    monkeypatch.setattr(build, "check_space", lambda store, heavy: None)
    return tmp_path


def deliver(root: Path, engine: Engine, push: bool = True, **environ: str) -> dict[str, str]:
    """Delivers both images and returns their references."""
    return {name: said.reference for name, said in delivered(root, engine, push, **environ).items()}


def delivered(
    root: Path, engine: Engine, push: bool = True, tag: str | None = None, **environ: str
) -> dict[str, Delivered]:
    """Delivers both images."""
    target = Target(_REGISTRY if push else None, True, push, tag)
    builder = Builder(root, root / "work", engine, target, environ, "os:1", "0.1.0", _FAMILY)
    builder.assign_tags(list(_TABLE.values()))
    return {name: builder.deliver(image, _TABLE) for name, image in _TABLE.items()}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An empty store and an empty registry."""
    engine = Engine(tmp_path)

    def digest(host: str, repository: str, tag: str, insecure: bool) -> str | None:
        reference = f"{host}/{repository}:{tag}"
        return digest_of(reference) if reference in engine.remote else None

    monkeypatch.setattr(registry, "digest", digest)
    return engine


def test_a_first_run_builds_and_pushes_everything(root: Path, engine: Engine) -> None:
    references = deliver(root, engine)
    assert engine.calls == [
        "build neuron-operator-base",
        "push base",
        "build neuron-operator-compiler",
        "push compiler",
    ]
    assert set(references.values()) == engine.remote


def test_an_unchanged_tree_builds_and_pushes_nothing(root: Path, engine: Engine) -> None:
    first = deliver(root, engine)
    engine.calls.clear()
    assert deliver(root, engine) == first
    assert engine.calls == []


def test_an_image_is_built_from_its_parent_of_the_same_tree(root: Path, engine: Engine) -> None:
    deliver(root, engine, push=False)
    base, compiler = engine.built
    assert base.build_args["BASE_IMAGE"] == "os:1"
    assert compiler.build_args == {"BASE_IMAGE": base.reference}


def test_a_change_in_one_image_leaves_its_parent_alone(root: Path, engine: Engine) -> None:
    first = deliver(root, engine)
    engine.calls.clear()
    (root / "compiler/new.py").touch()
    second = deliver(root, engine)
    assert engine.calls == ["build neuron-operator-compiler", "push compiler"]
    assert (second["base"] == first["base"], second["compiler"] == first["compiler"]) == (True, False)


def test_a_change_in_the_parent_reaches_the_child(root: Path, engine: Engine) -> None:
    first = deliver(root, engine)
    second = deliver(root, engine, TORCH_REQUIREMENTS="torch==2.9.0")
    assert all(second[name] != first[name] for name in _TABLE)
    assert engine.built[2].build_args["TORCH_REQUIREMENTS"] == "torch==2.9.0"


def test_a_parent_that_the_registry_has_is_pulled_rather_than_built(root: Path, engine: Engine) -> None:
    deliver(root, engine)
    engine.local.clear()
    engine.calls.clear()
    engine.remote = {reference for reference in engine.remote if "/base:" in reference}
    deliver(root, engine)
    assert engine.calls == ["pull", "build neuron-operator-compiler", "push compiler"]


def test_pruning_removes_superseded_images_of_this_project_only(root: Path, engine: Engine) -> None:
    engine.local |= {"localhost/neuron-operator/base:old", "localhost/other/base:old"}
    deliver(root, engine, push=False)
    builder = Builder(root, root / "work", engine, Target(None, False, False), {}, "os:1", "0.1.0", _FAMILY)
    builder.assign_tags(list(_TABLE.values()))
    assert builder.prune() == ["localhost/neuron-operator/base:old"]
    assert "localhost/other/base:old" in engine.local
    assert len(engine.local) == 3


def test_every_image_of_the_table_comes_after_its_parent() -> None:
    seen: set[str | None] = {None}
    for image in IMAGES:
        assert image.parent in seen
        seen.add(image.name)
    assert [image.name for image in with_parents(["toolbox"])] == ["base", "compiler", "toolbox"]


def test_a_release_is_pushed_under_its_tag_with_the_familys_name_and_known_by_digest(
    root: Path, engine: Engine
) -> None:
    said = delivered(root, engine, tag="0.1.0")["compiler"]
    assert said.reference == f"{_REGISTRY}/neuron-operator/compiler:0.1.0-neuronx"
    assert said.pinned == f"{_REGISTRY}/neuron-operator/compiler@{digest_of(said.reference)}"


def test_a_recipes_arguments_reach_the_build_and_the_environments_win(root: Path, engine: Engine) -> None:
    family = replace(_FAMILY, arguments={"base": {"TORCH_REQUIREMENTS": "torch==2.9.0"}})
    target = Target(None, False, False)
    for environ, expected in (({}, "torch==2.9.0"), ({"TORCH_REQUIREMENTS": ""}, "")):
        builder = Builder(root, root, engine, target, environ, "os:1", "0.1.0", family)
        assert builder.build_args(_TABLE["base"]) == {"BASE_IMAGE": "os:1", "TORCH_REQUIREMENTS": expected}


def test_the_base_image_may_be_named_and_one_that_is_not_of_docker_hub_is_never_bootstrapped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = {"BASE_IMAGE_NEURONX": "mirror/os:1", "BASE_IMAGE": "python:3.11"}
    assert choose_os_image(_FAMILY, named) == "mirror/os:1"
    assert choose_os_image(replace(_FAMILY, name="cpu"), named) == "python:3.11"
    monkeypatch.setattr(registry, "answers", lambda host: True)
    assert choose_os_image(_FAMILY, {}) == _FAMILY.base
    monkeypatch.setattr(registry, "answers", lambda host: False)
    assert choose_os_image(_FAMILY, {}).startswith("localhost/neuron-operator/debian-python:bookworm-")
    elsewhere = replace(_FAMILY, base="public.ecr.aws/neuron/os:1")
    assert choose_os_image(elsewhere, {}) == elsewhere.base


def test_torch_comes_from_its_index_for_the_cpu_where_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    index = {"base": {"TORCH_INDEX_URL": "https://torch.example/cpu", "PYTHON": "python3"}}
    recipe = replace(_FAMILY, name="cpu", arguments=index)
    asked: list[str] = []

    def serves(url: str) -> bool:
        asked.append(url)
        return len(asked) == 1

    monkeypatch.setattr(registry, "serves", serves)
    assert choose_torch_index(recipe, {}) == recipe
    assert choose_torch_index(recipe, {}).arguments == {"base": {"PYTHON": "python3"}}
    assert asked == ["https://torch.example/cpu/torch/"] * 2
    assert choose_torch_index(recipe, {"TORCH_INDEX_URL": ""}) == recipe
    assert len(asked) == 2


def test_what_images_are_built_on_is_pulled_once(root: Path, engine: Engine) -> None:
    for _ in range(2):
        assert bring_os_image(engine, _FAMILY, {"BASE_IMAGE_NEURONX": "mirror/os:1"}, root) == "mirror/os:1"
    assert engine.calls == ["pull"]


def test_every_image_comes_with_what_is_in_it_and_on_what_it_is_built(root: Path, engine: Engine) -> None:
    engine.local.add("os:1")
    first = delivered(root, engine)
    for name, said in first.items():
        assert said.sbom is not None
        found = json.loads(said.sbom)
        assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
        image = found["metadata"]["component"]
        assert (image["type"], image["name"]) == ("container", f"neuron-operator-{name}")
        assert image["version"] == said.digest
        told = {each["name"]: each["value"] for each in image["properties"]}
        assert told["neuron-operator:base-image"] == f"os@{digest_of('os:1')}"
        assert told["neuron-operator:reference"] == said.reference
        assert [each["purl"] for each in found["components"]] == ["pkg:pypi/numpy@2.4.1"]
        assert said.base == f"os@{digest_of('os:1')}"
    pushed = values.remember(root / "pushed.json", _REGISTRY, "neuronx", first)
    written = values.render(_REGISTRY, pushed, {"neuronx": _FAMILY})
    assert f"# The images of neuronx are built on os@{digest_of('os:1')}." in written.splitlines()
    assert yaml.safe_load(written)["images"]["compiler"] == {"neuronx": first["compiler"].pinned}
    engine.looked.clear()
    assert delivered(root, engine) == first
    assert engine.looked == []


def test_an_image_that_the_registry_alone_has_comes_without_a_list_and_is_not_pulled_for_one(
    root: Path, engine: Engine
) -> None:
    delivered(root, engine)
    engine.local.clear()
    shutil.rmtree(root / "work")
    engine.calls.clear()
    assert {said.sbom for said in delivered(root, engine).values()} == {None}
    assert engine.calls == []


def test_an_image_whose_records_cant_be_read_is_delivered_all_the_same(
    root: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(reference: str, script: str) -> bytes:
        raise BuildError("there is no sh")

    monkeypatch.setattr(engine, "run", fails)
    assert {said.sbom for said in delivered(root, engine).values()} == {None}
    assert len(engine.remote) == 2


@pytest.mark.parametrize(
    ("reference", "pinned"),
    [
        ("docker.io/library/python:3.11", "docker.io/library/python@sha256:1"),
        ("registry:5000/os", "registry:5000/os@sha256:1"),
        ("registry:5000/os:2", "registry:5000/os@sha256:1"),
        ("registry/os@sha256:2", "registry/os@sha256:2"),
        ("localhost/neuron-operator/debian-python:1", "localhost/neuron-operator/debian-python:1"),
    ],
)
def test_a_base_image_is_told_by_the_digest_that_it_was_pulled_by(reference: str, pinned: str) -> None:
    assert by_digest(reference, "sha256:1") == pinned
    assert by_digest(reference, "") == reference
