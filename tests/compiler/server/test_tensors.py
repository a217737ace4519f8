"""Requests as arrays: checked, padded into compiled shapes, and cut back."""

import numpy as np
import pytest
from neuron_serving.plan import Call, Shape, Slot
from neuron_serving.signature import Feature, Signature
from neuron_serving.tensors import Array, RefusedError, assemble, check, completed, parts

TEXT = Signature(
    inputs=(
        Feature("input_ids", "INT64", ("sequence",), 9, 100),
        Feature("attention_mask", "INT64", ("sequence",), 0, 2),
        Feature("token_type_ids", "INT64", ("sequence",)),
    ),
    outputs={"logits": (2,)},
    axes=("sequence",),
    sizes=((4,), (8,)),
)
IMAGE = Signature(
    inputs=(Feature("pixel_values", "FP32", (3, "height", "width")),),
    outputs={"logits": (10,)},
    axes=("height", "width"),
    sizes=((32, 32), (64, 64)),
)
CUSTOM = Signature(
    inputs=(Feature("left", "FP32", (2,)), Feature("right", "INT32", (3, 1))),
    outputs={"output": (1,)},
    axes=(),
    sizes=((),),
)


def ids(*rows: list[int]) -> Array:
    return np.array(rows, dtype=np.int64)


def text(*rows: list[int], **others: Array) -> dict[str, Array]:
    return completed({"input_ids": ids(*rows), **others}, TEXT)


def picture(*shape: int, value: float = 0.5) -> dict[str, Array]:
    return {"pixel_values": np.full(shape, value, dtype=np.float32)}


def test_a_missing_mask_counts_every_token_and_missing_segments_are_one() -> None:
    found = text([5, 6])
    assert list(found) == ["input_ids", "attention_mask", "token_type_ids"]
    assert found["attention_mask"].tolist() == [[1, 1]]
    assert found["token_type_ids"].tolist() == [[0, 0]]


def test_a_row_in_which_no_token_counts_is_refused() -> None:
    assert check(text([5, 6], [7, 8], attention_mask=ids([1, 0], [0, 1])), TEXT) == Shape(2, (2,))
    with pytest.raises(RefusedError, match="in which no token counts"):
        check(text([5, 6], [7, 8], attention_mask=ids([1, 1], [0, 0])), TEXT)


def test_what_the_client_sends_is_kept() -> None:
    assert text([5, 6], attention_mask=ids([1, 0]))["attention_mask"].tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("given", "signature", "says"),
    [
        ({"attention_mask": ids([1])}, TEXT, "input_ids is missing"),
        ({"left": np.zeros((1, 2), np.float32)}, CUSTOM, "right is missing"),
        ({"input_ids": ids([1]), "position_ids": ids([1])}, TEXT, "no input position_ids: its inputs are"),
    ],
)
def test_an_input_that_is_missing_or_unknown_is_named(
    given: dict[str, Array], signature: Signature, says: str
) -> None:
    with pytest.raises(RefusedError, match=says):
        completed(given, signature)


@pytest.mark.parametrize(
    ("tensors", "signature", "shape"),
    [
        (text([1] * 8), TEXT, Shape(1, (8,))),
        (picture(2, 3, 64, 64), IMAGE, Shape(2, (64, 64))),
        ({"left": np.zeros((3, 2), np.float32), "right": np.zeros((3, 3, 1), np.int32)}, CUSTOM, Shape(3)),
    ],
)
def test_what_fits_has_a_shape(tensors: dict[str, Array], signature: Signature, shape: Shape) -> None:
    assert check(tensors, signature) == shape


@pytest.mark.parametrize(
    ("tensors", "signature", "says"),
    [
        (text([1] * 9), TEXT, "9 tokens.*at most 8"),
        (text([], []), TEXT, "at least one token"),
        (completed({"input_ids": np.zeros((2,), np.int64)}, TEXT), TEXT, r"shape \[2\]"),
        (completed({"input_ids": np.zeros((0, 4), np.int64)}, TEXT), TEXT, r"shape \[0, 4\]"),
        (text([1, 2], attention_mask=ids([1])), TEXT, "equal shapes"),
        (text([1], attention_mask=ids([1], [1])), TEXT, "equal shapes"),
        (text(*[[1]] * 65), TEXT, "65 rows, and a request may have 64"),
        (text([1, -1]), TEXT, "outside 0 to 99"),
        (text([1, 100]), TEXT, "outside 0 to 99"),
        (text([1], attention_mask=ids([2])), TEXT, "attention_mask holds a value outside 0 to 1"),
        (completed({"input_ids": np.ones((1, 2), np.float32)}, TEXT), TEXT, "float32: send INT64"),
        (picture(1, 3, 48, 48), IMAGE, "48 x 48.*compiled for 32 x 32, 64 x 64"),
        (picture(1, 1, 32, 32), IMAGE, r"send \[batch, 3, height, width\]"),
        (picture(3, 32, 32), IMAGE, r"send \[batch, 3, height, width\]"),
        (picture(1, 3, 32, 32, value=np.nan), IMAGE, "not a finite number"),
        (picture(1, 3, 32, 32, value=np.inf), IMAGE, "not a finite number"),
        (
            {"left": np.zeros((1, 2), np.float32), "right": np.zeros((2, 3, 1), np.int32)},
            CUSTOM,
            "equal shapes",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_sentence(
    tensors: dict[str, Array], signature: Signature, says: str
) -> None:
    with pytest.raises(RefusedError, match=says):
        check(tensors, signature)


def test_requests_are_padded_on_the_right_and_free_rows_repeat_the_last_one() -> None:
    call = Call(0, (Slot(0, 1, 2), Slot(1, 0, 1)))
    found = assemble(call, Shape(3, (4,)), [ids([1, 2], [3, 4]), ids([5, 6, 7])], pad=9)
    assert found.tolist() == [[3, 4, 9, 9], [5, 6, 7, 9], [5, 6, 7, 9]]


def test_a_request_that_fits_a_call_exactly_is_not_copied() -> None:
    rows = ids([1, 2], [3, 4])
    assert assemble(Call(0, (Slot(0, 0, 2),)), Shape(2, (2,)), [rows], pad=9).base is rows


def test_pictures_share_a_call_as_they_are() -> None:
    call = Call(0, (Slot(0, 0, 1), Slot(1, 0, 1)))
    one, two = (picture(1, 3, 32, 32, value=value)["pixel_values"] for value in (1.0, 2.0))
    found = assemble(call, Shape(4, (32, 32)), [one, two], pad=0)
    assert found.shape == (4, 3, 32, 32)
    assert found[:, 0, 0, 0].tolist() == [1.0, 2.0, 2.0, 2.0]


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
