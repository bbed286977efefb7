"""One run: a server under load and faults; then the clients drain, everything is read, and the history is checked."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from tests.support.process import NAME
from tests.torture.check_files import left_over
from tests.torture.check_state import deleted_texts
from tests.torture.checker import check
from tests.torture.context import RunContext
from tests.torture.database import find_remains, read_files, read_heads, read_last_messages, read_logs
from tests.torture.disk import open_disk
from tests.torture.faults import (
    FAKETIME,
    FAULTS,
    NEED_DISK,
    NEED_FAULTY_VFS,
    NO_DOUBLING,
    FaultTarget,
    check_available,
)
from tests.torture.fresh_client import load_room, load_room_list
from tests.torture.history import (
    DAMAGING_FAULTS,
    Acked,
    Delivered,
    Fault,
    Heard,
    Log,
    Recorder,
    Submitted,
    Trouble,
)
from tests.torture.model import LOBBY, is_public
from tests.torture.oracle import Oracle
from tests.torture.plain_client import PlainClient
from tests.torture.process import PRODUCT, ServerDied, ServerProcess, open_server, run_command
from tests.torture.product_client import ProductClient
from tests.torture.proxy import NETWORK_FAULTS, NetworkFault, Proxy
from tests.torture.raw_client import RawClient
from tests.torture.violations import Rule, Violation
from tests.torture.websocket import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.torture.history import AnyRecord

DATABASE = "chat.db"

DRAIN_S = 300
"""Seconds that draining may take after the last fault; long, since the machine may be busy."""

SWEEP_S = 10
"""Seconds that the server may take to remove files that nothing needs, when it was started."""

STABLE_S = 1.5
"""Seconds without a new event after which the logs are final: the server still reads what ended connections sent."""


@attrs.frozen
class Options:
    """Options of a run."""

    seed: int
    duration_s: float = 20.0
    clients: int = 12
    """Number of `RawClient`s."""
    product_clients: int = 3
    plain_clients: int = 3
    faults: frozenset[str] = frozenset({"kill", "term", "proxy"})
    pause_s: float = 2.0
    """Mean seconds between two faults."""
    pace_s: float = 0.05
    """Mean seconds between two actions of a client."""
    file_share: float = 0.05
    """The share of actions of product clients that are about files."""
    least: int = 0
    """Faults to inject at least, however long that takes."""
    synchronous: str = "FULL"
    program: tuple[str, ...] = PRODUCT
    """What is run, as arguments of Python."""
    settings: tuple[str, ...] = (
        *("--messages-per-second", "0", "--max-connections-per-address", "0"),
        *("--new-people-per-hour", "0", "--new-people-per-address-per-hour", "0", "--disk-floor", "0"),
        *NAME,
    )
    """More options for the server."""


@attrs.frozen
class Outcome:
    """Outcome of a run."""

    options: Options
    records: list[AnyRecord]
    violations: list[Violation]
    hits: dict[str, list[str]]
    """Proofs that a fault hit, by fault."""
    missed: dict[str, int]
    """Number of times that a fault did not hit, by fault."""
    rss: list[int]
    starts: int
    took_s: float

    def count(self, *kinds: type) -> int:
        """Number of records of these kinds."""
        return sum(isinstance(record, kinds) for record in self.records)

    @property
    def n_events(self) -> int:
        """Number of events in the logs."""
        return sum(len(record.events) for record in self.records if isinstance(record, Log))

    def figures(self) -> dict[str, int]:
        """Counts of what happened, by their names in reports."""
        return {
            "submitted": self.count(Submitted),
            "acknowledged": self.count(Acked),
            "in the log": self.n_events,
            "delivered": self.count(Delivered, Heard),
        }


async def torture(options: Options) -> Outcome:
    """Do a run. Raises `Skipped` if this machine lacks something that it needs."""
    check_available(options.faults)
    with tempfile.TemporaryDirectory(prefix="torture-") as directory:
        return await _Run(options, Path(directory)).run()


class _Run:
    def __init__(self, options: Options, directory: Path) -> None:
        self._options = options
        self._directory = directory
        self._output = directory / "server.log"
        self._recorder = Recorder()
        self._hits: dict[str, list[str]] = {}
        self._missed: Counter[str] = Counter()

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self._options.seed} {name}")

    async def run(self) -> Outcome:
        options = self._options
        started = trio.current_time()
        starts = 0
        async with AsyncExitStack() as stack:
            disk = None
            if options.faults & NEED_DISK:
                disk = await stack.enter_async_context(open_disk(self._directory))
            data = (disk.path if disk else self._directory) / "data"
            control, clock = self._directory / "control", self._directory / "clock"
            server = await stack.enter_async_context(
                open_server(
                    data,
                    self._output,
                    self._recorder,
                    (*self._command(control), *options.settings),
                    self._environment(clock),
                )
            )
            target = FaultTarget(server, self._rng("faults"), self._recorder, control, clock, disk)
            try:
                await self._run_workload(target)
                await server.terminate()
                starts = server.starts
                if (data / "files").is_dir():
                    await self._sweep(server, data)
            except* ServerDied as died:
                self._recorder.add(Trouble(what=str(died.exceptions[0])))
            await self._read_files(data)
            log_text = self._output.read_text(errors="replace")
        for entry in tracebacks_in(log_text):
            self._recorder.add(Trouble(what=entry))
        records = self._recorder.records
        return Outcome(
            options,
            records,
            [*check(records), *self._memory_violations(server.rss, starts)],
            self._hits,
            dict(self._missed),
            server.rss,
            starts,
            trio.current_time() - started,
        )

    def _command(self, control: Path) -> tuple[str, ...]:
        if self._options.faults & NEED_FAULTY_VFS or self._options.synchronous != "FULL":
            return ("-m", "tests.torture.faulty_server", str(control), self._options.synchronous)
        return self._options.program

    def _environment(self, clock: Path) -> dict[str, str]:
        if "clock" not in self._options.faults:
            return {}
        clock.write_text("+0\n")
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    async def _run_workload(self, target: FaultTarget) -> None:
        """Run the clients while faults are injected, drain, and load everything by fresh clients."""
        options, server = self._options, target.server
        faults = NETWORK_FAULTS if "proxy" in options.faults else ()
        once = tuple(fault for fault in faults if fault is not NetworkFault.DOUBLE)
        proxies = {
            # A plain message has no idempotency key: doubled, it is logged twice.
            "plain": Proxy(server.port, self._rng("plain proxy"), once),
            "v1": Proxy(server.port, self._rng("proxy"), once if options.faults & NO_DOUBLING else faults),
        }

        def port(rng: random.Random, kind: str) -> int:
            uses_proxy = "storm" in options.faults or (faults and rng.random() < 0.7)
            return proxies[kind].port if uses_proxy else server.port

        target.proxies = tuple(proxies.values())
        context = RunContext(self._recorder, port, options.pace_s, options.file_share)
        async with trio.open_nursery() as background:
            for proxy in proxies.values():
                await proxy.listen()
                background.start_soon(proxy.run)
            background.start_soon(server.watch)
            async with trio.open_nursery() as clients:
                for number in range(options.clients):
                    raw = RawClient(f"raw {number}", context, self._rng(f"raw {number}"))
                    clients.start_soon(raw.run)
                # The product's client gives up when its token is unknown, as it may be after damage.
                for number in range(0 if options.faults & DAMAGING_FAULTS else options.product_clients):
                    product = ProductClient(f"product {number}", context, self._rng(f"product {number}"))
                    clients.start_soon(product.run)
                for number in range(options.plain_clients):
                    plain = PlainClient(f"plain {number}", context, self._rng(f"plain {number}"))
                    clients.start_soon(plain.run)
                await self._inject_faults(target)
                for proxy in proxies.values():
                    proxy.heal()
                context.draining.set()
                await self._drain(context, server)
                clients.cancel_scope.deadline = trio.current_time() + DRAIN_S
            for fault, count in (proxies["v1"].hits + proxies["plain"].hits).items():
                self._record_hit(f"proxy: {fault.value}", *["counted by the proxy"] * count)
            for room, (_, members) in read_heads(server.data / DATABASE).items():
                tokens = [
                    context.tokens[person] for person in (*members, room[1:]) if person in context.tokens
                ]
                if is_public(room) or tokens:
                    self._recorder.add(await load_room(server.port, room, tokens[0] if tokens else None))
            for person, token in context.tokens.items():
                self._recorder.add(await load_room_list(server.port, person, token))
            background.cancel_scope.cancel()

    async def _inject_faults(self, target: FaultTarget) -> None:
        """Inject one fault after the other, as long as the run lasts."""
        names = sorted(self._options.faults & FAULTS.keys())
        end = trio.current_time() + self._options.duration_s
        done = 0
        while True:
            pause_s = target.rng.expovariate(1 / self._options.pause_s)
            if not names or (done >= self._options.least and trio.current_time() + pause_s > end):
                break
            done += 1
            await trio.sleep(pause_s)
            name = target.rng.choice(names)
            proof = await FAULTS[name](target)
            if proof is None:
                self._missed[name] += 1
            else:
                self._record_hit(name, proof)
        await trio.sleep(max(0.0, end - trio.current_time()))

    def _record_hit(self, kind: str, *proofs: str) -> None:
        self._hits.setdefault(kind, []).extend(proofs)
        for proof in proofs:
            self._recorder.add(Fault(kind=kind, proof=proof))

    async def _drain(self, context: RunContext, server: ServerProcess) -> None:
        """Wait until no client is busy and the logs stand still, then tell the clients where the logs end."""
        with trio.move_on_after(DRAIN_S) as patience:
            await wait_until(lambda: not context.busy)
        if patience.cancelled_caught:
            left = f"{len(context.busy)} clients were not finished {DRAIN_S} s after the faults were over"
            self._recorder.add(Trouble(what=left))
        heads: dict[str, tuple[int, list[str]]] = {}
        while heads != (found := read_heads(server.data / DATABASE)):
            heads = found
            await trio.sleep(STABLE_S)
        context.last_messages = read_last_messages(server.data / DATABASE)
        context.heads = {LOBBY: 0, **{room: head for room, (head, _) in heads.items()}}

    async def _sweep(self, server: ServerProcess, data: Path) -> None:
        """Start once more, for that removes what kills have left of files; and read what is there then."""
        await server.start()
        with trio.move_on_after(SWEEP_S):
            await wait_until(lambda: not left_over(read_files(data)))
        await server.terminate()
        self._recorder.add(read_files(data))

    async def _read_files(self, data: Path) -> None:
        """Record the logs in the files, whether `verify` proves them, and deleted texts that remain."""
        for record in read_logs(data / DATABASE):
            self._recorder.add(record)
        if not self._options.faults & DAMAGING_FAULTS:
            verified = await run_command("verify", "--data", str(data))
            if verified.returncode:
                self._recorder.add(Trouble(what=f"the log is not whole: {verified.stdout.decode()}"))
        for remains in find_remains(data, deleted_texts(Oracle(self._recorder.records))):
            self._recorder.add(remains)

    def _memory_violations(self, rss: Sequence[int], starts: int) -> list[Violation]:
        """A violation if memory grew under the same load; only for a long run without restarts."""
        if starts > 1 or len(rss) < 120:
            return []
        quarter = len(rss) // 4
        early = sorted(rss[quarter : 2 * quarter])[quarter // 2]
        late = sorted(rss[-quarter:])[quarter // 2]
        if late > early * 1.1 + 4 * 2**20:
            detail = f"{early / 2**20:.0f} MiB in the second quarter, {late / 2**20:.0f} MiB in the last"
            return [Violation(Rule.TROUBLE, "", "the server's memory grows", detail)]
        return []


def tracebacks_in(output: str) -> list[str]:
    """Entries of a server's log that have a traceback, which means a bug; but for those that Trio writes when there
    is no file descriptor for a connection."""
    entries: list[str] = []
    for line in output.splitlines():
        if entries and line.startswith("    "):
            entries[-1] += f"\n{line}"
        else:
            entries.append(line)
    return [entry for entry in entries if "Traceback" in entry and "trio.serve_listeners" not in entry]
