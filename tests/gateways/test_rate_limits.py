"""Rate limits as clients meet them: coming back does not refill them, and honest crowds notice nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import trio

from tests.support.core import Core, open_core
from trio_chat.config.config import Config

if TYPE_CHECKING:
    from trio.testing import MockClock

DEFAULTS = {
    name: getattr(Config(), name)
    for name in (
        "messages_per_second",
        "burst",
        "messages_per_second_per_address",
        "burst_per_address",
        "new_people_per_hour",
        "new_people_per_address_per_hour",
        "hello_timeout_s",
    )
}


async def test_reconnecting_does_not_refill_a_persons_limit(autojump_clock: MockClock) -> None:
    async with open_core(messages_per_second=1.0, burst=10) as core:
        ada = await core.open_v1()
        token = (await ada.ask("hello", name="Ada"))["token"]
        while (await ada.ask("ping"))["type"] == "pong":
            pass
        for _ in range(3):
            await ada.websocket.aclose()
            ada = await core.open_v1()
            assert (await ada.ask("hello", token=token))["type"] == "welcome"
            assert (await ada.ask("ping"))["code"] == "rate_limited"
        bob = await core.open_person("Bob")
        assert (await bob.ask("ping"))["type"] == "pong"


async def test_new_people_of_an_address_are_limited_and_others_come_back(autojump_clock: MockClock) -> None:
    async with open_core(new_people_per_address_per_hour=2) as core:
        token = (await (await core.open_v1()).ask("hello"))["token"]
        await (await core.open_v1()).ask("hello")
        late = await core.open_v1()
        refused = await late.ask("hello", name="Eve")
        assert refused["code"] == "rate_limited"
        assert (await late.ask("hello", token=token))["type"] == "welcome"
        later = await core.open_v1()
        await trio.sleep(refused["retry_after"])
        assert (await later.ask("hello", name="Eve"))["type"] == "welcome"


async def test_who_never_says_hello_is_sent_away_and_others_stay(autojump_clock: MockClock) -> None:
    async with open_core(hello_timeout_s=10.0) as core:
        ada = await core.open_person("Ada")
        plain = await core.open_plain()
        silent, talking = await core.open_v1(), await core.open_v1()
        await trio.sleep(9)
        assert (await talking.ask("ping"))["code"] == "hello_first"
        began = trio.current_time()
        assert await silent.hear_close() == 4003
        assert await talking.hear_close() == 4003
        assert trio.current_time() - began < 2
        await trio.sleep(60)
        assert (await ada.ask("ping"))["type"] == "pong"
        await plain.say("still here")


async def come_and_talk(core: Core, number: int, codes: set[str], *, lines: int, pause_s: float) -> None:
    """Join as a page does, and send some lines."""
    await trio.sleep(number % 60)
    client = await core.open_v1()
    await client.tell("hello", name=f"Person {number}")
    await client.tell("join", room="lobby")
    for line in range(lines):
        await client.tell("ping")
        await client.tell("typing", room="lobby")
        await client.tell("send", room="lobby", text=f"{number}: {line}")
        await trio.sleep(pause_s)
    for frame in await client.hear_frames():
        if frame["type"] == "error":
            codes.add(frame["code"])
    await client.websocket.aclose()


async def test_a_class_of_60_behind_one_address_notices_nothing(autojump_clock: MockClock) -> None:
    codes: set[str] = set()
    async with open_core(**DEFAULTS) as core:
        async with trio.open_nursery() as nursery:
            for number in range(60):
                nursery.start_soon(partial(come_and_talk, core, number, codes, lines=6, pause_s=2.0))
        assert core.lobby.head == 60 * 6
    assert codes == set()


async def test_an_office_of_500_behind_one_address_notices_nothing(autojump_clock: MockClock) -> None:
    codes: set[str] = set()
    async with open_core(**DEFAULTS) as core:
        async with trio.open_nursery() as nursery:
            for number in range(500):
                nursery.start_soon(partial(come_and_talk, core, number, codes, lines=1, pause_s=10.0))
        assert core.lobby.head == 500
    assert codes == set()
