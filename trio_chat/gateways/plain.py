"""The plain gateway: what a client sends as text is said in the lobby, verbatim."""

from __future__ import annotations

import math
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
    from collections.abc import Sequence
    from typing import Self

    from trio_chat.hub import Hub
    from trio_chat.model.events import Event, Person
    from trio_chat.model.proofs import Prover
    from trio_chat.net.outbox import Outbox
    from trio_chat.net.websocket import Messages
    from trio_chat.rooms.submission import Settled
    from trio_chat.rooms.subscribers import Subscription


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
    with (
        await hub.rooms.subscribe(
            LOBBY,
            person=None,
            cursor=None,
            outbox=outbox,
            encoding=ENCODING,
            since=trio.current_time(),
        ) as subscription,
        _Guest(hub, subscription, address) as guest,
    ):
        while True:
            await guest.say(await websocket.get_message())


class _Guest:
    """Whoever talks over one connection, as long as the ``with`` block lasts; they have a name once they say something.

    Moderators' decisions hold for them. Raises `RemoteProtocolError` if they may not be here.
    """

    __slots__ = ("_bucket", "_connection", "_hub", "_outcomes", "_said_at", "_subscription")

    def __init__(self, hub: Hub, subscription: Subscription, address: str) -> None:
        self._hub = hub
        self._subscription = subscription
        self._connection = GuestConnection(subscription.outbox, address)
        self._bucket = ConnectionBucket(hub.rate_limits, address)
        self._outcomes = Outcomes(subscription.outbox)
        self._said_at = -math.inf

    def __enter__(self) -> Self:
        try:
            self._hub.door.check_guest(self._connection.address)
        except Refused as refused:
            raise RemoteProtocolError(POLICY_VIOLATION.because(refused.message)) from None
        self._hub.enforcement.guests.add(self._connection)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._hub.enforcement.guests.discard(self._connection)
        if self._connection.guest is not None:
            self._hub.people.remove_guest(self._connection.guest)

    async def say(self, text: str | bytes) -> None:
        """Have a message logged. Raises `RemoteProtocolError` for what they cannot say."""
        hub, address = self._hub, self._connection.address
        if not isinstance(text, str):
            raise RemoteProtocolError(UNSUPPORTED_DATA)
        try:
            check_length(text, hub.config.max_text_chars)
        except Refused as refused:
            raise RemoteProtocolError(TOO_BIG.because(refused.message)) from None
        while (wait_s := self._bucket.take_own(trio.current_time())) > 0:
            hub.security.limited("rate_limited", address)
            await trio.sleep(wait_s)
        await hub.waiting_lines.wait(address, self._take_of_address)
        pace_s = hub.door.guest_pace_s
        if pace_s:  # else no checkpoint: it would double what a message costs
            await trio.sleep_until(self._said_at + pace_s)
        self._said_at = trio.current_time()
        guest = self._connection.guest
        if guest is None:  # named only now: many listen and never speak
            self._connection.guest = guest = await self._join()
        draft = Draft(kind=MESSAGE, sender=guest.id, name=guest.name, client_id=None, body=text)
        submission = Submission(draft, self._outcomes)
        if not self._subscription.room.inbox.try_submit(submission):
            await self._subscription.room.inbox.submit(submission)

    def _take_of_address(self, now: float) -> float:
        if wait_s := self._bucket.take_of_address(now):
            self._hub.security.limited("rate_limited", self._connection.address)
        return wait_s

    async def _join(self) -> Person:
        try:
            guest = await self._hub.people.add_guest()
        except (StoreError, Refused):
            raise RemoteProtocolError(TRY_AGAIN_LATER) from None
        self._hub.door.addresses.note(guest.id, self._connection.address)
        self._hub.security.joined(guest.id, self._connection.address, by="guest")
        return guest
