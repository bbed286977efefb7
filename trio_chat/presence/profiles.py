"""Profiles that people change at other nodes: read from the store, and applied here.

A message says whose; and now and then it is looked for those that were changed lately, as messages may be lost.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_chat.model.events import Person
    from trio_chat.model.records import Profile
    from trio_chat.store.base import Store
    from trio_chat.store.node_messages import ProfileChanged

LOGGER = logging.getLogger(__name__)

AT_ONCE: Final = 1_000
"""So many profiles are read at once."""

MAX_NOTED: Final = 10_000
"""So many wait to be read; what is told beyond is found by the next look."""

GATHER_S: Final = 0.1

LOOK_EACH_S: Final = 3.0
OVERLAP_S: Final = 20.0
"""So much further back it is looked than to the last time: a transaction may commit after others that began later."""


class OthersProfiles:
    """Learns what other nodes changed of profiles. ``on_privacy`` is called with each that it has read, ``on_person``
    with whose name and looks may be others than are `know`n here."""

    def __init__(
        self,
        store: Store,
        *,
        on_privacy: Callable[[Profile], object],
        on_person: Callable[[Person], object],
    ) -> None:
        self._store = store
        self._on_privacy = on_privacy
        self._on_person = on_person
        self._noted: dict[str, None] = {}
        self._has_noted = trio.Event()
        self._known: dict[str, tuple[Person, float]] = {}
        """What was told here lately, and when: it is found once more."""
        self._looked_s = trio.current_time()

    def note(self, _node: str, message: ProfileChanged) -> None:
        """Have this profile read soon. Sync."""
        if len(self._noted) < MAX_NOTED:
            self._noted[message.person] = None
            self._has_noted.set()

    def know(self, person: Person) -> None:
        """Note that this person's name and looks of today are told here. Sync."""
        if self._store.has_nodes:
            self._known[person.id] = person, trio.current_time()

    async def run(self) -> None:
        """Read and apply what was noted or is found, until it is cancelled. A bug in it does not end the server."""
        while True:
            with trio.move_on_after(max(0, self._looked_s + LOOK_EACH_S - trio.current_time())):
                await self._has_noted.wait()
                await trio.sleep(GATHER_S)
            try:
                await self._read()
                if trio.current_time() - self._looked_s >= LOOK_EACH_S:
                    await self._look()
            except StoreError as error:
                LOGGER.warning("profiles that were changed at other nodes cannot be read: %s", error)
                await trio.sleep(LOOK_EACH_S)
            except Exception:
                LOGGER.exception("profiles that were changed at other nodes could not be applied")
                await trio.sleep(LOOK_EACH_S)

    async def _read(self) -> None:
        self._has_noted = trio.Event()
        while ids := list(self._noted)[:AT_ONCE]:
            for person in ids:
                del self._noted[person]
            self._apply_all(await self._store.people(ids))

    async def _look(self) -> None:
        began_s = trio.current_time()
        within_s = int(began_s - self._looked_s + OVERLAP_S)
        limit = AT_ONCE
        while len(found := await self._store.changed_profiles(within_s=within_s, limit=limit)) >= limit:
            limit *= 2  # after the store could not be read for long: what is left out now is found by nobody
        self._looked_s = began_s
        self._apply_all(found)
        for person, (_, at_s) in list(self._known.items()):
            if began_s - at_s > within_s + OVERLAP_S:
                del self._known[person]

    def _apply_all(self, profiles: Iterable[Profile]) -> None:
        for profile in profiles:
            self._on_privacy(profile)
            known = self._known.get(profile.id)
            if known is None or known[0] != profile.person:
                self._on_person(profile.person)
