"""The place of files, which all nodes over one store must have: it is marked, and the store knows the mark.

A node with another directory, or another bucket, would not find what others put, and they not what it puts.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from trio_chat.blobs.base import MARK
from trio_chat.errors import StartError

if TYPE_CHECKING:
    from trio_chat.blobs.base import BlobStore
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)


async def check_place(store: Store, blobs: BlobStore, named: object) -> None:
    """Raise `StartError` if these blobs are in another place (``named`` for people) than those of the other nodes.

    The first node marks its place; so does one that is alone, as long as no file is needed. Where the place cannot be
    looked at just now that is logged. Raises `StoreError`.
    """
    if not store.has_nodes:
        return
    try:
        while not await _is_marked(store, blobs, named):
            pass
    except OSError as error:
        LOGGER.error("whether %s is where the other servers have their files is not known: %s", named, error)


async def _is_marked(store: Store, blobs: BlobStore, named: object) -> bool:
    """Whether the place has the store's mark; else both may have another one now, if nobody else was quicker."""
    mark = await store.mark_of_files()
    if mark is not None:
        if await blobs.has_mark(mark):
            return True
        if await store.live_nodes() - {store.node} or await store.known_blobs("", 1):
            raise StartError(
                f"The files in {named} are not those of the other servers over this database: {MARK}{mark} is not "
                "there. Give all servers one place: a bucket (--files s3://…), or a directory that is mounted on each "
                f"(--files shared:…). Where the files were moved, move {MARK}{mark} as well; where they are lost, "
                "make an empty one."
            )
    other = secrets.token_hex(8)
    await blobs.mark(other)
    await store.set_mark_of_files(other, instead_of=mark)
    return False
