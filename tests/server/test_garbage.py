"""However a connection ends, reference counting frees all of it: nobody waits for the garbage collector."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio
from trio_websocket import WebSocketConnection

from tests.support.raw import PATIENCE_S, TEXT, close_frame, frame, get, open_peer, open_raw, open_v1, upgrade
from tests.support.serving import Serving, open_server
from tests.support.tls import make_authority, open_tls
from trio_chat.net.outbox import Outbox
from trio_chat.net.websocket import WebSocket
from trio_chat.net.wire import Wire
from trio_chat.server.certificates import Certificates
from trio_chat.server.connection import Connection
from trio_chat.server.http_connection import HttpConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path


async def _plain_closes(serving: Serving) -> None:
    async with open_peer(serving.port) as peer:
        await peer.send_text("hello")
        assert await peer.receive_text()
        await peer.send(close_frame())
        await peer.receive_close_code()


async def _v1_closes(serving: Serving) -> None:
    async with open_v1(serving.port) as (peer, _, _):
        await peer.say(type="send", id="a", room="lobby", text="hello")
        await peer.hear("ack")
        await peer.say(type="nonsense", id="b")
        await peer.send(close_frame())
        await peer.receive_to_the_end()


async def _v1_vanishes(serving: Serving) -> None:
    async with open_v1(serving.port) as (peer, _, _):
        peer.reset()


async def _reads_nothing(serving: Serving) -> None:
    async with open_peer(serving.port, receive_buffer=4096) as peer:
        for _ in range(40):
            await peer.send_text("x" * 4000)
        peer.reset()


async def _breaks_the_protocol(serving: Serving) -> None:
    async with open_peer(serving.port) as peer:
        await peer.send(frame(TEXT, b"\xff"))
        await peer.receive_to_the_end()


async def _sends_too_much(serving: Serving) -> None:
    async with open_peer(serving.port) as peer:
        await peer.send(frame(TEXT, b"x" * 70_000))
        await peer.receive_to_the_end()


async def _is_refused(serving: Serving) -> None:
    async with open_raw(serving.port) as peer:
        await peer.send(upgrade("/elsewhere"))
        await peer.receive_to_the_end()


async def _leaves_before_the_handshake(serving: Serving) -> None:
    async with open_raw(serving.port) as peer:
        await peer.send(b"GET / HT")


async def _asks_for_the_page(serving: Serving) -> None:
    async with open_raw(serving.port) as peer:
        await peer.send(get("/"))
        await peer.receive_answer()


ENDINGS: list[Callable[[Serving], Awaitable[None]]] = [
    _plain_closes,
    _v1_closes,
    _v1_vanishes,
    _reads_nothing,
    _breaks_the_protocol,
    _sends_too_much,
    _is_refused,
    _leaves_before_the_handshake,
    _asks_for_the_page,
]


PARTS = (Wire, Connection, HttpConnection, Outbox, WebSocket, WebSocketConnection)
"""What a connection is made of."""


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _left(serving: Serving) -> list[object]:
    """What is left of connections, when all have ended."""
    with trio.fail_after(PATIENCE_S):
        await serving.wait_connected(0)
        await serving.lobby.inbox.flush()  # what they said is settled: until then it belongs to somebody
    for _ in range(20):  # what the last task of a connection still does
        await trio.lowlevel.checkpoint()
    return [item for item in gc.get_objects() if type(item) in PARTS]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__.strip("_"))
async def test_an_ended_connection_leaves_no_garbage(end: Callable[[Serving], Awaitable[None]]) -> None:
    async with open_server(max_message_bytes=65_536) as serving:
        with _collecting_nothing():
            await end(serving)
            assert await _left(serving) == []


async def test_an_ended_connection_over_tls_leaves_no_garbage(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    async with open_server(Certificates(authority.certificate, authority.key)) as serving:
        with _collecting_nothing():
            async with open_tls(serving.port, authority.client_context()) as (peer, _):
                await peer.send(upgrade())
                assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")
                await peer.send(close_frame())
                await peer.receive_close_code()
            assert await _left(serving) == []
