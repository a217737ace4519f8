"""Who is next, where one client has sent more than another."""

import asyncio
from contextlib import suppress

from neuron_serving.front.turns import Turns


async def order(at_once: int, sources: str) -> str:
    """The clients in the order in which they got their turn, all of which came at once in this order."""
    turns, served, go = Turns(at_once), list[str](), asyncio.Event()

    async def ask(source: str) -> None:
        async with turns.turn(source):
            served.append(source)
            await go.wait()

    asked = [asyncio.create_task(ask(source)) for source in sources]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*asked)
    return "".join(served)


def test_who_has_sent_one_request_does_not_wait_for_all_of_another() -> None:
    assert asyncio.run(order(1, "aaaaaab")) == "aabaaaa"


def test_clients_take_turns_and_each_keeps_its_order() -> None:
    assert asyncio.run(order(2, "aaaabbbc")) == "aaabcabb"


def test_who_leaves_while_waiting_or_when_called_holds_nobody_up() -> None:
    async def leave() -> None:
        turns, go = Turns(1), asyncio.Event()

        async def ask(source: str) -> None:
            async with turns.turn(source):
                await go.wait()

        first, waits, called, last = (asyncio.create_task(ask(source)) for source in "abcd")
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.sleep(0)
        go.set()
        await first
        # The turn is its own by now, and it has not gone on yet.
        called.cancel()
        with suppress(asyncio.CancelledError):
            await called
        await asyncio.wait_for(last, 30)
        async with turns.turn("e"):
            pass

    asyncio.run(leave())
