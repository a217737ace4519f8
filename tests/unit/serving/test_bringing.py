"""What a server loads is what was published: checked as it comes to the node, and nothing else is read."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import neuron_artifact.checked
import pytest
from neuron_artifact import ArtifactCorrupt, Publication, artifact_path, loadable
from neuron_serving.artifact import brought
from neuron_serving.failure import ServingError, load_failure
from neuron_serving.settings import Settings
from unit.artifact.conftest import DIGEST, fill, small_manifest

MODEL, VOCABULARY = "buckets/b1_s128/model.pt", "tokenizer/vocab.json"


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    """The settings of a server for an artifact in a store."""
    store = tmp_path / "store"
    with Publication(store, DIGEST, "pod") as publication:
        fill(publication.path)
        publication.publish(small_manifest())
    scratch = tmp_path / "scratch"
    return Settings("m", DIGEST, store, "cpu", 1, 1, manifest_sha256=publication.sha256, scratch=scratch)


def in_store(configured: Settings, path: str) -> Path:
    return artifact_path(configured.store, DIGEST) / path


def copied(configured: Settings, whole: bool) -> Settings:
    return Settings(**{**vars(configured), "local_copy": whole})


@pytest.mark.parametrize("whole", [True, False])
def test_an_artifact_is_brought_to_the_node(configured: Settings, whole: bool) -> None:
    directory, manifest = brought(copied(configured, whole))
    assert directory == configured.scratch / DIGEST
    assert (directory / VOCABULARY).read_text() == '{"a": 0}'
    assert (directory / MODEL).is_symlink() is not whole
    with loadable(directory, manifest, MODEL) as path:
        assert path.read_bytes() == b"model" * 1000
        assert path.suffix == ".pt"
        assert not path.is_symlink()
    assert path.exists() is whole
    assert list(configured.scratch.glob("*.partial")) == []


def test_what_changes_on_the_volume_after_it_was_brought_is_not_loaded(configured: Settings) -> None:
    directory, manifest = brought(configured)
    in_store(configured, VOCABULARY).write_text('{"a": 1}')
    assert (directory / VOCABULARY).read_text() == '{"a": 0}'
    in_store(configured, MODEL).write_bytes(b"MODEL" * 1000)
    with pytest.raises(ArtifactCorrupt, match="differs"), loadable(directory, manifest, MODEL):
        pytest.fail("it was loaded")
    assert load_failure(ArtifactCorrupt("x")).reason == "ArtifactCorrupt"


def test_a_whole_copy_needs_the_volume_no_more(configured: Settings) -> None:
    brought(copied(configured, True))
    in_store(configured, MODEL).write_bytes(b"MODEL" * 1000)
    directory, _ = brought(copied(configured, True))
    assert (directory / MODEL).read_bytes() == b"model" * 1000


def test_a_copy_that_is_damaged_is_made_anew(configured: Settings) -> None:
    directory, _ = brought(copied(configured, True))
    (directory / MODEL).write_bytes(b"rot")
    brought(copied(configured, True))
    assert (directory / MODEL).read_bytes() == b"model" * 1000


def test_half_a_copy_is_made_anew(configured: Settings) -> None:
    (configured.scratch / f"{DIGEST}.partial").mkdir(parents=True)
    directory, _ = brought(copied(configured, True))
    assert (directory / MODEL).exists()


def rewritten(configured: Settings) -> None:
    """What somebody with the volume does: another file, and a manifest that fits it."""
    manifest = in_store(configured, "manifest.json")
    text = manifest.read_text()
    for path, content in ((VOCABULARY, b'{"a": 1}'), (MODEL, b"MODEL" * 1000)):
        before = hashlib.sha256(in_store(configured, path).read_bytes()).hexdigest()
        in_store(configured, path).write_bytes(content)
        text = text.replace(before, hashlib.sha256(content).hexdigest())
    manifest.write_text(text)


@pytest.mark.parametrize("whole", [True, False])
def test_an_artifact_that_was_rewritten_with_its_manifest_is_refused(
    configured: Settings, whole: bool
) -> None:
    rewritten(configured)
    with pytest.raises(ServingError, match="not the one that was published") as raised:
        brought(copied(configured, whole))
    assert raised.value.reason == "ArtifactCorrupt"


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"short"),
        lambda path: path.write_bytes(b"x" * 5001),
        lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
        piped,
    ],
)
@pytest.mark.parametrize("name", [MODEL, VOCABULARY])
def test_a_file_that_is_not_the_one_of_the_manifest_is_refused_at_the_start(
    configured: Settings, damage: Callable[[Path], object], name: str
) -> None:
    damage(in_store(configured, name))
    with pytest.raises(ServingError) as raised:
        brought(configured)
    assert raised.value.reason == "ArtifactCorrupt"


def test_an_artifact_that_is_not_there_is_named(configured: Settings, tmp_path: Path) -> None:
    elsewhere = Settings(**{**vars(configured), "store": tmp_path / "elsewhere"})
    with pytest.raises(ServingError, match=DIGEST) as raised:
        brought(elsewhere)
    assert raised.value.reason == "ArtifactMissing"


def test_a_full_disk_says_what_to_do(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(neuron_artifact.checked, "_copy", full)
    with pytest.raises(ServingError, match="more ephemeral-storage") as raised:
        brought(copied(configured, True))
    assert raised.value.reason == "LocalCopyFailed"
    assert load_failure(OSError(28, "No space left on device")).reason == "LocalCopyFailed"
