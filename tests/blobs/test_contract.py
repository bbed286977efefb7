"""The contract of blob stores: every implementation passes all of this."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from trio_chat.blobs import s3 as s3_module
from trio_chat.blobs.base import NoSuchBlob
from trio_chat.blobs.directory import DirectoryBlobs
from trio_chat.blobs.s3 import S3Blobs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3_server import S3Server
    from trio_chat.blobs.base import BlobStore

pytestmark = pytest.mark.trio


@pytest.fixture(params=["directory", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    if request.param == "directory":
        return DirectoryBlobs(tmp_path / "files" / "blobs")
    server: S3Server = request.getfixturevalue("s3")
    monkeypatch.setattr(s3_module, "make_client", lambda _: server.client)
    return S3Blobs(server.bucket())


def file_of(tmp_path: Path, content: bytes) -> tuple[Path, str]:
    """A file with this content, on the file system of the store, and the blob's name."""
    path = tmp_path / "part"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


async def put(blobs: BlobStore, tmp_path: Path, content: bytes) -> str:
    path, name = file_of(tmp_path, content)
    await blobs.put(path, name)
    path.unlink(missing_ok=True)
    return name


async def read(blobs: BlobStore, name: str) -> bytes:
    async with await blobs.open(name) as blob:
        return await blob.read(0, blob.size)


async def test_what_was_put_is_there(blobs: BlobStore, tmp_path: Path) -> None:
    name = await put(blobs, tmp_path, b"a red kite")
    assert await read(blobs, name) == b"a red kite"


async def test_a_part_of_it_can_be_read(blobs: BlobStore, tmp_path: Path) -> None:
    name = await put(blobs, tmp_path, b"a red kite")
    async with await blobs.open(name) as blob:
        assert blob.size == 10
        assert await blob.read(2, 3) == b"red"
        assert await blob.read(6, 100) == b"kite"
        assert await blob.read(10, 1) == b""


async def test_an_empty_one_is_one_as_well(blobs: BlobStore, tmp_path: Path) -> None:
    name = await put(blobs, tmp_path, b"")
    assert await read(blobs, name) == b""


async def test_putting_it_twice_changes_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    name = await put(blobs, tmp_path, b"a red kite")
    assert await put(blobs, tmp_path, b"a red kite") == name
    assert await read(blobs, name) == b"a red kite"
    assert list(await blobs.names(limit=10)) == [name]


async def test_what_is_there_is_never_written_again(blobs: BlobStore, tmp_path: Path) -> None:
    """A preview that a newer library makes of the same picture has other bytes: the first stay."""
    path, name = file_of(tmp_path, b"a red kite")
    await blobs.put(path, f"{name}.480.webp")
    path.unlink(missing_ok=True)
    path.write_bytes(b"a blue kite")
    await blobs.put(path, f"{name}.480.webp")
    assert await read(blobs, f"{name}.480.webp") == b"a red kite"


async def test_what_is_not_there_cannot_be_opened(blobs: BlobStore) -> None:
    with pytest.raises(NoSuchBlob):
        await blobs.open("0" * 64)


async def test_what_was_removed_is_gone(blobs: BlobStore, tmp_path: Path) -> None:
    name = await put(blobs, tmp_path, b"a red kite")
    other = await put(blobs, tmp_path, b"a blue kite")
    await blobs.remove(name)
    with pytest.raises(NoSuchBlob):
        await blobs.open(name)
    assert list(await blobs.names(limit=10)) == [other]
    await blobs.remove(name)  # once more: that is no error


async def test_what_was_removed_can_be_put_again(blobs: BlobStore, tmp_path: Path) -> None:
    name = await put(blobs, tmp_path, b"a red kite")
    await blobs.remove(name)
    await put(blobs, tmp_path, b"a red kite")
    assert await read(blobs, name) == b"a red kite"


async def test_who_has_it_open_may_read_on(blobs: BlobStore, tmp_path: Path) -> None:
    name = await put(blobs, tmp_path, b"a red kite")
    async with await blobs.open(name) as blob:
        await blobs.remove(name)
        assert await blob.read(0, 10) == b"a red kite"


async def test_names_come_in_order_and_in_pages(blobs: BlobStore, tmp_path: Path) -> None:
    names = sorted([await put(blobs, tmp_path, b"%d" % number) for number in range(30)])
    path, _ = file_of(tmp_path, b"preview")
    await blobs.put(path, f"{names[3]}.480.webp")
    names = sorted([*names, f"{names[3]}.480.webp"])
    found: list[str] = []
    while page := await blobs.names(after=found[-1] if found else "", limit=7):
        assert len(page) == min(7, len(names) - len(found))
        found += page
    assert found == names


async def test_what_is_there_is_not_unfinished(blobs: BlobStore, tmp_path: Path) -> None:
    await blobs.discard_unfinished()
    name = await put(blobs, tmp_path, b"a red kite")
    await blobs.discard_unfinished()
    assert await read(blobs, name) == b"a red kite"


async def test_what_is_large_can_be_read_in_any_order(blobs: BlobStore, tmp_path: Path) -> None:
    content = random.Random(7).randbytes(3 * 1024 * 1024 + 17)
    name = await put(blobs, tmp_path, content)
    async with await blobs.open(name) as blob:
        assert blob.size == len(content)
        for start in (0, 262_144, 524_288, 2_000_000, 17, len(content) - 5, 1_048_570):
            assert await blob.read(start, 262_144) == content[start : start + 262_144]


async def test_without_blobs_there_are_no_names(blobs: BlobStore) -> None:
    assert list(await blobs.names(limit=10)) == []


@pytest.mark.parametrize(
    "name", ["", "kite", "../" + "0" * 61, "0" * 63, "0" * 64 + "/x", "A" * 64, "0" * 64 + "."]
)
async def test_nothing_else_is_a_name(blobs: BlobStore, tmp_path: Path, name: str) -> None:
    path, _ = file_of(tmp_path, b"a red kite")
    with pytest.raises(ValueError, match="not the name of a blob"):
        await blobs.put(path, name)
    with pytest.raises(ValueError, match="not the name of a blob"):
        await blobs.open(name)
    with pytest.raises(ValueError, match="not the name of a blob"):
        await blobs.remove(name)


async def test_a_mark_tells_one_place_from_another_and_is_no_blob(blobs: BlobStore, tmp_path: Path) -> None:
    assert not await blobs.has_mark("a1b2")
    for _ in range(2):
        await blobs.mark("a1b2")
    assert await blobs.has_mark("a1b2")
    assert not await blobs.has_mark("a1b3")
    assert list(await blobs.names(limit=10)) == []
