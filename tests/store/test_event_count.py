"""Event count beside the log: a loss that SQLite does not notice is noticed, and nothing else is taken for one."""

# ruff: noqa: ASYNC240  # nothing else runs while these look at files

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.support.damage import Files, bodies, by_hand, drafts, put, small_log, take
from trio_chat.errors import StoreUnavailable
from trio_chat.store.mark_file import TornMark, encoded_mark
from trio_chat.store.sqlite.event_count import (
    SIZE,
    EventCount,
    open_event_count,
    path_of_event_count,
    read_event_count,
)
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.model.events import Position
    from trio_chat.store.sqlite.file import Synchronous


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


def count_at(path: Path) -> EventCount:
    count = read_event_count(path)
    assert count is not None
    return count


async def positions(path: Path) -> dict[str, Position]:
    async with open_sqlite_store(path) as store:
        return {room: await store.position(room) for room in ("lobby", "kitchen")}


# --- the file ---


def test_a_count_is_read_as_it_was_written_and_has_always_the_same_length(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with open_event_count(path) as file:
        for count in (EventCount("aZ-_09xy", 2**62), EventCount("epoch", 0)):
            file.write(count)
            assert read_event_count(path) == count
            assert path_of_event_count(path).stat().st_size == SIZE
    assert read_event_count(tmp_path / "none.db") is None


def test_a_count_that_is_not_what_was_written_is_never_believed(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    whole = encoded_mark(str(EventCount("aZ-_09xy", 1234)), SIZE)
    newer = encoded_mark(str(EventCount("aZ-_09xy", 1299)), SIZE)
    torn = [newer[:at] + whole[at:] for at in range(SIZE)]
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(SIZE)]
    for content in (*torn, *flipped, b"", whole[:-1], whole + b"x", b"\xff" * SIZE):
        path_of_event_count(path).write_bytes(content)
        if content not in (whole, newer):
            with pytest.raises(TornMark):
                read_event_count(path)


async def test_the_count_follows_every_commit_before_it_is_answered(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        assert count_at(path).events == 0
        for number in range(1, 4):
            await store.append("lobby", drafts(f"{number}", f"{number}'"), at_ms=1)
            assert count_at(path).events == 2 * number
        await store.append("lobby", drafts("1", "new"), at_ms=1)
        assert count_at(path).events == 7, "a repeat is no event"
    assert count_at(path).events == 7


async def test_a_count_that_cannot_be_written_does_not_stop_the_log_and_is_logged_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_sqlite_store(path) as store:
        with monkeypatch.context() as patch:

            def refuse(*_args: object) -> int:
                raise OSError(5, "Input/output error")

            patch.setattr("os.pwrite", refuse)
            for text in ("a", "b"):
                await store.append("lobby", drafts(text), at_ms=1)
        assert await bodies(store) == ["a", "b"]
        assert caplog.text.count("a loss would go unnoticed: Input/output error") == 1
        await store.append("lobby", drafts("c"), at_ms=1)
    assert count_at(path).events == 3


# --- a loss ---


async def with_half_its_wal(path: Path) -> tuple[Files, dict[str, Position]]:
    """A log that was killed and whose write-ahead log was then cut: six events of the lobby are told, fewer there."""
    async with open_sqlite_store(path) as store:
        for text in "abcdef":
            await store.append("lobby", drafts(text), at_ms=1)
        await store.append("kitchen", drafts("k"), at_ms=1)
        told = {room: await store.position(room) for room in ("lobby", "kitchen")}
        files = take(path.parent)
    wal = files["chat.db-wal"]
    return files | {"chat.db-wal": wal[: len(wal) * 2 // 3]}, told


async def test_a_loss_is_logged_and_every_room_begins_a_new_epoch(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, told = await with_half_its_wal(path)
    put(path.parent, files)
    caplog.clear()
    found = await positions(path)
    assert 0 < found["lobby"].seq < 6
    lost = 7 - found["lobby"].seq - found["kitchen"].seq
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "THE LOG LOST EVENTS" in record.getMessage()
    assert (
        f"held 7 events and holds {7 - lost}; {lost} that were acknowledged are missing"
        in record.getMessage()
    )
    assert all(found[room].epoch != told[room].epoch for room in found)
    caplog.clear()
    assert await positions(path) == found, "a loss is noticed once, and its new epoch stays"
    assert caplog.text == ""


async def test_the_new_epoch_is_durable_before_anybody_is_served(path: Path) -> None:
    files, told = await with_half_its_wal(path)
    put(path.parent, files)
    async with open_sqlite_store(path) as store:
        begun = await store.position("lobby")
        assert begun.epoch != told["lobby"].epoch
        crashed = take(path.parent)
    put(path.parent, crashed)
    assert (await positions(path))["lobby"] == begun


async def test_a_crash_before_the_new_count_begins_another_epoch_and_loses_nothing(
    path: Path,
) -> None:
    files, _ = await with_half_its_wal(path)
    put(path.parent, files)
    begun = await positions(path)
    path_of_event_count(path).write_bytes(files["chat.db.mark"])
    again = await positions(path)
    assert again["lobby"].seq == begun["lobby"].seq
    assert again["lobby"].epoch != begun["lobby"].epoch


async def test_another_database_than_the_count_was_written_for_begins_a_new_epoch(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await small_log(path)
    old = take(path.parent)
    path.unlink()
    caplog.clear()
    await small_log(path)
    assert "is not the log that was here last" in caplog.text
    before = await positions(path)
    mark = take(path.parent)["chat.db.mark"]
    put(path.parent, old | {"chat.db.mark": mark})
    after = await positions(path)
    assert after["lobby"].epoch not in {before["lobby"].epoch, by_hand_epoch(old, path)}


def by_hand_epoch(files: Files, path: Path) -> object:
    put(path.parent.with_name("aside"), files)
    return by_hand(path.parent.with_name("aside") / path.name, "SELECT epoch FROM rooms")[0][0]


# --- no loss ---


@pytest.mark.parametrize("content", [None, b"", b"x" * SIZE])
async def test_without_a_count_the_log_is_taken_as_it_is_and_a_torn_count_is_logged(
    path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    await small_log(path)
    before = await positions(path)
    path_of_event_count(path).unlink()
    if content is not None:
        path_of_event_count(path).write_bytes(content)
    caplog.clear()
    assert await positions(path) == before
    assert [record.levelname for record in caplog.records] == ([] if content is None else ["WARNING"])
    assert count_at(path).events == 7


async def test_a_count_that_is_behind_the_log_is_no_loss(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """So it is when the process dies between a commit and its count."""
    await small_log(path)
    before = await positions(path)
    with open_event_count(path) as file:
        file.write(count_at(path)._replace(events=6))
    assert await positions(path) == before
    assert caplog.text == ""
    assert count_at(path).events == 7


APPENDING = """
import sys, trio
from pathlib import Path
from trio_chat.model.events import Draft
from trio_chat.store.sqlite.open import open_sqlite_store

async def main():
    async with open_sqlite_store(Path(sys.argv[1])) as store:
        while True:
            draft = Draft("message", "p-1", "Ada", None, "x" * 500)
            (event,) = await store.append("lobby", [draft], at_ms=1)
            print(event.seq, flush=True)

trio.run(main)
"""


def append_until_killed(path: Path, acks: int) -> None:
    command = [sys.executable, "-c", APPENDING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for number, _ in enumerate(process.stdout):
            if number == acks:
                process.kill()
    assert process.returncode == -signal.SIGKILL


async def test_a_log_that_was_killed_again_and_again_has_lost_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    epochs = set()
    for acks in (7, 31, 64):
        append_until_killed(path, acks)
        epochs.add((await positions(path))["lobby"].epoch)
    assert len(epochs) == 1
    assert caplog.text == ""


class Platter(apsw.VFS):
    """A disk that keeps through a power loss only what was synced: each file as it was at its last sync."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.synced: Files = {}

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return PlatterFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        if syncdir:
            self.synced.pop(Path(filename).name, None)


class PlatterFile(apsw.VFSFile):
    def __init__(self, disk: Platter, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._disk.synced[self._path.name] = self._path.read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Platter]:
    disk = Platter(f"platter-{tmp_path.name}")
    yield disk
    disk.unregister()


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
async def test_a_power_loss_leaves_no_count_ahead_of_the_log_while_commits_are_synced(
    path: Path, disk: Platter, synchronous: Synchronous, caplog: pytest.LogCaptureFixture
) -> None:
    """The worst case: of all that was not synced, the count alone came to the disk. With NORMAL the same is a loss,
    which shows that the power was really lost here."""
    moments: list[Files] = []
    async with open_sqlite_store(path, vfs=disk.name, synchronous=synchronous) as store:
        for number in range(12):
            await store.append("lobby", drafts(f"{number} " + "x" * 5000), at_ms=1)
            moments.append(disk.synced | {"chat.db.mark": path_of_event_count(path).read_bytes()})
        told = await store.position("lobby")
    aside = path.parent.with_name("after the power loss")
    losses = 0
    for number, files in enumerate(moments, start=1):
        caplog.clear()
        put(aside, files)
        async with open_sqlite_store(aside / path.name) as store:
            found = await store.position("lobby")
        if found.seq < number:
            losses += 1
            assert "THE LOG LOST EVENTS" in caplog.text or "not the log that was here" in caplog.text
            assert found.epoch != told.epoch
        else:
            assert caplog.text == ""
            assert found.epoch == told.epoch
    assert (losses == 0) if synchronous == "FULL" else (losses > 5)


class FullDisk(apsw.VFS):
    """A disk that is full when it is told to be."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.is_full = False

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return FullDiskFile(self, name, flags)


class FullDiskFile(apsw.VFSFile):
    def __init__(self, disk: FullDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.is_full:
            raise apsw.FullError("database or disk is full")
        super().xWrite(data, offset)


async def test_what_was_refused_is_not_counted(path: Path) -> None:
    disk = FullDisk(f"full-{path.parent.parent.name}")
    async with open_sqlite_store(path, vfs=disk.name) as store:
        await store.append("lobby", drafts("a"), at_ms=1)
        disk.is_full = True
        with pytest.raises(StoreUnavailable):
            await store.append("lobby", drafts("b", "c"), at_ms=1)
        assert count_at(path).events == 1
        disk.is_full = False
        await store.append("lobby", drafts("b"), at_ms=1)
        assert count_at(path).events == 2
    disk.unregister()
