"""Raw client: speaks trio-chat.v1 with code of its own, reconnects as long as the run lasts, and records everything.

It follows docs/protocol.md, so all that it receives must fit that document; now and then it misbehaves on purpose.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import trio

from tests.torture import commands, misbehaviour, workload
from tests.torture.context import ROOMS, Timeline, canonical_name
from tests.torture.history import NOT_JOINED, RETRYABLE, Ended, Held
from tests.torture.model import LOBBY, is_personal, is_public
from tests.torture.v1_connection import V1Connection
from tests.torture.websocket import ConnectionLost, open_websocket, wait_until

if TYPE_CHECKING:
    import random

    from tests.torture.commands import Command
    from tests.torture.context import RunContext

MAX_PENDING = 30
"""Commands that a client has pending at most."""


class RawClient:
    """One person at one device, over many connections; now and then on a second device as well."""

    def __init__(self, name: str, context: RunContext, rng: random.Random) -> None:
        self.name = name
        self.context = context
        self.token: str | None = None
        self.person = ""
        self.n_identities = 0
        self.rooms_made = 0
        self.rooms = set(map(canonical_name, ROOMS))
        """Rooms that it wants to be subscribed to."""
        self.timelines: defaultdict[str, Timeline] = defaultdict(Timeline)
        self.pending: dict[str, Command] = {}
        """Commands without an answer yet, by key, in the order of their first submission."""
        self._rng = rng
        self._n_commands = 0
        self._n_contended = 0
        self._acked: dict[str, Command] = {}
        self._retry_at: dict[str, float] = {}
        self._may_read = trio.Event()
        self._may_read.set()
        self._epoch_lie = False
        self._unanswered: Counter[str] = Counter()

    # -- what its connections report --

    def on_welcome(self, frame: dict[str, Any]) -> None:
        """Take in its person, token and room list."""
        self.token = frame.get("token") or self.token
        self.person = frame["user"]["id"]
        assert self.token is not None
        self.context.tokens[self.person] = self.token
        self.rooms = {
            *map(canonical_name, ROOMS),
            f"~{self.person}",
            *(item["room"] for item in frame["rooms"]),
        }

    def on_room(self, room: str, *, is_in: bool) -> None:
        """Take in that a room came into its list, or left it."""
        if is_in:
            self.rooms.add(room)
        elif not is_public(room):
            self.rooms.discard(room)

    def on_invited(self, room: str, token: str, uses: int) -> None:
        """Share an invitation with all clients; half of those with a limit of uses as contended ones."""
        self.context.invitations.append((room, token))
        if uses and self._rng.random() < 0.5:
            self.context.contended_invitations.append(token)

    def on_submit(self, key: str) -> None:
        """Count a submission that is about to be sent."""
        self._unanswered[key] += 1

    def on_ack(self, key: str, command: Command) -> None:
        """The command is logged: it is pending no more."""
        self._unanswered[key] -= 1
        if self.pending.get(key) == command:
            self._acked[key] = self.pending.pop(key)
            self._retry_at.pop(key, None)

    def on_refusal(self, key: str, command: Command, code: str, retry_after_s: float) -> None:
        """The command was refused: plan a retry, or give up, which is safe only if no copy is unanswered."""
        self._unanswered[key] -= 1
        if self.pending.get(key) != command:
            return
        is_hidden = code == NOT_JOINED and canonical_name(command.room) not in self.rooms
        may_wait = code in (*RETRYABLE, NOT_JOINED) and not is_hidden
        if may_wait and (self._unanswered[key] or self._rng.random() < 0.9):
            self._retry_at[key] = trio.current_time() + retry_after_s
        else:
            del self.pending[key]
            self._retry_at.pop(key, None)

    def stays_after_join_refusal(self) -> bool:
        """Whether it keeps a connection on which it could not join a room: half the time."""
        return self._rng.random() < 0.5

    async def wait_while_not_reading(self) -> None:
        """Wait while it plays a slow reader."""
        await self._may_read.wait()

    def on_forgotten(self) -> None:
        """The server does not know its token any more: become a new person."""
        self.token = None
        self.rooms_made = 0
        self.context.tokens.pop(self.person, None)
        self.rooms = set(map(canonical_name, ROOMS))
        for room in [room for room in self.timelines if not is_public(room)]:
            del self.timelines[room]
        self.pending.clear()
        self._acked.clear()
        self._retry_at.clear()
        self._unanswered.clear()

    def pick_rooms(self) -> list[str]:
        """Rooms for the next command: both public ones, and as many others."""
        others = sorted(room for room in self.rooms if not is_public(room) and not is_personal(room))
        return [*map(canonical_name, ROOMS), *(self._rng.choices(others, k=2) if others else ())]

    # -- its work --

    @property
    def is_done(self) -> bool:
        """Whether nothing is pending and it has received every event of its rooms."""
        return not self.pending and all(
            self.timelines[room].last >= self.context.heads.get(room, 0) for room in self.rooms
        )

    async def run(self) -> None:
        """Send commands until the run drains, then finish what is pending and receive everything."""
        self.context.busy.add(self)
        try:
            while not (self.context.heads and self.is_done):
                try:
                    async with open_websocket(self.context.port(self._rng, "v1")) as websocket:
                        connection = V1Connection(websocket, self, self.name, self.timelines)
                        await self._use_connection(connection)
                except ConnectionLost:
                    await trio.sleep(self._rng.uniform(0.01, 0.3))
        finally:
            self.context.busy.discard(self)
            for room in sorted(self.rooms):
                timeline = self.timelines[room]
                self.context.recorder.add(
                    Held(client=self.name, room=room, epoch=timeline.epoch or "", events=timeline.events)
                )

    async def _use_connection(self, connection: V1Connection) -> None:
        why = "left"
        try:
            await connection.say_hello()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._receive, connection, nursery.cancel_scope)
                await self._resume(connection)
                why = await self._work(connection, nursery)
                nursery.cancel_scope.cancel()
        except* ConnectionLost as lost:
            why = str(lost.exceptions[0])
        self._may_read.set()
        ended = Ended(client=self.name, connection=connection.number, why=connection.ending or why)
        self.context.recorder.add(ended)
        await trio.sleep(self._rng.uniform(0, 0.3))

    async def _receive(self, connection: V1Connection, everything: trio.CancelScope) -> None:
        try:
            await connection.receive()
        except ConnectionLost as lost:
            connection.ending = str(lost)
            everything.cancel()

    async def _resume(self, connection: V1Connection) -> None:
        """Join its rooms from their cursors, and send the pending commands again, in order."""
        epoch = "another" if self._epoch_lie else None
        self._epoch_lie = False
        rooms = sorted(self.rooms)
        if self._rng.random() < 0.6:
            await connection.follow(rooms, epoch=epoch)
        else:
            for room in rooms:
                await connection.join(room, epoch=epoch)
        self._retry_at.clear()
        for key, command in list(self.pending.items()):
            if key in self.pending:  # the second device may get its answer meanwhile
                await connection.submit(key, command)

    async def _work(self, connection: V1Connection, nursery: trio.Nursery) -> str:
        """Do one random action after the other; returns why the connection is to end."""
        while True:
            if self.context.draining.is_set():
                if self.context.heads and self.is_done:
                    return "finished"
                if not self.pending:
                    self.context.busy.discard(self)
                await trio.sleep(0.1)
            else:
                with trio.move_on_after(self._rng.expovariate(1 / self.context.pace_s)):
                    await self.context.draining.wait()
            await connection.retry_joins()
            await self._retry_refused(connection)
            if self.context.draining.is_set():
                continue
            await self._accept_contended(connection)
            dice = self._rng.random()
            if dice < 0.75:
                await self._send_commands(connection)
            elif dice < 0.85:
                await workload.send_unlogged_command(self, connection, self._rng)
            elif dice < 0.95:
                await self._do_rare_action(connection, nursery)
            elif dice < 0.97:
                nursery.start_soon(self._stop_reading)
            elif dice < 0.985:
                return await misbehaviour.disconnect(connection.websocket, self._rng)

    async def _send_commands(self, connection: V1Connection) -> None:
        for _ in range(self._rng.choice((1, 1, 1, 5))):
            key = str(self._n_commands + 1)  # the same keys as everybody's: a key counts for its person only
            command = workload.choose_command(self, key, self._rng)
            if command is not None:
                await self._submit_new(connection, command)

    async def _accept_contended(self, connection: V1Connection) -> None:
        """Accept the next contended invitation, which all clients do."""
        if self._n_contended < len(self.context.contended_invitations):
            token = self.context.contended_invitations[self._n_contended]
            self._n_contended += 1
            await self._submit_new(connection, commands.accept(self.person, token))

    async def _submit_new(self, connection: V1Connection, command: Command) -> None:
        is_subscribed = (
            is_public(command.room) or is_personal(command.room) or command.room in connection.joined
        )
        if len(self.pending) >= MAX_PENDING or not is_subscribed:
            return
        self._n_commands += 1
        key = str(self._n_commands)
        self.pending[key] = command
        await connection.submit(key, command)

    async def _retry_refused(self, connection: V1Connection) -> None:
        """Send the refused commands that are due again, in order."""
        now = trio.current_time()
        for key, command in list(self.pending.items()):
            # The second device may get its answer meanwhile.
            if key in self.pending and self._retry_at.get(key, now + 1) <= now:
                del self._retry_at[key]
                await connection.submit(key, command)

    async def _do_rare_action(self, connection: V1Connection, nursery: trio.Nursery) -> None:
        """Do something rare: a repeat, a conflict, an old cursor, a second device, a page of history, a wrong epoch."""
        dice = self._rng.randrange(6)
        acked = self._rng.choice(list(self._acked)) if self._acked else None
        room = self._rng.choice(ROOMS)
        timeline = self.timelines[canonical_name(room)]
        if dice == 0 and acked and not connection.is_pending(acked):
            command = self._acked[acked]
            if (
                not command.room
                or is_public(command.room)
                or command.room in connection.joined | {f"~{self.person}"}
            ):
                await connection.submit(acked, command)
        elif dice == 1 and acked and not connection.is_pending(acked):
            other = misbehaviour.conflicting_command(self._acked[acked], self._rng)
            if other is not None:
                await connection.submit(acked, other)
        elif dice == 2:
            # Who breaks off catching up, and goes on further on, misses what was between.
            if timeline.epoch is not None and not connection.is_catching_up(room):
                far = self._rng.choice((10, 100, 1_000, 1_000_000 if self._rng.random() < 0.05 else 1))
                after = self._rng.randint(max(0, timeline.last - far), timeline.last)
                await connection.join(room, after=after)
        elif dice == 3:
            nursery.start_soon(self._use_second_device)
        elif dice == 4:
            if timeline.last and canonical_name(room) in connection.joined:
                await connection.request_history(room, self._rng.randint(1, timeline.last))
        else:
            self._epoch_lie = True

    async def _use_second_device(self) -> None:
        """On a second connection of the person, repeat some acked and all pending commands."""
        name = f"{self.name}'s other device"
        again = [*list(self._acked.items())[-3:], *self.pending.items()]
        timelines: defaultdict[str, Timeline] = defaultdict(Timeline)
        number = None
        device = object()
        self.context.busy.add(device)
        try:
            async with open_websocket(self.context.port(self._rng, "v1")) as websocket:
                connection = V1Connection(websocket, self, name, timelines)
                number = connection.number
                await connection.say_hello()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._receive, connection, nursery.cancel_scope)
                    await connection.follow(sorted(self.rooms))
                    await connection.request("watch", LOBBY)
                    for key, command in again:
                        if key in self.pending or key in self._acked:  # not given up meanwhile
                            await connection.submit(key, command)
                    with trio.move_on_after(5):
                        await wait_until(lambda: not any(connection.is_pending(key) for key, _ in again))
                    nursery.cancel_scope.cancel()
        except* ConnectionLost:
            pass
        finally:
            self.context.busy.discard(device)
        if number is not None:
            self.context.recorder.add(Ended(client=name, connection=number, why="left"))

    async def _stop_reading(self) -> None:
        """Play a slow reader for a while."""
        if self._may_read.is_set():
            self._may_read = trio.Event()
            with trio.move_on_after(self._rng.uniform(0.1, 2)):
                await self.context.draining.wait()
            self._may_read.set()
