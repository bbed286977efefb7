"""Who may do what in a room: one function over the facts of the moment.

It is asked inside the append, for one draft after the other (`trio_chat.store.plan`), so that what it was asked about
cannot change before the draft is written. Roles are few so far: the owner of a room is who created it.

Pure.
"""

from __future__ import annotations

from typing import Protocol

from trio_chat.errors import Refused
from trio_chat.kinds.bodies import (
    PERSONAL,
    Body,
    Created,
    Delete,
    Edit,
    Membership,
    Pin,
    Post,
    Reaction,
    Settings,
    read_body,
)
from trio_chat.model.events import MESSAGE, Draft

PUBLIC = "public"
PRIVATE = "private"
DIRECT = "direct"
PERSONAL_ROOM = "personal"
"""The kinds of rooms. Which one a room is cannot change."""

LOBBY = "lobby"
"""The room where everybody is, always; nobody has created it."""

MAX_PINS = 100
MAX_REACTIONS = 20
"""How many different emoji one person may put to one message."""


class Facts(Protocol):
    """What the rules ask of a room's log, as it stands before the draft in question."""

    @property
    def room(self) -> str:
        """Its name."""
        ...

    @property
    def kind(self) -> str:
        """What kind of room it is; before its beginning (`CREATED`): `kind_of_new`."""
        ...

    @property
    def owner(self) -> str | None:
        """The id of who created it; None if nobody did, or if it is direct."""
        ...

    @property
    def head(self) -> int:
        """The number of its last event."""
        ...

    def author_of(self, seq: int) -> str | None:
        """Who wrote message ``seq``; None if there is no such message."""
        ...

    def is_deleted(self, seq: int) -> bool:
        """Whether message ``seq`` was deleted."""
        ...

    def is_member(self, person: str) -> bool:
        """Whether the person is one of the members."""
        ...

    def count_reactions(self, seq: int, person: str) -> int:
        """How many emoji the person has put to message ``seq``."""
        ...

    def count_pins(self) -> int:
        """How many messages are pinned."""
        ...

    def admits(self, invite: str, at_ms: int) -> bool:
        """Whether this invitation (its hash) lets somebody into the room at this moment."""
        ...


def personal_room(person: str) -> str:
    """The name of a person's own room."""
    return f"~{person}"


def kind_of_new(room: str) -> str:
    """What kind of room one is that has no beginning: public, unless its name says otherwise.

    A private room has no members before it was created, so nobody writes or hears anything in one they guessed.
    """
    if not room.startswith("~"):
        return PUBLIC
    return PERSONAL_ROOM if room.startswith(("~p-", "~g-")) else PRIVATE


def may_hear(room: str, kind: str, is_member: bool, person: str | None) -> bool:
    """Whether the person (None: nobody known) may be told what is said in a room of this kind."""
    if kind == PERSONAL_ROOM:
        return person is not None and room == personal_room(person)
    return kind == PUBLIC or is_member


def no_such_room() -> Refused:
    """The same for a room that is not there and for one that is not theirs: nobody learns which it is."""
    return Refused("no_such_room", "There is no such room, or it is not yours to see.")


def judge(draft: Draft, facts: Facts, at_ms: int) -> Refused | None:
    """Why the draft must not be written; None if it may be."""
    if draft.kind == MESSAGE and facts.kind == PUBLIC:
        return None  # nearly all of them
    try:
        _check(draft, facts, at_ms)
    except Refused as refused:
        return refused
    return None


def _check(draft: Draft, facts: Facts, at_ms: int) -> None:
    body = None if draft.kind == MESSAGE else read_body(draft.kind, draft.body)
    if draft.kind in PERSONAL or facts.kind == PERSONAL_ROOM:
        if draft.kind not in PERSONAL or facts.room != personal_room(draft.sender):
            raise no_such_room()
        return
    if isinstance(body, Created):
        _check_created(body, facts)
        return
    if isinstance(body, Membership):
        _check_membership(draft, body, facts, at_ms)
        return
    if facts.kind != PUBLIC and not facts.is_member(draft.sender):
        raise no_such_room()
    _check_content(draft, body, facts)


def _check_created(body: Created, facts: Facts) -> None:
    if facts.head or facts.room == LOBBY:
        raise Refused("already_there", "There is a room of this name already.")
    if (body.kind == PUBLIC) != (facts.kind == PUBLIC):  # its name and its kind do not go together
        raise no_such_room()


def _check_membership(draft: Draft, body: Membership, facts: Facts, at_ms: int) -> None:
    person = body.person.id
    is_there = facts.is_member(person) or facts.room == LOBBY
    if facts.kind != PUBLIC and not facts.is_member(draft.sender) and (not body.on or is_there):
        raise no_such_room()
    if person != draft.sender:
        raise Refused("not_yours", "Everybody comes and leaves by themselves.")
    if body.on:
        if is_there:
            raise Refused("already_there", "You are in this room already.")
        if facts.kind == PUBLIC:
            return
        if facts.kind != PRIVATE or body.invite is None or not facts.admits(body.invite, at_ms):
            raise Refused("bad_invite", "This invitation is not valid any more. Ask for a new one.")
        return
    if not is_there:
        raise Refused("not_member", "You are not in this room.")
    if facts.kind == DIRECT:
        raise Refused("not_yours", "A conversation of two cannot be left.")
    if facts.room == LOBBY:
        raise Refused("not_yours", "Everybody is in the lobby, always.")


def _check_content(draft: Draft, body: Body | None, facts: Facts) -> None:
    match body:
        case Post(reply_to=int(target)):
            _author_of(target, facts)
        case Edit():
            if _author_of(body.target, facts) != draft.sender:
                raise Refused("not_yours", "Only who wrote a message can change it.")
            _check_not_deleted(body.target, facts)
        case Delete():
            if _author_of(body.target, facts) != draft.sender and facts.owner != draft.sender:
                raise Refused("not_yours", "Only who wrote a message, or the room's owner, can delete it.")
            _check_not_deleted(body.target, facts)
        case Reaction():
            _author_of(body.target, facts)
            _check_not_deleted(body.target, facts)
            if body.on and facts.count_reactions(body.target, draft.sender) >= MAX_REACTIONS:
                raise Refused(
                    "too_many", f"You can put {MAX_REACTIONS} different reactions to a message at most."
                )
        case Pin():
            _author_of(body.target, facts)
            _check_not_deleted(body.target, facts)
            if body.on and facts.count_pins() >= MAX_PINS:
                raise Refused("too_many", f"{MAX_PINS} messages can be pinned at most. Unpin one first.")
        case Settings():
            _check_settings(draft, body, facts)


def _check_settings(draft: Draft, body: Settings, facts: Facts) -> None:
    if facts.kind == DIRECT:
        raise Refused("not_yours", "A conversation of two has no title and no topic.")
    may_name = facts.kind == PRIVATE or facts.owner in (None, draft.sender)
    if body.title is not None and not may_name:
        raise Refused("not_yours", "Only the room's owner can change its title.")


def _author_of(seq: int, facts: Facts) -> str:
    author = facts.author_of(seq)
    if author is None:
        raise Refused("no_such_message", "There is no such message in this room.")
    return author


def _check_not_deleted(seq: int, facts: Facts) -> None:
    if facts.is_deleted(seq):
        raise Refused("deleted", "This message was deleted.")
