"""Fault injection into nodes over one PostgreSQL: of their processes and clocks, the database, and the lines between.

As in `tests.torture.faults`: a fault does its harm once, heals it, and returns the proof that it hit; None if it did
not. Unless it hits the database, the other nodes must go on meanwhile.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import trio

from tests.torture.database_faults import block, listener, postgres, promote, promote_late
from tests.torture.history import Ended, Greeted, Trouble
from tests.torture.line_faults import commit, cut, deaf, delay, loss, one_way, partition, stall
from tests.torture.target import HEAL_S
from tests.torture.websocket import wait_until
from trio_chat.store.postgresql.leases import LEASE_S

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from tests.torture.node_target import NodeFaultTarget
    from tests.torture.process import ServerProcess

CLOCK_JUMPS_S = (3_600, -3_600, 0)

NodeFault: TypeAlias = "Callable[[NodeFaultTarget], Awaitable[str | None]]"


async def kill(target: NodeFaultTarget) -> str | None:
    """SIGKILL of a node, or of two at once if there are more; others go on until they are back."""
    victims = target.rng.sample(target.nodes, target.rng.choice((1, 1, 2)) if len(target.nodes) > 2 else 1)
    async with trio.open_nursery() as nursery:
        for node in victims:
            nursery.start_soon(_kill_and_start, node.server, target.rng)
    return f"{len(victims)} were gone, and started again"


async def _kill_and_start(server: ServerProcess, rng: random.Random) -> None:
    """Now and then it is killed once more during the start."""
    await server.kill()
    if rng.random() < 0.2:
        await server.start(wait=False)
        await trio.sleep(rng.uniform(0, 1))
        await server.kill()
    await trio.sleep(rng.uniform(0, 1.5))
    await server.start()


async def pause(target: NodeFaultTarget) -> str | None:
    """SIGSTOP of a node for some seconds; nobody waits for it."""
    mark = len(target.recorder.records)
    await target.any_node().server.pause(target.rng.uniform(0.5, 3))
    return "it stood still, and others went on" if target.acks_since(mark) else None


async def fence(target: NodeFaultTarget) -> str | None:
    """A node stands still until it is declared dead, for its lease is over, and lives on."""
    server = target.any_node().server
    live = f"SELECT count(*) FROM leases WHERE beat_at > now() - interval '{LEASE_S} s'"
    n_live = 0
    server.freeze()
    try:
        with trio.move_on_after(3 * LEASE_S):
            before = (await target.ask(live))[0][0]
            while not n_live or n_live >= before:
                await trio.sleep(0.2)
                n_live = (await target.ask(live))[0][0]
            await trio.sleep(target.rng.uniform(0, 2))
    finally:
        server.thaw()
    await target.wait_healed("a node was declared dead")
    return "its lease was over, and it lived on" if 0 < n_live < before else None


async def rolling(target: NodeFaultTarget) -> str | None:
    """SIGTERM and a start of each node in turn."""
    mark = len(target.recorder.records)
    for node in target.rng.sample(target.nodes, len(target.nodes)):
        await node.server.terminate()
        await node.server.start()
    await target.wait_healed("a rolling restart")
    away_s = longest_absence(target, mark)
    return None if away_s is None else f"nobody was away for more than {away_s:.1f} s"


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


async def clock(target: NodeFaultTarget) -> str | None:
    """The wall clock of one node is an hour off, or right again; messages carry the right time nevertheless."""
    node, jump_s = target.any_node(), target.rng.choice(CLOCK_JUMPS_S)
    mark = len(target.recorder.records)
    said = len(node.server.log_text())
    last = max((seq for seq, _ in target.lobby_since(0)), default=0)
    node.clock.write_text(f"{jump_s:+}\n")

    def is_off() -> bool:
        lines = node.server.log_text()[said:].splitlines()
        return any(_is_about(line[:24], jump_s) for line in lines)

    with trio.move_on_after(10) as patience:
        await wait_until(is_off)
        await trio.sleep(1)
    wrong = [when for seq, when in target.lobby_since(mark) if seq > last and not _is_about(when, 0)]
    if wrong:
        target.recorder.add(Trouble(what=f"a message has the time {wrong[0]}, which is wrong"))
    return None if patience.cancelled_caught else f"the node logged with a clock that was {jump_s:+} s off"


def _is_about(moment: str, off_s: float) -> bool:
    """Whether this is a moment about as far from now."""
    try:
        return abs((datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds() - off_s) < HEAL_S
    except ValueError:
        return False


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
    "delay": delay,
    "loss": loss,
}
"""Faults of nodes by their names on the command line. ``proxy`` is one more: `tests.torture.proxy`."""

NEED_NETWORK = frozenset({"partition", "one-way", "delay", "loss"})
"""Faults for which each node and the database have a machine of their own."""

NEED_STANDBY = frozenset({"promote", "promote-late"})
"""Faults for which the database has a standby; for the first commits wait for it."""

NEED_LINES = frozenset({"promote", "promote-late", "listener", "stall", "cut", "deaf", "commit", "clock"})
"""Faults for which they have not."""
