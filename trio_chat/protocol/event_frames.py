"""How an event of the log is told to v1 clients: one struct for each kind, as a frame with a ``type``.

Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat.kinds import bodies
from trio_chat.model.events import DAMAGED, MESSAGE

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

    from trio_chat.model.events import Event


class Frame(msgspec.Struct, tag_field="type", gc=False, omit_defaults=True):
    """A JSON object with a ``type``; what is at its default is left out."""

    def without(self, rooms: Collection[str]) -> Self | None:
        """The frame without what it tells of these rooms; None if that is all. For replies that speak of more than the
        room they name."""
        return self


def timestamp(at_ms: int) -> str:
    """A moment as it is told: UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class Message(Frame, tag="message", kw_only=True, rename={"sender": "from"}):
    """Somebody said something, and it stands in the log."""

    room: str
    seq: int
    id: str | None = None
    sender: str
    name: str
    text: str
    at: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    forwarded: str | None = None
    deleted: bool = False


class Damaged(Frame, tag="damaged"):
    """Event ``seq`` is not what was written, and told to nobody."""

    room: str
    seq: int


class _Change(Frame, kw_only=True, rename={"sender": "from"}):
    """What all other events have in common."""

    room: str
    seq: int
    id: str | None = None
    sender: str
    name: str
    at: str


class Edit(_Change, tag="edit", kw_only=True):
    """Message ``target`` says this now."""

    target: int
    text: str
    mentions: tuple[str, ...] = ()
    deleted: bool = False


class Delete(_Change, tag="delete", kw_only=True):
    """Message ``target`` was deleted."""

    target: int


class Reaction(_Change, tag="reaction", kw_only=True):
    """An emoji was put to message ``target``, or taken away."""

    target: int
    emoji: str
    on: bool


class Pin(_Change, tag="pin", kw_only=True):
    """Message ``target`` was pinned, or is no more."""

    target: int
    on: bool


class Created(_Change, tag="created", kw_only=True):
    """The room began."""

    kind: str
    title: str = ""
    topic: str = ""
    members: tuple[bodies.Who, ...] = ()


class Settings(_Change, tag="settings", kw_only=True):
    """The room's title or topic is this now."""

    title: str | None = None
    topic: str | None = None


class Membership(_Change, tag="member", kw_only=True):
    """The person is a member from here on, or no more."""

    person: bodies.Who
    on: bool


class Star(_Change, tag="star", kw_only=True):
    """Personal: message ``target`` of the room ``of`` is starred, or no more."""

    of: str
    target: int
    on: bool


class Hide(_Change, tag="hide", kw_only=True):
    """Personal: message ``target`` of the room ``of`` is not to be shown, or is again."""

    of: str
    target: int
    on: bool


class Level(_Change, tag="level", kw_only=True):
    """Personal: what of the room ``of`` one wants to be told."""

    of: str
    level: str
    until: str | None = None


class Unread(_Change, tag="unread", kw_only=True):
    """Personal: the room ``of`` was marked as unread from a message on, or (null) no more."""

    of: str
    from_seq: int | None


Change = Edit | Delete | Reaction | Pin | Created | Settings | Membership | Star | Hide | Level | Unread
EventFrame = Message | Damaged | Change
"""What a v1 client is told of an event of the log."""


def to_frame(event: Event) -> EventFrame:
    """What a v1 client is told of this event."""
    if event.kind == MESSAGE and event.body is not None:
        return Message(
            room=event.room,
            seq=event.seq,
            id=event.client_id,
            sender=event.sender,
            name=event.name,
            text=event.body,
            at=timestamp(event.at_ms),
        )
    if event.kind == DAMAGED:
        return Damaged(room=event.room, seq=event.seq)
    return _to_frame(event)


def _to_frame(event: Event) -> EventFrame:
    common: dict[str, Any] = {
        "room": event.room,
        "seq": event.seq,
        "id": event.client_id,
        "sender": event.sender,
        "name": event.name,
        "at": timestamp(event.at_ms),
    }
    if event.body is None:
        if event.kind == bodies.EDIT:
            return Edit(**common, target=0, text="", deleted=True)
        return Message(**common, text="", deleted=True)
    body = bodies.read_body(event.kind, event.body)
    match body:
        case bodies.Post():
            return Message(
                **common,
                text=body.text,
                reply_to=body.reply_to,
                mentions=body.mentions,
                forwarded=body.forwarded,
            )
        case bodies.Edit():
            return Edit(**common, target=body.target, text=body.text, mentions=body.mentions)
        case bodies.Delete():
            return Delete(**common, target=body.target)
        case bodies.Reaction():
            return Reaction(**common, target=body.target, emoji=body.emoji, on=body.on)
        case bodies.Pin():
            return Pin(**common, target=body.target, on=body.on)
        case bodies.Created():
            return Created(**common, kind=body.kind, title=body.title, topic=body.topic, members=body.members)
        case bodies.Settings():
            return Settings(**common, title=body.title, topic=body.topic)
        case bodies.Membership():
            return Membership(**common, person=body.person, on=body.on)
        case bodies.Star():
            personal: type[Star | Hide] = Star if event.kind == bodies.STAR else Hide
            return personal(**common, of=body.room, target=body.target, on=body.on)
        case bodies.Level():
            until = None if body.until_ms is None else timestamp(body.until_ms)
            return Level(**common, of=body.room, level=body.level, until=until)
        case bodies.Unread():
            return Unread(**common, of=body.room, from_seq=body.seq)
