"""What faults of nodes are injected into: processes, the database that they have in common, the lines between."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import attrs
import psycopg
import trio

from tests.torture.history import Delivered
from tests.torture.model import LOBBY
from tests.torture.target import Target

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from tests.support.postgresql import Cluster
    from tests.support.postgresql_proxy import Proxy
    from tests.torture.history import Recorder
    from tests.torture.network import Machine
    from tests.torture.process import ServerProcess


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
class NodeFaultTarget(Target):
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

    @property
    def machines(self) -> list[Machine]:
        """The machines of the database and the nodes, if they have any of their own."""
        return [] if self.database is None else [self.database, *(node.machine for node in self.nodes)]

    def any_node(self) -> Node:
        """One of the nodes."""
        return self.rng.choice(self.nodes)

    def lobby_since(self, mark: int) -> Iterator[tuple[int, str]]:
        """Numbers and times of what was delivered of the lobby behind that many records."""
        for record in self.recorder.records[mark:]:
            if isinstance(record, Delivered) and record.room == LOBBY:
                yield record.event.seq, record.event.when

    @contextmanager
    def meanwhile(self) -> Iterator[Callable[[], int]]:
        """Count the commands that are acknowledged inside the block, up to the call of what this gives."""
        mark = len(self.recorder.records)
        yield lambda: self.acks_since(mark)

    async def ask(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a statement, on a connection of its own."""

        def run() -> list[tuple[Any, ...]]:
            with closing(psycopg.connect(self.url, autocommit=True, connect_timeout=10)) as connection:
                cursor = connection.execute(statement.encode(), parameters)
                return cursor.fetchall() if cursor.description else []

        return await trio.to_thread.run_sync(run)
