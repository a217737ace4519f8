"""Requests as arrays: checked, padded into compiled shapes, and cut back."""

import numpy as np
import pytest
from neuron_serving.plan import Call, Shape, Slot
from neuron_serving.tensors import Array, Limits, RefusedError, assemble, check, completed, parts

LIMITS = Limits(longest=8, counts={"input_ids": 100, "attention_mask": 2})


def ids(*rows: list[int]) -> Array:
    return np.array(rows, dtype=np.int64)


def test_a_missing_mask_counts_every_token_and_missing_segments_are_one() -> None:
    found = completed({"input_ids": ids([5, 6])}, ("input_ids", "attention_mask", "token_type_ids"))
    assert list(found) == ["input_ids", "attention_mask", "token_type_ids"]
    assert found["attention_mask"].tolist() == [[1, 1]]
    assert found["token_type_ids"].tolist() == [[0, 0]]


def test_what_the_client_sends_is_kept() -> None:
    found = completed(
        {"attention_mask": ids([1, 0]), "input_ids": ids([5, 6])}, ("input_ids", "attention_mask")
    )
    assert found["attention_mask"].tolist() == [[1, 0]]


@pytest.mark.parametrize("missing", ["input_ids", "position_ids"])
def test_a_missing_input_without_a_default_is_named(missing: str) -> None:
    given = {name: ids([1]) for name in ("input_ids", "position_ids") if name != missing}
    with pytest.raises(RefusedError, match=missing):
        completed(given, ("input_ids", "position_ids"))


def test_a_text_as_long_as_the_largest_bucket_is_taken() -> None:
    assert check({"input_ids": ids([1] * 8)}, LIMITS) == Shape(1, 8)


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"input_ids": ids([1] * 9)}, "9 tokens.*at most 8"),
        ({"input_ids": np.zeros((1, 0), dtype=np.int64)}, "at least one token"),
        ({"input_ids": np.zeros((2,), dtype=np.int64)}, r"shape \[2\]"),
        ({"input_ids": ids([1, 2]), "attention_mask": ids([1])}, "equal shapes"),
        ({"input_ids": ids([1, -1])}, "outside 0 to 99"),
        ({"input_ids": ids([1, 100])}, "outside 0 to 99"),
        ({"input_ids": ids([1]), "attention_mask": ids([2])}, "attention_mask holds a value outside 0 to 1"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_sentence(tensors: dict[str, Array], says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        check(tensors, LIMITS)


def test_requests_are_padded_on_the_right_and_free_rows_repeat_the_last_one() -> None:
    call = Call(0, (Slot(0, 1, 2), Slot(1, 0, 1)))
    found = assemble(call, Shape(3, 4), [ids([1, 2], [3, 4]), ids([5, 6, 7])], pad=9)
    assert found.tolist() == [[3, 4, 9, 9], [5, 6, 7, 9], [5, 6, 7, 9]]


def test_a_result_by_token_is_cut_to_the_requests_own_length() -> None:
    call = Call(0, (Slot(0, 0, 1), Slot(1, 0, 2)))
    output = np.arange(4 * 5 * 2).reshape(4, 5, 2)
    first, second = parts(call, output, ("sequence", 2), lengths=[2, 5])
    assert np.array_equal(first, output[:1, :2])
    assert np.array_equal(second, output[1:3])


def test_a_result_by_text_has_no_padding_to_cut_but_its_rows() -> None:
    call = Call(0, (Slot(0, 0, 1),))
    output = np.arange(4 * 3).reshape(4, 3)
    (found,) = parts(call, output, (3,), lengths=[2])
    assert np.array_equal(found, output[:1])
