"""Fault injection into nodes over one PostgreSQL: of their processes, the database, the lines between, and the clocks.

As in `tests.torture.faults`: a fault does its harm once, heals it, and returns the proof that it hit; None if it did
not. Unless it hits the database, the other nodes must go on meanwhile.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeAlias

import attrs
import psycopg
import trio

from tests.support.postgresql import new_cluster
from tests.torture.faults import HEAL_S
from tests.torture.history import Acked, Ended, Greeted, Trouble
from tests.torture.websocket import wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path
    from typing import Any

    from tests.support.postgresql import Cluster
    from tests.support.postgresql_proxy import Proxy
    from tests.torture.history import Recorder
    from tests.torture.network import Machine
    from tests.torture.process import ServerProcess

STANDBY = "standby"
"""The name of a standby, for which commits can wait."""

CLOCK_JUMPS_S = (3_600, -3_600, 0)


@attrs.frozen(eq=False)
class Node:
    """One node: its process, and the file that says how far its clock is off; and either its line to the database, or
    the machine that it runs on."""

    name: str
    server: ServerProcess
    clock: Path
    _line: Proxy | None = None
    _machine: Machine | None = None

    @property
    def line(self) -> Proxy:
        """The line to the database, through a proxy."""
        assert self._line is not None
        return self._line

    @property
    def machine(self) -> Machine:
        """The machine that it runs on."""
        assert self._machine is not None
        return self._machine


@attrs.define(eq=False)
class NodeFaultTarget:
    """What faults are injected into: nodes, and the database that they have in common."""

    nodes: list[Node]
    cluster: Cluster
    """Where the database is written to."""
    database_name: str
    rng: random.Random
    recorder: Recorder
    database: Machine | None = None
    """The machine of the database, if it has one of its own."""

    standby: Cluster | None = None
    """Its standby, if it has one."""

    @property
    def url(self) -> str:
        """The database's address, on no node's line."""
        return self.cluster.url(self.database_name)

    def any_node(self) -> Node:
        """One of the nodes."""
        return self.rng.choice(self.nodes)

    def acks_since(self, mark: int) -> int:
        """Number of commands acknowledged behind that many records."""
        return sum(isinstance(record, Acked) for record in self.recorder.records[mark:])

    @contextmanager
    def meanwhile(self) -> Iterator[Callable[[], int]]:
        """Count the commands that are acknowledged inside the block, up to the call of what this gives."""
        mark = len(self.recorder.records)
        yield lambda: self.acks_since(mark)

    async def wait_healed(self, what: str) -> None:
        """Wait until commands are acknowledged again; a `Trouble` if that takes too long."""
        mark = len(self.recorder.records)
        with trio.move_on_after(HEAL_S) as patience:
            await wait_until(lambda: self.acks_since(mark))
        if patience.cancelled_caught:
            self.recorder.add(Trouble(what=f"nothing was acknowledged within {HEAL_S} s after {what}"))

    async def ask(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a statement, on a connection of its own."""

        def run() -> list[tuple[Any, ...]]:
            with closing(psycopg.connect(self.url, autocommit=True, connect_timeout=10)) as connection:
                cursor = connection.execute(statement.encode(), parameters)
                return cursor.fetchall() if cursor.description else []

        return await trio.to_thread.run_sync(run)


NodeFault: TypeAlias = "Callable[[NodeFaultTarget], Awaitable[str | None]]"


# -- processes --


async def kill(target: NodeFaultTarget) -> str | None:
    """SIGKILL of a node, now and then once more during the start; others go on until it is back."""
    server = target.any_node().server
    await server.kill()
    if target.rng.random() < 0.2:
        await server.start(wait=False)
        await trio.sleep(target.rng.uniform(0, 1))
        await server.kill()
    await trio.sleep(target.rng.uniform(0, 1.5))
    await server.start()
    return "it was gone, and started again"


async def pause(target: NodeFaultTarget) -> str | None:
    """SIGSTOP of a node for some seconds; nobody waits for it."""
    mark = len(target.recorder.records)
    await target.any_node().server.pause(target.rng.uniform(0.5, 3))
    return "it stood still, and others went on" if target.acks_since(mark) else None


async def fence(target: NodeFaultTarget) -> str | None:
    """A node that stands still is declared dead: its row is taken away, and it lives on."""
    server = target.any_node().server
    server.freeze()
    try:
        await trio.sleep(target.rng.uniform(1.5, 4))
        gone = await target.ask(
            "DELETE FROM nodes WHERE id = (SELECT id FROM nodes ORDER BY beat_at LIMIT 1) RETURNING id"
        )
    finally:
        server.thaw()
    await target.wait_healed("a node was declared dead")
    return "its row was taken away" if gone else None


async def rolling(target: NodeFaultTarget) -> str | None:
    """SIGTERM and a start of each node in turn."""
    mark = len(target.recorder.records)
    for node in target.rng.sample(target.nodes, len(target.nodes)):
        await node.server.terminate()
        await node.server.start()
    await target.wait_healed("a rolling restart")
    return "all restarted in turn" if longest_absence(target, mark) is not None else None


def longest_absence(target: NodeFaultTarget, mark: int) -> float | None:
    """The longest time in seconds between the end of a client's connection by the server's will and its next greeting,
    behind that many records; None if there was none."""
    gone: dict[str, int] = {}
    longest: float | None = None
    for record in target.recorder.records[mark:]:
        if isinstance(record, Ended) and record.why.startswith("closed with 10"):
            gone[record.client] = record.at
        elif isinstance(record, Greeted) and record.client in gone:
            longest = max(longest or 0.0, (record.at - gone.pop(record.client)) / 1e9)
    return longest


# -- the database --


async def postgres(target: NodeFaultTarget) -> str | None:
    """SIGKILL of all of PostgreSQL, and a start."""
    await trio.to_thread.run_sync(target.cluster.kill)
    await trio.sleep(target.rng.uniform(0, 2))
    await trio.to_thread.run_sync(target.cluster.start)
    await target.wait_healed("the database was killed")
    return "all its processes were killed, and it recovered"


async def promote(target: NodeFaultTarget) -> str | None:
    """The database dies, and its standby, without which nothing was committed, takes its place; and gets a standby."""
    await trio.to_thread.run_sync(target.cluster.kill)
    await _put_standby_in_place(target)
    await target.wait_healed("a standby was promoted")
    return "it had everything, and took the place of the database"


async def promote_late(target: NodeFaultTarget) -> str | None:
    """The database dies, and its standby takes its place, which has missed what was written for a while."""
    assert target.standby is not None
    mark = len(target.recorder.records)
    await trio.to_thread.run_sync(target.standby.kill)
    with trio.move_on_after(HEAL_S):
        await wait_until(lambda: target.acks_since(mark))
        await trio.sleep(target.rng.uniform(0, 1))
    missed = target.acks_since(mark)
    await trio.to_thread.run_sync(target.cluster.kill)
    await trio.to_thread.run_sync(target.standby.start)
    await _put_standby_in_place(target)
    await target.wait_healed("a standby was promoted")
    return "it had missed what was acknowledged, and took the place of the database" if missed else None


async def _put_standby_in_place(target: NodeFaultTarget) -> None:
    old, new = target.cluster, target.standby
    assert new is not None
    await trio.to_thread.run_sync(new.promote)
    target.cluster = new
    for node in target.nodes:
        node.line.lead_to(new.folder)
    await trio.to_thread.run_sync(old.stop)
    target.standby = await trio.to_thread.run_sync(new_standby, new)


def new_standby(source: Cluster) -> Cluster:
    """Another standby, which follows that one, with its settings."""
    standby = new_cluster(source=source, name=STANDBY)
    standby.settings.update(source.settings)
    standby.start()
    return standby


async def block(target: NodeFaultTarget) -> str | None:
    """Somebody else locks the rows of rooms for some seconds."""
    hold_s = target.rng.uniform(0.3, 4)

    def lock() -> psycopg.Connection[Any]:
        connection = psycopg.connect(target.url, connect_timeout=10)
        connection.execute("SELECT 1 FROM rooms WHERE name IN ('lobby', 'workshop') ORDER BY id FOR UPDATE")
        return connection

    connection = await trio.to_thread.run_sync(lock)
    try:
        await trio.sleep(hold_s)
        waiting = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        assert waiting is not None
    finally:
        connection.close()
    await target.wait_healed("rooms were locked")
    return "somebody waited for the rooms" if waiting[0] else None


async def listener(target: NodeFaultTarget) -> str | None:
    """A listener is lost: its process is ended, or its line falls silent."""
    if target.rng.random() < 0.5:
        ended = await target.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
        )
        return "the listeners' sessions were ended" if ended else None
    node = target.any_node()
    before = node.server.log_text().count("is not heard")
    node.line.hints_are_lost = True
    with trio.move_on_after(10):
        await wait_until(lambda: node.server.log_text().count("is not heard") > before)
        await trio.sleep(target.rng.uniform(0, 2))
    node.line.hints_are_lost = False
    noticed = node.server.log_text().count("is not heard") > before
    return "the line was silent, and was noticed to be" if noticed else None


# -- lines --


async def stall(target: NodeFaultTarget) -> str | None:
    """The line of a node carries nothing for some seconds, and then everything."""
    line = target.any_node().line
    line.stall()
    with target.meanwhile() as acks:
        await trio.sleep(target.rng.uniform(0.5, 5))
        line.flow()
        return "others went on" if acks() else None


async def cut(target: NodeFaultTarget) -> str | None:
    """The line of a node is cut, some times in a row."""
    line = target.any_node().line
    before = line.n_carried
    for _ in range(target.rng.randint(1, 4)):
        line.cut()
        await trio.sleep(target.rng.uniform(0, 0.7))
    with trio.move_on_after(HEAL_S):
        await wait_until(lambda: line.n_carried > before)
        return "it was cut, and others carried on"
    return None


async def deaf(target: NodeFaultTarget) -> str | None:
    """The line of a node swallows all answers for some seconds; half the time it is cut then."""
    line = target.any_node().line
    line.is_deaf = True
    await trio.sleep(target.rng.uniform(0.5, 14))  # sometimes longer than the watchdog waits
    line.is_deaf = False
    if target.rng.random() < 0.5:
        line.cut()
    await target.wait_healed("a line had swallowed answers")
    return "answers were swallowed"


async def commit(target: NodeFaultTarget) -> str | None:
    """Answers to COMMITs are lost, or the COMMITs."""
    line = target.any_node().line
    before = line.n_lost
    setattr(line, target.rng.choice(("answers_to_lose", "commits_to_lose")), target.rng.randint(1, 3))
    with trio.move_on_after(5):
        await wait_until(lambda: not (line.answers_to_lose or line.commits_to_lose))
    line.answers_to_lose = line.commits_to_lose = 0
    return "a commit was in doubt" if line.n_lost > before else None


# -- networks --


async def partition(target: NodeFaultTarget) -> str | None:
    """A node, or the database, is cut off from everybody for some seconds."""
    assert target.database is not None
    machine = target.rng.choice([target.database, *(node.machine for node in target.nodes)])
    mark = len(target.recorder.records)
    await machine.cut_off()
    await trio.sleep(target.rng.uniform(1, 12))
    acks = target.acks_since(mark)
    await machine.connect()
    await target.wait_healed("a machine was cut off")
    if machine is target.database:
        return "the database was cut off"
    return "a node was cut off, and others went on" if acks else None


async def one_way(target: NodeFaultTarget) -> str | None:
    """A node and the database: one of them hears the other, and is not heard."""
    assert target.database is not None
    machine = target.any_node().machine
    deaf, heard = (machine, target.database) if target.rng.random() < 0.5 else (target.database, machine)
    mark = len(target.recorder.records)
    await heard.drop_answers_to(deaf)
    await trio.sleep(target.rng.uniform(1, 12))
    acks = target.acks_since(mark)
    await heard.answer(deaf)
    await target.wait_healed("a machine was not heard")
    return (
        f"the {'node' if heard is machine else 'database'} was not heard, and others went on"
        if acks
        else None
    )


# -- clocks --


async def clock(target: NodeFaultTarget) -> str | None:
    """The wall clock of one node is an hour off, or right again."""
    node, jump_s = target.any_node(), target.rng.choice(CLOCK_JUMPS_S)
    node.clock.write_text(f"{jump_s:+}\n")
    return f"{node.name}'s clock was set {jump_s:+} s off"


NODE_FAULTS: dict[str, NodeFault] = {
    "kill": kill,
    "pause": pause,
    "fence": fence,
    "rolling": rolling,
    "postgres": postgres,
    "promote": promote,
    "promote-late": promote_late,
    "block": block,
    "listener": listener,
    "stall": stall,
    "cut": cut,
    "deaf": deaf,
    "commit": commit,
    "clock": clock,
    "partition": partition,
    "one-way": one_way,
}
"""Faults of nodes by their names on the command line. ``proxy`` is one more: `tests.torture.proxy`."""

NEED_NETWORK = frozenset({"partition", "one-way"})
"""Faults for which each node and the database have a machine of their own."""

NEED_STANDBY = frozenset({"promote", "promote-late"})
"""Faults for which the database has a standby; for the first commits wait for it."""

NEED_LINES = frozenset({"promote", "promote-late", "listener", "stall", "cut", "deaf", "commit", "clock"})
"""Faults for which they have not."""
