"""A conversation: the state of a chat that outlasts its connections, and the task that makes them.

    keep connected: one connection after the other, with pauses
        hear (frames of the server) | speak (frames to the server) | keep up (join rooms, and join them again)

The rules:

1. Calls (send, join, …) belong to the conversation, not to a connection. Those without an answer are written again to
   each new connection, under the same id, once all rooms are joined again.
2. Rooms are joined again from their cursors on each new connection, and whenever they fell behind (`JoinedRooms`).
3. Back-pressure: the socket is read only as fast as the application takes events. But while a call waits for its
   answer, the socket is read on, since the answer comes through it: else a loop that answers what it reads would wait
   for itself.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import trio

from trio_chat.client import events, frames
from trio_chat.client.backoff import Backoff
from trio_chat.client.calls import Calls
from trio_chat.client.connection import CONNECT_S, run_connection
from trio_chat.client.endings import CannotConnect, ConnectionLost, first_of, may_be_of_a_command
from trio_chat.client.frames import Failure
from trio_chat.client.http import HttpConnection
from trio_chat.client.joined_rooms import JoinedRooms
from trio_chat.client.state import StateError
from trio_chat.errors import (
    GOING_AWAY,
    INVALID_DATA,
    LOG_REPLACED,
    NORMAL,
    SERVICE_RESTART,
    SILENT,
    TRY_AGAIN_LATER,
    ChatError,
    Refused,
)
from trio_chat.model.events import Person
from trio_chat.protocol.commands import Hello, Join, Leave, Pinging

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from typing import NoReturn

    from trio_chat.client.address import Address
    from trio_chat.client.calls import Call
    from trio_chat.client.connection import Connect, Connection
    from trio_chat.client.events import Event
    from trio_chat.client.frames import Answer, Command, ServerFrame
    from trio_chat.client.joined_rooms import JoinedRoom
    from trio_chat.client.state import StateFile
    from trio_chat.errors import Close

LOGGER = logging.getLogger(__name__)

IDLE_S = 25.0
"""The silence after which the client pings the server, in seconds: sooner than proxies and NATs forget a connection,
which is seldom below 30 s. After as much silence again the connection is lost."""

RETRY_S = 1.0
"""How long to wait after a refusal that passes, if the server does not say."""

PASSING: Final = frozenset({"rate_limited", "unavailable", "too_many_connections"})
"""Codes of refusals that pass."""

PAUSE_FIRST: Final = frozenset(
    close.code for close in (GOING_AWAY, SERVICE_RESTART, TRY_AGAIN_LATER, LOG_REPLACED)
)
"""Close codes after which all clients come back at once, so that even the first attempt waits for a random time."""

SENDING_AWAY: Final = frozenset({GOING_AWAY.code, SERVICE_RESTART.code})
"""Close codes of a server that stops."""

_LEFT: Final = NORMAL.because("this chat was left")
_NO_WELCOME: Final = SILENT.because("the server did not say welcome")
_ANOTHER_ANSWER: Final = INVALID_DATA.because("the server answered something else than was asked")

_A = TypeVar("_A", bound="Answer")


class Conversation:
    """The state of one `Chat`, and the task that keeps it connected."""

    def __init__(
        self,
        address: Address,
        connect: Connect,
        *,
        name: str | None,
        token: str | None,
        device: str | None,
        on_token: Callable[[str, str], object] | None,
        state: StateFile | None,
        retry_first: bool,
        max_unread: int,
        jitter: Callable[[], float],
    ) -> None:
        self.token = token
        self.server_id = ""
        self.user = Person("", "")  # until the first welcome
        self.rooms = JoinedRooms(max_unread=max_unread, is_busy=lambda: bool(self.calls))
        self.calls = Calls(on_call=self.rooms.hurry)  # rule 3
        self.welcomes = 0
        self._name = name
        self._device = device
        self._on_token = on_token
        self._state = state
        self._address = address
        self._connect = connect
        self._retry_first = retry_first
        self.jitter = jitter
        self._backoff = Backoff(jitter)
        self._welcomed = trio.Event()
        self._welcomed_at = float("inf")
        self._lost_calls: list[Call] = []
        self._is_left = False
        self._life = trio.CancelScope()
        self._transfers: set[trio.CancelScope] = set()
        self._connected = trio.Event()
        self._talk_scope: trio.CancelScope | None = None

    # -- for the application: calls and events --

    async def wait_welcome(self) -> None:
        """Wait for the first login. Raises `ConnectionLost` or `Refused` if there will be none."""
        await self._welcomed.wait()
        self.calls.raise_end()

    async def call(
        self,
        command: Command,
        answer_type: type[_A],
        *,
        rejoins: JoinedRoom | None = None,
        connection: Connection | None = None,
    ) -> _A:
        """Have a command carried out, over this connection or by default over whichever there is or will be.

        Refusals that pass are waited out, and the command is sent again under the same id. Raises `Refused`, or what
        ended the conversation; see also `Calls.ask`.
        """
        while True:
            answer = await self.calls.ask(command, rejoins=rejoins, connection=connection)
            if isinstance(answer, answer_type):
                return answer
            if not isinstance(answer, Failure):
                raise ConnectionLost(_ANOTHER_ANSWER)
            if answer.code not in PASSING:
                raise _refused(answer)
            await self._wait_out(answer)

    async def next_event(self) -> Event | None:
        """The next event; None once the conversation was left. Raises what ended it for good.

        When cancelled, no event is lost.
        """
        try:
            return await self.rooms.next_event()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            if not self._is_left:
                self.calls.raise_end()
            return None

    async def wait_connected(self) -> None:
        """Wait until there is a connection. Raises what ended the conversation."""
        with self.until_end():
            await self._connected.wait()

    @asynccontextmanager
    async def open_http(self) -> AsyncGenerator[HttpConnection]:
        """A connection for the bytes of files, as long as the block lasts."""
        http = HttpConnection(self._connect, self._address.authority)
        try:
            yield http
        finally:
            await http.aclose()

    def target(self, path: str) -> str:
        """Where this path is, which is relative to the chat: the target of a request."""
        return self._address.folder + path

    @contextmanager
    def until_end(self) -> Iterator[None]:
        """Cancel the block when the conversation ends, and raise what ended it."""
        self.calls.raise_end()
        with trio.CancelScope() as scope:
            self._transfers.add(scope)
            try:
                yield
            finally:
                self._transfers.remove(scope)
        if scope.cancelled_caught:
            self.calls.raise_end()

    # -- beginning and end --

    async def keep_connected(self) -> None:
        """Connect, and again whenever the connection is lost, until `leave` or until coming back makes no sense."""
        with self.rooms, self._life:
            while self.calls.end is None:
                self._welcomed_at = float("inf")
                self._lost_calls = []  # a connection that never came about ends no calls
                lost = await run_connection(self._address, self._connect, self._talk)
                self._talk_scope = None
                if lost is not None and self.calls.end is None:
                    await self._get_over(lost)

    async def _get_over(self, lost: ConnectionLost) -> None:
        may_come_back = self._blame_call(lost.close) or lost.close.come_back
        if not may_come_back or not (self.welcomes or self._retry_first):
            self._finish(lost)
            return
        may_be_at_once = not isinstance(lost, CannotConnect) and lost.close.code not in PAUSE_FIRST
        held_s = trio.current_time() - self._welcomed_at
        was_sent_away = held_s > 0 and lost.close.code in SENDING_AWAY
        pause_s = self._backoff.pause_s(
            held_s=held_s, may_be_at_once=may_be_at_once, was_sent_away=was_sent_away
        )
        LOGGER.info("%s: %s Connecting again in %.1f s.", self._address.url, lost, pause_s)
        await trio.sleep(pause_s)

    def _blame_call(self, close: Close) -> bool:
        """Find out whether one of the calls ended the connection. Returns whether one may have."""
        if not may_be_of_a_command(close):
            return False
        sentence = f"The server ended the connection at this: {close.reason} ({close.code})."
        self.calls.blame(self._lost_calls, Refused("ends_connection", sentence), at_once=not close.come_back)
        return bool(self._lost_calls)

    def leave(self) -> None:
        """End the conversation: calls end, the connection is closed with a close frame. Sync: safe in a ``finally``."""
        self._is_left = True
        self._finish(ConnectionLost(_LEFT))
        (self._talk_scope or self._life).cancel()

    def _finish(self, why: ChatError) -> None:
        self.calls.finish(why)
        self._welcomed.set()
        for transfer in self._transfers:
            transfer.cancel()

    # -- one connection --

    async def _talk(self, connection: Connection) -> None:
        with trio.CancelScope() as self._talk_scope:
            try:
                await self._log_in(connection)
                async with trio.open_nursery() as tasks:
                    tasks.start_soon(self._hear, connection)
                    tasks.start_soon(connection.speak)
                    tasks.start_soon(self._keep_up, connection)
            except* (Refused, StateError) as refusals:
                self._finish(first_of(refusals))
            finally:
                if self._connected.is_set():  # else somebody may wait for it, over several attempts
                    self._connected = trio.Event()
                self._lost_calls = self.calls.pause()

    async def _log_in(self, connection: Connection) -> None:
        while True:
            await connection.write(self._hello())
            answer = await self._reply_to_hello(connection)
            if isinstance(answer, frames.Welcome):
                break
            if answer.code not in PASSING:
                raise _refused(answer)
            await self._wait_out(answer)
        self.user = answer.user
        self.server_id = answer.server
        self.calls.max_bytes = answer.about.limits.message_bytes
        if answer.token is not None:
            self.token = answer.token
            if self._on_token is not None:
                self._on_token(answer.server, answer.token)
        if self._state is not None and self._state.token != self.token:
            assert self.token is not None
            self._state.keep(answer.server, answer.user.id, self.token)
        self.welcomes += 1
        self._welcomed_at = trio.current_time()
        self._welcomed.set()

    def _hello(self) -> Hello:
        if self.token is None:
            return Hello(name=self._name, device=self._device)
        # Else whoever starts this program again with the old token would find it void.
        may_rotate = self._on_token is not None or self._state is not None
        return Hello(token=self.token, server=self.server_id or None, device=self._device, rotate=may_rotate)

    async def _reply_to_hello(self, connection: Connection) -> frames.Welcome | Failure:
        with trio.move_on_after(CONNECT_S):
            while True:
                frame = await connection.receive()
                if isinstance(frame, frames.Welcome | Failure):
                    return frame
        raise ConnectionLost(_NO_WELCOME)

    async def _wait_out(self, failure: Failure) -> None:
        LOGGER.info("%s: waiting: %s", self._address.url, failure.message)
        await trio.sleep(failure.retry_after or RETRY_S)

    async def _keep_up(self, connection: Connection) -> NoReturn:
        """Join all rooms again, then write the calls; from then on join again each room that falls behind."""
        self.rooms.fall_behind()
        while True:
            for room in self.rooms.behind():
                cursor = room.received
                join = Join(
                    id=new_id(), room=room.name, after=cursor.seq, epoch=cursor.epoch, proof=cursor.proof
                )
                await self.call(join, frames.Joined, rejoins=room, connection=connection)
            self.calls.begin_on(connection)
            self._connected.set()
            await self.rooms.wait_to_catch_up()

    async def _hear(self, connection: Connection) -> NoReturn:
        was_pinged = False
        while True:
            # Only silence while the socket is read counts, not waiting for the application.
            with trio.move_on_after(IDLE_S) as silence:
                frame = await connection.receive()
            if not silence.cancelled_caught:
                was_pinged = False
                await self._handle(frame, connection)
            elif was_pinged:
                raise ConnectionLost(SILENT)
            else:
                connection.post(Pinging(id=new_id()))
                was_pinged = True

    async def _handle(self, frame: ServerFrame, connection: Connection) -> None:
        match frame:
            case events.Edited(deleted=True):
                await self.rooms.take(frame.room, frame.seq, None, proof=frame.proof)
            case (
                events.Message() | events.Edited() | events.Deleted() | events.Reacted() | events.OtherEvent()
            ):
                await self.rooms.take(frame.room, frame.seq, frame, proof=frame.proof)
            case frames.Unknown(room=str(room), seq=int(seq), proof=proof):
                await self.rooms.take(room, seq, None, proof=proof)
            case frames.Joined():
                await self._begin(frame, connection)
            case (
                frames.Left()
                | frames.Ack()
                | frames.HistoryPage()
                | frames.ReactionsPage()
                | frames.Renamed()
                | frames.Profiled()
                | frames.Uploading()
                | Failure(id=str())
            ):
                self.calls.answer(frame)
            case _:
                pass  # a pong, or a frame of a type that newer clients know

    async def _begin(self, joined: frames.Joined, connection: Connection) -> None:
        """Go on with a room that was joined; leave it if its call was cancelled, or it was left, in the meantime."""
        call = self.calls.get(joined.id)
        room = self.rooms.get(joined.room)
        if call is None:
            if room is None:  # the call was cancelled
                connection.post(Leave(id=new_id(), room=joined.room))
        elif call.rejoins is None or call.rejoins is room:  # or else it was left meanwhile
            await self.rooms.begin(joined)
        self.calls.answer(joined)


def new_id() -> str:
    """A new idempotency key: 128 random bits."""
    return secrets.token_urlsafe(16)


def _refused(failure: Failure) -> Refused:
    return Refused(failure.code, failure.message, retry_after_s=failure.retry_after)
