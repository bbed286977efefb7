"""A disk for files that is really full, while a piece is written and while a file is finished: messages go on, and so
does the upload once there is space. Needs root, to mount a small one."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import pictures
from tests.support.files import open_file_server
from tests.support.serving import open_conversation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024
DISK = 8 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of `DISK` bytes."""
    place = tmp_path / "files"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", str(place)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("NOT TESTED: a full disk, as no file system can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


async def test_a_piece_that_finds_no_space_is_refused_and_the_chat_goes_on(
    tmp_path: Path, disk: Path
) -> None:
    data = os.urandom(DISK + MIB)
    async with open_file_server(tmp_path, disk_floor=0) as files, open_conversation(files.port) as talk:
        ada = await files.person("Ada")
        upload = await files.begin(ada, len(data))
        await talk.wait_lines(2)
        refused = await files.patch(upload, data)
        assert (refused.status, b"Messages can." in refused.body) == (507, True)
        came = int((await files.head(upload)).headers["upload-offset"])
        assert DISK // 2 < came <= DISK
        await talk.wait_lines(2)
        assert (await files.patch(upload, data[came:], offset=came)).status == 507
        await files.serving.hub.files.uploads.drop(upload)
        assert files.on_disk() == []
        await files.upload(ada, os.urandom(MIB))


async def test_a_file_that_cannot_be_finished_for_want_of_space_is_finished_when_there_is_some(
    tmp_path: Path, disk: Path
) -> None:
    """It is kept a second time, without what is taken out of it."""
    image = pictures.jpeg_bytes(
        pictures.photo(2000, 1500), exif=pictures.exif(), comment=os.urandom(60_000), quality=100
    )
    image += os.urandom(5 * MIB - len(image))  # behind the picture, which is cut
    async with open_file_server(tmp_path, disk_floor=0) as files, open_conversation(files.port) as talk:
        ada = await files.person("Ada")
        upload = await files.begin(ada, len(image), name="kite.jpg")
        assert (await files.patch(upload, image)).status == 204
        free = os.statvfs(disk)
        filler = disk / "filler"
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize - 8 * 4096))
        refused = await files.patch(upload, b"", offset=len(image), is_last=True)
        assert (refused.status, refused.body) == (507, b"The server's disk is full. Try later.\n")
        assert (await files.head(upload)).headers["upload-complete"] == "?0"
        assert files.on_disk() == ["filler", upload]
        await talk.wait_lines(2)
        filler.unlink()
        answer = await files.patch(upload, b"", offset=len(image), is_last=True)
        assert answer.status == 200, answer
        assert upload not in files.on_disk()
