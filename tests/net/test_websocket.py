"""Both roads of a WebSocket: given the same bytes they hear, answer, say and end the same as trio-websocket alone."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest
import trio
import trio.testing
import trio_websocket
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, frame, upgrade
from tests.support.thorough import share
from tests.torture.websocket import UNUSUAL_FIELD
from trio_chat.net.request_head import Handshake, parse_by_h11, parse_head
from trio_chat.net.websocket import WebSocket, accept_by_library, accept_handshake
from trio_chat.net.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from trio.testing import MockClock
    from trio_websocket import WebSocketRequest

    from trio_chat.net.websocket import Messages

MAX_MESSAGE_CHARS = 100_000

INVALID = 1007
"""How a text ends that is none."""

WHERE = re.compile(rb".\x03\xef'utf-8' codec can't decode.*", re.DOTALL)

Open: TypeAlias = "Callable[[Wire, trio.Nursery], Awaitable[Messages]]"


@attrs.frozen
class Heard:
    """What came of the bytes of one client."""

    messages: list[str | bytes]
    closed: tuple[int, str | None]
    written: bytes


async def wrap(nursery: trio.Nursery, stream: trio.abc.Stream) -> WebSocketRequest:
    """The library's connection, with a limit."""
    return await trio_websocket.wrap_server_stream(nursery, stream, max_message_size=MAX_MESSAGE_CHARS)


async def by_library(wire: Wire, nursery: trio.Nursery) -> Messages:
    """trio-websocket alone, handshake and all."""
    handshake = upgrade()
    wire.unread(handshake)
    request = await wrap(nursery, wire)
    return await accept_by_library(request, wire)


async def by_short_road(wire: Wire, nursery: trio.Nursery) -> Messages:
    """What the server does with an ordinary client."""
    handshake = parse_head(upgrade())
    assert isinstance(handshake, Handshake)
    await wire.send_all(accept_handshake(handshake.key, None))
    return WebSocket(wire, partial(wrap, nursery))


async def heard(open_websocket: Open, pieces: Sequence[bytes], *, closes_after: int | None = None) -> Heard:
    """What comes of these pieces, each received when everything before it was dealt with; then the client is gone.
    ``closes_after`` so many messages the server closes."""
    near, far = trio.testing.memory_stream_pair()
    wire = Wire(near)
    messages: list[str | bytes] = []
    written = bytearray()

    async def read() -> None:
        async for data in far:
            written.extend(data)

    async def serve() -> None:
        async with trio.open_nursery() as nursery:
            websocket = await open_websocket(wire, nursery)
            try:
                while len(messages) != closes_after:
                    messages.append(await websocket.get_message())
            except trio_websocket.ConnectionClosed:
                pass
            await websocket.aclose(4001, "enough")
            closed.append(websocket.closed)
            nursery.cancel_scope.cancel()
        await wire.aclose()

    closed: list[trio_websocket.CloseReason | None] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        nursery.start_soon(read)
        for piece in pieces:
            await trio.testing.wait_all_tasks_blocked()
            try:
                await far.send_all(piece)
            except trio.BrokenResourceError:
                break
        await trio.testing.wait_all_tasks_blocked()
        await far.send_eof()
    (reason,) = closed
    assert reason is not None
    if reason.code == INVALID:  # the sentence says where, counted from the last piece
        return Heard(messages, (INVALID, None), WHERE.sub(b"", bytes(written)))
    return Heard(messages, (reason.code, reason.reason), bytes(written))


TEXTS = st.one_of(
    st.text(max_size=20),
    st.integers(100, 140).map("x".__mul__),
    st.sampled_from(["ä" * 70, "x" * 70_000, "x" * 65_535, "x" * 65_536]),
)

ORDINARY = st.one_of(
    TEXTS.map(lambda text: frame(TEXT, text.encode())),
    st.binary(max_size=125).map(lambda payload: frame(PING, payload)),
    st.binary(max_size=125).map(lambda payload: frame(PONG, payload)),
)

CLOSES = st.one_of(
    st.builds(
        lambda code, reason: frame(CLOSE, code.to_bytes(2, "big") + reason),
        st.one_of(
            st.sampled_from([1000, 1001, 1002, 1005, 1006, 1015, 3000, 4999, 5000]), st.integers(0, 2**16 - 1)
        ),
        st.one_of(st.just(b""), st.just("Bye, ä".encode()), st.just(b"\xff"), st.binary(max_size=123)),
    ),
    st.sampled_from([frame(CLOSE), frame(CLOSE, b"\x03")]),
)

UNUSUAL = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            frame(TEXT, b"ab", fin=False) + frame(PING, b"p") + frame(CONTINUATION, b"cd"),
            frame(TEXT, "ä".encode()[:1], fin=False) + frame(CONTINUATION, "ä".encode()[1:]),
            frame(BINARY, b"bytes"),
            frame(TEXT, b"\xff"),
            frame(TEXT, b"\xed\xa0\x80"),
            frame(TEXT, b"x" * 200 + b"\xc3"),
            frame(TEXT, b"ab", rsv=RSV1),
            frame(TEXT, b"ab", masked=False),
            frame(PING, b"p" * 126),
            frame(PING, b"p", fin=False),
            frame(0xB, b"reserved"),
            frame(CONTINUATION, b"of nothing"),
            frame(TEXT, b"x" * 110_000),
            b"\x81\xfe\x00\x02mask" + b"ab",
            b"\x81\xff" + (3).to_bytes(8, "big") + b"mask" + b"abc",
        ]
    ),
)


@st.composite
def pieces_of_clients(draw: st.DrawFn) -> list[bytes]:
    """What a client sends, torn anywhere."""
    frames = draw(st.lists(st.one_of(ORDINARY, ORDINARY, CLOSES, UNUSUAL), max_size=8))
    data = b"".join(frames)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end]


@settings(max_examples=share(1_200), deadline=None)
@given(pieces=pieces_of_clients())
def test_both_roads_hear_answer_and_end_the_same(pieces: list[bytes]) -> None:
    library = trio.run(heard, by_library, pieces)
    assert trio.run(heard, by_short_road, pieces) == library


@settings(max_examples=share(200), deadline=None)
@given(pieces=st.lists(st.one_of(TEXTS.map(lambda text: frame(TEXT, text.encode())), CLOSES), max_size=5))
def test_both_roads_close_the_same(pieces: list[bytes]) -> None:
    """After one message, with whatever the client says meanwhile but pings, which the library fails on."""
    library = trio.run(partial(heard, closes_after=1), by_library, pieces)
    short = trio.run(partial(heard, closes_after=1), by_short_road, pieces)
    assert (short.messages, short.written) == (library.messages, library.written)


@settings(max_examples=share(2_000), deadline=None)
@given(
    name=st.sampled_from(
        ["host", "upgrade", "connection", "sec-websocket-protocol", "origin", "x-other", "cookie"]
    ),
    value=st.one_of(
        st.sampled_from(
            [
                "",
                "localhost",
                "[::1]:8080",
                "xn--a",
                "a b",
                "websocket",
                "WebSocket",
                "h2c, websocket",
                "keep-alive, Upgrade",
            ]
        ),
        st.text("aZ0.,:;[]-_ \t\x00\xe4", max_size=12),
    ),
    more=st.sampled_from(
        [
            "",
            "a: b\r\n",
            "A:b\r\n",
            "a : b\r\n",
            " folded\r\n",
            "host: twice\r\n",
            "expect: x\r\n",
            "\r\n",
            "a: b\n",
        ]
    ),
    target=st.sampled_from(["/", "/?a=b", "/a b", "*", "http://host/", "//", "/\xe4"]),
)
def test_both_ways_read_a_handshake_the_same(name: str, value: str, more: str, target: str) -> None:
    fields: dict[str, Any] = {name.replace("-", "_"): value}
    head = upgrade(target, **fields)
    data = head[:-2] + more.encode() + b"\r\n"
    found = parse_head(data)
    if not (isinstance(found, Handshake) and found.is_ordinary):
        return
    by_h11 = parse_by_h11(data)
    assert isinstance(by_h11, Handshake)
    assert (found.host, found.headers) == (by_h11.host, by_h11.headers)

    async def ask() -> trio_websocket.WebSocketRequest:
        near, _ = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            wire = Wire(near)
            wire.unread(by_h11.data)
            request = await wrap(nursery, wire)
            nursery.cancel_scope.cancel()
        return request

    request = trio.run(ask)
    assert (found.target, list(found.subprotocols)) == (request.path, list(request.proposed_subprotocols))


@settings(max_examples=share(500), deadline=None)
@given(
    keys=st.lists(
        st.one_of(
            st.from_regex(rb"\A[0-9A-Za-z+/]{22}==\Z"),
            st.sampled_from([b"", b"short==", b"A" * 22 + b"==, x", b"A" * 22 + b"== ", b"A" * 21 + b"!=="]),
        ),
        min_size=1,
        max_size=3,
    ),
    name=st.sampled_from([b"Sec-WebSocket-Key", b"sec-websocket-key", b"Sec-Websocket-Key"]),
    is_twice=st.booleans(),
)
def test_a_head_that_is_known_is_read_with_the_key_of_each(
    keys: list[bytes], name: bytes, is_twice: bool
) -> None:
    start, end = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    for key in keys:
        field = b"%b: %b\r\n" % (name, key)
        found = parse_head(start + field * (1 + is_twice) + end)
        if isinstance(found, Handshake) and found.is_ordinary:
            by_h11 = parse_by_h11(start + field + end)
            assert isinstance(by_h11, Handshake)
            assert (found.host, found.headers, found.key) == (by_h11.host, by_h11.headers, key)
            assert not is_twice
        else:
            assert is_twice or len(key) != 24 or b"!" in key


def test_the_torture_knows_a_handshake_that_takes_the_road_of_the_library() -> None:
    found = parse_head(upgrade(x_road=UNUSUAL_FIELD))
    assert isinstance(found, Handshake)
    assert not found.is_ordinary


@pytest.mark.parametrize("subprotocol", [None, "trio-chat.v1"])
async def test_a_handshake_is_accepted_in_the_words_of_the_library(
    subprotocol: str | None, autojump_clock: MockClock
) -> None:
    near, far = trio.testing.memory_stream_pair()
    head = parse_head(upgrade(sec_websocket_protocol="other, trio-chat.v1"))
    assert isinstance(head, Handshake)
    async with trio.open_nursery() as nursery:
        wire = Wire(near)
        wire.unread(upgrade(sec_websocket_protocol="other, trio-chat.v1"))
        await (await wrap(nursery, wire)).accept(subprotocol=subprotocol)
        assert await far.receive_some() == accept_handshake(head.key, subprotocol)
        nursery.cancel_scope.cancel()


async def test_who_sends_many_messages_at_once_gives_others_their_turn() -> None:
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        websocket = WebSocket(Wire(near), partial(wrap, nursery))
        await far.send_all(frame(TEXT, b"x") * 100)
        turns = 0

        async def take_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await trio.lowlevel.checkpoint()

        nursery.start_soon(take_turns)
        for _ in range(100):
            await websocket.get_message()
        assert turns > 5
        nursery.cancel_scope.cancel()


async def test_what_is_cancelled_loses_nothing(autojump_clock: MockClock) -> None:
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        websocket = WebSocket(Wire(near), partial(wrap, nursery))
        whole = frame(TEXT, "hällo".encode()) + frame(TEXT, b"again", fin=False) + frame(CONTINUATION, b"!")
        heard = []
        for byte in whole:
            with trio.move_on_after(1):
                heard.append(await websocket.get_message())
            await far.send_all(bytes([byte]))
        heard.append(await websocket.get_message())
        assert heard == ["hällo", "again!"]
        nursery.cancel_scope.cancel()
