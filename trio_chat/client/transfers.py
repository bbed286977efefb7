"""Transfers of files: how often one may be lost, the pauses between, and what answers mean that are no success."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from trio_chat.client.backoff import Backoff
from trio_chat.client.http import TransferLost
from trio_chat.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.client.conversation import Conversation
    from trio_chat.client.http import Response

LOST_AT_MOST: Final = 10
"""So often, one after the other, a transfer may be lost without getting on before it is given up."""

CODES: Final = {404: "no_such_file", 413: "too_large", 422: "bad_file", 507: "disk_full"}
"""The codes of refusals that come as a status of HTTP."""

NOT_TRANSFERRED: Final = "not_transferred"
"""The client's own code, for a transfer that was given up, and for any other status."""

PASSING: Final = frozenset({408, 425, 429})
"""After these a request is made once more, as after all from 500 on but 507."""


class Patience:
    """How often a transfer may be lost, and the pauses between."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._backoff = Backoff(conversation.jitter)
        self._lost = 0
        self._at = 0

    def note(self, at: int) -> None:
        """So many bytes are on the other side: if these are more than before, all is well."""
        if at > self._at:
            self._at, self._lost, self._backoff = at, 0, Backoff(self._conversation.jitter)

    async def wait_after(self, lost: TransferLost) -> None:
        """Wait before the next attempt, until the chat is connected. Raises `Refused` (``not_transferred``) if there
        were too many."""
        self._lost += 1
        if self._lost > LOST_AT_MOST:
            raise Refused(
                NOT_TRANSFERRED, f"The file does not get through, after {LOST_AT_MOST} attempts: {lost}."
            ) from lost
        pause_s = self._backoff.pause_s(held_s=0.0, may_be_at_once=True)
        with self._conversation.until_end():
            await trio.sleep(pause_s if lost.retry_after_s is None else lost.retry_after_s)
        await self._conversation.wait_connected()


async def failure_of(response: Response, *, passing: Collection[int]) -> TransferLost | Refused:
    """What an answer means that is no success."""
    status = response.status
    said = (await response.sentence()).rstrip(".") or f"the server answered with the HTTP status {status}"
    if status in passing or (status >= 500 and status not in CODES):
        after = response.headers.get("retry-after", "")
        return TransferLost(said, retry_after_s=float(after) if after.isdecimal() else None)
    return Refused(CODES.get(status, NOT_TRANSFERRED), f"{said}.")
