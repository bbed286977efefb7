"""One run: a server, clients that talk to it, faults; then silence, a look at what everybody holds, and the verdict."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from tests.torture.check_state import deleted_texts
from tests.torture.checker import check
from tests.torture.context import World
from tests.torture.database import find_remains, read_heads, read_last_messages, read_logs
from tests.torture.disk import open_disk
from tests.torture.faults import (
    FAKETIME,
    FAULTS,
    MAY_REFUSE,
    NEED_BAD_SERVER,
    NEED_DISK,
    Stage,
    check_possible,
)
from tests.torture.fresh_client import list_of, load
from tests.torture.history import (
    DAMAGE,
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
from tests.torture.oracle import Truth
from tests.torture.other_clients import PlainClient, ProductClient
from tests.torture.process import PRODUCT, ServerDied, ServerProcess, open_server, run_command
from tests.torture.proxy import FAULTS as BAD_FATES
from tests.torture.proxy import Fate, Proxy
from tests.torture.raw_client import RawClient
from tests.torture.violations import Rule, Violation
from tests.torture.websocket import until

if TYPE_CHECKING:
    from tests.torture.history import AnyRecord

DATABASE = "chat.db"

SETTLE_S = 300
"""How long bringing everything to its end may take once the faults are over; long, since the machine may be busy."""

STABLE_S = 1.5
"""How long the logs must stand still before they count as finished: what dead connections have sent is still read."""


@attrs.frozen
class Options:
    """What kind of run."""

    seed: int
    duration_s: float = 20.0
    clients: int = 12
    """v1 clients with code of their own."""
    product_clients: int = 3
    plain_clients: int = 3
    faults: frozenset[str] = frozenset({"kill", "term", "proxy"})
    pause_s: float = 2.0
    """The mean time between two faults."""
    pace_s: float = 0.05
    """The mean time between two things that a client does."""
    least: int = 0
    """How many faults at least, however long that takes."""
    synchronous: str = "FULL"
    settings: tuple[str, ...] = ("--messages-per-second", "0", "--max-connections-per-address", "0")
    """More options for the server."""


@attrs.frozen
class Outcome:
    """What a run brought."""

    options: Options
    records: list[AnyRecord]
    violations: list[Violation]
    hits: dict[str, list[str]]
    """By fault, the proofs that it hit."""
    missed: dict[str, int]
    """By fault, how often it did not hit."""
    rss: list[int]
    starts: int
    took_s: float

    def count(self, *kinds: type) -> int:
        """How many records of these kinds there are."""
        return sum(isinstance(record, kinds) for record in self.records)

    @property
    def rows(self) -> int:
        """How many messages are in the logs."""
        return sum(len(record.lines) for record in self.records if isinstance(record, Log))

    def figures(self) -> dict[str, int]:
        """What happened, in numbers."""
        return {
            "submitted": self.count(Submitted),
            "acknowledged": self.count(Acked),
            "in the log": self.rows,
            "delivered": self.count(Delivered, Heard),
        }


async def torture(options: Options) -> Outcome:
    """Do a run. Raises `Skipped` if something that it needs is not here."""
    check_possible(options.faults)
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
            stage = Stage(server, self._rng("faults"), self._recorder, control, clock, disk)
            try:
                await self._torment(stage)
                await server.terminate()
            except* ServerDied as died:
                self._recorder.add(Trouble(what=str(died.exceptions[0])))
            await self._read_files(data)
            said = self._output.read_text(errors="replace")
        for entry in bugs_in(said):
            self._recorder.add(Trouble(what=entry))
        records = self._recorder.records
        return Outcome(
            options,
            records,
            [*check(records), *self._memory_violations(server)],
            self._hits,
            dict(self._missed),
            server.rss,
            server.starts,
            trio.current_time() - started,
        )

    def _command(self, control: Path) -> tuple[str, ...]:
        if self._options.faults & NEED_BAD_SERVER or self._options.synchronous != "FULL":
            return ("-m", "tests.torture.faulty_server", str(control), self._options.synchronous)
        return PRODUCT

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

    async def _torment(self, stage: Stage) -> None:
        """Let clients talk while faults happen, and then bring everything to its end."""
        options, server = self._options, stage.server
        fates = BAD_FATES if "proxy" in options.faults else ()
        once = tuple(fate for fate in fates if fate is not Fate.DOUBLE)
        proxies = {
            # What a plain client says has no id: said twice, it stands there twice.
            "plain": Proxy(server.port, self._rng("plain proxy"), once),
            "v1": Proxy(server.port, self._rng("proxy"), once if options.faults & MAY_REFUSE else fates),
        }

        def port(rng: random.Random, kind: str) -> int:
            is_by_proxy = "storm" in options.faults or (fates and rng.random() < 0.7)
            return proxies[kind].port if is_by_proxy else server.port

        stage.proxies = tuple(proxies.values())
        world = World(self._recorder, port, options.pace_s)
        async with trio.open_nursery() as background:
            for proxy in proxies.values():
                await proxy.listen()
                background.start_soon(proxy.run)
            background.start_soon(server.watch)
            async with trio.open_nursery() as talking:
                for number in range(options.clients):
                    raw = RawClient(f"raw {number}", world, self._rng(f"raw {number}"))
                    talking.start_soon(raw.run)
                # Where people may be forgotten with a damaged log, a good client gives up.
                for number in range(0 if options.faults & DAMAGE else options.product_clients):
                    product = ProductClient(f"product {number}", world, self._rng(f"product {number}"))
                    talking.start_soon(product.run)
                for number in range(options.plain_clients):
                    plain = PlainClient(f"plain {number}", world, self._rng(f"plain {number}"))
                    talking.start_soon(plain.run)
                await self._harm(stage)
                for proxy in proxies.values():
                    proxy.heal()
                world.quiet.set()
                await self._settle(world, server)
                talking.cancel_scope.deadline = trio.current_time() + SETTLE_S
            for fate, count in (proxies["v1"].hits + proxies["plain"].hits).items():
                self._hit(f"proxy: {fate.value}", *["counted by the proxy"] * count)
            for room, (_, members) in read_heads(server.data / DATABASE).items():
                tokens = [world.tokens[person] for person in (*members, room[1:]) if person in world.tokens]
                if is_public(room) or tokens:
                    self._recorder.add(await load(server.port, room, tokens[0] if tokens else None))
            for person, token in world.tokens.items():
                self._recorder.add(await list_of(server.port, person, token))
            background.cancel_scope.cancel()

    async def _harm(self, stage: Stage) -> None:
        """One fault after the other, as long as the run lasts."""
        names = sorted(self._options.faults & FAULTS.keys())
        end = trio.current_time() + self._options.duration_s
        done = 0
        while True:
            pause_s = stage.rng.expovariate(1 / self._options.pause_s)
            if not names or (done >= self._options.least and trio.current_time() + pause_s > end):
                break
            done += 1
            await trio.sleep(pause_s)
            name = stage.rng.choice(names)
            proof = await FAULTS[name](stage)
            if proof is None:
                self._missed[name] += 1
            else:
                self._hit(name, proof)
        await trio.sleep(max(0.0, end - trio.current_time()))

    def _hit(self, kind: str, *proofs: str) -> None:
        self._hits.setdefault(kind, []).extend(proofs)
        for proof in proofs:
            self._recorder.add(Fault(kind=kind, proof=proof))

    async def _settle(self, world: World, server: ServerProcess) -> None:
        """Wait until nobody has anything more to say, and say where the logs end."""
        with trio.move_on_after(SETTLE_S) as patience:
            await until(lambda: not world.busy)
        if patience.cancelled_caught:
            left = f"{len(world.busy)} clients were not finished {SETTLE_S} s after the faults were over"
            self._recorder.add(Trouble(what=left))
        heads: dict[str, tuple[int, list[str]]] = {}
        while heads != (found := read_heads(server.data / DATABASE)):
            heads = found
            await trio.sleep(STABLE_S)
        world.last_messages = read_last_messages(server.data / DATABASE)
        world.heads = {LOBBY: 0, **{room: head for room, (head, _) in heads.items()}}

    async def _read_files(self, data: Path) -> None:
        """The logs as they stand in the files, whether the digests prove them, and what is left of what is gone."""
        for record in read_logs(data / DATABASE):
            self._recorder.add(record)
        if not self._options.faults & DAMAGE:
            verified = await run_command("verify", "--data", str(data))
            if verified.returncode:
                self._recorder.add(Trouble(what=f"the log is not whole: {verified.stdout.decode()}"))
        for remains in find_remains(data, deleted_texts(Truth(self._recorder.records))):
            self._recorder.add(remains)

    def _memory_violations(self, server: ServerProcess) -> list[Violation]:
        """Whether memory grew although the load was the same: only where one life of the server was long enough."""
        if server.starts > 1 or len(server.rss) < 120:
            return []
        quarter = len(server.rss) // 4
        early = sorted(server.rss[quarter : 2 * quarter])[quarter // 2]
        late = sorted(server.rss[-quarter:])[quarter // 2]
        if late > early * 1.1 + 4 * 2**20:
            detail = f"{early / 2**20:.0f} MiB in the second quarter, {late / 2**20:.0f} MiB in the last"
            return [Violation(Rule.TROUBLE, "", "the server's memory grows", detail)]
        return []


def bugs_in(output: str) -> list[str]:
    """The entries of a server's log that tell of a bug: those with a traceback. (Trio writes one for each time
    that there was no file for a connection.)"""
    entries: list[str] = []
    for line in output.splitlines():
        if entries and line.startswith("    "):
            entries[-1] += f"\n{line}"
        else:
            entries.append(line)
    return [entry for entry in entries if "Traceback" in entry and "trio.serve_listeners" not in entry]
