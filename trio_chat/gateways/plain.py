"""The plain gateway: what a client sends as text is said in the lobby, verbatim."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import (
    POLICY_VIOLATION,
    TOO_BIG,
    TRY_AGAIN_LATER,
    UNSUPPORTED_DATA,
    Refused,
    RemoteProtocolError,
    StoreError,
)
from trio_chat.kinds.facts import LOBBY
from trio_chat.kinds.table import MESSAGES, plain_text_of
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.model.outcomes import Denied
from trio_chat.model.texts import check_length
from trio_chat.moderation.enforcement import GuestConnection
from trio_chat.net.rate_limits import ConnectionBucket
from trio_chat.net.websocket_frames import encode_text
from trio_chat.rooms.encoding import Encoding
from trio_chat.rooms.submission import NotLogged, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trio_chat.hub import Hub
    from trio_chat.model.events import Event, Person
    from trio_chat.model.proofs import Prover
    from trio_chat.net.outbox import Outbox
    from trio_chat.net.websocket import Messages
    from trio_chat.people.identities import Identities
    from trio_chat.rooms.submission import Settled


def encode_event(event: Event, _prover: Prover) -> bytes:
    """The text of a message, verbatim, and what files it has; nothing for any other event."""
    if event.kind not in MESSAGES or event.body is None:
        return b""
    return encode_text(plain_text_of(event))


ENCODING: Final = Encoding(encode_event)
"""What plain clients subscribe with."""


NOT_FOR_GUESTS: Final = frozenset({"banned", "probation", "waiting"})
"""Refusals for which it does not help to come back."""


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
                close = POLICY_VIOLATION if outcome.code in NOT_FOR_GUESTS else TRY_AGAIN_LATER
                self._outbox.end(close.because(outcome.message))


async def serve_plain(websocket: Messages, outbox: Outbox, *, hub: Hub, address: str) -> None:
    """Say in the lobby what the client sends, until it closes (`trio_websocket.ConnectionClosed`).

    Raises `RemoteProtocolError` for what a plain client cannot send. One that sends too fast is read more slowly.
    """
    bucket = ConnectionBucket(hub.rate_limits, address)
    outcomes = Outcomes(outbox)

    def take_of_address(now: float) -> float:
        if wait_s := bucket.take_of_address(now):
            hub.security.limited("rate_limited", address)
        return wait_s

    guest: Person | None = None
    said_at = -math.inf
    subscription = await hub.rooms.subscribe(
        LOBBY, person=None, cursor=None, outbox=outbox, encoding=ENCODING, since=trio.current_time()
    )
    with subscription, _registered(hub, outbox, address) as connection:
        try:
            while True:
                text = await websocket.get_message()
                if not isinstance(text, str):
                    raise RemoteProtocolError(UNSUPPORTED_DATA)
                try:
                    check_length(text, hub.config.max_text_chars)
                except Refused as refused:
                    raise RemoteProtocolError(TOO_BIG.because(refused.message)) from None
                while (wait_s := bucket.take_own(trio.current_time())) > 0:
                    hub.security.limited("rate_limited", address)
                    await trio.sleep(wait_s)
                await hub.waiting_lines.wait(address, take_of_address)
                pace_s = hub.door.guest_pace_s
                if pace_s:  # else no checkpoint: it would double what a message costs
                    await trio.sleep_until(said_at + pace_s)
                said_at = trio.current_time()
                if guest is None:  # named only now: many listen and never speak
                    connection.guest = guest = await _add_guest(hub.people)
                    hub.door.addresses.note(guest.id, address)
                    hub.security.joined(guest.id, address, by="guest")
                draft = Draft(kind=MESSAGE, sender=guest.id, name=guest.name, client_id=None, body=text)
                submission = Submission(draft, outcomes)
                if not subscription.room.inbox.try_submit(submission):
                    await subscription.room.inbox.submit(submission)
        finally:
            if guest is not None:
                hub.people.remove_guest(guest)


@contextmanager
def _registered(hub: Hub, outbox: Outbox, address: str) -> Iterator[GuestConnection]:
    """Let moderators' decisions hold for the connection. Raises `RemoteProtocolError` if it may not be here."""
    connection = GuestConnection(outbox, address)
    try:
        hub.door.check_guest(address)
    except Refused as refused:
        raise RemoteProtocolError(POLICY_VIOLATION.because(refused.message)) from None
    hub.enforcement.guests.add(connection)
    try:
        yield connection
    finally:
        hub.enforcement.guests.discard(connection)


async def _add_guest(people: Identities) -> Person:
    try:
        return await people.add_guest()
    except (StoreError, Refused):
        raise RemoteProtocolError(TRY_AGAIN_LATER) from None
