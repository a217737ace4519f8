"""Publishing and verifying: an artifact is whole under its name, and one writer wins."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from neuron_artifact import (
    ArtifactCorrupt,
    ArtifactMissing,
    Publication,
    artifact_path,
    collect,
    read_manifest,
    verify,
)
from unit.artifact.conftest import DIGEST, fill, small_manifest


def temporary(store: Path) -> list[str]:
    """What lies in the store's directory for unfinished work."""
    return sorted(path.name for path in (store / ".work").glob("*/*"))


def test_a_published_artifact_lists_and_verifies_every_file(store: Path, artifact: Path) -> None:
    assert artifact == store / DIGEST
    manifest = verify(artifact, DIGEST)
    assert [(entry.path, entry.bytes) for entry in manifest.files] == [
        ("buckets/b1_s128/model.pt", 5000),
        ("tokenizer/vocab.json", 8),
    ]
    assert read_manifest(artifact) == manifest
    assert temporary(store) == []


def test_before_publishing_there_is_nothing_to_read(store: Path) -> None:
    with Publication(store, DIGEST, "pod-0") as publication:
        fill(publication.path)
        with pytest.raises(ArtifactMissing, match="compile the model first"):
            verify(artifact_path(store, DIGEST))


def test_a_failed_attempt_leaves_nothing_behind(store: Path) -> None:
    with suppress(KeyboardInterrupt), Publication(store, DIGEST, "pod-0") as publication:
        fill(publication.path)
        raise KeyboardInterrupt
    assert temporary(store) == []
    assert not artifact_path(store, DIGEST).exists()


def test_the_second_of_two_writers_finds_the_first_ones_artifact(store: Path) -> None:
    with Publication(store, DIGEST, "a") as first, Publication(store, DIGEST, "b") as second:
        fill(first.path)
        fill(second.path)
        (second.path / "buckets/b1_s128/model.pt").write_bytes(b"another")
        first.publish(small_manifest())
        second.publish(small_manifest())
        assert (first.lost_race, second.lost_race) == (False, True)
    assert (store / DIGEST / "buckets/b1_s128/model.pt").read_bytes() == b"model" * 1000
    assert temporary(store) == []


def test_a_corrupt_artifact_is_replaced(store: Path, artifact: Path) -> None:
    (artifact / "tokenizer/vocab.json").write_text("{}")
    with Publication(store, DIGEST, "pod-1") as publication:
        fill(publication.path)
        publication.publish(small_manifest())
        assert not publication.lost_race
    verify(artifact, DIGEST)
    assert temporary(store) == []


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: (path / "tokenizer/vocab.json").unlink(), "tokenizer/vocab.json is missing"),
        (
            lambda path: (path / "tokenizer/vocab.json").write_text('{"a": 1}'),
            "vocab.json differs from its checksum",
        ),
        (
            lambda path: (path / "buckets/b1_s128/model.pt").write_bytes(b""),
            "model.pt differs from its checksum",
        ),
        (lambda path: (path / "manifest.json").unlink(), "has no manifest.json"),
        (lambda path: (path / "manifest.json").write_text(""), "is not JSON"),
    ],
)
def test_a_damaged_artifact_is_refused_with_the_file_that_is_wrong(
    artifact: Path, damage: object, sentence: str
) -> None:
    assert callable(damage)
    damage(artifact)
    with pytest.raises(ArtifactCorrupt, match=sentence):
        verify(artifact)


def test_a_link_in_place_of_a_file_is_refused(artifact: Path, tmp_path: Path) -> None:
    vocabulary = artifact / "tokenizer/vocab.json"
    vocabulary.rename(tmp_path / "vocab.json")
    vocabulary.symlink_to(tmp_path / "vocab.json")
    with pytest.raises(ArtifactCorrupt, match="is missing"):
        verify(artifact)


def test_links_are_not_published(store: Path) -> None:
    with Publication(store, DIGEST, "pod-0") as publication:
        fill(publication.path)
        (publication.path / "link").symlink_to("/etc/passwd")
        with pytest.raises(ValueError, match="no symbolic links: link"):
            publication.publish(small_manifest())


def test_an_artifact_under_another_digests_name_is_refused(store: Path, artifact: Path) -> None:
    other = store / ("f" * 32)
    artifact.rename(other)
    with pytest.raises(ArtifactCorrupt, match=DIGEST):
        verify(other, "f" * 32)


def test_a_bucket_that_the_list_of_files_lacks_is_refused(artifact: Path) -> None:
    content = json.loads((artifact / "manifest.json").read_text())
    content["files"] = content["files"][1:]
    (artifact / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ArtifactCorrupt, match=r"does not list buckets/b1_s128/model.pt"):
        verify(artifact)


@pytest.mark.parametrize("digest", ["", "..", "0" * 31, "0" * 33, "../" + "0" * 29, "G" * 32])
def test_what_is_no_digest_never_becomes_a_path(store: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        artifact_path(store, digest)
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        collect(store, digest)


def test_a_full_disk_leaves_nothing_behind(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int, data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    with Publication(store, DIGEST, "pod-0") as publication:
        fill(publication.path)
        monkeypatch.setattr(os, "write", no_space)
        with pytest.raises(OSError, match="No space left"):
            publication.publish(small_manifest())
    assert temporary(store) == []
    assert not (store / DIGEST).exists()


def test_collecting_removes_the_artifact_and_may_be_repeated(store: Path, artifact: Path) -> None:
    assert collect(store, DIGEST)
    assert not artifact.exists()
    assert temporary(store) == []
    assert not collect(store, DIGEST)


def test_collecting_leaves_other_artifacts_alone(store: Path, artifact: Path) -> None:
    assert not collect(store, "f" * 32)
    verify(artifact)
