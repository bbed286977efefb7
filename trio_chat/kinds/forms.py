"""The forms in which an event is said: as a client's command, as a body in the log, as a frame to clients.

Each kind of event derives its structs from these (`EventCommand`, `Body`, `EventFrame`), and so do the commands and the
replies that are no events (`trio_chat.protocol`).

Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

    from trio_chat.model.events import Person
    from trio_chat.model.records import Profile

# -- fields --

Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""The number of an event, or 0: before all of them."""
Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
"""The number of an event."""
Proof = Annotated[str, msgspec.Meta(max_length=64)]
ShortText = Annotated[str, msgspec.Meta(max_length=500)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
PersonId = Annotated[str, msgspec.Meta(max_length=64)]
Ids = Annotated[tuple[PersonId, ...], msgspec.Meta(max_length=200)]


END_MS: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""Moments beyond the year 9999 have no form in which they could be told, in whatever zone."""


class Who(msgspec.Struct, frozen=True, gc=False):
    """A person as they were called then."""

    id: str
    name: str

    @classmethod
    def of(cls, person: Person | Profile) -> Self:
        """This person, as they are called now."""
        return cls(person.id, person.name)


def end_of(ends_ms: int | None) -> str | None:
    """When something ends, for frames; what never ends, with the last second that can be told. None: it is not."""
    return None if ends_ms is None else timestamp(min(ends_ms, END_MS - 1000))


@lru_cache(maxsize=256)  # events come many at a time, and a list tells that of its newest message twice
def timestamp(at_ms: int) -> str:
    """A moment (milliseconds since 1970 UTC) as it is told: UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


# -- in the log --


class Body(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The body of an event: a JSON object.

    The same body is always written as the same bytes (fields in order, defaults left out), since a repeat is known by
    its body (`trio_chat.store.plan`). So a field is never renamed, moved or given another default; new ones come last.
    """


_JSON: Final = msgspec.json.Encoder()


def write_body(body: Body) -> str:
    """The body as it stands in the log. (That of a `MESSAGE` is its text alone.)"""
    return _JSON.encode(body).decode()


# -- from clients --


class Command(msgspec.Struct, tag_field="type", gc=False, omit_defaults=True):
    """What a client says: a JSON object with a ``type``."""

    is_in_room: ClassVar[bool] = False
    """Whether it is about a room (if it names one) that the client must have joined."""


class RoomCommand(Command):
    """A command about a room that the client has joined."""

    is_in_room: ClassVar[bool] = True

    id: str
    room: str


class EventCommand(RoomCommand):
    """A command to write an event to its room; to the person's own room if it is not `is_in_room`."""

    def event(self, person: Person) -> tuple[str, str]:
        """The event that the person asks for: its kind, and its body as it stands in the log.

        Raises `Refused` for a field that is wrong. Who may write it is asked later (`trio_chat.kinds.rules`).
        """
        raise NotImplementedError


# -- to clients --


class Frame(msgspec.Struct, tag_field="type", gc=False, omit_defaults=True):
    """What the server says: a JSON object with a ``type``; what is at its default is left out."""

    def without(self, rooms: Collection[str]) -> Self | None:
        """The frame without what it tells of these rooms; None if that is all. For replies that speak of more than the
        room they name."""
        return self


class EventFrame(Frame, kw_only=True):
    """What clients are told of an event."""

    room: str
    seq: int
    proof: str | None = None
    """The proof of ``seq`` (`trio_chat.model.proofs`), where events come one after the other: live and catching up."""


class ChangeFrame(EventFrame, kw_only=True, rename={"sender": "from"}):
    """What the frames of all kinds but messages have in common."""

    id: str | None = None
    sender: str
    name: str
    at: str
