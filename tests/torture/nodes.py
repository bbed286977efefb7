"""Several nodes over one PostgreSQL, as a system under test: each with a data directory and a line to the database of
its own, and one directory of files that they share."""

from __future__ import annotations

import os
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from tests.support.postgresql import NOT_TESTED, new_cluster, programs
from tests.support.postgresql_proxy import proxy
from tests.torture.check_files import left_over
from tests.torture.database_faults import STANDBY, new_standby
from tests.torture.disk import Skipped
from tests.torture.faults import faked_clock
from tests.torture.history import Trouble
from tests.torture.network import open_network
from tests.torture.node_faults import NEED_NETWORK, NEED_STANDBY, NODE_FAULTS
from tests.torture.node_target import Node, NodeFaultTarget
from tests.torture.postgresql_database import read_files, read_heads, read_last_messages, read_logs
from tests.torture.process import Place, open_server
from tests.torture.websocket import wait_until
from tests.torture.wires import Quality
from trio_chat.model.events import DAMAGED
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Sequence

    from tests.torture.history import FilesKept, Recorder
    from tests.torture.network import Machine
    from tests.torture.options import Options
    from tests.torture.process import ServerProcess

ALL = 10**9

PORT = 8080
"""Of nodes on machines of their own."""

SWEEP_S = 20
"""Seconds that the nodes may take to remove files that nothing needs, when they were started."""


class Nodes:
    """See `System`. Made by `open_nodes`."""

    def __init__(self, options: Options, target: NodeFaultTarget, files: Path) -> None:
        self._target = target
        self._files = files
        self.fault_names: Sequence[str] = sorted(options.faults & NODE_FAULTS.keys())

    @property
    def servers(self) -> Sequence[ServerProcess]:
        """See `System`."""
        return [node.server for node in self._target.nodes]

    async def inject(self, name: str) -> str | None:
        """See `System`."""
        return await NODE_FAULTS[name](self._target)

    async def heal(self) -> None:
        """See `System`."""
        for machine in self._target.machines:
            await machine.set_quality(Quality())

    def read_heads(self) -> dict[str, tuple[int, list[str]]]:
        """See `System`."""
        return read_heads(self._target.url)

    def read_last_messages(self) -> dict[str, int]:
        """See `System`."""
        return read_last_messages(self._target.url)

    async def stop(self) -> None:
        """See `System`."""
        await self._terminate()
        async with trio.open_nursery() as nursery:
            for server in self.servers:
                nursery.start_soon(server.start)
        with trio.move_on_after(SWEEP_S):
            await wait_until(lambda: not left_over(self._read_files()))
        await self._terminate()
        self._target.recorder.add(self._read_files())

    async def _terminate(self) -> None:
        async with trio.open_nursery() as nursery:
            for server in self.servers:
                nursery.start_soon(server.terminate)

    def _read_files(self) -> FilesKept:
        parts = [server.data / "files" / "parts" for server in self.servers]
        return read_files(self._target.url, self._files / "blobs", parts)

    async def read_end(self) -> None:
        """See `System`. (Deleted texts are not looked for: PostgreSQL keeps them for a while.)"""
        async with open_postgresql_store(self._target.url) as store:
            for record in read_logs(self._target.url):
                self._target.recorder.add(record)
                log = await store.read_after(record.room, 0, limit=ALL, max_bytes=ALL)
                damaged = [event.seq for event in log if event.kind == DAMAGED]
                if damaged or (await store.position(record.room)).seq != len(log):
                    what = f"the log of {record.room} is not whole: {damaged or 'its head is another'}"
                    self._target.recorder.add(Trouble(what=what))

    def log_text(self) -> str:
        """See `System`."""
        return "\n".join(server.log_text() for server in self.servers)


@asynccontextmanager
async def open_nodes(
    options: Options, directory: Path, recorder: Recorder, rng: random.Random
) -> AsyncIterator[Nodes]:
    """Start PostgreSQL, and nodes over it, on machines of their own if a fault needs them; all of it is ended on
    leaving. Raises `Skipped` and `ServerDied`."""
    files = directory / "shared"
    await trio.Path(files).mkdir()
    async with AsyncExitStack() as stack:
        machines: list[Machine] = []
        if options.faults & NEED_NETWORK:
            machines = await stack.enter_async_context(open_network(options.nodes + 1))
        database = machines[-1] if machines else None
        target = await stack.enter_async_context(_open_database(options, database, recorder, rng))
        for number in range(options.nodes):
            place = directory / f"node-{number}"
            open_node = _open_distant_node if machines else _open_node
            node = await stack.enter_async_context(
                open_node(
                    options, place, target, ("--files", f"shared:{files}"), *machines[number : number + 1]
                )
            )
            target.nodes.append(node)
        yield Nodes(options, target, files)


@asynccontextmanager
async def _open_database(
    options: Options, machine: Machine | None, recorder: Recorder, rng: random.Random
) -> AsyncIterator[NodeFaultTarget]:
    """PostgreSQL with an empty database, for nodes that are to come."""
    if programs() is None and not os.environ.get("CI"):  # there the test fails
        raise Skipped(NOT_TESTED)
    cluster = await trio.to_thread.run_sync(new_cluster)
    target = NodeFaultTarget([], cluster, "", rng, recorder, machine)
    if machine is not None:
        cluster.move(machine.prefix, machine.host)
    try:
        await trio.to_thread.run_sync(cluster.start)
        target.database_name = await trio.to_thread.run_sync(cluster.new_database)
        if options.faults & NEED_STANDBY:
            if "promote" in options.faults:
                cluster.settings["synchronous_standby_names"] = STANDBY  # whenever it starts
            target.standby = await trio.to_thread.run_sync(new_standby, cluster)
        if "promote" in options.faults:
            await target.ask(f"ALTER SYSTEM SET synchronous_standby_names = {STANDBY}")
            await target.ask("SELECT pg_reload_conf()")
        yield target
    finally:
        with trio.CancelScope(shield=True):
            for server in (target.standby, target.cluster):
                if server is not None:
                    await trio.to_thread.run_sync(server.stop)


@asynccontextmanager
async def _open_node(
    options: Options, directory: Path, target: NodeFaultTarget, settings: Sequence[str]
) -> AsyncIterator[Node]:
    """A node on this machine, whose line to the database goes through a proxy."""
    await trio.Path(directory).mkdir()
    clock = directory / "clock"
    environment = faked_clock(clock) if "clock" in options.faults else {}
    # In a folder with a short path: that of a socket must be.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        async with (
            proxy(Path(folder), target.cluster.folder) as line,
            open_server(
                directory / "data",
                directory / "server.log",
                target.recorder,
                (*options.program, *options.settings, *settings, "--store", line.url(target.url)),
                environment,
            ) as server,
        ):
            yield Node(directory.name, server, clock, line=line)


@asynccontextmanager
async def _open_distant_node(
    options: Options, directory: Path, target: NodeFaultTarget, settings: Sequence[str], machine: Machine
) -> AsyncIterator[Node]:
    """A node on a machine of its own, as the database is."""
    await trio.Path(directory).mkdir()
    assert target.database is not None
    url = f"{target.url.partition('?')[0]}?host={target.database.host}"
    async with open_server(
        directory / "data",
        directory / "server.log",
        target.recorder,
        (*options.program, *options.settings, *settings, "--store", url),
        {},
        Place(machine.host, PORT, machine.prefix),
    ) as server:
        yield Node(directory.name, server, directory / "clock", machine=machine)
