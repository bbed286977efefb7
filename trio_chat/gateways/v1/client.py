"""One v1 client: its commands, its subscriptions, and the one place where it is answered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import trio

from trio_chat.errors import (
    BANNED,
    NO_HELLO,
    STANDING_CHANGED,
    UNSUPPORTED_DATA,
    Refused,
    RemoteProtocolError,
    StoreError,
)
from trio_chat.gateways.v1.encoding import ENCODING, NOT_WELCOMED_YET
from trio_chat.gateways.v1.outcomes import Outcomes, unavailable
from trio_chat.gateways.v1.session import Session, not_joined
from trio_chat.kinds.facts import no_such_room
from trio_chat.kinds.forms import Body, Frame, end_of, timestamp, write_body
from trio_chat.kinds.standing import room_rank
from trio_chat.model.events import Draft
from trio_chat.net.rate_limits import ConnectionBucket
from trio_chat.protocol.encoding import encode_frame
from trio_chat.protocol.replies import Failure, Joined, Pong, Standing, Welcome
from trio_chat.rooms.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import Self

    from trio_chat.errors import Close
    from trio_chat.hub import Hub
    from trio_chat.kinds.forms import Command
    from trio_chat.model.events import Person
    from trio_chat.net.limits import Admission
    from trio_chat.net.outbox import Outbox
    from trio_chat.net.websocket import Messages
    from trio_chat.protocol import commands
    from trio_chat.protocol.commands import CommandDecoder
    from trio_chat.rooms.cursors import Cursor, Start
    from trio_chat.rooms.encoding import Encoding
    from trio_chat.rooms.room import Room
    from trio_chat.rooms.submission import Submitter
    from trio_chat.rooms.subscribers import Subscription

Handler: TypeAlias = "Callable[[Client, Any], Awaitable[Frame | Sequence[Frame] | None]]"
"""Carries out one type of command, and returns what is to be answered. It may raise `Refused` and `StoreError`, which
are answered as well."""


ANSWERED_AT_ONCE = 50
"""So many frames of an answer are posted before others have their turn."""


LIMITED_PAUSE_S = 0.25
"""So long nothing is read from a client that was told to wait: who waits as told does not notice. Who goes on is told
again and again, and for each time in a row it is twice as long."""

LONGEST_PAUSE_S = 1.0
"""The longest of these pauses: as soon as it waits, it is heard again."""


class Client:
    """One v1 client: its session and its subscriptions, which end with the ``with`` block (a `UserConnection`)."""

    __slots__ = (
        "_bucket",
        "_decoder",
        "_handlers",
        "_known_ms",
        "_membership_changes",
        "_outcomes",
        "_pause_s",
        "_scope",
        "_standing",
        "_subscriptions",
        "address",
        "admission",
        "device",
        "encoding",
        "hub",
        "outbox",
        "session",
    )

    def __init__(
        self,
        outbox: Outbox,
        hub: Hub,
        handlers: Mapping[type[Command], Handler],
        decoder: CommandDecoder,
        *,
        address: str,
        admission: Admission,
        scope: trio.CancelScope,
    ) -> None:
        """``scope`` is cancelled when it is cut, as nothing more is to be carried out; the outbox has ended then."""
        self.outbox = outbox
        self.hub = hub
        self.address = address
        """Where it comes from: an `address_key`."""
        self.admission = admission
        """Its place among the connections."""
        self.encoding: Encoding = NOT_WELCOMED_YET
        """`NOT_WELCOMED_YET` until it was welcomed."""
        self.device = ""
        """The id of the device that has logged in."""
        self._scope = scope
        self._handlers = handlers
        self._decoder = decoder
        self._outcomes = Outcomes(outbox)
        self._subscriptions: dict[str, Subscription] = {}
        self._membership_changes: dict[str, bool] = {}
        self._known_ms = 0
        self._standing: Standing | None = None
        """What it was told last of its person's standing."""
        self._bucket = ConnectionBucket(hub.rate_limits, address)
        self._pause_s = LIMITED_PAUSE_S
        self.session = Session(
            self._bucket,
            rooms=self._subscriptions,
            max_text_chars=hub.config.max_text_chars,
            max_rooms=hub.config.max_rooms_per_connection,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._hear_nothing()

    def _hear_nothing(self) -> None:
        for room in list(self._subscriptions):
            self.leave(room)
        if self.session.person is not None:
            self.hub.presence.unwatch(self)
            self.hub.connected.discard(self)

    # -- commands and answers --

    async def receive(self, text: str) -> None:
        """Carry out one command and answer it; what is refused is answered with an error.

        Not if it is decided that the connection ends: a room that has failed is not gone. The client asks again on the
        next one.
        """
        if self.outbox.close is not None:
            return
        command: Command | None = None
        try:
            try:
                command = self._decoder.decode(text)
            except Refused:
                self.session.charge(trio.current_time())  # refusing costs as much as doing
                raise
            now = trio.current_time()
            command = self.session.admit(command, now)
            self.hub.rate_limits.check_size(text, self.address, now)
            if self._membership_changes:
                self._membership_changes = {}
            try:
                reply = await self._handlers[type(command)](self, command)
            except Refused:
                self._check_still_in_room(command)  # why something is refused tells something as well
                raise
            if reply is not None:
                await self._answer(command, reply)
            self._pause_s = LIMITED_PAUSE_S
        except Refused as refused:
            if self.outbox.close is not None:
                return
            command_id, command_type = _id_and_type(command)
            self.refuse(refused, refused.command_id or command_id, command=refused.command or command_type)
            if refused.code == "rate_limited":
                # Refusing costs something as well: who goes on is read more slowly.
                pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
                await trio.sleep(pause_s)
        except StoreError:
            command_id, command_type = _id_and_type(command)
            self.refuse(unavailable(), command_id, command=command_type)

    async def _answer(self, command: Command, reply: Frame | Sequence[Frame]) -> None:
        """Answer a command: the one place where a handler's reply is posted.

        The person may have been removed from a room while the reply was prepared. So what was asked of a room is told
        only to who is in it still, and of other rooms nothing is told that they may not hear any more. An answer of
        many frames (a welcome to very many rooms) is posted as the client reads it, others being served meanwhile.
        """
        self._check_still_in_room(command)
        for number, frame in enumerate([reply] if isinstance(reply, Frame) else reply, 1):
            if number % ANSWERED_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
                await self.outbox.wait_not_full()
            removed = {name for name, is_member in self._membership_changes.items() if not is_member}
            told = frame.without(removed) if removed else frame
            if told is not None:
                self.outbox.reply(encode_frame(told))
            if isinstance(frame, Welcome):
                self._standing = frame.standing
                self.encoding = NOT_WELCOMED_YET if frame.waiting else ENCODING

    def _check_still_in_room(self, command: Command) -> None:
        """Raise `Refused` if the command is about a room that the client had joined and is not in any more."""
        room = self.session.answer_tells_of(command)
        if room is not None and not self.hears(room):
            self.leave(room)
            raise no_such_room()

    def refuse(
        self,
        refused: Refused,
        command_id: str | None,
        *,
        command: str | None = None,
        room: str | None = None,
    ) -> None:
        """Answer that a command (of this id, or else of this type) was refused, and why."""
        person = self.session.person
        self.hub.security.answered(refused.code, self.address, person=None if person is None else person.id)
        self.outbox.reply(encode_frame(Failure.of(refused, command_id, command=command, room=room)))

    @property
    def commands(self) -> Sequence[str]:
        """The types of the commands that are understood."""
        return self._decoder.types

    # -- whose it is (`UserConnection`) --

    @property
    def person(self) -> Person:
        """The person. Only commands that come after hello may ask."""
        assert self.session.person is not None
        return self.session.person

    def log_in(self, person: Person, device: str, known_ms: int) -> None:
        """Be a connection of this person, who is known since then: presence and the hub know of it from now on.

        Raises `Refused` (``banned``).
        """
        door = self.hub.door
        door.check_person(person.id, known_ms, self.address)
        door.addresses.note(person.id, self.address)
        self.session.person = person
        self.device = device
        self.session.is_waiting = door.waits(person.id, known_ms)
        self._known_ms = known_ms
        self._bucket.log_in(person.id, trio.current_time())
        self.hub.connected.add(self)

    def log_out(self) -> None:
        """Be nobody's connection again."""
        self.hub.connected.discard(self)
        self._bucket.log_out()
        self.session.person = None
        self.session.is_waiting = False

    def set_person(self, person: Person) -> None:
        """See `UserConnection`."""
        self.session.person = person

    def hears(self, room: str) -> bool:
        """See `UserConnection`."""
        subscription = self._subscriptions.get(room)
        return subscription is not None and subscription.is_registered

    def membership_changed(self, room: str, *, is_member: bool) -> None:
        """See `UserConnection`."""
        self._membership_changes[room] = is_member

    def cut(self, close: Close) -> None:
        """See `UserConnection`."""
        self._hear_nothing()
        self.outbox.end(close)
        self._scope.cancel()

    def standing_changed(self, known_ms: int) -> None:
        """See `UserConnection`."""
        self._known_ms = known_ms
        door, person = self.hub.door, self.person.id
        try:
            door.check_person(person, known_ms, self.address)
        except Refused as refused:
            self.cut(BANNED.because(refused.message))
            return
        if door.waits(person, known_ms) and not self.session.is_waiting:
            self.cut(STANDING_CHANGED)  # it has heard more than they may hear now
            return
        standing = self.standing()
        if self._standing not in (None, standing):  # None: the welcome will say it
            self._standing = standing
            self.outbox.reply(encode_frame(standing))

    def standing(self) -> Standing:
        """How the server is run now, and what that means for the person."""
        door, person = self.hub.door, self.person.id
        server, now_ms = door.server, self.hub.now_ms()
        return Standing(
            mode=server.mode,
            quiet_until=timestamp(server.quiet_until_ms) if server.is_quiet(now_ms) else None,
            waiting=door.waits(person, self._known_ms),
            new_until=end_of(door.limited_until_ms(person, self._known_ms)),
            muted_until=end_of(server.mutes[person]) if server.is_muted(person, now_ms) else None,
        )

    @property
    def known_ms(self) -> int:
        """Since when the person is known (`trio_chat.kinds.newcomers`)."""
        return self._known_ms

    def take_membership_changes(self) -> bool:
        """Whether the person became, or ceased to be, a member of a room since the command came or this was asked."""
        changed, self._membership_changes = bool(self._membership_changes), {}
        return changed

    # -- rooms --

    def room(self, name: str) -> Room:
        """A room that it has joined. Raises `Refused` if it has not, or was sent out of it.

        As long as it is subscribed the room is open, and the person may hear it (`Room` sees to both).
        """
        subscription = self._subscriptions.get(name)
        if subscription is None:
            raise not_joined(name)
        if not subscription.is_registered:
            self.leave(name)
            raise no_such_room()
        return subscription.room

    def rank_in(self, room: Room) -> int:
        """The rank of the person in a room (`trio_chat.kinds.standing`)."""
        person = self.person.id
        return room_rank(room.kind, room.access.role_of(person), self.hub.door.server.roles.get(person))

    async def join(self, command_id: str, name: str, cursor: Cursor, *, since: float) -> None:
        """Subscribe to a room from a cursor on, once more if it was subscribed already, and say where it starts. The
        command came at the moment ``since`` of trio's clock."""
        replacing = self._subscriptions.get(name)

        def on_start(start: Start) -> None:
            position = start.position
            joined = Joined(
                command_id, name, position.seq, position.epoch, start.after, start.is_reset, start.proof
            )
            self.outbox.reply(encode_frame(joined))

        try:
            self._subscriptions[name] = await self.hub.rooms.subscribe(
                name,
                person=self.person.id,
                cursor=cursor,
                outbox=self.outbox,
                encoding=self.encoding,
                replacing=replacing,
                since=since,
                on_start=on_start,
            )
        finally:
            if replacing is not None and not self._subscriptions[name].is_registered:
                del self._subscriptions[name]

    def leave(self, room: str) -> None:
        """End the subscription to a room."""
        subscription = self._subscriptions.pop(room, None)
        if subscription is not None:
            subscription.leave()

    # -- the log --

    async def submit(
        self, room: Room, kind: str, command_id: str, body: str, *, submitter: Submitter | None = None
    ) -> None:
        """Have an event logged; its outcome is answered, by `Outcomes` unless another ``submitter`` is given."""
        draft = Draft(kind, self.person.id, self.person.name, command_id, body)
        submission = Submission(draft, submitter or self._outcomes)
        if not room.inbox.try_submit(submission):
            await room.inbox.submit(submission)

    async def submit_body(
        self,
        room: Room,
        kind: str,
        command_id: str,
        body: Body,
        *,
        submitter: Submitter | None = None,
    ) -> None:
        """The same for a body that is more than a text."""
        await self.submit(room, kind, command_id, write_body(body), submitter=submitter)


def _id_and_type(command: Command | None) -> tuple[str | None, str | None]:
    """By what a refusal names the command; None for one that did not decode."""
    if command is None:
        return None, None
    return getattr(command, "id", None), str(command.__struct_config__.tag)


async def ping(client: Client, command: commands.Pinging) -> Pong:
    """Give a sign of life."""
    return Pong(command.id)


async def serve(websocket: Messages, client: Client) -> None:
    """Carry out the client's commands, until it closes (`trio_websocket.ConnectionClosed`).

    Raises `RemoteProtocolError` for what is not of this protocol. While a client does not read the answers, no further
    command of it is read.
    """
    hello_by = trio.current_time() + (client.hub.config.hello_timeout_s or math.inf)
    with client:
        while True:
            if client.session.person is None:
                text = await _hear_stranger(websocket, hello_by)
            else:
                text = await websocket.get_message()
            if not isinstance(text, str):
                raise RemoteProtocolError(UNSUPPORTED_DATA)
            if client.outbox.is_full:
                await client.outbox.wait_not_full()
            await client.receive(text)
            del text  # nobody needs it while the next one is waited for


async def _hear_stranger(websocket: Messages, hello_by: float) -> str | bytes:
    """The next message of a client that has to say hello in time."""
    with trio.move_on_at(hello_by):
        return await websocket.get_message()
    raise RemoteProtocolError(NO_HELLO)
