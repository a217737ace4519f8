"""Where a model's files come from: claims, and the choice of files."""

import json
from pathlib import Path

import pytest
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import claim, fetch, files


def model(uri: str) -> Model:
    return Model(uri, None, None, "feature-extraction", "Auto", None, False)


def test_a_directory_on_a_claim_is_read_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "team/gpt2").mkdir(parents=True)
    (tmp_path / "team/gpt2/config.json").write_text("{}")
    (tmp_path / "team/gpt2/model.safetensors").touch()
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
    assert (caught.value.reason, caught.value.exit_code) == ("SourceNotFound", 10)


_LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_a_clone_without_its_large_files_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_text(_LFS)
    with pytest.raises(
        CompileError, match=r"a pointer of Git LFS in the place of model\.safetensors"
    ) as caught:
        files.check(tmp_path, model("pvc://models/gpt2"))
    assert caught.value.reason == "SourceNotFound"


def test_a_pointer_in_the_place_of_a_file_that_nobody_reads_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").touch()
    for name in ("pytorch_model.bin", "model.onnx"):
        (tmp_path / name).write_text(_LFS)
    files.check(tmp_path, model("pvc://models/gpt2"))


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (["config.json", "model.safetensors"], "1_Pooling/config.json"),
        (["config.json", "1_Pooling/config.json"], "no weights under a name"),
        (["0_Transformer/model.safetensors", "1_Pooling/config.json"], "0_Transformer/config.json"),
    ],
)
def test_folders_of_sentence_transformers_that_are_not_there_yet_are_waited_for(
    tmp_path: Path, there: list[str], missing: str
) -> None:
    folder = "0_Transformer" if there[0].startswith("0") else ""
    kinds = [("Transformer", folder), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in kinds]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    for name in there:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(CompileError, match=missing) as caught:
        files.check(tmp_path, model("pvc://models/minilm"))
    assert caught.value.reason == "SourceNotFound"


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


@pytest.mark.parametrize(
    "stray", ["lora.safetensors", "consolidated.safetensors", "adapter_model.safetensors"]
)
def test_a_stray_file_of_weights_does_not_hide_those_that_the_loader_reads(stray: str) -> None:
    names = ["config.json", stray, "pytorch_model.bin"]
    assert files.wanted(names, model("hf://x/y")) == ["config.json", "pytorch_model.bin"]


def test_of_several_shards_those_that_the_index_names_are_read() -> None:
    index = "model.safetensors.index.json"
    names = ["config.json", index, "model-00001-of-00001.safetensors", "weights-a.safetensors"]
    table = {index: json.dumps({"weight_map": {"x": "weights-a.safetensors"}}).encode()}
    assert files.wanted(names, model("hf://x/y"), table.__getitem__) == [names[0], index, names[3]]
    whole = [*names, "model.safetensors"]
    assert files.wanted(whole, model("hf://x/y"), table.__getitem__) == [names[0], "model.safetensors", index]


def test_the_modules_of_a_sentence_encoder_come_with_their_weights() -> None:
    modules = [{"path": ""}, {"path": "pooling"}, {"path": "2_Dense"}]
    names = [
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
        "2_Dense/pytorch_model.bin",
        "config.json",
        "model.safetensors",
        "modules.json",
        "onnx/model.onnx",
        "openvino/config.json",
        "pooling/config.json",
    ]
    read = {"modules.json": json.dumps(modules).encode()}.__getitem__
    left = {"2_Dense/pytorch_model.bin", "onnx/model.onnx", "openvino/config.json"}
    assert files.wanted(names, model("hf://x/y"), read) == [name for name in names if name not in left]


def test_the_transformer_of_an_old_sentence_encoder_lies_in_a_directory_of_its_own(tmp_path: Path) -> None:
    names = ["0_BERT/config.json", "0_BERT/pytorch_model.bin", "0_BERT/vocab.txt", "modules.json"]
    assert files.wanted(names, model("hf://x/y")) == names


def test_an_adapter_alone_is_told_to_be_merged(tmp_path: Path) -> None:
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2/adapter_config.json").write_text("{}")
    with pytest.raises(CompileError, match="merge it into the base") as caught:
        fetch(model("pvc://models/gpt2"), {"SOURCE_PATH": str(tmp_path)})
    assert (caught.value.reason, caught.value.exit_code) == ("UnsupportedArchitecture", 10)
