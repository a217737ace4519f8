"""Plans: bringing one object to what is wanted, and the smallest patch of a status."""

from typing import Any

import pytest
from neuron_operator.builders.services import service
from neuron_operator.plans.plan import Apply, Ensured, ensure, merge_patch, soonest
from neuron_operator.reading.objects import Object, format_time
from unit.operator.worlds import NOW, model, stored

DESIRED = service(model())


def test_what_is_missing_is_made_without_taking_anything_over() -> None:
    assert ensure(DESIRED, None) == Ensured(apply=Apply(DESIRED, exists=False))


def test_what_is_there_is_left_alone() -> None:
    assert ensure(DESIRED, stored(DESIRED)) == Ensured()


def test_what_is_on_its_way_out_is_waited_for() -> None:
    leaving = stored(DESIRED)
    leaving["metadata"]["deletionTimestamp"] = format_time(NOW)
    assert ensure(DESIRED, leaving).apply is None
    assert ensure(DESIRED, leaving).wait


def test_what_an_earlier_owner_of_the_same_name_left_is_waited_for() -> None:
    old = stored(DESIRED)
    old["metadata"]["ownerReferences"] = [{"uid": "uid-of-the-past", "controller": True}]
    assert ensure(DESIRED, old).apply is None
    assert ensure(DESIRED, old).wait


def test_an_orphan_is_adopted() -> None:
    orphan = stored(DESIRED)
    del orphan["metadata"]["ownerReferences"]
    ensured = ensure(DESIRED, orphan)
    assert ensured.apply is not None
    assert ensured.apply.exists


def test_a_change_of_intention_is_no_drift_to_be_announced() -> None:
    old = stored(DESIRED)
    old["metadata"]["annotations"] = {"neuron-operator.dev/spec-hash": "of another spec"}
    old["spec"]["type"] = "NodePort"
    assert ensure(DESIRED, old) == Ensured(apply=Apply(DESIRED, exists=True, drifted_at=None))


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_a_patch_holds_only_what_differs(old: Object, new: Object, patch: dict[str, Any]) -> None:
    assert merge_patch(old, new) == patch


def test_the_soonest_delay_wins_and_none_is_no_delay() -> None:
    assert soonest(None, 5.0, 3.0) == 3.0
    assert soonest(None, None) is None
