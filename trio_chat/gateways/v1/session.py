"""The session of one v1 client: which command it may give now.

Rules: hello comes first and once; every command has an id of its own; a client sends to and reads from rooms it has
joined; none sends more at a time than the limits allow.

Pure: the time is passed in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from trio_chat.errors import Refused
from trio_chat.kinds.messages import EditCommand
from trio_chat.kinds.newcomers import waiting
from trio_chat.model.names import check_client_id, normal_room
from trio_chat.model.texts import check_length, check_text
from trio_chat.protocol.commands import (
    BecomeOwner,
    Enter,
    Hello,
    Join,
    Leave,
    Mark,
    PeekLink,
    Pinging,
    Typing,
    Uninvite,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.kinds.forms import Command, RoomCommand
    from trio_chat.model.events import Person

_TELLS_NOTHING: Final = frozenset({Join, Enter, Leave, Uninvite})
"""Their answers say nothing that is only for those who are in the room."""

_WITHOUT_ANSWER: Final = frozenset({Mark, Typing})
"""They may have an id, and need none."""


_WHILE_WAITING: Final = frozenset({Pinging, PeekLink, BecomeOwner})
"""What somebody may say who waits to be let in; and hello once more, to see whether they still do."""


class Bucket(Protocol):
    """What commands are charged to: a `TokenBucket`, or several."""

    def take(self, now: float, n: float = 1) -> float:
        """See `TokenBucket.take`."""


class Session:
    """The state of one v1 client. Its `Client` sets ``person`` and keeps ``rooms``: the names of those joined."""

    __slots__ = ("_bucket", "_max_rooms", "_max_text_chars", "is_waiting", "person", "rooms")

    def __init__(
        self, bucket: Bucket, *, rooms: Collection[str], max_text_chars: int, max_rooms: int
    ) -> None:
        self.person: Person | None = None
        self.is_waiting = False
        """Whether the person has to be let in before they hear or write anything."""
        self.rooms = rooms
        self._bucket = bucket
        self._max_text_chars = max_text_chars
        self._max_rooms = max_rooms

    def admit(self, command: Command, now: float) -> Command:
        """The command, with its room's name made normal, if it may be carried out now; raises `Refused` if not."""
        self.charge(now)
        if isinstance(command, Hello):
            if self.person is not None and not self.is_waiting:
                raise Refused("already_greeted", "You said hello already.")
            return command
        if self.person is None and not isinstance(command, PeekLink):
            raise Refused("hello_first", "Say hello first.")
        if self.is_waiting and type(command) not in _WHILE_WAITING:
            raise waiting()
        command_id = getattr(command, "id", None)
        if command_id is not None or type(command) not in _WITHOUT_ANSWER:
            check_client_id(command_id or "")
        return self._admit_in_room(command) if command.is_in_room else command

    def _admit_in_room(self, command: Command) -> Command:
        room = room_of(command)
        if room is None:
            return command
        if room not in self.rooms:
            room = normal_room(room)
            command = msgspec.structs.replace(command, room=room)
        if isinstance(command, Join):
            self.check_place(room)
        elif room not in self.rooms and not isinstance(command, Enter):
            raise not_joined(room)
        text = getattr(command, "text", None)  # of whatever command has one
        if text is not None:
            # With files it may be empty; whether a message that is edited has some is judged in the log.
            has_files = isinstance(command, EditCommand) or bool(getattr(command, "files", ()))
            check = check_length if has_files else check_text
            check(text, self._max_text_chars)
        return command

    def answer_tells_of(self, command: Command) -> str | None:
        """The room that an answer to this command tells of, which the client must be in when it is answered."""
        return None if type(command) in _TELLS_NOTHING else room_of(command)

    def check_place(self, room: str) -> None:
        """Raises `Refused` if there is no place for one more room, which this one would be."""
        if room not in self.rooms and self._max_rooms and len(self.rooms) >= self._max_rooms:
            raise Refused(
                "too_many_rooms", f"You can be in {self._max_rooms} rooms at a time. Leave one first."
            )

    def charge(self, now: float, n: float = 1) -> None:
        """Count a command, or ``n``, against the rate limit; raises `Refused` if that is too much."""
        wait_s = self._bucket.take(now, n)
        if wait_s > 0:
            wait_s = math.ceil(wait_s * 10) / 10
            raise Refused("rate_limited", f"Too much at once. Wait {wait_s:g} seconds.", retry_after_s=wait_s)


def room_of(command: Command) -> str | None:
    """The room that the command is about, and that the client must have joined; None if there is none."""
    return cast("RoomCommand", command).room if command.is_in_room else None  # some leave it out


def not_joined(room: str) -> Refused:
    """Why a command about a room that was not joined is refused."""
    return Refused("not_joined", f"You are not in the room {room}. Join it first.")
