"""Roles: who looks after a room, and in the server room, who runs the server.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from trio_chat.errors import Refused
from trio_chat.kinds.facts import PUBLIC, SERVER, no_such_room
from trio_chat.kinds.forms import Body, ChangeFrame, EventCommand, write_body
from trio_chat.kinds.kind import Kind, Writers, takes_away
from trio_chat.kinds.standing import ADMIN, ADMINISTERS, MEMBER, OWNER, OWNS, SERVER_RANKS, check_rank, rank

if TYPE_CHECKING:
    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

ROLE: Final = "role"

PersonId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
RoleName = Literal["owner", "admin", "moderator", "member"]


class Role(Body, frozen=True):
    """The person has this role now: in the room, or in the server room on the whole server."""

    person: str
    role: str
    link: str | None = None
    """The hash of the link that made them the server's owner, in hexadecimal; not told to anybody."""


class RoleFrame(ChangeFrame, tag="role", kw_only=True):
    """The person has this role now."""

    person: str
    role: str


class RoleCommand(EventCommand, tag="role"):
    """Give a person a role. A room has one owner: who gives that away is a moderator then."""

    person: PersonId
    role: RoleName

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`."""
        return ROLE, write_body(Role(self.person, self.role))


def check_role(sender: str, body: Role, facts: Facts, at_ms: int) -> None:
    """Roles are given by a room's owner and by the server's admins: none above one's own, and to nobody of one's own
    rank or above. One can give up one's own; the server's last owner cannot."""
    if facts.kind == SERVER:
        _check_role_on_server(sender, body, facts, at_ms)
        return
    if facts.kind != PUBLIC and not facts.is_member(sender):
        raise no_such_room()
    if body.role == ADMIN:
        raise Refused("bad_field", "A room has an owner, moderators and members.")
    if not facts.is_member(body.person):
        raise Refused("not_member", "They are not in this room.")
    if sender == body.person:  # gives it up
        if body.role != MEMBER or sender == facts.owner:
            raise Refused("not_yours", "Give your role to somebody else.")
        return
    check_rank(sender, facts, OWNS)
    if rank(body.person, facts) >= rank(sender, facts):
        raise Refused("not_yours", "They are above you, or your equal.")


def _check_role_on_server(sender: str, body: Role, facts: Facts, at_ms: int) -> None:
    roles = facts.server.roles
    if body.link is not None:
        if body.role != OWNER or body.person != sender or not facts.admits_owner(body.link, at_ms):
            raise Refused("bad_link", "This link is not valid any more. Ask the operator for a new one.")
        return
    if sender not in roles:
        raise no_such_room()
    if sender == body.person:  # gives it up
        if SERVER_RANKS.get(body.role, 0) > SERVER_RANKS[roles[sender]]:
            raise Refused("not_yours", "Nobody can raise themselves.")
        if roles[sender] == OWNER and list(roles.values()).count(OWNER) < 2 and body.role != OWNER:
            raise Refused(
                "last_owner", "You are the last owner of this server. Make somebody else one first."
            )
        return
    check_rank(sender, facts, ADMINISTERS)
    own = SERVER_RANKS[roles[sender]]
    if SERVER_RANKS.get(roles.get(body.person, MEMBER), 0) >= own:
        raise Refused("not_yours", "They are above you, or your equal.")
    given = SERVER_RANKS.get(body.role, 0)
    if given > own or (given == own and roles[sender] != OWNER):
        raise Refused("not_yours", "You can only give roles below your own.")
    if not facts.is_known(body.person):
        raise Refused("no_such_person", "There is nobody of this id. (Guests can have no role.)")


KINDS: Final = (
    Kind(
        name=ROLE,
        body=Role,
        frame=RoleFrame,
        command=RoleCommand,
        written_by=Writers.ANYBODY,
        check=check_role,
        changes_access=True,
        is_silenced=False,
        needs_no_space=takes_away,
    ),
)
