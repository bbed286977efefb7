"""Outbox, property: whatever the peer does, frames that were taken arrive whole, once and in order."""

from __future__ import annotations

from itertools import groupby
from typing import TypeAlias

import attrs
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.core import Tap
from tests.support.thorough import share
from trio_chat.errors import StoreUnavailable
from trio_chat.net.outbox import Outbox
from trio_chat.net.wire import Wire

MAX_BYTES = 60
LAGGARDS = 3

Move: TypeAlias = tuple[str, int, int]


@attrs.define(eq=False)
class Pages:
    """A laggard that has missed so many pages, each of which takes a while to read."""

    name: str
    count: int
    read: int = 0
    is_readable: bool = True
    is_live: bool = False

    async def read_page(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self.is_readable:
            raise StoreUnavailable("The disk is full.")
        if self.read == self.count:
            return b""
        self.read += 1
        return f"{self.name}{self.read};".encode()

    def try_go_live(self) -> bool:
        self.is_live = self.read == self.count
        return self.is_live


async def play(moves: list[Move]) -> None:
    """Make these moves, let everything flow, and check what the peer received."""
    near, far = trio.testing.memory_stream_pair()
    tap = Tap(near)
    taken: list[str] = []
    laggards: dict[str, Pages] = {}
    left: set[str] = set()
    with trio.fail_after(60):
        async with trio.open_nursery() as speakers:
            outbox = Outbox(Wire(near), max_bytes=MAX_BYTES, start_speaker=speakers.start_soon)
            for number, (move, who, size) in enumerate(moves):
                text = f"{number}{'.' * size};"
                match move:
                    case "post":
                        was_full = outbox.is_full
                        with trio.testing.assert_no_checkpoints():
                            is_taken = outbox.post(text.encode())
                        assert is_taken != was_full
                        taken += [text] * is_taken
                        pending = outbox.statistics().pending_bytes
                        assert was_full or pending < MAX_BYTES + len(text)
                    case "reply":
                        outbox.reply(text.encode())
                        taken.append(text)
                    case "stall":
                        tap.stall()
                    case "flow":
                        tap.flow()
                    case "lag":
                        name = f"{'abc'[who]}{number}-"
                        laggards[name] = Pages(name, size)
                        outbox.add_laggard(laggards[name])
                    case "fail":
                        for laggard in laggards.values():
                            laggard.is_readable = False
                    case "leave":
                        for name, laggard in laggards.items():
                            if name[0] == "abc"[who] and not laggard.is_live:
                                outbox.discard_laggard(laggard)
                                left.add(name)
                    case "steps":
                        for _ in range(size):
                            await trio.lowlevel.checkpoint()
            tap.flow()
            got = await _read(far)
    assert [text for text in got if text[0].isdigit()] == taken
    pages = sorted((text for text in got if not text[0].isdigit()), key=_name_of)
    for name, group in groupby(pages, key=_name_of):
        of_one = list(group)
        assert of_one == [f"{name}{page};" for page in range(1, len(of_one) + 1)]
    for name, laggard in laggards.items():
        is_sent_away = outbox.close is not None
        assert (
            name in left
            or is_sent_away
            or (laggard.is_live and sum(_name_of(text) == name for text in pages) == laggard.count)
        )
    assert not outbox.is_speaking
    assert outbox.statistics().pending_bytes == outbox.statistics().laggards == 0


def _name_of(text: str) -> str:
    return text.partition("-")[0] + "-"


async def _read(stream: trio.abc.ReceiveStream) -> list[str]:
    """All texts so far, once all tasks are blocked."""
    data = b""
    with trio.move_on_after(1):
        while more := await stream.receive_some():
            data += more
    return [f"{text};" for text in data.decode().split(";")[:-1]]


@settings(max_examples=share(600))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["post", "post", "reply", "stall", "flow", "lag", "leave", "fail", "steps", "steps"]
            ),
            st.integers(0, LAGGARDS - 1),
            st.integers(0, 12),
        ),
        max_size=40,
    )
)
def test_frames_that_were_taken_arrive_whole_once_and_in_order_whatever_happens(moves: list[Move]) -> None:
    trio.run(play, moves, clock=trio.testing.MockClock(autojump_threshold=0))
