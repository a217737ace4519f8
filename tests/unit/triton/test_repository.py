"""Triton's model repository, made from a manifest and the pod's settings."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from neuron_artifact import Manifest
from neuron_serving.settings import Settings
from neuron_triton import repository
from neuron_triton.modelconfig import DynamicBatching, ModelConfig, to_prototxt
from unit.triton.artifacts import image_manifest, manifest, sentence_manifest

GOLDEN = Path(__file__).parent / "golden"
STORE = Path("/artifacts")
ON_CPU = Settings("gpt2", "0" * 32, STORE, "cpu", cores=1, cpus=2)
ON_NEURON = Settings("minilm", "1" * 32, STORE, "inf2", cores=2, cpus=4)


@pytest.mark.parametrize(
    ("file", "artifact", "settings"),
    [
        ("gpt2-cpu.pbtxt", manifest(sequences=(64, 128)), ON_CPU),
        ("minilm-inf2.pbtxt", sentence_manifest(), ON_NEURON),
        ("resnet18-cpu.pbtxt", image_manifest(), ON_CPU),
    ],
)
def test_the_configuration_is_the_golden_one(file: str, artifact: Manifest, settings: Settings) -> None:
    is_golden(file, repository.model_config(artifact, settings, STORE / artifact.digest))


def is_golden(file: str, config: ModelConfig) -> None:
    """UPDATE_GOLDEN=1 writes it anew."""
    text = to_prototxt(config)
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / file).write_text(text)
    assert text == (GOLDEN / file).read_text()


def test_a_compiled_batch_of_one_waits_for_no_other_request() -> None:
    assert repository.model_config(manifest(batch=1), ON_CPU, STORE).dynamic_batching is None


def test_requests_are_joined_up_to_the_compiled_batch() -> None:
    config = repository.model_config(manifest(batch=8), ON_CPU, STORE)
    assert config.dynamic_batching
    assert config.dynamic_batching.preferred_batch_size == 8
    assert all(tensor.ragged for tensor in config.inputs)


def test_rows_and_delay_that_are_asked_for_win() -> None:
    asked = replace(ON_CPU, batch_rows=16, batch_delay=2)
    config = repository.model_config(manifest(batch=8), asked, STORE)
    assert config.dynamic_batching == DynamicBatching(16, 2000, repository.MAX_QUEUE)


def test_a_large_compiled_batch_can_be_sent_in_one_request() -> None:
    assert repository.model_config(manifest(batch=1024), ON_CPU, STORE).max_batch_size == 1024


def test_instances_share_the_threads() -> None:
    config = repository.model_config(sentence_manifest(), ON_NEURON, STORE)
    assert config.instances == 2
    assert dict(config.parameters)["threads"] == "2"


def test_a_restarted_container_writes_its_repository_again(tmp_path: Path) -> None:
    config = repository.model_config(manifest(), ON_CPU, STORE)
    repository.write(tmp_path, config)
    repository.write(tmp_path, config)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["gpt2/1/model.py", "gpt2/config.pbtxt"]
    assert (tmp_path / "gpt2/config.pbtxt").read_text() == to_prototxt(config)
