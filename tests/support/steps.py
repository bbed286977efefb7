"""Steps of the event loop: how long the longest is that a command causes, and how long its longest answer.

`walk` carries out all commands with their largest legal arguments at full state, on a real store with its threads, and
measures the server's tasks; the client is the task that walks, and is not measured.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import trio
import trio.testing

from tests.support.full_state import LARGEST, FullState, fill
from tests.support.raw import RawPeer, upgrade
from trio_chat.config.config import Config
from trio_chat.hub import open_hub
from trio_chat.net.limits import ConnectionLimits
from trio_chat.ops.tuning import tune_interpreter
from trio_chat.protocol.encoding import V1
from trio_chat.server.server import Server
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from types import FrameType

QUIET_S: Final = 0.02
"""Nothing has moved for so long: what a command caused is over."""


@attrs.define
class Cost:
    """What a command cost at most."""

    command: str
    step_s: float = 0.0
    """Processor time of the longest step of the event loop, in this thread."""
    calls: int = 0
    """Calls of functions in the step that had most."""
    task: str = ""
    """Whose step the longest was."""
    answer_bytes: int = 0
    codes: list[str] = attrs.field(factory=list)
    """Of the errors among the answers."""


class StepMeter(trio.abc.Instrument):
    """Measures each step of every task but one. Counting calls takes time itself, so it is either times or calls."""

    def __init__(self, client: trio.lowlevel.Task, *, counts_calls: bool) -> None:
        self.cost = Cost("")
        self._client = client
        self._counts_calls = counts_calls
        self._began_s = 0.0
        self._calls = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """See `trio.abc.Instrument`."""
        if task is self._client:
            return
        self._calls = 0
        if self._counts_calls:
            sys.setprofile(self._count)
        self._began_s = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """See `trio.abc.Instrument`."""
        if task is self._client:
            return
        took_s = time.thread_time() - self._began_s
        sys.setprofile(None)
        self.cost.calls = max(self.cost.calls, self._calls)
        if took_s > self.cost.step_s:
            self.cost.step_s = took_s
            self.cost.task = task.name

    def _count(self, _frame: FrameType, event: str, _arg: object) -> None:
        if event in {"call", "c_call"}:
            self._calls += 1


class Walker:
    """A v1 client of the full state's Ada, who gives one command after the other."""

    def __init__(self, peer: RawPeer, meter: StepMeter) -> None:
        self._peer = peer
        self._meter = meter
        self._ids = 0

    async def give(self, name: str, fields: dict[str, Any]) -> Cost:
        """Give the command; when all it caused is over, what it cost."""
        self._ids += 1
        cost = self._meter.cost = Cost(name)
        said = fields if name == "hello" else {"id": f"c{self._ids}"} | fields
        await self._peer.say(type=name, **said)
        await trio.testing.wait_all_tasks_blocked(QUIET_S)
        await self._peer.say(type="ping", id=f"over-{self._ids}")
        while True:
            text = await self._peer.receive_text()
            frame = json.loads(text)
            if frame["type"] == "pong" and frame["id"] == f"over-{self._ids}":
                break
            cost.answer_bytes = max(cost.answer_bytes, len(text.encode()))
            if frame["type"] == "error":
                cost.codes.append(frame["code"])
        await trio.testing.wait_all_tasks_blocked(QUIET_S)
        self._meter.cost = Cost("")
        return cost


@asynccontextmanager
async def _open_walker(path: Path, *, counts_calls: bool) -> AsyncIterator[tuple[Walker, FullState]]:
    config = Config(
        messages_per_second=0,
        idle_ping_s=0,
        write_stall_s=0,
        new_people_per_hour=0,
        outbox_bytes=2**26,
        link_previews=True,
    )
    async with open_sqlite_store(path, synchronous="OFF") as store:
        state = await fill(store)
        async with (
            open_hub(store, config, now_ms=lambda: time.time_ns() // 1_000_000) as hub,
            trio.open_nursery() as connections,
        ):
            limits = ConnectionLimits(max_total=0, max_per_address=0)
            server = Server(hub, limits=limits, connections=connections)
            near, far = trio.testing.memory_stream_pair()
            connections.start_soon(server.serve_connection, near)
            peer = RawPeer(cast("trio.SocketStream", far))
            await peer.send(upgrade(host="localhost", sec_websocket_protocol=V1))
            assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")
            meter = StepMeter(trio.lowlevel.current_task(), counts_calls=counts_calls)
            trio.lowlevel.add_instrument(meter)
            yield Walker(peer, meter), state
            trio.lowlevel.remove_instrument(meter)
            connections.cancel_scope.cancel()


async def walk(path: Path, *, counts_calls: bool) -> list[Cost]:
    """Fill a store at ``path``, and give all commands at their largest; what each cost."""
    tune_interpreter()
    async with _open_walker(path, counts_calls=counts_calls) as (walker, state):
        gc.freeze()  # what it takes to collect the garbage of this process is not the server's
        try:
            return [
                await walker.give(str(command.__struct_config__.tag), fields)
                for command, case in LARGEST.items()
                for fields in case(state)
            ]
        finally:
            gc.unfreeze()
