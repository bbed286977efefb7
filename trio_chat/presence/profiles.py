"""Profiles that people changed at other nodes: read from the store, and applied here.

A message says whose; and now and then it is asked which were changed lately, as messages may be lost.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.model.records import Profile
    from trio_chat.store.base import Store
    from trio_chat.store.node_messages import ProfileChanged

LOGGER = logging.getLogger(__name__)

AT_ONCE: Final = 500
"""So many profiles are read at once."""

MAX_NOTED: Final = 10_000
"""So many wait to be read; what is told beyond is found by the next look."""

GATHER_S: Final = 0.1


class OthersProfiles:
    """Learns what other nodes changed of profiles. ``apply`` is called with each as it is now."""

    def __init__(self, store: Store, apply: Callable[[Profile], object]) -> None:
        self._store = store
        self._apply = apply
        self._noted: dict[str, None] = {}
        self._has_noted = trio.Event()

    def note(self, _node: str, message: ProfileChanged) -> None:
        """Have this profile read soon. Sync."""
        if len(self._noted) < MAX_NOTED:
            self._noted[message.person] = None
            self._has_noted.set()

    async def run(self) -> None:
        """Read and apply what was noted, until it is cancelled."""
        while True:
            await self._has_noted.wait()
            await trio.sleep(GATHER_S)
            self._has_noted = trio.Event()
            ids = list(self._noted)[:AT_ONCE]
            for person in ids:
                del self._noted[person]
            if self._noted:
                self._has_noted.set()
            try:
                profiles = await self._store.people(ids)
            except StoreError as error:
                LOGGER.error("profiles that were changed at other nodes cannot be read: %s", error)
                continue
            for profile in profiles:
                self._apply(profile)
