"""The part of a store that knows rooms, as they follow from their logs, and invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trio_chat.kinds.standing import Server
    from trio_chat.model.records import (
        DirectoryPlace,
        Invitation,
        ListedRooms,
        Listing,
        NameRelease,
        RoomRetention,
        RoomState,
    )


class RoomTable(Protocol):
    """Rooms, as they follow from their logs, and invitations."""

    async def state(self, room: str) -> RoomState:
        """State of the room now. A room that nobody wrote to is empty, and of the kind that its name says."""
        ...

    async def state_with_some(self, room: str, *, after: str, limit: int) -> tuple[RoomState, int]:
        """The same with so many members only, whose ids come after this one, by their ids; and how many members there
        are."""
        ...

    async def listing(self, person: str, *, only: str | None = None) -> list[Listing]:
        """List of a person's rooms: the lobby first, then by their newest event, the newest first, and those that the
        person never opened at the end. With ``only`` just that room, if it is in the list."""
        ...

    async def listed(self, person: str, *, only: str | None = None, few: int) -> ListedRooms:
        """The same, with what it tells of others; rooms of ``few`` members at most are small."""
        ...

    async def requests(self, person: str, *, only: str | None = None) -> list[Listing]:
        """Direct rooms into which the person was asked and has not answered, the newest first. ``only``: as in
        `listing`."""
        ...

    async def are_strangers(self, one: str, other: str) -> bool:
        """Whether no private room has both as members."""
        ...

    async def directory(
        self,
        query: str,
        limit: int,
        *,
        person: str | None = None,
        at_ms: int = 0,
        after: DirectoryPlace | None = None,
    ) -> list[Listing]:
        """Public rooms with ``query`` in name, title or topic (case does not count), as the person sees them, but those
        from which they are banned at that moment; by their newest event, the newest first, and only those behind the
        place ``after``."""
        ...

    async def retentions(self, *, after: str, limit: int) -> list[RoomRetention]:
        """Rooms of all kinds by their names, those behind ``after``, with how long each keeps its messages."""
        ...

    async def server(self) -> Server:
        """How the server is run now."""
        ...

    async def open_reports(self) -> dict[int, str | None]:
        """Numbers of the reports in the server room that are not done, in order, each with who looks after it."""
        ...

    async def messages_of(
        self, person: str, *, room: str | None, since_ms: int, limit: int
    ) -> list[tuple[str, int]]:
        """Messages of a person, written since then and not deleted, in a room or (None) in all public rooms: rooms and
        numbers, the newest first."""
        ...

    async def has_owner(self) -> bool:
        """Whether the server has an owner."""
        ...

    async def add_owner_link(self, link_hash: bytes, *, ends_ms: int, at_ms: int) -> None:
        """Save the hash of a link that makes whoever has it an owner of the server, once, until ``ends_ms``."""
        ...

    async def is_owner_link(self, link_hash: bytes, *, at_ms: int) -> bool:
        """Whether this hash is that of a link that makes an owner of the server at this moment."""
        ...

    async def releases(self, limit: int) -> list[NameRelease]:
        """Names that were set free beside the server, of which nobody was told yet."""
        ...

    async def forget_release(self, release: str) -> None:
        """Forget the release of this id: everybody was told."""
        ...

    async def add_invite(self, invite: Invitation) -> None:
        """Save an invitation. Raises `KeyError` if there is no such room: a bug."""
        ...

    async def invites(self, room: str, *, at_ms: int) -> list[Invitation]:
        """Invitations into the room that are valid at this moment, in the order in which they were made."""
        ...

    async def void_invites(self, room: str) -> None:
        """Revoke all invitations into the room."""
        ...

    async def find_invite(self, token_hash: bytes) -> Invitation | None:
        """Invitation with this hash, valid or expired; None if there is none, or it was revoked or used up."""
        ...
