"""What is only a comfort never ends the operator, and comes back by itself."""

import asyncio

import pytest
from neuron_operator.execution import supervision
from neuron_operator.execution.supervision import supervise


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize(
    "failure", [ValueError("no"), KeyError("no"), UnicodeDecodeError("utf-8", b"", 0, 1, "no")]
)
async def test_work_that_fails_begins_again(failure: Exception) -> None:
    begun = 0
    third = asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 3:
            third.set()
            await asyncio.Event().wait()
        raise failure

    task = asyncio.create_task(supervise("following logs", work))
    await asyncio.wait_for(third.wait(), 10)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
