"""Doors in front of compiled models, against transformers' own pipelines in eager mode."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from compiler import models
from neuron_artifact import Manifest
from neuron_serving.doors.door import NONE, Door
from neuron_serving.doors.face import kind_of
from neuron_serving.doors.opening import open_door
from neuron_serving.doors.pixels import pixel_values
from neuron_serving.engine import Engine
from neuron_serving.loading import load
from neuron_serving.tensors import Array, RefusedError
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoTokenizer,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForTokenClassification,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessor,
    pipeline,
)

Publish = Callable[..., tuple[Path, Manifest]]
TEXTS = ("a cat", "the dog sat on the mat")


@dataclass(frozen=True)
class Served:
    """A door and the model behind it, without a server between them."""

    door: Door
    engine: Engine

    def ask(self, truncation: bool = False, parameters: Any = NONE, **request: list[Any]) -> dict[str, Array]:
        """The answer to BYTES inputs, each given as a list of rows."""
        given = {name: column(rows) for name, rows in request.items()}
        question = self.door.ask(given, truncation, parameters)
        results = self.engine.run([part.tensors for part in question.parts])
        assert all(isinstance(result, dict) for result in results), results
        answer = self.door.answer(question, results)  # type: ignore[arg-type]
        assert set(answer) == {output.name for output in self.door.face.outputs}
        return answer


def column(rows: list[Any]) -> Array:
    encoded = [row.encode() if isinstance(row, str) else row for row in rows]
    return np.array(encoded, dtype=np.object_)[:, None]


@pytest.fixture
def serve(publish: Publish) -> Callable[..., Served]:
    def run(source: Path, task: str, **changes: Any) -> Served:
        directory, manifest = publish(source, model__task=task, **changes)
        assert kind_of(directory, manifest) is not None
        return Served(open_door(directory, manifest), load(directory, manifest, {}, threads=1))

    return run


Serve = Callable[..., Served]


def words(array: Array) -> list[str]:
    return [item.decode() for item in array.reshape(-1)]


def test_texts_and_pairs_get_the_pipelines_labels_and_scores(serve: Serve, tmp_path: Path) -> None:
    source = models.bert_classifier(tmp_path / "source")
    served = serve(source, "text-classification")
    eager = pipeline("text-classification", str(source), top_k=None)
    for asked, expected in (
        ({"text": list(TEXTS)}, eager(list(TEXTS))),
        (
            {"text": list(TEXTS), "text_pair": ["the mat", "a dog"]},
            eager(
                [
                    {"text": one, "text_pair": two}
                    for one, two in zip(TEXTS, ["the mat", "a dog"], strict=True)
                ]
            ),
        ),
    ):
        answer = served.ask(False, **asked)
        best = [max(scores, key=lambda each: each["score"]) for scores in expected]
        assert words(answer["label"]) == [each["label"] for each in best]
        assert np.allclose(answer["score"][:, 0], [each["score"] for each in best], atol=1e-5)
        for row, scores in zip(answer["scores"], expected, strict=True):
            by_label = {each["label"]: each["score"] for each in scores}
            assert np.allclose(row, [by_label[label] for label in served.door.face.labels], atol=1e-5)


def test_labels_that_do_not_exclude_one_another_have_a_probability_each(serve: Serve, tmp_path: Path) -> None:
    source = models.bert_classifier(tmp_path / "source")
    models.change_config(source, problem_type="multi_label_classification")
    answer = serve(source, "text-classification").ask(text=["a cat"])
    (expected,) = pipeline("text-classification", str(source), top_k=None)(["a cat"])
    assert np.allclose(sorted(answer["scores"][0]), sorted(each["score"] for each in expected), atol=1e-5)


def test_a_sentence_vector_is_the_models_own(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    source = models.sentence_bert(tmp_path / "source")
    answer = serve(source, "feature-extraction").ask(text=list(TEXTS))
    tokenizer, eager = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).eval()
    for text, vector in zip(TEXTS, answer["embedding"], strict=True):
        with torch.inference_mode():
            mean = eager(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(1)
        expected = torch.nn.functional.normalize(mean, dim=1)[0].numpy()
        assert np.allclose(vector, expected, atol=1e-5)


def test_the_vectors_of_a_texts_own_tokens_are_told_from_padding(serve: Serve, tmp_path: Path) -> None:
    source = models.gpt2(tmp_path / "source")
    answer = serve(source, "feature-extraction").ask(text=["cat", "a dog sat"])
    tokenizer, eager = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).eval()
    assert answer["token_count"].tolist() == [[3], [9]]
    for text, states in zip(["cat", "a dog sat"], answer["last_hidden_state"], strict=True):
        tokens = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            expected = eager(**tokens).last_hidden_state[0].numpy()
        assert np.allclose(states[: len(expected)], expected, atol=1e-4)
        assert not states[len(expected) :].any()


def test_entities_are_those_of_the_pipeline(serve: Serve, tmp_path: Path) -> None:
    tags = {0: "O", 1: "B-ANIMAL", 2: "B-PLACE"}
    (tmp_path / "source").mkdir()
    source = models.bert_for(
        BertForTokenClassification,
        tmp_path / "source",
        id2label=tags,
        label2id={name: index for index, name in tags.items()},
    )
    found = serve(source, "token-classification").ask(text=list(TEXTS))["entities"]
    expected = pipeline("token-classification", str(source))(list(TEXTS))
    for got, wanted in zip(words(found), expected, strict=True):
        entities = json.loads(got)
        assert [(each["token"], each["label"], each["start"], each["end"]) for each in entities] == [
            (each["word"], each["entity"], each["start"], each["end"]) for each in wanted
        ]
        assert np.allclose([e["score"] for e in entities], [e["score"] for e in wanted], atol=1e-5)


def test_an_answer_is_a_span_of_the_context(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    source = models.bert_for(BertForQuestionAnswering, tmp_path / "source")
    served = serve(source, "question-answering")
    context = "the dog sat on the mat"
    answer = served.ask(text=["a cat"], text_pair=[context])
    (start,), (end,) = answer["start"].tolist(), answer["end"].tolist()
    assert words(answer["answer"]) == [context[start[0] : end[0]]]
    best = served.ask(text=["a cat"], text_pair=[context], parameters={"top_k": 3})
    assert best["answer"].shape == (1, 3)
    assert best["start"][0, 0] == start[0]
    with pytest.raises(RefusedError, match="text_pair is missing"):
        served.ask(text=["a cat"])


@pytest.mark.parametrize(
    ("task", "parameters", "says"),
    [
        ("text-classification", {"candidate_labels": ["a", "b"]}, "candidate_labels is not carried out"),
        ("text-classification", {"aggregation_strategy": "first"}, "it takes function_to_apply"),
        ("text-classification", {"max_length": 8}, "max_length is not carried out"),
        ("feature-extraction", {"normalize": True}, "normalize is not carried out"),
    ],
)
def test_a_pipelines_parameter_that_would_change_the_answer_is_never_ignored(
    serve: Serve, tmp_path: Path, task: str, parameters: dict[str, Any], says: str
) -> None:
    served = serve(models.bert_classifier(tmp_path / "source"), task)
    with pytest.raises(RefusedError, match=says):
        served.ask(text=["a cat"], parameters=parameters)
    assert served.ask(text=["a cat"], parameters={"priority": 3, "max_length": None})


def test_a_masked_word_is_filled_as_the_pipeline_does(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    source = models.bert_for(BertForMaskedLM, tmp_path / "source", tie_word_embeddings=True)
    tokenizer = AutoTokenizer.from_pretrained(source)
    served = serve(source, "fill-mask")
    answer = served.ask(text=["the [MASK] sat"])
    tokens = tokenizer("the [MASK] sat", return_tensors="pt")
    with torch.inference_mode():
        logits = BertForMaskedLM.from_pretrained(source).eval()(**tokens).logits[0]
    place = tokens["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    expected = torch.softmax(logits[place], 0).topk(5)
    assert np.allclose(answer["scores"][0], expected.values.numpy(), atol=1e-5)
    assert words(answer["tokens"]) == [tokenizer.decode([word]).strip() for word in expected.indices.tolist()]
    with pytest.raises(RefusedError, match=r"holds 0 masks: write \[MASK\] exactly once"):
        served.ask(text=["the cat sat"])


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"text": ["cat " * 40]}, "Row 0 has 42 tokens, and this model is compiled for at most 16"),
        ({"text": ["a", " "]}, "Row 1 of text is empty"),
        ({"text": [b"\xff\xfe"]}, "Row 0 of text is not UTF-8"),
        ({"text": ["a"] * 65}, "65 rows"),
        ({"text": ["a", "b"], "text_pair": ["a"]}, "2 rows and text_pair 1"),
        ({"text_pair": ["a"]}, "text is missing"),
    ],
)
def test_what_is_no_text_to_compute_is_refused_with_a_sentence(
    serve: Serve, tmp_path: Path, request_: dict[str, list[Any]], says: str
) -> None:
    served = serve(models.bert_classifier(tmp_path / "source"), "text-classification")
    with pytest.raises(RefusedError, match=says):
        served.ask(False, **request_)


def test_a_text_that_is_too_long_is_cut_where_that_is_asked_for(serve: Serve, tmp_path: Path) -> None:
    source = models.bert_classifier(tmp_path / "source")
    answer = serve(source, "text-classification").ask(truncation=True, text=["cat " * 40])
    tokens = AutoTokenizer.from_pretrained(source)(
        "cat " * 40, truncation=True, max_length=16, return_tensors="pt"
    )
    eager = pipeline("text-classification", str(source)).model
    with torch.inference_mode():
        expected = torch.softmax(eager(**tokens).logits, 1)
    assert np.allclose(answer["scores"], expected.numpy(), atol=1e-5)


def picture(width: int, height: int, form: str) -> bytes:
    generator = np.random.default_rng(width)
    spots = Image.fromarray(generator.integers(0, 255, (8, 8, 3), dtype=np.uint8))
    stream = io.BytesIO()
    spots.resize((width, height), Image.Resampling.BICUBIC).save(stream, form)
    return stream.getvalue()


@pytest.fixture
def resnet(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    torch.manual_seed(0)
    names = {0: "cat", 1: "dog", 2: "ship"}
    config = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    ResNetForImageClassification(config).save_pretrained(source)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(source)
    return source


def test_pictures_get_the_labels_of_the_eager_model_and_its_processor(serve: Serve, resnet: Path) -> None:
    served = serve(resnet, "image-classification", compile__sequenceLengths=[])
    files = [picture(32, 32, "PNG"), picture(100, 60, "JPEG"), picture(20, 50, "WEBP")]
    answer = served.ask(image=files)
    processor = AutoImageProcessor.from_pretrained(resnet)
    eager = ResNetForImageClassification.from_pretrained(resnet).eval()
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    with torch.inference_mode():
        logits = eager(**processor(pictures, return_tensors="pt")).logits
    expected = torch.softmax(logits, 1).numpy()
    assert np.allclose(answer["scores"], expected, atol=1e-5)
    assert words(answer["label"]) == [served.door.face.labels[index] for index in expected.argmax(1)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        picture(32, 32, "PNG")[:60],
        picture(32, 32, "GIF"),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(serve: Serve, resnet: Path, content: bytes) -> None:
    served = serve(resnet, "image-classification", compile__sequenceLengths=[])
    with pytest.raises(RefusedError, match="Row 1 is no picture that can be read"):
        served.ask(image=[picture(32, 32, "PNG"), content])


def test_a_picture_is_cropped_in_the_middle_as_torchvision_does() -> None:
    from torchvision import transforms

    processor = {
        "size": {"shortest_edge": 40},
        "crop_size": {"height": 32, "width": 32},
        "do_center_crop": True,
        "resample": 2,
        "rescale_factor": 1 / 255,
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.3, 0.4],
    }
    image = Image.open(io.BytesIO(picture(90, 61, "PNG"))).convert("RGB")
    expected = transforms.Compose(
        [
            transforms.Resize(40),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
        ]
    )(image)
    assert np.allclose(pixel_values(image, processor), expected.numpy(), atol=1e-5)
