"""SQLite implementation of the `Store` contract, wherever the database is: one function over a connection per method.

Writes wait in one queue, reads in a second, searches and the directory in a third; each queue runs in batches
(`BatchQueue`).
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import attrs
import trio

from trio_chat.store.group_commit import BatchQueue
from trio_chat.store.space import Space
from trio_chat.store.sqlite import (
    album,
    changes,
    devices,
    epochs,
    files,
    history,
    newcomers,
    people,
    read_markers,
    retention,
    rooms,
    search,
    standing,
    uploads,
)
from trio_chat.store.sqlite.writer import Append

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    import apsw

    from trio_chat.kinds.standing import Mode, Server
    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.base import Store, StoreStatistics
    from trio_chat.store.group_commit import Executor, RunBatch
    from trio_chat.store.sqlite.reader import Read, SqliteReader
    from trio_chat.store.sqlite.writer import SqliteWriter, Write

    _P = ParamSpec("_P")
    _Answer = TypeVar("_Answer")
    _Function = Callable[Concatenate[apsw.Connection, _P], _Answer]
    _Method = Callable[Concatenate["SqliteStore", _P], Coroutine[Any, Any, _Answer]]


def _method(
    queue_of: Callable[[SqliteStore], BatchQueue[Any]], function: _Function[_P, _Answer]
) -> _Method[_P, _Answer]:
    async def method(store: SqliteStore, /, *args: _P.args, **kwargs: _P.kwargs) -> _Answer:
        answer: _Answer = await queue_of(store).submit(
            lambda connection: function(connection, *args, **kwargs)
        )
        return answer

    return method


def _reads(function: _Function[_P, _Answer]) -> _Method[_P, _Answer]:
    """Method that calls the function with the connection that reads."""
    return _method(lambda store: store.reads, function)


def _writes_always(function: _Function[_P, _Answer]) -> _Method[_P, _Answer]:
    """Method that calls the function with the connection that writes, inside the transaction of its batch, also when
    the disk is full: what is small, and what reading and deleting need."""
    return _method(lambda store: store.writes, function)


def _writes(
    function: _Function[_P, _Answer], check: Callable[[Space], None] = Space.check_writing
) -> _Method[_P, _Answer]:
    """The same for what needs space: raises what ``check`` raises, and then nothing was written."""
    write = _writes_always(function)

    async def method(store: SqliteStore, /, *args: _P.args, **kwargs: _P.kwargs) -> _Answer:
        check(store.space)
        return await write(store, *args, **kwargs)

    return method


def _searches(function: _Function[_P, _Answer]) -> _Method[_P, _Answer]:
    """Method that calls the function with the connection that searches."""
    return _method(lambda store: store.searches, function)


class SqliteStore:
    """Store over SQLite connections. Its methods are documented in `Store`."""

    def __init__(
        self,
        writer: SqliteWriter,
        reader: SqliteReader,
        searcher: SqliteReader,
        *,
        write_executor: Executor,
        read_executor: Executor,
        search_executor: Executor,
    ) -> None:
        self.space = writer.space
        self.on_gone: Callable[[], object] = lambda: None
        """See `FileTable`."""
        self._writer = writer
        self._reader = reader
        self._searcher = searcher
        self.writes: BatchQueue[Write] = BatchQueue(
            writer.run_batch, executor=self._telling_of_gone(write_executor), max_weight=2_000
        )
        self.reads: BatchQueue[Read] = BatchQueue(reader.run_batch, executor=read_executor, max_weight=32)
        self.searches: BatchQueue[Read] = BatchQueue(
            searcher.run_batch, executor=search_executor, max_weight=1
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

    @property
    def default_mode(self) -> Mode:
        """See `Store`."""
        return self._writer.default_mode

    @default_mode.setter
    def default_mode(self, mode: Mode) -> None:
        self._writer.default_mode = mode

    async def server(self) -> Server:
        """See `Store`."""
        return await self._read_server(default_mode=self.default_mode)

    _read_server = _reads(standing.server)

    position = _reads(history.position)
    proof_key = _reads(epochs.proof_key)
    begin_epoch = _writes_always(epochs.begin_epoch)
    read_after = _reads(history.read_after)
    read_before = _reads(history.read_before)
    read_some = _reads(history.read_some)
    find_command = _reads(history.find_command)
    expired_messages = _reads(retention.expired_messages)
    read_changes = _reads(changes.read_changes)
    reactions = _reads(changes.reactions)
    read_versions = _reads(changes.read_versions)
    personal = _reads(changes.personal)

    state = _reads(rooms.state)
    listing = _reads(rooms.listing)
    requests = _reads(rooms.requests)
    are_strangers = _reads(rooms.are_strangers)
    directory = _searches(rooms.directory)
    retentions = _reads(retention.retentions)
    open_reports = _reads(standing.open_reports)
    messages_of = _searches(standing.messages_of)
    has_owner = _reads(standing.has_owner)
    add_owner_link = _writes_always(standing.add_owner_link)
    is_owner_link = _reads(standing.is_owner_link)
    add_invite = _writes(rooms.add_invite)
    invites = _reads(rooms.invites)
    void_invites = _writes_always(rooms.void_invites)
    find_invite = _reads(rooms.find_invite)

    add_person = _writes(people.add_person, Space.check_newcomer)
    is_name_known = _reads(people.is_name_known)
    people_named = _searches(people.people_named)
    set_profile = _writes(people.set_profile)
    hiding = _reads(people.hiding)
    blocks = _reads(people.blocks)
    known_ms = _reads(newcomers.known_ms)
    branch = _reads(newcomers.branch)
    addresses_key = _reads(newcomers.addresses_key)
    note_addresses = _writes(newcomers.note_addresses)
    banned_addresses = _reads(newcomers.banned_addresses)
    picture = _reads(people.picture)
    note_seen = _writes_always(people.note_seen)
    server_identity = _reads(devices.server_identity)
    add_device = _writes_always(devices.add_device)
    find_login = _reads(devices.find_login)
    use_device = _writes_always(devices.use_device)
    note_devices_used = _writes_always(devices.note_devices_used)
    remove_devices = _writes_always(devices.remove_devices)
    set_recovery_code = _writes_always(devices.set_recovery_code)
    recovery_code_made = _reads(devices.recovery_code_made)
    find_recovery_code = _reads(devices.find_recovery_code)
    devices = _reads(devices.devices)  # last, for it hides the module

    people = _reads(people.people)  # last, for it hides the module

    begin_upload = _writes(uploads.begin_upload, Space.check_files)
    forward_file = _writes(uploads.forward_file, Space.check_files)
    finish_upload = _writes_always(uploads.finish_upload)
    drop_upload = _writes_always(uploads.drop_upload)
    upload = _reads(uploads.find_upload)
    expired_uploads = _reads(uploads.expired_uploads)
    part_ids = _reads(uploads.part_ids)
    uploads = _reads(uploads.uploads)  # last, for it hides the module

    find_file = _reads(files.find_file)
    gone_blobs = _reads(files.gone_blobs)
    forget_gone = _writes_always(files.forget_gone)
    known_blobs = _reads(files.known_blobs)
    files_usage = _reads(files.files_usage)
    files_left = _reads(files.files_left)
    server_usage = _reads(files.server_usage)
    keep_file_key = _writes_always(files.keep_file_key)
    find_file_key = _reads(files.find_file_key)

    move_read_markers = _writes_always(read_markers.move_read_markers)
    reached = _reads(read_markers.reached)
    receipts = _reads(read_markers.receipts)
    read_markers = _reads(read_markers.read_markers)  # last, for it hides the module

    find = _searches(search.find)
    album = _searches(album.album)  # last, for it hides the module

    reusable_bytes = _reads(history.reusable_bytes)

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        written = self._writer.statistics
        failures = written.failures + self._reader.failures + self._searcher.failures
        return attrs.evolve(written, failures=failures)


if TYPE_CHECKING:
    _fulfils: type[Store] = SqliteStore
