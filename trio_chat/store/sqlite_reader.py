"""The reading half of the SQLite store: synchronous, called by one thread at a time.

Everything read is checked against its digests: of 100 bits flipped in a database file SQLite noticed 22, and
served wrong data for 62. A page that is not whole is read again event by event (docs/decisions/damaged-events.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import apsw

from trio_chat.chain import GENESIS
from trio_chat.events import DAMAGED, Event, Person, Position, damaged
from trio_chat.store.plan import Row
from trio_chat.store.proof import START, Digests, examine
from trio_chat.store.sqlite_file import UNAVAILABLE, unavailable

if TYPE_CHECKING:
    from trio_chat.store.mark import MarkFile

LOGGER = logging.getLogger(__name__)

Question: TypeAlias = Callable[[apsw.Connection], Any]

COLUMNS = ", ".join(Row._fields)

LOOK_BACK = 8
"""How many events before a damaged page are looked at: whoever reads it from wherever should find the same."""

REPORTS_REMEMBERED = 10_000
"""How many damaged events the operator was told of, before some are told again."""


class SqliteReader:
    """A connection that only reads."""

    def __init__(self, connection: apsw.Connection, mark_file: MarkFile) -> None:
        self._connection = connection
        self._mark_file = mark_file
        self._reported: set[tuple[str, int]] = set()
        self.failures = 0

    def answer_all(self, questions: Sequence[Question]) -> list[Any]:
        """One answer for each question, an exception for what failed."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Any:  # noqa: ANN401
        try:
            answer = question(self._connection)
            if isinstance(answer, list):
                self._check_and_report(answer)
        except (*UNAVAILABLE, OSError) as error:
            LOGGER.error("the log cannot be read: %s", error)
            self.failures += 1
            return unavailable(error)
        except Exception as error:  # a bug: it rises where the question was asked
            return error
        return answer

    def _check_and_report(self, page: Sequence[Event]) -> None:
        """Believe in damage only where the disk is well; raises `OSError` where it is not.

        To SQLite a page that cannot be read is a corrupt one (it makes ``SQLITE_CORRUPT`` of EIO). While a disk is
        gone that would be every page, and clients would be told for good that what is whole is damaged.
        """
        if any(event.kind == DAMAGED for event in page):
            self._mark_file.sync()
            self._report(page)

    def _report(self, page: Iterable[Event]) -> None:
        """Tell the operator of damaged events, once for each, however many readers come by."""
        for event in page:
            if event.kind == DAMAGED and (event.room, event.seq) not in self._reported:
                if len(self._reported) >= REPORTS_REMEMBERED:
                    self._reported.clear()
                self._reported.add((event.room, event.seq))
                self.failures += 1
                LOGGER.error(
                    "event %d of the room %r is damaged: it is told to nobody. Run verify to see how much is, and "
                    "restore the log from a backup",
                    event.seq,
                    event.room,
                )


def position(connection: apsw.Connection, room: str) -> Position:
    """See `Store.position`."""
    epoch = connection.execute("SELECT epoch FROM rooms WHERE name = ?", (room,)).get
    if epoch is None:
        return Position(0, connection.execute("SELECT value FROM meta WHERE key = 'epoch'").get)
    return Position(_last(connection, room), epoch)


def read_after(connection: apsw.Connection, room: str, after: int, limit: int, max_bytes: int) -> list[Event]:
    """See `Store.read_after`."""
    after = max(after, 0)
    last = _last(connection, room)  # asked first: what is added meanwhile comes behind it
    if limit < 1 or after >= last:
        return []
    try:
        return _whole_after(connection, room, after, last, limit, max_bytes)
    except (_NotWhole, apsw.CorruptError):
        events = _one_by_one(connection, room, after + 1, min(last, after + limit))
        return _fitting(events, max_bytes)


def read_before(
    connection: apsw.Connection, room: str, before: int, limit: int, max_bytes: int
) -> list[Event]:
    """See `Store.read_before`."""
    last = min(before - 1, _last(connection, room))
    if limit < 1 or last < 1:
        return []
    try:
        return _whole_before(connection, room, last, limit, max_bytes)
    except (_NotWhole, apsw.CorruptError):
        events = _one_by_one(connection, room, max(1, last - limit + 1), last)
        return _fitting(events[::-1], max_bytes)[::-1]


def find_person(connection: apsw.Connection, token_hash: bytes) -> Person | None:
    """See `Store.find_person`."""
    found = connection.execute(
        "SELECT id, name FROM tokens JOIN people ON id = person_id WHERE hash = ?", (token_hash,)
    ).fetchone()
    return None if found is None else Person(*found)


def is_name_known(connection: apsw.Connection, name_key: str) -> bool:
    """See `Store.is_name_known`."""
    return connection.execute("SELECT 1 FROM people WHERE name_key = ?", (name_key,)).get is not None


def _last(connection: apsw.Connection, room: str) -> int:
    last = connection.execute(
        "SELECT max(seq) FROM events WHERE room_id = (SELECT id FROM rooms WHERE name = ?)", (room,)
    ).get
    return 0 if last is None else last


class _NotWhole(Exception):
    """The page is not what was written, somewhere: it must be looked at event by event."""


def _whole_after(
    connection: apsw.Connection, room: str, after: int, last: int, limit: int, max_bytes: int
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
    return _proved(room, page, digest)


def _whole_before(
    connection: apsw.Connection, room: str, last: int, limit: int, max_bytes: int
) -> list[Event]:
    page, older = _page(_walk(connection, room, last, -1, limit + 1), limit, max_bytes)
    page.reverse()
    if older is not None:
        return _proved(room, page, older.digest)
    if not page or page[0].seq > 1:
        raise _NotWhole
    return _proved(room, page, GENESIS)


def _walk(connection: apsw.Connection, room: str, start: int, step: int, limit: int) -> Iterator[Row]:
    """The rows from number ``start`` on, up (step 1) or down (step -1), without a hole."""
    beyond, direction = (">=", "ASC") if step > 0 else ("<=", "DESC")
    expected = start
    try:
        for values in connection.execute(
            f"SELECT {COLUMNS} FROM events WHERE room_id = (SELECT id FROM rooms WHERE name = ?) "
            f"AND seq {beyond} ? ORDER BY seq {direction} LIMIT ?",
            (room, start, limit),
        ):
            row = Row(*values)
            if row.seq != expected or not isinstance(row.body, str):
                raise _NotWhole
            yield row
            expected += step
    except UnicodeDecodeError:
        raise _NotWhole from None


def _page(rows: Iterable[Row], limit: int, max_bytes: int) -> tuple[list[Row], Row | None]:
    """The first rows that fit the bounds, at least one if there is any, and the row after them if read."""
    page: list[Row] = []
    for row in rows:
        max_bytes -= len(row.body.encode())
        if len(page) == limit or (page and max_bytes < 0):
            return page, row
        page.append(row)
    return page, None


def _proved(room: str, page: Iterable[Row], digest: bytes) -> list[Event]:
    """The rows as events, if all are what was written; ``digest`` is the one of the event before them."""
    events: list[Event] = []
    before: Digests = (digest,)
    for row in page:
        flaw, before = examine(room, row, before)
        if flaw is not None:
            raise _NotWhole
        events.append(row.event(room))
    return events


def _one_by_one(connection: apsw.Connection, room: str, first: int, last: int) -> list[Event]:
    """The events of these numbers; in the place of each that cannot be proved, that it is damaged.

    Slower than a page, and gets around pages of the file that cannot be read. It begins some events earlier, to know
    what the first is chained to.
    """
    room_id = connection.execute("SELECT id FROM rooms WHERE name = ?", (room,)).get
    start = max(1, first - LOOK_BACK)
    before = START if start == 1 else digest_of(connection, room_id, start - 1)
    events: list[Event] = []
    for seq in range(start, last + 1):
        event = damaged(room, seq)
        row = read_one(connection, room_id, seq)
        if row is None:
            before = digest_of(connection, room_id, seq)
        else:
            flaw, before = examine(room, row, before)
            if flaw is None:
                event = row.event(room)
        if seq >= first:
            events.append(event)
    return events


def read_one(connection: apsw.Connection, room_id: int, seq: int) -> Row | None:
    """The row of one event, None if it is missing or cannot be read."""
    try:
        values = connection.execute(
            f"SELECT {COLUMNS} FROM events WHERE room_id = ? AND seq = ?", (room_id, seq)
        ).fetchone()
    except (apsw.CorruptError, UnicodeDecodeError):
        return None
    return None if values is None else Row(*values)


def digest_of(connection: apsw.Connection, room_id: int, seq: int) -> Digests:
    """The digest of one event, if that much of it can be read."""
    try:
        digest = connection.execute(
            "SELECT digest FROM events WHERE room_id = ? AND seq = ?", (room_id, seq)
        ).get
    except (apsw.CorruptError, UnicodeDecodeError):
        return ()
    return (digest,) if isinstance(digest, bytes) else ()


def _fitting(events: Sequence[Event], max_bytes: int) -> list[Event]:
    """The first events that fit, at least one if there is any."""
    page: list[Event] = []
    for event in events:
        max_bytes -= len(event.body.encode())
        if page and max_bytes < 0:
            break
        page.append(event)
    return page
