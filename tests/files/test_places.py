"""Places: so many downloads at a time in all, and so many for each person."""

from __future__ import annotations

from collections import Counter

import pytest
import trio
import trio.testing

from trio_chat.errors import Refused
from trio_chat.files.places import PATIENCE_S, WAITING, Places


async def test_nobody_has_more_than_their_share(autojump_clock: trio.testing.MockClock) -> None:
    places = Places(in_all=5, for_each=2)
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def fetch(person: str) -> None:
        async with places.take(person):
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
    places = Places(in_all=1, for_each=1)
    for holder in ("ada", "bob"):
        async with places.take(holder):
            began = trio.current_time()
            with pytest.raises(Refused) as refused:
                async with places.take("ada"):
                    pass
            assert refused.value.code == "busy"
            assert refused.value.retry_after_s is not None
            assert trio.current_time() - began == pytest.approx(PATIENCE_S)
    async with places.take("ada"):
        pass


async def test_who_gives_up_takes_no_place_along(autojump_clock: trio.testing.MockClock) -> None:
    places = Places(in_all=1, for_each=1)
    for _ in range(3):
        async with places.take("ada"):
            with trio.move_on_after(1):
                async with places.take("bob"):
                    pass
    async with places.take("bob"):
        pass


async def test_so_many_of_a_person_wait_and_the_next_is_told_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Else one person with a thousand connections has the server look into the store for each, twice a second."""
    places = Places(in_all=5, for_each=2)

    async def fetch() -> None:
        async with places.take("Ada"):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(2 + WAITING):
            nursery.start_soon(fetch)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        with pytest.raises(Refused) as refused:
            async with places.take("Ada"):
                pass
        assert (refused.value.code, trio.current_time() - began) == ("busy", 0)
        async with places.take("Bob"):
            pass
        nursery.cancel_scope.cancel()
