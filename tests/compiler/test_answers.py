"""The gate on answers: right models pass, and each mistake that is planted in an artifact is found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compiler import conftest, models
from neuron_artifact import Answers, Manifest, read_manifest
from neuron_compiler import backends
from neuron_compiler.answers.gate import AnswersGate
from neuron_compiler.answers.reference import Answered, ask_library
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Request
from neuron_serving.doors import door as doors
from toolbox.models import pictures, sentences, subjects, texts
from transformers import BertForMaskedLM, BertForQuestionAnswering

TAGS = {0: "O", 1: "B-ANIMAL", 2: "B-PLACE"}
IMAGES: dict[str, Any] = {"compile__sequenceLengths": [], "compile__batchSizes": [2]}
Plant = Callable[[Path], None]


class Case:
    """An artifact that was published, and what its model's library answers."""

    def __init__(self, work: Path, make: Callable[[Path], Any], task: str, **changes: Any) -> None:
        self.source = work / "source"
        self.source.mkdir()
        make(self.source)
        defaults: dict[str, Any] = {"compile__sequenceLengths": [16, 32], "parity__metric": "MaxRel"}
        self.asked: Request = conftest.request(model__task=task, **{**defaults, **changes})
        self.directory = conftest.published(self.asked, self.source, work / "store")
        self.known: Answered = ask_library(self.asked, self.source, self.manifest.labels or ())

    @property
    def manifest(self) -> Manifest:
        return read_manifest(self.directory)

    def judged(self, directory: Path, manifest: Manifest) -> Answers:
        """What the gate says of an artifact's files."""
        (backend,) = backends.candidates(self.asked, directory)
        gate = AnswersGate(self.asked, directory, manifest, self.known, backend.precision)
        for bucket in manifest.buckets:
            gate.run(bucket, backend.load(directory / bucket.path))
        return gate.result()


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Artifacts by name, each compiled once."""
    made: dict[str, Case] = {}
    makers: dict[str, tuple[Callable[[Path], Any], str, dict[str, Any]]] = {
        "classifier": (
            lambda path: texts.make("bert", "text-classification", path),
            "text-classification",
            {},
        ),
        "tags": (lambda path: texts.make("bert", "token-classification", path), "token-classification", {}),
        "words": (lambda path: models.bert_for(BertForMaskedLM, path), "fill-mask", {}),
        "spans": (lambda path: models.bert_for(BertForQuestionAnswering, path), "question-answering", {}),
        "sentences": (_sentences, "feature-extraction", {}),
        "picture": (lambda path: pictures.make("vit", path), "image-classification", IMAGES),
    }

    def case(name: str) -> Case:
        if name not in made:
            make, task, changes = makers[name]
            made[name] = Case(tmp_path_factory.mktemp(name), make, task, **changes)
        return made[name]

    return case


def _sentences(directory: Path) -> None:
    subject = next(each for each in sentences.subjects() if each.name == "sentences/prompts")
    subject.make(directory)


@pytest.mark.parametrize("name", ["classifier", "tags", "words", "spans", "sentences", "picture"])
def test_a_right_artifact_has_its_librarys_answers(cases: Callable[[str], Case], name: str) -> None:
    found = cases(name).judged(cases(name).directory, cases(name).manifest)
    assert (found.passed, found.differing, found.example) == (True, 0, None)
    assert found.compared >= 4


def _edit(file: str, change: Callable[[Any], Any]) -> Plant:
    def plant(directory: Path) -> None:
        path = directory / file
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return plant


def _set(file: str, **values: Any) -> Plant:
    return _edit(file, lambda content: {**content, **values})


def _settings(**values: Any) -> Plant:
    return _edit("manifest.json", lambda content: {**content, "settings": {**content["settings"], **values}})


def _labels(content: Any) -> Any:
    return {**content, "labels": [*content["labels"][1:], content["labels"][0]]}


def _without_specials(content: Any) -> Any:
    return {**content, "post_processor": None}


def _cased(content: Any) -> Any:
    return {**content, "normalizer": {**content["normalizer"], "lowercase": False}}


TOKENS, PIXELS = "tokenizer/tokenizer.json", "processor/preprocessor_config.json"
PLANTED: dict[str, tuple[str, Plant]] = {
    "the labels in another order": ("classifier", _edit("manifest.json", _labels)),
    "the tags in another order": ("tags", _edit("manifest.json", _labels)),
    "a sigmoid for a softmax": ("classifier", _settings(function_to_apply="sigmoid")),
    "logits for a softmax": ("classifier", _settings(function_to_apply="none")),
    "no special tokens": ("classifier", _edit(TOKENS, _without_specials)),
    "no special tokens in sentences": ("sentences", _edit(TOKENS, _without_specials)),
    "letters as they are": ("classifier", _edit(TOKENS, _cased)),
    "texts cut on the left": ("classifier", _set("tokenizer/door.json", truncationSide="left")),
    "no prompt": ("sentences", _set("tokenizer/door.json", defaultPrompt=None)),
    "another padding token that counts": (
        "classifier",
        _edit(
            "manifest.json",
            lambda content: {**content, "padValues": {**content["padValues"], "attention_mask": 1}},
        ),
    ),
    "another mean": ("picture", _set(PIXELS, image_mean=[0.4, 0.5, 0.6])),
    "another deviation": ("picture", _set(PIXELS, image_std=[0.4, 0.5, 0.6])),
    "another filter": ("picture", _set(PIXELS, resample=0)),
    "a crop": (
        "picture",
        _set(
            PIXELS,
            do_center_crop=True,
            size={"height": 40, "width": 40},
            crop_size={"height": 32, "width": 32},
        ),
    ),
    "another scale of pixels": ("picture", _set(PIXELS, rescale_factor=1 / 127.5)),
    "a sigmoid for a softmax of pictures": ("picture", _settings(function_to_apply="sigmoid")),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_found(cases: Callable[[str], Case], tmp_path: Path, mistake: str) -> None:
    name, plant = PLANTED[mistake]
    case = cases(name)
    directory = tmp_path / "artifact"
    shutil.copytree(case.directory, directory)
    plant(directory)
    found = case.judged(directory, read_manifest(directory))
    assert not found.passed
    assert found.differing > 0
    assert found.example


def test_a_door_that_answers_what_it_has_to_refuse_is_found(
    cases: Callable[[str], Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuron_serving.doors.text import TextDoor

    asked = TextDoor.ask

    def always_cut(self: TextDoor, request: Any, truncation: bool, *more: Any) -> doors.Question:
        return asked(self, request, True, *more)

    monkeypatch.setattr(TextDoor, "ask", always_cut)
    found = cases("classifier").judged(cases("classifier").directory, cases("classifier").manifest)
    assert not found.passed
    assert "has to be refused" in str(found.example)


def test_a_sentences_vector_of_other_tokens_is_found(tmp_path: Path) -> None:
    case = Case(tmp_path, models.sentence_bert, "feature-extraction", model__pooling="Cls")
    mean = conftest.request(
        model__task="feature-extraction", model__pooling="Mean", compile__sequenceLengths=[16, 32]
    )
    case.known = ask_library(mean, case.source, ())
    assert not case.judged(case.directory, case.manifest).passed


def test_an_architecture_whose_answers_depend_on_padding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        Case(
            tmp_path, lambda path: texts.make("convbert", "text-classification", path), "text-classification"
        )
    assert caught.value.reason == "AnswersDiffer"
    assert caught.value.parity is not None
    assert caught.value.parity.answers is not None


def test_where_the_policy_warns_what_differs_is_published_and_told(tmp_path: Path) -> None:
    case = Case(
        tmp_path,
        lambda path: texts.make("convbert", "text-classification", path),
        "text-classification",
        parity__policy="Warn",
    )
    parity = case.manifest.parity
    assert parity is not None
    assert parity.answers is not None
    assert parity.answers.differing > 0


def test_a_model_that_wants_more_than_texts_says_what(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        Case(tmp_path, lambda path: texts.make("lxmert", "question-answering", path), "question-answering")
    assert (caught.value.reason, caught.value.heals) == ("UnsupportedArchitecture", False)
    assert "visual_feats" in caught.value.message


FAST = (
    *("text-classification/roberta", "text-classification/gpt2", "text-classification/deberta-v2"),
    *("token-classification/distilbert", "fill-mask/xlm-roberta", "feature-extraction/qwen3"),
    *("question-answering/electra", "image-classification/resnet", "timm/resnet", "sentences/dense"),
    *("processor/clip, numbers", "files/multi-label"),
)


@pytest.mark.parametrize("name", FAST)
def test_of_the_sweep_the_fast_share_is_right(name: str) -> None:
    from toolbox.models import trial

    record = trial.try_(subjects.every()[name])
    assert (record.outcome, record.said) == (trial.RIGHT, "")


@pytest.mark.parametrize("beside_the_model", [True, False])
def test_the_users_own_requests_are_asked_and_their_answers_demanded(
    tmp_path: Path, beside_the_model: bool
) -> None:
    elsewhere = tmp_path / "examples" / "examples.json"

    def make(directory: Path) -> None:
        texts.make("bert", "text-classification", directory)
        requests = [{"text": "a good day"}, {"text": "the dog", "expected": {"scores": [2.0, 2.0, 2.0]}}]
        path = directory / "mine.json" if beside_the_model else elsewhere
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(requests))

    named = "mine.json" if beside_the_model else str(elsewhere)
    with pytest.raises(CompileError) as caught:
        Case(tmp_path, make, "text-classification", parity__examples=named)
    assert caught.value.reason == "AnswersDiffer"
    assert "1 of " in caught.value.message
    assert "own request 1" in caught.value.message
