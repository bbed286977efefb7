"""How an event of the log is told to v1 clients: as the frame of its kind (`trio_chat.kinds`).

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from trio_chat.kinds import forms
from trio_chat.kinds.forms import timestamp
from trio_chat.kinds.messages import MessageFrame
from trio_chat.kinds.table import KINDS
from trio_chat.model.events import DAMAGED, MESSAGE

if TYPE_CHECKING:
    from trio_chat.model.events import Event


class Damaged(forms.EventFrame, tag="damaged"):
    """Event ``seq`` is not what was written, and told to nobody."""


if TYPE_CHECKING:
    EventFrame = forms.EventFrame
else:
    EventFrame = Union[(Damaged, *(kind.frame for kind in KINDS.values()))]
"""What a v1 client is told of an event of the log. (At run time the union of all, for who decodes such frames.)"""


def to_frame(event: Event) -> EventFrame:
    """What a v1 client is told of this event."""
    if event.kind == MESSAGE and event.body is not None:  # nearly all of them
        return MessageFrame(
            room=event.room,
            seq=event.seq,
            id=event.client_id,
            sender=event.sender,
            name=event.name,
            text=event.body,
            at=timestamp(event.at_ms),
        )
    if event.kind == DAMAGED:
        return Damaged(room=event.room, seq=event.seq)
    return KINDS[event.kind].to_frame(event)
