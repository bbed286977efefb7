"""Real nginx, Caddy and HAProxy before a real server, with the configurations that docs/operating.md prints.

Only addresses, ports and files are replaced in them; and where silence is tested times, unless ``REAL_TIMES`` is set
(it then lasts 150 seconds behind each). Clients come from other loopback addresses than the proxy, so that it can be
told who is counted.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.support.process import ServerProcess, open_process
from tests.support.proxies import (
    HAS_REAL_TIMES,
    HOST,
    SHORT_S,
    Configure,
    Site,
    caddy,
    connect,
    free_port,
    haproxy,
    nginx,
    running,
    shake_hands,
)
from tests.support.raw import PATIENCE_S, PING, PONG, Answer, RawPeer, frame, get, upgrade
from tests.support.tls import make_authority

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

pytestmark = pytest.mark.proxies

MIB = 1024 * 1024

IDLE_PING_S = 25 if HAS_REAL_TIMES else SHORT_S / 3
"""Silence after which the server pings; the first is its default."""

SILENT_PINGS = 6 if HAS_REAL_TIMES else 4
"""So many pings take longer than the proxies' timeout."""

ADA, BOB = "127.0.0.2", "127.0.0.3"
"""Addresses of clients, on the loopback interface; the proxy's is 127.0.0.1."""


@attrs.frozen
class Proxied:
    """A server behind a proxy."""

    port: int
    context: ssl.SSLContext
    server: ServerProcess
    data: Path
    """The server's data directory."""

    def connect(self, address: str = ADA) -> AbstractAsyncContextManager[RawPeer]:
        """A connection over TLS from this address."""
        return connect(self.port, self.context, address)


@asynccontextmanager
async def open_proxied(
    configure: Configure, folder: Path, *arguments: str, is_hasty: bool = False
) -> AsyncIterator[Proxied]:
    """The server, with these arguments, behind a proxy."""
    authority = make_authority(folder, HOST)
    port = free_port()
    settings = ("--trusted-proxy", "127.0.0.1", "--public-url", f"https://{HOST}", "--plain")
    limits = ("--max-connections-per-address", "2")
    async with open_process(folder / "data", *settings, *limits, *arguments) as server:
        site = Site(folder, authority, port, "operating.md", {"127.0.0.1:8080": server.port}, is_hasty)
        async with running(configure, site):
            yield Proxied(port, authority.client_context("http/1.1"), server, folder / "data")


@pytest.fixture(params=[nginx, caddy, haproxy], ids=lambda configure: configure.__name__)
def configure(request: pytest.FixtureRequest) -> Configure:
    """One proxy after the other."""
    found: Configure = request.param
    return found


@pytest.fixture
async def proxied(configure: Configure, tmp_path: Path) -> AsyncIterator[Proxied]:
    """The server behind one proxy after the other."""
    async with open_proxied(configure, tmp_path) as proxied:
        yield proxied


@pytest.fixture
async def hasty(configure: Configure, tmp_path: Path) -> AsyncIterator[Proxied]:
    """The same with a proxy that ends what is silent soon, and a server that does not let it."""
    arguments = ("--idle-ping", str(IDLE_PING_S))
    async with open_proxied(configure, tmp_path, *arguments, is_hasty=True) as proxied:
        yield proxied


async def test_page_and_chat_work_and_silence_does_not_end_them(hasty: Proxied) -> None:
    async with hasty.connect() as peer:
        await peer.send(get("/", host=HOST, connection="close"))
        answer = Answer.of(await peer.receive_to_the_end())
        assert answer.status == 200
        assert f"wss://{HOST};" in answer.headers["content-security-policy"]
        assert answer.headers["strict-transport-security"]
    async with hasty.connect(ADA) as ada, hasty.connect(BOB) as bob:
        assert await shake_hands(ada) == 101
        own = {"sec_websocket_protocol": "trio-chat.v1", "origin": f"https://{HOST}"}
        assert await shake_hands(bob, **own) == 101
        await bob.say(type="hello", name="Bob")
        await bob.hear("welcome")
        await bob.say(type="join", id="j", room="lobby")
        await bob.hear("joined")

        async def be_silent(peer: RawPeer) -> None:
            peer.patience_s = PATIENCE_S + 2 * IDLE_PING_S
            for _ in range(SILENT_PINGS):
                ping = await peer.receive_frame()
                assert ping is not None
                assert ping.opcode == PING
                await peer.send(frame(PONG, ping.payload))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(be_silent, ada)
            nursery.start_soon(be_silent, bob)
        await bob.say(type="send", id="s", room="lobby", text="still here")
        assert await ada.receive_text() == "still here"


async def test_files_go_through_as_they_come(proxied: Proxied) -> None:
    """In one large piece, cut in its middle; and down in ranges."""
    content = os.urandom(5 * MIB)
    own = {"sec_websocket_protocol": "trio-chat.v1", "origin": f"https://{HOST}"}
    async with proxied.connect() as ada:
        assert await shake_hands(ada, **own) == 101
        token = await become_owner(ada, proxied.server)
        await ada.say(type="upload", id="c1", room="lobby", name="kite.bin", bytes=len(content))
        upload = (await ada.hear("upload"))["upload"]

        def patch(offset: int) -> bytes:
            return get(
                f"/uploads/{upload}",
                method="PATCH",
                host=HOST,
                upload_offset=str(offset),
                upload_complete="?1",
                content_type="application/partial-upload",
                content_length=str(len(content) - offset),
            )

        async def offset_now() -> int:
            async with proxied.connect(BOB) as peer:
                await peer.send(get(f"/uploads/{upload}", method="HEAD", host=HOST))
                answer = await peer.receive_answer(to_head=True)
            return int(answer.headers["upload-offset"])

        async with proxied.connect(BOB) as peer:
            await peer.send(patch(0) + content[: 3 * MIB])
            part = proxied.data / "files" / "parts" / upload
            with trio.fail_after(PATIENCE_S):
                while not await trio.Path(part).exists() or (await trio.Path(part).stat()).st_size < 2 * MIB:
                    await trio.lowlevel.checkpoint()
        offset = await offset_now()
        assert 2 * MIB <= offset <= 3 * MIB
        async with proxied.connect(BOB) as peer:
            await peer.send(patch(offset) + content[offset:])
            assert (await peer.receive_answer()).status == 200
        await ada.say(type="send", id="c2", room="lobby", text="", files=[{"upload": upload}])
        seq = (await ada.hear("ack"))["seq"]
        async with proxied.connect(BOB) as peer:
            fields = {"authorization": f"Bearer {token}", "range": "bytes=4194304-", "connection": "close"}
            await peer.send(get(f"/files/lobby/{seq}/0/kite.bin", host=HOST, **fields))
            answer = Answer.of(await peer.receive_to_the_end())
        assert (answer.status, answer.body) == (206, content[4194304:])


async def become_owner(peer: RawPeer, server: ServerProcess) -> str:
    """Say hello, as who may do everything at once on a server for strangers; the token."""
    await peer.say(type="hello", name="Ada")
    token: str = (await peer.hear("welcome"))["token"]
    await peer.say(type="become_owner", id="o", token=server.owner_line.partition("#own=")[2].split()[0])
    await peer.hear(lambda said: said.get("id") == "o")
    await peer.say(type="join", id="j", room="lobby")
    await peer.hear("joined")
    return token


async def test_who_asks_for_another_host_gets_nothing_and_limits_count_the_real_client(
    proxied: Proxied,
) -> None:
    await ask_for_another_host(proxied)
    async with AsyncExitStack() as stack:
        answers = []
        for address, says in (
            (ADA, {}),
            (ADA, {"x_forwarded_for": "203.0.113.7"}),
            (ADA, {"x_forwarded_for": "203.0.113.8"}),
            (ADA, {"forwarded": "for=203.0.113.9"}),
            (BOB, {"x_forwarded_for": "203.0.113.7", "forwarded": "for=203.0.113.9"}),
        ):
            peer = await stack.enter_async_context(proxied.connect(address))
            answers.append(await shake_hands(peer, **says))
        assert answers == [101, 101, 503, 503, 101]


async def ask_for_another_host(proxied: Proxied) -> None:
    async with proxied.connect() as peer:
        await peer.send(get("/", host="evil.example", connection="close"))
        answer = Answer.of(await peer.receive_to_the_end())
        assert b"</html>" not in answer.body
        # Caddy has no such site, and says so with nothing; the others pass it on.
        assert answer.status == 421 or answer.body == b""
    async with proxied.connect() as peer:
        await peer.send(upgrade(host="evil.example", origin="https://evil.example"))
        assert not (await peer.receive_head()).startswith(b"HTTP/1.1 101")
    async with proxied.connect() as peer:
        foreign = {"sec_websocket_protocol": "trio-chat.v1", "origin": "https://evil.example"}
        assert await shake_hands(peer, **foreign) == 403
