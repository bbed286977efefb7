"""Attacks: what one hostile address does by legal commands alone, all at once, as fast as it can.

Each is a function that goes on for ever. They run in a process of their own (`python -m tests.torture attack`), so that
what the others measure is the server.
"""

from __future__ import annotations

import itertools
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from tests.torture.websocket import ConnectionLost, WebSocket, open_websocket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SOURCE: Final = "127.0.0.66"
"""Whence they come, so that the limits of their address are not those of others."""

LONG: Final = "\U0001f600" * 4_000
EMOJI: Final = tuple("😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓")


@attrs.define
class Attacker:
    """What the attacks have sent so far, and been told."""

    port: int
    sent: Counter[str] = attrs.field(factory=Counter)
    """Commands, by attack."""
    refused: Counter[str] = attrs.field(factory=Counter)
    """Errors, by code."""
    _ids: itertools.count[int] = attrs.field(factory=itertools.count)

    async def say(self, websocket: WebSocket, attack: str, kind: str, /, **fields: object) -> None:
        """Send a command."""
        self.sent[attack] += 1
        said = fields if kind == "hello" else {"id": f"a{next(self._ids)}"} | fields
        await websocket.send_json(type=kind, **said)

    async def read(self, websocket: WebSocket, seconds: float) -> None:
        """Read what comes within so long."""
        with trio.move_on_after(seconds):
            while True:
                frame = await websocket.receive_json()
                if frame["type"] == "error":
                    self.refused[frame["code"]] += 1

    async def answer(self, websocket: WebSocket, kind: str) -> dict[str, Any]:
        """The next frame of this type, or an error."""
        while True:
            frame = await websocket.receive_json()
            if frame["type"] in (kind, "error"):
                return frame


async def invented_rooms(attacker: Attacker) -> None:
    """Follow a thousand rooms that nobody has, and stay; and so on with the next connection."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "invented rooms", "hello")
        n = next(attacker._ids)
        for half in range(4):
            rooms = [{"room": f"x{n}-{half}-{number}"} for number in range(500)]
            await attacker.say(websocket, "invented rooms", "follow", rooms=rooms)
        await attacker.read(websocket, 10)


async def notes(attacker: Attacker) -> None:
    """Keep as much for oneself as one can, and let it be told again and again without reading it."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "notes", "hello")
        token = (await attacker.answer(websocket, "welcome")).get("token")
        for target in range(95):
            room = "r" * 60 if target % 2 else "lobby"
            await attacker.say(websocket, "notes", "mine", what="star", room=room, target=target + 1)
        await attacker.read(websocket, 1)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(partial(_hello_unread, attacker, token))


async def _hello_unread(attacker: Attacker, token: str | None) -> None:
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "notes", "hello", token=token, lists=True)
        await trio.sleep(2)


async def reactions(attacker: Attacker) -> None:
    """Put all emoji to the newest messages of the lobby, and ask for its history without reading it."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "reactions", "hello")
        await attacker.say(websocket, "reactions", "join", room="lobby")
        head = (await attacker.answer(websocket, "joined")).get("head", 1)
        for emoji in EMOJI:
            for seq in range(max(1, head - 2), head + 1):
                await attacker.say(websocket, "reactions", "react", room="lobby", seq=seq, emoji=emoji)
        for _ in range(30):
            await attacker.say(websocket, "reactions", "history", room="lobby", before=head + 1, limit=200)
        await trio.sleep(2)


async def versions(attacker: Attacker) -> None:
    """Edit a message with the longest texts, and ask for all that it has said without reading it."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "versions", "hello")
        await attacker.say(websocket, "versions", "join", room="edited")
        await attacker.answer(websocket, "joined")
        await attacker.say(websocket, "versions", "send", room="edited", text="x")
        seq = (await attacker.answer(websocket, "ack")).get("seq", 1)
        for _ in range(60):
            await attacker.say(websocket, "versions", "edit", room="edited", seq=seq, text=LONG)
        for _ in range(30):
            await attacker.say(websocket, "versions", "versions", room="edited", seq=seq)
        await trio.sleep(2)


async def newcomers(attacker: Attacker) -> None:
    """Come as somebody new, take names of public rooms, and ask for the dearest lists and searches."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        n = next(attacker._ids)
        await attacker.say(websocket, "newcomers", "hello", name=f"Head Teacher {n}")
        for room in range(25):
            title, topic = "T" * 40, "\u4e00" * 500
            await attacker.say(
                websocket,
                "newcomers",
                "create",
                kind="public",
                room=f"class-{n}-{room}",
                title=title,
                topic=topic,
            )
        for _ in range(25):
            await attacker.say(websocket, "newcomers", "directory", query="zzz")
            await attacker.say(websocket, "newcomers", "search", query="from:a has:link after:2000-01-01")
        await attacker.read(websocket, 1)


async def flood(attacker: Attacker) -> None:
    """Fill the lobby: for each burst there is a new connection."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "flood", "hello")
        await attacker.say(websocket, "flood", "join", room="lobby")
        for _ in range(97):
            await attacker.say(websocket, "flood", "send", room="lobby", text="BUY " * 900)
        await attacker.read(websocket, 0.1)


async def claims(attacker: Attacker) -> None:
    """Say to have seen more of the lobby than there is, so that everybody there would begin afresh."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "claims", "hello")
        await attacker.say(websocket, "claims", "join", room="lobby")
        joined = await attacker.answer(websocket, "joined")
        for _ in range(40):
            said = {"after": 10**9, "epoch": joined.get("epoch"), "proof": joined.get("proof")}
            await attacker.say(websocket, "claims", "join", room="lobby", **said)
        await attacker.read(websocket, 1)


async def guesses(attacker: Attacker) -> None:
    """Guess codes of devices, recovery codes, owner links and invitations."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        for number in range(30):
            await attacker.say(websocket, "guesses", "peek_link", link=f"BCDF{number:04}")
            await attacker.say(websocket, "guesses", "peek_link", recover="B" * 21 + f"{number:04}")
        await attacker.say(websocket, "guesses", "hello")
        for number in range(30):
            await attacker.say(websocket, "guesses", "become_owner", token=f"{number:022}")
            await attacker.say(websocket, "guesses", "peek", token=f"{number:024}")
        await attacker.read(websocket, 1)


async def presence(attacker: Attacker) -> None:
    """Come and go in the lobby, type, move markers, and change looks."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "presence", "hello")
        await attacker.say(websocket, "presence", "join", room="lobby")
        for number in range(20):
            await attacker.say(websocket, "presence", "watch", room="lobby" if number % 2 else None)
            await attacker.say(websocket, "presence", "typing", room="lobby")
            await attacker.say(websocket, "presence", "mark", room="lobby", read=number, delivered=number)
            await attacker.say(websocket, "presence", "profile", colour=number % 12)
        await attacker.read(websocket, 0.5)


async def complaints(attacker: Attacker) -> None:
    """Report everybody who has written, and ask them into conversations."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "complaints", "hello")
        await attacker.say(websocket, "complaints", "join", room="lobby")
        head = (await attacker.answer(websocket, "joined")).get("head", 1)
        await attacker.say(websocket, "complaints", "history", room="lobby", before=head + 1, limit=40)
        page = await attacker.answer(websocket, "history")
        for person in {event["from"] for event in page.get("events", ())}:
            await attacker.say(websocket, "complaints", "report", person=person, why="x" * 500)
            await attacker.say(websocket, "complaints", "direct", person=person)
        await attacker.read(websocket, 1)


async def crowd(attacker: Attacker) -> None:
    """Ask, over many connections in the same moment, for answers that are long."""
    async with open_websocket(attacker.port, source=SOURCE) as websocket:
        await attacker.say(websocket, "crowd", "hello", lists=True)
        await attacker.say(websocket, "crowd", "join", room="lobby")
        for _ in range(3):
            await attacker.say(websocket, "crowd", "info", room="lobby")
            await attacker.say(websocket, "crowd", "history", room="lobby", before=2**40, limit=200)
        await attacker.read(websocket, 2)


async def plain_flood(attacker: Attacker) -> None:
    """Fill the lobby as a guest, another one each time."""
    async with open_websocket(attacker.port, None, source=SOURCE) as websocket:
        for _ in range(50):
            attacker.sent["plain flood"] += 1
            await websocket.send_text("BUY " * 900)
        with trio.move_on_after(0.5):
            while True:
                await websocket.receive_text()


async def silence(attacker: Attacker) -> None:
    """Hold places without ever saying hello, or with half a request."""
    async with open_websocket(attacker.port, source=SOURCE):
        stream = await trio.open_tcp_stream("127.0.0.1", attacker.port, local_address=SOURCE)
        async with stream:
            attacker.sent["silence"] += 2
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
            await trio.sleep(5)


ATTACKS: Final[dict[Callable[[Attacker], Awaitable[None]], int]] = {
    invented_rooms: 10,
    notes: 4,
    reactions: 4,
    versions: 4,
    newcomers: 4,
    flood: 2,
    claims: 2,
    guesses: 2,
    presence: 4,
    complaints: 2,
    crowd: 100,
    plain_flood: 2,
    silence: 50,
}
"""All attacks, and how many tasks carry out each."""


async def attack(port: int, duration_s: float) -> Attacker:
    """Carry out all attacks for so long."""
    attacker = Attacker(port)
    with trio.move_on_after(duration_s):
        async with trio.open_nursery() as nursery:
            for function, tasks in ATTACKS.items():
                for _ in range(tasks):
                    nursery.start_soon(_go_on, function, attacker)
    return attacker


async def _go_on(function: Callable[[Attacker], Awaitable[None]], attacker: Attacker) -> None:
    while True:
        try:
            await function(attacker)
        except* (ConnectionLost, OSError, trio.BrokenResourceError):
            attacker.refused["connection lost"] += 1
        await trio.sleep(0.05)
