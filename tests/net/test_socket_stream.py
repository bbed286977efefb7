"""The stream over a plain socket keeps the contract of Trio's streams, as far as one reader and one writer need it."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from trio_chat.net.socket_stream import RECEIVE_BYTES, UNSENT_BYTES, SocketStream, inherit_options


def make_pair() -> tuple[SocketStream, SocketStream]:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return SocketStream(left), SocketStream(right)


async def test_what_is_written_is_read_to_the_end_of_a_half_that_is_closed() -> None:
    near, far = make_pair()
    big = b"x" * 3_000_000
    async with near, far:

        async def write() -> None:
            await near.send_all(big)
            await near.send_eof()
            await near.send_eof()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            heard = b""
            while data := await far.receive_some():
                assert len(data) <= RECEIVE_BYTES
                heard += data
        assert heard == big
        await far.send_all(b"still open")
        assert await near.receive_some(5) == b"still"
        assert await near.receive_some() == b" open"


async def test_what_has_arrived_is_read_without_waiting() -> None:
    near, far = make_pair()
    async with near, far:
        with trio.testing.assert_no_checkpoints():
            assert near.receive_now(10) is None
        await far.send_all(b"data")
        with trio.testing.assert_no_checkpoints():
            assert near.receive_now(10) == b"data"
        await far.send_eof()
        with trio.testing.assert_no_checkpoints():
            assert near.receive_now(10) == b""


async def test_each_call_that_may_wait_is_a_checkpoint() -> None:
    near, far = make_pair()
    async with near, far:
        await far.send_all(b"data")
        with trio.testing.assert_checkpoints():
            assert await near.receive_some() == b"data"
        with trio.testing.assert_checkpoints():
            await near.send_all(b"data")
        with trio.testing.assert_checkpoints():
            await near.wait_send_all_might_not_block()
        with trio.testing.assert_checkpoints():
            await near.send_eof()
        with trio.testing.assert_checkpoints():
            await near.aclose()


async def test_closing_wakes_whoever_waits_and_ends_every_later_call() -> None:
    near, far = make_pair()

    async def fill() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await near.send_all(b"x" * 10_000_000)

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await near.receive_some()

    async with far, trio.open_nursery() as nursery:
        nursery.start_soon(fill)
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        near.close()
        near.close()
    for call in (near.receive_some, near.send_eof, near.wait_send_all_might_not_block):
        with pytest.raises(trio.ClosedResourceError):
            await call()
    with pytest.raises(trio.ClosedResourceError):
        await near.send_all(b"x")


async def test_a_peer_that_is_gone_breaks_it() -> None:
    near, far = make_pair()
    async with near:
        await near.send_all(b"never read")
        far.close()
        with pytest.raises(trio.BrokenResourceError):
            await near.receive_some()  # a reset
        with pytest.raises(trio.BrokenResourceError):
            await near.send_all(b"x")


async def test_connections_inherit_the_options_of_their_listener() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        inherit_options(listener.socket)
        with socket.create_connection(listener.socket.getsockname()):
            accepted, _ = await listener.socket.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                    limit = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
                    assert limit == UNSENT_BYTES
