"""Walking the log in PostgreSQL: whatever is wrong with it is found as in a file, and named by its room and number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.support.damage import drafts
from trio_chat.__main__ import main
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from pathlib import Path


async def small_log(database: str) -> None:
    """Make a log of five events in the lobby and two in the kitchen."""
    async with open_postgresql_store(database) as store:
        await store.append("lobby", drafts("a", "b", "c", "d", "e"), at_ms=1)
        await store.append("kitchen", drafts("k", "l"), at_ms=1)


def by_hand(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement.encode())


def run(database: str, *arguments: str | Path) -> Result:
    options = ["--store", database, *map(str, arguments)]
    return CliRunner(env={}).invoke(main, options, prog_name="trio-chat")


async def test_a_whole_log_is_verified_room_by_room(database: str, tmp_path: Path) -> None:
    await small_log(database)
    result = run(database, "verify", "--data", tmp_path)
    assert result.output.splitlines() == [
        "room 'lobby': 5 events, all whole",
        "room 'kitchen': 2 events, all whole",
        "The log is whole: 7 events, rooms: 2.",
    ]
    assert result.exit_code == 0


async def test_a_log_is_verified_while_a_server_writes_to_it(database: str, tmp_path: Path) -> None:
    async with open_postgresql_store(database) as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)
        assert "room 'lobby': 2 events, all whole" in run(database, "verify", "--data", tmp_path).output
        await store.append("lobby", drafts("c"), at_ms=1)
        assert "room 'lobby': 3 events, all whole" in run(database, "verify", "--data", tmp_path).output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE events SET body = 'C' WHERE seq = 3", "first at event 3"),
        ("UPDATE events SET body = NULL WHERE seq = 3", "first at event 3"),
        ("UPDATE events SET sender = 'p-2' WHERE seq = 3", "first at event 3"),
        ("UPDATE events SET digest = sha256('x') WHERE seq = 3", "first at event 3"),
        ("DELETE FROM events WHERE seq = 3", "first at event 3: it is missing"),
        (
            "DELETE FROM events WHERE seq > 3",
            "the log of room 'lobby' ends too early: it held 5 events and ends at 3, so the newest 2 are missing",
        ),
        ("UPDATE rooms SET digest = sha256('x') WHERE name = 'lobby'", "room 'lobby' does not know the end"),
        (
            "DELETE FROM rooms WHERE name = 'kitchen'",
            "2 events belong to no room",
        ),
        (
            "INSERT INTO changes SELECT id, 2, 'delete', 5 FROM rooms WHERE name = 'lobby'",
            "messages that were deleted and still have their text: 1",
        ),
    ],
)
async def test_damage_is_named(database: str, tmp_path: Path, change: str, said: str) -> None:
    await small_log(database)
    by_hand(database, change)
    result = run(database, "verify", "--data", tmp_path)
    assert said in result.output
    assert "THE LOG IS DAMAGED" in result.output.splitlines()[-1]
    assert result.exit_code == 1


@pytest.mark.parametrize("command", [("verify",), ("audit",), ("owner-link",), ("person", "release", "Ada")])
async def test_a_database_without_a_log_or_without_a_server_is_one_sentence(
    database: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    by_hand(database, "DROP TABLE meta")
    for url, said in [
        (database, "There is no log in the database"),
        (
            "postgresql://chat:secret@localhost:1/chat",
            "Cannot use the database postgresql://chat@localhost:1/chat",
        ),
    ]:
        result = run(url, *command, "--data", tmp_path)
        assert (result.exit_code, result.output.count("\n")) == (1, 1)
        assert said in result.output
        assert "secret" not in result.output


def test_a_backup_of_a_database_is_made_by_its_own_means(database: str, tmp_path: Path) -> None:
    result = run(database, "backup", tmp_path / "copy.db")
    assert result.exit_code == 1
    assert "pg_dump or pg_basebackup" in result.output
    assert list(tmp_path.iterdir()) == []
