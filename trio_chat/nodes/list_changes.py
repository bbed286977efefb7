"""Changes of lists of rooms: who is connected is told of each, whichever node it was made at.

They follow from events. Of a room that is open here they are told when the event was fanned out; of others when the
node at which it was written says so (`ListsChanged`), or the look finds it (`trio_chat.nodes.look`).
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.errors import StoreError
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.rooms import Created, Membership
from trio_chat.kinds.standing import BAN
from trio_chat.model.notices import Requested, RoomListed, RoomUnlisted
from trio_chat.model.records import EventPlace
from trio_chat.store.node_messages import ListsChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_chat.kinds.forms import Body
    from trio_chat.model.events import Event
    from trio_chat.nodes.known import KnownChanges
    from trio_chat.presence.connected import ConnectedUsers
    from trio_chat.rooms.room import Room
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

RETRY_S: Final = 1.0
"""So long a store that cannot be read is left alone."""


@attrs.frozen
class _Change:
    """A change of the list of one person."""

    person: str
    room: str
    open_room: Room | None = None
    """The room, if it is open here, and the event was fanned out."""
    is_member: bool = True


class ListChanges:
    """Tells those who are connected of changes of their lists. `run` is its task; all else is sync.

    ``find_room`` gives the room of a name if it is open.
    """

    def __init__(
        self,
        store: Store,
        connected: ConnectedUsers,
        known: KnownChanges,
        *,
        find_room: Callable[[str], Room | None],
    ) -> None:
        self._store = store
        self._connected = connected
        self._known = known
        self._find_room = find_room
        # Not bounded: each change of members is an event in a log, and logging it takes longer than announcing it.
        self._send, self._receive = trio.open_memory_channel[_Change](math.inf)

    def event_told(self, event: Event, body: Body, *, is_own: bool) -> None:
        """Note that an event was fanned out here, which changes the list of somebody, perhaps; if it was written here
        (``is_own``), other nodes are told."""
        people = people_named(event.kind, body) if self._store.has_nodes else ()
        if people:
            place = EventPlace(event.at_ms, event.room, event.seq)
            self._known.add(place)
            if is_own:
                self._store.tell_nodes(ListsChanged(*place, people))

    def members_changed(self, room: Room, people: Iterable[str]) -> None:
        """Tell these people soon, as far as they are connected: in a room that is open here they became members, are no
        longer, or are (no longer) asked to."""
        for person in people:
            if person in self._connected:
                is_member = room.access.role_of(person) is not None
                self._connected.membership_changed(room.name, person, is_member=is_member)
                self._send.send_nowait(_Change(person, room.name, room, is_member))

    def note(self, _node: str, message: ListsChanged) -> None:
        """Tell people soon of what another node wrote, unless the event will be, or was, fanned out here."""
        room = self._find_room(message.room)
        place = EventPlace(message.at_ms, message.room, message.seq)
        if (room is None or room.head >= message.seq) and self._known.add(place):
            for person in message.people:
                if person in self._connected:
                    self._connected.membership_changed(message.room, person, is_member=True)
                    self._send.send_nowait(_Change(person, message.room))

    async def run(self) -> None:
        """Tell people of changes, until cancelled."""
        async for change in self._receive:
            await self._tell(change)

    async def _tell(self, change: _Change) -> None:
        while change.person in self._connected:  # who comes later reads their list
            try:
                await self._announce(change)
            except StoreError as error:
                LOGGER.error("%s cannot be told of the room %s yet: %s", change.person, change.room, error)
                await trio.sleep(RETRY_S)
                continue
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("%s could not be told of the room %s", change.person, change.room)
            return

    async def _announce(self, change: _Change) -> None:
        """Notify all connections of a person that a room was added to their list, or removed from it."""
        person, name, room = change.person, change.room, change.open_room
        if not change.is_member:
            self._connected.notify(person, RoomUnlisted(name))
            return
        listings = await self._store.listing(person, only=name)
        requests = [] if listings else await self._store.requests(person, only=name)
        for listing in listings or requests:
            others = [] if listing.other is None else await self._store.people([listing.other])
            # Else they left while that was read, and the next change says so.
            if room is None or room.access.role_of(person):
                notice = RoomListed if listings else Requested
                self._connected.notify(person, notice(listing, others[0] if others else None))
        if room is None and not (listings or requests):
            self._connected.membership_changed(name, person, is_member=False)
            self._connected.notify(person, RoomUnlisted(name))


def people_named(kind: str, body: Body) -> tuple[str, ...]:
    """The ids of those whose lists an event of this kind may have changed. (Those of the server room know it from that
    room, which every node follows.)"""
    match body:
        case Created(members=members):
            return tuple(who.id for who in members)
        case Membership(person=person):
            return (person.id,)
        case Restriction(person=person_id) if kind == BAN:
            return (person_id,)
    return ()
