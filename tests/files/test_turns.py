"""Turns: one task at a time works on an upload, the one that came last."""

from __future__ import annotations

import trio
import trio.testing

from trio_chat.errors import Refused
from trio_chat.files.turns import Turns


async def test_one_alone_has_its_turn() -> None:
    turns = Turns()
    for _ in range(2):
        async with turns.take("u-1"):
            pass


async def test_the_newer_ends_the_older(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns()
    said: list[str] = []

    async def older(task_status: trio.TaskStatus[None]) -> None:
        try:
            async with turns.take("u-1"):
                task_status.started()
                try:
                    await trio.sleep_forever()
                finally:
                    said.append("older ends")
        except Refused as refused:
            said.append(refused.code)

    async with trio.open_nursery() as nursery:
        await nursery.start(older)
        async with turns.take("u-1"):
            said.append("newer begins")
    assert said[0] == "older ends"
    assert sorted(said) == ["newer begins", "older ends", "superseded"]


async def test_who_may_not_be_ended_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns()
    said: list[str] = []

    async def older(task_status: trio.TaskStatus[None]) -> None:
        async with turns.take("u-1", may_be_ended=False):
            task_status.started()
            await trio.sleep(5)
            said.append("older ends")

    async with trio.open_nursery() as nursery:
        await nursery.start(older)
        async with turns.take("u-1"):
            said.append("newer begins")
    assert said == ["older ends", "newer begins"]


async def test_of_many_each_ends_the_one_before(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns()
    n_now = n_most = n_ended = 0

    async def work() -> None:
        nonlocal n_now, n_most, n_ended
        try:
            async with turns.take("u-1"):
                n_now += 1
                n_most = max(n_most, n_now)
                try:
                    await trio.sleep(1)
                finally:
                    n_now -= 1
        except Refused:
            n_ended += 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(work)
    assert (n_most, n_now) == (1, 0)
    assert 1 <= 20 - n_ended <= 20


async def test_others_have_their_own(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns()
    async with turns.take("u-1"), turns.take("u-2"):
        pass


async def test_who_is_cancelled_from_outside_is_not_told_of_another(
    autojump_clock: trio.testing.MockClock,
) -> None:
    turns = Turns()
    with trio.move_on_after(1) as scope:
        async with turns.take("u-1"):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    async with turns.take("u-1"):
        pass
