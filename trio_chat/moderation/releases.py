"""Names that were set free beside the server, from the command line: it writes that into the server room's log, and
tells everybody how who was called so is called now.

Of several nodes one does it for all (`Store.take_chore`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StoreError
from trio_chat.kinds.facts import SERVER_ROOM, SYSTEM
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.releases import RELEASE, Release
from trio_chat.model.events import Draft
from trio_chat.model.outcomes import Denied

if TYPE_CHECKING:
    from trio_chat.model.records import NameRelease
    from trio_chat.presence.service import PresenceService
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

NAME: Final = "trio-chat"

CHORE: Final = "releases"

EVERY_S: Final = 2.0
RETRY_S: Final = 60.0

AT_ONCE: Final = 100


class Releases:
    """Looks for names that were set free."""

    def __init__(self, store: Store, rooms: RoomRegistry, presence: PresenceService) -> None:
        self._store = store
        self._rooms = rooms
        self._presence = presence

    async def run(self) -> None:
        """Look every two seconds, for ever; later again if the log cannot be written."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                LOGGER.error("nobody is told yet of a name that was set free: %s", error)
                await trio.sleep(RETRY_S)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("nobody is told yet of a name that was set free")
                await trio.sleep(RETRY_S)
            await trio.sleep(EVERY_S)

    async def look(self) -> None:
        """Tell of those that there are. Raises `StoreError`; what was not told then is told the next time."""
        found = await self._store.releases(AT_ONCE)
        if not found or not await self._store.take_chore(CHORE):
            return
        for release in found:
            await self._tell(release)
            await self._store.forget_release(release.id)

    async def _tell(self, release: NameRelease) -> None:
        room = await self._rooms.get(SERVER_ROOM)
        body = write_body(Release(release.person, release.freed, release.now))
        # Under its own id, so that it stands there once, whatever ends the server before it is forgotten.
        outcome = await room.inbox.write(Draft(RELEASE, SYSTEM, NAME, release.id, body))
        if isinstance(outcome, Denied):
            LOGGER.error("the log does not say that a name was set free: %s", outcome.message)
        for profile in await self._store.people([release.person]):
            self._presence.change_person(profile.person)
