"""What a client's check prints, and how it ends."""

import pytest
from toolbox.report import finish, table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(("a", "b"), [("long cell", "1"), ("x", "22")]) == "a          b\nlong cell  1\nx          22"


def test_a_check_without_failures_passes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        finish([], "all is right")
    assert not ended.value.code
    assert capsys.readouterr().out == "PASS: all is right\n"


def test_a_failure_is_named_and_ends_in_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        finish(["the sky is green"], "all is right")
    assert ended.value.code
    assert capsys.readouterr().out.splitlines() == ["wrong: the sky is green", "FAIL: 1 of the checks"]
