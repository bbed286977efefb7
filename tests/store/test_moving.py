"""Moving a chat between a file and PostgreSQL: all of it comes, under the same numbers, and one of the two serves."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import trio

from tests.support.damage import drafts, logged, whole
from tests.support.full_state import fill
from tests.support.people import add_person, add_token
from trio_chat.errors import StartError, StoreUnavailable
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import DELETE, POST, Delete, Post
from trio_chat.kinds.standing import PROBATION
from trio_chat.model.events import MESSAGE, Draft, Event, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload
from trio_chat.model.records import ReadMarker
from trio_chat.store.moving.move import Summary, give_up, has_moved, is_begun, move
from trio_chat.store.postgresql import move_end as postgresql
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sql import device_codes
from trio_chat.store.sql.store import SqlStore
from trio_chat.store.sql.tables import (
    BESIDE_EVENTS,
    EVENTS,
    MOVING_KEYS,
    OWN_COLUMNS,
    STAYING,
    STAYING_KEYS,
)
from trio_chat.store.sqlite import move_end as sqlite
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.base import Store
    from trio_chat.store.sql.connection import Connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


def to_database(path: Path, database: str) -> Summary | None:
    with sqlite.open_source(path) as source, postgresql.open_target(database) as target:
        return move(source, target)


def to_file(database: str, path: Path) -> Summary | None:
    with postgresql.open_source(database) as source, sqlite.open_target(path) as target:
        return move(source, target)


async def test_every_table_is_named_with_what_becomes_of_it(path: Path, database: str) -> None:
    """Who adds one says here whether it moves."""
    async with open_sqlite_store(path):
        pass
    known = {table.name for table in (*BESIDE_EVENTS, EVENTS)} | STAYING.keys()
    with closing(SqliteConnection(str(path))) as connection:
        file_tables = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not name.startswith(("sqlite_", "search_"))
        }
        file_keys = {key for (key,) in connection.execute("SELECT key FROM meta")}
    with closing(PostgresqlConnection(connector(database))) as other:
        database_tables = {
            name
            for (name,) in other.execute(
                "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public'"
            )
        }
        database_keys = {key for (key,) in other.execute("SELECT key FROM meta")}
    assert file_tables | database_tables == known
    assert set(MOVING_KEYS) <= file_keys & database_keys
    assert file_keys | database_keys <= {*MOVING_KEYS, *STAYING_KEYS}


async def test_both_engines_have_the_columns_and_the_keys_that_move(path: Path, database: str) -> None:
    async with open_sqlite_store(path):
        pass
    tables = (*BESIDE_EVENTS, EVENTS)
    key = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"
    with sqlite.open_source(path) as file, postgresql.open_target(database) as other:
        here = {table.name: {*file.columns(table)} for table in tables}
        there = {table.name: {*other.columns(table)} for table in tables}
        keys = {
            table.name: tuple(name for (name,) in file.connection.execute(key, (table.name,)))
            for table in tables
        }
    assert here == {name: columns - OWN_COLUMNS.get(name, set()) for name, columns in there.items()}
    assert keys == {table.name: table.key for table in tables}


async def test_a_full_chat_moves_there_and_back(path: Path, database: str, tmp_path: Path) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        state = await fill(store)
        before = await whole(store, "~large")
        identity, key = await store.server_identity(), await store.proof_key()
    there = to_database(path, database)
    assert there is not None
    assert there.rooms > 10_000
    async with open_postgresql_store(database) as store:
        assert await whole(store, "~large") == before
        assert (await store.server_identity(), await store.proof_key()) == (identity, key)
        epoch = (await store.position("~large")).epoch
        rooms = await store.listing(state.ada.id)
        await store.append("~large", drafts("there"), at_ms=10**13)
        await store.append("new", drafts("new"), at_ms=1)
    back = to_file(database, tmp_path / "back" / "chat.db")
    assert back is not None
    async with open_sqlite_store(tmp_path / "back" / "chat.db", synchronous="OFF") as store:
        now = await whole(store, "~large")
        assert now[: len(before)] == before
        assert (await store.position("~large")).epoch == epoch
        assert [room.room for room in await store.listing(state.ada.id)] == [room.room for room in rooms]
        assert len(await whole(store, "new")) == 1
        assert (await store.server_identity(), await store.proof_key()) == (identity, key)


STAGES = ("tables", "events", "compare", "rounds", "seal", "sealed", "moved", "open")
"""Of `move`, by the names that it says at their beginning."""


def killed_at(stage: str, run: Callable[[Callable[[str], object]], object]) -> None:
    """Run a move in a process of its own, which is killed at a stage."""

    def at(now: str) -> None:
        if now == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        try:
            run(at)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"it was not killed at {stage}"


async def serves(opening: AbstractAsyncContextManager[Store]) -> list[Event] | None:
    """The lobby's log; None if the store does not open."""
    log = None
    try:
        log = await logged(opening)
    except* StartError:
        pass
    return log


@pytest.mark.parametrize("stage", STAGES)
async def test_a_kill_at_any_stage_leaves_one_that_serves_and_the_same_again_goes_on(
    path: Path, database: str, stage: str
) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)
    killed_at(stage, partial(_move_there, path, database))
    log = await serves(open_sqlite_store(path))
    if stage in ("moved", "open"):
        assert log is None
        assert await serves(open_postgresql_store(database)) is None  # until it is run again
    else:
        assert log is not None
        assert await serves(open_postgresql_store(database)) is None
        async with open_sqlite_store(path, synchronous="OFF") as store:  # it goes on, and is changed
            await store.append("lobby", drafts("c", "d"), at_ms=2)
            log = await whole(store)
    _move_there(path, database)
    assert await serves(open_sqlite_store(path)) is None
    there = await serves(open_postgresql_store(database))
    assert there is not None
    assert log in (None, there)
    assert len(there) == (2 if log is None else 4)


@pytest.mark.parametrize("stage", STAGES)
async def test_a_kill_on_the_way_back_leaves_one_that_serves_as_well(
    path: Path, database: str, stage: str
) -> None:
    async with open_postgresql_store(database) as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)
    killed_at(stage, partial(_move_back, database, path))
    log = await serves(open_postgresql_store(database))
    assert (log is None) == (stage in ("moved", "open"))
    assert await serves(open_sqlite_store(path)) is None
    if log is not None:
        async with open_postgresql_store(database) as store:
            await store.append("lobby", drafts("c", "d"), at_ms=2)
            log = await whole(store)
    await trio.to_thread.run_sync(_move_back, database, path)
    assert await serves(open_postgresql_store(database)) is None
    here = await serves(open_sqlite_store(path))
    assert here is not None
    assert log in (None, here)


@pytest.mark.parametrize("n_made", [0, 5, len(MIGRATIONS) - 1])
async def test_a_kill_while_the_file_is_made_leaves_nothing_that_is_taken_for_a_chat(
    path: Path, database: str, monkeypatch: pytest.MonkeyPatch, n_made: int
) -> None:
    async with open_postgresql_store(database) as store:
        await store.append("lobby", drafts("a"), at_ms=1)

    def be_killed(connection: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def move_back(at: Callable[[str], object]) -> None:
        migrations = (*MIGRATIONS[:n_made], be_killed, *MIGRATIONS[n_made + 1 :])
        monkeypatch.setattr(sqlite, "MIGRATIONS", migrations)  # in a process of its own
        _move_back(database, path)

    killed_at("the making of the file", move_back)
    await trio.to_thread.run_sync(_move_back, database, path)
    here = await serves(open_sqlite_store(path))
    assert here is not None
    assert len(here) == 1
    assert [file.name for file in path.parent.glob("*.new*")] == []


def _move_there(path: Path, database: str, at: Callable[[str], object] = lambda stage: None) -> None:
    with sqlite.open_source(path) as source:
        is_begun = has_moved(source)
        with postgresql.open_target(database, is_begun=is_begun) as target:
            move(source, target, at=at)


def _move_back(database: str, path: Path, at: Callable[[str], object] = lambda stage: None) -> None:
    with postgresql.open_source(database) as source:
        is_begun = has_moved(source)
        with sqlite.open_target(path, is_begun=is_begun) as target:
            move(source, target, at=at)


SECRET = "what nobody is to read any more"


def swap_keys(connection: Connection) -> None:
    """Give two people the unique key of each other."""
    keys = dict(connection.execute("SELECT id, name_key FROM people"))
    for person, key in (("p-1", "none"), ("p-2", keys["p-1"]), ("p-1", keys["p-2"])):
        connection.execute("UPDATE people SET name_key = ? WHERE id = ?", (key, person))


async def change(store: Store, stage: str, number: int) -> None:
    """Say, change and delete something, in all the ways in which a copy can go wrong."""
    texts = [Draft(MESSAGE, "p-1", "Ada", f"c {stage} {n}", f"{stage} {n}: {SECRET}") for n in range(20)]
    said = await store.append("lobby", texts, at_ms=number)
    gone = [outcome.seq for outcome in said if isinstance(outcome, Event)][::2]
    deletions = [Draft(DELETE, "p-1", "Ada", f"{stage} {seq}", write_body(Delete(seq))) for seq in gone]
    outcomes = await store.append("lobby", deletions, at_ms=number)
    assert all(isinstance(outcome, Event) for outcome in outcomes)
    await store.append(f"room of {stage}", drafts(f"first of {stage}"), at_ms=number)
    await store.set_profile("p-1", at_ms=number, name=f"Ada {number}")
    assert isinstance(store, SqlStore)
    await store.writes.submit(swap_keys)
    await store.move_read_markers([ReadMarker("lobby", "p-1", gone[-1], gone[-1])], number)
    await store.remove_devices("p-2", only=f"d-{bytes([number - 1]).hex()}")
    await add_token(store, "p-2", bytes([number]))


@pytest.mark.parametrize("way", ["there", "back"])
async def test_what_changes_meanwhile_is_copied_and_what_is_deleted_is_in_no_file(
    path: Path, database: str, way: str
) -> None:
    """At each stage but the last a server that knows nothing of the move writes to the source."""
    opening, other = (
        (open_sqlite_store(path), open_postgresql_store(database))
        if way == "there"
        else (open_postgresql_store(database), open_sqlite_store(path))
    )
    numbers = count(2)
    async with opening as store:
        for n in (1, 2):
            person = Person(f"p-{n}", f"Name {n}")
            await add_person(store, person, name_key=f"key {n}", token_hash=bytes([100 + n]), at_ms=1)

        def at(stage: str) -> None:
            if stage not in ("sealed", "moved", "open"):
                trio.from_thread.run(change, store, stage, next(numbers))

        run = partial(_move_there, path, database) if way == "there" else partial(_move_back, database, path)
        await trio.to_thread.run_sync(run, at)
        log, people = await whole(store), await store.people(["p-1", "p-2"])
        rooms = [listing.room for listing in await store.directory("", 100)]
        logins = [await store.find_login(bytes([n])) for n in range(200)]
    async with other as store:
        assert await whole(store) == log
        assert await store.people(["p-1", "p-2"]) == people
        assert sorted(listing.room for listing in await store.directory("", 100)) == sorted(rooms)
        assert [await store.find_login(bytes([n])) for n in range(200)] == logins
        await store.append("lobby", drafts("after"), at_ms=100)
    assert len(log) == 5 * 30
    if way == "back":
        gone = [event.seq for event in log if event.body is None]
        assert len(gone) == 50
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())
        texts = [f"{stage} {n}: {SECRET}" for stage in STAGES[:5] for n in range(20)]
        kept = [event.body for event in log if event.body in texts]
        assert len(kept) == 50
        assert [text for text in texts if text.encode() in content] == kept


async def test_a_server_writes_on_while_it_is_copied_and_waits_while_it_is_sealed(
    path: Path, database: str
) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        outcomes: list[Outcome] = []

        async def write() -> None:
            outcomes.extend(await store.append("lobby", drafts("b"), at_ms=1))

        async with trio.open_nursery() as nursery:

            async def begin_to_write() -> None:
                nursery.start_soon(write)
                await trio.testing.wait_all_tasks_blocked(0.05)
                assert outcomes == []

            def at(stage: str) -> None:
                if stage == "sealed":
                    trio.from_thread.run(begin_to_write)

            await trio.to_thread.run_sync(_move_there, path, database, at)
            moved = await store.wait_moved()
            assert moved.to == database
            assert outcomes == []  # refused by the file, and told to nobody
            async with open_postgresql_store(database) as heir:
                store.default_mode = PROBATION
                store.space.person_quota = 5_000_000
                store.hand_over(heir)
                assert (heir.default_mode, heir.space.person_quota) == (PROBATION, 5_000_000)
                with trio.fail_after(60):
                    while not outcomes:  # noqa: ASYNC110
                        await trio.sleep(0.01)
                (outcome,) = outcomes
                assert isinstance(outcome, Event)
                assert (outcome.seq, outcome.body) == (2, "b")
                assert await whole(store) == await whole(heir)
                await store.append("lobby", drafts("c"), at_ms=1)
                assert [event.body for event in await whole(heir)] == ["a", "b", "c"]
    with closing(SqliteConnection(str(path))) as connection:
        assert connection.execute("SELECT count(*) FROM events").get == 1


async def test_what_was_answered_before_the_rest_of_its_batch_was_refused_is_not_done_again(
    path: Path, database: str
) -> None:
    async with open_postgresql_store(database) as store:
        await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"t", at_ms=1)
        await store.add_device_code("p-1", b"code", at_ms=1, ends_ms=100, max_codes=1)
        await store.append("lobby", drafts("a"), at_ms=1)
        is_in_function = threading.Event()
        used: list[object] = []
        outcomes: list[Outcome] = []

        def use_until_the_seal_waits(connection: Connection) -> str | None:
            person = device_codes.use_device_code(connection, b"code", at_ms=2)
            if not is_in_function.is_set():
                is_in_function.set()
                until = time.monotonic() + 60
                while not connection.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").get:
                    assert time.monotonic() < until
            return person

        async def use() -> None:
            used.append(await store.writes.submit(use_until_the_seal_waits))

        async def write() -> None:
            outcomes.extend(await store.append("lobby", drafts("b"), at_ms=1))

        async with trio.open_nursery() as nursery:

            def begin_both() -> None:  # in one batch: two transactions, and the seal comes between them
                nursery.start_soon(use)
                nursery.start_soon(write)

            def at(stage: str) -> None:
                if stage == "seal":
                    trio.from_thread.run_sync(begin_both)
                    assert is_in_function.wait(60)

            await trio.to_thread.run_sync(_move_back, database, path, at)
            await store.wait_moved()
            assert (used, outcomes) == ([], [])
            async with open_sqlite_store(path, synchronous="OFF") as heir:
                store.hand_over(heir)
                with trio.fail_after(60):
                    while not (used and outcomes):  # noqa: ASYNC110
                        await trio.sleep(0.01)
                assert used == ["p-1"]
                assert await heir.find_device_code(b"code", at_ms=2) is None
                assert [event.body for event in await whole(heir)] == ["a", "b"]


async def test_what_is_left_of_a_group_of_messages_waits_for_the_heir_as_well(
    path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of which a room was written, and another was to be judged again when the chat moved."""
    async with open_postgresql_store(database) as store:
        for room in ("one", "two"):
            await store.append(room, drafts(f"a {room}"), at_ms=1)
        writer: Any = store._writer
        try_messages = writer._try_messages
        tries: list[int] = []

        def try_one(appends: Sequence[Any]) -> Any:  # noqa: ANN401
            tries.append(len(appends))
            answers = try_messages(appends[:1])
            if len(tries) == 1:
                to_file(database, path)
            return answers

        monkeypatch.setattr(writer, "_try_messages", try_one)
        outcomes: dict[str, Sequence[Outcome]] = {}

        both_wait = threading.Event()

        def hold(connection: Connection) -> None:
            assert both_wait.wait(30)

        async def write(room: str) -> None:
            outcomes[room] = await store.append(room, drafts(f"b {room}"), at_ms=1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.writes.submit, hold)
            for room in ("one", "two"):
                nursery.start_soon(write, room)
            await trio.testing.wait_all_tasks_blocked()
            both_wait.set()
            await store.wait_moved()
            assert (tries, outcomes) == ([2, 1], {})
            async with open_sqlite_store(path, synchronous="OFF") as heir:
                store.hand_over(heir)
                with trio.fail_after(30):
                    while len(outcomes) < 2:  # noqa: ASYNC110
                        await trio.sleep(0.01)
                for room in ("one", "two"):
                    log = await heir.read_after(room, 0, limit=9, max_bytes=9_999)
                    assert [event.body for event in log] == [f"a {room}", f"b {room}"]
                    (outcome,) = outcomes[room]
                    assert isinstance(outcome, Event)
                    assert outcome.seq == 2


async def test_without_an_heir_what_is_refused_was_not_written(path: Path, database: str) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        store.hand_over(None)
        await store.append("lobby", drafts("b"), at_ms=1)
        await trio.to_thread.run_sync(_move_there, path, database)
        with pytest.raises(StoreUnavailable, match="has moved"):
            await store.append("lobby", drafts("c"), at_ms=1)
        assert [event.body for event in await whole(store)] == ["a", "b"]
    n_looks = 0

    class Looks(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            nonlocal n_looks
            n_looks += 1

    trio.lowlevel.add_instrument(looks := Looks())
    with trio.move_on_after(0.2):  # it is closed, so where the chat is cannot be read
        await store.wait_moved()
    trio.lowlevel.remove_instrument(looks)
    assert n_looks < 50


async def test_a_database_refuses_whoever_writes_after_the_move(path: Path, database: str) -> None:
    async with open_postgresql_store(database) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
    to_file(database, path)
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in (
            "INSERT INTO knocks VALUES (1, 'p', 1)",
            "UPDATE rooms SET head = 9",
            "DELETE FROM events",
        ):
            with pytest.raises(psycopg.Error, match="moved to another database"):
                connection.execute(statement.encode())


async def test_a_target_that_holds_something_is_left_alone(path: Path, database: str, tmp_path: Path) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await store.append("lobby", drafts("a"), at_ms=1)
    async with open_postgresql_store(database) as other:
        with pytest.raises(StartError, match="holds a chat, or a server uses it"):
            to_database(path, database)
        await other.append("lobby", drafts("other"), at_ms=1)
    with pytest.raises(StartError, match="holds a chat"):
        to_database(path, database)
    with pytest.raises(StartError, match="holds a chat"):
        to_file(database, path)
    foreign = tmp_path / "foreign" / "chat.db"
    foreign.parent.mkdir()
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    with pytest.raises(StartError, match="another program"):
        to_file(database, foreign)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key IN ('format', 'min_format')")
    with pytest.raises(StartError, match="newer trio-chat"):
        to_database(path, database)
    async with open_sqlite_store(path) as store:
        assert [event.body for event in await whole(store)] == ["a"]


async def test_an_interrupted_move_is_not_mixed_with_another(
    path: Path, database: str, tmp_path: Path
) -> None:
    for place in (path, tmp_path / "chat.db"):
        async with open_sqlite_store(place, synchronous="OFF") as store:
            await store.append("lobby", drafts("a"), at_ms=1)
    killed_at("events", partial(_move_there, path, database))
    with pytest.raises(StartError, match="another move"):
        to_database(tmp_path / "chat.db", database)
    with sqlite.open_source(path) as source:
        give_up(source)
    with pytest.raises(StartError, match="another move"):
        to_database(path, database)
    with closing(SqliteConnection(str(path))) as connection:
        left = connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'move!_%' ESCAPE '!'"
        ).get
        assert left == 0


async def test_a_move_that_was_given_up_is_begun_anew(path: Path, database: str, tmp_path: Path) -> None:
    async with open_postgresql_store(database) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        killed_at("events", partial(_move_back, database, path))
        with postgresql.open_source(database) as source:
            assert is_begun(source)
            give_up(source)
            assert not is_begun(source)
            await store.append("kitchen", drafts("b"), at_ms=1)
            assert source.connection.execute("SELECT count(*) FROM move_changes").get == 0
        with pytest.raises(StartError, match="another move"):
            await trio.to_thread.run_sync(_move_back, database, path)
        await trio.to_thread.run_sync(_move_back, database, tmp_path / "chat.db")
    async with open_sqlite_store(tmp_path / "chat.db") as store:
        assert [event.body for event in await whole(store, "kitchen")] == ["b"]


async def test_a_target_that_does_not_hold_the_same_moves_nothing(
    path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)
    for stage, spoil in {
        "compare": "UPDATE rooms SET title = 'other'",
        "seal": "UPDATE events SET digest = sha256('x') WHERE seq = 2",
    }.items():

        def at(now: str, stage: str = stage, spoil: str = spoil) -> None:
            if now == stage:
                with psycopg.connect(database, autocommit=True) as connection:
                    connection.execute(spoil.encode())

        with pytest.raises(StartError, match="not the same at both ends: nothing was moved"):
            _move_there(path, database, at)
        assert await serves(open_sqlite_store(path)) is not None
        assert await serves(open_postgresql_store(database)) is None


async def test_a_line_that_is_cut_or_hangs_leaves_the_chat_where_it_is(
    path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)

        def cut(stage: str) -> None:
            if stage == "compare":
                with psycopg.connect(database, autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )

        with pytest.raises(StartError, match="Cannot use the database"):
            _move_there(path, database, cut)

        monkeypatch.setattr(sqlite, "SEALED_S", 0.5)
        with psycopg.connect(database) as blocker:

            def block(stage: str) -> None:
                if stage == "seal":
                    blocker.execute("LOCK TABLE meta")

            with pytest.raises(StartError, match=r"took longer than 0\.5 seconds|Cannot use the database"):
                await trio.to_thread.run_sync(_move_there, path, database, block)
        await store.append("lobby", drafts("c"), at_ms=1)
        await trio.to_thread.run_sync(_move_there, path, database)
    assert await serves(open_postgresql_store(database)) is not None


async def test_what_does_not_fit_leaves_the_chat_where_it_is(
    path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_postgresql_store(database) as store:
        await store.append(
            "lobby", [Draft(MESSAGE, "p-1", "Ada", f"c{n}", "x" * 4_000) for n in range(1_000)], at_ms=1
        )

    def limited(at: str) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 2**20, resource.RLIM_INFINITY))

    child = os.fork()
    if not child:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            _move_back(database, path, limited)
        except StartError as error:
            os._exit(7 if "Check the disk" in str(error) else 1)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)  # noqa: ASYNC222
    assert os.waitstatus_to_exitcode(status) == 7
    assert await serves(open_postgresql_store(database)) is not None
    assert await serves(open_sqlite_store(path)) is None
    _move_back(database, path)
    assert await serves(open_sqlite_store(path)) is not None


async def test_a_file_that_the_chat_has_left_is_put_aside_when_it_comes_back(
    path: Path, database: str
) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        epoch = (await store.position("lobby")).epoch
    to_database(path, database)
    async with open_postgresql_store(database, data=path.parent) as store:
        await store.append("lobby", drafts("b"), at_ms=1)
    to_file(database, path)
    async with open_sqlite_store(path) as store:
        assert [event.body for event in await whole(store)] == ["a", "b"]
        assert (await store.position("lobby")).epoch == epoch
    (aside,) = path.parent.glob("chat.db.moved-*")
    assert aside.stat().st_size > 0


async def test_a_file_that_one_of_several_servers_has_put_is_forwarded_by_one_alone(
    path: Path, database: str
) -> None:
    """Its blob has a name as only several servers give it."""
    content = "ab" * 32
    async with open_postgresql_store(database) as store:
        for n in (1, 2):
            person = Person(f"p-{n}", f"Name {n}")
            await add_person(store, person, name_key=f"key {n}", token_hash=bytes([n]), at_ms=1)
        upload = Upload("u-1", "p-1", "lobby", "c-1", "kite.jpg", 1_000)
        await store.begin_upload(upload, limits=FileLimits(), at_ms=1)
        named = await store.name_blob(upload.id, content)
        assert named is not None
        assert named.name != content
        facts = FileFacts("image/jpeg", 1_000)
        finished = await store.finish_upload(upload.id, blob=named.name, stored_bytes=1_000, facts=facts)
        assert finished is not None
        body = write_body(Post("", files=(file_of(finished),)))
        (sent,) = await store.append("lobby", [Draft(POST, "p-1", "Ada", "c-2", body)], at_ms=1)
        assert isinstance(sent, Event)
    to_file(database, path)
    async with open_sqlite_store(path) as store:
        other = Upload("u-2", "p-2", "kitchen", "c-3", "", 0)
        await store.forward_file(other, "lobby", sent.seq, 0, limits=FileLimits(), at_ms=5)
        deletion = Draft(DELETE, "p-1", "Ada", "c-4", write_body(Delete(sent.seq)))
        (deleted,) = await store.append("lobby", [deletion], at_ms=6)
        assert isinstance(deleted, Event)
        assert await store.gone_blobs(9) == []
        await store.drop_upload(other.id)
        assert await store.gone_blobs(9) == [named.name]
