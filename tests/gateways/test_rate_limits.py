"""Rate limits as clients meet them: coming back does not refill them, and honest crowds notice nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import trio

from tests.support.core import Core, open_core
from tests.support.v1 import ack, make_room
from trio_chat.config.config import Config
from trio_chat.gateways.v1.client import LIMITED_PAUSE_S

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
        "rooms_per_person_per_day",
        "invitations_per_person_per_day",
        "conversations_per_person_per_day",
        "searches_per_minute",
        "searches_per_minute_per_address",
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


async def test_who_goes_on_after_being_told_to_wait_is_read_more_slowly(autojump_clock: MockClock) -> None:
    async with open_core(messages_per_second=1.0, burst=2) as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        for _ in range(20):
            await ada.tell("ping")
        began = trio.current_time()
        refused = 0
        while refused < 12:
            refused += (await ada.hear_frame()).get("code") == "rate_limited"
        assert trio.current_time() - began >= 11 * LIMITED_PAUSE_S
        assert "error" not in {frame["type"] for frame in await bob.hear_frames()}


async def test_many_people_of_one_address_write_no_more_than_twenty_can(autojump_clock: MockClock) -> None:
    async with open_core(person_quota=1, messages_per_second=0.0) as core:
        long_text = "\U0001f600" * 4_000
        people = [await core.open_person(f"Person {number}") for number in range(3)]
        for person in people:
            await person.ask("join", room="lobby")
        size = len(f'{{"type": "send", "id": "a1", "room": "lobby", "text": "{long_text}"}}'.encode())
        for _ in range(20 * 2**20 // size):
            core.hub.rate_limits.check_size("x" * size, "", trio.current_time())
        refused = await ack(people[0], "send", room="lobby", text=long_text)
        assert refused["code"] == "quota"
        assert (await ack(people[1], "send", room="lobby", text="short"))["type"] == "ack"
        await trio.sleep(refused["retry_after"])
        assert (await ack(people[2], "send", room="lobby", text=long_text))["type"] == "ack"


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


async def test_rooms_links_and_conversations_are_limited_by_the_day_on_whatever_connection(
    autojump_clock: MockClock,
) -> None:
    async with open_core(
        messages_per_second=1000.0,
        rooms_per_person_per_day=48,
        invitations_per_person_per_day=2,
        conversations_per_person_per_day=1,
    ) as core:
        eve = await core.open_v1()
        token = (await eve.ask("hello", name="Eve"))["token"]
        ids = [(await (await core.open_v1()).ask("hello"))["user"]["id"] for _ in range(2)]
        room = await make_room(eve)
        made = [await ack(eve, "create", id=f"r{n}", kind="public", room=f"r{n}") for n in range(48)]
        assert [one.get("code") for one in made] == [None] * 47 + ["too_many"]
        assert made[-1]["message"] == "You made 48 rooms within a day. It works again in 30 minutes."
        links = [await eve.ask("invite", room=room) for _ in range(3)]
        assert [one.get("code") for one in links] == [None, None, "too_many"]
        begun = [await ack(eve, "direct", person=who) for who in (ids[0], ids[0], ids[1])]
        assert [one.get("code") for one in begun] == [None, None, "too_many"]
        await eve.websocket.aclose()
        again = await core.open_v1()
        await again.ask("hello", token=token)
        assert (await ack(again, "create", id="r0", kind="public", room="r0")) == made[0], "a repeat"
        assert (await ack(again, "create", id="n1", kind="public", room="r0"))["code"] == "already_there"
        assert (await ack(again, "create", id="n2", kind="public", room="r99"))["code"] == "too_many"
        await trio.sleep(made[-1]["retry_after"])
        assert (await ack(again, "create", id="n3", kind="public", room="r99"))["type"] == "ack"


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
        await client.tell("search", query=f"{number} what")
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
