"""Calls: commands on their way to the server, and their answers. They outlast connections.

A connection that ends for good is often the answer to one command: one that is too long, or that the server or a proxy
cannot bear. Replayed on each new connection it would end the chat, and hold up all others. So whenever a connection
ended the calls that it took with it are known (`Calls.pause`), and from then on calls are written one at a time, those
last that were lost most often, until all are answered. So it is found out which call it is, and that one alone fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.client.frames import encode
from trio_chat.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.client.connection import Connection
    from trio_chat.client.frames import Answer, Command
    from trio_chat.client.joined_rooms import JoinedRoom
    from trio_chat.errors import ChatError

OVERDUE_S = 30.0
"""After so long without an answer a call that was written alone holds up the others no longer."""

LOST_AT_MOST = 10
"""So many connections, one after the other, may break while a call was written alone before it is given up."""


@attrs.define(eq=False)
class Call:
    """A command without an answer yet. ``rejoins`` is the room that it joins again."""

    command: Command
    rejoins: JoinedRoom | None
    answer: Answer | None = None
    failure: ChatError | None = None
    is_over: trio.Event = attrs.field(factory=trio.Event)
    connection: Connection | None = None
    """That to which it was given to be written."""
    lost: int = 0
    """How many connections ended with it."""
    is_overdue: bool = False

    @property
    def is_written(self) -> bool:
        """Whether the server may have it now."""
        return self.connection is not None and not self.connection.is_queued(self.command.id)

    def post(self, connection: Connection) -> None:
        """Have it written to this connection."""
        self.connection = connection
        self.is_overdue = False
        connection.post(self.command)

    def fail(self, failure: ChatError) -> None:
        """Raise this where it was called."""
        self.failure = failure
        self.is_over.set()


class Calls:
    """The calls of one conversation that wait for their answers. ``on_call`` is called as each begins."""

    def __init__(self, *, on_call: Callable[[], object]) -> None:
        self.end: ChatError | None = None
        """Why there are no more calls, once `finish` was called."""
        self.max_bytes = 0
        """The longest message that the server takes; 0: that is not known, or it takes all."""
        self._waiting: dict[str, Call] = {}
        self._on_call = on_call
        self._connection: Connection | None = None
        self._is_careful = False

    def __len__(self) -> int:
        return len(self._waiting)

    def get(self, command_id: str) -> Call | None:
        """The call of the command with this id, if it waits for its answer."""
        return self._waiting.get(command_id)

    async def ask(
        self, command: Command, *, rejoins: JoinedRoom | None = None, connection: Connection | None = None
    ) -> Answer:
        """The answer to a command, over this connection, or by default over whichever there is or will be.

        When cancelled, the command is not written any more, if it was not yet. Raises `ValueError` if a call with its
        id is waiting, `Refused` if the command is longer than the server takes (``too_long``), or ends the connection
        (``ends_connection``), and what `finish` was given.
        """
        self.raise_end()
        if command.id in self._waiting:
            raise ValueError(f"A call with the id {command.id!r} is under way already.")
        self._check_size(command)
        call = self._waiting[command.id] = Call(command, rejoins)
        self._on_call()
        if connection is not None:
            call.post(connection)
        else:
            self._post()
        try:
            while not call.is_over.is_set():
                with trio.move_on_after(OVERDUE_S):
                    await call.is_over.wait()
                    break
                call.is_overdue = call.is_written
                self._post()
        finally:
            del self._waiting[command.id]
            if call.connection is not None:
                call.connection.withdraw(command.id)
            self._post()
        if call.failure is not None:
            raise call.failure
        if call.answer is None:
            self.raise_end()
        assert call.answer is not None
        return call.answer

    def _post(self) -> None:
        """Have written what waits to be: everything; or, if calls are written one at a time, the next one if no other
        waits for its answer."""
        if self._connection is None:
            return
        self._is_careful = self._is_careful and bool(self._waiting)
        calls = [call for call in self._waiting.values() if call.connection is None]
        if self._is_careful:
            is_clear = all(call.is_overdue for call in self._waiting.values() if call.connection is not None)
            calls = sorted(calls, key=lambda call: call.lost)[:1] if is_clear else []
        for call in calls:
            call.post(self._connection)

    def _check_size(self, command: Command) -> None:
        size = len(encode(command).encode()) if self.max_bytes else 0
        if size > self.max_bytes:
            raise Refused(
                "too_long", f"The command has {size:,} bytes; the server takes {self.max_bytes:,} at most."
            )

    def answer(self, answer: Answer) -> None:
        """Give an answer to its call. It may come too late: then nobody waits for it."""
        call = self.get(answer.id or "")
        if call is not None:
            call.answer = answer
            call.is_over.set()

    def begin_on(self, connection: Connection) -> None:
        """Write all calls that wait to this connection, and those to come; nothing if it has them already."""
        if self._connection is None:
            self._connection = connection
            self._post()

    def pause(self) -> list[Call]:
        """Let calls wait for another connection: this one is lost. Returns those that were lost with it."""
        self._connection = None
        lost = [call for call in self._waiting.values() if call.is_written]
        for call in self._waiting.values():
            call.connection = None
        return lost

    def blame(self, lost: Sequence[Call], failure: ChatError, *, at_once: bool) -> None:
        """Find out which of these calls ended the connection that they were lost with: the one that was written alone
        fails, if that suffices (``at_once``) or when it has ended many; of several, each will be written alone.
        """
        for call in lost:
            call.lost += 1
        match lost:
            case [call] if at_once or call.lost >= LOST_AT_MOST:
                call.fail(failure)
            case [_, *_]:
                self._is_careful = self._is_careful or at_once or max(call.lost for call in lost) >= 3

    def finish(self, why: ChatError) -> None:
        """End all calls, and those to come, with this error. Only the first time counts."""
        if self.end is None:
            self.end = why
        for call in self._waiting.values():
            call.is_over.set()

    def raise_end(self) -> None:
        """Raise what `finish` was given, if it was called."""
        if self.end is not None:
            raise self.end.with_traceback(None)
