"""A name that is set free beside a real server: everybody is told, and the log of those who run it says so, once."""

from __future__ import annotations

import json
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
from trio_websocket import open_websocket

from tests.support.forks import environment
from tests.support.process import PATIENCE_S, command, open_process
from tests.support.several import open_node
from trio_chat.protocol.encoding import V1

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from trio_websocket import WebSocketConnection


async def run(*arguments: str | Path) -> str:
    """What the command line prints."""
    done = await trio.run_process(command(*arguments), capture_stdout=True, env=environment())
    return done.stdout.decode()


async def releases(data: Path, where: tuple[str, ...]) -> list[dict[str, Any]]:
    """The releases in the log of those who run the server."""
    told = map(json.loads, (await run(*where, "audit", "--data", data)).splitlines())
    return [event for event in told if event["type"] == "release"]


@asynccontextmanager
async def somebody(port: int, name: str) -> AsyncIterator[tuple[WebSocketConnection, str]]:
    """Somebody new in the lobby, with their id."""
    async with open_websocket("127.0.0.1", port, "/", use_ssl=False, subprotocols=[V1]) as websocket:
        await tell(websocket, "hello", name=name)
        welcome = await hear(websocket, "welcome")
        await tell(websocket, "join", id="j", room="lobby")
        await hear(websocket, "joined")
        yield websocket, welcome["user"]["id"]


async def tell(websocket: WebSocketConnection, kind: str, **fields: object) -> None:
    await websocket.send_message(json.dumps({"type": kind, **fields}))


async def hear(websocket: WebSocketConnection, kind: str) -> dict[str, Any]:
    """The next frame of this type."""
    with trio.fail_after(PATIENCE_S):
        while True:
            frame: dict[str, Any] = json.loads(await websocket.get_message())
            assert frame["type"] != "error", frame
            if frame["type"] == kind:
                return frame


async def test_a_running_server_tells_everybody_and_writes_it_into_the_log(
    tmp_path: Path, where: tuple[str, ...]
) -> None:
    async with (
        open_process(tmp_path, *where) as server,
        somebody(server.port, "Ada") as (ada, ada_id),
        somebody(server.port, "Bob") as (bob, _),
    ):
        await tell(bob, "become_owner", id="own", token=server.owner_line.partition("#own=")[2])
        await hear(bob, "ack")
        await tell(bob, "join", id="s", room="~server")
        await hear(bob, "joined")
        said = await run(*where, "person", "release", "ada", "--data", tmp_path)
        event = await hear(bob, "release")
        assert (event["person"], event["freed"], event["from"]) == (ada_id, "Ada", "system")
        assert f"Who was called Ada ({ada_id}) is called {event['now']} now" in said
        for websocket in (ada, bob):
            person = (await hear(websocket, "person"))["person"]
            assert (person["id"], person["name"]) == (ada_id, event["now"])
        await tell(ada, "send", id="c1", room="lobby", text="It is me")
        assert (await hear(bob, "message"))["name"] == event["now"]
        async with somebody(server.port, "Ada") as (_, newcomer_id):
            assert newcomer_id != ada_id
        (told,) = await releases(tmp_path, where)
        assert told == {name: value for name, value in event.items() if name != "proof"}


async def test_the_next_server_says_it_once(tmp_path: Path, where: tuple[str, ...]) -> None:
    async with open_process(tmp_path, *where) as server:
        async with somebody(server.port, "Ada") as (ada, ada_id):
            await tell(ada, "rename", id="r", name="Countess")
            await hear(ada, "renamed")
        server.signal(signal.SIGTERM)
        await server.wait()
    await run(*where, "person", "release", "Ada", "--data", tmp_path)
    assert await releases(tmp_path, where) == []
    for _ in range(2):
        async with open_process(tmp_path, *where) as server:
            with trio.fail_after(PATIENCE_S):
                while not (found := await releases(tmp_path, where)):
                    pass
            server.signal(signal.SIGTERM)
            await server.wait()
        (told,) = found
        assert (told["person"], told["freed"], told.get("now")) == (ada_id, "Ada", None)


async def test_each_of_two_servers_tells_those_who_are_there_and_one_writes_it_into_the_log(
    tmp_path: Path, database: str
) -> None:
    async with (
        open_node(database, tmp_path, "one", is_public=False) as one,
        open_node(database, tmp_path, "two", is_public=False) as two,
        somebody(one.port, "Ada") as (ada, ada_id),
        somebody(two.port, "Bob") as (bob, _),
        somebody(one.port, "Eve") as (eve, _),
    ):
        await run("--store", database, "person", "release", "ada", "--data", tmp_path)
        names = set()
        for websocket in (ada, bob, eve):
            person = (await hear(websocket, "person"))["person"]
            assert person["id"] == ada_id
            names.add(person["name"])
        assert len(names) == 1
        await tell(ada, "send", id="c1", room="lobby", text="It is me")
        assert {(await hear(bob, "message"))["name"]} == names
        (told,) = await releases(tmp_path, ("--store", database))
        assert {told["now"]} == names
