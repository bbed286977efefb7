"""A chat that moves between a file and PostgreSQL while people chat: a real server goes on there by itself, nobody is
told to start afresh, and nothing is lost or doubled."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from tests.support.forks import environment
from tests.support.postgresql import cluster
from tests.support.process import PATIENCE_S, Finished, command, open_process
from tests.support.raw import CLOSE, TEXT, RawPeer, open_v1
from trio_chat.ops.stores import DATABASE
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from trio_chat.model.events import Event
    from trio_chat.store.base import Store

OUTSTANDING = 5


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database."""
    with cluster().database() as url:
        yield url


async def run(*arguments: str | Path) -> Finished:
    """Run the command line to its end."""
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            command(*arguments), capture_stdout=True, capture_stderr=True, check=False, env=environment()
        )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


@attrs.define
class Person:
    """A v1 client that never gives up: it keeps its cursor, and says again what was not acknowledged."""

    name: str
    token: str = ""
    epoch: str | None = None
    said: int = 0
    is_quiet: bool = False
    unacked: dict[str, str] = attrs.field(factory=dict)
    acked: dict[str, int] = attrs.field(factory=dict)
    events: list[dict[str, Any]] = attrs.field(factory=list)
    came: int = 0

    async def live(self, port: int) -> None:
        """Talk, and come back whenever the connection ends, until `is_quiet` and all is heard."""
        while not (self.is_quiet and not self.unacked):
            hello = {"token": self.token} if self.token else {"name": self.name}
            async with open_v1(port, after=len(self.events), epoch=self.epoch, **hello) as (
                peer,
                welcome,
                joined,
            ):
                self.came += 1
                self.token = welcome.get("token", self.token)
                assert not joined["reset"]
                assert joined["after"] == len(self.events)
                assert self.epoch in (None, joined["epoch"])
                self.epoch = joined["epoch"]
                await self._talk(peer)

    async def _talk(self, peer: RawPeer) -> None:
        try:
            for command_id, text in self.unacked.items():
                await peer.say(type="send", id=command_id, room="lobby", text=text)
            while not (self.is_quiet and not self.unacked):
                while not self.is_quiet and len(self.unacked) < OUTSTANDING:
                    self.said += 1
                    command_id, text = f"c{self.said}", f"{self.name} says line {self.said}"
                    self.unacked[command_id] = text
                    await peer.say(type="send", id=command_id, room="lobby", text=text)
                found = await peer.receive_data()
                if found is None:
                    return
                if found.opcode == CLOSE:
                    assert found.payload[:2] == (1012).to_bytes(2)
                    return
                assert found.opcode == TEXT
                self._hear(found.json())
        except trio.BrokenResourceError:
            return

    def _hear(self, said: dict[str, Any]) -> None:
        if said["type"] == "message":
            assert said["seq"] == len(self.events) + 1, "a gap, or a line twice"
            self.events.append(said)
        else:
            assert said["type"] == "ack", said
            assert self.acked.setdefault(said["id"], said["seq"]) == said["seq"]
            self.unacked.pop(said["id"], None)

    async def wait_said(self, more: int) -> None:
        """Wait until so many more lines were acknowledged."""
        end = len(self.acked) + more
        while len(self.acked) < end:  # noqa: ASYNC110
            await trio.sleep(0.01)


async def logged(opening: AbstractAsyncContextManager[Store]) -> list[Event]:
    """What stands in the lobby's log, all of it."""
    events: list[Event] = []
    async with opening as store:
        while page := await store.read_after("lobby", len(events), limit=1000, max_bytes=2**20):
            events += page
    return events


def check(people: list[Person], events: list[Event]) -> None:
    """Everybody has heard the log, and it holds what was acknowledged, once."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    for person in people:
        heard = [(e["seq"], e.get("id"), e["from"], e["name"], e["text"]) for e in person.events]
        told = [(event.seq, event.client_id, event.sender, event.name, event.body) for event in events]
        assert heard == told[: len(heard)]
        mine = [event for event in events if event.name == person.name]
        assert {event.client_id: event.seq for event in mine} == person.acked
        assert len(mine) == person.said
    bodies = [event.body for event in events]
    assert len(set(bodies)) == len(bodies)


async def test_a_chat_moves_there_and_back_while_people_chat(tmp_path: Path, database: str) -> None:
    people = [Person("Ada"), Person("Bob"), Person("Eve")]
    data = ("--data", tmp_path)
    options = ("--messages-per-second", "0", "--disk-floor", "0")
    async with open_process(tmp_path, *options) as server, trio.open_nursery() as nursery:
        for person in people:
            nursery.start_soon(person.live, server.port)
        with trio.fail_after(PATIENCE_S):
            await people[0].wait_said(200)
            moved = await run("move", "--to", database, *data)
            assert moved.status == 0, moved
            print(moved)
            await people[0].wait_said(200)
            back = await run("--store", database, "move", "--to", "sqlite", *data)
            assert back.status == 0, back
            print(back)
            await people[0].wait_said(200)
            for person in people:
                person.is_quiet = True
        server.signal(signal.SIGTERM)
        finished = await server.wait()
        print(finished.stderr)
        assert finished.status == 0
    check(people, await logged(open_sqlite_store(tmp_path / DATABASE)))
    assert [person.came for person in people] == [3, 3, 3]
