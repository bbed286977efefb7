"""Saying hello, and being somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat import rules
from trio_chat.answers import Own, PersonChanged, Renamed, RoomItem, User, Welcome, told
from trio_chat.lists import list_rooms
from trio_chat.rooms import DEFAULT_ROOM

if TYPE_CHECKING:
    from trio_chat import commands
    from trio_chat.v1.client import Client


async def greet(client: Client, command: commands.Hello) -> None:
    """Find out who it is, and say what they need to know first."""
    hub = client.hub
    token = None
    if command.token is not None:
        person = await hub.people.welcome_back(command.token)
    else:
        person, token = await hub.people.make_known(command.name)
    lobby = await hub.rooms.get(DEFAULT_ROOM)
    rooms = [RoomItem(room=lobby.name, head=lobby.head, epoch=lobby.epoch)]
    mine = None
    if command.lists:
        rooms = await list_rooms(hub.store, person.id)
        position, events = await hub.store.personal(person.id)
        mine = Own(
            rules.personal_room(person.id), position.seq, position.epoch, [told(event) for event in events]
        )
    client.become(person)
    client.answer(Welcome(user=user(client), token=token, rooms=rooms, mine=mine))


async def rename(client: Client, command: commands.Rename) -> None:
    """Give the person another name, and tell everybody."""
    person = await client.hub.people.rename(client.person, command.name)
    client.session.person = person
    client.answer(Renamed(command.id, user(client)))
    client.hub.here.tell_all(PersonChanged(user(client)))


def user(client: Client) -> User:
    """The client's person as others see them."""
    person = client.person
    return User(person.id, person.name, person.colour, person.picture)
