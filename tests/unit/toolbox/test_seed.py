"""Seeds: a model appears complete or not at all, and once."""

from pathlib import Path

import pytest
from toolbox import seed
from toolbox.directory import appearing


def test_a_directory_that_fails_to_be_made_does_not_appear(tmp_path: Path) -> None:
    def fail() -> None:
        with appearing(tmp_path / "model") as directory:
            (directory / "half").touch()
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_second_seed_of_a_model_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models" / "broken"
    seed.main(["broken", "--out", str(out)])
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    with pytest.raises(SystemExit) as ended:
        seed.main(["broken", "--out", str(out)])
    assert not ended.value.code
    assert "there already" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_a_gpt2_of_another_size_is_not_taken_for_the_one_asked(tmp_path: Path) -> None:
    seed.main(["broken", "--out", str(tmp_path / "model")])
    with pytest.raises(SystemExit, match="has 2 layers, not 12"):
        seed.main(["gpt2", "--out", str(tmp_path / "model")])
