"""Search of messages. Synchronous, over any connection.

The index only proposes messages (`trio_chat.store.sql.search_candidates`); each is compared with its text of now
before it is a match. So whatever is wrong in the index costs time or hides a message, but finds nothing that is not so.
Why it is so: docs/decisions/search.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trio_chat.errors import Refused
from trio_chat.model.events import DAMAGED, damaged
from trio_chat.model.records import SearchHit, SearchResults
from trio_chat.search.grams import words_of
from trio_chat.search.matching import highlights_in, is_sent_by, is_sent_then, says_it
from trio_chat.store.sql.history import events_at
from trio_chat.store.sql.rooms import names_of
from trio_chat.store.sql.search_candidates import FIRST, SearchedRoom, read_rooms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from trio_chat.search.query import Query
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.search_index import MessageRow

STEPS: Final = ((512, 64), (4_096, 512), (16_384, 1_024))
"""For each step of one call: how many messages the index proposes, and how many of those in the rooms are compared, at
most."""

MAX_CHARS_COMPARED: Final = 500_000
"""So much text is compared in one call, or little more."""


class Match(NamedTuple):
    """Message that matches a query. Its event and its edit are not proved yet by their digests."""

    room_id: int
    room: str
    seq: int
    edit_seq: int | None
    """Number of its newest edit."""
    at_ms: int
    text: str
    """Its text of now."""
    highlights: list[tuple[int, int]]


class Matches(NamedTuple):
    """Some of the messages that match, newest first. May be few, or none at all, although there is a ``cursor``."""

    found: list[Match]
    cursor: str | None
    """Where to search on; None: that is all."""


def find(
    connection: Connection,
    person: str,
    query: Query,
    *,
    room: str | None = None,
    cursor: str | None = None,
    limit: int,
) -> SearchResults:
    """See `Store.find`. Matches and events are of one snapshot, so a message that was deleted before is not in it."""
    with connection.snapshot():
        rooms = names_of(connection, person) if room is None else [room]
        matches = _find_in_rooms(connection, rooms, query, cursor, limit)
        return SearchResults(_proved(connection, matches.found), matches.cursor)


def find_in_rooms(
    connection: Connection,
    rooms: Collection[str],
    query: Query,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> Matches:
    """Search in these rooms, all of which the person may see, for at most ``limit`` messages (at least 1).

    The work of one call is bounded, whatever the query. Raises `Refused` (``bad_query``) for a cursor that is none.
    """
    with connection.snapshot():
        return _find_in_rooms(connection, rooms, query, cursor, limit)


def _find_in_rooms(
    connection: Connection, rooms: Collection[str], query: Query, cursor: str | None, limit: int
) -> Matches:
    search = _Search(connection, read_rooms(connection, rooms), query)
    return search.matches(search.start_at(cursor), limit)


def find_before(connection: Connection, room: str, query: Query, before: int, *, limit: int) -> Matches:
    """Search in one room, below this number; see `find_in_rooms`. Belongs into a snapshot."""
    rooms = read_rooms(connection, [room])
    search = _Search(connection, rooms, query)
    return search.matches(search.start_before(rooms[0], before), limit) if rooms else Matches([], None)


def _proved(connection: Connection, matches: Sequence[Match]) -> list[SearchHit]:
    """Hits for the matches. If a message or its edit is not what was written, the hit is damaged and has no text."""
    places = [
        (match.room, match.room_id, seq) for match in matches for seq in (match.seq, match.edit_seq) if seq
    ]
    events = {(event.room, event.seq): event for event in events_at(connection, places)}
    hits: list[SearchHit] = []
    for match in matches:
        seqs = [seq for seq in (match.seq, match.edit_seq) if seq]
        message, *edits = [events.get((match.room, seq), damaged(match.room, seq)) for seq in seqs]
        flaw = next((event for event in (message, *edits) if event.kind == DAMAGED), None)
        if flaw is None:
            hits.append(SearchHit(message, match.text, match.highlights))
        else:
            hits.append(SearchHit(flaw, "", []))
    return hits


class _Start(NamedTuple):
    """Where a call begins to search."""

    below: int | None
    """Below this number of the index; None: at the messages that are not indexed."""
    place: tuple[int, int, int] | None
    """Among those: below this place (`MessageRow.place`); None: at the newest."""


class _Search:
    """One call. Belongs into one snapshot of the log."""

    def __init__(self, connection: Connection, visible: Sequence[SearchedRoom], query: Query) -> None:
        self._connection = connection
        self._query = query
        self._visible = {room.name: room for room in visible}
        self._rooms = {
            room.id: room for room in visible if not query.rooms or any(map(room.is_called, query.rooms))
        }
        self._sender_ids = _people_called(connection, [sender.key for sender in query.senders])
        self._candidates = connection.index.candidates(connection, self._rooms, query, self._sender_ids)
        self._chars_left = MAX_CHARS_COMPARED

    def matches(self, start: _Start, limit: int) -> Matches:
        """The matches from there on."""
        if not self._rooms:
            return Matches([], None)
        unindexed = self._candidates.unindexed()
        found: list[Match] = []
        if start.below is None:
            for message in unindexed:
                if message.doc_id or (start.place is not None and message.place >= start.place):
                    continue
                if match := self._compared(message):
                    found.append(match)
                if len(found) == limit or self._chars_left <= 0:
                    return Matches(found, f"{message.seq}@{self._rooms[message.room_id].name}")
        edited = {message.doc_id: message for message in unindexed if message.doc_id}
        return self._with_indexed(found, start.below, edited, limit)

    def start_before(self, room: SearchedRoom, before: int) -> _Start:
        """Where the messages of the room begin that are below this number."""
        if min(before - 1, room.head) > room.done:
            at_ms = self._connection.execute(
                "SELECT at_ms FROM events WHERE room_id = ? AND seq = ?", (room.id, before)
            ).get
            return _Start(None, (at_ms, room.id, before) if isinstance(at_ms, int) else None)
        last = self._connection.execute(
            "SELECT id FROM docs WHERE room_id = ? AND seq < ? ORDER BY seq DESC LIMIT 1", (room.id, before)
        ).get
        return _Start(last + 1 if isinstance(last, int) else FIRST, None)

    def start_at(self, cursor: str | None) -> _Start:
        """Where the cursor points."""
        if cursor is None:
            return _Start(None, None)
        number, is_in_room, name = cursor.partition("@")
        if number.isascii() and number.isdigit() and len(number) < 19:
            if not is_in_room:
                return _Start(int(number), None)
            if name in self._visible:
                room_id, seq = self._visible[name].id, int(number)
                found = self._connection.execute(
                    "SELECT e.at_ms, d.id FROM events e LEFT JOIN docs d USING (room_id, seq) "
                    "WHERE room_id = ? AND seq = ?",
                    (room_id, seq),
                ).fetchone()
                if found is not None:
                    at_ms, doc_id = found
                    return _Start(doc_id, (at_ms, room_id, seq))
        raise Refused("bad_query", "There is nothing to go on from at that cursor. Search again without one.")

    def _with_indexed(
        self, found: list[Match], below: int | None, edited: dict[int, MessageRow], limit: int
    ) -> Matches:
        """What was found, and then what the index has; ``edited``: messages that it has with an older text."""
        first, beyond = self._candidates.bounds()
        below = beyond if below is None else min(below, beyond)
        for n_proposed, n_compared in STEPS:
            proposed = self._candidates.propose(first, below, n_proposed, n_compared)
            candidates = {message.doc_id: message for message in proposed.messages}
            candidates.update(
                (number, message) for number, message in edited.items() if proposed.below <= number < below
            )
            below = proposed.below
            for _, message in sorted(candidates.items(), reverse=True):
                if match := self._compared(message):
                    found.append(match)
                if len(found) == limit or self._chars_left <= 0:
                    return Matches(found, str(message.doc_id))
            if proposed.is_end:
                return Matches(found, None)
        return Matches(found, str(below))

    def _compared(self, message: MessageRow) -> Match | None:
        """The message as a match, if it is one."""
        query = self._query
        text = message.text()
        if (
            text is None
            or not is_sent_then(query, message.at_ms)
            or not is_sent_by(query, message.sender, message.name, self._sender_ids)
        ):
            return None
        files = message.files()
        self._chars_left -= len(text) + sum(map(len, words_of(files)))
        if not says_it(query, text, files):
            return None
        room = self._rooms[message.room_id]
        return Match(
            room.id,
            room.name,
            message.seq,
            message.edit_seq,
            message.at_ms,
            text,
            highlights_in(query.terms, text),
        )


def _people_called(connection: Connection, keys: Iterable[str | None]) -> set[str]:
    found = (
        connection.execute("SELECT id FROM people WHERE name_key = ?", (key,)).get for key in keys if key
    )
    return {person_id for person_id in found if person_id is not None}
