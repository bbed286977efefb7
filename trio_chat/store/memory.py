"""The log in memory: a fake that keeps every promise of the contract but surviving the process.

For tests, and for trying things out. It has no threads, so it works under an autojump clock.
"""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs
import trio

from trio_chat.errors import NameTaken, StoreUnavailable
from trio_chat.events import Event, Person, Position, damaged
from trio_chat.store.base import Repeat, StoreStatistics
from trio_chat.store.plan import CommandId, Head, Known, Row, plan_append
from trio_chat.store.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from trio_chat.events import Draft
    from trio_chat.store.base import Conflict
    from trio_chat.store.worker import AnswerAll


@attrs.define(eq=False)
class MemoryDisk:
    """What a memory store keeps: open another store on the same disk to play a restart."""

    epoch: str = attrs.field(factory=lambda: secrets.token_urlsafe(6))
    rooms: dict[str, list[Row]] = attrs.field(factory=dict)
    epochs: dict[str, str] = attrs.field(factory=dict)
    known: dict[CommandId, Known] = attrs.field(factory=dict)
    people: dict[str, Person] = attrs.field(factory=dict)
    damaged: set[tuple[str, int]] = attrs.field(factory=set)
    """For tests: the events (room, number) that are not what was written any more."""
    name_keys: dict[str, str] = attrs.field(factory=dict)
    """The id of the person who is known under a name."""
    tokens: dict[bytes, str] = attrs.field(factory=dict)


@asynccontextmanager
async def open_memory_store(disk: MemoryDisk | None = None) -> AsyncIterator[MemoryStore]:
    """A store that forgets everything with its disk, a fresh one if none is given."""
    store = MemoryStore(MemoryDisk() if disk is None else disk)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.writer.run)
        try:
            yield store
        finally:
            store.writer.close(timeout_s=10)
            store.may_commit.set()


@attrs.frozen
class _Append:
    room: str
    drafts: Sequence[Draft]
    at_ms: int


class MemoryStore:
    """A `Store` in memory, with two handles for tests: `holding_commits` and `unavailable`."""

    def __init__(self, disk: MemoryDisk) -> None:
        self.writer: Worker[_Append | Callable[[], object]] = Worker(
            self._answer_all, hop=self._hop, max_weight=2_000
        )
        self.may_commit = trio.Event()
        self.may_commit.set()
        self._disk = disk
        self._trouble: str | None = None
        self._statistics = StoreStatistics()

    @contextmanager
    def holding_commits(self) -> Iterator[None]:
        """For tests: inside the block nothing is committed, as on a slow disk; who writes waits."""
        self.may_commit = trio.Event()
        try:
            yield
        finally:
            self.may_commit.set()

    @contextmanager
    def unavailable(self, why: str = "The disk is full.") -> Iterator[None]:
        """For tests: inside the block every call raises `StoreUnavailable`, as on a full disk."""
        self._trouble = why
        try:
            yield
        finally:
            self._trouble = None

    async def append(
        self, room: str, drafts: Sequence[Draft], *, at_ms: int
    ) -> list[Event | Repeat | Conflict]:
        """See `Store.append`."""
        outcomes: list[Event | Repeat | Conflict] = await self.writer.ask(
            _Append(room, drafts, at_ms), weight=len(drafts)
        )
        return outcomes

    async def position(self, room: str) -> Position:
        """See `Store.position`."""
        await self._reading()
        return Position(len(self._disk.rooms.get(room, ())), self._disk.epochs.get(room, self._disk.epoch))

    async def begin_epoch(self, room: str) -> Position:
        """See `Store.begin_epoch`."""

        def begin() -> Position:
            self._disk.epochs[room] = secrets.token_urlsafe(6)
            return Position(len(self._disk.rooms.get(room, ())), self._disk.epochs[room])

        position: Position = await self.writer.ask(begin)
        return position

    async def read_after(self, room: str, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """See `Store.read_after`."""
        await self._reading()
        rows = self._disk.rooms.get(room, [])
        return self._told(room, _page(islice(rows, max(after, 0), None), limit, max_bytes))

    async def read_before(self, room: str, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """See `Store.read_before`."""
        await self._reading()
        rows = self._disk.rooms.get(room, [])
        newest_first = (rows[index] for index in range(min(before - 1, len(rows)) - 1, -1, -1))
        return self._told(room, reversed(_page(newest_first, limit, max_bytes)))

    async def add_person(self, person: Person, *, name_key: str, token_hash: bytes, at_ms: int) -> None:
        """See `Store.add_person`."""

        def add() -> None:
            if name_key in self._disk.name_keys:
                raise NameTaken(f"The name {person.name!r} is taken.")
            self._disk.name_keys[name_key] = person.id
            self._disk.people[person.id] = person
            self._disk.tokens[token_hash] = person.id

        await self.writer.ask(add)

    async def find_person(self, token_hash: bytes) -> Person | None:
        """See `Store.find_person`."""
        await self._reading()
        person_id = self._disk.tokens.get(token_hash)
        return None if person_id is None else self._disk.people[person_id]

    async def rename_person(self, person_id: str, name: str, *, name_key: str) -> None:
        """See `Store.rename_person`."""

        def rename() -> None:
            if self._disk.name_keys.get(name_key, person_id) != person_id:
                raise NameTaken(f"The name {name!r} is taken.")
            self._disk.people[person_id] = Person(self._disk.people[person_id].id, name)
            for key in [key for key, owner in self._disk.name_keys.items() if owner == person_id]:
                del self._disk.name_keys[key]
            self._disk.name_keys[name_key] = person_id

        await self.writer.ask(rename)

    async def is_name_known(self, name_key: str) -> bool:
        """See `Store.is_name_known`."""
        await self._reading()
        return name_key in self._disk.name_keys

    def statistics(self) -> StoreStatistics:
        """See `Store.statistics`."""
        return self._statistics

    def _told(self, room: str, rows: Iterable[Row]) -> list[Event]:
        return [
            damaged(room, row.seq) if (room, row.seq) in self._disk.damaged else row.event(room)
            for row in rows
        ]

    async def _reading(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._trouble is not None:
            self._statistics = self._statistics.after_failure()
            raise StoreUnavailable(self._trouble)

    async def _hop(self, answer_all: AnswerAll, requests: Sequence[Any]) -> Sequence[Any]:
        started = trio.current_time()
        await trio.lowlevel.checkpoint()
        await self.may_commit.wait()
        if self._trouble is not None:
            self._statistics = self._statistics.after_failure()
            return [StoreUnavailable(self._trouble) for _ in requests]
        answers = answer_all(requests)
        outcomes = [outcome for answer in answers if isinstance(answer, list) for outcome in answer]
        self._statistics = self._statistics.after_commit(
            trio.current_time() - started,
            events=sum(isinstance(outcome, Event) for outcome in outcomes),
            repeats=sum(isinstance(outcome, Repeat) for outcome in outcomes),
        )
        return answers

    def _answer_all(self, requests: Sequence[_Append | Callable[[], object]]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: _Append | Callable[[], object]) -> Any:  # noqa: ANN401
        try:
            return self._append(request) if isinstance(request, _Append) else request()
        except (NameTaken, KeyError, UnicodeEncodeError) as error:
            return error

    def _append(self, append: _Append) -> list[Event | Repeat | Conflict]:
        disk, room = self._disk, append.room
        log = disk.rooms.get(room, [])
        head = Head(log[-1].seq, log[-1].digest) if log else Head()
        plan = plan_append(room, append.drafts, at_ms=append.at_ms, head=head, known=disk.known)
        if plan.rows:
            disk.rooms.setdefault(room, []).extend(plan.rows)
            disk.epochs.setdefault(room, disk.epoch)
            disk.known.update(plan.known)
        return plan.outcomes


def _page(rows: Iterable[Row], limit: int, max_bytes: int) -> list[Row]:
    """The first rows that fit the bounds, and at least one if there is any and ``limit`` allows it."""
    page: list[Row] = []
    for row in islice(rows, max(limit, 0)):
        max_bytes -= len(row.body.encode())
        if page and max_bytes < 0:
            break
        page.append(row)
    return page
