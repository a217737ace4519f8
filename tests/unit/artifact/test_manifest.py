"""The manifest: what is written is read back, and what is not a manifest is refused with a sentence."""

import json
from typing import Any

import pytest
from neuron_artifact import ArtifactCorrupt, FileEntry, Manifest
from neuron_artifact.manifest import canonical_json
from unit.artifact.conftest import small_manifest


def test_a_manifest_survives_writing_and_reading() -> None:
    manifest = small_manifest()
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_optional_parts_may_be_null() -> None:
    content = json.loads(small_manifest().to_json()) | {"parity": None, "benchmark": None, "labels": None}
    manifest = Manifest.from_json(json.dumps(content))
    assert (manifest.parity, manifest.benchmark, manifest.labels) == (None, None, None)


def test_the_trace_dtype_is_written_only_where_it_differs() -> None:
    inputs = json.loads(small_manifest().to_json())["inputs"]
    assert inputs == [
        {"name": "input_ids", "dtype": "INT64", "dims": ["sequence"]},
        {"name": "attention_mask", "dtype": "INT64", "dims": ["sequence"], "traceDtype": "INT32"},
    ]


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert (
        canonical_json({"b": [1, 2], "a": "é"})
        == canonical_json({"a": "é", "b": [1, 2]})
        == '{"a":"é","b":[1,2]}'
    )


def test_canonical_json_refuses_what_json_cannot_say() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"formatVersion": 1}, "format version 1, not 2"),
        ({"buckets": [{"name": "b1_s8"}]}, "lacks or distorts 'batch'"),
        ({"files": [{"path": "../etc/passwd", "bytes": 1, "sha256": "0"}]}, "'../etc/passwd'"),
        ({"files": [{"path": "/etc/passwd", "bytes": 1, "sha256": "0"}]}, "'/etc/passwd'"),
        ({"inputs": None}, "not iterable"),
        ({"backend": {"name": "inductor"}}, "'precision'"),
        ({"parity": {"passed": True}}, "'metric'"),
    ],
)
def test_a_wrong_manifest_is_refused_with_what_is_wrong(change: dict[str, Any], sentence: str) -> None:
    content = json.loads(small_manifest().to_json()) | change
    with pytest.raises(ArtifactCorrupt, match=sentence):
        Manifest.from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"formatVersion": 1}'])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ArtifactCorrupt, match="compile the"):
        Manifest.from_json(text)


def test_every_cut_of_a_manifest_is_refused() -> None:
    text = small_manifest().to_json().rstrip("\n")
    for end in range(len(text)):
        with pytest.raises(ArtifactCorrupt):
            Manifest.from_json(text[:end])


def test_file_entries_are_kept_in_order() -> None:
    content = json.loads(small_manifest().to_json())
    content["files"] = [{"path": name, "bytes": 1, "sha256": "0" * 64} for name in ("b", "a")]
    manifest = Manifest.from_json(json.dumps(content))
    assert manifest.files == (FileEntry("b", 1, "0" * 64), FileEntry("a", 1, "0" * 64))
