"""The service of files: uploads, downloads and the sweeper, over a store of messages and one of blobs.

On the disk are ``parts/``, what is coming, and ``blobs/``, what is there.
"""

from __future__ import annotations

import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.blobs.directory import DirectoryBlobs
from trio_chat.files.beginning import Beginning
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

    from trio_chat.model.files import FileLimits
    from trio_chat.moderation.door import Door
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.store.base import Store

PARTS = "parts"
BLOBS = "blobs"


@attrs.frozen(eq=False)
class Files:
    """The service of files. Made by `open_files`."""

    beginning: Beginning
    uploads: Uploads
    downloads: Downloads
    keys: Keys
    transfers: Transfers


@asynccontextmanager
async def open_files(
    directory: Path,
    store: Store,
    rooms: RoomRegistry,
    door: Door,
    *,
    limits: FileLimits,
    floor_bytes: int,
    now_ms: Callable[[], int],
) -> AsyncIterator[Files]:
    """The files in this directory, until the block is left: then all transfers end. Nothing is made in it before the
    first upload. ``floor_bytes`` is the floor of its disk (`Parts`)."""
    lock = trio.Lock()
    blobs = DirectoryBlobs(directory / BLOBS)
    parts = Parts(directory / PARTS, pace=Pace(), floor_bytes=floor_bytes)
    transfers = Transfers()
    uploads = Uploads(store, parts, Finisher(store, blobs, parts, lock), transfers)
    keys = Keys(store, door)
    tag_key = hmac.digest(await store.proof_key(), b"trio-chat entity tags", "sha256")
    downloads = Downloads(store, blobs, rooms, keys, transfers, tag_key=tag_key)
    sweeper = Sweeper(store, blobs, parts, uploads, lock, now_ms=now_ms)
    store.on_gone = sweeper.wake
    async with trio.open_nursery() as nursery:
        if _is_there(directory):
            nursery.start_soon(sweeper.sweep)
        nursery.start_soon(sweeper.run)
        nursery.start_soon(transfers.run)
        yield Files(Beginning(store, rooms, door, keys, limits, now_ms), uploads, downloads, keys, transfers)
        transfers.stop()
        nursery.cancel_scope.cancel()


def _is_there(directory: Path) -> bool:
    """Whether a directory is there: asked once, before anybody is served."""
    return directory.is_dir()
