"""transformers on texts: its pipelines, where it has one for the task."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from neuron_serving.tensors import Array
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    pipeline,
)

from neuron_compiler.answers import texts
from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Classes, Entities, Expected, TokenVectors, Vector, Words
from neuron_compiler.answers.libraries.questions import best_span
from neuron_compiler.pretrained import weights
from neuron_compiler.request import Request

_MODELS = {
    "feature-extraction": AutoModel,
    "text-classification": AutoModelForSequenceClassification,
    "token-classification": AutoModelForTokenClassification,
    "question-answering": AutoModelForQuestionAnswering,
    "fill-mask": AutoModelForMaskedLM,
}
_PAIRS = {"question-answering": "Needed", "text-classification": "Possible"}
# Two scores that are closer than this are a tie: which one comes first depends on the order of additions.
_TIE = 1e-3
_WORDS = 40


def open_texts(request: Request, directory: Path) -> _Texts:
    """The model of a directory with the postprocessing of the request's task."""
    kinds: dict[str, Callable[[Request, Path], _Texts]] = {
        "feature-extraction": _Features,
        "text-classification": _Labels,
        "token-classification": _Tokens,
        "question-answering": _Questions,
        "fill-mask": _Masks,
    }
    return kinds[request.model.task](request, directory)


class _Texts(ABC):
    """A model of transformers with its tokenizer."""

    name = f"transformers {transformers.__version__}"

    def __init__(self, request: Request, directory: Path) -> None:
        remote = request.model.trust_remote_code
        self.tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=remote)
        self.lengths = request.options.sequence_lengths
        self.task = request.model.task
        self.pooling = request.model.pooling
        given = self.tokenizer.model_max_length
        # The pipelines take what is no number of tokens for no limit.
        self.own_limit = given if given > 0 else sys.maxsize
        # The pipelines cut at this length where they are told to cut, and some of them at all times.
        self.tokenizer.model_max_length = min(self.own_limit, max(self.lengths))
        self.model = _MODELS[self.task].from_pretrained(directory, trust_remote_code=remote, **weights())
        self.model.eval()

    def examples(self) -> list[Example]:
        """The texts that suit the tokenizer and the lengths that are compiled."""
        mask = self.tokenizer.mask_token if self.task == "fill-mask" else None
        pairs = _PAIRS.get(self.task, "None")
        specials = [str(token) for token in self.tokenizer.all_special_tokens]
        return texts.examples(self.lengths, self._count, specials, mask, pairs)

    def answer(self, example: Example, row: int) -> Expected:
        """The answer to one row."""
        text, pair = example.texts(row)
        with torch.inference_mode():
            return self._answer(text, pair, example.truncation)

    @abstractmethod
    def _answer(self, text: str, pair: str | None, truncation: bool) -> Expected:
        """The answer of the task to one text or pair."""

    def _count(self, text: str, pair: str | None) -> int:
        return len(self.tokenizer(text, pair)["input_ids"])

    def _pipeline(self) -> Any:
        return pipeline(self.task, model=self.model, tokenizer=self.tokenizer, device=-1)


class _Labels(_Texts):
    def __init__(self, request: Request, directory: Path) -> None:
        super().__init__(request, directory)
        self._classify = self._pipeline()

    def _answer(self, text: str, pair: str | None, truncation: bool) -> Expected:
        given = text if pair is None else {"text": text, "text_pair": pair}
        found = self._classify(given, top_k=None, truncation=truncation)
        return Classes(
            tuple(str(each["label"]) for each in found), np.array([each["score"] for each in found])
        )


class _Features(_Texts):
    def __init__(self, request: Request, directory: Path) -> None:
        super().__init__(request, directory)
        self._extract = self._pipeline()

    def _answer(self, text: str, pair: str | None, truncation: bool) -> Expected:
        tensor = self._extract(text, truncation=truncation, return_tensors=True)
        states: Array = tensor[0].numpy()
        if self.pooling == "Mean":
            return Vector(states.mean(0))
        return Vector(states[0]) if self.pooling == "Cls" else TokenVectors(states)


class _Tokens(_Texts):
    def __init__(self, request: Request, directory: Path) -> None:
        super().__init__(request, directory)
        self._tag = self._pipeline()
        self._logits: list[torch.Tensor] = []
        self.model.register_forward_hook(lambda module, given, made: self._logits.append(made["logits"]))

    def _count(self, text: str, pair: str | None) -> int:
        return min(super()._count(text, pair), int(self.own_limit))

    def _answer(self, text: str, pair: str | None, truncation: bool) -> Expected:
        self._logits.clear()
        found = self._tag(text)
        places = tuple((str(each["entity"]), int(each["start"]), int(each["end"])) for each in found)
        return Entities(places, np.array([float(each["score"]) for each in found]), self._undecided(text))

    def _undecided(self, text: str) -> tuple[tuple[int, int], ...]:
        """Where two labels are as good as equal."""
        (logits,) = self._logits
        best = logits[0].softmax(-1).topk(min(2, logits.shape[-1]), dim=-1).values
        if best.shape[-1] < 2:
            return ()
        offsets = self.tokenizer(text, truncation=True, return_offsets_mapping=True)["offset_mapping"]
        close = (best[:, 0] - best[:, 1] < _TIE).tolist()
        return tuple((int(a), int(b)) for (a, b), tie in zip(offsets, close, strict=True) if tie)


class _Questions(_Texts):
    def _answer(self, text: str, pair: str | None, truncation: bool) -> Expected:
        assert pair is not None
        question_first = self.tokenizer.padding_side == "right"
        encoded = self.tokenizer(
            *((text, pair) if question_first else (pair, text)),
            truncation=("only_second" if question_first else "only_first") if truncation else False,
            return_tensors="pt",
        )
        made = self.model(**encoded)
        return best_span(
            made["start_logits"][0],
            made["end_logits"][0],
            encoded.encodings[0],
            pair,
            int(question_first),
            self.tokenizer.cls_token_id,
            2 * _TIE,
        )


class _Masks(_Texts):
    def __init__(self, request: Request, directory: Path) -> None:
        super().__init__(request, directory)
        self._fill = self._pipeline()

    def _answer(self, text: str, pair: str | None, truncation: bool) -> Expected:
        found = self._fill(text, top_k=_WORDS, tokenizer_kwargs={"truncation": truncation})
        return Words(
            tuple(each["token_str"].strip() for each in found), np.array([each["score"] for each in found])
        )
