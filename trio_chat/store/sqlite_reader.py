"""The reading half of the SQLite store: synchronous, called by one thread at a time.

Everything read is checked against its digests: of 100 bits flipped in a database file SQLite noticed 22, and
served wrong data for 62.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import apsw

from trio_chat.chain import GENESIS, chained, digest_of_body
from trio_chat.errors import DamagedEvent
from trio_chat.events import Event, Person, Position
from trio_chat.store.plan import Row
from trio_chat.store.sqlite_file import UNAVAILABLE, unavailable

LOGGER = logging.getLogger(__name__)

Question: TypeAlias = Callable[[apsw.Connection], Any]

COLUMNS = ", ".join(Row._fields)


class SqliteReader:
    """A connection that only reads."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.failures = 0

    def answer_all(self, questions: Sequence[Question]) -> list[Any]:
        """One answer for each question, an exception for what failed."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Any:  # noqa: ANN401
        try:
            return question(self._connection)
        except UNAVAILABLE as error:
            LOGGER.error("the log cannot be read: %s", error)
            self.failures += 1
            return unavailable(error)
        except DamagedEvent as error:
            LOGGER.error("%s", error)
            self.failures += 1
            return error
        except Exception as error:  # a bug: it rises where the question was asked
            return error


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
    # The event before the page is read as well: its digest is what the page's first is chained to.
    rows = _walk(connection, room, max(after, 1), 1, limit + bool(after))
    digest = GENESIS
    if after:
        before = next(rows, None)
        if before is None:
            raise DamagedEvent(room, after)
        digest = before.digest
    page, following = _page(rows, limit, max_bytes)
    end = page[-1].seq if page else after
    if following is None and len(page) < limit and end < last:  # a damaged page of an index hides the rest
        raise DamagedEvent(room, end + 1)
    return _checked(room, page, digest)


def read_before(
    connection: apsw.Connection, room: str, before: int, limit: int, max_bytes: int
) -> list[Event]:
    """See `Store.read_before`."""
    last = min(before - 1, _last(connection, room))
    if limit < 1 or last < 1:
        return []
    page, older = _page(_walk(connection, room, last, -1, limit + 1), limit, max_bytes)
    page.reverse()
    if older is not None:
        return _checked(room, page, older.digest)
    if not page or page[0].seq > 1:
        raise DamagedEvent(room, page[0].seq - 1 if page else last)
    return _checked(room, page, GENESIS)


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
                raise DamagedEvent(room, expected)
            yield row
            expected += step
    except UnicodeDecodeError:
        raise DamagedEvent(room, expected) from None


def _page(rows: Iterable[Row], limit: int, max_bytes: int) -> tuple[list[Row], Row | None]:
    """The first rows that fit the bounds, at least one if there is any, and the row after them if read."""
    page: list[Row] = []
    for row in rows:
        max_bytes -= len(row.body.encode())
        if len(page) == limit or (page and max_bytes < 0):
            return page, row
        page.append(row)
    return page, None


def _checked(room: str, page: Iterable[Row], digest: bytes) -> list[Event]:
    """The rows as events, if they are what was written; ``digest`` is the one of the event before them."""
    events: list[Event] = []
    for row in page:
        try:
            is_whole = digest_of_body(row.salt, row.body) == row.body_digest and row.digest == chained(
                digest,
                room=room,
                seq=row.seq,
                kind=row.kind,
                sender=row.sender,
                name=row.name,
                client_id=row.client_id,
                at_ms=row.at_ms,
                body_digest=row.body_digest,
            )
        except TypeError:  # damaged to a value of another type
            is_whole = False
        if not is_whole:
            raise DamagedEvent(room, row.seq)
        digest = row.digest
        events.append(row.event(room))
    return events
