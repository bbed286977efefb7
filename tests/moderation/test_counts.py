"""Counts over several nodes: what is limited by the hour and by the day is so on all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest
import trio

from tests.support.core import open_core
from trio_chat.errors import Refused
from trio_chat.moderation.counts import Counts
from trio_chat.net.rate_limits import DAY_S, HOUR_S, RateLimits
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.core import V1Client
    from trio_chat.store.base import Store


def limits(*, of_address: float = 3, of_all: float = 5, rooms: float = 4, rate: float = 5) -> RateLimits:
    return RateLimits(
        rate=rate,
        burst=rate,
        address_rate=100,
        address_burst=100,
        new_people_per_hour=of_all,
        new_people_per_address_per_hour=of_address,
        searches_per_minute=10,
        searches_per_minute_per_address=10,
        daily={"rooms": rooms, "invitations": rooms, "conversations": rooms, "reports": rooms},
    )


@attrs.define
class Nodes:
    """Two nodes, and their clock."""

    one: Store
    two: Store
    now_ms: int = 1_000_000

    async def counts(self, **limited: float) -> list[Counts]:
        """What each of them counts."""
        return [
            Counts(store, limits(**limited), await store.server_identity(), now_ms=lambda: self.now_ms)
            for store in (self.one, self.two)
        ]


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[Nodes]:
    async with open_postgresql_store(database) as one, open_postgresql_store(database) as two:
        yield Nodes(one, two)


async def answered(client: V1Client, kind: str, /, **fields: object) -> dict[str, Any]:
    """The ack of a command, or why it was refused."""
    command = await client.tell(kind, **fields)
    return await client.wait_frame(lambda frame: frame.get("id") == command)


async def refusal(check: Awaitable[None]) -> Refused:
    with pytest.raises(Refused) as refused:
        await check
    return refused.value


async def test_new_people_of_one_address_are_counted_on_all_nodes(nodes: Nodes) -> None:
    one, two = await nodes.counts()
    for counts in (one, two, one):
        await counts.check_new_person("192.0.2.1")
    for counts in (two, one):
        refused = await refusal(counts.check_new_person("192.0.2.1"))
        assert (refused.code, refused.retry_after_s) == ("rate_limited", HOUR_S / 3)
    await two.check_new_person("192.0.2.2")


async def test_new_people_of_all_addresses_are_as_well(nodes: Nodes) -> None:
    one, two = await nodes.counts()
    for number in range(5):
        await (one, two)[number % 2].check_new_person(f"192.0.2.{number}")
    assert (await refusal(two.check_new_person("192.0.2.9"))).retry_after_s == HOUR_S / 5


async def test_what_a_person_does_seldom_is_counted_by_the_day(nodes: Nodes) -> None:
    one, two = await nodes.counts()
    for number in range(4):
        await (one, two)[number % 2].check_daily("rooms", "p-eve")
    refused = await refusal(one.check_daily("rooms", "p-eve"))
    assert (refused.code, refused.retry_after_s) == ("too_many", DAY_S / 4)
    assert refused.message == "You made 4 rooms within a day. It works again in 6 hours."
    await one.check_daily("rooms", "p-ada")
    await one.check_daily("reports", "p-eve")


async def test_it_works_again_when_the_sentence_says(nodes: Nodes) -> None:
    one, two = await nodes.counts()
    for _ in range(4):
        await one.check_daily("rooms", "p-eve")
    for counts in (one, two):
        await refusal(counts.check_daily("rooms", "p-eve"))
    nodes.now_ms += 1000 * DAY_S // 4
    await two.check_daily("rooms", "p-eve")
    await refusal(one.check_daily("rooms", "p-eve"))
    nodes.now_ms += 1000 * DAY_S
    for _ in range(4):
        await one.check_daily("rooms", "p-eve")


async def test_of_many_at_once_just_so_many_come_in(nodes: Nodes) -> None:
    came: list[str] = []

    async def come(check: Callable[[str], Awaitable[None]]) -> None:
        try:
            await check("192.0.2.1")
        except Refused:
            return
        came.append("here")

    async with trio.open_nursery() as nursery:
        for counts in 10 * await nodes.counts():
            nursery.start_soon(come, counts.check_new_person)
    assert len(came) == 3


async def test_who_was_refused_asks_the_store_no_more(nodes: Nodes) -> None:
    one, _ = await nodes.counts()
    for _ in range(3):
        await one.check_new_person("192.0.2.1")
    await refusal(one.check_new_person("192.0.2.1"))
    before = nodes.one.statistics().commits
    for _ in range(10):
        await refusal(one.check_new_person("192.0.2.1"))
    assert nodes.one.statistics().commits == before


async def test_without_a_limit_nothing_is_counted(nodes: Nodes) -> None:
    one, _ = await nodes.counts(of_address=0, of_all=0, rooms=0)
    for _ in range(20):
        await one.check_new_person("192.0.2.1")
        await one.check_daily("rooms", "p-eve")
    for counts in await nodes.counts(rate=0):
        for _ in range(20):
            await counts.check_daily("rooms", "p-eve")


async def test_less_than_one_an_hour_is_none(nodes: Nodes) -> None:
    one, _ = await nodes.counts(of_address=0.5)
    await refusal(one.check_new_person("192.0.2.1"))


async def test_at_whichever_node_somebody_new_says_hello_they_count(nodes: Nodes) -> None:
    settings: dict[str, Any] = {"new_people_per_address_per_hour": 2, "messages_per_second": 50, "burst": 50}
    async with (
        open_core(store=cast("Any", nodes.one), **settings) as one,
        open_core(store=cast("Any", nodes.two), **settings) as two,
    ):
        answers = [
            await (await core.open_v1()).ask("hello", name=name)
            for core, name in ((one, "Ada"), (two, "Bob"), (one, "Cleo"), (two, "Dan"))
        ]
        assert [answer["type"] for answer in answers] == ["welcome", "welcome", "error", "error"]
        assert {answer["code"] for answer in answers[2:]} == {"rate_limited"}


async def test_at_whichever_node_somebody_makes_rooms_they_count(nodes: Nodes) -> None:
    settings: dict[str, Any] = {"rooms_per_person_per_day": 2, "messages_per_second": 50, "burst": 50}
    async with (
        open_core(store=cast("Any", nodes.one), **settings) as one,
        open_core(store=cast("Any", nodes.two), **settings) as two,
    ):
        ada = await one.open_v1()
        token = (await ada.ask("hello", name="Ada"))["token"]
        here = await two.open_v1()
        await here.ask("hello", token=token)
        here.ids = 100  # the same person's: an id of theirs twice would be a repeat
        answers = [
            await answered(client, "create", kind="private", title="Garden")
            for client in (ada, here, ada, here)
        ]
        assert [answer.get("code") for answer in answers[2:]] == ["too_many", "too_many"]
