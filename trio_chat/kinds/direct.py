"""Direct rooms: who may begin one, ask somebody again who left it, and write.

A direct room is of two people, for good (`Facts.pair`). Each of them is a member, or was *asked* and has not answered,
or is out of it. Whoever is asked hears the room, but has it among their requests and not in their list.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from trio_chat.errors import Refused
from trio_chat.kinds.facts import no_such_room
from trio_chat.kinds.standing import is_known

if TYPE_CHECKING:
    from trio_chat.kinds.facts import Facts
    from trio_chat.kinds.rooms import Created, Membership

MAX_REQUESTS: Final = 100
"""So many requests of strangers wait for one person; further ones are refused until some are answered."""

MAX_REQUESTS_OF_NEW: Final = 50
"""Where so many wait, only who is known still asks: whoever makes new people by the dozen leaves room for others."""

MAX_UNANSWERED: Final = 3
"""So many messages may be written to somebody who has not answered yet."""

MAX_UNANSWERED_EVENTS: Final = 100
"""Likewise events of any kind."""


def check_beginning(sender: str, body: Created, facts: Facts, at_ms: int) -> None:
    """Anybody may begin a direct room with anybody; with a stranger it is a request."""
    for who in body.members:
        if who.id != sender:
            _check_may_ask(sender, who.id, facts, at_ms, is_request=body.asked)


def check_membership(sender: str, body: Membership, facts: Facts, at_ms: int) -> None:
    """Both come and leave as they like; who is out of it is asked again by the other one."""
    person = body.person.id
    if not {sender, person} <= facts.pair or not (facts.is_member(sender) or (body.on and sender == person)):
        raise no_such_room()
    if not body.on:
        if person != sender:
            raise Refused("not_yours", "Everybody comes and leaves by themselves.")
    elif person == sender:
        if facts.is_member(person) and facts.asked_at(person) is None:
            raise Refused("already_there", "You are in this room already.")
        for other in facts.pair - {sender}:
            _check_not_blocked(sender, other, facts)
    else:
        _check_has_answered(sender, facts)
        if facts.is_member(person):
            raise Refused("already_there", "They are in this room already.")
        if facts.has_declined(person) and facts.are_strangers(sender, person):
            raise not_accepted()
        _check_may_ask(sender, person, facts, at_ms, is_request=True)


def check_writing(sender: str, facts: Facts, *, is_message: bool) -> None:
    """Who was asked answers first, and whoever writes to them before that does not write much."""
    _check_has_answered(sender, facts)
    for other in facts.pair - {sender}:
        _check_not_blocked(sender, other, facts)
        if not facts.is_member(other):
            raise not_accepted()
        asked_at = facts.asked_at(other)
        if asked_at is not None and (
            facts.head - asked_at >= MAX_UNANSWERED_EVENTS
            or (is_message and facts.count_messages(asked_at) >= MAX_UNANSWERED)
        ):
            raise Refused(
                "not_answered",
                f"You can write {MAX_UNANSWERED} messages until they answer. Wait for that.",
            )


def as_if_both_are_in(facts: Facts, sender: str) -> Facts:
    """The facts of a direct room as they are when its two people are in it, the sender for good and the other one at
    least asked."""
    return cast("Facts", _BothIn(facts, sender))


class _BothIn:
    def __init__(self, facts: Facts, sender: str) -> None:
        self._facts = facts
        self._sender = sender

    def __getattr__(self, name: str) -> object:
        return getattr(self._facts, name)

    def is_member(self, person: str) -> bool:
        return person in self._facts.pair

    def asked_at(self, person: str) -> int | None:
        if person == self._sender:
            return None
        return self._facts.asked_at(person) if self._facts.is_member(person) else self._facts.head + 1


def not_accepted() -> Refused:
    """The same for who is blocked, who was declined and who is not asked yet: nobody learns which it is."""
    return Refused("not_accepted", "This conversation does not take messages from you now.")


def _check_may_ask(sender: str, person: str, facts: Facts, at_ms: int, *, is_request: bool) -> None:
    _check_not_blocked(sender, person, facts)
    if not is_request and facts.are_strangers(sender, person):
        raise not_accepted()
    if not is_request:
        return
    waiting = facts.count_requests(person)
    is_new = waiting >= MAX_REQUESTS_OF_NEW and not is_known(
        sender, facts.known_ms(sender), facts.server, at_ms
    )
    if is_new or waiting >= MAX_REQUESTS:
        raise Refused(
            "too_many_requests",
            "Too many people wait for an answer of this person. Try again another day.",
        )


def _check_has_answered(sender: str, facts: Facts) -> None:
    if facts.asked_at(sender) is not None:
        raise Refused("answer_first", "Accept this conversation first.")


def _check_not_blocked(sender: str, other: str, facts: Facts) -> None:
    if facts.blocks(sender, other):
        raise Refused("blocked", "You have blocked this person. Unblock them first.")
    if facts.blocks(other, sender):
        raise not_accepted()
