"""From a request to an artifact in the store, with the compiling process left out: files are made in its
place.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from compiler import requests
from neuron_artifact import ArtifactMissing, Publication, artifact_path, verify
from neuron_compiler import pipeline
from neuron_compiler.failure import CompileError
from neuron_compiler.request import parse
from neuron_compiler.sources import Source

_COMPILED: dict[str, Any] = {
    "backend": {"name": "torchscript", "precision": "fp32", "cpuFeatures": [], "candidates": []},
    "baseline": {},
    "task": "feature-extraction",
    "pooling": None,
    "architecture": "GPT2Model",
    "wrapper": "TokenFeatures",
    "settings": {},
    "inputs": [{"name": "input_ids", "dtype": "INT64", "dims": ["sequence"]}],
    "outputs": [{"name": "last_hidden_state", "dtype": "FP32", "dims": ["sequence", 8]}],
    "padValues": {"input_ids": 7},
    "labels": None,
    "versions": {"python": "3.11.2", "torch": "2.13.0"},
    "buckets": [{"name": "b1_s32", "batch": 1, "axes": {"sequence": 32}, "path": "buckets/b1_s32/model.pt"}],
    "parity": None,
    "benchmark": None,
    "seconds": {"compile": 1.5, "parity": 0.5},
}


class Compiler:
    """Stands where the compiling process is started: writes a bucket's file, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, source: Path, output: Path, environ: Mapping[str, str]) -> dict[str, Any]:
        self.calls += 1
        (output / "buckets/b1_s32").mkdir(parents=True)
        (output / "buckets/b1_s32/model.pt").write_bytes(b"compiled")
        return dict(_COMPILED)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An empty store and a claim with a model."""
    (tmp_path / "store").mkdir()
    (tmp_path / "claim/gpt2").mkdir(parents=True)
    (tmp_path / "claim/gpt2/config.json").write_text("{}")
    return {
        "STORE_PATH": str(tmp_path / "store"),
        "SOURCE_PATH": str(tmp_path / "claim"),
        "POD_NAME": "pod-0",
    }


def temporary(environ: Mapping[str, str]) -> list[Path]:
    return list((Path(environ["STORE_PATH"]) / ".tmp").iterdir())


def test_what_is_compiled_is_published_and_told(environ: dict[str, str]) -> None:
    message = pipeline.run(parse(requests.text()), environ, Compiler())
    manifest = verify(artifact_path(Path(environ["STORE_PATH"]), requests.DIGEST), requests.DIGEST)
    assert (message["outcome"], message["digest"], message["sizeBytes"]) == ("Published", requests.DIGEST, 8)
    assert message["versions"] == manifest.versions == _COMPILED["versions"]
    assert set(message["seconds"]) == {"fetch", "compile", "parity", "publish", "total"}
    assert (manifest.family, manifest.request, manifest.pad_values) == (
        "cpu",
        requests.content(),
        {"input_ids": 7},
    )
    assert temporary(environ) == []


def test_the_same_digest_is_compiled_once(environ: dict[str, str]) -> None:
    compiler = Compiler()
    request = parse(requests.text(parity__policy="Skip"))
    outcomes = [pipeline.run(request, environ, compiler)["outcome"] for _ in range(3)]
    assert outcomes == ["Published", "AlreadyPublished", "AlreadyPublished"]
    assert compiler.calls == 1


def test_a_corrupt_artifact_is_compiled_again(environ: dict[str, str]) -> None:
    compiler = Compiler()
    pipeline.run(parse(requests.text()), environ, compiler)
    artifact = artifact_path(Path(environ["STORE_PATH"]), requests.DIGEST)
    (artifact / "buckets/b1_s32/model.pt").write_bytes(b"rot")
    assert pipeline.run(parse(requests.text()), environ, compiler)["outcome"] == "Published"
    assert compiler.calls == 2
    verify(artifact)


def test_when_another_pod_was_first_its_artifact_stands(environ: dict[str, str]) -> None:
    def slow(source: Path, output: Path, environ: Mapping[str, str]) -> dict[str, Any]:
        # As on a file system without locks, where nobody waits.
        store = Path(environ["STORE_PATH"])
        with Publication(store, requests.DIGEST, "pod-1") as other:
            compiled = Compiler()(source, other.path, environ)
            request = parse(requests.text())
            other.publish(pipeline.make_manifest(request, Source(source, None), compiled, {}))
        return Compiler()(source, output, environ)

    assert pipeline.run(parse(requests.text()), environ, slow)["outcome"] == "AlreadyPublished"
    assert temporary(environ) == []


def test_a_failed_compile_leaves_nothing_behind(environ: dict[str, str]) -> None:
    def failing(source: Path, output: Path, environ: Mapping[str, str]) -> dict[str, Any]:
        (output / "part").write_bytes(b"half")
        raise CompileError("ParityFailed", "It differs.")

    with pytest.raises(CompileError, match="It differs"):
        pipeline.run(parse(requests.text()), environ, failing)
    with pytest.raises(ArtifactMissing):
        verify(artifact_path(Path(environ["STORE_PATH"]), requests.DIGEST))
    assert temporary(environ) == []


def test_a_missing_model_is_told_before_anything_is_compiled(environ: dict[str, str]) -> None:
    compiler = Compiler()
    with pytest.raises(CompileError, match="has no directory absent"):
        pipeline.run(parse(requests.text(model__uri="pvc://models/absent")), environ, compiler)
    assert compiler.calls == 0


def test_a_store_that_is_not_mounted_is_told(environ: dict[str, str]) -> None:
    with pytest.raises(CompileError) as caught:
        pipeline.run(parse(requests.text()), {**environ, "STORE_PATH": "/nonexistent"}, Compiler())
    assert caught.value.reason == "StorageUnwritable"


def test_a_full_volume_is_told_and_left_as_it_was(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(descriptor: int, data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(CompileError) as caught:
        pipeline.run(parse(requests.text()), environ, Compiler())
    assert (caught.value.reason, caught.value.exit_code) == ("StorageFull", 11)
    assert temporary(environ) == []


def test_the_message_of_a_result_is_json(environ: dict[str, str]) -> None:
    message = pipeline.run(parse(requests.text()), environ, Compiler())
    assert json.loads(json.dumps(message)) == message


@pytest.mark.parametrize(("whole", "compiling"), [(10.0, 8.5), (3.0, 1.5), (1.0, 1.5)])
def test_starting_the_compiling_process_counts_as_compiling(whole: float, compiling: float) -> None:
    steps = {"compile": 1.5, "parity": 0.5, "benchmark": 1.0}
    assert pipeline.with_start(steps, whole) == {**steps, "compile": compiling}
