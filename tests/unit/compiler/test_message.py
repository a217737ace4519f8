"""The termination message is JSON of at most 4096 bytes, whatever it has to say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from neuron_artifact import BucketParity, Parity
from neuron_compiler import message
from neuron_compiler.failure import CompileError

_PARITY = Parity(False, "MaxAbs", 0.5, 1e-4, 0.5, 0.25, 0.75)


def test_a_failure_is_told_with_its_reason_and_parity() -> None:
    content = json.loads(
        message.fit(message.failed(CompileError("ParityFailed", "It\n differs.", parity=_PARITY)))
    )
    assert content == {
        "outcome": "Failed",
        "reason": "ParityFailed",
        "message": "It differs.",
        "parity": {
            "passed": False,
            "metric": "MaxAbs",
            "value": 0.5,
            "tolerance": 1e-4,
            "maxAbs": 0.5,
            "maxRel": 0.25,
            "cosine": 0.75,
            "buckets": [],
        },
    }


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\U0001f600", '"', "\\", "\x00"])
@pytest.mark.parametrize("length", [10, 300, 700, 4000, 100_000])
def test_a_message_of_any_length_fits_and_keeps_its_reason(letter: str, length: int) -> None:
    encoded = message.fit(message.failed(CompileError("CompilerCrashed", letter * length, parity=_PARITY)))
    assert len(encoded) <= message.LIMIT
    content = json.loads(encoded)
    assert content["reason"] == "CompilerCrashed"
    shown = "?" if letter == "\x00" else letter
    assert content["message"].rstrip(".") == shown * len(content["message"].rstrip("."))


def test_a_cut_message_uses_the_room_there_is() -> None:
    encoded = message.fit(message.failed(CompileError("CompilerCrashed", "x" * 10_000)))
    assert len(encoded) == message.LIMIT
    assert json.loads(encoded)["message"].endswith("x...")


def test_figures_of_single_buckets_give_way_before_the_log_and_the_sentence() -> None:
    buckets = tuple(BucketParity(f"b1_s{n}", True, 1e-6, 1e-6, 1.0) for n in range(64))
    error = CompileError("ParityFailed", "It differs.", parity=replace(_PARITY, buckets=buckets))
    error.step, error.log = "parity", "last words\n" * 20
    content = json.loads(message.fit(message.failed(error)))
    assert (content["message"], content["step"], content["log"]) == ("It differs.", "parity", error.log)
    kept = [bucket["bucket"] for bucket in content["parity"]["buckets"]]
    assert 0 < len(kept) < 64
    assert kept[-1] == "b1_s63"


def test_the_log_loses_its_beginning() -> None:
    error = CompileError("CompilerCrashed", "It crashed.")
    error.step, error.log = "compile", "x" * 5000 + "the end"
    encoded = message.fit(message.failed(error))
    assert len(encoded) <= message.LIMIT
    assert json.loads(encoded)["log"].endswith("the end")


def test_versions_give_way_to_the_rest_of_a_result() -> None:
    content: dict[str, Any] = {"outcome": "Published", "versions": {f"p{n}": "1" * 90 for n in range(60)}}
    encoded = message.fit(content)
    assert json.loads(encoded) == {"outcome": "Published", "versions": {}}


def test_the_message_goes_to_the_log_and_to_the_kubelets_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    message.write({"outcome": "Collected"}, log)
    assert log.read_text() == capsys.readouterr().out.strip() == '{"outcome":"Collected"}'


def test_without_a_kubelet_the_message_goes_to_the_log_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message.write({"outcome": "Collected"}, tmp_path / "absent")
    assert capsys.readouterr().out == '{"outcome":"Collected"}\n'
    assert not (tmp_path / "absent").exists()


_CONTROL = "\x1b[31mred\r\x07\u202egpj\u2028\ud800"


def test_nothing_in_a_message_is_obeyed_by_a_terminal() -> None:
    error = CompileError("ModelUnreadable", f"{_CONTROL} can't be read.", operators=(_CONTROL,))
    error.step, error.log = _CONTROL, f"one\n{_CONTROL}\n"
    content = json.loads(message.fit(message.failed(error)))
    assert content["message"] == "?[31mred ??gpj ? can't be read."
    assert content["log"] == "one\n?[31mred???gpj??\n"
    assert content["operators"] == [content["step"]] == ["?[31mred???gpj??"]


def test_whatever_makes_a_message_too_long_what_the_operator_needs_is_kept() -> None:
    long = {str(number): number for number in range(10_000)}
    content = {"outcome": "Published", "digest": "0" * 32, "manifestSha256": "1" * 64, "seconds": long}
    for more in (
        {},
        {"backend": {"name": "x" * 10_000}},
        {"notApplied": ["x" * 10_000]},
        {"step": "x" * 10_000},
    ):
        encoded = message.fit({**content, **more})
        assert len(encoded) <= message.LIMIT
        assert json.loads(encoded)["manifestSha256"] == "1" * 64
