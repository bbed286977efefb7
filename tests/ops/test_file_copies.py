"""Files in backups, and verifying them: what a log names is there, and is what was sent."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.support.people import add_person
from trio_chat.__main__ import main
from trio_chat.blobs.directory import DirectoryBlobs
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import DELETE, POST, Delete, Post
from trio_chat.model.events import Draft, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload
from trio_chat.ops import file_copies
from trio_chat.ops.file_copies import FilesBackup
from trio_chat.ops.stores import StoreFile
from trio_chat.store.sqlite.backup import back_up
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from pathlib import Path

    from trio_chat.store.base import Store

KITE, SONG, FILM = b"kite" * 1_000, b"song" * 500, b"film" * 2_000
PREVIEWS = {"480": b"small", "1600": b"large one"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def blobs_of(data: Path) -> Path:
    return data / "files" / "blobs"


async def share(store: Store, data: Path, content: bytes, previews: dict[str, bytes], *, key: bytes) -> str:
    """Send a message with one file, as the service of files does; ``key`` is what it is named by."""
    blob = hashlib.sha256(key).hexdigest()
    blobs = DirectoryBlobs(blobs_of(data))
    for suffix, some in {**{f".{size}.webp": some for size, some in previews.items()}, "": content}.items():
        part = data / f"part-{blob[:8]}{suffix}"
        part.write_bytes(some)
        await blobs.put(part, blob + suffix)
        part.unlink()
    upload = Upload(f"u-{blob[:20]}", "p-1", "lobby", blob[:20], "kite.jpg", len(content))
    await store.begin_upload(upload, limits=FileLimits(), at_ms=1)
    stored = len(content) + sum(map(len, previews.values()))
    facts = FileFacts("image/jpeg", len(content), previews=tuple(map(int, previews)))
    finished = await store.finish_upload(upload.id, blob=blob, stored_bytes=stored, facts=facts)
    assert finished is not None
    body = write_body(Post("", files=(file_of(finished),)))
    await store.append("lobby", [Draft(POST, "p-1", "Ada", None, body)], at_ms=1)
    return blob


async def delete(store: Store, seq: int) -> None:
    await store.append("lobby", [Draft(DELETE, "p-1", "Ada", None, write_body(Delete(seq)))], at_ms=1)


async def fill(store: Store, data: Path) -> list[str]:
    """Three messages with a file each; the last is named by its content and its previews, like one with a poster."""
    await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
    return [
        await share(store, data, KITE, PREVIEWS, key=KITE),
        await share(store, data, SONG, {}, key=SONG),
        await share(store, data, FILM, PREVIEWS, key=FILM + b"small" + b"large one"),
    ]


def remove(data: Path, blob: str) -> None:
    """What the sweeper does."""
    for path in (blobs_of(data) / blob[:2]).glob(f"{blob}*"):
        path.unlink()


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def run(*arguments: str) -> Result:
    return CliRunner(env={}).invoke(main, arguments, prog_name="trio-chat")


def findings(data: Path) -> list[str]:
    return [str(found) for found in StoreFile(data / "chat.db").verify_files(blobs_of(data), print)]


async def test_a_backup_has_the_files_that_its_log_names_and_is_a_data_directory(
    data: Path, tmp_path: Path
) -> None:
    async with open_sqlite_store(data / "chat.db") as store:
        blobs = await fill(store, data)
        await delete(store, 2)  # nobody has swept yet
        (blobs_of(data) / "ab").mkdir(exist_ok=True)
        (blobs_of(data) / "ab" / ("ab" * 32)).write_bytes(b"left behind by a crash")
        copy = tmp_path / "copy" / "chat.db"
        copy.parent.mkdir()
        result = run("backup", str(copy), "--data", str(data))
    assert result.exit_code == 0
    assert f"2 files that people have sent are in {copy.parent / 'files'}." in result.output
    expected = {
        name: content
        for name, content in tree(blobs_of(data)).items()
        if name[3:].partition(".")[0] in (blobs[0], blobs[2])
    }
    assert tree(blobs_of(copy.parent)) == expected
    assert len(expected) == 6
    assert findings(copy.parent) == [f"All files are whole: 2, {sum(map(len, expected.values())):,} bytes."]
    assert run("verify", str(copy)).exit_code == 0
    async with open_sqlite_store(copy) as store:  # as after a restore
        found = await store.find_file("lobby", 1, 0)
        assert found is not None
        assert (blobs_of(copy.parent) / found.blob[:2] / found.blob).read_bytes() == KITE
    for path in blobs_of(copy.parent).rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_a_file_that_goes_while_it_is_copied_went_with_its_message(data: Path, tmp_path: Path) -> None:
    """Then the log is copied once more, so that the copy names what is in it."""
    copy = tmp_path / "copy" / "chat.db"
    copy.parent.mkdir()
    async with open_sqlite_store(data / "chat.db") as store:
        blobs = await fill(store, data)
    order = sorted(blobs)
    backup = FilesBackup(blobs_of(data), blobs_of(copy.parent))
    rounds = 0

    def copy_files(*databases: object) -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 1:  # deleted after the log was copied, and swept
            import apsw

            connection = apsw.Connection(str(data / "chat.db"))
            connection.pragma("foreign_keys", True)
            seq = blobs.index(order[-1]) + 1
            connection.execute("DELETE FROM files WHERE seq = ?", (seq,))
            connection.close()
            remove(data, order[-1])
        return backup(*databases)  # type: ignore[arg-type]

    back_up(data / "chat.db", copy, copy_files=copy_files)
    assert rounds == 2
    assert [line for line in findings(copy.parent) if "MISSING" in line or "NOT" in line] == []
    assert findings(copy.parent)[-1].startswith("All files are whole: 2, ")


async def test_a_file_that_is_missing_is_told_and_the_rest_is_copied(data: Path, tmp_path: Path) -> None:
    async with open_sqlite_store(data / "chat.db") as store:
        blobs = await fill(store, data)
    remove(data, blobs[1])
    copy = tmp_path / "copy.db"
    result = run("backup", str(copy), "--data", str(data))
    assert "2 files that people have sent are in" in result.output
    assert "1 file are MISSING here" not in result.output
    assert "1 file is MISSING here" in result.output
    assert copy.exists()


async def test_backups_in_a_directory_share_their_files_and_forget_those_of_removed_ones(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    (directory / "notes.txt").write_text("mine")

    def keep(day: int) -> Result:
        monkeypatch.setattr("time.strftime", lambda *_: f"chat-2026-11-{day:02}T000000Z.db")
        result = run("backup", "--keep", "2", str(directory), "--data", str(data))
        assert result.exit_code == 0, result.output
        return result

    async with open_sqlite_store(data / "chat.db") as store:
        blobs = await fill(store, data)
        keep(1)
        first = (directory / "files/blobs" / blobs[0][:2] / blobs[0]).stat()
        await delete(store, 1)
        remove(data, blobs[0])
        keep(2)
        assert (directory / "files/blobs" / blobs[0][:2] / blobs[0]).stat() == first, "the first has it still"
        by_hand = directory / "by hand"
        back_up(data / "chat.db", by_hand)
        await delete(store, 2)
        remove(data, blobs[1])
        keep(3)
        keep(4)
    names = {name[9:] for name in tree(directory) if name.startswith("files/")}
    assert {name[6:70] for name in names} == {blobs[1], blobs[2]}, "a copy made by hand has its files, too"
    by_hand.unlink()
    keep(5)
    names = {name for name in tree(directory) if name.startswith("files/")}
    assert {name[15:79] for name in names} == {blobs[2]}
    assert (directory / "notes.txt").read_text() == "mine"


async def test_no_file_goes_to_stdout_and_that_is_said(data: Path) -> None:
    async with open_sqlite_store(data / "chat.db") as store:
        await fill(store, data)
    result = CliRunner(env={}).invoke(main, ["backup", "-", "--data", str(data)], prog_name="trio-chat")
    assert "3 files that people have sent are NOT in it" in result.stderr


async def test_all_files_are_read_and_what_is_wrong_is_named(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sqlite_store(data / "chat.db") as store:
        blobs = await fill(store, data)
        assert [line[:28] for line in findings(data)] == ["All files are whole: 3, 14,0"]
    result = run("verify", "--data", str(data))
    assert (result.exit_code, result.output.splitlines()[-1][:23]) == (0, "All files are whole: 3,")
    whole = data.parent / "whole"
    shutil.copytree(data, whole)
    content = blobs_of(data) / blobs[0][:2] / blobs[0]
    content.write_bytes(b"x" + content.read_bytes()[1:])
    preview = blobs_of(data) / blobs[2][:2] / f"{blobs[2]}.480.webp"
    preview.unlink()
    remove(data, blobs[1])
    (blobs_of(data) / "cd").mkdir(exist_ok=True)
    (blobs_of(data) / "cd" / ("cd" * 32)).write_bytes(b"unknown")
    (blobs_of(data) / "cd" / "notes.txt").write_bytes(b"no blob")
    said = findings(data)
    assert (
        f"file 1 of message 1 in room 'lobby' ({blobs[0][:12]}…): DAMAGED: its content is not"
        in "\n".join(said)
    )
    assert f"file 1 of message 2 in room 'lobby' ({blobs[1][:12]}…): it is MISSING" in said
    assert any(
        "message 3" in line and "DAMAGED: with its previews it has 8,009 bytes" in line for line in said
    )
    assert any(line.startswith("note: nothing needs 1 file in") for line in said)
    assert said[-1] == "FILES ARE NOT WHOLE: of 3, 1 are missing and 2 are damaged."
    assert run("verify", "--data", str(data)).exit_code == 1
    monkeypatch.setattr(file_copies, "FINDINGS", 1)
    assert len(findings(data)) == 3
    assert findings(whole)[-1].startswith("All files are whole")


async def test_how_far_it_is_is_told(data: Path, tmp_path: Path) -> None:
    async with open_sqlite_store(data / "chat.db") as store:
        await fill(store, data)
    told: list[tuple[int, int]] = []
    list(StoreFile(data / "chat.db").verify_files(blobs_of(data), lambda *progress: told.append(progress)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    copied = FilesBackup(blobs_of(data), blobs_of(tmp_path), lambda *progress: told.append(progress))
    back_up(data / "chat.db", tmp_path / "copy.db", copy_files=copied)
    assert told == [(1, 3), (2, 3), (3, 3)]
