"""The words of v1: how events of the log and notices become its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.gateways.v1.room_lists import item_of, marks_of
from trio_chat.kinds.forms import Who
from trio_chat.model import notices
from trio_chat.protocol import parts, replies
from trio_chat.protocol.encoding import encode_frame
from trio_chat.protocol.event_frames import to_frame
from trio_chat.rooms.encoding import Encoding

if TYPE_CHECKING:
    from trio_chat.kinds.forms import Frame
    from trio_chat.model.events import Event
    from trio_chat.model.notices import Notice
    from trio_chat.model.proofs import Prover


def encode_event(event: Event, prover: Prover) -> bytes:
    """An event of the log as a frame, with its proof."""
    frame = to_frame(event)
    frame.proof = prover.prove(event.seq)
    return encode_frame(frame)


def encode_notice(notice: Notice) -> bytes:
    """A notice as a frame."""
    return encode_frame(_frame_of(notice))


def _frame_of(notice: Notice) -> Frame:
    match notice:
        case notices.PresenceChanged(room, count, came, went):
            return replies.Presence(room, count, tuple(map(parts.user_of, came)), tuple(went))
        case notices.Typing(room, person, what):
            return replies.TypingIn(room, Who.of(person), what)
        case notices.ReadMarkersMoved(room, markers):
            return replies.Marks(room, marks_of(markers))
        case notices.PersonChanged(person):
            return replies.PersonChanged(parts.user_of(person))
        case notices.RoomListed(listing, other):
            return replies.RoomAdded(item_of(listing, other))
        case notices.Requested(listing, other):
            return replies.RequestAdded(item_of(listing, other))
        case notices.RoomUnlisted(room):
            return replies.RoomRemoved(room)


NOT_WELCOMED_YET: Final = Encoding(lambda event, prover: b"", has_cursors=True)
"""What a client hears before it is welcomed: nothing."""

ENCODING: Final = Encoding(encode_event, encode_notice, has_cursors=True)
"""What v1 clients subscribe with."""
