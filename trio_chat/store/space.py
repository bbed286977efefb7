"""Space: what may be written as far as the disk and the quotas allow it, and what is refused with a sentence.

It is asked at one place, for every event that would be new (`trio_chat.store.plan`), so no kind of event is forgotten:
a kind is refused unless it says of itself that it may be written without space (`Kind.needs_no_space`). What else
people write (names, invitations, …) asks `Space.check_writing` and `Space.check_newcomer`.

Pure.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Final

import attrs

from trio_chat.errors import Refused
from trio_chat.kinds.table import needs_no_space
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trio_chat.model.events import Draft
    from trio_chat.store.plan import Row

MIB: Final = 1024 * 1024

EVENT_BYTES: Final = 300
"""What an event takes on the disk beside its text: numbers, names, digests and an index. Measured with 20,000 messages
of one character: 290. (The search index takes some seven tenths of a text's length more.)"""

NEWCOMER_MS: Final = DAY_MS
"""So long after they came people are newcomers. They and guests are refused first when space runs low."""

GUESTS: Final = "g-"
"""How the ids of guests begin; it stands for all of them where they are counted as one."""

GUESTS_SHARE: Final = 10
"""Quotas of one person that all guests together have: each connection is another guest."""


class SpaceLevel(enum.Enum):
    """How much space is left on the disk."""

    ENOUGH = enum.auto()
    LOW = enum.auto()
    """Guests and newcomers are refused."""
    FULL = enum.auto()
    """Everybody is refused what needs space."""


@attrs.define
class Space:
    """Space of one store: the level, which is set by whoever watches the disk, and the quotas, 0 for none, in bytes.

    The level may be set from any thread; everything else belongs to the thread that writes the log. What people wrote
    today is kept in memory only: a restart forgets it, so with each restart somebody can write one more quota that day.
    """

    level: SpaceLevel = SpaceLevel.ENOUGH
    person_quota: int = 0
    """For what a person writes in a day of UTC. Guests: see `GUESTS_SHARE`."""
    room_quota: int = 0
    """For all that is in a room."""
    _day: int = attrs.field(default=0, init=False)
    _written: dict[str, int] = attrs.field(factory=dict, init=False)

    def check_writing(self) -> None:
        """Raise `Refused` (``disk_full``) while nobody may write what needs space."""
        if self.level is SpaceLevel.FULL:
            raise _disk_full()

    def check_newcomer(self) -> None:
        """Raise `Refused` (``disk_full``) while nobody new may come."""
        if self.level is not SpaceLevel.ENOUGH:
            raise Refused("disk_full", "The server's disk is nearly full: nobody new can come in. Try later.")

    def check_files(self) -> None:
        """Raise `Refused` (``disk_full``) while nobody may bring files: what is left is for messages."""
        if self.level is not SpaceLevel.ENOUGH:
            raise Refused(
                "disk_full", "The server's disk is nearly full: files cannot be sent just now. Messages can."
            )

    def readiness(self) -> tuple[bool, str]:
        """Whether those who are no newcomers may write, and a sentence about the level; empty if all may."""
        if self.level is SpaceLevel.ENOUGH:
            return True, ""
        refused = _low() if self.level is SpaceLevel.LOW else _disk_full()
        return self.level is SpaceLevel.LOW, refused.message

    def written(self, at_ms: int) -> Mapping[str, int]:
        """Bytes that were counted on the day of this moment, by who wrote them."""
        return self._written if self._day == at_ms // DAY_MS else {}

    def count(self, written: Mapping[str, int], at_ms: int) -> None:
        """Count these bytes, by who wrote them; they are on the disk now."""
        if self._day != at_ms // DAY_MS:
            self._day = at_ms // DAY_MS
            self._written.clear()
        for who, size in written.items():
            self._written[who] = self._written.get(who, 0) + size


def bytes_by_writer(written: Iterable[Draft | Row]) -> dict[str, int]:
    """How many bytes these take, by who wrote them, as `Allowance` counts them."""
    counted: dict[str, int] = {}
    for each in written:
        who = GUESTS if each.sender.startswith(GUESTS) else each.sender
        counted[who] = counted.get(who, 0) + size_of(each.body or "")
    return counted


def size_of(body: str) -> int:
    """What an event with this body takes on the disk, in bytes."""
    return EVENT_BYTES + (len(body) if body.isascii() else len(body.encode()))


class Allowance:
    """What one append may write to its room, which holds ``room_bytes``.

    ``pending`` are the bytes of its transaction that are not counted in ``space`` yet, by who wrote them; it is added
    to. ``came_ms`` says when a person came, None for somebody unknown; it is asked only when space is low.
    """

    def __init__(
        self,
        space: Space,
        pending: dict[str, int],
        *,
        room_bytes: int,
        at_ms: int,
        came_ms: Callable[[str], int | None],
    ) -> None:
        self.room_bytes = room_bytes
        self._space = space
        self._written = space.written(at_ms)
        self._pending = pending
        self._at_ms = at_ms
        self._came_ms = came_ms
        self._room_quota = space.room_quota or math.inf
        self._person_quota = space.person_quota or math.inf

    def take(self, draft: Draft) -> Refused | None:
        """Why the draft must not be written; None if it may be, and then it is counted."""
        body, who = draft.body, draft.sender
        size = size_of(body)
        if who.startswith(GUESTS):
            who = GUESTS
        pending = self._pending.get(who, 0) + size
        in_room = self.room_bytes + size
        if (
            in_room > self._room_quota
            or self._written.get(who, 0) + pending > self._person_quota
            or self._space.level is not SpaceLevel.ENOUGH
        ):
            refused = self._refusal(who, self._written.get(who, 0) + pending, in_room)
            if refused is not None and not needs_no_space(draft):
                return refused
        self._pending[who] = pending
        self.room_bytes = in_room
        return None

    def _refusal(self, who: str, written: int, in_room: int) -> Refused | None:
        space = self._space
        if space.level is SpaceLevel.FULL:
            return _disk_full()
        if space.level is SpaceLevel.LOW and self._is_newcomer(who):
            return _low()
        if in_room > self._room_quota:
            return _room_quota(space.room_quota)
        quota = self._person_quota * (GUESTS_SHARE if who == GUESTS else 1)
        if written > quota:
            return _person_quota(int(quota), are_guests=who == GUESTS)
        return None

    def _is_newcomer(self, who: str) -> bool:
        if who == GUESTS:
            return True
        came_ms = self._came_ms(who)
        return came_ms is None or self._at_ms - came_ms < NEWCOMER_MS


def _disk_full() -> Refused:
    return Refused(
        "disk_full", "The server's disk is nearly full: nobody can write just now. Reading and deleting work."
    )


def _low() -> Refused:
    return Refused(
        "disk_full",
        "The server's disk is nearly full: guests and people who came within a day cannot write just now.",
    )


def _person_quota(quota: int, *, are_guests: bool) -> Refused:
    if are_guests:
        return Refused(
            "quota", f"Guests have written {written_size(quota)} today, all they may. Go on tomorrow."
        )
    return Refused(
        "quota",
        f"You have written {written_size(quota)} today, which is all that one person may write here in a day. "
        "Go on after midnight UTC.",
    )


def _room_quota(quota: int) -> Refused:
    return Refused(
        "quota",
        f"This room holds {written_size(quota)}, which is all that a room may hold here. Delete what nobody needs.",
    )


def written_size(size: int) -> str:
    """So many bytes, as a sentence says it."""
    if size < MIB:
        return f"{size:,} bytes"
    return f"{size / MIB:,.0f} MiB" if size < 10 * 1024 * MIB else f"{size / MIB / 1024:,.0f} GiB"


# -- the level --


def floor_of(configured: int, disk_size: int) -> int:
    """Floor of free space, in bytes: as configured, but no more than a twentieth of a small disk."""
    return min(configured, disk_size // 20)


def level_at(free: int, floor: int, before: SpaceLevel) -> SpaceLevel:
    """Level at so many free bytes: full below the floor, low below twice that.

    To leave a level it takes a tenth more than what it took to enter it, so that it does not go back and forth.
    """
    higher = floor * 11 // 10
    if free < (higher if before is SpaceLevel.FULL else floor):
        return SpaceLevel.FULL
    if free < 2 * (floor if before is SpaceLevel.ENOUGH else higher):
        return SpaceLevel.LOW
    return SpaceLevel.ENOUGH
