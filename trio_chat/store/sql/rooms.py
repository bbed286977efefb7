"""Rooms: their state, lists of them, and invitations. Synchronous; writes belong into the writer's transaction."""

from __future__ import annotations

import json
import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat.kinds.facts import DIRECT, LOBBY, PUBLIC, kind_of_new
from trio_chat.kinds.pins import PIN, Pin
from trio_chat.kinds.table import read_body
from trio_chat.model.events import DAMAGED, Position
from trio_chat.model.records import MAX_UNREAD_COUNTED, Invitation, Listing, RoomState
from trio_chat.store.sql.history import events_at, find_room_id, position
from trio_chat.store.sql.standing import knocking, restrictions_of, roles_of, some_roles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from trio_chat.model.events import Event
    from trio_chat.model.records import DirectoryPlace
    from trio_chat.store.sql.connection import Connection, Dialect

WINDOW = 500
"""Unread messages and the newest message are looked for among so many of a room's newest events."""

MENTIONS_WINDOW = 200
"""Likewise mentions: each message has to be looked at, where the counting of unread ones ends soon."""


N_PEOPLE = "SELECT n FROM people_count"
"""How many people are registered. To count them would take milliseconds each time that somebody comes."""

MAX_LOOKED_AT = 4_096
"""Rooms of the directory that are read at once."""


def state(connection: Connection, room: str) -> RoomState:
    """See `Store.state`."""
    return _state(connection, room, roles_of)


def state_with_some(connection: Connection, room: str, *, after: str, limit: int) -> tuple[RoomState, int]:
    """See `Store.state_with_some`."""
    with connection.snapshot():
        found = _state(connection, room, partial(some_roles_of, after=after, limit=limit))
        n_members = connection.execute(
            "SELECT count(*) FROM members WHERE room_id = (SELECT id FROM rooms WHERE name = ?)", (room,)
        ).get
    return found, n_members


def _state(
    connection: Connection, room: str, find_roles: Callable[[Connection, int], dict[str, str]]
) -> RoomState:
    with connection.snapshot():
        place = position(connection, room)
        found = connection.execute(
            "SELECT id, kind, title, topic, owner, policy, picture FROM rooms WHERE name = ?", (room,)
        ).fetchone()
        if found is None:
            return RoomState(place, kind_of_new(room), "", "", None, {}, ())
        room_id, kind, title, topic, owner, policy, picture = found
        pair = connection.execute("SELECT person_id FROM pairs WHERE room_id = ?", (room_id,))
        return RoomState(
            place,
            kind,
            title,
            topic,
            owner,
            find_roles(connection, room_id),
            tuple(pins(connection, room_id)),
            json.loads(policy),
            restrictions_of(connection, room_id),
            tuple(knocking(connection, room_id)),
            frozenset(person for (person,) in pair),
            picture,
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


def listing(
    connection: Connection, person: str, *, only: str | None = None, since: int | None = None
) -> list[Listing]:
    """See `Store.listing`. ``since``: the lobby, and the rooms of which something changed behind this number
    (`list_changes`)."""
    with connection.snapshot():
        if only is None:
            found: list[Any] = connection.execute(
                """
                SELECT rooms.id, members.seq FROM members JOIN rooms ON rooms.id = room_id
                WHERE person_id = ?1 AND role <> 'asked' AND coalesce(changed > ?3, true)
                UNION ALL SELECT id, 0 FROM rooms WHERE name = ?2
                """,
                (person, LOBBY, since),
            ).fetchall()
        else:  # one look, however many rooms the person has
            found = connection.execute(
                """
                SELECT id, seq FROM (SELECT id, CASE WHEN name = ?3 THEN 0 ELSE (
                    SELECT seq FROM members WHERE room_id = rooms.id AND person_id = ?1 AND role <> 'asked'
                ) END AS seq FROM rooms WHERE name = ?2) AS room WHERE seq IS NOT NULL
                """,
                (person, only, LOBBY),
            ).fetchall()
        rooms = _described(connection, found, person)
        if only in (None, LOBBY) and not any(item.room == LOBBY for item in rooms):
            rooms.append(_empty_lobby(connection))
    return sorted(rooms, key=lambda item: (item.room != LOBBY, not item.was_opened))


def requests(connection: Connection, person: str, *, only: str | None = None) -> list[Listing]:
    """See `Store.requests`."""
    by_requests = connection.dialect.by_index("requests")
    with connection.snapshot():
        found: list[Any] = connection.execute(
            f"""
            SELECT rooms.id, members.seq FROM members {by_requests} JOIN rooms ON rooms.id = room_id
            WHERE person_id = ?1 AND role = 'asked' AND coalesce(name = ?2, true)
            """,
            (person, only),
        ).fetchall()
        return _described(connection, found, person) if found else []  # mostly there are none


def are_strangers(connection: Connection, one: str, other: str) -> bool:
    """See `Store.are_strangers`."""
    shared = connection.execute(
        """
        SELECT 1 FROM members AS mine CROSS JOIN members AS theirs JOIN rooms ON rooms.id = mine.room_id
        WHERE mine.room_id = theirs.room_id AND mine.person_id = ? AND theirs.person_id = ? AND kind = 'private'
        LIMIT 1
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
    if "\0" in wanted:  # which no text has, and not every engine takes
        return []
    with connection.snapshot():
        ids: list[int] = []
        for looked_at in _looked_at(connection, wanted, limit, after):
            matching = [room[0] for room in looked_at if wanted in "\n".join(room[2:]).casefold()]
            banned = _banned_from(connection, matching, person, at_ms)
            ids += [room_id for room_id in matching if room_id not in banned]
            if len(ids) >= limit:
                break
        joined: list[Any] = connection.execute(
            f"""
            SELECT id, CASE WHEN name = '{LOBBY}' AND CAST(?1 AS text) IS NOT NULL THEN 0 ELSE (
                SELECT seq FROM members WHERE room_id = rooms.id AND person_id = ?1
            ) END FROM rooms WHERE id IN {connection.dialect.ints}
            """,
            (person, json.dumps(ids[: max(limit, 0)])),
        ).fetchall()
        return _described(connection, joined, person)


def _looked_at(
    connection: Connection, wanted: str, limit: int, after: DirectoryPlace | None
) -> Iterator[list[Any]]:
    """Public rooms (id, when it was written to, words) that may have what is ``wanted``, the newest first, in portions
    that grow: mostly the first is enough.

    Engines compare letters of ASCII only whatever their case, so all rooms with others are looked at.
    """
    pattern = "%" + re.sub(r"([\\%_])", r"\\\1", wanted) + "%"
    words = "name || ?5 || title || ?5 || topic"
    by_directory = connection.dialect.by_index("directory")
    newest_ms, name = after or (2**63 - 1, "")
    n_rooms = limit
    while n_rooms > 0:
        found = connection.execute(
            f"""
            SELECT id, newest_ms, name, title, topic FROM rooms {by_directory}
            WHERE kind = 'public' AND newest_ms IS NOT NULL
                AND newest_ms <= ?1 AND (newest_ms < ?1 OR name > ?2)
                AND (lower({words}) LIKE ?4 ESCAPE '\\' OR octet_length({words}) <> length({words}))
            ORDER BY newest_ms DESC, name LIMIT ?3
            """,
            (newest_ms, name, n_rooms, pattern, "\n"),
        ).fetchall()
        yield found
        if len(found) < n_rooms:
            return
        _, newest_ms, name, *_ = found[-1]
        n_rooms = min(n_rooms * 4, MAX_LOOKED_AT)


def _banned_from(connection: Connection, ids: Collection[int], person: str | None, at_ms: int) -> set[int]:
    """Those of these rooms from which the person is banned."""
    if person is None or not ids:
        return set()
    found = connection.execute(
        f"""
        SELECT room_id FROM restrictions
        WHERE room_id IN {connection.dialect.ints} AND person_id = ? AND kind = 'ban' AND ends_ms > ?
        """,
        (json.dumps(list(ids)), person, at_ms),
    )
    return {room_id for (room_id,) in found}


@lru_cache
def _description(dialect: Dialect) -> str:
    """The statement of `_described`; its parameters are the person and the rooms.

    What is looked up by key stands in subqueries of one value, and what is few in ones with a limit: no planner makes
    joins of these, which might read all of a large room because most rooms are small.
    """
    greatest = dialect.greatest
    joined_rooms = dialect.rows_of("id int, joined int")
    mentions = dialect.mentions.format(body="body", person="?1")
    counts = """
        sender <> ?1 AND sender NOT IN (SELECT blocked_id FROM blocked) AND at_ms >= coalesce(since_ms, 0)
    """
    return f"""
    WITH blocked AS MATERIALIZED (SELECT blocked_id FROM blocks WHERE person_id = ?1),
    wanted AS MATERIALIZED (SELECT id, joined FROM {joined_rooms} AS given),
    heads AS MATERIALIZED (
        SELECT wanted.id, joined, delivered, read,
            coalesce((SELECT max(seq) FROM events WHERE room_id = wanted.id), 0) AS head,
            coalesce((SELECT newest_ms FROM rooms WHERE rooms.id = wanted.id), 0) AS newest
        FROM wanted LEFT JOIN marks ON room_id = wanted.id AND person_id = ?1
    ),
    windows AS MATERIALIZED (
        SELECT heads.*, {greatest}(coalesce(read, joined, head), head - {WINDOW}) AS seen,
            CASE WHEN joined = 0 THEN (SELECT created_at_ms FROM people WHERE id = ?1) END AS since_ms
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
    SELECT rooms.id, name, messages.head, epoch, kind, title, topic, picture, owner,
        CASE name WHEN '{LOBBY}' THEN ({N_PEOPLE})
            ELSE (SELECT count(*) FROM members WHERE room_id = rooms.id) END,
        joined,
        CASE kind WHEN '{DIRECT}' THEN (
            SELECT person_id FROM pairs WHERE room_id = rooms.id AND person_id <> ?1 LIMIT 1
        ) END,
        read, delivered,
        (
            SELECT count(*) FROM (
                SELECT 1 FROM events
                WHERE room_id = messages.id AND seq > seen AND kind IN ('message', 'post')
                    AND {counts} AND body IS NOT NULL
                LIMIT {MAX_UNREAD_COUNTED}
            ) AS unread
        ),
        (
            SELECT count(*) FROM (
                SELECT 1 FROM events
                WHERE room_id = messages.id AND seq > {greatest}(seen, messages.head - {MENTIONS_WINDOW})
                    AND kind = 'post' AND {counts} AND {mentions}
                    AND (
                        SELECT seq FROM changes
                        WHERE changes.room_id = messages.id AND target = events.seq AND key = 'edit'
                    ) IS NULL
                UNION ALL
                SELECT 1 FROM (
                    SELECT seq, target FROM changes
                    WHERE room_id = messages.id AND key = 'edit'
                        AND target > {greatest}(seen, messages.head - {MENTIONS_WINDOW})
                    LIMIT {MENTIONS_WINDOW}
                ) AS edit
                WHERE (SELECT {mentions} FROM events WHERE room_id = messages.id AND seq = edit.seq)
                    AND (SELECT {counts} FROM events WHERE room_id = messages.id AND seq = edit.target)
                LIMIT {MAX_UNREAD_COUNTED}
            ) AS mentioned
        ),
        last,
        (SELECT seq FROM changes WHERE room_id = messages.id AND target = last AND key = 'edit'),
        newest, policy,
        (SELECT role FROM members WHERE room_id = messages.id AND person_id = ?1),
        (SELECT ends_ms FROM restrictions WHERE room_id = messages.id AND person_id = ?1 AND kind = 'mute')
    FROM messages CROSS JOIN rooms WHERE rooms.id = messages.id
    ORDER BY newest DESC, name
    """


def _described(
    connection: Connection, rooms: Iterable[tuple[int, int | None]], person: str | None
) -> list[Listing]:
    """Listings of these rooms, by their newest event, the newest first. A room is given by its id and the number of the
    event that made the person a member (None: not a member)."""
    found: list[Any] = connection.execute(
        _description(connection.dialect), (person, json.dumps(list(rooms)))
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
            policy=msgspec.json.decode(policy),
            muted_ms=muted_ms,
            picture=picture,
        )
        for (
            _,
            name,
            head,
            epoch,
            kind,
            title,
            topic,
            picture,
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
    n_people = connection.execute(N_PEOPLE).get
    assert isinstance(n_people, int)
    place = position(connection, LOBBY)
    return Listing(LOBBY, place, PUBLIC, "", "", None, n_people, True, None, 0, 0, 0, 0, None, None)


_INVITE = "hash, name, person_id, at_ms, expires_ms, uses_left"


def add_invite(connection: Connection, invite: Invitation) -> None:
    """See `Store.add_invite`. Also deletes those of the room that have expired."""
    room_id = _lock_room(connection, invite.room)
    if room_id is None:
        raise KeyError(invite.room)
    connection.execute("DELETE FROM invites WHERE room_id = ? AND expires_ms <= ?", (room_id, invite.at_ms))
    connection.execute(
        """
        INSERT INTO invites (hash, room_id, person_id, at_ms, expires_ms, uses_left)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
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
    connection.execute("DELETE FROM invites WHERE room_id = ?", (_lock_room(connection, room),))


def _lock_room(connection: Connection, room: str) -> int | None:
    """The id of a room to which nobody appends until the transaction ends."""
    found = connection.execute(
        f"SELECT id FROM rooms WHERE name = ? {connection.dialect.for_update}", (room,)
    )
    room_id: int | None = found.get
    return room_id


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
