"""The digest covers what changes the binary, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.api import settings as chosen
from neuron_operator.api.artifact import parse_artifact
from neuron_operator.api.digest import digest_of
from neuron_operator.api.origin import origin_of
from neuron_operator.api.settings import Settings
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
from neuron_operator.builders.artifacts import artifact as built
from neuron_operator.models.wanted import candidates
from neuron_operator.terms.names import artifact_name, collect_job_name, compile_job_name
from unit.operator.worlds import SETTINGS, model

SOURCE = Source("hf://openai-community/gpt2")
COMPILE = Compile()


def digest(
    source: Source = SOURCE,
    target: str = "inf2",
    compile_: Compile = COMPILE,
    toolchain: str = "t1",
    origin: dict[str, str] | None = None,
) -> str:
    return digest_of(source, target, compile_, toolchain, origin or {})


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
        digest(origin={"endpoint": "https://mirror.example.org"}),
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


KEYS = "keys"
HF, S3, COMMIT = "hf://a/b", "s3://models/bert", "0123456789abcdef0123456789abcdef01234567"
HUB = replace(SETTINGS, hub_endpoint="https://mirror.example.org")
MINIO = replace(SETTINGS, s3=chosen.S3(endpoint="https://minio.example.org"))


@pytest.mark.parametrize(
    ("source", "settings", "origin"),
    [
        (Source(HF), SETTINGS, {}),
        (Source(HF, secret=KEYS), SETTINGS, {}),
        (Source(HF), HUB, {"endpoint": "https://mirror.example.org"}),
        (Source(HF, revision="main"), HUB, {"endpoint": "https://mirror.example.org"}),
        (Source(HF, revision=COMMIT), HUB, {}),
        (Source(S3), SETTINGS, {}),
        (Source(S3), MINIO, {"endpoint": "https://minio.example.org"}),
        (Source(S3, secret=KEYS), SETTINGS, {"secret": KEYS}),
        (Source(S3, secret=KEYS), MINIO, {"endpoint": "https://minio.example.org", "secret": KEYS}),
        (Source("https://a/b.tar", sha256="0" * 64, secret=KEYS), HUB, {}),
        (Source("pvc://claim/path"), MINIO, {}),
    ],
)
def test_a_uri_means_what_it_leads_to(source: Source, settings: Settings, origin: dict[str, str]) -> None:
    assert origin_of(source, settings) == origin


def test_models_of_one_bucket_whose_secrets_may_name_other_servers_share_nothing() -> None:
    def wanted(secret: str) -> str:
        asked = model(model={"uri": S3, "secretRef": {"name": secret}}, target="cpu")
        return candidates(asked, SETTINGS)["cpu"].wanted.name

    assert wanted("one") != wanted("two")


def test_an_artifact_is_stored_under_the_digest_that_its_model_wants() -> None:
    asked = model(model={"uri": S3, "secretRef": {"name": "one"}}, target="cpu")
    wanted = candidates(asked, MINIO)["cpu"].wanted
    made = built(asked, wanted, "claim")
    body = {**made, "metadata": {**made["metadata"], "uid": "u"}}
    assert parse_artifact(body, MINIO).digest == wanted.digest
