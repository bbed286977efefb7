"""Three real nodes behind HAProxy are restarted in turn while people talk: nobody loses a message, and nobody is
without for long."""

from __future__ import annotations

import random
import signal
from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.support.http import ask
from tests.support.newer import newer, open_newer
from tests.support.postgresql import cluster
from tests.support.postgresql_proxy import proxy
from tests.support.process import ServerProcess
from tests.support.proxies import HOST, Site, connect, free_port, haproxy, running, shake_hands
from tests.support.raw import TEXT
from tests.support.several import open_node
from tests.support.tls import make_authority
from trio_chat.client import Message, open_chat

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import TypeAlias

    from trio_chat.client import Chat

    Opened: TypeAlias = AbstractAsyncContextManager[ServerProcess] | AbstractAsyncContextManager[trio.Process]

pytestmark = pytest.mark.proxies

LIMIT_S = 300

NODES = 3
CLIENTS = 6
PLAIN = 4

EACH_S = 0.1
"""So often each client says something."""

SEEN_AFTER_S = 1.5
"""So long the balancer may take to ask a node that is there again: its check comes each second."""

SILENT_S = 2.0
"""So long half of the clients may hear nothing; on a crowded machine, as long as a restart of a node takes there. (It
is half a second where the machine does little else than run all the nodes, the balancer, PostgreSQL and clients.)"""


LIMITS = (
    "--max-connections-per-address", "0", "--messages-per-second-per-address", "0", "--drain-timeout", "5",
)  # fmt: skip


@attrs.define
class Heard:
    """What one client heard, and for how long it heard nothing."""

    texts: list[str] = attrs.field(factory=list)
    silent_s: float = 0.0
    at_s: float | None = None

    def note(self, text: str) -> None:
        """This was heard now."""
        now_s = trio.current_time()
        if self.at_s is not None:
            self.silent_s = max(self.silent_s, now_s - self.at_s)
        self.at_s = now_s
        self.texts.append(text)


class Node:
    """A node that can be restarted; `run` is its task. When it is started again it may be another program's."""

    def __init__(self, database: str, folder: Path, name: str, *, newer_program: Path | None) -> None:
        self.port = free_port()
        self._open = partial(open_node, database, folder, name, *LIMITS, port=self.port, is_public=False)
        self._open_again: Callable[[], Opened] = self._open
        if newer_program is not None:
            self._open_again = partial(
                open_newer,
                newer_program,
                database,
                folder / name,
                self.port,
                *LIMITS,
                "--trusted-proxy",
                "127.0.0.1",
            )
        self._ready, self._stop = trio.Event(), trio.Event()

    async def run(self) -> None:
        """Run it, and again whenever it was stopped."""
        opened: Opened = self._open()
        while True:
            async with opened as process:
                self._ready.set()
                await self._stop.wait()
                self._ready, self._stop = trio.Event(), trio.Event()
                if isinstance(process, ServerProcess):
                    process.signal(signal.SIGTERM)
                    finished = await process.wait()
                    assert finished.status == 0, finished.stderr
                else:
                    process.send_signal(signal.SIGTERM)
                    assert await process.wait() == 0
            opened = self._open_again()

    async def ready(self) -> None:
        """Wait until it is."""
        await self._ready.wait()

    async def restart(self) -> None:
        """Restart it; on return it is ready again."""
        stop = self._stop
        stop.set()
        while self._stop is stop:
            await trio.lowlevel.checkpoint()
        await self.ready()


async def talk(chat: Chat, name: str, sent: list[str], hush: trio.Event) -> None:
    """Say something now and then."""
    number = 0
    while not hush.is_set():
        number += 1
        text = f"{name} {number}"
        await chat.send("lobby", text)
        sent.append(text)
        await trio.sleep(EACH_S)


async def hear(chat: Chat, heard: Heard) -> None:
    """Hear everything, for ever."""
    async for event in chat:
        assert isinstance(event, Message), event
        heard.note(event.text)


async def hear_plainly(site: Balanced, heard: Heard) -> None:
    """Hear as a plain client, which comes back whenever it is sent away, and has no cursor."""
    while True:
        async with connect(site.port, site.context, "127.0.0.1") as peer:
            if await shake_hands(peer) == 101:
                while (frame := await peer.receive_data()) is not None and frame.opcode == TEXT:
                    heard.note(frame.payload.decode())
                if frame is not None:
                    assert frame.close_code == 1001
        await trio.sleep(random.random())  # as all that come back should


@attrs.frozen
class Balanced:
    """Where the chat is."""

    port: int
    context: ssl.SSLContext

    async def stream(self) -> trio.abc.Stream:
        """A stream to it."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        tls = trio.SSLStream(stream, self.context, server_hostname=HOST, https_compatible=True)
        await tls.do_handshake()
        return tls


@pytest.mark.parametrize("is_upgrade", [False, True])
async def test_a_restart_of_every_node_in_turn_costs_nobody_a_message(
    database: str, tmp_path: Path, *, is_upgrade: bool
) -> None:
    """Nor if each is a newer program's when it is there again."""
    program = newer(tmp_path, migrations=1) if is_upgrade else None
    authority = make_authority(tmp_path, HOST)
    site = Balanced(free_port(), authority.client_context("http/1.1"))
    nodes = [Node(database, tmp_path, f"node-{place}", newer_program=program) for place in range(NODES)]
    heard = [Heard() for _ in range(CLIENTS)]
    plain = [Heard() for _ in range(PLAIN)]
    sent: list[str] = []
    hush = trio.Event()
    restarts_s: list[float] = []

    async def client(number: int, talking: trio.Nursery, *, task_status: trio.TaskStatus[None]) -> None:
        url, name = f"wss://{HOST}:{site.port}", f"Client {number}"
        async with open_chat(url, name=name, connect=site.stream) as chat, trio.open_nursery() as nursery:
            nursery.start_soon(hear, chat, heard[number])
            talking.start_soon(talk, chat, name, sent, hush)
            task_status.started()

    servers = {f"10.0.0.{place}:8080": node.port for place, node in enumerate(nodes, 1)}
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(node.run)
            for node in nodes:
                await node.ready()
            async with running(haproxy, Site(tmp_path, authority, site.port, "scaling.md", servers)):
                async with trio.open_nursery() as talking:
                    for number in range(CLIENTS):
                        await nursery.start(client, number, talking)
                    for one in plain:
                        nursery.start_soon(hear_plainly, site, one)
                    for node in nodes:
                        began_s = trio.current_time()
                        await node.restart()
                        restarts_s.append(trio.current_time() - began_s)
                        await trio.sleep(SEEN_AFTER_S)
                    hush.set()
                for one in heard:  # all that was sent is heard by all
                    while len(one.texts) < len(sent):
                        await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
    for one in heard:
        assert one.texts == heard[0].texts
    assert sorted(heard[0].texts) == sorted(sent)
    for one in plain:  # without a cursor only what came while it was there, and of that in order
        places = [heard[0].texts.index(text) for text in one.texts]
        assert places == sorted(set(places))
        assert len(places) > len(sent) / 2
    silent_s = sorted(one.silent_s for one in heard)
    print(f"of {len(sent)} messages each was heard once by all; silence: {silent_s}")
    assert silent_s[len(silent_s) // 2] < max(SILENT_S, min(restarts_s)), (silent_s, restarts_s)


async def test_whoever_comes_is_led_to_nodes_that_are_ready(database: str, tmp_path: Path) -> None:
    """A node whose line to the database swallows what it carries has a page, and answers, but not `/readyz`."""
    authority = make_authority(tmp_path, HOST)
    site = Balanced(free_port(), authority.client_context("http/1.1"))
    (tmp_path / "line").mkdir()
    with trio.fail_after(LIMIT_S):
        async with (
            proxy(tmp_path / "line", cluster().folder) as line,
            open_node(line.url(database), tmp_path, "deaf", is_public=False) as deaf,
            open_node(database, tmp_path, "sound", is_public=False) as sound,
        ):
            ports = (deaf.port, sound.port, free_port())
            servers = {f"10.0.0.{place}:8080": port for place, port in enumerate(ports, 1)}
            async with running(haproxy, Site(tmp_path, authority, site.port, "scaling.md", servers)):
                line.is_deaf = True
                while (await ask(deaf.port, "/readyz")).status == 200:
                    await trio.lowlevel.checkpoint()
                await trio.sleep(2 * SEEN_AFTER_S)
                for number in range(6):
                    url, name = f"wss://{HOST}:{site.port}", f"Client {number}"
                    with trio.fail_after(10):
                        async with open_chat(url, name=name, connect=site.stream) as chat:
                            await chat.send("lobby", "I am here")
                line.is_deaf = False
