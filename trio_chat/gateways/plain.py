"""The plain gateway: what a client sends as text is said in the lobby, verbatim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import (
    TOO_BIG,
    TRY_AGAIN_LATER,
    UNSUPPORTED_DATA,
    Refused,
    RemoteProtocolError,
    StoreError,
)
from trio_chat.kinds.facts import LOBBY
from trio_chat.kinds.table import MESSAGES, text_of
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.model.outcomes import Denied
from trio_chat.model.texts import check_length
from trio_chat.net.rate_limits import ConnectionBucket
from trio_chat.net.websocket_frames import encode_text
from trio_chat.rooms.encoding import Encoding
from trio_chat.rooms.submission import NotLogged, Submission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_websocket import WebSocketConnection

    from trio_chat.hub import Hub
    from trio_chat.model.events import Event, Person
    from trio_chat.model.proofs import Prover
    from trio_chat.net.outbox import Outbox
    from trio_chat.people.identities import Identities
    from trio_chat.rooms.submission import Settled


def encode_event(event: Event, _prover: Prover) -> bytes:
    """The text of a message, verbatim; nothing for any other event."""
    if event.kind not in MESSAGES or event.body is None:
        return b""
    return encode_text(text_of(event))


ENCODING: Final = Encoding(encode_event)
"""What plain clients subscribe with."""


class Outcomes:
    """The submitter of one connection's messages (`Submitter`): hearing them is their acknowledgement."""

    __slots__ = ("_outbox",)

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def settle(self, room: str, settled: Sequence[Settled]) -> None:
        """End the connection if something could not be logged, or was refused: it has no other way to learn that."""
        for _, outcome in settled:
            if isinstance(outcome, NotLogged):
                self._outbox.end(TRY_AGAIN_LATER)
            elif isinstance(outcome, Denied):
                self._outbox.end(TRY_AGAIN_LATER.because(outcome.message))


async def serve_plain(websocket: WebSocketConnection, outbox: Outbox, *, hub: Hub, address: str) -> None:
    """Say in the lobby what the client sends, until it closes (`trio_websocket.ConnectionClosed`).

    Raises `RemoteProtocolError` for what a plain client cannot send. One that sends too fast is read more slowly.
    """
    bucket = ConnectionBucket(hub.rate_limits, address)
    outcomes = Outcomes(outbox)
    guest: Person | None = None
    subscription = await hub.rooms.subscribe(
        LOBBY, person=None, cursor=None, outbox=outbox, encoding=ENCODING
    )
    with subscription:
        try:
            while True:
                text = await websocket.get_message()
                if not isinstance(text, str):
                    raise RemoteProtocolError(UNSUPPORTED_DATA)
                try:
                    check_length(text, hub.config.max_text_chars)
                except Refused as refused:
                    raise RemoteProtocolError(TOO_BIG.because(refused.message)) from None
                while (wait_s := bucket.take(trio.current_time())) > 0:  # others take tokens
                    hub.security.limited("rate_limited", address)
                    await trio.sleep(wait_s)
                if guest is None:  # named only now: many listen and never speak
                    guest = await _add_guest(hub.people)
                    hub.security.joined(guest.id, address, by="guest")
                draft = Draft(kind=MESSAGE, sender=guest.id, name=guest.name, client_id=None, body=text)
                submission = Submission(draft, outcomes)
                if not subscription.room.try_submit(submission):
                    await subscription.room.submit(submission)
        finally:
            if guest is not None:
                hub.people.remove_guest(guest)


async def _add_guest(people: Identities) -> Person:
    try:
        return await people.add_guest()
    except (StoreError, Refused):
        raise RemoteProtocolError(TRY_AGAIN_LATER) from None
