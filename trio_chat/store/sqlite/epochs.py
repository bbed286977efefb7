"""Epochs: a sequence number means something only within the epoch of its room.

A number must never be used a second time for something else while a client remembers the first use. So whenever the log
may be behind what clients have seen, a new epoch begins, and they are told to start afresh.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from trio_chat.store.mark_file import TornMark
from trio_chat.store.sql.epochs import PROOF_KEY
from trio_chat.store.sqlite.event_count import EventCount, read_event_count

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

    from trio_chat.store.sql.connection import Connection

LOGGER = logging.getLogger(__name__)

COPY_NOTE = "copy"
"""Key in ``meta`` by which a database says that it is a copy, and when it was made."""


def mark_as_copy(connection: Connection | apsw.Connection) -> None:
    """Make a server begin a new epoch when it opens this database."""
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES (?, strftime('%Y-%m-%d %H:%M:%S UTC', 'now'))", (COPY_NOTE,)
    )


def count_events(connection: apsw.Connection) -> EventCount:
    """Epoch of the log itself, and the number of events in it.

    Sequence numbers are dense, so the heads of the rooms tell: one look per room instead of one per event.
    """
    events = connection.execute(
        "SELECT total((SELECT max(seq) FROM events WHERE room_id = rooms.id)) FROM rooms"
    ).get
    epoch = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").get
    assert isinstance(events, float)
    return EventCount(str(epoch), int(events))


def make_proof_key(connection: apsw.Connection) -> None:
    """Make the log's secret, once in its life."""
    connection.execute("INSERT INTO meta VALUES (?, ?)", (PROOF_KEY, secrets.token_hex(32)))


def reconcile(connection: apsw.Connection, database: Path) -> EventCount:
    """Begin a new epoch of every room if the log may be behind what clients have seen, and log why.

    That is so when the database is a copy put in place of the log (a restore), when it is not the log that the event
    count beside it was written for, and when it holds fewer events than that. Without a (whole) count there is nothing
    to compare with. Returns the count that is to be written.
    """
    found = count_events(connection)
    made_at = connection.execute("SELECT value FROM meta WHERE key = ?", (COPY_NOTE,)).get
    try:
        expected = read_event_count(database)
    except TornMark:
        LOGGER.warning(
            "the mark of %s is damaged and was not used: if events are missing, it was not noticed", database
        )
        expected = None
    if made_at is not None:
        LOGGER.warning(
            "%s is a copy made at %s: the log was restored, and everybody starts afresh", database, made_at
        )
    elif expected is None or (expected.epoch == found.epoch and expected.events <= found.events):
        return found
    elif expected.epoch != found.epoch:
        LOGGER.error(
            "%s is not the log that was here last: everybody starts afresh. If you did not put it there, stop, "
            "and look for the right one",
            database,
        )
    else:
        LOGGER.error(
            "THE LOG LOST EVENTS: %s held %d events and holds %d; %d that were acknowledged are missing, the "
            "newest ones of some rooms. The disk lost them, or a hand. What is left is whole up to there, and "
            "everybody starts afresh. Check the disk; a backup may have more",
            database,
            expected.events,
            found.events,
            expected.events - found.events,
        )
    _begin_epochs(connection)
    return count_events(connection)


def _begin_epochs(connection: apsw.Connection) -> None:
    """Begin a new epoch of every room, and of the log itself, in one transaction."""
    epoch = secrets.token_urlsafe(6)
    with connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
        connection.execute("UPDATE rooms SET epoch = ?", (epoch,))
        connection.execute("DELETE FROM meta WHERE key = ?", (COPY_NOTE,))
