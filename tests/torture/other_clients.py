"""The other clients of a run: the product's own Python client, and plain WebSocket clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.torture.context import ROOMS, Timeline
from tests.torture.events import Line
from tests.torture.history import Acked, Delivered, Ended, Heard, Held, Joined, Submitted, Trouble
from tests.torture.websocket import Link, Lost, open_link, until
from tests.torture.workload import WORDS
from trio_chat.client import Chat, ChatError, Message, Reset, open_chat

if TYPE_CHECKING:
    import random

    from tests.torture.context import World

LAST_WORD_S = 30
"""How long a plain client waits to hear itself, on a connection that is not cut any more."""


class ProductClient:
    """A program that uses `trio_chat.client`, which hides that connections come and go: for it there is one."""

    def __init__(self, name: str, world: World, rng: random.Random) -> None:
        self.name = name
        self._world = world
        self._rng = rng
        self._timelines = {room.lower(): Timeline() for room in ROOMS}
        self._connection = world.recorder.new_connection()
        self._is_known = False

    async def run(self) -> None:
        """Talk until it is quiet and everything is heard."""
        self._world.busy.add(self)
        try:
            async with open_chat(
                "ws://127.0.0.1", rooms=ROOMS, retry_first=True, connect=self._connect, jitter=self._jitter
            ) as chat:
                self._is_known = True
                for room in self._timelines:
                    position = chat.position(room)
                    self._begin(room, position.seq, position.epoch, reset=False)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._listen, chat)
                    await self._talk(chat)
                    await until(self._has_seen_all)
                    nursery.cancel_scope.cancel()
        except* ChatError as group:
            self._world.recorder.add(Trouble(what=f"{self.name} gave up: {group.exceptions}"))
        finally:
            self._world.busy.discard(self)
            for room, timeline in self._timelines.items():
                held = Held(client=self.name, room=room, epoch=timeline.epoch or "", lines=timeline.lines)
                self._world.recorder.add(held)

    async def _connect(self) -> trio.SocketStream:
        # Somebody new who says hello without a name, twice, over a doubled connection, is two people.
        kind = "v1" if self._is_known else "plain"
        return await trio.open_tcp_stream("127.0.0.1", self._world.port(self._rng, kind))

    def _jitter(self) -> float:
        return self._rng.random() / 20  # come back sooner than a good client would: there is more to see

    async def _talk(self, chat: Chat) -> None:
        number = 0
        while not self._world.quiet.is_set():
            number += 1
            room = self._rng.choice(ROOMS)
            text = f"{chat.user.id} {number}: " + " ".join(
                self._rng.choices(WORDS, k=self._rng.randint(0, 3))
            )
            about: dict[str, Any] = {
                "client": self.name,
                "connection": self._connection,
                "room": room.lower(),
                "text": text,
                "person": chat.user.id,
                "command": str(number),
            }
            self._world.recorder.add(Submitted(**about))
            seq = await chat.send(room, text, id=str(number))
            self._world.recorder.add(Acked(**about, seq=seq))
            with trio.move_on_after(self._rng.expovariate(1 / self._world.pace_s)):
                await self._world.quiet.wait()
        self._world.busy.discard(self)
        await until(lambda: self._world.heads)

    def _has_seen_all(self) -> bool:
        return all(
            self._timelines[room].last >= self._world.last_messages.get(room, 0) for room in self._timelines
        )

    async def _listen(self, chat: Chat) -> None:
        async for event in chat:
            if isinstance(event, Message):
                room = event.room
                when = event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                line = Line(event.seq, event.id, event.sender, event.name, event.text, when)
                delivered = Delivered(client=self.name, connection=self._connection, room=room, line=line)
                self._world.recorder.add(delivered)
                self._timelines[room].add(line)
            elif isinstance(event, Reset):
                self._begin(event.room, event.position.seq, event.position.epoch, reset=True)

    def _begin(self, room: str, after: int, epoch: str, *, reset: bool) -> None:
        joined = Joined(
            client=self.name,
            connection=self._connection,
            room=room,
            epoch=epoch,
            head=after,
            after=after,
            reset=reset,
            messages_only=True,
        )
        self._world.recorder.add(joined)
        self._timelines[room].begin(joined)


class PlainClient:
    """Sends text and hears text. What it has not heard when its connection ends may be in the log or not."""

    def __init__(self, name: str, world: World, rng: random.Random) -> None:
        self.name = name
        self._world = world
        self._rng = rng
        self._said = 0
        self._number = 0
        self._unheard: set[str] = set()

    async def run(self) -> None:
        """Talk until it is quiet, and then say a last word and hear everything up to it."""
        self._world.busy.add(self)
        is_finished = False
        while not is_finished:
            why = "left"
            self._number = self._world.recorder.new_connection()
            self._unheard.clear()
            try:
                async with (
                    open_link(self._world.port(self._rng, "plain"), protocol=None) as link,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(self._listen, link)
                    is_finished = await self._talk(link)
                    nursery.cancel_scope.cancel()
            except* Lost as lost:
                why = str(lost.exceptions[0])
            self._world.recorder.add(Ended(client=self.name, connection=self._number, why=why))
            await trio.sleep(self._rng.uniform(0, 0.3))
        self._world.busy.discard(self)

    async def _talk(self, link: Link) -> bool:
        """True when it has finished, False when it only wants another connection."""
        while not self._world.quiet.is_set():
            with trio.move_on_after(self._rng.expovariate(1 / self._world.pace_s)):
                await self._world.quiet.wait()
            if len(self._unheard) < 20:
                await self._say(link)
            if self._rng.random() < 0.02:
                link.reset()
                return False
        await self._say(link)
        with trio.move_on_after(LAST_WORD_S):
            await until(lambda: not self._unheard)
        if self._unheard:
            self._world.recorder.add(Trouble(what=f"{self.name} did not hear {sorted(self._unheard)}"))
        return True

    async def _say(self, link: Link) -> None:
        self._said += 1
        text = f"{self.name} {self._said}: " + " ".join(self._rng.choices(WORDS, k=self._rng.randint(0, 3)))
        self._unheard.add(text)
        submitted = Submitted(client=self.name, connection=self._number, room="lobby", text=text)
        self._world.recorder.add(submitted)
        await link.send_text(text)

    async def _listen(self, link: Link) -> None:
        while True:
            text = await link.hear_text()
            self._world.recorder.add(Heard(client=self.name, connection=self._number, text=text))
            self._unheard.discard(text)
