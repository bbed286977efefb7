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
from typing import TYPE_CHECKING, Final, TypeVar

import attrs
import trio

from trio_chat.client import events, frames
from trio_chat.client.backoff import Backoff
from trio_chat.client.connection import CONNECT_S, run_connection
from trio_chat.client.endings import CannotConnect, ConnectionLost, first_of
from trio_chat.client.frames import Failure
from trio_chat.client.joined_rooms import JoinedRooms
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
    from collections.abc import Callable
    from typing import NoReturn

    from trio_chat.client.address import Address
    from trio_chat.client.connection import Connect, Connection
    from trio_chat.client.events import Event
    from trio_chat.client.frames import Answer, Command, ServerFrame
    from trio_chat.client.joined_rooms import JoinedRoom

LOGGER = logging.getLogger(__name__)

IDLE_S = 25.0
"""After how much silence we ask whether the server is there: sooner than proxies and NATs forget a connection, which
is seldom below 30 s. After as much silence again it is not."""

RETRY_S = 1.0
"""How long to wait before asking again if the server does not say."""

PASSING: Final = frozenset({"rate_limited", "unavailable"})
"""Refusals that only say: not now."""

PAUSE_FIRST: Final = frozenset(
    close.code for close in (GOING_AWAY, SERVICE_RESTART, TRY_AGAIN_LATER, LOG_REPLACED)
)
"""After these everybody comes back at the same moment, so even the first attempt waits a random time."""

_LEFT: Final = NORMAL.because("this chat was left")
_NO_WELCOME: Final = SILENT.because("the server did not say welcome")
_ANOTHER_ANSWER: Final = INVALID_DATA.because("the server answered something else than was asked")

_A = TypeVar("_A", bound="Answer")


@attrs.define(eq=False)
class _Call:
    """A command on its way, and its answer. ``rejoins`` is the room that it takes up again."""

    command: Command
    rejoins: JoinedRoom | None
    answer: Answer | None = None
    is_over: trio.Event = attrs.field(factory=trio.Event)


class Conversation:
    """The state of one `Chat`, and the task that keeps it connected."""

    def __init__(
        self,
        address: Address,
        connect: Connect,
        *,
        name: str | None,
        token: str | None,
        retry_first: bool,
        max_unread: int,
        jitter: Callable[[], float],
    ) -> None:
        self.token = token
        self.user = Person("", "")  # until the first welcome
        self.calls: dict[str, _Call] = {}
        self.rooms = JoinedRooms(max_unread=max_unread, is_busy=lambda: bool(self.calls))
        self.welcomes = 0
        self._name = name
        self._address = address
        self._connect = connect
        self._retry_first = retry_first
        self._backoff = Backoff(jitter)
        self._welcomed = trio.Event()
        self._welcomed_at = float("inf")
        self._end: ChatError | None = None
        self._is_left = False
        self._life = trio.CancelScope()
        self._talk_scope: trio.CancelScope | None = None
        self._connection: Connection | None = None  # from when on it takes calls

    # -- for the application: calls and events --

    async def wait_welcome(self) -> None:
        """Wait until the server has said who we are. Raises `ConnectionLost` or `Refused` if it will not."""
        await self._welcomed.wait()
        self._raise_end()

    async def call(
        self,
        command: Command,
        answer_type: type[_A],
        *,
        rejoins: JoinedRoom | None = None,
        connection: Connection | None = None,
    ) -> _A:
        """Have a command carried out over this connection, or by default over whatever connection there is or will be.

        What may pass is waited out. Raises `Refused`, or what ended the conversation.
        """
        while True:
            answer = await self._ask(_Call(command, rejoins), connection)
            if isinstance(answer, answer_type):
                return answer
            if not isinstance(answer, Failure):
                raise ConnectionLost(_ANOTHER_ANSWER)
            if answer.code not in PASSING:
                raise _refused(answer)
            await self._wait_out(answer)

    async def _ask(self, call: _Call, connection: Connection | None) -> Answer:
        self._raise_end()
        command_id = call.command.id
        if command_id in self.calls:
            raise ValueError(f"A call with the id {command_id!r} is under way already.")
        self.calls[command_id] = call
        self.rooms.hurry()  # rule 3
        connection = connection or self._connection
        if connection is not None:
            connection.post(call.command)
        try:
            await call.is_over.wait()
        finally:
            del self.calls[command_id]
            if self._connection is not None:
                self._connection.withdraw(command_id)
        if call.answer is None:
            self._raise_end()
        assert call.answer is not None
        return call.answer

    async def next_event(self) -> Event | None:
        """The next event; None once the conversation was left. Raises what ended it for good."""
        try:
            return await self.rooms.next_event()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            if not self._is_left:
                self._raise_end()
            return None

    # -- beginning and end --

    async def keep_connected(self) -> None:
        """Connect, and again whenever the connection was lost, until `leave` or until coming back makes no sense."""
        with self.rooms, self._life:
            while self._end is None:
                self._welcomed_at = float("inf")
                lost = await run_connection(self._address, self._connect, self._talk)
                self._talk_scope = None
                if lost is not None and self._end is None:
                    await self._get_over(lost)

    async def _get_over(self, lost: ConnectionLost) -> None:
        if not lost.close.come_back or not (self.welcomes or self._retry_first):
            self._finish(lost)
            return
        may_be_at_once = not isinstance(lost, CannotConnect) and lost.close.code not in PAUSE_FIRST
        held_s = trio.current_time() - self._welcomed_at
        pause_s = self._backoff.pause_s(held_s=held_s, may_be_at_once=may_be_at_once)
        LOGGER.info("%s: %s Connecting again in %.1f s.", self._address.url, lost, pause_s)
        await trio.sleep(pause_s)

    def leave(self) -> None:
        """End it: what still runs ends, the server is told goodbye. Sync: safe in any ``finally``."""
        self._is_left = True
        self._finish(ConnectionLost(_LEFT))
        (self._talk_scope or self._life).cancel()

    def _finish(self, why: ChatError) -> None:
        if self._end is None:
            self._end = why
        self._welcomed.set()
        for call in self.calls.values():
            call.is_over.set()

    def _raise_end(self) -> None:
        if self._end is not None:
            raise self._end.with_traceback(None)

    # -- one connection --

    async def _talk(self, connection: Connection) -> None:
        with trio.CancelScope() as self._talk_scope:
            try:
                await self._greet(connection)
                async with trio.open_nursery() as session:
                    session.start_soon(self._hear, connection)
                    session.start_soon(connection.speak)
                    session.start_soon(self._keep_up, connection)
            except* Refused as refusals:
                self._finish(first_of(refusals))
            finally:
                self._connection = None

    async def _greet(self, connection: Connection) -> None:
        while True:
            await connection.write(Hello(token=self.token) if self.token else Hello(name=self._name))
            answer = await self._answer_to_hello(connection)
            if isinstance(answer, frames.Welcome):
                break
            if answer.code not in PASSING:
                raise _refused(answer)
            await self._wait_out(answer)
        self.user = answer.user
        self.token = answer.token or self.token
        self.welcomes += 1
        self._welcomed_at = trio.current_time()
        self._welcomed.set()

    async def _answer_to_hello(self, connection: Connection) -> frames.Welcome | Failure:
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
        """Join all rooms, let calls through, and join again what falls behind."""
        self.rooms.fall_behind()
        while True:
            for room in self.rooms.behind():
                cursor = room.received
                join = Join(id=new_id(), room=room.name, after=cursor.seq, epoch=cursor.epoch)
                await self.call(join, frames.Joined, rejoins=room, connection=connection)
            if self._connection is None:
                self._connection = connection
                for call in self.calls.values():
                    connection.post(call.command)
            await self.rooms.wait_to_catch_up()

    async def _hear(self, connection: Connection) -> NoReturn:
        was_asked = False
        while True:
            # Only silence while we listen is silence: waiting for the application does not count.
            with trio.move_on_after(IDLE_S) as silence:
                frame = await connection.receive()
            if not silence.cancelled_caught:
                was_asked = False
                await self._heed(frame, connection)
            elif was_asked:
                raise ConnectionLost(SILENT)
            else:
                connection.post(Pinging(id=new_id()))
                was_asked = True

    async def _heed(self, frame: ServerFrame, connection: Connection) -> None:
        match frame:
            case events.Edited(deleted=True):
                await self.rooms.take(frame.room, frame.seq, None)
            case events.Message() | events.Edited() | events.Deleted() | events.Reacted():
                await self.rooms.take(frame.room, frame.seq, frame)
            case frames.Unknown(room=str(room), seq=int(seq)):
                await self.rooms.take(room, seq, None)
            case frames.Joined():
                await self._begin(frame, connection)
            case frames.Left() | frames.Ack() | frames.HistoryPage() | frames.Renamed() | Failure(id=str()):
                self._answer(frame)
            case _:
                pass  # a pong, or something that newer clients understand

    def _answer(self, answer: Answer) -> None:
        call = self.calls.get(answer.id or "")
        if call is not None:
            call.answer = answer
            call.is_over.set()

    async def _begin(self, joined: frames.Joined, connection: Connection) -> None:
        """Have a room that was joined, unless it is not wanted any more."""
        call = self.calls.get(joined.id)
        room = self.rooms.get(joined.room)
        if call is None:
            if room is None:  # the call was cancelled
                connection.post(Leave(id=new_id(), room=joined.room))
        elif call.rejoins is None or call.rejoins is room:  # or else it was left meanwhile
            await self.rooms.begin(joined)
        self._answer(joined)


def new_id() -> str:
    """A name for a command that nobody has used before: 128 bits of chance."""
    return secrets.token_urlsafe(16)


def _refused(failure: Failure) -> Refused:
    return Refused(failure.code, failure.message, retry_after_s=failure.retry_after)
