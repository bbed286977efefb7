"""The fold of the server room: how the server is run after one more event there.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.roles import Role
from trio_chat.kinds.standing import BAN, MEMBER, MUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.standing import Server


def after(server: Server, kind: str, body: Body) -> Server:
    """How the server is run after an event of this kind in the server room."""
    match body:
        case Role(person=person, role=role):
            roles = {**server.roles, person: role}
            if role == MEMBER:
                del roles[person]
            return attrs.evolve(server, roles=roles)
        case Restriction() if kind == BAN:
            return attrs.evolve(
                server,
                bans=_with(server.bans, body),
                roles={person: role for person, role in server.roles.items() if person != body.person},
            )
        case Restriction() if kind == MUTE:
            return attrs.evolve(server, mutes=_with(server.mutes, body))
    return server


def _with(restrictions: Mapping[str, int], body: Restriction) -> dict[str, int]:
    changed = {**restrictions, body.person: body.ends_ms}
    if not body.on:
        del changed[body.person]
    return changed
