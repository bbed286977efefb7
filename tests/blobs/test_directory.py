"""Blobs in a directory: whose they are, and what is on the disk when."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING

import pytest

from trio_chat.blobs.directory import DirectoryBlobs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.trio


def part(tmp_path: Path, content: bytes = b"a red kite") -> tuple[Path, str]:
    path = tmp_path / "part"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


async def test_nobody_else_can_look_into_the_directory(tmp_path: Path) -> None:
    path, name = part(tmp_path)
    blobs = tmp_path / "files" / "blobs"
    await DirectoryBlobs(blobs).put(path, name)
    modes = [stat.S_IMODE(where.stat().st_mode) for where in (blobs.parent, blobs, blobs / name[:2])]
    assert modes == [0o700, 0o700, 0o700]


async def test_nothing_is_made_before_there_is_a_blob(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path / "blobs")
    await blobs.names(limit=1)
    await blobs.remove("0" * 64)
    assert not (tmp_path / "blobs").exists()


async def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power loss could leave a name without its bytes, or a message without its file."""
    steps: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("directory" if is_directory else "file")
        real_fsync(descriptor)

    def link(source: Path, target: Path) -> None:
        steps.append("link")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    path, name = part(tmp_path)
    (tmp_path / "blobs" / name[:2]).mkdir(parents=True)
    await DirectoryBlobs(tmp_path / "blobs").put(path, name)
    assert steps == ["file", "link", "directory", "directory"]


async def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(_source: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    blobs = DirectoryBlobs(tmp_path / "blobs")
    path, name = part(tmp_path)
    await blobs.put(path, name)
    assert not path.exists()
    assert list(await blobs.names(limit=10)) == [name]


async def test_what_is_no_blob_is_not_told(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path / "blobs")
    path, name = part(tmp_path)
    await blobs.put(path, name)
    (tmp_path / "blobs" / "lost+found").mkdir()
    (tmp_path / "blobs" / "ab").mkdir(exist_ok=True)
    (tmp_path / "blobs" / "ab" / "notes.txt").touch()
    (tmp_path / "blobs" / "zz").touch()
    assert list(await blobs.names(limit=10)) == [name]
