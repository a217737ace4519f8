"""A writer killed at any system call: readers see a whole artifact or none, and the next writer succeeds.

The writer runs in a forked process that ends itself, without any clean-up, before or after its n-th call,
or in the middle of a write: what SIGKILL does.
"""

import fcntl
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from neuron_artifact import (
    ArtifactMissing,
    Attempt,
    Publication,
    artifact_path,
    collect,
    verify,
    work,
    writer_lock,
)
from unit.artifact.conftest import DIGEST, fill, small_manifest

_CALLS = ("open", "write", "fsync", "close", "mkdir", "rename", "unlink", "rmdir")
_KILLED = 77
Moment = Literal["before", "after", "within"]


def _kill_at(number: int, moment: Moment) -> None:
    """From the `number`-th system call on, this process no longer exists."""
    count = 0

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == number and moment == "before":
                os._exit(_KILLED)
            if count == number and moment == "within" and name == "write":
                real(words[0], bytes(words[1])[: len(words[1]) // 2])
                os._exit(_KILLED)
            last = count == number
            try:
                return real(*words, **options)
            finally:
                if last:
                    os._exit(_KILLED)

        return call

    for name in _CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))
    fcntl.flock = wrap("flock", fcntl.flock)


def _in_a_process(action: Callable[[], object], number: int, moment: Moment) -> bool:
    """Runs the action in a process killed at the given call; True when it was killed, False when it ended."""
    child = os.fork()
    if child == 0:
        try:
            _kill_at(number, moment)
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, _KILLED), f"the writer failed at call {number} {moment}"
    return code == _KILLED


def _publish(store: Path, pod: str = "pod") -> None:
    """What the containers of a Job do with the store."""
    place = work.work_path(store, DIGEST)
    with writer_lock(place, lambda: None) as alone:
        assert alone
        work.clean(place)
        attempt = Attempt(place, pod)
        attempt.begin()
        fill(attempt.files)
        attempt.finish({})
    with writer_lock(place, lambda: None), Publication(store, DIGEST, pod, attempt) as publication:
        publication.publish(small_manifest())
        work.mark_published(place)
        work.clean(place, finished=True)


def _left(store: Path) -> list[str]:
    """What is left of the work on the digest."""
    return sorted(path.name for path in work.work_path(store, DIGEST).iterdir())


def _whole(store: Path) -> bool:
    """Whether there is an artifact; a half one fails the test with ArtifactCorrupt."""
    try:
        verify(artifact_path(store, DIGEST), DIGEST)
    except ArtifactMissing:
        return False
    return True


@pytest.mark.parametrize("moment", ["before", "after", "within"])
def test_a_writer_killed_at_any_call_never_shows_half_an_artifact(tmp_path: Path, moment: Moment) -> None:
    number, seen = 0, set()
    killed = True
    while killed:
        number += 1
        store = tmp_path / str(number)
        store.mkdir()
        killed = _in_a_process(partial(_publish, store), number, moment)
        seen.add(_whole(store))
        _publish(store, "next")
        assert _whole(store)
        assert _left(store) == ["lock", "published"], f"left of a writer killed {moment} call {number}"
    assert number > 20
    assert seen == {True, False}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_collector_killed_at_any_call_leaves_all_or_nothing(tmp_path: Path, moment: Moment) -> None:
    number, seen = 0, set()
    killed = True
    while killed:
        number += 1
        store = tmp_path / str(number)
        store.mkdir()
        _publish(store)
        killed = _in_a_process(partial(collect, store, DIGEST), number, moment)
        seen.add(_whole(store))
        collect(store, DIGEST)
        assert not _whole(store)
        assert list((store / ".work").iterdir()) == []
    assert number > 10
    assert seen == {True, False}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_replacing_a_corrupt_artifact_may_be_interrupted_anywhere(tmp_path: Path, moment: Moment) -> None:
    number = 0
    killed = True
    while killed:
        number += 1
        store = tmp_path / str(number)
        store.mkdir()
        _publish(store)
        model = store / DIGEST / "buckets/b1_s128/model.pt"
        model.write_bytes(b"rot")
        killed = _in_a_process(partial(_publish, store), number, moment)
        _publish(store, "next")
        assert _whole(store)
        assert _left(store) == ["lock", "published"]
    assert number > 20
