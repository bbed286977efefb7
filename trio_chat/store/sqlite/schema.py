"""Schema of the SQLite database, and the migrations of older ones.

The file says what it is by SQLite's own means: ``application_id`` (ours), ``user_version`` (how many of the
migrations below it has had).
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import apsw

from trio_chat.errors import StartError
from trio_chat.model.lookalikes import name_forms
from trio_chat.store.space import EVENT_BYTES
from trio_chat.store.sqlite.epochs import make_proof_key, mark_as_copy
from trio_chat.store.sqlite.file_schema import keep_each_hash_once, make_files, make_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Migration: TypeAlias = "Callable[[apsw.Connection], None]"

LOGGER = logging.getLogger(__name__)

TOLD_EACH_S = 10.0

STEPS_BETWEEN_LOOKS = 100_000
"""SQLite's own steps between two looks at the clock: some milliseconds."""

APPLICATION_ID = 0x7472_696F
"""``trio`` in ASCII."""


def _make_the_log(connection: apsw.Connection) -> None:
    # `body` and `salt` may become NULL one day, when a text is deleted; `body_digest` keeps the chain whole.
    # Without a rowid the events of a room lie side by side: a page of history is one stretch of the file.
    connection.execute(
        """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL) STRICT;
        CREATE TABLE events (
            room_id INTEGER NOT NULL REFERENCES rooms,
            seq INTEGER NOT NULL,
            kind TEXT NOT NULL,
            sender TEXT NOT NULL,
            name TEXT NOT NULL,
            client_id TEXT,
            at_ms INTEGER NOT NULL,
            body TEXT,
            salt BLOB,
            body_digest BLOB NOT NULL,
            digest BLOB NOT NULL,
            PRIMARY KEY (room_id, seq)
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX commands ON events (sender, client_id) WHERE client_id IS NOT NULL;
        CREATE TABLE people (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            name_key TEXT NOT NULL UNIQUE,
            created_at_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE tokens (
            hash BLOB PRIMARY KEY,
            person_id TEXT NOT NULL REFERENCES people
        ) STRICT, WITHOUT ROWID;
        """
    )
    connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (secrets.token_urlsafe(6),))


def _make_the_group(connection: apsw.Connection) -> None:
    # Everything but `marks`, `mark_moves`, `invites`, `pictures` and the people's own columns follows from the log.
    connection.execute(
        """
        ALTER TABLE rooms ADD COLUMN kind TEXT NOT NULL DEFAULT 'public';
        ALTER TABLE rooms ADD COLUMN title TEXT NOT NULL DEFAULT '';
        ALTER TABLE rooms ADD COLUMN topic TEXT NOT NULL DEFAULT '';
        ALTER TABLE rooms ADD COLUMN owner TEXT;
        CREATE TABLE members (
            room_id INTEGER NOT NULL REFERENCES rooms,
            person_id TEXT NOT NULL,
            role TEXT NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (room_id, person_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX memberships ON members (person_id);
        CREATE TABLE changes (
            room_id INTEGER NOT NULL REFERENCES rooms,
            target INTEGER NOT NULL,
            key TEXT NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (room_id, target, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX pinned ON changes (room_id, seq) WHERE key = 'pin';
        CREATE TABLE edits (
            room_id INTEGER NOT NULL REFERENCES rooms,
            target INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (room_id, target, seq)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX edits_by_seq ON edits (room_id, seq);
        CREATE TABLE marks (
            room_id INTEGER NOT NULL REFERENCES rooms,
            person_id TEXT NOT NULL,
            delivered INTEGER NOT NULL,
            read INTEGER NOT NULL,
            PRIMARY KEY (room_id, person_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX own_marks ON marks (person_id);
        CREATE TABLE mark_moves (
            room_id INTEGER NOT NULL REFERENCES rooms,
            person_id TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            delivered INTEGER NOT NULL,
            read INTEGER NOT NULL,
            PRIMARY KEY (room_id, person_id, at_ms)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE invites (
            hash BLOB PRIMARY KEY,
            room_id INTEGER NOT NULL REFERENCES rooms,
            person_id TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            expires_ms INTEGER,
            uses_left INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX invites_of_rooms ON invites (room_id);
        ALTER TABLE people ADD COLUMN colour INTEGER;
        ALTER TABLE people ADD COLUMN picture TEXT;
        ALTER TABLE people ADD COLUMN seen_ms INTEGER;
        ALTER TABLE people ADD COLUMN shows_seen INTEGER NOT NULL DEFAULT 1;
        CREATE TABLE pictures (hash TEXT PRIMARY KEY, media_type TEXT NOT NULL, data BLOB NOT NULL) STRICT;
        CREATE TABLE docs (
            id INTEGER PRIMARY KEY,
            room_id INTEGER NOT NULL REFERENCES rooms,
            seq INTEGER NOT NULL,
            at_ms INTEGER NOT NULL,
            UNIQUE (room_id, seq)
        ) STRICT;
        CREATE INDEX docs_by_time ON docs (at_ms);
        CREATE VIRTUAL TABLE search USING fts5(
            text, content='', columnsize=0, detail=none, tokenize='trigram case_sensitive 1'
        );
        INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
        CREATE TABLE indexed (room_id INTEGER PRIMARY KEY REFERENCES rooms, seq INTEGER NOT NULL) STRICT;
        """
    )


def _make_the_directory(connection: apsw.Connection) -> None:
    # NULL: nobody wrote to the room yet.
    connection.execute(
        """
        ALTER TABLE rooms ADD COLUMN newest_ms INTEGER;
        UPDATE rooms SET newest_ms = (
            SELECT at_ms FROM events WHERE room_id = rooms.id ORDER BY seq DESC LIMIT 1
        );
        CREATE INDEX directory ON rooms (newest_ms DESC, name) WHERE kind = 'public' AND newest_ms IS NOT NULL;
        """
    )


def make_name_forms(connection: apsw.Connection) -> None:
    """Keep what is compared of names (`trio_chat.model.lookalikes`), beginning with everybody's name of today."""
    # Not unique: people who looked alike before keep their names.
    connection.execute(
        """
        CREATE TABLE name_forms (
            form TEXT NOT NULL,
            person_id TEXT NOT NULL REFERENCES people,
            until_ms INTEGER,
            PRIMARY KEY (form, person_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX own_name_forms ON name_forms (person_id);
        CREATE INDEX old_name_forms ON name_forms (until_ms) WHERE until_ms IS NOT NULL;
        """
    )
    named: list[Any] = connection.execute("SELECT id, name, name_key FROM people").fetchall()
    for person_id, name, name_key in named:
        connection.executemany(
            "INSERT INTO name_forms VALUES (?, ?, NULL)",
            [(form, person_id) for form in name_forms(name, name_key)],
        )


def _count_the_bytes(connection: apsw.Connection) -> None:
    connection.execute("ALTER TABLE rooms ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0")
    connection.execute(
        """
        UPDATE rooms SET bytes = (
            SELECT count(*) * ?1 + coalesce(sum(octet_length(body)), 0) FROM events WHERE room_id = rooms.id
        )
        """,
        (EVENT_BYTES,),
    )


def make_moderation(connection: apsw.Connection) -> None:
    """Who is banned or muted, who knocks, how rooms are run, and links that make an owner."""
    # All but the links follows from the log. `restrictions` of the server room hold everywhere.
    connection.execute(
        """
        ALTER TABLE rooms ADD COLUMN policy TEXT NOT NULL DEFAULT '{}';
        CREATE TABLE restrictions (
            room_id INTEGER NOT NULL REFERENCES rooms,
            person_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            ends_ms INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (room_id, person_id, kind)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE knocks (
            room_id INTEGER NOT NULL REFERENCES rooms,
            person_id TEXT NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (room_id, person_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE owner_links (hash BLOB PRIMARY KEY, ends_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """
    )


def make_devices(connection: apsw.Connection) -> None:
    """Give the log an id, and make a device of each token; when it was made and used is not known."""
    tokens: list[Any] = connection.execute("SELECT hash, person_id FROM tokens").fetchall()
    connection.execute(
        """
        CREATE TABLE devices (
            id TEXT PRIMARY KEY,
            person_id TEXT NOT NULL REFERENCES people,
            name TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            used_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX own_devices ON devices (person_id);
        DROP TABLE tokens;
        CREATE TABLE tokens (
            hash BLOB PRIMARY KEY,
            device_id TEXT NOT NULL REFERENCES devices,
            issued_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tokens_of_devices ON tokens (device_id);
        CREATE TABLE recovery_codes (
            person_id TEXT PRIMARY KEY REFERENCES people,
            hash BLOB NOT NULL UNIQUE,
            at_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
    )
    for token_hash, person_id in tokens:
        device_id = f"d-{secrets.token_urlsafe(9)}"
        connection.execute("INSERT INTO devices VALUES (?, ?, '', 0, 0)", (device_id, person_id))
        connection.execute("INSERT INTO tokens VALUES (?, ?, 0)", (token_hash, device_id))
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [("server", secrets.token_urlsafe(9)), ("token_key", secrets.token_hex(32))],
    )


def _make_reports(connection: apsw.Connection) -> None:
    # The open ones, by their numbers in the server room.
    connection.execute("CREATE TABLE reports (seq INTEGER PRIMARY KEY, taken_by TEXT) STRICT")


def make_privacy(connection: apsw.Connection) -> None:
    """The two people of direct rooms, who blocks whom, and what people hide of themselves."""
    # `pairs`: the two people of each direct room, in it or not. It and `blocks` follow from the log.
    connection.execute(
        """
        CREATE TABLE pairs (
            room_id INTEGER NOT NULL REFERENCES rooms,
            person_id TEXT NOT NULL,
            declined INTEGER NOT NULL,
            PRIMARY KEY (room_id, person_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO pairs SELECT room_id, person_id, 0 FROM members JOIN rooms ON id = room_id WHERE kind = 'direct';
        CREATE INDEX requests ON members (person_id, room_id) WHERE role = 'asked';
        CREATE TABLE blocks (
            person_id TEXT NOT NULL,
            blocked_id TEXT NOT NULL,
            PRIMARY KEY (person_id, blocked_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX blocked_by ON blocks (blocked_id);
        ALTER TABLE people ADD COLUMN shows_receipts INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE people ADD COLUMN shows_typing INTEGER NOT NULL DEFAULT 1;
        """
    )


def make_newcomers(connection: apsw.Connection) -> None:
    """Since when people are known, who brought them in, and the addresses that they came from."""
    # `known_ms`: see `trio_chat.kinds.newcomers`; NULL: since they came.
    connection.execute(
        """
        ALTER TABLE people ADD COLUMN known_ms INTEGER;
        ALTER TABLE people ADD COLUMN invited_by TEXT;
        CREATE INDEX known_people ON people (known_ms) WHERE known_ms IS NOT NULL;
        CREATE INDEX branches ON people (invited_by) WHERE invited_by IS NOT NULL;
        CREATE TABLE addresses (
            person_id TEXT NOT NULL,
            hash BLOB NOT NULL,
            at_ms INTEGER NOT NULL,
            PRIMARY KEY (person_id, hash)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX old_addresses ON addresses (at_ms);
        CREATE INDEX guest_addresses ON addresses (at_ms) WHERE person_id GLOB 'g-*';
        CREATE TABLE banned_addresses (
            hash BLOB NOT NULL,
            person_id TEXT NOT NULL,
            ends_ms INTEGER NOT NULL,
            PRIMARY KEY (person_id, hash)
        ) STRICT, WITHOUT ROWID;
        """
    )
    connection.execute("INSERT INTO meta VALUES ('addresses_key', ?)", (secrets.token_hex(32),))


def _note_where_bans_began(connection: apsw.Connection) -> None:
    # Whether who is banned was in the room, or asked to be let in, when that began.
    connection.execute("ALTER TABLE restrictions ADD COLUMN was_in INTEGER NOT NULL DEFAULT 1")


def note_reasons(connection: apsw.Connection) -> None:
    """Why somebody is banned or muted, as its event says it."""
    connection.execute("ALTER TABLE restrictions ADD COLUMN reason TEXT NOT NULL DEFAULT ''")
    connection.execute(
        """
        UPDATE restrictions SET reason = coalesce((
            SELECT CASE WHEN json_valid(body) THEN body ->> '$.reason' END FROM events
            WHERE events.room_id = restrictions.room_id AND events.seq = restrictions.seq
        ), '')
        """
    )


def make_reactions(connection: apsw.Connection) -> None:
    """The reactions that hold, by emoji, so that they are counted without their events."""
    # `since`: the number of the event by which its emoji came to the message, from nobody's to somebody's.
    connection.execute(
        """
        CREATE TABLE reactions (
            room_id INTEGER NOT NULL REFERENCES rooms,
            target INTEGER NOT NULL,
            emoji TEXT NOT NULL,
            seq INTEGER NOT NULL,
            person_id TEXT NOT NULL,
            since INTEGER NOT NULL,
            PRIMARY KEY (room_id, target, emoji, seq)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO reactions
        SELECT room_id, target, emoji, seq, sender, min(seq) OVER (PARTITION BY room_id, target, emoji)
        FROM (
            SELECT changes.room_id, target, body ->> '$.emoji' AS emoji, changes.seq, sender
            FROM changes JOIN events ON events.room_id = changes.room_id AND events.seq = changes.seq
            WHERE key GLOB 'react:*' AND CASE WHEN json_valid(body) THEN body ->> '$.on' END
        );
        DELETE FROM changes WHERE key GLOB 'react:*';
        """
    )


def note_more_name_forms(connection: apsw.Connection) -> None:
    """Names that differ by punctuation, or by two v in the place of a w, look alike as well."""
    named: list[Any] = connection.execute("SELECT id, name, name_key FROM people").fetchall()
    for person_id, name, name_key in named:
        connection.executemany(
            "INSERT OR IGNORE INTO name_forms VALUES (?, ?, NULL)",
            [(form, person_id) for form in name_forms(name, name_key)],
        )


def make_device_codes(connection: apsw.Connection) -> None:
    """Device codes by their hashes, and how often codes are tried."""
    # `n`: in which order a person's were made. `full_ms`: when the bucket of a source will be full again.
    connection.execute(
        """
        CREATE TABLE device_codes (
            hash BLOB PRIMARY KEY,
            person_id TEXT NOT NULL REFERENCES people,
            n INTEGER NOT NULL,
            ends_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX own_device_codes ON device_codes (person_id, n);
        CREATE INDEX old_device_codes ON device_codes (ends_ms);
        CREATE TABLE guesses (source BLOB PRIMARY KEY, full_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX full_guesses ON guesses (full_ms);
        """
    )


def make_releases(connection: apsw.Connection) -> None:
    """Names that were set free from the command line, until the server has told everybody."""
    connection.execute(
        """
        CREATE TABLE releases (
            id TEXT PRIMARY KEY,
            person_id TEXT NOT NULL,
            freed TEXT NOT NULL,
            new_name TEXT
        ) STRICT, WITHOUT ROWID
        """
    )


def note_changes_of_lists(connection: apsw.Connection) -> None:
    """What changes lists of rooms has a number (`trio_chat.store.sql.list_changes`), and people are counted."""
    connection.execute(
        """
        ALTER TABLE rooms ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX changed_rooms ON rooms (changed);
        CREATE TABLE list_resets (person_id TEXT PRIMARY KEY, changed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX own_pairs ON pairs (person_id);
        CREATE TABLE people_count (n INTEGER NOT NULL) STRICT;
        INSERT INTO people_count SELECT count(*) FROM people;
        CREATE TRIGGER count_people AFTER INSERT ON people BEGIN UPDATE people_count SET n = n + 1; END;
        """
    )


MIGRATIONS: tuple[Migration, ...] = (
    _make_the_log,
    _make_the_group,
    _make_the_directory,
    make_name_forms,
    _count_the_bytes,
    make_moderation,
    make_devices,
    _make_reports,
    make_proof_key,
    make_privacy,
    make_newcomers,
    _note_where_bans_began,
    note_reasons,
    make_reactions,
    note_more_name_forms,
    make_files,
    make_device_codes,
    make_pictures,
    keep_each_hash_once,
    make_releases,
    note_changes_of_lists,
)
"""In order; number n makes version n + 1. A released migration is never changed, only followed by another."""


def check_identity(connection: apsw.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Raise `StartError` unless the database is ours, of a version we know, or empty. Changes nothing."""
    try:
        version, is_empty = format_of(connection), _is_empty(connection)
    except apsw.SQLError as error:  # the header, or the definition of a table, cannot be understood
        raise StartError(f"The database {path} is damaged ({error}). Restore it from a backup.") from error
    if not is_empty and connection.pragma("application_id") != APPLICATION_ID:
        raise StartError(f"{path} is a database of another program. Choose another data directory.")
    if version < (0 if is_empty else 1):
        raise StartError(
            f"The database {path} is damaged (its format is said to be {version}). Restore it from a backup."
        )
    if version > len(migrations):
        raise StartError(
            f"{path} was written by a newer trio-chat: it has format {version}, and this program knows "
            f"formats up to {len(migrations)}. Run the newer program, or restore the copy that it made "
            "of the older format."
        )


def migrate(connection: apsw.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Bring the database to today's version, one atomic step at a time, after making a copy of it.

    The copy is beside the database, as ``<name>.before-v<version>``; nobody deletes it but the operator.
    """
    version, newest = format_of(connection), len(migrations)
    if 0 < version < newest:
        copy = path.with_name(f"{path.name}.before-v{newest}")
        LOGGER.info(
            "%s has format %d; it is copied to %s, and then brought to %d", path, version, copy, newest
        )
        with _telling(connection, f"{path} is still being copied"):
            _copy(connection, copy)
    for number in range(version, newest):
        with _telling(connection, f"{path} is still being brought to format {number + 1}"), connection:
            migrations[number](connection)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", number + 1)
    if 0 < version < newest:
        LOGGER.info("%s has format %d now", path, newest)


@contextmanager
def _telling(connection: apsw.Connection, sentence: str) -> Iterator[None]:
    """Log how long it takes, every ten seconds, while statements of this connection run in the block."""
    began = told = time.monotonic()

    def tell() -> bool:
        nonlocal told
        now = time.monotonic()
        if now - told >= TOLD_EACH_S:
            told = now
            LOGGER.info("%s, for %.0f s", sentence, now - began)
        return False

    connection.set_progress_handler(tell, STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        connection.set_progress_handler(None)


def check_shape(connection: apsw.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Raise `StartError` unless the tables and indexes are those that the migrations make.

    SQLite takes their definitions from the file: with one flipped bit a column has another name, or an index is of
    other events.
    """
    with closing(apsw.Connection(":memory:")) as model:
        for migration in migrations:
            migration(model)
        expected = _shape(model)
    if not expected <= _shape(connection):
        raise StartError(
            f"The database {path} is damaged: its tables are not those of this program. Restore it from a backup."
        )


def _shape(connection: apsw.Connection) -> set[tuple[object, ...]]:
    return set(
        connection.execute(
            "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_schema"
        )
    )


def _copy(connection: apsw.Connection, target: Path) -> None:
    # Under another name until it is whole and on the disk, so that a copy with the right name can be trusted.
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        connection.execute("VACUUM INTO ?", (str(part),))
        with closing(apsw.Connection(str(part))) as copy:
            mark_as_copy(copy)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(target)


def format_of(connection: apsw.Connection) -> int:
    """The format of the database: how many of the migrations it has had."""
    version = connection.pragma("user_version")
    assert isinstance(version, int)
    return version


def _is_empty(connection: apsw.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None
