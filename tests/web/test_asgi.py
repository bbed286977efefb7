"""HTTP through the adaptor: bodies that take their time, clients that fail, and applications that do."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing
from starlette.requests import Request
from starlette.responses import StreamingResponse

from tests.support.core import Core, open_core
from tests.support.raw import get
from trio_chat.web.asgi import BODY_STALL_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from trio.testing import MockClock

ALIVE = get("/alive")


@attrs.define
class Peer:
    """The client's end of a connection in memory; it waits as long as it takes."""

    stream: trio.abc.HalfCloseableStream
    heard: bytes = b""

    async def send(self, data: bytes) -> None:
        """Send these bytes."""
        await self.stream.send_all(data)

    async def receive_until(self, end: bytes) -> bytes:
        """What comes up to ``end``, and that; fails the test if it does not come."""
        while end not in self.heard:
            data = await self.stream.receive_some(65536)
            assert data, self.heard
            self.heard += data
        before, end, self.heard = self.heard.partition(end)
        return before + end

    async def receive_to_the_end(self) -> bytes:
        """What comes until the server closes."""
        while data := await self.stream.receive_some(65536):
            self.heard += data
        return self.heard


@attrs.define
class Serving:
    """A server whose application is the test's."""

    core: Core

    def connect(self) -> Peer:
        """A connection that takes everything at once."""
        return self._connect(*trio.testing.memory_stream_pair())

    def connect_in_lockstep(self) -> Peer:
        """A connection in which nothing waits in between: the server can write as much as the client reads."""
        return self._connect(*trio.testing.lockstep_stream_pair())

    async def ask(self, said: bytes) -> bytes:
        """What is answered to this on a connection of its own, until the server closes."""
        peer = self.connect()
        await peer.send(said)
        return await peer.receive_to_the_end()

    def _connect(
        self,
        near: trio.abc.HalfCloseableStream,
        far: trio.abc.HalfCloseableStream,
    ) -> Peer:
        self.core.connections.start_soon(self.core.server.serve_connection, near)
        return Peer(far)


@asynccontextmanager
async def serve(
    app: ASGIApp,
    caplog: pytest.LogCaptureFixture,
    *,
    write_stall_s: float = 0.0,
    close_timeout_s: float = 5.0,
) -> AsyncIterator[Serving]:
    """Serve an application. Nothing that clients or the application do is a fault of the server, and what is not to be
    seen by an operator is not logged."""
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("trio_chat.server.server.make_app", lambda **_: app)
        async with open_core(write_stall_s=write_stall_s, close_timeout_s=close_timeout_s) as core:
            yield Serving(core)
            assert core.server.statistics().faults == 0


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None if the client failed."""
    body: bytes = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            return body
    return None


async def respond(send: Send, *pieces: bytes, length: int | None = None) -> None:
    """Answer with these pieces."""
    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request's body, if that is whole."""
    body = await read_body(receive)
    if body is not None:
        await respond(send, body, length=len(body))


async def not_reading(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers whatever the body may be."""
    await respond(send, b"no, thanks", length=10)


def post(body: bytes = b"", **headers: str) -> bytes:
    """A request with this body, or the begin of it."""
    return get("/", method="POST", **({"content_length": str(len(body))} | headers)) + body


def post_chunked(body: bytes = b"", **headers: str) -> bytes:
    """A request with a body in chunks, as they stand in ``body``."""
    return get("/", method="POST", transfer_encoding="chunked", **headers) + body


def chunk(data: bytes) -> bytes:
    """One chunk; without data it is the last."""
    return b"%x\r\n%s\r\n" % (len(data), data)


# Bodies of requests


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_that_takes_ten_minutes_but_always_comes_on_is_read(
    is_chunked: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    pieces = [b"piece %d\n" % number for number in range(20)]
    body = b"".join(pieces)
    async with serve(echo, caplog) as serving:
        peer = serving.connect()
        await peer.send(post_chunked() if is_chunked else post(content_length=str(len(body))))
        began = trio.current_time()
        for piece in pieces:
            await trio.sleep(30)
            await peer.send(chunk(piece) if is_chunked else piece)
        if is_chunked:
            await peer.send(chunk(b""))
        answer = await peer.receive_to_the_end()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n" + body)
        assert trio.current_time() - began >= 600


@pytest.mark.parametrize("begun", [post(content_length="100") + b"a", post_chunked(chunk(b"a") + b"5\r\nab")])
async def test_a_body_that_stalls_is_given_up(
    begun: bytes, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(echo, caplog) as serving:
        began = trio.current_time()
        answer = await serving.ask(begun)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"\r\nconnection: close\r\n" in answer.lower()
        assert trio.current_time() - began == pytest.approx(BODY_STALL_S)
        assert caplog.records == []


@pytest.mark.parametrize("piece", [1, 3, 1000])
async def test_a_body_in_chunks_is_read_however_it_is_cut(
    piece: int, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    said = post_chunked(
        chunk(b"a" * 300) + b"003;name=value\r\nb\r\n\r\n" + chunk(b"c") + b"0\r\nTrailer: x\r\n\r\n"
    )
    async with serve(echo, caplog) as serving:
        peer = serving.connect()
        for start in range(0, len(said), piece):
            await peer.send(said[start : start + piece])
        assert (await peer.receive_to_the_end()).endswith(b"\r\n\r\n" + b"a" * 300 + b"b\r\nc")


@pytest.mark.parametrize(
    "bad",
    [
        post_chunked(b"x\r\n"),
        post_chunked(b"-1\r\na\r\n0\r\n\r\n"),
        post_chunked(b"1\r\nab\r\n0\r\n\r\n"),
        post_chunked(b"1;" + b"a" * 100_000),
        post_chunked(b"f" * 30 + b"\r\n"),
        post_chunked(b"0\r\nbad trailer\r\n\r\n"),
    ],
    ids=lambda value: repr(value.partition(b"\r\n\r\n")[2][:20]),
)
async def test_a_body_that_is_not_right_is_refused(
    bad: bytes, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(echo, caplog) as serving:
        answer = await serving.ask(bad + ALIVE)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1") == 1
        assert caplog.records == []


@pytest.mark.parametrize("begun", [post(content_length="100") + b"a", post_chunked(chunk(b"a"))])
async def test_a_body_that_ends_too_early_is_not_taken_for_a_whole_one(
    begun: bytes, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(echo, caplog) as serving:
        peer = serving.connect()
        await peer.send(begun)
        await peer.stream.send_eof()
        assert (await peer.receive_to_the_end()).startswith(b"HTTP/1.1 400 ")
        assert caplog.records == []


async def test_a_client_that_asks_first_is_told_to_go_on_when_its_body_is_wanted(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(echo, caplog) as serving:
        peer = serving.connect()
        await peer.send(post(content_length="5", expect="100-continue"))
        assert await peer.receive_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await peer.send(b"hello")
        answer = await peer.receive_to_the_end()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"hello")


async def test_a_client_that_asks_first_is_not_told_to_go_on_for_nothing(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(not_reading, caplog) as serving:
        answer = await serving.ask(post(content_length="5", expect="100-continue"))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b" 100 " not in answer


async def test_a_body_that_nobody_reads_keeps_nobody_for_long(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def go_on(peer: Peer) -> None:
        while True:
            await peer.send(b"a" * 1000)
            await trio.sleep(0.1)

    async with serve(not_reading, caplog, close_timeout_s=5) as serving:
        peer = serving.connect()
        await peer.send(post(content_length=str(10**12)))
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(go_on, peer)
            answer = await peer.receive_to_the_end()
            while serving.core.limits.total:  # noqa: ASYNC110  (the server has no event for it)
                await trio.sleep(0.1)
            nursery.cancel_scope.cancel()
        assert answer.endswith(b"\r\n\r\nno, thanks")
        assert b"\r\nconnection: close\r\n" in answer.lower()
        assert trio.current_time() - began < 6


async def test_a_body_in_very_many_pieces_leaves_others_their_turns(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with serve(echo, caplog) as serving, trio.open_nursery() as nursery:
        peer = serving.connect()
        nursery.start_soon(count)
        await peer.send(post_chunked(chunk(b"a") * 5000 + chunk(b"")))
        assert (await peer.receive_to_the_end()).endswith(b"a" * 5000)
        assert turns >= 5000
        nursery.cancel_scope.cancel()


async def test_starlette_streams_a_body_through(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = StreamingResponse(Request(scope, receive).stream())
        await response(scope, receive, send)

    async with serve(app, caplog) as serving:
        peer = serving.connect()
        await peer.send(post_chunked())
        for piece in (b"first", b"second"):
            await peer.send(chunk(piece))
            assert piece in await peer.receive_until(piece)  # before the next was sent
        await peer.send(chunk(b""))
        assert (await peer.receive_to_the_end()).endswith(b"\r\n0\r\n\r\n")


# Responses


async def test_a_response_of_unknown_length_is_followed_by_others(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, b"some", b"", b"more")

    async with serve(app, caplog) as serving:
        peer = serving.connect()
        for _ in range(3):
            await peer.send(get("/"))
            assert b"\r\ntransfer-encoding: chunked\r\n" in (await peer.receive_until(b"\r\n\r\n")).lower()
            assert await peer.receive_until(b"0\r\n\r\n") == chunk(b"some") + chunk(b"more") + chunk(b"")
        old = await serving.ask(get("/").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert old.endswith(b"\r\n\r\nsomemore")
        assert b"transfer-encoding" not in old.lower()


@pytest.mark.parametrize("length", [8, None])
async def test_the_answer_to_head_has_no_body_whatever_the_application_sends(
    length: int | None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, b"some", b"more", length=length)

    async with serve(app, caplog) as serving:
        peer = serving.connect()
        await peer.send(get("/", method="HEAD") * 2 + get("/", method="HEAD", connection="close"))
        answers = (await peer.receive_to_the_end()).split(b"\r\n\r\n")
        assert len(answers) == 4
        assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in answers[:3])
        assert answers[3] == b""
        assert all((b"content-length: 8" in answer) == (length == 8) for answer in answers[:3])


async def test_the_next_request_is_not_begun_before_the_one_before_it_is_answered(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        events.append(f"begins {scope['path']}")
        await trio.sleep({"/slow": 100, "/fast": 1}[scope["path"]])
        await respond(send, scope["path"].encode())
        events.append(f"ends {scope['path']}")

    async with serve(app, caplog) as serving:
        answer = await serving.ask(get("/slow") + get("/fast") + get("/slow", connection="close"))
        assert answer.index(b"/slow") < answer.index(b"/fast") < answer.rindex(b"/slow")
        assert [event.partition("/")[0] for event in events] == ["begins ", "ends "] * 3


async def test_a_response_that_takes_ten_minutes_is_written_while_the_client_takes_it(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    body = bytes(range(256)) * 4 * 30

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, *(body[start : start + 1024] for start in range(0, len(body), 1024)))

    async with serve(app, caplog, write_stall_s=60) as serving:
        peer = serving.connect_in_lockstep()
        await peer.send(get("/", connection="close"))
        began = trio.current_time()
        heard = b""
        while data := await peer.stream.receive_some(2048):
            heard += data
            await trio.sleep(30)
        assert heard.endswith(b"0\r\n\r\n")
        assert trio.current_time() - began > 600
        assert caplog.records == []


async def test_who_takes_nothing_of_a_response_is_cut(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await respond(send, *[b"a" * 1000] * 100)
        except ConnectionError as error:
            failures.append(error)
            raise

    async with serve(app, caplog, write_stall_s=60) as serving:
        peer = serving.connect_in_lockstep()
        await peer.send(get("/"))
        await peer.stream.receive_some(100)
        await trio.sleep(70)
        assert serving.core.limits.total == 0
        assert len(failures) == 1
        assert caplog.records == []


async def test_who_leaves_while_it_is_answered_is_gone(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        while True:
            await respond(send, *[b"a"] * 10**6)

    async with serve(app, caplog) as serving:
        peer = serving.connect_in_lockstep()
        await peer.send(get("/"))
        await peer.stream.receive_some(100)
        await trio.aclose_forcefully(peer.stream)
        await trio.sleep(10)
        assert serving.core.limits.total == 0
        assert caplog.records == []


async def test_an_application_learns_that_its_answer_is_over(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        async def watch() -> None:
            said.append(await receive())
            said.append(await receive())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await trio.sleep(1)
            assert len(said) == 1
            await respond(send, b"done")

    async with serve(app, caplog) as serving:
        peer = serving.connect()
        await peer.send(get("/"))
        await peer.receive_until(b"0\r\n\r\n")
        await trio.sleep(1)
        assert [message["type"] for message in said] == ["http.request", "http.disconnect"]


# Applications that fail


async def test_an_application_that_fails_before_it_answers_is_a_500(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ZeroDivisionError

    async with serve(app, caplog) as serving:
        answer = await serving.ask(get("/") * 2)
        assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert answer.count(b"HTTP/1.1") == 1
        assert "ZeroDivisionError" in caplog.text


async def test_an_application_that_answers_nothing_is_a_500(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return None

    async with serve(app, caplog) as serving:
        assert (await serving.ask(get("/"))).startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("length", [None, 100])
async def test_an_answer_that_breaks_off_does_not_look_whole(
    length: int | None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [] if length is None else [(b"content-length", b"%d" % length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ZeroDivisionError

    async with serve(app, caplog) as serving:
        answer = await serving.ask(get("/") * 2)
        assert answer.count(b"HTTP/1.1") == 1
        assert not answer.endswith(b"0\r\n\r\n")
        assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x", b"a\r\nset-cookie: b=c")],
        [(b"x y", b"a")],
        [(b"content-length", b"3")],
        [(b"content-length", b"5")],
    ],
)
async def test_an_answer_that_is_not_right_is_a_fault_and_the_connection_ends(
    headers: list[tuple[bytes, bytes]], autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"four"})

    async with serve(app, caplog) as serving:
        answer = await serving.ask(get("/") * 2)
        assert answer.count(b"HTTP/1.1") <= 1
        assert b"set-cookie" not in answer
        assert "LocalProtocolError" in caplog.text


# The server stops


async def test_when_the_server_stops_what_is_being_sent_is_finished(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(echo, caplog) as serving:
        peer = serving.connect()
        await peer.send(post(content_length="6") + b"abc")
        await trio.testing.wait_all_tasks_blocked()
        serving.core.server.close_all()
        await trio.sleep(5)
        await peer.send(b"def")
        assert (await peer.receive_to_the_end()).endswith(b"\r\n\r\nabcdef")


@pytest.mark.parametrize("is_stuck", [False, True])
async def test_when_it_may_wait_no_longer_an_answer_is_cut_at_once(
    is_stuck: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if is_stuck:
            await respond(send, b"a" * 100_000)
        await trio.sleep_forever()

    async with serve(app, caplog) as serving:
        peer = serving.connect_in_lockstep()
        await peer.send(get("/"))
        await trio.sleep(1)
        began = trio.current_time()
        serving.core.connections.cancel_scope.cancel()
        while serving.core.limits.total:
            await trio.lowlevel.checkpoint()
        assert trio.current_time() == began
