"""Which door an artifact has, told by its task and its files."""

from dataclasses import replace
from pathlib import Path

import pytest
from neuron_serving.doors.face import IMAGE, TEXT, kind_of
from unit.triton.artifacts import image_manifest, manifest

TOKENIZER, PROCESSOR = "tokenizer/tokenizer.json", "processor/preprocessor_config.json"


def put(directory: Path, *files: str) -> Path:
    for file in files:
        (directory / file).parent.mkdir()
        (directory / file).write_text("{}")
    return directory


def test_a_tokenizer_in_its_fast_form_makes_a_door_for_texts(tmp_path: Path) -> None:
    assert kind_of(put(tmp_path, TOKENIZER), manifest()) == TEXT


def test_a_processor_makes_a_door_for_pictures(tmp_path: Path) -> None:
    assert kind_of(put(tmp_path, PROCESSOR), image_manifest()) == IMAGE


@pytest.mark.parametrize(
    ("task", "file"),
    [
        ("feature-extraction", "tokenizer/vocab.txt"),
        ("feature-extraction", PROCESSOR),
        ("image-classification", TOKENIZER),
    ],
)
def test_other_files_make_no_door(tmp_path: Path, task: str, file: str) -> None:
    assert kind_of(put(tmp_path, file), replace(manifest(), task=task)) is None
