"""Of files that are gone, deleted or never sent, neither hash nor name is in the files of the log any more."""

# nothing else runs while these look at files

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

import apsw
import attrs
import pytest
import trio

from tests.support.damage import by_hand, take
from tests.support.people import add_person
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import Delete, Post
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.roles import Role
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.file_schema import keep_each_hash_once
from trio_chat.store.sqlite.named_blobs import named_blobs
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.schema import MIGRATIONS, migrate
from trio_chat.store.sqlite.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trio_chat.store.base import Store

_T = TypeVar("_T")

FACTS = FileFacts("image/jpeg", 900, 40, 30, "blur", (480,))
LIMITS = FileLimits(person_uploads=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


@attrs.define
class Senders:
    """People who begin, finish, send, forward, drop and delete files, in whatever order."""

    store: Store
    chance: random.Random
    n_people: int = 4
    n_rooms: int = 3
    begun: list[Upload] = attrs.field(factory=list)
    finished: list[Upload] = attrs.field(factory=list)
    messages: list[tuple[str, int, Upload]] = attrs.field(factory=list)
    words: set[str] = attrs.field(factory=set)
    """All hashes and names there ever were."""

    async def come(self) -> None:
        for n in range(self.n_people):
            person = Person(f"p-{n}", f"P{n}")
            await add_person(self.store, person, name_key=f"p{n}", token_hash=str(n).encode(), at_ms=1)

    def needed(self) -> set[str]:
        """The hashes and names that somebody needs."""
        uploads = [*self.begun, *self.finished, *(upload for _, _, upload in self.messages)]
        return {word for upload in uploads for word in (upload.name, upload.blob) if word}

    async def begin(self) -> None:
        name, person = f"{self.chance.getrandbits(64):016x}.jpg", f"p-{self.chance.randrange(self.n_people)}"
        await self._begin(Upload(self._id(), person, self._room(), self._id(), name, 900))
        self.words.add(name)

    async def _begin(self, upload: Upload) -> None:
        self.begun.append(await self.store.begin_upload(upload, limits=LIMITS, at_ms=1))

    async def finish(self) -> None:
        upload = self._one_of(self.begun)
        blob = f"{self.chance.getrandbits(256):064x}"
        if self.finished and self.chance.random() < 0.1:
            blob = self.chance.choice(self.finished).blob or blob
        done = await self.store.finish_upload(upload.id, blob=blob, stored_bytes=900, facts=FACTS)
        assert done is not None
        self.finished.append(done)
        self.words.add(blob)

    async def send(self) -> None:
        upload = self._one_of(self.finished)
        post = Draft("post", upload.person, "P", None, write_body(Post("", files=(file_of(upload),))))
        (event,) = await self.store.append(upload.room, [post], at_ms=1)
        assert isinstance(event, Event)
        self.messages.append((upload.room, event.seq, upload))

    async def forward(self) -> None:
        room, seq, _ = self.chance.choice(self.messages)
        person = f"p-{self.chance.randrange(self.n_people)}"
        new = Upload(self._id(), person, self._room(), self._id(), "", 0)
        self.finished.append(await self.store.forward_file(new, room, seq, 0, limits=LIMITS, at_ms=1))

    async def drop(self) -> None:
        of = self.begun if self.begun and self.chance.random() < 0.5 else self.finished
        assert await self.store.drop_upload(self._one_of(of).id)

    async def delete(self) -> None:
        room, seq, upload = self._one_of(self.messages)
        draft = Draft("delete", upload.person, "P", None, write_body(Delete(seq)))
        (event,) = await self.store.append(room, [draft], at_ms=1)
        assert isinstance(event, Event)

    async def forget(self) -> None:
        await self.store.forget_gone(await self.store.gone_blobs(10))

    async def do(self, steps: int) -> None:
        """So many steps; more files come than go."""
        for _ in range(steps):
            possible = {
                self.begin: 6,
                self.finish: 6 * bool(self.begun),
                self.send: 5 * bool(self.finished),
                self.forward: 1 * bool(self.messages),
                self.drop: 1 * bool(self.finished),
                self.delete: 1 * bool(self.messages),
                self.forget: 1,
            }
            (step,) = self.chance.choices(list(possible), list(possible.values()))
            await step()

    async def forget_all(self) -> None:
        while gone := await self.store.gone_blobs(100):
            await self.store.forget_gone(gone)

    def _one_of(self, uploads: list[_T]) -> _T:
        return uploads.pop(self.chance.randrange(len(uploads)))

    def _room(self) -> str:
        return f"room-{self.chance.randrange(self.n_rooms)}"

    def _id(self) -> str:
        return f"u-{self.chance.getrandbits(128):022x}"


def found(path: Path, words: Iterable[str]) -> list[str]:
    """Those of the words that stand in a file."""
    held = b"".join(take(path.parent).values())
    return [word for word in words if word.encode() in held]


async def until_nothing_is_found(path: Path, words: Iterable[str]) -> None:
    with trio.fail_after(30):
        while words := found(path, words):  # noqa: ASYNC110  # nobody tells when it is done
            await trio.sleep(0.05)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_becomes_of_files_nothing_of_those_that_are_gone_stays(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with open_sqlite_store(path, synchronous="OFF") as store:
        senders = Senders(store, chance)
        await senders.come()
        await senders.do(1_000)
        await senders.forget_all()
        gone = senders.words - senders.needed()
        assert len(gone) > 100
        await until_nothing_is_found(path, gone)
    assert sorted(found(path, senders.words)) == sorted(senders.needed())
    assert [str(flaw) for flaw in verify(path) if flaw.is_damage] == []


async def test_what_was_never_sent_is_soon_in_no_file_though_nothing_else_is_written(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        senders = Senders(store, random.Random(1))
        await senders.come()
        for _ in range(30):
            await senders.begin()
            await senders.finish()
        for _ in range(20):
            await senders.begin()
        for _ in range(10):
            await senders.drop()
        await until_nothing_is_found(
            path, {upload for upload in senders.words if ".jpg" in upload} - senders.needed()
        )
        await trio.sleep(1)  # longer than the housekeeper waits after a write
        await senders.forget_all()
        await until_nothing_is_found(path, senders.words - senders.needed())


async def test_the_files_that_somebody_did_not_send_go_with_their_ban(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        senders = Senders(store, random.Random(1), n_people=1)
        await senders.come()
        for _ in range(30):
            await senders.begin()
        await add_person(store, Person("p-boss", "Boss"), name_key="boss", token_hash=b"boss", at_ms=1)
        await store.add_owner_link(b"\xcd" * 32, ends_ms=99, at_ms=1)
        for kind, body in (("role", Role("p-boss", "owner", "cd" * 32)), ("ban", Restriction("p-0", True))):
            draft = Draft(kind, "p-boss", "Boss", None, write_body(body))
            (done,) = await store.append(SERVER_ROOM, [draft], at_ms=1)
            assert isinstance(done, Event)
        await until_nothing_is_found(path, senders.words)


def log_of_before(path: Path) -> tuple[list[str], list[str]]:
    """A log in which hashes stood in many tables, and were not erased there: the hashes of files in it, the first of
    which was deleted and is not unlinked yet, and of some that are forgotten."""
    chance = random.Random(1)
    hashes = [f"{chance.getrandbits(256):064x}" for _ in range(900)]
    path.parent.mkdir()
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("secure_delete", True)
        connection.pragma("synchronous", "OFF")
        migrate(connection, path, MIGRATIONS[: MIGRATIONS.index(keep_each_hash_once)])
        connection.execute("INSERT INTO rooms (id, name, epoch) VALUES (7, 'garden', 'e')")
        connection.execute(
            "INSERT INTO people (id, name, name_key, created_at_ms) VALUES ('p-0', 'P0', 'p0', 0)"
        )
        for seq, blob in enumerate(hashes):
            connection.execute("INSERT INTO blobs VALUES (?, 5)", (blob,))
            connection.execute(
                """
                INSERT INTO uploads (id, person_id, room, client_id, name, bytes, as_file, ms, peaks, made_ms)
                VALUES (?1, 'p-0', 'garden', ?1, 'n', 9, 0, 0, '', 1)
                """,
                (f"u-{seq}",),
            )
            connection.execute(
                "UPDATE uploads SET hash = ?, stored = 5, facts = '{}' WHERE id = ?", (blob, f"u-{seq}")
            )
            connection.execute("INSERT INTO files VALUES (7, ?, 0, ?, 'p-0', 5, 'image')", (seq, blob))
            connection.execute(
                "UPDATE uploads SET room_id = 7, seq = ?, n = 0 WHERE id = ?", (seq, f"u-{seq}")
            )
        doomed = chance.sample(range(900), 300)
        for seq in doomed:
            connection.execute("DELETE FROM files WHERE seq = ?", (seq,))
            connection.execute("DELETE FROM uploads WHERE seq = ?", (seq,))
        connection.execute("DELETE FROM gone WHERE hash <> ?", (hashes[doomed[0]],))
        kept = [blob for seq, blob in enumerate(hashes) if seq not in doomed]
        return [hashes[doomed[0]], *kept], [hashes[seq] for seq in doomed[1:]]


async def test_a_log_of_before_is_cleaned_and_knows_the_same_files(path: Path) -> None:
    (gone, *kept), forgotten = log_of_before(path)
    assert found(path, forgotten)
    with closing(SqliteConnection(str(path))) as connection:
        named = named_blobs(connection)
        places = {blob: named.place_of(blob) for blob in kept}
        assert (named.count(), named.has(gone)) == (600, False)
        assert [blob.hash for blob in named] == sorted(kept)
    async with open_sqlite_store(path) as store:
        assert [*await store.gone_blobs(9)] == [gone]
        assert [*await store.known_blobs("", 1_000)] == sorted(kept)
        assert (await store.files_usage("p-0"), await store.server_usage()) == (3_000, 3_000)
        assert found(path, [gone, *kept]) == [gone, *kept]
    path.with_name(f"chat.db.before-v{len(MIGRATIONS)}").unlink()
    assert found(path, forgotten) == []
    with closing(SqliteConnection(str(path))) as connection:
        named = named_blobs(connection)
        assert {blob: named.place_of(blob) for blob in kept} == places
        assert (named.count(), named.has(gone)) == (600, False)
        assert all(named.has(blob) for blob in kept)
        assert [blob.hash for blob in named] == sorted(kept)
    assert by_hand(path, "SELECT count(*) FROM uploads JOIN blobs ON blobs.id = blob_id") == [(600,)]
    async with open_sqlite_store(path) as store:
        await store.forget_gone([gone])
        await until_nothing_is_found(path, [gone])
