"""Run context: what all clients of a run share; and the timeline that a client holds of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from tests.torture.events import Event  # noqa: TC001  (attrs)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.torture.history import Joined, Recorder

ROOMS = ("lobby", "Workshop")
"""Public rooms of a run: the lobby, and one that clients spell in another case than the server."""


@attrs.define
class RunContext:
    """State that all clients of a run share."""

    recorder: Recorder
    port: Callable[[random.Random, str], int]
    """Port to connect to this time, the server's or a proxy's, for a client of a kind (``v1``, ``plain``). The proxy
    for ``plain`` doubles nothing."""
    pace_s: float
    """Mean seconds between two actions of a client."""
    file_share: float = 0.0
    """The share of actions of product clients that are about files."""
    draining: trio.Event = attrs.field(factory=trio.Event)
    """Set when no client may send a new command: they only finish what is pending."""
    busy: set[object] = attrs.field(factory=set)
    """Clients that may still send something."""
    heads: dict[str, int] = attrs.field(factory=dict)
    """While draining, the last number of each room: a client that has received it is done."""
    last_messages: dict[str, int] = attrs.field(factory=dict)
    """While draining, the number of each room's last message."""
    tokens: dict[str, str] = attrs.field(factory=dict)
    """Tokens by person."""
    invitations: list[tuple[str, str]] = attrs.field(factory=list)
    """Invitations that were given out: (room, token)."""
    contended_invitations: list[str] = attrs.field(factory=list)
    """Tokens of invitations that every client tries to accept at once."""


def canonical_name(room: str) -> str:
    """Room name as the server spells it."""
    return room if room.startswith("~") else room.lower()


def spelled_name(room: str) -> str:
    """Room name as clients spell it."""
    return next((known for known in ROOMS if known.lower() == room), room)


@attrs.define(eq=False)
class Timeline:
    """Events that a client holds of a room: the same in the end, however its connections went."""

    epoch: str | None = None
    after: int = 0
    events: list[Event] = attrs.field(factory=list)
    proof: str | None = None
    """What was told with `last`."""

    @property
    def last(self) -> int:
        """Number up to which the client has received everything: its cursor."""
        return self.events[-1].seq if self.events else self.after

    def begin(self, joined: Joined, proof: str | None = None) -> None:
        """Take in the answer to a join: begin anew after a reset."""
        if joined.reset or self.epoch is None:
            self.epoch, self.after, self.events = joined.epoch, joined.after, []
            self.proof = proof

    def add(self, event: Event, proof: str | None = None) -> None:
        """Add an event, unless it is held already."""
        if event.seq > self.last:
            self.events.append(event)
            self.proof = proof
