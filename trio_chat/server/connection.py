"""One WebSocket, from its handshake to the last byte: `serve_websocket`.

    transport nursery: the speaker, while something waits in the outbox; trio-websocket's reader, where it is needed
        session scope: hear (with the memberships inside)
        polite close
    (the wire is abandoned; the supervisor closes the socket)

However a session ends, it ends through its outbox: after `Outbox.end` the speaker writes what is waiting, and when it
has finished, the session is cancelled. Slow, refused, shutdown and error differ only in the `Close`.
"""

from __future__ import annotations

import logging
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import trio
import trio_websocket
from wsproto.utilities import LocalProtocolError

from trio_chat.errors import (
    GOING_AWAY,
    INTERNAL_ERROR,
    MAKE_WAY,
    NORMAL,
    POLICY_VIOLATION,
    SERVICE_RESTART,
    SILENT,
    TRY_AGAIN_LATER,
    Close,
    Refused,
    RemoteProtocolError,
    StoreError,
)
from trio_chat.gateways.plain import serve_plain
from trio_chat.gateways.v1 import serve_v1
from trio_chat.net import origin
from trio_chat.net.frame_guard import FrameGuard
from trio_chat.net.limits import TokenBucket
from trio_chat.net.outbox import Outbox
from trio_chat.net.request_head import BadRequest, shown
from trio_chat.net.websocket import ABNORMAL, NO_STATUS, WebSocket, accept_handshake
from trio_chat.net.websocket_frames import encode_close, encode_ping
from trio_chat.protocol.encoding import V1
from trio_chat.server.closing import PLACES_ADVICE, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from trio_websocket import WebSocketRequest

    from trio_chat.hub import Hub
    from trio_chat.net.limits import Admission
    from trio_chat.net.request_head import Handshake
    from trio_chat.net.websocket import Messages
    from trio_chat.net.wire import Wire

LOGGER = logging.getLogger(__name__)

MESSAGE_QUEUE = 64
"""How many messages trio-websocket may read ahead: it saves task switches (measured: twice the ingest of 1)."""

IDLE_FRAMES_PER_SECOND = 20.0
"""How many pings, pongs and fragments a client may send for long: some ping every second, none this often."""

IDLE_FRAMES_BURST = 1000
"""How many of them at once: a message in many small pieces, or the pongs of a phone that was asleep. Handling so many
takes some 20 ms."""

NO_CODE = frozenset({NO_STATUS, ABNORMAL, 1015})
"""What is reported when there was no close frame; may not be sent (RFC 6455 section 7.4.1)."""

_PING = encode_ping()


class Connection:
    """A WebSocket and how to end it. `run` is its whole life."""

    __slots__ = (
        "_address",
        "_admission",
        "_config",
        "_guard",
        "_handshake",
        "_handshakes",
        "_hub",
        "_outbox",
        "_scope",
        "_session_scope",
        "_subprotocol",
        "_wire",
        "peer",
    )

    def __init__(
        self,
        wire: Wire,
        peer: str,
        *,
        address: str,
        hub: Hub,
        admission: Admission,
        handshake: Handshake,
        handshakes: trio.Semaphore,
    ) -> None:
        self.peer = peer
        self._address = address
        self._admission = admission
        self._handshakes = handshakes
        self._handshake = handshake
        self._wire = wire
        self._hub = hub
        self._config = config = hub.config
        self._outbox: Outbox | None = None
        self._subprotocol: str | None = None  # of trio-chat.v1, as the client spells it; None: plain
        self._guard = FrameGuard(
            TokenBucket(IDLE_FRAMES_PER_SECOND, IDLE_FRAMES_BURST), max_message_bytes=config.max_message_bytes
        )
        wire.inspect = self._inspect
        self._scope: trio.CancelScope  # the transport nursery's, from the first step of `run` on
        self._session_scope = trio.CancelScope()

    # -- for the server: sync --

    @property
    def waiting_bytes(self) -> int:
        """What waits in the outbox."""
        return 0 if self._outbox is None else self._outbox.statistics().pending_bytes

    def close(self) -> None:
        """The server stops: write what is waiting, then close so that the client comes back. Sync."""
        if self._outbox is None:
            self._scope.cancel()  # its handshake is not finished
        else:
            self._outbox.end(GOING_AWAY if self._subprotocol is None else SERVICE_RESTART)

    def check_alive(self, now: float) -> None:
        """Heartbeat: ping a client that was silent for a while, cut one that was silent for two. Sync.

        Any byte counts as life, and only silence while we read counts as silence. The ping is written only if nothing
        else is: where something is, the wire's own deadline watches.
        """
        silent_s = self._wire.silent_s(now)
        if self._outbox is None or not self._config.idle_ping_s or silent_s < self._config.idle_ping_s:
            return
        if silent_s >= 2 * self._config.idle_ping_s:
            LOGGER.debug("%s: cut, nothing was heard for %.0f s", self.peer, silent_s)
            self._hub.security.cut("silent", self._address)
            self._outbox.end(SILENT)
            self._session_scope.deadline = min(
                self._session_scope.deadline, now + self._config.close_timeout_s
            )
        elif not self._outbox.is_speaking:
            self._outbox.post(_PING)

    def _inspect(self, data: bytes | bytearray) -> None:
        close = self._guard.feed(data, trio.current_time())
        if close is not None:
            LOGGER.debug("%s: cut, %s", self.peer, close.reason)
            self._hub.security.cut(
                "flood" if close.code == POLICY_VIOLATION.code else "too_big", self._address
            )
            self._wire.make_close_frame = partial(encode_close, close)
            self._scope.cancel()
            raise trio.BrokenResourceError(close.reason)

    def _make_way(self) -> None:
        LOGGER.debug("%s: cut, it did not say who it is, and somebody else needs the place", self.peer)
        self._hub.security.cut("no_hello", self._address)
        if self._outbox is not None:
            self._wire.write_now(encode_close(MAKE_WAY))  # or never: the place is somebody else's already
        self._scope.cancel()

    # -- its task --

    async def run(self) -> None:
        """Shake hands, talk, close. Raises what is a fault of ours or the transport's; never closes the transport."""
        try:
            async with trio.open_nursery() as transport:
                self._scope = transport.cancel_scope
                self._admission.make_way = self._make_way
                # Few at a time: this waits for nothing but the processor (see HANDSHAKES_AT_ONCE).
                async with self._handshakes:
                    websocket = await self._shake_hands(transport)
                if websocket is not None:
                    self._wire.make_close_frame = partial(close_frame_for, websocket)
                    await self._talk(websocket, transport)
                transport.cancel_scope.cancel()
        except* LocalProtocolError:
            # The library answers a ping that comes after its close frame (trio-websocket#184); all was written by then.
            if self._wire.is_open:
                raise
        finally:
            self._admission.make_way = None  # it holds this connection: a cycle

    async def _shake_hands(self, transport: trio.Nursery) -> Messages | None:
        """The open WebSocket; None if there is none."""
        asked = self._handshake
        if not asked.is_ordinary:
            return await self._shake_hands_by_library(transport)
        refusal = self._refusal_of(asked.target, asked.subprotocols, dict(asked.headers))
        if refusal is not None:
            await self._reject(refusal)
            return None
        answer = accept_handshake(asked.key, self._subprotocol)
        if not self._wire.write_now(answer):
            await self._wire.send_all(answer)
        elif self._wire.unsent_bytes:
            await self._wire.send_all(b"")
        return WebSocket(self._wire, transport, self._wrap)

    async def _shake_hands_by_library(self, transport: trio.Nursery) -> Messages | None:
        with trio.move_on_after(self._config.handshake_timeout_s or float("inf")) as handshake:
            # The library closes the wire when the request is not a handshake.
            self._wire.on_close = handshake.cancel
            self._wire.unread(self._handshake.data)
            request = await self._wrap(transport, self._wire)
            fields = {name.lower(): value for name, value in request.headers}
            refusal = self._refusal_of(request.path, request.proposed_subprotocols, fields)
            if refusal is not None:
                await self._reject(refusal)
                return None
            websocket = await request.accept(subprotocol=self._subprotocol)
            self._wire.on_close = None
            return websocket
        return None

    async def _wrap(self, nursery: trio.Nursery, stream: trio.abc.Stream) -> WebSocketRequest:
        return await trio_websocket.wrap_server_stream(
            nursery,
            stream,
            message_queue_size=MESSAGE_QUEUE,
            max_message_size=self._config.max_message_bytes or 2**62,
            receive_buffer_size=None,  # the wire knows
        )

    async def _reject(self, refusal: BadRequest) -> None:
        LOGGER.debug("%s: handshake refused: %s", self.peer, refusal.reason)
        await refuse(self._wire, refusal.status, refusal.reason, timeout_s=self._config.close_timeout_s)

    def _refusal_of(
        self, target: str, subprotocols: Sequence[str], fields: Mapping[bytes, bytes]
    ) -> BadRequest | None:
        """The refusal of a right handshake, told to the security log; None for whoever is welcome."""
        path = target.partition("?")[0]
        if path != "/":
            return self._refuse(
                HTTPStatus.NOT_FOUND,
                f"The chat is at the path / of this server, not at {shown(path)}. If a proxy serves it under a path, "
                "whoever runs that has it take the path away.",
                "path",
            )
        # Some libraries send an empty field, or an empty element, where nothing is asked for.
        proposed = [name for name in subprotocols if name]
        # It is answered as it was asked for: clients compare the spelling (RFC 6455 section 4.1).
        self._subprotocol = next((name for name in proposed if name.lower() == V1), None)
        if self._subprotocol is not None:
            page, host = fields.get(b"origin", b"").decode("latin-1"), self._handshake.host
            if b"origin" in fields and not origin.is_allowed(page, host, self._config.own_origins):
                sentence = origin.why_not(page, host)
                return self._refuse(HTTPStatus.FORBIDDEN, sentence, "origin", origin=page, host=host)
        elif proposed:
            return self._refuse(
                HTTPStatus.BAD_REQUEST,
                f"This server does not speak {shown(', '.join(proposed))}: "
                f"the program that connects has to ask for the subprotocol {V1}, or for none.",
                "subprotocol",
            )
        elif not self._config.is_plain_on:
            return self._refuse(
                HTTPStatus.FORBIDDEN,
                f"Plain access is switched off here. Ask for the subprotocol {V1}; "
                "or whoever runs the server starts it with --plain.",
                "plain",
            )
        else:
            try:
                self._hub.door.check_guest(self._address)
            except Refused as refused:
                return self._refuse(HTTPStatus.FORBIDDEN, refused.message, refused.code)
            try:
                self._admission.settle(is_known=False)  # it will never say who it is
            except Refused as refused:
                sentence = f"{refused.message} {PLACES_ADVICE}"
                return self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, sentence, "places")
        return None

    def _refuse(
        self,
        status: HTTPStatus,
        sentence: str,
        why: str,
        *,
        origin: str | None = None,
        host: str | None = None,
    ) -> BadRequest:
        self._hub.security.refused(why, self._address, origin=origin, host=host)
        return BadRequest(status, sentence, why)

    async def _talk(self, websocket: Messages, transport: trio.Nursery) -> None:
        self._outbox = Outbox(
            self._wire,
            max_bytes=self._config.outbox_bytes,
            start_speaker=lambda speak: transport.start_soon(self._speak, speak),
        )
        try:
            await self._hear(websocket, self._outbox)
            close = self._outbox.close or NORMAL
            with trio.move_on_after(self._config.close_timeout_s):
                await websocket.aclose(close.code, close.reason)
        finally:
            self._outbox.abandon()

    async def _hear(self, websocket: Messages, outbox: Outbox) -> None:
        with self._session_scope:
            try:
                if self._subprotocol is not None:
                    await serve_v1(
                        websocket, outbox, hub=self._hub, address=self._address, admission=self._admission
                    )
                else:
                    await serve_plain(websocket, outbox, hub=self._hub, address=self._address)
            except trio_websocket.ConnectionClosed:
                self._session_scope.cancel()
            except RemoteProtocolError as error:
                outbox.end(error.close)
            except StoreError:
                outbox.end(TRY_AGAIN_LATER)
            except Exception:
                LOGGER.exception("%s: fault while listening", self.peer)
                outbox.end(INTERNAL_ERROR)
            # What the peer sent before is still answered, if it reads that.
            self._session_scope.deadline = trio.current_time() + self._config.close_timeout_s
            await trio.sleep_forever()

    async def _speak(self, speak: Callable[[], Awaitable[None]]) -> None:
        """A task as long as something waits in the outbox; when the last of it is written, the session is over."""
        assert self._outbox is not None
        try:
            await speak()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            LOGGER.debug("%s: %s", self.peer, error)
            self._session_scope.cancel()
        if self._outbox.close is not None and not self._outbox.is_speaking:
            self._session_scope.cancel()


async def serve_websocket(
    wire: Wire,
    peer: str,
    *,
    address: str,
    hub: Hub,
    admission: Admission,
    connected: set[Connection],
    handshake: Handshake,
    handshakes: trio.Semaphore,
) -> None:
    """Serve one WebSocket, from its ``handshake``, which was not answered yet, to the last byte.

    While this runs, the connection is in ``connected``, for whoever pings, counts or closes all. As many handshakes go
    on at a time as ``handshakes`` allows. ``admission`` is its place, ``peer`` the client's name in our log,
    ``address`` the `address_key` that limits go by. Raises what is a fault of ours or the transport's. Never closes the
    transport.
    """
    connection = Connection(
        wire, peer, address=address, hub=hub, admission=admission, handshake=handshake, handshakes=handshakes
    )
    connected.add(connection)
    try:
        await connection.run()
    finally:
        connected.discard(connection)


def close_frame_for(websocket: Messages) -> bytes:
    """The close frame that is owed to a peer that broke the protocol, as trio-websocket only records the code."""
    reason = websocket.closed
    if reason is None or reason.code in NO_CODE:
        return b""
    return encode_close(Close(reason.code, "", come_back=False).because(reason.reason or ""))
