"""Places for transfers: so many at a time in all, for each address, and for each person. Who finds none waits a little.

One that hardly moves has its place as long as nobody waits for it: else few who take a byte now and then would hold
all of them.
"""

from __future__ import annotations

import math
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.errors import TransferRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NO_LIMIT: Final = 1_000_000

WAITING: Final = 32
"""So many more of a person's requests wait: each costs memory and looks into the store. A browser has six at once."""

PATIENCE_S: Final = 20.0
"""So long it is waited for a place."""

LEAST_BYTES: Final = 64 * 1024
FAIR_S: Final = 15.0
"""A transfer that moves less than so much within so long, from its beginning on, may have to give way: that is 4 kB a
second, a fifth of what a phone has on a bad network."""

ASKED_EVERY_S: Final = 0.5
"""So often who waits for a place has a slow one give way."""

RETRY_AFTER_S: Final = 5.0


@attrs.define(eq=False)
class Place:
    """The place of a transfer, which says what moves."""

    _give_way: Callable[[], object]
    _slow_from: float = math.inf
    _n_moved: int = 0

    def moved(self, n: int) -> None:
        """So many bytes more came or went."""
        self._n_moved += n
        if self._n_moved >= LEAST_BYTES:
            self.begin()

    def begin(self) -> None:
        """From now on something should move."""
        self._n_moved = 0
        self._slow_from = trio.current_time() + FAIR_S

    def is_slow(self) -> bool:
        """Whether hardly anything has moved lately."""
        return self._slow_from <= trio.current_time()

    def give_way(self) -> None:
        """End the transfer, for others; it leaves its place in a moment."""
        self._slow_from = math.inf
        self._give_way()


class _Limit:
    """The places of all, of an address, or of a person."""

    def __init__(self, n: int) -> None:
        self.users = 0
        """How many have a place, or want one."""
        self._free = trio.Semaphore(n)
        self._taken: set[Place] = set()

    @asynccontextmanager
    async def take(self, place: Place) -> AsyncIterator[None]:
        """Count a place as long as the block lasts; it is waited for."""
        await self._wait()
        self._taken.add(place)
        try:
            yield
        finally:
            self._taken.discard(place)
            self._free.release()

    async def _wait(self) -> None:
        try:
            self._free.acquire_nowait()
        except trio.WouldBlock:
            pass
        else:
            return
        is_ours = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hurry)
                await self._free.acquire()
                is_ours = True
                nursery.cancel_scope.cancel()
        except BaseException:
            if is_ours:
                self._free.release()
            raise

    async def _hurry(self) -> None:
        """Have one that is slow give way, every now and then."""
        while True:
            slow = next((place for place in self._taken if place.is_slow()), None)
            if slow is not None:
                slow.give_way()
            await trio.sleep(ASKED_EVERY_S)


class Places:
    """The places of one sort of transfers; 0: no limit."""

    def __init__(self, *, in_all: int, for_address: int, for_each: int) -> None:
        self._all = _Limit(in_all or NO_LIMIT)
        self._for_address = for_address or NO_LIMIT
        self._for_each = for_each or NO_LIMIT
        self._addresses: dict[str, _Limit] = {}
        self._people: dict[str, _Limit] = {}

    @asynccontextmanager
    async def take(
        self, person: str, address: str, give_way: Callable[[], object] = lambda: None
    ) -> AsyncIterator[Place]:
        """Have a place as long as the block lasts. ``give_way`` is called if it is slow, and others wait: it is to end
        the block. ``address`` is an `address_key`.

        Raises `Refused` (``busy``) if there is none in time, and at once if too many of this person's wait already.
        """
        own = self._people.setdefault(person, _Limit(self._for_each))
        near = self._addresses.setdefault(address, _Limit(self._for_address))
        place = Place(give_way)
        own.users += 1
        near.users += 1
        try:
            if own.users > self._for_each + WAITING:
                raise busy()
            async with AsyncExitStack() as stack:
                with trio.move_on_after(PATIENCE_S) as patience:
                    for limit in (own, near, self._all):
                        await stack.enter_async_context(limit.take(place))
                if patience.cancelled_caught:
                    raise busy()
                place.begin()
                yield place
        finally:
            for limits, key in ((self._people, person), (self._addresses, address)):
                limits[key].users -= 1
                if not limits[key].users:
                    del limits[key]


def busy(sentence: str = "Too many files are on their way. Try again in a moment.") -> TransferRefused:
    """Why there is no place, or no longer one."""
    return TransferRefused("busy", sentence, retry_after_s=RETRY_AFTER_S)
