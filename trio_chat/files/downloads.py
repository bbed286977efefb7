"""Downloads: files of messages, for those who may hear the room at this moment, as long as they may.

Whoever may not have a file is told the same as of one that is not there.
"""

from __future__ import annotations

import hmac
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from trio_chat.blobs.base import NoSuchBlob
from trio_chat.errors import Refused
from trio_chat.files.places import Places, busy
from trio_chat.media.job import PICTURE_SIZES
from trio_chat.media.types import INLINE, UNKNOWN
from trio_chat.model.names import normal_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio_chat.blobs.base import BlobReader, BlobStore
    from trio_chat.files.keys import Keys
    from trio_chat.files.places import Place
    from trio_chat.files.transfers import Transfer, Transfers
    from trio_chat.kinds.files import StoredFile
    from trio_chat.net.credentials import Credentials
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

SMALL_BYTES: Final = 256 * 1024
"""What is no larger has places of its own: previews are not held up by those who watch videos."""

AT_ONCE: Final = 64
AT_ONCE_FROM_ADDRESS: Final = 56
AT_ONCE_OF_PERSON: Final = 8
"""Places for large ones, and as many for small ones."""

PREVIEW_TYPE: Final = "image/webp"


@attrs.frozen
class _Address:
    """Which file of which message, and which preview of it; 0: none, the file itself."""

    room: str
    seq: int
    n: int
    preview: int = 0


@attrs.frozen(eq=False)
class Download:
    """A file that is being fetched."""

    name: str
    """Its name for those who save it."""
    media_type: str
    is_inline: bool
    """Whether a browser may show it where it stands; else it is to be saved."""
    tag: str
    """Another one for each content; it tells nothing of that."""
    _reader: BlobReader
    _place: Place

    @property
    def size(self) -> int:
        """In bytes."""
        return self._reader.size

    async def read(self, start: int, n: int) -> bytes:
        """The ``n`` bytes from ``start`` on; fewer only at the end. Raises `OSError`."""
        data = await self._reader.read(start, n)
        self._place.moved(len(data))  # what was read before was taken, or nobody would ask for more
        return data


class Downloads:
    """Downloads of all people. ``tag_key`` is a secret that is the same after a restart."""

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        rooms: RoomRegistry,
        keys: Keys,
        transfers: Transfers,
        *,
        tag_key: bytes,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._rooms = rooms
        self._keys = keys
        self._transfers = transfers
        self._tag_key = tag_key
        self._places, self._small_places = (
            Places(in_all=AT_ONCE, for_address=AT_ONCE_FROM_ADDRESS, for_each=AT_ONCE_OF_PERSON)
            for _ in range(2)
        )

    @asynccontextmanager
    async def download(
        self, shown: Credentials, room: str, seq: int, n: int, *, preview: int = 0
    ) -> AsyncIterator[Download]:
        """File ``n`` (from 0) of a message, or a preview of it: open as long as the block lasts, and as long as who
        asks may have it.

        Raises `Refused`: ``no_such_file`` where there is none for who asks, whyever; ``busy`` if there is no place in
        time, or it hardly moves and others wait for its place; when the block was ended, ``forbidden`` or
        ``stopping``. And `StoreError`, `OSError`.
        """
        address = _Address(room, seq, n, preview)
        person, found = await self._find(shown, address)
        is_small = preview or found.file.bytes <= SMALL_BYTES
        places = self._small_places if is_small else self._places

        async def may_go_on() -> bool:
            return await self._may_have(shown, address)

        with self._transfers.transfer(may_go_on) as transfer:
            give_way = partial(_give_way, transfer, person, address)
            async with (
                places.take(person, shown.address, give_way) as place,
                await self._open(shown, address, found) as reader,
            ):
                yield self._described(found, preview, reader, place)

    async def picture(self, blob: str, *, size: int = 0) -> bytes | None:
        """The picture of a person that is this blob, in one of `PICTURE_SIZES` or (0) as large as it is; None if it has
        just been replaced. Raises `OSError`."""
        try:
            async with await self._blobs.open(
                f"{blob}.{size}.webp" if size in PICTURE_SIZES else blob
            ) as reader:
                return await reader.read(0, reader.size)
        except NoSuchBlob:
            return None

    async def _open(self, shown: Credentials, address: _Address, found: StoredFile) -> BlobReader:
        name = f"{found.blob}.{address.preview}.webp" if address.preview else found.blob
        try:
            return await self._blobs.open(name)
        except NoSuchBlob:
            pass
        if await self._may_have(shown, address):  # else it has just been deleted
            LOGGER.error("a file of %s is not on the disk: %s", address, name)
        raise _no_such_file()

    def _described(self, found: StoredFile, preview: int, reader: BlobReader, place: Place) -> Download:
        file = found.file
        tag = hmac.digest(self._tag_key, f"{found.blob} {preview}".encode(), "sha256")[:16].hex()
        if preview:
            stem = file.name.rpartition(".")[0] or file.name
            return Download(f"{stem}.webp", PREVIEW_TYPE, True, tag, reader, place)
        is_inline = file.media_type in INLINE and not file.as_file
        return Download(file.name, file.media_type if is_inline else UNKNOWN, is_inline, tag, reader, place)

    async def _find(self, shown: Credentials, address: _Address) -> tuple[str, StoredFile]:
        """The id of who asks, and the file. Raises `Refused` (``no_such_file``)."""
        try:
            person = (await self._keys.login(shown)).person.id
            room = normal_room(address.room)
        except Refused:
            raise _no_such_file() from None
        if not await self._rooms.may_hear(room, person):
            raise _no_such_file()
        found = await self._store.find_file(room, address.seq, address.n)
        if found is None or (address.preview and address.preview not in found.file.previews):
            raise _no_such_file()
        return person, found

    async def _may_have(self, shown: Credentials, address: _Address) -> bool:
        try:
            await self._find(shown, address)
        except Refused:
            return False
        return True


def _give_way(transfer: Transfer, person: str, address: _Address) -> None:
    LOGGER.info(
        "a download of %s by %s was ended: it hardly moves, and others wait for a place", address, person
    )
    sentence = "This file came very slowly, and others wait. Try again in a moment."
    transfer.end(busy(sentence))


def _no_such_file() -> Refused:
    return Refused("no_such_file", "There is no such file (any more).")
