"""Rooms: subscribing, creating, settings and membership."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import islice
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import Refused, StoreError
from trio_chat.gateways.v1.outcomes import ack_of, unavailable
from trio_chat.gateways.v1.presence import seen_by
from trio_chat.gateways.v1.room_lists import items_of, list_rooms, user_of
from trio_chat.kinds.facts import PRIVATE, PUBLIC
from trio_chat.kinds.forms import Who, timestamp
from trio_chat.kinds.moderation import KNOCK, Knock
from trio_chat.kinds.rooms import CREATED, MEMBER, Created, Membership, check_topic
from trio_chat.kinds.rules import check_may_find
from trio_chat.kinds.standing import FOR_EVER, MODERATES
from trio_chat.model.names import check_title, normal_room
from trio_chat.model.records import DirectoryPlace
from trio_chat.protocol.encoding import LIST_BYTES, fitting
from trio_chat.protocol.parts import RestrictionItem, User
from trio_chat.protocol.replies import Ack, DirectoryPage, Left, Listed, RoomAdded, RoomInfo
from trio_chat.rooms.cursors import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.gateways.v1.client import Client
    from trio_chat.kinds.forms import Frame
    from trio_chat.model.records import Listing
    from trio_chat.protocol import commands
    from trio_chat.protocol.parts import RoomItem

ROOMS_FOR_ONE = 25
"""So many rooms of one `follow` count as one more command: 500 take a fifth of what may come at once."""

MAX_MEMBERS_TOLD = 1_000
MAX_DIRECTORY = 100
ABOUT_BYTES = 8 * 1024
"""What a room's title, topic and pins take at most."""
RESTRICTED_BYTES = 32 * 1024
"""What those who are banned or muted take at most, and those who wait."""
MEMBERS_BYTES = LIST_BYTES - ABOUT_BYTES - 2 * RESTRICTED_BYTES


# -- subscribing --


async def join(client: Client, command: commands.Join) -> None:
    """Subscribe the client to a room, from its cursor on; the answer (`Joined`) comes before the first event."""
    cursor = Cursor(command.after, command.epoch, command.proof)
    await client.join(command.id, command.room, cursor, since=trio.current_time())


async def follow(client: Client, command: commands.Follow) -> None:
    """Join many rooms with one command; each is answered by itself."""
    came_at = trio.current_time()
    client.session.charge(came_at, len(command.rooms) / ROOMS_FOR_ONE)
    try:
        await client.hub.rooms.look_at([cursor.room for cursor in command.rooms], since=came_at)
    except StoreError:  # told at once: room by room it would take as long for each
        for cursor in command.rooms:
            client.refuse(unavailable(), command.id, room=cursor.room)
        return
    for cursor in command.rooms:
        await trio.lowlevel.checkpoint()  # what is refused has none
        try:
            name = normal_room(cursor.room)
            client.session.check_place(name)
            cursor_there = Cursor(cursor.after, cursor.epoch, cursor.proof)
            await client.join(command.id, name, cursor_there, since=came_at)
        except Refused as refused:
            client.refuse(refused, command.id, room=cursor.room)
        except StoreError:
            client.refuse(unavailable(), command.id, room=cursor.room)


async def leave(client: Client, command: commands.Leave) -> Left:
    """End the client's subscription to a room."""
    client.leave(command.room)
    client.hub.presence.unwatch(client, command.room)
    return Left(command.id, command.room)


# -- creating, and settings --


async def create(client: Client, command: commands.Create) -> None:
    """Begin a room whose owner is the client's person."""
    person = client.person
    if command.kind == PUBLIC:
        if command.room is None:
            raise Refused("bad_room", "A public room needs a name.")
        name = normal_room(command.room)
        if name.startswith("~"):
            raise Refused("bad_room", "The name of a public room cannot begin with ~.")
    elif command.kind == PRIVATE:
        # From the command, so that a repeat finds what it made the first time.
        name = derived_name("", person.id, command.id)
    else:
        raise Refused("bad_field", "The kind of a room is public or private.")
    title = check_title(command.title) if command.title or command.kind == PRIVATE else ""
    topic = check_topic(command.topic)
    body = Created(command.kind, title, topic, (Who.of(person),))
    room = await client.hub.rooms.get(name)
    if not room.head:  # else it is a repeat, or refused
        await client.hub.counts.check_daily("rooms", person.id)
        room = await client.hub.rooms.get(name)  # it may have been closed meanwhile
    await client.submit_body(room, CREATED, command.id, body)


async def answer_repeat(client: Client, ack: Ack) -> list[Frame]:
    """The answer to a command that was carried out before: the same ack, and the room as it is now."""
    items = await list_rooms(client.hub.store, client.person.id, only=ack.room)
    return [ack, *map(RoomAdded, items)]


def derived_name(prefix: str, *parts: str) -> str:
    """The name of a room that is not public, always the same for the same parts."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"~{prefix}{base64.b32encode(digest)[:24].decode().lower()}"


async def listing(client: Client, command: commands.AskListing) -> Listed:
    """Say what the person's list tells of the room: what is unread, say."""
    room = client.room(command.room)
    items = await list_rooms(client.hub.store, client.person.id, only=room.name)
    return Listed(command.id, items[0] if items else None)


async def info(client: Client, command: commands.Info) -> RoomInfo:
    """Say what the room is, and who is a member: a page of them, by their ids."""
    room = client.room(command.room)
    state, n_members = await client.hub.store.state_with_some(
        room.name, after=command.cursor or "", limit=MAX_MEMBERS_TOLD + 1
    )
    roles = dict(islice(state.members.items(), MAX_MEMBERS_TOLD))
    moderates = client.rank_in(room) >= MODERATES
    waiting = list(state.knocking)[:MAX_MEMBERS_TOLD] if moderates else []
    now_ms = client.hub.now_ms()
    restricted = ((key, ends) for key, ends in state.restrictions.items() if moderates and ends > now_ms)
    restrictions = dict(islice(restricted, MAX_MEMBERS_TOLD))
    others = {person for _, person in restrictions}
    profiles = {one.id: one for one in await client.hub.store.people({*roles, *waiting, *others})}
    members = [
        seen_by(client, profiles[who], role=role) if who in profiles else User(who, "", role=role)
        for who, role in roles.items()
    ]
    told = fitting(members, MEMBERS_BYTES)
    return RoomInfo(
        id=command.id,
        room=room.name,
        kind=state.kind,
        title=state.title,
        topic=state.topic,
        owner=state.owner,
        members=told,
        count=n_members,
        pins=state.pins,
        policy=state.policy,
        picture=state.picture,
        restricted=fitting(
            [
                RestrictionItem(
                    user_of(profiles.get(who), who), what, None if ends == FOR_EVER else timestamp(ends)
                )
                for (what, who), ends in restrictions.items()
            ],
            RESTRICTED_BYTES,
        )
        or (),
        knocking=fitting([user_of(profiles.get(who), who) for who in waiting], RESTRICTED_BYTES) or (),
        upto=state.position.seq,
        cursor=told[-1].id if len(told) < len(state.members) else None,
    )


# -- membership --


async def enter(client: Client, command: commands.Enter) -> None:
    """Put a public room into one's list."""
    person = client.person
    room = await client.hub.rooms.get(command.room)
    check_may_find(room.kind)
    body = Membership(Who.of(person), on=True)
    await client.submit_body(room, MEMBER, command.id, body)


async def admit(client: Client, command: commands.Admit) -> Ack | None:
    """Let in who waits, or who was banned; or send away who waits."""
    room = client.room(command.room)
    if not command.on:
        await client.submit_body(room, KNOCK, command.id, Knock(command.person, on=False))
        return None
    before = await client.hub.store.find_command(client.person.id, command.id)
    if before is not None:  # they may be called otherwise by now
        return ack_of(
            before,
            command.id,
            MEMBER,
            room=room.name,
            says=lambda body: (body.person.id, body.on) == (command.person, True),
        )
    profiles = await client.hub.store.people([command.person])
    if not profiles:
        raise Refused("no_such_person", "There is nobody of this id.")
    body = Membership(Who.of(profiles[0]), on=True)
    await client.submit_body(client.room(command.room), MEMBER, command.id, body)
    return None


async def directory(client: Client, command: commands.Directory) -> DirectoryPage:
    """Give a page of the public rooms, the busiest first."""
    client.hub.rate_limits.check_search(client.person.id, client.address, trio.current_time())
    store = client.hub.store
    after = None if command.cursor is None else place_of(command.cursor)
    found = await store.directory(
        command.query,
        MAX_DIRECTORY + 1,
        person=client.person.id,
        at_ms=client.hub.now_ms(),
        after=after,
    )
    items = fitting(await items_of(store, found[:MAX_DIRECTORY]))
    return DirectoryPage(command.id, items, cursor_behind(items, found))


def cursor_behind(told: Sequence[RoomItem], found: Sequence[Listing]) -> str | None:
    """The cursor that asks for what was found behind these rooms, the first of them; None if that is nothing."""
    last = found[len(told) - 1] if len(told) < len(found) else None
    return None if last is None else f"{last.newest_ms} {last.room}"


def place_of(cursor: str) -> DirectoryPlace:
    """The place among rooms, the newest first, that a cursor means. Raises `Refused` (``bad_field``)."""
    found = re.fullmatch(r"([0-9]{1,18}) (\S+)", cursor, re.ASCII)
    if found is None:
        raise Refused("bad_field", "This is no cursor of a list of rooms.")
    return DirectoryPlace(int(found[1]), found[2])
