"""An artifact copied to the node's disk."""

import shutil
from pathlib import Path

import pytest
from neuron_artifact import artifact_path
from neuron_serving.artifact import copied
from neuron_serving.failure import ServingError

DIGEST = "0" * 32


@pytest.fixture
def store(tmp_path: Path) -> Path:
    bucket = artifact_path(tmp_path / "store", DIGEST) / "buckets/b1/model.pt"
    bucket.parent.mkdir(parents=True)
    bucket.write_text("module")
    return tmp_path / "store"


def test_the_copy_has_every_file_and_nothing_is_left_beside_it(store: Path, tmp_path: Path) -> None:
    to = tmp_path / "local"
    assert copied(store, DIGEST, to) == to
    assert (artifact_path(to, DIGEST) / "buckets/b1/model.pt").read_text() == "module"
    assert list(to.rglob("*.partial")) == []


def test_what_an_earlier_start_has_copied_stays(store: Path, tmp_path: Path) -> None:
    copied(store, DIGEST, tmp_path / "local")
    shutil.rmtree(store)
    copied(store, DIGEST, tmp_path / "local")


def test_half_a_copy_is_made_anew(store: Path, tmp_path: Path) -> None:
    target = artifact_path(tmp_path / "local", DIGEST)
    target.with_name(f"{DIGEST}.partial").mkdir(parents=True)
    copied(store, DIGEST, tmp_path / "local")
    assert (target / "buckets/b1/model.pt").read_text() == "module"


def test_an_artifact_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=DIGEST) as raised:
        copied(tmp_path / "store", DIGEST, tmp_path / "local")
    assert raised.value.reason == "ArtifactMissing"


def test_a_full_disk_says_what_to_do(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(ServingError, match="more ephemeral-storage") as raised:
        copied(store, DIGEST, tmp_path / "local")
    assert raised.value.reason == "LocalCopyFailed"
