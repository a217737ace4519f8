"""A store and a small artifact to publish in it."""

from pathlib import Path

import pytest
from neuron_artifact import Publication
from unit.artifact.sample import DIGEST, MEASURED, fill, small_manifest

__all__ = ["DIGEST", "MEASURED", "fill", "small_manifest"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store."""
    path = tmp_path / "store"
    path.mkdir()
    return path


@pytest.fixture
def artifact(store: Path) -> Path:
    """A published artifact."""
    with Publication(store, DIGEST, "pod-0") as publication:
        fill(publication.path)
        return publication.publish(small_manifest())
