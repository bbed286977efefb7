"""One run: a server under load and faults; then the clients drain, everything is read, and the history is checked."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from tests.torture.checker import check
from tests.torture.context import RunContext
from tests.torture.entrances import EachTimeAnother, Entrance
from tests.torture.faults import NO_DOUBLING, check_available
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
from tests.torture.nodes import open_nodes
from tests.torture.plain_client import PlainClient
from tests.torture.process import ServerDied
from tests.torture.product_client import ProductClient
from tests.torture.proxy import NETWORK_FAULTS, NetworkFault, Proxy
from tests.torture.raw_client import RawClient
from tests.torture.single_server import SingleServer, open_single_server
from tests.torture.violations import Rule, Violation
from tests.torture.websocket import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.torture.history import AnyRecord
    from tests.torture.options import Options
    from tests.torture.process import ServerProcess
    from tests.torture.system import System

STABLE_S = 1.5
"""Seconds without a new event after which the logs are final: the server still reads what ended connections sent."""


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
        self._recorder = Recorder()
        self._hits: dict[str, list[str]] = {}
        self._missed: Counter[str] = Counter()

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self._options.seed} {name}")

    async def run(self) -> Outcome:
        options = self._options
        started = trio.current_time()
        open_system = open_nodes if options.nodes else open_single_server
        async with open_system(options, self._directory, self._recorder, self._rng("faults")) as system:
            try:
                await self._run_workload(system)
                starts = sum(server.starts for server in system.servers)
                await system.stop()
            except* ServerDied as died:
                self._recorder.add(Trouble(what=str(died.exceptions[0])))
                starts = sum(server.starts for server in system.servers)
            await system.read_end()
            log_text = system.log_text()
        for entry in tracebacks_in(log_text):
            self._recorder.add(Trouble(what=entry))
        records = self._recorder.records
        rss = system.servers[0].rss
        return Outcome(
            options,
            records,
            [*check(records), *self._memory_violations(rss, starts)],
            self._hits,
            dict(self._missed),
            rss,
            starts,
            trio.current_time() - started,
        )

    async def _run_workload(self, system: System) -> None:
        """Run the clients while faults are injected, drain, and load everything by fresh clients."""
        options = self._options
        entrances = [self._entrance(server, number) for number, server in enumerate(system.servers)]
        proxies = [proxy for entrance in entrances for proxy in entrance.proxies]
        if isinstance(system, SingleServer):
            system.target.proxies = tuple(proxies)
        context = RunContext(
            self._recorder, EachTimeAnother(entrances).port, options.pace_s, options.file_share
        )
        async with trio.open_nursery() as background:
            for proxy in proxies:
                await proxy.listen()
                background.start_soon(proxy.run)
            for server in system.servers:
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
                await self._inject_faults(system)
                for proxy in proxies:
                    proxy.heal()
                await system.heal()
                context.draining.set()
                await self._drain(context, system)
                clients.cancel_scope.deadline = trio.current_time() + options.drain_s
            for proxy in proxies:
                for fault, count in proxy.hits.items():
                    self._record_hit(f"proxy: {fault.value}", *["counted by the proxy"] * count)
            await self._load_everything(context, system, [entrance.plain.port for entrance in entrances])
            background.cancel_scope.cancel()

    def _entrance(self, server: ServerProcess, number: int) -> Entrance:
        options = self._options
        faults = NETWORK_FAULTS if "proxy" in options.faults else ()
        once = tuple(fault for fault in faults if fault is not NetworkFault.DOUBLE)
        # A plain message has no idempotency key: doubled, it is logged twice.
        lead_to_server = partial(Proxy, server.port, host=server.place.host)
        plain = lead_to_server(self._rng(f"plain proxy {number}"), once)
        v1 = lead_to_server(
            self._rng(f"proxy {number}"), once if options.nodes or options.faults & NO_DOUBLING else faults
        )
        is_elsewhere = server.place.host != "127.0.0.1"
        share = 1.0 if is_elsewhere or "storm" in options.faults else 0.7 if faults else 0.0
        return Entrance(server, plain, v1, share)

    async def _load_everything(self, context: RunContext, system: System, ports: list[int]) -> None:
        rng = self._rng("fresh clients")
        for room, (_, members) in system.read_heads().items():
            tokens = [context.tokens[person] for person in (*members, room[1:]) if person in context.tokens]
            if is_public(room) or tokens:
                token = tokens[0] if tokens else None
                self._recorder.add(await load_room(rng.choice(ports), room, token))
        for person, token in context.tokens.items():
            self._recorder.add(await load_room_list(rng.choice(ports), person, token))

    async def _inject_faults(self, system: System) -> None:
        """Inject one fault after the other, each kind once before any comes again, as long as the run lasts."""
        names, rng = system.fault_names, self._rng("which fault")
        end = trio.current_time() + self._options.duration_s
        done = 0
        to_come: list[str] = []
        while True:
            pause_s = rng.expovariate(1 / self._options.pause_s)
            if not names or (done >= self._options.least and trio.current_time() + pause_s > end):
                break
            done += 1
            await trio.sleep(pause_s)
            to_come = to_come or rng.sample(names, len(names))
            name = to_come.pop()
            proof = await system.inject(name)
            kind = hit_kind(self._options, name)
            if proof is None:
                self._missed[kind] += 1
            else:
                self._record_hit(kind, proof)
        await trio.sleep(max(0.0, end - trio.current_time()))

    def _record_hit(self, kind: str, *proofs: str) -> None:
        self._hits.setdefault(kind, []).extend(proofs)
        for proof in proofs:
            self._recorder.add(Fault(kind=kind, proof=proof))

    async def _drain(self, context: RunContext, system: System) -> None:
        """Wait until no client is busy and the logs stand still, then tell the clients where the logs end."""
        with trio.move_on_after(self._options.drain_s) as patience:
            await wait_until(lambda: not context.busy)
        if patience.cancelled_caught:
            left = (
                f"{len(context.busy)} clients were not finished {self._options.drain_s:g} s after the faults"
            )
            self._recorder.add(Trouble(what=left))
        heads: dict[str, tuple[int, list[str]]] = {}
        while heads != (found := system.read_heads()):
            heads = found
            await trio.sleep(STABLE_S)
        context.last_messages = system.read_last_messages()
        context.heads = {LOBBY: 0, **{room: head for room, (head, _) in heads.items()}}

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


def hit_kind(options: Options, name: str) -> str:
    """What a fault of this name is called in histories and reports: those of nodes are others."""
    return f"nodes: {name}" if options.nodes else name


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
