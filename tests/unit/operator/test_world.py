"""The world: what is told late, twice or by several of one object, and what is found in the stores."""

from typing import Any

import pytest
from neuron_operator.reading.objects import Object, uid_of
from neuron_operator.terms.kinds import EVENT, JOB, NEURON_MODEL
from neuron_operator.world.store import Store
from neuron_operator.world.wakes import Key, Wake
from neuron_operator.world.watched import WATCHED
from neuron_operator.world.world import REMEMBERED_SECONDS, World
from unit.operator.worlds import NAMESPACE, SETTINGS, model_body

OWNER = {"kind": "NeuronArtifact", "name": "gpt2-0123456789", "uid": "uid-artifact", "controller": True}
JOBS = next(watched for watched in WATCHED if watched.kind == JOB)


def job(version: int, uid: str = "u1", **status: Any) -> Object:
    metadata = {"name": "j", "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    metadata["ownerReferences"] = [OWNER]  # type: ignore[assignment]
    return {"kind": "Job", "metadata": metadata, "spec": {}, "status": status}


class Told:
    """A world, whom it has woken, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.woken: list[Wake] = []
        self.world = World(SETTINGS, self.woken.append, lambda: self.now)

    @property
    def found(self) -> tuple[str, int] | None:
        """The uid of the Job that is there, and how many of its pods are active."""
        found = self.world.stores.jobs.get(("n", "j"))
        return None if found is None else (uid_of(found), found["status"].get("active", 0))

    def wakes(self) -> int:
        """How many keys have been woken since the last time."""
        count = len(self.woken)
        self.woken.clear()
        return count


@pytest.fixture
def told() -> Told:
    return Told()


def test_an_own_write_is_known_at_once_and_its_echo_wakes_nobody(told: Told) -> None:
    told.world.wrote(job(5, active=1))
    assert (told.found, told.wakes()) == (("u1", 1), 1)
    told.world.show(JOB, job(4))
    told.world.show(JOB, job(5, active=1))
    assert (told.found, told.wakes()) == (("u1", 1), 0)
    told.world.show(JOB, job(10, active=2))
    assert (told.found, told.wakes()) == (("u1", 2), 1)


def test_a_change_that_decisions_do_not_read_wakes_nobody(told: Told) -> None:
    told.world.show(JOB, job(5))
    told.wakes()
    told.world.show(JOB, job(6))
    assert told.wakes() == 0
    assert told.world.stores.jobs.version("u1") == 6


def test_what_has_gone_stays_gone_whoever_tells_of_it_late(told: Told) -> None:
    told.world.show(JOB, job(5))
    told.wakes()
    told.world.deleted(job(5))
    assert (told.found, told.wakes()) == (None, 1)
    told.world.show(JOB, job(6))
    told.world.hide(JOB, job(7))
    assert (told.found, told.wakes()) == (None, 0)


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back(told: Told) -> None:
    told.world.hide(JOB, job(9))
    told.world.wrote(job(8))
    assert told.found is None


def test_a_successor_of_the_same_name_is_there_although_its_predecessor_has_not_gone_yet(told: Told) -> None:
    told.world.show(JOB, job(99, active=1))
    told.world.show(JOB, job(100, "u2", active=2))
    assert told.found == ("u2", 2)
    told.world.hide(JOB, job(101))
    assert told.found == ("u2", 2)


def test_an_object_that_is_selected_again_is_there_again(told: Told) -> None:
    told.world.show(JOB, job(5))
    told.world.hide(JOB, job(6))
    told.world.show(JOB, job(7))
    assert told.found == ("u1", 0)


def test_an_object_that_a_list_lacks_is_lost_unless_it_is_newer_than_the_list(told: Told) -> None:
    told.world.show(JOB, job(5))
    assert not told.world.lost(JOBS, "u1", 4)
    assert told.found == ("u1", 0)
    told.wakes()
    assert told.world.lost(JOBS, "u1", 6)
    assert told.wakes() == 1
    assert told.world.stores.jobs.get(("n", "j")) is None
    assert not told.world.lost(JOBS, "u1", 7)


def test_what_has_gone_is_remembered_for_minutes_and_not_for_ever(told: Told) -> None:
    told.world.deleted(job(5))
    told.now = REMEMBERED_SECONDS - 1
    told.world.deleted(job(5, "u2"))
    told.now = REMEMBERED_SECONDS + 1
    told.world.deleted(job(5, "u3"))
    assert [told.world.knows(JOBS, uid, 1) for uid in ("u1", "u2", "u3")] == [False, True, True]


def test_kinds_that_are_not_watched_are_not_kept(told: Told) -> None:
    told.world.wrote({**job(5), "kind": EVENT.name})
    told.world.deleted({**job(5), "kind": EVENT.name})
    assert told.woken == []


def test_a_model_that_cannot_be_read_is_known_and_woken_so_that_its_status_can_say_so(told: Told) -> None:
    broken = model_body()
    broken["spec"]["target"] = "abacus"
    told.world.show(NEURON_MODEL, broken)
    assert told.world.stores.models.get((NAMESPACE, "gpt2")) is not None
    assert told.woken == [Wake(Key("NeuronModel", NAMESPACE, "gpt2"))]


def test_nothing_is_left_of_what_has_gone(told: Told) -> None:
    told.world.show(NEURON_MODEL, model_body())
    told.world.hide(NEURON_MODEL, model_body())
    stores: list[Store[Any]] = [told.world.stores.models, told.world.stores.users]
    assert [(store.by_key(), list(store.values()), store.names("")) for store in stores] == [([], [], {})] * 2
