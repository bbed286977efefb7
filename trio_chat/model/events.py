"""The vocabulary of the log: what people ask to be written, and what then stands there for good.

Pure: no trio, no clock, no I/O. Everything is immutable, so one object may be shared by every reader.
"""

from __future__ import annotations

import msgspec


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A command on its way to the log: an event that has no number yet.

    ``client_id`` is the sender's own name for the command; (``sender``, ``client_id``) is unique in the log
    for as long as the log lives. None (the plain side) means that a repeat cannot be recognised.
    """

    kind: str
    """What happened: `MESSAGE`, or another kind (`trio_chat.kinds`)."""
    sender: str
    """The id of the person or guest."""
    name: str
    """The sender's name at this moment, kept with the event."""
    client_id: str | None
    body: str
    """For a `MESSAGE` its text, verbatim; for other kinds a JSON object (`trio_chat.kinds`)."""
    leads_to: Draft | None = None
    """Another draft, in a direct room, for which this one is written: refused for what that one would be refused."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One line of a room's log: what happened, by whom, and its place in the one order.

    ``seq`` is dense from 1 in each room. ``digest`` chains each event to the one before it
    (see `trio_chat.model.chain`).
    """

    room: str
    seq: int
    kind: str
    sender: str
    name: str
    client_id: str | None
    at_ms: int
    """When the server accepted it: milliseconds since 1970 UTC, from the server's wall clock. Not an order."""
    body: str | None
    """None: it was deleted."""
    digest: bytes


MESSAGE = "message"
"""The kind of a message that is a text and nothing else."""

DAMAGED = "damaged"
"""The kind of what is told in the place of an event that is not what was written: see `damaged`."""


def damaged(room: str, seq: int) -> Event:
    """What a reader is told in the place of event ``seq``: that it cannot be told. No draft has this kind.

    It keeps the numbers dense, so that nobody waits, or asks for ever, for an event that is lost.
    """
    return Event(room, seq, DAMAGED, "", "", None, 0, None, b"")


class Position(msgspec.Struct, frozen=True):
    """A place in a room's log: the last sequence number, and the epoch that makes it mean something.

    Numbers of different epochs cannot be compared: the log was replaced in between.
    """

    seq: int
    epoch: str
    proof: str | None = None
    """The proof that one was told of the number (`trio_chat.model.proofs`): a client's cursor has it."""


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody the server knows again by a token: a stable id, and the name and looks of today."""

    id: str
    name: str
    colour: int | None = None
    """Of the twelve that a page has for people; None: one made from the id."""
    picture: str | None = None
    """The name of their picture."""
