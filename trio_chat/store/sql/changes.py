"""Reads of changes: edits, reactions and other changes of messages, and a person's own room. Synchronous, over any
connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trio_chat.kinds.facts import personal_room
from trio_chat.kinds.table import MESSAGES
from trio_chat.model.events import DAMAGED, Person
from trio_chat.model.records import FIRST_NAMES, GivenReaction, MessageChanges, ReactionCount
from trio_chat.store.sql.history import events_at, find_room_id, position

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trio_chat.model.events import Event, Position
    from trio_chat.store.sql.connection import Connection


def read_changes(
    connection: Connection, room: str, seqs: Collection[int], *, reader: str, limit: int
) -> MessageChanges:
    """See `Store.read_changes`."""
    targets = list(dict.fromkeys(seqs))
    with connection.snapshot():
        room_id = find_room_id(connection, room)
        if room_id is None:
            return MessageChanges(0, [], [], len(targets))
        found: list[Any] = connection.execute(
            f"""
            SELECT target, seq FROM {connection.dialect.numbered} AS wanted
            CROSS JOIN changes WHERE room_id = ? AND target = value ORDER BY place LIMIT ?
            """,
            (json.dumps(targets), room_id, limit),
        ).fetchall()
        n_whole = targets.index(found[-1][0]) if len(found) == limit else len(targets)  # it may have more
        reactions: list[ReactionCount] = []
        for n, target in _with_reactions(connection, room_id, targets[: max(1, n_whole)]):
            if len(reactions) >= limit:
                n_whole = n
                break
            reactions += _count_reactions(connection, room_id, target, reader)
        return MessageChanges(
            position(connection, room).seq,
            events_at(connection, [(room, room_id, seq) for _, seq in found]),
            reactions,
            max(1, n_whole) if targets else 0,
        )


def _with_reactions(connection: Connection, room_id: int, targets: Sequence[int]) -> list[tuple[int, int]]:
    """Which of the messages have reactions, with their places among them."""
    found: list[Any] = connection.execute(
        f"""
        SELECT place, value FROM {connection.dialect.numbered} AS wanted
        WHERE EXISTS (SELECT 1 FROM reactions WHERE room_id = ? AND target = value) ORDER BY place
        """,
        (json.dumps(targets), room_id),
    ).fetchall()
    return found


def _count_reactions(connection: Connection, room_id: int, target: int, reader: str) -> list[ReactionCount]:
    counts: list[Any] = connection.execute(
        """
        SELECT emoji, count(*), min(since), max(CASE WHEN person_id = ? THEN 1 ELSE 0 END) FROM reactions
        WHERE room_id = ? AND target = ? GROUP BY emoji ORDER BY 3
        """,
        (reader, room_id, target),
    ).fetchall()
    return [
        ReactionCount(
            target,
            emoji,
            count,
            since,
            bool(is_mine),
            [
                Person(*who)
                for who in connection.execute(
                    """
                    SELECT person_id, coalesce(name, '') FROM reactions LEFT JOIN people ON people.id = person_id
                    WHERE room_id = ? AND target = ? AND emoji = ? ORDER BY seq LIMIT ?
                    """,
                    (room_id, target, emoji, FIRST_NAMES),
                )
            ],
        )
        for emoji, count, since, is_mine in counts
    ]


def reactions(
    connection: Connection,
    room: str,
    target: int,
    *,
    emoji: str | None = None,
    after: int = 0,
    limit: int,
) -> list[GivenReaction]:
    """See `Store.reactions`."""
    found = connection.execute(
        """
        SELECT reactions.seq, emoji, person_id, coalesce(people.name, '')
        FROM reactions JOIN rooms ON rooms.id = room_id LEFT JOIN people ON people.id = person_id
        WHERE rooms.name = ?1 AND target = ?2 AND (CAST(?3 AS text) IS NULL OR emoji = ?3) AND reactions.seq > ?4
        ORDER BY reactions.seq LIMIT ?5
        """,
        (room, target, emoji, after, limit),
    )
    return [GivenReaction(seq, given, Person(*who)) for seq, given, *who in found]


def read_versions(connection: Connection, room: str, seq: int, *, after: int = 0, limit: int) -> list[Event]:
    """See `Store.read_versions`."""
    room_id = find_room_id(connection, room)
    if room_id is None:
        return []
    edits: list[Any] = connection.execute(
        "SELECT seq FROM edits WHERE room_id = ? AND target = ? AND seq > ? ORDER BY seq LIMIT ?",
        (room_id, seq, after, limit),
    ).fetchall()
    events = events_at(connection, [(room, room_id, one) for one in (seq, *(edit for (edit,) in edits))])
    return events if events and events[0].kind in {*MESSAGES, DAMAGED} else []


def personal(
    connection: Connection, person: str, *, before: int | None = None, limit: int
) -> tuple[Position, list[Event]]:
    """See `Store.personal`."""
    room = personal_room(person)
    with connection.snapshot():
        room_id = find_room_id(connection, room)
        found = connection.execute(
            """
            SELECT seq FROM changes WHERE room_id = ?1 AND target = 0 AND (CAST(?2 AS bigint) IS NULL OR seq < ?2)
            ORDER BY seq DESC LIMIT ?3
            """,
            (room_id, before, limit),
        )
        places = [(room, room_id, seq) for (seq,) in found if room_id is not None]
        return position(connection, room), events_at(connection, places)
