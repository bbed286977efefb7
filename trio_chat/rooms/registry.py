"""The registry of open rooms: a room is opened when a gateway asks for it, and closed when it was idle for a minute."""

from __future__ import annotations

import logging
import math
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import INTERNAL_ERROR, StartError, StoreError, StoreUnavailable
from trio_chat.kinds.facts import LOBBY, PERSONAL_ROOM, kind_of_new, no_such_room, personal_room
from trio_chat.rooms.access import RoomAccess
from trio_chat.rooms.cursors import Cursor, Start
from trio_chat.rooms.lag import LagWatch
from trio_chat.rooms.places import ALWAYS_OPEN, Places
from trio_chat.rooms.room import CATCH_UP_S, Room
from trio_chat.rooms.subscribers import NotDense

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from trio_chat.config.config import Config
    from trio_chat.kinds.forms import Body
    from trio_chat.model.events import Event
    from trio_chat.net.outbox import Outbox
    from trio_chat.rooms.encoding import Encoding
    from trio_chat.rooms.subscribers import Subscription
    from trio_chat.store.base import Store
    from trio_chat.store.hints import Hint

LOGGER = logging.getLogger(__name__)

LOOKED_AT_ONCE = 500
"""The positions of so many rooms are read at a time."""

IDLE_S = 60.0
"""How long an idle room stays open: longer than a page takes to reload."""

_NOTHING_SEEN = Cursor()


class RoomRegistry:
    """All open rooms, by name. Made by `open_rooms`, which owns their tasks."""

    def __init__(
        self,
        rooms_nursery: trio.Nursery,
        store: Store,
        config: Config,
        now_ms: Callable[[], int],
        on_members: Callable[[Room, frozenset[str]], object],
        on_access: Callable[[Event, Body, bool], object],
        *,
        proof_key: bytes,
    ) -> None:
        self._rooms_nursery = rooms_nursery
        self._store = store
        self._proof_key = proof_key
        self._config = config
        self._now_ms = now_ms
        self._on_members = on_members
        self._on_access = on_access
        self._rooms: dict[str, Room] = {}
        self._last_used: dict[str, float] = {}
        """When each room was asked for."""
        self._places = Places(config.max_open_rooms, on_close=lambda room: self._close(room.name))
        self._opening: dict[str, trio.Event] = {}
        """Rooms that are being opened, each with an event that is set when that has ended. They are opened
        concurrently: when all clients reconnect, the store reads many in one go."""
        self._missed: set[str] = set()
        """Those of them for which a hint came: what is being read may be older."""
        self.lag_watch = LagWatch(trio.current_time())
        """How far the rooms are behind the log."""

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    async def get(self, name: str) -> Room:
        """The open room of this (normalised) name, to be used before the next checkpoint: after that it may be closed.

        Raises `Refused` when too many rooms are in use and this one has no members, `StoreUnavailable` when its log
        cannot be read.
        """
        while name not in self._rooms:
            opening = self._opening.get(name)
            if opening is None:
                await self._open(name)
            else:
                await opening.wait()  # if that failed, we try it ourselves
        self._last_used[name] = trio.current_time()
        return self._rooms[name]

    def find(self, name: str) -> Room | None:
        """The room of this (normalised) name if it is open."""
        return self._rooms.get(name)

    async def subscribe(
        self,
        name: str,
        *,
        person: str | None,
        cursor: Cursor | None,
        outbox: Outbox,
        encoding: Encoding,
        replacing: Subscription | None = None,
        since: float = -math.inf,
        on_start: Callable[[Start], object] | None = None,
    ) -> Subscription:
        """Register an outbox in the room of this (normalised) name, which is opened if need be. To join and to resume.

        With a cursor all events after it are posted, or the latest page if that is not possible (a reset); without one
        only new events. ``on_start`` is called when the start is known, before any event: frames that it posts come
        first. ``replacing`` is an earlier subscription of this outbox to the room, which ends. Whatever anybody could
        know to be in the log at the moment ``since`` of trio's clock is in the room then, a deletion as well.

        A cursor beyond the end of the log, with its proof, begins a new epoch of the room (`Room.must_begin_epoch`).
        What only this room does not know yet, it reads first: nobody is refused, or told a reset, because another node
        was faster.

        Raises `Refused` (``no_such_room``) for a person (None: a plain client) who may not hear the room, and what
        `get` raises. When it raises, ``replacing`` may have ended.
        """
        claim = cursor or _NOTHING_SEEN
        if kind_of_new(name) == PERSONAL_ROOM and name != personal_room(person or ""):
            raise no_such_room()
        has_looked = False
        while True:
            room = await self.get(name)
            may_hear = room.may_hear(person)
            is_fresh = not self._store.has_nodes or room.looked_at > since
            if not (has_looked or (may_hear and is_fresh and claim.is_known_at(room.position))):
                await room.catch_up()
                has_looked = True
                continue
            if not may_hear:
                if room.is_empty and room.is_idle and name not in ALWAYS_OPEN:
                    self._close(name)  # it was opened in vain
                raise no_such_room()
            self._places.check(room)
            if not room.must_begin_epoch(claim):
                break
            if replacing is not None:  # it starts afresh by this call: its connection need not end for that
                replacing.leave()
            await room.begin_epoch(seen=claim.after)
        # No checkpoint from here on, so that the events directly follow the start that `on_start` was given.
        if replacing is not None:
            replacing.leave()
        after, is_reset = room.head, False
        if cursor is not None:
            config = self._config
            after, is_reset = claim.resume(room.position, page_size=config.page_size, max_gap=config.max_gap)
        if on_start is not None:
            on_start(Start(room.position, after, is_reset, room.prover.prove(after)))
        return room.subscribe(outbox, encoding, person=person, after=after)

    async def look_at(self, names: Iterable[str], *, since: float) -> None:
        """Have those of these rooms that are open fan out what their logs have, unless they did after the moment
        ``since`` of trio's clock: all at once, before many are subscribed to. Raises `StoreError` if it cannot be read
        where the logs are."""
        open_ones = (room for name in names if (room := self._rooms.get(name)) is not None)
        behind = [room for room in open_ones if room.looked_at <= since] if self._store.has_nodes else []
        if len(behind) > 1:
            before, asked_at = [room.epoch for room in behind], trio.current_time()
            positions = await self._store.positions([room.name for room in behind])
            for room in behind:
                room.heed(positions[room.name])
            with trio.move_on_after(CATCH_UP_S):
                for room, epoch in zip(behind, before, strict=True):
                    with suppress(StoreError):  # who subscribes to it looks again
                        await room.reach(positions[room.name], epoch, asked_at=asked_at)

    async def may_hear(self, name: str, person: str) -> bool:
        """Whether this person may hear the room of this (normalised) name now. Opens none. Raises `StoreError`."""
        if kind_of_new(name) == PERSONAL_ROOM and name != personal_room(person):
            return False
        room = self._rooms.get(name)
        if room is not None:
            if not room.may_hear(person):
                await room.catch_up()
            return room.may_hear(person)
        access = RoomAccess(name, await self._store.state(name), now_ms=self._now_ms)
        return access.may_hear(person)

    async def _open(self, name: str) -> None:
        self._opening[name] = is_over = trio.Event()
        asked_at = trio.current_time()
        try:
            state = await self._store.state(name)
        finally:
            del self._opening[name]
            has_missed = name in self._missed
            self._missed.discard(name)
            is_over.set()
        room = Room(
            name,
            state,
            self._store,
            proof_key=self._proof_key,
            inbox_messages=self._config.inbox_messages,
            pause_max_s=self._config.fan_out_pause_max_s,
            now_ms=self._now_ms,
            looked_at=asked_at,
            on_wake=self._places.wake,
            on_start=self._start,
            on_begun=self._places.sort,
            on_idle=self._places.note_idle,
            on_members=self._members_changed,
            on_access=self._on_access,
        )
        self._places.open(room)
        self._rooms[name] = room
        if has_missed:
            room.hint()

    def _start(self, room: Room) -> None:
        """Start the broadcaster of a room."""
        self._rooms_nursery.start_soon(self._run, room, name=f"room {room.name}")

    def _members_changed(self, room: Room, people: frozenset[str]) -> None:
        self._places.sort(room)
        self._on_members(room, people)

    def _close(self, name: str) -> None:
        self._forget(name).inbox.close()

    def _forget(self, name: str) -> Room:
        del self._last_used[name]
        room = self._rooms.pop(name)
        self._places.discard(room)
        self.lag_watch.forget(name)
        return room

    async def _run(self, room: Room) -> None:
        """One room's task. A bug in it ends this room, whose clients come back to a new one, and not the server."""
        try:
            await room.broadcast()
        except NotDense as lost:
            LOGGER.error("the log lost events, and the connections of a room are ended (NotDense): %s", lost)
            room.disconnect_all(INTERNAL_ERROR)
        except Exception:
            LOGGER.exception("the broadcaster of room %s failed; its connections are ended", room.name)
            room.disconnect_all(INTERNAL_ERROR)
        finally:
            if self._rooms.get(room.name) is room:
                self._forget(room.name)

    async def drain(self) -> None:
        """Seal all rooms, and wait until everything in their inboxes is logged and fanned out."""
        async with trio.open_nursery() as nursery:
            for room in self:
                room.inbox.seal()
                nursery.start_soon(room.inbox.flush)

    async def follow(self, hints: trio.MemoryReceiveChannel[Hint]) -> None:
        """Have rooms look at the log where hints say so, until the channel ends. Rooms that are not open need none:
        they are opened from the log."""
        async for hint in hints:
            if hint.room is None:
                await self._look_at_all()
            elif hint.room in self._opening:
                self._missed.add(hint.room)
            elif (room := self._rooms.get(hint.room)) is not None:
                room.hint(hint.seq, hint.events)

    async def _look_at_all(self) -> None:
        """Have those rooms look at the log that are not where it is."""
        self._missed.update(self._opening)
        names = list(self._rooms)
        for start in range(0, len(names), LOOKED_AT_ONCE):
            try:
                positions = await self._store.positions(names[start : start + LOOKED_AT_ONCE])
            except StoreUnavailable as error:  # the next hint of this kind comes soon
                LOGGER.warning("where the logs of the rooms are cannot be read: %s", error)
                return
            for name, position in positions.items():
                if (room := self._rooms.get(name)) is not None:
                    room.heed(position)
                    self.lag_watch.compare(room, position, trio.current_time())
        self.lag_watch.looked_at_s = trio.current_time()

    async def run_housekeeping(self) -> None:
        """Close rooms that were idle for `IDLE_S`, and let the others drop old events from memory, for ever."""
        while True:
            await trio.sleep(IDLE_S)
            await self._close_idle()
            for room in self:
                room.subscribers.age()
                await trio.lowlevel.checkpoint()

    async def _close_idle(self) -> None:
        now = trio.current_time()
        for name, room in list(self._rooms.items()):
            is_open = self._rooms.get(name) is room and name not in ALWAYS_OPEN
            if is_open and room.is_idle and now - self._last_used[name] >= IDLE_S:
                self._close(name)
            await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close all rooms: each broadcaster ends when its inbox is empty."""
        for room in self:
            room.inbox.close()


@asynccontextmanager
async def open_rooms(
    store: Store,
    config: Config,
    *,
    now_ms: Callable[[], int],
    on_members: Callable[[Room, frozenset[str]], object] = lambda room, members: None,
    on_access: Callable[[Event, Body, bool], object] = lambda event, body, is_own: None,
) -> AsyncIterator[RoomRegistry]:
    """The rooms over ``store``, with those open that always are (`ALWAYS_OPEN`). ``now_ms`` is the wall clock; for
    ``on_members`` and ``on_access`` see `Room`.

    Leaving the block closes the inboxes and waits until everything in them is settled. When cancelled, the broadcasters
    stop at once. Raises `StartError` if one of those rooms cannot be read.
    """
    # Hints come from before the first room is read: nothing is missed in between.
    async with store.hints() as hints, trio.open_nursery() as rooms_nursery:
        name = LOBBY
        try:
            proof_key = await store.proof_key()
            rooms = RoomRegistry(
                rooms_nursery, store, config, now_ms, on_members, on_access, proof_key=proof_key
            )
            for name in ALWAYS_OPEN:
                await rooms.get(name)
        except StoreUnavailable as error:
            raise StartError(
                f"The {'' if name == LOBBY else 'room '}{name} cannot be read. {error} Check the disk, and run verify; "
                "if the log is damaged, restore it from a backup."
            ) from error
        async with trio.open_nursery() as housekeeping:
            housekeeping.start_soon(rooms.run_housekeeping)
            housekeeping.start_soon(rooms.follow, hints)
            yield rooms
            housekeeping.cancel_scope.cancel()
        rooms.close()
