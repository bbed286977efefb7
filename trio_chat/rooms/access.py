"""Access to a room: its kind and owner, its members with their roles, who is banned, and how it is run.

It is what follows from the room's events (the kinds `CHANGE_ACCESS`), as far as they were fanned out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trio_chat.kinds import rules
from trio_chat.kinds.facts import DIRECT, PUBLIC, SERVER
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.kinds.standing import ASKED, BAN, MEMBER, MODERATOR, OWNER, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.kinds.forms import Body
    from trio_chat.model.events import Event
    from trio_chat.model.records import RoomState


class RoomAccess:
    """Who may hear a room, and what they are in it. All of it is sync."""

    def __init__(self, room: str, state: RoomState, *, now_ms: Callable[[], int]) -> None:
        self.kind = state.kind
        self.owner = state.owner
        self.pair = state.pair
        """The two people of a direct room, in it or not."""
        self.policy = msgspec.convert(state.policy, Policy)
        self._room = room
        self._roles = dict(state.members)
        self._bans = {person: ends for (kind, person), ends in state.restrictions.items() if kind == BAN}
        self._now_ms = now_ms

    @property
    def members(self) -> frozenset[str]:
        """Ids of the members, connected or not. (Members of a public room are those who have it in their list.)"""
        return frozenset(self._roles)

    @property
    def n_members(self) -> int:
        """The number of members."""
        return len(self._roles)

    @property
    def is_public(self) -> bool:
        """Whether it is for everybody."""
        return self.kind == PUBLIC

    def role_of(self, person: str) -> str | None:
        """The role of a member; None for everybody else."""
        return self._roles.get(person)

    @property
    def asked(self) -> frozenset[str]:
        """Those of the members who were asked into this direct room and have not answered."""
        if self.kind != DIRECT:
            return frozenset()
        return frozenset(person for person, role in self._roles.items() if role == ASKED)

    def may_hear(self, person: str | None) -> bool:
        """Whether this person (None: a plain client) may hear the room."""
        is_banned = person in self._bans and self._now_ms() < self._bans[person]
        return rules.may_hear(self._room, self.kind, person in self._roles, person, is_banned=is_banned)

    def apply(self, event: Event, body: Body) -> frozenset[str]:
        """Apply a logged change of access; the ids of those who became members by it, are no longer members, or are (no
        longer) asked to. It takes the same time however many members there are."""
        before = {person: self._standing(person) for person in _concerned(body)}
        self._apply(event, body)
        return frozenset(person for person, standing in before.items() if self._standing(person) != standing)

    def _standing(self, person: str) -> tuple[bool, bool]:
        """Whether the person is a member, and whether asked to be."""
        role = self._roles.get(person)
        return role is not None, role == ASKED and self.kind == DIRECT

    def _apply(self, event: Event, body: Body) -> None:
        match body:
            case Created(kind=kind, members=members, asked=is_asked):
                self.kind = kind
                self.owner = None if kind == DIRECT else event.sender
                for who in members:
                    other = ASKED if is_asked and who.id != event.sender else MEMBER
                    self._roles[who.id] = OWNER if who.id == self.owner else other
                self.pair = self.members if kind == DIRECT else frozenset()
            case Membership(person=person, on=True):
                self._bans.pop(person.id, None)
                other = ASKED if self.kind == DIRECT and person.id != event.sender else MEMBER
                self._roles[person.id] = OWNER if person.id == self.owner else other
            case Membership(person=person):
                self._roles.pop(person.id, None)
            case Settings():
                self.policy = msgspec.structs.replace(self.policy, **body.policy)
            case Role(person=person_id, role=role):
                self._apply_role(person_id, role)
            case Restriction(person=person_id, ends_ms=ends_ms) if event.kind == BAN:
                self._bans[person_id] = ends_ms
                if body.on:
                    self._roles.pop(person_id, None)

    def _apply_role(self, person: str, role: str) -> None:
        if self.kind == SERVER and role == MEMBER:
            self._roles.pop(person, None)
            return
        if self.kind != SERVER and role == OWNER:
            if self.owner in self._roles:
                self._roles[self.owner] = MODERATOR
            self.owner = person
        self._roles[person] = role


def _concerned(body: Body) -> tuple[str, ...]:
    """Those whose membership may change by this."""
    match body:
        case Created(members=members):
            return tuple(who.id for who in members)
        case Membership(person=person):
            return (person.id,)
        case Role(person=person_id) | Restriction(person=person_id):
            return (person_id,)
    return ()
