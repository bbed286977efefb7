"""Who is connected: the connections of each person, to tell them what stands in no room's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.codec import encode_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trio_chat.answers import Answer
    from trio_chat.outbox import Outbox


class Here:
    """The v1 connections that said hello, by person. All of it is sync.

    ``on_gone`` is called with the id of a person whose last connection has ended.
    """

    def __init__(self, on_gone: Callable[[str], object] = lambda person: None) -> None:
        self._outboxes: dict[str, dict[Outbox, None]] = {}
        self._on_gone = on_gone

    def __contains__(self, person: str) -> bool:
        return person in self._outboxes

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._outboxes))

    def add(self, person: str, outbox: Outbox) -> None:
        """One more connection of this person."""
        self._outboxes.setdefault(person, {})[outbox] = None

    def discard(self, person: str, outbox: Outbox) -> None:
        """This connection has ended. Idempotent."""
        outboxes = self._outboxes.get(person)
        if outboxes is None or outbox not in outboxes:
            return
        del outboxes[outbox]
        if not outboxes:
            del self._outboxes[person]
            self._on_gone(person)

    def tell(self, person: str, answer: Answer, *, but: Outbox | None = None) -> None:
        """Tell something to all connections of a person, but for one."""
        outboxes = self._outboxes.get(person)
        if outboxes:
            frame = encode_answer(answer)
            for outbox in outboxes:
                if outbox is not but:
                    outbox.reply(frame)

    def tell_all(self, answer: Answer) -> None:
        """Tell something to everybody; who reads too slowly misses it, as it can be asked for."""
        frame = encode_answer(answer)
        for outboxes in self._outboxes.values():
            for outbox in outboxes:
                outbox.post(frame)
