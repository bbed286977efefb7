"""The welcome, and profiles."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import trio

from trio_chat import __version__
from trio_chat.errors import StoreError
from trio_chat.gateways.v1 import devices
from trio_chat.gateways.v1.presence import seen_by
from trio_chat.gateways.v1.room_lists import tell_rooms
from trio_chat.kinds.facts import LOBBY, SERVER_ROOM, personal_room
from trio_chat.kinds.files import MAX_FILES
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.moderation import KNOCK, Knock
from trio_chat.kinds.standing import KNOCKING
from trio_chat.model.events import Draft
from trio_chat.model.names import beginning_of_key
from trio_chat.model.outcomes import Denied
from trio_chat.people.avatars import read_picture
from trio_chat.presence.read_markers import FEW
from trio_chat.protocol.encoding import LIST_BYTES, fitting
from trio_chat.protocol.event_frames import to_frame
from trio_chat.protocol.parts import About, Limits, Own, RoomItem, user_of
from trio_chat.protocol.replies import OwnPage, PeopleFound, Profiled, Renamed, RoomAdded, Welcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.gateways.v1.client import Client
    from trio_chat.kinds.forms import Frame
    from trio_chat.model.events import Event, Position
    from trio_chat.model.records import Arrival
    from trio_chat.protocol import commands
    from trio_chat.protocol.event_frames import EventFrame


LOGGER = logging.getLogger(__name__)

WELCOME_ROOMS_BYTES = 144 * 1024
WELCOME_OWN_BYTES = LIST_BYTES - WELCOME_ROOMS_BYTES
"""What of a welcome the rooms and the personal state take at most."""

MAX_MENTIONABLE = 10
"""So many people are told for the beginning of a name: more letters find the others."""

OWN_EVENTS = 1_000
"""So many events of the personal room are told at once."""


async def greet(client: Client, command: commands.Hello) -> Sequence[Frame]:
    """Log in; the answer says what a client needs to know first.

    Who has to be let in is told only that, and may say hello again.
    """
    login, token = await devices.log_in(client, command)
    client.hub.security.joined(client.person.id, client.address, by=_way_of(command))
    rooms: list[RoomItem] = []
    requests: list[str] = []
    mine = stamp = None
    is_whole = True
    try:
        if client.session.is_waiting:
            await _knock(client)
            files_left = await client.hub.store.files_left(client.person.id, client.hub.file_limits)
        else:
            arrival = await _arrive(client, command)
            files_left = arrival.files_left
            if arrival.lists is None:
                rooms = await _lobby(client)
            else:
                lists = arrival.lists
                rooms = await tell_rooms(lists.listed)
                requests = [item.room for item in lists.requests]
                mine = None if lists.own is None else _own(client, *lists.own)
                stamp, is_whole = lists.stamp, lists.is_whole
    except BaseException:
        client.log_out()
        raise
    first = fitting(rooms, WELCOME_ROOMS_BYTES)
    rest = rooms[len(first) :]
    user = msgspec.structs.replace(
        user_of(client.person), role=client.hub.door.server.roles.get(client.person.id)
    )
    standing = client.standing()
    return [
        Welcome(
            user=user,
            token=token,
            rooms=first,
            requests=requests,
            mine=mine,
            more=bool(rest),
            partial=not is_whole,
            stamp=None if rest else stamp,
            public_url=client.hub.config.public_url,
            network_url=client.hub.network_url(),
            server=client.hub.server_id,
            about=_about(client, files_left),
            recovery=login.has_recovery,
            retention_days=client.hub.config.retention,
            mode=standing.mode,
            quiet_until=standing.quiet_until,
            waiting=client.session.is_waiting,
            new_until=standing.new_until,
            muted_until=standing.muted_until,
        ),
        *map(RoomAdded, rest[:-1]),
        *(RoomAdded(item, stamp) for item in rest[-1:]),
        *([standing] if client.session.is_waiting and not standing.waiting else []),  # let in just now
    ]


def _about(client: Client, files_left: int | None) -> About:
    """What the server is and can, so that nobody has to run into its limits."""
    config = client.hub.config
    files = client.hub.file_limits
    limits = Limits(
        text_chars=config.max_text_chars,
        message_bytes=config.max_message_bytes,
        rooms=config.max_rooms_per_connection,
        commands_per_second=config.messages_per_second,
        commands_at_once=config.burst,
        events_behind=config.max_gap,
        file_bytes=files.file_bytes,
        files=MAX_FILES,
        files_left=files_left,
    )
    return About(
        __version__, limits, client.commands, client.hub.page_version, client.hub.link_previews is not None
    )


def _way_of(command: commands.Hello) -> str:
    """What somebody logged in by, as the security log says it."""
    if command.link is not None:
        return "code"
    if command.recover is not None:
        return "recovery"
    return "name" if command.token is None else "token"


async def _knock(client: Client) -> None:
    """Let those who run the server know that the client's person waits, if they do not know it."""
    hub, person = client.hub, client.person
    # They may have been let in since their token was looked up, and before their connection could be told.
    known_ms = (await hub.store.known_ms([person.id])).get(person.id, 0)
    client.standing_changed(known_ms)
    if not hub.door.waits(person.id, known_ms):
        return
    if hub.door.server.mode != KNOCKING or person.id in hub.door.server.knocking:
        return
    try:
        room = await hub.rooms.get(SERVER_ROOM)
        outcome = await room.inbox.write(
            Draft(KNOCK, person.id, person.name, None, write_body(Knock(person.id, on=True)))
        )
        if isinstance(outcome, Denied):
            LOGGER.info("%s waits to be let in, and is not in the list: %s", person.id, outcome.message)
    except StoreError as error:  # they knock again with their next hello
        LOGGER.warning("%s waits to be let in, and is not in the list: %s", person.id, error)


async def _lobby(client: Client) -> list[RoomItem]:
    lobby = await client.hub.rooms.get(LOBBY)
    return [RoomItem(room=lobby.name, head=lobby.head, epoch=lobby.epoch)]


async def _arrive(client: Client, command: commands.Hello) -> Arrival:
    """What the person needs first; from now on it is known whom they block, and who blocks them.

    A client is told of changes of its list only after it was welcomed: so it is read again if it changed meanwhile.
    """
    hub, person = client.hub, client.person.id
    hub.presence.privacy.expect_blocks(person)
    while True:
        arrival = await hub.store.arrival(
            person,
            with_lists=command.lists,
            since=command.since,
            few=FEW,
            own_events=OWN_EVENTS + 1,
            limits=hub.file_limits,
        )
        if not client.take_membership_changes():
            hub.presence.privacy.learn_blocks(person, arrival.blocks)
            return arrival


def _own(client: Client, position: Position, own_events: Sequence[Event]) -> Own:
    """What they keep for themselves."""
    events, more = _newest(own_events, WELCOME_OWN_BYTES)
    return Own(personal_room(client.person.id), position.seq, position.epoch, events, more)


async def own(client: Client, command: commands.AskOwn) -> OwnPage:
    """Give an earlier page of what the person keeps for themselves."""
    person = client.person.id
    _, found = await client.hub.store.personal(person, before=command.before, limit=OWN_EVENTS + 1)
    events, more = _newest(found, LIST_BYTES)
    return OwnPage(command.id, personal_room(person), events, more)


def _newest(events: Sequence[Event], max_bytes: int) -> tuple[Sequence[EventFrame], bool]:
    """The newest of these events of the person's own room that fit, in order; and whether there are earlier ones."""
    newest_first = fitting([to_frame(event) for event in reversed(events[-OWN_EVENTS:])], max_bytes)
    return newest_first[::-1], len(newest_first) < len(events)


async def rename(client: Client, command: commands.Rename) -> Renamed:
    """Rename the person."""
    client.hub.presence.change_person(await client.hub.people.rename(client.person, command.name))
    return Renamed(command.id, user_of(client.person))


async def profile(client: Client, command: commands.SetProfile) -> Profiled:
    """Change the person's profile; without any change: tell how it is."""
    said = command.picture or ""
    upload = said if said.startswith("u-") else ""  # no Base64 has a hyphen
    picture = read_picture(said) if said and not upload else None
    now = await client.hub.people.set_profile(
        client.person,
        name=command.name,
        colour=command.colour,
        picture=picture,
        upload=upload,
        no_picture=command.picture == "",
        shows_seen=command.show_seen,
        shows_receipts=command.show_receipts,
        shows_typing=command.show_typing,
    )
    client.hub.presence.change_privacy(now)
    person = now.person
    if person != client.person:
        client.hub.presence.change_person(person)
    return Profiled(command.id, user_of(person), now.shows_seen, now.shows_receipts, now.shows_typing)


async def mentionable(client: Client, command: commands.Mentionable) -> PeopleFound:
    """Find those whose name begins so, among those who are known in the room."""
    room = client.room(command.room)
    client.hub.rate_limits.check_search(client.person.id, client.address, trio.current_time())
    store = client.hub.store
    ids = await store.people_named(room.name, beginning_of_key(command.query), MAX_MENTIONABLE)
    return PeopleFound(command.id, [seen_by(client, one) for one in await store.people(ids)])


async def people(client: Client, command: commands.AskPeople) -> PeopleFound:
    """Look people up."""
    found = await client.hub.store.people(command.ids)
    return PeopleFound(command.id, [seen_by(client, one) for one in found])
