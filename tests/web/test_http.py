"""HTTP on the port of the chat: the page, its files, health; and no way past them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.http import ask
from tests.support.raw import PATIENCE_S, Answer, RawPeer, get, open_raw
from tests.support.serving import open_server
from trio_chat.web.http import STATIC

if TYPE_CHECKING:
    from pathlib import Path

SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

A_FILE = next(path.relative_to(STATIC).as_posix() for path in sorted(STATIC.rglob("*.js")))


async def test_the_page_is_there() -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, "/")
        assert answer.status == 200
        assert answer.body.startswith(b"<!doctype html>")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["connection"] == "close"


async def test_head_is_an_answer_without_its_body() -> None:
    async with open_server() as serving:
        for target in ("/", f"/static/{A_FILE}", "/healthz"):
            whole = await ask(serving.port, target)
            answer = await ask(serving.port, target, method="HEAD")
            assert (answer.status, answer.body) == (200, b"")
            assert answer.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/nothing", "GET", 404),
        ("/static/nothing.js", "GET", 404),
        ("/static/", "GET", 404),
        ("/static", "GET", 404),
        ("/index.html", "GET", 404),
        ("/", "POST", 405),
        ("/", "DELETE", 405),
        (f"/static/{A_FILE}", "POST", 405),
        ("/healthz", "PUT", 405),
        ("*", "OPTIONS", 404),
        ("http://chat.example/nothing", "GET", 404),
    ],
)
async def test_what_is_not_there_is_said_to_be_so(target: str, method: str, status: int) -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, target, method=method)
        assert answer.status == status
        assert answer.headers.items() >= SAFE.items()


@pytest.mark.parametrize(
    "escape",
    [
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "..%2fpyproject.toml",
        "%2e%2e%2fpyproject.toml",
        "js/../../pyproject.toml",
        "js/..%2f..%2fpyproject.toml",
        "..\\pyproject.toml",
        "..%5cpyproject.toml",
        "%252e%252e/pyproject.toml",
        "....//pyproject.toml",
        "/etc/passwd",
        "%2fetc/passwd",
        "//etc/passwd",
        "file:///etc/passwd",
        "index.html%00",
        "index.html%00.js",
        "%00",
        "%ff",
        ".%c0%ae/pyproject.toml",
        "~root",
        "C:%5cwindows",
        ".",
        "..",
        "a" * 5000,
    ],
)
async def test_nothing_outside_of_the_static_files_can_be_read(escape: str) -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, f"/static/{escape}")
        assert answer.status == 404
        assert b"root:" not in answer.body
        assert b"[project]" not in answer.body
        assert answer.headers.items() >= SAFE.items()


@pytest.mark.parametrize("target", ["/", f"/static/{A_FILE}", "/healthz", "/readyz", "/nothing"])
async def test_every_answer_keeps_the_page_safe(target: str) -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, target)
        assert answer.headers.items() >= SAFE.items()
        policy = answer.headers["content-security-policy"]
        is_file = target == "/" or target.startswith("/static/")
        if is_file:
            assert "default-src 'none'; script-src 'self' 'sha256-" in policy
            assert "connect-src 'self' ws://chat.example wss://chat.example;" in policy
            assert "unsafe" not in policy
            assert "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; " in policy
        else:  # a sentence
            assert policy == "default-src 'none'; sandbox"
        assert "server" not in answer.headers
        assert {"microphone=(self)", "camera=()"} <= set(answer.headers["permissions-policy"].split(", "))
        assert answer.headers["cache-control"] == ("no-cache" if is_file else "no-store")


@pytest.mark.parametrize("host", ["chat.example; script-src *", "a b", "x\ty", "[::1", "'self' https:", "*"])
async def test_no_host_can_add_to_the_policy(host: str) -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, "/", host=host)
        policy = answer.headers.get("content-security-policy", "")
        assert host.lower() not in policy
        assert policy.count("script-src") <= 1


async def test_who_is_alive_and_ready_says_so() -> None:
    async with open_server() as serving:
        assert (await ask(serving.port, "/healthz"))[::2] == (200, b"alive\n")
        assert (await ask(serving.port, "/readyz"))[::2] == (200, b"ready\n")
        serving.server.is_ready = False
        assert (await ask(serving.port, "/healthz")).status == 200
        assert (await ask(serving.port, "/readyz")).status == 503


@pytest.mark.parametrize(
    "asked",
    [
        get(
            "/healthz", connection="Upgrade, HTTP2-Settings", upgrade="h2c", http2_settings="AAMAAABkAAQAAP__"
        ),
        get("/healthz", connection="Upgrade", upgrade="\r\n websocket"),
        get("/healthz", connection="Upgrade", upgrade="h2c\r\nUPGRADE : TLS/1.0").replace(b" :", b":"),
    ],
)
async def test_no_other_protocol_begins_behind_the_gate(asked: bytes) -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        await peer.send(asked)
        answer = Answer.of(await peer.receive_to_the_end())
        assert answer.status in (200, 400, 404)


async def test_http_2_is_refused_in_a_sentence() -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        await peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        answer = Answer.of(await peer.receive_to_the_end())
        assert (answer.status, answer.body) == (400, b"This server speaks HTTP/1.1.\n")


@pytest.mark.parametrize(
    "bad",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
)
async def test_what_is_not_right_http_is_refused(bad: bytes) -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        await peer.send(bad)
        assert Answer.of(await peer.receive_to_the_end()).status in (400, 501)
        assert serving.server.statistics().faults == 0


async def push(peer: RawPeer, data: bytes) -> None:
    try:
        await peer.stream.send_all(data)
    except trio.BrokenResourceError:
        return  # it was answered before all of it was heard


async def test_a_body_that_nobody_wants_is_not_collected() -> None:
    async with open_server() as serving, open_raw(serving.port) as peer, trio.open_nursery() as nursery:
        nursery.start_soon(push, peer, get("/", method="POST", content_length="50000000") + bytes(50_000_000))
        assert Answer.of(await peer.receive_to_the_end()).status == 405
        nursery.cancel_scope.cancel()


async def test_who_does_not_read_a_large_answer_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large.js").write_bytes(bytes(20_000_000))
    monkeypatch.setattr("trio_chat.web.http.STATIC", tmp_path)
    with trio.fail_after(PATIENCE_S):
        async with open_server() as serving:
            async with open_raw(serving.port, receive_buffer=4096) as stuck:
                await stuck.send(get("/static/large.js"))
                assert b"200" in await stuck.receive_head()
                assert (await ask(serving.port, "/healthz")).status == 200
                assert serving.limits.total >= 1
                stuck.reset()
            await serving.wait_connected(0)
            async with open_raw(serving.port, receive_buffer=4096) as stuck:
                await stuck.send(get("/static/large.js"))
                assert b"200" in await stuck.receive_head()
                # Leaving `open_server` cancels what is still served; it does not wait for the stuck one.
