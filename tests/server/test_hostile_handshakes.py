"""Peers that are hostile before they are WebSocket clients: nobody else feels them, and each is gone in the end."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress

import pytest
import trio

from tests.support.raw import PATIENCE_S, Answer, RawPeer, open_peer, open_raw, upgrade
from tests.support.serving import open_server, unharmed
from trio_chat.server.server import REFUSALS_AT_ONCE

HTTP = b"GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n"
TLS_HELLO = bytes.fromhex("16030100c2010000be0303") + bytes(range(190))
V1 = "trio-chat.v1"


@pytest.mark.parametrize(
    "said",
    [b"", b"G", HTTP, upgrade()[:40], upgrade(), b"\x16\x03\x01", TLS_HELLO],
    ids=["nothing", "a letter", "GET", "half a handshake", "a handshake", "a bit of TLS", "a TLS hello"],
)
@pytest.mark.parametrize("end", ["reset", "close"])
async def test_who_leaves_at_once_is_gone(said: bytes, end: str, caplog: pytest.LogCaptureFixture) -> None:
    """The first of these ends a bare `trio_websocket.serve_websocket`: a GET, then a reset."""
    async with unharmed(caplog) as serving:
        for _ in range(3):
            async with open_raw(serving.port) as peer:
                if said:
                    await peer.send(said)
                if end == "reset":
                    peer.reset()


async def test_who_resets_while_the_answer_is_on_its_way_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    async with unharmed(caplog) as serving:
        for said in (HTTP, upgrade(), upgrade("/elsewhere"), upgrade(sec_websocket_version="8")):
            async with open_raw(serving.port) as peer:
                await peer.send(said)
                await peer.stream.wait_send_all_might_not_block()
                await trio.lowlevel.wait_readable(peer.stream.socket)
                peer.reset()


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", upgrade()[:-2]], ids=["nothing", "half a line", "all but the end"]
)
async def test_who_does_not_finish_the_request_is_closed_at_the_deadline(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog, handshake_timeout_s=1) as serving, open_raw(serving.port) as peer:
        if said:
            await peer.send(said)
        assert await peer.receive_to_the_end() == b""


async def test_who_sends_the_request_letter_by_letter_is_closed_at_the_deadline(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def trickle(peer: RawPeer) -> None:
        await peer.send(b"GET / HTTP/1.1\r\nX: ")
        while True:
            await peer.stream.send_all(b"a")
            await trio.sleep(0.1)  # it is the pace that is tested

    async with (
        unharmed(caplog, handshake_timeout_s=1) as serving,
        open_raw(serving.port) as peer,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(trickle, peer)
        assert await peer.receive_to_the_end() == b""
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000,
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: " + b"a" * 20_000,
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: " + b"a" * 1_000_000,
        b"a" * 100_000,
    ],
    ids=["HTTP", "upgrade", "a megabyte", "no line end"],
)
async def test_a_head_that_is_too_large_is_refused(head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def push(peer: RawPeer) -> None:
        with suppress(trio.BrokenResourceError):  # it may be refused before all of it was heard
            await peer.stream.send_all(head + b"\r\n\r\n")

    async with (
        unharmed(caplog) as serving,
        open_raw(serving.port) as peer,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(push, peer)
        answer = await peer.receive_to_the_end()
        nursery.cancel_scope.cancel()
        assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"")


async def test_hundreds_of_headers_that_fit_the_limit_do_not_matter(caplog: pytest.LogCaptureFixture) -> None:
    headers = {f"x-{number}": "1" for number in range(500)}
    async with unharmed(caplog) as serving, open_peer(serving.port, **headers):  # type: ignore[arg-type]
        await serving.wait_connected(3)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (upgrade("/elsewhere"), 404),
        (upgrade("//"), 404),
        (upgrade(sec_websocket_version="8"), 426),
        (upgrade(drop=("sec-websocket-version",)), 400),
        (upgrade(drop=("sec-websocket-key",)), 400),
        (upgrade(drop=("connection",)), 400),
        (upgrade(drop=("host",)), 400),
        (upgrade(upgrade="websocket, h2c"), 400),
        (upgrade(method="POST"), 400),
        (upgrade().replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
        (upgrade(sec_websocket_protocol="trio-chat.v9"), 400),
        (upgrade(host="\xff\xfe"), 400),
        (upgrade(host="xn--" + "a" * 80), 400),
        (upgrade(connection="\xff, Upgrade"), 400),
        (upgrade(sec_websocket_protocol="\xff"), 400),
        (upgrade(sec_websocket_extensions="\xff"), 400),
        (upgrade("/\x01"), 400),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nUpgrade\x00: x\r\n\r\n", 400),
    ],
    ids=lambda value: value.decode("latin-1")[:60] if isinstance(value, bytes) else str(value),
)
async def test_what_is_no_right_handshake_is_refused(
    head: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving, open_raw(serving.port) as peer:
        await peer.send(head)
        answer = await peer.receive_head()
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer


@pytest.mark.parametrize("protocols", ["", ",", " , ", "\t"])
async def test_who_asks_for_an_empty_list_of_subprotocols_speaks_plain(
    protocols: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As tcllib and libsoup do where their user asks for none."""
    async with (
        unharmed(caplog) as serving,
        open_peer(serving.port, sec_websocket_protocol=protocols),
    ):
        await serving.wait_connected(3)


@pytest.mark.parametrize(
    ("protocols", "answered"),
    [
        ("trio-chat.v1", "trio-chat.v1"),
        ("Trio-Chat.V1", "Trio-Chat.V1"),
        (",trio-chat.v1,", "trio-chat.v1"),
        ("mqtt , TRIO-CHAT.v1", "TRIO-CHAT.v1"),
    ],
)
async def test_the_subprotocol_is_answered_as_it_was_asked_for(protocols: str, answered: str) -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        await peer.send(upgrade(sec_websocket_protocol=protocols))
        head = await peer.receive_head()
        assert f"Sec-WebSocket-Protocol: {answered}\r\n".lower() in head.decode().lower()
        assert answered in head.decode()
        await peer.say(type="hello", name="Ada")
        assert (await peer.hear("welcome"))["user"]["name"] == "Ada"


@pytest.mark.parametrize(
    ("head", "status", "words"),
    [
        (
            upgrade("/elsewhere"),
            404,
            "not at /elsewhere. If a proxy serves it under a path, whoever runs that",
        ),
        (upgrade(sec_websocket_version="8"), 426, "the handshake names version 8."),
        (upgrade(drop=("sec-websocket-version",)), 400, "the handshake names no version."),
        (upgrade(drop=("sec-websocket-key",)), 400, "has no Sec-WebSocket-Key"),
        (upgrade(drop=("connection",)), 400, "without Connection: Upgrade. A proxy in between takes it away"),
        (upgrade(connection="close"), 400, "without Connection: Upgrade. A proxy in between takes it away"),
        (upgrade(drop=("upgrade",)), 426, "without its Upgrade field. A proxy in between takes it away"),
        (upgrade(drop=("upgrade", "connection")), 426, "has to pass Upgrade and Connection on"),
        (upgrade(upgrade="h2c"), 426, "without its Upgrade field"),
        (
            upgrade(drop=("upgrade",), connection="close").replace(b"HTTP/1.1", b"HTTP/1.0"),
            426,
            "without its Upgrade field",
        ),
        (upgrade(drop=("host",)), 400, "Missing mandatory Host: header"),
        (upgrade(upgrade="websocket, h2c"), 400, "offers to upgrade to websocket, h2c"),
        (upgrade(method="POST"), 400, "is a GET, not a POST"),
        (upgrade().replace(b"HTTP/1.1", b"HTTP/1.0"), 400, "If a proxy speaks HTTP/1.0 to the server"),
        (upgrade(sec_websocket_protocol="mqtt, trio-chat.v9"), 400, "does not speak mqtt, trio-chat.v9: "),
        (
            upgrade(origin="https://a.example", host="127.0.0.1:8080", sec_websocket_protocol=V1),
            403,
            "Origin https://a.example does not match Host 127.0.0.1:8080. If this is the server's own page, whoever "
            "runs the proxy before it lets that pass Host on, or starts the server with --public-url https://a.example;",
        ),
        (upgrade(origin="null", sec_websocket_protocol=V1), 403, "starts it with --allow-origin null."),
        (upgrade(host="a.example"), 421, "--public-url https://a.example or --allow-host a.example"),
    ],
    ids=lambda value: value.decode("latin-1")[:60] if isinstance(value, bytes) else str(value),
)
async def test_a_refused_handshake_says_what_does_not_match_and_who_mends_it(
    head: bytes, status: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving, open_raw(serving.port) as peer:
        await peer.send(head)
        answer = Answer.of(await peer.receive_to_the_end())
        assert answer.status == status
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert words in answer.body.decode("ascii")
        assert answer.body.endswith(b".\n")


async def test_the_version_that_is_spoken_is_told_to_who_asks_for_another() -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        await peer.send(upgrade(sec_websocket_version="8"))
        assert Answer.of(await peer.receive_head()).headers["sec-websocket-version"] == "13"


async def test_refused_plain_access_says_how_to_open_it() -> None:
    async with open_server(plain=False) as serving, open_raw(serving.port) as peer:
        await peer.send(upgrade())
        assert b"whoever runs the server starts it with --plain." in await peer.receive_to_the_end()


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://chat.example.evil.example",
        "http://evil-chat.example",
        "http://chat.example@evil.example",
        "http://chat.example:8081",
        "file://",
        "chat.example",
        "http://chat.example/",
        "ftp://chat.example",
    ],
)
async def test_a_foreign_page_cannot_speak_v1(origin: str, caplog: pytest.LogCaptureFixture) -> None:
    async with unharmed(caplog) as serving, open_raw(serving.port) as peer:
        await peer.send(upgrade(origin=origin, sec_websocket_protocol=V1))
        answer = await peer.receive_to_the_end()
        assert answer.startswith(b"HTTP/1.1 403 "), answer


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "file://", ""])
async def test_any_page_can_speak_plain(origin: str, caplog: pytest.LogCaptureFixture) -> None:
    async with unharmed(caplog) as serving, open_peer(serving.port, origin=origin):
        await serving.wait_connected(3)


async def test_the_own_page_can_speak_v1(caplog: pytest.LogCaptureFixture) -> None:
    async with unharmed(caplog, allow_origin=("https://friend.example",)) as serving:
        for origin in ("http://chat.example", "https://chat.example", "https://friend.example"):
            # Behind a proxy that ends TLS the server knows neither the scheme nor the port.
            async with open_peer(serving.port, origin=origin, sec_websocket_protocol=V1, host="chat.example"):
                pass


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_connections": 4}, b"The server is full."),
        ({"max_connections_per_address": 4}, b"There are too many connections from your address."),
    ],
)
async def test_more_connections_than_allowed_are_turned_away(
    settings: dict[str, int], sentence: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog, **settings) as serving:
        async with open_peer(serving.port), open_raw(serving.port):
            with trio.fail_after(PATIENCE_S):
                while serving.limits.total < 4:
                    await trio.lowlevel.checkpoint()
            for said in (b"", HTTP, upgrade()):
                async with open_raw(serving.port) as peer:
                    if said:
                        await peer.send(said)
                    answer = await peer.receive_to_the_end()
                    assert answer.startswith(b"HTTP/1.1 503 ")
                    assert sentence in answer
                    assert b"Whoever runs the server sets how many fit with --max-connections" in answer
        await serving.wait_connected(2)
        async with open_peer(serving.port):
            pass


async def test_many_who_are_turned_away_and_stay_cannot_take_the_file_descriptors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers: list[bytes] = []
    async with unharmed(caplog, max_connections=2, close_timeout_s=60) as serving, AsyncExitStack() as crowd:
        for _ in range(3 * REFUSALS_AT_ONCE):
            peer = await crowd.enter_async_context(open_raw(serving.port))
            answers.append(await peer.receive_to_the_end())
    assert [bool(answer) for answer in answers] == [True] * REFUSALS_AT_ONCE + [False] * 2 * REFUSALS_AT_ONCE
