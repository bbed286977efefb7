"""Clients that talk as long as a run lasts, come back whatever happens, and write down all they do and see.

`RawClient` speaks trio-chat.v1 with code of its own, and now and then does what no good client would do; it
keeps the rules of docs/protocol.md, so whatever it is told must fit them.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

import attrs
import trio

from tests.raw import TEXT, frame
from tests.torture.history import (
    NOT_JOINED,
    PASSING,
    Acked,
    Delivered,
    Ended,
    Forgotten,
    Held,
    Joined,
    JoinRefused,
    Line,
    Paged,
    Refused,
    Submitted,
    Trouble,
)
from tests.torture.link import Link, Lost, open_link, until

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.torture.history import OfCommand, Recorder

ROOMS = ("lobby", "Workshop")
"""Where clients are: the default room, and one that is spelled in another case than the server does."""

MAX_OUTSTANDING = 30
"""How many commands a client lets wait for an answer."""

WORDS = (
    "hi",
    "é",
    "ß",
    "世界",
    "🏳️‍🌈",
    "\u202eabc\u202c",
    "a\nb",
    '"\\',
    "<b>",
    "e\u0301" * 20,
    "x" * 900,
    "я" * 300,
)
"""What texts are made of: nothing that a chat may change or choke on."""


@attrs.define
class World:
    """What all clients share."""

    recorder: Recorder
    port: Callable[[random.Random, str], int]
    """Where a client of a kind (``v1``, ``plain``) is to connect this time: to the server, or to a proxy;
    what a ``plain`` one says is not said twice."""
    pace_s: float
    """The mean time between two things that a client does."""
    quiet: trio.Event = attrs.field(factory=trio.Event)
    """Set when nothing new is to be done: only what was begun is brought to its end."""
    busy: set[object] = attrs.field(factory=set)
    """Who may still send something."""
    heads: dict[str, int] = attrs.field(factory=dict)
    """Once it is quiet, where each room's log ends: who has come so far is done."""


@attrs.define(eq=False)
class Timeline:
    """What a client holds of a room: the state that must come out the same on all ways."""

    epoch: str | None = None
    after: int = 0
    lines: list[Line] = attrs.field(factory=list)

    @property
    def last(self) -> int:
        """The number it has seen everything up to."""
        return self.lines[-1].seq if self.lines else self.after

    def begin(self, joined: Joined) -> None:
        """Take notice of where the server goes on."""
        if joined.reset or self.epoch is None:
            self.epoch, self.after, self.lines = joined.epoch, joined.after, []

    def add(self, line: Line) -> None:
        """Take in a message, unless it is here already."""
        if line.seq > self.last:
            self.lines.append(line)


class V1Connection:
    """What one connection waits for, and how what it hears is written down."""

    def __init__(self, link: Link, client: RawClient, name: str, timelines: dict[str, Timeline]) -> None:
        self.link = link
        self.client = client
        self.name = name
        self.ending = ""
        """How it was lost."""
        self.number = client.world.recorder.new_connection()
        self.joined: set[str] = set()
        """The rooms of which it knows where their logs end, so that it can ask for older pages."""
        self.to_join: dict[str, tuple[float, int | None, str | None]] = {}
        """The rooms that it could not join: when to try again, and with what cursor."""
        self._timelines = timelines
        self._sent: defaultdict[str, deque[tuple[str, str]]] = defaultdict(deque)
        self._joins: dict[str, tuple[str, int | None, str | None]] = {}
        self._pages: dict[str, int] = {}
        self._ids = 0

    async def greet(self) -> None:
        """Say hello as the client's person, who is made if there is none yet. Raises `Lost`."""
        client = self.client
        if client.token is None:
            client.introductions += 1
            await self.link.say(type="hello", name=f"{client.name} {client.introductions}")
        else:
            await self.link.say(type="hello", token=client.token)
        said = await self.link.hear()
        if said["type"] == "welcome":
            client.token = said.get("token") or client.token
            client.person = said["user"]["id"]
            return
        if said["code"] == "unknown_token":
            forgotten = Forgotten(client=self.name, connection=self.number, person=client.person)
            client.world.recorder.add(forgotten)
            client.forget_person()
        raise Lost(f"not welcome: {said['code']}")

    async def join(self, room: str, after: int | None = None, epoch: str | None = None) -> None:
        """Ask to be told what happens in a room."""
        command = self._new_id("join")
        self._joins[command] = room, after, epoch
        self.joined.discard(room.lower())
        cursor = {} if after is None else {"after": after, "epoch": epoch}
        await self.link.say(type="join", id=command, room=room, **cursor)

    async def ask_page(self, room: str, before: int) -> None:
        """Ask for a page of what was before."""
        command = self._new_id("page")
        self._pages[command] = before
        await self.link.say(type="history", id=command, room=room, before=before, limit=20)

    def waits_for(self, command: str) -> bool:
        """Whether an answer to this command is still to come here."""
        return bool(self._sent.get(command))

    async def submit(self, command: str, room: str, text: str) -> None:
        """Send a message, perhaps again. Of different texts under one id only one may wait for its answer."""
        self._sent[command].append((room, text))
        self.client.heed_submission(command)
        self.client.world.recorder.add(self._about(Submitted, command, room, text))
        await self.link.say(type="send", id=command, room=room, text=text)

    async def hear(self) -> None:
        """Take in what the server says, until the connection is lost (`Lost`)."""
        while True:
            said = await self.link.hear()
            match said["type"]:
                case "message" | "damaged":
                    self._hear_message(said)
                case "ack" | "error" if said.get("id") in self._sent:
                    self._hear_answer(said)
                case "joined":
                    self._hear_joined(said)
                case "history":
                    before = self._pages.pop(said["id"])
                    lines = list(map(line_of, said["events"]))
                    about: dict[str, Any] = {
                        "client": self.name,
                        "connection": self.number,
                        "room": said["room"],
                    }
                    self.client.world.recorder.add(
                        Paged(**about, before=before, lines=lines, more=said["more"])
                    )
                case "error" if said.get("id") in self._joins and said["code"] in PASSING:
                    self._hear_not_joined(said)
                case "error" if said["code"] not in PASSING:
                    self.client.world.recorder.add(Trouble(what=f"{self.name} was told {said}"))
            await self.client.attend()

    def _hear_message(self, said: dict[str, Any]) -> None:
        line = line_of(said)
        room = said["room"]
        self.client.world.recorder.add(
            Delivered(client=self.name, connection=self.number, room=room, line=line)
        )
        self._timelines[room].add(line)

    def _hear_joined(self, said: dict[str, Any]) -> None:
        _, after, epoch = self._joins.pop(said["id"])
        joined = Joined(
            client=self.name,
            connection=self.number,
            room=said["room"],
            epoch=said["epoch"],
            head=said["head"],
            after=said["after"],
            reset=said["reset"],
            asked_after=after,
            asked_epoch=epoch,
        )
        self.client.world.recorder.add(joined)
        self._timelines[said["room"]].begin(joined)
        self.joined.add(said["room"])

    def _hear_not_joined(self, said: dict[str, Any]) -> None:
        """What was sent to the room meanwhile is refused as well. Try again here, or on another connection."""
        room, after, epoch = self._joins.pop(said["id"])
        refused = JoinRefused(client=self.name, connection=self.number, room=room.lower(), code=said["code"])
        self.client.world.recorder.add(refused)
        if not self.client.is_patient():
            raise Lost(f"cannot join: {said['code']}")
        self.to_join[room] = trio.current_time() + (said.get("retry_after") or 0.0), after, epoch

    async def join_again(self) -> None:
        """Join the rooms whose time has come."""
        for room, (at, after, epoch) in list(self.to_join.items()):
            if at <= trio.current_time():
                del self.to_join[room]
                await self.join(room, after, epoch)

    def _hear_answer(self, said: dict[str, Any]) -> None:
        command: str = said["id"]
        room, text = self._sent[command].popleft()
        if said["type"] == "ack":
            self.client.world.recorder.add(self._about(Acked, command, said["room"], text, seq=said["seq"]))
            self.client.heed_ack(command, text)
        else:
            self.client.world.recorder.add(self._about(Refused, command, room, text, code=said["code"]))
            self.client.heed_refusal(command, text, said["code"], said.get("retry_after") or 0.0)

    def _about(self, kind: type[OfCommand], command: str, room: str, text: str, **more: Any) -> Any:  # noqa: ANN401
        return kind(
            client=self.name,
            connection=self.number,
            room=room.lower(),
            text=text,
            person=self.client.person,
            command=command,
            **more,
        )

    def _new_id(self, what: str) -> str:
        self._ids += 1
        return f"{what}-{self.number}-{self._ids}"


class RawClient:
    """One person at one device, over many connections; now and then at a second device as well."""

    def __init__(self, name: str, world: World, rng: random.Random) -> None:
        self.name = name
        self.world = world
        self.token: str | None = None
        self.person = ""
        self.introductions = 0
        self.timelines: dict[str, Timeline] = {room.lower(): Timeline() for room in ROOMS}
        self.outbox: dict[str, tuple[str, str]] = {}
        """What was not answered yet, in the order in which it was first sent: room and text by id."""
        self._rng = rng
        self._said = 0
        self._acked: dict[str, tuple[str, str]] = {}
        self._retry: dict[str, float] = {}
        self._may_hear = trio.Event()
        self._may_hear.set()
        self._epoch_lie = False
        self._unanswered: Counter[str] = Counter()

    # -- what connections tell it --

    def heed_submission(self, command: str) -> None:
        """It is about to be sent."""
        self._unanswered[command] += 1

    def heed_ack(self, command: str, text: str) -> None:
        """It is in the log."""
        self._unanswered[command] -= 1
        known = self.outbox.get(command)
        if known is not None and known[1] == text:
            self._acked[command] = self.outbox.pop(command)
            self._retry.pop(command, None)

    def heed_refusal(self, command: str, text: str, code: str, retry_after_s: float) -> None:
        """It was refused: try again later, or now and then give up if it is certain that it is not there."""
        self._unanswered[command] -= 1
        known = self.outbox.get(command)
        if known is None or known[1] != text:
            return
        if code in (*PASSING, NOT_JOINED) and (self._unanswered[command] or self._rng.random() < 0.9):
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
        self.outbox.clear()
        self._acked.clear()
        self._retry.clear()
        self._unanswered.clear()

    # -- its life --

    @property
    def is_done(self) -> bool:
        """Whether everything it began has ended, and it has seen everything there is."""
        return not self.outbox and all(
            self.timelines[room].last >= head for room, head in self.world.heads.items()
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
            for room, timeline in self.timelines.items():
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
        for room in ROOMS:
            timeline = self.timelines[room.lower()]
            if timeline.epoch is None:
                await connection.join(room)
            elif self._epoch_lie:
                await connection.join(room, timeline.last, "another")
            else:
                await connection.join(room, timeline.last, timeline.epoch)
        self._epoch_lie = False
        self._retry.clear()
        for command, (room, text) in list(self.outbox.items()):
            if command in self.outbox:  # it may be answered by another way while those before it are sent
                await connection.submit(command, room, text)

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
            dice = self._rng.random()
            if dice < 0.85:
                await self._say_something(connection)
            elif dice < 0.95:
                await self._meddle(connection, nursery)
            elif dice < 0.97:
                nursery.start_soon(self._stop_hearing)
            elif dice < 0.985:
                return await self._leave(connection)

    async def _say_something(self, connection: V1Connection) -> None:
        if len(self.outbox) >= MAX_OUTSTANDING:
            return
        for _ in range(self._rng.choice((1, 1, 1, 5))):
            self._said += 1
            command = str(self._said)  # the same ids as everybody else's: they are each person's own
            room = self._rng.choice(ROOMS)
            text = f"{self.person} {command}: " + " ".join(
                self._rng.choices(WORDS, k=self._rng.randint(0, 3))
            )
            self.outbox[command] = room, text
            await connection.submit(command, room, text)

    async def _retry_some(self, connection: V1Connection) -> None:
        """Send again what was refused for a while, in order."""
        now = trio.current_time()
        for command, (room, text) in list(self.outbox.items()):
            # An answer may come by another way while one before it is sent.
            if command in self.outbox and self._retry.get(command, now + 1) <= now:
                del self._retry[command]
                await connection.submit(command, room, text)

    async def _meddle(self, connection: V1Connection, nursery: trio.Nursery) -> None:
        """Something that needs care: a repeat, a conflict, another cursor, a second device, an old page."""
        dice = self._rng.randrange(6)
        acked = self._rng.choice(list(self._acked)) if self._acked else None
        if dice == 0 and acked and not connection.waits_for(acked):
            await connection.submit(acked, *self._acked[acked])
        elif dice == 1 and acked and not connection.waits_for(acked):
            room, text = self._acked[acked]
            await connection.submit(acked, room, f"{text} (or not, {self._rng.random()})")
        elif dice == 2:
            room = self._rng.choice(ROOMS)
            timeline = self.timelines[room.lower()]
            if timeline.epoch is not None:
                far = self._rng.choice((10, 100, 1_000, 1_000_000 if self._rng.random() < 0.05 else 1))
                after = self._rng.randint(max(0, timeline.last - far), timeline.last)
                await connection.join(room, after, timeline.epoch)
        elif dice == 3:
            nursery.start_soon(self._use_another_device)
        elif dice == 4:
            room = self._rng.choice(ROOMS)
            seen = self.timelines[room.lower()].last
            if seen and room.lower() in connection.joined:
                await connection.ask_page(room, self._rng.randint(1, seen))
        else:
            self._epoch_lie = True

    async def _use_another_device(self) -> None:
        """The same person on a second connection says again what the first has said, and what waits there."""
        name = f"{self.name}'s other device"
        again = [*list(self._acked.items())[-3:], *self.outbox.items()]
        timelines: dict[str, Timeline] = defaultdict(Timeline)
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
                    for room in ROOMS:
                        await connection.join(room)
                    for command, (room, text) in again:
                        if command in self.outbox or command in self._acked:  # not given up meanwhile
                            await connection.submit(command, room, text)
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

    async def _leave(self, connection: V1Connection) -> str:
        """End the connection in one of the ways in which connections end."""
        dice = self._rng.randrange(4)
        if dice == 0:
            with trio.move_on_after(2):
                await connection.link.send(b"\x88\x80\0\0\0\0")
            return "said goodbye"
        if dice == 1:
            connection.link.reset()
            return "reset it"
        if dice == 2:
            await connection.link.send(frame(TEXT, b"x" * 500)[: self._rng.randint(1, 400)])
            return "left in the middle of a frame"
        await connection.link.send_text(self._rng.choice(("{", "[]", '{"type":"nothing"}', "[" * 5000)))
        await trio.sleep(0.2)
        return "said something that is not of this protocol"


def line_of(said: dict[str, Any]) -> Line:
    """A message frame as a line; one that the server says is damaged as a line that no log has."""
    if said["type"] == "damaged":
        return Line(said["seq"], None, "", "", "(damaged)", "")
    return Line(said["seq"], said.get("id"), said["from"], said["name"], said["text"], said["at"])
