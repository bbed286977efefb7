"""What all that faults are injected into has in common: whether commands are acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from tests.torture.history import Acked, Trouble
from tests.torture.websocket import wait_until

if TYPE_CHECKING:
    from tests.torture.history import Recorder

HEAL_S = 30
"""Seconds until messages are acknowledged again after what was harmed has healed."""


class Target:
    """What faults are injected into."""

    recorder: Recorder

    def acks_since(self, mark: int) -> int:
        """Number of commands acknowledged behind that many records."""
        return sum(isinstance(record, Acked) for record in self.recorder.records[mark:])

    async def wait_healed(self, what: str) -> None:
        """Wait until commands are acknowledged again; a `Trouble` if that takes too long."""
        mark = len(self.recorder.records)
        with trio.move_on_after(HEAL_S) as patience:
            await wait_until(lambda: self.acks_since(mark))
        if patience.cancelled_caught:
            self.recorder.add(Trouble(what=f"nothing was acknowledged within {HEAL_S} s after {what}"))
