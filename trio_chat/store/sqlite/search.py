"""Finding messages. Synchronous, over any connection.

The index proposes messages by their grams (`trio_chat.search.grams`), and each is compared with its text of now before
it is told. So whatever is wrong in the index costs time or hides a message, but tells nothing that is not so. What is
not indexed yet (`trio_chat.store.sqlite.search_index`) is looked through. Why it is so: docs/decisions/search.md.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from trio_chat.errors import Refused
from trio_chat.model.records import SearchHit, SearchResults
from trio_chat.search.grams import (
    LINK,
    gram,
    grams_of_term,
    name_code,
    normal,
    room_code,
    sender_code,
)
from trio_chat.search.matching import is_said_by, is_said_then, marks_of, says_it
from trio_chat.store.sqlite.reader import snapshot
from trio_chat.store.sqlite.rooms import names_of
from trio_chat.store.sqlite.search_index import LINE, Line, as_json, decoded, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import apsw

    from trio_chat.search.query import Query

T = TypeVar("T")

LONGEST_TAIL: Final = 2_000
"""How many events that are not indexed yet are looked through; if there are more, none is."""

STEPS: Final = ((512, 64), (4_096, 512), (16_384, 1_024))
"""How many proposals are taken in each step of one call, and how many of those in the rooms are compared at most."""

MAX_CHARS_COMPARED: Final = 500_000
"""So much text is compared in one call, or little more."""

MAX_GRAMS: Final = 30
"""So many grams are looked up for the terms of a query. More of them propose hardly fewer messages."""

MAX_ROOMS_LOOKED_UP: Final = 256
"""More rooms are not looked up in the index, but sorted out of what it proposes."""

SHARE_LOOKED_UP: Final = 0.9
"""Alike if the rooms hold more than this of all there is: nearly all that is proposed is in them."""

CLOCK_SLACK: Final = 1_000
"""By so many messages the wall clock may have gone back, and ``before:`` and ``after:`` find them all the same."""

FIRST: Final = 0
LAST: Final = 2**62
"""Below and above all numbers of messages, and all times."""


def find(
    connection: apsw.Connection,
    person: str,
    query: Query,
    *,
    room: str | None = None,
    cursor: str | None = None,
    limit: int,
) -> SearchResults:
    """See `Store.find`."""
    with snapshot(connection):
        rooms = names_of(connection, person) if room is None else [room]
        return find_in_rooms(connection, rooms, query, cursor=cursor, limit=limit)


def find_in_rooms(
    connection: apsw.Connection,
    rooms: Collection[str],
    query: Query,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> SearchResults:
    """Find messages in these rooms, all of which the person may see: at most ``limit`` of them, at least 1.

    The work of one call is bounded, whatever is asked. Raises `Refused` (``bad_query``) for a cursor that is none.
    """
    with snapshot(connection):
        return _Search(connection, _read_rooms(connection, rooms), query).page(cursor, limit)


class _Room(msgspec.Struct, array_like=True, gc=False):
    id: int
    name: str
    title: str
    """Of a direct room: the names of those in it."""
    done: int
    """Up to where it is indexed."""
    head: int

    def is_called(self, wanted: str) -> bool:
        return wanted == normal(self.name) or f" {wanted}" in f" {normal(self.title)}"


def _read_rooms(connection: apsw.Connection, names: Collection[str]) -> list[_Room]:
    return read(
        connection,
        _Room,
        """
        SELECT r.id, r.name,
            iif(r.kind <> 'direct', r.title, (
                SELECT ifnull(group_concat(p.name, ' '), '')
                FROM members m JOIN people p ON p.id = m.person_id WHERE m.room_id = r.id
            )),
            ifnull(i.seq, 0),
            ifnull((SELECT max(seq) FROM events WHERE room_id = r.id), 0)
        FROM json_each(?) w CROSS JOIN rooms r ON r.name = w.value LEFT JOIN indexed i ON i.room_id = r.id
        """,
        (as_json(list(names)),),
    )


class _Source(NamedTuple):
    """Where proposals come from: a query for their numbers, newest first, without its limit."""

    sql: str
    match: str


class _From(NamedTuple):
    """Where a page begins."""

    below: int | None
    """Below this number of the index; None: in what is not indexed."""
    place: tuple[int, int, int] | None
    """There, below this place; None: at the head."""


class _Search:
    """One search under way."""

    def __init__(self, connection: apsw.Connection, visible: Sequence[_Room], query: Query) -> None:
        self._connection = connection
        self._query = query
        self._visible = {room.name: room for room in visible}
        self._rooms = {
            room.id: room for room in visible if not query.rooms or any(map(room.is_called, query.rooms))
        }
        self._senders = _people_called(connection, [sender.key for sender in query.senders])
        self._chars_left = MAX_CHARS_COMPARED

    def page(self, cursor: str | None, limit: int) -> SearchResults:
        """The messages from the cursor on."""
        start = self._understood(cursor)
        if not self._rooms:
            return SearchResults([], None)
        tail = self._tail()
        hits: list[SearchHit] = []
        if start.below is None:
            for line in tail:
                if line.doc_id or (start.place is not None and line.place >= start.place):
                    continue
                if hit := self._compared(line):
                    hits.append(hit)
                if len(hits) == limit or self._chars_left <= 0:
                    return SearchResults(hits, f"{line.seq}@{self._rooms[line.room_id].name}")
        return self._page_of_index(
            hits, start.below, {line.doc_id: line for line in tail if line.doc_id}, limit
        )

    def _understood(self, cursor: str | None) -> _From:
        if cursor is None:
            return _From(None, None)
        number, is_in_room, name = cursor.partition("@")
        if number.isascii() and number.isdigit() and len(number) < 19:
            if not is_in_room:
                return _From(int(number), None)
            if name in self._visible:
                room_id, seq = self._visible[name].id, int(number)
                found = self._connection.execute(
                    "SELECT e.at_ms, d.id FROM events e LEFT JOIN docs d USING (room_id, seq) "
                    "WHERE room_id = ? AND seq = ?",
                    (room_id, seq),
                ).fetchone()
                if found is not None:
                    at_ms, doc_id = found
                    return _From(doc_id, (at_ms, room_id, seq))
        raise Refused("bad_query", "There is nothing to go on from at that cursor. Search again without one.")

    def _tail(self) -> list[Line]:
        """The messages that are not indexed yet, and those of the index that were edited since; newest first.

        None of them if there are too many.
        """
        behind = [room for room in self._rooms.values() if room.head > room.done]
        if not behind or sum(room.head - room.done for room in behind) > LONGEST_TAIL:
            return []
        lines = read(
            self._connection,
            Line,
            f"""
            WITH tail AS MATERIALIZED (
                SELECT e.room_id, e.seq, e.kind, e.body
                FROM json_each(:behind) w CROSS JOIN events e ON e.room_id = w.value ->> 0 AND e.seq > w.value ->> 1
                WHERE e.kind IN ('message', 'post', 'edit')
            ),
            targets (room_id, seq) AS (
                SELECT room_id, seq FROM tail WHERE kind <> 'edit'
                UNION
                SELECT room_id, body ->> 'target' FROM tail WHERE kind = 'edit' AND json_valid(body)
            )
            SELECT {LINE}, ifnull(d.id, 0), c.seq, CAST(n.body AS TEXT)
            FROM targets t CROSS JOIN events e ON e.room_id = t.room_id AND e.seq = t.seq {_NEWEST_EDIT}
            LEFT JOIN docs d ON d.room_id = e.room_id AND d.seq = e.seq
            """,
            {"behind": as_json([(room.id, room.done) for room in behind])},
        )
        return sorted(lines, key=attrgetter("place"), reverse=True)

    def _page_of_index(
        self, hits: list[SearchHit], below: int | None, edited: dict[int, Line], limit: int
    ) -> SearchResults:
        """The page with what the index has; ``edited``: what it has as it was before."""
        first, beyond = self._bounds()
        below = beyond if below is None else min(below, beyond)
        source = self._source()
        for n_proposed, n_compared in STEPS:
            lines, end, is_end = self._proposed(source, first, below, n_proposed, n_compared)
            candidates = {line.doc_id: line for line in lines}
            candidates.update((number, line) for number, line in edited.items() if end <= number < below)
            below = end
            for _, line in sorted(candidates.items(), reverse=True):
                if hit := self._compared(line):
                    hits.append(hit)
                if len(hits) == limit or self._chars_left <= 0:
                    return SearchResults(hits, str(line.doc_id))
            if is_end:
                return SearchResults(hits, None)
        return SearchResults(hits, str(below))

    def _proposed(
        self, source: _Source, first: int, below: int, n_proposed: int, n_compared: int
    ) -> tuple[list[Line], int, bool]:
        """Proposals in the rooms and days; below which number it goes on, and if that is all."""
        answer: Any = self._connection.execute(
            f"""
            WITH proposed (id) AS MATERIALIZED ({source.sql} LIMIT :n_proposed)
            SELECT (
                SELECT CAST(json_group_array(json_array({LINE}, d.id, c.seq, CAST(n.body AS TEXT))) AS BLOB)
                FROM (
                    SELECT d.id, d.room_id, d.seq FROM proposed p CROSS JOIN docs d ON d.id = p.id
                    WHERE d.room_id IN (SELECT value FROM json_each(:rooms))
                    AND d.at_ms >= :after_ms AND d.at_ms < :before_ms
                    ORDER BY p.id DESC LIMIT :n_compared
                ) d
                CROSS JOIN events e ON e.room_id = d.room_id AND e.seq = d.seq {_NEWEST_EDIT}
            ), min(id), count(*) FROM proposed
            """,
            {
                "match": source.match,
                "first": first,
                "below": below,
                "n_proposed": n_proposed,
                "n_compared": n_compared,
                "rooms": as_json(list(self._rooms)),
                "after_ms": FIRST if self._query.after_ms is None else self._query.after_ms,
                "before_ms": LAST if self._query.before_ms is None else self._query.before_ms,
            },
        ).fetchone()
        found, lowest, n = answer
        lines = decoded(Line, found)
        if len(lines) == n_compared:
            return lines, min(line.doc_id for line in lines), False
        return (lines, lowest, False) if n == n_proposed else (lines, first, True)

    def _bounds(self) -> tuple[int, int]:
        """The first number in the index that can be of the days, and one above the last."""
        first, last = FIRST, LAST
        if self._query.after_ms is not None:
            first = self._connection.execute(
                "SELECT ifnull(min(id), ?) FROM (SELECT id FROM docs WHERE at_ms >= ? ORDER BY at_ms LIMIT ?)",
                (LAST, self._query.after_ms, CLOCK_SLACK),
            ).get
        if self._query.before_ms is not None:
            last = self._connection.execute(
                "SELECT ifnull(max(id), ?) FROM (SELECT id FROM docs WHERE at_ms < ? ORDER BY at_ms DESC LIMIT ?)",
                (FIRST, self._query.before_ms, CLOCK_SLACK),
            ).get
        return first, last + 1

    def _source(self) -> _Source:
        """The grams that must be there; if none must, all messages."""
        grams = [each for term in self._query.terms for each in grams_of_term(term)]
        parts = [_quoted(each) for each in dict.fromkeys(_spread(grams, MAX_GRAMS))]
        if self._query.has_link:
            parts.append(_quoted(LINK))
        if self._query.senders:
            by_name = [
                f"({' AND '.join(_quoted(gram(name_code(word))) for word in sender.words)})"
                for sender in self._query.senders
            ]
            by_id = [_quoted(gram(sender_code(person_id))) for person_id in sorted(self._senders)]
            parts.append(f"({' OR '.join([*by_name, *by_id])})")
        if self._are_rooms_looked_up():
            codes = dict.fromkeys(map(room_code, self._rooms))
            parts.append(f"({' OR '.join(_quoted(gram(code)) for code in codes)})")
        if not parts:
            return _Source("SELECT id FROM docs WHERE id >= :first AND id < :below ORDER BY id DESC", "")
        return _Source(
            "SELECT rowid FROM search WHERE search MATCH :match AND rowid >= :first AND rowid < :below "
            "ORDER BY rowid DESC",
            " AND ".join(parts),
        )

    def _are_rooms_looked_up(self) -> bool:
        if len(self._rooms) > MAX_ROOMS_LOOKED_UP:
            return False
        total = self._connection.execute("SELECT sum(seq) FROM indexed").get or 0
        return sum(room.done for room in self._rooms.values()) <= SHARE_LOOKED_UP * total

    def _compared(self, line: Line) -> SearchHit | None:
        """The message as a hit, if it is what is searched for."""
        query = self._query
        text = line.text()
        if (
            text is None
            or not is_said_then(query, line.at_ms)
            or not is_said_by(query, line.sender, line.name, self._senders)
        ):
            return None
        self._chars_left -= len(text)
        if not says_it(query, text):
            return None
        return SearchHit(
            self._rooms[line.room_id].name, line.seq, line.at_ms, text, marks_of(query.terms, text)
        )


_NEWEST_EDIT: Final = """
    LEFT JOIN changes c ON c.room_id = e.room_id AND c.target = e.seq AND c.key = 'edit'
    LEFT JOIN events n ON n.room_id = c.room_id AND n.seq = c.seq
"""


def _people_called(connection: apsw.Connection, keys: Iterable[str | None]) -> set[str]:
    found = (
        connection.execute("SELECT id FROM people WHERE name_key = ?", (key,)).get for key in keys if key
    )
    return {person_id for person_id in found if person_id is not None}


def _spread(things: Sequence[T], limit: int) -> list[T]:
    """The things, or so many of them from all over."""
    n = min(len(things), limit)
    return [things[number * len(things) // n] for number in range(n)]


def _quoted(each: str) -> str:
    """A gram as FTS5 takes it in a query: a string, never a word of its language."""
    return '"' + each.replace('"', '""') + '"'
