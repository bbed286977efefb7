"""Hints between nodes over one database: by NOTIFY, on connections of their own, and never before the commit.

A transaction that writes and notifies holds a lock of the whole server until its commit is on the disk: with sixteen
writers that cut commits to a third. So what was committed is rung afterwards, at most every few milliseconds and all
together. Hints may be lost by that, and need not arrive anyway: everything is looked at now and then, and whenever
listening begins anew. Each ring is heard by who rang as well; while that fails, the line is taken for dead.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING, Final, LiteralString

import msgspec
import psycopg
import trio

from trio_chat.store.hints import EVERYTHING, Hint
from trio_chat.store.postgresql.connection import UNAVAILABLE, PostgresqlConnection
from trio_chat.store.postgresql.watchdog import watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from trio_chat.store.hints import Bell
    from trio_chat.store.postgresql.connection import Raw

LOGGER = logging.getLogger(__name__)

CHANNEL: Final = "trio_chat"

RING_BYTES: Final = 7_900
"""PostgreSQL takes less than 8,000."""

RINGS_AT_ONCE: Final = 20
"""If what was committed does not fit so many, others are told to look at everything."""

RING_EACH_S: Final = 0.005
BEAT_S: Final = 1.0
"""So often at least something is rung."""

SILENT_S: Final = 3.0
"""So long nothing is heard until the line is taken for dead."""

LOOK_EACH_S: Final = 2.0
RECONNECT_S: Final = 0.5


class Ring(msgspec.Struct, array_like=True):
    """What is rung at a time: by which node, and the rooms with the numbers that their logs have come to (None:
    anything may have happened to them)."""

    node: str
    rooms: list[tuple[str | None, int | None]] = []


class Heard:
    """What was heard of nodes, this one included: how many rings, and when the last, on Trio's clock."""

    def __init__(self) -> None:
        self.n_rings = 0
        self.at_s = trio.current_time()


class Ringer:
    """Rings for what this node has committed."""

    def __init__(self, node: str, connection: PostgresqlConnection) -> None:
        self._node = node
        self._connection = connection
        self._noted: dict[str, int | None] = {}
        self._has_noted = trio.Event()
        self.n_rings = 0
        self.heard = Heard()

    def note(self, room: str, seq: int | None) -> None:
        """Ring soon: the room's log has come to this number, or (None) something else happened to it. Sync."""
        before = self._noted.get(room, 0)
        self._noted[room] = None if seq is None or before is None else max(before, seq)
        self._has_noted.set()

    async def run(self) -> None:
        """Ring, until it is cancelled."""
        while True:
            with trio.move_on_after(BEAT_S):
                await self._has_noted.wait()
            self._has_noted = trio.Event()
            noted, self._noted = self._noted, {}
            try:
                await trio.to_thread.run_sync(self._ring, list(rings_of(self._node, noted)))
            except UNAVAILABLE as error:  # lost: others look at everything soon
                LOGGER.warning("other nodes cannot be told what was written: %s", error)
                self._connection.close()
                await trio.sleep(RECONNECT_S)
            await trio.sleep(RING_EACH_S)

    def _ring(self, rings: list[str]) -> None:
        for ring in rings:
            self._connection.execute("SELECT pg_notify(?, ?)", (CHANNEL, ring))
            self.n_rings += 1


def rings_of(node: str, noted: Mapping[str, int | None]) -> Iterator[str]:
    """The texts to ring for these rooms, one at least, each within `RING_BYTES`."""
    encode = msgspec.json.encode
    groups: list[list[tuple[str | None, int | None]]] = [[]]
    size = 100
    for item in noted.items():
        item_size = len(encode(item)) + 1
        if size + item_size > RING_BYTES:
            groups.append([])
            size = 100
        groups[-1].append(item)
        size += item_size
    if len(groups) > RINGS_AT_ONCE:
        groups = [[(None, None)]]
    for group in groups:
        yield encode(Ring(node, group)).decode()


async def listen(
    node: str,
    connect: Callable[[], Raw],
    bell: Bell,
    heard: Heard,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Ring the bell for what other nodes have committed, until it is cancelled; with a new line if one is lost. It has
    started when the first line listens."""
    is_first = True
    while True:
        try:
            raw = await trio.to_thread.run_sync(_connected, connect, f"LISTEN {CHANNEL}")
            try:
                if is_first:
                    task_status.started()
                is_first = False
                bell.ring(EVERYTHING)  # what was rung before was not heard
                await _hear(node, raw, bell, heard)
            finally:
                raw.close()
        except (*UNAVAILABLE, OSError, trio.TooSlowError) as error:
            if is_first:
                raise
            LOGGER.warning(
                "what other nodes write is not heard; another line is tried: %s", str(error) or "it is silent"
            )
            await trio.sleep(RECONNECT_S)


def _connected(connect: Callable[[], Raw], statement: LiteralString) -> Raw:
    """A connection on which this was run."""
    raw = connect()
    try:
        raw.execute(statement)
    except BaseException:
        raw.close()
        raise
    return raw


async def _hear(node: str, raw: Raw, bell: Bell, heard: Heard) -> None:
    while True:
        with trio.fail_after(SILENT_S):
            await trio.lowlevel.wait_readable(raw.fileno())
        raw.pgconn.consume_input()
        while (notified := raw.pgconn.notifies()) is not None:
            heard.n_rings += 1
            heard.at_s = trio.current_time()
            for hint in hints_in(notified.extra, node):
                bell.ring(hint)
        if raw.pgconn.status != psycopg.pq.ConnStatus.OK:
            raise psycopg.OperationalError("the line was closed")


def hints_in(ring: bytes, node: str) -> list[Hint]:
    """The hints of a ring; none in one of this node. What cannot be read (another version's) is about everything."""
    try:
        rung = msgspec.json.decode(ring, type=Ring)
    except msgspec.DecodeError:
        return [EVERYTHING]
    return [] if rung.node == node else [Hint(room, seq) for room, seq in rung.rooms]


async def _look(bell: Bell) -> None:
    while True:
        await trio.sleep(LOOK_EACH_S)
        bell.ring(EVERYTHING)


@asynccontextmanager
async def open_hints(connect: Callable[[], Raw], bell: Bell, *, max_wait_s: float) -> AsyncIterator[Ringer]:
    """A ringer for this node; the bell is rung for what others commit inside the block."""
    node = secrets.token_urlsafe(6)
    # A ring need not survive anything: its commit waits for no disk.
    connect_to_ring = partial(_connected, connect, "SET synchronous_commit = off")
    with closing(PostgresqlConnection(connect_to_ring)) as ringing:
        ringer = Ringer(node, ringing)
        async with trio.open_nursery() as nursery:
            await nursery.start(listen, node, connect, bell, ringer.heard)
            nursery.start_soon(ringer.run)
            nursery.start_soon(_look, bell)
            nursery.start_soon(partial(watch, [ringing], max_wait_s=max_wait_s))
            yield ringer
            nursery.cancel_scope.cancel()
