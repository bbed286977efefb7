"""Saying hello, and being somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.gateways.v1 import room_lists
from trio_chat.gateways.v1.room_lists import list_rooms
from trio_chat.kinds import rules
from trio_chat.kinds.rules import LOBBY
from trio_chat.people.avatars import read_picture
from trio_chat.people.device_codes import LIFE_S
from trio_chat.people.identities import person_of
from trio_chat.protocol.event_frames import to_frame
from trio_chat.protocol.replies import (
    LinkCode,
    Own,
    PeopleFound,
    Profiled,
    Renamed,
    RoomItem,
    Welcome,
    user_of,
)

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands


async def greet(client: Client, command: commands.Hello) -> None:
    """Find out who it is, and say what they need to know first."""
    hub = client.hub
    token = None
    if command.link is not None:
        person, token = await hub.people.authenticate_by_code(command.link)
    elif command.token is not None:
        person = await hub.people.authenticate(command.token)
    else:
        person, token = await hub.people.register(command.name)
    lobby = await hub.rooms.get(LOBBY)
    rooms = [RoomItem(room=lobby.name, head=lobby.head, epoch=lobby.epoch)]
    mine = None
    if command.lists:
        rooms = await list_rooms(hub.store, person.id)
        position, events = await hub.store.personal(person.id)
        mine = Own(
            rules.personal_room(person.id),
            position.seq,
            position.epoch,
            [to_frame(event) for event in events],
        )
    client.log_in(person)
    client.answer(Welcome(user=user_of(client.person), token=token, rooms=rooms, mine=mine))


async def rename(client: Client, command: commands.Rename) -> None:
    """Give the person another name, and tell everybody."""
    client.hub.presence.change(await client.hub.people.rename(client.person, command.name))
    client.answer(Renamed(command.id, user_of(client.person)))


async def profile(client: Client, command: commands.SetProfile) -> None:
    """Show the person like this, and tell everybody; without any change: say how they are shown."""
    picture = read_picture(command.picture) if command.picture else None
    now = await client.hub.people.set_profile(
        client.person,
        name=command.name,
        colour=command.colour,
        picture=picture,
        no_picture=command.picture == "",
        shows_seen=command.show_seen,
    )
    person = person_of(now)
    if person != client.person:
        client.hub.presence.change(person)
    client.answer(Profiled(command.id, user_of(person), now.shows_seen))


async def people(client: Client, command: commands.AskPeople) -> None:
    """Say who these are."""
    found = await client.hub.store.people(command.ids)
    here = client.hub.connected
    client.answer(PeopleFound(command.id, [room_lists.user_of(one, one.id, here=here) for one in found]))


async def link(client: Client, command: commands.Link) -> None:
    """Give a code for another device of the person."""
    client.answer(LinkCode(command.id, client.hub.people.make_link(client.person), LIFE_S))
