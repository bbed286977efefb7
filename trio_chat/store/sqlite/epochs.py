"""Epochs: what makes a number mean something, and when a new one begins.

Numbers must never be used a second time for something else while somebody remembers the first use. So whenever the log
may be behind what its readers have seen, a new epoch begins, and they are told to start afresh.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from trio_chat.kinds.rules import kind_of_new
from trio_chat.model.events import Position
from trio_chat.store.sqlite.event_count import Mark, TornMark, read_mark

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

LOGGER = logging.getLogger(__name__)

COPY_NOTE = "copy"
"""The key in ``meta`` by which a database says that it is a copy, and when it was made."""


def note_that_it_is_a_copy(connection: apsw.Connection) -> None:
    """Make a server begin a new epoch when it opens this database."""
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES (?, strftime('%Y-%m-%d %H:%M:%S UTC', 'now'))", (COPY_NOTE,)
    )


def mark_of(connection: apsw.Connection) -> Mark:
    """The mark that this database deserves: the log's own epoch, and how many events it holds.

    Numbers are dense, so the heads tell: a look at each room instead of one at each event.
    """
    events = connection.execute(
        "SELECT total((SELECT max(seq) FROM events WHERE room_id = rooms.id)) FROM rooms"
    ).get
    epoch = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").get
    assert isinstance(events, float)
    return Mark(str(epoch), int(events))


def begin_epoch(connection: apsw.Connection, room: str) -> Position:
    """See `Store.begin_epoch`."""
    epoch = secrets.token_urlsafe(6)
    connection.execute(
        "INSERT INTO rooms (name, epoch, kind) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch",
        (room, epoch, kind_of_new(room)),
    )
    seq = connection.execute(
        "SELECT max(seq) FROM events WHERE room_id = (SELECT id FROM rooms WHERE name = ?)", (room,)
    ).get
    return Position(0 if seq is None else seq, epoch)


def reconcile(connection: apsw.Connection, database: Path) -> Mark:
    """Begin a new epoch of every room if the log may be behind what its readers have seen, and say so.

    That is so when it is a copy put in place of the log (a restore), when it is not the log that the mark was
    written for, and when it holds fewer events than the mark says. Without a (whole) mark there is nothing to
    compare with. The answer is the mark that is to be written.
    """
    found = mark_of(connection)
    made_at = connection.execute("SELECT value FROM meta WHERE key = ?", (COPY_NOTE,)).get
    try:
        mark = read_mark(database)
    except TornMark:
        LOGGER.warning(
            "the mark of %s is damaged and was not used: if events are missing, it was not noticed", database
        )
        mark = None
    if made_at is not None:
        LOGGER.warning(
            "%s is a copy made at %s: the log was restored, and everybody starts afresh", database, made_at
        )
    elif mark is None or (mark.epoch == found.epoch and mark.events <= found.events):
        return found
    elif mark.epoch != found.epoch:
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
            mark.events,
            found.events,
            mark.events - found.events,
        )
    _begin_epochs(connection)
    return mark_of(connection)


def _begin_epochs(connection: apsw.Connection) -> None:
    """A new epoch of every room, and of the log itself, in one transaction."""
    epoch = secrets.token_urlsafe(6)
    with connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
        connection.execute("UPDATE rooms SET epoch = ?", (epoch,))
        connection.execute("DELETE FROM meta WHERE key = ?", (COPY_NOTE,))
