"""Telling what is beside the logs: who is here, who is writing, how far everybody has come, and who changed how.

One task for the whole server. It sleeps until there is something to tell, and then tells it, at most once in
`INTERVAL_S`; what moved meanwhile is told as one. Marks are told after they were saved. Everything here is posted: who
reads too slowly misses it, and asks again (`watch`, `people`). A connection that never watches costs nothing.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import StoreError
from trio_chat.kinds import bodies
from trio_chat.presence.attendance import MAX_NAMED, MAX_TOLD, Attendance, Marks, Typists, may_name
from trio_chat.protocol.encoding import encode_answer
from trio_chat.protocol.replies import MarkOf, PersonChanged, Presence, TypingIn, Watching, user_of
from trio_chat.protocol.replies import Marks as MarksMoved

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
"""How long the first thing after a quiet time waits for others that happen with it."""

MAX_TYPING = 200
"""In a room on more screens than this nobody is told who is writing: somebody always is."""

POST_STEP = 1000
"""After how many posts others get their turn: some 8 ms of system calls."""


@attrs.define(eq=False)
class _Room:
    """What is kept of a room as long as it is on a screen, or something is still to be saved."""

    marks: Marks
    attendance: Attendance[UserConnection] = attrs.field(factory=Attendance)
    typists: Typists = attrs.field(factory=Typists)
    knows_marks: bool = False
    """Whether the saved marks were read, so that all of them are known here."""
    marked_by: dict[str, UserConnection] = attrs.field(factory=dict)
    """The connection that has moved a person's mark: it knows."""


class PresenceService:
    """What is beside the logs of all rooms. Made by `open_presence`. What is not async is atomic."""

    def __init__(self, store: Store, connected: ConnectedUsers, *, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._connected = connected
        self._now_ms = now_ms
        self._rooms: dict[str, _Room] = {}
        self._watched: dict[UserConnection, str] = {}
        self._stirred: dict[str, None] = {}
        """The rooms where somebody came or went."""
        self._people: dict[str, Person] = {}
        """Those who changed, and nobody was told yet."""
        self._gone: set[str] = set()
        self._posted = 0
        self._news = trio.Event()
        self._learning = trio.Lock()
        connected.on_gone = self._note_gone

    # -- what is on the screens --

    async def learn(self, room: str) -> None:
        """Read the marks of a room that somebody is about to `watch`, unless they are known. Raises `StoreError`."""
        async with self._learning:  # a thousand come back at once, and one of them reads
            if room in self._rooms and self._rooms[room].knows_marks:
                return
            saved = await self._store.read_markers(room)
            record = self._record(room)
            record.marks.learn(saved)
            record.knows_marks = True
            self._stir(room)  # or it would stay if nobody watches in the end

    def watch(self, device: UserConnection, room: str) -> None:
        """The room is on this screen, and no other is. Call it directly after `learn`."""
        if self._watched.get(device) != room:
            self.stop(device)
            self._rooms[room].attendance.come(device, device.person.id)
            self._watched[device] = room
            self._stir(room)

    def stop(self, device: UserConnection) -> None:
        """No room is on this screen. Idempotent."""
        room = self._watched.pop(device, None)
        if room is not None:
            self._rooms[room].attendance.go(device)
            self._stir(room)

    def leave(self, device: UserConnection, room: str) -> None:
        """This connection hears the room no more, so it does not show it either."""
        if self._watched.get(device) == room:
            self.stop(device)

    def members_changed(self, room: str) -> None:
        """Who is a member has changed: whoever may not hear the room any more does not watch it any more."""
        if room in self._rooms:
            self._stir(room)

    def view(self, command_id: str, room: str) -> Watching:
        """What somebody who begins to watch a room is told."""
        record = self._rooms[room]
        return Watching(
            command_id,
            room,
            here=[user_of(record.attendance.connection_of(one).person) for one in record.attendance.people()],
            count=record.attendance.count,
            marks=_marks(record.marks.latest()),
        )

    def typing(self, device: UserConnection, room: str) -> None:
        """Somebody is writing something: tell who has the room on the screen, at once."""
        record = self._rooms.get(room)
        if record is None or len(record.attendance) > MAX_TYPING:
            return
        person = device.person
        if record.typists.may_tell(person.id, trio.current_time()):
            frame = encode_answer(TypingIn(room, bodies.Who(person.id, person.name)))
            for other in record.attendance:
                if other.person.id != person.id and other.hears(room):
                    other.outbox.post(frame)

    def mark(self, device: UserConnection, room: Room, *, delivered: int, read: int) -> None:
        """Somebody has received, or read, everything up to here; nobody gets beyond the head."""
        delivered, read = min(delivered, room.head), min(read, room.head)
        if not (delivered or read):
            return
        record = self._record(room.name)
        person = device.person.id
        if record.marks.move(person, delivered=delivered, read=read):
            record.marked_by[person] = device
            self._news.set()

    def change(self, person: Person) -> None:
        """Somebody is called or looks otherwise: on all their connections at once, for everybody soon."""
        self._connected.change(person)
        self._people[person.id] = person
        self._news.set()

    def _note_gone(self, person: str) -> None:
        self._gone.add(person)
        self._news.set()

    def _record(self, room: str) -> _Room:
        record = self._rooms.get(room)
        if record is None:
            record = self._rooms[room] = _Room(Marks(room))
        return record

    def _forget_if_idle(self, room: str) -> None:
        record = self._rooms.get(room)
        if record is not None and not len(record.attendance) and not record.marks.has_moved:
            del self._rooms[room]

    def _stir(self, room: str) -> None:
        self._stirred[room] = None
        self._news.set()

    # -- the task --

    async def run(self) -> None:
        """Save and tell, for ever. A bug in here is logged; it must not end the server."""
        while True:
            await self._news.wait()
            await trio.sleep(GATHER_S)
            self._news = trio.Event()
            try:
                await self._tell()
            except Exception:
                LOGGER.exception("what is beside the log could not be told")
            await trio.sleep(INTERVAL_S - GATHER_S)

    async def save(self) -> dict[str, list[ReadMarker]]:
        """Save what moved since the last time, and who was here; the marks that moved, by room.

        What cannot be saved now is saved the next time, and not told before.
        """
        moved = {
            room: record.marks.take_moved() for room, record in self._rooms.items() if record.marks.has_moved
        }
        gone = {person for person in self._gone if person not in self._connected}
        self._gone.clear()
        moves = [mark for marks in moved.values() for mark in marks]
        try:
            if moves:
                await self._store.move_read_markers(moves, self._now_ms())
                moves = []
                for room, marks in moved.items():
                    self._record(room).marks.note_saved(marks)
            if gone:
                await self._store.note_seen(gone, self._now_ms())
                gone = set()
        except StoreError as error:
            LOGGER.error("what was read, and who was here, could not be saved: %s", error)
            return {} if moves else moved
        finally:  # cancelled, perhaps
            if moves:
                for room, marks in moved.items():
                    self._record(room).marks.put_back(marks)
            self._gone |= gone
            if moves or gone:
                self._news.set()
        return moved

    async def _tell(self) -> None:
        moved = await self.save()
        stirred, self._stirred = [*self._stirred, *(room for room in moved if room not in self._stirred)], {}
        for room in stirred:
            await self._tell_of_room(room, moved.get(room, []))
            self._forget_if_idle(room)
        await self._tell_of_people()

    async def _tell_of_room(self, room: str, moved: Sequence[ReadMarker]) -> None:
        record = self._rooms.get(room)
        if record is None:
            return
        for device in record.attendance:
            if not device.hears(room):
                self.stop(device)
        came, went = record.attendance.take_changes()
        watching = list(record.attendance)
        frames = b""
        if came or went:
            if not may_name(len(came) + len(went), len(watching)):
                came, went = [], []
            users = tuple(user_of(record.attendance.connection_of(person).person) for person in came)
            frames += encode_answer(Presence(room, record.attendance.count, users, tuple(went)))
        are_marks_told = may_name(len(moved), len(watching))
        if moved and are_marks_told:
            frames += encode_answer(MarksMoved(room, _marks(moved)))
        if frames:
            await self._post(watching, frames, room=room)
        told = set(watching) if are_marks_told else set()
        for mark in moved:
            knows = record.marked_by.pop(mark.person, None)
            others = [
                device
                for device in self._connected.devices(mark.person)
                if device is not knows and device not in told
            ]
            if others:
                await self._post(others, encode_answer(MarksMoved(room, _marks([mark]))), room=room)

    async def _post(
        self, devices: Iterable[UserConnection], frames: bytes, *, room: str | None = None
    ) -> None:
        """Tell these, as far as they (still) hear the room."""
        for device in devices:
            if room is None or device.hears(room):
                device.outbox.post(frames)
            self._posted += 1
            if self._posted % POST_STEP == 0:
                await trio.lowlevel.checkpoint()

    async def _tell_of_people(self) -> None:
        if not self._people:
            return
        devices = self._connected.devices()
        n_told = min(MAX_TOLD, max(1, MAX_NAMED // (len(devices) or 1)))
        told = [self._people.pop(person) for person in list(self._people)[:n_told]]
        if self._people:
            self._news.set()
        await self._post(devices, b"".join(encode_answer(PersonChanged(user_of(person))) for person in told))


def _marks(marks: Iterable[ReadMarker]) -> tuple[MarkOf, ...]:
    return tuple(MarkOf(mark.person, mark.delivered, mark.read) for mark in marks)


@asynccontextmanager
async def open_presence(
    store: Store, connected: ConnectedUsers, *, now_ms: Callable[[], int]
) -> AsyncIterator[PresenceService]:
    """What is beside the logs, until the block is left; then what has moved is saved once more."""
    presence = PresenceService(store, connected, now_ms=now_ms)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(presence.run)
        yield presence
        nursery.cancel_scope.cancel()
    await presence.save()
