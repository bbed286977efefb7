"""The inbox of a room: the only place where a message waits. The broadcaster takes what was submitted, in order."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import trio

from trio_chat.errors import StoreUnavailable
from trio_chat.rooms.submission import Submission, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome

InboxItem: TypeAlias = Submission | trio.Event | None
"""What an inbox takes: a submission; an event to be set when all before it is done; None: there was a hint."""


class Inbox:
    """One room's inbox, for at most ``size`` items. It has no channel until `open`, or the first submission.

    ``on_open`` is called with the receive end, and starts the broadcaster; ``on_wake`` before the first submission: it
    may raise `Refused`.
    """

    def __init__(
        self,
        size: int,
        *,
        on_open: Callable[[trio.MemoryReceiveChannel[InboxItem]], object],
        on_wake: Callable[[], object],
    ) -> None:
        self._size = size
        self._on_open = on_open
        self._on_wake = on_wake
        self._channel: trio.MemorySendChannel[InboxItem] | None = None
        self._entrance: trio.MemorySendChannel[InboxItem] | None = None
        """The channel, once there was a submission."""
        self._is_sealed = False
        self.is_closed = False
        """Whether what is submitted would not be taken any more."""

    @property
    def was_used(self) -> bool:
        """Whether there ever was a submission."""
        return self._entrance is not None

    def try_submit(self, submission: Submission) -> bool:
        """Put a submission into the inbox unless it is full; False if the caller has to wait, with `submit`.

        Mostly it is not full, and a checkpoint for each message would cost a tenth of what a message costs. Raises
        `Refused` if the room is dormant and too many rooms are in use, `StoreUnavailable` if it has failed.
        """
        if self._is_sealed:
            return False
        try:
            (self._entrance or self._wake()).send_nowait(submission)
        except trio.WouldBlock:
            return False
        except trio.BrokenResourceError:
            raise _failed() from None
        return True

    async def submit(self, submission: Submission) -> None:
        """Put a submission into the inbox, waiting while that is full: back-pressure that slows a flood's own socket.

        When cancelled, it was not put there. Otherwise it will be settled. In a sealed room the caller waits until its
        connection is ended. Raises `Refused` as `try_submit` does.
        """
        if self._is_sealed:
            await trio.sleep_forever()
        try:
            await (self._entrance or self._wake()).send(submission)
        except trio.BrokenResourceError:
            raise _failed() from None

    async def write(self, draft: Draft) -> Outcome:
        """Submit a draft, and wait for its outcome.

        Raises `StoreError` if it could not be logged. When cancelled, it may be logged or not.
        """
        (outcome,) = await self.write_all([draft])
        return outcome

    async def write_all(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Submit drafts, in order and at once as far as the inbox has space, and wait for their outcomes.

        Raises and is cancelled as `write`: each of them may be logged or not.
        """
        waiters = []
        for draft in drafts:
            waiter = Waiter()
            submission = Submission(draft, waiter)
            if not self.try_submit(submission):
                await self.submit(submission)
            waiters.append(waiter)
        return [await waiter.wait() for waiter in waiters]

    def _wake(self) -> trio.MemorySendChannel[InboxItem]:
        self._check_open()
        self._on_wake()
        self._entrance = self.open()
        return self._entrance

    def open(self) -> trio.MemorySendChannel[InboxItem]:
        """The send end; the inbox is opened if it was not. Sync. Raises `trio.ClosedResourceError`."""
        self._check_open()
        if self._channel is None:
            self._channel, receive = trio.open_memory_channel[InboxItem](self._size)
            self._on_open(receive)
        return self._channel

    def _check_open(self) -> None:
        if self.is_closed:  # a room that was closed before it was used: whoever waits has kept it too long
            raise trio.ClosedResourceError("the room is closed")

    def nudge(self) -> None:
        """Wake the broadcaster, if it sleeps."""
        with suppress(trio.WouldBlock):  # full: it does not
            self.open().send_nowait(None)

    async def flush(self) -> None:
        """Wait until all submissions that are in the inbox now are logged, fanned out and settled, and hints heeded."""
        if self._channel is not None:
            done = trio.Event()
            await self._channel.send(done)
            await done.wait()

    def seal(self) -> None:
        """Accept no more submissions."""
        self._is_sealed = True

    def close(self) -> None:
        """Close the inbox: the broadcaster ends when everything in it is settled."""
        self.is_closed = True
        if self._channel is not None:
            self._channel.close()
        self._on_open = self._on_wake = _nothing  # whoever is called holds this inbox: a cycle


def _failed() -> StoreUnavailable:
    """Of a room whose broadcaster has ended, and whose connections are being ended."""
    return StoreUnavailable("The room failed.")


def _nothing(*_: object) -> None:
    """Of a closed inbox."""
