"""Pacing: all uploads together are as fast as is good for the log."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from trio_chat.files.pacing import Pace


async def test_together_they_are_no_faster_than_the_rate(autojump_clock: trio.testing.MockClock) -> None:
    pace = Pace(bytes_per_s=1000, burst=100)
    began = trio.current_time()

    async def write() -> None:
        for _ in range(10):
            await pace.wait(50)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(write)
    # 2000 bytes, of which a hundred go at once.
    assert trio.current_time() - began == pytest.approx(1.9, abs=0.01)


async def test_what_is_larger_than_the_burst_has_its_time_as_well(
    autojump_clock: trio.testing.MockClock,
) -> None:
    pace = Pace(bytes_per_s=1000, burst=100)
    began = trio.current_time()
    await pace.wait(1050)
    assert trio.current_time() - began == pytest.approx(0.95, abs=0.01)


async def test_who_came_first_is_first(autojump_clock: trio.testing.MockClock) -> None:
    pace = Pace(bytes_per_s=1000, burst=100)
    order: list[int] = []

    async def write(number: int) -> None:
        await trio.sleep(number / 1000)
        for _ in range(3):
            await pace.wait(100)
            order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(write, number)
    assert order == [0, 0, 1, 2, 0, 1, 2, 1, 2]  # the first has two turns before the others are there


async def test_who_gives_up_holds_up_nobody(autojump_clock: trio.testing.MockClock) -> None:
    pace = Pace(bytes_per_s=1000, burst=100)
    await pace.wait(100)
    with trio.move_on_after(0.05):
        await pace.wait(100)
    began = trio.current_time()
    await pace.wait(100)
    assert trio.current_time() - began == pytest.approx(0.05, abs=0.01)
