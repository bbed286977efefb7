"""Sweeper: what nothing refers to any more leaves the disk.

- Blobs of deleted messages: within a second, as the store says when there are some.
- Uploads that nobody sent: after a day.
- Parts whose upload the store has dropped with its person, and what is left of blobs that were never put to their end:
  every hour.
- What a server that was killed left behind, blobs and parts that no row names: at the start.

Where several servers have one place of files, one of them looks for what expired and what no row names. Blobs that are
gone are removed by whoever deletes, each by one (`FileTable.take_gone`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.blobs.base import blob_of
from trio_chat.errors import StoreError
from trio_chat.files.finishing import remove_content
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from trio_chat.blobs.base import BlobStore
    from trio_chat.files.blob_locks import BlobLocks
    from trio_chat.files.parts import Parts
    from trio_chat.files.uploads import Uploads
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

EXPIRY_MS: Final = DAY_MS
EXPIRED_EVERY_S: Final = 3600.0
RETRY_S: Final = 60.0

CHORE: Final = "files"

AT_ONCE: Final = 100
"""So many are removed while their locks are held."""


class Sweeper:
    """Removes what nothing refers to. ``locks`` are those of the blobs (`trio_chat.files.finishing`)."""

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        parts: Parts,
        uploads: Uploads,
        locks: BlobLocks,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._parts = parts
        self._uploads = uploads
        self._locks = locks
        self._now_ms = now_ms
        self._has_gone = trio.Event()

    def wake(self) -> None:
        """There are blobs that are gone. Sync."""
        self._has_gone.set()

    async def run(self) -> None:
        """Remove what is gone and what has expired, for ever."""
        while True:
            is_done = await _done(self._store.give_gone_back)
            is_done = is_done and await _done(self.remove_gone) and await _done(self.expire)
            pause_s = EXPIRED_EVERY_S if is_done else RETRY_S
            with trio.move_on_after(pause_s):
                while True:
                    await self._has_gone.wait()
                    self._has_gone = trio.Event()
                    await _done(self.remove_gone)

    async def remove_gone(self) -> None:
        """Remove the blobs that are gone."""
        while True:
            found = await self._store.take_gone(AT_ONCE)
            if not found:
                return
            async with self._locks.hold(found):
                known = await self._known(found)  # some may have come back meanwhile
                gone = [blob for blob in found if blob not in known]
                for blob in gone:
                    await remove_content(self._blobs, blob)
                await self._store.forget_gone(gone)
            if len(found) < AT_ONCE:
                return

    async def expire(self) -> None:
        """Drop uploads that were begun a day ago and not sent, and remove parts that are no upload's, and what is left
        of blobs that were not put to their end."""
        is_ours = await self._store.take_chore(CHORE)
        while is_ours and (expired := await self._store.expired_uploads(self._now_ms() - EXPIRY_MS, AT_ONCE)):
            for upload in expired:
                await self._uploads.drop(upload)
        await self._sweep_parts()
        if is_ours:
            await self._blobs.discard_unfinished()

    async def sweep(self) -> None:
        """Remove blobs and parts that no row names, once."""
        await _done(self._sweep)

    async def _sweep(self) -> None:
        found = await self._sweep_parts()
        if await self._store.take_chore(CHORE):
            found += await self._sweep_blobs()
        if found:
            LOGGER.info("%d files that nothing refers to were removed from the disk", found)

    async def _sweep_parts(self) -> int:
        found = await self._parts.ids()  # before the rows are read: a part comes after its row
        known: set[str] = set()
        after = ""
        while page := await self._store.part_ids(after, 1000):
            known.update(page)
            after = page[-1]
        unknown = [upload for upload in found if upload not in known]
        for upload in unknown:
            await self._parts.remove(upload)
        return len(unknown)

    async def _sweep_blobs(self) -> int:
        n_found, after = 0, ""
        while True:
            page = await self._blobs.names(after=after, limit=AT_ONCE)
            if not page:
                return n_found
            async with self._locks.hold(map(blob_of, page)):
                known = await self._known(page)  # after they were found: a blob comes after its name
                for name in page:
                    if blob_of(name) not in known:
                        await self._blobs.remove(name)
                        n_found += 1
            after = page[-1]

    async def _known(self, names: Collection[str]) -> set[str]:
        """Of the blobs with these names, in order, those that are needed."""
        wanted = sorted(set(map(blob_of, names)))
        known: set[str] = set()
        after = wanted[0][:-1]  # comes before it
        while page := await self._store.known_blobs(after, len(wanted)):
            known.update(page)
            after = page[-1]
            if after >= wanted[-1]:
                break
        return known


async def _done(job: Callable[[], Awaitable[None]]) -> bool:
    """Whether a job was done; why not is logged."""
    try:
        await job()
    except (StoreError, OSError) as error:
        LOGGER.error("files that nothing needs any more stay on the disk for now: %s", error)
    except Exception:  # a bug; it must not end the server
        LOGGER.exception("files that nothing needs any more stay on the disk for now")
    else:
        return True
    return False
