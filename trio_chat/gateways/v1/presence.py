"""Presence, typing and read markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.gateways.v1.message_now import room_with
from trio_chat.gateways.v1.room_lists import marks_of, user_of
from trio_chat.kinds.forms import timestamp
from trio_chat.kinds.standing import ASKED
from trio_chat.protocol import parts, replies
from trio_chat.protocol.encoding import LIST_BYTES, size_of

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.model.records import Profile
    from trio_chat.protocol import commands

MAX_RECEIPTS = 1_000


async def watch(client: Client, command: commands.Watch) -> replies.Watching:
    """Show presence and read markers of a room from now on, until another one is watched."""
    presence = client.hub.presence
    if command.room is None:
        presence.unwatch(client)
        return replies.Watching(command.id, None)
    await presence.learn(command.room)
    room = client.room(command.room)  # nobody watches what they may no longer hear
    presence.watch(client, command.room, is_shown=room.access.role_of(client.person.id) != ASKED)
    view = presence.view(client, command.room)
    return replies.Watching(
        command.id,
        view.room,
        here=[parts.user_of(person) for person in view.people],
        count=view.count,
        marks=marks_of(view.markers),
    )


def seen_by(client: Client, profile: Profile, *, role: str | None = None) -> parts.User:
    """A person as the client's person is shown them: whether they are here, or when they were last."""
    presence, viewer = client.hub.presence, client.person.id
    seen_ms = presence.last_seen_ms(viewer, profile)
    return parts.User(
        profile.id,
        profile.name,
        profile.colour,
        profile.picture,
        None if seen_ms is None else timestamp(seen_ms),
        here=presence.is_here(viewer, profile),
        role=role,
    )


async def typing(client: Client, command: commands.Typing) -> None:
    """Tell others that the person is typing, or recording a voice note."""
    room = client.room(command.room)
    if room.access.role_of(client.person.id) != ASKED:  # else only an answer tells that a request was seen
        client.hub.presence.typing(client, room.name, what=command.what)


async def mark(client: Client, command: commands.Mark) -> None:
    """Move the person's read marker."""
    delivered, read = command.delivered or 0, command.read or 0
    await client.room(command.room).catch_up(max(delivered, read))  # it may have been heard from another node
    room = client.room(command.room)
    if room.access.role_of(client.person.id) != ASKED:
        client.hub.presence.move_markers(client, room, delivered=delivered, read=read)


async def receipts(client: Client, command: commands.Receipts) -> replies.ReceiptsOf:
    """List who has received and who has read a message, and since when: a page of people, by their ids."""
    room = await room_with(client, command.room, command.seq)
    store = client.hub.store
    sees, viewer = client.hub.presence.privacy.sees, client.person.id
    found = await store.receipts(room.name, command.seq, after=command.cursor or "", limit=MAX_RECEIPTS + 1)
    told = found[:MAX_RECEIPTS]
    users = {one.id: user_of(one, one.id) for one in await store.people([one.person for one in told])}
    read: list[parts.Receipt] = []
    delivered: list[parts.Receipt] = []
    left = LIST_BYTES
    is_more = len(found) > len(told)
    last = told[-1].person if told else None
    for one in told:
        if one.person not in users or not sees(viewer, one.person, "receipts"):
            continue
        user = users[one.person]
        of_one = [
            None if at_ms is None else parts.Receipt(user, timestamp(at_ms))
            for at_ms in (one.read_ms, one.delivered_ms)
        ]
        left -= sum(size_of(receipt) for receipt in of_one if receipt is not None)
        if left < 0:
            is_more = True
            break
        last = one.person  # who is told, as that somebody else has received it is not for the viewer
        for receipt, receipts_of_kind in zip(of_one, (read, delivered), strict=True):
            if receipt is not None:
                receipts_of_kind.append(receipt)
    return replies.ReceiptsOf(
        command.id,
        room.name,
        command.seq,
        read=sorted(read, key=_at),
        delivered=sorted(delivered, key=_at),
        cursor=last if is_more else None,
    )


def _at(receipt: parts.Receipt) -> str:
    return receipt.at
