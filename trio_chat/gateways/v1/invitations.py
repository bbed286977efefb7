"""Links that let people into a private room. Only the hash of a link's token is kept."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import attrs

from trio_chat.errors import Refused
from trio_chat.gateways.v1.outcomes import OutcomesOfKnock, id_conflict
from trio_chat.gateways.v1.room_lists import user_of
from trio_chat.gateways.v1.rooms import answer_repeat
from trio_chat.kinds.forms import Frame, Who, timestamp
from trio_chat.kinds.moderation import KNOCK, Knock
from trio_chat.kinds.rooms import MEMBER, Membership
from trio_chat.kinds.rules import check_may_invite
from trio_chat.kinds.table import read_body
from trio_chat.model.records import Invitation
from trio_chat.model.tokens import hash_of
from trio_chat.protocol.parts import InviteItem
from trio_chat.protocol.replies import Ack, Done, Invited, InvitesOf, Peeked

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.hub import Hub
    from trio_chat.model.events import Event
    from trio_chat.protocol import commands
    from trio_chat.rooms.room import Room

TOKEN_BYTES = 18
"""144 bits: not to be guessed, and short enough for a QR code that a phone reads from afar."""

MAX_INVITES = 100
"""How many links into a room are out at a time: they are listed in one frame."""


async def invite(client: Client, command: commands.Invite) -> Invited:
    """Make a link."""
    room = client.room(command.room)
    _check_may_invite(client, room)
    now_ms = client.hub.now_ms()
    if len(await client.hub.store.invites(room.name, at_ms=now_ms)) >= MAX_INVITES:
        raise Refused("too_many", f"{MAX_INVITES} links are out already. Use one of them, or make all void.")
    await client.hub.counts.check_daily("invitations", client.person.id)
    _check_may_invite(
        client, client.room(room.name)
    )  # still: they may have been removed, or the policy changed
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires_ms = now_ms + command.expires_s * 1000 if command.expires_s else None
    await client.hub.store.add_invite(
        Invitation(hash_of(token), room.name, client.person.id, now_ms, expires_ms, command.uses or None)
    )
    expires_at = None if expires_ms is None else timestamp(expires_ms)
    return Invited(command.id, room.name, token, expires_at, command.uses or None)


async def invites(client: Client, command: commands.Invites) -> InvitesOf:
    """List the links that are out."""
    room = client.room(command.room)
    _check_may_invite(client, room)
    out = await client.hub.store.invites(room.name, at_ms=client.hub.now_ms())
    profiles = {one.id: one for one in await client.hub.store.people({found.person for found in out})}
    listed = [
        InviteItem(
            user_of(profiles.get(found.person), found.person),
            timestamp(found.at_ms),
            None if found.expires_ms is None else timestamp(found.expires_ms),
            found.uses_left,
        )
        for found in out
    ]
    return InvitesOf(command.id, room.name, listed)


async def uninvite(client: Client, command: commands.Uninvite) -> Done:
    """Make all links to the room void."""
    room = client.room(command.room)
    _check_may_invite(client, room)
    await client.hub.store.void_invites(room.name)
    return Done(command.id)


def _check_may_invite(client: Client, room: Room) -> None:
    check_may_invite(room.kind, room.access.policy, room.access.role_of(client.person.id))


async def peek(client: Client, command: commands.Peek) -> Peeked:
    """Say where a link leads, to whoever has it."""
    found = await _find(client, command.token)
    state = await client.hub.store.state(found.room)
    profiles = await client.hub.store.people([found.person])
    return Peeked(
        id=command.id,
        room=found.room if client.person.id in state.members else None,
        kind=state.kind,
        title=state.title,
        topic=state.topic,
        members=len(state.members),
        by=user_of(profiles[0] if profiles else None, found.person),
    )


async def accept(client: Client, command: commands.Accept) -> list[Frame] | None:
    """Let the client's person in, or let them knock. Whether the link still holds is decided when that is written
    (`kinds.rules`)."""
    person = client.person
    before = await client.hub.store.find_command(person.id, command.id)
    if before is not None:  # the link need not be valid any more
        _check_repeat(before, command)
        ack = Ack(command.id, before.room, before.seq, waiting=before.kind == KNOCK)
        return await answer_repeat(client, ack)
    found = await _find(client, command.token)
    room = await client.hub.rooms.get(found.room)
    invite = hash_of(command.token).hex()
    if room.access.policy.joining == "knock" and room.access.role_of(person.id) is None:
        knock = Knock(person.id, on=True, invite=invite)
        await client.submit_body(room, KNOCK, command.id, knock, submitter=OutcomesOfKnock(client.outbox))
        return None
    body = Membership(Who.of(person), on=True, invite=invite)
    await client.submit_body(room, MEMBER, command.id, body)
    return None


def _check_repeat(before: Event, command: commands.Accept) -> None:
    """Raise `Refused` unless the command is that of the event once more."""
    body = before.body and before.kind in (MEMBER, KNOCK) and read_body(before.kind, before.body)
    if not (isinstance(body, Membership | Knock) and body.invite == hash_of(command.token).hex()):
        raise id_conflict()


async def _find(client: Client, token: str) -> Invitation:
    found = await client.hub.store.find_invite(hash_of(token))
    if found is None or (found.expires_ms is not None and found.expires_ms <= client.hub.now_ms()):
        raise Refused("bad_invite", "This invitation is not valid any more. Ask for a new one.")
    return found


@attrs.frozen
class Recommendation:
    """What a link says for somebody new who comes with it to the server."""

    by: str | None = None
    """Who invites them into a room; None: nobody does."""
    is_of_operator: bool = False
    """Whether it makes an owner of the server."""


async def find_recommendation(hub: Hub, token: str) -> Recommendation:
    """What the token of a room's link, or of an owner link, says for who has it. It is not used up by that."""
    now_ms = hub.now_ms()
    found = await hub.store.find_invite(hash_of(token))
    if found is not None and (found.expires_ms is None or now_ms < found.expires_ms):
        return Recommendation(by=found.person)
    return Recommendation(is_of_operator=await hub.store.is_owner_link(hash_of(token), at_ms=now_ms))
