"""What a store promises. Each implementation passes one contract suite (``tests/test_store_contract.py``).

1. **Durable before it returns.** When `Store.append` returns, its events survive SIGKILL and power loss.
2. **Dense.** Sequence numbers of a room run 1, 2, 3, … with no gap, in the order of the appends.
3. **All or nothing.** An append that raises has written none of its drafts.
4. **Exactly once.** A draft whose (sender, client_id) stands in the log already, or earlier in the same
   append, adds nothing and is answered with the number it got then; if it says something else than it said
   then, it is answered with `Conflict`.
5. **Chained.** Each event's digest covers the event and the digest before it (`trio_chat.chain`). What the
   digests deny is never told: `trio_chat.events.damaged` stands in its place.
6. **Bounded pages.** Reading never returns more than was asked for, and never a page with a hole.
7. **Cancellation.** A cancelled append may have been written or not, never in part; a cancelled read
   has no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.events import Draft, Event, Person, Position


@attrs.frozen
class Repeat:
    """The draft is in the log already, as number ``seq`` of ``room``."""

    room: str
    seq: int


@attrs.frozen
class Conflict:
    """The sender used this client id before, for something else; nothing was written."""

    room: str
    seq: int


@attrs.frozen
class StoreStatistics:
    """What the store has done since it was opened; times in seconds."""

    commits: int = 0
    events: int = 0
    repeats: int = 0
    commit_s: float = 0.0
    """Time spent in commits, writing included, all together."""
    longest_commit_s: float = 0.0
    failures: int = 0
    """Commits and reads that failed."""

    def after_commit(self, took_s: float, *, events: int, repeats: int) -> StoreStatistics:
        """With one more commit counted."""
        return StoreStatistics(
            commits=self.commits + 1,
            events=self.events + events,
            repeats=self.repeats + repeats,
            commit_s=self.commit_s + took_s,
            longest_commit_s=max(self.longest_commit_s, took_s),
            failures=self.failures,
        )

    def after_failure(self) -> StoreStatistics:
        """With one more failure counted."""
        return attrs.evolve(self, failures=self.failures + 1)


class Store(Protocol):
    """The log of every room, and the people who write to it. Opened by a function of the form
    ``async with open_…_store(…) as store``, which owns its threads and files and closes them.

    Every method raises `StoreUnavailable` when the store cannot do its work just now.
    """

    async def append(
        self, room: str, drafts: Sequence[Draft], *, at_ms: int
    ) -> list[Event | Repeat | Conflict]:
        """Write the drafts durably, in order, and say what became of each: one outcome per draft.

        Appends made at the same time, of whatever rooms, share a commit.
        """
        ...

    async def position(self, room: str) -> Position:
        """Where the room's log ends. A room that nobody wrote to ends at 0 of the log's own epoch."""
        ...

    async def begin_epoch(self, room: str) -> Position:
        """Begin a new epoch of the room, durably: from now on no number of an earlier one means anything here.

        The events stay, and numbers go on from where they are. The answer is where the room then ends.
        """
        ...

    async def read_after(self, room: str, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """The events directly after number ``after``, in order: at most ``limit`` of them, and no more than
        fit ``max_bytes`` of bodies (but at least one, so that a reader always gets on). Empty at the head.
        """
        ...

    async def read_before(self, room: str, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """The events directly before number ``before``, in order, bounded like `read_after`. Empty at 1."""
        ...

    async def add_person(self, person: Person, *, name_key: str, token_hash: bytes, at_ms: int) -> None:
        """Make a person known under ``name`` (unique by ``name_key``), who comes back with a token of this
        hash.

        Raises `NameTaken`, and then nothing was written.
        """
        ...

    async def find_person(self, token_hash: bytes) -> Person | None:
        """Who comes back with a token of this hash; None if nobody does."""
        ...

    async def rename_person(self, person_id: str, name: str, *, name_key: str) -> None:
        """Give a known person another name; the old one is free then.

        Raises `NameTaken`, and then nothing was written. `KeyError` if there is no such person: a bug.
        """
        ...

    async def is_name_known(self, name_key: str) -> bool:
        """Whether a person is known under this name."""
        ...

    def statistics(self) -> StoreStatistics:
        """What was done so far."""
        ...
