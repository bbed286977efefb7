"""Waiting lines: a line of waiters for each key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_chat.net.limits import TokenBucket
from trio_chat.net.waiting_lines import WaitingLines

if TYPE_CHECKING:
    from trio.testing import MockClock


async def test_many_who_wait_for_one_bucket_get_its_tokens_in_order_and_look_at_it_once_each(
    autojump_clock: MockClock,
) -> None:
    lines, bucket, got, looks = WaitingLines(), TokenBucket(rate=10, burst=1), list[int](), list[float]()

    def take(now: float) -> float:
        looks.append(now)
        return bucket.take(now)

    async def wait(number: int) -> None:
        await lines.wait("one", take)
        got.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(wait, number)
            await trio.testing.wait_all_tasks_blocked()
    assert got == list(range(300))
    assert len(looks) < 2 * 300 + 10  # all at each token: 45,000
    assert not len(lines)


async def test_who_waits_for_one_key_does_not_hold_up_another(autojump_clock: MockClock) -> None:
    lines = WaitingLines()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lines.wait, "one", lambda _now: 1e6)
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(1):
            await lines.wait("other", lambda _now: 0.0)
        nursery.cancel_scope.cancel()
    assert not len(lines)


async def test_who_is_cancelled_takes_nothing_and_leaves_the_line(autojump_clock: MockClock) -> None:
    lines, bucket = WaitingLines(), TokenBucket(rate=1, burst=1)
    bucket.take(trio.current_time())
    with trio.move_on_after(0.5):
        await lines.wait("one", bucket.take)
    assert not len(lines)
    await trio.sleep(0.6)
    assert bucket.take(trio.current_time()) == 0


async def test_what_is_there_is_taken_without_a_checkpoint() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await WaitingLines().wait("one", lambda _now: 0.0)
    assert not scope.cancelled_caught
