"""Accepting: from whom, how many at a time, and what if the system is out of descriptors."""

from __future__ import annotations

import os
import resource
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.raw import PATIENCE_S, RawPeer, open_peer, upgrade
from tests.support.serving import open_server
from trio_chat.server.listeners import ACCEPTED_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Nothing can be opened in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_who_comes_while_there_are_no_descriptors_is_served_once_there_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_server() as serving:
        with trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock, trio.fail_after(PATIENCE_S):
            with no_more_descriptors():
                await sock.connect(("127.0.0.1", serving.port))
                while "nobody can connect for now" not in caplog.text:
                    await trio.lowlevel.checkpoint()
            peer = RawPeer(trio.SocketStream(sock))
            await peer.send(upgrade())
            assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("is_late", [False, True], ids=["asked before", "asks once accepted"])
async def test_a_crowd_leaves_others_their_turns(is_late: bool) -> None:
    crowd = 10 * ACCEPTED_AT_ONCE
    async with open_server() as serving, open_peer(serving.port) as here:
        await serving.wait_connected(1)
        with ExitStack() as stack, trio.fail_after(PATIENCE_S):
            sockets = [
                stack.enter_context(socket.create_connection(("127.0.0.1", serving.port)))
                for _ in range(crowd)
            ]
            while is_late and serving.limits.total < 1 + crowd:
                await trio.lowlevel.checkpoint()
            for sock in sockets:
                sock.sendall(upgrade())
            turns, connected = 0, 1
            while connected < 1 + crowd:
                turns += 1
                await trio.lowlevel.checkpoint()
                now = serving.server.statistics().connected
                assert now - connected <= 2 * ACCEPTED_AT_ONCE
                connected = now
            assert turns >= crowd / (2 * ACCEPTED_AT_ONCE)
        await here.send_text("still here")
        assert await here.receive_text() == "still here"
