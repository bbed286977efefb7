"""What all clients of a run share, and what a client holds of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from tests.torture.events import Line  # noqa: TC001  (attrs)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.torture.history import Joined, Recorder

ROOMS = ("lobby", "Workshop")
"""Where clients are: the default room, and one that is spelled in another case than the server does."""


@attrs.define
class World:
    """What all clients share."""

    recorder: Recorder
    port: Callable[[random.Random, str], int]
    """Where a client of a kind (``v1``, ``plain``) is to connect this time: to the server, or to a proxy;
    what a ``plain`` one says is not said twice."""
    pace_s: float
    """The mean time between two things that a client does."""
    quiet: trio.Event = attrs.field(factory=trio.Event)
    """Set when nothing new is to be done: only what was begun is brought to its end."""
    busy: set[object] = attrs.field(factory=set)
    """Who may still send something."""
    heads: dict[str, int] = attrs.field(factory=dict)
    """Once it is quiet, where each room's log ends: who has come so far is done."""
    last_messages: dict[str, int] = attrs.field(factory=dict)
    """And the number of its last message."""
    tokens: dict[str, str] = attrs.field(factory=dict)
    """By person."""
    links: list[tuple[str, str]] = attrs.field(factory=list)
    """The links into rooms that were given out: (room, token)."""
    rushes: list[str] = attrs.field(factory=list)
    """The tokens of those that everybody tries to use at once."""


def name_of(room: str) -> str:
    """The name under which the server knows a room."""
    return room if room.startswith("~") else room.lower()


def spelled(room: str) -> str:
    """The name as clients spell it."""
    return next((known for known in ROOMS if known.lower() == room), room)


@attrs.define(eq=False)
class Timeline:
    """What a client holds of a room: the state that must come out the same on all ways."""

    epoch: str | None = None
    after: int = 0
    lines: list[Line] = attrs.field(factory=list)

    @property
    def last(self) -> int:
        """The number it has seen everything up to."""
        return self.lines[-1].seq if self.lines else self.after

    def begin(self, joined: Joined) -> None:
        """Take notice of where the server goes on."""
        if joined.reset or self.epoch is None:
            self.epoch, self.after, self.lines = joined.epoch, joined.after, []

    def add(self, line: Line) -> None:
        """Take in an event, unless it is here already."""
        if line.seq > self.last:
            self.lines.append(line)
