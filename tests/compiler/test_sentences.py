"""Models as sentence-transformers saves them: what the door answers is what the library answers."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from compiler import models
from compiler.asking import ask
from compiler.conftest import request
from neuron_artifact import Manifest
from neuron_compiler import checkpoint, sentence_transformers
from neuron_compiler.failure import CompileError
from neuron_serving.tensors import RefusedError
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from transformers import BertForSequenceClassification

Publish = Callable[..., tuple[Path, Manifest]]
TEXTS = ("a cat", "the dog sat on the mat", "a cat sat on the mat on the mat on the mat on the mat")
SIZE = 16


def encoder(directory: Path, *after: torch.nn.Module, **settings: Any) -> Path:
    """A BERT with modules after it, saved by the library."""
    models.bert_without_head(directory / "bert")
    first = modules.Transformer(str(directory / "bert"))
    if "length" in settings:
        first.tokenizer.model_max_length = settings.pop("length")
    model = SentenceTransformer(modules=[first, *after], device="cpu", **settings)
    model.save(str(directory / "saved"))
    return directory / "saved"


def pooling(mode: Any, **settings: Any) -> Any:
    return modules.Pooling(SIZE, mode, **settings)


_MODES = ("mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens")
CHAINS: dict[str, Callable[[], tuple[list[Any], dict[str, Any]]]] = {
    **{mode: partial(lambda mode: ([pooling(mode)], {}), mode) for mode in _MODES},
    "several poolings": lambda: ([pooling(("cls", "max", "mean")), modules.Normalize()], {}),
    "dense": lambda: ([pooling("mean"), modules.Dense(SIZE, 6), modules.LayerNorm(6)], {}),
    "fewer numbers": lambda: ([pooling("mean"), modules.Normalize()], {"truncate_dim": 5}),
    "texts are cut": lambda: ([pooling("mean")], {"length": 6}),
    "a prompt": lambda: (
        [pooling("mean")],
        {"prompts": {"q": "the cat ", "d": "a "}, "default_prompt_name": "q"},
    ),
    "a prompt that is not pooled": lambda: (
        [pooling("mean", include_prompt=False)],
        {"prompts": {"q": "the cat "}, "default_prompt_name": "q"},
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_of_modules_gives_the_librarys_own_vectors(
    publish: Publish, tmp_path: Path, chain: str
) -> None:
    after, settings = CHAINS[chain]()
    source = encoder(tmp_path, *after, **settings)
    found = ask(publish(source, compile__sequenceLengths=[8, 32]), *TEXTS)["embedding"]
    wanted = SentenceTransformer(str(source), device="cpu").encode(list(TEXTS))
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_an_old_releases_files_are_read_as_the_new_ones(publish: Publish, tmp_path: Path) -> None:
    source = models.sentence_bert(tmp_path / "source")
    place = publish(source)
    assert place[1].pooling == "Mean"
    wanted = SentenceTransformer(str(source), device="cpu").encode(list(TEXTS[:2]))
    np.testing.assert_allclose(ask(place, *TEXTS[:2])["embedding"], wanted, atol=2e-5)


def test_a_request_may_choose_a_prompt_of_the_model_or_bring_its_own(
    publish: Publish, tmp_path: Path
) -> None:
    prompts = {"q": "the cat ", "d": "a "}
    source = encoder(tmp_path, pooling("mean"), prompts=prompts, default_prompt_name="q")
    place, library = publish(source), SentenceTransformer(str(source), device="cpu")
    given: dict[str, Any]
    for given in ({"prompt_name": "d"}, {"prompt": "on "}, {"prompt": ""}):
        found = ask(place, "dog", **given)["embedding"]
        np.testing.assert_allclose(found, library.encode(["dog"], **given), atol=2e-5)
    with pytest.raises(RefusedError, match="its prompts are"):
        ask(place, "dog", prompt_name="absent")


@pytest.mark.parametrize(
    ("kind", "change", "reason", "says"),
    [
        ("sentence_transformers.models.CNN", {}, "UnsupportedArchitecture", "the module CNN"),
        ("own.Pooling", {}, "RemoteCodeRefused", "own.Pooling"),
        (None, {"pooling_mode": "median"}, "ModelUnreadable", "median"),
    ],
)
def test_a_chain_that_is_not_carried_out_is_refused_with_what_it_is(
    tmp_path: Path, kind: str | None, change: Mapping[str, Any], reason: str, says: str
) -> None:
    source = encoder(tmp_path, pooling("mean"))
    if kind is not None:
        listed = json.loads((source / "modules.json").read_text())
        listed[1]["type"] = kind
        (source / "modules.json").write_text(json.dumps(listed))
    path = source / "1_Pooling/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CompileError, match=says) as caught:
        sentence_transformers.read_encoder(request(), source, None)
    assert (caught.value.reason, caught.value.exit_code) == (reason, 10)


@pytest.mark.parametrize("activation", [torch.nn.Sigmoid(), torch.nn.Identity(), torch.nn.Tanh()])
def test_a_cross_encoder_scores_pairs_as_the_library_does(
    publish: Publish, tmp_path: Path, activation: torch.nn.Module
) -> None:
    models.bert_for(BertForSequenceClassification, tmp_path / "bert", num_labels=1)
    model = CrossEncoder(str(tmp_path / "bert"), device="cpu", activation_fn=activation, max_length=12)
    model.save(str(tmp_path / "saved"))
    pairs = [("a cat", "the dog sat"), ("the mat", TEXTS[2])]
    place = publish(tmp_path / "saved", model__task="text-classification")
    found = ask(place, *(first for first, _ in pairs), pairs=tuple(second for _, second in pairs))
    np.testing.assert_allclose(found["scores"][:, 0], model.predict(pairs), atol=2e-5)


def test_an_old_cross_encoder_names_its_activation_in_its_configuration(
    publish: Publish, tmp_path: Path
) -> None:
    models.bert_for(BertForSequenceClassification, tmp_path, num_labels=1)
    name = "torch.nn.modules.linear.Identity"
    models.change_config(tmp_path, sbert_ce_default_activation_function=name)
    place = publish(tmp_path, model__task="text-classification")
    assert place[1].settings["function_to_apply"] == "none"
    wanted = CrossEncoder(str(tmp_path), device="cpu").predict([("a cat", "the dog sat")])
    np.testing.assert_allclose(ask(place, "a cat", pairs=("the dog sat",))["scores"][0], wanted, atol=2e-5)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("config.json", {"sentence_transformers": {"activation_fn": "its_code.Doubled"}}),
        ("config.json", {"sbert_ce_default_activation_function": "its_code.Doubled"}),
        (
            "config_sentence_transformers.json",
            {"model_type": "CrossEncoder", "activation_fn": "its_code.Doubled"},
        ),
    ],
)
def test_scores_by_code_that_is_not_trusted_are_not_made_by_another_function(
    tmp_path: Path, file: str, said: Mapping[str, Any]
) -> None:
    models.bert_for(BertForSequenceClassification, tmp_path, num_labels=1)
    path = tmp_path / file
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**known, **said}))
    with pytest.raises(CompileError, match=r"its activation its_code\.Doubled") as caught:
        sentence_transformers.read_cross_encoder(request(model__task="text-classification"), tmp_path, None)
    assert caught.value.reason == "RemoteCodeRefused"


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    models.bert_without_head(tmp_path)
    models.change_config(
        tmp_path, sentence_transformers={"activation_fn": "torch.nn.modules.linear.Identity"}
    )
    with pytest.raises(CompileError, match="lack 2 tensors"):
        sentence_transformers.read_cross_encoder(request(model__task="text-classification"), tmp_path, None)


def test_code_of_another_repository_is_named_and_never_fetched(tmp_path: Path) -> None:
    models.gpt2(tmp_path)
    models.change_config(tmp_path, model_type="own", auto_map={"AutoModel": "other/code--own.OwnModel"})
    with pytest.raises(CompileError, match=r"other/code--own\.OwnModel") as caught:
        checkpoint.read(request(model__trustRemoteCode=True), tmp_path, None)
    assert caught.value.reason == "RemoteCodeRefused"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: (path / "adapter_config.json").write_text("{}"), "merge it into the weights"),
        (
            lambda path: models.change_config(path, quantization_config={"quant_method": "gptq"}),
            r"quantised \(quantization_config of config\.json, gptq\)",
        ),
    ],
)
def test_what_would_change_the_answers_and_is_not_carried_out_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], says: str
) -> None:
    damage(models.gpt2(tmp_path))
    with pytest.raises(CompileError, match=says) as caught:
        checkpoint.read(request(), tmp_path, None)
    assert (caught.value.reason, caught.value.exit_code) == ("UnsupportedArchitecture", 10)


def test_the_manifest_tells_which_files_were_read_and_which_were_not(
    publish: Publish, tmp_path: Path
) -> None:
    models.gpt2(tmp_path / "source")
    for name in ("README.md", "generation_config.json", "lora.safetensors"):
        (tmp_path / "source" / name).write_text("{}")
    told = publish(tmp_path / "source")[1].checkpoint
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(told["read"])
    assert told["left"] == {
        "README.md": "documentation",
        "generation_config.json": "no task here generates text",
        "lora.safetensors": "weights that the loader does not ask for",
    }
