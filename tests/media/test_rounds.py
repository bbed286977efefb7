"""Rounds: whoever waits for few is served between those who wait for many."""

from __future__ import annotations

from collections import Counter

import pytest
import trio
import trio.testing

from trio_chat.media.rounds import Rounds


async def served(rounds: Rounds, came: str) -> str:
    """In which order people are served who come in this one; each takes a second, and no two end at the same time."""
    order = ""

    async def one(person: str, number: int) -> None:
        nonlocal order
        async with rounds.take(person):
            order += person
            await trio.sleep(1 + number / 100)

    async with trio.open_nursery() as nursery:
        for number, person in enumerate(came):
            nursery.start_soon(one, person, number)
            await trio.testing.wait_all_tasks_blocked()
    return order


@pytest.mark.parametrize(
    ("in_all", "for_each", "came", "order"),
    [
        (1, 1, "aaaab", "abaaa"),
        (1, 1, "aaabbbc", "abcabab"),
        (2, 1, "aaaaab", "abaaaa"),
        (2, 1, "aaabbbcd", "abcdabab"),
        (2, 2, "aaaaab", "aabaaa"),
        (1, 1, "a", "a"),
    ],
)
async def test_who_waits_for_one_is_not_held_up_by_who_waits_for_many(
    autojump_clock: trio.testing.MockClock, in_all: int, for_each: int, came: str, order: str
) -> None:
    assert await served(Rounds(in_all=in_all, for_each=for_each), came) == order


async def test_nobody_has_more_than_their_share_and_no_place_is_left_empty(
    autojump_clock: trio.testing.MockClock,
) -> None:
    rounds = Rounds(in_all=3, for_each=2)
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def one(person: str) -> None:
        async with rounds.take(person):
            now[person] += 1
            for who, count in [*now.items(), ("all", now.total())]:
                most[who] = max(most[who], count)
            await trio.sleep(1)
            now[person] -= 1

    async with trio.open_nursery() as nursery:
        for person in "a" * 9 + "b" * 9 + "c":
            nursery.start_soon(one, person)
    assert most == {"a": 2, "b": 2, "c": 1, "all": 3}


async def test_who_gives_up_holds_up_nobody(autojump_clock: trio.testing.MockClock) -> None:
    rounds = Rounds(in_all=1, for_each=1)
    async with rounds.take("a"):
        for person in "ab":
            with trio.move_on_after(1) as patience:
                async with rounds.take(person):
                    pass
            assert patience.cancelled_caught
    with trio.CancelScope() as scope:
        scope.cancel()
        async with rounds.take("a"):
            pass
    assert await served(rounds, "ab") == "ab"
    assert not rounds._lines
