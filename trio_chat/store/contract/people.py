"""The part of a store that knows people, and how far they have read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.model.events import Person
    from trio_chat.model.files import FileLimits
    from trio_chat.model.records import (
        Arrival,
        BroughtIn,
        Device,
        MessageReceipt,
        Picture,
        Profile,
        ReadMarker,
    )


MOVES_KEPT = 100
"""Moves of a read marker that are remembered."""


class PeopleTable(Protocol):
    """People, their profiles, and their read markers."""

    async def add_person(
        self,
        person: Person,
        *,
        name_key: str,
        device: Device,
        token_hash: bytes,
        known_ms: int | None = None,
        invited_by: str | None = None,
    ) -> None:
        """Register a person under their name, with their first device and the hash of its token; since when they are
        known (`trio_chat.kinds.newcomers`; None: from now on), and who brought them in.

        Raises `NameTaken` if somebody else's name has the same ``name_key`` or looks like it, or one that is kept for
        who gave it up (`trio_chat.model.names.KEPT_NAME_MS`); then nothing was written.
        """
        ...

    async def known_ms(self, ids: Collection[str]) -> dict[str, int]:
        """Since when each of these people is known (`trio_chat.kinds.newcomers`); those who do not exist are left
        out."""
        ...

    async def branch(self, person: str, *, limit: int) -> list[BroughtIn]:
        """Those whom this person brought in, and those whom they brought in, and so on; at most ``limit``."""
        ...

    async def addresses_key(self) -> bytes:
        """Key with which addresses are hashed: random, and the same for ever."""
        ...

    async def note_addresses(self, seen: Collection[tuple[str, bytes]], at_ms: int) -> None:
        """Save that people and guests (ids) came from addresses (their hashes) at this moment. The latest few of each
        are kept, for 30 days."""
        ...

    async def banned_addresses(self, *, at_ms: int) -> dict[bytes, int]:
        """Hashes of the addresses that are banned at this moment, and until when."""
        ...

    async def is_name_known(self, name_key: str) -> bool:
        """Whether a person is registered under this name, or one that looks like it whatever its case."""
        ...

    async def claim_name(self, node: str, name: str, name_key: str, *, at_ms: int, ends_ms: int) -> bool:
        """Claim a name for a guest of this server (``node``, a name of its own) until ``ends_ms``. False if somebody is
        registered under a name that looks like it, or another server has claimed one. Nobody can be registered under it
        then. (A server alone knows its guests: it is only told who is registered.)"""
        ...

    async def keep_claims(self, node: str, forms: Collection[str], *, ends_ms: int) -> None:
        """Claim the names with these forms (`trio_chat.model.lookalikes.name_forms`) until ``ends_ms``, and of all that
        this server has claimed no others any more."""
        ...

    async def people(self, ids: Collection[str]) -> list[Profile]:
        """Profiles of these people, ordered by name; ids that do not exist are left out."""
        ...

    async def people_named(self, room: str, beginning: str, limit: int) -> list[str]:
        """The ids of those whose name's key begins so, ordered by it, among those who are known in the room: its
        members, and in a public room who has written there (of much by them only the latest is looked at)."""
        ...

    async def set_profile(
        self,
        person_id: str,
        *,
        at_ms: int,
        name: str | None = None,
        name_key: str | None = None,
        colour: int | None = None,
        picture: Picture | None = None,
        upload: str = "",
        no_picture: bool = False,
        shows_seen: bool | None = None,
        shows_receipts: bool | None = None,
        shows_typing: bool | None = None,
    ) -> Profile:
        """Change a person's profile; what is None stays, ``no_picture`` removes the picture, ``upload`` is one that is
        to be it (`Upload.is_picture`), or is it. Returns the new profile.

        Raises `NameTaken` as `add_person` does, `Refused` (``no_such_upload``); then nothing was written. Raises
        `KeyError` if there is no such person: a bug.
        """
        ...

    async def hiding(self) -> list[Profile]:
        """Profiles of all who hide something from others."""
        ...

    async def arrival(
        self,
        person: str,
        *,
        with_lists: bool,
        since: str | None = None,
        few: int,
        own_events: int,
        limits: FileLimits,
    ) -> Arrival:
        """What a person needs first who has logged in, all of one moment; ``few`` as in `RoomTable.listed`, and at most
        ``own_events`` of their own room. ``since``: the stamp of the lists that they have, if they have any: only what
        is another since then is told, as far as that can be found."""
        ...

    async def blocks(self, person: str) -> list[tuple[str, str]]:
        """Whom the person blocks, and who blocks the person: (who blocks, who is blocked)."""
        ...

    async def picture(self, picture_hash: str) -> Picture | None:
        """Picture of this name; None if nobody has it (any more)."""
        ...

    async def note_seen(self, ids: Collection[str], at_ms: int) -> None:
        """Save that these people were connected at this moment."""
        ...

    async def move_read_markers(self, moves: Collection[ReadMarker], at_ms: int) -> None:
        """Move read markers forward, and keep when. A marker never goes back; rooms that do not exist are ignored."""
        ...

    async def read_markers(self, room: str) -> list[ReadMarker]:
        """Read markers of a room, of everybody."""
        ...

    async def receipts(self, room: str, seq: int, *, after: str = "", limit: int) -> list[MessageReceipt]:
        """Receipts of message ``seq``, at most ``limit``, in the order of the people's ids, those behind ``after``:
        when the person's read marker first reached it, of its last `MOVES_KEPT` moves."""
        ...
