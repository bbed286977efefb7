"""Ten thousand connections at once: all are let in, those who talk meanwhile hardly notice, one message reaches all of
them once, and when they are gone so is what they took."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path
from statistics import quantiles

import attrs
import trio

from tests.torture.history import Recorder
from tests.torture.process import PRODUCT, ServerProcess, open_server
from tests.torture.websocket import Link, Lost, open_link, until

PATIENCE_S = 120
"""How long the whole crowd may take for one thing."""

SPARE = 200
"""Files that this process needs for other things."""


@attrs.define
class Crowd:
    """What became of them."""

    wanted: int
    let_in: int = 0
    refused: int = 0
    heard: int = 0
    heard_twice: int = 0
    all_in_s: float = 0.0
    all_heard_s: float = 0.0
    rss: list[int] = attrs.field(factory=list)
    """The server's memory in bytes: before, with the crowd, after it."""
    files: list[int] = attrs.field(factory=list)
    """Its open files, at the same moments."""
    answers_s: list[float] = attrs.field(factory=list)
    """How long those who talked meanwhile waited for their acknowledgements."""

    def __str__(self) -> str:
        before, during, after = (size / 2**20 for size in self.rss)
        p50, p99 = (quantiles(self.answers_s, n=100)[rank] * 1000 for rank in (49, 98))
        return (
            f"{self.wanted} connections at once: {self.let_in} let in within {self.all_in_s:.1f} s, "
            f"{self.refused} refused; meanwhile {len(self.answers_s)} messages were acknowledged, after "
            f"{p50:.0f} ms (p50), {p99:.0f} ms (p99)\n"
            f"one message reached {self.heard} within {self.all_heard_s:.1f} s, {self.heard_twice} of them twice\n"
            f"memory {before:.0f}, {during:.0f}, {after:.0f} MiB, files {self.files}: before, with them, after"
        )

    @property
    def is_good(self) -> bool:
        """Whether everybody was served, nobody twice, and nothing stayed behind."""
        return (
            self.let_in == self.heard == self.wanted
            and not self.heard_twice
            and self.files[2] <= self.files[0]
        )


async def gather(wanted: int) -> Crowd:
    """Let a crowd come, hear, and go."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(min(wanted, hard - SPARE))
    settings = ("--max-connections", "0", "--max-connections-per-address", "0", "--messages-per-second", "0")
    with tempfile.TemporaryDirectory(prefix="crowd-") as directory:
        data, output = Path(directory) / "data", Path(directory) / "server.log"
        async with open_server(
            data, output, Recorder(), (*PRODUCT, *settings, "--handshake-timeout", "60"), {}
        ) as server:
            async with open_link(server.port) as talker, trio.open_nursery() as nursery:
                await _join(talker)
                _weigh(server, crowd)
                nursery.start_soon(_talk, talker, crowd)
                await _come_and_go(server, crowd)
                nursery.cancel_scope.cancel()
            with trio.move_on_after(PATIENCE_S):
                await until(lambda: server.open_files() <= crowd.files[0])
            _weigh(server, crowd)
            await server.terminate()
    return crowd


async def _come_and_go(server: ServerProcess, crowd: Crowd) -> None:
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(crowd.wanted):
            nursery.start_soon(_be_one, server.port, crowd)
        with trio.move_on_after(PATIENCE_S):
            await until(lambda: crowd.let_in + crowd.refused == crowd.wanted)
        crowd.all_in_s = trio.current_time() - started
        _weigh(server, crowd)
        async with open_link(server.port, protocol=None) as speaker:
            started = trio.current_time()
            await speaker.send_text("hello, everybody")
            with trio.move_on_after(PATIENCE_S):
                await until(lambda: crowd.heard == crowd.let_in)
            crowd.all_heard_s = trio.current_time() - started
            await trio.sleep(1)  # for whatever comes twice
        nursery.cancel_scope.cancel()


async def _be_one(port: int, crowd: Crowd) -> None:
    """One of the crowd: it comes in and hears one message."""
    is_in = has_heard = False
    try:
        async with open_link(port, protocol=None) as link:
            is_in = True
            crowd.let_in += 1
            while True:
                await link.hear_text()
                crowd.heard_twice += has_heard
                crowd.heard += not has_heard
                has_heard = True
    except Lost:
        crowd.refused += not is_in


async def _join(link: Link) -> None:
    await link.say(type="hello")
    await link.hear()
    await link.say(type="join", id="join", room="elsewhere")
    await link.hear()


async def _talk(link: Link, crowd: Crowd) -> None:
    """Somebody who was here before, in another room, and says something ten times a second."""
    number = 0
    while True:
        number += 1
        said_at = trio.current_time()
        await link.say(type="send", id=str(number), room="elsewhere", text=f"{number}")
        while (await link.hear())["type"] != "ack":
            pass
        crowd.answers_s.append(trio.current_time() - said_at)
        await trio.sleep(0.1)


def _weigh(server: ServerProcess, crowd: Crowd) -> None:
    crowd.rss.append(server.memory())
    crowd.files.append(server.open_files())
