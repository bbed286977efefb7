"""What was deleted is gone from the files, and what stays proves itself; and how a log of the first format becomes one
of today's."""

# nothing else runs while these look at files

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest
import trio

from tests.support.damage import BIG, by_hand, drafts, put, take, whole
from tests.support.people import add_person, find_person
from tests.support.raw import PATIENCE_S
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import Delete, Edit, Post
from trio_chat.model.chain import GENESIS
from trio_chat.model.events import DAMAGED, Draft, Event, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload
from trio_chat.model.outcomes import Repeat
from trio_chat.store.plan import Head, plan_append
from trio_chat.store.sqlite import file, housekeeping, writer
from trio_chat.store.sqlite.backup import back_up
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.schema import MIGRATIONS, check_shape, migrate
from trio_chat.store.sqlite.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "the-secret-word"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


def say(text: str) -> Draft:
    return Draft("message", "p-1", "Ada", "c-secret", text)


def delete(seq: int) -> Draft:
    return Draft("delete", "p-1", "Ada", None, write_body(Delete(seq)))


def edit(seq: int, text: str) -> Draft:
    return Draft("edit", "p-1", "Ada", None, write_body(Edit(seq, text)))


def remains(path: Path) -> list[str]:
    """The files in which the secret can be found."""
    return [name for name, content in take(path.parent).items() if SECRET.encode() in content]


async def until_nothing_remains(path: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        while remains(path):  # noqa: ASYNC110  # nobody tells when it is done
            await trio.sleep(0.05)


def damage_of(path: Path) -> list[str]:
    return [str(found) for found in verify(path) if found.is_damage]


# --- gone from the disk ---


@pytest.mark.parametrize("size", [1, 3_000, 20_000])
async def test_a_deleted_text_is_soon_in_no_file_while_the_server_runs(path: Path, size: int) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts(*(f"filler {n}" for n in range(300))), at_ms=1)
        await store.append("lobby", [say(f"{SECRET} " * size)], at_ms=1)
        await store.append("lobby", drafts(*(f"more {n} " * 50 for n in range(100))), at_ms=1)
        await store.append("lobby", [edit(301, f"{SECRET} edited " + "x" * size)], at_ms=1)
        assert remains(path)
        await store.append("lobby", [delete(301)], at_ms=1)
        await until_nothing_remains(path)
        assert len(await whole(store)) == 403
    assert not remains(path)
    assert damage_of(path) == []


async def test_the_hashes_and_names_of_deleted_files_are_soon_in_no_file(path: Path) -> None:
    people = random.Random(7)
    sent: list[tuple[int, str, str]] = []
    facts = FileFacts("image/jpeg", 900, 40, 30, "blur", (480,))
    async with open_sqlite_store(path, synchronous="OFF") as store:
        await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
        for n in range(400):
            blob, name = f"{people.getrandbits(256):064x}", f"{people.getrandbits(64):016x}.jpg"
            begun = Upload(f"u-{people.getrandbits(128):022x}", "p-1", "lobby", f"{n}", name, 900)
            await store.begin_upload(begun, limits=FileLimits(), at_ms=1)
            upload = await store.finish_upload(begun.id, blob=blob, stored_bytes=900, facts=facts)
            assert upload is not None
            post = Draft("post", "p-1", "Ada", None, write_body(Post("", files=(file_of(upload),))))
            (event,) = await store.append("lobby", [post], at_ms=1)
            assert isinstance(event, Event)
            sent.append((event.seq, blob, name))
        doomed = people.sample(sent, 100)
        for seq, _, _ in doomed:
            await store.append("lobby", [delete(seq)], at_ms=1)
        await store.forget_gone(await store.gone_blobs(1_000))
        secrets = [word.encode() for _, *words in doomed for word in words]

        def left() -> list[bytes]:
            held = b"".join(take(path.parent).values())
            return [secret for secret in secrets if secret in held]

        with trio.fail_after(PATIENCE_S):
            while left():  # noqa: ASYNC110  # nobody tells when it is done
                await trio.sleep(0.05)
    held = b"".join(take(path.parent).values())
    assert sum(blob.encode() in held for _, blob, _ in sent) == 300
    assert damage_of(path) == []


async def test_a_deleted_text_does_not_wait_until_all_messages_are_indexed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        housekeeping, "REST_BUSY", 1e6
    )  # as long as with a million messages on a slow machine
    async with open_sqlite_store(path) as store:
        await store.append("lobby", [say(SECRET), *drafts(*map(str, range(300)))], at_ms=1)
        with trio.fail_after(PATIENCE_S):
            while not by_hand(path, "SELECT 1 FROM docs LIMIT 1"):  # noqa: ASYNC110  # it has begun
                await trio.sleep(0.05)
        await store.append("lobby", [delete(1)], at_ms=1)
        await until_nothing_remains(path)
        assert by_hand(path, "SELECT count(*) FROM docs") < [(300,)]


async def test_a_text_that_was_deleted_before_a_crash_is_gone_after_the_start(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", [say(SECRET)], at_ms=1)
        await store.append("lobby", [delete(1)], at_ms=1)
        crashed = take(path.parent)
    put(path.parent, crashed)
    assert remains(path)
    async with open_sqlite_store(path):
        assert not remains(path)


async def test_no_copy_of_a_deleted_text_is_left_where_pages_were_split(path: Path) -> None:
    """SQLite alone leaves some: rows move to other pages, and what was in the old ones is not wiped."""
    choice = random.Random(1)
    rooms = [f"room-{number}" for number in range(5)]
    secret: dict[str, list[int]] = {room: [] for room in rooms}
    async with open_sqlite_store(path, synchronous="OFF") as store:
        for _ in range(250):
            room = choice.choice(rooms)
            head = (await store.position(room)).seq
            texts = []
            for seq in range(head + 1, head + choice.choice((2, 2, 6))):
                is_secret = choice.random() < 0.3
                texts.append((SECRET if is_secret else "x") + "y" * choice.choice((1, 100, 900, 5_000)))
                secret[room] += [seq] * is_secret
            await store.append(room, [Draft("message", "p-1", "Ada", None, text) for text in texts], at_ms=1)
        for room, seqs in secret.items():
            for seq in choice.sample(seqs, len(seqs)):
                await store.append(room, [delete(seq)], at_ms=1)
    assert sum(map(len, secret.values())) > 150
    assert not remains(path)
    assert damage_of(path) == []


async def test_a_reader_with_an_old_snapshot_delays_the_erasing_but_no_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (file, writer):
        monkeypatch.setattr(
            module, "BUSY_MS", 20 * PATIENCE_S * 1000
        )  # who waits for the reader waits for ever
    async with open_sqlite_store(path) as store:
        await store.append("lobby", [say(SECRET)], at_ms=1)
        with closing(apsw.Connection(str(path))) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchall()
            await store.append("lobby", [delete(1)], at_ms=1)
            with trio.fail_after(PATIENCE_S):
                for number in range(30):
                    await store.append("lobby", drafts(f"on {number}"), at_ms=1)
                    await trio.sleep(0.03)
            assert remains(path)
        await until_nothing_remains(path)


# --- what stays ---


async def test_a_log_with_deletions_is_whole_and_so_is_its_backup(path: Path, tmp_path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", [*drafts("a", "b"), say(SECRET), edit(3, SECRET), delete(3)], at_ms=1)
        log = await whole(store)
    assert damage_of(path) == []
    copy = tmp_path / "copy" / "chat.db"
    copy.parent.mkdir()
    back_up(path, copy)
    assert damage_of(copy) == []
    assert not remains(copy)
    async with open_sqlite_store(copy) as store:
        assert await whole(store) == log


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ("UPDATE events SET body = NULL, salt = NULL WHERE seq = 2", [2]),
        ("UPDATE events SET body = NULL WHERE seq = 2", [2]),
        ("UPDATE events SET body = '' WHERE seq = 1", [1]),
        ("UPDATE events SET salt = zeroblob(16) WHERE seq = 1", [1]),
        ("UPDATE events SET body = NULL, salt = NULL WHERE seq = 4", [4]),
        ("DELETE FROM changes", [1, 3]),
        ("DELETE FROM edits", [3]),
    ],
)
async def test_a_text_that_is_missing_and_was_not_deleted_is_damage(
    path: Path, change: str, bad: list[int]
) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", [*drafts("a", "b"), edit(1, "a2"), delete(1)], at_ms=1)
    by_hand(path, change)
    assert damage_of(path)[0].startswith(f"room 'lobby': DAMAGED, first at event {bad[0]}: ")
    async with open_sqlite_store(path) as store:
        for page in (
            await whole(store),
            await store.read_before("lobby", BIG, limit=BIG, max_bytes=BIG),
            await store.read_some("lobby", range(5)),
        ):
            assert [event.seq for event in page if event.kind == DAMAGED] == bad
            assert len(page) == 4


async def test_a_text_that_should_be_gone_is_damage(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", [*drafts("a"), delete(1)], at_ms=1)
    by_hand(path, "INSERT INTO changes VALUES (1, 2, 'delete', 2)")
    assert damage_of(path)[0] == "messages that were deleted and still have their text: 1"


# --- from the first format ---


def log_of_the_first_format(path: Path) -> list[Event]:
    """A log as the first release left it, with two rooms and a person."""
    path.parent.mkdir()
    told: list[Event] = []
    with closing(apsw.Connection(str(path))) as connection:
        migrate(connection, path, MIGRATIONS[:1])
        for room_id, room in enumerate(("lobby", "kitchen"), start=1):
            connection.execute(
                "INSERT INTO rooms SELECT ?, ?, value FROM meta WHERE key = 'epoch'", (room_id, room)
            )
            plan = plan_append(
                room, drafts(f"{room} 1", f"{room} 2"), at_ms=1, head=Head(0, GENESIS), known={}, facts=None
            )
            told += [outcome for outcome in plan.outcomes if isinstance(outcome, Event)]
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(room_id, *row) for row in plan.rows],
            )
        connection.execute("INSERT INTO people VALUES ('p-1', 'Ada', 'ada', 1)")
        connection.execute("INSERT INTO tokens VALUES (?, 'p-1')", (b"token",))
    return told


async def test_a_first_format_log_is_whole_after_migration(
    path: Path,
) -> None:
    told = log_of_the_first_format(path)
    async with open_sqlite_store(path) as store:
        assert await whole(store, "lobby") + await whole(store, "kitchen") == told
        assert await find_person(store, b"token") == Person("p-1", "Ada")
        assert await store.append("lobby", drafts("lobby 1"), at_ms=1) == [Repeat("lobby", 1)]
        for room in ("lobby", "kitchen"):
            state = await store.state(room)
            assert (state.kind, state.owner, state.members) == ("public", None, {})
        assert [item.room for item in await store.listing("p-1")] == ["lobby"]
        await store.append("lobby", [delete(1)], at_ms=1)
        assert (await whole(store))[0].body is None
    assert damage_of(path) == []
    copy = path.with_name(f"chat.db.before-v{len(MIGRATIONS)}")
    assert by_hand(copy, "PRAGMA user_version") == [(1,)]
    assert by_hand(copy, "SELECT count(*) FROM events") == [(4,)]


@pytest.mark.parametrize("patience", [0, 5, 20])
async def test_a_migration_that_ends_in_the_middle_leaves_the_old_log(path: Path, patience: int) -> None:
    told = log_of_the_first_format(path)

    def ends(connection: apsw.Connection) -> None:
        statements = patience

        def count(_sql: str, _bindings: object) -> bool:
            nonlocal statements
            statements -= 1
            return statements >= 0

        connection.exec_trace = lambda _cursor, sql, bindings: count(sql, bindings)
        try:
            MIGRATIONS[1](connection)
        finally:
            connection.exec_trace = None

    with pytest.raises(apsw.ExecTraceAbort):
        async with open_sqlite_store(path, migrations=[MIGRATIONS[0], ends]):
            pass
    assert by_hand(path, "PRAGMA user_version") == [(1,)]
    with closing(apsw.Connection(str(path))) as connection:
        check_shape(connection, path, MIGRATIONS[:1])
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'changes'").get == 0
    async with open_sqlite_store(path) as store:
        assert await whole(store, "lobby") + await whole(store, "kitchen") == told
