"""Who may do what in a room: writing and reading rights, over the facts of the moment.

`judge` is asked inside the append, for one draft after the other (`trio_chat.store.plan`), so that what it was asked
about cannot change before the draft is written. What is particular to one kind of event stands with it (`Kind.check`).
Roles, restrictions and policies: `trio_chat.kinds.standing`.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import Refused
from trio_chat.kinds.direct import as_if_both_are_in, check_writing
from trio_chat.kinds.facts import DIRECT, PERSONAL_ROOM, PRIVATE, PUBLIC, SYSTEM, no_such_room, personal_room
from trio_chat.kinds.kind import Writers
from trio_chat.kinds.messages import DELETE
from trio_chat.kinds.newcomers import check_newcomer
from trio_chat.kinds.standing import (
    MODERATES,
    ROOM_RANKS,
    check_may_write_message,
    check_not_restricted,
)
from trio_chat.kinds.table import KINDS

if TYPE_CHECKING:
    from trio_chat.kinds.facts import Facts
    from trio_chat.kinds.standing import Policy
    from trio_chat.model.events import Draft

# -- writing --


def judge(draft: Draft, facts: Facts, at_ms: int) -> Refused | None:
    """Why the draft must not be written; None if it may be."""
    try:
        _check(draft, facts, at_ms)
        if draft.leads_to is not None:
            _check(draft.leads_to, as_if_both_are_in(facts, draft.sender), at_ms)
    except Refused as refused:
        return refused
    return None


def _check(draft: Draft, facts: Facts, at_ms: int) -> None:
    kind = KINDS[draft.kind]
    body = kind.read(draft.body)
    if draft.sender == SYSTEM:  # is in no room, and nobody's to moderate
        kind.check(draft.sender, body, facts, at_ms)
        return
    if not _may_write(kind.written_by, draft.sender, facts):
        raise no_such_room()
    if kind.written_by is not Writers.THEMSELVES:
        check_not_restricted(draft.sender, facts, at_ms, is_silenced=kind.is_silenced)
        check_newcomer(draft.sender, kind, body, facts, at_ms)
    if kind.is_message:
        check_may_write_message(draft.sender, facts, at_ms)
    if facts.kind == DIRECT and kind.written_by is Writers.MEMBERS and draft.kind != DELETE:
        check_writing(draft.sender, facts, is_message=kind.is_message)
    kind.check(draft.sender, body, facts, at_ms)


def _may_write(writers: Writers, sender: str, facts: Facts) -> bool:
    """Whether the sender is one of the writers of this room."""
    if writers is Writers.THEMSELVES or facts.kind == PERSONAL_ROOM:
        return writers is Writers.THEMSELVES and facts.room == personal_room(sender)
    return writers is Writers.ANYBODY or facts.kind == PUBLIC or facts.is_member(sender)


# -- reading --


def may_hear(room: str, kind: str, is_member: bool, person: str | None, *, is_banned: bool = False) -> bool:
    """Whether the person (None: nobody known) may be told what is said in a room of this kind."""
    if is_banned:
        return False
    if kind == PERSONAL_ROOM:
        return person is not None and room == personal_room(person)
    return kind == PUBLIC or is_member


def check_may_find(kind: str) -> None:
    """Raises `Refused` (``no_such_room``) unless everybody may know that there is a room, and enter it by its name."""
    if kind != PUBLIC:
        raise no_such_room()


def check_may_read_versions(person: str, *, author: str, owner: str | None) -> None:
    """Raises `Refused` (``not_yours``) unless the person, who hears the room, may read what a message said before."""
    if person not in (author, owner):
        raise Refused(
            "not_yours", "Only who wrote a message, or the room's owner, can see what it said before."
        )


def check_may_invite(kind: str, policy: Policy, role: str | None) -> None:
    """Raises `Refused` (``not_yours``) unless a member of this role may make, list and void links to a room of this
    kind and policy."""
    if kind != PRIVATE:
        raise Refused("not_yours", "Links lead into private rooms; a public room is open to all.")
    if policy.inviting == "moderators" and ROOM_RANKS.get(role or "", 0) < MODERATES:
        raise Refused("not_yours", "Only moderators invite people into this room.")
