"""What becomes of a store whose chat moves to another database (`trio_chat.store.moving`) while it is open.

The database refuses what is written after the move. Who wrote that is told nothing: it waits, until the server has
opened the store of the other database, which goes on with all that waited and with whatever is asked of this one from
then on. So all that a server has accepted is written, once, and it can stop as it always does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import trio

from trio_chat.errors import ChatError, StoreUnavailable
from trio_chat.store.sql.requests import Append

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.store.group_commit import BatchQueue, Executor, RunBatch
    from trio_chat.store.sql.store import SqlStore

LOOKED_EACH_S: Final = 1.0
"""So often it is asked whether the chat has moved, where nobody writes."""


class HasMoved(Exception):
    """The database refuses what is written, since the chat has moved. ``answers`` are those, by their places in the
    batch, of what was done before that; nothing else of the batch was written."""

    def __init__(self, answers: dict[int, Any] | None = None) -> None:
        super().__init__()
        self.answers = {} if answers is None else answers


class Succession:
    """Whether the chat of a store has moved, and which store goes on with it."""

    def __init__(self) -> None:
        self.has_moved = trio.Event()
        self._is_settled = trio.Event()
        self._heir: SqlStore | None = None

    def settle(self, heir: SqlStore | None) -> None:
        """Have this store go on with everything; None: none does, so what the database refuses was not written."""
        self._heir = heir
        self._is_settled.set()

    def handing_over(self, executor: Executor, queue_of: Callable[[SqlStore], BatchQueue[Any]]) -> Executor:
        """The executor of a queue, as long as the chat is here; behind that the same queue of the heir."""

        async def execute(run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
            answers: dict[int, Any] = {}
            if self._heir is None:
                try:
                    return await executor(run_batch, requests)
                except HasMoved as moved:
                    answers = moved.answers
                    self.has_moved.set()
                    await self._is_settled.wait()
            left = [place for place in range(len(requests)) if place not in answers]
            by_heir = await self._by_heir([requests[place] for place in left], queue_of)
            answers.update(zip(left, by_heir, strict=True))
            return [answers[place] for place in range(len(requests))]

        return execute

    async def _by_heir(
        self, requests: Sequence[Any], queue_of: Callable[[SqlStore], BatchQueue[Any]]
    ) -> Sequence[Any]:
        heir = self._heir
        if heir is None:
            return [StoreUnavailable("The chat has moved to another database.") for _ in requests]
        answers: list[Any] = [None] * len(requests)

        async def answer(place: int, request: Any) -> None:  # noqa: ANN401
            try:
                if isinstance(request, Append):
                    answers[place] = await heir.append(request.room, request.drafts, at_ms=request.at_ms)
                elif callable(request):  # else it was about the old file only
                    answers[place] = await queue_of(heir).submit(request)
            except (ChatError, KeyError) as error:  # it rises where the request was submitted
                answers[place] = error
            except Exception as error:
                # What only one engine is asked, the other does not understand.
                answers[place] = StoreUnavailable(f"The chat has moved to another database: {error}.")

        async with trio.open_nursery() as nursery:
            for place, request in enumerate(requests):
                nursery.start_soon(answer, place, request)
        return answers
