"""Blocks that were made at other nodes: read from the store, and applied here.

A message says between whom; the look finds those of which none came (`trio_chat.nodes.look`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

import trio

from trio_chat.errors import StoreError

if TYPE_CHECKING:
    from trio_chat.presence.connected import ConnectedUsers
    from trio_chat.presence.privacy import Privacy
    from trio_chat.store.base import Store
    from trio_chat.store.node_messages import BlockChanged

LOGGER = logging.getLogger(__name__)

GATHER_S: Final = 0.1
RETRY_S: Final = 1.0


class Apply(Protocol):
    """Notes that a person blocks another one, or no longer."""

    def __call__(self, person: str, other: str, *, on: bool) -> object: ...


class OthersBlocks:
    """Learns what other nodes changed of the blocks of those who are connected here. `run` is its task."""

    def __init__(self, store: Store, connected: ConnectedUsers, privacy: Privacy, apply: Apply) -> None:
        self._store = store
        self._connected = connected
        self._privacy = privacy
        self._apply = apply
        self._noted: dict[str, None] = {}
        """Whose blocks are to be read. Bounded: they are connected."""
        self._has_noted = trio.Event()

    def note(self, _node: str, message: BlockChanged) -> None:
        """Have the blocks of these two read soon, as far as they are connected. Sync."""
        for person in (message.person, message.other):
            if person in self._connected:
                self._noted[person] = None
                self._has_noted.set()

    async def run(self) -> None:
        """Read and apply what was noted, until it is cancelled."""
        while True:
            await self._has_noted.wait()
            await trio.sleep(GATHER_S)
            self._has_noted = trio.Event()
            noted, self._noted = self._noted, {}
            try:
                for person in list(noted):
                    await self._read(person)
                    del noted[person]
            except StoreError as error:
                LOGGER.error("blocks that were made at other nodes cannot be read yet: %s", error)
                await trio.sleep(RETRY_S)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("blocks that were made at other nodes cannot be read")
                noted.clear()
            self._noted.update(noted)
            if self._noted:
                self._has_noted.set()

    async def _read(self, person: str) -> None:
        changed = await self._privacy.read_again(person)
        if changed is None:
            self._noted[person] = None
        else:
            for (who, blocked), on in changed:
                self._apply(who, blocked, on=on)
