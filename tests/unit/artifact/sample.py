"""A small artifact to publish."""

from pathlib import Path

from neuron_artifact import (
    Backend,
    Benchmark,
    Bucket,
    Candidate,
    Input,
    Manifest,
    Measurement,
    Output,
    Parity,
)

MEASURED = Measurement("b1_s128", 1, 10.0, 11.0, 12.5, 98.0, 49.0)
DIGEST = "0123456789abcdef0123456789abcdef"


def small_manifest(digest: str = DIGEST) -> Manifest:
    """A manifest as the compiler hands it to `Publication.publish`: without the list of files."""
    return Manifest(
        digest=digest,
        created_at="2026-01-02T03:04:05Z",
        request={"digest": digest, "target": "cpu", "model": {"uri": "pvc://models/gpt2"}},
        revision=None,
        family="cpu",
        task="feature-extraction",
        pooling=None,
        architecture="GPT2Model",
        wrapper="TokenFeatures",
        settings={"use_cache": False},
        backend=Backend(
            "inductor", "matmult-bf16", ("avx2",), (Candidate("inductor", "matmult-bf16", 90.5, 0.01, True),)
        ),
        verification="Done",
        baseline={},
        versions={"python": "3.11.2", "torch": "2.13.0"},
        inputs=(
            Input("input_ids", "INT64", ("sequence",)),
            Input("attention_mask", "INT64", ("sequence",), "INT32"),
        ),
        outputs=(Output("last_hidden_state", "FP32", ("sequence", 768)),),
        pad_values={"input_ids": 50256, "attention_mask": 0},
        buckets=(Bucket("b1_s128", 1, {"sequence": 128}, "buckets/b1_s128/model.pt"),),
        parity=Parity(True, "MaxAbs", 1e-6, 1e-4, 1e-6, 2e-6, 1.0),
        benchmark=Benchmark(MEASURED, 2.0, 0.75, 0.25, True, (MEASURED,)),
        seconds={"fetch": 0.5, "compile": 3.25},
        labels=("negative", "positive"),
    )


def fill(directory: Path) -> None:
    """The files of a small artifact."""
    (directory / "buckets/b1_s128").mkdir(parents=True)
    (directory / "buckets/b1_s128/model.pt").write_bytes(b"model" * 1000)
    (directory / "tokenizer").mkdir()
    (directory / "tokenizer/vocab.json").write_text('{"a": 0}')
