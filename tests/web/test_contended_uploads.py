"""Uploads over HTTP at which many requests work at once, or that are dropped while bytes come."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.files import FileServing, open_file_server
from tests.support.raw import PATIENCE_S, get, open_raw
from trio_chat.files import places
from trio_chat.files.uploads import SHARE_OF_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

KITE = os.urandom(700_000)

ARRIVED_S = 0.05
"""Nothing has moved for so long: what was sent on this machine has arrived, and waits."""


def patch_head(upload: str, length: int) -> bytes:
    return get(
        f"/uploads/{upload}",
        method="PATCH",
        upload_offset="0",
        content_type="application/partial-upload",
        content_length=str(length),
    )


async def appears(files: FileServing, pattern: str) -> None:
    with trio.fail_after(PATIENCE_S):
        while not any(files.directory.rglob(pattern)):
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("method", ["HEAD", "PATCH"])
async def test_who_asks_during_the_end_is_told_of_the_end(tmp_path: Path, method: str) -> None:
    """And not that nothing of it is there, and all is to come once more."""
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), len(KITE))
        await files.patch(upload, KITE)
        offsets: list[str] = []

        async def end() -> None:
            answer = await files.patch(upload, b"", offset=len(KITE), is_last=True)
            offsets.append(answer.headers["upload-offset"])

        async def how_far() -> None:
            offsets.append((await files.head(upload)).headers["upload-offset"])

        async with trio.open_nursery() as nursery:
            with files.serving.store.holding_commits():
                nursery.start_soon(end)
                await appears(files, "blobs/*/*")
                nursery.start_soon(how_far if method == "HEAD" else end)
                await trio.testing.wait_all_tasks_blocked(ARRIVED_S)
        assert offsets == [str(len(KITE))] * 2
        assert not any(files.directory.glob("parts/*"))


async def test_an_upload_ends_when_its_row_goes(tmp_path: Path) -> None:
    """As it does with a ban, of which this service is not told."""
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), len(KITE))
        async with open_raw(files.port) as peer:
            await peer.send(patch_head(upload, len(KITE)) + KITE[:300_000])
            await appears(files, upload)
            await files.serving.store.drop_upload(upload, person=None)
            assert (await peer.receive_answer()).status == 404
        assert not any(files.directory.glob("parts/*"))


async def test_one_poster_at_a_time_is_taken_for_an_upload(tmp_path: Path) -> None:
    """Each may have a megabyte in memory, and there are as many as an address has connections."""
    async with open_file_server(tmp_path) as files, AsyncExitStack() as stack:
        upload = await files.begin(await files.person("Ada"), 10)
        peers = [await stack.enter_async_context(open_raw(files.port)) for _ in range(5)]
        for peer in peers:
            await peer.send(
                get(f"/uploads/{upload}/poster", method="PUT", content_length="100000") + bytes(50_000)
            )
            await trio.testing.wait_all_tasks_blocked(ARRIVED_S)
        for peer in peers[:-1]:
            assert (await peer.receive_answer()).status == 409
        await peers[-1].send(bytes(50_000))
        assert (await peers[-1].receive_head()).startswith(b"HTTP/1.1 204 ")


async def test_no_poster_stays_behind_an_upload(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files, open_raw(files.port) as peer:
        upload = await files.begin(await files.person("Ada"), 10)
        await peer.send(get(f"/uploads/{upload}/poster", method="PUT", content_length="10") + b"a red")
        await trio.testing.wait_all_tasks_blocked(ARRIVED_S)
        await files.serving.hub.files.uploads.drop(upload)
        await peer.send(b" kite")
        assert (await peer.receive_answer()).status in (404, 409)
        assert not any(files.directory.glob("parts/*"))


async def test_an_upload_that_hardly_moves_gives_its_place_up_and_loses_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else some who send a byte now and then hold all places, and nobody else sends a file."""
    caplog.set_level("INFO")
    monkeypatch.setattr(places, "FAIR_S", 0.5)
    async with open_file_server(tmp_path, uploads_at_once=1) as files, AsyncExitStack() as stack:
        slow = []
        for number in range(SHARE_OF_ADDRESS):
            upload = await files.begin(await files.person(f"Eve {number}"), len(KITE))
            peer = await stack.enter_async_context(open_raw(files.port))
            await peer.send(patch_head(upload, len(KITE)) + KITE[:100])
            slow.append((upload, peer))
        with trio.fail_after(PATIENCE_S):
            while len(files.serving.hub.files.transfers) < SHARE_OF_ADDRESS:
                await trio.lowlevel.checkpoint()
        await files.upload(await files.person("Ada"), KITE)
        assert "hardly moves" in caplog.text
        ended = [(await files.head(upload)).headers["upload-offset"] for upload, _ in slow]
        assert set(ended) == {"100"}, "and the bytes are there"
        upload, peer = slow[0]
        answer = await peer.receive_answer()
        assert answer.status in (409, 503)
        assert (await files.patch(upload, KITE[100:], offset=100, is_last=True)).status == 200


async def test_so_many_uploads_of_a_person_move_and_others_have_their_places(tmp_path: Path) -> None:
    async with open_file_server(tmp_path, uploads_at_once=1) as files, AsyncExitStack() as stack:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        peers = []
        for _ in range(2):
            peer = await stack.enter_async_context(open_raw(files.port))
            await peer.send(patch_head(await files.begin(ada, len(KITE)), len(KITE)) + KITE[:100])
            await trio.testing.wait_all_tasks_blocked(ARRIVED_S)
            peers.append(peer)
        await files.upload(bob, KITE)
        assert len(list(files.directory.glob("parts/*"))) == 1, "the second has not begun"
        first, second = peers
        first.reset()
        await second.send(KITE[100:])
        assert (await second.receive_answer()).status == 204
