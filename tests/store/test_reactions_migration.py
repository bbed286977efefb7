"""Databases of before reactions were counted: what holds of them is read from the log."""

from __future__ import annotations

from contextlib import closing

from trio_chat.store.sql import changes
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.schema import MIGRATIONS, make_reactions


def test_reactions_of_before_are_counted() -> None:
    before = MIGRATIONS[: MIGRATIONS.index(make_reactions)]
    with closing(SqliteConnection(":memory:")) as connection:
        for migration in before:
            migration(connection)
        connection.execute("INSERT INTO rooms (id, name, epoch) VALUES (7, 'garden', 'e')")
        given = [
            (2, "p-ada", "👍", True),
            (3, "p-bob", "👍", True),
            (4, "p-ada", "18+5=23", True),
            (5, "p-ada", "👍", False),
            (6, "p-cy", "👍", True),
            (7, "p-cy", "👍", True),  # again, which changed nothing
        ]
        for seq, person, emoji, on in given:
            connection.execute(
                """
                INSERT INTO events (room_id, seq, kind, sender, name, at_ms, body, body_digest, digest)
                VALUES (7, ?, 'reaction', ?, 'X', 0, json_object('target', 1, 'emoji', ?, 'on', json(?)), x'00', x'00')
                """,
                (seq, person, emoji, str(on).lower()),
            )
            connection.execute(
                "INSERT INTO changes VALUES (7, 1, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
                (f"react:{person}:{emoji}", seq),
            )
        connection.execute(
            """
            INSERT INTO events (room_id, seq, kind, sender, name, at_ms, body, body_digest, digest)
            VALUES (7, 8, 'reaction', 'p-di', 'X', 0, 'damaged', x'00', x'00');
            INSERT INTO changes VALUES (7, 1, 'react:p-di:x', 8), (7, 9, 'pin', 10);
            """
        )
        for migration in MIGRATIONS[len(before) :]:
            migration(connection)
        found = changes.read_changes(connection, "garden", [1], reader="p-bob", limit=9).reactions
        assert [(one.emoji, one.count, one.since, one.is_mine) for one in found] == [
            ("👍", 2, 3, True),
            ("18+5=23", 1, 4, False),
        ]
        assert [one.seq for one in changes.reactions(connection, "garden", 1, limit=9)] == [3, 4, 7]
        assert connection.execute("SELECT target, key FROM changes").fetchall() == [(9, "pin")]
