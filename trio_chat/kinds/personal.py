"""What people keep for themselves: stars, hidden messages, notification levels, rooms marked as unread or pinned, and
whom they block.

It stands in the log of the person's own room, which their other devices hear. It is about messages and rooms that they
could hear when they noted it first; what is noted can always be changed, also when they have left the room.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

import attrs

from trio_chat.errors import Refused
from trio_chat.kinds.facts import LOBBY, no_such_message, no_such_room
from trio_chat.kinds.forms import (
    END_MS,
    Body,
    ChangeFrame,
    EventCommand,
    Moment,
    Number,
    PersonId,
    timestamp,
    write_body,
)
from trio_chat.kinds.kind import Kind, Writers, takes_away
from trio_chat.model.names import normal_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

B = TypeVar("B", bound=Body)

STAR: Final = "star"
HIDE: Final = "hide"
LEVEL: Final = "level"
UNREAD: Final = "unread"
PIN_ROOM: Final = "pin_room"
BLOCK: Final = "block"

MAX_PERSONAL: Final = 5_000
"""So many change keys stand in a personal room: all of them are told when the person logs in."""

MAX_BLOCKS: Final = 1_000
"""So many people somebody may block."""


class Star(Body, frozen=True):
    """Message ``target`` of a room is starred (or hidden: the same fields), or (``on`` false) no longer."""

    room: str
    target: int
    on: bool


class StarFrame(ChangeFrame, tag="star", kw_only=True):
    """Message ``target`` of the room ``of`` is starred, or (``on`` false) no longer."""

    of: str
    target: int
    on: bool


class HideFrame(ChangeFrame, tag="hide", kw_only=True):
    """Message ``target`` of the room ``of`` is hidden, or (``on`` false) shown again."""

    of: str
    target: int
    on: bool


class Level(Body, frozen=True):
    """Of which messages of a room the person is notified."""

    room: str
    level: str
    """``all``, ``mentions`` or ``none``."""
    until_ms: int | None = None
    """When it ends and ``all`` holds again: milliseconds since 1970 UTC."""


class LevelFrame(ChangeFrame, tag="level", kw_only=True):
    """Of which messages of the room ``of`` the person is notified."""

    of: str
    level: str
    until: str | None = None


class Unread(Body, frozen=True):
    """The room is marked as unread from message ``seq`` on; None: no longer."""

    room: str
    seq: int | None = None


class UnreadFrame(ChangeFrame, tag="unread", kw_only=True):
    """The room ``of`` is marked as unread from message ``from_seq`` on, or (null) no longer."""

    of: str
    from_seq: int | None


class PinRoom(Body, frozen=True):
    """The room stands at the top of the person's list, or (``on`` false) no longer."""

    room: str
    on: bool


class PinRoomFrame(ChangeFrame, tag="pin_room", kw_only=True):
    """The room ``of`` stands at the top of the person's list, or (``on`` false) no longer."""

    of: str
    on: bool


class Block(Body, frozen=True):
    """The person is blocked, or (``on`` false) no longer."""

    person: str
    on: bool


class BlockFrame(ChangeFrame, tag="block", kw_only=True):
    """The person ``of`` is blocked, or (``on`` false) no longer."""

    of: str
    on: bool


class Mine(EventCommand, tag="mine", kw_only=True):
    """Star or hide a message; choose a room's notification level, mark it as unread or pin it; block somebody."""

    is_in_room: ClassVar[bool] = False

    what: Literal["star", "hide", "level", "unread", "pin_room", "block"]
    room: str = ""
    """Which room it is about; not said when somebody is blocked."""
    person: PersonId | None = None
    """Who is blocked."""
    target: Number | None = None
    on: bool = True
    level: Literal["all", "mentions", "none"] | None = None
    until: Moment | None = None
    """When the level ends. A moment and not a duration, as a repeat must say the same."""
    seq: Number | None = None

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`. Raises `Refused` (``bad_room``, ``bad_field``)."""
        if self.what == BLOCK:
            if self.person is None or self.person == person.id:
                raise Refused("bad_field", "Say whom you block, as person.")
            return self.what, write_body(Block(self.person, self.on))
        return self.what, write_body(self._body(normal_room(self.room)))

    def _body(self, room: str) -> Body:
        if self.what == UNREAD:
            return Unread(room, self.seq)
        if self.what == PIN_ROOM:
            return PinRoom(room, self.on)
        if self.what == LEVEL:
            if self.level is None:
                raise Refused("bad_field", "Say which level: all, mentions or none.")
            until_ms = None if self.until is None else int(self.until.timestamp() * 1000)
            if until_ms is not None and not 0 <= until_ms < END_MS:  # what cannot be told must not be written
                raise Refused("bad_field", "Say a moment of the years from 1970 to 9998, as until.")
            return Level(room, self.level, until_ms)
        if self.target is None:
            raise Refused("bad_field", "Say which message, as target.")
        return Star(room, self.target, self.on)


def _kind(
    name: str,
    body: type[B],
    frame: type[ChangeFrame],
    *,
    fields: Callable[[B], dict[str, Any]],
    key_of: Callable[[B], str],
    place_of: Callable[[B], tuple[str, int]] | None = None,
    check_more: Callable[[str, B, Facts], None] = lambda sender, body, facts: None,
) -> Kind[B]:
    def check(sender: str, said: B, facts: Facts, at_ms: int) -> None:
        check_more(sender, said, facts)
        if facts.has_change(0, f"{name}:{key_of(said)}"):
            return  # also of a room that they have left since
        room, seq = (LOBBY, 0) if place_of is None else place_of(said)
        if not facts.is_theirs_to_note(sender, room, seq):
            raise no_such_message() if seq and facts.is_theirs_to_note(sender, room, 0) else no_such_room()
        if facts.count_changes(0) >= MAX_PERSONAL:
            raise Refused("too_many", f"You can keep {MAX_PERSONAL:,} things for yourself at most.")

    return Kind(
        name=name,
        body=body,
        frame=frame,
        fields=fields,
        command=Mine,
        written_by=Writers.THEMSELVES,
        check=check,
        change_key=lambda sender, said: (0, f"{name}:{key_of(said)}"),
    )


def _star(name: str, frame: type[ChangeFrame]) -> Kind[Star]:
    return _kind(
        name,
        Star,
        frame,
        fields=lambda body: {"of": body.room, "target": body.target, "on": body.on},
        key_of=lambda body: f"{body.room}:{body.target}",
        place_of=lambda body: (body.room, body.target),
    )


def _check_block(sender: str, body: Block, facts: Facts) -> None:
    if body.on and not facts.blocks(sender, body.person) and facts.count_blocks(sender) >= MAX_BLOCKS:
        raise Refused("too_many", f"You can block {MAX_BLOCKS:,} people at most.")


def _level_fields(body: Level) -> dict[str, str | None]:
    until = None if body.until_ms is None else timestamp(body.until_ms)
    return {"of": body.room, "level": body.level, "until": until}


KINDS: Final = (
    _star(STAR, StarFrame),
    _star(HIDE, HideFrame),
    _kind(
        LEVEL,
        Level,
        LevelFrame,
        fields=_level_fields,
        key_of=lambda body: body.room,
        place_of=lambda body: (body.room, 0),
    ),
    _kind(
        UNREAD,
        Unread,
        UnreadFrame,
        fields=lambda body: {"of": body.room, "from_seq": body.seq},
        key_of=lambda body: body.room,
        place_of=lambda body: (body.room, body.seq or 0),
    ),
    _kind(
        PIN_ROOM,
        PinRoom,
        PinRoomFrame,
        fields=lambda body: {"of": body.room, "on": body.on},
        key_of=lambda body: body.room,
        place_of=lambda body: (body.room, 0),
    ),
    attrs.evolve(
        _kind(
            BLOCK,
            Block,
            BlockFrame,
            fields=lambda body: {"of": body.person, "on": body.on},
            key_of=lambda body: body.person,
            check_more=_check_block,
        ),
        needs_no_space=takes_away,  # it keeps others from writing
    ),
)
