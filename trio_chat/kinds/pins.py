"""Pins: messages that a room shows at its head.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.kinds.facts import check_is_message
from trio_chat.kinds.forms import Body, ChangeFrame, EventCommand, Number, write_body
from trio_chat.kinds.kind import Kind
from trio_chat.kinds.standing import check_allowed

if TYPE_CHECKING:
    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

PIN: Final = "pin"

MAX_PINS: Final = 100


class Pin(Body, frozen=True):
    """Message ``target`` is pinned, or (``on`` false) unpinned."""

    target: int
    on: bool


class PinFrame(ChangeFrame, tag="pin", kw_only=True):
    """Message ``target`` was pinned, or (``on`` false) unpinned."""

    target: int
    on: bool


class PinCommand(EventCommand, tag="pin"):
    """Pin message ``seq``, or (``on`` false) unpin it."""

    seq: Number
    on: bool = True

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`."""
        return PIN, write_body(Pin(self.seq, self.on))


def check(sender: str, body: Pin, facts: Facts, at_ms: int) -> None:
    """Everybody may pin a message, unless the room leaves that to moderators, but not without end."""
    check_allowed(sender, facts.policy.pinning, facts)
    check_is_message(body.target, facts)
    if body.on and facts.count_pins() >= MAX_PINS:
        raise Refused("too_many", f"{MAX_PINS} messages can be pinned at most. Unpin one first.")


KINDS: Final = (
    Kind(
        name=PIN,
        body=Pin,
        frame=PinFrame,
        command=PinCommand,
        check=check,
        change_key=lambda sender, body: (body.target, PIN),
    ),
)
