"""Databases of before there were requests: their direct rooms stay conversations of both."""

from __future__ import annotations

from contextlib import closing

from trio_chat.store.sql import people, rooms
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.schema import MIGRATIONS, make_privacy


def test_direct_rooms_of_before_keep_their_people_and_nothing_is_hidden() -> None:
    before = MIGRATIONS[: MIGRATIONS.index(make_privacy)]
    with closing(SqliteConnection(":memory:")) as connection:
        for migration in before:
            migration(connection)
        connection.pragma("user_version", len(before))
        connection.execute(
            """
            INSERT INTO people (id, name, name_key, created_at_ms)
                VALUES ('p-ada', 'Ada', 'ada', 0), ('p-bob', 'Bob', 'bob', 0);
            INSERT INTO rooms (id, name, epoch, kind) VALUES (7, '~dx', 'e', 'direct'), (8, '~club', 'e', 'private');
            INSERT INTO members VALUES (7, 'p-ada', 'member', 1), (7, 'p-bob', 'member', 1), (8, 'p-ada', 'owner', 1);
            """
        )
        for migration in MIGRATIONS[len(before) :]:
            migration(connection)
        state = rooms.state(connection, "~dx")
        assert state.pair == {"p-ada", "p-bob"} == state.members.keys()
        assert rooms.state(connection, "~club").pair == frozenset()
        assert [item.other for item in rooms.listing(connection, "p-ada", only="~dx")] == ["p-bob"]
        assert rooms.requests(connection, "p-ada") == []
        assert people.hiding(connection) == []
