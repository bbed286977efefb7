"""Epochs of everything: begun when the database may hold less than what people were told.

SQLite's log has one file beside it that tells so. Over PostgreSQL there are several nodes, each with its own mark
(`trio_chat.store.postgresql.mark`), and the database says of itself which one it is and on which timeline it was last
written to: so a copy of it, and a standby that was promoted, are found by whoever comes first. All of this is looked at
whenever the connection that writes is made (anew), before the first number is given. Synchronous.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

import psycopg

from trio_chat.store.sql.epochs import EPOCHS
from trio_chat.store.sql.meta import note, set_note

if TYPE_CHECKING:
    from trio_chat.store.postgresql.connection import PostgresqlConnection
    from trio_chat.store.postgresql.mark import Mark
    from trio_chat.store.sql.connection import Connection

LOGGER = logging.getLogger(__name__)

LOCK: Final = 0x6570_6F63
"""Key of the advisory lock under which it is looked and decided."""

IDENTITY: Final = "identity"
TIMELINE: Final = "timeline"
"""Keys in ``meta``: which database it is, and on which timeline it was looked at."""

ROOMS_AT_ONCE: Final = 20_000
"""A statement is cut that takes too long, so many rooms get their epoch in several."""

MARK_FUNCTIONS: Final = """
-- Whether a commit waits for a standby.
CREATE FUNCTION is_replicated() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_setting('synchronous_standby_names') <> ''
        AND current_setting('synchronous_commit') IN ('on', 'remote_apply', 'remote_write')
$$;

-- Note in the transaction which batch of a node it is, so that the node can ask whether it was committed. Returns what
-- stands in the node's mark with it.
-- TC001: the node is not registered (any more).
CREATE FUNCTION note_batch(node text, number bigint, OUT epochs bigint, OUT replicated boolean)
LANGUAGE plpgsql AS $$
BEGIN
    replicated := is_replicated();
    UPDATE nodes SET batch = number, beat_at = now(), is_replicated = replicated WHERE id = node;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'node % was declared dead', node USING ERRCODE = 'TC001';
    END IF;
    SELECT CAST(value AS bigint) INTO epochs FROM meta WHERE key = 'epochs';
END $$;
"""


class Found(NamedTuple):
    """What the database says of itself."""

    database: str
    timeline: int
    is_replicated: bool
    """Whether commits wait for a standby now."""
    was_replicated: bool
    """Whether the last commit that it knows did."""
    epochs: int
    known_database: str | None
    """Which one it was when it was last looked at; None: never."""
    known_timeline: int
    batch: int | None
    """Of the node whose mark it is compared with; None if it does not know that."""


def find(connection: PostgresqlConnection, node: str) -> Found:
    """Look at the database. ``node`` is that of the mark to compare with."""
    row = connection.execute(
        """
        SELECT CAST(c.system_identifier AS text) || '/' || d.oid || '/' || CAST(to_regclass('rooms') AS oid),
            -- Not that of the last checkpoint: after a promotion that is still the old one.
            CAST(CAST('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS bit(32)) AS integer),
            is_replicated(),
            coalesce((SELECT n.is_replicated FROM nodes n ORDER BY beat_at DESC LIMIT 1), true),
            (SELECT batch FROM nodes WHERE id = ?)
        FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()
        """,
        (node,),
    ).fetchone()
    database, timeline, is_replicated, was_replicated, batch = row
    meta = dict(
        connection.execute(
            "SELECT key, value FROM meta WHERE key IN (?, ?, ?)", (IDENTITY, TIMELINE, EPOCHS)
        ).fetchall()
    )
    return Found(
        database,
        timeline,
        is_replicated,
        was_replicated,
        int(meta[EPOCHS]),
        meta.get(IDENTITY),
        int(meta.get(TIMELINE, 0)),
        batch,
    )


def check_looked_at(connection: PostgresqlConnection) -> None:
    """Raise `psycopg.OperationalError` until a node that writes has looked at this database (`reconcile`), and begun an
    epoch if that is due: nothing is read before, as it would be told under the epoch of another one."""
    found = find(connection, "")
    if (found.known_database, found.known_timeline) != (found.database, found.timeline):
        raise psycopg.OperationalError("the database is another one than before, and is being looked at")


def loss(found: Found, mark: Mark | None) -> str | None:
    """Why the database may hold less than what people were told, as an end of a sentence; None if it does not."""
    is_kept = found.is_replicated and found.was_replicated
    if found.known_database not in (None, found.database):
        return "is a copy of another one"
    promoted = "was promoted, and its standbys need not have had everything"
    if found.known_database is not None and found.known_timeline != found.timeline and not is_kept:
        return promoted
    if mark is None or mark.epochs < found.epochs:  # of an earlier epoch: its numbers are void anyway
        return None
    if mark.epochs > found.epochs:
        return "is older than what this node wrote to"
    if mark.database != found.database:
        return "is not the one that this node wrote to"
    if mark.batch and (found.batch is None or found.batch < mark.batch):
        return "LOST what this node was told to be written"
    if mark.timeline != found.timeline and not (is_kept and mark.is_replicated):
        return promoted
    return None


def reconcile(connection: PostgresqlConnection, node: str, mark: Mark | None) -> tuple[Found, str | None]:
    """Begin an epoch of everything if the database may hold less than what people were told, log why, and register this
    node (which is that of the mark, if it wrote before). In a transaction of its own, one node after the other.

    Its commit waits for a standby if those of others do: what was committed before is on it as well then. Returns what
    the database says of itself afterwards, and why an epoch was begun. Raises `psycopg.Error`.
    """
    connection.execute("BEGIN")
    connection.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
    found = find(connection, node if mark is None else mark.node)
    why = loss(found, mark)
    if why is not None:
        found = found._replace(epochs=max(found.epochs, 0 if mark is None else mark.epochs) + 1)
        begin_epochs(connection, found.epochs)
    if (found.known_database, found.known_timeline) != (found.database, found.timeline):
        set_note(connection, IDENTITY, found.database)
        set_note(connection, TIMELINE, str(found.timeline))
    connection.execute(
        """
        INSERT INTO nodes (id, batch, is_replicated) VALUES (?, ?, is_replicated())
        ON CONFLICT (id) DO UPDATE SET beat_at = now(), is_replicated = excluded.is_replicated
        """,
        (node, mark.batch if mark is not None and mark.node == node else 0),
    )
    return found, why


def begin_next(connection: Connection) -> None:
    """Begin the next epoch of everything, for an operator who put back a snapshot. Inside a transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
    begun = note(connection, EPOCHS)
    assert begun is not None
    begin_epochs(connection, int(begun) + 1)


def begin_epochs(connection: Connection, number: int) -> None:
    """Begin a new epoch of every room, and of the log itself: number ``number`` in this database. Inside a
    transaction."""
    epoch = secrets.token_urlsafe(6)
    # Nobody is to make a room meanwhile that has the epoch of before.
    connection.execute("LOCK TABLE rooms IN SHARE ROW EXCLUSIVE MODE")
    set_note(connection, "epoch", epoch)
    set_note(connection, EPOCHS, str(number))
    last = 0
    while last is not None:
        last = connection.execute(
            """
            WITH next AS (SELECT id FROM rooms WHERE id > ? ORDER BY id LIMIT ?),
            done AS (UPDATE rooms SET epoch = ? FROM next WHERE rooms.id = next.id)
            SELECT max(id) FROM next
            """,
            (last, ROOMS_AT_ONCE, epoch),
        ).get
