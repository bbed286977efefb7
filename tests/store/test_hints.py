"""Hints: everybody who listens gets them, in a bounded number; nobody waits for who listens."""

from __future__ import annotations

import pytest
import trio

from trio_chat.store.hints import EVERYTHING, HINTS_WAITING, Bell, Hint


async def test_everybody_who_listens_is_told_and_nobody_else() -> None:
    bell = Bell[Hint]()
    bell.ring(EVERYTHING)  # to nobody
    async with bell.listen() as one:
        bell.ring(Hint("lobby", 1))
        async with bell.listen() as two:
            bell.ring(Hint("lobby", 2))
            assert two.receive_nowait() == Hint("lobby", 2)
        bell.ring(EVERYTHING)
        assert [one.receive_nowait() for _ in range(3)] == [Hint("lobby", 1), Hint("lobby", 2), EVERYTHING]
    bell.ring(EVERYTHING)


async def test_hints_that_nobody_takes_are_bounded() -> None:
    bell = Bell[Hint]()
    async with bell.listen() as hints:
        for seq in range(HINTS_WAITING + 5):
            bell.ring(Hint("lobby", seq))
        assert hints.statistics().current_buffer_used == HINTS_WAITING
        assert hints.receive_nowait() == Hint("lobby", 0)
        bell.ring(EVERYTHING)
        for _ in range(HINTS_WAITING - 1):
            hints.receive_nowait()
        assert hints.receive_nowait() == EVERYTHING
        with pytest.raises(trio.WouldBlock):
            hints.receive_nowait()


async def test_who_has_stopped_listening_disturbs_nobody() -> None:
    bell = Bell[Hint]()
    async with bell.listen() as one, bell.listen() as two:
        one.close()
        bell.ring(EVERYTHING)
        assert two.receive_nowait() == EVERYTHING
