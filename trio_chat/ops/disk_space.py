"""Disk space: how much is free is read every few seconds, for the level by which writing is refused.

What refuses is `trio_chat.store.space`, which looks at the level only: nothing is read for a message.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NamedTuple

import trio

from trio_chat.errors import StoreError
from trio_chat.store.space import MIB, SpaceLevel, floor_of, level_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

EVERY_S = 2.0
"""Seconds between two readings: too few to fill the reserve in."""


class Disk(NamedTuple):
    """A file system, in bytes."""

    size: int
    free: int
    """Free for us, not only for root."""


async def read_disk(directory: Path) -> Disk:
    """The file system of the directory, read in a thread: a disk that hangs holds up nobody.

    Raises `OSError`. When cancelled, the thread is left to itself.
    """
    found = await trio.to_thread.run_sync(os.statvfs, directory, abandon_on_cancel=True)
    return Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


class DiskWatch:
    """Watches the disk of a store: ``read`` reads it, ``floor_bytes`` is the configured floor."""

    def __init__(self, store: Store, read: Callable[[], Awaitable[Disk]], *, floor_bytes: int) -> None:
        self._store = store
        self._read = read
        self._floor_bytes = floor_bytes
        self._has_failed = False

    async def run(self) -> None:
        """Look every `EVERY_S`, for ever."""
        while True:
            await trio.sleep(EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Read the disk and set the level. What cannot be read leaves the level as it is."""
        try:
            disk = await self._read()
            reusable = await self._store.reusable_bytes()
        except (OSError, StoreError) as error:
            if not self._has_failed:
                LOGGER.warning("how much of the disk is free cannot be read: %s", error)
            self._has_failed = True
            return
        self._has_failed = False
        # What is free inside the database is written to first. But each write goes by the write-ahead log, which grows
        # on the disk: so at least a quarter of the floor must be free there.
        free = min(disk.free + reusable, 4 * disk.free)
        space, floor = self._store.space, floor_of(self._floor_bytes, disk.size)
        level, before = level_at(free, floor, space.level), space.level
        space.level = level
        if level is not before:
            _log_change(level, free, floor)


def _log_change(level: SpaceLevel, free: int, floor: int) -> None:
    figures = f"{free / MIB:,.0f} MiB are free, the floor is {floor / MIB:,.0f} MiB (--disk-floor)"
    match level:
        case SpaceLevel.FULL:
            LOGGER.error("the disk is nearly full: nobody may write until there is space. %s", figures)
        case SpaceLevel.LOW:
            LOGGER.warning(
                "the disk is nearly full: guests and people who came within a day may not write. %s", figures
            )
        case SpaceLevel.ENOUGH:
            LOGGER.warning("the disk has space again: everybody may write. %s", figures)
