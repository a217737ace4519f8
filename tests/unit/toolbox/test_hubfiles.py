"""Directories as repositories, and the Range header."""

from pathlib import Path

import pytest
from toolbox.hubfiles import Repository, byte_range


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        (None, (0, 100)),
        ("bytes=0-", (0, 100)),
        ("bytes=10-", (10, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-500", (90, 100)),
        ("bytes=100-", (0, 100)),
        ("bytes=-5", (0, 100)),
        ("lines=1-2", (0, 100)),
    ],
)
def test_a_range_names_the_first_byte_and_the_one_after_the_last(
    header: str | None, asked: tuple[int, int]
) -> None:
    assert byte_range(header, 100) == asked


def test_the_commit_changes_with_any_file_and_only_then(tmp_path: Path) -> None:
    repository = Repository("example/tiny", tmp_path)
    (tmp_path / "config.json").write_text("{}")
    before = repository.commit()
    assert repository.commit() == before
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert repository.commit() != before
    assert len(before) == 40


def test_files_of_subdirectories_belong_to_the_repository(tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling/config.json").write_text("{}")
    (tmp_path / "config.json").write_text("{}")
    assert Repository("example/tiny", tmp_path).files() == ["1_Pooling/config.json", "config.json"]
