"""What requests hold together is bounded, and one client's part of it."""

import pytest
from neuron_serving.front.admission import Admission
from neuron_serving.front.refusal import Refusal


def test_one_client_gets_half_and_others_the_rest() -> None:
    admission = Admission(100, "rows")
    with admission.share("one") as first, admission.share("one") as second, admission.share("other") as third:
        first.grow(40)
        second.grow(10)
        with pytest.raises(Refusal) as refused:
            second.grow(1)
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
        third.grow(50)
    with admission.share("one") as again:
        again.grow(50)


def test_beyond_the_whole_nobody_gets_more() -> None:
    admission = Admission(100, "rows")
    with admission.share("one") as first, admission.share("two") as second, admission.share("three") as third:
        first.grow(50)
        second.grow(40)
        with pytest.raises(Refusal, match="as many rows as it can"):
            third.grow(20)
        third.grow(10)


def test_what_finds_nothing_held_is_never_too_large() -> None:
    admission = Admission(100, "rows")
    with admission.share("one") as alone:
        alone.grow(1000)
        with pytest.raises(Refusal), admission.share("other") as other:
            other.grow(1)
    with admission.share("other") as other:
        other.grow(100)


def test_a_request_that_ends_in_an_error_gives_its_part_back() -> None:
    admission = Admission(100, "rows")

    def failing() -> None:
        with admission.share("one") as share:
            share.grow(100)
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    with admission.share("other") as other:
        other.grow(100)
