"""What a model's own library answers, called in the shortest way that its documentation shows.

Written apart from the compiler's own gate on answers, so that a mistake in the gate shows. Questions are the
exception: transformers 5 answers none, and what the gate makes of their logits is held against answers of
transformers 4 by a test of its own.
"""

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from neuron_compiler.answers.libraries.questions import best_span
from PIL import Image
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, pipeline

TEXTS = ("a good day", "The Dog sat on the mat, by the sea!", "what is it? it's 東京 naïve café 😀")
PAIRS = ("who sat on the mat?", "where?"), ("The dog sat on the mat.", "By the sea, in Tokyo.")

Answer = Mapping[str, Any]


class Known:
    """A library with its model; `answer` takes one row's inputs and returns what is compared."""

    def __init__(
        self, answer: Callable[[Mapping[str, bytes]], Answer], mask: str = "", pairs: bool = False
    ) -> None:
        self.answer = answer
        self.mask = mask
        self.pairs = pairs


def of(task: str, source: Path, labels: Sequence[str]) -> Known:
    """The library of a task for the model in a directory."""
    if task == "image-classification":
        return _pictures(source, labels)
    if task == "feature-extraction":
        return _features(source)
    if task == "question-answering":
        return _questions(source)
    pipe = pipeline(task, model=str(source), device=-1, dtype=torch.float32)

    def classes(row: Mapping[str, bytes]) -> Answer:
        given: Any = row["text"].decode()
        if "text_pair" in row:
            given = {"text": given, "text_pair": row["text_pair"].decode()}
        return {"scores": {each["label"]: each["score"] for each in pipe(given, top_k=None)}}

    def entities(row: Mapping[str, bytes]) -> Answer:
        found = pipe(row["text"].decode())
        return {
            "entities": [(each["entity"], each["start"], each["end"], float(each["score"])) for each in found]
        }

    def words(row: Mapping[str, bytes]) -> Answer:
        return {"words": [each["score"] for each in pipe(row["text"].decode(), top_k=5)]}

    if task == "text-classification":
        return Known(classes, pairs=True)
    if task == "token-classification":
        return Known(entities)
    return Known(words, mask=pipe.tokenizer.mask_token)


def requests(task: str, known: Known) -> Iterator[dict[str, list[bytes]]]:
    """What is asked: several rows of unequal lengths at once, then pairs where there are any."""
    if task == "image-classification":
        yield {"image": [_file(320, 180, "PNG"), _file(150, 260, "JPEG")]}
        yield {"image": [_file(64, 64, "WEBP")]}
        return
    if task != "question-answering":
        mark = f"{known.mask} " if known.mask else ""
        yield {"text": [f"{mark}{text}".encode() for text in TEXTS]}
    if known.pairs:
        yield {
            "text": [text.encode() for text in PAIRS[0]],
            "text_pair": [text.encode() for text in PAIRS[1]],
        }


def distance(wanted: Answer, outputs: Mapping[str, Any], labels: Sequence[str]) -> float:
    """The largest difference relative to the largest number; infinite where more than numbers differ."""
    if "scores" in wanted:
        found = dict(zip(labels, outputs["scores"].tolist(), strict=True))
        if found.keys() != wanted["scores"].keys():
            return math.inf
        names = sorted(found)
        return _off([wanted["scores"][name] for name in names], [found[name] for name in names])
    if "entities" in wanted:
        said = json.loads(outputs["entities"][0])
        places = [(each["label"], each["start"], each["end"]) for each in said]
        if places != [each[:3] for each in wanted["entities"]]:
            return math.inf
        return _off([each[3] for each in wanted["entities"]], [each["score"] for each in said])
    if "words" in wanted:
        return _off(wanted["words"], outputs["scores"])
    if "span" in wanted:
        found = wanted["span"].compare(outputs, labels)
        return math.inf if found.wrong is not None else float(found.numbers.max_rel)
    if "vector" in wanted:
        return _off(wanted["vector"], outputs["embedding"]) if "embedding" in outputs else math.inf
    if "last_hidden_state" not in outputs or int(outputs["token_count"][0]) != len(wanted["tokens"]):
        return math.inf
    return _off(wanted["tokens"], outputs["last_hidden_state"][: len(wanted["tokens"])])


def _off(wanted: Any, found: Any) -> float:
    left, right = (np.asarray(values, dtype=np.float64).ravel() for values in (wanted, found))
    if left.shape != right.shape:
        return math.inf
    if not len(left):
        return 0.0
    return float(np.abs(left - right).max() / max(1e-9, np.abs(left).max()))


def _features(source: Path) -> Known:
    if (source / "modules.json").is_file():
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(source), device="cpu")
        return Known(lambda row: {"vector": model.encode([row["text"].decode()], show_progress_bar=False)[0]})
    pipe = pipeline("feature-extraction", model=str(source), device=-1, dtype=torch.float32)
    return Known(lambda row: {"tokens": pipe(row["text"].decode(), return_tensors=True)[0].numpy()})


def _questions(source: Path) -> Known:
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForQuestionAnswering.from_pretrained(source, dtype=torch.float32).eval()
    question_first = tokenizer.padding_side == "right"

    def answer(row: Mapping[str, bytes]) -> Answer:
        question, context = row["text"].decode(), row["text_pair"].decode()
        texts = (question, context) if question_first else (context, question)
        encoded = tokenizer(*texts, return_tensors="pt")
        with torch.inference_mode():
            made = model(**encoded)
        start, end = made["start_logits"][0], made["end_logits"][0]
        none, place = tokenizer.cls_token_id, int(question_first)
        return {"span": best_span(start, end, encoded.encodings[0], context, place, none, tie=2e-3)}

    return Known(answer, pairs=True)


def _pictures(source: Path, labels: Sequence[str]) -> Known:
    config = json.loads((source / "config.json").read_text())
    if "model_type" in config:
        pipe = pipeline("image-classification", model=str(source), device=-1, dtype=torch.float32)
        count = int(pipe.model.config.num_labels)

        def answer(row: Mapping[str, bytes]) -> Answer:
            found = pipe(Image.open(io.BytesIO(row["image"])), top_k=count)
            return {"scores": {each["label"]: each["score"] for each in found}}

        return Known(answer)
    import timm
    from timm.data import create_transform, resolve_model_data_config

    network = timm.create_model(f"local-dir:{source}", pretrained=True).eval()
    transform = create_transform(**resolve_model_data_config(network), is_training=False)

    def probabilities(row: Mapping[str, bytes]) -> Answer:
        picture = Image.open(io.BytesIO(row["image"])).convert("RGB")
        with torch.inference_mode():
            scores = network(transform(picture).unsqueeze(0))[0].softmax(-1).tolist()
        return {"scores": dict(zip(labels, scores, strict=True))}

    return Known(probabilities)


def _file(width: int, height: int, kind: str) -> bytes:
    random = np.random.default_rng(width)
    spots = Image.fromarray(random.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    spots.resize((width, height), Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()
