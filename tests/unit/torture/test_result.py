from typing import Any

from toolbox.torture.steps import STEPS
from torture.campaign import Report
from torture.result import NAMES, Result
from torture.stage import wrong_in_the_end

CLEAN: dict[str, Any] = {"whole": ["a" * 32], "half": [], "temporary": [], "strange": []}


def result(**changes: Any) -> Result:
    pods = Report(seed=1)
    pods.ways.update(SIGKILL=2)
    pods.steps.update(fetch=2)
    pods.converge_seconds += [10.0, 30.0]
    processes: dict[str, Any] = {
        "kills": 3,
        "steps": {step: int(step == "publish") * 3 for step in STEPS},
        "rounds": 2,
        "second_writers": 1,
        "looks": 500,
        "violations": [],
        "not_converged": [],
    }
    watched = {"looks": 500, "violations": []}
    return Result(**{"pods": pods, "processes": processes, "watched": watched, "wrong": [], **changes})


def test_kills_of_containers_and_of_processes_are_added_up_and_told_apart() -> None:
    figures = result().figures()
    assert set(figures) == set(NAMES)
    assert figures["torture_kills"].value == 5
    assert (
        "2 of compile containers (2 by SIGKILL) and 3 of compiling processes" in figures["torture_kills"].how
    )
    assert figures["torture_kills_in_publish"].how == "0 of containers, 3 of processes"
    assert figures["torture_converge_seconds"].value == 20
    assert result().failures == []


def test_whatever_a_watcher_saw_is_a_failure() -> None:
    seen = {"kind": "half artifact", "digest": "00", "detail": "it lacks a file"}
    found = result(watched={"looks": 1, "violations": [seen]})
    assert found.figures()["torture_half_artifacts"].value == 1
    assert found.failures == ["half artifact: 00: it lacks a file"]


def test_what_is_left_in_the_store_counts_as_not_converged() -> None:
    assert result(wrong=["the temporary x is left"]).figures()["torture_not_converged"].value == 1


def test_a_store_at_rest_holds_its_artifacts_and_nothing_else() -> None:
    assert wrong_in_the_end(CLEAN, ["a" * 32], only=True) == []
    assert wrong_in_the_end(CLEAN, ["b" * 32], only=False) == [f"{'b' * 32} is not in the store"]
    assert wrong_in_the_end(CLEAN, [], only=True) == [f"nobody asked for {'a' * 32}"]
    left = {**CLEAN, "temporary": [f"{'a' * 32}.pod.1a"], "half": ["c" * 32]}
    assert len(wrong_in_the_end(left, ["a" * 32], only=False)) == 2
