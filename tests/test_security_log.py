"""The security log: who came, who was refused, from where; never a text or a token, and nobody can forge a line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.http import ask
from tests.support.raw import PATIENCE_S, open_peer, open_raw, open_v1, upgrade
from tests.support.serving import open_server
from trio_chat.ops.log_format import LineFormatter
from trio_chat.security_log import LOGGER, MAX_KEYS, QUIET_S, SecurityLog

if TYPE_CHECKING:
    from collections.abc import Iterator

V1 = "trio-chat.v1"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What is logged, as it goes on."""
    caplog.set_level(logging.INFO, LOGGER.name)
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    LOGGER.addHandler(handler)
    yield lines
    LOGGER.removeHandler(handler)


async def test_who_comes_and_who_is_refused_stands_there(lines: list[str]) -> None:
    async with open_server(public_url="https://chat.example") as serving:
        async with open_v1(serving.port, name="Ada") as (_, welcome, _):
            person, token = welcome["user"]["id"], welcome["token"]
        async with open_v1(serving.port, token=token):
            pass
        async with open_peer(serving.port, sec_websocket_protocol=V1) as peer:
            await peer.say(type="hello", token="x" * 43)
            await peer.hear("error")
            await peer.say(type="hello", link="AAAA-AAAA")
            await peer.hear("error")
        for headers in (
            {"host": "evil.example"},
            {"sec_websocket_protocol": V1, "origin": "https://evil.example"},
            {},
        ):
            async with open_raw(serving.port) as raw:
                await raw.send(upgrade(**headers))  # type: ignore[arg-type]  # mypy sees any keyword in them
                await raw.receive_to_the_end()
    assert lines == [
        f"joined person={person} address=127.0.0.1 by=name",
        f"joined person={person} address=127.0.0.1 by=token",
        "refused why=unknown_token address=127.0.0.1",
        "refused why=bad_link address=127.0.0.1",
        "refused why=host address=127.0.0.1 host=evil.example",
        "refused why=origin address=127.0.0.1 origin=https://evil.example host=chat.example "
        'hint="let the proxy pass Host on, or name the page with --public-url or --allow-origin"',
        "refused why=plain address=127.0.0.1",
    ]


async def test_a_guest_has_come_when_it_speaks(lines: list[str]) -> None:
    async with open_server() as serving, open_peer(serving.port) as peer:
        assert lines == []
        await peer.send_text("a secret")
        await peer.receive_text()
    (line,) = lines
    assert line.startswith("joined person=g-")
    assert line.endswith(" address=127.0.0.1 by=guest")


async def test_who_has_no_place_stands_there_by_the_clients_address(lines: list[str]) -> None:
    async with open_server(max_connections_per_address=1, trusted_proxy=("127.0.0.1/32",)) as serving:
        async with open_peer(serving.port, x_forwarded_for="192.0.2.1"), open_raw(serving.port) as second:
            await second.send(upgrade(x_forwarded_for="192.0.2.1"))
            await second.receive_to_the_end()
        await ask(serving.port, "/", host="evil.example", x_forwarded_for="192.0.2.2")
    assert lines == [
        "refused why=places address=192.0.2.1",
        "refused why=host address=192.0.2.2 host=evil.example",
    ]


async def test_who_does_too_much_stands_there_once(lines: list[str]) -> None:
    async with (
        open_server(messages_per_second=1, burst=2) as serving,
        open_v1(serving.port, name="Ada") as (peer, welcome, _),
    ):
        for number in range(5):
            await peer.say(type="ping", id=f"p{number}")
        with trio.fail_after(PATIENCE_S):
            while len(lines) < 2:
                await peer.receive_text()
        assert lines[1:] == [f"limited why=rate_limited address=127.0.0.1 person={welcome['user']['id']}"]


def test_a_refusal_is_told_once_a_minute_with_how_often_it_was(lines: list[str]) -> None:
    now = 0.0
    log = SecurityLog(clock=lambda: now)
    for _ in range(3):
        log.refused("host", "192.0.2.1", host="evil.example")
        log.limited("rate_limited", "192.0.2.1", person="p-1")
    log.limited("rate_limited", "192.0.2.1", person="p-2")
    log.answered("not_yours", "192.0.2.1")
    now = QUIET_S
    log.refused("host", "192.0.2.1", host="evil.example")
    assert lines == [
        "refused why=host address=192.0.2.1 host=evil.example",
        "limited why=rate_limited address=192.0.2.1 person=p-1",
        "limited why=rate_limited address=192.0.2.1 person=p-2",
        "refused why=host address=192.0.2.1 host=evil.example again=2",
    ]


def test_who_comes_back_all_the_time_is_told_once_a_minute(lines: list[str]) -> None:
    now = 0.0
    log = SecurityLog(clock=lambda: now)
    for _ in range(3):
        log.joined("p-1", "192.0.2.1", by="token")
    log.joined("p-1", "192.0.2.2", by="token")
    log.joined("p-1", "192.0.2.1", by="code")
    now = QUIET_S
    log.joined("p-1", "192.0.2.1", by="token")
    assert lines == [
        "joined person=p-1 address=192.0.2.1 by=token",
        "joined person=p-1 address=192.0.2.2 by=token",
        "joined person=p-1 address=192.0.2.1 by=code",
        "joined person=p-1 address=192.0.2.1 by=token again=2",
    ]


async def test_handshakes_that_fail_are_counted_and_cannot_fill_the_log(
    lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    said = (
        upgrade(drop=("upgrade", "connection")),
        upgrade(drop=("connection",)),
        upgrade("/elsewhere"),
        upgrade(sec_websocket_protocol="mqtt"),
        upgrade(sec_websocket_version="8"),
        upgrade(sec_websocket_protocol=V1, origin="https://evil.example"),
    )
    async with open_server() as serving:
        began = len(caplog.records)
        for _ in range(5):
            for head in said:
                async with open_raw(serving.port) as raw:
                    await raw.send(head)
                    await raw.receive_to_the_end()
        assert len(caplog.records) - began == len(lines) == 5
    assert [line.split()[1] for line in lines] == [
        f"why={why}" for why in ("upgrade", "path", "subprotocol", "handshake", "origin")
    ]
    assert lines[0].endswith(' hint="let the proxy pass Upgrade and Connection on"')


async def test_connections_that_are_cut_cannot_fill_the_log(
    lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_server(max_message_bytes=1000) as serving:
        began = len(caplog.records)
        for _ in range(5):
            async with open_peer(serving.port) as peer:
                await peer.send_text("x" * 2000)
                await peer.receive_to_the_end()
        assert len(caplog.records) - began == 1
    assert lines == ["cut why=too_big address=127.0.0.1"]


def test_what_it_remembers_is_bounded(lines: list[str]) -> None:
    log = SecurityLog(clock=lambda: 0.0)
    for number in range(MAX_KEYS + 5):
        log.refused("host", f"192.0.2.{number}")
    assert len(log._quiet) == MAX_KEYS
    assert len(lines) == MAX_KEYS + 5


def test_moderation_stands_there(lines: list[str]) -> None:
    log = SecurityLog()
    log.token_revoked("p-1", by="p-2", device="all others")
    log.banned("p-1", by="p-2", room="~server", until="2026-12-01T00:00:00Z")
    log.banned("p-1", by="p-2", room="~server", is_on=False)
    log.address_banned("2001:db8::/64", by="p-2")
    log.role_changed("p-1", "admin", by="p-2", room="~server")
    assert lines == [
        'token_revoked person=p-1 by=p-2 device="all others"',
        "banned person=p-1 by=p-2 room=~server until=2026-12-01T00:00:00Z",
        "unbanned person=p-1 by=p-2 room=~server",
        "banned address=2001:db8::/64 by=p-2",
        "role_changed person=p-1 role=admin by=p-2 room=~server",
    ]


@pytest.mark.parametrize(
    "host", ["a\nrefused why=host", 'a" why=x', "a why=b", "\u202eevil", "a=b", "", "x" * 10_000, "\x1b[2J"]
)
def test_nobody_forges_a_field_or_a_line(host: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER.name)
    SecurityLog().refused("host", "192.0.2.1", host=host)
    (record,) = caplog.records
    line = LineFormatter().format(record)
    assert line.count("\n") == 0
    assert len(line) < 400
    assert line.isascii()
    value = line.partition(" host=")[2]
    assert value.startswith('"') or value == "x" * 100
    assert value.replace('\\"', "").count('"') in (0, 2)
