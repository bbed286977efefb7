"""Copies of the log: one moment of it, taken while it grows; and put in place of it, with a new epoch."""

# ruff: noqa: ASYNC240  # nothing else runs while these look at files

from __future__ import annotations

import logging
import os
import stat
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from click.testing import CliRunner, Result

from tests.support.damage import bodies, by_hand, drafts, small_log, whole
from trio_chat.__main__ import main
from trio_chat.errors import StartError
from trio_chat.model.events import Draft
from trio_chat.store.sqlite import backup
from trio_chat.store.sqlite.backup import back_up
from trio_chat.store.sqlite.event_count import path_of_event_count
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.verify import verify

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def run(path: Path, copy: Path) -> Result:
    arguments = ["backup", str(copy), "--data", str(path.parent)]
    return CliRunner(env={}).invoke(main, arguments, prog_name="trio-chat")


async def test_a_copy_is_one_file_with_everything_for_its_owner_only(path: Path, copy: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)
        result = run(path, copy)
        assert (result.exit_code, result.output) == (0, f"2 events are in {copy}.\n")
        await store.append("lobby", drafts("later"), at_ms=1)
    assert [file.name for file in copy.parent.iterdir() if file.is_file()] == ["copy.db"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copy.chmod(0o400)
    assert by_hand(copy, "SELECT body FROM events ORDER BY seq") == [("a",), ("b",)]
    assert not any(found.is_damage for found in verify(copy))


async def test_a_log_that_nobody_uses_can_be_copied(path: Path, copy: Path) -> None:
    await small_log(path)
    assert back_up(path, copy) == 7


async def test_a_backup_taken_while_the_log_grows_is_one_snapshot(
    path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps are so small here that the log grows many times while it is copied."""
    monkeypatch.setattr(backup, "PAGES_AT_A_TIME", 1)
    written = 0
    async with open_sqlite_store(path, synchronous="OFF") as store, trio.open_nursery() as nursery:

        async def write() -> None:
            nonlocal written
            while True:
                texts = [Draft("message", "p-1", "Ada", None, f"{written} {n}") for n in range(20)]
                for room in ("lobby", "kitchen"):
                    await store.append(room, texts, at_ms=1)
                written += 20

        nursery.start_soon(write)
        for number in range(3):
            target = copy.with_name(f"{number}.db")
            before = written
            events = await trio.to_thread.run_sync(back_up, path, target)
            assert 2 * before <= events <= 2 * written + 40
            assert not any(found.is_damage for found in verify(target))
        assert written > before, "it grew meanwhile"
        nursery.cancel_scope.cancel()


async def test_the_newest_backups_in_a_directory_are_kept(path: Path, tmp_path: Path) -> None:
    await small_log(path)
    directory = tmp_path / "backups"
    directory.mkdir()
    others = ["chat-notes.db", "chat-2026-01-01T000000Z.db.txt", "old.db"]
    made = [f"chat-2026-01-0{day}T000000Z.db" for day in (1, 2, 3)]
    for name in (*others, *made, "chat-2026-01-01T000000Z.db.part"):
        (directory / name).write_text("x")
    os.utime(directory / "chat-2026-01-01T000000Z.db.part", (0, 0))
    arguments = ["backup", "--keep", "2", str(directory), "--data", str(path.parent)]
    result = CliRunner(env={}).invoke(main, arguments, prog_name="trio-chat")
    assert result.exit_code == 0
    (new,) = {file.name for file in directory.iterdir()} - {*others, *made}
    assert {file.name for file in directory.iterdir()} == {*others, made[2], new}
    assert result.output.splitlines()[0] == f"7 events are in {directory / new}."
    assert result.output.count(" was removed.") == 3
    assert not any(found.is_damage for found in verify(directory / new))


async def test_where_no_backup_can_be_made_nothing_is_removed(path: Path, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    (directory / "chat-2026-01-01T000000Z.db").write_text("x")
    for place, sentence in ((directory, "There is no log at"), (tmp_path / "none", "is no directory")):
        arguments = ["backup", "--keep", "1", str(place), "--data", str(path.parent)]
        result = CliRunner(env={}).invoke(main, arguments, prog_name="trio-chat")
        assert (result.exit_code, sentence in result.output) == (1, True)
    assert [file.name for file in directory.iterdir()] == ["chat-2026-01-01T000000Z.db"]
    for keep in ("0", "-1", "x"):
        arguments = ["backup", "--keep", keep, str(directory), "--data", str(path.parent)]
        assert CliRunner(env={}).invoke(main, arguments, prog_name="trio-chat").exit_code == 2


async def test_how_far_a_backup_is_is_told(path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await small_log(path)
    monkeypatch.setattr(backup, "PAGES_AT_A_TIME", 1)
    told: list[tuple[int, int]] = []
    back_up(path, copy, report=lambda done, total: told.append((done, total)))
    total = len(told)
    assert told == [(done, total) for done in range(1, total + 1)]


async def restore(path: Path, copy: Path) -> None:
    """As docs/operating.md says."""
    for companion in ("-wal", "-shm", ".mark"):
        path.with_name(path.name + companion).unlink(missing_ok=True)
    copy.rename(path)


async def test_a_restored_log_has_a_new_epoch_once_and_goes_on_from_its_end(
    path: Path, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a", "b"), at_ms=1)
        kept = await whole(store)
        back_up(path, copy)
        await store.append("lobby", drafts("lost"), at_ms=1)
        before = await store.position("lobby")
        before_elsewhere = await store.position("nowhere yet")
    await restore(path, copy)
    with caplog.at_level(logging.WARNING):
        async with open_sqlite_store(path) as store:
            restored = await store.position("lobby")
            assert restored.seq == 2
            assert restored.epoch != before.epoch
            assert (await store.position("nowhere yet")).epoch != before_elsewhere.epoch
            await store.append("lobby", drafts("c"), at_ms=1)
            assert (await whole(store))[:2] == kept
    assert "the log was restored" in caplog.text
    assert by_hand(path, "PRAGMA journal_mode") == [("wal",)]
    caplog.clear()
    async with open_sqlite_store(path) as store:
        assert (await store.position("lobby")).epoch == restored.epoch
        assert await bodies(store) == ["a", "b", "c"]
    assert caplog.text == ""


async def test_a_restore_beside_an_old_event_count_is_a_restore(
    path: Path, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await small_log(path)
    back_up(path, copy)
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("lost"), at_ms=1)
    assert path_of_event_count(path).exists()
    copy.replace(path)
    async with open_sqlite_store(path):
        pass
    assert "the log was restored" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_copy_beside_a_foreign_write_ahead_log_is_refused_unharmed(path: Path, copy: Path) -> None:
    await small_log(path)
    back_up(path, copy)
    content = copy.read_bytes()
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("lost"), at_ms=1)
        leftover = path.with_name("chat.db-wal").read_bytes()
    copy.replace(path)
    path.with_name("chat.db-wal").write_bytes(leftover)
    with pytest.raises(StartError, match=r"chat\.db-wal beside it belongs to another database"):
        await small_log(path)
    assert path.read_bytes() == content
    path.with_name("chat.db-wal").unlink()
    async with open_sqlite_store(path) as store:
        assert await bodies(store) == ["a", "b", "c", "d", "e"]


async def test_nothing_is_overwritten(path: Path, copy: Path) -> None:
    await small_log(path)
    copy.write_text("mine")
    result = run(path, copy)
    assert result.exit_code == 1
    assert "A backup overwrites nothing" in result.output
    assert copy.read_text() == "mine"


async def test_a_second_backup_to_the_same_file_is_refused(path: Path, copy: Path) -> None:
    await small_log(path)
    copy.with_name("copy.db.part").write_text("under way")
    with pytest.raises(StartError, match="another backup is under way"):
        back_up(path, copy)
    assert copy.with_name("copy.db.part").read_text() == "under way"


async def test_a_backup_that_fails_leaves_nothing(
    path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small_log(path)

    def fail(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "mark_as_copy", fail)
    with pytest.raises(KeyboardInterrupt):
        back_up(path, copy)
    assert [file.name for file in copy.parent.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("no/such/directory/copy.db", "Cannot write"),
        ("copy.db", "There is no log at"),
        ("data", "is a directory. Name a new file in it, or say --keep N"),
    ],
)
async def test_an_impossible_backup_is_refused_with_a_sentence(
    path: Path, tmp_path: Path, target: str, sentence: str
) -> None:
    if "no log" not in sentence:
        await small_log(path)
    with pytest.raises(StartError, match=sentence):
        await trio.to_thread.run_sync(partial(back_up, path, tmp_path / target))
    assert not (tmp_path / target).is_file()
