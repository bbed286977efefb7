"""Search index: it follows the event log. Synchronous, called in the writer's transactions.

The log is the truth, and the index is made from it, some time after it was written: sending a message costs nothing
more. The table `docs` numbers the messages of all rooms in the order of their times; under that number a `GramIndex`,
of which each engine has its own, holds their grams (`trio_chat.search.grams`); `indexed` says up to where each room is
done. What the index was given of a message follows from the log too (its text as it was up to there), so exactly that
can be taken out again. Why it is so: docs/decisions/search.md.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from msgspec.structs import replace

from trio_chat.kinds.messages import DELETE, EDIT, Edit, Post
from trio_chat.kinds.reports import RESOLVE
from trio_chat.kinds.table import MESSAGES, change_key, read_body
from trio_chat.model.events import MESSAGE
from trio_chat.search.grams import VERSION, indexed_text
from trio_chat.store.sql.batches import to_json, write_rows
from trio_chat.store.sql.meta import note, set_note

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set

    from trio_chat.kinds.files import File
    from trio_chat.search.query import Query
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.search_candidates import Candidates, SearchedRoom

MIN_EVENTS_READ: Final = 4
"""Events of a room that are read in one call; more if few rooms have any."""

MAX_CHARS: Final = 20_000
"""Behind so much text no more events are indexed at a time, however few they are: it takes some 10 ms, for which a
commit may have to wait. A hundred ordinary lines have less."""


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


class GramIndex(Protocol):
    """Index of an engine: the grams of messages under their numbers in `docs`, whose rows it writes as well."""

    version: str
    """All that its form depends on, beside the grams themselves."""

    def clear(self, connection: Connection, /) -> None:
        """Empty it."""
        ...

    def add(self, connection: Connection, messages: Sequence[MessageRow], /) -> None:
        """Add new messages, in the order of their numbers, with their texts of now."""
        ...

    def change(
        self, connection: Connection, before: Sequence[MessageRow], after: Sequence[MessageRow], /
    ) -> None:
        """Give messages that it has the grams of another text; ``before``: as it was given them."""
        ...

    def forget(self, connection: Connection, room_id: int, seqs: Collection[int], /) -> None:
        """Take messages out, for good; those that are not in there do not matter. Belongs into the transaction that
        deletes them, and there *before* their bodies and those of their edits go."""
        ...

    def note_deleted(self, connection: Connection, places: Collection[tuple[int, int]], /) -> None:
        """The index has come to the deletions of these messages (room id, number). Where who deletes and who indexes
        are two, one of these may have been put in while it was being deleted."""
        ...

    def candidates(
        self,
        connection: Connection,
        rooms: Mapping[int, SearchedRoom],
        query: Query,
        sender_ids: Set[str],
        /,
    ) -> Candidates:
        """What it knows that a query may find in these rooms."""
        ...


def index_more(connection: Connection, limit: int, room_ids: Collection[int] | None = None) -> bool:
    """Index up to ``limit`` more events, fewer if their texts are long (`MAX_CHARS`), oldest first; whether there may
    be more. Belongs into a transaction, and there is one at a time.

    ``room_ids``: only these rooms can have new events, so the others are not looked at.
    """
    version = f"{VERSION}{connection.index.version}"
    if note(connection, "search") != version:
        connection.index.clear(connection)
        connection.execute("DELETE FROM indexed")
        set_note(connection, "search", version)
    behind = _rooms_behind(connection, limit, room_ids)
    each = max(MIN_EVENTS_READ, limit // max(1, len(behind)))
    in_order = merge(
        *(_events_after(connection, room.id, room.done, each) for room in behind), key=attrgetter("place")
    )
    events, is_more = _next_of(in_order, limit)
    if not events:
        return False
    _index(connection, events, {room.id: room.done for room in behind})
    write_rows(
        connection,
        f"INSERT INTO indexed SELECT room_id, seq FROM {connection.dialect.rows_of('room_id int, seq int')} AS done "
        "WHERE true ON CONFLICT (room_id) DO UPDATE SET seq = excluded.seq",
        list({event.room_id: event.seq for event in events}.items()),
    )
    return is_more


def _next_of(events: Iterator[MessageRow], limit: int) -> tuple[list[MessageRow], bool]:
    """The events that are indexed next, and whether there may be more."""
    taken: list[MessageRow] = []
    chars = 0
    for event in islice(events, limit):
        taken.append(event)
        chars += len(event.body or "")
        if chars >= MAX_CHARS:
            return taken, True
    return taken, len(taken) == limit


def indexed_texts(messages: Iterable[MessageRow]) -> Iterator[tuple[MessageRow, str]]:
    """The messages with what the index is given of them; those that were deleted, or are damaged, are left out."""
    for message in messages:
        text = message.text()
        if text is not None:
            yield (
                message,
                indexed_text(
                    text,
                    room_id=message.room_id,
                    sender=message.sender,
                    name=message.name,
                    files=message.files(),
                ),
            )


def edit_target(body: str | None) -> int | None:
    """The message that an edit with this body is of; None if that is damaged, or was deleted."""
    edit = _text_body(EDIT, body)
    return edit.target if isinstance(edit, Edit) else None


def indexed_state_of(
    connection: Connection, messages: Collection[tuple[int, int]], done: dict[int, int]
) -> list[MessageRow]:
    """Those of the messages (room id, number) that are indexed, in the order of the index, as it knows them.

    ``done`` says up to where each room is indexed.
    """
    if not messages:
        return []
    return connection.structs(
        MessageRow,
        f"""
        SELECT {MESSAGE_COLUMNS}, d.id, n.seq, CAST(n.body AS TEXT)
        FROM {connection.dialect.rows_of("room_id int, seq int, done int")} w
        CROSS JOIN docs d
        CROSS JOIN events e
        LEFT JOIN events n ON n.room_id = d.room_id AND n.seq = (
            SELECT max(seq) FROM edits WHERE room_id = d.room_id AND target = d.seq AND seq <= w.done
        )
        WHERE d.room_id = w.room_id AND d.seq = w.seq AND e.room_id = d.room_id AND e.seq = d.seq
        ORDER BY d.id
        """,
        (to_json([(room_id, seq, done.get(room_id, 0)) for room_id, seq in messages]),),
    )


class _RoomBehind(msgspec.Struct, array_like=True, gc=False):
    """Room with events that are not indexed."""

    id: int
    done: int


def _rooms_behind(connection: Connection, limit: int, room_ids: Collection[int] | None) -> list[_RoomBehind]:
    """The rooms whose turn it is first: the next ``limit`` events are all of these."""
    among = "" if room_ids is None else f"WHERE r.id IN {connection.dialect.ints}"
    return connection.structs(
        _RoomBehind,
        f"""
        SELECT id, done FROM (
            SELECT r.id, coalesce(i.seq, 0) AS done, (
                SELECT at_ms FROM events WHERE room_id = r.id AND seq > coalesce(i.seq, 0) ORDER BY seq LIMIT 1
            ) AS at_ms
            FROM rooms r LEFT JOIN indexed i ON i.room_id = r.id {among}
        ) AS behind
        WHERE at_ms IS NOT NULL ORDER BY at_ms LIMIT ?
        """,
        (limit,) if room_ids is None else (to_json(list(room_ids)), limit),
    )


def _events_after(connection: Connection, room_id: int, after: int, at_a_time: int) -> Iterator[MessageRow]:
    while True:
        rows = connection.structs(
            MessageRow,
            f"SELECT {MESSAGE_COLUMNS}, 0, NULL, NULL FROM events e WHERE room_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (room_id, after, at_a_time),
        )
        yield from rows
        if len(rows) < at_a_time:
            return
        after, at_a_time = rows[-1].seq, 2 * at_a_time


def _index(connection: Connection, events: Sequence[MessageRow], done: dict[int, int]) -> None:
    """Add the messages among the events, give edited ones the grams of their new text, and forget deleted ones."""
    new = {(event.room_id, event.seq): event for event in events if event.kind in MESSAGES}
    edits: dict[tuple[int, int], MessageRow] = {}
    deleted: set[tuple[int, int]] = set()
    for event in events:
        if isinstance(edit := _text_body(event.kind, event.body), Edit):
            edits[event.room_id, edit.target] = event
        elif event.kind in (DELETE, RESOLVE) and (target := _deleted_by(event)):
            deleted.add((event.room_id, target))
    before = indexed_state_of(connection, edits.keys() - new.keys(), done)
    if before:
        connection.index.change(connection, before, [_edited(message, edits) for message in before])
    last = connection.execute("SELECT coalesce(max(id), 0) FROM docs").get
    added = [
        replace(_edited(message, edits), doc_id=number)
        for number, message in enumerate(new.values(), last + 1)
    ]
    if added:
        connection.index.add(connection, added)
    if deleted:
        connection.index.note_deleted(connection, deleted)


def _edited(message: MessageRow, edits: Mapping[tuple[int, int], MessageRow]) -> MessageRow:
    newest = edits.get((message.room_id, message.seq))
    return message if newest is None else replace(message, edit_seq=newest.seq, edit_body=newest.body)


def _deleted_by(event: MessageRow) -> int | None:
    """Which message an event deletes, if any."""
    try:
        key = change_key(event.kind, event.sender, read_body(event.kind, event.body or ""))
    except (KeyError, msgspec.DecodeError):  # of another program, or damaged
        return None
    return key[0] if key is not None and key[1] == DELETE else None


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
