"""Outcomes: what became of a draft that was handed to the store. Pure."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from trio_chat.model.events import Event


@attrs.frozen
class Repeat:
    """The draft is in the log already, as event ``seq`` of ``room``; nothing was written."""

    room: str
    seq: int


@attrs.frozen
class Conflict:
    """The sender used this client id before, for something else: event ``seq`` of ``room``. Nothing was written."""

    room: str
    seq: int


@attrs.frozen
class Denied:
    """The rules forbid the draft. Nothing was written, and its client id is not used up."""

    code: str
    message: str
    retry_after_s: float | None = None
    """Where waiting helps."""


Outcome: TypeAlias = Event | Repeat | Conflict | Denied
"""What became of a draft: the event that was written, or why none was."""
