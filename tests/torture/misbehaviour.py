"""Client misbehaviour: conflicting commands under one idempotency key, broken frames, abrupt disconnects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from tests.support.raw import CLOSE, TEXT, frame
from tests.torture.model import is_public

if TYPE_CHECKING:
    import random

    from tests.torture.commands import Command
    from tests.torture.websocket import WebSocket


def conflicting_command(command: Command, rng: random.Random) -> Command | None:
    """A command with another text, to be sent under the same key; None if this kind of command gets none."""
    if command.content.kind != "message" or not is_public(command.room):
        return None
    text = f"{command.content.text} (or not, {rng.random()})"
    return attrs.evolve(
        command, frame={**command.frame, "text": text}, content=command.content._replace(text=text)
    )


async def disconnect(websocket: WebSocket, rng: random.Random) -> str:
    """End a connection in a random way, clean or not; returns which. Raises `ConnectionLost`."""
    dice = rng.randrange(4)
    if dice == 0:
        with trio.move_on_after(2):
            await websocket.send_bytes(frame(CLOSE, b""))
        return "said goodbye"
    if dice == 1:
        websocket.reset()
        return "reset it"
    if dice == 2:
        await websocket.send_bytes(frame(TEXT, b"x" * 500)[: rng.randint(1, 400)])
        return "left in the middle of a frame"
    await websocket.send_text(rng.choice(("{", "[]", '"nothing"', "[" * 5000)))
    await trio.sleep(0.2)
    return "said something that is not of this protocol"
