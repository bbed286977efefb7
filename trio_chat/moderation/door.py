"""The door: whom the server lets in at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.kinds import newcomers
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.moderation import MAX_KNOCKING, too_many_knock
from trio_chat.kinds.newcomers import PACE_S, quiet
from trio_chat.kinds.server import after
from trio_chat.kinds.standing import CLOSED, INVITE, KNOCKING, OPEN, PROBATION, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.standing import Mode
    from trio_chat.model.events import Event
    from trio_chat.moderation.addresses import Addresses
    from trio_chat.store.base import Store


MODES: Final[Mapping[Mode, str]] = {
    OPEN: "whoever comes can write at once",
    PROBATION: "new people write slowly, and for a day no links, no mentions of all, and to nobody alone",
    KNOCKING: "new people wait until a moderator lets them in",
    INVITE: "new people need a link into a room",
    CLOSED: "nobody new can come",
}


class Door:
    """How the server is run now, as far as its room was fanned out. All of it is sync, but for reading from the store.

    Nobody may come before it was `read`.
    """

    def __init__(self, addresses: Addresses, *, now_ms: Callable[[], int]) -> None:
        self.server = Server()
        self.addresses = addresses
        self._now_ms = now_ms
        self._seq = 0
        """The number of the event in the server room with which the server is run so."""
        self._told = 0
        """The number of the last event that it was told of since reading began."""

    async def read(self, store: Store) -> None:
        """Read how the server is run. What is told meanwhile is in it, or is applied to it later. Raises
        `StoreError`."""
        while True:  # events of this room come now and then
            self._told = 0
            before = await store.position(SERVER_ROOM)
            server = await store.server()
            position = await store.position(SERVER_ROOM)
            if before == position and self._told <= position.seq:
                self.server, self._seq = server, position.seq
                return

    def apply(self, event: Event, body: Body) -> bool:
        """Take into account an event of the server room; False if it was in what was read."""
        self._told = event.seq
        if event.seq <= self._seq:
            return False
        self.server, self._seq = after(self.server, event.kind, body), event.seq
        return True

    def describe(self) -> str:
        """One line for the operator: for whom the server is open."""
        if self.server.is_quiet(self._now_ms()):
            return "the server is quiet: nobody new can come, and who came lately cannot write"
        return f"the server's mode is {self.server.mode}: {MODES[self.server.mode]}"

    def check_person(self, person: str, known_ms: int, address: str) -> None:
        """Raises `Refused` (``banned``) for somebody who is banned, or comes from an address that is.

        Who was looked at, and who runs the server, comes from wherever they like: others may have the same address.
        """
        if self.server.is_banned(person, self._now_ms()):
            raise self.server.refused(person)
        if known_ms and person not in self.server.roles:
            self.check_address(address)

    def check_address(self, address: str) -> None:
        """Raises `Refused` (``banned``) for an address that is banned."""
        if self.addresses.is_banned(address, self._now_ms()):
            raise Refused("banned", "A moderator has closed this server for the address that you come from.")

    def check_newcomer(self, address: str, *, is_invited: bool) -> None:
        """Raises `Refused` (``banned``, ``quiet``, ``invite_only``, ``closed``, ``too_many``) unless somebody new may
        come, who has the link of a room or not."""
        self.check_address(address)
        server, now_ms = self.server, self._now_ms()
        if server.is_quiet(now_ms):
            raise quiet(server.quiet_until_ms, now_ms)
        if server.mode == CLOSED:
            raise Refused("closed", "This server is closed: nobody new can come in.")
        if server.mode == INVITE and not is_invited:
            raise Refused(
                "invite_only", "People come here by invitation. Open a link that a member gave you."
            )
        if server.mode == KNOCKING and len(server.knocking) >= MAX_KNOCKING:
            raise too_many_knock()

    def check_guest(self, address: str) -> None:
        """Raises `Refused` unless guests of the plain side may be here."""
        self.check_newcomer(address, is_invited=False)
        if self.server.mode == KNOCKING:
            raise Refused("closed", "A moderator lets people in here. Come with the page, and a name.")

    @property
    def guest_pace_s(self) -> float:
        """In so many seconds a guest may write one message; 0: as they like."""
        return PACE_S if self.server.mode == PROBATION else 0.0

    def waits(self, person: str, known_ms: int) -> bool:
        """Whether the person must be let in before they hear or write anything."""
        return newcomers.waits(person, known_ms, self.server, self._now_ms())

    def check_upload(self, person: str, known_ms: int) -> None:
        """Raises `Refused` (``quiet``, ``probation``, ``muted``) if the person can send no files now."""
        newcomers.check_may_upload(person, known_ms, self.server, self._now_ms())

    def limited_until_ms(self, person: str, known_ms: int) -> int | None:
        """See `trio_chat.kinds.newcomers`."""
        return newcomers.limited_until_ms(person, known_ms, self.server, self._now_ms())
