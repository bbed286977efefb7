"""TLS of the server's own, over real sockets: the same chat, whatever peers do, with a certificate that can change."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.raw import (
    CLOSE,
    PATIENCE_S,
    PING,
    PONG,
    Answer,
    RawPeer,
    close_frame,
    frame,
    get,
    open_raw,
    upgrade,
)
from tests.support.serving import Serving, open_server
from tests.support.tls import HOST, Authority, make_authority, open_tls
from trio_chat.errors import StartError
from trio_chat.server.certificates import Certificates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TLS_HELLO = bytes.fromhex("16030100c2010000be0303") + bytes(range(190))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


def certificates_of(authority: Authority) -> Certificates:
    return Certificates(authority.certificate, authority.key)


async def shake_hands(peer: RawPeer, **headers: str) -> None:
    await peer.send(upgrade(**headers))  # type: ignore[arg-type]  # mypy sees any keyword in them
    assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")


async def test_page_plain_and_v1_over_tls(authority: Authority) -> None:
    context = authority.client_context("h2", "http/1.1")
    async with open_server(certificates_of(authority)) as serving:
        async with open_tls(serving.port, context) as (peer, stream):
            assert stream.selected_alpn_protocol() == "http/1.1"
            await peer.send(get("/healthz"))
            assert (await peer.receive_answer()).body == b"alive\n"
            await peer.send(get("/", connection="close"))
            answer = Answer.of(await peer.receive_to_the_end())
            assert answer.status == 200
            assert b"</html>" in answer.body
        async with (
            open_tls(serving.port, context) as (plain, _),
            open_tls(serving.port, context) as (v1, _),
        ):
            await shake_hands(plain)
            await shake_hands(v1, sec_websocket_protocol="trio-chat.v1", origin=f"https://{HOST}")
            await v1.say(type="hello", name="Ada")
            await v1.hear("welcome")
            await v1.say(type="join", id="j", room="lobby")
            await v1.hear("joined")
            await v1.say(type="send", id="s", room="lobby", text="over TLS")
            assert await plain.receive_text() == "over TLS"
            await plain.send(frame(PING, b"alive?"))
            pong = await plain.receive_frame()
            assert pong is not None
            assert pong[:2] == (PONG, b"alive?")
            await plain.send(close_frame())
            end = await plain.receive_frame()
            assert end is not None
            assert end.opcode == CLOSE
            assert await plain.receive_to_the_end() == b"", "and the peer is told that nothing follows"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_slow_readers_lose_nothing_and_hold_up_nobody(
    version: ssl.TLSVersion, authority: Authority
) -> None:
    """Records that do not fit into the socket wait in the wire; whoever is behind catches up from the log."""
    context = authority.client_context()
    context.maximum_version = context.minimum_version = version
    async with (
        open_server(certificates_of(authority), outbox_bytes=4096) as serving,
        open_tls(serving.port, context, receive_buffer=4096) as (slow, _),
        open_tls(serving.port, context) as (fast, _),
    ):
        await shake_hands(slow)
        await shake_hands(fast)
        texts = [f"{number} ".ljust(3000, "x") for number in range(2000)]

        async def speak() -> None:
            for text in texts:
                await fast.send_text(text)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak)
            for text in texts:
                assert await fast.receive_text() == text
        assert serving.server.statistics().waiting_bytes > 0
        for text in texts:
            assert await slow.receive_text() == text
        await fast.send_text("and on")
        assert await slow.receive_text() == await fast.receive_text() == "and on"


async def test_who_reads_nothing_is_cut_in_the_middle_of_a_record(authority: Authority) -> None:
    async with (
        open_server(certificates_of(authority), write_stall_s=0.5, max_gap=0) as serving,
        open_tls(serving.port, authority.client_context(), receive_buffer=4096) as (stuck, _),
        open_tls(serving.port, authority.client_context()) as (other, _),
    ):
        await shake_hands(stuck)
        await shake_hands(other)
        await serving.wait_connected(2)
        number = 0
        with trio.fail_after(PATIENCE_S):
            while serving.server.statistics().connected == 2:
                await other.send_text(f"{number} ".ljust(3900, "x"))
                assert (await other.receive_text()).startswith(f"{number} ")
                number += 1
        await serving.wait_connected(1)
        assert serving.server.statistics().faults == 0


@pytest.mark.parametrize(
    "said", [b"", b"\x16", TLS_HELLO, TLS_HELLO[:40]], ids=["nothing", "a byte", "a bad hello", "half of one"]
)
@pytest.mark.parametrize("end", ["reset", "close", "stay"])
async def test_a_handshake_that_fails_is_over_in_time_and_said_at_debug_only(
    said: bytes, end: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_server(certificates_of(authority), handshake_timeout_s=0.5) as serving:
        async with open_raw(serving.port) as peer:
            if said:
                await peer.send(said)
            if end == "reset":
                peer.reset()
            elif end == "stay":
                await peer.receive_to_the_end()
        await serving.wait_connected(0)
        assert serving.server.statistics().faults == 0
        assert caplog.records == []
        async with open_tls(serving.port, authority.client_context()) as (good, _):
            await shake_hands(good)


async def test_a_handshake_under_way_has_a_place_of_its_address(authority: Authority) -> None:
    async with open_server(certificates_of(authority), max_connections_per_address=1) as serving:
        async with open_raw(serving.port) as waiting:
            await waiting.send(b"\x16")
            with trio.fail_after(PATIENCE_S):
                while serving.limits.total != 1:
                    await trio.lowlevel.checkpoint()
            async with open_raw(serving.port) as refused:
                assert await refused.receive_to_the_end() == b"", "without TLS there is no sentence"
        await serving.wait_connected(0)
        async with open_tls(serving.port, authority.client_context()) as (peer, _):
            await shake_hands(peer)


async def test_who_begins_with_http_is_told_in_http(authority: Authority) -> None:
    async with open_server(certificates_of(authority)) as serving, open_raw(serving.port) as peer:
        await peer.send(get("/"))
        answer = Answer.of(await peer.receive_to_the_end())
        assert answer.status == 400
        assert b"https://" in answer.body


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of naming what is too old
async def test_versions_before_1_2_are_refused(authority: Authority) -> None:
    context = authority.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with open_server(certificates_of(authority)) as serving:
        with pytest.raises(trio.BrokenResourceError):
            async with open_tls(serving.port, context):
                pass
        await serving.wait_connected(0)


async def test_stopping_says_goodbye_over_tls(authority: Authority) -> None:
    async with (
        open_server(certificates_of(authority)) as serving,
        open_tls(serving.port, authority.client_context()) as (peer, _),
    ):
        await shake_hands(peer)
        await peer.send_text("here")
        assert await peer.receive_text() == "here"
        serving.server.close_all()
        assert await peer.receive_close_code() == 1001


@pytest.mark.parametrize(
    ("host", "is_told"),
    [(HOST, True), ("localhost:8080", False), ("studio.local", False), ("127.0.0.1", False)],
)
async def test_browsers_are_told_to_use_tls_only_but_not_for_names_that_others_serve_too(
    host: str, is_told: bool, authority: Authority
) -> None:
    async with (
        open_server(certificates_of(authority)) as serving,
        open_tls(serving.port, authority.client_context()) as (peer, _),
    ):
        await peer.send(get("/", host=host))
        assert ("strict-transport-security" in (await peer.receive_answer()).headers) is is_told


# The certificate


def serial_of(stream: trio.SSLStream[trio.SocketStream]) -> str:
    return str(stream.getpeercert()["serialNumber"])


async def test_a_renewed_certificate_is_used_after_a_reload_and_a_broken_one_never(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificates, context = certificates_of(authority), authority.client_context()

    async def serial(serving: Serving) -> str:
        async with open_tls(serving.port, context) as (_, stream):
            return serial_of(stream)

    async with open_server(certificates) as serving, open_tls(serving.port, context) as (old, stream):
        await shake_hands(old)
        first = serial_of(stream)
        authority.renew()
        assert await serial(serving) == first
        certificates.reload()
        second = await serial(serving)
        assert second != first
        authority.certificate.write_text("no certificate")
        certificates.reload()
        assert await serial(serving) == second
        (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert str(authority.certificate) in error.getMessage()
        assert "stays in use" in error.getMessage()
        await old.send_text("still here")
        assert await old.receive_text() == "still here"


def missing(authority: Authority) -> None:
    authority.key.unlink()


def garbage(authority: Authority) -> None:
    authority.certificate.write_bytes(b"\x00")


def another_key(authority: Authority) -> None:
    authority.key.write_bytes(authority.ca.issue_cert(HOST).private_key_pem.bytes())


def password(authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization as s

    key = s.load_pem_private_key(authority.key.read_bytes(), None)
    authority.key.write_bytes(
        key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"secret"))
    )


@pytest.mark.parametrize("spoil", [missing, garbage, another_key, password])
def test_files_that_are_no_certificate_are_reported_in_one_sentence(
    spoil: Callable[[Authority], None], authority: Authority
) -> None:
    spoil(authority)
    with pytest.raises(StartError, match=r"^The certificate cannot be used: .*--tls-key.*password\.$"):
        certificates_of(authority)


def test_key_and_certificate_may_be_one_file(authority: Authority) -> None:
    authority.certificate.write_bytes(authority.certificate.read_bytes() + authority.key.read_bytes())
    assert Certificates(authority.certificate, None).context.minimum_version == ssl.TLSVersion.TLSv1_2
