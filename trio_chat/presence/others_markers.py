"""Read markers that people move at other nodes.

Each node tells the others of those that it has saved, and looks now and then for what it was not told.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StoreError
from trio_chat.model.records import ReadMarker
from trio_chat.store.node_messages import MarkersMoved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from trio_chat.presence.connected import ConnectedUsers
    from trio_chat.presence.room_state import RoomState
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

IN_MESSAGE: Final = 100
AT_ONCE: Final = 500
"""So many moved markers are told at once; what is more others find by looking."""

LOOK_EACH_S: Final = 10.0
OVERLAP_S: Final = 20.0
"""So much further back it is looked than to the last time: a transaction may commit after others that began later."""

FOUND_AT_ONCE: Final = 5_000


class OthersMarkers:
    """Learns of markers of the ``rooms`` that have a state here; ``state_of`` makes one for a room that has none.
    ``on_change`` is called with each room of which `take` has something. Sync, but for `run`."""

    def __init__(
        self,
        store: Store,
        connected: ConnectedUsers,
        rooms: Mapping[str, RoomState],
        *,
        state_of: Callable[[str], RoomState],
        on_change: Callable[[str], object],
    ) -> None:
        self._store = store
        self._connected = connected
        self._rooms = rooms
        self._state_of = state_of
        self._on_change = on_change
        self._moved: dict[str, list[ReadMarker]] = {}

    def tell(self, moved: Mapping[str, Sequence[ReadMarker]]) -> None:
        """Tell other nodes of markers that are saved."""
        if not self._store.has_nodes:
            return
        left = AT_ONCE
        for room, markers in moved.items():
            few = tuple(self._state_of(room).few)
            for start in range(0, min(len(markers), left), IN_MESSAGE):
                part = markers[start : start + IN_MESSAGE]
                told = tuple((one.person, one.delivered, one.read) for one in part)
                self._store.tell_nodes(MarkersMoved(room, told, few))
            left -= len(markers)

    def hear(self, _node: str, message: MarkersMoved) -> None:
        """Note what was moved at another node, if it concerns anybody here."""
        concerned = {*message.few, *(person for person, _, _ in message.markers)}
        if message.room in self._rooms or any(person in self._connected for person in concerned):
            state = self._state_of(message.room)
            state.few = frozenset(message.few)
            self._note(state, [ReadMarker(message.room, *marker) for marker in message.markers])

    def take(self) -> dict[str, list[ReadMarker]]:
        """The markers that were moved elsewhere since the last call, by room."""
        moved, self._moved = self._moved, {}
        return moved

    async def run(self) -> None:
        """Look for markers that were moved, of rooms that are on screens here, until it is cancelled."""
        looked_s = trio.current_time()
        while True:
            await trio.sleep(LOOK_EACH_S)
            rooms = [room for room, state in self._rooms.items() if len(state.attendance)]
            began_s = trio.current_time()
            try:
                found = await self._store.moved_read_markers(
                    rooms, within_s=int(began_s - looked_s + OVERLAP_S), limit=FOUND_AT_ONCE
                )
                looked_s = began_s
                self._note_found(found)
            except StoreError as error:
                LOGGER.warning("read markers that were moved at other nodes cannot be read: %s", error)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("read markers that were moved at other nodes could not be noted")

    def _note_found(self, found: Iterable[ReadMarker]) -> None:
        by_room: dict[str, list[ReadMarker]] = {}
        for marker in found:
            by_room.setdefault(marker.room, []).append(marker)
        for room, markers in by_room.items():
            if room in self._rooms:  # else nobody looks any more
                self._note(self._rooms[room], markers)

    def _note(self, state: RoomState, markers: Sequence[ReadMarker]) -> None:
        if news := state.markers.note_elsewhere(markers):
            self._moved.setdefault(state.room, []).extend(news)
        self._on_change(state.room)  # also so that a state is dropped again that nobody needs
