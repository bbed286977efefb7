"""One WebSocket client, from its handshake to the last byte.

    transport nursery: trio-websocket's reader
        session nursery: hear (with the memberships inside) | speak
        polite close
    (the wire is abandoned; the supervisor closes the socket)

However a session ends, it ends through its outbox: `Outbox.end` lets the speaker say what is waiting, and when the
speaker has finished, everything else is cancelled. Slow, refused, shutdown and error differ only in the `Close`.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import trio
import trio_websocket

from trio_chat import origin
from trio_chat.codec import V1, encode_close, encode_ping
from trio_chat.errors import (
    GOING_AWAY,
    INTERNAL_ERROR,
    NORMAL,
    SERVICE_RESTART,
    SILENT,
    TRY_AGAIN_LATER,
    Close,
    RemoteProtocolError,
    StoreError,
)
from trio_chat.outbox import Outbox
from trio_chat.plain import hear_plain
from trio_chat.v1 import hear_v1

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection, WebSocketRequest

    from trio_chat.config import Config
    from trio_chat.people import People
    from trio_chat.rooms import Rooms
    from trio_chat.wire import Wire

LOGGER = logging.getLogger(__name__)

MESSAGE_QUEUE = 64
"""How many messages trio-websocket may read ahead: it saves task switches (measured: twice the ingest of 1)."""

RECEIVE_BYTES = 64 * 1024
"""How much is read at a time."""

NO_CODE = frozenset({1005, 1006, 1015})
"""What the library reports when there was no close frame; may not be sent (RFC 6455 section 7.4.1)."""

_PING = encode_ping()


class Connection:
    """A WebSocket client and how to end it. `run` is its whole life."""

    def __init__(self, wire: Wire, peer: str, *, rooms: Rooms, people: People, config: Config) -> None:
        self.peer = peer
        self._wire = wire
        self._rooms = rooms
        self._people = people
        self._config = config
        self._outbox: Outbox | None = None
        self._is_v1 = False
        self._scope = trio.CancelScope()

    # -- for the server: sync --

    def say_goodbye(self) -> None:
        """The server stops: say what is waiting, then close so that the client comes back."""
        if self._outbox is None:
            self._scope.cancel()  # its handshake is not finished
        else:
            self._outbox.end(SERVICE_RESTART if self._is_v1 else GOING_AWAY)

    def check_alive(self, now: float) -> None:
        """Ping a client that was not heard for a while, cut one that was not heard for two.

        Any byte counts as life, and only silence while we listen counts as silence. The ping is written only if
        nothing else is being written: where something is, the wire's own deadline watches.
        """
        silent_s = self._wire.silent_s(now)
        if self._outbox is None or not self._config.idle_ping_s or silent_s < self._config.idle_ping_s:
            return
        if silent_s < 2 * self._config.idle_ping_s:
            self._wire.write_now(_PING)
        else:
            LOGGER.info("%s: cut, nothing was heard for %.0f s", self.peer, silent_s)
            self._wire.write_now(encode_close(SILENT))
            self._scope.cancel()

    # -- its task --

    async def run(self) -> None:
        """Shake hands, talk, close. Raises what is a fault of ours or the transport's; never closes the transport."""
        with self._scope:
            async with trio.open_nursery() as transport:
                websocket = await self._shake_hands(transport)
                if websocket is not None:
                    self._outbox = Outbox(self._wire, max_bytes=self._config.outbox_bytes)
                    await self._talk(websocket, self._outbox)
                    close = self._outbox.close or NORMAL
                    with trio.move_on_after(self._config.close_timeout_s):
                        await websocket.aclose(close.code, close.reason)
                transport.cancel_scope.cancel()

    async def _shake_hands(self, transport: trio.Nursery) -> WebSocketConnection | None:
        with trio.move_on_after(self._config.handshake_timeout_s or float("inf")) as handshake:
            self._wire.on_close = (
                handshake.cancel
            )  # the library closes it when the request is not a handshake
            request = await trio_websocket.wrap_server_stream(
                transport,
                self._wire,
                message_queue_size=MESSAGE_QUEUE,
                max_message_size=self._config.max_message_bytes or 2**62,
                receive_buffer_size=RECEIVE_BYTES,
            )
            refusal = self._reason_to_refuse(request)
            if refusal is not None:
                status, text = refusal
                LOGGER.info("%s: handshake refused: %s", self.peer, text)
                headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
                await request.reject(status, extra_headers=headers, body=text.encode() + b"\n")
                return None
            websocket = await request.accept(subprotocol=V1 if self._is_v1 else None)
            self._wire.on_close = None
            self._wire.farewell = partial(_farewell, websocket)
            return websocket
        return None

    def _reason_to_refuse(self, request: WebSocketRequest) -> tuple[int, str] | None:
        """An HTTP status and a sentence; None for whoever is welcome."""
        headers = {name.lower(): value.decode("latin-1") for name, value in request.headers}
        if request.path.partition("?")[0] != "/":
            return 404, "The chat is at the path / of this server."
        self._is_v1 = V1 in request.proposed_subprotocols
        if self._is_v1:
            if not origin.is_allowed(headers.get(b"origin"), headers.get(b"host"), self._config.allow_origin):
                return (
                    403,
                    "Pages of that origin may not connect. The operator can allow it with --allow-origin.",
                )
        elif request.proposed_subprotocols:
            return 400, f"Ask for the subprotocol {V1}, or for none."
        elif not self._config.plain:
            return 403, f"Plain access is switched off here. Ask for the subprotocol {V1}."
        return None

    async def _talk(self, websocket: WebSocketConnection, outbox: Outbox) -> None:
        hear = hear_v1 if self._is_v1 else hear_plain
        async with trio.open_nursery() as session:
            session.start_soon(self._speak, outbox, session.cancel_scope, name=f"speak to {self.peer}")
            try:
                await hear(websocket, outbox, rooms=self._rooms, people=self._people, config=self._config)
            except trio_websocket.ConnectionClosed:
                session.cancel_scope.cancel()
            except RemoteProtocolError as error:
                self._end_soon(outbox, error.close, session)
            except StoreError:
                self._end_soon(outbox, TRY_AGAIN_LATER, session)
            except Exception:
                LOGGER.exception("%s: fault while listening", self.peer)
                self._end_soon(outbox, INTERNAL_ERROR, session)

    def _end_soon(self, outbox: Outbox, close: Close, session: trio.Nursery) -> None:
        """What was said before is still answered, if the peer reads it."""
        outbox.end(close)
        session.cancel_scope.deadline = trio.current_time() + self._config.close_timeout_s

    async def _speak(self, outbox: Outbox, session_scope: trio.CancelScope) -> None:
        try:
            await outbox.speak()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            LOGGER.debug("%s: %s", self.peer, error)
        except StoreError:
            outbox.end(TRY_AGAIN_LATER)
        session_scope.cancel()


def _farewell(websocket: WebSocketConnection) -> bytes:
    """The close frame that trio-websocket owes to a peer that broke the protocol: it only records the code."""
    reason = websocket.closed
    if reason is None or reason.code in NO_CODE:
        return b""
    return encode_close(Close(reason.code, "", come_back=False).because(reason.reason or ""))
