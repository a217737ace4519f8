"""Manifests that several tests start from."""

from neuron_artifact import Backend, Bucket, Input, Manifest, Output


def manifest(batch: int = 1, sequences: tuple[int, ...] = (128,), family: str = "cpu") -> Manifest:
    """GPT-2's manifest, with one bucket for each sequence length."""
    buckets = (
        Bucket(f"b{batch}_s{s}", batch, {"sequence": s}, f"buckets/b{batch}_s{s}/model.pt") for s in sequences
    )
    return Manifest(
        digest="0" * 32,
        created_at="2026-01-01T00:00:00Z",
        request={},
        revision=None,
        family=family,
        task="feature-extraction",
        pooling=None,
        architecture="GPT2Model",
        wrapper="TokenFeatures",
        settings={},
        backend=Backend("torchscript", "fp32"),
        verification="Done",
        baseline={},
        versions={"torch": "2.13.0"},
        inputs=tuple(Input(name, "INT64", ("sequence",)) for name in ("input_ids", "attention_mask")),
        outputs=(Output("last_hidden_state", "FP32", ("sequence", 768)),),
        pad_values={"input_ids": 50256, "attention_mask": 0},
        buckets=tuple(buckets),
        parity=None,
        benchmark=None,
        seconds={},
        labels=None,
    )


def sentence_manifest() -> Manifest:
    """MiniLM's manifest: three inputs, one vector for each text, batches of four."""
    return Manifest(
        digest="1" * 32,
        created_at="2026-01-01T00:00:00Z",
        request={},
        revision=None,
        family="neuronx",
        task="feature-extraction",
        pooling="Mean",
        architecture="BertModel",
        wrapper="TextFeatures",
        settings={},
        backend=Backend("torch_neuronx", "matmult-bf16"),
        verification="Done",
        baseline={},
        versions={"torch": "2.9.0"},
        inputs=tuple(
            Input(name, "INT64", ("sequence",), "INT32")
            for name in ("input_ids", "attention_mask", "token_type_ids")
        ),
        outputs=(Output("embedding", "FP32", (384,)),),
        pad_values={"input_ids": 0, "attention_mask": 0, "token_type_ids": 0},
        buckets=(
            Bucket("b4_s32", 4, {"sequence": 32}, "m.pt"),
            Bucket("b4_s128", 4, {"sequence": 128}, "n.pt"),
        ),
        parity=None,
        benchmark=None,
        seconds={},
        labels=None,
    )


def image_manifest() -> Manifest:
    """ResNet18's manifest: pictures of two sizes, ten labels."""
    return Manifest(
        digest="2" * 32,
        created_at="2026-01-01T00:00:00Z",
        request={},
        revision=None,
        family="cpu",
        task="image-classification",
        pooling=None,
        architecture="ResNet",
        wrapper="ImageLogits",
        settings={},
        backend=Backend("inductor", "matmult-bf16", ("avx2",)),
        verification="Done",
        baseline={},
        versions={"torch": "2.13.0"},
        inputs=(Input("pixel_values", "FP32", (3, "height", "width")),),
        outputs=(Output("logits", "FP32", (10,)),),
        pad_values={},
        buckets=tuple(
            Bucket(f"b1_i{size}", 1, {"height": size, "width": size}, f"{size}.pt2") for size in (32, 64)
        ),
        parity=None,
        benchmark=None,
        seconds={},
        labels=tuple(f"label{index}" for index in range(10)),
    )
