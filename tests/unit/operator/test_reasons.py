"""Reasons: CamelCase, and a sentence of advice for whatever a user can mend."""

import re

import pytest
from neuron_operator.plans.announce import transitions
from neuron_operator.reading.objects import Object
from neuron_operator.terms.reasons import Reason, known, sentence
from unit.operator.worlds import condition

FROM_THE_COMPILER = (
    *("SourceNotFound", "RevisionNotFound", "SourceUnauthorized", "SourceUnreachable", "ModelUnreadable"),
    "HostNotAllowed",
    *("UnsupportedArchitecture", "UnsupportedOperator", "RemoteCodeRefused", "SequenceTooLong"),
    *("CompilerOutOfMemory", "CompilerCrashed", "ToolchainMissing", "ParityFailed"),
    *("ChecksumMismatch", "DynamicShape", "TooSlow", "CustomCodeFailed"),
    *("StorageFull", "StorageUnwritable", "NodeDiskFull"),
)
FROM_THE_SERVER = (
    *("ArtifactMissing", "ArtifactCorrupt", "VersionMismatch", "ToolchainMissing"),
    *("CoresBusy", "DriverMismatch", "DeviceMissing", "DeviceOutOfMemory", "DeviceTimedOut"),
)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_camel_case(reason: Reason) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+", reason.value)


@pytest.mark.parametrize("name", [*FROM_THE_COMPILER, *FROM_THE_SERVER])
def test_every_reason_of_the_images_is_known_and_says_what_to_do(name: str) -> None:
    reason = known(name, Reason.SETTLED)
    assert reason.value == name
    assert reason.advice.endswith(".")


def test_an_unknown_reason_becomes_the_general_one() -> None:
    assert known("SomethingElse", Reason.COMPILER_CRASHED) is Reason.COMPILER_CRASHED


def test_a_message_ends_in_advice() -> None:
    assert sentence(Reason.COMPILE_TIMEOUT, "It took long") == (
        "It took long. Raise spec.compile.timeoutSeconds."
    )
    assert sentence(Reason.SETTLED, "Done.") == "Done."


def status(reason: str, status_: str = "False") -> Object:
    return {"conditions": [condition("Ready", status_, reason, "text")]}


@pytest.mark.parametrize(
    ("old", "new", "events"),
    [
        ({}, status("Compiling"), []),
        (status("Compiling"), status("Unschedulable"), [("Unschedulable", True)]),
        (status("Unschedulable"), status("Unschedulable"), []),
        (status("Unschedulable"), status("Compiling"), []),
        (status("Deploying"), status("Serving", "True"), [("Serving", False)]),
        (status("Compiling"), status("Published", "True"), [("Published", False)]),
        (
            status("Serving", "True"),
            status("ServingPreviousArtifact", "True"),
            [("ServingPreviousArtifact", True)],
        ),
    ],
)
def test_only_a_new_reason_is_an_event(old: Object, new: Object, events: list[tuple[str, bool]]) -> None:
    assert [(event.reason.value, event.warning) for event in transitions(old, new)] == events


def test_what_the_artifact_lacks_is_said_where_ready_speaks_of_something_else() -> None:
    def both(ready: str, artifact: str) -> Object:
        return {
            "conditions": [condition("Ready", "True", ready), condition("ArtifactReady", "False", artifact)]
        }

    events = transitions(both("Serving", "Published"), both("ServingPreviousArtifact", "SequenceTooLong"))
    assert [event.reason for event in events] == ["ServingPreviousArtifact", "SequenceTooLong"]
    assert len(transitions(both("Compiling", "Compiling"), both("SourceNotFound", "SourceNotFound"))) == 1


def test_the_beginning_and_the_end_of_a_fallback_are_events() -> None:
    active: Object = {"conditions": [condition("FallbackActive", "True", "NoAccelerator", "a")]}
    ended: Object = {"conditions": [condition("FallbackActive", "False", "AcceleratorFound", "b")]}
    assert [event.warning for event in transitions({}, active)] == [True]
    assert [event.warning for event in transitions(active, ended)] == [False]
    assert transitions({}, ended) == []
