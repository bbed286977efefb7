"""Candidates of a search: messages that may match, from the index and from what is not indexed yet.

The index knows messages by their grams (`trio_chat.search.grams`), so it may propose a message that does not match, or
one that was edited since. `trio_chat.store.sqlite.search` compares each with its text of now.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from trio_chat.search.grams import HAS, gram, grams_of_term, name_code, normal, room_code, sender_code
from trio_chat.store.sql.batches import to_json
from trio_chat.store.sqlite.search_index import MESSAGE_COLUMNS, MessageRow
from trio_chat.store.sqlite.structs import decode_structs, read_structs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence, Set

    from trio_chat.search.query import Query
    from trio_chat.store.sqlite.connection import SqliteConnection

_Thing = TypeVar("_Thing")

MAX_UNINDEXED: Final = 2_000
"""So many events that are not indexed yet are looked through, at most; if there are more, none is."""

MAX_GRAMS: Final = 30
"""Grams that are looked up for the terms of a query. More of them propose hardly fewer messages."""

MAX_ROOMS_LOOKED_UP: Final = 256
"""With more rooms than this the index is not asked for rooms; what it proposes is filtered by room instead."""

SHARE_LOOKED_UP: Final = 0.9
"""Likewise if the rooms hold more than this share of all events: nearly all that is proposed is in them."""

CLOCK_SLACK: Final = 1_000
"""By so many messages the wall clock may have gone back, and ``before:`` and ``after:`` find them all the same."""

FIRST: Final = 0
LAST: Final = 2**62
"""Below and above all numbers of messages, and all times."""


class SearchedRoom(msgspec.Struct, array_like=True, gc=False):
    """Room in which a person searches."""

    id: int
    name: str
    title: str
    """Of a direct room: the names of its members."""
    done: int
    """Number of its last event that is indexed."""
    head: int

    def is_called(self, wanted: str) -> bool:
        """Whether the (normal) text is the room's name, or is at the start of a word of its title."""
        return wanted == normal(self.name) or f" {wanted}" in f" {normal(self.title)}"


def read_rooms(connection: SqliteConnection, names: Collection[str]) -> list[SearchedRoom]:
    """Those of the rooms that anybody wrote to."""
    return read_structs(
        connection,
        SearchedRoom,
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
        (to_json(list(names)),),
    )


class Proposed(NamedTuple):
    """Candidates that the index proposed in one step."""

    messages: list[MessageRow]
    below: int
    """The next step goes on below this number of the index."""
    is_end: bool
    """Whether that was all."""


class Candidates:
    """Candidates of one query in some rooms. Belongs into one snapshot of the log."""

    def __init__(
        self,
        connection: SqliteConnection,
        rooms: Mapping[int, SearchedRoom],
        query: Query,
        sender_ids: Set[str],
    ) -> None:
        self._connection = connection
        self._rooms = rooms
        self._query = query
        self._sender_ids = sender_ids

    def unindexed(self) -> list[MessageRow]:
        """Messages that are not indexed yet, and messages of the index that were edited since; newest first.

        None of them if there are too many.
        """
        behind = [room for room in self._rooms.values() if room.head > room.done]
        if not behind or sum(room.head - room.done for room in behind) > MAX_UNINDEXED:
            return []
        messages = read_structs(
            self._connection,
            MessageRow,
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
            SELECT {MESSAGE_COLUMNS}, ifnull(d.id, 0), c.seq, CAST(n.body AS TEXT)
            FROM targets t CROSS JOIN events e ON e.room_id = t.room_id AND e.seq = t.seq {_NEWEST_EDIT}
            LEFT JOIN docs d ON d.room_id = e.room_id AND d.seq = e.seq
            """,
            {"behind": to_json([(room.id, room.done) for room in behind])},
        )
        return sorted(messages, key=attrgetter("place"), reverse=True)

    def bounds(self) -> tuple[int, int]:
        """The first number in the index that can be of the query's days, and one above the last."""
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

    def propose(self, first: int, below: int, n_proposed: int, n_compared: int) -> Proposed:
        """What the index proposes from ``first`` on and below ``below``, newest first: at most ``n_proposed`` messages
        of all rooms, and of those the newest ``n_compared`` that are in the rooms and of the days."""
        lookup, match = self._lookup()
        answer: Any = self._connection.execute(
            f"""
            WITH proposed (id) AS MATERIALIZED ({lookup} LIMIT :n_proposed)
            SELECT (
                SELECT CAST(json_group_array(json_array({MESSAGE_COLUMNS}, d.id, c.seq, CAST(n.body AS TEXT))) AS BLOB)
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
                "match": match,
                "first": first,
                "below": below,
                "n_proposed": n_proposed,
                "n_compared": n_compared,
                "rooms": to_json(list(self._rooms)),
                "after_ms": FIRST if self._query.after_ms is None else self._query.after_ms,
                "before_ms": LAST if self._query.before_ms is None else self._query.before_ms,
            },
        ).fetchone()
        found, lowest, n = answer
        messages = decode_structs(MessageRow, found)
        if len(messages) == n_compared:
            return Proposed(messages, min(message.doc_id for message in messages), is_end=False)
        return Proposed(messages, lowest if n == n_proposed else first, is_end=n < n_proposed)

    def _lookup(self) -> tuple[str, str]:
        """The SQL that asks the index for numbers, newest first, without its limit; and the FTS5 query in it: the grams
        that must be there. If none must, all messages are proposed."""
        grams = [each for term in self._query.terms for each in grams_of_term(term)]
        parts = [_quoted(each) for each in dict.fromkeys(_spread(grams, MAX_GRAMS))]
        parts += [_quoted(HAS[what]) for what in sorted(self._query.has)]
        if self._query.senders:
            by_name = [
                f"({' AND '.join(_quoted(gram(name_code(word))) for word in sender.words)})"
                for sender in self._query.senders
            ]
            by_id = [_quoted(gram(sender_code(person_id))) for person_id in sorted(self._sender_ids)]
            parts.append(f"({' OR '.join([*by_name, *by_id])})")
        if self._are_rooms_looked_up():
            codes = dict.fromkeys(map(room_code, self._rooms))
            parts.append(f"({' OR '.join(_quoted(gram(code)) for code in codes)})")
        if not parts:
            return "SELECT id FROM docs WHERE id >= :first AND id < :below ORDER BY id DESC", ""
        return (
            "SELECT rowid FROM search WHERE search MATCH :match AND rowid >= :first AND rowid < :below "
            "ORDER BY rowid DESC",
            " AND ".join(parts),
        )

    def _are_rooms_looked_up(self) -> bool:
        if len(self._rooms) > MAX_ROOMS_LOOKED_UP:
            return False
        total = self._connection.execute("SELECT sum(seq) FROM indexed").get or 0
        return sum(room.done for room in self._rooms.values()) <= SHARE_LOOKED_UP * total


_NEWEST_EDIT: Final = """
    LEFT JOIN changes c ON c.room_id = e.room_id AND c.target = e.seq AND c.key = 'edit'
    LEFT JOIN events n ON n.room_id = c.room_id AND n.seq = c.seq
"""


def _spread(things: Sequence[_Thing], limit: int) -> list[_Thing]:
    """The things, or ``limit`` of them, evenly from all over."""
    n = min(len(things), limit)
    return [things[number * len(things) // n] for number in range(n)]


def _quoted(each: str) -> str:
    """A gram as FTS5 takes it in a query: a string, never a word of its language."""
    return '"' + each.replace('"', '""') + '"'
