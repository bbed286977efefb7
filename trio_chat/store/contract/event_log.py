"""The part of a store that knows events: the logs of all rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trio_chat.model.events import Draft, Event, Position
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import EventPlace, GivenReaction, MessageChanges


class EventLog(Protocol):
    """Event logs of all rooms."""

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """Write the drafts durably, in order; one outcome per draft.

        Appends made at the same time, of whatever rooms, share a commit. What follows from the events (members, titles,
        deletions, …) is written with them.
        """
        ...

    async def position(self, room: str) -> Position:
        """Position of the room's newest event. A room that nobody wrote to is at 0 of the log's own epoch."""
        ...

    async def positions(self, rooms: Collection[str]) -> dict[str, Position]:
        """The same of many rooms, of one snapshot. Whatever was appended before this was called, by whatever node, is
        in it: what a client has seen elsewhere can be judged by it."""
        ...

    async def proof_key(self) -> bytes:
        """The secret of the log, by which events are proven (`trio_chat.model.proofs`). It never changes, and copies of
        the log have the same."""
        ...

    async def begin_epoch(self, room: str, *, replacing: str | None = None) -> Position:
        """Begin a new epoch of the room, durably: sequence numbers of earlier ones are void for its readers. With
        ``replacing`` only if that is its epoch: else somebody has done so already.

        The events stay, and numbers go on from where they are. Returns the position of the room afterwards.
        """
        ...

    async def read_after(self, room: str, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """Page of history directly after number ``after``, in order: at most ``limit`` events, and no more than fit
        ``max_bytes`` of bodies (but at least one, so that a reader always gets on). Empty at the head.
        """
        ...

    async def read_before(self, room: str, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """Page of history directly before number ``before``, in order, bounded like `read_after`. Empty at 1."""
        ...

    async def read_some(self, room: str, seqs: Collection[int]) -> list[Event]:
        """Events with these numbers, in order; numbers that do not exist are left out."""
        ...

    async def expired_messages(
        self, room: str, *, before_ms: int, after: int, limit: int
    ) -> tuple[list[int], int]:
        """Messages of the room after number ``after`` that were written before that moment and not deleted, in order,
        and how far that was looked at: at most ``limit`` events, fewer where texts are long, as the deletion takes them
        out of the index, and up to the first that is younger. (What follows a clock that was ahead waits for it: late
        is better than early.)"""
        ...

    async def find_command(self, sender: str, client_id: str) -> Event | None:
        """Event of a command (an idempotency key: sender and client id), if it is in the log."""
        ...

    async def read_changes(
        self, room: str, seqs: Collection[int], *, reader: str, limit: int
    ) -> MessageChanges:
        """Changes of these messages as they are to be shown to a reader at one number: the newest event for each change
        key (`trio_chat.kinds.table.change_key`) of each message, in order, and the reactions by emoji. Of a deleted
        message only the deletion. When there are more than about ``limit`` of either, only those of the first of
        ``seqs`` (one at least, of which some changes can be missing): see `MessageChanges.n_messages`.
        """
        ...

    async def reactions(
        self, room: str, target: int, *, emoji: str | None = None, after: int = 0, limit: int
    ) -> list[GivenReaction]:
        """Reactions to message ``target`` that hold, or those with one emoji, in the order in which they were given:
        at most ``limit`` behind number ``after``."""
        ...

    async def read_versions(self, room: str, seq: int, *, after: int = 0, limit: int) -> list[Event]:
        """Versions of a message, in order: its event, always, and at most ``limit`` of its edits, those after number
        ``after``. Empty if there is no such message."""
        ...

    async def changes_about_people(
        self, *, since_ms: int, after: EventPlace | None = None, limit: int
    ) -> list[EventPlace]:
        """Where the events are, of all rooms, that changed who is in a room, or whom somebody blocks, and were written
        since that moment: at most ``limit`` behind the place ``after``, in the order in which they were written. To be
        asked only where the store `has_nodes`: others do not keep them in this order, and would look through all."""
        ...

    async def personal(
        self, person: str, *, before: int | None = None, limit: int
    ) -> tuple[Position, list[Event]]:
        """State of a person's own room: its position, and up to there the newest event of each change key, in order.
        Of these the newest, at most ``limit``, and only those before number ``before``."""
        ...
