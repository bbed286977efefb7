"""Measures what a restart of every node in turn costs those who chat: `python -m bench.restarts --out docs`.

Three nodes over one PostgreSQL, and clients of ours (`trio_chat.client`) that come back to any node that takes them, as
a balancer leads them. Each of them hears everything; told are the longest silences, and the longest waits for an answer
to what was said.
"""

from __future__ import annotations

import random
import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import attrs
import click
import trio

from bench import build
from bench.measure import free_port, raise_file_limit, stop
from bench.nodes import FREE, start_node
from bench.postgresql import running_cluster
from bench.run import machine, say
from trio_chat.client import Chat, Message, open_chat

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Awaitable, Callable

BEGIN = "<!-- restarts: written by bench.restarts -->"
END = "<!-- end of restarts -->"

NODES = 3

BETWEEN_S = 3.0
"""So long after a node is ready again the next one is stopped."""

PATIENCE_S = 60.0


@attrs.define
class Heard:
    """What one client heard, and for how long it heard nothing."""

    texts: list[str] = attrs.field(factory=list)
    longest_s: float = 0.0
    at_s: float | None = None

    def note(self, text: str) -> None:
        """This was heard now."""
        now_s = trio.current_time()
        if self.at_s is not None:
            self.longest_s = max(self.longest_s, now_s - self.at_s)
        self.at_s = now_s
        self.texts.append(text)


class Site:
    """The nodes, and the way to one of them that takes connections."""

    def __init__(self, settings: dict[str, object], folder: Path) -> None:
        self.ports = [free_port() for _ in range(NODES)]
        self._settings = settings
        self._folder = folder

    def start(self, place: int) -> subprocess.Popen[bytes]:
        """Start a node, and wait until it is ready."""
        return start_node(self.ports[place], self._folder / f"node-{place}.log", self._settings)

    async def stream(self) -> trio.abc.Stream:
        """A connection to any node, to another one if one takes none, as a balancer does it."""
        for port in random.sample(self.ports, NODES):
            try:
                return await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                continue
        raise OSError("no node takes connections")


@attrs.frozen
class Found:
    """What was measured, in seconds, sorted."""

    silences: list[float]
    waits: list[float]
    n_messages: int
    n_wrong: int
    """Clients that did not hear each message once, in the same order as all."""

    def row(self, rate: int) -> str:
        """As a row of the table."""
        silences = f"{median(self.silences):.2f} | {_at(self.silences, 0.9):.2f} | {self.silences[-1]:.2f}"
        waits = f"{_at(self.waits, 0.5) * 1000:.0f} ms | {_at(self.waits, 0.99):.2f} | {self.waits[-1]:.2f}"
        return (
            f"| {len(self.silences)} | {rate} | {self.n_messages:,} | {silences} | {waits} | {self.n_wrong} |"
        )


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


async def measure(site: Site, nodes: list[subprocess.Popen[bytes]], clients: int, rate: int) -> Found:
    """Restart each of the nodes, while so many clients hear, and a tenth of them say so many messages a second."""
    heard = [Heard() for _ in range(clients)]
    sent: list[str] = []
    waits: list[float] = []
    hush = trio.Event()
    talking: list[Callable[[], Awaitable[None]]] = []
    speakers = max(1, clients // 10)

    async def speak(chat: Chat, number: int, said: trio.Nursery) -> None:
        count = 0
        while not hush.is_set():
            count += 1
            said.start_soon(say_one, chat, f"{number} {count}")
            await trio.sleep(random.uniform(0.5, 1.5) * speakers / rate)

    async def say_one(chat: Chat, text: str) -> None:
        sent.append(text)
        began = trio.current_time()
        await chat.send("lobby", text)
        waits.append(trio.current_time() - began)

    async def live(number: int, said: trio.Nursery, *, task_status: trio.TaskStatus[None]) -> None:
        name = f"Client {number}"
        async with open_chat("ws://127.0.0.1:8080", name=name, connect=site.stream) as chat:
            task_status.started()
            if number < speakers:
                talking.append(partial(speak, chat, number, said))
            async for event in chat:
                if isinstance(event, Message):
                    heard[number].note(event.text)

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as said:
            for number in range(clients):
                await nursery.start(live, number, said)
            for speaks in talking:  # who comes later is told the latest page, and not all that was said
                said.start_soon(speaks)
            await trio.sleep(BETWEEN_S)
            for one in heard:
                one.longest_s = 0.0
            waits.clear()
            for place in range(NODES):
                say(f"node {place + 1} of {NODES} is restarted")
                await trio.to_thread.run_sync(stop, nodes[place])
                nodes[place] = await trio.to_thread.run_sync(site.start, place)
                await trio.sleep(BETWEEN_S)
            hush.set()
        with trio.move_on_after(PATIENCE_S):
            while any(len(one.texts) < len(sent) for one in heard):  # noqa: ASYNC110
                await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    whole = heard[0].texts
    is_whole = sorted(whole) == sorted(sent)
    n_wrong = sum(not is_whole or one.texts != whole for one in heard)
    return Found(sorted(one.longest_s for one in heard), sorted(waits), len(sent), n_wrong)


def _stop_all(nodes: list[subprocess.Popen[bytes]]) -> None:
    for node in nodes:
        stop(node)


def table(rows: list[str]) -> str:
    """Markdown: a row for each load."""
    head = (
        "clients", "messages/s", "messages", "silence of a client, s: half", "nine of ten", "longest",
        "answer after: half", "99 of 100, s", "longest, s", "clients that heard anything else than each once",
    )  # fmt: skip
    about = machine()
    runs_on = f"{about['cpu']}, Python {about['python']}"
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
            *rows,
            "",
            f"{about['cores']} cores for all nodes, PostgreSQL and the clients; {runs_on}.",
        ]
    )


@click.command(help=__doc__)
@click.option("--clients", default=100, show_default=True, help="How many listen; a tenth of them talk.")
@click.option("--rate", default=50, show_default=True, help="Messages a second.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The directory of scaling.md, which gets the table."
)
def main(clients: int, rate: int, out: Path | None) -> None:
    """Runs the benchmark."""
    raise_file_limit()
    folder = build.BUILD / "restarts"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster())
        site = Site({**FREE, "store": cluster.new_database(), "files": f"shared:{folder / 'files'}"}, folder)
        nodes: list[subprocess.Popen[bytes]] = []
        stack.callback(_stop_all, nodes)
        for place in range(NODES):
            nodes.append(site.start(place))  # noqa: PERF401  (so that those that run are stopped)
        found = trio.run(measure, site, nodes, clients, rate)
    written = table([found.row(rate)])
    print(written)
    if out is not None:
        page = out / "scaling.md"
        before, _, rest = page.read_text().partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n\n{written}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
