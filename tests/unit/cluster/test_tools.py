"""The cache of built programs."""

from dataclasses import replace
from pathlib import Path

import pytest
from cluster import Lacking, tools
from cluster.tools import Tool

TOOL = Tool("pause", "./pause")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "pause").mkdir()
    (tmp_path / "other").mkdir()
    for name in ("go.mod", "go.sum", "pause/main.go", "other/main.go"):
        (tmp_path / name).write_text(f"{name}\n")
    return tmp_path


@pytest.mark.parametrize("source", ["go.mod", "go.sum", "pause/main.go"])
def test_a_change_of_what_a_tool_is_built_from_changes_its_key(module: Path, source: str) -> None:
    before = tools.cache_key(replace(TOOL, module=module))
    (module / source).write_text("changed\n")
    assert tools.cache_key(replace(TOOL, module=module)) != before


def test_a_change_of_another_program_keeps_the_key(module: Path) -> None:
    before = tools.cache_key(replace(TOOL, module=module))
    (module / "other" / "main.go").write_text("changed\n")
    assert tools.cache_key(replace(TOOL, module=module)) == before


def test_two_packages_have_two_keys(module: Path) -> None:
    assert tools.cache_key(replace(TOOL, module=module, package="./other")) != tools.cache_key(
        replace(TOOL, module=module)
    )


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tools.path(tools.HELM).is_relative_to(tmp_path / "neuron-operator" / "bin")


def test_the_pinned_kubernetes_is_recent() -> None:
    major, minor = tools.kubernetes_version().removeprefix("v").split(".")[:2]
    assert (int(major), int(minor)) >= (1, 34)


def test_a_machine_without_go_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Lacking, match=r"install Go \d+\.\d+"):
        tools.check_go()


def test_an_old_go_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Lacking, match="too old"):
        tools.check_go()
