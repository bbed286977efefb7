"""Contract of a blob store. Every implementation passes the same contract suite (``tests/blobs/test_contract.py``).

1. **Named by content.** A name stands for the same bytes for ever, so a blob that is there is never written again, and
   putting it twice changes nothing.
2. **Durable before it returns.** When `BlobStore.put` returns, the blob survives SIGKILL and power loss.
3. **Whole or not there.** Whoever opens a blob reads all of it: one that was not put to its end has no name.
4. **Gone.** After `BlobStore.remove` nobody can open it; who has it open may read on, or is told that it is gone
   (`OSError`) where the store cannot keep it: what was fetched already can be read.
5. **Cancellation.** A cancelled call may have been done or not, never in part.

It asks for no more than an object store has (S3: PutObject, GetObject with a range, HeadObject, DeleteObject,
ListObjectsV2 with ``start-after``, multipart uploads). Who refers to which blob, and that none is removed while another
is being put, is its users' to know (`trio_chat.files`).

Every method raises `OSError` when the store cannot do its work just now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

BLOB_NAME: Final = re.compile(r"[0-9a-f]{64}([0-9a-f]{16})?(\.[0-9a-z]{1,16}){0,2}")
"""Names: the hash of some content (SHA-256, in hexadecimal), where several servers put blobs with 16 digits that tell
apart the times that it came; and what was made of it (``….480.webp``)."""


def blob_of(name: str) -> str:
    """The name of the content, of it or of what was made of it."""
    return name.partition(".")[0]


MARK: Final = "place-"
"""With this begins the name of a mark: no blob is named so."""


class NoSuchBlob(LookupError):
    """No blob has this name."""


class BlobReader(Protocol):
    """One blob, open for reading. Close it with ``async with``."""

    @property
    def size(self) -> int:
        """Its length in bytes."""
        ...

    async def read(self, start: int, n: int) -> bytes:
        """The ``n`` bytes from ``start`` on; fewer only at the end of the blob."""
        ...

    async def aclose(self) -> None:
        """Let go of it."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BlobStore(Protocol):
    """Blobs by name."""

    async def put(self, path: Path, name: str) -> None:
        """Keep the content of this file under this name, durably. The file may be gone afterwards, and must not be
        written to any more."""
        ...

    async def open(self, name: str) -> BlobReader:
        """Open a blob. Raises `NoSuchBlob`."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a blob, if it is there."""
        ...

    async def names(self, *, after: str = "", limit: int) -> Sequence[str]:
        """The first names behind ``after``, in the order of their characters: fewer than ``limit`` only at the end."""
        ...

    async def mark(self, mark: str) -> None:
        """Mark the place in which the blobs are, beside them; a mark is of letters and digits."""
        ...

    async def has_mark(self, mark: str) -> bool:
        """Whether the place was marked so."""
        ...

    async def discard_unfinished(self) -> None:
        """Remove what takes space of blobs that were not put to their end, a day ago or longer."""
        ...
