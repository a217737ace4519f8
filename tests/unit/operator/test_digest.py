"""The digest covers what changes the binary, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.api.digest import digest_of
from neuron_operator.api.spec import (
    Benchmark,
    Compile,
    Cpu,
    Neuron,
    Neuronx,
    Parity,
    Partitioner,
    Resources,
    Source,
    Thresholds,
)
from neuron_operator.terms.names import artifact_name, collect_job_name, compile_job_name

SOURCE = Source("hf://openai-community/gpt2")
COMPILE = Compile()


def digest(
    source: Source = SOURCE, target: str = "inf2", compile_: Compile = COMPILE, toolchain: str = "t1"
) -> str:
    return digest_of(source, target, compile_, toolchain)


def test_the_digest_is_stable() -> None:
    assert digest() == "d2a1ef8eded9f2856ed7fb069bd57adf"
    assert digest(target="cpu") == "7a874459a43b0359c8766723e0ea05e4"


@pytest.mark.parametrize(
    "other",
    [
        digest(replace(SOURCE, uri="hf://openai-community/gpt2-medium")),
        digest(replace(SOURCE, revision="main")),
        digest(replace(SOURCE, sha256="0" * 64)),
        digest(replace(SOURCE, task="text-classification")),
        digest(replace(SOURCE, pooling="Mean")),
        digest(replace(SOURCE, architecture="timm/resnet18")),
        digest(replace(SOURCE, trust_remote_code=True)),
        digest(target="trn1"),
        digest(target="cpu"),
        digest(compile_=replace(COMPILE, batch_sizes=(1, 2))),
        digest(compile_=replace(COMPILE, sequence_lengths=(64, 128))),
        digest(toolchain="t2"),
    ],
)
def test_what_changes_the_binary_changes_the_digest(other: str) -> None:
    assert other != digest()


NEURONX, NEURON, CPU = "inf2", "inf1", "cpu"


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ({"neuronx": Neuronx(auto_cast="all")}, {NEURONX}),
        ({"neuronx": Neuronx(auto_cast_type="fp16")}, {NEURONX}),
        ({"neuronx": Neuronx(opt_level=3)}, {NEURONX}),
        ({"neuronx": Neuronx(model_type="unet-inference")}, {NEURONX}),
        ({"neuronx": Neuronx(logical_cores=1)}, {NEURONX}),
        ({"neuronx": Neuronx(partitioner=Partitioner())}, {NEURONX}),
        ({"neuronx": Neuronx(fast_loading=True)}, {NEURONX}),
        ({"neuronx": Neuronx(weights="Separated")}, {NEURONX}),
        ({"neuronx": Neuronx(extra_args=("--verbose",))}, {NEURONX}),
        ({"neuron": Neuron(fast_math="none")}, {NEURON}),
        ({"neuron": Neuron(pipeline_cores=4)}, {NEURON}),
        ({"neuron": Neuron(fast_loading=True)}, {NEURON}),
        ({"neuron": Neuron(weights="Separated")}, {NEURON}),
        ({"neuron": Neuron(extra_args=("--verbose",))}, {NEURON}),
        ({"cpu": Cpu(backend="Inductor")}, {CPU}),
        ({"cpu": Cpu(precision="FP32")}, {CPU}),
        ({"runs_on": "CPU"}, set()),
        ({"node_selector": {"a": "b"}, "tolerations": ({"operator": "Exists"},)}, set()),
        ({"resources": Resources(limits={"memory": "64Gi"})}, set()),
        ({"timeout_seconds": 60, "retries": 0}, set()),
        ({"parity": Parity("Cosine", 0.1, "Warn")}, set()),
        ({"benchmark": Benchmark(0, (4,), 1.5, Thresholds(p99_milliseconds=9.0), "Warn")}, set()),
    ],
)
def test_an_option_counts_for_the_families_that_it_reaches(
    change: dict[str, Any], concerned: set[str]
) -> None:
    changed = replace(COMPILE, **change)
    assert {
        target
        for target in (NEURONX, NEURON, CPU)
        if digest(target=target, compile_=changed) != digest(target=target)
    } == concerned


@pytest.mark.parametrize(
    "change", [{"support_threshold": 0.9}, {"min_subgraph_size": 3}, {"max_subgraph_count": 2}]
)
def test_the_partitioners_own_fields_count(change: dict[str, Any]) -> None:
    plain = digest(compile_=Compile(neuronx=Neuronx(partitioner=Partitioner())))
    assert digest(compile_=Compile(neuronx=Neuronx(partitioner=Partitioner(**change)))) != plain


def test_the_type_of_casting_does_not_count_where_nothing_is_cast() -> None:
    uncast, other = Neuronx(auto_cast="none"), Neuronx(auto_cast="none", auto_cast_type="fp16")
    assert digest(compile_=Compile(neuronx=uncast)) == digest(compile_=Compile(neuronx=other))


def test_text_on_inf2_is_compiled_as_a_transformer_said_or_not() -> None:
    said = Compile(neuronx=Neuronx(model_type="transformer"))
    assert digest(compile_=said) == digest()
    assert digest(compile_=Compile(neuronx=Neuronx(model_type="generic"))) != digest()


@pytest.mark.parametrize(
    ("target", "task"), [("trn2", "feature-extraction"), ("inf2", "image-classification"), ("inf2", "custom")]
)
def test_what_is_no_text_on_inf2_is_compiled_as_any_model_said_or_not(target: str, task: str) -> None:
    source = replace(SOURCE, task=task)
    said = Compile(neuronx=Neuronx(model_type="generic"))
    assert digest(source, target, said) == digest(source, target)


def test_a_secret_does_not_count() -> None:
    assert digest(replace(SOURCE, secret="hub")) == digest()  # noqa: S106


def test_the_order_of_shapes_does_not_matter() -> None:
    one = digest(compile_=replace(COMPILE, sequence_lengths=(64, 128), batch_sizes=(1, 8)))
    assert one == digest(compile_=replace(COMPILE, sequence_lengths=(128, 64), batch_sizes=(8, 1)))


def test_the_default_length_is_128_said_or_not() -> None:
    assert digest(compile_=replace(COMPILE, sequence_lengths=(128,))) == digest()


def test_only_the_shapes_of_the_task_count() -> None:
    images = replace(SOURCE, task="image-classification")
    sized = replace(COMPILE, image_sizes=(32,))
    assert digest(images, compile_=sized) != digest(images)
    assert digest(images, compile_=replace(COMPILE, sequence_lengths=(64,))) == digest(images)
    assert digest(compile_=sized) == digest()


@pytest.mark.parametrize(
    ("uri", "slug"),
    [
        ("hf://openai-community/gpt2", "gpt2"),
        ("hf://sentence-transformers/all-MiniLM-L6-v2", "all-minilm-l6-v2"),
        ("pvc://models/a/b_c.d/", "b-c-d"),
        ("hf://x/distilbert-base-uncased-finetuned-sst-2-english", "distilbert-base-uncased-finetu"),
        ("pvc://models/___", "model"),
        ("https://host/files/resnet18.tar.gz?signature=secret", "resnet18"),
        ("s3://bucket/bert-large/", "bert-large"),
        ("hf://x/abcdefghijklmnopqrstuvwxyzabc-.-efg", "abcdefghijklmnopqrstuvwxyzabc"),
    ],
)
def test_an_artifact_is_named_after_its_model_and_digest(uri: str, slug: str) -> None:
    name = artifact_name(uri, "0123456789abcdef")
    assert name == f"{slug}-0123456789"
    assert len(compile_job_name(name)) <= 63
    assert len(collect_job_name(name)) <= 63
