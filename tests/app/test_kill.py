"""The server is killed (SIGKILL) while people write, several times: nothing acknowledged is lost, nothing is doubled,
and everybody who comes back ends with the same lines in the same order."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from tests.support.damage import logged
from tests.support.process import ServerProcess, open_process
from tests.support.raw import TEXT, RawPeer, open_peer, open_v1
from trio_chat.ops.stores import DATABASE
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import TypeAlias

    from trio_chat.store.base import Store

    KeptIn: TypeAlias = tuple[tuple[str, ...], Callable[[], AbstractAsyncContextManager[Store]]]

ROUNDS = 4
"""How often it is killed; once more it is started and left in peace."""

OUTSTANDING = 30
"""How many messages of each client are unacknowledged at a time: at each kill some are on every part of the way."""


@attrs.define
class Assassin:
    """Kills the server when so many messages were acknowledged: always in the middle, and without a clock."""

    server: ServerProcess
    acks_to_go: int
    to_come: int
    all_there: trio.Event = attrs.field(factory=trio.Event)

    async def wait_for_all(self) -> None:
        """Say that one is there, and wait until the others are."""
        self.to_come -= 1
        if self.to_come == 0:
            self.all_there.set()
        await self.all_there.wait()

    def count(self) -> None:
        """One more was acknowledged."""
        self.acks_to_go -= 1
        if self.acks_to_go == 0:
            self.server.process.kill()


@attrs.define
class Person:
    """A v1 client that never gives up: it keeps its cursor, and says again what was not acknowledged."""

    name: str
    token: str = ""
    epoch: str | None = None
    said: int = 0
    unacked: dict[str, str] = attrs.field(factory=dict)
    acked: dict[str, int] = attrs.field(factory=dict)
    events: list[dict[str, Any]] = attrs.field(factory=list)
    said_again: int = 0

    async def live(self, server: ServerProcess, assassin: Assassin | None) -> None:
        """Come (back), and talk until the server dies; or, if nobody kills it, until all was acknowledged."""
        hello = {"token": self.token} if self.token else {"name": self.name}
        async with open_v1(server.port, after=len(self.events), epoch=self.epoch, **hello) as (
            peer,
            welcome,
            joined,
        ):
            if assassin is not None:
                await assassin.wait_for_all()
            self.token = welcome.get("token", self.token)
            assert not joined["reset"]
            assert joined["after"] == len(self.events)
            self.epoch = joined["epoch"]
            self.said_again += len(self.unacked)
            with trio.CancelScope() as scope:
                for command_id, text in self.unacked.items():
                    await self._send(peer, command_id, text, scope)
                while assassin is not None or self.unacked or len(self.events) < joined["head"]:
                    if assassin is not None and len(self.unacked) < OUTSTANDING:
                        await self._say_something(peer, scope)
                        continue
                    found = await peer.receive_data()
                    if found is None:
                        break
                    assert found.opcode == TEXT
                    self._heard(found.json(), assassin)

    async def _say_something(self, peer: RawPeer, scope: trio.CancelScope) -> None:
        self.said += 1
        command_id, text = f"c{self.said}", f"{self.name} says line {self.said}"
        self.unacked[command_id] = text
        await self._send(peer, command_id, text, scope)

    async def _send(self, peer: RawPeer, command_id: str, text: str, scope: trio.CancelScope) -> None:
        try:
            await peer.say(type="send", id=command_id, room="lobby", text=text)
        except trio.BrokenResourceError:
            scope.cancel()

    def _heard(self, said: dict[str, Any], assassin: Assassin | None) -> None:
        if said["type"] == "message":
            assert said["seq"] == len(self.events) + 1, "a gap, or a line twice"
            self.events.append(said)
        else:
            assert said["type"] == "ack", said
            assert self.acked.setdefault(said["id"], said["seq"]) == said["seq"]
            self.unacked.pop(said["id"], None)
            if assassin is not None:
                assassin.count()


async def chatter(server: ServerProcess, assassin: Assassin, name: str, heard: list[str]) -> None:
    """A plain client that says a line whenever it has heard its last one, until the server dies."""
    async with open_peer(server.port) as peer:
        try:
            for number in range(100_000):
                text = f"{name} says line {number}"
                await peer.send_text(text)
                while not heard or heard[-1] != text:
                    found = await peer.receive_data()
                    if found is None:
                        return
                    heard.append(found.payload.decode())
                if number == 0:
                    await assassin.wait_for_all()
        except trio.BrokenResourceError:
            return


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> KeptIn:
    """Arguments of a server that keep the log there, and what opens it afterwards."""
    if request.param == "sqlite":
        return (), partial(open_sqlite_store, tmp_path / DATABASE)
    database = request.getfixturevalue("database")
    return ("--store", database), partial(open_postgresql_store, database)


async def test_a_kill_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path, kept_in: KeptIn) -> None:
    arguments, opening = kept_in
    arguments = ("--messages-per-second", "0", *arguments)
    rng = random.Random(1)
    people = [Person("Ada"), Person("Bob"), Person("Eve")]
    heard_by_plain: list[list[str]] = []
    port = 0
    for number in range(ROUNDS):
        async with open_process(tmp_path, *arguments, port=port) as server:
            port = server.port
            assassin = Assassin(server, rng.randrange(50, 400), to_come=len(people) + 1)
            heard_by_plain.append([])
            async with trio.open_nursery() as nursery:
                for person in people:
                    nursery.start_soon(person.live, server, assassin)
                nursery.start_soon(chatter, server, assassin, f"guest {number}", heard_by_plain[-1])
            assert (await server.wait()).status == -9
    async with open_process(tmp_path, *arguments, port=port) as server:
        # First what they still have to say, one after the other, and then what they have to hear.
        for person in people + people:
            await person.live(server, None)
        await server.kill()

    events = await logged(opening())
    numbers = [event.seq for event in events]
    assert numbers == list(range(1, len(events) + 1))
    told = [(event.seq, event.client_id, event.sender, event.name, event.body) for event in events]
    for person in people:
        heard = [(e["seq"], e.get("id"), e["from"], e["name"], e["text"]) for e in person.events]
        assert heard == told
        assert person.said_again > 0, "no kill came in the middle"
        mine = {event.client_id: event for event in events if event.name == person.name}
        assert sorted(event.seq for event in mine.values()) == sorted(person.acked.values()), (
            "something is doubled"
        )
        assert {event.client_id: event.seq for event in mine.values()} == person.acked
        assert {event.body for event in mine.values()} == {
            f"{person.name} says line {n}" for n in range(1, person.said + 1)
        }
    bodies = [event.body for event in events]
    assert len(set(bodies)) == len(bodies)
    for heard_lines in heard_by_plain:
        assert heard_lines, "nobody plain was there when it was killed"
        first = bodies.index(heard_lines[0])
        assert bodies[first : first + len(heard_lines)] == heard_lines
