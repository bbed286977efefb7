"""Retention: messages that have expired are deleted, by the server and as people delete them, one event for each.

Of several nodes one does it for all (`Store.take_chore`).
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import Refused, StoreError
from trio_chat.kinds.facts import DIRECT, PRIVATE, PUBLIC, SYSTEM
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import DELETE, Delete
from trio_chat.model.events import Draft
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.records import RoomRetention
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

NAME: Final = "trio-chat"
"""The name of the sender of these deletions."""

CHORE: Final = "retention"

WALK_S: Final = 600
"""Seconds between two walks over all rooms: a message is there so much too long at most, unless there are many."""

ROOMS_READ: Final = 100
EVENTS_READ: Final = 50
"""So many are read, and deleted, in one go: others wait for such a commit, of some 30 ms on a busy machine."""

PAUSE_S: Final = 0.25
"""Seconds between two of these: so at most 200 messages are deleted in a second."""

REST: Final = 9
"""Pause in times of what the deletions took: they have a tenth of the log's time at most."""

START_S: Final = 5.0
"""Seconds before the first walk: when a server starts, everybody comes back first."""

STEPS: Final = 40
"""After so many the next room has its turn, and this one again in the next walk, which then follows at once."""


class Retention:
    """Retention of all rooms but those of one person and that of those who run the server. `run` is its task."""

    def __init__(self, store: Store, rooms: RoomRegistry, *, days: int, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._rooms = rooms
        self._days = days
        self._now_ms = now_ms
        self._done: dict[str, int] = {}
        """Up to which number the messages of a room are deleted, as far as they are known to be."""

    async def run(self) -> None:
        """Delete what has expired, for ever."""
        pause_s = START_S
        while True:
            await trio.sleep(pause_s)
            pause_s = WALK_S
            try:
                if not await self._walk():
                    pause_s = PAUSE_S
            except StoreError as error:
                LOGGER.error("the rooms could not be looked through for expired messages: %s", error)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("the rooms could not be looked through for expired messages")

    async def _walk(self) -> bool:
        """Give each room a turn; whether nothing is left to delete, as far as that is possible now."""
        is_done = True
        failed: list[tuple[str, Exception]] = []
        name = ""
        while await self._store.take_chore(CHORE) and (
            page := await self._store.retentions(after=name, limit=ROOMS_READ)
        ):
            for room in page:
                try:
                    is_done &= await self._expire(room)
                except (StoreError, Refused) as error:
                    failed.append((room.room, error))
            name = page[-1].room
            await trio.sleep(PAUSE_S)
        if failed:
            LOGGER.warning("expired messages of %d rooms stay for now; of %s: %s", len(failed), *failed[-1])
        return is_done

    async def _expire(self, room: RoomRetention) -> bool:
        """Delete expired messages of a room, some `STEPS`; whether none is left. Raises `StoreError` and `Refused`."""
        days = self._days_of(room)
        if not days:
            return True
        for _ in range(STEPS):
            done = self._done.get(room.room, 0)
            expired, upto = await self._store.expired_messages(
                room.room, before_ms=self._now_ms() - days * DAY_MS, after=done, limit=EVENTS_READ
            )
            if upto == done:
                return True
            started = perf_counter()
            if expired:
                await self._delete(room.room, expired)
            self._done[room.room] = upto
            await trio.sleep(max(PAUSE_S if expired else 0, REST * (perf_counter() - started)))
        return False

    def _days_of(self, room: RoomRetention) -> int:
        """How many days the room keeps its messages; 0: for ever."""
        if room.kind not in (PUBLIC, PRIVATE, DIRECT):
            return 0
        return min((days for days in (self._days, room.days) if days), default=0)

    async def _delete(self, name: str, seqs: Sequence[int]) -> None:
        room = await self._rooms.get(name)
        # Without ids: a message that was deleted already is refused, and that is all.
        await room.inbox.write_all(
            [Draft(DELETE, SYSTEM, NAME, None, write_body(Delete(seq))) for seq in seqs]
        )
