"""The `Store` contract over SQL: one function over a connection per method. What engines do differently they add.

Writes wait in one queue, reads in a second, searches and the directory in a third; each queue runs in batches
(`BatchQueue`).
"""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

import attrs
import trio

from trio_chat.errors import StoreUnavailable
from trio_chat.model.files import BlobName
from trio_chat.store.group_commit import BatchQueue
from trio_chat.store.hints import Bell, Hint
from trio_chat.store.node_messages import Told
from trio_chat.store.space import Space
from trio_chat.store.sql import (
    album,
    arrivals,
    blobs,
    changes,
    changes_about_people,
    device_codes,
    devices,
    epochs,
    files,
    history,
    moves,
    name_claims,
    newcomers,
    people,
    read_markers,
    releases,
    retention,
    rooms,
    search,
    standing,
    uploads,
)
from trio_chat.store.sql.requests import Append
from trio_chat.store.sql.succession import LOOKED_EACH_S, Succession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager

    from trio_chat.kinds.standing import Mode, Server
    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import Profile, ReadMarker
    from trio_chat.store.base import Store
    from trio_chat.store.contract.statistics import StoreStatistics
    from trio_chat.store.group_commit import Executor, RunBatch
    from trio_chat.store.moved import Moved
    from trio_chat.store.node_messages import NodeMessage
    from trio_chat.store.sql.appending import Memory
    from trio_chat.store.sql.reader import Reader
    from trio_chat.store.sql.requests import Read

    _P = ParamSpec("_P")
    _Answer = TypeVar("_Answer")
    _Function = Callable[Concatenate[Any, _P], _Answer]
    _Method = Callable[Concatenate["SqlStore", _P], Coroutine[Any, Any, _Answer]]


def _method(
    queue_of: Callable[[SqlStore], BatchQueue[Any]], function: _Function[_P, _Answer]
) -> _Method[_P, _Answer]:
    async def method(store: SqlStore, /, *args: _P.args, **kwargs: _P.kwargs) -> _Answer:
        answer: _Answer = await queue_of(store).submit(
            lambda connection: function(connection, *args, **kwargs)
        )
        return answer

    return method


def reads(function: _Function[_P, _Answer]) -> _Method[_P, _Answer]:
    """Method that calls the function with the connection that reads."""
    return _method(lambda store: store.reads, function)


def writes_always(function: _Function[_P, _Answer]) -> _Method[_P, _Answer]:
    """Method that calls the function with the connection that writes, inside the transaction of its batch, also when
    the disk is full: what is small, and what reading and deleting need."""
    return _method(lambda store: store.writes, function)


def _writes(
    function: _Function[_P, _Answer], check: Callable[[Space], None] = Space.check_writing
) -> _Method[_P, _Answer]:
    """The same for what needs space: raises what ``check`` raises, and then nothing was written."""
    write = writes_always(function)

    async def method(store: SqlStore, /, *args: _P.args, **kwargs: _P.kwargs) -> _Answer:
        check(store.space)
        return await write(store, *args, **kwargs)

    return method


def searches(function: _Function[_P, _Answer]) -> _Method[_P, _Answer]:
    """Method that calls the function with the connection that searches."""
    return _method(lambda store: store.searches, function)


class Writer(Protocol):
    """The side of a store that writes: in the thread of its batches, if nothing else is said."""

    space: Space
    memory: Memory
    has_gone: bool
    """Whether there may be blobs that nothing needs any more, until somebody takes note of it."""
    statistics: StoreStatistics
    """Replaced as a whole after each batch: may be read from any thread."""

    def run_batch(self, requests: Sequence[Any], /) -> list[Any]:
        """Run appends and functions (`requests`) in transactions; one answer for each, an exception for what failed."""
        ...


class SqlStore:
    """Store over connections that write, read and search. Its methods are documented in `Store`."""

    has_nodes = False
    reconnects = 0

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        searcher: Reader,
        *,
        write_executor: Executor,
        read_executor: Executor,
        search_executor: Executor,
    ) -> None:
        self.space = writer.space
        self.on_gone: Callable[[], object] = lambda: None
        """See `FileTable`."""
        self.bell = Bell[Hint]()
        """Rung for what others write to the same database; where nobody else does, by nobody."""
        self.node = secrets.token_urlsafe(9)
        self.node_bell = Bell[Told]()
        """Rung for what other nodes tell; where there are none, by nobody."""
        self._writer = writer
        self._reader = reader
        self._searcher = searcher
        self._succession = Succession()
        handing_over = self._succession.handing_over
        self.writes: BatchQueue[Any] = BatchQueue(
            writer.run_batch,
            executor=handing_over(self._telling_of_gone(write_executor), lambda heir: heir.writes),
            max_weight=2_000,
        )
        self.reads: BatchQueue[Read] = BatchQueue(
            reader.run_batch, executor=handing_over(read_executor, lambda heir: heir.reads), max_weight=32
        )
        self.searches: BatchQueue[Read] = BatchQueue(
            searcher.run_batch,
            executor=handing_over(search_executor, lambda heir: heir.searches),
            max_weight=1,
        )

    @asynccontextmanager
    async def running(self, *, close_timeout_s: float) -> AsyncIterator[trio.Nursery]:
        """Run the queues. Leaving the block finishes what is waiting, for at most this long."""
        queues: tuple[BatchQueue[Any], ...] = (self.writes, self.reads, self.searches)
        async with trio.open_nursery() as nursery:
            for queue in queues:
                nursery.start_soon(queue.run)
            try:
                yield nursery
            finally:
                for queue in queues:
                    queue.close(timeout_s=close_timeout_s)

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """See `Store`. The appends of a batch share one transaction."""
        outcomes: list[Outcome] = await self.writes.submit(Append(room, drafts, at_ms), weight=len(drafts))
        return outcomes

    def _telling_of_gone(self, executor: Executor) -> Executor:
        async def telling(run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
            answers = await executor(run_batch, requests)
            if self._writer.has_gone:
                self._writer.has_gone = False
                self.on_gone()
            return answers

        return telling

    async def wait_moved(self) -> Moved:
        """See `Store`."""
        while True:
            with trio.move_on_after(LOOKED_EACH_S):
                await self._succession.has_moved.wait()
            with suppress(StoreUnavailable):
                moved = await self._find_moved()
                if moved is not None:
                    return moved
            if self._succession.has_moved.is_set():  # nothing was waited for above
                await trio.sleep(LOOKED_EACH_S)

    _find_moved = reads(moves.find_moved)

    def hand_over(self, heir: Store | None) -> None:
        """See `Store`."""
        assert heir is None or isinstance(heir, SqlStore)
        if heir is not None:  # what waits is judged as it would have been here
            heir.default_mode = self.default_mode
            heir.space.person_quota, heir.space.room_quota = self.space.person_quota, self.space.room_quota
        self._succession.settle(heir)

    def stop_waiting_at(self, moment: float) -> None:
        """See `Store`. (A file's disk either answers or holds the program.)"""

    @property
    def default_mode(self) -> Mode:
        """See `Store`."""
        return self._writer.memory.default_mode

    @default_mode.setter
    def default_mode(self, mode: Mode) -> None:
        self._writer.memory.default_mode = mode

    async def server(self) -> Server:
        """See `Store`."""
        return await self._read_server(default_mode=self.default_mode)

    _read_server = reads(standing.server)

    position = reads(history.position)
    positions = reads(history.positions)
    proof_key = reads(epochs.proof_key)
    begin_epoch = writes_always(epochs.begin_epoch)
    read_after = reads(history.read_after)
    read_before = reads(history.read_before)
    read_some = reads(history.read_some)
    changes_about_people = reads(changes_about_people.changes_about_people)
    find_command = reads(history.find_command)
    expired_messages = reads(retention.expired_messages)
    read_changes = reads(changes.read_changes)
    reactions = reads(changes.reactions)
    read_versions = reads(changes.read_versions)
    personal = reads(changes.personal)

    state = reads(rooms.state)
    state_with_some = reads(rooms.state_with_some)
    listing = reads(rooms.listing)
    listed = reads(arrivals.listed)
    requests = reads(rooms.requests)
    are_strangers = reads(rooms.are_strangers)
    directory = searches(rooms.directory)
    retentions = reads(retention.retentions)
    open_reports = reads(standing.open_reports)
    messages_of = searches(standing.messages_of)
    has_owner = reads(standing.has_owner)
    forget_release = writes_always(releases.forget_release)
    releases = reads(releases.releases)  # last, for it hides the module
    add_owner_link = writes_always(standing.add_owner_link)
    is_owner_link = reads(standing.is_owner_link)
    add_invite = _writes(rooms.add_invite)
    invites = reads(rooms.invites)
    void_invites = writes_always(rooms.void_invites)
    find_invite = reads(rooms.find_invite)

    add_person = _writes(people.add_person, Space.check_newcomer)
    is_name_known = reads(name_claims.is_name_known)
    claim_name = reads(name_claims.claim_alone)
    keep_claims = reads(name_claims.keep_alone)
    people_named = searches(people.people_named)
    set_profile = _writes(people.set_profile)
    hiding = reads(people.hiding)
    blocks = reads(people.blocks)
    arrival = reads(arrivals.arrival)
    known_ms = reads(newcomers.known_ms)
    branch = reads(newcomers.branch)
    addresses_key = reads(newcomers.addresses_key)
    note_addresses = _writes(newcomers.note_addresses)
    banned_addresses = reads(newcomers.banned_addresses)
    picture = reads(people.picture)
    note_seen = writes_always(people.note_seen)
    server_identity = reads(devices.server_identity)
    add_device = writes_always(devices.add_device)
    find_login = reads(devices.find_login)
    use_device = writes_always(devices.use_device)
    gone_devices = reads(devices.gone_devices)
    note_devices_used = writes_always(devices.note_devices_used)
    remove_devices = writes_always(devices.remove_devices)
    add_device_code = writes_always(device_codes.add_device_code)
    find_device_code = reads(device_codes.find_device_code)
    use_device_code = writes_always(device_codes.use_device_code)
    charge_guess = writes_always(device_codes.charge_guess)
    set_recovery_code = writes_always(devices.set_recovery_code)
    recovery_code_made = reads(devices.recovery_code_made)
    find_recovery_code = reads(devices.find_recovery_code)
    devices = reads(devices.devices)  # last, for it hides the module

    people = reads(people.people)  # last, for it hides the module

    begin_upload = _writes(uploads.begin_upload, Space.check_files)
    forward_file = _writes(uploads.forward_file, Space.check_files)
    finish_upload = writes_always(uploads.finish_upload)
    drop_upload = writes_always(uploads.drop_upload)
    upload = reads(uploads.find_upload)
    expired_uploads = reads(uploads.expired_uploads)
    part_ids = reads(uploads.part_ids)
    uploads = reads(uploads.uploads)  # last, for it hides the module

    find_file = reads(files.find_file)
    gone_blobs = reads(blobs.gone_blobs)
    take_gone = reads(blobs.gone_blobs)
    forget_gone = writes_always(blobs.forget_gone)
    known_blobs = reads(blobs.known_blobs)
    mark_of_files = reads(files.mark_of_files)
    set_mark_of_files = writes_always(files.set_mark_of_files)
    files_usage = reads(files.files_usage)
    files_left = reads(files.files_left)
    server_usage = reads(files.server_usage)
    keep_file_key = writes_always(files.keep_file_key)
    find_file_key = reads(files.find_file_key)

    move_read_markers = writes_always(read_markers.move_read_markers)
    receipts = reads(read_markers.receipts)
    read_markers = reads(read_markers.read_markers)  # last, for it hides the module

    find = searches(search.find)
    album = searches(album.album)  # last, for it hides the module

    async def name_blob(self, upload: str, content_hash: str) -> BlobName | None:
        """See `Store`. Where one server puts blobs, content has one name."""
        await trio.lowlevel.checkpoint()
        return BlobName(content_hash, is_there=False)

    async def give_gone_back(self) -> None:
        """See `Store`. Where one server removes blobs, nothing is taken."""
        await trio.lowlevel.checkpoint()

    async def charge(self, bucket: bytes, at_ms: int, *, n: float, period_ms: int) -> int:
        """See `Store`."""
        await trio.lowlevel.checkpoint()
        return 0

    async def take_chore(self, chore: str) -> bool:
        """See `Store`. A node that is alone does all of them."""
        await trio.lowlevel.checkpoint()
        return True

    def hints(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Hint]]:
        """See `Store`."""
        return self.bell.listen()

    async def live_nodes(self) -> frozenset[str]:
        """See `Store`."""
        return frozenset({self.node})

    def tell_nodes(self, message: NodeMessage) -> None:
        """See `Store`."""

    async def changed_profiles(self, *, within_s: int, limit: int) -> list[Profile]:
        """See `Store`."""
        return []

    async def moved_read_markers(
        self, rooms: Collection[str], *, within_s: int, limit: int
    ) -> list[ReadMarker]:
        """See `Store`."""
        return []

    def node_messages(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Told]]:
        """See `Store`."""
        return self.node_bell.listen()

    def now_ms(self) -> int:
        """See `Store`. Who is alone has the clock of the machine."""
        return time.time_ns() // 1_000_000

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        written = self._writer.statistics
        failures = written.failures + self._reader.failures + self._searcher.failures
        return attrs.evolve(written, failures=failures)
