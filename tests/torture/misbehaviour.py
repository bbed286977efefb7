"""What no good client would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from tests.support.raw import CLOSE, TEXT, frame
from tests.torture.model import is_public

if TYPE_CHECKING:
    import random

    from tests.torture.commands import Deed
    from tests.torture.websocket import Link


def contradiction(deed: Deed, rng: random.Random) -> Deed | None:
    """Something else to say under the id of this command; None if there is nothing."""
    if deed.said.kind != "message" or not is_public(deed.room):
        return None
    text = f"{deed.said.text} (or not, {rng.random()})"
    return attrs.evolve(deed, frame={**deed.frame, "text": text}, said=deed.said._replace(text=text))


async def leave(link: Link, rng: random.Random) -> str:
    """End a connection in one of the ways in which connections end; says which."""
    dice = rng.randrange(4)
    if dice == 0:
        with trio.move_on_after(2):
            await link.send(frame(CLOSE, b""))
        return "said goodbye"
    if dice == 1:
        link.reset()
        return "reset it"
    if dice == 2:
        await link.send(frame(TEXT, b"x" * 500)[: rng.randint(1, 400)])
        return "left in the middle of a frame"
    await link.send_text(rng.choice(("{", "[]", '{"type":"nothing"}', "[" * 5000)))
    await trio.sleep(0.2)
    return "said something that is not of this protocol"
