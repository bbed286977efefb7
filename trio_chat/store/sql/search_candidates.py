"""Candidates of a search: messages that may match, from the index and from what is not indexed yet.

The index knows messages by their grams (`trio_chat.search.grams`), so it may propose a message that does not match, or
one that was edited since. `trio_chat.store.sql.search` compares each with its text of now. How the index is asked is
each engine's own.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec

from trio_chat.search.grams import HAS, grams_of_term, normal
from trio_chat.store.sql.batches import to_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence, Set

    from trio_chat.search.query import Query
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.search_index import MessageRow

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


def read_rooms(connection: Connection, names: Collection[str]) -> list[SearchedRoom]:
    """Those of the rooms that anybody wrote to."""
    return connection.structs(
        SearchedRoom,
        f"""
        SELECT r.id, r.name,
            CASE WHEN r.kind <> 'direct' THEN r.title ELSE (
                SELECT coalesce(string_agg(p.name, ' '), '')
                FROM members m JOIN people p ON p.id = m.person_id WHERE m.room_id = r.id
            ) END,
            coalesce(i.seq, 0),
            coalesce((SELECT max(seq) FROM events WHERE room_id = r.id), 0)
        FROM {connection.dialect.rows_of("name text")} w
        CROSS JOIN rooms r LEFT JOIN indexed i ON i.room_id = r.id
        WHERE r.name = w.name
        """,
        (to_json([[name] for name in names]),),
    )


class Proposed(NamedTuple):
    """Candidates that the index proposed in one step."""

    messages: list[MessageRow]
    below: int
    """The next step goes on below this number of the index."""
    is_end: bool
    """Whether that was all."""


def step(
    messages: list[MessageRow], n: int, lowest: int, *, first: int, n_proposed: int, n_compared: int
) -> Proposed:
    """One step: of the ``n`` messages that the index proposed, down to number ``lowest``, those that may match. It was
    asked for ``n_proposed`` not below number ``first``, and at most ``n_compared`` of them were read."""
    if len(messages) == n_compared:
        return Proposed(messages, min(message.doc_id for message in messages), is_end=False)
    return Proposed(messages, lowest if n == n_proposed else first, is_end=n < n_proposed)


class Candidates:
    """Candidates of one query in some rooms. Belongs into one snapshot of the log."""

    def __init__(
        self,
        connection: Connection,
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
        return sorted(self._behind(behind), key=attrgetter("place"), reverse=True)

    def _behind(self, rooms: Sequence[SearchedRoom]) -> list[MessageRow]:
        """The messages, and those that are edited, in what is not indexed of these rooms; each once, in any order."""
        raise NotImplementedError

    def propose(self, first: int, below: int, n_proposed: int, n_compared: int) -> Proposed:
        """What the index proposes from ``first`` on and below ``below``, newest first: at most ``n_proposed`` messages
        of all rooms, and of those the newest ``n_compared`` that are in the rooms and of the days."""
        raise NotImplementedError

    def bounds(self) -> tuple[int, int]:
        """The first number in the index that can be of the query's days, and one above the last."""
        first, last = FIRST, LAST
        if self._query.after_ms is not None:
            first = self._connection.execute(
                "SELECT coalesce(min(id), ?) FROM "
                "(SELECT id FROM docs WHERE at_ms >= ? ORDER BY at_ms LIMIT ?) AS later",
                (LAST, self._query.after_ms, CLOCK_SLACK),
            ).get
        if self._query.before_ms is not None:
            last = self._connection.execute(
                "SELECT coalesce(max(id), ?) FROM "
                "(SELECT id FROM docs WHERE at_ms < ? ORDER BY at_ms DESC LIMIT ?) AS earlier",
                (FIRST, self._query.before_ms, CLOCK_SLACK),
            ).get
        return first, last + 1

    def _needed_grams(self) -> list[str]:
        """Grams that each message must have, or as many of them as are looked up."""
        grams = [each for term in self._query.terms for each in grams_of_term(term)]
        return [*dict.fromkeys(_spread(grams, MAX_GRAMS)), *(HAS[what] for what in sorted(self._query.has))]

    def _days(self) -> tuple[int, int]:
        """From when on and before when messages are searched, in milliseconds."""
        after_ms, before_ms = self._query.after_ms, self._query.before_ms
        return FIRST if after_ms is None else after_ms, LAST if before_ms is None else before_ms

    def _are_rooms_looked_up(self) -> bool:
        if len(self._rooms) > MAX_ROOMS_LOOKED_UP:
            return False
        total = self._connection.execute("SELECT sum(seq) FROM indexed").get or 0
        return sum(room.done for room in self._rooms.values()) <= SHARE_LOOKED_UP * total


NEWEST_EDIT: Final = """
    LEFT JOIN changes c ON c.room_id = e.room_id AND c.target = e.seq AND c.key = 'edit'
    LEFT JOIN events n ON n.room_id = c.room_id AND n.seq = c.seq
"""
"""Joins the newest edits to ``events e``."""


def _spread(things: Sequence[_Thing], limit: int) -> list[_Thing]:
    """The things, or ``limit`` of them, evenly from all over."""
    n = min(len(things), limit)
    return [things[number * len(things) // n] for number in range(n)]
