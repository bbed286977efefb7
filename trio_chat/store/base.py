"""Contract of a store. Every implementation passes the same contract suite (``tests/store/test_*contract.py``).

1. **Durable before it returns.** When `EventLog.append` returns, its events and what follows from them survive SIGKILL
   and power loss.
2. **Dense.** Sequence numbers of a room run 1, 2, 3, … with no gap, in the order of the appends.
3. **All or nothing.** An append that raises has written none of its drafts.
4. **Exactly once.** A draft whose (sender, client_id) is in the log already, or earlier in the same append, adds
   nothing and is answered with the number it got then (`trio_chat.model.outcomes.Repeat`); if it says something else
   than it said then, with `trio_chat.model.outcomes.Conflict`. What a deleted message said is not known any more, so
   whatever comes under its id, of the same kind and in the same room, is its repeat.
5. **By the rules.** A draft that `trio_chat.kinds.rules` forbids, given everything in the log before it, is answered
   with `trio_chat.model.outcomes.Denied`: nothing is written, and its id is free.
6. **Chained.** Each event's digest covers the event and the digest before it (`trio_chat.model.chain`). What the
   digests deny is never returned: `trio_chat.model.events.damaged` takes its place.
7. **Forgotten.** The text of a deleted message, and of its edits, is returned by no read that begins after the append
   of the deletion has returned, and is soon not in the files any more. Its event stays, with the body None.
8. **Bounded pages.** Reading never returns more than was asked for, and never a page with a hole.
9. **Within the space.** What needs space is answered with `trio_chat.model.outcomes.Denied`, or raises `Refused`, where
   ``space`` does not allow it (`trio_chat.store.space`); deleting, leaving and reading are always allowed.
10. **Cancellation.** A cancelled write may have been done or not, never in part; a cancelled read has no effect.

Every method raises `StoreUnavailable` when the store cannot do its work just now (a full disk, a closed store).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trio_chat.store.contract.devices import DeviceTable
from trio_chat.store.contract.event_log import EventLog
from trio_chat.store.contract.files import FileTable
from trio_chat.store.contract.people import PeopleTable
from trio_chat.store.contract.rooms import RoomTable
from trio_chat.store.contract.search import MessageSearch

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractAsyncContextManager

    import trio

    from trio_chat.kinds.standing import Mode
    from trio_chat.model.records import Profile, ReadMarker
    from trio_chat.store.contract.statistics import StoreStatistics
    from trio_chat.store.hints import Hint
    from trio_chat.store.moved import Moved
    from trio_chat.store.node_messages import NodeMessage, Told
    from trio_chat.store.space import Space


class Store(EventLog, RoomTable, PeopleTable, DeviceTable, FileTable, MessageSearch, Protocol):
    """A whole store. Opened by a function of the form ``async with open_…_store(…) as store``, which owns its threads
    and files and closes them."""

    space: Space
    """What may be written, as far as space goes: none of it is refused until somebody sets it."""

    default_mode: Mode
    """Mode of a server for which nobody has chosen one: open, until somebody sets it, before anything is written."""

    def hints(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Hint]]:
        """Give hints of what others write to the same store, for as long as the block is not left; those of all that is
        appended from when it is entered, and of new epochs, and of everything now and then where others can write.

        A hint may be lost, late, doubled or wrong (`trio_chat.store.hints`). What this store itself has appended need
        not be told. A store that nobody else writes to has none.
        """
        ...

    has_nodes: bool
    """Whether other processes may use the same store. Where none do, nothing has to be looked for that they changed."""

    reconnects: int
    """How often the way to the log was lost and found again. What is read after it has grown may be of another log than
    what was read before (a standby that was promoted, a copy that was put back): positions are to be looked at first.
    Always 0 where that cannot be."""

    node: str
    """The id of this node: of the process, as long as the store is open."""

    async def live_nodes(self) -> frozenset[str]:
        """The ids of the nodes that use the same store, this one as well: of those that died without a word for some
        seconds more."""
        ...

    def tell_nodes(self, message: NodeMessage) -> None:
        """Tell all other nodes, soon; nobody where there are none. What cannot be told, or is too much, is lost.
        Sync."""
        ...

    async def changed_profiles(self, *, within_s: int, limit: int) -> list[Profile]:
        """Profiles that were changed within the last so many seconds, whichever node wrote them, at most ``limit``;
        none where there are no other nodes."""
        ...

    async def moved_read_markers(
        self, rooms: Collection[str], *, within_s: int, limit: int
    ) -> list[ReadMarker]:
        """The same of the read markers of these rooms."""
        ...

    def node_messages(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Told]]:
        """Give what other nodes tell, for as long as the block is not left: hints, as `hints` are
        (`trio_chat.store.node_messages`)."""
        ...

    async def charge(self, bucket: bytes, at_ms: int, *, n: float, period_ms: int) -> int:
        """Count one at this moment, for all nodes together, where ``n`` may be counted within this period: 0, or in how
        many milliseconds there is space for another, and then nothing was counted. A store that nobody else uses counts
        nothing: whoever asks can do so alone."""
        ...

    async def take_chore(self, chore: str) -> bool:
        """Whether this node is to do this chore, which one node does for all; it is to be asked each time. Who has a
        chore keeps it as long as it lives. Two may be at it for a moment, so no chore may harm if it is done twice."""
        ...

    def now_ms(self) -> int:
        """The time in milliseconds since 1970, by the one clock of all who use this store. It does not go back by less
        than a second, and by more only when somebody sets that clock. Sync."""
        ...

    async def wait_moved(self) -> Moved:
        """Wait until the chat has been moved to another database (`trio_chat.store.moving`), and return where it is.

        From then on nothing is written here any more, and all writes wait for `hand_over`."""
        ...

    def hand_over(self, heir: Store | None) -> None:
        """Have another store, that of the database to which the chat was moved, do whatever waits, and whatever is
        asked of this one from now on. None: no other will, so what is written after the chat has moved is
        `StoreUnavailable`. The heir is closed after this one. Sync."""
        ...

    def stop_waiting_at(self, moment: float) -> None:
        """Wait for a database that does not answer no longer than to this moment of Trio's clock: what is not done by
        then, and what is asked later, is `StoreUnavailable`. The program is to stop. Sync."""
        ...

    async def reusable_bytes(self) -> int:
        """Bytes inside the store's files that hold nothing any more, and are written to before the files grow."""
        ...

    def statistics(self) -> StoreStatistics:
        """Statistics since the store was opened."""
        ...
