"""The events that an application gets, and pages of them: see docs/client.md.

They are read leniently: unknown keys are ignored, and ``at`` is a `datetime`, where the server's own frames of events
(`trio_chat.kinds`) have a string.

Pure.
"""

# No `from __future__ import annotations` here: the fields' types are used at run time.
from datetime import datetime
from typing import Any

import msgspec

from trio_chat.kinds.files import FileItem
from trio_chat.model.events import Person, Position


class _Header(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename={"sender": "from"}):
    """Event number ``seq`` of the log of ``room``.

    ``proof`` proves to the server that one was told of it (None in pages of history): it is part of a cursor.
    ``id`` is the sender's idempotency key (None from the plain gateway), ``sender`` the sender's user id, ``name`` the
    sender's name at that moment, ``at`` the server's time, which is for people: the order is that of ``seq``.
    """

    room: str
    seq: int
    id: str | None = None
    sender: str
    name: str
    at: datetime
    proof: str | None = None


class _LogEvent(_Header, tag_field="type", frozen=True, gc=False, kw_only=True):
    """An event of a kind that this client knows."""


class Message(_LogEvent, tag="message", frozen=True, kw_only=True):
    """A message: somebody said ``text``.

    It may reply to message ``reply_to``, mention people (their ids, or ``all``), and be forwarded (``forwarded``: the
    name of who said it first). It may have ``files``, and then the text may be empty. One that is ``deleted`` has no
    text and no files any more.
    """

    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    forwarded: str | None = None
    files: tuple[FileItem, ...] = ()
    deleted: bool = False


class Edited(_LogEvent, tag="edit", frozen=True, kw_only=True):
    """An edit: the text of message ``target`` is ``text`` now."""

    target: int
    text: str
    mentions: tuple[str, ...] = ()
    deleted: bool = False
    """The message was deleted since, so the edit is of no use."""


class Deleted(_LogEvent, tag="delete", frozen=True, kw_only=True):
    """A deletion: message ``target`` has no text any more."""

    target: int


class Reacted(_LogEvent, tag="reaction", frozen=True, kw_only=True):
    """A reaction: the sender put an emoji to message ``target``, or (``on`` is false) took it away."""

    target: int
    emoji: str
    on: bool


class OtherEvent(_Header, frozen=True, gc=False, kw_only=True, rename={"sender": "from", "kind": "type"}):
    """An event of another ``kind``, of this server or of a newer one: who joined, a pin, a vote, …

    It has what all events have, and in ``fields`` everything that the server said, as it stands in docs/protocol.md.
    """

    kind: str
    fields: dict[str, Any] = {}  # msgspec copies it


Change = Edited | Deleted | Reacted
"""An event about an earlier message."""


class Reset(msgspec.Struct, frozen=True):
    """A reset: what the application holds of ``room`` is of no use. What follows begins after ``position``.

    The log was replaced (another epoch), or the client was away for more events than the server sends again.
    """

    room: str
    position: Position


Event = Message | Change | OtherEvent | Reset
"""What iterating over a chat gives. More kinds may be added."""


class Reactions(msgspec.Struct, frozen=True):
    """The reactions to message ``target`` with one emoji: how many there are, whether one is the client's own
    (``mine``), and the ``people`` who gave the first of them.

    ``since`` is the number of the reaction by which the emoji came to the message: emoji stand in this order.
    """

    target: int
    emoji: str
    count: int
    since: int
    mine: bool = False
    people: tuple[Person, ...] = ()


class GivenReaction(msgspec.Struct, frozen=True):
    """One reaction to a message: number ``seq`` of the log."""

    seq: int
    emoji: str
    person: Person


class History(msgspec.Struct, frozen=True):
    """A page of history: messages as they were written, oldest first, and whether there are ``more`` before them.

    ``changes`` are the changes of these messages that hold at number ``upto``, in order: the newest edit; of a deleted
    message, only the deletion. ``reactions`` are those to them, counted, at the same number. Each `Reacted` that comes
    with a greater number changes a count by one.
    """

    messages: list[Message]
    more: bool
    changes: list[Change]
    reactions: list[Reactions]
    upto: int
