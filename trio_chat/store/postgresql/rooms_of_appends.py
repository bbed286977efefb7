"""Rooms as an append needs them: their rows, and what is remembered of them as long as nothing changed by which rules
judge. Synchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trio_chat.kinds.facts import PUBLIC, SERVER_ROOM, kind_of_new
from trio_chat.store.plan import Head
from trio_chat.store.sql.append_rows import CachedRoom
from trio_chat.store.sql.standing import read_policy

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trio_chat.store.postgresql.connection import PostgresqlConnection, PostgresqlRows

MAX_REMEMBERED: Final = 10_000


class FoundRoom(NamedTuple):
    """Room, and the number of its last event by which rules judge."""

    room: CachedRoom
    rules_seq: int


class RoomsOfAppends:
    """Finds rooms for appends."""

    def __init__(self, connection: PostgresqlConnection) -> None:
        self._connection = connection
        self._remembered: dict[str, FoundRoom] = {}
        """As they were when they were last read; what changes without the rules (head, bytes) is of then."""

    def make(self, names: Collection[str]) -> None:
        """Make the rows of rooms that nobody wrote to yet. Outside of a transaction: rows that are locked are there.
        (Inside of one only those are made that were lost before it began, as the database lost events.)"""
        _ = self._connection.raw  # if it is a new one, nothing is remembered from here on
        missing = [name for name in names if name not in self._remembered]
        if missing:
            self._connection.execute(
                """
                INSERT INTO rooms (name, epoch, kind)
                SELECT name, (SELECT value FROM meta WHERE key = 'epoch'), kind
                FROM unnest(CAST(? AS text[]), CAST(? AS text[])) AS new (name, kind)
                WHERE NOT EXISTS (SELECT 1 FROM rooms WHERE rooms.name = new.name)
                ON CONFLICT (name) DO NOTHING
                """,
                (missing, [kind_of_new(name) for name in missing]),
            )

    def ask(self, names: Collection[str], *, lock: bool = False) -> tuple[PostgresqlRows, PostgresqlRows]:
        """Ask for these rooms, all of which have rows, in the order of their ids: see `found_in`. With ``lock`` the
        rows are locked in that order until the transaction ends."""
        rows = self._connection.execute(
            f"""
            SELECT name, id, head, digest, bytes, rules_seq FROM rooms
            WHERE name = ANY (CAST(? AS text[])) ORDER BY id {"FOR NO KEY UPDATE" if lock else ""}
            """,
            (list(names),),
        )
        return rows, self._connection.execute("SELECT rules_seq FROM rooms WHERE name = ?", (SERVER_ROOM,))

    def found_in(self, answer: tuple[PostgresqlRows, PostgresqlRows]) -> tuple[dict[str, FoundRoom], int]:
        """The rooms, and the number of the server room's last event by which rules judge."""
        rows, server_rules = answer[0].fetchall(), answer[1].get
        if len(self._remembered) + len(rows) > MAX_REMEMBERED:
            self._remembered.clear()
        unknown = [
            room_id
            for name, room_id, _, _, _, rules_seq in rows
            if (before := self._remembered.get(name)) is None or before.rules_seq != rules_seq
        ]
        self._read(unknown)
        found = {}
        for name, _, head, digest, size, rules_seq in rows:
            room, read_at = self._remembered[name]
            # Of the two numbers the older one: what was read may be newer than it says, and is judged again then.
            found[name] = FoundRoom(
                room._replace(head=Head(head, digest), bytes=size), min(rules_seq, read_at)
            )
        return found, server_rules or 0

    def forget(self) -> None:
        """Remember nothing."""
        self._remembered.clear()

    def _read(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        for (
            name,
            room_id,
            kind,
            owner,
            policy,
            has_restrictions,
            members,
            rules_seq,
        ) in self._connection.execute(
            """
            SELECT name, id, kind, owner, policy,
                EXISTS (SELECT 1 FROM restrictions WHERE restrictions.room_id = id),
                CASE WHEN kind <> 'public' THEN ARRAY (SELECT person_id FROM members WHERE members.room_id = id) END,
                rules_seq
            FROM rooms WHERE id = ANY (CAST(? AS bigint[]))
            """,
            (list(ids),),
        ):
            self._remembered[name] = FoundRoom(
                CachedRoom(
                    room_id,
                    Head(),
                    kind,
                    owner,
                    None if kind == PUBLIC else frozenset(members),
                    0,
                    read_policy(policy),
                    bool(has_restrictions),
                ),
                rules_seq,
            )
