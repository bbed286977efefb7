"""The service of files: uploads, downloads and the sweeper, over a store of messages and one of blobs.

What is coming is on the disk of this machine, or where several have their files (``parts/``); what is there in the
store of blobs.
"""

from __future__ import annotations

import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.files.beginning import Beginning
from trio_chat.files.blob_locks import BlobLocks
from trio_chat.files.downloads import Downloads
from trio_chat.files.finishing import Finisher
from trio_chat.files.keys import Keys
from trio_chat.files.pacing import Pace
from trio_chat.files.parts import Parts
from trio_chat.files.sweeper import Sweeper
from trio_chat.files.transfers import Transfers
from trio_chat.files.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from trio_chat.blobs.base import BlobStore
    from trio_chat.model.files import FileLimits
    from trio_chat.moderation.door import Door
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.store.base import Store


@attrs.frozen(eq=False)
class Files:
    """The service of files. Made by `open_files`."""

    beginning: Beginning
    uploads: Uploads
    downloads: Downloads
    keys: Keys
    transfers: Transfers
    sweeper: Sweeper


@asynccontextmanager
async def open_files(
    directory: Path,
    workshops: Path | None,
    blobs: BlobStore,
    store: Store,
    rooms: RoomRegistry,
    door: Door,
    *,
    limits: FileLimits,
    uploads_at_once: int,
    floor_bytes: int,
    now_ms: Callable[[], int],
) -> AsyncIterator[Files]:
    """The files, until the block is left: then all transfers end. What is coming is kept in this directory, which is
    made for the first upload, and previews are made in ``workshops`` (`Parts`). ``uploads_at_once`` of a person move
    at a time (`Uploads`). ``floor_bytes`` is the floor of its disk (`Parts`)."""
    locks = BlobLocks()
    parts = Parts(directory, pace=Pace(), floor_bytes=floor_bytes, workshops=workshops)
    transfers = Transfers()
    finisher = Finisher(store, blobs, parts, locks)
    keys = Keys(store, door)
    uploads = Uploads(
        store, parts, finisher, transfers, check_address=keys.check_address, at_once=uploads_at_once
    )
    tag_key = hmac.digest(await store.proof_key(), b"trio-chat entity tags", "sha256")
    downloads = Downloads(store, blobs, rooms, keys, transfers, tag_key=tag_key)
    sweeper = Sweeper(store, blobs, parts, uploads, locks, now_ms=now_ms)
    store.on_gone = sweeper.wake
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sweeper.sweep)
        nursery.start_soon(sweeper.run)
        nursery.start_soon(transfers.run)
        beginning = Beginning(store, rooms, door, keys, limits, now_ms)
        yield Files(beginning, uploads, downloads, keys, transfers, sweeper)
        transfers.stop()
        nursery.cancel_scope.cancel()
