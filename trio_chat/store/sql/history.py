"""History: reads of events. Synchronous, over any connection.

Everything read is checked against its digests: of 100 bits flipped in a database file SQLite noticed 22, and
served wrong data for 62. A page that is not whole is read again event by event (docs/decisions/damaged-events.md).
"""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from trio_chat.model.chain import GENESIS
from trio_chat.model.events import Event, Position, damaged
from trio_chat.store.plan import Row
from trio_chat.store.proof import START, Digests, examine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from trio_chat.store.sql.connection import Connection

EVENT_COLUMNS = ", ".join(Row._fields)

_SEQ = 2 + Row._fields.index("seq")

LOOK_BACK = 8
"""Events before a damaged page that are looked at, so that reads from different places find the same."""


def position(connection: Connection, room: str) -> Position:
    """See `Store.position`."""
    epoch = connection.execute("SELECT epoch FROM rooms WHERE name = ?", (room,)).get
    if epoch is None:
        return Position(0, connection.execute("SELECT value FROM meta WHERE key = 'epoch'").get)
    return Position(_last(connection, room), epoch)


def positions(connection: Connection, rooms: Collection[str]) -> dict[str, Position]:
    """See `Store.positions`."""
    with connection.snapshot():
        found = connection.execute(
            f"""
            SELECT name, coalesce((SELECT max(seq) FROM events WHERE room_id = rooms.id), 0), epoch
            FROM rooms WHERE name IN {connection.dialect.texts}
            """,
            (json.dumps(list(rooms)),),
        )
        known = {name: Position(seq, epoch) for name, seq, epoch in found}
        unknown = Position(0, connection.execute("SELECT value FROM meta WHERE key = 'epoch'").get)
    return {room: known.get(room, unknown) for room in rooms}


def read_after(connection: Connection, room: str, after: int, limit: int, max_bytes: int) -> list[Event]:
    """See `Store.read_after`."""
    after = max(after, 0)
    last = _last(connection, room)  # read first: what is added meanwhile comes behind it
    if limit < 1 or after >= last:
        return []
    errors: tuple[type[Exception], ...] = (_NotWhole, *connection.unreadable)
    try:
        return _whole_after(connection, room, after, last, limit, max_bytes)
    except errors:
        events = _one_by_one(connection, room, after + 1, min(last, after + limit))
        return _fitting(events, max_bytes)


def read_before(connection: Connection, room: str, before: int, limit: int, max_bytes: int) -> list[Event]:
    """See `Store.read_before`."""
    last = min(before - 1, _last(connection, room))
    if limit < 1 or last < 1:
        return []
    errors: tuple[type[Exception], ...] = (_NotWhole, *connection.unreadable)
    try:
        return _whole_before(connection, room, last, limit, max_bytes)
    except errors:
        events = _one_by_one(connection, room, max(1, last - limit + 1), last)
        return _fitting(events[::-1], max_bytes)[::-1]


def read_some(connection: Connection, room: str, seqs: Collection[int]) -> list[Event]:
    """See `Store.read_some`."""
    room_id = find_room_id(connection, room)
    return [] if room_id is None else events_at(connection, [(room, room_id, seq) for seq in set(seqs)])


def find_command(connection: Connection, sender: str, client_id: str) -> Event | None:
    """See `Store.find_command`."""
    place = connection.execute(
        """
        SELECT rooms.name, room_id, seq FROM events JOIN rooms ON rooms.id = room_id
        WHERE sender = ? AND client_id = ?
        """,
        (sender, client_id),
    ).fetchone()
    return next(iter(events_at(connection, [place])), None) if place is not None else None


def events_at(connection: Connection, places: Collection[tuple[str, int, int]]) -> list[Event]:
    """Events at these places (a room's name, its id, a sequence number), in the order of room ids and numbers."""
    rooms = {room_id: room for room, room_id, _ in places}
    wanted = json.dumps(sorted({(room_id, seq) for _, room_id, seq in places}))
    found: Any
    try:
        found = connection.execute(
            f"""
            SELECT room_id, previous, {EVENT_COLUMNS} FROM (
                SELECT events.*, (
                    SELECT digest FROM events AS before
                    WHERE before.room_id = events.room_id AND before.seq = events.seq - 1
                ) AS previous
                FROM {connection.dialect.rows_of("room_id int, seq int")} AS wanted CROSS JOIN events
                WHERE events.room_id = wanted.room_id AND events.seq = wanted.seq
            ) AS found
            """,
            (wanted,),
        ).fetchall()
    except connection.unreadable:
        return [
            event
            for room, _, seq in sorted(set(places))
            if 1 <= seq <= _last(connection, room)
            for event in _one_by_one(connection, room, seq, seq)
        ]
    events: list[Event] = []
    found.sort(key=itemgetter(0, _SEQ))  # not every engine keeps to the order in which it is asked
    for room_id, previous, *values in found:
        room, row = rooms[room_id], Row(*values)
        before = START if row.seq == 1 else () if previous is None else (previous,)
        flaw, _ = examine(room, row, before, is_deleted=is_deleted(connection, room_id, row))
        events += [row.event(room)] if flaw is None else _one_by_one(connection, room, row.seq, row.seq)
    return events


def is_deleted(connection: Connection, room_id: int, row: Row) -> bool:
    """Whether a body that is missing was deleted: a message's own, or that of an edit of it."""
    if row.body is not None:
        return False
    deleted = connection.execute(
        """
        SELECT EXISTS (SELECT 1 FROM changes WHERE room_id = ?1 AND target = ?2 AND key = 'delete') OR EXISTS (
            SELECT 1 FROM edits JOIN changes USING (room_id, target)
            WHERE edits.room_id = ?1 AND edits.seq = ?2 AND key = 'delete'
        )
        """,
        (room_id, row.seq),
    ).get
    return bool(deleted)


def find_room_id(connection: Connection, room: str) -> int | None:
    """Id of a room in the tables; None if nobody wrote to it."""
    found = connection.execute("SELECT id FROM rooms WHERE name = ?", (room,)).get
    assert found is None or isinstance(found, int)
    return found


def _last(connection: Connection, room: str) -> int:
    last = connection.execute(
        "SELECT max(seq) FROM events WHERE room_id = (SELECT id FROM rooms WHERE name = ?)", (room,)
    ).get
    return 0 if last is None else last


class _NotWhole(Exception):
    """Some event of the page is not what was written: it must be read event by event."""


def _whole_after(
    connection: Connection, room: str, after: int, last: int, limit: int, max_bytes: int
) -> list[Event]:
    # The event before the page is read as well: its digest is what the page's first is chained to.
    rows = _walk(connection, room, max(after, 1), 1, limit + bool(after))
    digest = GENESIS
    if after:
        before = next(rows, None)
        if before is None:
            raise _NotWhole
        digest = before.digest
    page, following = _page(rows, limit, max_bytes)
    end = page[-1].seq if page else after
    if following is None and len(page) < limit and end < last:  # a damaged page of an index hides the rest
        raise _NotWhole
    return _proved(connection, room, page, digest)


def _whole_before(connection: Connection, room: str, last: int, limit: int, max_bytes: int) -> list[Event]:
    page, older = _page(_walk(connection, room, last, -1, limit + 1), limit, max_bytes)
    page.reverse()
    if older is not None:
        return _proved(connection, room, page, older.digest)
    if not page or page[0].seq > 1:
        raise _NotWhole
    return _proved(connection, room, page, GENESIS)


def _walk(connection: Connection, room: str, start: int, step: int, limit: int) -> Iterator[Row]:
    """Rows from number ``start`` on, up (step 1) or down (step -1). Raises `_NotWhole` at a hole."""
    beyond, direction = (">=", "ASC") if step > 0 else ("<=", "DESC")
    expected = start
    try:
        for values in connection.execute(
            f"SELECT {EVENT_COLUMNS} FROM events WHERE room_id = (SELECT id FROM rooms WHERE name = ?) "
            f"AND seq {beyond} ? ORDER BY seq {direction} LIMIT ?",
            (room, start, limit),
        ):
            row = Row(*values)
            if row.seq != expected or not isinstance(row.body, str | None):
                raise _NotWhole
            yield row
            expected += step
    except connection.unreadable:
        raise _NotWhole from None


def _page(rows: Iterable[Row], limit: int, max_bytes: int) -> tuple[list[Row], Row | None]:
    """The first rows that fit the bounds (at least one, if there is any), and the row after them if it was read."""
    page: list[Row] = []
    for row in rows:
        max_bytes -= _size(row.body)
        if len(page) == limit or (page and max_bytes < 0):
            return page, row
        page.append(row)
    return page, None


def _size(body: str | None) -> int:
    return 0 if body is None else len(body.encode())


def _proved(connection: Connection, room: str, page: Sequence[Row], digest: bytes) -> list[Event]:
    """The rows as events; ``digest`` is that of the event before. Raises `_NotWhole` if one is not what was written."""
    events: list[Event] = []
    before: Digests = (digest,)
    room_id = find_room_id(connection, room) or 0  # 0: no room's
    for row in page:
        flaw, before = examine(room, row, before, is_deleted=is_deleted(connection, room_id, row))
        if flaw is not None:
            raise _NotWhole
        events.append(row.event(room))
    return events


def _one_by_one(connection: Connection, room: str, first: int, last: int) -> list[Event]:
    """Events with these numbers; `damaged` in the place of each that cannot be proved.

    Slower than a page, and gets around parts of the file that cannot be read. It begins some events earlier, to know
    what the first is chained to.
    """
    room_id = find_room_id(connection, room) or 0  # 0: no room's
    start = max(1, first - LOOK_BACK)
    before = START if start == 1 else digest_of(connection, room_id, start - 1)
    events: list[Event] = []
    for seq in range(start, last + 1):
        event = damaged(room, seq)
        row = read_one(connection, room_id, seq)
        if row is None:
            before = digest_of(connection, room_id, seq)
        else:
            flaw, before = examine(room, row, before, is_deleted=is_deleted(connection, room_id, row))
            if flaw is None:
                event = row.event(room)
        if seq >= first:
            events.append(event)
    return events


def read_one(connection: Connection, room_id: int, seq: int) -> Row | None:
    """Row of one event; None if it is missing or cannot be read."""
    try:
        values = connection.execute(
            f"SELECT {EVENT_COLUMNS} FROM events WHERE room_id = ? AND seq = ?", (room_id, seq)
        ).fetchone()
    except connection.unreadable:
        return None
    return None if values is None else Row(*values)


def digest_of(connection: Connection, room_id: int, seq: int) -> Digests:
    """Digest of one event, if that much of it can be read."""
    try:
        digest = connection.execute(
            "SELECT digest FROM events WHERE room_id = ? AND seq = ?", (room_id, seq)
        ).get
    except connection.unreadable:
        return ()
    return (digest,) if isinstance(digest, bytes) else ()


def _fitting(events: Sequence[Event], max_bytes: int) -> list[Event]:
    """The first events that fit; at least one, if there is any."""
    page: list[Event] = []
    for event in events:
        max_bytes -= _size(event.body)
        if page and max_bytes < 0:
            break
        page.append(event)
    return page
