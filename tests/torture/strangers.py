"""Strangers: what people notice of a server with its default settings, while one hostile address does all attacks.

Two people talk in their own rooms, one of them coming back all the time; newcomers read the lobby; pings are timed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import attrs
import trio

from tests.support.process import NAME
from tests.torture.history import Recorder
from tests.torture.process import ROOT, SERVER, ServerProcess, open_server
from tests.torture.websocket import ConnectionLost, WebSocket, open_websocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE_S = 30
"""Seconds that an answer may take before it counts as none."""

GROWTH = 64 * 2**20
"""Bytes by which the memory may grow in the second half."""


@attrs.define
class Noticed:
    """What people noticed."""

    pings_s: list[float] = attrs.field(factory=list)
    acks_s: list[float] = attrs.field(factory=list)
    """Of messages in people's own rooms."""
    returns: int = 0
    """How often somebody came back to their rooms."""
    newcomers: int = 0
    """How many new people have read the lobby."""
    failures: list[str] = attrs.field(factory=list)
    rss: list[int] = attrs.field(factory=list)
    """The server's memory in bytes, each second."""
    sent: dict[str, int] = attrs.field(factory=dict)
    """What the attacks have sent."""
    refused: dict[str, int] = attrs.field(factory=dict)

    @property
    def p99_ms(self) -> float:
        """Of the pings."""
        return quantiles(self.pings_s, n=100)[98] * 1000

    @property
    def is_flat(self) -> bool:
        """Whether the memory does not go on growing."""
        half = len(self.rss) // 2
        return max(self.rss[half:], default=0) <= max(self.rss[:half], default=0) + GROWTH

    def __str__(self) -> str:
        p50 = quantiles(self.pings_s, n=100)[49] * 1000
        return (
            f"attacks: {self.sent}; refused: {self.refused}\n"
            f"{len(self.pings_s)} pings of others: {p50:.1f} ms (p50), {self.p99_ms:.1f} ms (p99), "
            f"{max(self.pings_s) * 1000:.0f} ms (longest); {len(self.acks_s)} messages in own rooms, "
            f"{quantiles(self.acks_s, n=100)[98] * 1000:.0f} ms (p99); "
            f"{self.returns} times back, {self.newcomers} newcomers; failures: {self.failures[:5] or 'none'}\n"
            f"memory {self.rss[0] / 2**20:.0f} MiB at first, {max(self.rss) / 2**20:.0f} at most, "
            f"{self.rss[-1] / 2**20:.0f} at last"
        )


@attrs.define
class _Person:
    """A v1 client that waits for each of its answers."""

    websocket: WebSocket
    token: str = ""
    id: str = ""
    number: int = 0

    async def ask(self, kind: str, /, **fields: object) -> dict[str, Any]:
        """The answer to a command; an error raises `ConnectionLost`, as it is one for these people."""
        self.number += 1
        command_id = f"{kind}-{self.number}-{trio.current_time()}"
        said = fields if kind == "hello" else {"id": command_id} | fields
        with trio.move_on_after(PATIENCE_S):
            await self.websocket.send_json(type=kind, **said)
            while True:
                frame = await self.websocket.receive_json()
                is_answer = (
                    frame["type"] in {"welcome", "error"}
                    if kind == "hello"
                    else frame.get("id") == command_id
                )
                if is_answer and frame["type"] == "error":
                    raise ConnectionLost(f"{kind}: {frame['code']}")
                if is_answer and frame["type"] != "message":
                    return frame
        raise ConnectionLost(f"{kind}: no answer")


@asynccontextmanager
async def _open_person(port: int, *, source: str = "", **hello: object) -> AsyncIterator[_Person]:
    async with open_websocket(port, source=source) as websocket:
        person = _Person(websocket)
        welcome = await person.ask("hello", **hello)
        person.id, person.token = welcome["user"]["id"], str(welcome.get("token") or hello.get("token"))
        yield person


async def besiege(duration_s: float) -> Noticed:
    """Start a server, attack it for so long, and say what others noticed."""
    noticed = Noticed()
    with tempfile.TemporaryDirectory(prefix="strangers-") as directory:
        data, output = Path(directory) / "data", Path(directory) / "server.log"
        async with open_server(data, output, Recorder(), (*SERVER, *NAME), {}) as server:
            async with (
                _open_person(server.port, name="Ada") as ada,
                _open_person(server.port, name="Bob") as bob,
            ):
                room = (await ada.ask("create", kind="private", title="Board"))["room"]
                await ada.ask("join", room=room)
                invited = await ada.ask("invite", room=room)
                await bob.ask("accept", token=invited["token"])
                direct = (await ada.ask("direct", person=bob.id))["room"]
                await ada.ask("join", room=direct)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_ping, server.port, noticed)
                    nursery.start_soon(_talk, ada, (room, direct), noticed)
                    nursery.start_soon(_come_back, server.port, bob.token, (room, direct), noticed)
                    nursery.start_soon(_come, server.port, noticed)
                    nursery.start_soon(_sample, server, noticed)
                    await _attack(server.port, duration_s, noticed)
                    nursery.cancel_scope.cancel()
            await server.terminate()
    return noticed


async def _attack(port: int, duration_s: float, noticed: Noticed) -> None:
    command = [sys.executable, "-m", "tests.torture", "attack", str(port), str(duration_s)]
    done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.DEVNULL, cwd=ROOT)
    said = json.loads(done.stdout)
    noticed.sent, noticed.refused = said["sent"], said["refused"]


async def _ping(port: int, noticed: Noticed) -> None:
    try:
        async with _open_person(port) as person:
            while True:
                began = trio.current_time()
                await person.ask("ping")
                noticed.pings_s.append(trio.current_time() - began)
                await trio.sleep(0.1)
    except ConnectionLost as error:
        noticed.failures.append(f"pinging: {error}")


async def _talk(ada: _Person, rooms: tuple[str, ...], noticed: Noticed) -> None:
    try:
        while True:
            for room in rooms:
                began = trio.current_time()
                await ada.ask("send", room=room, text="we meet at five")
                noticed.acks_s.append(trio.current_time() - began)
            await trio.sleep(0.5)
    except ConnectionLost as error:
        noticed.failures.append(f"talking: {error}")


async def _come_back(port: int, token: str, rooms: tuple[str, ...], noticed: Noticed) -> None:
    while True:
        try:
            async with _open_person(port, token=token, lists=True) as bob:
                for room in rooms:
                    await bob.ask("join", room=room)
                    await bob.ask("history", room=room, before=10)
            noticed.returns += 1
        except ConnectionLost as error:
            noticed.failures.append(f"coming back: {error}")
        await trio.sleep(0.5)


async def _come(port: int, noticed: Noticed) -> None:
    while True:
        try:
            async with _open_person(port, source="127.0.0.3") as newcomer:
                await newcomer.ask("join", room="lobby")
                await newcomer.ask("history", room="lobby", before=2)
                await newcomer.ask("directory", query="")
            noticed.newcomers += 1
        except ConnectionLost as error:
            noticed.failures.append(f"coming: {error}")
        await trio.sleep(1)


async def _sample(server: ServerProcess, noticed: Noticed) -> None:
    while True:
        noticed.rss.append(server.memory())
        await trio.sleep(1)
