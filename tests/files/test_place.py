"""The place of files: a node that has another one than the others is told so, and does not start."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.killed_uploads import ADA, AT_MS, Service, upload
from tests.support.memory_store import open_memory_store
from tests.support.people import add_person
from trio_chat.app import serve
from trio_chat.blobs.directory import DirectoryBlobs
from trio_chat.blobs.places import S3Place, SharedDirectory
from trio_chat.blobs.s3 import S3Blobs
from trio_chat.config.config import Config
from trio_chat.config.setting import StoreAddress
from trio_chat.errors import StartError
from trio_chat.files.place import check_place
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.s3_server import S3Server
    from trio_chat.store.base import Store


@pytest.fixture
async def stores(database: str) -> AsyncIterator[list[Store]]:
    """Those of two nodes."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_postgresql_store(database)) for _ in range(2)]


async def refused(store: Store, directory: Path) -> str:
    """Why these files are not those of the others."""
    with pytest.raises(StartError) as error:
        await check_place(store, DirectoryBlobs(directory / "blobs"), directory)
    return str(error.value)


async def test_all_nodes_have_the_directory_that_the_first_had(stores: list[Store], tmp_path: Path) -> None:
    for store in (*stores, *stores):
        await check_place(store, DirectoryBlobs(tmp_path / "shared" / "blobs"), tmp_path)
    why = await refused(stores[1], tmp_path / "own")
    assert str(tmp_path / "own") in why
    assert "--files shared:" in why
    assert not (tmp_path / "own").exists()


async def test_all_nodes_have_the_bucket_that_the_first_had(stores: list[Store], s3: S3Server) -> None:
    place, other = s3.bucket(), s3.bucket()
    for store in stores:
        await check_place(store, S3Blobs(place), place)
    with pytest.raises(StartError, match=other.bucket):
        await check_place(stores[1], S3Blobs(other), other)
    assert await S3Blobs(place).names(limit=10) == [], "the sweep does not see the mark"


async def test_of_two_first_nodes_with_different_directories_one_does_not_start(
    stores: list[Store], tmp_path: Path
) -> None:
    sentences: list[str] = []

    async def check(number: int) -> None:
        blobs = DirectoryBlobs(tmp_path / str(number) / "blobs")
        try:
            await check_place(stores[number], blobs, number)
        except StartError as error:
            sentences.append(str(error))

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(check, number)
    assert len(sentences) == 1


async def test_a_node_that_is_alone_may_have_another_directory_until_there_are_files(
    database: str, tmp_path: Path
) -> None:
    """Its directory may be lost with its machine; that no file was in it harms nobody."""
    for number in range(2):
        async with open_postgresql_store(database) as store:
            await check_place(store, DirectoryBlobs(tmp_path / str(number) / "blobs"), number)
    async with open_postgresql_store(database) as store:
        assert "--files" in await refused_after_a_file(store, tmp_path)
    async with open_postgresql_store(database) as store:
        await refused(store, tmp_path / "0")


async def refused_after_a_file(store: Store, tmp_path: Path) -> str:
    """Why the first directory is not the right one any more, once a file came into the second."""
    await add_person(store, ADA, name_key="ada", token_hash=b"ada", at_ms=AT_MS)
    await upload(Service(tmp_path / "1", store), b"a red kite")
    return await refused(store, tmp_path / "0")


async def test_a_place_that_does_not_answer_keeps_nobody_from_starting(
    stores: list[Store], s3: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    gone = S3Place("nowhere", endpoint="http://127.0.0.1:9")
    await check_place(stores[0], S3Blobs(gone, deadline_s=0.5), gone)
    assert "is not known" in caplog.text


async def test_a_server_that_is_alone_has_no_mark(tmp_path: Path) -> None:
    async with open_memory_store() as store:
        await check_place(store, DirectoryBlobs(tmp_path / "files" / "blobs"), tmp_path)
    assert not (tmp_path / "files").exists()


async def test_the_server_does_not_start_with_other_files(
    stores: list[Store], database: str, tmp_path: Path
) -> None:
    await check_place(stores[0], DirectoryBlobs(tmp_path / "shared" / "blobs"), "")
    config = Config(
        data=tmp_path / "data",
        port=0,
        store=StoreAddress(database),
        files=SharedDirectory(tmp_path / "another"),
    )
    not_those = pytest.RaisesExc(StartError, match=r"not those of the other servers")
    with pytest.RaisesGroup(not_those, flatten_subgroups=True):
        await serve(config, stop=trio.Event())
