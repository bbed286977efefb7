"""Locks of blobs, by their hashes: a blob that is being put is not removed before its row is written, and one that is
being removed is not put."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


class BlobLocks:
    """The locks of one store of blobs. Others are not held up: putting a film may take a minute."""

    def __init__(self) -> None:
        self._held: dict[str, trio.Event] = {}

    @asynccontextmanager
    async def hold(self, blobs: Iterable[str]) -> AsyncIterator[None]:
        """Hold the locks of these blobs as long as the block lasts; all of them at once, so that nobody waits for
        somebody who waits."""
        wanted = set(blobs)
        await trio.lowlevel.checkpoint()
        while (holder := next((self._held[blob] for blob in wanted if blob in self._held), None)) is not None:
            await holder.wait()
        is_over = trio.Event()
        self._held.update(dict.fromkeys(wanted, is_over))
        try:
            yield
        finally:
            for blob in wanted:
                del self._held[blob]
            is_over.set()
