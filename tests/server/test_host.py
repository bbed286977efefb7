"""Who is asked for: DNS rebinding ends before anything is served, and requests for a proxy are understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.http import ask
from tests.support.raw import Answer, get, open_raw, open_v1, upgrade
from tests.support.serving import open_server, unharmed
from trio_chat.server.machine_names import machine_names

if TYPE_CHECKING:
    from pathlib import Path

V1 = "trio-chat.v1"
STRANGE = "evil.example"


async def answer_to(port: int, said: bytes) -> Answer:
    """The first answer to these bytes; of a handshake the head."""
    async with open_raw(port) as peer:
        await peer.send(said)
        return Answer.of(await peer.receive_head())


async def test_a_page_whose_name_was_pointed_here_reads_and_writes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with unharmed(caplog) as serving:
        for said in (
            get("/", host=STRANGE),
            get("/healthz", host=f"{STRANGE}:8080"),
            get("/", method="POST", host=STRANGE, content_length="10"),
            upgrade(host=STRANGE, origin=f"http://{STRANGE}"),
            upgrade(host=STRANGE, origin=f"http://{STRANGE}", sec_websocket_protocol=V1),
            upgrade(host=STRANGE),
        ):
            assert (await answer_to(serving.port, said)).status == 421
        answer = await ask(serving.port, "/", host=STRANGE)
        assert b"--public-url https://evil.example or --allow-host evil.example." in answer.body


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:8080", "localhost:8080", "studio.local", "studio"])
async def test_without_configuration_a_private_network_is_served(host: str) -> None:
    async with open_server(allow_host=()) as serving:
        assert (await ask(serving.port, "/", host=host)).status == 200
        assert (await answer_to(serving.port, upgrade(host=host, origin="null"))).status == 101
        own = upgrade(host=host, origin=f"http://{host}", sec_websocket_protocol=V1)
        assert (await answer_to(serving.port, own)).status == 101


async def test_the_host_of_the_public_url_is_served_and_its_origin_however_a_proxy_asks() -> None:
    async with open_server(allow_host=(), public_url="https://chat.example:8443/") as serving:
        assert (await ask(serving.port, "/", host="chat.example")).status == 200
        assert (await ask(serving.port, "/", host=STRANGE)).status == 421
        for host in ("chat.example:8443", "127.0.0.1:8080"):
            said = upgrade(host=host, origin="https://chat.example:8443", sec_websocket_protocol=V1)
            assert (await answer_to(serving.port, said)).status == 101
        for origin in ("http://chat.example:8443", "https://chat.example", f"https://{STRANGE}"):
            said = upgrade(host="127.0.0.1:8080", origin=origin, sec_websocket_protocol=V1)
            assert (await answer_to(serving.port, said)).status == 403


async def test_with_a_public_url_plain_access_is_off_unless_it_is_asked_for() -> None:
    public = "https://chat.example/"
    for settings, status in (
        ({}, 101),
        ({"public_url": public}, 403),
        ({"public_url": public, "plain": True}, 101),
        ({"plain": False}, 403),
    ):
        async with open_server(**settings) as serving:
            assert (await answer_to(serving.port, upgrade())).status == status, settings


async def test_the_public_url_is_told_at_the_login() -> None:
    for public_url in ("https://chat.example/team/", None):
        async with open_server(public_url=public_url) as serving, open_v1(serving.port) as (_, welcome, _):
            assert welcome.get("public_url") == public_url


async def test_without_a_public_url_the_address_in_the_network_is_told_at_the_login() -> None:
    async with (
        open_server(network_url="http://192.168.1.7:8080/") as serving,
        open_v1(serving.port) as (_, welcome, _),
    ):
        assert welcome["network_url"] == "http://192.168.1.7:8080/"
    async with open_server() as serving, open_v1(serving.port) as (_, welcome, _):
        assert "network_url" not in welcome


async def test_a_client_of_http_1_0_need_not_say_a_host() -> None:
    async with open_server() as serving:
        assert (await answer_to(serving.port, b"GET /healthz HTTP/1.0\r\n\r\n")).status == 200
        strange = b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n"
        assert (await answer_to(serving.port, strange)).status == 421


async def test_the_host_in_the_target_of_a_request_for_a_proxy_counts() -> None:
    async with open_server() as serving:
        for target, host, status in (
            ("http://chat.example/healthz", "chat.example", 200),
            ("HTTP://Chat.example:80/healthz?x=1", STRANGE, 200),
            ("http://chat.example", "", 200),
            ("http://chat.example?x", "chat.example", 200),
            ("http://chat.example/nothing", "chat.example", 404),
            (f"http://{STRANGE}/healthz", "chat.example", 421),
            ("http://chat.example@evil.example/healthz", "chat.example", 404),
            ("ftp://chat.example/healthz", "chat.example", 404),
        ):
            assert (await answer_to(serving.port, get(target, host=host))).status == status, target
        answer = await ask(serving.port, "http://chat.example/", host=STRANGE)
        assert "wss://chat.example;" in answer.headers["content-security-policy"]
        no_host = b"GET http://chat.example/healthz HTTP/1.0\r\n\r\n"
        assert (await answer_to(serving.port, no_host)).status == 200


async def test_a_handshake_for_a_proxy_is_understood() -> None:
    async with open_server() as serving:
        for host in ("chat.example", STRANGE):
            said = upgrade(
                "http://chat.example/", host=host, origin="http://chat.example", sec_websocket_protocol=V1
            )
            assert (await answer_to(serving.port, said)).status == 101
        said = upgrade(f"http://{STRANGE}/", sec_websocket_protocol=V1)
        assert (await answer_to(serving.port, said)).status == 421


async def test_a_request_comes_from_one_origin() -> None:
    """The last would have counted."""
    async with open_server() as serving:
        said = upgrade(sec_websocket_protocol=V1, origin="http://evil.example")
        twice = said.replace(b"\r\n\r\n", b"\r\nOrigin: http://chat.example\r\n\r\n")
        assert (await answer_to(serving.port, twice)).status == 400


def test_a_machine_knows_its_names_by_itself(tmp_path: Path) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("# search no.example\nnameserver 192.0.2.1\nsearch lan fritz.box\n\n")
    name, *others = machine_names(resolver)
    assert name
    assert [other.partition(".")[2] for other in others] == ["lan", "fritz.box"]
    assert machine_names(tmp_path / "nothing") == (name,)
