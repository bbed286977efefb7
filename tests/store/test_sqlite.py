"""What only a store in a file can do, and what only a disk can do to it."""

from __future__ import annotations

import logging
import os
import random
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest
import trio

from tests.support.people import add_person, find_person
from tests.support.thorough import STRIDE
from trio_chat.errors import NameTaken, StartError, StoreError, StoreUnavailable
from trio_chat.model.chain import GENESIS, chained, digest_of_body
from trio_chat.model.events import DAMAGED, Draft, Event, Person
from trio_chat.model.outcomes import Repeat
from trio_chat.store.mark_file import MarkFile
from trio_chat.store.sql.history import read_after
from trio_chat.store.sqlite.file import INDEX_BYTES, check_sqlite_version, connect_to_read
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.reader import SqliteReader
from trio_chat.store.sqlite.schema import APPLICATION_ID, MIGRATIONS, make_name_forms, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.store.base import Store

BIG = 10**9


def drafts(*bodies: str) -> list[Draft]:
    return [Draft("message", "p-1", "Ada", f"c-{body}", body) for body in bodies]


async def bodies(store: Store, room: str = "lobby") -> list[str | None]:
    return [event.body for event in await store.read_after(room, 0, limit=BIG, max_bytes=BIG)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Look into the file behind the store's back."""
    connection = apsw.Connection(str(path))
    try:
        return list(connection.execute(statement))
    finally:
        connection.close()


def contents(path: Path) -> bytes:
    return path.read_bytes()


def make(path: Path, content: bytes | bytearray) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


# --- the file ---


async def test_the_file_and_everything_beside_it_is_for_its_owner_only(path: Path) -> None:
    before = os.umask(0)
    try:
        async with open_sqlite_store(path) as store:
            await store.append("lobby", drafts("a"), at_ms=1)
            files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    companions = ("chat.db", "chat.db-wal", "chat.db-shm", "chat.db.lock", "chat.db.mark")
    assert files == dict.fromkeys(companions, 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_clean_close_leaves_one_file_with_everything_in_it(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
    assert not path.with_name("chat.db-wal").exists()
    assert rows(path, "SELECT body FROM events") == [("a",)]


async def test_the_chain_can_be_computed_again_from_the_rows(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        for _ in range(3):
            await store.append(
                "lobby", [*drafts("a", "b\0", "c"), Draft("message", "g-1", "", None, "🦀")], at_ms=7
            )
    digest = GENESIS
    found = rows(path, "SELECT * FROM events ORDER BY seq")
    assert len(found) == 3 + 3
    for _, seq, kind, sender, name, client_id, at_ms, body, salt, body_digest, expected in found:
        assert isinstance(salt, bytes)
        assert isinstance(body, str)
        assert body_digest == digest_of_body(salt, body)
        digest = chained(
            digest,
            room="lobby",
            seq=seq,  # type: ignore[arg-type]
            kind=kind,  # type: ignore[arg-type]
            sender=sender,  # type: ignore[arg-type]
            name=name,  # type: ignore[arg-type]
            client_id=client_id,  # type: ignore[arg-type]
            at_ms=at_ms,  # type: ignore[arg-type]
            body_digest=body_digest,
        )
        assert digest == expected
    assert len({row[8] for row in found}) == len(found), "every event has a salt of its own"


# --- starting ---


@pytest.mark.parametrize(
    ("version", "is_enough"), [("3.40.1", False), ("3.51.2", False), ("3.51.3", True), ("3.100.0", True)]
)
def test_an_sqlite_with_the_wal_reset_bug_is_refused(version: str, is_enough: bool) -> None:
    if is_enough:
        check_sqlite_version(version)
    else:
        with pytest.raises(StartError, match=r"3\.51\.3 or newer is needed"):
            check_sqlite_version(version)


async def refused(path: Path) -> str:
    with pytest.raises(StartError) as caught:
        async with open_sqlite_store(path):
            pass
    return str(caught.value)


async def test_a_statement_is_not_compiled_again_for_other_parameters(path: Path) -> None:
    """SQLite does so where a value could change the plan, and a list of rooms took ten times as long."""
    async with open_sqlite_store(path) as store:
        for queue in (store.writes, store.reads, store.searches):
            assert await queue.submit(
                lambda connection: connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1)
            )


async def test_a_second_store_on_the_same_file_is_refused_while_the_first_is_open(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        message = await refused(path)
        assert f"process {os.getpid()}" in message
        assert "Stop it" in message
        await store.append("lobby", drafts("a"), at_ms=1)
    async with open_sqlite_store(path) as store:
        assert await bodies(store) == ["a"]


async def test_a_file_that_is_not_a_database_is_refused_and_left_alone(path: Path) -> None:
    make(path, b"my precious diary\n" * 100)
    assert "is not a database" in await refused(path)
    assert contents(path) == b"my precious diary\n" * 100


async def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    rows(path, "CREATE TABLE recipes (name)")
    before = contents(path)
    assert "another program" in await refused(path)
    assert contents(path) == before


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    async with open_sqlite_store(path):
        pass
    rows(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = contents(path)
    assert "newer trio-chat" in await refused(path)
    assert contents(path) == before


async def test_paths_that_cannot_be_used_are_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.db").mkdir()
    assert "File exists" in await refused(tmp_path / "file" / "chat.db")
    assert "Is a directory" in await refused(tmp_path / "folder.db")
    assert "Check the data directory" in await refused(Path("/proc/nowhere/chat.db"))


# --- migrations ---


def add_pins(connection: apsw.Connection) -> None:
    connection.execute("CREATE TABLE pins (room_id INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT")


async def test_an_older_database_is_copied_and_then_migrated(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
    async with open_sqlite_store(path, migrations=[*MIGRATIONS, add_pins]) as store:
        await store.append("lobby", drafts("b"), at_ms=1)
        assert await bodies(store) == ["a", "b"]
    version = len(MIGRATIONS)
    assert rows(path, "PRAGMA user_version") == [(version + 1,)]
    copy = path.with_name(f"chat.db.before-v{version + 1}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert rows(copy, "PRAGMA user_version") == [(version,)]
    assert rows(copy, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert rows(copy, "SELECT body FROM events") == [("a",)]
    assert "newer trio-chat" in await refused(path)
    copy.replace(path)
    async with open_sqlite_store(path) as store:
        assert await bodies(store) == ["a"]


async def test_a_new_database_and_one_of_today_are_not_copied(path: Path) -> None:
    for _ in range(2):
        async with open_sqlite_store(path):
            pass
    files = sorted(file.name for file in path.parent.iterdir())
    assert files == ["chat.db", "chat.db.lock", "chat.db.mark"]


KILLED_WHILE_MIGRATING = """
import os, signal, sys, trio
from pathlib import Path
from trio_chat.store.sqlite.schema import MIGRATIONS
from trio_chat.store.sqlite.open import open_sqlite_store

def half_a_migration(connection):
    connection.execute("CREATE TABLE pins (seq INTEGER) STRICT")
    connection.execute("UPDATE events SET body = 'changed'")
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with open_sqlite_store(Path(sys.argv[1]), migrations=[*MIGRATIONS, half_a_migration]):
        pass

trio.run(main)
"""


async def test_a_migration_that_is_killed_leaves_the_old_database(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
    killed = await trio.run_process([sys.executable, "-c", KILLED_WHILE_MIGRATING, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    async with open_sqlite_store(path) as store:
        assert await bodies(store) == ["a"]
    async with open_sqlite_store(path, migrations=[*MIGRATIONS, add_pins]) as store:
        assert await bodies(store) == ["a"]


# --- dying ---

APPENDING = """
import sys, trio
from functools import partial
from pathlib import Path
from trio_chat.model.events import Draft
from trio_chat.store.sqlite.open import open_sqlite_store

async def write(store, room):
    for number in range(1, 1_000_000):
        draft = Draft("message", "p-1", "Ada", f"{room}-{number}", "x" * 500)
        (event,) = await store.append(room, [draft], at_ms=1)
        print(room, event.seq, flush=True)

async def main():
    async with open_sqlite_store(Path(sys.argv[1])) as store, trio.open_nursery() as nursery:
        for room in ("one", "two", "three"):
            nursery.start_soon(write, store, room)

trio.run(main)
"""


def appending_until_killed(path: Path, n_acks: int) -> dict[str, int]:
    """What a process had acknowledged, by room, when it was killed in the middle of its work."""
    acknowledged: dict[str, int] = {}
    command = [sys.executable, "-c", APPENDING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            if number == n_acks:
                process.kill()
            if line.endswith("\n"):
                room, seq = line.split()
                acknowledged[room] = int(seq)
    assert process.returncode == -signal.SIGKILL
    return acknowledged


async def test_what_was_acknowledged_survives_sigkill(path: Path) -> None:
    for round_ in range(1, 3):
        acknowledged = appending_until_killed(path.with_name(f"{round_}.db"), 100 * round_)
        async with open_sqlite_store(path.with_name(f"{round_}.db")) as store:
            for room, seq in acknowledged.items():
                found = await store.read_after(room, 0, limit=BIG, max_bytes=BIG)
                assert [event.seq for event in found] == list(range(1, len(found) + 1))
                assert seq <= len(found) <= seq + 1
                again = Draft("message", "p-1", "Ada", f"{room}-{seq}", "x" * 500)
                assert await store.append(room, [again], at_ms=1) == [Repeat(room, seq)]


# --- a disk that fails ---


class FaultyDisk(apsw.VFS):
    """The disk, with faults on demand."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.is_full = False
        self.syncs_to_fail = 0
        self.cannot_read = False

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return FaultyFile(self, name, flags)


class FaultyFile(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.is_full:
            raise apsw.FullError("database or disk is full")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self._disk.syncs_to_fail:
            self._disk.syncs_to_fail -= 1
            raise apsw.IOError("disk I/O error")
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:
        if self._disk.cannot_read:
            raise apsw.IOError("disk I/O error")
        return super().xRead(amount, offset)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[FaultyDisk]:
    disk = FaultyDisk(f"faulty-{tmp_path.name}")
    yield disk
    disk.unregister()


async def test_a_full_disk_refuses_every_write_and_loses_nothing(path: Path, disk: FaultyDisk) -> None:
    async with open_sqlite_store(path, vfs=disk.name) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        disk.is_full = True
        failed: dict[str, str] = {}

        async def append(room: str) -> None:
            try:
                await store.append(room, drafts(room), at_ms=1)
            except StoreUnavailable as error:
                failed[room] = str(error)

        async with trio.open_nursery() as nursery:
            for room in ("lobby", "kitchen", "garden"):
                nursery.start_soon(append, room)
        assert set(failed) == {"garden", "kitchen", "lobby"}
        assert all("disk is full" in message for message in failed.values())
        with pytest.raises(StoreUnavailable):
            await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
        assert await bodies(store) == ["a"]
        assert (await store.position("kitchen")).seq == 0

        disk.is_full = False
        (event,) = await store.append("lobby", drafts("lobby"), at_ms=2)
        assert isinstance(event, Event)
        assert event.seq == 2
        assert await bodies(store) == ["a", "lobby"]
        assert not await store.is_name_known("ada")
        assert 2 <= store.statistics().failures <= 4


async def test_a_failed_sync_is_never_acknowledged_and_the_store_recovers(
    path: Path, disk: FaultyDisk
) -> None:
    async with open_sqlite_store(path, vfs=disk.name) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        disk.syncs_to_fail = BIG
        for number in range(2):
            with pytest.raises(StoreUnavailable):
                await store.append("lobby", drafts(f"lost-{number}"), at_ms=1)
        disk.syncs_to_fail = 0
        await store.append("lobby", drafts("b"), at_ms=1)
        assert await bodies(store) == ["a", "b"]
    async with open_sqlite_store(path) as store:
        assert await bodies(store) == ["a", "b"]


async def test_what_was_refused_for_a_failed_sync_does_not_come_back_after_a_crash(
    path: Path, disk: FaultyDisk
) -> None:
    """A commit whose sync failed stands whole in the write-ahead log: the next start would take it for good."""
    crashed = path.with_name("crashed.db")
    async with open_sqlite_store(path, vfs=disk.name) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        assert await bodies(store) == ["a"]
        disk.syncs_to_fail = 1
        with pytest.raises(StoreUnavailable):
            await store.append("lobby", drafts("refused"), at_ms=1)
        make(crashed, contents(path))
        make(crashed.with_name("crashed.db-wal"), contents(path.with_name("chat.db-wal")))
    async with open_sqlite_store(crashed) as store:
        assert await bodies(store) == ["a"]


async def test_a_disk_that_cannot_be_read_is_unavailable_until_it_can(
    path: Path, disk: FaultyDisk, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_sqlite_store(path, vfs=disk.name) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        disk.cannot_read = True
        with caplog.at_level(logging.ERROR), pytest.raises(StoreUnavailable, match="I/O error"):
            await bodies(store)
        assert "the log cannot be read" in caplog.text
        disk.cannot_read = False
        assert await bodies(store) == ["a"]
        assert store.statistics().failures == 1


# --- damage ---


async def damaged(path: Path, change: str) -> None:
    """A log of five events, changed by hand."""
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a", "b", "c", "d", "e"), at_ms=1)
        await store.append("kitchen", drafts("k"), at_ms=1)
    rows(path, change)


@pytest.mark.parametrize(
    "change",
    [
        "body = 'C'",
        "body = NULL",
        "body = CAST(x'ff' AS TEXT)",
        "salt = zeroblob(16)",
        "salt = NULL",
        "body_digest = zeroblob(32)",
        "digest = zeroblob(32)",
        "sender = 'p-2'",
        "name = 'Eve'",
        "client_id = 'other'",
        "client_id = NULL",
        "kind = 'topic'",
        "at_ms = 2",
        "seq = 9",
    ],
)
async def test_a_damaged_event_is_logged_and_never_read(
    path: Path, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    await damaged(path, f"UPDATE events SET {change} WHERE seq = 3")
    async with open_sqlite_store(path) as store:
        for read in (
            partial(store.read_after, "lobby", 0),
            partial(store.read_after, "lobby", 2),
            partial(store.read_before, "lobby", BIG),
            partial(store.read_before, "lobby", 5),
        ):
            with caplog.at_level(logging.ERROR):
                page = await read(limit=10, max_bytes=BIG)
            lost = [event.seq for event in page if event.kind == DAMAGED]
            told = {event.seq: event.body for event in page if event.kind != DAMAGED}
            assert lost == (
                [seq for seq in (3, 4, *range(6, 10)) if page[0].seq <= seq <= page[-1].seq]
                if change == "seq = 9"
                else [3]
            )
            assert all("abcde"[seq - 1] == body for seq, body in told.items())
            assert {event.body for event in page if event.kind == DAMAGED} == {None}
        assert await bodies(store, "kitchen") == ["k"]
        named = [record.getMessage() for record in caplog.records]
        assert len(named) == len(set(named)), "each is named once, however many read it"
        assert "event 3 of the room 'lobby' is damaged" in named[0]
        (event,) = await store.read_after("lobby", 0, limit=1, max_bytes=BIG)
        assert event.body == "a"


async def test_damage_is_believed_only_where_the_disk_is_well(path: Path) -> None:
    """To SQLite a page that cannot be read is a corrupt one: while a disk is gone, that would be every page."""
    await damaged(path, "UPDATE events SET body = 'C' WHERE seq = 3")
    with ExitStack() as stack:
        unsyncable = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, unsyncable)
        connection = stack.enter_context(closing(connect_to_read(path, vfs=None)))
        reader = SqliteReader(connection, MarkFile(unsyncable, 128).sync)
        question = partial(read_after, room="lobby", limit=10, max_bytes=BIG)
        (answer,) = reader.run_batch([partial(question, after=0)])
        assert isinstance(answer, StoreUnavailable)
        (answer,) = reader.run_batch([partial(question, after=3)])
        assert [event.body for event in answer] == ["d", "e"]
        assert reader.failures == 1


async def test_a_missing_event_is_logged_and_no_page_has_a_hole(path: Path) -> None:
    """The one after it cannot be proved: what it is chained to is lost."""
    await damaged(path, "DELETE FROM events WHERE seq = 3 AND room_id = 1")
    async with open_sqlite_store(path) as store:
        for after in range(5):
            page = await store.read_after("lobby", after, limit=10, max_bytes=BIG)
            assert [event.seq for event in page] == list(range(after + 1, 6))
            assert {event.seq for event in page if event.kind == DAMAGED} == {3, 4} & set(range(after + 1, 6))
        page = await store.read_before("lobby", 6, limit=4, max_bytes=BIG)
        assert [event.body for event in page] == ["b", None, None, "e"]
        page = await store.read_before("lobby", 5, limit=4, max_bytes=1)
        assert [event.seq for event in page] == [2, 3, 4]
        assert [event.seq for event in await store.read_after("lobby", 1, limit=2, max_bytes=BIG)] == [2, 3]


async def test_a_flipped_bit_anywhere_is_noticed_or_harmless(path: Path) -> None:
    """SQLite alone notices few. Most of the bits flipped here are in what steers its search."""
    rooms = ("lobby", "kitchen")
    async with open_sqlite_store(path) as store:
        for room in rooms:
            texts = [Draft("message", "p-1", "Ada", f"{room}-{n}", f"hello {n} " * 5) for n in range(150)]
            await store.append(room, texts, at_ms=1_700_000_000_000)
        whole = {room: await store.read_after(room, 0, limit=BIG, max_bytes=BIG) for room in rooms}
    content = contents(path)
    choice = random.Random(1)
    noticed = 0
    for page_start in range(0, len(content), 4096 * STRIDE):
        for width in (96, 96, 96, 4096):
            bit = 8 * page_start + choice.randrange(8 * width)
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << (bit % 8)
            make(path, flipped)
            try:
                async with open_sqlite_store(path, synchronous="OFF") as store:
                    for room in rooms:
                        for read in (
                            partial(store.read_after, room, 0),
                            partial(store.read_before, room, BIG),
                        ):
                            try:
                                for event in await read(limit=BIG, max_bytes=BIG):
                                    if event.kind == DAMAGED:
                                        noticed += 1
                                    else:
                                        assert event == whole[room][event.seq - 1]
                            except StoreError:
                                noticed += 1
            except StartError:
                noticed += 1
    assert noticed > 50 // STRIDE


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: space for the index, as this is not Linux")
async def test_disk_space_is_reserved_for_the_index_of_the_write_ahead_log(tmp_path: Path) -> None:
    """A page of it without one is the end of the process when the disk is full."""
    path, index = tmp_path / "chat.db", tmp_path / "chat.db-shm"
    async with open_sqlite_store(path):
        assert index.stat().st_blocks * 512 >= INDEX_BYTES
    assert not index.exists()


async def test_people_who_looked_alike_before_lookalikes_were_kept_apart_keep_their_names(path: Path) -> None:
    before = MIGRATIONS[: MIGRATIONS.index(make_name_forms)]
    path.parent.mkdir(exist_ok=True)
    people = [("Mary", "mary"), ("\u041cary", "\u043cary"), ("Admin", "admin")]
    with closing(apsw.Connection(str(path))) as connection:
        migrate(connection, path, before)
        for n, (name, key) in enumerate(people):
            connection.execute(
                "INSERT INTO people (id, name, name_key, created_at_ms) VALUES (?, ?, ?, 1)",
                (f"p-{n}", name, key),
            )
            connection.execute("INSERT INTO tokens VALUES (?, ?)", (bytes([n]), f"p-{n}"))
    async with open_sqlite_store(path) as store:
        for n, (name, key) in enumerate(people):
            assert await find_person(store, bytes([n])) == Person(f"p-{n}", name)
            assert await store.is_name_known(key)
        with pytest.raises(NameTaken):
            await add_person(
                store, Person("p-9", "\u039cary"), name_key="\u03bcary", token_hash=b"9", at_ms=2
            )
        await store.set_profile("p-1", at_ms=2, name="Masha", name_key="masha")
        with pytest.raises(NameTaken):  # Mary's, who still has it
            await store.set_profile("p-1", at_ms=3, name="\u041cary", name_key="\u043cary")
        assert await find_person(store, bytes([1])) == Person("p-1", "Masha")
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
