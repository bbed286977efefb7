"""Listening to a v1 client: each command is admitted by its `Session`, carried out here, and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import trio

from trio_chat import codec
from trio_chat.codec import Format, decode_command, encode_answer
from trio_chat.errors import UNSUPPORTED_DATA, Refused, RemoteProtocolError, StoreError
from trio_chat.events import Draft
from trio_chat.limits import TokenBucket
from trio_chat.room import Submission, unavailable
from trio_chat.rooms import DEFAULT_ROOM
from trio_chat.session import Session

if TYPE_CHECKING:
    from typing import Self

    from trio_websocket import WebSocketConnection

    from trio_chat.config import Config
    from trio_chat.outbox import Outbox
    from trio_chat.people import People
    from trio_chat.room import Member
    from trio_chat.rooms import Rooms

HISTORY_BYTES = 256 * 1024
"""How much text one page of history holds at most: it is made for one reader, so it is not shared memory."""


async def hear_v1(
    websocket: WebSocketConnection, outbox: Outbox, *, rooms: Rooms, people: People, config: Config
) -> None:
    """Do what the client says, until it closes (`trio_websocket.ConnectionClosed`).

    Raises `RemoteProtocolError` for what is not of this protocol. Whoever does not read the answers is not heard.
    """
    with Client(outbox, rooms, people, config) as client:
        while True:
            text = await websocket.get_message()
            if not isinstance(text, str):
                raise RemoteProtocolError(UNSUPPORTED_DATA)
            if outbox.is_full:
                await outbox.wait_not_full()
            await client.receive(text)


class Client:
    """One v1 client: its session and its memberships, which end with the ``with`` block."""

    __slots__ = ("_config", "_memberships", "_outbox", "_people", "_rooms", "_session")

    def __init__(self, outbox: Outbox, rooms: Rooms, people: People, config: Config) -> None:
        self._outbox = outbox
        self._rooms = rooms
        self._people = people
        self._config = config
        self._memberships: dict[str, Member] = {}
        self._session = Session(
            TokenBucket(config.messages_per_second, config.burst),
            rooms=self._memberships,
            max_text_chars=config.max_text_chars,
            max_rooms=config.max_rooms_per_connection,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        for member in self._memberships.values():
            member.leave()

    async def receive(self, text: str) -> None:
        """Carry out one frame and answer it; what is refused is answered with an error."""
        command_id: str | None = None
        try:
            try:
                command = decode_command(text)
            except Refused:
                self._session.charge(trio.current_time())  # refusing costs as much as doing
                raise
            command_id = None if isinstance(command, codec.Hello) else command.id
            command = self._session.admit(command, trio.current_time())
            await self._carry_out(command)
        except Refused as refused:
            self._answer(codec.Failure.of(refused, refused.command_id or command_id))
        except StoreError:
            self._answer(codec.Failure.of(unavailable(), command_id))

    def _answer(self, answer: codec.Answer) -> None:
        self._outbox.reply(encode_answer(answer))

    async def _carry_out(self, command: codec.Command) -> None:
        match command:
            case codec.Send():
                await self._send(command)
            case codec.Pinging():
                self._answer(codec.Pong(id=command.id))
            case codec.Join():
                await self._join(command)
            case codec.Leave():
                self._leave(command)
            case codec.History():
                await self._history(command)
            case codec.Hello():
                await self._greet(command)
            case codec.Rename():
                await self._rename(command)
            case _:
                assert_never(command)

    async def _send(self, command: codec.Send) -> None:
        person = self._session.person
        assert person is not None
        draft = Draft(
            kind="message", sender=person.id, name=person.name, client_id=command.id, body=command.text
        )
        member = self._memberships[command.room]
        submission = Submission(draft, member)
        if not member.room.try_submit(submission):
            await member.room.submit(submission)

    async def _greet(self, command: codec.Hello) -> None:
        token = None
        if command.token is not None:
            person = await self._people.welcome_back(command.token)
        else:
            person, token = await self._people.make_known(command.name)
        lobby = await self._rooms.get(DEFAULT_ROOM)
        self._session.person = person
        offered = [codec.RoomHead(lobby.name, lobby.head, lobby.epoch)]
        self._answer(codec.Welcome(user=person, token=token, rooms=offered))

    async def _rename(self, command: codec.Rename) -> None:
        assert self._session.person is not None
        person = await self._people.rename(self._session.person, command.name)
        self._session.person = person
        self._answer(codec.Renamed(id=command.id, user=person))

    async def _join(self, command: codec.Join) -> None:
        room = await self._rooms.get(command.room)
        while room.heed_claim(command.after, command.epoch):
            # It is about to start afresh, so it is not one of those who are sent away to do so.
            self._forget(command.room)
            await room.begin_epoch(seen=command.after)
            room = await self._rooms.get(command.room)  # it may have been closed meanwhile
        # No checkpoint from here on: the answer, and what follows it, fit together.
        self._forget(command.room)
        after, is_reset = room.resume_point(
            command.after,
            command.epoch,
            page_size=self._config.page_size,
            max_gap=self._config.max_gap,
        )
        self._answer(codec.Joined.at(command, room.position, after=after, reset=is_reset))
        self._memberships[command.room] = room.join(self._outbox, Format.V1, after=after)

    def _leave(self, command: codec.Leave) -> None:
        self._forget(command.room)
        self._answer(codec.Left(id=command.id, room=command.room))

    def _forget(self, room: str) -> None:
        member = self._memberships.pop(room, None)
        if member is not None:
            member.leave()

    async def _history(self, command: codec.History) -> None:
        room = self._memberships[command.room].room
        events = await room.read_before(command.before, limit=command.limit, max_bytes=HISTORY_BYTES)
        self._answer(
            codec.HistoryPage(
                id=command.id,
                room=command.room,
                events=[codec.told(event) for event in events],
                more=bool(events) and events[0].seq > 1,
            )
        )
