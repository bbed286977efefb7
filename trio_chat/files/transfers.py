"""Transfers: uploads and downloads under way. They end when the server stops, and downloads when nobody may have them
any more."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.errors import Refused, StoreError, TransferRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ASKED_EVERY_S: Final = 0.5
"""So long after it was asked whether downloads may go on it is asked again."""


@attrs.define(eq=False)
class Transfer:
    """A transfer under way."""

    may_go_on: Callable[[], Awaitable[bool]] | None
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    refused: Refused | None = None
    """Why it was ended."""

    def end(self, refused: Refused) -> None:
        """End it; its block raises this. Sync."""
        self.refused = refused
        self.scope.cancel()


class Transfers:
    """All transfers. `run` is a task: one for all, as a task for each would cost more than what it looks at."""

    def __init__(self) -> None:
        self._transfers: set[Transfer] = set()
        self._has_some = trio.Event()
        self._is_stopping = False

    def __len__(self) -> int:
        return len(self._transfers)

    @contextmanager
    def transfer(self, may_go_on: Callable[[], Awaitable[bool]] | None = None) -> Iterator[Transfer]:
        """Count a transfer as long as the block lasts. ``may_go_on`` is asked every now and then.

        Raises `Refused` when the block was ended: ``stopping`` by the end of the server, ``forbidden`` by that answer,
        and as `Transfer.end` was told.
        """
        if self._is_stopping:
            raise _stopping()
        transfer = Transfer(may_go_on)
        self._transfers.add(transfer)
        self._has_some.set()
        try:
            with transfer.scope:
                yield transfer
        finally:
            self._transfers.discard(transfer)
        if transfer.scope.cancelled_caught:
            forbidden = TransferRefused("forbidden", "This file is not yours to have.")
            raise _stopping() if self._is_stopping else transfer.refused or forbidden

    def stop(self) -> None:
        """End all, and begin no other. They go on, at another server, where they were. Sync."""
        self._is_stopping = True
        for transfer in self._transfers:
            transfer.scope.cancel()

    async def run(self) -> None:
        """Ask whether they may go on, for ever."""
        while True:
            await self._has_some.wait()
            await trio.sleep(ASKED_EVERY_S)
            for transfer in list(self._transfers):
                if transfer.may_go_on is not None and not await _may_go_on(transfer.may_go_on):
                    transfer.scope.cancel()
            if not self._transfers:
                self._has_some = trio.Event()


async def _may_go_on(asked: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await asked()
    except StoreError:
        return False  # it cannot be known; who may have it comes back for the rest


def _stopping() -> Refused:
    return TransferRefused("stopping", "The server is stopping. Go on in a moment, from where this ended.")
