"""Submissions: drafts on their way into a room's log, and their submitters, who learn the outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.errors import StoreError
    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome


@attrs.frozen
class NotLogged:
    """Outcome of a draft when the log could not be written: nothing of it is there, and it may be submitted again."""

    error: StoreError


Settled: TypeAlias = "tuple[Draft, Outcome | NotLogged]"
"""A draft and its outcome."""


class Submitter(Protocol):
    """The sender of drafts, as a room sees it."""

    def settle(self, room: str, settled: Sequence[Settled]) -> None:
        """Learn the outcomes of drafts submitted to this room, in their order: those of one batch in one call.

        Called once for each draft, after its event was fanned out. Sync, and it must not raise.
        """
        ...


@attrs.frozen
class Submission:
    """A draft on its way into the log, and the submitter, who learns its outcome."""

    draft: Draft
    submitter: Submitter


def settle(room: str, batch: Sequence[Submission], outcomes: Sequence[Outcome] | Sequence[NotLogged]) -> None:
    """Report the outcomes of a batch to its submitters, with one call for each of them."""
    settled: dict[Submitter, list[Settled]] = {}
    for submission, outcome in zip(batch, outcomes, strict=True):
        settled.setdefault(submission.submitter, []).append((submission.draft, outcome))
    for submitter, own in settled.items():
        submitter.settle(room, own)


class Waiter:
    """A submitter of one draft that waits for its outcome."""

    def __init__(self) -> None:
        self._outcome: Outcome | NotLogged
        self._is_settled = trio.Event()

    def settle(self, room: str, settled: Sequence[Settled]) -> None:
        """See `Submitter`."""
        ((_, self._outcome),) = settled
        self._is_settled.set()

    async def wait(self) -> Outcome:
        """Wait for the outcome. Raises `StoreError` if the draft could not be logged."""
        await self._is_settled.wait()
        if isinstance(self._outcome, NotLogged):
            raise self._outcome.error
        return self._outcome
