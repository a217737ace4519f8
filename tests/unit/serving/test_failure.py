"""The container's termination message."""

import json
from pathlib import Path

import pytest
from neuron_serving.failure import TERMINATION_BYTES, ServingError, report, termination_message


def test_a_failure_is_told_as_reason_and_message(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    report(ServingError("ArtifactCorrupt", "model.pt differs: compile again."), log)
    assert json.loads(log.read_text()) == {
        "reason": "ArtifactCorrupt",
        "message": "model.pt differs: compile again.",
    }


def test_without_kubernetes_nothing_is_written(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    report(ServingError("ArtifactMissing", "compile first."), log)
    assert not log.exists()


@pytest.mark.parametrize("character", ["a", "\u00e9", "\U0001f600", "\n"])
def test_a_long_message_is_cut_to_what_kubernetes_keeps(character: str) -> None:
    text = termination_message(ServingError("ArtifactCorrupt", character * 20_000))
    assert 0.9 * TERMINATION_BYTES < len(text.encode()) <= TERMINATION_BYTES
    assert json.loads(text)["reason"] == "ArtifactCorrupt"
