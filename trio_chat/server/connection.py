"""One WebSocket, from its handshake to the last byte: `Connection.serve_websocket`.

    its cancel scope: the connection handler (with the memberships inside)
    then another one: what is waiting is still said; and then another: polite close
    (the supervisor closes the socket)

    beside it, in tasks that end with it: the speaker, while something waits in the outbox; trio-websocket's reader,
    where it is needed

However a session ends, it ends through its outbox: after `Outbox.end` the speaker writes what is waiting, and when it
has finished, the session is cancelled. Slow, refused, shutdown and error differ only in the `Close`.
"""

from __future__ import annotations

import logging
from functools import partial
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
    RemoteProtocolError,
    StoreError,
)
from trio_chat.gateways.plain import serve_plain
from trio_chat.gateways.v1 import serve_v1
from trio_chat.net.frame_guard import FrameGuard
from trio_chat.net.limits import TokenBucket
from trio_chat.net.outbox import Outbox
from trio_chat.net.websocket import WebSocket, accept_by_library, accept_handshake
from trio_chat.net.websocket_frames import encode_close, encode_ping
from trio_chat.server.closing import PEER_IS_GONE, refuse
from trio_chat.server.handshake_rules import refusal_of, v1_among

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from trio_websocket import WebSocketRequest

    from trio_chat.hub import Hub
    from trio_chat.net.limits import Admission
    from trio_chat.net.request_head import BadRequest, Handshake
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

_PING = encode_ping()


class Connection:
    """A WebSocket and how to end it. `serve_websocket` is its whole life.

    ``handshake`` was not answered yet. ``admission`` is its place, ``peer`` the client's name in our log, ``address``
    the `address_key` that limits go by. Tasks beside it are started in ``connections``.
    """

    __slots__ = (
        "_address",
        "_admission",
        "_connections",
        "_failure",
        "_guard",
        "_handshake",
        "_hub",
        "_is_cut",
        "_is_over",
        "_no_side_tasks",
        "_outbox",
        "_scope",
        "_side_tasks",
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
        connections: trio.Nursery,
    ) -> None:
        self.peer = peer
        self._address = address
        self._admission = admission
        self._handshake: Handshake | None = handshake  # until it is answered
        self._wire = wire
        self._hub = hub
        self._connections = connections
        self._outbox: Outbox | None = None
        self._subprotocol: str | None = None  # of trio-chat.v1, as the client spells it; None: plain
        self._guard = FrameGuard(
            TokenBucket(IDLE_FRAMES_PER_SECOND, IDLE_FRAMES_BURST),
            max_message_bytes=hub.config.max_message_bytes,
        )
        wire.inspect = self._inspect
        self._scope = trio.CancelScope()  # around whatever is waited for
        self._is_over = False  # whether the session is, and nothing but closing is left
        self._is_cut = False  # whether nobody is to be told that it is
        self._side_tasks: tuple[trio.CancelScope, ...] = ()
        self._no_side_tasks: trio.Event | None = None  # only while that is waited for
        self._failure: BaseException | None = None  # of one of them

    # -- for the server: sync --

    @property
    def waiting_bytes(self) -> int:
        """What waits in the outbox."""
        return 0 if self._outbox is None else self._outbox.statistics().pending_bytes

    def close(self) -> None:
        """The server stops: write what is waiting, then close so that the client comes back. Sync."""
        if self._outbox is None:
            self._cut()  # its handshake is not finished
        else:
            self._outbox.end(GOING_AWAY if self._subprotocol is None else SERVICE_RESTART)

    def check_alive(self, now: float) -> None:
        """Heartbeat: ping a client that was silent for a while, cut one that was silent for two. Sync.

        Any byte counts as life, and only silence while we read counts as silence. The ping is written only if nothing
        else is: where something is, the wire's own deadline watches.
        """
        silent_s, idle_ping_s = self._wire.silent_s(now), self._hub.config.idle_ping_s
        if self._outbox is None or not idle_ping_s or silent_s < idle_ping_s:
            return
        if silent_s >= 2 * idle_ping_s:
            LOGGER.debug("%s: cut, nothing was heard for %.0f s", self.peer, silent_s)
            self._hub.security.cut("silent", self._address)
            self._outbox.end(SILENT)
            self._scope.deadline = min(self._scope.deadline, now + self._hub.config.close_timeout_s)
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
            self._cut()
            raise trio.BrokenResourceError(close.reason)

    def _make_way(self) -> None:
        LOGGER.debug("%s: cut, it did not say who it is, and somebody else needs the place", self.peer)
        self._hub.security.cut("no_hello", self._address)
        if self._outbox is not None:
            self._wire.write_now(encode_close(MAKE_WAY))  # or never: the place is somebody else's already
        self._cut()

    def _cut(self) -> None:
        """End it at once, without another word."""
        self._is_cut = self._is_over = True
        self._scope.cancel()

    def _end_session(self) -> None:
        """End the session at once: nothing waits to be said, or nobody is there to hear it."""
        if not self._is_over:
            self._is_over = True
            self._scope.cancel()

    # -- its task --

    async def serve_websocket(self) -> None:
        """Shake hands, talk, close. Raises what is a fault of ours or the transport's; never closes the transport.

        An idle client waits in here, in one task and one cancel scope: what is kept meanwhile counts thousandfold.
        """
        self._admission.make_way = self._make_way
        try:
            websocket = await self._shake_hands()
            if websocket is not None:
                self._outbox = Outbox(
                    self._wire,
                    max_bytes=self._hub.config.outbox_bytes,
                    start_speaker=self._start_speaker,
                )
                with self._scope:
                    try:
                        await self._serve(websocket, self._outbox)
                    except trio_websocket.ConnectionClosed:
                        self._is_over = True
                    except RemoteProtocolError as error:
                        self._outbox.end(error.close)
                    except StoreError:
                        self._outbox.end(TRY_AGAIN_LATER)
                    except Exception:
                        LOGGER.exception("%s: fault while listening", self.peer)
                        self._outbox.end(INTERNAL_ERROR)
                await self._close(websocket, self._outbox)
            await self._end_side_tasks()
            if self._failure is not None:
                raise self._failure
        finally:
            self._admission.make_way = None  # it holds this connection: a cycle
            if self._outbox is not None:
                self._outbox.abandon()
            for scope in self._side_tasks:
                scope.cancel()  # it was cancelled itself

    def _serve(self, websocket: Messages, outbox: Outbox) -> Awaitable[None]:
        """The connection handler."""
        if self._subprotocol is None:
            return serve_plain(websocket, outbox, hub=self._hub, address=self._address)
        return serve_v1(
            websocket,
            outbox,
            hub=self._hub,
            address=self._address,
            admission=self._admission,
            scope=self._scope,
        )

    async def _close(self, websocket: Messages, outbox: Outbox) -> None:
        """The session's end: what is waiting is still said, if the peer reads that, and then that it is closed."""
        timeout_s = self._hub.config.close_timeout_s
        if not self._is_over:
            deadline = min(self._scope.deadline, trio.current_time() + timeout_s)
            self._scope = trio.CancelScope(deadline=deadline)
            with self._scope:
                await trio.sleep_forever()
        self._is_over = True
        if not self._is_cut:
            close = outbox.close or NORMAL
            with trio.move_on_after(timeout_s) as self._scope:
                await websocket.aclose(close.code, close.reason)
        outbox.abandon()

    async def _shake_hands(self) -> Messages | None:
        """The open WebSocket; None if there is none."""
        asked, self._handshake = self._handshake, None
        assert asked is not None
        refusal, answer = None, b""
        if asked.is_ordinary:
            refusal = self._refusal_of(asked.target, asked.subprotocols, dict(asked.headers), asked.host)
            if refusal is None:
                answer = accept_handshake(asked.key, self._subprotocol)
                if self._wire.write_now(answer):
                    answer = b""
                    if not self._wire.unsent_bytes:
                        return WebSocket(self._wire, self._wrap)
        websocket: Messages | None = None
        with self._scope:
            if not asked.is_ordinary:
                websocket = await self._shake_hands_by_library(asked)
            elif refusal is not None:
                await self._reject(refusal)
            else:
                await self._wire.send_all(answer)
                websocket = WebSocket(self._wire, self._wrap)
        self._scope = trio.CancelScope()
        return None if self._is_cut else websocket

    async def _shake_hands_by_library(self, asked: Handshake) -> Messages | None:
        self._scope.deadline = trio.current_time() + (self._hub.config.handshake_timeout_s or float("inf"))
        # The library closes the wire when the request is not a handshake.
        self._wire.on_close = self._scope.cancel
        self._wire.unread(asked.data)
        request = await self._wrap(self._wire)
        fields = {name.lower(): value for name, value in request.headers}
        refusal = self._refusal_of(request.path, request.proposed_subprotocols, fields, asked.host)
        if refusal is not None:
            await self._reject(refusal)
            return None
        websocket = await accept_by_library(request, self._wire, self._subprotocol)
        self._wire.on_close = None
        return websocket

    def _refusal_of(
        self, target: str, subprotocols: Sequence[str], fields: Mapping[bytes, bytes], host: str | None
    ) -> BadRequest | None:
        """The refusal of a right handshake, told to the security log; None for whoever is welcome."""
        page = fields[b"origin"].decode("latin-1") if b"origin" in fields else None
        self._subprotocol = v1_among(subprotocols)
        refusal = refusal_of(
            target,
            subprotocols,
            is_v1=self._subprotocol is not None,
            page=page,
            host=host,
            hub=self._hub,
            address=self._address,
            admission=self._admission,
        )
        if refusal is not None:
            assert refusal.why is not None
            about = {"origin": page, "host": host} if refusal.why == "origin" else {}
            self._hub.security.refused(refusal.why, self._address, **about)
        return refusal

    async def _reject(self, refusal: BadRequest) -> None:
        LOGGER.debug("%s: handshake refused: %s", self.peer, refusal.reason)
        timeout_s = self._hub.config.close_timeout_s
        await refuse(self._wire, refusal.status, refusal.reason, timeout_s=timeout_s)

    # -- tasks beside it --

    def _start_beside(self, work: Callable[[], Awaitable[object]]) -> None:
        """Start a task that ends, at the latest, with this connection: in the nursery of all connections, since one of
        its own would be a tenth of an idle connection's memory."""
        scope = trio.CancelScope()
        self._side_tasks = (*self._side_tasks, scope)
        self._connections.start_soon(self._run_beside, work, scope)

    async def _run_beside(self, work: Callable[[], Awaitable[object]], scope: trio.CancelScope) -> None:
        """Nothing gets past it to the others; what is a fault is raised by `serve_websocket`."""
        try:
            with scope:
                await work()
        except* PEER_IS_GONE as group:
            LOGGER.debug("%s: %r", self.peer, group.exceptions)
        except* LocalProtocolError as group:
            # The library answers a ping that comes after its close frame (trio-websocket#184); all was written by then.
            if self._wire.is_open:
                self._fail(group)
        except* Exception as group:
            self._fail(group)
        finally:
            self._side_tasks = tuple(other for other in self._side_tasks if other is not scope)
            if self._no_side_tasks is not None and not self._side_tasks:
                self._no_side_tasks.set()

    async def _end_side_tasks(self) -> None:
        """Cancel them, and wait until they are over: one may be about to write the close frame."""
        if self._side_tasks:
            self._no_side_tasks = trio.Event()
            for scope in self._side_tasks:
                scope.cancel()
            await self._no_side_tasks.wait()

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._cut()

    def _start_speaker(self, speak: Callable[[], Awaitable[None]]) -> None:
        self._start_beside(partial(self._speak, speak))

    async def _speak(self, speak: Callable[[], Awaitable[None]]) -> None:
        """A task as long as something waits in the outbox; when the last of it is written, the session is over."""
        assert self._outbox is not None
        try:
            await speak()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            LOGGER.debug("%s: %s", self.peer, error)
            self._end_session()
        if self._outbox.close is not None and not self._outbox.is_speaking:
            self._end_session()

    async def _wrap(self, stream: trio.abc.Stream) -> WebSocketRequest:
        """The library's connection, which reads in a task beside this one."""
        requests, request = trio.open_memory_channel[trio_websocket.WebSocketRequest](1)
        self._start_beside(partial(self._run_library, stream, requests))
        return await request.receive()

    async def _run_library(
        self, stream: trio.abc.Stream, requests: trio.MemorySendChannel[WebSocketRequest]
    ) -> None:
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(
                nursery,
                stream,
                message_queue_size=MESSAGE_QUEUE,
                max_message_size=self._hub.config.max_message_bytes or 2**62,
                receive_buffer_size=None,  # the wire knows
            )
            requests.send_nowait(request)
