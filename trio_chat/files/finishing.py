"""Finishing: an upload that is there whole becomes a blob, with its previews.

The order of the writes is what keeps two promises whatever ends the server: no message names a blob that is not there,
and what no row names is found by the sweep.

1. the blob and its previews, durably;
2. the row of the upload, which refers to them;
3. the part is removed.

Steps 1 and 2 happen under the lock of the blob, and so does the sweep: between them the blob has no reference yet. The
locks are of this process; where several servers put blobs the store notes the name before the first step, and no name
is put again once its blob is gone (`FileTable.name_blob`).
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.blobs.directory import make_private
from trio_chat.errors import BlobGone, TransferRefused
from trio_chat.media.job import PICTURE_SIZES
from trio_chat.media.prepare import CannotPrepare, prepare
from trio_chat.model.files import FileFacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trio_chat.blobs.base import BlobStore
    from trio_chat.files.blob_locks import BlobLocks
    from trio_chat.files.parts import Parts
    from trio_chat.model.files import Upload
    from trio_chat.store.base import Store

AT_ONCE: Final = 2
"""So many are hashed at a time: each takes a core."""

PREVIEWS: Final = (*PICTURE_SIZES, 480, 1600)
"""The sizes of previews, as far as there are any."""

HASHED_BYTES: Final = 1024 * 1024


class Finisher:
    """Finishes uploads. ``locks`` are those of the blobs."""

    def __init__(self, store: Store, blobs: BlobStore, parts: Parts, locks: BlobLocks) -> None:
        self._store = store
        self._blobs = blobs
        self._parts = parts
        self._locks = locks
        self._threads = trio.CapacityLimiter(AT_ONCE)

    async def finish(self, upload: Upload) -> Upload | None:
        """Finish an upload of which everything is there; nobody else works on it. None if it was dropped meanwhile.

        Raises `Refused` (``bad_file``) if it cannot be sent as what it is, `OSError` and `StoreError`. Cancelled, it is
        finished or not, and can be finished again.
        """
        part, workshop = self._parts.path(upload.id), self._parts.workshop(upload.id)
        await trio.to_thread.run_sync(_clear, workshop, limiter=self._threads)
        poster = self._parts.poster(upload.id)
        has_poster = await trio.Path(poster).exists()
        failed: OSError | None = None
        try:
            prepared = await prepare(
                part,
                workshop,
                as_file=upload.as_file,
                poster=poster if has_poster else None,
                person=upload.person,
                is_picture=upload.is_picture,
            )
        except CannotPrepare as error:
            raise TransferRefused("bad_file", str(error)) from error
        except OSError as error:
            failed = error
        if failed is not None:  # for want of space, it may be: what was made would take some of it
            await trio.to_thread.run_sync(_clear, workshop, limiter=self._threads)
            try:
                raise failed
            finally:
                del failed  # its traceback holds this frame: a cycle
        content = workshop / "original" if prepared.has_original else part
        previews = [workshop / f"{size}.webp" for size in prepared.previews]
        named = previews if has_poster or upload.is_picture else ()
        content_hash = await trio.to_thread.run_sync(hash_of, content, named, limiter=self._threads)
        sizes = [(await trio.Path(path).stat()).st_size for path in (content, *previews)]
        facts = FileFacts(
            media_type=prepared.media_type,
            bytes=sizes[0],
            width=prepared.width,
            height=prepared.height,
            blur=prepared.blur,
            previews=prepared.previews,
            is_animated=prepared.is_animated,
        )
        async with self._locks.hold([content_hash]):
            while True:
                try:
                    finished = await self._put(upload.id, content_hash, content, previews, sum(sizes), facts)
                except BlobGone:
                    continue  # another server removes what this one took for needed: then as something new
                break
        await self._parts.remove(upload.id)
        return finished

    async def _put(
        self,
        upload: str,
        content_hash: str,
        content: Path,
        previews: Sequence[Path],
        stored_bytes: int,
        facts: FileFacts,
    ) -> Upload | None:
        """Steps 1 and 2. Raises `BlobGone`, and what `finish` does."""
        named = await self._store.name_blob(upload, content_hash)
        if named is None:
            return await self._store.upload(upload)
        blob = named.name
        if not named.is_there:
            for path in previews:
                await self._blobs.put(path, f"{blob}.{path.name}")
            await self._blobs.put(content, blob)
        finished = await self._store.finish_upload(upload, blob=blob, stored_bytes=stored_bytes, facts=facts)
        if finished is None and blob not in await self._store.known_blobs(blob[:-1], 1):
            await remove_content(self._blobs, blob)
        return finished


async def remove_content(blobs: BlobStore, blob: str) -> None:
    """Remove a blob with its previews."""
    for size in PREVIEWS:
        await blobs.remove(f"{blob}.{size}.webp")
    await blobs.remove(blob)


def hash_of(content: Path, previews: Sequence[Path] = ()) -> str:
    """The hash of this content, with which the name of its blob begins. Waits: to be called in a thread of Trio.

    With ``previews``, of this content and them. Those of a video are made of what its sender says is its poster: were
    they not in it, whoever sends the same video would show the poster of who sent it first. And those of a
    picture of a room have other sizes than those of the same content in a message.
    """
    digest = hashlib.sha256()
    for path in (content, *previews):
        with path.open("rb", buffering=0) as file:
            while some := file.read(HASHED_BYTES):
                digest.update(some)
                trio.from_thread.check_cancelled()
    return digest.hexdigest()


def _clear(workshop: Path) -> None:
    shutil.rmtree(workshop, ignore_errors=True)
    make_private(workshop)
