"""The worker between a store and its thread: groups, cancellation, closing."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from trio_chat.errors import StoreUnavailable
from trio_chat.store.group_commit import AnswerAll, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import pytest


class SlowDesk:
    """Answers a request with itself, once it may; remembers the groups it was given."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.may_answer = trio.Event()

    async def hop(self, answer_all: AnswerAll, requests: Sequence[Any]) -> Sequence[Any]:
        self.groups.append(list(requests))
        await self.may_answer.wait()
        return answer_all(requests)

    @asynccontextmanager
    async def open(self, *, max_weight: int = 100, timeout_s: float = 5) -> AsyncIterator[Worker[str]]:
        worker: Worker[str] = Worker(list, hop=self.hop, max_weight=max_weight)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.run)
            try:
                yield worker
            finally:
                worker.close(timeout_s=timeout_s)


async def test_what_is_asked_during_a_hop_goes_together_into_the_next() -> None:
    desk = SlowDesk()
    async with desk.open() as worker, trio.open_nursery() as nursery:
        for request in "abcd":
            nursery.start_soon(worker.ask, request)
            await trio.testing.wait_all_tasks_blocked()
        desk.may_answer.set()
    assert desk.groups == [["a"], ["b", "c", "d"]]


async def test_a_group_is_cut_where_it_would_weigh_too_much_but_is_never_empty() -> None:
    desk = SlowDesk()
    async with desk.open(max_weight=10) as worker, trio.open_nursery() as nursery:
        for request, weight in (("a", 1), ("b", 6), ("c", 4), ("d", 1), ("e", 99), ("f", 1)):

            async def ask(request: str = request, weight: int = weight) -> None:
                await worker.ask(request, weight=weight)

            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
        desk.may_answer.set()
    assert desk.groups == [["a"], ["b", "c"], ["d"], ["e"], ["f"]]


async def test_closing_waits_for_what_was_accepted_though_all_is_cancelled() -> None:
    desk = SlowDesk()
    with trio.CancelScope() as scope:
        async with desk.open() as worker, trio.open_nursery() as nursery:
            nursery.start_soon(worker.ask, "a")
            nursery.start_soon(worker.ask, "b")
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            desk.may_answer.set()
    assert sorted(request for group in desk.groups for request in group) == ["a", "b"]


async def test_closing_gives_up_at_its_timeout_and_says_so(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    desk = SlowDesk()
    refused: list[str] = []

    async def ask(request: str) -> None:
        try:
            await worker.ask(request)
        except StoreUnavailable:
            refused.append(request)

    started = trio.current_time()
    with caplog.at_level(logging.ERROR):
        async with trio.open_nursery() as nursery, desk.open(timeout_s=5) as worker:
            nursery.start_soon(ask, "a")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(ask, "b")
            await trio.testing.wait_all_tasks_blocked()
    assert sorted(refused) == ["a", "b"]
    assert trio.current_time() - started == 5
    assert "2 requests undone" in caplog.text
