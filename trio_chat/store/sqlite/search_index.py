"""Search index: it follows the event log. Synchronous, called in the writer's transactions.

The log is the truth, and the tables `docs`, `search` and `indexed` are made from it, some time after it was written:
sending a message costs nothing more. `docs` numbers the messages of all rooms in the order of their times; under that
number `search` holds their grams (`trio_chat.search.grams`); `indexed` says up to where each room is done. What the
index was given of a message follows from the log too (its text as it was up to there), so exactly that can be taken out
again. Why it is so: docs/decisions/search.md.

Many small calls are slow beside a busy thread (`trio_chat.store.sqlite.writer`), so each brings many rows, as JSON.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec

from trio_chat.kinds.messages import EDIT, Edit, Post
from trio_chat.kinds.table import MESSAGES, read_body
from trio_chat.model.events import MESSAGE
from trio_chat.search.grams import VERSION, indexed_text
from trio_chat.store.sql.batches import to_json, write_rows
from trio_chat.store.sqlite.structs import read_structs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from trio_chat.kinds.files import File
    from trio_chat.store.sqlite.connection import SqliteConnection

MIN_EVENTS_READ: Final = 4
"""Events of a room that are read in one call; more if few rooms have any."""


class MessageRow(msgspec.Struct, array_like=True, gc=False):
    """Event as the search reads it: without its digests, so it is not proved. Nobody may be told it as it is."""

    room_id: int
    seq: int
    at_ms: int
    kind: str
    sender: str
    name: str
    body: str | None
    doc_id: int
    """Its number in `docs`; 0: none."""
    edit_seq: int | None
    """Sequence number of its newest edit."""
    edit_body: str | None

    @property
    def place(self) -> tuple[int, int, int]:
        """Sort key among the events of all rooms: the order in which they are indexed."""
        return self.at_ms, self.room_id, self.seq

    def first_text(self) -> str | None:
        """Its own text; None if it was deleted, is damaged, or is neither a message nor an edit."""
        body = _text_body(self.kind, self.body)
        return None if body is None else body.text

    def text(self) -> str | None:
        """Its text after edits; None as above."""
        if self.edit_seq is None or self.body is None:
            return self.first_text()
        body = _text_body(EDIT, self.edit_body)
        return None if body is None else body.text

    def files(self) -> tuple[File, ...]:
        """Its files, none if it was deleted or is damaged. No edit changes them."""
        body = _text_body(self.kind, self.body)
        return body.files if isinstance(body, Post) else ()


MESSAGE_COLUMNS: Final = (
    "e.room_id, e.seq, e.at_ms, CAST(e.kind AS TEXT), CAST(e.sender AS TEXT), CAST(e.name AS TEXT), "
    "CAST(e.body AS TEXT)"
)
"""First columns of a `MessageRow`, from ``events e``. Damaged values are cast to text, so they stop no search."""


def index_more(connection: SqliteConnection, limit: int, room_ids: Collection[int] | None = None) -> bool:
    """Index up to ``limit`` more events, oldest first; whether there may be more. Belongs into a transaction.

    ``room_ids``: only these rooms can have new events, so the others are not looked at.
    """
    if connection.execute("SELECT value FROM meta WHERE key = 'search'").get != VERSION:
        _clear(connection)
    behind = _rooms_behind(connection, limit, room_ids)
    each = max(MIN_EVENTS_READ, 2 * limit // max(1, len(behind)))
    in_order = merge(
        *(_events_after(connection, room.id, room.done, each) for room in behind), key=attrgetter("place")
    )
    events = list(islice(in_order, limit))
    if not events:
        return False
    _index(connection, events, {room.id: room.done for room in behind})
    write_rows(
        connection,
        "INSERT INTO indexed SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true "
        "ON CONFLICT DO UPDATE SET seq = excluded.seq",
        list({event.room_id: event.seq for event in events}.items()),
    )
    return len(events) == limit


def forget(connection: SqliteConnection, room_id: int, seqs: Collection[int]) -> None:
    """Take messages of a room out of the index, for good; those that are not in there do not matter.

    Belongs into the transaction that deletes the messages, and there *before* their bodies and those of their edits go.
    """
    done = connection.execute("SELECT seq FROM indexed WHERE room_id = ?", (room_id,)).get
    if done is not None:
        _remove(
            connection,
            _indexed_state_of(connection, {(room_id, seq) for seq in seqs}, {room_id: done}),
        )


class _RoomBehind(msgspec.Struct, array_like=True, gc=False):
    """Room with events that are not indexed."""

    id: int
    done: int


def _clear(connection: SqliteConnection) -> None:
    connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
    connection.execute("DELETE FROM docs")
    connection.execute("DELETE FROM indexed")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('search', ?)", (VERSION,))


def _rooms_behind(
    connection: SqliteConnection, limit: int, room_ids: Collection[int] | None
) -> list[_RoomBehind]:
    """The rooms whose turn it is first: the next ``limit`` events are all of these."""
    among = "" if room_ids is None else "WHERE r.id IN (SELECT value FROM json_each(:rooms))"
    return read_structs(
        connection,
        _RoomBehind,
        f"""
        SELECT id, done FROM (
            SELECT r.id, ifnull(i.seq, 0) AS done, (
                SELECT at_ms FROM events WHERE room_id = r.id AND seq > ifnull(i.seq, 0) ORDER BY seq LIMIT 1
            ) AS at_ms
            FROM rooms r LEFT JOIN indexed i ON i.room_id = r.id {among}
        )
        WHERE at_ms IS NOT NULL ORDER BY at_ms LIMIT :limit
        """,
        {"limit": limit, "rooms": to_json(list(room_ids or ()))},
    )


def _events_after(
    connection: SqliteConnection, room_id: int, after: int, at_a_time: int
) -> Iterator[MessageRow]:
    while True:
        rows = read_structs(
            connection,
            MessageRow,
            f"SELECT {MESSAGE_COLUMNS}, 0, NULL, NULL FROM events e WHERE room_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (room_id, after, at_a_time),
        )
        yield from rows
        if len(rows) < at_a_time:
            return
        after, at_a_time = rows[-1].seq, 2 * at_a_time


def _index(connection: SqliteConnection, events: Sequence[MessageRow], done: dict[int, int]) -> None:
    """Add the messages among the events, and give edited ones the grams of their new text."""
    new = {(event.room_id, event.seq): event for event in events if event.kind in MESSAGES}
    edits: dict[tuple[int, int], MessageRow] = {}
    for event in events:
        if isinstance(edit := _text_body(event.kind, event.body), Edit):
            edits[event.room_id, edit.target] = event
    known = _indexed_state_of(connection, edits.keys() - new.keys(), done)
    _remove(connection, known)
    last = connection.execute("SELECT ifnull(max(id), 0) FROM docs").get
    for number, message in enumerate(new.values(), last + 1):
        message.doc_id = number
    messages = [
        *known,
        *new.values(),
    ]  # ascending: FTS5 writes what it has gathered when a smaller number comes
    for message in messages:
        if newest := edits.get((message.room_id, message.seq)):
            message.edit_seq, message.edit_body = newest.seq, newest.body
    write_rows(
        connection,
        "INSERT INTO docs (id, room_id, seq, at_ms) "
        "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
        [(message.doc_id, message.room_id, message.seq, message.at_ms) for message in new.values()],
    )
    write_rows(
        connection,
        "INSERT INTO search (rowid, text) SELECT value ->> 0, value ->> 1 FROM json_each(?)",
        _with_indexed_texts(messages),
    )


def _remove(connection: SqliteConnection, messages: Iterable[MessageRow]) -> None:
    write_rows(
        connection,
        "INSERT INTO search (search, rowid, text) SELECT 'delete', value ->> 0, value ->> 1 FROM json_each(?)",
        _with_indexed_texts(messages),
    )


def _with_indexed_texts(messages: Iterable[MessageRow]) -> list[tuple[int, str]]:
    return [
        (
            message.doc_id,
            indexed_text(
                text,
                room_id=message.room_id,
                sender=message.sender,
                name=message.name,
                files=message.files(),
            ),
        )
        for message in messages
        if (text := message.text()) is not None
    ]


def _indexed_state_of(
    connection: SqliteConnection, messages: Collection[tuple[int, int]], done: dict[int, int]
) -> list[MessageRow]:
    """Those of the messages (room id, number) that are indexed, in the order of the index, as it knows them.

    ``done`` says up to where each room is indexed.
    """
    if not messages:
        return []
    return read_structs(
        connection,
        MessageRow,
        f"""
        SELECT {MESSAGE_COLUMNS}, d.id, n.seq, CAST(n.body AS TEXT)
        FROM json_each(?) w
        CROSS JOIN docs d ON d.room_id = w.value ->> 0 AND d.seq = w.value ->> 1
        CROSS JOIN events e ON e.room_id = d.room_id AND e.seq = d.seq
        LEFT JOIN events n ON n.room_id = d.room_id AND n.seq = (
            SELECT max(seq) FROM edits WHERE room_id = d.room_id AND target = d.seq AND seq <= w.value ->> 2
        )
        ORDER BY d.id
        """,
        (to_json([(room_id, seq, done.get(room_id, 0)) for room_id, seq in messages]),),
    )


def _text_body(kind: str, body: str | None) -> Post | Edit | None:
    if body is None:
        return None
    if kind == MESSAGE:
        return Post(body)
    try:
        said = read_body(kind, body)
    except (KeyError, msgspec.DecodeError):  # of another program, or damaged
        return None
    return said if isinstance(said, Post | Edit) else None
