"""A gateway of its own: the core can be spoken to without a word of v1 or plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from tests.support.core import open_core
from trio_chat.model.events import MESSAGE, Draft, Event
from trio_chat.model.outcomes import Repeat
from trio_chat.net.outbox import Outbox
from trio_chat.net.wire import Wire
from trio_chat.rooms.cursors import Cursor, Start
from trio_chat.rooms.encoding import Encoding

if TYPE_CHECKING:
    from trio.testing import MockClock

    from trio_chat.hub import Hub

SHOUTING = Encoding(
    event=lambda event, prover: f"{event.seq} {event.sender}: {(event.body or '').upper()}\n".encode()
)


async def shout(hub: Hub, room: str, stream: trio.abc.Stream, text: str) -> tuple[Start, object, object]:
    """Join a room from its beginning on, say something twice, and hear everything in capitals."""
    starts: list[Start] = []
    draft = Draft(MESSAGE, "p-loud", "Loud", "c1", text)
    async with trio.open_nursery() as speakers:
        outbox = Outbox(Wire(stream), max_bytes=65_536, start_speaker=speakers.start_soon)
        with await hub.rooms.subscribe(
            room,
            person="p-loud",
            cursor=Cursor(),
            outbox=outbox,
            encoding=SHOUTING,
            on_start=starts.append,
        ) as subscription:
            logged, repeat = [await subscription.room.inbox.write(draft) for _ in range(2)]
    return starts[0], logged, repeat


async def test_a_gateway_joins_hears_submits_and_awaits_outcomes(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["hello"])
        near, far = trio.testing.memory_stream_pair()
        start, logged, repeat = await shout(core.hub, "lobby", near, "anybody here?")
        assert (start.position.seq, start.after, start.is_reset) == (1, 0, False)
        assert isinstance(logged, Event)
        assert (logged.seq, repeat) == (2, Repeat("lobby", 2))
        author, hello, own = (await far.receive_some()).decode().replace("\n", " ").partition("HELLO")
        assert author.startswith("1 p-")
        assert hello
        assert own.strip() == "2 p-loud: ANYBODY HERE?"
