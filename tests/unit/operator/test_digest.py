"""The digest covers what changes the binary, and nothing else."""

from dataclasses import replace

import pytest
from neuron_operator.api.spec import Compile, Parity, Resources, Source
from neuron_operator.digest import digest_of
from neuron_operator.names import artifact_name, collect_job_name, compile_job_name

SOURCE = Source("hf://openai-community/gpt2")
COMPILE = Compile()


def digest(
    source: Source = SOURCE, target: str = "inf2", compile_: Compile = COMPILE, toolchain: str = "t1"
) -> str:
    return digest_of(source, target, compile_, toolchain)


def test_the_digest_is_stable() -> None:
    assert digest() == "3046ee24f5e848925ac09a64ac14d9d7"
    assert digest(target="cpu") == "b40bbfcae27d94623361961a744c5c8b"


@pytest.mark.parametrize(
    "other",
    [
        digest(replace(SOURCE, uri="hf://openai-community/gpt2-medium")),
        digest(replace(SOURCE, revision="main")),
        digest(replace(SOURCE, task="text-classification")),
        digest(replace(SOURCE, pooling="Mean")),
        digest(replace(SOURCE, trust_remote_code=True)),
        digest(target="trn1"),
        digest(target="cpu"),
        digest(compile_=replace(COMPILE, batch_size=2)),
        digest(compile_=replace(COMPILE, sequence_lengths=(64, 128))),
        digest(compile_=replace(COMPILE, auto_cast="none")),
        digest(compile_=replace(COMPILE, auto_cast_type="fp16")),
        digest(compile_=replace(COMPILE, opt_level=3)),
        digest(compile_=replace(COMPILE, extra_args=("--model-type", "transformer"))),
        digest(toolchain="t2"),
    ],
)
def test_what_changes_the_binary_changes_the_digest(other: str) -> None:
    assert other != digest()


@pytest.mark.parametrize(
    "same",
    [
        digest(replace(SOURCE, secret="hub")),  # noqa: S106
        digest(compile_=replace(COMPILE, resources=Resources(limits={"memory": "64Gi"}))),
        digest(compile_=replace(COMPILE, timeout_seconds=60, retries=0, benchmark_seconds=0)),
        digest(compile_=replace(COMPILE, parity=Parity("Cosine", 0.1, "Warn"))),
    ],
)
def test_what_does_not_change_the_binary_does_not_change_the_digest(same: str) -> None:
    assert same == digest()


@pytest.mark.parametrize(
    "compile_",
    [
        replace(COMPILE, auto_cast="none"),
        replace(COMPILE, auto_cast_type="fp16"),
        replace(COMPILE, opt_level=3),
        replace(COMPILE, extra_args=("--x",)),
    ],
)
def test_options_of_the_neuron_compiler_do_not_matter_for_the_cpu(compile_: Compile) -> None:
    assert digest(target="cpu", compile_=compile_) == digest(target="cpu")


def test_the_order_of_sequence_lengths_does_not_matter() -> None:
    one = digest(compile_=replace(COMPILE, sequence_lengths=(64, 128)))
    assert one == digest(compile_=replace(COMPILE, sequence_lengths=(128, 64)))


@pytest.mark.parametrize(
    ("uri", "slug"),
    [
        ("hf://openai-community/gpt2", "gpt2"),
        ("hf://sentence-transformers/all-MiniLM-L6-v2", "all-minilm-l6-v2"),
        ("pvc://models/a/b_c.d/", "b-c-d"),
        ("hf://x/distilbert-base-uncased-finetuned-sst-2-english", "distilbert-base-uncased-finetu"),
        ("pvc://models/___", "model"),
        ("hf://x/abcdefghijklmnopqrstuvwxyzabc-.-efg", "abcdefghijklmnopqrstuvwxyzabc"),
    ],
)
def test_an_artifact_is_named_after_its_model_and_digest(uri: str, slug: str) -> None:
    name = artifact_name(uri, "0123456789abcdef")
    assert name == f"{slug}-0123456789"
    assert len(compile_job_name(name)) <= 63
    assert len(collect_job_name(name)) <= 63
