"""The part of a store that finds messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trio_chat.kinds.files import Album
    from trio_chat.model.records import AlbumPage, SearchResults
    from trio_chat.search.query import Query


class MessageSearch(Protocol):
    """Search of messages. The index follows the log soon after; events that are not indexed yet are looked through, if
    they are not too many."""

    async def find(
        self, person: str, query: Query, *, room: str | None = None, cursor: str | None = None, limit: int
    ) -> SearchResults:
        """Search in the rooms of a person's list, or in one ``room`` (the caller has checked that they may hear it).

        All of the answer is from one snapshot of the log: a message that was deleted before is not in it. Raises
        `Refused` (``bad_query``) for a cursor that is none.
        """
        ...

    async def album(self, room: str, only: Album, *, before: int, limit: int, max_bytes: int) -> AlbumPage:
        """The newest messages of the room before number ``before`` that have what this album shows; bounded like
        `EventLog.read_after`. A message that was deleted before is not in it."""
        ...
