"""So many requests of HTTP from one address are answered; more are told when to come back, which costs next to
nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import open_core
from tests.support.raw import get, upgrade
from trio_chat.config.config import Config
from trio_chat.errors import Refused
from trio_chat.net.rate_limits import REQUESTS_SHARE, RateLimits

if TYPE_CHECKING:
    from trio.testing import MockClock

LIMITS: dict[str, Any] = {
    "messages_per_second": 1.0,
    "messages_per_second_per_address": 2.0,
    "burst_per_address": 5,
    "trusted_proxy": ("127.0.0.1",),
}
AT_ONCE = 5 * REQUESTS_SHARE


def limits_of(config: Config) -> RateLimits:
    """The limits of requests that a server has with these settings."""
    return RateLimits(
        rate=config.messages_per_second,
        burst=config.burst,
        address_rate=config.messages_per_second_per_address,
        address_burst=config.burst_per_address,
        new_people_per_hour=0,
        new_people_per_address_per_hour=0,
        searches_per_minute=0,
        searches_per_minute_per_address=0,
        daily={},
    )


async def test_who_asks_too_often_is_told_when_to_come_back_and_then_served(
    autojump_clock: MockClock,
) -> None:
    async with open_core(**LIMITS) as core:
        peer = await core.open_raw(b"")
        for _ in range(AT_ONCE):
            await peer.send(get("/healthz"))
            assert (await peer.receive_answer()).status == 200
        await peer.send(get("/healthz"))
        answer = await peer.receive_answer()
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert (
            answer.body
            == b"Too many requests come from your address. Wait 1 seconds, then load the page again.\n"
        )
        assert "connection" not in answer.headers, "opening another one would cost more"
        await trio.sleep(int(answer.headers["retry-after"]))
        await peer.send(get("/healthz"))
        assert (await peer.receive_answer()).status == 200


async def test_a_new_connection_is_no_new_beginning_and_a_handshake_is_a_request(
    autojump_clock: MockClock,
) -> None:
    async with open_core(**LIMITS) as core:
        for _ in range(AT_ONCE):
            peer = await core.open_raw(get("/healthz", connection="close"))
            assert (await peer.receive_answer()).status == 200
        refused = await core.open_raw(upgrade(sec_websocket_protocol="trio-chat.v1"))
        head = await refused.receive_head()
        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nretry-after: 1\r\n" in head.lower()
        await trio.sleep(1)
        served = await core.open_raw(upgrade(sec_websocket_protocol="trio-chat.v1"))
        assert (await served.receive_head()).startswith(b"HTTP/1.1 101 ")


async def test_a_body_that_was_refused_is_not_taken_for_requests(autojump_clock: MockClock) -> None:
    async with open_core(**LIMITS) as core:
        peer = await core.open_raw(b"")
        for _ in range(AT_ONCE):
            await peer.send(get("/healthz"))
            await peer.receive_answer()
        await peer.send(
            get("/files", method="POST", content_length=str(len(get("/healthz")))) + get("/healthz")
        )
        answer = await peer.receive_to_the_end()
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert answer.count(b"HTTP/1.1 ") == 1


async def test_commands_and_requests_take_nothing_from_each_other(autojump_clock: MockClock) -> None:
    async with open_core(**LIMITS) as core:
        ada = await core.open_person("Ada")
        peer = await core.open_raw(b"")
        statuses = []
        for _ in range(AT_ONCE + 1):
            await peer.send(get("/healthz"))
            statuses.append((await peer.receive_answer()).status)
        assert statuses[-1] == 429
        assert (await ada.ask("ping"))["type"] == "pong"


def test_a_class_of_sixty_behind_one_address_opens_the_page_and_a_gallery_of_sixty_pictures() -> None:
    """All in the same moment: the page is fewer than fifty files."""
    limits = limits_of(Config())
    for _ in range(60 * (60 + 50)):
        limits.check_request("192.0.2.1", 0.0)


def test_an_office_of_five_hundred_comes_back_within_a_minute() -> None:
    limits = limits_of(Config())
    for number in range(500 * 50):
        limits.check_request("192.0.2.1", number * 60 / (500 * 50))


def test_one_address_is_bounded_and_others_are_not_touched() -> None:
    limits = limits_of(Config())
    for _ in range(REQUESTS_SHARE * Config().burst_per_address):
        limits.check_request("192.0.2.1", 0.0)
    with pytest.raises(Refused) as refused:
        limits.check_request("192.0.2.1", 0.0)
    assert refused.value.retry_after_s == 1
    limits.check_request("192.0.2.2", 0.0)


def test_without_limits_there_is_none() -> None:
    limits = limits_of(Config(messages_per_second=0))
    for _ in range(50_000):
        limits.check_request("192.0.2.1", 0.0)
