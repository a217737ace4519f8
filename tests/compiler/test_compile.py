"""Real models through the whole compiling process, against transformers called as its documentation says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models, requests
from compiler.conftest import Compiled
from neuron_compiler.concurrency import compile_apart
from neuron_compiler.failure import CompileError
from neuron_compiler.progress import Progress
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

Compile = Callable[..., Compiled]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty directory for a model."""
    path = tmp_path / "source"
    path.mkdir()
    return path


def padded(compiled: Compiled, directory: Path, sequence: int, *texts: Any) -> tuple[torch.Tensor, ...]:
    """The tokens of two texts (or pairs) in the order of the manifest, padded as a server pads them."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    rows = [tokenizer(*text) if isinstance(text, tuple) else tokenizer(text) for text in texts]
    result = []
    for tensor in compiled.facts["inputs"]:
        name = tensor["name"]
        pad = compiled.facts["padValues"][name]
        result.append(torch.tensor([row[name] + [pad] * (sequence - len(row[name])) for row in rows]))
    return tuple(result)


def run(compiled: Compiled, sequence: int, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    module = torch.jit.load(str(compiled.directory / f"buckets/b2_s{sequence}/model.pt"))
    with torch.inference_mode():
        outputs = module(*inputs)
    assert isinstance(outputs, tuple)
    assert len(outputs) == 1
    return outputs[0]


def test_features_of_gpt2_equal_those_of_each_text_alone(compile_model: Compile, source: Path) -> None:
    compiled = compile_model(models.gpt2(source))
    texts = ("a cat", "the dog sat on")
    inputs = padded(compiled, compiled.directory / "tokenizer", 16, *texts)
    outputs = run(compiled, 16, inputs)
    assert outputs.shape == (2, 16, 16)
    tokenizer, eager = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).eval()
    for row, text in enumerate(texts):
        alone = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            expected = eager(**alone).last_hidden_state[0]
        torch.testing.assert_close(outputs[row, : len(expected)], expected, atol=1e-5, rtol=1e-5)


def test_the_manifest_tells_gpt2s_inputs_outputs_and_padding(compile_model: Compile, source: Path) -> None:
    facts = compile_model(models.gpt2(source)).facts
    names = [(tensor["name"], tensor["dtype"], tensor["traceDtype"]) for tensor in facts["inputs"]]
    assert names == [("input_ids", "INT64", None), ("attention_mask", "INT64", None)]
    assert facts["outputs"] == [{"name": "last_hidden_state", "dtype": "FP32", "dims": ("sequence", 16)}]
    assert facts["padValues"] == {"input_ids": 299, "attention_mask": 0}
    assert [bucket["name"] for bucket in facts["buckets"]] == ["b2_s8", "b2_s16"]
    assert (facts["labels"], facts["benchmark"]) == (None, None)
    assert facts["parity"]["passed"]
    assert facts["versions"]["torch"] == torch.__version__


def test_buckets_compiled_at_a_time_are_those_compiled_one_after_another(
    compile_model: Compile, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = compile_model(models.gpt2(source))
    monkeypatch.setenv(
        "COMPILE_REQUEST",
        requests.text(compile__batchSizes=[2], compile__sequenceLengths=[8, 16], benchmark__seconds=0),
    )
    apart = tmp_path / "apart"
    made = Progress("compile", "buckets", 2)
    compile_apart(source, apart, ("torchscript", "fp32"), ("b2_s16", "b2_s8"), 2, made)
    inputs = padded(compiled, compiled.directory / "tokenizer", 16, "a cat", "the dog sat on")
    again = Compiled(compiled.facts, apart, [])
    torch.testing.assert_close(run(again, 16, inputs), run(compiled, 16, inputs), atol=0, rtol=0)


def test_pairs_are_classified_as_transformers_does(compile_model: Compile, source: Path) -> None:
    compiled = compile_model(models.bert_classifier(source), model__task="text-classification")
    assert compiled.facts["labels"] == ("negative", "positive")
    assert [tensor["name"] for tensor in compiled.facts["inputs"]] == [
        "input_ids",
        "attention_mask",
        "token_type_ids",
    ]
    pairs = (("a cat", "the dog"), ("the cat sat on the mat", "a dog"))
    logits = run(compiled, 16, padded(compiled, compiled.directory / "tokenizer", 16, *pairs))
    tokenizer = AutoTokenizer.from_pretrained(source)
    eager = AutoModelForSequenceClassification.from_pretrained(source).eval()
    for row, pair in enumerate(pairs):
        with torch.inference_mode():
            expected = eager(**tokenizer(*pair, return_tensors="pt")).logits[0]
        torch.testing.assert_close(logits[row], expected, atol=1e-5, rtol=1e-5)


def test_single_texts_are_classified_by_the_same_artifact(compile_model: Compile, source: Path) -> None:
    compiled = compile_model(models.bert_classifier(source), model__task="text-classification")
    logits = run(compiled, 8, padded(compiled, compiled.directory / "tokenizer", 8, "a cat", "the dog sat"))
    tokenizer = AutoTokenizer.from_pretrained(source)
    eager = AutoModelForSequenceClassification.from_pretrained(source).eval()
    with torch.inference_mode():
        expected = eager(**tokenizer("the dog sat", return_tensors="pt")).logits[0]
    torch.testing.assert_close(logits[1], expected, atol=1e-5, rtol=1e-5)


def test_a_sentence_model_gives_normalised_means_whatever_the_padding(
    compile_model: Compile, source: Path
) -> None:
    compiled = compile_model(models.sentence_bert(source))
    assert compiled.facts["outputs"] == [{"name": "embedding", "dtype": "FP32", "dims": (16,)}]
    texts = ("a cat", "the dog sat on")
    vectors = [
        run(compiled, n, padded(compiled, compiled.directory / "tokenizer", n, *texts)) for n in (8, 16)
    ]
    torch.testing.assert_close(vectors[0], vectors[1], atol=1e-5, rtol=1e-5)
    tokenizer, eager = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).eval()
    with torch.inference_mode():
        mean = eager(**tokenizer(texts[0], return_tensors="pt")).last_hidden_state[0].mean(0)
    torch.testing.assert_close(vectors[0][0], mean / mean.norm(), atol=1e-5, rtol=1e-5)


def test_pooling_that_was_asked_for_is_not_normalised(compile_model: Compile, source: Path) -> None:
    compiled = compile_model(models.sentence_bert(source), model__pooling="Cls")
    vectors = run(compiled, 8, padded(compiled, compiled.directory / "tokenizer", 8, "a cat", "a dog"))
    tokenizer, eager = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).eval()
    with torch.inference_mode():
        expected = eager(**tokenizer("a cat", return_tensors="pt")).last_hidden_state[0, 0]
    torch.testing.assert_close(vectors[0], expected, atol=1e-5, rtol=1e-5)


def test_a_model_without_a_tokenizer_is_compiled_for_tensors(compile_model: Compile, source: Path) -> None:
    compiled = compile_model(models.distilbert(source))
    assert [tensor["name"] for tensor in compiled.facts["inputs"]] == ["input_ids", "attention_mask"]
    assert [path.name for path in (compiled.directory / "tokenizer").iterdir()] == ["config.json"]


def test_the_benchmark_measures_every_bucket_and_reports_the_longest(
    compile_model: Compile, source: Path
) -> None:
    compiled = compile_model(models.gpt2(source), benchmark__seconds=0.2)
    result = compiled.facts["benchmark"]
    assert result["bucket"] == "b2_s16"
    assert 0 < result["p50Milliseconds"] <= result["p90Milliseconds"] <= result["p99Milliseconds"]
    ratio = result["throughputPerSecond"] / result["cpuBaselinePerSecond"]
    assert result["speedUp"] == pytest.approx(ratio, rel=0.01)
    assert compiled.steps.count("benchmark") == 4
    assert set(compiled.facts["seconds"]) == {"compile", "parity", "benchmark"}


def test_parity_may_be_skipped(compile_model: Compile, source: Path) -> None:
    assert compile_model(models.gpt2(source), parity__policy="Skip").facts["parity"] is None


class Doubled(torch.nn.Module):  # type: ignore[misc]
    """A compiler's mistake: everything comes out twice as large."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(2 * output for output in self.module(*tensors))


@pytest.fixture
def wrong_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU backend compiles another module than it was given."""
    from neuron_compiler.backends.torchscript import TorchScriptBackend

    right = TorchScriptBackend.compile

    def wrong(
        self: TorchScriptBackend, module: torch.nn.Module, example: tuple[torch.Tensor, ...], path: Path
    ) -> None:
        right(self, Doubled(module).eval(), example, path)

    monkeypatch.setattr(TorchScriptBackend, "compile", wrong)


@pytest.mark.usefixtures("wrong_compiler")
@pytest.mark.parametrize("metric", ["MaxAbs", "MaxRel"])
def test_a_model_that_computes_something_else_is_blocked(
    compile_model: Compile, source: Path, metric: str
) -> None:
    with pytest.raises(CompileError, match=f"{metric} is") as caught:
        compile_model(models.gpt2(source), parity__metric=metric)
    assert (caught.value.reason, caught.value.exit_code) == ("ParityFailed", 10)
    assert caught.value.parity is not None
    assert caught.value.parity.max_rel == pytest.approx(1.0)


@pytest.mark.usefixtures("wrong_compiler")
def test_with_the_policy_warn_the_difference_is_only_told(compile_model: Compile, source: Path) -> None:
    verdict = compile_model(models.gpt2(source), parity__policy="Warn").facts["parity"]
    assert not verdict["passed"]
    assert verdict["value"] > verdict["tolerance"]


@pytest.mark.usefixtures("wrong_compiler")
def test_a_cosine_does_not_see_a_change_of_length(compile_model: Compile, source: Path) -> None:
    verdict = compile_model(models.gpt2(source), parity__metric="Cosine").facts["parity"]
    assert verdict["passed"]
    assert verdict["maxRel"] == pytest.approx(1.0)
