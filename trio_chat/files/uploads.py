"""Uploads: files that are coming, in pieces that may come over many connections.

Whoever knows the id of an upload may add to it: that was told to its person alone.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused, StoreError, TransferRefused, WrongOffset
from trio_chat.files.parts import UPLOAD_ID
from trio_chat.files.places import Places, busy
from trio_chat.files.turns import Turns
from trio_chat.kinds.files import FileItem, file_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import TypeAlias

    from trio_chat.files.finishing import Finisher
    from trio_chat.files.parts import Parts
    from trio_chat.files.places import Place
    from trio_chat.files.transfers import Transfer, Transfers
    from trio_chat.model.files import Upload
    from trio_chat.store.base import Store

    CheckAddress: TypeAlias = Callable[[str, str], Awaitable[None]]
    NextPiece: TypeAlias = Callable[[], Awaitable[bytes]]
    """Gives the next piece of what comes, and an empty one at the end; raises `OSError` if there will be none."""

LOGGER = logging.getLogger(__name__)

MAX_POSTER_BYTES: Final = 1024 * 1024

SHARE_OF_ALL: Final = 30
SHARE_OF_ADDRESS: Final = 20
"""As many uploads as one person can have move at a time are let move so many times over: of all people, and of those
who come from one address."""


class Uploads:
    """Uploads of all people.

    All methods raise `Refused` (``no_such_upload``) for an id that is none (any more), ``stopping`` while the server
    stops, and `StoreError` and `OSError` where the disk fails.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        finisher: Finisher,
        transfers: Transfers,
        *,
        check_address: CheckAddress,
        at_once: int,
    ) -> None:
        """``check_address`` raises `Refused` if a person may not come from an address. ``at_once`` uploads of a person
        may move at a time; 0: no limit."""
        self._store = store
        self._parts = parts
        self._finisher = finisher
        self._transfers = transfers
        self._check_address = check_address
        self._turns = Turns()
        self._places = Places(
            in_all=SHARE_OF_ALL * at_once, for_address=SHARE_OF_ADDRESS * at_once, for_each=at_once
        )

    async def state(self, upload_id: str) -> tuple[int, int, bool]:
        """How much of an upload is there, its length, and whether it is finished. Whoever was adding to it was ended
        before, so that it stays so."""
        async with self._turns.take(upload_id):
            upload = await self._find(upload_id)
            return await self.progress(upload), upload.bytes, upload.is_finished

    async def progress(self, upload: Upload) -> int:
        """How much of an upload is there at this moment."""
        return upload.bytes if upload.is_finished else await self._parts.size(upload.id)

    async def append(self, upload_id: str, offset: int, next_piece: NextPiece, *, address: str = "") -> int:
        """Add pieces, which come from this address, to an upload that has ``offset`` bytes; returns how many it has
        then.

        Whoever is adding to it is ended, and raises `Refused` (``superseded``). Raises `WrongOffset`, before any piece
        is taken; `Refused` (``banned``) for an address from which its person may not come, ``too_large`` for more than
        was announced, ``disk_full``, ``busy`` if so many uploads move already, or this one hardly does and others
        wait; and what ``next_piece`` raises. However it ends, what came before is kept.
        """
        async with self._working_on(upload_id, address) as (upload, place):
            if upload.is_finished:
                if offset != upload.bytes:
                    raise WrongOffset(upload.bytes)
                return offset
            async with await self._parts.open(upload_id) as part:
                if part.size != offset:
                    raise WrongOffset(part.size)
                while piece := await next_piece():
                    if part.size + len(piece) > upload.bytes:
                        raise Refused(
                            "too_large",
                            f"This is more than the {upload.bytes:,} bytes that were announced. Begin a new upload.",
                            limit=upload.bytes,
                        )
                    await part.add(piece)
                    place.moved(len(piece))
                await part.save()
                return part.size

    async def finish(self, upload_id: str) -> FileItem:
        """The file that a whole upload has become; it is finished now, if it was not before.

        Raises `WrongOffset` if something is missing, `Refused` (``bad_file``) for what cannot be sent as it is. Then
        the upload is forgotten: it can be uploaded once more, as a file.
        """
        with self._transfers.transfer():
            async with self._turns.take(upload_id, may_be_ended=False):
                upload = await self._find(upload_id)
                if not upload.is_finished:
                    async with await self._parts.open(upload_id) as part:  # of nothing there was none yet
                        if part.size < upload.bytes:
                            raise WrongOffset(part.size)
                    upload = await self._finish(upload)
                return FileItem.of(file_of(upload))

    async def _finish(self, upload: Upload) -> Upload:
        try:
            finished = await self._finisher.finish(upload)
        except TransferRefused as error:
            refused = error
        else:
            if finished is None:
                raise _no_such_upload()
            return finished
        now = await self._store.upload(upload.id)
        if now is not None and now.is_finished:  # by another node, which took away what this one looked into
            await self._parts.remove(upload.id)
            return now
        # It never will be: it is not to count, or to be looked into again.
        await self._forget(upload.id)
        try:
            raise refused
        finally:
            del refused  # its traceback holds this frame: a cycle

    async def set_poster(self, upload_id: str, next_piece: NextPiece, *, address: str = "") -> None:
        """Take a still of a video, of which its previews will be made. Raises `Refused` (``too_large``, ``busy``).

        As `append` does, this ends whoever is adding to the upload: else many could keep many posters in memory.
        """
        data = bytearray()
        async with self._working_on(upload_id, address) as (upload, place):
            if upload.is_finished:
                raise TransferRefused("finished", "This upload is finished: its poster comes before its end.")
            while piece := await next_piece():
                data += piece
                place.moved(len(piece))
                if len(data) > MAX_POSTER_BYTES:
                    raise Refused(
                        "too_large",
                        f"A poster has at most {MAX_POSTER_BYTES:,} bytes.",
                        limit=MAX_POSTER_BYTES,
                    )
            await self._parts.save_poster(upload_id, bytes(data))

    async def drop(self, upload_id: str, *, person: str | None = None) -> bool:
        """Forget an upload that was not sent, if it is this person's (None: whosever), and all that has come of it.
        Whether there was one."""
        if not UPLOAD_ID.fullmatch(upload_id) or not await self._store.drop_upload(upload_id, person=person):
            return False
        async with self._turns.take(upload_id):
            await self._parts.remove(upload_id)
        return True

    @asynccontextmanager
    async def _working_on(self, upload_id: str, address: str) -> AsyncIterator[tuple[Upload, Place]]:
        """Have the turn at an upload that there is, as long as there is one: nothing is added to what was dropped. And
        a place among those that move.

        It is looked for when it is our turn, as whoever had it before may have dropped or finished it.
        """

        async def may_go_on() -> bool:
            try:
                upload = await self._store.upload(upload_id)
                if upload is not None:
                    await self._check_address(upload.person, address)
            except StoreError:
                return True  # as far as is known
            except Refused as refused:
                transfer.end(refused)
                return True
            return upload is not None

        try:
            with self._transfers.transfer(may_go_on) as transfer:
                async with self._turns.take(upload_id):
                    upload = await self._find(upload_id)
                    await self._check_address(upload.person, address)
                    give_way = partial(_give_way, transfer, upload)
                    async with self._places.take(upload.person, address, give_way) as place:
                        yield upload, place
                return
        except TransferRefused as refused:
            if refused.code != "forbidden":
                raise
        await self._parts.remove(upload_id)  # a ban takes the row alone
        raise _no_such_upload()

    async def _forget(self, upload_id: str) -> None:
        """Forget an upload of which it is our turn."""
        if await self._store.drop_upload(upload_id, person=None):
            await self._parts.remove(upload_id)

    async def _find(self, upload_id: str) -> Upload:
        upload = await self._store.upload(upload_id) if UPLOAD_ID.fullmatch(upload_id) else None
        if upload is None:
            raise _no_such_upload()
        return upload


def _give_way(transfer: Transfer, upload: Upload) -> None:
    LOGGER.info(
        "an upload of %s was interrupted: it hardly moves, and others wait for a place", upload.person
    )
    sentence = "This came very slowly, and others wait. Go on in a moment, from where this ended."
    transfer.end(busy(sentence))


def new_upload_id() -> str:
    """An id that cannot be guessed: 128 bits."""
    return f"u-{secrets.token_urlsafe(16)}"


def _no_such_upload() -> Refused:
    return Refused("no_such_upload", "There is no such upload (any more). Begin a new one.")
