"""One v1 client: takes in what it says, keeps its memberships, and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import trio

from trio_chat.errors import UNSUPPORTED_DATA, Refused, RemoteProtocolError, StoreError
from trio_chat.gateways.v1.session import Session, not_joined
from trio_chat.kinds import bodies
from trio_chat.kinds.rules import no_such_room
from trio_chat.model.events import Draft
from trio_chat.net.limits import TokenBucket
from trio_chat.protocol.commands import decode_command
from trio_chat.protocol.encoding import Format, encode_answer
from trio_chat.protocol.replies import Failure, Pong
from trio_chat.rooms.submission import Submission, unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Self

    from trio_websocket import WebSocketConnection

    from trio_chat.hub import Hub
    from trio_chat.model.events import Person
    from trio_chat.net.outbox import Outbox
    from trio_chat.protocol import commands
    from trio_chat.protocol.replies import Answer
    from trio_chat.rooms.room import Room
    from trio_chat.rooms.subscribers import Subscription

Handler: TypeAlias = "Callable[[Client, Any], Awaitable[None]]"
"""Carries out one type of command. It may raise `Refused` and `StoreError`, which are answered."""


class Client:
    """One v1 client: its session and its memberships, which end with the ``with`` block."""

    __slots__ = ("_handlers", "_memberships", "_rooms", "hub", "outbox", "session")

    def __init__(self, outbox: Outbox, hub: Hub, handlers: Mapping[type, Handler]) -> None:
        self.outbox = outbox
        self.hub = hub
        self._handlers = handlers
        self._memberships: dict[str, Subscription] = {}
        self._rooms: dict[str, Room] = {}
        self.session = Session(
            TokenBucket(hub.config.messages_per_second, hub.config.burst),
            rooms=self._memberships,
            max_text_chars=hub.config.max_text_chars,
            max_rooms=hub.config.max_rooms_per_connection,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        for member in self._memberships.values():
            member.leave()
        if self.session.person is not None:
            self.hub.presence.stop(self)
            self.hub.connected.discard(self)

    # -- what it says --

    async def receive(self, text: str) -> None:
        """Carry out one frame and answer it; what is refused is answered with an error."""
        command_id: str | None = None
        try:
            try:
                command = decode_command(text)
            except Refused:
                self.session.charge(trio.current_time())  # refusing costs as much as doing
                raise
            command_id = getattr(command, "id", None)
            command = self.session.admit(command, trio.current_time())
            await self._handlers[type(command)](self, command)
        except Refused as refused:
            self.answer(Failure.of(refused, refused.command_id or command_id))
        except StoreError:
            self.answer(Failure.of(unavailable(), command_id))

    def answer(self, answer: Answer) -> None:
        """Say something to this client, whenever it can take it."""
        self.outbox.reply(encode_answer(answer))

    # -- who it is, and where --

    @property
    def person(self) -> Person:
        """Who it is. Only commands that come after hello may ask."""
        assert self.session.person is not None
        return self.session.person

    def log_in(self, person: Person) -> None:
        """From now on it is this person."""
        self.session.person = person
        self.hub.connected.add(self)

    def be(self, person: Person) -> None:
        """Its person is called so, and looks so, from now on."""
        self.session.person = person

    def hears(self, room: str) -> bool:
        """Whether it has joined the room, and was not sent out of it."""
        member = self._memberships.get(room)
        return member is not None and member.is_here

    def room(self, name: str) -> Room:
        """A room that it has joined. Raises `Refused` if it has not, or was sent out of it.

        As long as it is in the room that room is open, and the person may hear it (`Room` sees to both). So ask again
        after a checkpoint.
        """
        member = self._memberships.get(name)
        if member is None:
            raise not_joined(name)
        if not member.is_here:
            self.forget(name)
            raise no_such_room()
        return self._rooms[name]

    def join(self, room: Room, *, after: int) -> None:
        """Be told everything after number ``after``; once more if it was told before."""
        self.forget(room.name)
        self._rooms[room.name] = room
        self._memberships[room.name] = room.join(self.outbox, Format.V1, person=self.person.id, after=after)

    def forget(self, room: str) -> None:
        """Be told nothing more of a room."""
        member = self._memberships.pop(room, None)
        if member is not None:
            member.leave()
            del self._rooms[room]

    # -- what it writes --

    async def submit(
        self, room: Room, kind: str, command_id: str, body: str, *, may_be_there: bool = False
    ) -> None:
        """Have something written to a room's log; the room answers when it is there."""
        draft = Draft(kind, self.person.id, self.person.name, command_id, body)
        submission = Submission(draft, self.outbox, Format.V1, may_be_there)
        if not room.try_submit(submission):
            await room.submit(submission)

    async def submit_body(
        self, room: Room, kind: str, command_id: str, body: bodies.Body, *, may_be_there: bool = False
    ) -> None:
        """The same for a body that is more than a text."""
        await self.submit(room, kind, command_id, bodies.write_body(body), may_be_there=may_be_there)


async def ping(client: Client, command: commands.Pinging) -> None:
    """Give a sign of life."""
    client.answer(Pong(command.id))


async def hear(
    websocket: WebSocketConnection, outbox: Outbox, hub: Hub, handlers: Mapping[type, Handler]
) -> None:
    """Do what the client says, until it closes (`trio_websocket.ConnectionClosed`).

    Raises `RemoteProtocolError` for what is not of this protocol. Whoever does not read the answers is not heard.
    """
    with Client(outbox, hub, handlers) as client:
        while True:
            text = await websocket.get_message()
            if not isinstance(text, str):
                raise RemoteProtocolError(UNSUPPORTED_DATA)
            if outbox.is_full:
                await outbox.wait_not_full()
            await client.receive(text)
