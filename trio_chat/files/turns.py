"""Turns: one task at a time works on an upload, and the one that came last is let in.

A page whose connection died comes back on a new one, while the old request hangs: for minutes, if its network says
nothing. So the newer request is right, and the older one ends.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import TransferRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@attrs.define(eq=False)
class _Turn:
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    may_be_ended: bool = True
    is_over: trio.Event = attrs.field(factory=trio.Event)


class Turns:
    """Turns by key."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def take(self, key: str, *, may_be_ended: bool = True) -> AsyncIterator[None]:
        """Have the turn as long as the block lasts. Whoever has it is ended, or, if that may not be, waited for.

        Raises `Refused` (``superseded``) when somebody else has ended the block.
        """
        while (before := self._turns.get(key)) is not None:
            if before.may_be_ended:
                before.scope.cancel()
            await before.is_over.wait()
        turn = self._turns[key] = _Turn(may_be_ended=may_be_ended)
        try:
            with turn.scope:
                yield
        finally:
            del self._turns[key]
            turn.is_over.set()
        if turn.scope.cancelled_caught:
            raise TransferRefused("superseded", "Another request goes on with this upload.")
