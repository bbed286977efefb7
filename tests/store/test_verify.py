"""Walking the log: whatever is wrong with it is found, and named by its room and number."""

# ruff: noqa: ASYNC240  # nothing else runs while these look at files

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest
from click.testing import CliRunner, Result

from tests.support.damage import by_hand, drafts, put, small_log, take
from trio_chat.__main__ import main
from trio_chat.errors import StartError
from trio_chat.store.sql.verify import RoomFinding
from trio_chat.store.sqlite import schema
from trio_chat.store.sqlite.event_count import path_of_event_count, read_event_count
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.schema import APPLICATION_ID, MIGRATIONS
from trio_chat.store.sqlite.verify import verify

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


def room_of(path: Path, name: str) -> RoomFinding:
    (found,) = [found for found in verify(path) if isinstance(found, RoomFinding) and found.name == name]
    return found


def damage_of(path: Path) -> list[str]:
    return [str(found) for found in verify(path) if found.is_damage]


def run(path: Path, *arguments: str) -> Result:
    return CliRunner(env={}).invoke(main, [*arguments, "--data", str(path.parent)], prog_name="trio-chat")


async def test_a_whole_log_is_verified_room_by_room(path: Path) -> None:
    await small_log(path)
    result = run(path, "verify")
    assert result.output.splitlines() == [
        "room 'lobby': 5 events, all whole",
        "room 'kitchen': 2 events, all whole",
        "The log is whole: 7 events, rooms: 2.",
    ]
    assert result.exit_code == 0


async def test_a_log_is_verified_while_a_server_writes_to_it(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)
        assert room_of(path, "lobby") == RoomFinding("lobby", 2, 2, None, None)
        await store.append("lobby", drafts("c"), at_ms=1)
        assert damage_of(path) == []
        assert room_of(path, "lobby").last == 3


async def test_verifying_changes_nothing(path: Path) -> None:
    await small_log(path)
    before = take(path.parent)
    assert damage_of(path) == []
    after = take(path.parent)
    assert {name: after[name] for name in before} == before
    assert not after.get("chat.db-wal")


@pytest.mark.parametrize(
    ("change", "first_bad", "good"),
    [
        ("UPDATE events SET body = 'C' WHERE seq = 3", 3, 4),
        ("UPDATE events SET body = CAST(x'ff' AS TEXT) WHERE seq = 3", 3, 4),
        ("UPDATE events SET body = NULL WHERE seq = 3", 3, 4),
        ("UPDATE events SET sender = 'p-2' WHERE seq = 3", 3, 4),
        ("UPDATE events SET at_ms = 2 WHERE seq = 1", 1, 4),
        ("UPDATE events SET digest = zeroblob(32) WHERE seq = 3", 3, 4),
        ("UPDATE events SET body_digest = zeroblob(32) WHERE seq = 5", 5, 4),
        ("DELETE FROM events WHERE seq = 3", 3, 3),
        ("DELETE FROM events WHERE seq < 3", 1, 2),
        ("UPDATE rooms SET name = 'lobbx' WHERE name = 'lobby'", 1, 0),
    ],
)
async def test_the_first_bad_event_of_a_room_is_named_and_the_good_ones_are_counted(
    path: Path, change: str, first_bad: int, good: int
) -> None:
    await small_log(path)
    by_hand(path, change if "rooms" in change else f"{change} AND room_id = 1")
    found = room_of(path, "lobbx" if "lobbx" in change else "lobby")
    assert (found.last, found.first_bad, found.good) == (5, first_bad, good)
    assert room_of(path, "kitchen").flaw is None
    result = run(path, "verify")
    assert result.exit_code == 1
    assert f"DAMAGED, first at event {first_bad}: " in result.output
    assert "THE LOG IS DAMAGED: room 'lobb" in result.output.splitlines()[-1]


async def test_a_gap_counts_as_missing_events(path: Path) -> None:
    await small_log(path)
    by_hand(path, "DELETE FROM events WHERE seq IN (2, 3) AND room_id = 1")
    assert str(room_of(path, "lobby")) == (
        "room 'lobby': DAMAGED, first at event 2: it is missing; 2 of 5 events are whole"
    )


async def test_missing_last_events_are_shown_by_the_event_count(path: Path) -> None:
    await small_log(path)
    by_hand(path, "DELETE FROM events WHERE seq > 3")
    assert room_of(path, "lobby").flaw is None, "what is there is whole"
    first, verdict = damage_of(path)
    assert first == "the log ends too early: it held 7 events and holds 5, so the newest 2 are missing"
    assert first in verdict


@pytest.mark.parametrize(
    ("content", "note"),
    [(None, "no mark"), (b"", "the mark beside the log is damaged"), (b"x" * 128, "is damaged")],
)
async def test_without_an_event_count_verify_says_what_does_not_show(
    path: Path, content: bytes | None, note: str
) -> None:
    await small_log(path)
    path_of_event_count(path).unlink()
    if content is not None:
        path_of_event_count(path).write_bytes(content)
    result = run(path, "verify")
    assert note in result.output
    assert result.exit_code == 0


async def test_an_event_count_of_another_log_is_noted(path: Path) -> None:
    await small_log(path)
    other = path.parent.parent / "other" / "chat.db"
    await small_log(other)
    path_of_event_count(other).replace(path_of_event_count(path))
    assert any("mark is of another log" in str(found) for found in verify(path))
    assert damage_of(path) == []


async def test_a_database_page_that_cannot_be_read_costs_its_events_and_is_reported(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        for number in range(20):
            texts = [f"{number} {n} " + "x" * 100 for n in range(20)]
            await store.append("lobby", drafts(*texts), at_ms=1)
    content = bytearray(path.read_bytes())
    page = 4096 * (content.rindex(b"10 10 xxx") // 4096)
    assert content[page] == 10  # a leaf of a tree of keys
    content[page : page + 8] = bytes(8)
    put(
        path.parent,
        {path.name: bytes(content), path_of_event_count(path).name: path_of_event_count(path).read_bytes()},
    )
    found = room_of(path, "lobby")
    assert found.first_bad is not None
    assert found.first_bad > 1
    assert 350 < found.good < 400
    assert found.last == 400


async def test_events_without_a_room_and_a_broken_index_are_damage(path: Path) -> None:
    await small_log(path)
    by_hand(path, "DELETE FROM rooms WHERE name = 'kitchen'")
    damage = damage_of(path)
    assert any("2 events belong to no room" in sentence for sentence in damage)
    assert any("ends too early" in sentence for sentence in damage)


async def test_an_index_by_which_repeats_are_recognised_is_checked_too(path: Path) -> None:
    await small_log(path)
    content = bytearray(path.read_bytes())
    page = 4096 * (
        int(str(by_hand(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'commands'")[0][0])) - 1
    )
    at = content.index(b"c-a", page)
    content[at] ^= 1
    path.write_bytes(content)
    assert any(sentence.startswith("SQLite says: ") for sentence in damage_of(path))


def test_how_long_a_migration_takes_is_told_now_and_then(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "TOLD_EACH_S", 0.0)
    monkeypatch.setattr(schema, "STEPS_BETWEEN_LOOKS", 10)
    path.parent.mkdir()
    with caplog.at_level("INFO"), closing(apsw.Connection(str(path))) as connection:
        schema.migrate(connection, path, MIGRATIONS[:1])
        assert caplog.records[0].getMessage().startswith(f"{path} is still being brought to format 1, for ")
        caplog.clear()
        schema.migrate(connection, path, MIGRATIONS)
    assert f"{path} is still being copied, for " in caplog.text
    assert f"{path} is still being brought to format {len(MIGRATIONS)}, for " in caplog.text


def make_older(path: Path, older: Path, version: int) -> None:
    """A log with the same events in this older format."""
    with closing(apsw.Connection(str(older))) as connection:
        for migration in MIGRATIONS[:version]:
            migration(connection)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", version)
        connection.execute("ATTACH ? AS today", (str(path),))
        connection.execute(
            "INSERT INTO rooms (id, name, epoch) SELECT id, name, epoch FROM today.rooms;"
            "INSERT INTO events SELECT * FROM today.events"
        )


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_a_log_of_an_older_format_is_whole_and_the_server_brings_it_up(
    version: int, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await small_log(path)
    older = tmp_path / "older" / "chat.db"
    older.parent.mkdir()
    make_older(path, older, version)
    assert damage_of(older) == []
    by_hand(older, "UPDATE events SET body = 'C' WHERE seq = 3 AND room_id = 1")
    assert "DAMAGED, first at event 3" in str(room_of(older, "lobby"))
    by_hand(older, "UPDATE events SET body = 'c' WHERE seq = 3 AND room_id = 1")
    with caplog.at_level("INFO"):
        async with open_sqlite_store(older):
            pass
    assert f"has format {version}; it is copied to" in caplog.text
    assert f"chat.db has format {len(MIGRATIONS)} now" in caplog.text
    assert damage_of(older) == []
    copy = older.with_name(f"chat.db.before-v{len(MIGRATIONS)}")
    result = CliRunner(env={}).invoke(main, ["verify", str(copy)], prog_name="trio-chat")
    assert result.exit_code == 0, result.output
    assert f"note: it has the older format {version}; the server brings it to format" in result.output
    assert result.output.splitlines()[-1] == "The log is whole: 7 events, rooms: 2."


async def test_what_is_no_file_or_of_another_format_is_refused_with_a_sentence(path: Path) -> None:
    await small_log(path)
    by_hand(path, "PRAGMA user_version = 1")
    by_hand(path, "DROP TABLE events")
    with pytest.raises(StartError, match="tables are not those"):
        list(verify(path))
    for file, sentence in (
        (path.parent, "is no file. Name the database itself"),
        (path / "inside", "There is no log at"),
        (path.parent / "none.db", "none.db. Name another file."),
    ):
        result = CliRunner(env={}).invoke(main, ["verify", str(file)], prog_name="trio-chat")
        assert (result.exit_code, sentence in result.output) == (1, True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no log at"),
        (b"my precious diary\n" * 100, "is not a database"),
    ],
)
def test_a_file_that_is_no_log_is_refused_with_a_sentence(
    path: Path, content: bytes | None, sentence: str
) -> None:
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartError, match=sentence):
        list(verify(path))
    result = run(path, "verify")
    assert result.exit_code == 1
    assert sentence in result.output
    assert (path.read_bytes() if path.exists() else None) == content


async def test_a_damaged_definition_of_a_table_is_refused_with_a_sentence(path: Path) -> None:
    await small_log(path)
    path.write_bytes(path.read_bytes().replace(b" body TEXT,", b" bodx TEXT,"))
    with pytest.raises(StartError, match="tables are not those of this program"):
        list(verify(path))
    with pytest.raises(StartError, match="tables are not those of this program"):
        await small_log(path)


async def test_verifying_a_growing_log_reports_no_lost_events(
    path: Path,
) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        walk = verify(path)
        next(walk)
        await store.append("lobby", drafts("b"), at_ms=1)
        count = read_event_count(path)
        assert count is not None
        assert count.events == 2
        assert not any(found.is_damage for found in walk)
