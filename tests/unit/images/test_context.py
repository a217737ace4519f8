"""The tag of an image changes with everything that goes into it, and with nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from imagebuild.context import content_tag, files, stage
from imagebuild.errors import BuildError
from imagebuild.table import Image

_IMAGE = Image("server", "server/Dockerfile", None, ("server", "shared/package.py"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one image."""
    for name, text in {
        "server/Dockerfile": "FROM scratch",
        "server/app/main.py": "print(1)",
        "shared/package.py": "VALUE = 1",
        "shared/other.py": "VALUE = 2",
        "README.md": "read me",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def tag(root: Path, parent: str = "os:1", version: str = "0.1.0", **arguments: str) -> str:
    return content_tag(root, _IMAGE, parent, arguments, version)


def test_only_the_paths_of_the_table_are_in_the_context(root: Path) -> None:
    (root / "server/__pycache__").mkdir()
    (root / "server/__pycache__/main.pyc").write_bytes(b"byte code")
    names = [str(file) for file in files(root, _IMAGE)]
    assert names == ["server/Dockerfile", "server/app/main.py", "shared/package.py"]
    staged = stage(root, _IMAGE, root / "context")
    assert sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()) == names


def test_staging_again_forgets_files_that_are_gone(root: Path) -> None:
    stage(root, _IMAGE, root / "context")
    (root / "server/app/main.py").unlink()
    assert not (stage(root, _IMAGE, root / "context") / "server/app").exists()


def test_the_tag_does_not_depend_on_times_or_on_other_files(root: Path) -> None:
    before = tag(root)
    os.utime(root / "server/app/main.py", (1, 1))
    (root / "README.md").write_text("changed")
    (root / "shared/other.py").write_text("changed")
    assert tag(root) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "server/Dockerfile").write_text("FROM other"),
        lambda root: (root / "server/app/main.py").write_text("print(2)"),
        lambda root: (root / "server/app/main.py").rename(root / "server/app/start.py"),
        lambda root: (root / "server/app/main.py").chmod(0o755),
        lambda root: (root / "server/new.py").touch(),
        lambda root: (root / "shared/package.py").write_text("VALUE = 3"),
    ],
    ids=["dockerfile", "content", "name", "mode", "new file", "single file"],
)
def test_the_tag_changes_with_the_context(root: Path, change: Callable[[Path], object]) -> None:
    before = tag(root)
    change(root)
    assert tag(root) != before


def test_the_tag_changes_with_parent_version_and_arguments(root: Path) -> None:
    tags = {
        tag(root),
        tag(root, parent="os:2"),
        tag(root, version="0.2.0"),
        tag(root, TORCH_REQUIREMENTS="torch==2.9.0"),
        tag(root, TORCH_REQUIREMENTS="torch==2.9.1"),
    }
    assert len(tags) == 5


def test_a_file_that_is_not_there_is_named(root: Path) -> None:
    (root / "shared/package.py").unlink()
    with pytest.raises(BuildError, match=r"shared/package\.py is missing for the image server"):
        tag(root)
