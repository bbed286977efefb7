"""The part of a store that knows files: uploads, the files of messages, and which blobs are needed.

The store knows blobs by their names only, and touches no disk for them: writing them before `FileTable.finish_upload`,
and unlinking those that are gone, is for the service of files. Where one server uses a store, its lock keeps a blob
from being put and unlinked at the same time; where several do, the names (`FileTable.name_blob`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from trio_chat.kinds.files import StoredFile
    from trio_chat.model.files import BlobName, FileFacts, FileLimits, Upload
    from trio_chat.model.records import Login


class FileTable(Protocol):
    """Uploads, and the files of messages.

    A blob is needed as long as an upload that was not sent, or a file of a message that was not deleted, has it.
    Whatever takes the last of these away (deleting a message, dropping an upload) notes in the same transaction that
    the blob is gone; finishing an upload with it takes the note back.
    """

    on_gone: Callable[[], object]
    """Called, in the thread of Trio, after a commit when there are blobs that are gone (`take_gone`), perhaps for the
    second time. Must not block. It does nothing until somebody sets it; some may be left from before the start."""

    async def begin_upload(self, upload: Upload, *, limits: FileLimits, at_ms: int) -> Upload:
        """Save a new upload, as made at this moment, with space reserved for it. If the person has begun one under this
        ``client_id`` before, that one is returned, as it is now.

        Raises `Refused`, and then nothing was written: ``too_large`` (its ``limit``), ``quota`` (``left``, ``of``),
        ``too_many`` (``limit``, ``of``), ``disk_full``, ``id_conflict`` for something else under the same id, and
        ``no_guests`` for a person who is not registered.
        """
        ...

    async def forward_file(
        self, upload: Upload, room: str, seq: int, n: int, *, limits: FileLimits, at_ms: int
    ) -> Upload:
        """Save a new upload, which is finished at once: with the content, name and facts of file ``n`` (from 0) of that
        message. The caller has checked that the person may hear the room. Otherwise as `begin_upload`; also raises
        `Refused` (``no_such_file``) if the message has no such file, or was deleted.
        """
        ...

    async def name_blob(self, upload: str, content_hash: str) -> BlobName | None:
        """The name under which the content with this hash is to be put for an unfinished upload; None if that was
        dropped or finished meanwhile.

        Where several servers put blobs it is a new name, and noted until the upload is finished, or dropped: then
        what was put under it is gone. Or it is that of a blob with this content that is needed.
        """
        ...

    async def finish_upload(
        self, upload: str, *, blob: str, stored_bytes: int, facts: FileFacts
    ) -> Upload | None:
        """Save that all of an upload is there: its blob is, durably, and takes so many bytes with its previews. Returns
        the upload; None if there is none any more (it was cancelled), and then nothing was written. What was finished
        before stays as it is.

        Of several blobs with one content one becomes needed, the others gone. Raises `BlobGone` if this one is gone
        already, under a name that is not put again."""
        ...

    async def drop_upload(self, upload: str, *, person: str | None = None) -> bool:
        """Forget an upload that was not sent, if it is this person's (None: whosever). Whether there was one."""
        ...

    async def upload(self, upload: str) -> Upload | None:
        """The upload of this id; None if there is none, or it was dropped, or its message deleted."""
        ...

    async def uploads(self, ids: Collection[str]) -> list[Upload]:
        """The uploads of these ids, in whatever order; those that are not there are left out."""
        ...

    async def expired_uploads(self, before_ms: int, limit: int) -> list[str]:
        """Ids of uploads that were made before this moment and not sent, the oldest first. They may be sent meanwhile:
        `drop_upload` says whether it still found one."""
        ...

    async def part_ids(self, after: str, limit: int) -> list[str]:
        """Ids of unfinished uploads behind ``after``, in order: whose parts are needed."""
        ...

    async def find_file(self, room: str, seq: int, n: int) -> StoredFile | None:
        """File ``n`` (from 0) of a message; None if there is none, or the message was deleted."""
        ...

    async def gone_blobs(self, limit: int) -> list[str]:
        """Blobs that nothing needs any more, and that may still be on the disk."""
        ...

    async def take_gone(self, limit: int) -> list[str]:
        """Blobs that are gone, for who removes them now; where several servers do, each is given to one of them."""
        ...

    async def give_gone_back(self) -> None:
        """Let those be taken once more that were taken and not forgotten: who took them could not remove them, or was
        ended. (Two may be at the same blob then, which does no harm.)"""
        ...

    async def forget_gone(self, blobs: Sequence[str]) -> None:
        """Forget that these blobs are gone: they are not on the disk any more."""
        ...

    async def known_blobs(self, after: str, limit: int) -> list[str]:
        """Names of blobs that are needed, or coming (`name_blob`), those behind ``after``, in order."""
        ...

    async def mark_of_files(self) -> str | None:
        """The mark of the place in which the blobs are; None as long as none was noted."""
        ...

    async def set_mark_of_files(self, mark: str, *, instead_of: str | None) -> bool:
        """Note another mark, unless another server has noted one instead of that (None: of none) before. Whether it was
        noted."""
        ...

    async def files_usage(self, person: str) -> int:
        """How many bytes count for a person: of files in messages, and of uploads that are in none yet."""
        ...

    async def files_left(self, person: str, limits: FileLimits) -> int | None:
        """How many bytes a person can bring yet, before their quota or the server's is used up; None: no limit."""
        ...

    async def server_usage(self) -> int:
        """How many bytes count for the server: of blobs, and of unfinished uploads."""
        ...

    async def keep_file_key(self, token_hash: bytes, key_hash: bytes) -> bool:
        """Save the hash of the key by which a browser fetches files, beside the device's token, with which it goes.
        False if there is no such token (any more)."""
        ...

    async def find_file_key(self, key_hash: bytes) -> Login | None:
        """Whose key has this hash; None if there is none, or its token is gone."""
        ...
