"""Databases of before the reasons of bans stood beside them: they are read from the log."""

from __future__ import annotations

from contextlib import closing

from trio_chat.store.sql import standing
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.schema import MIGRATIONS, note_reasons


def test_who_was_banned_before_is_told_why() -> None:
    before = MIGRATIONS[: MIGRATIONS.index(note_reasons)]
    with closing(SqliteConnection(":memory:")) as connection:
        for migration in before:
            migration(connection)
        connection.execute(
            """
            INSERT INTO rooms (id, name, epoch, kind) VALUES (7, '~server', 'e', 'server');
            INSERT INTO events (room_id, seq, client_id, kind, sender, name, at_ms, body, body_digest, digest) VALUES
                (7, 1, 'a', 'ban', 'p-ada', 'Ada', 0, '{"person":"p-bob","on":true,"reason":"spam"}', x'00', x'00'),
                (7, 2, 'b', 'ban', 'p-ada', 'Ada', 0, '{"person":"p-cy","on":true}', x'00', x'00'),
                (7, 3, 'c', 'ban', 'p-ada', 'Ada', 0, 'damaged', x'00', x'00');
            INSERT INTO restrictions (room_id, person_id, kind, ends_ms, seq) VALUES
                (7, 'p-bob', 'ban', 9, 1), (7, 'p-cy', 'ban', 9, 2),
                (7, 'p-di', 'ban', 9, 3), (7, 'p-eve', 'ban', 9, 4);
            """
        )
        for migration in MIGRATIONS[len(before) :]:
            migration(connection)
        assert standing.server(connection).reasons == {"p-bob": "spam"}
        assert standing.server(connection).bans == dict.fromkeys(["p-bob", "p-cy", "p-di", "p-eve"], 9)
