"""Which NeuronCores a process claims, and what the runtime is told."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from neuron_artifact import Manifest
from neuron_serving import cores
from neuron_serving.failure import ServingError
from unit.triton.artifacts import sentence_manifest


def made(target: str, **compiled: Any) -> Manifest:
    return replace(sentence_manifest(), request={"target": target, "compile": compiled})


@pytest.mark.parametrize(("name", "index"), [("gpt2_0_0", 0), ("gpt2_0_3", 3), ("bert-mrpc_0_11", 11)])
def test_the_index_is_the_last_number_of_the_instances_name(name: str, index: int) -> None:
    assert cores.instance_index(name) == index


@pytest.mark.parametrize(
    ("text", "numbers"), [("0", (0,)), ("2-4", (2, 3, 4)), ("0,2-3, 7", (0, 2, 3, 7)), ("5,4", (5, 4))]
)
def test_core_lists_are_numbers_and_ranges(text: str, numbers: tuple[int, ...]) -> None:
    assert cores.visible_cores(text) == numbers


@pytest.mark.parametrize(
    ("count", "each", "visible", "groups"),
    [
        (2, 1, None, ((0,), (1,))),
        (2, 1, "4-7", ((4,), (5,))),
        (1, 1, "3", ((3,),)),
        (4, 2, "4-7", ((4, 5), (6, 7))),
        (4, 4, None, ((0, 1, 2, 3),)),
    ],
)
def test_each_process_has_cores_of_its_own_as_many_as_its_pipeline_needs(
    count: int, each: int, visible: str | None, groups: tuple[tuple[int, ...], ...]
) -> None:
    assert cores.groups(count, each, visible) == groups


@pytest.mark.parametrize(
    ("count", "each", "visible", "says"),
    [
        (3, 1, "0-1", r"serving\.cores"),
        (2, 4, None, "a multiple of 4"),
        (1, 1, "all", "numbers and ranges"),
    ],
)
def test_cores_that_do_not_go_round_are_refused_with_what_to_change(
    count: int, each: int, visible: str | None, says: str
) -> None:
    with pytest.raises(ServingError, match=says) as refused:
        cores.groups(count, each, visible)
    assert refused.value.reason == "SettingsInvalid"


def test_a_process_sees_its_own_cores_alone_whatever_the_container_was_given() -> None:
    assert cores.environment((2, 3)) == {"NEURON_RT_VISIBLE_CORES": "2,3", "NEURON_RT_NUM_CORES": "2"}


@pytest.mark.parametrize(
    ("manifest", "logical"),
    [
        (made("trn2"), "2"),
        (made("trn2", logicalCores=1), "1"),
        (made("inf2", logicalCores=None), None),
        (made("inf1"), None),
    ],
)
def test_the_runtime_is_told_what_the_compiler_was(manifest: Manifest, logical: str | None) -> None:
    told = cores.runtime(manifest)
    assert told.get("NEURON_LOGICAL_NC_CONFIG") == logical
    assert int(told["NEURON_RT_EXEC_TIMEOUT"]) > 0


_WORKER = """
import sys
from pathlib import Path
from neuron_serving import cores
print(cores.environment(cores.take(Path(sys.argv[1]), ((0,), (1,))))["NEURON_RT_VISIBLE_CORES"], flush=True)
sys.stdin.read()
"""


def test_workers_that_nobody_numbers_share_the_cores_and_a_new_one_gets_those_of_the_dead(
    tmp_path: Path,
) -> None:
    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(sys.path)},
        )

    def core(worker: "subprocess.Popen[str]") -> str:
        assert worker.stdout is not None
        return worker.stdout.readline().strip()

    first, second = started(), started()
    assert {core(first), core(second)} == {"0", "1"}
    with pytest.raises(ServingError) as busy:
        cores.take(tmp_path, ((0,), (1,)))
    assert busy.value.reason == "CoresBusy"
    second.kill()
    second.wait()
    third = started()
    assert core(third) in {"0", "1"}
    for worker in (first, third):
        worker.kill()
        worker.wait()
