"""Reading side of a store: the batches of reads that run on one connection. Synchronous, one thread at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trio_chat.errors import StoreUnavailable
from trio_chat.model.events import DAMAGED, Event
from trio_chat.model.records import MessageChanges, SearchResults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trio_chat.store.sql.requests import Read

LOGGER = logging.getLogger(__name__)

REPORTS_REMEMBERED = 10_000
"""Damaged events that were logged and are remembered, so that each is logged once."""


def unavailable(error: Exception) -> StoreUnavailable:
    """The error of an engine as callers of a store know it."""
    return StoreUnavailable(f"The log cannot be used just now: {error}.")


class Reader:
    """Runs reads: ``run`` calls one with the connection that reads.

    ``errors`` are what it raises when the log cannot be used; ``check_disk`` raises one of them if what looks damaged
    may not be.
    """

    def __init__(
        self,
        run: Callable[[Read], Any],
        *,
        errors: tuple[type[Exception], ...],
        check_disk: Callable[[], object],
    ) -> None:
        self._run = run
        self._errors = errors
        self._check_disk = check_disk
        self._reported: set[tuple[str, int]] = set()
        self.failures = 0
        """Reads that failed, and damaged events that were reported. May be read from any thread."""

    def run_batch(self, reads: Sequence[Read]) -> list[Any]:
        """One answer for each read, an exception for what failed."""
        return [self._answer(read) for read in reads]

    def _answer(self, read: Read) -> Any:  # noqa: ANN401
        try:
            answer = self._run(read)
            if damage := [event for event in _events_in(answer) if event.kind == DAMAGED]:
                # Believe in damage only where the disk is well. To SQLite a page that cannot be read is a corrupt one
                # (it makes ``SQLITE_CORRUPT`` of EIO). While a disk is gone that would be every page, and clients
                # would be told for good that what is whole is damaged.
                self._check_disk()
                self._report(damage)
        except self._errors as error:
            LOGGER.error("the log cannot be read: %s", error)
            self.failures += 1
            return unavailable(error)
        except Exception as error:  # a bug: it rises where the read was submitted
            return error
        return answer

    def _report(self, damage: Iterable[Event]) -> None:
        """Tell the operator of damaged events, once for each, however many readers come by."""
        for event in damage:
            if (event.room, event.seq) not in self._reported:
                if len(self._reported) >= REPORTS_REMEMBERED:
                    self._reported.clear()
                self._reported.add((event.room, event.seq))
                self.failures += 1
                LOGGER.error(
                    "event %d of the room %r is damaged: it is told to nobody. Run verify to see how much is, and "
                    "restore the log from a backup",
                    event.seq,
                    event.room,
                )


def _events_in(answer: object) -> Iterable[Event]:
    match answer:
        case list():
            return (each for each in answer if isinstance(each, Event))
        case MessageChanges():
            return answer.events
        case SearchResults():
            return (hit.event for hit in answer.hits)
        case _:
            return ()
