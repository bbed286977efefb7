"""Ephemeral state: presence, typing, read markers, changed profiles. One task broadcasts it, at most once a second.

The task sleeps until something has changed, saves read markers and last-seen times, and posts notices; all changes
since the last broadcast go into one. Notices are dropped where an outbox has no space: such a client asks again
(`view`). A connection that never watches a room costs nothing.
"""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import StoreError
from trio_chat.model.notices import PersonChanged, PresenceChanged
from trio_chat.presence.attendance import MAX_NAMES, MAX_NAMES_SENT, may_name
from trio_chat.presence.blocks import OthersBlocks
from trio_chat.presence.other_nodes import OtherNodes
from trio_chat.presence.others_markers import OthersMarkers
from trio_chat.presence.posting import Posting
from trio_chat.presence.privacy import Privacy
from trio_chat.presence.profiles import OthersProfiles
from trio_chat.presence.read_markers import FEW
from trio_chat.presence.room_state import RoomChange, RoomState
from trio_chat.rooms.encoding import EncodedNotices
from trio_chat.store.node_messages import BlockChanged, ProfileChanged, TypingThere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from trio_chat.model.events import Person
    from trio_chat.model.records import Profile, ReadMarker
    from trio_chat.presence.connected import ConnectedUsers, UserConnection
    from trio_chat.presence.room_state import RoomPresence
    from trio_chat.rooms.room import Room
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

INTERVAL_S = 1.0
"""The shortest time between two broadcasts to a room."""

SHARE = 0.05
"""So much of a processor presence takes at most: telling 15,000 watchers of one who came takes half a second of it, so
the next broadcast waits ten."""

LONGEST_INTERVAL_S = 10.0

GATHER_S = 0.2
"""How long the first change after a quiet time waits, so that those which happen with it join its broadcast."""

MAX_TYPING = 200
"""A room on more screens than this gets no typing notices: somebody always is typing there."""


class PresenceService:
    """Presence, typing and read markers of all rooms. Made by `open_presence`. Sync methods are atomic."""

    def __init__(self, store: Store, connected: ConnectedUsers, *, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._connected = connected
        self._rooms: dict[str, RoomState] = {}
        self._now_ms = now_ms
        self.privacy = Privacy(store)
        self._posting = Posting(connected, self.privacy)
        self.others_markers = OthersMarkers(
            store, connected, self._rooms, state_of=self._state, on_change=self._note_change
        )
        self.others_profiles = OthersProfiles(
            store, on_privacy=self._apply_privacy, on_person=self._apply_person
        )
        self._watched: dict[UserConnection, str] = {}
        self._unseen: set[UserConnection] = set()
        """Those of them that nobody may know of, whatever their people show of themselves."""
        self._changed_rooms: dict[str, None] = {}
        """Rooms whose presence may have changed since the last broadcast."""
        self._changed_people: dict[str, Person] = {}
        """People whose profile changed since the last broadcast, by id."""
        self._offline: set[str] = set()
        """People whose last connection ended, and whose last-seen time is not saved yet."""
        self._has_changed = trio.Event()
        self._learning = trio.Lock()
        self.others_blocks = OthersBlocks(store, connected, self.privacy, self._apply_block)
        self.nodes = OtherNodes(
            store,
            connected,
            self.privacy,
            self._rooms,
            on_change=self._note_change,
            on_lost=self._note_seen,
        )
        connected.on_change = self.nodes.note_online
        connected.on_offline = self._note_offline

    # -- presence --

    async def learn(self, room: str) -> None:
        """Read the markers of a room that is about to be `watch`ed, unless all are known: other nodes move them as
        well, and what they tell of it may be lost. Raises `StoreError`."""
        asked_s = trio.current_time()
        async with self._learning:  # when a thousand come back at once, one of them reads for all who wait
            now = trio.current_time()
            state = self._rooms.get(room)
            if state is not None and state.markers_read_s >= (asked_s if self._store.has_nodes else 0.0):
                return
            saved = await self._store.read_markers(room)
            state = self._state(room)
            state.markers.learn(saved)
            state.markers_read_s = now
            self._note_change(room)  # so that the state is dropped again if no `watch` follows

    def watch(self, connection: UserConnection, room: str, *, is_shown: bool = True) -> None:
        """Note that this connection shows this room, and no other. To be called directly after `learn`.

        Unless it ``is_shown``, others do not know, and it is not told who else is there; as if the person hid that.
        """
        is_unseen = not is_shown
        is_shown = is_shown and self.privacy.shows(connection.person.id, "seen")
        if (
            self._watched.get(connection) != room
            or self._rooms[room].attendance.shows(connection) != is_shown
        ):
            self.unwatch(connection)
            self._rooms[room].attendance.add(connection, connection.person.id, is_shown=is_shown)
            self._watched[connection] = room
            self._note_change(room)
        if is_unseen:
            self._unseen.add(connection)
        else:
            self._unseen.discard(connection)

    def unwatch(self, connection: UserConnection, room: str | None = None) -> None:
        """Note that this connection shows no room, or no longer this ``room``. Idempotent."""
        watched = self._watched.get(connection)
        if watched is not None and room in (None, watched):
            del self._watched[connection]
            self._unseen.discard(connection)
            self._rooms[watched].attendance.discard(connection)
            self._note_change(watched)

    def members_changed(self, room: str) -> None:
        """Note that the members of a room changed: the next broadcast drops watchers who no longer hear it."""
        if room in self._rooms:
            self._note_change(room)

    def view(self, connection: UserConnection, room: str) -> RoomPresence:
        """Presence and read markers of a room that this connection watches, as its person is shown them."""
        return self._rooms[room].view(connection, self.privacy)

    # -- privacy --

    def is_here(self, viewer: str, profile: Profile) -> bool:
        """Whether the viewer, who is connected, is shown that a person is connected."""
        return self._is_online(profile.id) and self.privacy.sees(viewer, profile.id, "seen")

    def last_seen_ms(self, viewer: str, profile: Profile) -> int | None:
        """When a person was here last, if the viewer, who is connected, is shown it; None while they are here."""
        may_see = not self._is_online(profile.id) and self.privacy.sees(viewer, profile.id, "seen")
        return profile.seen_ms if may_see else None

    def _is_online(self, person: str) -> bool:
        return person in self._connected or self.nodes.is_online(person)

    def change_privacy(self, profile: Profile) -> None:
        """Note what a person hides now: whoever hides being here goes, for others, from where they are."""
        if self._apply_privacy(profile):
            self._store.tell_nodes(ProfileChanged(profile.id))

    def _apply_privacy(self, profile: Profile) -> bool:
        """Whether that is something else than before."""
        if not self.privacy.set_profile(profile):
            return False
        if not profile.shows_seen:
            self.nodes.hide(profile.id)
        for connection in self._connected.connections(profile.id):
            room = self._watched.get(connection)
            if room is not None:
                self.watch(connection, room, is_shown=connection not in self._unseen)
        return True

    def set_block(self, person: str, other: str, *, on: bool) -> None:
        """Note that a person blocks another one, or no longer: to each other they go, or come back, at once.
        Other nodes are told."""
        self._apply_block(person, other, on=on)
        self._store.tell_nodes(BlockChanged(person, other))

    def _apply_block(self, person: str, other: str, *, on: bool) -> None:
        self.privacy.set_block(person, other, on=on)
        for viewer, viewed in ((person, other), (other, person)):
            for connection in self._connected.connections(viewer):
                self._tell_of_one(connection, viewed)

    def _tell_of_one(self, connection: UserConnection, person: str) -> None:
        """Tell a connection whether this person is present in the room that it watches."""
        state = self._rooms.get(self._watched.get(connection, ""))
        if state is None or not state.has(person) or not connection.hears(state.room):
            return
        view = state.view(connection, self.privacy)
        is_shown = state.attendance.shows(connection) and self.privacy.sees(
            connection.person.id, person, "seen"
        )
        came, went = (state.people([person]), []) if is_shown else ([], [person])
        notice = EncodedNotices([PresenceChanged(state.room, view.count, came, went)])
        connection.outbox.post(notice.frames(connection.encoding))

    def typing(self, connection: UserConnection, room: str, *, what: str = "text") -> None:
        """Notify the other people who watch a room, at once, that this connection's person is typing in it, or
        recording a voice note (``what``: ``text`` or ``voice``)."""
        state, person = self._rooms.get(room), connection.person
        if state is not None and self.privacy.shows(person.id, "typing") and self._may_type(state, person):
            self._posting.post_typing(state, person, what)
            if state.elsewhere.is_watched or state.told_nodes_s is None:  # it is not known yet
                self._store.tell_nodes(TypingThere(room, person, what))

    def hear_typing(self, _node: str, message: TypingThere) -> None:
        """Somebody is typing at another node."""
        state = self._rooms.get(message.room)
        if state is not None and self._may_type(state, message.person):
            self._posting.post_typing(state, message.person, message.what)

    def _may_type(self, state: RoomState, person: Person) -> bool:
        return len(state.attendance) + state.elsewhere.count <= MAX_TYPING and state.typists.may_notify(
            person.id, trio.current_time()
        )

    def move_markers(self, connection: UserConnection, room: Room, *, delivered: int, read: int) -> None:
        """Move the read marker of this connection's person up to these numbers, but never beyond the head."""
        delivered, read = min(delivered, room.head), min(read, room.head)
        if not (delivered or read):
            return
        state = self._state(room.name)
        access = room.access
        is_few = not access.is_public and access.n_members <= FEW
        state.few = access.members - access.asked if is_few else frozenset()
        person = connection.person.id
        if state.markers.move(person, delivered=delivered, read=read):
            state.moved_by[person] = connection
            self._has_changed.set()

    def change_person(self, person: Person) -> None:
        """Update a person's name and looks: on their own connections at once, for others with the next broadcast, and
        soon on other nodes."""
        self._apply_person(person)
        self._store.tell_nodes(ProfileChanged(person.id))

    def _apply_person(self, person: Person) -> None:
        self.others_profiles.know(person)
        self._connected.set_person(person)
        self.nodes.set_person(person)
        self._changed_people[person.id] = person
        self._has_changed.set()

    def _note_offline(self, person: str) -> None:
        self.privacy.forget_blocks(person)
        self._note_seen([person])

    def _note_seen(self, people: Iterable[str]) -> None:
        """Save soon that these people were here until now."""
        self._offline.update(people)
        self._has_changed.set()

    def _note_change(self, room: str) -> None:
        self._changed_rooms[room] = None
        self._has_changed.set()

    def _state(self, room: str) -> RoomState:
        state = self._rooms.get(room)
        if state is None:
            state = self._rooms[room] = RoomState(room)
        return state

    def _forget_if_idle(self, room: str) -> None:
        state = self._rooms.get(room)
        if state is not None and state.is_idle:
            del self._rooms[room]

    # -- the task --

    async def run(self) -> None:
        """Save and broadcast changes, for ever. A bug in it is logged, and does not end the server."""
        while True:
            await self._has_changed.wait()
            await trio.sleep(GATHER_S)
            self._has_changed = trio.Event()
            began_s = time.thread_time()
            try:
                await self._broadcast()
            except Exception:
                LOGGER.exception("presence could not be broadcast")
            spent_s = time.thread_time() - began_s
            await trio.sleep(min(max(INTERVAL_S - GATHER_S, spent_s / SHARE), LONGEST_INTERVAL_S))

    async def save(self) -> dict[str, list[ReadMarker]]:
        """Save the read markers that moved since the last call, and last-seen times; the saved markers, by room.

        What cannot be saved now is saved the next time, and not broadcast before.
        """
        moved = await self._save_markers()
        await self._save_last_seen()
        return moved

    async def _save_markers(self) -> dict[str, list[ReadMarker]]:
        moved = {
            room: state.markers.take_moved() for room, state in self._rooms.items() if state.markers.has_moved
        }
        if not moved:
            return {}
        is_saved = False
        try:
            markers = [marker for of_room in moved.values() for marker in of_room]
            await self._store.move_read_markers(markers, self._now_ms())
            is_saved = True
        except StoreError as error:
            LOGGER.error("read markers could not be saved: %s", error)
        finally:  # cancelled, perhaps
            for room, markers in moved.items():
                if is_saved:
                    self._state(room).markers.note_saved(markers)
                else:
                    self._state(room).markers.put_back(markers)
                    self._has_changed.set()
        return moved if is_saved else {}

    async def _save_last_seen(self) -> None:
        offline = {person for person in self._offline if person not in self._connected}
        self._offline.clear()
        if not offline:
            return
        is_saved = False
        try:
            await self._store.note_seen(offline, self._now_ms())
            is_saved = True
        except StoreError as error:
            LOGGER.error("last-seen times could not be saved: %s", error)
        finally:
            if not is_saved:
                self._offline |= offline
                self._has_changed.set()

    async def _broadcast(self) -> None:
        moved = await self.save()
        self.others_markers.tell(moved)
        for room, markers in self.others_markers.take().items():
            moved[room] = [*moved.get(room, []), *markers]
        changed, self._changed_rooms = dict.fromkeys([*self._changed_rooms, *moved]), {}
        for room in changed:
            await self._broadcast_room(room, moved.get(room, []))
            self._forget_if_idle(room)
        await self._broadcast_people()

    async def _broadcast_room(self, room: str, moved: Sequence[ReadMarker]) -> None:
        state = self._rooms.get(room)
        if state is None:
            return
        for connection in state.attendance:
            if not connection.hears(room):
                self.unwatch(connection)
        self.nodes.tell_room(state)  # before the changes are taken
        came, went, is_recounted = state.take_changes()
        watching = list(state.attendance)
        may_name_markers = may_name(len(moved), len(watching))
        shown = [one for one in moved if may_name_markers and self.privacy.shows(one.person, "receipts")]
        is_named = may_name(len(came) + len(went), len(watching))
        change = RoomChange(state, came, went, is_named, is_recounted, shown)
        if came or went or is_recounted or shown:
            await self._posting.post_change(watching, change)
        notified = set(watching) if may_name_markers else set()
        if shown:
            notified |= await self._posting.post_to_few(state, shown, notified)
        await self._posting.post_to_own_devices(state, moved, notified)

    async def _broadcast_people(self) -> None:
        if not self._changed_people:
            return
        connections = self._connected.connections()
        n_people = min(MAX_NAMES, max(1, MAX_NAMES_SENT // (len(connections) or 1)))
        people = [self._changed_people.pop(person) for person in list(self._changed_people)[:n_people]]
        if self._changed_people:
            self._has_changed.set()
        await self._posting.post(connections, EncodedNotices([PersonChanged(person) for person in people]))


@asynccontextmanager
async def open_presence(
    store: Store, connected: ConnectedUsers, *, now_ms: Callable[[], int]
) -> AsyncIterator[PresenceService]:
    """The presence service, running until the block is left; read markers and last-seen times are saved a last time
    then. Raises `StoreError` if what people hide cannot be read."""
    presence = PresenceService(store, connected, now_ms=now_ms)
    await presence.privacy.learn()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(presence.run)
        if store.has_nodes:
            nursery.start_soon(presence.others_profiles.run)
            nursery.start_soon(presence.others_blocks.run)
            nursery.start_soon(presence.nodes.run)
            nursery.start_soon(presence.others_markers.run)
        yield presence
        nursery.cancel_scope.cancel()
    await presence.save()
