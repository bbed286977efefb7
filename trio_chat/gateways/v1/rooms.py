"""Hearing rooms, making them, and being a member of them."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import Refused, StoreError
from trio_chat.gateways.v1.room_lists import items, list_rooms, user_of
from trio_chat.kinds import bodies, rules
from trio_chat.model.names import check_text, check_title, normal_room
from trio_chat.protocol import commands
from trio_chat.protocol.replies import Ack, DirectoryPage, Failure, Joined, Left, RoomAdded, RoomInfo
from trio_chat.rooms.submission import unavailable

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.rooms.room import Room

MAX_TOPIC_CHARS = 500

ROOMS_FOR_ONE = 25
"""So many rooms of one `follow` count as one more command: 500 take a fifth of what may come at once."""

MAX_MEMBERS_TOLD = 1_000
MAX_DIRECTORY = 200


# -- hearing --


async def join(client: Client, command: commands.Join) -> None:
    """Tell the client what happens in a room, from its cursor on."""
    await _join(client, command)


async def follow(client: Client, command: commands.Follow) -> None:
    """Join many rooms with one command; each is answered for itself."""
    client.session.charge(trio.current_time(), len(command.rooms) / ROOMS_FOR_ONE)
    for cursor in command.rooms:
        try:
            name = normal_room(cursor.room)
            client.session.check_place(name)
            await _join(client, commands.Join(command.id, name, cursor.after, cursor.epoch))
        except Refused as refused:
            client.answer(Failure.of(refused, command.id, room=cursor.room))
        except StoreError:
            client.answer(Failure.of(unavailable(), command.id, room=cursor.room))


async def _join(client: Client, command: commands.Join) -> None:
    room = await _open(client, command.room)
    while room.must_begin_epoch(command.after, command.epoch):
        # It is about to start afresh, so it is not one of those who are sent away to do so.
        client.forget(command.room)
        await room.begin_epoch(seen=command.after)
        room = await _open(client, command.room)  # it may have been closed meanwhile
    # No checkpoint from here on: the answer, and what follows it, fit together.
    after, is_reset = room.resume_point(
        command.after,
        command.epoch,
        page_size=client.hub.config.page_size,
        max_gap=client.hub.config.max_gap,
    )
    client.forget(command.room)
    client.answer(Joined.at(command, room.position, after=after, reset=is_reset))
    client.join(room, after=after)


async def _open(client: Client, name: str) -> Room:
    """The room, if this client may hear it; join it before the next checkpoint."""
    room = await client.hub.rooms.get(name)
    if not room.may_hear(client.person.id):
        raise rules.no_such_room()
    return room


async def leave(client: Client, command: commands.Leave) -> None:
    """Tell the client nothing more of a room."""
    client.forget(command.room)
    client.hub.presence.leave(client, command.room)
    client.answer(Left(command.id, command.room))


# -- making, and what it is --


async def create(client: Client, command: commands.Create) -> None:
    """Begin a room whose owner is the client's person."""
    person = client.person
    if command.kind == rules.PUBLIC:
        if command.room is None:
            raise Refused("bad_room", "A public room needs a name.")
        name = normal_room(command.room)
        if name.startswith("~"):
            raise Refused("bad_room", "The name of a public room cannot begin with ~.")
    elif command.kind == rules.PRIVATE:
        # From the command, so that a repeat finds what it made the first time.
        name = made_name("", person.id, command.id)
    else:
        raise Refused("bad_field", "The kind of a room is public or private.")
    title = check_title(command.title) if command.title or command.kind == rules.PRIVATE else ""
    _check_topic(command.topic)
    body = bodies.Created(command.kind, title, command.topic, (bodies.Who(person.id, person.name),))
    room = await client.hub.rooms.get(name)
    await client.submit_body(room, bodies.CREATED, command.id, body)


async def direct(client: Client, command: commands.Direct) -> None:
    """Go to the conversation with somebody, which begins if there is none yet."""
    person = client.person
    if command.person == person.id:
        raise Refused("direct_self", "That is you.")
    profiles = await client.hub.store.people([command.person])
    if not profiles:
        raise Refused("no_such_person", "There is nobody of this id. (Guests cannot be written to.)")
    other = profiles[0]
    name = made_name("d", *sorted((person.id, other.id)))
    room = await client.hub.rooms.get(name)
    if room.members:
        await answer_again(client, Ack(command.id, name, 1))
        return
    members = (bodies.Who(person.id, person.name), bodies.Who(other.id, other.name))
    body = bodies.Created(rules.DIRECT, members=members)
    # The other one may ask for it at the same moment.
    await client.submit_body(room, bodies.CREATED, command.id, body, may_be_there=True)


async def answer_again(client: Client, ack: Ack) -> None:
    """Acknowledge what had been done before, and tell of the room once more."""
    items = await list_rooms(client.hub.store, client.person.id, only=ack.room)
    # From here on nothing can fail: an ack and then an error would be two answers.
    client.answer(ack)
    for item in items:
        client.answer(RoomAdded(item))


def made_name(prefix: str, *parts: str) -> str:
    """The name of a room that is not public, always the same for the same parts."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"~{prefix}{base64.b32encode(digest)[:24].decode().lower()}"


async def settings(client: Client, command: commands.Settings) -> None:
    """Give the room another title or topic."""
    if command.title is None and command.topic is None:
        raise Refused("bad_field", "Say a title or a topic.")
    title = None if command.title is None else check_title(command.title)
    if command.topic is not None:
        _check_topic(command.topic)
    body = bodies.Settings(title, command.topic)
    await client.submit_body(client.room(command.room), bodies.SETTINGS, command.id, body)


def _check_topic(topic: str) -> None:
    if topic:
        check_text(topic, MAX_TOPIC_CHARS)


async def info(client: Client, command: commands.Info) -> None:
    """Say what the room is, and who is a member."""
    room = client.room(command.room)
    state = await client.hub.store.state(room.name)
    ids = list(state.members)[:MAX_MEMBERS_TOLD]
    profiles = {profile.id: profile for profile in await client.hub.store.people(ids)}
    client.room(room.name)  # it may have been sent out of it meanwhile
    client.answer(
        RoomInfo(
            id=command.id,
            room=room.name,
            kind=state.kind,
            title=state.title,
            topic=state.topic,
            owner=state.owner,
            members=[
                user_of(profiles.get(who), who, here=client.hub.connected, role=state.members[who])
                for who in ids
            ],
            count=len(state.members),
            pins=state.pins,
            upto=state.position.seq,
        )
    )


# -- membership --


async def enter(client: Client, command: commands.Enter) -> None:
    """Put a public room into one's list."""
    person = client.person
    room = await client.hub.rooms.get(command.room)
    if room.kind != rules.PUBLIC:
        raise rules.no_such_room()
    body = bodies.Membership(bodies.Who(person.id, person.name), on=True)
    await client.submit_body(room, bodies.MEMBER, command.id, body)


async def part(client: Client, command: commands.Part) -> None:
    """Be a member of the room no more."""
    person = client.person
    body = bodies.Membership(bodies.Who(person.id, person.name), on=False)
    await client.submit_body(client.room(command.room), bodies.MEMBER, command.id, body)


async def directory(client: Client, command: commands.Directory) -> None:
    """List public rooms, the busiest first."""
    store = client.hub.store
    found = await store.directory(command.query, MAX_DIRECTORY, person=client.person.id)
    client.answer(DirectoryPage(command.id, await items(store, found)))
