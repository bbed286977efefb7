"""Reactions: an emoji that somebody puts to a message.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.kinds.facts import check_is_message
from trio_chat.kinds.forms import Body, ChangeFrame, EventCommand, Number, write_body
from trio_chat.kinds.kind import Kind
from trio_chat.model.emoji import normal_emoji

if TYPE_CHECKING:
    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

REACTION: Final = "reaction"

MAX_REACTIONS: Final = 20
"""How many different emoji one person may put to one message."""

MAX_CHANGES: Final = 1_000
"""So many change keys a message can have: all that hold are told with it."""


class Reaction(Body, frozen=True):
    """The sender puts an emoji to message ``target``, or (``on`` false) takes it away."""

    target: int
    emoji: str
    on: bool


class ReactionFrame(ChangeFrame, tag="reaction", kw_only=True):
    """An emoji was put to message ``target``, or (``on`` false) taken away."""

    target: int
    emoji: str
    on: bool


class React(EventCommand, tag="react"):
    """Put an emoji to message ``seq``, or (``on`` false) take it away."""

    seq: Number
    emoji: str
    on: bool = True

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`. Raises `Refused` (``bad_emoji``)."""
        return REACTION, write_body(Reaction(self.seq, normal_emoji(self.emoji), self.on))


def check(sender: str, body: Reaction, facts: Facts, at_ms: int) -> None:
    """Everybody may react to a message, but not without end."""
    check_is_message(body.target, facts)
    if body.on and facts.count_reactions(body.target, sender) >= MAX_REACTIONS:
        raise Refused("too_many", f"You can put {MAX_REACTIONS} different reactions to a message at most.")
    if not facts.has_change(*change_key(sender, body)) and facts.count_changes(body.target) >= MAX_CHANGES:
        raise Refused("too_many", "This message has all the reactions it can have.")


def change_key(sender: str, body: Reaction) -> tuple[int, str]:
    """Of each person and emoji the newest reaction holds."""
    return body.target, f"react:{sender}:{body.emoji}"


KINDS: Final = (
    Kind(
        name=REACTION,
        body=Reaction,
        frame=ReactionFrame,
        command=React,
        check=check,
        change_key=change_key,
    ),
)
