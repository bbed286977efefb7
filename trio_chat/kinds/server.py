"""The fold of the server room: how the server is run after one more event there.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from trio_chat.kinds.moderation import Knock, Restriction
from trio_chat.kinds.modes import Mode, Trust
from trio_chat.kinds.roles import Role
from trio_chat.kinds.standing import BAN, MEMBER, MUTE, OPEN, PROBATION

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
            return attrs.evolve(server, roles=roles, knocking=server.knocking - {person})
        case Restriction() if kind == BAN:
            reasons = {person: why for person, why in server.reasons.items() if person != body.person}
            if body.on and body.reason:
                reasons[body.person] = body.reason
            server = attrs.evolve(server, bans=_with(server.bans, body), reasons=reasons)
            if not body.on:
                return server
            return attrs.evolve(
                server,
                roles={person: role for person, role in server.roles.items() if person != body.person},
                knocking=server.knocking - {body.person},
            )
        case Restriction() if kind == MUTE:
            return attrs.evolve(server, mutes=_with(server.mutes, body))
        case Knock(person=person, on=on):
            return attrs.evolve(
                server, knocking=server.knocking | {person} if on else server.knocking - {person}
            )
        case Trust(person=person, on=True):
            return attrs.evolve(server, knocking=server.knocking - {person})
        case Mode():
            return _in_mode(server, body)
    return server


def _in_mode(server: Server, body: Mode) -> Server:
    if body.quiet_until_ms is not None:
        server = attrs.evolve(server, quiet_until_ms=body.quiet_until_ms)
    if body.mode is None:
        return server
    lets_all_in = body.mode in (OPEN, PROBATION)
    return attrs.evolve(server, mode=body.mode, knocking=frozenset() if lets_all_in else server.knocking)


def _with(restrictions: Mapping[str, int], body: Restriction) -> dict[str, int]:
    changed = {**restrictions, body.person: body.ends_ms}
    if not body.on:
        del changed[body.person]
    return changed
