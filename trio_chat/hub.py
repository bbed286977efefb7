"""The hub: what all connections share over one store: rooms, people, presence, connected users.

One task hands on what other nodes tell, another saves which devices are in use.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import trio

from trio_chat.blobs.opening import open_blobs
from trio_chat.errors import LOGGED_OUT, StoreError
from trio_chat.files.place import check_place
from trio_chat.files.service import Files, open_files
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.forms import timestamp
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.modes import Mode
from trio_chat.kinds.roles import Role
from trio_chat.kinds.standing import BAN
from trio_chat.model.files import FileLimits
from trio_chat.moderation.addresses import open_addresses
from trio_chat.moderation.counts import Counts
from trio_chat.moderation.door import Door
from trio_chat.moderation.enforcement import Enforcement
from trio_chat.moderation.retention import Retention
from trio_chat.moderation.server_room import ServerRoom
from trio_chat.net.rate_limits import RateLimits
from trio_chat.net.waiting_lines import WaitingLines
from trio_chat.nodes.known import KnownChanges
from trio_chat.nodes.list_changes import ListChanges
from trio_chat.nodes.look import Look
from trio_chat.outgoing.guard import Guard
from trio_chat.outgoing.link_previews import LinkPreviews
from trio_chat.outgoing.thumbnail import make_thumbnail
from trio_chat.people.devices import USE_NOTED_MS, Devices
from trio_chat.people.identities import Identities
from trio_chat.presence.connected import ConnectedUsers
from trio_chat.presence.service import open_presence
from trio_chat.rooms.registry import open_rooms
from trio_chat.security_log import SecurityLog
from trio_chat.store.node_messages import (
    BlockChanged,
    DevicesLoggedOut,
    ListsChanged,
    MarkersMoved,
    NodeCame,
    PeopleOffline,
    PeopleOnline,
    ProfileChanged,
    RoomLeft,
    RoomMoves,
    RoomPeople,
    TypingThere,
)
from trio_chat.store.space import MIB

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trio_chat.blobs.base import BlobStore
    from trio_chat.config.config import Config
    from trio_chat.kinds.forms import Body
    from trio_chat.model.events import Event
    from trio_chat.presence.service import PresenceService
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.rooms.room import Room
    from trio_chat.store.base import Store
    from trio_chat.store.node_messages import NodeMessage, Told

LOGGER = logging.getLogger(__name__)

REPORTS_PER_DAY = 20
"""So often a person calls the moderators."""


@attrs.frozen(eq=False)
class Hub:
    """The services that connections use. Made by `open_hub`."""

    config: Config
    store: Store
    rooms: RoomRegistry
    server_id: str
    """Tells this server from others, by its log."""
    page_version: str
    """The version of the web page that is served; empty: none is."""
    people: Identities
    devices: Devices
    connected: ConnectedUsers
    list_changes: ListChanges
    presence: PresenceService
    rate_limits: RateLimits
    counts: Counts
    waiting_lines: WaitingLines
    """Of plain clients, by address: they wait for its tokens."""
    door: Door
    enforcement: Enforcement
    files: Files
    now_ms: Callable[[], int]
    """The wall clock, in milliseconds since 1970 UTC."""
    security: SecurityLog
    link_previews: LinkPreviews | None
    network_url: Callable[[], str | None]
    """The page's address for others in the server's network, as it is now; None if there is none, or a public one."""

    @property
    def file_limits(self) -> FileLimits:
        """The limits of files."""
        return file_limits(self.config)


def file_limits(config: Config) -> FileLimits:
    """The limits of files, as they are configured."""
    return FileLimits(
        file_bytes=config.max_file_bytes,
        person_bytes=config.files_per_person * MIB,
        server_bytes=config.files_quota * MIB,
        person_uploads=config.uploads_at_once,
    )


async def open_place(store: Store, config: Config) -> BlobStore:
    """The blobs where the configuration says, if it is the place in which all nodes over this store have them. Raises
    `StartError` and `StoreError`."""
    blobs = await open_blobs(config.files_place)
    await check_place(store, blobs, config.files_place)
    return blobs


@asynccontextmanager
async def open_hub(
    store: Store,
    config: Config,
    *,
    now_ms: Callable[[], int],
    network_url: Callable[[], str | None] = lambda: None,
    page_version: str = "",
    guard: Guard | None = None,
    blobs: BlobStore | None = None,
) -> AsyncIterator[Hub]:
    """The hub over ``store``, until the block is left; `open_rooms` and `open_presence` say what happens then.
    ``now_ms`` is the wall clock, ``network_url`` and ``page_version`` see `Hub`; ``guard`` makes the requests for link
    previews, by default to public addresses only; ``blobs`` are by default where the configuration says. Raises
    `StoreUnavailable`."""
    store.space.person_quota = config.person_quota * MIB
    store.space.room_quota = config.room_quota * MIB
    store.default_mode = config.default_mode

    security = SecurityLog()

    connected = ConnectedUsers()
    known = KnownChanges()
    lists = ListChanges(store, connected, known, find_room=lambda name: rooms.find(name))

    def on_access(event: Event, body: Body, is_own: bool) -> None:
        _note_access(security, event, body)
        if event.room == SERVER_ROOM:
            enforcement.apply(event, body)
        lists.event_told(event, body, is_own=is_own)

    def on_members(room: Room, people: frozenset[str]) -> None:
        presence.members_changed(room.name)
        lists.members_changed(room, people)

    door = Door(await open_addresses(store, now_ms=now_ms), now_ms=now_ms)
    enforcement = Enforcement(door, store, connected)
    server = await store.server_identity()
    async with (
        store.node_messages() as node_messages,  # from before anything is read: nothing is missed in between
        open_presence(store, connected, now_ms=now_ms) as presence,
        open_rooms(store, config, now_ms=now_ms, on_members=on_members, on_access=on_access) as rooms,
        open_files(
            config.parts_directory,
            config.workshops_directory,
            blobs or await open_blobs(config.files_place),
            store,
            rooms,
            door,
            limits=file_limits(config),
            uploads_at_once=config.uploads_at_once,
            floor_bytes=config.disk_floor * MIB,
            now_ms=now_ms,
        ) as files,
        trio.open_nursery() as nursery,
    ):
        server_room = ServerRoom(store, rooms, door, enforcement)
        await server_room.look()
        people = Identities(store, now_ms=now_ms)
        devices = Devices(
            store,
            server,
            now_ms=now_ms,
            on_logged_out=lambda person, ids: connected.cut(person, LOGGED_OUT, devices=ids),
        )
        rate_limits = RateLimits(
            rate=config.messages_per_second,
            burst=config.burst,
            address_rate=config.messages_per_second_per_address,
            address_burst=config.burst_per_address,
            new_people_per_hour=config.new_people_per_hour,
            new_people_per_address_per_hour=config.new_people_per_address_per_hour,
            searches_per_minute=config.searches_per_minute,
            searches_per_minute_per_address=config.searches_per_minute_per_address,
            daily={
                "rooms": config.rooms_per_person_per_day,
                "invitations": config.invitations_per_person_per_day,
                "conversations": config.conversations_per_person_per_day,
                "reports": REPORTS_PER_DAY,
            },
            person_quota=config.person_quota * MIB,
        )
        previews = LinkPreviews(guard or Guard(), make_thumbnail) if config.link_previews else None
        if previews is not None:
            nursery.start_soon(previews.run)
        hub = Hub(
            config,
            store,
            rooms,
            server.id,
            page_version,
            people,
            devices,
            connected,
            lists,
            presence,
            rate_limits,
            Counts(store, rate_limits, server, now_ms=now_ms),
            WaitingLines(),
            door,
            enforcement,
            files,
            now_ms,
            security,
            previews,
            network_url,
        )
        nursery.start_soon(lists.run)
        nursery.start_soon(_hear_nodes, node_messages, node_handlers(hub))
        if store.has_nodes:
            look = Look(store, connected, devices, known, lists, presence.others_blocks, now_ms=now_ms)
            nursery.start_soon(look.run)
        nursery.start_soon(_note_devices_in_use, hub)
        nursery.start_soon(people.run)
        nursery.start_soon(enforcement.run)
        nursery.start_soon(server_room.run)
        nursery.start_soon(door.addresses.run)
        nursery.start_soon(Retention(store, rooms, days=config.retention, now_ms=now_ms).run)
        yield hub
        nursery.cancel_scope.cancel()


def node_handlers(hub: Hub) -> dict[type[NodeMessage], Callable[[str, Any], object]]:
    """Who owns the subject of each kind of message between nodes: called with the node that told it and the message.
    Sync: what has to be read from the store is read by a task of the owner."""
    presence = hub.presence
    return {
        BlockChanged: presence.others_blocks.note,
        DevicesLoggedOut: lambda _node, message: hub.devices.end(message.person, message.devices),
        ListsChanged: hub.list_changes.note,
        ProfileChanged: presence.others_profiles.note,
        NodeCame: presence.nodes.hear_node,
        PeopleOnline: presence.nodes.hear_online,
        PeopleOffline: presence.nodes.hear_offline,
        RoomPeople: presence.nodes.hear_people,
        RoomMoves: presence.nodes.hear_moves,
        RoomLeft: presence.nodes.hear_left,
        TypingThere: presence.hear_typing,
        MarkersMoved: presence.others_markers.hear,
    }


async def _hear_nodes(
    messages: trio.MemoryReceiveChannel[Told],
    handlers: dict[type[NodeMessage], Callable[[str, Any], object]],
) -> None:
    """Hand on what other nodes tell, until it is cancelled."""
    async for told in messages:
        try:
            handlers[type(told.message)](told.node, told.message)
        except Exception:  # a bug; it must not end the server
            LOGGER.exception("a message of another node was not understood: %s", type(told.message))


async def _note_devices_in_use(hub: Hub) -> None:
    """Save, as often as it counts, which devices are connected: some stay so for weeks."""
    while True:
        await trio.sleep(USE_NOTED_MS / 1000)
        in_use = hub.connected.devices()
        try:
            if in_use:
                await hub.store.note_devices_used(in_use, hub.now_ms())
        except StoreError as error:
            LOGGER.error("which devices are in use could not be saved: %s", error)


def _note_access(security: SecurityLog, event: Event, body: Body) -> None:
    if isinstance(body, Role):
        security.role_changed(body.person, body.role, by=event.sender, room=event.room)
    elif isinstance(body, Restriction) and event.kind == BAN:
        until = None if body.until_ms is None else timestamp(body.until_ms)
        security.banned(body.person, by=event.sender, room=event.room, is_on=body.on, until=until)
    elif isinstance(body, Mode):
        until = None if body.quiet_until_ms is None else timestamp(body.quiet_until_ms)
        security.mode_changed(body.mode, by=event.sender, quiet_until=until)
