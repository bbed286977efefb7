"""Hints and messages between nodes over one database: by NOTIFY, on connections of their own, and never before the
commit.

A transaction that writes and notifies holds a lock of the whole server until its commit is on the disk: with sixteen
writers that cut commits to a third. So what was committed is rung afterwards, at most every few milliseconds and all
together. Hints may be lost by that, and need not arrive anyway: everything is looked at now and then, and whenever
listening begins anew. Each ring is heard by who rang as well; while that fails, the line is taken for dead.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, closing
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

import psycopg
import trio

from trio_chat.store.hints import EVERYTHING
from trio_chat.store.node_messages import MESSAGE_BYTES, encode_message
from trio_chat.store.postgresql import leases
from trio_chat.store.postgresql.connect import execute_in_time
from trio_chat.store.postgresql.connection import UNAVAILABLE, PostgresqlConnection
from trio_chat.store.postgresql.rings import FRESH_MS, RING_BYTES, RungEvents, heard_in, rings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from trio_chat.model.events import Event
    from trio_chat.store.hints import Bell, Hint
    from trio_chat.store.node_messages import NodeMessage, Told
    from trio_chat.store.postgresql.clock import DatabaseClock
    from trio_chat.store.postgresql.connection import Raw
    from trio_chat.store.postgresql.rings import Ring
    from trio_chat.store.postgresql.watchdog import Patience

LOGGER = logging.getLogger(__name__)

RING_EACH_S: Final = 0.005
BEAT_S: Final = 1.0
"""So often at least something is rung, the lease of this node goes on (`leases`), and the database's clock is read."""

MESSAGES_WAITING_BYTES: Final = 10 * RING_BYTES
"""Messages that wait to be rung; what comes beyond is lost. Half of it is for those that are told but once."""

SILENT_S: Final = 3.0
"""So long nothing is heard until the line is taken for dead."""

LOOK_EACH_S: Final = 2.0
RECONNECT_S: Final = 0.5


class Heard:
    """What was heard of nodes, this one included: how many rings, and when the last, on Trio's clock; and of how many
    epochs of everything."""

    def __init__(self, clock: DatabaseClock, epochs: int, on_epoch: Callable[[], object]) -> None:
        self._on_epoch = on_epoch
        self.n_rings = 0
        self.at_s = trio.current_time()
        self.epochs = epochs
        self._clock = clock

    def note_epochs(self, epochs: int) -> bool:
        """Take note that somebody knows of so many epochs of everything; True if that is more than was known, so that
        everything is looked at."""
        if epochs <= self.epochs:
            return False
        self.epochs = epochs
        self._on_epoch()
        return True

    def believes(self, ring: Ring) -> bool:
        """Whether the events of a ring may be told without being read: they are of this epoch, and fresh. Where it says
        that there is a later one, everything is looked at."""
        if self.note_epochs(ring.epochs):
            return False
        return ring.epochs == self.epochs and abs(self._clock.now_ms() - ring.at_ms) <= FRESH_MS


class Ringer:
    """Rings for what this node has committed, and tells."""

    def __init__(
        self,
        node: str,
        connection: PostgresqlConnection,
        clock: DatabaseClock,
        *,
        channel: str,
        epochs: Callable[[], int],
        on_epoch: Callable[[], object],
    ) -> None:
        self._node = node
        self._clock = clock
        self._connection = connection
        self._channel = channel
        self._epochs = epochs
        self._events = RungEvents()
        self._noted: dict[str, int | None] = {}
        self._told: list[bytes] = []
        self._told_bytes = 0
        self._beaten_s = 0.0
        self._has_noted = trio.Event()
        self.n_rings = 0
        self.heard = Heard(clock, epochs(), on_epoch)

    def note(self, room: str, seq: int | None, events: Sequence[Event] = ()) -> None:
        """Ring soon: the room's log has come to this number, by these events, or (None) something else happened to it.
        Sync."""
        self.heard.note_epochs(self._epochs())  # this node may have begun one, or found it begun
        self._events.add(events)
        before = self._noted.get(room, 0)
        self._noted[room] = None if seq is None or before is None else max(before, seq)
        self._has_noted.set()

    def tell(self, message: NodeMessage) -> None:
        """Ring soon with this message; what is too much is lost. Sync."""
        told = encode_message(message)
        if len(told) > MESSAGE_BYTES:
            LOGGER.error("a message to other nodes of %d bytes is lost: %s", len(told), type(message))
        elif self._told_bytes + len(told) <= MESSAGES_WAITING_BYTES // (2 if message.is_told_again else 1):
            self._told.append(told)
            self._told_bytes += len(told)
            self._has_noted.set()

    async def run(self) -> None:
        """Ring, until it is cancelled."""
        while True:
            with trio.move_on_after(BEAT_S):
                await self._has_noted.wait()
            self._has_noted = trio.Event()
            noted, self._noted = self._noted, {}
            told, self._told, self._told_bytes = self._told, [], 0
            try:
                at_ms, epochs = self._events.since_ms or self._clock.now_ms(), self.heard.epochs
                rings = rings_of(self._node, noted, told, self._events, at_ms=at_ms, epochs=epochs)
                await trio.to_thread.run_sync(self._ring, list(rings))
            except UNAVAILABLE as error:  # lost: others look at everything soon
                LOGGER.warning("other nodes cannot be told what was written: %s", error)
                self._connection.close()
                await trio.sleep(RECONNECT_S)
            await trio.sleep(RING_EACH_S)

    def _ring(self, rings: list[str]) -> None:
        if monotonic() - self._beaten_s >= BEAT_S:
            leases.beat(self._connection, self._node)
            self._clock.sample(self._connection)
            self._beaten_s = monotonic()
        for ring in rings:
            self._connection.execute("SELECT pg_notify(?, ?)", (self._channel, ring))
            self.n_rings += 1


async def listen(
    node: str,
    channel: str,
    connect: Callable[[], Raw],
    bell: Bell[Hint],
    node_bell: Bell[Told],
    heard: Heard,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Ring the bells for what other nodes have committed, and what they tell, until it is cancelled; with a new line if
    one is lost. It has started when the first line listens."""
    is_first = True
    while True:
        try:
            raw = await trio.to_thread.run_sync(_connected, connect, f"LISTEN {channel}")
            try:
                if is_first:
                    task_status.started()
                is_first = False
                bell.ring(EVERYTHING)  # what was rung before was not heard
                await _hear(node, raw, bell, node_bell, heard)
            finally:
                raw.close()
        except (*UNAVAILABLE, OSError, trio.TooSlowError) as error:
            if is_first:
                raise
            LOGGER.warning(
                "what other nodes write is not heard; another line is tried: %s", str(error) or "it is silent"
            )
            await trio.sleep(RECONNECT_S)


def _connected(connect: Callable[[], Raw], statement: str) -> Raw:
    """A connection on which this was run."""
    raw = connect()
    try:
        execute_in_time(raw, statement)
    except BaseException:
        raw.close()
        raise
    return raw


async def _hear(node: str, raw: Raw, bell: Bell[Hint], node_bell: Bell[Told], heard: Heard) -> None:
    while True:
        with trio.fail_after(SILENT_S):
            await trio.lowlevel.wait_readable(raw.fileno())
        raw.pgconn.consume_input()
        while (notified := raw.pgconn.notifies()) is not None:
            heard.n_rings += 1
            heard.at_s = trio.current_time()
            hints, told = heard_in(notified.extra, node, is_believed=heard.believes)
            for hint in hints:
                bell.ring(hint)
            for one in told:
                node_bell.ring(one)
        if raw.pgconn.status != psycopg.pq.ConnStatus.OK:
            raise psycopg.OperationalError("the line was closed")


async def _look(bell: Bell[Hint]) -> None:
    while True:
        await trio.sleep(LOOK_EACH_S)
        bell.ring(EVERYTHING)


@asynccontextmanager
async def open_hints(
    node: str,
    connect: Callable[[], Raw],
    bell: Bell[Hint],
    node_bell: Bell[Told],
    clock: DatabaseClock,
    *,
    channel: str,
    epochs: Callable[[], int],
    patience: Patience,
) -> AsyncIterator[Ringer]:
    """A ringer for this node; the bells are rung for what others commit and tell inside the block. ``epochs`` gives how
    many epochs of everything this node knows of."""
    # A ring need not survive anything: its commit waits for no disk.
    connect_to_ring = partial(_connected, connect, "SET synchronous_commit = off")
    with closing(PostgresqlConnection(connect_to_ring)) as ringing:
        ringer = Ringer(
            node, ringing, clock, channel=channel, epochs=epochs, on_epoch=partial(bell.ring, EVERYTHING)
        )
        async with patience.watching([ringing]), trio.open_nursery() as nursery:
            await nursery.start(listen, node, channel, connect, bell, node_bell, ringer.heard)
            nursery.start_soon(ringer.run)
            nursery.start_soon(_look, bell)
            yield ringer
            nursery.cancel_scope.cancel()
