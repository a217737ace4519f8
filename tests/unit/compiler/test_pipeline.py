"""The three containers of a compile Job, with the compiling process left out: files are made in its place."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from compiler import requests
from neuron_artifact import ArtifactMissing, Attempt, artifact_path, manifest_sha256, verify, work_path
from neuron_compiler import compiling, fetching, publishing
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Request, parse

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
    """An empty store, a claim with a model, and the directories of a pod."""
    for name in ("store", "claim/gpt2", "model"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "claim/gpt2/config.json").write_text("{}")
    (tmp_path / "claim/gpt2/model.safetensors").touch()
    return {
        "STORE_PATH": str(tmp_path / "store"),
        "WORK_PATH": str(work_path(tmp_path / "store", requests.DIGEST)),
        "MODEL_PATH": str(tmp_path / "model"),
        "SOURCE_PATH": str(tmp_path / "claim"),
        "POD_NAME": "pod-0",
    }


def run(request: Request, environ: Mapping[str, str], compile_model: compiling.Compile) -> dict[str, Any]:
    """The three containers, one after the other."""
    fetching.run(request, environ)
    compiling.run(request, environ, compile_model)
    return publishing.run(request, environ)


def store_of(environ: Mapping[str, str]) -> Path:
    return Path(environ["STORE_PATH"])


def left(environ: Mapping[str, str]) -> list[str]:
    """What is left of the work on the digest."""
    return sorted(path.name for path in Path(environ["WORK_PATH"]).iterdir())


def test_what_is_compiled_is_published_and_told(environ: dict[str, str]) -> None:
    message = run(parse(requests.text()), environ, Compiler())
    directory = artifact_path(store_of(environ), requests.DIGEST)
    manifest = verify(directory, requests.DIGEST, message["manifestSha256"])
    assert (message["outcome"], message["digest"], message["sizeBytes"]) == ("Published", requests.DIGEST, 8)
    assert message["versions"] == manifest.versions == _COMPILED["versions"]
    assert set(message["seconds"]) == {"fetch", "compile", "parity", "publish", "total"}
    assert (manifest.family, manifest.request, manifest.pad_values) == (
        "cpu",
        requests.content(),
        {"input_ids": 7},
    )
    assert left(environ) == ["lock", "published"]


def test_the_same_digest_is_compiled_once(environ: dict[str, str]) -> None:
    compiler = Compiler()
    request = parse(requests.text(parity__policy="Skip"))
    told = [run(request, environ, compiler) for _ in range(3)]
    assert [each["outcome"] for each in told] == ["Published", "AlreadyPublished", "AlreadyPublished"]
    assert len({each["manifestSha256"] for each in told}) == 1
    assert compiler.calls == 1


def test_a_corrupt_artifact_is_compiled_again(environ: dict[str, str]) -> None:
    compiler = Compiler()
    run(parse(requests.text()), environ, compiler)
    artifact = artifact_path(store_of(environ), requests.DIGEST)
    (artifact / "buckets/b1_s32/model.pt").write_bytes(b"rot")
    assert run(parse(requests.text()), environ, compiler)["outcome"] == "Published"
    assert compiler.calls == 2
    verify(artifact)


def other_pod(environ: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    """Another pod at the same store."""
    (tmp_path / "other").mkdir()
    return {**environ, "POD_NAME": "pod-1", "MODEL_PATH": str(tmp_path / "other")}


def test_a_pod_that_finds_anothers_work_finished_publishes_that(
    environ: dict[str, str], tmp_path: Path
) -> None:
    request, compiler, other = parse(requests.text()), Compiler(), other_pod(environ, tmp_path)
    for each in (environ, other):
        fetching.run(request, each)
    for each in (environ, other):
        compiling.run(request, each, compiler)
    assert publishing.run(request, other)["outcome"] == "Published"
    assert publishing.run(request, environ)["outcome"] == "AlreadyPublished"
    assert compiler.calls == 1


def test_a_pod_whose_artifact_was_published_while_it_fetched_compiles_nothing(
    environ: dict[str, str], tmp_path: Path
) -> None:
    request, compiler, other = parse(requests.text()), Compiler(), other_pod(environ, tmp_path)
    fetching.run(request, other)
    run(request, environ, compiler)
    compiling.run(request, other, compiler)
    assert publishing.run(request, other)["outcome"] == "AlreadyPublished"
    assert compiler.calls == 1


def test_what_was_compiled_for_another_request_is_not_taken(environ: dict[str, str], tmp_path: Path) -> None:
    compiler, other = Compiler(), other_pod(environ, tmp_path)
    loose, strict = (parse(requests.text(parity__policy=policy)) for policy in ("Warn", "Block"))
    for request, each in ((loose, environ), (strict, other)):
        fetching.run(request, each)
        compiling.run(request, each, compiler)
    assert compiler.calls == 2


def test_a_killed_compile_is_cleaned_away_by_the_next(environ: dict[str, str], tmp_path: Path) -> None:
    killed = Attempt(Path(environ["WORK_PATH"]), "killed")
    killed.begin()
    (killed.files / "half").write_bytes(b"half")
    killed.files.chmod(0)
    run(parse(requests.text()), environ, Compiler())
    assert left(environ) == ["lock", "published"]


def test_a_failed_compile_leaves_nothing_behind(environ: dict[str, str]) -> None:
    def failing(source: Path, output: Path, environ: Mapping[str, str]) -> dict[str, Any]:
        (output / "part").write_bytes(b"half")
        raise CompileError("ParityFailed", "It differs.")

    with pytest.raises(CompileError, match="It differs"):
        run(parse(requests.text()), environ, failing)
    with pytest.raises(ArtifactMissing):
        verify(artifact_path(store_of(environ), requests.DIGEST))
    assert left(environ) == ["lock"]


def test_a_missing_model_is_told_before_anything_is_compiled(environ: dict[str, str]) -> None:
    compiler = Compiler()
    with pytest.raises(CompileError, match="has no directory absent"):
        run(parse(requests.text(model__uri="pvc://models/absent")), environ, compiler)
    assert compiler.calls == 0


def test_a_store_that_is_not_mounted_is_told(environ: dict[str, str]) -> None:
    with pytest.raises(CompileError) as caught:
        run(parse(requests.text()), {**environ, "STORE_PATH": "/proc/nonexistent"}, Compiler())
    assert caught.value.reason == "StorageUnwritable"


def test_a_full_volume_is_told_and_left_as_it_was(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(descriptor: int, data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    request = parse(requests.text())
    fetching.run(request, environ)
    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(CompileError) as caught:
        compiling.run(request, environ, Compiler())
    assert (caught.value.reason, caught.value.exit_code) == ("StorageFull", 11)
    assert left(environ) == ["lock"]


def test_a_pod_whose_work_is_gone_is_tried_again(environ: dict[str, str]) -> None:
    request = parse(requests.text())
    fetching.run(request, environ)
    compiling.run(request, environ, Compiler())
    Attempt(Path(environ["WORK_PATH"]), "pod-0").remove()
    with pytest.raises(CompileError, match="is gone from the store") as caught:
        publishing.run(request, environ)
    assert caught.value.exit_code == 11


def test_the_message_of_a_result_is_json(environ: dict[str, str]) -> None:
    message = run(parse(requests.text()), environ, Compiler())
    assert json.loads(json.dumps(message)) == message
    directory = artifact_path(store_of(environ), requests.DIGEST)
    assert message["manifestSha256"] == manifest_sha256(directory)


def test_the_models_code_sees_no_secret_and_no_hub(environ: dict[str, str]) -> None:
    seen: dict[str, str] = {}

    def compile_model(source: Path, output: Path, environ: Mapping[str, str]) -> dict[str, Any]:
        seen.update(environ)
        return Compiler()(source, output, environ)

    run(parse(requests.text()), {**environ, "HF_TOKEN": "secret", "SOURCE_TOKEN": "secret"}, compile_model)
    assert "secret" not in seen.values()
    assert (seen["HF_HUB_OFFLINE"], seen["TRANSFORMERS_OFFLINE"]) == ("1", "1")


@pytest.mark.parametrize(("whole", "compiling_"), [(10.0, 8.5), (3.0, 1.5), (1.0, 1.5)])
def test_starting_the_compiling_process_counts_as_compiling(whole: float, compiling_: float) -> None:
    steps = {"compile": 1.5, "parity": 0.5, "benchmark": 1.0}
    assert compiling.with_start(steps, whole) == {**steps, "compile": compiling_}


@pytest.mark.parametrize("steps", [None, [], {"compile": "x", 3: float("nan")}, {"compile": float("inf")}])
def test_times_that_are_none_are_left_out(steps: object) -> None:
    assert compiling.with_start(steps, 2.0) == {"compile": 2.0}
