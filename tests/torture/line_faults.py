"""Fault injection into the lines between nodes and their database: see `tests.torture.node_faults`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from tests.torture.target import HEAL_S
from tests.torture.websocket import wait_until
from tests.torture.wires import Quality

if TYPE_CHECKING:
    from tests.torture.node_target import NodeFaultTarget


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


async def partition(target: NodeFaultTarget) -> str | None:
    """A node, or the database, is cut off from everybody for some seconds."""
    machine = target.rng.choice(target.machines)
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


async def delay(target: NodeFaultTarget) -> str | None:
    """From now on a node waits 20 to 50 ms for what it asks of the database, or longer; some machines are near."""
    return await _spoil(target, Quality(delay_s=target.rng.uniform(0.005, 0.0125), jitter_s=0.005))


async def loss(target: NodeFaultTarget) -> str | None:
    """From now on some of what some machines, or all, send and get is lost, some comes twice, and all comes late."""
    lost = target.rng.uniform(0.02, 0.05)
    return await _spoil(target, Quality(delay_s=0.005, jitter_s=0.005, loss=lost, doubled=0.01))


async def _spoil(target: NodeFaultTarget, quality: Quality) -> str | None:
    """Let the links of some machines be of this quality, and those of the others good, until the next time."""
    spoiled = target.rng.sample(target.machines, target.rng.randint(1, len(target.machines)))
    mark = len(target.recorder.records)
    for machine in target.machines:
        await machine.set_quality(quality if machine in spoiled else Quality())
    before = [await machine.counts() for machine in spoiled]
    pings_s = [await machine.ping() for machine in spoiled]
    await trio.sleep(target.rng.uniform(1, 6))
    await target.wait_healed("the network became bad")
    after = [await machine.counts() for machine in spoiled]
    late, lost = (
        sum(getattr(now, what) - getattr(then, what) for then, now in zip(before, after, strict=True))
        for what in ("late", "lost")
    )
    quickest_s = min(ping_s or 0 for ping_s in pings_s)
    if not target.acks_since(mark) or quickest_s < 2 * quality.delay_s or (quality.loss and not lost):
        return None
    return f"answers took {quickest_s * 1000:.0f} ms or more, {late} packets were late, {lost} lost"
