"""Rounds: so many have a place at a time, few of each person, and a free one goes to whoever was served longest ago.

Who sends thirty large pictures waits for themselves, and somebody else with one of theirs does not.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@attrs.define(eq=False)
class _Line:
    """A person's: how many places they have, and the events that those wait for who want one, in their order."""

    taken: int = 0
    waiting: deque[trio.Event] = attrs.field(factory=deque)


class Rounds:
    """Places, ``in_all`` of them, of which one person has at most ``for_each``."""

    def __init__(self, *, in_all: int, for_each: int) -> None:
        self._free = in_all
        self._for_each = for_each
        self._lines: OrderedDict[str, _Line] = OrderedDict()  # who was served longest ago comes first

    @asynccontextmanager
    async def take(self, person: str) -> AsyncIterator[None]:
        """Have a place as long as the block lasts; it is waited for."""
        has_place = trio.Event()
        self._lines.setdefault(person, _Line()).waiting.append(has_place)
        self._hand_out()
        try:
            await has_place.wait()
            yield
        finally:
            self._leave(person, has_place)

    def _leave(self, person: str, has_place: trio.Event) -> None:
        line = self._lines[person]
        if has_place.is_set():
            line.taken -= 1
            self._free += 1
            self._lines.move_to_end(person)
        else:
            line.waiting.remove(has_place)
        if not (line.taken or line.waiting):
            del self._lines[person]
        self._hand_out()

    def _hand_out(self) -> None:
        """Give the free places to those who wait."""
        while self._free and (person := self._next()) is not None:
            line = self._lines[person]
            line.waiting.popleft().set()
            line.taken += 1
            self._free -= 1
            self._lines.move_to_end(person)

    def _next(self) -> str | None:
        """Whose turn it is."""
        return next(
            (who for who, line in self._lines.items() if line.waiting and line.taken < self._for_each), None
        )
