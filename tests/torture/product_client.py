"""Product client: the Python client, `trio_chat.client`, under faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.torture.context import ROOMS, Timeline
from tests.torture.events import Event
from tests.torture.history import Acked, Delivered, Held, Joined, Submitted, Trouble
from tests.torture.websocket import wait_until
from tests.torture.workload import WORDS
from trio_chat.client import Chat, ChatError, Message, Reset, open_chat

if TYPE_CHECKING:
    import random

    from tests.torture.context import RunContext


class ProductClient:
    """A program that uses `trio_chat.client`, which reconnects by itself: the history shows one connection."""

    def __init__(self, name: str, context: RunContext, rng: random.Random) -> None:
        self.name = name
        self._context = context
        self._rng = rng
        self._timelines = {room.lower(): Timeline() for room in ROOMS}
        self._connection = context.recorder.new_connection()
        self._is_known = False

    async def run(self) -> None:
        """Send messages until the run drains, then receive everything."""
        self._context.busy.add(self)
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
                    await self._work(chat)
                    await wait_until(self._has_seen_all)
                    nursery.cancel_scope.cancel()
        except* ChatError as group:
            self._context.recorder.add(Trouble(what=f"{self.name} gave up: {group.exceptions}"))
        finally:
            self._context.busy.discard(self)
            for room, timeline in self._timelines.items():
                held = Held(client=self.name, room=room, epoch=timeline.epoch or "", events=timeline.events)
                self._context.recorder.add(held)

    async def _connect(self) -> trio.SocketStream:
        # A hello without a token, doubled by the proxy, would make two people.
        kind = "v1" if self._is_known else "plain"
        return await trio.open_tcp_stream("127.0.0.1", self._context.port(self._rng, kind))

    def _jitter(self) -> float:
        return self._rng.random() / 20  # sooner than a polite client would, for more reconnects

    async def _work(self, chat: Chat) -> None:
        number = 0
        while not self._context.draining.is_set():
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
                "key": str(number),
            }
            self._context.recorder.add(Submitted(**about))
            seq = await chat.send(room, text, id=str(number))
            self._context.recorder.add(Acked(**about, seq=seq))
            with trio.move_on_after(self._rng.expovariate(1 / self._context.pace_s)):
                await self._context.draining.wait()
        self._context.busy.discard(self)
        await wait_until(lambda: self._context.heads)

    def _has_seen_all(self) -> bool:
        return all(
            self._timelines[room].last >= self._context.last_messages.get(room, 0) for room in self._timelines
        )

    async def _listen(self, chat: Chat) -> None:
        async for change in chat:
            if isinstance(change, Message):
                room = change.room
                when = change.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                event = Event(change.seq, change.id, change.sender, change.name, change.text, when)
                delivered = Delivered(client=self.name, connection=self._connection, room=room, event=event)
                self._context.recorder.add(delivered)
                self._timelines[room].add(event)
            elif isinstance(change, Reset):
                self._begin(change.room, change.position.seq, change.position.epoch, reset=True)

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
        self._context.recorder.add(joined)
        self._timelines[room].begin(joined)
