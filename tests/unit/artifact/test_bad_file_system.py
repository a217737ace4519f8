"""A store on a file system that fails: readers see a whole artifact or none, and the next writer succeeds."""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from badfs.durable import Disk
from badfs.faults import ANY, STALL, Fault
from badfs.mounts import CannotMount, Node, mounted
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
from neuron_compiler import scrubbing
from neuron_compiler.failure import CompileError
from support.wait import eventually
from unit.artifact.conftest import DIGEST, fill, small_manifest

_FOR_EVER = 10**9
_STEP = 61
_DEADLINE_SECONDS = 60.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad")


@pytest.fixture(scope="module")
def disk(place: Path) -> Disk:
    return Disk(place / "disk")


@pytest.fixture(scope="module")
def nodes(disk: Disk, place: Path) -> Iterator[tuple[Node, Node]]:
    """Two nodes that have the disk mounted."""
    with mount(disk, place, "one") as one, mount(disk, place, "two") as two:
        yield one, two


@pytest.fixture
def node(nodes: tuple[Node, Node]) -> Iterator[Node]:
    """One node, with nothing in its store."""
    for each in nodes:
        each.fails()
    start_over(nodes[0].store)
    yield nodes[0]
    nodes[0].fails()


@pytest.fixture
def other(nodes: tuple[Node, Node], node: Node) -> Iterator[Node]:
    """Another node, where locks of the first are not seen."""
    yield nodes[1]
    nodes[1].fails()


@contextlib.contextmanager
def mount(disk: Disk, place: Path, name: str, *, locks: bool = True) -> Iterator[Node]:
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(mounted(disk, place, name, locks=locks))
        except CannotMount as lacking:
            pytest.skip(str(lacking))
        yield found


def publish(store: Path, pod: str) -> None:
    """What the containers of a Job do with the store."""
    place = work.work_path(store, DIGEST)
    attempt = Attempt(place, pod)
    with writer_lock(place, lambda: None) as alone:
        if alone:
            work.clean(place)
        attempt.begin()
        fill(attempt.files)
        attempt.finish({})
    with writer_lock(place, lambda: None) as alone, Publication(store, DIGEST, pod, attempt) as publication:
        publication.publish(small_manifest())
        work.mark_published(place)
        if alone:
            work.clean(place, finished=True)


def whole(store: Path) -> bool:
    """Whether there is an artifact; a half one fails the test with ArtifactCorrupt."""
    try:
        verify(artifact_path(store, DIGEST), DIGEST)
    except ArtifactMissing:
        return False
    return True


def left(store: Path) -> list[str]:
    """What is left of the work on the digest."""
    return sorted(path.name for path in work.work_path(store, DIGEST).iterdir())


def start_over(store: Path) -> None:
    collect(store, DIGEST)
    assert not whole(store)


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("create", "ENOSPC"),
        ("open", "ESTALE"),
        ("write", "ENOSPC"),
        ("write", "EIO"),
        ("fsync", "EIO"),
        ("fsyncdir", "ESTALE"),
        ("mkdir", "EDQUOT"),
        ("rename", "ESTALE"),
        ("unlink", "EIO"),
        ("rmdir", "EIO"),
    ],
)
def test_an_operation_that_fails_leaves_no_half_artifact_and_the_next_writer_succeeds(
    node: Node, disk: Disk, operation: str, error: str
) -> None:
    for number in range(3):
        node.fails(Fault(operation, error, after=number))
        try:
            publish(node.store, "pod")
            failed = False
        except OSError:
            failed = True
        node.fails()
        stands = whole(disk.live)
        assert stands or failed
        publish(node.store, "next")
        assert whole(disk.live)
        assert left(disk.live) == ["lock", "published"], f"after {operation} {number}"
        start_over(node.store)


def test_power_that_goes_at_any_operation_leaves_no_half_artifact_and_the_next_writer_succeeds(
    node: Node, disk: Disk
) -> None:
    seen = set()
    for number in itertools.count(step=_STEP):
        node.fails(Fault(ANY, "EIO", after=number, times=_FOR_EVER))
        with contextlib.suppress(OSError):
            publish(node.store, "pod")
            break
        node.fails()
        disk.lose_power()
        seen.add(whole(disk.live))
        publish(node.store, "next")
        assert whole(disk.live)
        start_over(node.store)
    assert seen == {True, False}


def test_what_was_published_survives_the_loss_of_power(node: Node, disk: Disk) -> None:
    publish(node.store, "pod")
    disk.lose_power()
    assert whole(disk.live)


@pytest.mark.parametrize("operation", ["create", "write", "rename", "fsync"])
def test_a_writer_that_stalls_on_one_node_does_no_harm_to_one_on_another_where_locks_lie(
    node: Node, other: Node, disk: Disk, operation: str
) -> None:
    for number in range(3):
        node.fails(Fault(operation, STALL, after=number))
        first = Beside(node, "first")
        eventually(first.stalls_or_has_ended, what="the first writer stalls, or is done")
        publish(other.store, "second")
        assert whole(disk.live)
        node.fails()
        assert isinstance(first.end(), OSError | None)
        assert whole(disk.live)
        publish(other.store, "third")
        assert left(disk.live) == ["lock", "published"]
        start_over(other.store)


@pytest.mark.parametrize("operation", ["unlink", "rmdir"])
@pytest.mark.parametrize("number", range(3))
def test_a_writer_whose_files_another_one_removes_publishes_nothing_where_locks_lie(
    node: Node, other: Node, disk: Disk, operation: str, number: int
) -> None:
    node.fails(Fault("create", STALL, "*/vocab.json"))
    first = Beside(node, "first")
    eventually(node.stands_still, what="the first writer stalls before its last file")
    other.fails(Fault(operation, STALL, "*/buckets*", after=number))
    second = Beside(other, "second")
    eventually(second.stalls_or_has_ended, what="the second writer stalls, or is done")
    node.fails()
    first.end()
    whole(disk.live)
    other.fails()
    second.end()
    publish(other.store, "third")
    assert whole(disk.live)
    assert left(disk.live) == ["lock", "published"]


class Beside:
    """A writer in a thread of its own."""

    def __init__(self, node: Node, pod: str) -> None:
        self._node = node
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(node.store, pod), daemon=True)
        self._thread.start()

    def _run(self, store: Path, pod: str) -> None:
        try:
            publish(store, pod)
        except BaseException as error:
            self._error = error

    def stalls_or_has_ended(self) -> bool:
        """Whether it goes on no more by itself."""
        return self._node.stands_still() or not self._thread.is_alive()

    def end(self) -> BaseException | None:
        """Waits for it; what it ended with."""
        self._thread.join(_DEADLINE_SECONDS)
        assert not self._thread.is_alive(), "the writer does not end"
        return self._error


def test_without_locks_nobody_waits_and_nobody_is_in_the_way(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk")
    with (
        mount(disk, tmp_path, "one", locks=False) as one,
        mount(disk, tmp_path, "two", locks=False) as two,
    ):
        writers = [Beside(one, "first"), Beside(two, "second")]
        assert [writer.end() for writer in writers] == [None, None]
        assert whole(disk.live)


@pytest.mark.parametrize(
    ("operation", "error"), [("read", "EIO"), ("open", "ESTALE"), ("getattr", "EIO"), ("readdir", "ESTALE")]
)
def test_who_looks_at_files_that_cant_be_read_just_now_says_of_none_that_it_is_damaged(
    node: Node, operation: str, error: str
) -> None:
    publish(node.store, "pod-0")
    node.fails(Fault(operation, error, times=_FOR_EVER))
    told = {"STORE_PATH": str(node.store), "DIGEST": DIGEST}
    with pytest.raises(CompileError) as raised:
        scrubbing.run(told, sleep=lambda _: None)
    assert (raised.value.reason, raised.value.heals) == ("StorageUnwritable", True)
    node.fails()
    assert scrubbing.run(told, sleep=lambda _: None)["outcome"] == "Whole"
