"""Rooms: their state, lists of them, and invitations. Synchronous; writes belong into the writer's transaction."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from trio_chat.kinds.facts import DIRECT, LOBBY, PUBLIC, kind_of_new
from trio_chat.kinds.pins import PIN, Pin
from trio_chat.kinds.table import read_body
from trio_chat.model.events import DAMAGED, Position
from trio_chat.model.records import MAX_UNREAD_COUNTED, Invitation, Listing, RoomState
from trio_chat.store.sql.history import events_at, find_room_id, position
from trio_chat.store.sql.standing import knocking, restrictions_of, roles_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_chat.model.events import Event
    from trio_chat.model.records import DirectoryPlace
    from trio_chat.store.sql.connection import Connection

WINDOW = 500
"""Unread messages and the newest message are looked for among so many of a room's newest events."""

MENTIONS_WINDOW = 200
"""Likewise mentions: each message has to be looked at, where the counting of unread ones ends soon."""


def state(connection: Connection, room: str) -> RoomState:
    """See `Store.state`."""
    with connection.snapshot():
        place = position(connection, room)
        found = connection.execute(
            "SELECT id, kind, title, topic, owner, policy FROM rooms WHERE name = ?", (room,)
        ).fetchone()
        if found is None:
            return RoomState(place, kind_of_new(room), "", "", None, {}, ())
        room_id, kind, title, topic, owner, policy = found
        pair = connection.execute("SELECT person_id FROM pairs WHERE room_id = ?", (room_id,))
        return RoomState(
            place,
            kind,
            title,
            topic,
            owner,
            roles_of(connection, room_id),
            tuple(pins(connection, room_id)),
            json.loads(policy),
            restrictions_of(connection, room_id),
            tuple(knocking(connection, room_id)),
            frozenset(person for (person,) in pair),
        )


def pins(connection: Connection, room_id: int | None) -> list[int]:
    """Sequence numbers of the pinned messages, the one pinned last at the end."""
    found = connection.execute(
        """
        SELECT target, body FROM changes JOIN events USING (room_id, seq)
        WHERE changes.room_id = ? AND key = 'pin' ORDER BY changes.seq
        """,
        (room_id,),
    )
    pinned = [(target, read_body(PIN, body)) for target, body in found]
    return [target for target, body in pinned if isinstance(body, Pin) and body.on]


def listing(connection: Connection, person: str, *, only: str | None = None) -> list[Listing]:
    """See `Store.listing`."""
    with connection.snapshot():
        found: list[Any] = connection.execute(
            """
            SELECT rooms.id, members.seq FROM members JOIN rooms ON rooms.id = room_id
            WHERE person_id = ?1 AND role <> 'asked' AND coalesce(name = ?2, true)
            UNION ALL SELECT id, 0 FROM rooms WHERE name = ?3 AND coalesce(name = ?2, true)
            """,
            (person, only, LOBBY),
        ).fetchall()
        rooms = _described(connection, found, person)
        if only in (None, LOBBY) and not any(item.room == LOBBY for item in rooms):
            rooms.append(_empty_lobby(connection))
    return sorted(rooms, key=lambda item: (item.room != LOBBY, not item.was_opened))


def requests(connection: Connection, person: str, *, only: str | None = None) -> list[Listing]:
    """See `Store.requests`."""
    with connection.snapshot():
        found: list[Any] = connection.execute(
            """
            SELECT rooms.id, members.seq FROM members INDEXED BY requests JOIN rooms ON rooms.id = room_id
            WHERE person_id = ?1 AND role = 'asked' AND coalesce(name = ?2, true)
            """,
            (person, only),
        ).fetchall()
        return _described(connection, found, person) if found else []  # mostly there are none


def are_strangers(connection: Connection, one: str, other: str) -> bool:
    """See `Store.are_strangers`."""
    shared = connection.execute(
        """
        SELECT 1 FROM members AS mine CROSS JOIN members AS theirs USING (room_id) JOIN rooms ON rooms.id = room_id
        WHERE mine.person_id = ? AND theirs.person_id = ? AND kind = 'private' LIMIT 1
        """,
        (one, other),
    )
    return shared.get is None


def directory(
    connection: Connection,
    query: str,
    limit: int,
    *,
    person: str | None = None,
    at_ms: int = 0,
    after: DirectoryPlace | None = None,
) -> list[Listing]:
    """See `Store.directory`."""
    wanted = query.casefold()
    with connection.snapshot():
        found = connection.execute(
            """
            SELECT id, name, title, topic FROM rooms INDEXED BY directory
            WHERE kind = 'public' AND newest_ms IS NOT NULL
                AND newest_ms <= ?1 AND (newest_ms < ?1 OR name > ?2)
            ORDER BY newest_ms DESC, name
            """,
            after or (2**63 - 1, ""),
        )
        matching = (room_id for room_id, *words in found if wanted in "\n".join(words).casefold())
        heard = (room_id for room_id in matching if not _is_banned(connection, room_id, person, at_ms))
        ids = list(islice(heard, max(limit, 0)))
        joined: list[Any] = connection.execute(
            """
            SELECT value, CASE WHEN name = ?3 AND ?2 IS NOT NULL THEN 0 ELSE (
                SELECT seq FROM members WHERE room_id = rooms.id AND person_id = ?2
            ) END FROM json_each(?1) JOIN rooms ON rooms.id = value
            """,
            (json.dumps(ids), person, LOBBY),
        ).fetchall()
        return _described(connection, joined, person)


def _is_banned(connection: Connection, room_id: int, person: str | None, at_ms: int) -> bool:
    found = connection.execute(
        "SELECT 1 FROM restrictions WHERE room_id = ? AND person_id = ? AND kind = 'ban' AND ends_ms > ?",
        (room_id, person, at_ms),
    )
    return bool(found.get)


def _mentions(body: str) -> str:
    """Whether this body of a message, or of its newest edit, mentions the person."""
    return f"""CASE WHEN instr({body}, '"mentions":') AND json_valid({body}) THEN EXISTS (
                        SELECT 1 FROM json_each({body}, '$.mentions') WHERE value IN (:person, 'all')
                    ) END"""


_DESCRIPTION = f"""
    WITH blocked AS MATERIALIZED (SELECT blocked_id FROM blocks WHERE person_id = :person),
    wanted AS MATERIALIZED (
        SELECT value ->> 0 AS id, value ->> 1 AS joined FROM json_each(:rooms)
    ),
    heads AS MATERIALIZED (
        SELECT wanted.id, joined, delivered, read,
            coalesce((SELECT max(seq) FROM events WHERE room_id = wanted.id), 0) AS head,
            coalesce((SELECT newest_ms FROM rooms WHERE rooms.id = wanted.id), 0) AS newest
        FROM wanted LEFT JOIN marks ON room_id = wanted.id AND person_id = :person
    ),
    windows AS MATERIALIZED (
        SELECT heads.*, max(coalesce(read, joined, head), head - {WINDOW}) AS seen,
            CASE WHEN joined = 0 THEN (SELECT created_at_ms FROM people WHERE id = :person) END AS since_ms
        FROM heads
    ),
    messages AS MATERIALIZED (
        SELECT windows.*, (
            SELECT seq FROM events
            WHERE room_id = windows.id AND seq > head - {WINDOW} AND kind IN ('message', 'post')
            ORDER BY seq DESC LIMIT 1
        ) AS last
        FROM windows
    )
    SELECT rooms.id, name, head, epoch, kind, title, topic, owner,
        CASE name WHEN '{LOBBY}' THEN (SELECT count(*) FROM people)
            ELSE (SELECT count(*) FROM members WHERE room_id = rooms.id) END,
        joined,
        CASE kind WHEN '{DIRECT}' THEN (
            SELECT person_id FROM pairs WHERE room_id = rooms.id AND person_id <> :person
        ) END,
        read, delivered,
        (
            SELECT count(*) FROM (
                SELECT 1 FROM events
                WHERE room_id = messages.id AND seq > seen AND kind IN ('message', 'post')
                    AND sender <> :person AND sender NOT IN blocked
                    AND body IS NOT NULL AND at_ms >= coalesce(since_ms, 0)
                LIMIT {MAX_UNREAD_COUNTED}
            )
        ),
        (
            SELECT count(*) FROM (
                SELECT 1 FROM events
                WHERE room_id = messages.id AND seq > max(seen, head - {MENTIONS_WINDOW}) AND kind = 'post'
                    AND sender <> :person AND sender NOT IN blocked AND at_ms >= coalesce(since_ms, 0)
                    AND {_mentions("events.body")}
                    AND NOT EXISTS (
                        SELECT 1 FROM changes
                        WHERE changes.room_id = messages.id AND target = events.seq AND key = 'edit'
                    )
                UNION ALL
                SELECT 1 FROM changes
                CROSS JOIN events AS edited ON edited.room_id = changes.room_id AND edited.seq = changes.seq
                CROSS JOIN events ON events.room_id = changes.room_id AND events.seq = target
                WHERE changes.room_id = messages.id AND target > max(seen, head - {MENTIONS_WINDOW}) AND key = 'edit'
                    AND events.sender <> :person AND events.sender NOT IN blocked
                    AND events.at_ms >= coalesce(since_ms, 0) AND {_mentions("edited.body")}
                LIMIT {MAX_UNREAD_COUNTED}
            )
        ),
        last,
        (SELECT seq FROM changes WHERE room_id = messages.id AND target = last AND key = 'edit'),
        newest, policy,
        (SELECT role FROM members WHERE room_id = messages.id AND person_id = :person),
        (SELECT ends_ms FROM restrictions WHERE room_id = messages.id AND person_id = :person AND kind = 'mute')
    FROM messages CROSS JOIN rooms ON rooms.id = messages.id
    ORDER BY newest DESC, name
"""


def _described(
    connection: Connection, rooms: Iterable[tuple[int, int | None]], person: str | None
) -> list[Listing]:
    """Listings of these rooms, by their newest event, the newest first. A room is given by its id and the number of the
    event that made the person a member (None: not a member)."""
    found: list[Any] = connection.execute(
        _DESCRIPTION, {"rooms": json.dumps(list(rooms)), "person": person}
    ).fetchall()
    places = [(row[1], row[0], seq) for row in found for seq in row[-6:-4] if seq is not None]
    events: dict[tuple[str, int], Event] = {
        (event.room, event.seq): event for event in events_at(connection, places) if event.kind != DAMAGED
    }
    return [
        Listing(
            room=name,
            position=Position(head, epoch),
            kind=kind,
            title=title,
            topic=topic,
            owner=owner,
            n_members=n_members,
            is_member=joined is not None,
            other=other,
            read=read if read is not None else joined or 0,
            was_opened=read is not None,
            delivered=delivered if delivered is not None else joined or 0,
            unread=unread,
            mentions=mentions,
            last=events.get((name, last)),
            last_edit=events.get((name, last_edit)),
            newest_ms=newest_ms,
            role=role,
            policy=json.loads(policy),
            muted_ms=muted_ms,
        )
        for (
            _,
            name,
            head,
            epoch,
            kind,
            title,
            topic,
            owner,
            n_members,
            joined,
            other,
            read,
            delivered,
            unread,
            mentions,
            last,
            last_edit,
            newest_ms,
            policy,
            role,
            muted_ms,
        ) in found
    ]


def _empty_lobby(connection: Connection) -> Listing:
    n_people = connection.execute("SELECT count(*) FROM people").get
    assert isinstance(n_people, int)
    place = position(connection, LOBBY)
    return Listing(LOBBY, place, PUBLIC, "", "", None, n_people, True, None, 0, 0, 0, 0, None, None)


_INVITE = "hash, name, person_id, at_ms, expires_ms, uses_left"


def add_invite(connection: Connection, invite: Invitation) -> None:
    """See `Store.add_invite`. Also deletes those of the room that have expired."""
    room_id = find_room_id(connection, invite.room)
    if room_id is None:
        raise KeyError(invite.room)
    connection.execute("DELETE FROM invites WHERE room_id = ? AND expires_ms <= ?", (room_id, invite.at_ms))
    connection.execute(
        "INSERT INTO invites VALUES (?, ?, ?, ?, ?, ?)",
        (invite.hash, room_id, invite.person, invite.at_ms, invite.expires_ms, invite.uses_left),
    )


def invites(connection: Connection, room: str, *, at_ms: int) -> list[Invitation]:
    """See `Store.invites`."""
    found = connection.execute(
        f"""
        SELECT {_INVITE} FROM invites JOIN rooms ON id = room_id
        WHERE room_id = ? AND coalesce(expires_ms > ?, true) ORDER BY at_ms, hash
        """,
        (find_room_id(connection, room), at_ms),
    )
    return [Invitation(*values) for values in found]


def void_invites(connection: Connection, room: str) -> None:
    """See `Store.void_invites`."""
    connection.execute("DELETE FROM invites WHERE room_id = ?", (find_room_id(connection, room),))


def find_invite(connection: Connection, token_hash: bytes) -> Invitation | None:
    """See `Store.find_invite`."""
    found = connection.execute(
        f"SELECT {_INVITE} FROM invites JOIN rooms ON id = room_id WHERE hash = ?", (token_hash,)
    ).fetchone()
    return None if found is None else Invitation(*found)


def names_of(connection: Connection, person: str) -> list[str]:
    """Names of the rooms in a person's list."""
    found = connection.execute(
        "SELECT name FROM members JOIN rooms ON id = room_id WHERE person_id = ? AND role <> 'asked' AND name <> ?",
        (person, LOBBY),
    )
    return [LOBBY, *(name for (name,) in found)]
