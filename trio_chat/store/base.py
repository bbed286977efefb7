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

import attrs

from trio_chat.store.file_table import FileTable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractAsyncContextManager

    import trio

    from trio_chat.kinds.files import Album
    from trio_chat.kinds.standing import Mode, Server
    from trio_chat.model.events import Draft, Event, Person, Position
    from trio_chat.model.files import FileLimits
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import (
        AlbumPage,
        Arrival,
        BroughtIn,
        Device,
        DirectoryPlace,
        EventPlace,
        GivenReaction,
        Invitation,
        ListedRooms,
        Listing,
        Login,
        MessageChanges,
        MessageReceipt,
        NameRelease,
        Picture,
        Profile,
        ReadMarker,
        RoomRetention,
        RoomState,
        SearchResults,
        ServerIdentity,
    )
    from trio_chat.search.query import Query
    from trio_chat.store.hints import Hint
    from trio_chat.store.moved import Moved
    from trio_chat.store.node_messages import NodeMessage, Told
    from trio_chat.store.space import Space


@attrs.frozen
class NodeStatistics:
    """Statistics of a store that other nodes use as well, since it was opened."""

    retries: int = 0
    """Transactions that were run again, since another node, the server or the line was in the way."""
    in_doubt: int = 0
    """Commits without an answer, of which it had to be asked whether they were made."""
    rings: int = 0
    """How often other nodes were told what was written."""
    heard: int = 0
    """How often something was heard from a node, this one included."""
    heard_at_s: float = 0.0
    """When that was, or listening began, on Trio's clock."""


@attrs.frozen
class StoreStatistics:
    """Statistics of a store since it was opened; times in seconds."""

    commits: int = 0
    events: int = 0
    repeats: int = 0
    commit_s: float = 0.0
    """Total time of all commits, writing included."""
    longest_commit_s: float = 0.0
    failures: int = 0
    """Commits and reads that failed."""
    failed_at_s: float | None = None
    """When the last commit failed, on the monotonic clock; None once another was made."""
    nodes: NodeStatistics | None = None
    """None if no other node can use the store."""

    def after_commit(self, took_s: float, *, events: int, repeats: int) -> StoreStatistics:
        """The statistics with one more commit."""
        return StoreStatistics(
            commits=self.commits + 1,
            events=self.events + events,
            repeats=self.repeats + repeats,
            commit_s=self.commit_s + took_s,
            longest_commit_s=max(self.longest_commit_s, took_s),
            failures=self.failures,
        )

    def after_failure(self, at_s: float) -> StoreStatistics:
        """The statistics with one more commit that failed."""
        return attrs.evolve(self, failures=self.failures + 1, failed_at_s=at_s)


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
        and how far that was looked at: at most ``limit`` events, and up to the first that is younger. (What follows a
        clock that was ahead waits for it: late is better than early.)"""
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


MOVES_KEPT = 100
"""Moves of a read marker that are remembered."""


class DeviceTable(Protocol):
    """Devices: what people are logged in on, with the hashes of their tokens; and their recovery codes.

    A device has one token, or two while the newer of them replaces the other.
    """

    async def server_identity(self) -> ServerIdentity:
        """Who this log is to clients: made with it, and the same for as long as it lives, in copies as well."""
        ...

    async def add_device(
        self, person_id: str, device: Device, *, token_hash: bytes, max_devices: int
    ) -> list[str]:
        """Save one more device of a person; returns the ids of those removed as they were too many, the least recently
        used. Raises `KeyError` if there is no such person: a bug."""
        ...

    async def find_login(self, token_hash: bytes) -> Login | None:
        """Whose token has this hash; None if there is none."""
        ...

    async def use_device(
        self,
        token_hash: bytes,
        at_ms: int,
        *,
        name: str | None = None,
        next_hash: bytes | None = None,
        is_settled: bool = False,
    ) -> bool:
        """Save that the device of this token was used at this moment, and its new ``name``. ``next_hash`` is that of a
        token which is valid as well from now on; ``is_settled`` removes the tokens that this one replaces. False if
        there is no such token (any more), and then nothing was written."""
        ...

    async def note_devices_used(self, ids: Collection[str], at_ms: int) -> None:
        """Save that these devices were in use at this moment."""
        ...

    async def gone_devices(self, ids: Collection[str]) -> list[str]:
        """Those of these devices that were logged out, and are not there any more."""
        ...

    async def devices(self, person_id: str) -> list[Device]:
        """Devices of a person, the one used last first."""
        ...

    async def remove_devices(
        self, person_id: str, *, only: str | None = None, but: str | None = None
    ) -> list[str]:
        """Remove a person's devices with their tokens: ``only`` this one, all ``but`` this one; and the person's device
        codes, as one of those may have made them. Returns the devices' ids."""
        ...

    async def add_device_code(
        self, person: str, code_hash: bytes, *, at_ms: int, ends_ms: int, max_codes: int
    ) -> None:
        """Save the hash of a device code of a person, good until ``ends_ms``; of more than ``max_codes`` the oldest go.
        Raises `KeyError` if there is no such person: a bug."""
        ...

    async def find_device_code(self, code_hash: bytes, *, at_ms: int) -> str | None:
        """Id of the person whose device code has this hash and is good at this moment; None if there is none."""
        ...

    async def use_device_code(self, code_hash: bytes, *, at_ms: int) -> str | None:
        """As `find_device_code`, and the code is used up: of many who ask at once, one is told the person."""
        ...

    async def charge_guess(self, source: bytes, at_ms: int, *, per_guess_ms: int, at_once: int) -> int:
        """Count a code that is tried from this source at this moment: 0, or in how many milliseconds the source may try
        again, and then nothing was counted. In each ``per_guess_ms`` a source may try once, and ``at_once`` so often
        after a quiet time; all that have used that up share as much again."""
        ...

    async def set_recovery_code(self, person_id: str, code_hash: bytes, at_ms: int) -> None:
        """Save the hash of a person's recovery code, in place of an earlier one."""
        ...

    async def recovery_code_made(self, person_id: str) -> int | None:
        """When the person's recovery code was made; None if there is none."""
        ...

    async def find_recovery_code(self, code_hash: bytes) -> str | None:
        """Id of the person whose recovery code has this hash; None if there is none."""
        ...


class MessageSearch(Protocol):
    """Search of messages. The index follows the log soon after; events that are not indexed yet are looked through, if
    they are not too many."""

    async def find(
        self, person: str, query: Query, *, room: str | None = None, cursor: str | None = None, limit: int
    ) -> SearchResults:
        """Search in the rooms of a person's list, or in one ``room`` (the caller has checked that they may hear it).

        All of the answer is from one snapshot of the log: a message that was deleted before is not in it. Raises
        `Refused` (``bad_query``) for a cursor that is none.
        """
        ...

    async def album(self, room: str, only: Album, *, before: int, limit: int, max_bytes: int) -> AlbumPage:
        """The newest messages of the room before number ``before`` that have what this album shows; bounded like
        `EventLog.read_after`. A message that was deleted before is not in it."""
        ...


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
