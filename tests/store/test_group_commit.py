"""The queue between a store and its thread: batches, cancellation, closing."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from trio_chat.errors import StoreUnavailable
from trio_chat.store.group_commit import BatchQueue, RunBatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import pytest


class SlowExecutor:
    """Answers a request with itself, once it may; remembers the batches it was given."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may_run = trio.Event()

    async def execute(self, run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
        self.batches.append(list(requests))
        await self.may_run.wait()
        return run_batch(requests)

    @asynccontextmanager
    async def open(self, *, max_weight: int = 100, timeout_s: float = 5) -> AsyncIterator[BatchQueue[str]]:
        queue: BatchQueue[str] = BatchQueue(list, executor=self.execute, max_weight=max_weight)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.run)
            try:
                yield queue
            finally:
                queue.close(timeout_s=timeout_s)


async def test_requests_submitted_while_a_batch_runs_are_the_next_batch() -> None:
    executor = SlowExecutor()
    async with executor.open() as queue, trio.open_nursery() as nursery:
        for request in "abcd":
            nursery.start_soon(queue.submit, request)
            await trio.testing.wait_all_tasks_blocked()
        executor.may_run.set()
    assert executor.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_ends_before_it_weighs_too_much_but_is_never_empty() -> None:
    executor = SlowExecutor()
    async with executor.open(max_weight=10) as queue, trio.open_nursery() as nursery:
        for request, weight in (("a", 1), ("b", 6), ("c", 4), ("d", 1), ("e", 99), ("f", 1)):

            async def submit(request: str = request, weight: int = weight) -> None:
                await queue.submit(request, weight=weight)

            nursery.start_soon(submit)
            await trio.testing.wait_all_tasks_blocked()
        executor.may_run.set()
    assert executor.batches == [["a"], ["b", "c"], ["d"], ["e"], ["f"]]


async def test_closing_waits_for_accepted_requests_even_if_everything_is_cancelled() -> None:
    executor = SlowExecutor()
    with trio.CancelScope() as scope:
        async with executor.open() as queue, trio.open_nursery() as nursery:
            nursery.start_soon(queue.submit, "a")
            nursery.start_soon(queue.submit, "b")
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            executor.may_run.set()
    assert sorted(request for batch in executor.batches for request in batch) == ["a", "b"]


async def test_closing_gives_up_at_its_timeout_and_logs_it(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    executor = SlowExecutor()
    refused: list[str] = []

    async def submit(request: str) -> None:
        try:
            await queue.submit(request)
        except StoreUnavailable:
            refused.append(request)

    started = trio.current_time()
    with caplog.at_level(logging.ERROR):
        async with trio.open_nursery() as nursery, executor.open(timeout_s=5) as queue:
            nursery.start_soon(submit, "a")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(submit, "b")
            await trio.testing.wait_all_tasks_blocked()
    assert sorted(refused) == ["a", "b"]
    assert trio.current_time() - started == 5
    assert "2 requests undone" in caplog.text
