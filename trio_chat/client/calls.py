"""Calls: commands on their way to the server, and their answers. They outlast connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.client.connection import Connection
    from trio_chat.client.frames import Answer, Command
    from trio_chat.client.joined_rooms import JoinedRoom
    from trio_chat.errors import ChatError


@attrs.define(eq=False)
class Call:
    """A command without an answer yet. ``rejoins`` is the room that it joins again."""

    command: Command
    rejoins: JoinedRoom | None
    answer: Answer | None = None
    is_over: trio.Event = attrs.field(factory=trio.Event)


class Calls:
    """The calls of one conversation that wait for their answers. ``on_call`` is called as each begins."""

    def __init__(self, *, on_call: Callable[[], object]) -> None:
        self.end: ChatError | None = None
        """Why there are no more calls, once `finish` was called."""
        self._waiting: dict[str, Call] = {}
        self._on_call = on_call
        self._connection: Connection | None = None

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
        id is waiting, and what `finish` was given.
        """
        self.raise_end()
        if command.id in self._waiting:
            raise ValueError(f"A call with the id {command.id!r} is under way already.")
        call = self._waiting[command.id] = Call(command, rejoins)
        self._on_call()
        connection = connection or self._connection
        if connection is not None:
            connection.post(command)
        try:
            await call.is_over.wait()
        finally:
            del self._waiting[command.id]
            if self._connection is not None:
                self._connection.withdraw(command.id)
        if call.answer is None:
            self.raise_end()
        assert call.answer is not None
        return call.answer

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
            for call in self._waiting.values():
                connection.post(call.command)

    def pause(self) -> None:
        """Let calls wait for another connection: this one is lost."""
        self._connection = None

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
