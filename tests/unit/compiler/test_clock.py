"""A step's time: what it works counts, what it waits for does not."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from badfs.durable import Disk
from badfs.faults import STALL, Fault
from badfs.mounts import CannotMount, Node, mounted
from neuron_compiler import clock
from neuron_compiler.clock import Clock, children_stall, limited, paused
from neuron_compiler.failure import CompileError
from support.wait import eventually


class Watch:
    """A clock on the wall that a test turns on."""

    def __init__(self) -> None:
        self.time = 0.0
        self.stalled = False

    def step(self, limit: float) -> Clock:
        return Clock("compile", limit, lambda: self.stalled, lambda: self.time)

    def passes(self, seconds: int, of: Clock) -> None:
        for _ in range(seconds):
            self.time += 1
            of.tick()


def test_a_step_that_works_for_too_long_says_what_to_raise() -> None:
    watch = Watch()
    step = watch.step(60)
    watch.passes(60, step)
    with pytest.raises(
        CompileError, match=r"compile worked for longer than 60 seconds: raise .*timeoutSeconds"
    ) as failed:
        watch.passes(1, step)
    assert (failed.value.reason, failed.value.heals) == ("CompileTimeout", False)


def test_a_stall_and_a_pause_are_not_counted_and_the_rest_is() -> None:
    watch = Watch()
    step = watch.step(60)
    watch.passes(20, step)
    watch.stalled = True
    watch.passes(10_000, step)
    watch.stalled = False
    step.paused = True
    watch.passes(10_000, step)
    step.paused = False
    watch.passes(40, step)
    assert step.worked == 60


def test_a_tick_that_was_held_up_is_no_work() -> None:
    watch = Watch()
    step = watch.step(60)
    watch.time += 10_000
    step.tick()
    assert step.worked < 10


def test_a_step_is_ended_in_the_middle_of_a_wait_for_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "TICK_SECONDS", 0.05)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with pytest.raises(CompileError, match="worked for longer"), limited("compile", 0.2):
            child.wait(60)
        assert child.poll() is None
    finally:
        child.kill()
        child.communicate()


def test_what_is_waited_for_is_not_the_steps_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "TICK_SECONDS", 0.05)
    with limited("compile", 0.1), paused():
        begun = current().last
        eventually(lambda: current().last > begun + 1, what="a second is over")
        assert current().worked == 0


def current() -> Clock:
    assert clock._current is not None
    return clock._current


def test_without_a_limit_nothing_is_counted() -> None:
    with limited("collect", None), paused():
        pass


@contextmanager
def a_mount(place: Path) -> Iterator[Node]:
    try:
        with mounted(Disk(place / "disk"), place, "store") as node:
            yield node
    except CannotMount as lacking:
        pytest.skip(str(lacking))


def test_a_process_that_waits_for_a_file_system_which_stalls_is_seen(tmp_path: Path) -> None:
    with a_mount(tmp_path) as node:
        node.fails(Fault("mkdir", STALL))
        child = subprocess.Popen(["/bin/mkdir", str(node.store / "new")])
        try:
            eventually(node.stands_still, what="the child has asked the file system")
            child.kill()
            # A signal that comes while the file system has the request makes the wait one that nothing ends.
            eventually(children_stall, what="the child's wait is seen")
        finally:
            node.fails()
            child.wait(60)
        assert not children_stall()
