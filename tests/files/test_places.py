"""Places: so many transfers at a time in all, for each address and each person; who hardly moves makes way for
others."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import partial

import pytest
import trio
import trio.testing

from trio_chat.errors import Refused
from trio_chat.files.places import ASKED_EVERY_S, FAIR_S, LEAST_BYTES, PATIENCE_S, WAITING, Places


async def test_nobody_has_more_than_their_share(autojump_clock: trio.testing.MockClock) -> None:
    places = Places(in_all=5, for_address=0, for_each=2)
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def fetch(person: str) -> None:
        async with places.take(person, "192.0.2.1"):
            now[person] += 1
            for who, count in [*now.items(), ("all", now.total())]:
                most[who] = max(most[who], count)
            await trio.sleep(1)
            now[person] -= 1

    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(fetch, "abcd"[number % 4])
    assert most == {"a": 2, "b": 2, "c": 2, "d": 2, "all": 5}


async def test_it_is_waited_a_while_for_a_place(autojump_clock: trio.testing.MockClock) -> None:
    places = Places(in_all=1, for_address=0, for_each=1)
    for holder in ("ada", "bob"):
        async with places.take(holder, "192.0.2.1"):
            began = trio.current_time()
            with pytest.raises(Refused) as refused:
                async with places.take("ada", "192.0.2.1"):
                    pass
            assert refused.value.code == "busy"
            assert refused.value.retry_after_s is not None
            assert trio.current_time() - began == pytest.approx(PATIENCE_S)
    async with places.take("ada", "192.0.2.1"):
        pass


async def test_who_gives_up_takes_no_place_along(autojump_clock: trio.testing.MockClock) -> None:
    places = Places(in_all=1, for_address=0, for_each=1)
    for _ in range(3):
        async with places.take("ada", "192.0.2.1"):
            with trio.move_on_after(1):
                async with places.take("bob", "192.0.2.1"):
                    pass
    async with places.take("bob", "192.0.2.1"):
        pass


async def test_so_many_of_a_person_wait_and_the_next_is_told_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Else one person with a thousand connections has the server look into the store for each, twice a second."""
    places = Places(in_all=5, for_address=0, for_each=2)

    async def fetch() -> None:
        async with places.take("Ada", "192.0.2.1"):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(2 + WAITING):
            nursery.start_soon(fetch)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        with pytest.raises(Refused) as refused:
            async with places.take("Ada", "192.0.2.1"):
                pass
        assert (refused.value.code, trio.current_time() - began) == ("busy", 0)
        async with places.take("Bob", "192.0.2.1"):
            pass
        nursery.cancel_scope.cancel()


async def test_from_one_address_come_so_many_and_others_have_the_rest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    places = Places(in_all=3, for_address=2, for_each=1)

    async def fetch(person: str) -> None:
        with suppress(Refused):
            async with places.take(person, "192.0.2.1"):
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for number in range(9):
            nursery.start_soon(fetch, f"p-{number}")
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        async with places.take("Bob", "198.51.100.7"):
            assert trio.current_time() == began
        with pytest.raises(Refused):
            async with places.take("Ada", "192.0.2.1"):
                pass
        nursery.cancel_scope.cancel()


async def hold(places: Places, person: str, *, pause_s: float, n: int, ended: list[str]) -> None:
    """Have a place for ever, and move ``n`` bytes in each pause; until it is to give way."""
    with trio.CancelScope() as scope:
        async with places.take(person, "192.0.2.1", scope.cancel) as place:
            while True:
                await trio.sleep(pause_s)
                place.moved(n)
    ended.append(person)


@pytest.mark.parametrize("whose", ["all", "address", "person"])
async def test_who_hardly_moves_gives_way_to_one_who_waits(
    autojump_clock: trio.testing.MockClock, whose: str
) -> None:
    """Eight identities that take a byte now and then would hold the sixty-four places for ever."""
    some = {"in_all": 0, "for_address": 0, "for_each": 0}
    places = Places(**some | {{"all": "in_all", "address": "for_address", "person": "for_each"}[whose]: 3})
    ended: list[str] = []
    async with trio.open_nursery() as nursery:
        for n in (1, LEAST_BYTES // 20, LEAST_BYTES // 10):  # each second
            nursery.start_soon(partial(hold, places, "Eve", pause_s=1, n=n, ended=ended))
        await trio.sleep(10 * FAIR_S)
        assert ended == [], "nobody waits"
        began = trio.current_time()
        async with places.take("Eve" if whose == "person" else "Ada", "192.0.2.1"):
            assert trio.current_time() - began <= ASKED_EVERY_S
            assert ended == ["Eve"]
            await trio.sleep(10 * FAIR_S)
            assert ended == ["Eve"], "one is enough"
        nursery.cancel_scope.cancel()


async def test_who_moves_slowly_is_left_alone_and_all_have_a_fair_start(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A phone on a bad network takes 64 KiB in three seconds."""
    places = Places(in_all=2, for_address=0, for_each=0)
    ended: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(hold, places, "Ada", pause_s=3.3, n=64 * 1024, ended=ended))
        await trio.sleep(10 * FAIR_S)
        nursery.start_soon(partial(hold, places, "Eve", pause_s=1, n=1, ended=ended))
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        async with places.take("Bob", "192.0.2.1"):
            assert FAIR_S <= trio.current_time() - began <= FAIR_S + ASKED_EVERY_S
            with pytest.raises(Refused):
                async with places.take("Carol", "192.0.2.1"):
                    pass
        assert ended == ["Eve"]
        nursery.cancel_scope.cancel()


async def test_a_place_that_comes_as_one_gives_up_is_not_lost(
    autojump_clock: trio.testing.MockClock,
) -> None:
    places = Places(in_all=1, for_address=0, for_each=0)

    async def fetch(*, after_s: float, for_s: float) -> None:
        await trio.sleep(after_s)
        with suppress(Refused):
            async with places.take("Ada", "192.0.2.1"):
                await trio.sleep(for_s)

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(partial(fetch, after_s=number / 4, for_s=PATIENCE_S))
    async with places.take("Ada", "192.0.2.1"):
        pass
