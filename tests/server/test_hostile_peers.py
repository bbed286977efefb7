"""Peers that are hostile once they are WebSocket clients: nobody else feels them, and they hear why they must go."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest
import trio

from tests.support.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    RawPeer,
    close_frame,
    frame,
    open_peer,
    open_v1,
)
from tests.support.serving import unharmed

V1 = "trio-chat.v1"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(TEXT, b"hello", masked=False), 1002),
        (frame(TEXT, b"hello", rsv=RSV1), 1002),  # what a compressed message looks like
        (frame(TEXT, b"hello", rsv=RSV2), 1002),
        (frame(TEXT, b"hello", rsv=RSV3), 1002),
        (frame(0x3, b"hello"), 1002),
        (frame(0xB, b"hello"), 1002),
        (frame(CONTINUATION, b"hello"), 1002),
        (frame(TEXT, b"hel", fin=False) + frame(TEXT, b"lo"), 1002),
        (frame(PING, b"hello", fin=False), 1002),
        (frame(PING, b"a" * 126), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, b"\x03\xed"), 1002),  # 1005, which may not be sent
        (frame(CLOSE, b"\x00\x00"), 1002),
        (frame(CLOSE, b"\x03\xe8\xff"), 1007),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"\xc3"), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),  # half of a surrogate pair
        (frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b""), 1007),
        (frame(BINARY, b"hello"), 1003),
        (frame(TEXT, b"a" * 4001), 1009),
        (frame(TEXT, b"a" * 65537), 1009),
        (frame(TEXT, b"a" * 65537) + frame(PING), 1009),
        (frame(TEXT, b"a" * 65537) + close_frame(), 1009),
        (frame(TEXT, b"a" * 65537) + frame(0x3), 1009),
        (frame(TEXT, b"a" * 65537, fin=False) + frame(CONTINUATION, b"a" * 65537) * 4, 1009),
        (frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"a" * 1000, fin=False) * 1000, 1009),
        (frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"a", fin=False) * 100_000, 1008),
        (frame(TEXT, b"a" * 70_000, claim=2**62), 1009),
        (close_frame() + frame(PING), 1000),
        (close_frame() + frame(TEXT, b"hello"), 1000),
        (close_frame() + b"\xff" * 1000, 1000),
        (close_frame(4999), 4999),
        (frame(CLOSE), None),
    ],
    ids=lambda value: f"{value[:8].hex()}... of {len(value)}" if isinstance(value, bytes) else str(value),
)
async def test_who_breaks_the_protocol_is_told_so(
    said: bytes, code: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving:
        for ending in ("", "reset"):
            async with open_peer(serving.port) as peer:
                with suppress(trio.BrokenResourceError):
                    await peer.send(said)
                if ending == "reset":
                    peer.reset()
                else:
                    assert await peer.receive_close_code() == code


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(BINARY, b"{}"), 1003),
        (frame(TEXT, b"hello"), 1007),
        (frame(TEXT, b""), 1007),
        (frame(TEXT, b"[]"), 1007),
        (frame(TEXT, b"1"), 1007),
        (frame(TEXT, b'"hello"'), 1007),
        (frame(TEXT, b"[" * 60_000), 1007),
        (frame(TEXT, b'{"a":' * 12_000), 1007),
        (frame(TEXT, b'{"type":"hello","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}"), 1007),
        (
            frame(TEXT, b'{"type":"send","id":"1","room":"lobby","text":"\\ud800"}'),
            1007,
        ),  # half of a surrogate pair
        (frame(TEXT, b'{"type":"join","id":"1","room":"lobby","after":NaN}'), 1007),
        (frame(TEXT, b'{"type":"join","id":"1","room":"lobby","after":1e999}'), 1007),
        (frame(TEXT, b'{"type":"join","id":"1","room":"lobby","after":' + b"9" * 60_000 + b"}"), 1007),
    ],
    ids=lambda value: value[6:40].decode() if isinstance(value, bytes) else str(value),
)
async def test_what_is_no_frame_of_v1_ends_the_connection(
    said: bytes, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving, open_peer(serving.port, sec_websocket_protocol=V1) as peer:
        await peer.send(said)
        assert await peer.receive_close_code() == code


@pytest.mark.parametrize(
    "said",
    [
        b"{}",
        b'{"type":"destroy"}',
        b'{"type":null}',
        b'{"type":["hello"]}',
        b'{"type":"ping","id":7}',
        b'{"type":"send"}',
        b'{"type":"hello","name":1}',
        b'{"type":"send","id":"\\u0000","room":"lobby","text":"hello"}',
        b'{"type":"send","id":"1","room":"../lobby","text":"hello"}',
        b'{"type":"send","id":"' + b"1" * 65 + b'","room":"lobby","text":"hello"}',
        b'{"type":"join","id":"1","room":"lobby","after":-1}',
        b'{"type":"join","id":"1","room":"lobby","after":100000000000000000000}',
        b'{"type":"history","id":"1","room":"lobby","before":1,"limit":100000}',
        b'{"type":"send","id":"1","room":"lobby","text":""}',
        b'{"type":"send","id":"1","room":"lobby","text":"' + b"a" * 4001 + b'"}',
    ],
    ids=lambda value: value[:70].decode(),
)
async def test_what_breaks_a_rule_of_content_is_answered_and_the_connection_lives(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving, open_v1(serving.port) as (peer, _welcome, _joined):
        await peer.send(frame(TEXT, said))
        await peer.hear("error")
        await peer.say(type="ping", id="alive")
        await peer.hear("pong")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(TEXT, b"hel", claim=2**62), 1009),
        (frame(TEXT, b"hel", claim=2**63), 1009),
        (frame(TEXT, b"hel", fin=False), None),
        (frame(PING, b"hel", claim=100), None),
        (b"\x81", None),
    ],
    ids=["4 EiB", "8 EiB", "a fragment", "a ping", "a byte"],
)
async def test_a_frame_that_never_ends_holds_nobody_up(
    said: bytes, code: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving, open_peer(serving.port) as peer:
        await serving.wait_connected(3)
        await peer.send(said)
        if code is not None:
            assert await peer.receive_close_code() == code
        peer.reset()


async def push_for_ever(peer: RawPeer, what: bytes) -> None:
    with suppress(trio.BrokenResourceError):
        while True:
            await peer.stream.send_all(what)


@pytest.mark.parametrize(
    "what",
    [frame(CONTINUATION, b"", fin=False) * 2000, frame(PONG, b"") * 2000, frame(PING, b"a" * 125) * 50],
    ids=["empty continuations", "pongs", "pings"],
)
async def test_who_sends_frames_without_end_that_say_nothing_is_sent_away(
    what: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "trio_chat")
    async with (
        unharmed(caplog) as serving,
        open_peer(serving.port) as peer,
        trio.open_nursery() as nursery,
    ):
        await peer.send(frame(TEXT, b"", fin=False))
        nursery.start_soon(push_for_ever, peer, what)
        # A socket that is closed with something unread in it is reset, and that may overtake the code.
        assert await peer.receive_close_code() in {1008, None}
        nursery.cancel_scope.cancel()
    assert "cut, too many pings, pongs or fragments" in caplog.text
    assert "cut why=flood address=127.0.0.1" in caplog.text


async def test_who_pings_and_does_not_read_is_slowed_by_its_own_socket_and_cut(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with (
        unharmed(caplog, write_stall_s=1) as serving,
        open_peer(serving.port, receive_buffer=4096) as peer,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(push_for_ever, peer, frame(PING, b"a" * 125) * 50)
        await serving.wait_connected(2)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("protocol", ["", V1])
async def test_who_never_reads_is_cut_and_holds_nobody_up(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"sec_websocket_protocol": protocol} if protocol else {}
    async with (
        unharmed(caplog, line_chars=4000, write_stall_s=1, outbox_bytes=4096) as serving,
        open_peer(serving.port, receive_buffer=4096, **headers) as stuck,
    ):
        if protocol:
            await stuck.say(type="hello")
            await stuck.say(type="join", id="1", room="lobby")
        await serving.wait_connected(3)
        await serving.wait_connected(2)
        assert serving.lobby.statistics().subscriptions == 2


async def test_who_says_nothing_and_answers_no_ping_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        unharmed(caplog, idle_ping_s=0.4) as serving,
        open_v1(serving.port, room="quiet") as (peer, *_),
    ):
        assert (frame := await peer.receive_frame()) is not None
        assert frame.opcode == PING
        assert await peer.receive_close_code() == 4001
        assert serving.lobby.statistics().subscriptions == 2


async def test_who_answers_no_goodbye_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    async with unharmed(caplog) as serving, open_peer(serving.port) as peer:
        await peer.send(frame(BINARY, b"hello"))
        assert await peer.receive_close_code() == 1003
        await serving.wait_connected(2)


async def test_who_pings_while_the_server_says_goodbye_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """It ends a bare `trio_websocket.serve_websocket` (trio-websocket#184)."""
    async with unharmed(caplog) as serving, open_peer(serving.port) as peer:
        await peer.send(frame(BINARY, b"hello"))
        assert await peer.receive_close_code() == 1003
        for _ in range(5):
            await peer.send(frame(PING, b"are you there?"))
        await serving.wait_connected(2)


async def test_a_limit_that_is_passed_many_times_in_one_read_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with unharmed(caplog, max_message_bytes=1024) as serving, open_peer(serving.port) as peer:
        await peer.send(frame(TEXT, b"a" * 1025) * 20 + frame(PING) * 5)
        assert await peer.receive_close_code() == 1009
        assert await peer.receive_to_the_end() == b""


async def test_characters_of_many_bytes_count_as_bytes(caplog: pytest.LogCaptureFixture) -> None:
    async with unharmed(caplog, max_message_bytes=1024) as serving, open_peer(serving.port) as peer:
        await peer.send(frame(TEXT, "\N{PARTY POPPER}".encode() * 257))
        assert await peer.receive_close_code() == 1009
