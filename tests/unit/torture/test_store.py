"""The watcher must see what it is there for: half artifacts and two writers."""

import os
import shutil
from pathlib import Path

import pytest
from neuron_artifact import ArtifactCorrupt
from toolbox.torture import store as watched
from toolbox.torture.store import HALF_ARTIFACT, TWO_WRITERS, Watcher, contents

DIGEST = "0" * 32


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory counts as whole when it holds the file `manifest.json`."""

    def verify(directory: Path, digest: str) -> None:
        if not (directory / "manifest.json").exists():
            raise ArtifactCorrupt(f"{digest} has no manifest.json")

    monkeypatch.setattr(watched, "verify", verify)


def written(directory: Path, name: str = "model.pt") -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / name).open("ab") as file:
        file.write(b"x")
        os.fsync(file.fileno())


def after(path: Path, other: Path) -> None:
    """Write to `path` until its time is later than that of `other`."""
    while path.stat().st_ctime_ns <= other.stat().st_ctime_ns:
        written(path.parent, path.name)


@pytest.mark.usefixtures("whole")
def test_an_artifact_that_is_whole_is_no_violation_and_is_read_once(tmp_path: Path) -> None:
    written(tmp_path / DIGEST, "manifest.json")
    watcher = Watcher(tmp_path)
    assert watcher.look() == watcher.look() == []
    assert (watcher.looks, watcher.verified) == (2, 1)


@pytest.mark.usefixtures("whole")
def test_a_half_artifact_under_a_digests_name_is_seen_and_told_once(tmp_path: Path) -> None:
    written(tmp_path / DIGEST)
    watcher = Watcher(tmp_path)
    (violation,) = watcher.look()
    assert (violation.kind, violation.digest) == (HALF_ARTIFACT, DIGEST)
    assert watcher.look() == []
    assert watcher.violations == [violation]


@pytest.mark.usefixtures("whole")
def test_an_artifact_that_changes_after_it_was_found_whole_is_read_again(tmp_path: Path) -> None:
    written(tmp_path / DIGEST, "manifest.json")
    written(tmp_path / DIGEST)
    watcher = Watcher(tmp_path)
    assert watcher.look() == []
    (tmp_path / DIGEST / "manifest.json").unlink()
    assert [violation.kind for violation in watcher.look()] == [HALF_ARTIFACT]


@pytest.mark.usefixtures("whole")
def test_attempts_are_never_taken_for_artifacts(tmp_path: Path) -> None:
    written(tmp_path / ".work" / DIGEST / "pod")
    assert Watcher(tmp_path).look() == []


def test_two_attempts_at_a_digest_that_are_written_in_turns_have_two_writers(
    tmp_path: Path,
) -> None:
    one, other = (tmp_path / ".work" / DIGEST / name / "model.pt" for name in ("first", "second"))
    written(one.parent)
    watcher = Watcher(tmp_path)
    assert watcher.look() == []
    written(other.parent)
    after(other, one)
    assert watcher.look() == []
    after(one, other)
    watcher.look()
    after(other, one)
    assert [violation.kind for violation in watcher.look() or watcher.violations] == [TWO_WRITERS]


def test_a_writer_that_follows_a_dead_one_is_not_a_second_one(tmp_path: Path) -> None:
    one, other = (tmp_path / ".work" / DIGEST / name / "model.pt" for name in ("first", "second"))
    written(one.parent)
    watcher = Watcher(tmp_path)
    watcher.look()
    written(other.parent)
    after(other, one)
    watcher.look()
    shutil.rmtree(one.parent)
    written(other.parent)
    watcher.look()
    assert watcher.violations == []


@pytest.mark.usefixtures("whole")
def test_what_a_store_holds_is_told_apart(tmp_path: Path) -> None:
    written(tmp_path / DIGEST, "manifest.json")
    written(tmp_path / ("1" * 32))
    written(tmp_path / ".work" / DIGEST / "pod")
    (tmp_path / ".work" / DIGEST / "lock").touch()
    written(tmp_path / "lost")
    found = contents(tmp_path)
    assert found.whole == (DIGEST,)
    assert found.half == ("1" * 32,)
    assert found.temporary == (f"{DIGEST}/pod",)
    assert found.strange == ("lost",)
