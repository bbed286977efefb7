"""Stopping the server as operators do: nothing accepted is lost, everybody is told, and it ends in time."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from tests.support import pictures
from tests.support.damage import logged
from tests.support.http import ask
from tests.support.process import ServerProcess, children, open_process
from tests.support.raw import PATIENCE_S, TEXT, RawPeer, frame, get, open_peer, open_raw, open_v1
from trio_chat.app import _before_stopping
from trio_chat.errors import StartError
from trio_chat.ops.stores import DATABASE
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio.testing import MockClock

    from trio_chat.ops.open_stores import OpenedStore

SIGNALS = [signal.SIGTERM, signal.SIGINT]

FREE = ("--messages-per-second", "0")

ENOUGH_TO_STALL = 1600
"""How many of the longest texts are more than what two sockets hold (Linux: 4 MiB at most, tcp(7))."""


async def ended_well(server: ServerProcess) -> None:
    """The server has ended by itself, and had nothing to complain about."""
    status, _, stderr = await server.wait()
    assert status == 0, stderr
    assert "Traceback" not in stderr
    assert " error " not in stderr


@pytest.mark.parametrize("signum", SIGNALS)
async def test_a_stop_tells_all_clients_to_reconnect(signum: signal.Signals, tmp_path: Path) -> None:
    async with (
        open_process(tmp_path) as server,
        open_peer(server.port) as plain,
        open_v1(server.port) as (v1, _welcome, _joined),
        open_peer(server.port, sec_websocket_protocol="trio-chat.v1") as silent,
    ):
        server.signal(signum)
        assert await plain.receive_close_code() == 1001
        assert await v1.receive_close_code() == 1012
        assert await silent.receive_close_code() == 1012
        for peer in (plain, v1, silent):
            await peer.stream.aclose()
        await ended_well(server)


async def test_a_server_with_a_delay_goes_on_unready_before_it_stops(tmp_path: Path) -> None:
    """So a balancer that asks now and then leads nobody to it when it sends its clients away."""
    async with (
        open_process(tmp_path, "--stop-delay", "5") as server,
        open_peer(server.port) as plain,
    ):
        assert (await ask(server.port, "/readyz")).status == 200
        server.signal(signal.SIGTERM)
        while (answer := await ask(server.port, "/readyz")).status == 200:
            await trio.lowlevel.checkpoint()
        assert (answer.status, answer.body) == (503, b"starting or stopping\n")
        async with open_peer(server.port) as late:
            await late.send_text("in time")
            assert await plain.receive_text() == await late.receive_text() == "in time"
            assert await late.receive_close_code() == await plain.receive_close_code() == 1001
            await late.stream.aclose()
        await plain.stream.aclose()
        await ended_well(server)


async def test_an_unfinished_handshake_does_not_delay_a_stop(tmp_path: Path) -> None:
    """Browsers open connections to have them at hand, and say nothing on them."""
    async with (
        open_process(tmp_path, "--drain-timeout", "1000", "--handshake-timeout", "1000") as server,
        open_raw(server.port) as spare,
        open_raw(server.port) as half,
        open_peer(server.port) as well,
    ):
        await half.send(b"GET / HT")
        server.signal(signal.SIGTERM)
        assert await well.receive_close_code() == 1001
        assert await spare.receive_to_the_end() == await half.receive_to_the_end() == b""
        for peer in (well, spare, half):
            await peer.stream.aclose()
        await ended_well(server)


async def test_idle_http_connections_do_not_delay_a_stop(tmp_path: Path) -> None:
    async with (
        open_process(tmp_path, "--drain-timeout", "1000", "--close-timeout", "1000") as server,
        open_raw(server.port) as kept,
        open_raw(server.port) as half,
    ):
        for peer in (kept, half):
            await peer.send(get("/healthz"))
            assert (await peer.receive_answer()).status == 200
        await half.send(b"GET / HT")
        server.signal(signal.SIGTERM)
        assert await kept.receive_to_the_end() == await half.receive_to_the_end() == b""
        await half.stream.aclose()
        await ended_well(server)


async def test_an_endless_download_is_cut_at_the_drain_deadline(tmp_path: Path) -> None:
    async with (
        open_process(tmp_path, "--drain-timeout", "1", "--close-timeout", "1000") as server,
        open_raw(server.port) as download,
    ):
        await download.send(b"POST / HTTP/1.1\r\nHost: chat.example\r\nContent-Length: 1000\r\n\r\n")
        await download.receive_head()
        server.signal(signal.SIGTERM)
        await ended_well(server)


@attrs.define
class Witness:
    """One client that writes as fast as it can, and remembers what it heard."""

    peer: RawPeer
    messages: list[dict[str, Any]] = attrs.field(factory=list)
    texts: list[str] = attrs.field(factory=list)
    acked: dict[str, int] = attrs.field(factory=dict)
    has_much: trio.Event = attrs.field(factory=trio.Event)
    close_code: int | None = None

    async def write(self, lines: list[str]) -> None:
        """Say all of this, or as much as is heard."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            for line in lines:
                await self.peer.stream.send_all(frame(TEXT, line.encode()))

    async def hear(self) -> None:
        """Hear everything to the goodbye."""
        while (found := await self.peer.receive_data()) is not None and found.opcode == TEXT:
            self.texts.append(found.payload.decode())
            if found.payload.startswith(b"{"):
                said = found.json()
                if said["type"] == "ack":
                    self.acked[said["id"]] = said["seq"]
                elif said["type"] == "message":
                    self.messages.append(said)
            if len(self.texts) > 200:
                self.has_much.set()
        self.close_code = found.close_code if found is not None else None


@pytest.mark.parametrize("signum", SIGNALS)
async def test_messages_accepted_before_a_stop_are_logged_and_delivered(
    signum: signal.Signals, tmp_path: Path
) -> None:
    async with (
        open_process(tmp_path, *FREE) as server,
        open_v1(server.port) as (v1_peer, *_),
        open_peer(server.port) as plain_peer,
    ):
        v1, plain = Witness(v1_peer), Witness(plain_peer)
        async with trio.open_nursery() as writing:
            sends = [
                {"type": "send", "id": f"c{n}", "room": "lobby", "text": f"line {n}"} for n in range(20_000)
            ]
            writing.start_soon(v1.write, list(map(json.dumps, sends)))
            writing.start_soon(plain.write, [f"plain {n}" for n in range(20_000)])
            async with trio.open_nursery() as hearing:
                hearing.start_soon(v1.hear)
                hearing.start_soon(plain.hear)
                await v1.has_much.wait()
                server.signal(signum)
            writing.cancel_scope.cancel()
        await v1_peer.stream.aclose()
        await plain_peer.stream.aclose()
        await ended_well(server)
    assert (v1.close_code, plain.close_code) == (1012, 1001)
    events = await logged(open_sqlite_store(tmp_path / DATABASE))
    assert 100 < len(events) < 40_000, "it was stopped in the middle"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {event.client_id: event.seq for event in events if event.client_id} == v1.acked
    assert [message["seq"] for message in v1.messages] == [event.seq for event in events]
    assert plain.texts == [event.body for event in events]


@asynccontextmanager
async def open_stalled(port: int) -> AsyncIterator[None]:
    """A client that took nothing until its connection was full, and takes nothing from then on."""
    async with (
        open_peer(port, receive_buffer=4096),
        open_peer(port) as loud,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(Witness(loud).write, [f"{number:4000}" for number in range(ENOUGH_TO_STALL)])
        for number in range(ENOUGH_TO_STALL):
            assert await loud.receive_text() == f"{number:4000}"
        yield


async def test_a_stuck_peer_delays_a_stop_no_longer_than_the_deadline(tmp_path: Path) -> None:
    async with (
        open_process(tmp_path, *FREE, "--drain-timeout", "1") as server,
        open_stalled(server.port),
        open_peer(server.port) as well,
    ):
        server.signal(signal.SIGTERM)
        began = trio.current_time()
        assert await well.receive_close_code() == 1001
        await ended_well(server)
        assert trio.current_time() - began < 30  # far from what it waits without a deadline: a minute


async def test_a_second_signal_ends_the_server_at_once_and_loses_nothing(tmp_path: Path) -> None:
    async with (
        open_process(tmp_path, *FREE, "--drain-timeout", "1000") as server,
        open_stalled(server.port),
        open_peer(server.port) as well,
    ):
        server.signal(signal.SIGTERM)
        assert await well.receive_close_code() == 1001
        # It is draining now: nobody comes in any more.
        with pytest.raises(OSError, match=r"refused|reset"):
            async with open_raw(server.port):
                pass
        server.signal(signal.SIGINT)
        status, _, stderr = await server.wait()
        assert status == 0
        assert "Traceback" not in stderr
    assert len(await logged(open_sqlite_store(tmp_path / DATABASE))) == ENOUGH_TO_STALL


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: there is no /proc")
async def test_a_stop_while_a_picture_is_looked_into_waits_for_nothing_and_loses_nothing(
    tmp_path: Path,
) -> None:
    """The worker goes with the server; the upload is whole, and is finished at the next one."""
    image = pictures.jpeg_bytes(pictures.photo(9_000, 6_000), exif=pictures.exif(), quality=95)
    async with open_process(tmp_path, "--drain-timeout", "1000") as server:
        async with (
            open_v1(server.port, name="Ada") as (ada, _welcome, _joined),
            open_raw(server.port) as peer,
        ):
            await ada.say(type="upload", id="up", room="lobby", name="kite.jpg", bytes=len(image))
            upload = (await ada.hear("upload"))["upload"]
            await peer.send(_last_piece(upload, 0, image))
            with trio.fail_after(PATIENCE_S):
                while not (workers := children(server.process.pid)):  # noqa: ASYNC110
                    await trio.sleep(0.01)
            server.signal(signal.SIGTERM)
            assert (await peer.receive_answer()).status == 503
            await peer.stream.aclose()
            await ada.stream.aclose()
        await ended_well(server)
        assert not any(_is_there(pid) for pid in workers)
    async with open_process(tmp_path) as server:
        async with open_raw(server.port) as peer:
            await peer.send(get(f"/uploads/{upload}", method="HEAD"))
            assert (await peer.receive_answer(to_head=True)).headers["upload-offset"] == str(len(image))
            peer.patience_s = 60
            await peer.send(_last_piece(upload, len(image), b""))
            answer = await peer.receive_answer()
            assert (answer.status, json.loads(answer.body)["previews"]) == (200, [480, 1600])
        server.signal(signal.SIGTERM)
        await ended_well(server)


def _is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _last_piece(upload: str, offset: int, data: bytes) -> bytes:
    fields = {
        "upload_offset": str(offset),
        "upload_complete": "?1",
        "content_type": "application/partial-upload",
        "content_length": str(len(data)),
    }
    return get(f"/uploads/{upload}", method="PATCH", **fields) + data


async def test_a_stop_waits_no_longer_for_a_database_to_which_the_chat_has_moved(
    autojump_clock: MockClock,
) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:

        async def stop_later() -> None:
            await trio.sleep(3)
            stop.set()

        nursery.start_soon(stop_later)
        assert await _before_stopping(stop, 5.0, trio.sleep_forever) is None
        assert trio.current_time() == 8.0

    async def fail() -> OpenedStore:
        raise StartError("It is elsewhere.")

    with pytest.raises(StartError):
        await _before_stopping(trio.Event(), 5.0, fail)
