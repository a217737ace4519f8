"""Which Docker client builds, and with which builder; the clients are scripts that answer as Docker's do."""

import json
import os
import stat
from pathlib import Path

import pytest
from imagebuild import engines
from imagebuild.docker import Docker, find_docker
from imagebuild.engines import Buildah, find_engine
from imagebuild.errors import BuildError
from imagebuild.request import Build

_REGISTRIES = json.dumps(
    {
        "IndexConfigs": {"docker.io": {"Secure": True}, "registry.test:5000": {"Secure": False}},
        "InsecureRegistryCIDRs": ["127.0.0.0/8", "10.9.0.0/16"],
    }
)


def client(directory: Path, version: str, plugin: bool = False, engine: bool = True) -> str:
    """A client of this version, with or without the buildx plugin and an engine; it notes its calls."""
    directory.mkdir()
    program = directory / "docker"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "DOCKER_BUILDKIT=$DOCKER_BUILDKIT $*" >>{directory}/calls\n'
        'case "$1" in\n'
        f"buildx) exit {int(not plugin)} ;;\n"
        f"info) echo '{_REGISTRIES}'; exit {int(not engine)} ;;\n"
        f"version) echo {version} ;;\n"
        "esac\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def on_path(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Only these clients are on PATH, in this order."""
    monkeypatch.setenv("PATH", os.pathsep.join(str(Path(each).parent) for each in programs))


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """A build whose Dockerfile mounts the machine's settings, of which there are none."""
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch\n"
        "RUN --mount=type=secret,id=package-settings --mount=type=secret,id=ca-bundle \\\n    true\n"
    )
    (tmp_path / "settings").touch()
    return Build(
        "own:1", tmp_path / "Dockerfile", tmp_path, {}, {}, {"package-settings": tmp_path / "settings"}
    )


@pytest.mark.parametrize(
    ("version", "plugin", "buildkit"),
    [("20.10.24+dfsg1", False, True), ("28.2.2", True, True), ("28.2.2", False, False)],
)
def test_a_client_has_buildkit_by_itself_or_by_its_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, plugin: bool, buildkit: bool
) -> None:
    program = client(tmp_path / "a", version, plugin)
    on_path(monkeypatch, program)
    assert find_docker() == Docker(program, buildkit)


def test_a_client_with_buildkit_is_taken_before_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, with_it = client(tmp_path / "a", "28.2.2"), client(tmp_path / "b", "20.10.24")
    on_path(monkeypatch, without, with_it)
    assert find_docker() == Docker(with_it, True)


def test_a_client_without_an_engine_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path(monkeypatch, client(tmp_path / "a", "28.2.2", plugin=True, engine=False))
    assert find_docker() is None


def test_buildkit_is_handed_the_secrets(tmp_path: Path, build: Build) -> None:
    program = client(tmp_path / "a", "20.10.24")
    Docker(program, has_buildkit=True).build(build, tmp_path / "log")
    (call,) = (tmp_path / "a/calls").read_text().splitlines()
    assert call.startswith("DOCKER_BUILDKIT=1 build ")
    assert f"--secret id=package-settings,src={tmp_path}/settings" in call


def test_the_classic_builder_reads_a_dockerfile_without_secrets(tmp_path: Path, build: Build) -> None:
    program = client(tmp_path / "a", "28.2.2")
    Docker(program, has_buildkit=False).build(build, tmp_path / "log")
    (call,) = (tmp_path / "a/calls").read_text().splitlines()
    assert call == f"DOCKER_BUILDKIT=0 build --file {tmp_path}/Dockerfile.classic --tag own:1 {tmp_path}"
    assert (tmp_path / "Dockerfile.classic").read_text() == "FROM scratch\nRUN \\\n    true\n"


def test_settings_that_the_classic_builder_cannot_hand_over_end_in_a_sentence(
    tmp_path: Path, build: Build
) -> None:
    (tmp_path / "settings").write_text("PIP_INDEX_URL=https://user:secret@index.example\n")
    with pytest.raises(BuildError, match="install Docker's buildx plugin"):
        Docker(client(tmp_path / "a", "28.2.2"), has_buildkit=False).build(build, tmp_path / "log")
    assert not (tmp_path / "a/calls").exists()


@pytest.mark.parametrize(
    ("registry", "plain"),
    [
        ("localhost:5001", True),
        ("127.0.0.1:5000/path", True),
        ("10.9.0.1:5000", True),
        ("registry.test:5000", True),
        ("10.213.0.1:5000", False),
        ("docker.io", False),
        ("unknown.invalid:5000", False),
    ],
)
def test_docker_pushes_without_tls_to_this_machine_and_where_its_engine_is_told_to(
    tmp_path: Path, registry: str, plain: bool
) -> None:
    assert Docker(client(tmp_path / "a", "20.10.24")).speaks_plain_http(registry) == plain


def test_buildah_pushes_where_docker_would_ask_for_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = client(tmp_path / "a", "20.10.24")
    on_path(monkeypatch, program)
    monkeypatch.setattr(engines, "have", lambda _: True)
    assert isinstance(find_engine("10.213.0.1:5000"), Buildah)
    assert find_engine("localhost:5001") == find_engine() == Docker(program)


def test_without_buildah_a_registry_that_docker_cannot_push_to_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, client(tmp_path / "a", "20.10.24"))
    monkeypatch.setattr(engines, "have", lambda _: False)
    with pytest.raises(BuildError, match="insecure-registries"):
        find_engine("10.213.0.1:5000")
