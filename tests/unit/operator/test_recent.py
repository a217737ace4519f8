"""The memory of the operator's own writes."""

from neuron_operator.reading.objects import Object
from neuron_operator.world.recent import LIFETIME_SECONDS, RecentWrites


def _job(version: int, uid: str = "u1") -> Object:
    metadata = {"name": "j", "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    return {"kind": "Job", "metadata": metadata}


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _newest(recent: RecentWrites, watched: Object | None) -> Object | None:
    return recent.newest("Job", "n", "j", watched)


def test_a_written_object_is_known_before_the_watch_shows_it() -> None:
    recent = RecentWrites(Clock())
    recent.wrote(_job(5))
    assert _newest(recent, None) == _job(5)
    assert _newest(recent, _job(4)) == _job(5)


def test_the_watch_wins_as_soon_as_it_has_caught_up() -> None:
    recent = RecentWrites(Clock())
    recent.wrote(_job(5))
    assert _newest(recent, _job(10)) == _job(10)
    assert _newest(recent, None) is None


def test_a_deleted_object_is_gone_at_once_but_not_its_successor() -> None:
    recent = RecentWrites(Clock())
    recent.wrote(_job(5))
    recent.deleted(_job(5))
    assert _newest(recent, _job(5)) is None
    assert _newest(recent, _job(7, uid="u2")) == _job(7, uid="u2")


def test_a_write_that_the_watch_never_shows_is_forgotten() -> None:
    clock = Clock()
    recent = RecentWrites(clock)
    recent.wrote(_job(5))
    clock.now = LIFETIME_SECONDS + 1
    assert _newest(recent, None) is None


def test_a_deletion_that_the_watch_never_shows_is_forgotten() -> None:
    clock = Clock()
    recent = RecentWrites(clock)
    recent.deleted(_job(5))
    clock.now = LIFETIME_SECONDS + 1
    assert _newest(recent, _job(5)) == _job(5)


def test_what_was_lost_stays_gone_however_long_the_watch_shows_it() -> None:
    clock = Clock()
    recent = RecentWrites(clock)
    recent.lost(_job(5))
    clock.now = 10 * LIFETIME_SECONDS
    assert _newest(recent, _job(5)) is None
    assert _newest(recent, _job(6, uid="u2")) == _job(6, uid="u2")


def test_what_was_lost_is_forgotten_when_the_watch_shows_it_no_more() -> None:
    recent = RecentWrites(Clock())
    recent.lost(_job(5))
    recent.forget_lost_but({"u1"})
    assert recent.is_gone(_job(5))
    recent.forget_lost_but(set())
    assert not recent.is_gone(_job(5))


def test_deletions_are_forgotten_in_their_order() -> None:
    clock = Clock()
    recent = RecentWrites(clock)
    recent.deleted(_job(1, "u1"))
    clock.now = LIFETIME_SECONDS - 1
    recent.deleted(_job(2, "u2"))
    clock.now = LIFETIME_SECONDS + 1
    assert [recent.is_gone(_job(1, uid)) for uid in ("u1", "u2")] == [False, True]
