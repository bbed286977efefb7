"""What a store promises. Each implementation passes one contract suite (``tests/test_store_*contract.py``).

1. **Durable before it returns.** When `Log.append` returns, its events and what follows from them survive SIGKILL and
   power loss.
2. **Dense.** Sequence numbers of a room run 1, 2, 3, … with no gap, in the order of the appends.
3. **All or nothing.** An append that raises has written none of its drafts.
4. **Exactly once.** A draft whose (sender, client_id) is in the log already, or earlier in the same append, adds
   nothing and is answered with the number it got then (`trio_chat.model.outcomes.Repeat`); if it says something else
   than it said then, with `trio_chat.model.outcomes.Conflict`. What a deleted message said is not known any more, so
   whatever comes under its id, of the same kind and in the same room, is its repeat.
5. **By the rules.** A draft that `trio_chat.kinds.rules` forbids, given everything in the log before it, is answered
   with `trio_chat.model.outcomes.Denied`: nothing is written, and its id is free.
6. **Chained.** Each event's digest covers the event and the digest before it (`trio_chat.model.chain`). What the
   digests deny is never told: `trio_chat.model.events.damaged` stands in its place.
7. **Forgotten.** The text of a deleted message, and of its edits, is told to nobody once the append of the deletion
   has returned, and is soon not in the files any more. Its event stays, with the body None.
8. **Bounded pages.** Reading never returns more than was asked for, and never a page with a hole.
9. **Cancellation.** A cancelled write may have been done or not, never in part; a cancelled read has no effect.

Every method raises `StoreUnavailable` when the store cannot do its work just now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trio_chat.model.events import Draft, Event, Person, Position
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import (
        Invitation,
        Listing,
        MessageReceipt,
        Picture,
        Profile,
        ReadMarker,
        RoomState,
        SearchResults,
    )
    from trio_chat.search.query import Query


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


class Log(Protocol):
    """The log of every room."""

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """Write the drafts durably, in order, and say what became of each: one outcome per draft.

        Appends made at the same time, of whatever rooms, share a commit. What follows from the events (members, titles,
        deletions, …) is written with them.
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

    async def read_some(self, room: str, seqs: Collection[int]) -> list[Event]:
        """The events of these numbers that there are, in order."""
        ...

    async def find_command(self, sender: str, client_id: str) -> Event | None:
        """The event of this command, if it is in the log."""
        ...

    async def read_changes(self, room: str, seqs: Collection[int]) -> list[Event]:
        """What is to be seen of all that was changed about these messages, in order: for each key of each
        (`trio_chat.kinds.bodies.change_key`) the newest event. Of a deleted message only that it was deleted.
        """
        ...

    async def read_versions(self, room: str, seq: int) -> list[Event]:
        """A message and all its edits, in order; empty if there is no such message."""
        ...

    async def personal(self, person: str) -> tuple[Position, list[Event]]:
        """Where a person's own room ends, and up to there the newest event of each key, in order."""
        ...


class RoomTable(Protocol):
    """What follows from the log about rooms, and the invitations into them."""

    async def state(self, room: str) -> RoomState:
        """What the room is now. One that nobody wrote to is what its name says, and empty."""
        ...

    async def listing(self, person: str, *, only: str | None = None) -> list[Listing]:
        """The rooms in a person's list: the lobby first, then by their newest event, the newest first. Or ``only`` one
        of them, if it is in there."""
        ...

    async def directory(self, query: str, limit: int, *, person: str | None = None) -> list[Listing]:
        """Public rooms with ``query`` in name, title or topic (whatever the case), by their newest event, the newest
        first, as the person sees them."""
        ...

    async def add_invite(self, invite: Invitation) -> None:
        """Let people in with this invitation. `KeyError` if there is no such room: a bug."""
        ...

    async def invites(self, room: str, *, at_ms: int) -> list[Invitation]:
        """The invitations that are valid at this moment, in the order in which they were made."""
        ...

    async def void_invites(self, room: str) -> None:
        """No invitation into the room is valid any more."""
        ...

    async def find_invite(self, token_hash: bytes) -> Invitation | None:
        """The invitation with this hash, valid still or expired; None if there is none (any more)."""
        ...


class PeopleTable(Protocol):
    """The people who write to the log, and what they have seen of it."""

    async def add_person(self, person: Person, *, name_key: str, token_hash: bytes, at_ms: int) -> None:
        """Make a person known under ``name`` (unique by ``name_key``), who comes back with a token of this
        hash.

        Raises `NameTaken`, and then nothing was written.
        """
        ...

    async def add_token(self, person_id: str, token_hash: bytes) -> None:
        """Let a person come back with one more token. `KeyError` if there is no such person: a bug."""
        ...

    async def find_person(self, token_hash: bytes) -> Person | None:
        """Who comes back with a token of this hash; None if nobody does."""
        ...

    async def is_name_known(self, name_key: str) -> bool:
        """Whether a person is known under this name."""
        ...

    async def people(self, ids: Collection[str]) -> list[Profile]:
        """Those of these people that there are, by their names."""
        ...

    async def set_profile(
        self,
        person_id: str,
        *,
        name: str | None = None,
        name_key: str | None = None,
        colour: int | None = None,
        picture: Picture | None = None,
        no_picture: bool = False,
        shows_seen: bool | None = None,
    ) -> Profile:
        """Change what is known of a person; what is None stays. ``no_picture`` takes the picture away. The answer is
        what then is known.

        Raises `NameTaken`, and then nothing was written. `KeyError` if there is no such person: a bug.
        """
        ...

    async def picture(self, picture_hash: str) -> Picture | None:
        """A picture that somebody has now."""
        ...

    async def note_seen(self, ids: Collection[str], at_ms: int) -> None:
        """These people were here at this moment."""
        ...

    async def move_read_markers(self, moves: Collection[ReadMarker], at_ms: int) -> None:
        """Move these marks on, and keep when it was. One that would go back stays; rooms that are not there, too."""
        ...

    async def read_markers(self, room: str) -> list[ReadMarker]:
        """All marks of a room."""
        ...

    async def receipts(self, room: str, seq: int) -> list[MessageReceipt]:
        """Who has received message ``seq``, and when: the first move of their mark, of the last `MOVES_KEPT`, that
        reached it; in that order."""
        ...


MOVES_KEPT = 100
"""How many moves of a mark are remembered."""


class MessageSearch(Protocol):
    """Search of messages. The index follows the log soon after; events that are not indexed yet are looked through, if
    they are not too many."""

    async def find(
        self, person: str, query: Query, *, room: str | None = None, cursor: str | None = None, limit: int
    ) -> SearchResults:
        """Find messages in the rooms of a person's list, or in one ``room`` (which they may hear: that was checked).

        All of the answer is from one snapshot of the log: a message that was deleted before is not in it. Raises
        `Refused` (``bad_query``) for a cursor that is none.
        """
        ...


class Store(Log, RoomTable, PeopleTable, MessageSearch, Protocol):
    """All of it. Opened by a function of the form ``async with open_…_store(…) as store``, which owns its threads and
    files and closes them."""

    def statistics(self) -> StoreStatistics:
        """What was done so far."""
        ...
