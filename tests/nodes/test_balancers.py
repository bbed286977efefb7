"""Real HAProxy, nginx and Caddy before three real nodes, with the configurations that docs/scaling.md prints."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.support.proxies import HOST, Site, caddy, connect, free_port, haproxy, nginx, running, shake_hands
from tests.support.raw import Answer, RawPeer, get
from tests.support.several import open_several
from tests.support.tls import make_authority

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.process import ServerProcess

pytestmark = pytest.mark.proxies

LIMIT_S = 300

MIB = 1024 * 1024

ADA, BOB = "127.0.0.2", "127.0.0.3"
"""Addresses of clients, on the loopback interface; the balancer's is 127.0.0.1."""

V1 = {"sec_websocket_protocol": "trio-chat.v1", "origin": f"https://{HOST}"}


@attrs.frozen
class Balanced:
    """Nodes behind a balancer."""

    port: int
    context: ssl.SSLContext
    nodes: list[ServerProcess]

    def connect(self, address: str = ADA) -> AbstractAsyncContextManager[RawPeer]:
        """A connection over TLS from this address."""
        return connect(self.port, self.context, address)

    async def ask(self, target: str, **headers: str) -> Answer:
        """The answer to one request."""
        async with self.connect() as peer:
            await peer.send(get(target, host=HOST, connection="close", **headers))
            return Answer.of(await peer.receive_to_the_end())


@pytest.fixture(params=[haproxy, nginx, caddy], ids=lambda configure: configure.__name__)
async def balanced(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> AsyncIterator[Balanced]:
    """Three nodes behind one balancer after the other."""
    authority = make_authority(tmp_path, HOST)
    port = free_port()
    limits = ("--max-connections-per-address", "6", "--drain-timeout", "3")
    with trio.fail_after(LIMIT_S):
        async with open_several(database, tmp_path, 3, *limits) as nodes:
            servers = {f"10.0.0.{place}:8080": node.port for place, node in enumerate(nodes, 1)}
            async with running(request.param, Site(tmp_path, authority, port, "scaling.md", servers)):
                yield Balanced(port, authority.client_context("http/1.1"), nodes)


async def test_page_chat_and_files_come_through_any_node(balanced: Balanced) -> None:
    """Connections spread over the nodes; what one writes all hear; the pieces of an upload find each other."""
    pages = [await balanced.ask("/") for _ in range(6)]
    assert {(page.status, page.body) for page in pages} == {(200, pages[0].body)}
    content = os.urandom(3 * MIB)
    peers: list[RawPeer] = []
    async with balanced.connect() as ada, balanced.connect() as bob, balanced.connect() as cem:
        for peer, name in ((ada, "Ada"), (bob, "Bob"), (cem, "Cem")):
            assert await shake_hands(peer, **V1) == 101
            await peer.say(type="hello", name=name)
            token = (await peer.hear("welcome"))["token"]
            if peer is ada:
                own = balanced.nodes[0].owner_line.partition("#own=")[2].split()[0]
                await peer.say(type="become_owner", id="o", token=own)
                assert (await peer.hear(lambda said: said.get("id") == "o"))["type"] == "ack"
                adas = token
            await peer.say(type="join", id="j", room="lobby")
            await peer.hear("joined")
            peers.append(peer)
        await ada.say(type="upload", id="u", room="lobby", name="kite.bin", bytes=len(content))
        upload = (await ada.hear("upload"))["upload"]
        for offset in range(0, len(content), MIB):
            async with balanced.connect() as peer:
                fields = {
                    "upload_offset": str(offset),
                    "upload_complete": "?1" if offset + MIB == len(content) else "?0",
                    "content_type": "application/partial-upload",
                    "content_length": str(MIB),
                }
                await peer.send(get(f"/uploads/{upload}", method="PATCH", host=HOST, **fields))
                await peer.send(content[offset : offset + MIB])
                assert (await peer.receive_answer()).status in (200, 204)
        await ada.say(type="send", id="s", room="lobby", text="look", files=[{"upload": upload}])
        for peer in peers:
            heard = await peer.hear("message")
            assert (heard["text"], heard["files"][0]["name"]) == ("look", "kite.bin")
        target = f"/files/lobby/{heard['seq']}/0/kite.bin"
        for _ in range(3):
            answer = await balanced.ask(target, authorization=f"Bearer {adas}")
            assert (answer.status, answer.body) == (200, content)


async def test_the_real_client_is_counted_at_each_node(balanced: Balanced) -> None:
    """Whatever it says of itself."""
    async with trio.open_nursery() as nursery:
        statuses: list[int] = []

        async def hold(address: str, said: dict[str, str], taken: trio.Event) -> None:
            async with balanced.connect(address) as peer:
                statuses.append(await shake_hands(peer, **said))
                taken.set()
                await trio.sleep_forever()

        for number in range(19):  # three nodes, six places each
            taken = trio.Event()
            nursery.start_soon(hold, ADA, {"x_forwarded_for": f"203.0.113.{number}"}, taken)
            await taken.wait()
        assert statuses.count(101) <= 18
        assert 503 in statuses
        taken = trio.Event()
        nursery.start_soon(hold, BOB, {"x_forwarded_for": "203.0.113.1"}, taken)
        await taken.wait()
        assert statuses[-1] == 101
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("configure", [haproxy, nginx, caddy], ids=lambda configure: configure.__name__)
async def test_all_that_is_of_one_upload_is_led_to_one_node(
    configure: Callable[[Site], list[str]], tmp_path: Path
) -> None:
    """Its poster as well, whose path is longer; and uploads are spread."""
    authority = make_authority(tmp_path, HOST)
    context = authority.client_context("http/1.1")
    port = free_port()
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            servers = {}
            for place in range(1, 4):
                serve = partial(trio.serve_tcp, partial(_tell, str(place)), 0, host="127.0.0.1")
                (listener,) = await nursery.start(serve)
                servers[f"10.0.0.{place}:8080"] = listener.socket.getsockname()[1]
            async with running(configure, Site(tmp_path, authority, port, "scaling.md", servers)):
                led: set[bytes] = set()
                for number in range(12):
                    told: set[bytes] = set()
                    for target in (f"/uploads/u-{number:022}", f"/uploads/u-{number:022}/poster"):
                        async with connect(port, context, ADA) as peer:
                            await peer.send(get(target, host=HOST, connection="close"))
                            told.add(Answer.of(await peer.receive_to_the_end()).body)
                    assert len(told) == 1
                    led |= told
                assert len(led) > 1
            nursery.cancel_scope.cancel()


async def _tell(name: str, stream: trio.SocketStream) -> None:
    """Answer each request with this name."""
    heard = b""
    with suppress(trio.BrokenResourceError):
        while some := await stream.receive_some():
            heard += some
            while b"\r\n\r\n" in heard:
                _, _, heard = heard.partition(b"\r\n\r\n")
                await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + name.encode())
