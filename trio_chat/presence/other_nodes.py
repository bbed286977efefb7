"""Presence across nodes: each tells the others who is connected to it, and who has which room on a screen there.

Changes are told about every second, everything again every 15 seconds, and at once to a node that has only begun. So
what is lost is put right soon, and what a node told ends with its lease. Where there are no others nothing is told.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import trio

from trio_chat.errors import StoreError
from trio_chat.presence.attendance import MAX_NAMES
from trio_chat.presence.elsewhere import OnlineElsewhere
from trio_chat.store.node_messages import (
    MESSAGE_BYTES,
    NodeCame,
    PeopleOffline,
    PeopleOnline,
    RoomLeft,
    RoomMoves,
    RoomPeople,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from trio_chat.model.events import Person
    from trio_chat.presence.connected import ConnectedUsers
    from trio_chat.presence.privacy import Privacy
    from trio_chat.presence.room_state import RoomState
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

_One = TypeVar("_One")

TELL_EACH_S: Final = 0.25
AGAIN_EACH_S: Final = 15.0
"""So often everything is told again."""

ANSWER_EACH_S: Final = 0.2
"""Who asks more often has to wait for the next second."""

LEASES_EACH_S: Final = 2.0
"""So often it is asked which nodes are there. One that is missing twice is gone."""

IDS_AT_ONCE: Final = 250
ROOMS_AT_ONCE: Final = 50
NAMES_AT_ONCE: Final = 150
"""So many are told again at once: some 30 kB. So of ten thousand all are within the 15 seconds."""


class OtherNodes:
    """Tells other nodes who is here, and keeps who is there. ``on_change`` is called with each room whose presence may
    have changed, ``on_lost`` with those who were at a node that is gone. Sync, but for `run`."""

    def __init__(
        self,
        store: Store,
        connected: ConnectedUsers,
        privacy: Privacy,
        rooms: Mapping[str, RoomState],
        *,
        on_change: Callable[[str], object],
        on_lost: Callable[[Iterable[str]], object],
    ) -> None:
        self._store = store
        self._connected = connected
        self._privacy = privacy
        self._rooms = rooms
        self._on_change = on_change
        self._on_lost = on_lost
        self._online = OnlineElsewhere()
        self._changed: dict[str, None] = {}
        """People who have had a connection more or less here since that was told."""
        self._to_tell_again: list[str] = []
        self._told_again_s = trio.current_time()
        self._looked_s = trio.current_time()
        self._heard: set[str] = set()
        """The nodes of which something is kept."""
        self._missing: set[str] = set()
        """Those of them that had no lease at the last look."""

    def is_online(self, person: str) -> bool:
        """Whether a person is connected to another node."""
        return self._online.has(person, trio.current_time())

    def devices(self, person: str) -> set[str]:
        """The ids of a person's devices that are connected to other nodes."""
        return self._online.devices(person, trio.current_time())

    # -- what is told --

    def note_online(self, person: str) -> None:
        """Tell soon whether a person is connected here, and with which devices."""
        if self._store.has_nodes:
            self._changed[person] = None

    def tell_room(self, state: RoomState) -> None:
        """Tell who came to a room here, and who went, since the last broadcast."""
        if not self._store.has_nodes:
            return
        came, went = state.attendance.peek_changes()
        if not len(state.attendance):
            if state.told_nodes_s is not None:
                state.told_nodes_s = None
                self._store.tell_nodes(RoomLeft(state.room))
        elif state.told_nodes_s is None:
            self._tell_people(state, asks=True)
        elif state.elsewhere.is_watched and len(came) + len(went) > MAX_NAMES:
            self._tell_people(state)
        elif state.elsewhere.is_watched and (came or went):
            self._tell_moves(state, state.people(came), went)

    def _tell_people(self, state: RoomState, *, asks: bool = False) -> None:
        state.told_nodes_s = trio.current_time()
        first, *rest = list(_parts(state.people(state.attendance.people()))) or [()]
        self._store.tell_nodes(RoomPeople(state.room, state.attendance.count, first, asks))
        for part in rest:
            self._tell_moves(state, part)

    def _tell_moves(self, state: RoomState, came: Sequence[Person], went: Sequence[str] = ()) -> None:
        room, count = state.room, state.attendance.count
        if went:
            self._store.tell_nodes(RoomMoves(room, count, (), tuple(went)))
        for part in _parts(came):
            self._store.tell_nodes(RoomMoves(room, count, part))

    # -- what is heard --

    def hear_node(self, _node: str, _message: NodeCame) -> None:
        """Tell everything again."""
        self._told_again_s = trio.current_time() - AGAIN_EACH_S
        for state in self._rooms.values():
            self._tell_soon(state)

    def hear_online(self, node: str, message: PeopleOnline) -> None:
        """Note who is connected there."""
        self._heard.add(node)
        self._online.add(node, message.people, trio.current_time())

    def hear_offline(self, node: str, message: PeopleOffline) -> None:
        """Note who is not connected there any more."""
        self._online.discard(node, message.people)

    def hear_people(self, node: str, message: RoomPeople) -> None:
        """Note who has a room on a screen there, if it is on one here."""
        state = self._watched(node, message.room)
        if state is not None:
            shown = self._shown(message.people)
            count = message.count - (len(message.people) - len(shown))
            state.elsewhere.replace(node, count, shown, trio.current_time())
            self._on_change(state.room)
            if message.asks and state.told_nodes_s is not None:
                if trio.current_time() - state.told_nodes_s >= ANSWER_EACH_S:
                    self._tell_people(state)
                else:
                    self._tell_soon(state)

    def hear_moves(self, node: str, message: RoomMoves) -> None:
        """Note who came to a room there, and who went."""
        state = self._watched(node, message.room)
        if state is not None:
            shown = self._shown(message.came)
            state.elsewhere.change(node, message.count, shown, message.went, trio.current_time())
            self._on_change(state.room)

    def hear_left(self, node: str, message: RoomLeft) -> None:
        """Note that a room is on no screen there."""
        state = self._watched(node, message.room)
        if state is not None and state.elsewhere.drop(node):
            self._on_change(state.room)

    def set_person(self, person: Person) -> None:
        """Note the name and looks that somebody has now."""
        for state in self._rooms.values():
            state.elsewhere.set_person(person)

    def hide(self, person: str) -> None:
        """Take somebody away, wherever they are, who does not want to be seen."""
        for state in self._rooms.values():
            if state.elsewhere.hide(person):
                self._on_change(state.room)

    def _watched(self, node: str, room: str) -> RoomState | None:
        state = self._rooms.get(room)
        if state is None or not len(state.attendance):
            return None
        self._heard.add(node)
        return state

    def _shown(self, people: Sequence[Person]) -> list[Person]:
        """Those who want to be seen: their node may not know yet that they do not."""
        return [person for person in people if self._privacy.shows(person.id, "seen")]

    def _tell_soon(self, state: RoomState) -> None:
        if state.told_nodes_s is not None:
            state.told_nodes_s = min(state.told_nodes_s, trio.current_time() - AGAIN_EACH_S)

    # -- the task --

    async def run(self) -> None:
        """Tell again, and look which nodes are gone, until it is cancelled. A bug in it does not end the server."""
        self._store.tell_nodes(NodeCame())
        while True:
            await trio.sleep(TELL_EACH_S)
            now_s = trio.current_time()
            try:
                self._tell_online(now_s)
                self._tell_rooms_again(now_s)
                if now_s - self._looked_s >= LEASES_EACH_S:
                    self._looked_s = now_s
                    self._age(now_s)
                    await self._look_at_leases()
            except StoreError as error:
                LOGGER.warning("which nodes are there cannot be read: %s", error)
            except Exception:
                LOGGER.exception("other nodes could not be told who is here")

    def _tell_online(self, now_s: float) -> None:
        changed = list(islice(self._changed, IDS_AT_ONCE))
        for person in changed:
            del self._changed[person]
        if now_s - self._told_again_s >= AGAIN_EACH_S:
            self._told_again_s = now_s
            self._to_tell_again = self._connected.people
        left = IDS_AT_ONCE - len(changed)
        again, self._to_tell_again = self._to_tell_again[:left], self._to_tell_again[left:]
        people = dict.fromkeys([*changed, *again])
        there = [(one, tuple(self._connected.devices(one))) for one in people if one in self._connected]
        for part in _parts(there):
            self._store.tell_nodes(PeopleOnline(part))
        for gone in _parts([one for one in people if one not in self._connected]):
            self._store.tell_nodes(PeopleOffline(gone))

    def _tell_rooms_again(self, now_s: float) -> None:
        names = NAMES_AT_ONCE
        due = (
            state
            for state in self._rooms.values()
            if state.told_nodes_s is not None and now_s - state.told_nodes_s >= AGAIN_EACH_S
        )
        for state in list(islice(due, ROOMS_AT_ONCE)):
            self._tell_people(state)
            names -= min(MAX_NAMES, state.attendance.count)
            if names <= 0:
                break

    def _age(self, now_s: float) -> None:
        self._online.age(now_s)
        for state in self._rooms.values():
            if state.elsewhere.age(now_s):
                self._on_change(state.room)

    async def _look_at_leases(self) -> None:
        live = await self._store.live_nodes()
        missing = self._heard - live
        gone, self._missing = missing & self._missing, missing
        for node in gone:
            self._heard.discard(node)
            for state in self._rooms.values():
                if state.elsewhere.drop(node):
                    self._on_change(state.room)
            lost = self._online.drop(node)
            if self._store.node == min(live, default=""):  # one for all
                self._on_lost(lost)


def _parts(people: Sequence[_One]) -> Iterator[tuple[_One, ...]]:
    """These people in as many parts as fit messages."""
    part: list[_One] = []
    size = limit = MESSAGE_BYTES - 1_000  # of a room and numbers
    for person in people:
        needs = len(msgspec.json.encode(person)) + 1
        if needs > size and part:
            yield tuple(part)
            part, size = [], limit
        part.append(person)
        size -= needs
    if part:
        yield tuple(part)
