"""Uploads that go on at another node: from where they were, if the nodes share a directory; else from the beginning, by
themselves."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.files import FileServing, open_two_file_servers
from tests.support.pictures import png
from tests.support.raw import PATIENCE_S, RawPeer, get, open_raw
from trio_chat.files.parts import WRITE_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.s3_server import S3Server

KITE = os.urandom(1024 * 1024)
HALF = len(KITE) // 2


@asynccontextmanager
async def open_patch(files: FileServing, upload: str, *, offset: int = 0) -> AsyncIterator[RawPeer]:
    """A request that adds to an upload up to its end, and of whose body nothing has come."""
    async with open_raw(files.port) as peer:
        fields = {
            "upload_offset": str(offset),
            "upload_complete": "?0",
            "content_type": "application/partial-upload",
            "content_length": str(len(KITE) - offset),
        }
        await peer.send(get(f"/uploads/{upload}", method="PATCH", **fields))
        yield peer


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not is_so():
            await trio.lowlevel.checkpoint()


def left(tmp_path: Path) -> list[Path]:
    """What is left of uploads under way."""
    return [*tmp_path.rglob("parts/*"), *tmp_path.rglob("*.made")]


async def offset_at(files: FileServing, upload: str) -> int:
    return int((await files.head(upload)).headers["upload-offset"])


async def test_an_upload_goes_on_at_another_node_where_it_was(tmp_path: Path) -> None:
    async with open_two_file_servers(tmp_path) as (_, one, two):
        ada = await one.person("Ada")
        upload = await one.begin(ada, len(KITE))
        assert (await one.patch(upload, KITE[:HALF])).status == 204
        assert await offset_at(two, upload) == HALF
        assert (await two.patch(upload, KITE[HALF:], offset=HALF, is_last=True)).status == 200
        seq = await one.send(ada, upload)
        for files in (one, two):
            assert (await files.get(f"/files/lobby/{seq}/0/kite.bin", ada)).body == KITE
        assert left(tmp_path) == []


async def test_what_a_hanging_request_brings_to_one_node_does_not_spoil_what_comes_to_another(
    tmp_path: Path,
) -> None:
    """As a balancer that has lost a client may deliver the rest late."""
    async with open_two_file_servers(tmp_path) as (_, one, two):
        ada = await one.person("Ada")
        upload = await one.begin(ada, len(KITE))
        part = tmp_path / "files" / "parts" / upload
        async with open_patch(one, upload) as hanging:
            await hanging.send(KITE[:WRITE_BYTES])
            await until(lambda: part.exists() and part.stat().st_size == WRITE_BYTES)
            await hanging.send(KITE[WRITE_BYTES : HALF - 1])  # too little to be written
            offset = await offset_at(two, upload)
            assert offset == WRITE_BYTES
            async with open_patch(two, upload, offset=offset) as going_on:
                await going_on.send(KITE[offset : offset + WRITE_BYTES])
                await until(lambda: part.stat().st_size == offset + WRITE_BYTES)
                await hanging.send(KITE[HALF - 1 :])
                assert (await hanging.receive_answer()).status == 204
                await going_on.send(KITE[offset + WRITE_BYTES :])
                assert (await going_on.receive_answer()).status == 204
        assert await offset_at(one, upload) == len(KITE)
        assert (await two.patch(upload, b"", offset=len(KITE), is_last=True)).status == 200
        seq = await one.send(ada, upload)
        assert (await two.get(f"/files/lobby/{seq}/0/kite.bin", ada)).body == KITE


async def test_an_upload_that_is_finished_at_two_nodes_at_once_is_one(tmp_path: Path) -> None:
    picture = png()
    async with open_two_file_servers(tmp_path) as (store, one, two):
        ada = await one.person("Ada")
        for _ in range(5):
            upload = await one.begin(ada, len(picture), name="kite.png")
            assert (await one.patch(upload, picture)).status == 204

            async def finish(files: FileServing, upload: str = upload) -> None:
                # It may be gone just as it is looked into: then one comes back.
                while (await files.patch(upload, b"", offset=len(picture), is_last=True)).status != 200:
                    pass

            with trio.fail_after(PATIENCE_S):
                async with trio.open_nursery() as nursery:
                    for files in (one, two):
                        nursery.start_soon(finish, files)
            await one.send(ada, upload)
        assert len(await store.known_blobs("", 10)) == 1
        assert await store.files_usage(ada.id) == 5 * await store.server_usage()
        for files in (one, two):
            await files.serving.hub.files.sweeper.expire()
        assert left(tmp_path) == []


async def test_with_files_in_a_bucket_it_begins_anew_at_another_node(tmp_path: Path, s3: S3Server) -> None:
    async with open_two_file_servers(tmp_path, place=s3.bucket()) as (_, one, two):
        ada = await one.person("Ada")
        upload = await one.begin(ada, len(KITE))
        assert (await one.patch(upload, KITE[:HALF])).status == 204
        answer = await two.patch(upload, KITE[HALF:], offset=HALF, is_last=True)
        assert (answer.status, answer.headers["upload-offset"]) == (409, "0")
        assert (await two.patch(upload, KITE, is_last=True)).status == 200
        answer = await one.patch(upload, KITE[HALF:], offset=HALF, is_last=True)
        assert (answer.status, answer.headers["upload-offset"]) == (409, str(len(KITE)))
        assert (await one.patch(upload, b"", offset=len(KITE), is_last=True)).status == 200
        seq = await one.send(ada, upload)
        assert (await two.get(f"/files/lobby/{seq}/0/kite.bin", ada)).body == KITE


@pytest.mark.parametrize("first", ["one", "two"])
async def test_an_upload_that_is_cancelled_at_one_node_is_gone_at_both(tmp_path: Path, first: str) -> None:
    async with open_two_file_servers(tmp_path) as (_, one, two):
        upload = await one.begin(await one.person("Ada"), len(KITE))
        async with open_patch(one, upload) as peer:
            await peer.send(KITE[:HALF])
            await until(lambda: one.n_transfers == 1)
            at = {"one": one, "two": two}[first]
            assert await at.serving.hub.files.uploads.drop(upload)
            assert (await peer.receive_answer()).status == (404 if first == "two" else 409)
        for files in (one, two):
            assert (await files.head(upload)).status == 404
        assert left(tmp_path) == []
