"""Ephemeral state: presence, typing, read markers, changes of people. One task broadcasts it, once a second at most.

It sleeps until something has changed, saves what must be saved, and posts notices of it; what happened meanwhile is
told as one. Everything here is posted: who reads too slowly misses it, and asks again (`view`). A connection that never
watches a room costs nothing.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import StoreError
from trio_chat.model.notices import Notice, PersonChanged, PresenceChanged, ReadMarkersMoved, Typing
from trio_chat.presence.attendance import MAX_NAMED, MAX_TOLD, Attendance, Typists, may_name
from trio_chat.presence.read_markers import ReadMarkers
from trio_chat.rooms.encoding import EncodedNotices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from trio_chat.model.events import Person
    from trio_chat.model.records import ReadMarker
    from trio_chat.presence.connected import ConnectedUsers, UserConnection
    from trio_chat.rooms.room import Room
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

INTERVAL_S = 1.0
"""How often each room is told at most."""

GATHER_S = 0.2
"""How long the first change after a quiet time waits for others that happen with it."""

MAX_TYPING = 200
"""In a room on more screens than this nobody is told who is typing: somebody always is."""

POST_STEP = 1000
"""After how many posts other tasks get their turn: some 8 ms of system calls."""


@attrs.define(eq=False)
class _RoomState:
    """What is kept of a room while it is on a screen, or while something of it is to be saved."""

    markers: ReadMarkers
    attendance: Attendance[UserConnection] = attrs.field(factory=Attendance)
    typists: Typists = attrs.field(factory=Typists)
    knows_markers: bool = False
    """Whether the saved markers were read, so that all of them are known here."""
    moved_by: dict[str, UserConnection] = attrs.field(factory=dict)
    """The connection that has moved a person's marker: it need not be told."""


@attrs.frozen
class RoomPresence:
    """Presence and read markers of a room, as they are now."""

    room: str
    people: Sequence[Person]
    """The first of the people who have the room on a screen."""
    count: int
    """How many these are in all."""
    markers: Sequence[ReadMarker]
    """The read markers that moved last."""


class PresenceService:
    """Presence, typing and read markers of all rooms. Made by `open_presence`. What is not async is atomic."""

    def __init__(self, store: Store, connected: ConnectedUsers, *, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._connected = connected
        self._now_ms = now_ms
        self._rooms: dict[str, _RoomState] = {}
        self._watched: dict[UserConnection, str] = {}
        self._changed_rooms: dict[str, None] = {}
        """The rooms whose presence may have changed since it was told."""
        self._changed_people: dict[str, Person] = {}
        """Those who changed since it was told."""
        self._gone: set[str] = set()
        """Those whose last connection ended since that was saved."""
        self._posted = 0
        self._has_changed = trio.Event()
        self._learning = trio.Lock()
        connected.on_gone = self._note_gone

    # -- what is on the screens --

    async def learn(self, room: str) -> None:
        """Read the markers of a room that is about to be `watch`ed, unless they are known. Raises `StoreError`."""
        async with self._learning:  # a thousand come back at once, and one of them reads
            if room in self._rooms and self._rooms[room].knows_markers:
                return
            saved = await self._store.read_markers(room)
            state = self._state(room)
            state.markers.learn(saved)
            state.knows_markers = True
            self._note_change(room)  # or it would stay if nobody watches in the end

    def watch(self, connection: UserConnection, room: str) -> None:
        """Note that this room, and no other, is on this connection's screen. Call it directly after `learn`."""
        if self._watched.get(connection) != room:
            self.unwatch(connection)
            self._rooms[room].attendance.come(connection, connection.person.id)
            self._watched[connection] = room
            self._note_change(room)

    def unwatch(self, connection: UserConnection, room: str | None = None) -> None:
        """Note that no room is on this connection's screen, or only not this ``room``. Idempotent."""
        watched = self._watched.get(connection)
        if watched is not None and room in (None, watched):
            del self._watched[connection]
            self._rooms[watched].attendance.go(connection)
            self._note_change(watched)

    def members_changed(self, room: str) -> None:
        """Note that the members of a room changed: whoever may not hear it any more does not watch it any more."""
        if room in self._rooms:
            self._note_change(room)

    def view(self, room: str) -> RoomPresence:
        """Presence and read markers of a room that is being watched."""
        state = self._rooms[room]
        return RoomPresence(
            room,
            [state.attendance.connection_of(one).person for one in state.attendance.people()],
            state.attendance.count,
            state.markers.latest(),
        )

    def typing(self, connection: UserConnection, room: str) -> None:
        """Tell the others who watch a room, at once, that this connection's person is typing in it."""
        state = self._rooms.get(room)
        if state is None or len(state.attendance) > MAX_TYPING:
            return
        person = connection.person
        if state.typists.may_tell(person.id, trio.current_time()):
            notice = EncodedNotices([Typing(room, person)])
            for other in state.attendance:
                if other.person.id != person.id and other.hears(room):
                    other.outbox.post(notice.frames(other.encoding))

    def move_markers(self, connection: UserConnection, room: Room, *, delivered: int, read: int) -> None:
        """Note up to where this connection's person has received and read a room; never beyond its head."""
        delivered, read = min(delivered, room.head), min(read, room.head)
        if not (delivered or read):
            return
        state = self._state(room.name)
        person = connection.person.id
        if state.markers.move(person, delivered=delivered, read=read):
            state.moved_by[person] = connection
            self._has_changed.set()

    def change_person(self, person: Person) -> None:
        """Update somebody's name and looks: on all their connections at once, for everybody soon."""
        self._connected.set_person(person)
        self._changed_people[person.id] = person
        self._has_changed.set()

    def _note_gone(self, person: str) -> None:
        self._gone.add(person)
        self._has_changed.set()

    def _note_change(self, room: str) -> None:
        self._changed_rooms[room] = None
        self._has_changed.set()

    def _state(self, room: str) -> _RoomState:
        state = self._rooms.get(room)
        if state is None:
            state = self._rooms[room] = _RoomState(ReadMarkers(room))
        return state

    def _forget_if_idle(self, room: str) -> None:
        state = self._rooms.get(room)
        if state is not None and not len(state.attendance) and not state.markers.has_moved:
            del self._rooms[room]

    # -- the task --

    async def run(self) -> None:
        """Save and broadcast changes, for ever. A bug in here is logged; it must not end the server."""
        while True:
            await self._has_changed.wait()
            await trio.sleep(GATHER_S)
            self._has_changed = trio.Event()
            try:
                await self._broadcast()
            except Exception:
                LOGGER.exception("presence could not be broadcast")
            await trio.sleep(INTERVAL_S - GATHER_S)

    async def save(self) -> dict[str, list[ReadMarker]]:
        """Save the markers that moved since the last time, and who was here; the moved markers, by room.

        What cannot be saved now is saved the next time, and not told before.
        """
        moved = {
            room: state.markers.take_moved() for room, state in self._rooms.items() if state.markers.has_moved
        }
        gone = {person for person in self._gone if person not in self._connected}
        self._gone.clear()
        moves = [marker for markers in moved.values() for marker in markers]
        try:
            if moves:
                await self._store.move_read_markers(moves, self._now_ms())
                moves = []
                for room, markers in moved.items():
                    self._state(room).markers.note_saved(markers)
            if gone:
                await self._store.note_seen(gone, self._now_ms())
                gone = set()
        except StoreError as error:
            LOGGER.error("what was read, and who was here, could not be saved: %s", error)
            return {} if moves else moved
        finally:  # cancelled, perhaps
            if moves:
                for room, markers in moved.items():
                    self._state(room).markers.put_back(markers)
            self._gone |= gone
            if moves or gone:
                self._has_changed.set()
        return moved

    async def _broadcast(self) -> None:
        moved = await self.save()
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
        came, went = state.attendance.take_changes()
        watching = list(state.attendance)
        notices: list[Notice] = []
        if came or went:
            if not may_name(len(came) + len(went), len(watching)):
                came, went = [], []
            people = [state.attendance.connection_of(person).person for person in came]
            notices.append(PresenceChanged(room, state.attendance.count, people, went))
        may_name_markers = may_name(len(moved), len(watching))
        if moved and may_name_markers:
            notices.append(ReadMarkersMoved(room, moved))
        if notices:
            await self._post(watching, notices, room=room)
        await self._tell_own_devices(state, moved, room, set(watching) if may_name_markers else set())

    async def _tell_own_devices(
        self, state: _RoomState, moved: Sequence[ReadMarker], room: str, told: set[UserConnection]
    ) -> None:
        """Tell each person whose marker moved on their other connections, as far as they were not ``told`` yet."""
        for marker in moved:
            mover = state.moved_by.pop(marker.person, None)
            others = [
                connection
                for connection in self._connected.connections(marker.person)
                if connection is not mover and connection not in told
            ]
            if others:
                await self._post(others, [ReadMarkersMoved(room, [marker])], room=room)

    async def _post(
        self, connections: Iterable[UserConnection], notices: Sequence[Notice], *, room: str | None = None
    ) -> None:
        """Post notices to these connections, as far as they (still) hear the room."""
        encoded = EncodedNotices(notices)
        for connection in connections:
            if room is None or connection.hears(room):
                connection.outbox.post(encoded.frames(connection.encoding))
            self._posted += 1
            if self._posted % POST_STEP == 0:
                await trio.lowlevel.checkpoint()

    async def _broadcast_people(self) -> None:
        if not self._changed_people:
            return
        connections = self._connected.connections()
        n_told = min(MAX_TOLD, max(1, MAX_NAMED // (len(connections) or 1)))
        told = [self._changed_people.pop(person) for person in list(self._changed_people)[:n_told]]
        if self._changed_people:
            self._has_changed.set()
        await self._post(connections, [PersonChanged(person) for person in told])


@asynccontextmanager
async def open_presence(
    store: Store, connected: ConnectedUsers, *, now_ms: Callable[[], int]
) -> AsyncIterator[PresenceService]:
    """Presence, until the block is left; then what has moved is saved once more."""
    presence = PresenceService(store, connected, now_ms=now_ms)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(presence.run)
        yield presence
        nursery.cancel_scope.cancel()
    await presence.save()
