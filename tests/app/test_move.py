"""A chat that moves between a file and PostgreSQL while people chat: a real server goes on there by itself, nobody is
told to start afresh, and nothing is lost or doubled."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from tests.support.damage import logged
from tests.support.forks import environment
from tests.support.postgresql import cluster
from tests.support.process import PATIENCE_S, open_process, run_server
from tests.support.raw import CLOSE, TEXT, RawPeer, open_peer, open_v1
from trio_chat.ops.stores import DATABASE
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trio_chat.model.events import Event

OUTSTANDING = 5


async def wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110
        await trio.sleep(0.01)


MOVE_AND_DIE = """
import os, pathlib, signal, sys
from trio_chat.config.config import Config
from trio_chat.ops.move import move_chat

def at(stage):
    if stage == "moved":
        os.kill(os.getpid(), signal.SIGKILL)

move_chat(Config(data=pathlib.Path(sys.argv[1])), sys.argv[2], report=lambda done, total: None, at=at)
"""


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
        await wait_until(lambda: len(self.acked) >= end)


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
            moved = await run_server("move", "--to", database, *data)
            assert moved.status == 0, moved
            await people[0].wait_said(200)
            back = await run_server("--store", database, "move", "--to", "sqlite", *data)
            assert back.status == 0, back
            await people[0].wait_said(200)
            for person in people:
                person.is_quiet = True
        server.signal(signal.SIGTERM)
        finished = await server.wait()
        assert finished.status == 0
    check(people, await logged(open_sqlite_store(tmp_path / DATABASE)))
    assert [person.came for person in people] == [3, 3, 3]


async def test_several_servers_go_on_in_another_database(tmp_path: Path, database: str) -> None:
    people = [Person("Ada"), Person("Bob")]
    to = cluster().url(cluster().new_database())
    options = ("--messages-per-second", "0", "--store", database, "--files", f"shared:{tmp_path / 'files'}")
    async with (
        open_process(tmp_path / "one", *options) as one,
        open_process(tmp_path / "two", *options) as two,
        trio.open_nursery() as nursery,
    ):
        for person, server in zip(people, (one, two), strict=True):
            nursery.start_soon(person.live, server.port)
        with trio.fail_after(PATIENCE_S):
            for person in people:
                await person.wait_said(20)
            refused = await run_server(
                "--store", database, "move", "--to", "sqlite", "--data", tmp_path / "three"
            )
            assert refused.status == 1
            assert "2 servers use" in refused.stderr
            moved = await run_server("--store", database, "move", "--to", to)
            assert moved.status == 0, moved
            for person in people:
                await person.wait_said(20)
                person.is_quiet = True
    check(people, await logged(open_postgresql_store(to)))


async def chatter(port: int, heard: list[str], is_over: trio.Event) -> None:
    """A plain client that says a line when it has heard its last one, and comes back when the server sends it away. A
    line that it has not heard then it does not say again: it may have been too late."""
    number = 0
    while not is_over.is_set():
        async with open_peer(port) as peer:
            is_here = True
            while is_here and not is_over.is_set():
                number += 1
                try:
                    await peer.send_text(f"line {number}")
                    is_here = await _heard(peer, f"line {number}", heard)
                except trio.BrokenResourceError:
                    is_here = False


async def _heard(peer: RawPeer, line: str, heard: list[str]) -> bool:
    while True:
        found = await peer.receive_data()
        if found is None or found.opcode == CLOSE:
            return False
        heard.append(found.payload.decode())
        if heard[-1] == line:
            return True


async def test_what_a_plain_client_is_told_is_in_the_log_once(tmp_path: Path, database: str) -> None:
    heard: list[str] = []
    is_over = trio.Event()
    async with open_process(tmp_path, "--messages-per-second", "0") as server:
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(chatter, server.port, heard, is_over)
                await wait_until(lambda: len(heard) > 20)
                assert (await run_server("move", "--to", database, "--data", tmp_path)).status == 0
                n_before = len(heard)
                await wait_until(lambda: len(heard) > n_before + 20)
                is_over.set()
        server.signal(signal.SIGTERM)
        await server.wait()
    bodies = [event.body for event in await logged(open_postgresql_store(database))]
    assert len(bodies) == len(set(bodies))
    assert [body for body in bodies if body in heard] == heard


async def test_a_server_completes_a_move_whose_command_was_killed_at_the_last_moment(
    tmp_path: Path, database: str
) -> None:
    ada = Person("Ada")

    async with open_process(tmp_path, "--messages-per-second", "0") as server, trio.open_nursery() as nursery:
        nursery.start_soon(ada.live, server.port)
        with trio.fail_after(PATIENCE_S):
            await ada.wait_said(20)
            arguments = [sys.executable, "-c", MOVE_AND_DIE, str(tmp_path), database]
            died = await trio.run_process(arguments, env=environment(), check=False)
            assert died.returncode == -signal.SIGKILL
            await ada.wait_said(20)
            ada.is_quiet = True
    check([ada], await logged(open_postgresql_store(database)))
    assert ada.came == 2


async def test_a_server_that_cannot_go_on_there_stops_and_says_where_the_chat_is(
    tmp_path: Path, database: str
) -> None:
    """The file is on another machine."""
    here, there = tmp_path / "here", tmp_path / "there"
    async with open_process(here, "--store", database) as server:
        assert (await run_server("--store", database, "move", "--to", "sqlite", "--data", there)).status == 0
        finished = await server.wait()
    assert finished.status == 1
    assert finished.stderr.splitlines()[-1].startswith(
        f"trio-chat: The chat has moved to {there / DATABASE}. Start a server with that file."
    )
    again = await run_server("--port", "0", "--store", database, "--data", here)
    assert (again.status, f"was moved to {there / DATABASE}" in again.stderr) == (1, True)
    moved = await run_server("--store", database, "move", "--to", "sqlite", "--data", there)
    assert moved.status == 0
    assert moved.stdout.startswith(f"The chat is in {there / DATABASE} now. A server")


async def test_a_password_is_told_to_nobody_and_kept_nowhere(tmp_path: Path, database: str) -> None:
    async with open_sqlite_store(tmp_path / DATABASE):
        pass
    to = database.replace("postgres@", "postgres:secret@")
    moved = await run_server("move", "--to", to, "--data", tmp_path)
    assert moved.status == 0
    assert "secret" not in moved.stdout + moved.stderr
    refused = await run_server("--port", "0", "--data", tmp_path)
    assert refused.status == 1
    assert "was moved to postgresql://postgres@" in refused.stderr
    for path in tmp_path.iterdir():  # noqa: ASYNC240
        assert b"secret" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "Say where the chat is to be moved to, with --to; or --give-up."),
        (("--to", "sqlite"), 1, "The chat is in that file already."),
        (("--to", "mysql://db"), 1, "--to is 'mysql://db', but must be an address such as postgresql://"),
        (
            ("--to", "postgresql://nobody:secret@127.0.0.1:1/chat"),
            1,
            "Cannot use the database postgresql://nobody@127",
        ),
    ],
)
async def test_what_cannot_be_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    async with open_sqlite_store(tmp_path / DATABASE):
        pass
    done = await run_server("move", *arguments, "--data", tmp_path)
    assert (done.status, done.stderr.count("\n")) == (status, 1)
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert (await run_server("move", "--give-up", "--data", tmp_path)).status == 0
    async with open_sqlite_store(tmp_path / DATABASE):
        pass
