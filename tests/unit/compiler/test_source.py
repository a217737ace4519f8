"""Where a model's files come from: claims, the choice of files on the hub, sentence-transformers'
configuration.
"""

import json
from pathlib import Path

import pytest
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sentence_transformers import Pooling, resolve_pooling
from neuron_compiler.sources import claim, fetch, files

_MINILM = ["Transformer", "Pooling", "Normalize"]


def model(uri: str) -> Model:
    return Model(uri, None, None, "feature-extraction", "Auto", None, False)


def test_a_directory_on_a_claim_is_read_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "team/gpt2").mkdir(parents=True)
    (tmp_path / "team/gpt2/config.json").write_text("{}")
    source = fetch(model("pvc://models/team/gpt2"), {"SOURCE_PATH": str(tmp_path)})
    assert (source.directory, source.revision) == (tmp_path / "team/gpt2", None)


@pytest.mark.parametrize("path", ["absent", "file", "out", "../outside"])
def test_a_path_that_is_no_directory_of_the_claim_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    mounted = tmp_path / "claim"
    mounted.mkdir()
    (mounted / "file").touch()
    (mounted / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(CompileError, match=f"claim models has no directory {path}") as caught:
        claim.directory(f"models/{path}", mounted)
    assert (caught.value.reason, caught.value.exit_code) == ("SourceNotFound", 10)


def test_a_directory_without_a_configuration_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "gpt2").mkdir()
    with pytest.raises(CompileError, match=r"has no config\.json") as caught:
        fetch(model("pvc://models/gpt2"), {"SOURCE_PATH": str(tmp_path)})
    assert caught.value.reason == "ModelUnreadable"


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(CompileError, match="write hf://organisation/name"):
        fetch(model("ftp://models/gpt2"), {})


def test_of_a_repository_only_one_format_of_weights_is_downloaded() -> None:
    names = [
        ".gitattributes",
        "1_Pooling/config.json",
        "README.md",
        "config.json",
        "flax_model.msgpack",
        "model.safetensors",
        "modules.json",
        "onnx/config.json",
        "onnx/model.onnx",
        "pytorch_model.bin",
        "tf_model.h5",
        "tokenizer.json",
        "vocab.txt",
    ]
    wanted = [
        "1_Pooling/config.json",
        "config.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
        "vocab.txt",
    ]
    assert files.wanted(names, model("hf://x/y")) == wanted


def test_pickled_weights_are_downloaded_where_there_are_no_others() -> None:
    names = [
        "config.json",
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model-00002-of-00002.bin",
        "training_args.bin",
    ]
    assert files.wanted(names, model("hf://x/y")) == names[:3]


def sentence_model(directory: Path, kinds: list[str], modes: dict[str, bool]) -> Path:
    modules = [
        {
            "idx": n,
            "name": str(n),
            "path": f"{n}_{kind}" if n else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for n, kind in enumerate(kinds)
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "1_Pooling").mkdir()
    (directory / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 384, **modes}))
    return directory


@pytest.mark.parametrize(
    ("kinds", "modes", "expected"),
    [
        (_MINILM, {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, Pooling("Mean", True)),
        (_MINILM[:2], {"pooling_mode_cls_token": True}, Pooling("Cls", False)),
        (_MINILM[:1], {}, Pooling("None", False)),
    ],
)
def test_auto_pooling_follows_the_models_own_configuration(
    tmp_path: Path, kinds: list[str], modes: dict[str, bool], expected: Pooling
) -> None:
    assert resolve_pooling("Auto", sentence_model(tmp_path, kinds, modes)) == expected


@pytest.mark.parametrize(
    ("kinds", "modes", "part"),
    [
        (_MINILM, {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
        (["Transformer", "Pooling", "Dense"], {"pooling_mode_mean_tokens": True}, "Dense"),
    ],
)
def test_pooling_that_is_not_supported_is_named(
    tmp_path: Path, kinds: list[str], modes: dict[str, bool], part: str
) -> None:
    with pytest.raises(CompileError, match=part) as caught:
        resolve_pooling("Auto", sentence_model(tmp_path, kinds, modes))
    assert caught.value.reason == "UnsupportedArchitecture"


def test_pooling_that_was_asked_for_needs_no_configuration(tmp_path: Path) -> None:
    assert resolve_pooling("Cls", tmp_path) == Pooling("Cls", False)
    assert resolve_pooling("Auto", tmp_path) == Pooling("None", False)


def test_a_broken_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[{}]")
    with pytest.raises(CompileError, match=r"set model\.pooling to"):
        resolve_pooling("Auto", tmp_path)
