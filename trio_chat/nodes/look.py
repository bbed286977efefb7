"""The look: what other nodes decided about those who are connected here is found in the store, if no message came.

It costs what has happened, not how many rooms there are; but for devices, of which it asks which are gone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StoreError
from trio_chat.kinds.personal import Block
from trio_chat.kinds.table import read_body
from trio_chat.model.records import EventPlace
from trio_chat.nodes.list_changes import people_named
from trio_chat.store.node_messages import BlockChanged, ListsChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_chat.model.events import Event
    from trio_chat.nodes.known import KnownChanges
    from trio_chat.nodes.list_changes import ListChanges
    from trio_chat.people.devices import Devices
    from trio_chat.presence.blocks import OthersBlocks
    from trio_chat.presence.connected import ConnectedUsers
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

LOOK_EACH_S: Final = 5.0

MARGIN_MS: Final = 60_000
"""What was written so long before the last look is looked at again: commits take a while."""

DEVICES_AT_ONCE: Final = 1_000
PLACES_AT_ONCE: Final = 1_000


class Look:
    """Looks for what other nodes decided. `run` is its task, where the store has other nodes."""

    def __init__(
        self,
        store: Store,
        connected: ConnectedUsers,
        devices: Devices,
        known: KnownChanges,
        lists: ListChanges,
        blocks: OthersBlocks,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._connected = connected
        self._devices = devices
        self._known = known
        self._lists = lists
        self._blocks = blocks
        self._now_ms = now_ms
        self._looked_ms = now_ms()

    async def run(self) -> None:
        """Look every five seconds, for ever."""
        while True:
            await trio.sleep(LOOK_EACH_S)
            try:
                await self._find_log_outs()
                await self._find_changes()
            except StoreError as error:
                LOGGER.error("what other nodes decided cannot be looked for: %s", error)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("what other nodes decided cannot be looked for")

    async def _find_log_outs(self) -> None:
        """End the connections of devices that are not there any more. Raises `StoreError`."""
        devices = {one.device: one.person.id for one in self._connected.connections()}
        ids = list(devices)
        for start in range(0, len(ids), DEVICES_AT_ONCE):
            for device in await self._store.gone_devices(ids[start : start + DEVICES_AT_ONCE]):
                self._devices.end(devices[device], [device])

    async def _find_changes(self) -> None:
        """Note what no message told of: whose lists changed, and who blocks whom. Raises `StoreError`."""
        now_ms = self._now_ms()
        since_ms = min(now_ms, self._looked_ms) - MARGIN_MS  # the clock may have been set back
        after: EventPlace | None = None
        while True:
            places = await self._store.changes_about_people(
                since_ms=since_ms, after=after, limit=PLACES_AT_ONCE
            )
            await self._note(places)
            if len(places) < PLACES_AT_ONCE:
                break
            after = places[-1]
        self._looked_ms = now_ms

    async def _note(self, places: Iterable[EventPlace]) -> None:
        by_room: dict[str, list[int]] = {}
        for place in places:
            if place not in self._known:
                by_room.setdefault(place.room, []).append(place.seq)
        for room, seqs in by_room.items():
            for event in await self._store.read_some(room, seqs):
                self._note_event(event)

    def _note_event(self, event: Event) -> None:
        place = EventPlace(event.at_ms, event.room, event.seq)
        body = None if event.body is None else read_body(event.kind, event.body)
        if body is not None and (people := people_named(event.kind, body)):
            self._lists.note("", ListsChanged(*place, people))
            return
        self._known.add(place)
        if isinstance(body, Block):
            self._blocks.note("", BlockChanged(event.sender, body.person))
