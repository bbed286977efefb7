"""A connection to the server, from connecting to its end. Knows WebSocket and frames, not what they mean.

    transport nursery: trio-websocket's reader
        talk (the conversation's own tasks)
        closing handshake with a deadline
    forceful close

Whatever ends a connection comes out as one `ConnectionLost`, which says whether coming back makes sense. All that
trio-websocket and the stream raise is translated here, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, wrap_client_stream
from wsproto.utilities import LocalProtocolError

from trio_chat.client.endings import ABNORMAL, CannotConnect, ConnectionLost, close_of, first_of
from trio_chat.client.frames import SUBPROTOCOL, decode, encode
from trio_chat.client.guarded_stream import GuardedStream
from trio_chat.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import NoReturn

    from trio_websocket import WebSocketConnection

    from trio_chat.client.address import Address
    from trio_chat.client.frames import Command, ServerFrame
    from trio_chat.protocol.commands import Hello

    Connect = Callable[[], Awaitable[trio.abc.Stream]]

CONNECT_S = 10.0
"""How long each of connecting, the WebSocket handshake and the login may take."""

CLOSE_S = 2.0
"""How long the closing handshake may take."""

MESSAGE_QUEUE = 64
"""How many WebSocket messages trio-websocket reads ahead: one task switch for many."""

RECEIVE_BYTES = 64 * 1024
"""How much is read at a time."""

MAX_FRAME_CHARS = 8 * 1024 * 1024
"""A bound against a server gone mad: more than a page of history with 200 of the longest messages."""


class Connection:
    """An open connection. `receive` and `speak` are for one task each; `post` and `withdraw` are sync."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket
        self._outbox: dict[str, str] = {}
        self._not_empty = trio.Event()

    async def receive(self) -> ServerFrame:
        """The next frame. Nothing is lost when cancelled. Raises `ConnectionLost`."""
        try:
            return decode(await self._websocket.get_message())
        except ConnectionClosed as closed:
            raise ConnectionLost(close_of(closed.reason)) from None
        except RemoteProtocolError as error:
            raise ConnectionLost(error.close) from error

    async def write(self, frame: Hello | Command) -> None:
        """Write a frame; not while `speak` runs. Raises `ConnectionLost`.

        When cancelled in the middle, the connection is of no use any more.
        """
        await self._write(encode(frame))

    def post(self, frame: Command) -> None:
        """Put a command into the outbox: `speak` writes it after those before it."""
        self._outbox[frame.id] = encode(frame)
        self._not_empty.set()

    def is_queued(self, command_id: str) -> bool:
        """Whether a command waits to be written."""
        return command_id in self._outbox

    def withdraw(self, command_id: str) -> None:
        """Take a command out of the outbox, if it was not written yet."""
        self._outbox.pop(command_id, None)

    async def speak(self) -> NoReturn:
        """Write the outbox, for ever. The one writer: so a caller that is cancelled never tears a frame.

        Raises `ConnectionLost`.
        """
        while True:
            await self._not_empty.wait()
            while self._outbox:
                command_id = next(iter(self._outbox))
                await self._write(self._outbox.pop(command_id))
            self._not_empty = trio.Event()

    async def _write(self, frame: str) -> None:
        try:
            await self._websocket.send_message(frame)
        except ConnectionClosed as closed:
            raise ConnectionLost(close_of(closed.reason)) from None


async def run_connection(
    address: Address, connect: Connect, talk: Callable[[Connection], Awaitable[None]]
) -> ConnectionLost | None:
    """Connect, ``talk`` over the connection, close it. Returns how it ended: None if ``talk`` returned.

    Then it was closed with a close frame (1000), for which the server gets `CLOSE_S`. When cancelled, the connection
    is dropped at once. Other exceptions of ``talk`` come out in a group.
    """
    endings: list[ConnectionLost] = []
    try:
        async with trio.open_nursery() as transport:
            await _run(transport, address, connect, talk)
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


async def _run(
    transport: trio.Nursery, address: Address, connect: Connect, talk: Callable[[Connection], Awaitable[None]]
) -> None:
    stream = GuardedStream(await _reach(address, connect))
    try:
        websocket = await _shake_hands(transport, address, stream)
        await talk(Connection(websocket))
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
    transport: trio.Nursery, address: Address, stream: GuardedStream
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
    """What an HTTP status in place of a WebSocket means: 5xx, 429 and 408 may pass, all others will not."""
    return CannotConnect(
        f"{address.url} does not let this program in (HTTP status {status}). Is it the address of a chat?",
        come_back=status >= 500 or status in (408, 429),
    )
