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

MAX_EMOJI: Final = 50
"""How many different emoji a message may have: all are told with it, with how many people gave each."""

MAX_OF_MESSAGE: Final = 1_000
"""How many reactions a message may have."""


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
    """Everybody may react to a message, but not without end.

    What is so already is not written: each reaction in the log changes a count by one, by which all who know the count
    follow it.
    """
    check_is_message(body.target, facts)
    given = facts.reactions_to(body.target)
    if (sender in given.get(body.emoji, ())) == body.on:
        raise Refused(
            "unchanged", f"You have {'put' if body.on else 'not put'} this reaction to the message."
        )
    if not body.on:
        return
    if sum(sender in people for people in given.values()) >= MAX_REACTIONS:
        raise Refused("too_many", f"You can put {MAX_REACTIONS} different reactions to a message at most.")
    is_full = sum(map(len, given.values())) >= MAX_OF_MESSAGE
    if is_full or (body.emoji not in given and len(given) >= MAX_EMOJI):
        raise Refused("too_many", "This message has all the reactions it can have.")


KINDS: Final = (
    Kind(
        name=REACTION,
        body=Reaction,
        frame=ReactionFrame,
        command=React,
        check=check,
    ),
)
