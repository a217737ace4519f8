"""Checkpoints of tenants who mean harm: refused with a reason that stays, in bounded time and memory, and no
code of theirs runs.
"""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models, requests
from compiler.conftest import request
from neuron_compiler import tasks
from neuron_compiler.child import compile_in_child
from neuron_compiler.failure import CompileError

Damage = Callable[[Path], None]


def changed(**values: Any) -> Damage:
    return lambda directory: models.change_config(directory, **values)


def header(content: object, data: bytes = b"") -> Damage:
    encoded = content if isinstance(content, bytes) else json.dumps(content).encode()

    def write(directory: Path) -> None:
        path = directory / "model.safetensors"
        path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)

    return write


def tensor(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


class Touches:
    """A pickle that makes a file where it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


def pickled(save: Callable[[Path], object]) -> Damage:
    def write(directory: Path) -> None:
        (directory / "model.safetensors").unlink()
        save(directory / "pytorch_model.bin")

    return write


def tokenizer(**values: Any) -> Damage:
    def write(directory: Path) -> None:
        path = directory / "tokenizer.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return write


def precompiled(charsmap: str) -> Damage:
    return tokenizer(normalizer={"type": "Precompiled", "precompiled_charsmap": charsmap})


def refused(directory: Path, damage: Damage) -> CompileError:
    models.bert_classifier(directory)
    damage(directory)
    with pytest.raises(CompileError) as caught:
        tasks.prepare(request(model__task="text-classification"), directory, None)
    assert not caught.value.heals
    return caught.value


@pytest.mark.parametrize(
    "damage",
    [
        changed(hidden_size=10**9),
        changed(intermediate_size=10**9),
        changed(num_hidden_layers=10**6),
        changed(vocab_size=10**9),
        changed(max_position_embeddings=10**9),
        changed(type_vocab_size=10**9),
        changed(num_labels=10**9),
        changed(text_config={"num_hidden_layers": 10**6}),
        changed(hidden_size=-1),
        changed(hidden_dropout_prob=float("inf")),
        changed(id2label={"0": "\ud800", "1": "b"}),
        changed(id2label={str(number): "x" for number in range(200_000)}),
    ],
)
def test_a_configuration_with_numbers_that_no_model_has(tmp_path: Path, damage: Damage) -> None:
    assert refused(tmp_path, damage).reason == "ModelUnreadable"


@pytest.mark.parametrize(
    "damage",
    [
        lambda directory: (directory / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 63) + b"{}"),
        header(b"[" * 100_000),
        header({"a": tensor([2], 0, 8), "b": tensor([2], 4, 12)}, bytes(12)),
        header({"a": tensor([1 << 40, 1 << 40], 0, 8)}, bytes(8)),
        header({"a": tensor([2], 0, 8, "X")}, bytes(8)),
        header(b'{"a":%s,"a":%s}' % ((json.dumps(tensor([2], 0, 8)).encode(),) * 2), bytes(8)),
    ],
)
def test_a_header_of_safetensors_that_lies(tmp_path: Path, damage: Damage) -> None:
    assert refused(tmp_path, damage).reason == "ModelUnreadable"


@pytest.mark.parametrize("how", ["saved", "plain", "TorchScript"])
def test_a_pickle_that_runs_code(tmp_path: Path, how: str) -> None:
    trace = tmp_path / "trace"

    def save(path: Path) -> None:
        if how == "TorchScript":
            torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
        elif how == "saved":
            torch.save({"w": Touches(trace)}, path)
        else:
            path.write_bytes(pickle.dumps(Touches(trace)))

    assert refused(tmp_path / "model", pickled(save)).reason == "ModelUnreadable"
    assert not trace.exists()


@pytest.mark.parametrize(
    "damage",
    [
        tokenizer(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(" * 10**5}, "behavior": "Isolated"}),
        tokenizer(model={"type": "Unigram", "unk_id": 5, "vocab": []}),
        precompiled("AAAAAAAAAAAA////"),
    ],
)
def test_a_tokenizer_over_which_its_library_gives_up(tmp_path: Path, damage: Damage) -> None:
    assert refused(tmp_path, damage).reason == "ModelUnreadable"


def test_a_tokenizer_over_which_its_library_ends_the_process(tmp_path: Path) -> None:
    source, output = tmp_path / "model", tmp_path / "output"
    models.bert_classifier(source)
    precompiled("/////w==")(source)
    output.mkdir()
    asked = requests.text(model__task="text-classification", compile__sequenceLengths=[8])
    with pytest.raises(CompileError) as caught:
        compile_in_child(source, output, {**os.environ, "COMPILE_REQUEST": asked})
    assert (caught.value.reason, caught.value.heals) == ("ModelUnreadable", False)


def test_names_of_files_that_are_no_text_end_up_in_the_manifest_as_text(
    tmp_path: Path, publish: Callable[..., Any]
) -> None:
    models.bert_classifier(tmp_path / "model")
    (tmp_path / "model" / os.fsdecode(b"bad\xff\n\x1b[31m.txt")).touch()
    _, manifest = publish(tmp_path / "model", model__task="text-classification")
    assert "bad? ?[31m.txt" in [*manifest.checkpoint["read"], *manifest.checkpoint["left"]]
