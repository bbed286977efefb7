"""Clients that talk as long as a run lasts, come back whatever happens, and write down all they do and see.

`RawClient` speaks trio-chat.v1 with code of its own, and now and then does what no good client would do; it
keeps the rules of docs/protocol.md, so whatever it is told must fit them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import trio

from tests.torture import commands, misbehaviour, workload
from tests.torture.context import ROOMS, Timeline, name_of
from tests.torture.history import NOT_JOINED, PASSING, Ended, Held
from tests.torture.model import LOBBY, is_personal, is_public
from tests.torture.v1_connection import V1Connection
from tests.torture.websocket import Lost, open_link, until

if TYPE_CHECKING:
    import random

    from tests.torture.commands import Deed
    from tests.torture.context import World

MAX_OUTSTANDING = 30
"""How many commands a client lets wait for an answer."""


class RawClient:
    """One person at one device, over many connections; now and then at a second device as well."""

    def __init__(self, name: str, world: World, rng: random.Random) -> None:
        self.name = name
        self.world = world
        self.token: str | None = None
        self.person = ""
        self.introductions = 0
        self.rooms_made = 0
        self.rooms = set(map(name_of, ROOMS))
        """Those that it wants to hear."""
        self.timelines: defaultdict[str, Timeline] = defaultdict(Timeline)
        self.outbox: dict[str, Deed] = {}
        """What was not answered yet, in the order in which it was first sent, by id."""
        self._rng = rng
        self._said = 0
        self._rushed = 0
        self._acked: dict[str, Deed] = {}
        self._retry: dict[str, float] = {}
        self._may_hear = trio.Event()
        self._may_hear.set()
        self._epoch_lie = False
        self._unanswered: Counter[str] = Counter()

    # -- what connections tell it --

    def heed_welcome(self, said: dict[str, Any]) -> None:
        """This is who it is, and these are its rooms."""
        self.token = said.get("token") or self.token
        self.person = said["user"]["id"]
        assert self.token is not None
        self.world.tokens[self.person] = self.token
        self.rooms = {*map(name_of, ROOMS), f"~{self.person}", *(item["room"] for item in said["rooms"])}

    def heed_room(self, room: str, *, is_in: bool) -> None:
        """A room is in its list, or is not any more."""
        if is_in:
            self.rooms.add(room)
        elif not is_public(room):
            self.rooms.discard(room)

    def heed_invited(self, room: str, token: str, uses: int) -> None:
        """It was given a link: others may have it."""
        self.world.links.append((room, token))
        if uses and self._rng.random() < 0.5:
            self.world.rushes.append(token)

    def heed_submission(self, command: str) -> None:
        """It is about to be sent."""
        self._unanswered[command] += 1

    def heed_ack(self, command: str, deed: Deed) -> None:
        """It is in the log."""
        self._unanswered[command] -= 1
        if self.outbox.get(command) == deed:
            self._acked[command] = self.outbox.pop(command)
            self._retry.pop(command, None)

    def heed_refusal(self, command: str, deed: Deed, code: str, retry_after_s: float) -> None:
        """It was refused: try again later, or now and then give up if it is certain that it is not there."""
        self._unanswered[command] -= 1
        if self.outbox.get(command) != deed:
            return
        is_shut = code == NOT_JOINED and name_of(deed.room) not in self.rooms
        may_wait = code in (*PASSING, NOT_JOINED) and not is_shut
        if may_wait and (self._unanswered[command] or self._rng.random() < 0.9):
            self._retry[command] = trio.current_time() + retry_after_s
        else:
            del self.outbox[command]
            self._retry.pop(command, None)

    def is_patient(self) -> bool:
        """Whether it stays where it could not join a room."""
        return self._rng.random() < 0.5

    async def attend(self) -> None:
        """Wait while it is not listening."""
        await self._may_hear.wait()

    def forget_person(self) -> None:
        """The server has forgotten it: be somebody new."""
        self.token = None
        self.rooms_made = 0
        self.world.tokens.pop(self.person, None)
        self.rooms = set(map(name_of, ROOMS))
        for room in [room for room in self.timelines if not is_public(room)]:
            del self.timelines[room]
        self.outbox.clear()
        self._acked.clear()
        self._retry.clear()
        self._unanswered.clear()

    def places(self) -> list[str]:
        """The rooms where it may talk; the public ones are as likely as all others together."""
        others = sorted(room for room in self.rooms if not is_public(room) and not is_personal(room))
        return [*map(name_of, ROOMS), *(self._rng.choices(others, k=2) if others else ())]

    # -- its life --

    @property
    def is_done(self) -> bool:
        """Whether everything it began has ended, and it has seen everything there is."""
        return not self.outbox and all(
            self.timelines[room].last >= self.world.heads.get(room, 0) for room in self.rooms
        )

    async def run(self) -> None:
        """Talk until it is quiet and everything is done."""
        self.world.busy.add(self)
        try:
            while not (self.world.heads and self.is_done):
                try:
                    async with open_link(self.world.port(self._rng, "v1")) as link:
                        connection = V1Connection(link, self, self.name, self.timelines)
                        await self._converse(connection)
                except Lost:
                    await trio.sleep(self._rng.uniform(0.01, 0.3))
        finally:
            self.world.busy.discard(self)
            for room in sorted(self.rooms):
                timeline = self.timelines[room]
                self.world.recorder.add(
                    Held(client=self.name, room=room, epoch=timeline.epoch or "", lines=timeline.lines)
                )

    async def _converse(self, connection: V1Connection) -> None:
        why = "left"
        try:
            await connection.greet()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hear, connection, nursery.cancel_scope)
                await self._take_up(connection)
                why = await self._talk(connection, nursery)
                nursery.cancel_scope.cancel()
        except* Lost as lost:
            why = str(lost.exceptions[0])
        self._may_hear.set()
        ended = Ended(client=self.name, connection=connection.number, why=connection.ending or why)
        self.world.recorder.add(ended)
        await trio.sleep(self._rng.uniform(0, 0.3))

    async def _hear(self, connection: V1Connection, everything: trio.CancelScope) -> None:
        try:
            await connection.hear()
        except Lost as lost:
            connection.ending = str(lost)
            everything.cancel()

    async def _take_up(self, connection: V1Connection) -> None:
        """Join the rooms where it was, and send again, in order, what was not answered."""
        epoch = "another" if self._epoch_lie else None
        self._epoch_lie = False
        rooms = sorted(self.rooms)
        if self._rng.random() < 0.6:
            await connection.follow(rooms, epoch=epoch)
        else:
            for room in rooms:
                await connection.join(room, epoch=epoch)
        self._retry.clear()
        for command, deed in list(self.outbox.items()):
            if command in self.outbox:  # it may be answered by another way while those before it are sent
                await connection.submit(command, deed)

    async def _talk(self, connection: V1Connection, nursery: trio.Nursery) -> str:
        """Do one thing after the other until the connection is to end; says why it ends."""
        while True:
            if self.world.quiet.is_set():
                if self.world.heads and self.is_done:
                    return "finished"
                if not self.outbox:
                    self.world.busy.discard(self)
                await trio.sleep(0.1)
            else:
                with trio.move_on_after(self._rng.expovariate(1 / self.world.pace_s)):
                    await self.world.quiet.wait()
            await connection.join_again()
            await self._retry_some(connection)
            if self.world.quiet.is_set():
                continue
            await self._rush(connection)
            dice = self._rng.random()
            if dice < 0.75:
                await self._do_something(connection)
            elif dice < 0.85:
                await workload.ask_beside(self, connection, self._rng)
            elif dice < 0.95:
                await self._meddle(connection, nursery)
            elif dice < 0.97:
                nursery.start_soon(self._stop_hearing)
            elif dice < 0.985:
                return await misbehaviour.leave(connection.link, self._rng)

    async def _do_something(self, connection: V1Connection) -> None:
        for _ in range(self._rng.choice((1, 1, 1, 5))):
            command = str(self._said + 1)  # the same ids as everybody else's: they are each person's own
            deed = workload.choose(self, command, self._rng)
            if deed is not None:
                await self._begin(connection, deed)

    async def _rush(self, connection: V1Connection) -> None:
        """Try to use a link that everybody tries to use."""
        if self._rushed < len(self.world.rushes):
            token = self.world.rushes[self._rushed]
            self._rushed += 1
            await self._begin(connection, commands.accept(self.person, token))

    async def _begin(self, connection: V1Connection, deed: Deed) -> None:
        is_heard = is_public(deed.room) or is_personal(deed.room) or deed.room in connection.joined
        if len(self.outbox) >= MAX_OUTSTANDING or not is_heard:
            return
        self._said += 1
        command = str(self._said)
        self.outbox[command] = deed
        await connection.submit(command, deed)

    async def _retry_some(self, connection: V1Connection) -> None:
        """Send again what was refused for a while, in order."""
        now = trio.current_time()
        for command, deed in list(self.outbox.items()):
            # An answer may come by another way while one before it is sent.
            if command in self.outbox and self._retry.get(command, now + 1) <= now:
                del self._retry[command]
                await connection.submit(command, deed)

    async def _meddle(self, connection: V1Connection, nursery: trio.Nursery) -> None:
        """Something that needs care: a repeat, a conflict, another cursor, a second device, an old page."""
        dice = self._rng.randrange(6)
        acked = self._rng.choice(list(self._acked)) if self._acked else None
        room = self._rng.choice(ROOMS)
        timeline = self.timelines[name_of(room)]
        if dice == 0 and acked and not connection.waits_for(acked):
            deed = self._acked[acked]
            if not deed.room or is_public(deed.room) or deed.room in connection.joined | {f"~{self.person}"}:
                await connection.submit(acked, deed)
        elif dice == 1 and acked and not connection.waits_for(acked):
            other = misbehaviour.contradiction(self._acked[acked], self._rng)
            if other is not None:
                await connection.submit(acked, other)
        elif dice == 2:
            if timeline.epoch is not None:
                far = self._rng.choice((10, 100, 1_000, 1_000_000 if self._rng.random() < 0.05 else 1))
                after = self._rng.randint(max(0, timeline.last - far), timeline.last)
                await connection.join(room, after=after)
        elif dice == 3:
            nursery.start_soon(self._use_another_device)
        elif dice == 4:
            if timeline.last and name_of(room) in connection.joined:
                await connection.ask_page(room, self._rng.randint(1, timeline.last))
        else:
            self._epoch_lie = True

    async def _use_another_device(self) -> None:
        """The same person on a second connection says again what the first has said, and what waits there."""
        name = f"{self.name}'s other device"
        again = [*list(self._acked.items())[-3:], *self.outbox.items()]
        timelines: defaultdict[str, Timeline] = defaultdict(Timeline)
        number = None
        device = object()
        self.world.busy.add(device)
        try:
            async with open_link(self.world.port(self._rng, "v1")) as link:
                connection = V1Connection(link, self, name, timelines)
                number = connection.number
                await connection.greet()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._hear, connection, nursery.cancel_scope)
                    await connection.follow(sorted(self.rooms))
                    await connection.ask("watch", LOBBY)
                    for command, deed in again:
                        if command in self.outbox or command in self._acked:  # not given up meanwhile
                            await connection.submit(command, deed)
                    with trio.move_on_after(5):
                        await until(lambda: not any(connection.waits_for(command) for command, _ in again))
                    nursery.cancel_scope.cancel()
        except* Lost:
            pass
        finally:
            self.world.busy.discard(device)
        if number is not None:
            self.world.recorder.add(Ended(client=name, connection=number, why="left"))

    async def _stop_hearing(self) -> None:
        """Be too slow for a while."""
        if self._may_hear.is_set():
            self._may_hear = trio.Event()
            with trio.move_on_after(self._rng.uniform(0.1, 2)):
                await self.world.quiet.wait()
            self._may_hear.set()
