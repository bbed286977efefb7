"""One connection of a client, from connecting to its end. Knows WebSocket and frames, not what they mean.

    transport nursery: trio-websocket's reader
        talk (the conversation's own tasks)
        polite close with a deadline
    forceful close

Whatever ends a connection comes out as one `ConnectionLost`, which says whether coming back makes sense. All that
trio-websocket and the stream raise is translated here, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

import attrs
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, wrap_client_stream
from wsproto.utilities import LocalProtocolError

from trio_chat import errors
from trio_chat.client.frames import SUBPROTOCOL, decode, encode
from trio_chat.errors import ChatError, Close, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import NoReturn

    from trio_websocket import CloseReason, WebSocketConnection

    from trio_chat.client.frames import Command, Hello, ServerFrame

    Connect = Callable[[], Awaitable[trio.abc.Stream]]

_E = TypeVar("_E", bound=BaseException)

CONNECT_S = 10.0
"""How long reaching the server, shaking hands and being welcomed may take."""

WRITE_S = 10.0
"""How long one frame may wait for the network to take it. It is small: if it takes longer, the network is gone."""

CLOSE_S = 2.0
"""How long saying goodbye may take."""

MESSAGE_QUEUE = 64
"""How many messages trio-websocket reads ahead: one task switch for many."""

RECEIVE_BYTES = 64 * 1024
"""How much is read at a time."""

MAX_FRAME_CHARS = 8 * 1024 * 1024
"""A bound against a server gone mad: more than a page of history with 200 of the longest messages."""

ABNORMAL: Final = Close(1006, "the connection broke", come_back=True)
"""No close frame came (RFC 6455 section 7.1.5)."""


class ConnectionLost(ChatError):
    """The connection to the server ended, and how: ``close.code``, ``close.reason``, ``close.come_back``.

    Applications only see those that end a chat for good.
    """

    def __init__(self, close: Close, message: str | None = None) -> None:
        super().__init__(message or f"The connection ended: {close.reason or 'goodbye'} ({close.code}).")
        self.close = close


class CannotConnect(ConnectionLost):
    """No connection came about; the text says why and what to do."""

    def __init__(self, message: str, *, come_back: bool = True) -> None:
        super().__init__(Close(ABNORMAL.code, message, come_back=come_back), message)


# The registry, by code. What is not in it and below 4000 is somebody else's (a proxy's): it may pass.
_CLOSES: Final = {close.code: close for close in vars(errors).values() if isinstance(close, Close)}


def close_of(reason: CloseReason | None) -> Close:
    """The ending that a close frame (or its absence) stands for."""
    if reason is None:
        return ABNORMAL
    code = reason.code
    known = _CLOSES.get(code) or Close(code, ABNORMAL.reason, come_back=code < 4500)
    return known.because(reason.reason) if reason.reason else known


@attrs.frozen
class Address:
    """Where a server is: its URL taken apart."""

    url: str
    is_secure: bool
    host: str
    port: int
    authority: str
    """Host and port as they stand in the URL, for the ``Host`` header."""
    resource: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises `ValueError` for what is no WebSocket URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise ValueError(
                f"{url!r} is no address of a chat: it must look like ws://host:8080 or wss://host."
            )
        is_secure = parts.scheme == "wss"
        return cls(
            url=url,
            is_secure=is_secure,
            host=parts.hostname,
            port=parts.port or (443 if is_secure else 80),
            authority=parts.netloc.rpartition("@")[2],
            resource=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        )

    async def connect(self) -> trio.abc.Stream:
        """A stream to the server; raises `OSError` or `trio.BrokenResourceError`."""
        if not self.is_secure:
            return await trio.open_tcp_stream(self.host, self.port)
        stream = await trio.open_ssl_over_tcp_stream(self.host, self.port, https_compatible=True)
        try:
            await stream.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream


class Link:
    """A connection that is open. `receive` and `speak` are for one task each; `post` and `withdraw` are sync."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket
        self._unsaid: dict[str, str] = {}
        self._something_to_say = trio.Event()

    async def receive(self) -> ServerFrame:
        """The next frame. Nothing is lost when cancelled. Raises `ConnectionLost`."""
        try:
            return decode(await self._websocket.get_message())
        except ConnectionClosed as closed:
            raise ConnectionLost(close_of(closed.reason)) from None
        except RemoteProtocolError as error:
            raise ConnectionLost(error.close) from error

    async def say(self, frame: Hello | Command) -> None:
        """Write a frame; not while `speak` runs. When cancelled in the middle, the connection is of no use any more."""
        await self._say(encode(frame))

    def post(self, frame: Command) -> None:
        """Have a frame written by `speak`, after those before it."""
        self._unsaid[frame.id] = encode(frame)
        self._something_to_say.set()

    def withdraw(self, command_id: str) -> None:
        """Do not write a frame that was posted, if it is still possible."""
        self._unsaid.pop(command_id, None)

    async def speak(self) -> NoReturn:
        """Write what is posted. The one writer: so a caller that is cancelled never tears a frame."""
        while True:
            await self._something_to_say.wait()
            while self._unsaid:
                command_id = next(iter(self._unsaid))
                await self._say(self._unsaid.pop(command_id))
            self._something_to_say = trio.Event()

    async def _say(self, frame: str) -> None:
        try:
            await self._websocket.send_message(frame)
        except ConnectionClosed as closed:
            raise ConnectionLost(close_of(closed.reason)) from None


async def converse(
    address: Address, connect: Connect, talk: Callable[[Link], Awaitable[None]]
) -> ConnectionLost | None:
    """Connect, ``talk`` over the link, close. Answers how it ended: None if ``talk`` returned.

    Then the server was told goodbye (1000). When cancelled, the connection is dropped at once.
    """
    endings: list[ConnectionLost] = []
    try:
        async with trio.open_nursery() as transport:
            await _converse(transport, address, connect, talk)
            transport.cancel_scope.cancel()
    except* ConnectionLost as group:
        endings.append(first_of(group))
    except* ConnectionRejected as group:
        endings.append(_rejection(address, first_of(group).status_code))
    except* (ConnectionClosed, LocalProtocolError, trio.BrokenResourceError):
        # From trio-websocket's reader: it meets a connection that ended under it in several ways, among them a
        # LocalProtocolError for a ping that arrives while closing (trio-websocket#184).
        endings.append(ConnectionLost(ABNORMAL))
    return endings[0] if endings else None


async def _converse(
    transport: trio.Nursery, address: Address, connect: Connect, talk: Callable[[Link], Awaitable[None]]
) -> None:
    stream = _GuardedStream(await _reach(address, connect))
    try:
        websocket = await _shake_hands(transport, address, stream)
        await talk(Link(websocket))
        if not stream.is_torn:
            with trio.move_on_after(CLOSE_S):
                await websocket.aclose()
    finally:
        await trio.aclose_forcefully(stream)


async def _reach(address: Address, connect: Connect) -> trio.abc.Stream:
    with trio.move_on_after(CONNECT_S):
        try:
            return await connect()
        except (OSError, trio.BrokenResourceError) as error:
            reason = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
            raise CannotConnect(
                f"Cannot reach {address.url}: {reason or error}. Is a server running there?"
            ) from error
    raise CannotConnect(
        f"{address.url} did not answer within {CONNECT_S:g} seconds. Is a server running there?"
    )


async def _shake_hands(
    transport: trio.Nursery, address: Address, stream: _GuardedStream
) -> WebSocketConnection:
    with trio.move_on_after(CONNECT_S) as handshake:
        stream.on_end = handshake.cancel  # trio-websocket itself would wait on
        websocket = await wrap_client_stream(
            transport,
            stream,  # type: ignore[arg-type]  # any stream will do, whatever the signature says
            address.authority,
            address.resource,
            subprotocols=[SUBPROTOCOL],
            message_queue_size=MESSAGE_QUEUE,
            max_message_size=MAX_FRAME_CHARS,
            receive_buffer_size=RECEIVE_BYTES,
        )
        if websocket.subprotocol != SUBPROTOCOL:
            raise CannotConnect(f"{address.url} is no chat that speaks {SUBPROTOCOL}.", come_back=False)
        return websocket
    raise CannotConnect(f"{address.url} opened no WebSocket. Is it the address of a chat?")


def _rejection(address: Address, status: int) -> CannotConnect:
    """What an answer in plain HTTP stands for: 5xx, 429 (and 408) may pass, all others will not."""
    return CannotConnect(
        f"{address.url} does not let this program in (HTTP status {status}). Is it the address of a chat?",
        come_back=status >= 500 or status in (408, 429),
    )


def first_of(group: BaseExceptionGroup[_E]) -> _E:
    """One of the errors in a group: for endings, of which one is as good as another."""
    error: _E | BaseExceptionGroup[_E] = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class _GuardedStream(trio.abc.Stream):
    """A stream whose writes have a deadline, and that knows whether it was cut in the middle of one.

    Around a call of trio-websocket a deadline would be too high up: it also writes from its reader, and it goes on
    after a cancelled write as if nothing had happened, although half a frame makes everything after it worthless.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.is_torn = False
        self.on_end: Callable[[], object] = lambda: None
        """Called when nothing more can be read."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write all; raises `trio.BrokenResourceError` when that takes longer than `WRITE_S`."""
        self.is_torn = True
        with trio.move_on_after(WRITE_S) as deadline:
            await self._stream.send_all(data)
            self.is_torn = False
        if deadline.cancelled_caught:
            raise trio.BrokenResourceError("the network takes nothing any more")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the stream might take something."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The next bytes."""
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self.on_end()
            raise
        if not data:
            self.on_end()
        return data

    async def aclose(self) -> None:
        """Close the stream."""
        self.on_end()
        await self._stream.aclose()
