"""Outcomes of commands that become events: an acknowledgement, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat.errors import Refused
from trio_chat.kinds.personal import Block
from trio_chat.kinds.table import read_body
from trio_chat.model.events import Event
from trio_chat.model.outcomes import Conflict, Denied
from trio_chat.protocol.encoding import encode_frame
from trio_chat.protocol.replies import Ack, Failure
from trio_chat.rooms.submission import NotLogged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.outcomes import Outcome
    from trio_chat.net.outbox import Outbox
    from trio_chat.presence.service import PresenceService
    from trio_chat.rooms.submission import Settled

UNAVAILABLE_RETRY_S = 1.0
"""When a client is told to try again if the log cannot be written."""


class Outcomes:
    """The submitter of one connection's commands: it answers each with what became of it (`Submitter`)."""

    __slots__ = ("_outbox",)

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def settle(self, room: str, settled: Sequence[Settled]) -> None:
        """Answer the commands: one write for all of them."""
        frames = [
            encode_frame(self.reply_to(outcome, draft.client_id or "", room)) for draft, outcome in settled
        ]
        self._outbox.reply(b"".join(frames))

    def reply_to(self, outcome: Outcome | NotLogged, command_id: str, room: str) -> Ack | Failure:
        """The answer to the command that had this outcome in a room."""
        match outcome:
            case NotLogged():
                return Failure.of(unavailable(), command_id)
            case Conflict():
                return Failure.of(id_conflict(), command_id)
            case Denied():
                # Who accepts a link knows only from this where it leads to.
                where = room if outcome.code == "already_there" else None
                refused = Refused(outcome.code, outcome.message, retry_after_s=outcome.retry_after_s)
                return Failure.of(refused, command_id, room=where)
        return Ack(id=command_id, room=outcome.room, seq=outcome.seq)


class OutcomesOfBlock(Outcomes):
    """The same for blocks: from the moment of the ack on, the two people are shown nothing of each other."""

    __slots__ = ("_presence",)

    def __init__(self, outbox: Outbox, presence: PresenceService) -> None:
        super().__init__(outbox)
        self._presence = presence

    def settle(self, room: str, settled: Sequence[Settled]) -> None:
        """See `Outcomes`."""
        for draft, outcome in settled:
            body = read_body(draft.kind, draft.body)
            if isinstance(outcome, Event) and isinstance(body, Block):
                self._presence.set_block(draft.sender, body.person, on=body.on)
        super().settle(room, settled)


class OutcomesOfKnock(Outcomes):
    """The same for a link to a room where people knock: they wait."""

    __slots__ = ()

    def reply_to(self, outcome: Outcome | NotLogged, command_id: str, room: str) -> Ack | Failure:
        """See `Outcomes`."""
        reply = super().reply_to(outcome, command_id, room)
        return msgspec.structs.replace(reply, waiting=True) if isinstance(reply, Ack) else reply


def ack_of(
    before: Event, command_id: str, kind: str, *, says: Callable[[Any], bool], room: str | None = None
) -> Ack:
    """The ack of a command that was carried out before, for those whose body depends on more than they say (else the
    append compares them). ``says``: whether a body of this kind says what the command does.

    Raises `Refused` if it was of another kind or room, or said something else. (Of a text that is gone nobody knows.)
    """
    is_same = before.kind == kind and room in (None, before.room)
    if not is_same or not (before.body is None or says(read_body(kind, before.body))):
        raise id_conflict()
    return Ack(command_id, before.room, before.seq)


def unavailable() -> Refused:
    """What a client is told when the log cannot do what it asked for."""
    return Refused(
        "unavailable",
        "The server's log cannot be used just now. Nothing was done; try again in a moment.",
        retry_after_s=UNAVAILABLE_RETRY_S,
    )


def id_conflict() -> Refused:
    """What a client is told that says something else under an id it has used."""
    return Refused("id_conflict", "This id was used before, for something else.")
