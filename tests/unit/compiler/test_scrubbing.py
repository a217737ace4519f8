"""Looking at published files: damage is found, nothing is changed, and no more is read than is due."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from neuron_artifact import Publication, manifest_sha256
from neuron_compiler import scrubbing
from neuron_compiler.__main__ import main
from neuron_compiler.failure import CompileError
from neuron_compiler.scrubbing import Pace
from unit.artifact.conftest import DIGEST, fill, small_manifest


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one artifact."""
    with Publication(tmp_path / "store", DIGEST, "pod-0") as publication:
        fill(publication.path)
        publication.publish(small_manifest())
    return tmp_path / "store"


def look(store: Path, sha256: str | None = None) -> dict[str, object]:
    told = {"STORE_PATH": str(store), "DIGEST": DIGEST, "ARTIFACT_MANIFEST_SHA256": sha256 or ""}
    return scrubbing.run(told, sleep=lambda _: None)


def test_a_whole_artifact_is_said_to_be_whole(store: Path) -> None:
    said = look(store, manifest_sha256(store / DIGEST))
    assert said["outcome"] == "Whole"
    files = [path for path in (store / DIGEST).rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert said["sizeBytes"] == sum(path.stat().st_size for path in files)


def _cut(store: Path) -> None:
    path = store / DIGEST / "buckets/b1_s128/model.pt"
    path.write_bytes(path.read_bytes()[:-1])


def _turn(store: Path) -> None:
    path = store / DIGEST / "buckets/b1_s128/model.pt"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_cut, "ArtifactCorrupt"),
        (_turn, "ArtifactCorrupt"),
        (lambda store: (store / DIGEST / "buckets/b1_s128/model.pt").unlink(), "ArtifactCorrupt"),
        (lambda store: (store / DIGEST / "manifest.json").unlink(), "ArtifactCorrupt"),
        (lambda store: (store / DIGEST / "manifest.json").write_text("{}"), "ArtifactCorrupt"),
        (lambda store: shutil.rmtree(store / DIGEST), "ArtifactMissing"),
    ],
)
def test_what_is_lost_or_damaged_is_told(store: Path, damage: Callable[[Path], object], reason: str) -> None:
    sha256 = manifest_sha256(store / DIGEST)
    damage(store)
    with pytest.raises(CompileError) as raised:
        look(store, sha256)
    assert (raised.value.reason, raised.value.exit_code) == (reason, 10)


def test_a_manifest_that_was_never_published_is_damage(store: Path) -> None:
    with pytest.raises(CompileError) as raised:
        look(store, "0" * 64)
    assert raised.value.reason == "ArtifactCorrupt"


def test_a_store_that_is_not_there_is_a_volume_that_fails_and_no_damage(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as raised:
        look(tmp_path / "nowhere")
    assert (raised.value.reason, raised.value.heals) == ("StorageUnwritable", True)


def test_reading_is_held_to_a_pace() -> None:
    waits: list[float] = []
    pace = Pace(1_000, waits.append)
    pace.advance(60_000_000)
    assert waits == [pytest.approx(60_000, abs=60)]
    assert pace.done == 60_000_000


@pytest.mark.parametrize(
    ("damaged", "code", "says"), [(False, 0, '"Whole"'), (True, 10, '"ArtifactCorrupt"')]
)
def test_the_container_says_what_it_has_found_and_ends_accordingly(
    store: Path,
    damaged: bool,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STORE_PATH", str(store))
    monkeypatch.setenv("DIGEST", DIGEST)
    monkeypatch.setenv("ARTIFACT_MANIFEST_SHA256", manifest_sha256(store / DIGEST))
    if damaged:
        _turn(store)
    assert main(["scrub"]) == code
    assert says in capsys.readouterr().out
