"""Group commit: whatever is asked while the last group is being answered is answered together, in one hop.

A hop into a thread and a commit cost more than the work of a small request, so requests that wait at the same
moment share both.
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

AnswerAll: TypeAlias = "Callable[[Sequence[Any]], Sequence[Any]]"
"""Takes the requests of a group and returns one answer for each."""

Hop: TypeAlias = "Callable[[AnswerAll, Sequence[Any]], Awaitable[Sequence[Any]]]"
"""Calls the function with the requests, in a thread or here, and returns what it returned."""


@attrs.define(eq=False)
class _Waiting(Generic[Request]):
    """A request, and where its answer will stand."""

    request: Request
    weight: int
    answered: trio.Event = attrs.field(factory=trio.Event)
    answer: Any = None


class Worker(Generic[Request]):
    """Answers requests in groups, in the order they came.

    An answer that is an exception is raised where the request was made. ``answer_all`` itself must not raise:
    what it raises ends the nursery the worker runs in.

    The owner starts `run` in a nursery and calls `close` before it leaves that nursery.
    """

    def __init__(
        self,
        answer_all: AnswerAll,
        *,
        hop: Hop,
        max_weight: int,
    ) -> None:
        self._answer_all = answer_all
        self._hop = hop
        self._max_weight = max_weight
        self._waiting: deque[_Waiting[Request]] = deque()
        self._something_to_do = trio.Event()
        self._is_closing = False
        # Cancelling the store's nursery must not tear accepted requests away from their commit: `close` ends
        # this scope, and gives it a deadline.
        self._scope = trio.CancelScope(shield=True)

    async def ask(self, request: Request, *, weight: int = 1) -> Any:  # noqa: ANN401
        """Have the request answered. Groups are cut where their weight would pass the worker's maximum.

        Once it is accepted a request is answered to its end, even if who asked is cancelled meanwhile.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._is_closing:
            raise StoreUnavailable("The store is closed.")
        waiting = _Waiting(request, weight)
        self._waiting.append(waiting)
        self._something_to_do.set()
        await waiting.answered.wait()
        if isinstance(waiting.answer, Exception):
            raise waiting.answer
        return waiting.answer

    def close(self, *, timeout_s: float) -> None:
        """Accept nothing more; `run` returns when what was accepted is answered, or gives up at the timeout.

        A hop under way is not abandoned: a disk that hangs holds the program.
        """
        self._is_closing = True
        self._scope.deadline = trio.current_time() + timeout_s
        self._something_to_do.set()

    async def run(self) -> None:
        """Answer requests until `close`."""
        group: list[_Waiting[Request]] = []
        with self._scope:
            while True:
                group = self._next_group()
                if group:
                    answers = await self._hop(self._answer_all, [waiting.request for waiting in group])
                    for waiting, answer in zip(group, answers, strict=True):
                        waiting.answer = answer
                        waiting.answered.set()
                elif self._is_closing:
                    break
                else:
                    await self._something_to_do.wait()
                    self._something_to_do = trio.Event()
        left = [waiting for waiting in (*group, *self._waiting) if not waiting.answered.is_set()]
        for waiting in left:
            waiting.answer = StoreUnavailable("The store was closed before this was done.")
            waiting.answered.set()
        if left:
            LOGGER.error("the store was closed with %d requests undone: the disk is too slow", len(left))

    def _next_group(self) -> list[_Waiting[Request]]:
        group: list[_Waiting[Request]] = []
        weight = 0
        while self._waiting and (not group or weight + self._waiting[0].weight <= self._max_weight):
            weight += self._waiting[0].weight
            group.append(self._waiting.popleft())
        return group
