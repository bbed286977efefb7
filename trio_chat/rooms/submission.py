"""What a member asks a room to log, and what it is told of that: an acknowledgement, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from trio_chat.errors import TRY_AGAIN_LATER, Refused
from trio_chat.model.outcomes import Conflict, Denied
from trio_chat.protocol.encoding import Format, encode_answer
from trio_chat.protocol.replies import Ack, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome
    from trio_chat.net.outbox import Outbox
    from trio_chat.protocol.replies import Answer

UNAVAILABLE_RETRY_S = 1.0
"""When a client is told to try again if the log cannot be written."""


@attrs.frozen
class Submission:
    """A draft on its way into the log, and the connection to be told what became of it."""

    draft: Draft
    outbox: Outbox
    form: Format
    may_be_there: bool = False
    """Whether it is as good if the room it makes is there already: it began with event 1, whoever made it."""


def unavailable() -> Refused:
    """What a v1 client is told when the log cannot do what it asked for."""
    return Refused(
        "unavailable",
        "The server's log cannot be used just now. Nothing was done; try again in a moment.",
        retry_after_s=UNAVAILABLE_RETRY_S,
    )


def id_conflict() -> Refused:
    """What a v1 client is told that says something else under an id it has used."""
    return Refused("id_conflict", "This id was used before, for something else.")


def answer(batch: Sequence[Submission], outcomes: Sequence[Outcome], *, room: str) -> None:
    """Tell the v1 senders what became of their commands in this room: one write for each sender."""
    answers: dict[Outbox, list[bytes]] = {}
    for submission, outcome in zip(batch, outcomes, strict=True):
        command_id = submission.draft.client_id
        if submission.form is Format.PLAIN or command_id is None:
            continue  # hearing one's own message is the acknowledgement
        frame = encode_answer(_outcome_of(submission, outcome, command_id, room))
        answers.setdefault(submission.outbox, []).append(frame)
    for outbox, frames in answers.items():
        outbox.reply(b"".join(frames))


def _outcome_of(submission: Submission, outcome: Outcome, command_id: str, room: str) -> Answer:
    match outcome:
        case Conflict():
            return Failure.of(id_conflict(), command_id)
        case Denied(code="already_there") if submission.may_be_there:
            return Ack(id=command_id, room=room, seq=1)
        case Denied():
            # Who accepts a link knows only from this where it leads to.
            where = room if outcome.code == "already_there" else None
            return Failure.of(Refused(outcome.code, outcome.message), command_id, room=where)
    return Ack(id=command_id, room=outcome.room, seq=outcome.seq)


def answer_failed(batch: Sequence[Submission]) -> None:
    """Tell the senders that nothing of this could be logged."""
    refused = unavailable()
    for submission in batch:
        if submission.form is Format.PLAIN:
            submission.outbox.end(TRY_AGAIN_LATER)  # the only way it has of hearing so
        else:
            submission.outbox.reply(encode_answer(Failure.of(refused, submission.draft.client_id)))
