"""Plain client: a WebSocket client without subprotocol, which sends text and receives text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from tests.torture.history import Ended, Heard, Submitted, Trouble
from tests.torture.websocket import ConnectionLost, WebSocket, open_websocket, wait_until
from tests.torture.workload import WORDS

if TYPE_CHECKING:
    import random

    from tests.torture.context import RunContext

LAST_MESSAGE_S = 30
"""How long a plain client waits for its own messages at the end, on a connection that is not cut any more."""


class PlainClient:
    """Sends texts and receives texts. A text that it has not received when its connection ends may be logged or not."""

    def __init__(self, name: str, context: RunContext, rng: random.Random) -> None:
        self.name = name
        self._context = context
        self._rng = rng
        self._n_sent = 0
        self._number = 0
        self._not_received: set[str] = set()

    async def run(self) -> None:
        """Send messages until the run drains, then a last one, and receive everything up to it."""
        self._context.busy.add(self)
        is_finished = False
        while not is_finished:
            why = "left"
            self._number = self._context.recorder.new_connection()
            self._not_received.clear()
            try:
                async with (
                    open_websocket(self._context.port(self._rng, "plain"), protocol=None) as websocket,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(self._listen, websocket)
                    is_finished = await self._work(websocket)
                    nursery.cancel_scope.cancel()
            except* ConnectionLost as lost:
                why = str(lost.exceptions[0])
            self._context.recorder.add(Ended(client=self.name, connection=self._number, why=why))
            await trio.sleep(self._rng.uniform(0, 0.3))
        self._context.busy.discard(self)

    async def _work(self, websocket: WebSocket) -> bool:
        """Send until the run drains; False if it reset the connection before that."""
        while not self._context.draining.is_set():
            with trio.move_on_after(self._rng.expovariate(1 / self._context.pace_s)):
                await self._context.draining.wait()
            if len(self._not_received) < 20:
                await self._send(websocket)
            if self._rng.random() < 0.02:
                websocket.reset()
                return False
        await self._send(websocket)
        with trio.move_on_after(LAST_MESSAGE_S):
            await wait_until(lambda: not self._not_received)
        if self._not_received:
            self._context.recorder.add(Trouble(what=f"{self.name} did not hear {sorted(self._not_received)}"))
        return True

    async def _send(self, websocket: WebSocket) -> None:
        self._n_sent += 1
        text = f"{self.name} {self._n_sent}: " + " ".join(self._rng.choices(WORDS, k=self._rng.randint(0, 3)))
        self._not_received.add(text)
        submitted = Submitted(client=self.name, connection=self._number, room="lobby", text=text)
        self._context.recorder.add(submitted)
        await websocket.send_text(text)

    async def _listen(self, websocket: WebSocket) -> None:
        while True:
            text = await websocket.receive_text()
            self._context.recorder.add(Heard(client=self.name, connection=self._number, text=text))
            self._not_received.discard(text)
