"""Tables of files. What follows from their rows is written by triggers, so that nothing that takes a row away can
forget it: which blobs are gone, and how much counts for whom.

By a hash, or by a name, one could tell what was deleted. SQLite leaves copies of rows behind when it splits a page
(`trio_chat.store.sqlite.erasing`), and those can be found again only where no later row comes between them and the row.
So

- the hash of a blob stands in one b-tree, the table `blobs`, and the name of a file in one besides the log, the table
  `uploads`. Both are in the order in which their rows came, and what is taken from them is erased around;
- `files`, and all indexes, have numbers of blobs and ids of uploads, which are chance;
- `blobs_by_hash` has 16 bits of each hash: enough to find it among many, and of one in 65,536 of all files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apsw


def make_files(connection: apsw.Connection) -> None:
    """Uploads, the files of messages, their blobs, how much counts, and the keys by which browsers fetch them."""
    # `uploads`: `hash`, `stored` (bytes, with previews) and `facts` are NULL until it is finished, `room_id`, `seq` and
    # `n` until it is sent; until then it counts for its person, and until it is finished for the server.
    # `blobs` are those with a reference: a row of `files`, or of `uploads` that was finished and not sent. `gone` are
    # those that lost the last one, until they are unlinked.
    # `file_usage`: of each person, and of the server ('').
    connection.execute(
        """
        CREATE TABLE uploads (
            id TEXT PRIMARY KEY,
            person_id TEXT NOT NULL,
            room TEXT NOT NULL,
            client_id TEXT NOT NULL,
            name TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            as_file INTEGER NOT NULL,
            ms INTEGER NOT NULL,
            peaks TEXT NOT NULL,
            made_ms INTEGER NOT NULL,
            hash TEXT,
            stored INTEGER,
            facts TEXT,
            room_id INTEGER REFERENCES rooms,
            seq INTEGER,
            n INTEGER,
            UNIQUE (person_id, client_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX unfinished_uploads ON uploads (id) WHERE hash IS NULL;
        CREATE INDEX young_uploads ON uploads (made_ms) WHERE hash IS NULL;
        CREATE INDEX unsent_uploads ON uploads (person_id, hash) WHERE seq IS NULL;
        CREATE INDEX old_uploads ON uploads (made_ms) WHERE seq IS NULL;
        CREATE INDEX blobs_of_uploads ON uploads (hash) WHERE seq IS NULL;
        CREATE INDEX uploads_of_messages ON uploads (room_id, seq) WHERE seq IS NOT NULL;
        CREATE TABLE files (
            room_id INTEGER NOT NULL REFERENCES rooms,
            seq INTEGER NOT NULL,
            n INTEGER NOT NULL,
            hash TEXT NOT NULL,
            person_id TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            kind TEXT NOT NULL,
            PRIMARY KEY (room_id, seq, n)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX blobs_of_files ON files (hash);
        CREATE INDEX album ON files (room_id, kind, seq);
        CREATE TABLE blobs (hash TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE gone (hash TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        CREATE TABLE file_usage (person_id TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO file_usage VALUES ('', 0);
        ALTER TABLE tokens ADD COLUMN file_key BLOB;
        CREATE UNIQUE INDEX file_keys ON tokens (file_key) WHERE file_key IS NOT NULL;

        CREATE TRIGGER upload_added AFTER INSERT ON uploads BEGIN
            INSERT OR IGNORE INTO file_usage VALUES (NEW.person_id, 0);
            UPDATE file_usage SET bytes = bytes + NEW.bytes WHERE person_id IN (NEW.person_id, '');
        END;
        CREATE TRIGGER upload_finished AFTER UPDATE OF stored ON uploads BEGIN
            UPDATE file_usage SET bytes = bytes + NEW.stored - NEW.bytes WHERE person_id = NEW.person_id;
            UPDATE file_usage SET bytes = bytes - NEW.bytes WHERE person_id = '';
        END;
        CREATE TRIGGER upload_sent AFTER UPDATE OF seq ON uploads BEGIN
            UPDATE file_usage SET bytes = bytes - NEW.stored WHERE person_id = NEW.person_id;
        END;
        CREATE TRIGGER upload_dropped AFTER DELETE ON uploads WHEN OLD.seq IS NULL BEGIN
            UPDATE file_usage SET bytes = bytes - coalesce(OLD.stored, OLD.bytes) WHERE person_id = OLD.person_id;
            UPDATE file_usage SET bytes = bytes - OLD.bytes WHERE person_id = '' AND OLD.stored IS NULL;
            DELETE FROM blobs WHERE hash = OLD.hash
                AND NOT EXISTS (SELECT 1 FROM files WHERE hash = OLD.hash)
                AND NOT EXISTS (SELECT 1 FROM uploads WHERE hash = OLD.hash AND seq IS NULL);
        END;
        CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
            INSERT OR IGNORE INTO file_usage VALUES (NEW.person_id, 0);
            UPDATE file_usage SET bytes = bytes + NEW.bytes WHERE person_id = NEW.person_id;
        END;
        CREATE TRIGGER file_dropped AFTER DELETE ON files BEGIN
            UPDATE file_usage SET bytes = bytes - OLD.bytes WHERE person_id = OLD.person_id;
            DELETE FROM blobs WHERE hash = OLD.hash
                AND NOT EXISTS (SELECT 1 FROM files WHERE hash = OLD.hash)
                AND NOT EXISTS (SELECT 1 FROM uploads WHERE hash = OLD.hash AND seq IS NULL);
        END;
        CREATE TRIGGER blob_added AFTER INSERT ON blobs BEGIN
            UPDATE file_usage SET bytes = bytes + NEW.bytes WHERE person_id = '';
            DELETE FROM gone WHERE hash = NEW.hash;
        END;
        CREATE TRIGGER blob_dropped AFTER DELETE ON blobs BEGIN
            UPDATE file_usage SET bytes = bytes - OLD.bytes WHERE person_id = '';
            INSERT OR IGNORE INTO gone VALUES (OLD.hash);
        END;
        """
    )


def make_pictures(connection: apsw.Connection) -> None:
    """Pictures of rooms and people that are files."""
    # `rooms.picture`: the number of the event whose file 0 it is. A person's is file 0 of number 0, which no event has,
    # of their own room; `people.picture` is the name under which it is told.
    connection.execute(
        """
        ALTER TABLE rooms ADD COLUMN picture INTEGER;
        ALTER TABLE uploads ADD COLUMN is_picture INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX shown_pictures ON people (picture) WHERE picture IS NOT NULL;
        """
    )


def keep_each_hash_once(connection: apsw.Connection) -> None:
    """Hashes stand in `blobs` alone, in the order in which they came. With the old tables, and their indexes by hash,
    goes what was left there of deleted files."""
    # `blobs`: the `gone` are those that lost the last reference, until they are unlinked. Nothing declares that it
    # refers to them: they could not be taken out and put in again.
    connection.execute(
        """
        DROP TRIGGER upload_added;
        DROP TRIGGER upload_finished;
        DROP TRIGGER upload_sent;
        DROP TRIGGER upload_dropped;
        DROP TRIGGER file_added;
        DROP TRIGGER file_dropped;
        DROP TRIGGER blob_added;
        DROP TRIGGER blob_dropped;
        DROP INDEX unfinished_uploads;
        DROP INDEX young_uploads;
        DROP INDEX unsent_uploads;
        DROP INDEX old_uploads;
        DROP INDEX blobs_of_uploads;
        DROP INDEX uploads_of_messages;
        DROP INDEX blobs_of_files;
        DROP INDEX album;
        ALTER TABLE blobs RENAME TO former_blobs;
        ALTER TABLE uploads RENAME TO former_uploads;
        ALTER TABLE files RENAME TO former_files;

        CREATE TABLE blobs (
            id INTEGER PRIMARY KEY,
            hash TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            gone INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        INSERT INTO blobs (hash, bytes) SELECT hash, bytes FROM former_blobs;
        INSERT INTO blobs (hash, bytes, gone) SELECT hash, 0, 1 FROM gone;
        CREATE INDEX blobs_by_hash ON blobs (substr(hash, 1, 4));
        CREATE INDEX gone_blobs ON blobs (id) WHERE gone <> 0;
        CREATE TABLE uploads (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            person_id TEXT NOT NULL,
            room TEXT NOT NULL,
            client_id TEXT NOT NULL,
            name TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            as_file INTEGER NOT NULL,
            ms INTEGER NOT NULL,
            peaks TEXT NOT NULL,
            made_ms INTEGER NOT NULL,
            blob_id INTEGER,
            stored INTEGER,
            facts TEXT,
            room_id INTEGER REFERENCES rooms,
            seq INTEGER,
            n INTEGER,
            is_picture INTEGER NOT NULL DEFAULT 0,
            UNIQUE (person_id, client_id)
        ) STRICT;
        INSERT INTO uploads (
            id, person_id, room, client_id, name, bytes, as_file, ms, peaks, made_ms,
            blob_id, stored, facts, room_id, seq, n, is_picture
        )
        SELECT former_uploads.id, person_id, room, client_id, name, former_uploads.bytes, as_file, ms, peaks, made_ms,
            blobs.id, stored, facts, room_id, seq, n, is_picture
        FROM former_uploads LEFT JOIN blobs
            ON substr(blobs.hash, 1, 4) = substr(former_uploads.hash, 1, 4) AND blobs.hash = former_uploads.hash;
        CREATE INDEX unfinished_uploads ON uploads (id) WHERE blob_id IS NULL;
        CREATE INDEX unsent_uploads ON uploads (person_id, blob_id) WHERE seq IS NULL;
        CREATE INDEX old_uploads ON uploads (made_ms) WHERE seq IS NULL;
        CREATE INDEX blobs_of_uploads ON uploads (blob_id) WHERE seq IS NULL;
        CREATE INDEX uploads_of_messages ON uploads (room_id, seq) WHERE seq IS NOT NULL;
        CREATE TABLE files (
            room_id INTEGER NOT NULL REFERENCES rooms,
            seq INTEGER NOT NULL,
            n INTEGER NOT NULL,
            blob_id INTEGER NOT NULL,
            person_id TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            kind TEXT NOT NULL,
            PRIMARY KEY (room_id, seq, n)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO files
        SELECT room_id, seq, n, blobs.id, person_id, former_files.bytes, kind FROM former_files JOIN blobs
            ON substr(blobs.hash, 1, 4) = substr(former_files.hash, 1, 4) AND blobs.hash = former_files.hash;
        CREATE INDEX blobs_of_files ON files (blob_id);
        CREATE INDEX album ON files (room_id, kind, seq);
        DROP TABLE former_files;
        DROP TABLE former_uploads;
        DROP TABLE former_blobs;
        DROP TABLE gone;

        CREATE TRIGGER upload_added AFTER INSERT ON uploads BEGIN
            INSERT OR IGNORE INTO file_usage VALUES (NEW.person_id, 0);
            UPDATE file_usage SET bytes = bytes + NEW.bytes WHERE person_id IN (NEW.person_id, '');
        END;
        CREATE TRIGGER upload_finished AFTER UPDATE OF stored ON uploads BEGIN
            UPDATE file_usage SET bytes = bytes + NEW.stored - NEW.bytes WHERE person_id = NEW.person_id;
            UPDATE file_usage SET bytes = bytes - NEW.bytes WHERE person_id = '';
        END;
        CREATE TRIGGER upload_sent AFTER UPDATE OF seq ON uploads BEGIN
            UPDATE file_usage SET bytes = bytes - NEW.stored WHERE person_id = NEW.person_id;
        END;
        CREATE TRIGGER upload_dropped AFTER DELETE ON uploads WHEN OLD.seq IS NULL BEGIN
            UPDATE file_usage SET bytes = bytes - coalesce(OLD.stored, OLD.bytes) WHERE person_id = OLD.person_id;
            UPDATE file_usage SET bytes = bytes - OLD.bytes WHERE person_id = '' AND OLD.stored IS NULL;
            UPDATE blobs SET gone = 1 WHERE id = OLD.blob_id
                AND NOT EXISTS (SELECT 1 FROM files WHERE blob_id = OLD.blob_id)
                AND NOT EXISTS (SELECT 1 FROM uploads WHERE blob_id = OLD.blob_id AND seq IS NULL);
        END;
        CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
            INSERT OR IGNORE INTO file_usage VALUES (NEW.person_id, 0);
            UPDATE file_usage SET bytes = bytes + NEW.bytes WHERE person_id = NEW.person_id;
        END;
        CREATE TRIGGER file_dropped AFTER DELETE ON files BEGIN
            UPDATE file_usage SET bytes = bytes - OLD.bytes WHERE person_id = OLD.person_id;
            UPDATE blobs SET gone = 1 WHERE id = OLD.blob_id
                AND NOT EXISTS (SELECT 1 FROM files WHERE blob_id = OLD.blob_id)
                AND NOT EXISTS (SELECT 1 FROM uploads WHERE blob_id = OLD.blob_id AND seq IS NULL);
        END;
        CREATE TRIGGER blob_added AFTER INSERT ON blobs BEGIN
            UPDATE file_usage SET bytes = bytes + NEW.bytes WHERE person_id = '';
        END;
        CREATE TRIGGER blob_gone AFTER UPDATE OF gone ON blobs BEGIN
            UPDATE file_usage SET bytes = bytes + CASE WHEN NEW.gone <> 0 THEN -OLD.bytes ELSE NEW.bytes END
            WHERE person_id = '';
        END;
        """
    )
