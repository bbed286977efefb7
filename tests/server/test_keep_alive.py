"""Many requests on one connection: answered in order, and whatever comes next, the gate sees it first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.files import open_file_server
from tests.support.raw import Answer, RawPeer, get, open_raw, upgrade
from tests.support.serving import open_server, unharmed
from trio_chat.server import http_connection
from trio_chat.server.http_connection import REQUESTS_PER_CONNECTION

if TYPE_CHECKING:
    from pathlib import Path

V1 = "trio-chat.v1"
ALIVE = b"alive\n"
A_MEGABYTE = bytes(range(256)) * 4096


async def ask(peer: RawPeer, target: str = "/healthz", *, method: str = "GET", **headers: str) -> Answer:
    await peer.send(get(target, method=method, **headers))
    return await peer.receive_answer(to_head=method == "HEAD")


async def is_over(peer: RawPeer) -> bool:
    """Whether the server closes and says nothing more."""
    return await peer.receive_to_the_end() == b""


async def test_a_connection_serves_many_requests_but_not_for_ever() -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        for number in range(1, REQUESTS_PER_CONNECTION + 1):
            answer = await ask(peer)
            assert answer.body == ALIVE
            assert ("connection" in answer.headers) is (number == REQUESTS_PER_CONNECTION)
        assert answer.headers["connection"] == "close"
        assert await is_over(peer)


async def test_answers_without_a_body_are_followed_by_others() -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        tag = (await ask(peer, "/")).headers["etag"]
        assert (await ask(peer, "/", method="HEAD")).status == 200
        assert (await ask(peer, "/", if_none_match=tag)).status == 304
        assert (await ask(peer, "/nothing")).status == 404
        assert (await ask(peer)).body == ALIVE


@pytest.mark.parametrize("piece", [1, 7, 1000, 10**6])
async def test_requests_that_do_not_wait_are_answered_in_order(piece: int) -> None:
    targets = ["/healthz", "/", "/nothing", "/static/js/boot/all-views.js", "/readyz"] * 4
    async with open_server() as serving, open_raw(serving.port) as peer:
        expected = [(await ask(peer, target)).body for target in targets]
        said = b"".join(map(get, targets))
        for start in range(0, len(said), piece):
            await peer.send(said[start : start + piece])
        assert [(await peer.receive_answer()).body for _ in targets] == expected


async def test_a_peer_who_ends_with_its_last_request_gets_all_answers() -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        await peer.send(get("/healthz") * 3)
        await peer.stream.send_eof()
        assert (await peer.receive_to_the_end()).count(ALIVE) == 3


@pytest.mark.parametrize("protocol", ["", V1])
@pytest.mark.parametrize("together", [True, False])
async def test_a_websocket_can_begin_after_other_requests(
    protocol: str, together: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As Go's HTTP transport does, and so Caddy: an upgrade goes to any connection that is at hand."""
    handshake = upgrade(**({"sec_websocket_protocol": protocol} if protocol else {}))  # type: ignore[arg-type]
    async with unharmed(caplog) as serving, open_raw(serving.port) as peer:
        if together:
            await peer.send(get("/") + get("/healthz") + handshake)
            assert (await peer.receive_answer()).status == (await peer.receive_answer()).status == 200
        else:
            assert (await ask(peer, "/")).status == (await ask(peer)).status == 200
            await peer.send(handshake)
        assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")
        if protocol:
            await peer.say(type="hello", name="Carol")
            await peer.hear("welcome")
            await peer.say(type="ping", id="alive")
            await peer.hear("pong")
        else:
            assert (await peer.receive_text()).startswith("line ")  # what the others talk about
        await serving.wait_connected(3)
        peer.reset()


@pytest.mark.parametrize(
    ("handshake", "status"),
    [
        (upgrade("/elsewhere"), 404),
        (upgrade(sec_websocket_protocol=V1, origin="https://evil.example"), 403),
        (upgrade(sec_websocket_version="8"), 426),
        (upgrade() + b"\x81\x80\0\0\0\0", 400),
        (upgrade() + get("/healthz"), 400),
    ],
)
async def test_a_later_handshake_is_judged_like_a_first(
    handshake: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving, open_raw(serving.port) as peer:
        await ask(peer)
        await peer.send(handshake)
        assert (await peer.receive_head()).startswith(b"HTTP/1.1 %d " % status)
        assert b"HTTP/1.1" not in await peer.receive_to_the_end()


async def test_a_websocket_begins_when_the_answer_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large.js").write_bytes(A_MEGABYTE * 10)
    monkeypatch.setattr("trio_chat.web.http.STATIC", tmp_path)
    async with open_server() as serving, open_raw(serving.port, receive_buffer=4096) as peer:
        await peer.send(get("/static/large.js") + upgrade())
        await trio.testing.wait_all_tasks_blocked(0.1)
        assert serving.server.statistics().websockets == 0
        assert (await peer.receive_answer()).body == A_MEGABYTE * 10
        assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")


async def test_bytes_that_look_like_a_close_frame_are_bytes_in_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x88" * 100)
    monkeypatch.setattr("trio_chat.web.http.STATIC", tmp_path)
    async with open_server() as serving, open_raw(serving.port) as peer:
        for _ in range(3):
            assert (await ask(peer, "/static/picture.png")).body == b"\x88" * 100


@pytest.mark.parametrize(
    "last",
    [
        get("/healthz", connection="close"),
        get("/healthz", connection="x, Close"),
        get("/healthz", content_length="0"),
        get("/healthz", upgrade="h2c", connection="upgrade"),
        get("/healthz").replace(b"HTTP/1.1", b"HTTP/1.0"),
        get("/healthz", connection="keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
        get("/healthz", content_length=str(len(get("/readyz")))),
        get("/healthz", transfer_encoding="chunked") + b"0\r\n\r\n",
        get("/", method="POST", content_length="0"),
        get("/", method="POST", transfer_encoding="chunked") + b"0\r\n\r\n",
        get("/", method="OPTIONS"),
        get("/", method="CONNECT"),
        get("/", method="get"),
    ],
    ids=lambda value: value.decode().replace("host: chat.example", "").replace("\r\n", " "),
)
async def test_after_a_request_that_may_have_a_body_nothing_is_read(
    last: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving, open_raw(serving.port) as peer:
        await ask(peer)
        await peer.send(last + get("/readyz") + upgrade())
        answer = await peer.receive_to_the_end()
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"\r\nconnection: close\r\n" in answer.lower()
        assert b"ready" not in answer


PIECE = os.urandom(300_000)


def patch(upload: str, data: bytes, offset: int = 0, **headers: str) -> bytes:
    """Bytes of a request that adds to an upload."""
    fields = {
        "upload_offset": str(offset),
        "content_type": "application/partial-upload",
        "content_length": str(len(data)),
    }
    return get(f"/uploads/{upload}", method="PATCH", **fields | headers) + data


@pytest.mark.parametrize("together", [True, False])
async def test_a_connection_is_kept_after_a_body_that_was_read(tmp_path: Path, together: bool) -> None:
    """A file goes up in pieces, each a request: with TLS a connection for each would cost a handshake."""
    async with open_file_server(tmp_path) as files, open_raw(files.port) as peer:
        upload = await files.begin(await files.person("Ada"), 4 * len(PIECE))
        requests = [patch(upload, PIECE, n * len(PIECE)) for n in range(4)]
        if together:
            await peer.send(b"".join(requests) + get("/healthz"))
        for n, request in enumerate(requests, 1):
            if not together:
                await peer.send(request)
            answer = await peer.receive_answer()
            assert (answer.status, answer.headers["upload-offset"]) == (204, str(n * len(PIECE)))
            assert "connection" not in answer.headers
        if not together:
            await peer.send(get("/healthz"))
        assert (await peer.receive_answer()).body == ALIVE
        assert (await files.head(upload)).headers["upload-offset"] == str(4 * len(PIECE))


@pytest.mark.parametrize("end", ["half", "refused", "again"])
async def test_what_is_left_of_a_body_is_not_taken_for_a_request(tmp_path: Path, end: str) -> None:
    inner = get("/readyz") + upgrade()
    async with open_file_server(tmp_path) as files, open_raw(files.port) as peer:
        ada = await files.person("Ada")
        upload = await files.begin(ada, 10) if end == "half" else await files.upload(ada, b"x" * 10)
        offset = {"half": 0, "refused": 7, "again": 10}[end]
        body = (b"x" * 11 if end == "half" else b"") + inner
        await peer.send(patch(upload, body, offset) + get("/healthz"))
        answer = await peer.receive_to_the_end()
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"\r\nconnection: close\r\n" in answer.lower()
        assert b"ready" not in answer


@pytest.mark.parametrize(
    "fields",
    [
        {"content_length": "5, 5"},
        {"content_length": "5\r\ncontent-length: 5"},
        {"content_length": "5\r\nContent-Length:5"},
        {"content_length": "5 "},
        {"content_length": "5", "connection": "close"},
        {"content_length": "5", "connection": "upgrade", "upgrade": "h2c"},
    ],
    ids=str,
)
async def test_after_a_body_whose_end_others_may_see_elsewhere_nothing_is_read(
    tmp_path: Path, fields: dict[str, str]
) -> None:
    async with open_file_server(tmp_path) as files, open_raw(files.port) as peer:
        upload = await files.begin(await files.person("Ada"), 5)
        await peer.send(patch(upload, b"", 0, **fields) + b"kites" + get("/readyz"))
        answer = await peer.receive_to_the_end()
        assert answer.startswith((b"HTTP/1.1 204 ", b"HTTP/1.1 400 "))
        assert answer.count(b"HTTP/1.1 ") == 1


async def test_after_a_body_in_chunks_or_of_a_get_nothing_is_read(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 5)
        chunked = get(
            f"/uploads/{upload}",
            method="PATCH",
            upload_offset="0",
            content_type="application/partial-upload",
            transfer_encoding="chunked",
        )
        for said in (chunked + b"5\r\nkites\r\n0\r\n\r\n", get("/healthz", content_length="0")):
            async with open_raw(files.port) as peer:
                await peer.send(said + get("/readyz"))
                answer = await peer.receive_to_the_end()
                assert answer.startswith(b"HTTP/1.1 20")
                assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "bad",
    [
        get("/healthz", content_length="5", transfer_encoding="chunked") + b"0\r\n\r\n",
        get("/healthz", method="POST", transfer_encoding="chunked", content_length="5") + b"0\r\n\r\n",
        get("/healthz", x="a\r\n b"),
        get("/healthz", transfer_encoding="\r\n chunked") + b"0\r\n\r\n",
        get("/healthz", x="a\nTransfer-Encoding: chunked"),
        get("/healthz", x="a\n\nGET /readyz HTTP/1.1\r\nHost: a"),
        get("/healthz", x="a\rContent-Length: 5"),
        get("/healthz").replace(b"host:", b"host :"),
        get("/healthz", content_length="+5"),
        get("/healthz", content_length="5, 6"),
        get("/healthz", transfer_encoding="identity"),
        get("/healthz", transfer_encoding="chunked, chunked"),
        b"\r\n" + get("/healthz"),
        b"x" + b"\r\n\r\n",
    ],
    ids=lambda value: repr(value[:-4].replace(b"host: chat.example\r\n", b"")),
)
async def test_what_readers_may_understand_differently_is_refused_and_nothing_follows(
    bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving:
        for before in (0, 2):
            async with open_raw(serving.port) as peer:
                for _ in range(before):
                    await ask(peer)
                await peer.send(bad + get("/readyz"))
                answer = await peer.receive_to_the_end()
                assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 501")
                assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_later_head_that_is_too_large_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async with unharmed(caplog, max_head_bytes=1000) as serving, open_raw(serving.port) as peer:
        assert (await ask(peer, x="a" * 900)).status == 200
        await peer.send(get("/healthz", x="a" * 6000))
        assert (await peer.receive_to_the_end()).startswith(b"HTTP/1.1 431 ")


async def test_who_says_nothing_more_is_closed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "KEEP_ALIVE_S", 0.2)
    async with unharmed(caplog, close_timeout_s=1000) as serving, open_raw(serving.port) as peer:
        await ask(peer)
        assert await is_over(peer)
        await serving.wait_connected(2)  # whether the peer closes or not


async def test_who_begins_another_request_and_does_not_finish_it_is_closed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "KEEP_ALIVE_S", 0.2)
    async with unharmed(caplog, handshake_timeout_s=1) as serving:
        for half in (b"G", get("/healthz")[:-1], upgrade()[:-2]):
            async with open_raw(serving.port) as peer:
                await ask(peer)
                began = trio.current_time()
                await peer.send(half)
                assert await is_over(peer)
                assert trio.current_time() - began > 0.9  # it had its time


@pytest.mark.parametrize("end", ["reset", "close"])
async def test_who_leaves_between_or_within_requests_is_gone(
    end: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with unharmed(caplog) as serving:
        for said in (b"", b"G", get("/"), get("/") * 50, get("/") + upgrade(), get("/")[:-1]):
            async with open_raw(serving.port) as peer:
                await ask(peer)
                if said:
                    await peer.send(said)
                if end == "reset":
                    peer.reset()


async def test_nothing_is_left_of_connections_that_are_over() -> None:
    async def use_one(port: int) -> None:
        async with open_raw(port) as peer:
            for _ in range(3):
                await ask(peer, "/")
            await peer.send(get("/") * 3)

    def living() -> tuple[int, int]:
        return trio.lowlevel.current_statistics().tasks_living, len(os.listdir("/proc/self/fd"))

    async with open_server() as serving:
        await trio.testing.wait_all_tasks_blocked(0.1)  # tasks of the start that end soon have ended
        before = living()
        for _ in range(5):
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(use_one, serving.port)
        await serving.wait_connected(0)
        await trio.testing.wait_all_tasks_blocked()
        assert living() == before


async def test_a_fault_is_answered_and_the_next_request_too(caplog: pytest.LogCaptureFixture) -> None:
    class Fault:
        def __bool__(self) -> bool:
            raise RuntimeError("a fault of the application")

    async with open_server() as serving, open_raw(serving.port) as peer:
        serving.server.is_ready = Fault()  # type: ignore[assignment]
        assert (await ask(peer, "/readyz")).status == 500
        assert (await ask(peer)).body == ALIVE
        assert "a fault of the application" in caplog.text


async def test_when_the_server_stops_a_kept_connection_ends_at_once() -> None:
    async with (
        open_server(close_timeout_s=1000) as serving,
        open_raw(serving.port) as idle,
        open_raw(serving.port) as late,
    ):
        await ask(idle)
        await late.send(get("/healthz")[:-1])
        await trio.testing.wait_all_tasks_blocked(0.1)
        serving.server.close_all()
        assert await is_over(idle)
        assert serving.limits.total == 1, "though the idle one did not close"
        await late.send(b"\n")
        assert (await late.receive_answer()).headers["connection"] == "close"
