"""Listening to a plain client: what it sends as text is said in the default room, verbatim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_chat.errors import (
    TOO_BIG,
    TRY_AGAIN_LATER,
    UNSUPPORTED_DATA,
    Refused,
    RemoteProtocolError,
    StoreError,
)
from trio_chat.kinds.rules import LOBBY
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.net.limits import TokenBucket
from trio_chat.protocol.encoding import Format
from trio_chat.rooms.submission import Submission

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection

    from trio_chat.hub import Hub
    from trio_chat.model.events import Person
    from trio_chat.net.outbox import Outbox
    from trio_chat.people.identities import Identities


async def serve_plain(websocket: WebSocketConnection, outbox: Outbox, *, hub: Hub) -> None:
    """Say in the default room what the client sends, until it closes (`trio_websocket.ConnectionClosed`).

    Raises `RemoteProtocolError` for what a plain client cannot send. One that sends too fast is read more slowly.
    """
    bucket = TokenBucket(hub.config.messages_per_second, hub.config.burst)
    room = await hub.rooms.get(LOBBY)
    guest: Person | None = None
    with room.join(outbox, Format.PLAIN):
        try:
            while True:
                text = await websocket.get_message()
                if not isinstance(text, str):
                    raise RemoteProtocolError(UNSUPPORTED_DATA)
                if hub.config.max_text_chars and len(text) > hub.config.max_text_chars:
                    raise RemoteProtocolError(
                        TOO_BIG.because(f"a message can have {hub.config.max_text_chars} characters at most")
                    )
                wait_s = bucket.take(trio.current_time())
                if wait_s > 0:
                    await trio.sleep(wait_s)
                    bucket.take(trio.current_time())
                if guest is None:  # named only now: many listen and never speak
                    guest = await _take_in(hub.people)
                draft = Draft(kind=MESSAGE, sender=guest.id, name=guest.name, client_id=None, body=text)
                submission = Submission(draft, outbox, Format.PLAIN)
                if not room.try_submit(submission):
                    await room.submit(submission)
        finally:
            if guest is not None:
                hub.people.remove_guest(guest)


async def _take_in(people: Identities) -> Person:
    try:
        return await people.add_guest()
    except (StoreError, Refused):
        raise RemoteProtocolError(TRY_AGAIN_LATER) from None
