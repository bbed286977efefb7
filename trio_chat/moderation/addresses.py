"""Addresses that people come from, as keyed hashes: which are banned, and who was seen where lately."""

from __future__ import annotations

import ipaddress
import logging
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import Refused, StoreError
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

NOTED_AGAIN_MS: Final = DAY_MS
MAX_NOTED: Final = 50_000
MAX_WAITING: Final = 10_000
"""So many wait to be saved; further ones are not. Each is noted again the next day."""


class Addresses:
    """Addresses (`address_key`) that are banned, and those that people and guests were seen at.

    `run` is its task, which saves what was noted. All else is sync.
    """

    def __init__(
        self, store: Store, *, key: bytes, banned: Mapping[bytes, int], now_ms: Callable[[], int]
    ) -> None:
        self.banned = banned
        """Until when which addresses are banned, by their hashes."""
        self._store = store
        self._key = key
        self._now_ms = now_ms
        self._noted: dict[tuple[str, bytes], int] = {}
        self._waiting: dict[tuple[str, bytes], None] = {}
        self._woken = trio.Event()

    def is_banned(self, address: str, at_ms: int) -> bool:
        """Whether an address is banned at this moment."""
        return bool(self.banned) and at_ms < self.banned.get(self._hash(address), 0)

    def note(self, person: str, address: str) -> None:
        """Have it saved that a person or guest (their id) comes from this address, if it was not within a day."""
        if _is_of_this_machine(address):
            return
        seen, now_ms = (person, self._hash(address)), self._now_ms()
        if (
            now_ms - self._noted.get(seen, -NOTED_AGAIN_MS) < NOTED_AGAIN_MS
            or len(self._waiting) >= MAX_WAITING
        ):
            return
        if len(self._noted) >= MAX_NOTED:
            self._noted.clear()
        self._noted[seen] = now_ms
        self._waiting[seen] = None
        self._woken.set()

    async def run(self) -> None:
        """Save what was noted, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken = trio.Event()
            waiting, self._waiting = self._waiting, {}
            try:
                await self._store.note_addresses(list(waiting), self._now_ms())
            except (StoreError, Refused) as error:  # they are noted another day
                LOGGER.info("where %d people came from could not be saved: %s", len(waiting), error)

    async def read_banned(self) -> None:
        """Read again which addresses are banned. Raises `StoreError`."""
        self.banned = await self._store.banned_addresses(at_ms=self._now_ms())

    def _hash(self, address: str) -> bytes:
        return blake2b(address.encode(), key=self._key, digest_size=16).digest()


async def open_addresses(store: Store, *, now_ms: Callable[[], int]) -> Addresses:
    """The addresses that a store knows of. Raises `StoreError`."""
    key, banned = await store.addresses_key(), await store.banned_addresses(at_ms=now_ms())
    return Addresses(store, key=key, banned=banned, now_ms=now_ms)


@lru_cache(maxsize=4096)  # the same addresses come again
def _is_of_this_machine(address: str) -> bool:
    """Whether an address says nothing: of this machine itself, perhaps of a proxy there, or of no network."""
    try:
        return ipaddress.ip_network(address).is_loopback
    except ValueError:
        return True
