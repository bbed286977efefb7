"""Places for downloads: so many at a time in all, and so many for each person. Who finds none waits a little."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.errors import Refused, TransferRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IN_ALL: Final = 64
FOR_EACH: Final = 8
WAITING: Final = 32
"""So many more of a person's requests wait: each costs memory and looks into the store. A browser has six at once."""

PATIENCE_S: Final = 20.0
"""So long it is waited for a place."""

RETRY_AFTER_S: Final = 5.0


@attrs.define(eq=False)
class _Share:
    """The places of a person, and how many requests have them or wait for them."""

    places: trio.Semaphore
    users: int = 0


class Places:
    """The places of one sort."""

    def __init__(self, *, in_all: int = IN_ALL, for_each: int = FOR_EACH) -> None:
        self._in_all = trio.Semaphore(in_all)
        self._for_each = for_each
        self._of_people: dict[str, _Share] = {}

    @asynccontextmanager
    async def take(self, person: str) -> AsyncIterator[None]:
        """Have a place as long as the block lasts. Raises `Refused` (``busy``) if there is none in time, and at once if
        too many of this person's wait already."""
        share = self._of_people.setdefault(person, _Share(trio.Semaphore(self._for_each)))
        if share.users >= self._for_each + WAITING:
            raise _busy()
        share.users += 1
        try:
            with trio.move_on_after(PATIENCE_S) as patience:
                await share.places.acquire()
                try:
                    await self._in_all.acquire()
                except BaseException:
                    share.places.release()
                    raise
            if patience.cancelled_caught:
                raise _busy()
            try:
                yield
            finally:
                self._in_all.release()
                share.places.release()
        finally:
            share.users -= 1
            if not share.users:
                del self._of_people[person]


def _busy() -> Refused:
    return TransferRefused(
        "busy", "Too many files are being fetched. Try again in a moment.", retry_after_s=RETRY_AFTER_S
    )
