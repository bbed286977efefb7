"""What a client does next: everything that people do in a chat, to their own messages and to those of others, and now
and then what they may not."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tests.torture import commands
from tests.torture.context import ROOMS, name_of, spelled
from tests.torture.model import LOBBY, is_personal, is_public

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from tests.torture.commands import Deed
    from tests.torture.events import Line
    from tests.torture.raw_client import RawClient
    from tests.torture.v1_connection import V1Connection

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

EMOJI = ("👍", "❤️", "🏳️‍🌈")

NICKNAMES = ("the first", "the second", "the third")

MAX_ROOMS = 2
"""How many private rooms a client makes."""

RECENT = 40
"""Among how many of a room's newest events one looks for a message."""

WEIGHTS = {
    "say": 50,
    "react": 12,
    "edit": 7,
    "delete": 6,
    "pin": 3,
    "settings": 2,
    "create": 1,
    "direct": 1,
    "accept": 2,
    "part": 1.5,
    "enter": 1,
    "mine": 4,
}


def choose(client: RawClient, command: str, rng: random.Random) -> Deed | None:
    """Something to ask for under this id; None if there is nothing of the kind that was chosen."""
    what = rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
    person, room = client.person, spelled(rng.choice(client.places()))
    match what:
        case "say":
            return _say(client, room, command, rng)
        case "settings":
            field = "title" if rng.random() < 0.5 and room not in ROOMS else "topic"
            return commands.settings(room, **{field: f"{field} {person} {command}"})
        case "create" if client.rooms_made < MAX_ROOMS:
            client.rooms_made += 1
            return commands.create(person, f"the room of {person} {command}")
        case "direct":
            others = [other for other in client.world.tokens if other != person]
            return commands.direct(person, rng.choice(others)) if others else None
        case "accept" if client.world.links:
            return commands.accept(person, rng.choice(client.world.links[-5:])[1])
        case "part" if name_of(room) != LOBBY:
            return commands.part(person, room)
        case "enter":
            return commands.enter(person, ROOMS[1])
    message = _find(client, room, rng)
    return None if message is None else _about(what, client, room, message, command, rng)


def _about(
    what: str, client: RawClient, room: str, message: Line, command: str, rng: random.Random
) -> Deed | None:
    match what:
        case "edit":
            return commands.edit(room, message.seq, text_of(client, command, rng))
        case "delete":
            return commands.delete(room, message.seq)
        case "react":
            return commands.react(room, message.seq, rng.choice(EMOJI), rng.random() < 0.6)
        case "pin":
            return commands.pin(room, message.seq, rng.random() < 0.6)
        case "mine":
            return _keep(client.person, room, message.seq, rng)
    return None


def _keep(person: str, room: str, seq: int, rng: random.Random) -> Deed:
    match rng.randrange(4):
        case 0:
            return commands.star(person, room, seq, rng.random() < 0.7)
        case 1:
            return commands.star(person, room, seq, rng.random() < 0.7, what="hide")
        case 2:
            return commands.level(person, room, rng.choice(("all", "mentions", "none")))
        case _:
            return commands.unread(person, room, rng.choice((seq, None)))


def _say(client: RawClient, room: str, command: str, rng: random.Random) -> Deed:
    text = text_of(client, command, rng)
    if rng.random() < 0.8:
        return commands.send(room, text)
    message = _find(client, room, rng)
    return commands.send(
        room,
        text,
        reply_to=message.seq if message else 0,
        mentions=rng.choice(((), ("all",), (client.person,))),
    )


def text_of(client: RawClient, command: str, rng: random.Random) -> str:
    """A text that nobody else says."""
    return f"{client.person} {command}: " + " ".join(rng.choices(WORDS, k=rng.randint(0, 3)))


def _find(client: RawClient, room: str, rng: random.Random) -> Line | None:
    """A message of a room, most often one's own; now and then an event that is none."""
    lines = list(islice(reversed(client.timelines[name_of(room)].lines), RECENT))
    wanted: Sequence[Line] = [line for line in lines if line.kind == "message"]
    if rng.random() < 0.5:
        wanted = [line for line in wanted if line.sender == client.person]
    if rng.random() < 0.03:
        wanted = lines
    return rng.choice(wanted) if wanted else None


async def ask_beside(client: RawClient, connection: V1Connection, rng: random.Random) -> None:
    """Something that is not written to a log, or not answered with an ack."""
    room = rng.choice(client.places())
    seen = client.timelines[room].last
    if room not in connection.joined or not seen:
        return
    dice = rng.random()
    if dice < 0.4:
        read = rng.randint(1, seen + (5 if rng.random() < 0.1 else 0))
        await connection.mark(room, delivered=rng.randint(1, seen), read=read)
    elif dice < 0.6:
        await connection.ask("watch", room)
    elif dice < 0.7:
        await connection.ask("info", room)
    elif dice < 0.75:
        await connection.rename(f"{client.name} {client.introductions} {rng.choice(NICKNAMES)}")
    elif is_public(room) or is_personal(room) or room.startswith("~d"):
        await connection.ask_page(spelled(room), rng.randint(1, seen))
    elif dice < 0.98:
        await connection.ask("invite", room, uses=rng.choice((0, 1, 1, 2, 3)))
    else:
        await connection.ask("uninvite", room)
