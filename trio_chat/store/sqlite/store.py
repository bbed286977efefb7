"""The store over SQLite, wherever its database is: each promise is kept by one function over a connection.

What writes waits in one queue, what reads in another; each queue is answered group by group (`Worker`).
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import attrs
import trio

from trio_chat.store.group_commit import Worker
from trio_chat.store.sqlite import changes, epochs, people, read_marks, reader, rooms, search
from trio_chat.store.sqlite.writer import Append

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    import apsw

    from trio_chat.model.events import Draft, Event, Person, Position
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import (
        Invitation,
        Listing,
        MessageReceipt,
        Picture,
        Profile,
        ReadMarker,
        RoomState,
        SearchResults,
    )
    from trio_chat.search.query import Query
    from trio_chat.store.base import StoreStatistics
    from trio_chat.store.group_commit import Hop
    from trio_chat.store.sqlite.reader import Question, SqliteReader
    from trio_chat.store.sqlite.writer import SqliteWriter, Write

_P = ParamSpec("_P")
_Answer = TypeVar("_Answer")


class SqliteStore:
    """A `Store`. Its methods are explained there."""

    def __init__(
        self,
        writer: SqliteWriter,
        reader: SqliteReader,
        searcher: SqliteReader,
        *,
        hop_to_write: Hop,
        hop_to_read: Hop,
        hop_to_search: Hop,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._searcher = searcher
        self.writing: Worker[Write] = Worker(writer.answer_all, hop=hop_to_write, max_weight=2_000)
        self.reading: Worker[Question] = Worker(reader.answer_all, hop=hop_to_read, max_weight=32)
        self.searching: Worker[Question] = Worker(searcher.answer_all, hop=hop_to_search, max_weight=1)

    @asynccontextmanager
    async def at_work(self, *, close_timeout_s: float) -> AsyncIterator[trio.Nursery]:
        """Answer what is asked. Leaving the block finishes what is waiting, for at most this long."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.writing.run)
            nursery.start_soon(self.reading.run)
            nursery.start_soon(self.searching.run)
            try:
                yield nursery
            finally:
                self.writing.close(timeout_s=close_timeout_s)
                self.reading.close(timeout_s=close_timeout_s)
                self.searching.close(timeout_s=close_timeout_s)

    async def _read(
        self,
        question: Callable[Concatenate[apsw.Connection, _P], _Answer],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _Answer:
        answer: _Answer = await self.reading.ask(lambda connection: question(connection, *args, **kwargs))
        return answer

    async def _write(
        self, write: Callable[Concatenate[apsw.Connection, _P], _Answer], *args: _P.args, **kwargs: _P.kwargs
    ) -> _Answer:
        answer: _Answer = await self.writing.ask(lambda connection: write(connection, *args, **kwargs))
        return answer

    # -- the log --

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """See `Store`."""
        outcomes: list[Outcome] = await self.writing.ask(Append(room, drafts, at_ms), weight=len(drafts))
        return outcomes

    async def position(self, room: str) -> Position:
        """See `Store`."""
        return await self._read(reader.position, room)

    async def begin_epoch(self, room: str) -> Position:
        """See `Store`."""
        return await self._write(epochs.begin_epoch, room)

    async def read_after(self, room: str, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """See `Store`."""
        return await self._read(reader.read_after, room, after, limit=limit, max_bytes=max_bytes)

    async def read_before(self, room: str, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """See `Store`."""
        return await self._read(reader.read_before, room, before, limit=limit, max_bytes=max_bytes)

    async def read_some(self, room: str, seqs: Collection[int]) -> list[Event]:
        """See `Store`."""
        return await self._read(reader.read_some, room, seqs)

    async def find_command(self, sender: str, client_id: str) -> Event | None:
        """See `Store`."""
        return await self._read(reader.find_command, sender, client_id)

    async def read_changes(self, room: str, seqs: Collection[int]) -> list[Event]:
        """See `Store`."""
        return await self._read(changes.read_changes, room, seqs)

    async def read_versions(self, room: str, seq: int) -> list[Event]:
        """See `Store`."""
        return await self._read(changes.read_versions, room, seq)

    async def personal(self, person: str) -> tuple[Position, list[Event]]:
        """See `Store`."""
        return await self._read(changes.personal, person)

    # -- rooms --

    async def state(self, room: str) -> RoomState:
        """See `Store`."""
        return await self._read(rooms.state, room)

    async def listing(self, person: str, *, only: str | None = None) -> list[Listing]:
        """See `Store`."""
        return await self._read(rooms.listing, person, only=only)

    async def directory(self, query: str, limit: int, *, person: str | None = None) -> list[Listing]:
        """See `Store`."""
        return await self._read(rooms.directory, query, limit, person=person)

    async def add_invite(self, invite: Invitation) -> None:
        """See `Store`."""
        await self._write(rooms.add_invite, invite)

    async def invites(self, room: str, *, at_ms: int) -> list[Invitation]:
        """See `Store`."""
        return await self._read(rooms.invites, room, at_ms=at_ms)

    async def void_invites(self, room: str) -> None:
        """See `Store`."""
        await self._write(rooms.void_invites, room)

    async def find_invite(self, token_hash: bytes) -> Invitation | None:
        """See `Store`."""
        return await self._read(rooms.find_invite, token_hash)

    # -- people --

    async def add_person(self, person: Person, *, name_key: str, token_hash: bytes, at_ms: int) -> None:
        """See `Store`."""
        await self._write(people.add_person, person, name_key=name_key, token_hash=token_hash, at_ms=at_ms)

    async def add_token(self, person_id: str, token_hash: bytes) -> None:
        """See `Store`."""
        await self._write(people.add_token, person_id, token_hash)

    async def find_person(self, token_hash: bytes) -> Person | None:
        """See `Store`."""
        return await self._read(people.find_person, token_hash)

    async def is_name_known(self, name_key: str) -> bool:
        """See `Store`."""
        return await self._read(people.is_name_known, name_key)

    async def people(self, ids: Collection[str]) -> list[Profile]:
        """See `Store`."""
        return await self._read(people.people, ids)

    async def set_profile(
        self,
        person_id: str,
        *,
        name: str | None = None,
        name_key: str | None = None,
        colour: int | None = None,
        picture: Picture | None = None,
        no_picture: bool = False,
        shows_seen: bool | None = None,
    ) -> Profile:
        """See `Store`."""
        return await self._write(
            people.set_profile,
            person_id,
            name=name,
            name_key=name_key,
            colour=colour,
            picture=picture,
            no_picture=no_picture,
            shows_seen=shows_seen,
        )

    async def picture(self, picture_hash: str) -> Picture | None:
        """See `Store`."""
        return await self._read(people.picture, picture_hash)

    async def note_seen(self, ids: Collection[str], at_ms: int) -> None:
        """See `Store`."""
        await self._write(people.note_seen, ids, at_ms)

    async def save_marks(self, moves: Collection[ReadMarker], at_ms: int) -> None:
        """See `Store`."""
        await self._write(read_marks.save_marks, moves, at_ms)

    async def marks(self, room: str) -> list[ReadMarker]:
        """See `Store`."""
        return await self._read(read_marks.marks, room)

    async def receipts(self, room: str, seq: int) -> list[MessageReceipt]:
        """See `Store`."""
        return await self._read(read_marks.receipts, room, seq)

    # -- search --

    async def find(
        self, person: str, query: Query, *, room: str | None = None, cursor: str | None = None, limit: int
    ) -> SearchResults:
        """See `Store`."""

        def find(connection: apsw.Connection) -> SearchResults:
            names = rooms.names_of(connection, person) if room is None else [room]
            return search.find(connection, names, query, cursor=cursor, limit=limit)

        found: SearchResults = await self.searching.ask(find)
        return found

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        written = self._writer.statistics
        failures = written.failures + self._reader.failures + self._searcher.failures
        return attrs.evolve(written, failures=failures)
