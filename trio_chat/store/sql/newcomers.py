"""Newcomers: since when people are known, who brought them in, and the addresses that they came from. Synchronous;
writes belong into the writer's transaction.

Addresses are kept as keyed hashes only, and not for long: nobody is told them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trio_chat.kinds.newcomers import NOT_YET
from trio_chat.kinds.standing import NEW_MS
from trio_chat.model.records import BroughtIn
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.kinds.moderation import Restriction
    from trio_chat.store.sql.connection import Connection

ADDRESSES_KEPT_MS: Final = 30 * DAY_MS
ADDRESSES_OF_PERSON: Final = 10
ADDRESSES_OF_GUESTS: Final = 10_000
"""So many of a person, and of all guests together, the latest ones."""


# -- since when people are known --


def known_ms(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """See `Store.known_ms`."""
    found: list[Any] = connection.execute(
        f"SELECT id, coalesce(known_ms, created_at_ms) FROM people WHERE id IN {connection.dialect.texts}",
        (json.dumps(list(ids)),),
    ).fetchall()
    return dict(found)


def look_at(connection: Connection, person: str) -> None:
    """From now on the person is not new any more, and waits no longer."""
    connection.execute("UPDATE people SET known_ms = 0 WHERE id = ?", (person,))


def look_away(connection: Connection, person: str) -> None:
    """From now on the person is as new as they are."""
    connection.execute("UPDATE people SET known_ms = NULL WHERE id = ? AND known_ms = 0", (person,))


def let_all_in(connection: Connection) -> None:
    """From now on nobody waits."""
    connection.execute("UPDATE people SET known_ms = NULL WHERE known_ms = ?", (NOT_YET,))


# -- who brought them in --


def note_inviter(connection: Connection, person: str, invite: str, at_ms: int) -> None:
    """Note whose invitation (its hash, in hexadecimal) somebody new has followed, the first one. Must come before the
    invitation is used up."""
    connection.execute(
        """
        UPDATE people SET invited_by = invites.person_id FROM invites
        WHERE people.id = ?1 AND invites.hash = ?2 AND invites.person_id <> ?1
            AND invited_by IS NULL AND created_at_ms > ?3
        """,
        (person, bytes.fromhex(invite), at_ms - NEW_MS),
    )


def branch(connection: Connection, person: str, *, limit: int) -> list[BroughtIn]:
    """See `Store.branch`."""
    found = connection.execute(
        """
        WITH RECURSIVE branch (id, invited_by, created_at_ms) AS (
            SELECT id, invited_by, created_at_ms FROM people WHERE invited_by = ?1
            UNION
            SELECT people.id, people.invited_by, people.created_at_ms
            FROM branch JOIN people ON people.invited_by = branch.id
        )
        SELECT id, invited_by, created_at_ms FROM branch WHERE id <> ?1 LIMIT ?2
        """,
        (person, limit),
    )
    return [BroughtIn(*values) for values in found]


# -- where they came from --


def addresses_key(connection: Connection) -> bytes:
    """See `Store.addresses_key`."""
    key = connection.execute("SELECT value FROM meta WHERE key = 'addresses_key'").get
    assert isinstance(key, str)
    return bytes.fromhex(key)


def note_addresses(connection: Connection, seen: Collection[tuple[str, bytes]], at_ms: int) -> None:
    """See `Store.note_addresses`."""
    guests = connection.dialect.is_guest
    connection.executemany(
        """
        INSERT INTO addresses (person_id, hash, at_ms) VALUES (?, ?, ?)
        ON CONFLICT (person_id, hash) DO UPDATE SET at_ms = excluded.at_ms
        """,
        [(person, address, at_ms) for person, address in sorted(seen)],
    )
    connection.execute("DELETE FROM addresses WHERE at_ms <= ?", (at_ms - ADDRESSES_KEPT_MS,))
    connection.executemany(
        """
        DELETE FROM addresses WHERE person_id = ?1 AND hash NOT IN (
            SELECT hash FROM addresses WHERE person_id = ?1 ORDER BY at_ms DESC LIMIT ?2
        )
        """,
        [(person, ADDRESSES_OF_PERSON) for person in sorted({person for person, _ in seen})],
    )
    connection.execute(
        f"""
        DELETE FROM addresses WHERE {guests} AND at_ms <= (
            SELECT at_ms FROM addresses WHERE {guests} ORDER BY at_ms DESC LIMIT 1 OFFSET ?
        )
        """,
        (ADDRESSES_OF_GUESTS,),
    )


def banned_addresses(connection: Connection, *, at_ms: int) -> dict[bytes, int]:
    """See `Store.banned_addresses`."""
    found: list[Any] = connection.execute(
        "SELECT hash, max(ends_ms) FROM banned_addresses WHERE ends_ms > ? GROUP BY hash", (at_ms,)
    ).fetchall()
    return dict(found)


def ban_addresses(connection: Connection, body: Restriction, at_ms: int) -> None:
    """Ban the addresses that a banned person came from, or, with another ban or none, let them be."""
    connection.execute(
        "DELETE FROM banned_addresses WHERE person_id = ? OR ends_ms <= ?", (body.person, at_ms)
    )
    if body.addresses:
        # They belong to others after a while.
        ends_ms = min(body.ends_ms, at_ms + ADDRESSES_KEPT_MS)
        connection.execute(
            """
            INSERT INTO banned_addresses (hash, person_id, ends_ms)
            SELECT hash, person_id, ? FROM addresses WHERE person_id = ? AND at_ms > ?
            """,
            (ends_ms, body.person, at_ms - ADDRESSES_KEPT_MS),
        )
