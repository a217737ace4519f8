"""The verdict of the accelerator beside a manifest."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from neuron_artifact import (
    ArtifactUnverified,
    Publication,
    Verification,
    manifest_sha256,
    read_verification,
    verify,
    write_verification,
)
from unit.artifact.conftest import DIGEST, fill, small_manifest


def verdict(directory: Path, *, passed: bool = True) -> Verification:
    manifest = small_manifest()
    sha256 = manifest_sha256(directory)
    return Verification(
        DIGEST, sha256, "2026-01-02T03:04:05Z", {"a": "1"}, manifest.parity, manifest.benchmark, passed
    )


@pytest.fixture
def unverified(store: Path) -> Path:
    """An artifact that the accelerator has to pass first."""
    with Publication(store, DIGEST, "pod-0") as publication:
        fill(publication.path)
        return publication.publish(replace(small_manifest(), verification="Needed"))


def test_a_verdict_is_read_as_it_was_written(unverified: Path) -> None:
    written = verdict(unverified)
    write_verification(unverified, written)
    assert read_verification(unverified) == written
    assert sorted(path.name for path in unverified.iterdir() if path.name.startswith(".")) == []


def test_an_artifact_that_needs_a_verdict_is_not_served_without_one(unverified: Path) -> None:
    with pytest.raises(ArtifactUnverified, match="wait for its verify Job"):
        verify(unverified)
    write_verification(unverified, verdict(unverified))
    assert verify(unverified).verification == "Needed"


def test_a_later_verdict_takes_the_place_of_an_earlier_one(artifact: Path) -> None:
    write_verification(artifact, verdict(artifact))
    write_verification(artifact, verdict(artifact, passed=False))
    with pytest.raises(ArtifactUnverified, match="did not pass"):
        verify(artifact)


def test_a_verdict_on_another_manifest_counts_for_nothing(unverified: Path) -> None:
    write_verification(unverified, replace(verdict(unverified), manifest_sha256="0" * 64))
    with pytest.raises(ArtifactUnverified):
        verify(unverified)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"manifestSha256": 1}'])
def test_half_a_verdict_counts_for_nothing(unverified: Path, content: bytes) -> None:
    (unverified / "verification.json").write_bytes(content)
    assert read_verification(unverified) is None


def test_a_write_that_fails_leaves_the_earlier_verdict(
    unverified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_verification(unverified, verdict(unverified))
    before = read_verification(unverified)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_verification(unverified, verdict(unverified, passed=False))
    assert read_verification(unverified) == before
    assert list(unverified.glob(".verification*")) == []
