"""Group commit: requests that wait while a batch is running are run together, as the next batch.

A hop into a thread and a commit cost more than the work of a small request, so requests that wait at the same moment
share both.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import attrs
import trio

from trio_chat.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

LOGGER = logging.getLogger(__name__)

Request = TypeVar("Request")

RunBatch: TypeAlias = "Callable[[Sequence[Any]], Sequence[Any]]"
"""Runs the requests of a batch and returns one answer for each; an answer may be an exception."""

Executor: TypeAlias = "Callable[[RunBatch, Sequence[Any]], Awaitable[Sequence[Any]]]"
"""Calls the function with the requests, in a thread or in this task, and returns what it returned."""


@attrs.define(eq=False)
class _Pending(Generic[Request]):
    """Request in the queue, and its answer once it is answered."""

    request: Request
    weight: int
    answered: trio.Event = attrs.field(factory=trio.Event)
    answer: Any = None


class BatchQueue(Generic[Request]):
    """Queue of requests, run in batches in the order of their arrival.

    An answer that is an exception is raised where the request was submitted. ``run_batch`` itself must not raise: what
    it raises ends the nursery in which the queue runs.

    The owner starts `run` in a nursery and calls `close` before it leaves that nursery.
    """

    def __init__(self, run_batch: RunBatch, *, executor: Executor, max_weight: int) -> None:
        self._run_batch = run_batch
        self._executor = executor
        self._max_weight = max_weight
        self._pending: deque[_Pending[Request]] = deque()
        self._wake_up = trio.Event()
        self._is_closing = False
        # Cancelling the store's nursery must not tear accepted requests away from their commit: `close` ends
        # this scope, and gives it a deadline.
        self._scope = trio.CancelScope(shield=True)

    async def submit(self, request: Request, *, weight: int = 1) -> Any:  # noqa: ANN401
        """Run the request and return its answer. A batch ends where its weight would pass the queue's maximum.

        Once accepted, a request is run to its end, even if the caller is cancelled meanwhile. Raises `StoreUnavailable`
        if the queue is closed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._is_closing:
            raise StoreUnavailable("The store is closed.")
        pending = _Pending(request, weight)
        self._pending.append(pending)
        self._wake_up.set()
        await pending.answered.wait()
        if isinstance(pending.answer, Exception):
            raise pending.answer
        return pending.answer

    def close(self, *, timeout_s: float) -> None:
        """Accept nothing more; `run` returns when what was accepted is answered, or gives up at the timeout.

        A batch in a thread is not abandoned: a disk that hangs holds the program.
        """
        self._is_closing = True
        self._scope.deadline = trio.current_time() + timeout_s
        self._wake_up.set()

    async def run(self) -> None:
        """Run batches until `close`."""
        batch: list[_Pending[Request]] = []
        with self._scope:
            while True:
                batch = self._next_batch()
                if batch:
                    answers = await self._executor(self._run_batch, [pending.request for pending in batch])
                    for pending, answer in zip(batch, answers, strict=True):
                        pending.answer = answer
                        pending.answered.set()
                elif self._is_closing:
                    break
                else:
                    await self._wake_up.wait()
                    self._wake_up = trio.Event()
        undone = [pending for pending in (*batch, *self._pending) if not pending.answered.is_set()]
        for pending in undone:
            pending.answer = StoreUnavailable("The store was closed before this was done.")
            pending.answered.set()
        if undone:
            LOGGER.error("the store was closed with %d requests undone: the disk is too slow", len(undone))

    def _next_batch(self) -> list[_Pending[Request]]:
        batch: list[_Pending[Request]] = []
        weight = 0
        while self._pending and (not batch or weight + self._pending[0].weight <= self._max_weight):
            weight += self._pending[0].weight
            batch.append(self._pending.popleft())
        return batch


def thread_executor() -> Executor:
    """Executor in a thread, one at a time, that takes none from the other users of threads."""
    limiter = trio.CapacityLimiter(1)

    async def execute(run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
        # Never abandoned: a commit under way ends, and nothing else touches its connection meanwhile.
        return await trio.to_thread.run_sync(run_batch, requests, limiter=limiter)

    return execute
