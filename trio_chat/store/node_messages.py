"""Messages between nodes: what one tells the others beside the log.

They are only hints too: each may be lost, late or doubled. What is durable, or a matter of security, is found by a look
at the store as well, within seconds; what is neither ends with the lease of its node (`Store.live_nodes`).

A new kind of message is a struct here, with a tag of its own, in `MESSAGES`, and its handler in the table of the hub
(`trio_chat.hub.node_handlers`). Its fields never change: new ones come last and have a default. It takes at most
`MESSAGE_BYTES`, so what may be longer goes in several messages, or is read from the store by who is told.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import ClassVar, Final

import attrs
import msgspec

from trio_chat.model.events import Person  # noqa: TC001  # msgspec reads the types of fields

MESSAGE_BYTES: Final = 7_500
"""What is longer is told to nobody."""


class NodeMessage(msgspec.Struct, frozen=True, array_like=True):
    """What one node tells the others."""

    is_told_again: ClassVar[bool] = False
    """Whether it only tells how it is now, which is told again soon: the first to be lost when there is too much."""


class ProfileChanged(NodeMessage, frozen=True, array_like=True, tag="profile"):
    """A person has another name, other looks, or shows something else of themselves: to be read from the store."""

    person: str


class DevicesLoggedOut(NodeMessage, frozen=True, array_like=True, tag="logged_out"):
    """Devices of a person (their ids) were logged out."""

    person: str
    devices: tuple[str, ...]


class ListsChanged(NodeMessage, frozen=True, array_like=True, tag="lists"):
    """By the event at this place a room was added to the lists of these people, or to their requests, or is not in them
    any more."""

    at_ms: int
    room: str
    seq: int
    people: tuple[str, ...]


class BlockChanged(NodeMessage, frozen=True, array_like=True, tag="block"):
    """A person blocks another one, or no longer: to be read from the store."""

    person: str
    other: str


class NodeCame(NodeMessage, frozen=True, array_like=True, tag="came"):
    """The node has begun to listen: it does not know yet who is at the others."""


class PeopleOnline(NodeMessage, frozen=True, array_like=True, tag="online"):
    """These people are connected, each with these devices; told again and again while they are."""

    is_told_again: ClassVar[bool] = True
    people: tuple[tuple[str, tuple[str, ...]], ...]


class PeopleOffline(NodeMessage, frozen=True, array_like=True, tag="offline"):
    """The last connections of these people to this node have ended."""

    is_told_again: ClassVar[bool] = True
    people: tuple[str, ...]


class RoomPeople(NodeMessage, frozen=True, array_like=True, tag="people"):
    """The room is on screens at this node: of so many people, who are these if they are not too many."""

    is_told_again: ClassVar[bool] = True
    room: str
    count: int
    people: tuple[Person, ...]
    asks: bool = False
    """Whether it has only begun to, and wants to be told who is there at others."""


class RoomMoves(NodeMessage, frozen=True, array_like=True, tag="moves"):
    """In a room that is on screens at this node some came and some went; now there are so many."""

    is_told_again: ClassVar[bool] = True
    room: str
    count: int
    came: tuple[Person, ...]
    went: tuple[str, ...] = ()


class RoomLeft(NodeMessage, frozen=True, array_like=True, tag="left"):
    """The room is on no screen at this node any more."""

    is_told_again: ClassVar[bool] = True
    room: str


class TypingThere(NodeMessage, frozen=True, array_like=True, tag="typing"):
    """Somebody is typing in a room, or recording a voice note."""

    is_told_again: ClassVar[bool] = True
    room: str
    person: Person
    what: str


class MarkersMoved(NodeMessage, frozen=True, array_like=True, tag="markers"):
    """Read markers of a room have moved, and are saved."""

    room: str
    markers: tuple[tuple[str, int, int], ...]
    """Of whom, and up to which number they have received and read."""
    few: tuple[str, ...] = ()
    """The members, where all of them are told, watching or not; else nobody."""


MESSAGES: Final[tuple[type[NodeMessage], ...]] = (
    BlockChanged,
    DevicesLoggedOut,
    ListsChanged,
    ProfileChanged,
    NodeCame,
    PeopleOnline,
    PeopleOffline,
    RoomPeople,
    RoomMoves,
    RoomLeft,
    TypingThere,
    MarkersMoved,
)
"""All kinds of messages."""


@attrs.frozen
class Told:
    """A message, and which node told it."""

    node: str
    message: NodeMessage


_DECODER: Final[msgspec.json.Decoder[NodeMessage]] = msgspec.json.Decoder(reduce(or_, MESSAGES))


def encode_message(message: NodeMessage) -> bytes:
    """The message as JSON."""
    return msgspec.json.encode(message)


def decode_message(data: bytes | msgspec.Raw) -> NodeMessage | None:
    """The message that this says; None for what only another version understands."""
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError:
        return None
