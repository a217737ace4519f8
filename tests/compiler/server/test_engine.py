"""Batches of requests run through real TorchScript buckets of a published artifact."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from neuron_artifact import Backend, Bucket, Input, Manifest, Output, Publication
from neuron_serving.engine import Engine
from neuron_serving.loading import load
from neuron_serving.tensors import Array, RefusedError

VOCABULARY = 50
WIDTH = 6
DIGEST = "a" * 32


class Encoder(torch.nn.Module):  # type: ignore[misc]
    """A small attention model: what a token becomes depends on all tokens that the mask lets through.

    input_ids, attention_mask [batch, sequence] -> last_hidden_state [batch, sequence, 6].
    """

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.layer = torch.nn.TransformerEncoderLayer(WIDTH, 2, 12, dropout=0.0, batch_first=True)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.layer(self.table(input_ids), src_key_padding_mask=attention_mask == 0),)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder()
    encoder.eval()
    return encoder


@pytest.fixture(scope="module")
def artifact(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """The encoder compiled for two rows of 4 and of 8 tokens, with int32 inputs as on Neuron."""
    store = tmp_path_factory.mktemp("store")
    buckets = tuple(Bucket(f"b2_s{s}", 2, {"sequence": s}, f"buckets/b2_s{s}/model.pt") for s in (4, 8))
    manifest = Manifest(
        digest=DIGEST,
        created_at="2026-01-01T00:00:00Z",
        request={},
        revision=None,
        family="cpu",
        task="feature-extraction",
        pooling=None,
        architecture="Encoder",
        wrapper="Encoder",
        settings={},
        backend=Backend("torchscript", "fp32"),
        verification="Done",
        baseline={},
        versions={"torch": torch.__version__},
        inputs=tuple(
            Input(name, "INT64", ("sequence",), "INT32") for name in ("input_ids", "attention_mask")
        ),
        outputs=(Output("last_hidden_state", "FP32", ("sequence", WIDTH)),),
        pad_values={"input_ids": 0, "attention_mask": 0},
        buckets=buckets,
        parity=None,
        benchmark=None,
        seconds={},
        labels=None,
    )
    with Publication(store, DIGEST, "test") as publication:
        for bucket in buckets:
            path = publication.path / bucket.path
            path.parent.mkdir(parents=True)
            example = torch.ones(bucket.batch, bucket.axes["sequence"], dtype=torch.int32)
            traced = torch.jit.trace(encoder, (example, example), check_trace=False)
            torch.jit.save(traced, str(path))
        (publication.path / "tokenizer").mkdir()
        (publication.path / "tokenizer/config.json").write_text(json.dumps({"vocab_size": VOCABULARY}))
        return publication.publish(manifest), manifest


@pytest.fixture(scope="module")
def engine(artifact: tuple[Path, Manifest]) -> Engine:
    directory, manifest = artifact
    return load(directory, manifest, {}, threads=1)


def request(*rows: Sequence[int]) -> dict[str, Array]:
    return {"input_ids": np.array(rows, dtype=np.int64)}


def eager(encoder: Encoder, asked: dict[str, Array]) -> Array:
    tokens = torch.from_numpy(asked["input_ids"])
    mask = torch.from_numpy(asked.get("attention_mask", np.ones_like(asked["input_ids"])))
    with torch.inference_mode():
        (output,) = encoder(tokens, mask)
    found: Array = output.numpy()
    return found


@pytest.mark.parametrize(
    "batch",
    [
        [request([1])],
        [request([1, 2, 3, 4])],
        [request([1, 2, 3, 4, 5])],
        [request([1, 2, 3], [4, 5, 6], [7, 8, 9])],
        [request([1, 2]), request([3, 4, 5, 6, 7, 8]), request([9])],
        [request([1, 2], [3, 4], [5, 6]), request([7, 8, 9]), request([1] * 8)],
    ],
)
def test_every_request_gets_what_eager_mode_computes_for_it_alone(
    encoder: Encoder, engine: Engine, batch: list[dict[str, Array]]
) -> None:
    for asked, answer in zip(batch, engine.run(batch), strict=True):
        assert isinstance(answer, dict), answer
        expected = eager(encoder, asked)
        assert answer["last_hidden_state"].dtype == np.float32
        assert answer["last_hidden_state"].shape == expected.shape
        assert np.allclose(answer["last_hidden_state"], expected, atol=1e-5)


def test_a_refused_request_does_not_disturb_its_batch(encoder: Encoder, engine: Engine) -> None:
    batch = [request([1, 2]), request([1] * 9), request([VOCABULARY]), request([3, 4])]
    first, too_long, unknown, last = engine.run(batch)
    assert isinstance(too_long, RefusedError)
    assert "at most 8" in str(too_long)
    assert isinstance(unknown, RefusedError)
    for asked, answer in ((batch[0], first), (batch[3], last)):
        assert isinstance(answer, dict)
        assert np.allclose(answer["last_hidden_state"], eager(encoder, asked), atol=1e-5)


def test_a_call_that_fails_takes_only_its_own_requests_with_it(engine: Engine) -> None:
    def failing(arguments: Sequence[Array]) -> Sequence[Array]:
        raise RuntimeError("the device is gone")

    broken = Engine(engine.signature, engine.shapes, engine.costs, (engine.buckets[0], failing))
    short, long = broken.run([request([1, 2]), request([1] * 7)])
    assert isinstance(short, dict)
    assert isinstance(long, RuntimeError)


def test_the_limits_come_from_the_models_own_configuration(engine: Engine) -> None:
    assert engine.signature.sizes == ((4,), (8,))
    assert {feature.name: feature.count for feature in engine.signature.inputs} == {
        "input_ids": VOCABULARY,
        "attention_mask": 2,
    }
