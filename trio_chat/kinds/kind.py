"""What a kind of event is: all that the program knows of it, in one entry of `trio_chat.kinds.table`.

Pure.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import msgspec

from trio_chat.kinds.forms import Body, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trio_chat.kinds.facts import Facts
    from trio_chat.kinds.forms import EventCommand, EventFrame
    from trio_chat.model.events import Event

B = TypeVar("B", bound=Body)

COMMON_FIELDS = frozenset({"room", "seq", "proof", "id", "sender", "name", "at"})
"""The fields of a frame that come from the event and not from its body."""


class Writers(enum.Enum):
    """Who may write events of a kind, before the kind's own rule is asked."""

    MEMBERS = enum.auto()
    """Members of the room; in a public room everybody. Nobody in a personal room."""
    THEMSELVES = enum.auto()
    """The person to whom a personal room belongs, and only there."""
    ANYBODY = enum.auto()
    """Whoever the kind's own rule lets, in every room but a personal one."""


def _nothing_to_check(sender: str, body: Body, facts: Facts, at_ms: int) -> None:
    pass


def _about_no_message(sender: str, body: Body) -> None:
    pass


def _needs_space(body: Body) -> bool:
    return False


def takes_away(body: Body) -> bool:
    """What `Kind.needs_no_space` is for kinds that only take something away, whatever they say."""
    return True


@attrs.frozen(kw_only=True)
class Kind(Generic[B]):
    """A kind of event whose bodies are ``B``."""

    name: str
    """What it is called in the log; never changed."""
    body: type[B]
    frame: type[EventFrame]
    """The frame in which clients are told of it."""
    fields: Callable[[B], Mapping[str, Any]] = attrs.field()
    """What of the body is told: the fields of the frame beside `COMMON_FIELDS`. By default those of the same name."""
    deleted: Mapping[str, Any] | None = None
    """These fields if the body was deleted; None if bodies of this kind are not deleted."""
    command: type[EventCommand] | None = None
    """The command by which clients write it, if that is all the command does."""
    written_by: Writers = Writers.MEMBERS
    check: Callable[[str, B, Facts, int], None] = _nothing_to_check
    """The kind's own rule, given (sender, body, facts, at_ms): raises `Refused` if it must not be written."""
    change_key: Callable[[str, B], tuple[int, str] | None] = _about_no_message
    """Given (sender, body): see `trio_chat.kinds.table.change_key`."""
    renamed: Callable[[B, str, str], B] | None = None
    """Given (body, person, name): the body as it would be if this person were called so; None if it names nobody."""
    is_message: bool = False
    """Whether people read it as a message."""
    needs_no_space: Callable[[B], bool] = _needs_space
    """Given the body: whether it may be written when the disk is full or a quota is used up, since it takes something
    away: deleting, leaving, moderating."""
    changes_access: bool = False
    """Whether it changes who may hear the room, or come to the server."""
    is_silenced: bool = True
    """Whether who is muted may not write it."""
    read: Callable[[str], B] = attrs.field()
    """The body from its form in the log; by default JSON. Raises `msgspec.MsgspecError`."""

    def to_frame(self, event: Event) -> EventFrame:
        """The frame in which clients are told of an event of this kind."""
        fields = self.deleted if event.body is None else self.fields(self.read(event.body))
        assert fields is not None, f"the body of a {self.name} is missing"
        common: dict[str, Any] = {
            "room": event.room,
            "seq": event.seq,
            "id": event.client_id,
            "sender": event.sender,
            "name": event.name,
            "at": timestamp(event.at_ms),
        }
        return self.frame(**common, **fields)

    @fields.default
    def _fields_of_the_same_name(self) -> Callable[[B], Mapping[str, Any]]:
        names = set(self.body.__struct_fields__).intersection(self.frame.__struct_fields__) - COMMON_FIELDS
        return lambda body: {name: getattr(body, name) for name in names}

    @read.default
    def _read_json(self) -> Callable[[str], B]:
        return msgspec.json.Decoder(self.body).decode
