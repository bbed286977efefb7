"""Places: strangers never hold those of people with a token, and who says nothing makes place."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.raw import PATIENCE_S, RawPeer, open_peer, open_raw, upgrade
from tests.support.serving import open_server
from trio_chat.net import limits
from trio_chat.protocol.encoding import V1

if TYPE_CHECKING:
    from tests.support.serving import Serving


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may be silent for a moment where all places are taken."""
    monkeypatch.setattr(limits, "PATIENCE_S", 0.0)


async def log_in(port: int, **hello: str) -> dict[str, Any]:
    """The answer to somebody who connects and says hello."""
    async with open_peer(port, sec_websocket_protocol=V1) as peer:
        await peer.say(type="hello", **hello)
        return await peer.hear(lambda frame: frame["type"] in {"welcome", "error"})


async def fill(serving: Serving, crowd: AsyncExitStack, count: int, **headers: Any) -> list[RawPeer]:  # noqa: ANN401
    """So many who connect and say nothing."""
    peers = [await crowd.enter_async_context(open_peer(serving.port, **headers)) for _ in range(count)]
    await serving.wait_connected(count)
    return peers


async def answer_to_handshake(port: int) -> bytes:
    """The status of somebody plain who wants to come in."""
    async with open_raw(port) as peer:
        await peer.send(upgrade())
        return (await peer.receive_head())[9:12]


@pytest.mark.parametrize("setting", ["max_connections", "max_connections_per_address"])
async def test_plain_clients_leave_a_place_for_who_has_a_token(setting: str) -> None:
    settings: dict[str, Any] = {setting: 20}
    async with open_server(**settings) as serving, AsyncExitStack() as crowd:
        token = (await log_in(serving.port, name="Ada"))["token"]
        await serving.wait_connected(0)
        await fill(serving, crowd, 18)
        assert await answer_to_handshake(serving.port) == b"503"
        refused = await log_in(serving.port, name="Somebody new")
        assert refused["code"] == "too_many_connections"
        assert (await log_in(serving.port, token=token))["user"]["name"] == "Ada"


async def test_people_who_are_new_leave_a_place_for_who_has_a_token(impatient: None) -> None:
    async with open_server(max_connections=20) as serving, AsyncExitStack() as crowd:
        for peer in await fill(serving, crowd, 18, sec_websocket_protocol=V1):
            await peer.say(type="hello")
            token = (await peer.hear("welcome"))["token"]
        assert (await log_in(serving.port))["code"] == "too_many_connections"
        assert (await log_in(serving.port, token=token))["type"] == "welcome"


@pytest.mark.parametrize("headers", [{"sec_websocket_protocol": V1}, None], ids=["silent", "half a request"])
async def test_who_says_nothing_makes_place_for_a_newcomer(
    impatient: None, headers: dict[str, Any] | None
) -> None:
    async with open_server(max_connections=4) as serving, AsyncExitStack() as crowd:
        silent: list[RawPeer] = []
        for number in range(4):
            opened = open_raw(serving.port) if headers is None else open_peer(serving.port, **headers)
            silent.append(await crowd.enter_async_context(opened))
            if headers is None:
                await silent[-1].send(b"GET / HTTP/1.1\r\nHost: ")
            with trio.fail_after(PATIENCE_S):
                while serving.limits.total <= number:
                    await trio.lowlevel.checkpoint()
        assert (await log_in(serving.port))["type"] == "welcome"
        if headers is None:
            assert await silent[0].receive_to_the_end() == b""
        else:
            assert await silent[0].receive_close_code() == 1013
            await silent[1].say(type="hello")
            await silent[1].hear("welcome")


async def test_many_handshakes_without_hello_do_not_lock_a_newcomer_out() -> None:
    """As with `--max-connections-per-address 0`; they answer pings, and come again as soon as they are sent away."""
    async with (
        open_server(max_connections=1500, max_connections_per_address=0, hello_timeout_s=0) as serving,
        AsyncExitStack() as crowd,
    ):
        first = trio.current_time()
        await fill(serving, crowd, 1500, sec_websocket_protocol=V1)
        await trio.sleep_until(first + limits.PATIENCE_S)
        for _ in range(10):
            assert (await log_in(serving.port))["type"] == "welcome"
        await crowd.enter_async_context(open_peer(serving.port, sec_websocket_protocol=V1))
        assert (await log_in(serving.port))["type"] == "welcome"
        async with open_raw(serving.port) as peer:
            await peer.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert (await peer.receive_to_the_end()).startswith(b"HTTP/1.1 200 ")
