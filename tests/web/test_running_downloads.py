"""Downloads under way: they are cut when nobody may have them any more, and hold up nobody else."""

from __future__ import annotations

import os
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.files import FileServing, Sender, open_file_server, open_two_file_servers
from tests.support.raw import PATIENCE_S, RawPeer, get, open_raw, open_v1
from tests.support.serving import open_conversation
from trio_chat.files import places
from trio_chat.files.downloads import AT_ONCE_FROM_ADDRESS
from trio_chat.model.tokens import hash_of
from trio_chat.store.hints import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LARGE = os.urandom(1024 * 1024) * 8
"""More than all buffers on the way take."""


@asynccontextmanager
async def open_download(
    files: FileServing, target: str, who: Sender, *, receive_buffer: int = 4096
) -> AsyncIterator[RawPeer]:
    """A download that has begun, by somebody who takes no more of it."""
    async with open_raw(files.port, receive_buffer=receive_buffer) as peer:
        await peer.send(get(target, authorization=f"Bearer {who.token}"))
        assert (await peer.receive_head()).startswith(b"HTTP/1.1 200 ")
        yield peer


async def is_cut(files: FileServing, peer: RawPeer) -> None:
    """Wait until the server sends no more of the download; fails the test if that takes long, or it was sent whole."""
    with trio.fail_after(PATIENCE_S):
        while len(files.serving.hub.files.transfers):
            await trio.lowlevel.checkpoint()
    assert 0 < len(await peer.receive_to_the_end()) < len(LARGE)


async def test_with_its_message_a_file_is_gone_at_once(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        target = await files.sent(ada, LARGE)
        async with open_download(files, target, bob) as peer:
            await files.delete(ada, int(target.split("/")[3]))
            await files.wait_until_gone()
            await is_cut(files, peer)
        assert (await files.get(target, bob)).status == 404


async def test_who_is_logged_out_gets_no_more(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        target = await files.sent(ada, LARGE)
        async with (
            open_download(files, target, bob) as peer,
            open_download(files, target, ada, receive_buffer=65536) as other,
        ):
            await files.serving.store.remove_devices(bob.id)
            with trio.fail_after(PATIENCE_S):
                while len(files.serving.hub.files.transfers) > 1:
                    await trio.lowlevel.checkpoint()
            assert 0 < len(await peer.receive_to_the_end()) < len(LARGE)
            assert await other.receive_to_the_end() == LARGE


@pytest.mark.parametrize("how", ["delete", "log out"])
async def test_what_is_decided_at_one_node_cuts_downloads_at_another(tmp_path: Path, how: str) -> None:
    """Also if nothing is told to that one: it looks into the store."""
    async with open_two_file_servers(tmp_path) as (store, one, two):
        store.lose_hints()
        store.lose_messages()
        ada, bob = await one.person("Ada"), await two.person("Bob")
        target = await one.sent(ada, LARGE)
        async with open_download(two, target, bob) as peer:
            began = time.monotonic()
            if how == "delete":
                await one.delete(ada, int(target.split("/")[3]))
            else:
                await store.remove_devices(bob.id)
            await is_cut(two, peer)
            assert time.monotonic() - began < 30  # no minute
        assert (await two.get(target, bob)).status == 404


async def test_who_is_sent_away_at_one_node_gets_no_more_at_another(tmp_path: Path) -> None:
    async with open_two_file_servers(tmp_path) as (store, one, two):
        ada, bob = await one.person("Ada"), await two.person("Bob")
        async with _open(one, ada) as its_ada, _open(two, bob) as its_bob:
            room = await _shared_room(its_ada, its_bob)
            target = await _sent(one, its_ada, room)
            async with open_download(two, target, bob) as peer:
                store.lose_hints()
                await its_ada.say(type="ban", id="c4", room=room, person=bob.id)
                await its_ada.hear(lambda said: said["type"] == "ack" and said["id"] == "c4")
                store.bell.ring(EVERYTHING)  # as every two seconds
                await is_cut(two, peer)
        assert (await two.get(target, bob)).status == 404
        assert (await one.get(target, ada)).body == LARGE


@pytest.mark.parametrize("how", ["ban", "part"])
async def test_who_is_not_in_the_room_any_more_gets_no_more(tmp_path: Path, how: str) -> None:
    """Also of a room that nobody has open: then its log says who is in it."""
    async with open_file_server(tmp_path) as files:
        ada, bob, eve = [await files.person(name) for name in ("Ada", "Bob", "Eve")]
        async with _open(files, ada) as its_ada, _open(files, bob) as its_bob:
            room = await _shared_room(its_ada, its_bob)
            target = await _sent(files, its_ada, room)
            assert (await files.get(target, bob)).body == LARGE
            assert (await files.get(target, eve)).status == 404
            async with open_download(files, target, bob) as peer:
                if how == "part":
                    await its_bob.say(type="join", id="c5", room=room)
                    await its_bob.say(type="part", id="c4", room=room)
                else:
                    await its_ada.say(type=how, id="c4", room=room, person=bob.id)
                await is_cut(files, peer)
        assert (await files.get(target, bob)).status == 404
        assert (await files.get(target, ada)).body == LARGE


@asynccontextmanager
async def _open(files: FileServing, who: Sender) -> AsyncIterator[RawPeer]:
    async with open_v1(files.port, token=who.token) as (peer, _, _joined):
        yield peer


async def _shared_room(ada: RawPeer, bob: RawPeer) -> str:
    """A private room that Ada has made and joined, and of which Bob is a member."""
    await ada.say(type="create", id="c1", kind="private", title="Kites")
    room: str = (await ada.hear(lambda said: said["type"] == "ack" or "room" in said))["room"]
    await ada.say(type="join", id="c2", room=room)
    await ada.hear("joined")
    await ada.say(type="invite", id="c3", room=room)
    token = (await ada.hear("invited"))["token"]
    await bob.say(type="accept", id="c3", token=token)
    await bob.hear(lambda said: said["type"] == "ack" and said["id"] == "c3")
    return room


async def _sent(files: FileServing, peer: RawPeer, room: str) -> str:
    """The address of a large file in a message of a room that the peer has joined."""
    await peer.say(type="upload", id="c10", room=room, name="kite.bin", bytes=len(LARGE))
    upload = (await peer.hear("upload"))["upload"]
    assert (await files.patch(upload, LARGE, is_last=True)).status == 200
    await peer.say(type="send", id="c11", room=room, text="", files=[{"upload": upload}])
    said: dict[str, Any] = await peer.hear(lambda said: said["type"] == "ack" and said["id"] == "c11")
    return f"/files/{room}/{said['seq']}/0/kite.bin"


@pytest.mark.parametrize("how", ["ban", "knock"])
async def test_who_may_not_be_here_any_more_gets_no_more(tmp_path: Path, how: str) -> None:
    async with open_file_server(tmp_path) as files:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        await files.serving.store.add_owner_link(
            hash_of("own"), ends_ms=files.now_ms() + 3_600_000, at_ms=files.now_ms()
        )
        target = await files.sent(ada, LARGE)
        async with _open(files, ada) as its_ada:
            await its_ada.say(type="become_owner", id="c1", token="own")
            assert (await its_ada.hear(lambda said: said.get("id") == "c1"))["type"] == "ack"
            await its_ada.say(type="join", id="c2", room="~server")
            await its_ada.hear(lambda said: said["type"] == "joined" and said["room"] == "~server")
            async with open_download(files, target, bob) as peer:
                if how == "ban":
                    await its_ada.say(type="ban", id="c3", room="~server", person=bob.id)
                else:
                    await its_ada.say(type="mode", id="c3", room="~server", mode="knock")
                await is_cut(files, peer)
        assert (await files.get(target, bob)).status == 404
        assert (await files.get(target, ada)).status == 200
        assert (await files.get("/files/session", bob, method="POST")).status == 403


async def test_slow_downloads_hold_up_nobody(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files, AsyncExitStack() as stack:
        people = [await files.person(f"Person {number}") for number in range(10)]
        target = await files.sent(people[0], LARGE)
        async with open_conversation(files.port) as talk:
            await talk.wait_lines(200)
            before_s = talk.longest_s
            for number in range(50):
                await stack.enter_async_context(open_download(files, target, people[number % 10]))
            await talk.wait_lines(200)  # until all buffers are full
            talk.longest_s = 0
            await talk.wait_lines(200)
        assert len(files.serving.hub.files.transfers) == 50
        assert talk.longest_s < max(10 * before_s, 5)  # what waits for a slow one waits for ever


async def test_a_person_has_so_many_downloads_and_others_have_theirs(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files, AsyncExitStack() as stack:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        target = await files.sent(ada, LARGE)
        peers = [await stack.enter_async_context(open_download(files, target, ada)) for _ in range(8)]
        ninth = await stack.enter_async_context(open_raw(files.port))
        await ninth.send(get(target, authorization=f"Bearer {ada.token}"))
        assert (await files.get(target, bob)).body == LARGE
        with trio.move_on_after(0.2) as waiting:
            await ninth.stream.receive_some(1)
        assert waiting.cancelled_caught
        peers[0].reset()
        assert (await ninth.receive_head()).startswith(b"HTTP/1.1 200 ")


async def test_small_ones_are_not_held_up_by_large_ones(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files, AsyncExitStack() as stack:
        ada = await files.person("Ada")
        large, small = await files.sent(ada, LARGE), await files.sent(ada, b"kite")
        for _ in range(8):
            await stack.enter_async_context(open_download(files, large, ada))
        assert (await files.get(small, ada)).body == b"kite"


async def test_downloads_that_hardly_move_give_way_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else seven identities from one address hold all places that it has, and eight all of the server."""
    caplog.set_level("INFO")
    monkeypatch.setattr(places, "FAIR_S", 1.0)
    async with open_file_server(tmp_path) as files, AsyncExitStack() as stack:
        people = [await files.person(f"Person {number}") for number in range(8)]
        target = await files.sent(people[0], LARGE)
        for number in range(AT_ONCE_FROM_ADDRESS):
            await stack.enter_async_context(open_download(files, target, people[number // 8]))
        assert len(files.serving.hub.files.transfers) == AT_ONCE_FROM_ADDRESS
        began = trio.current_time()
        assert (await files.get(target, people[7])).body == LARGE
        assert trio.current_time() - began < PATIENCE_S
        assert caplog.text.count("hardly moves") == 1
        assert len(files.serving.hub.files.transfers) == AT_ONCE_FROM_ADDRESS - 1, "one is enough"
