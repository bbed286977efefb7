"""Workload generator: which command a client sends next.

It sends every command of the protocol, about its own messages and those of others, and now and then one that the rules
forbid.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tests.torture import commands
from tests.torture.context import ROOMS, canonical_name, spelled_name
from tests.torture.model import LOBBY, is_personal, is_public

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from tests.torture.commands import Command
    from tests.torture.events import Event
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
"""Words of generated texts: the server must carry each of them unchanged."""

EMOJI = ("👍", "❤️", "🏳️‍🌈")

NICKNAMES = ("the first", "the second", "the third")

MAX_ROOMS = 2
"""Private rooms that one client creates at most."""

RECENT_EVENTS = 40
"""Newest events of a room among which a command's message is chosen."""

WEIGHTS = {
    "send": 50,
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
    "ban": 1.5,
    "personal": 4,
}
"""Relative frequency of each command."""


def choose_command(client: RawClient, key: str, rng: random.Random) -> Command | None:
    """A random command for the next idempotency key; None if the kind that was drawn is not possible now."""
    action = rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
    person, room = client.person, spelled_name(rng.choice(client.pick_rooms()))
    match action:
        case "send":
            return _message_command(client, room, key, rng)
        case "settings":
            field = "title" if rng.random() < 0.5 and room not in ROOMS else "topic"
            return commands.settings(room, **{field: f"{field} {person} {key}"})
        case "create" if client.rooms_made < MAX_ROOMS:
            client.rooms_made += 1
            return commands.create(person, f"the room of {person} {key}")
        case "direct":
            others = [other for other in client.context.tokens if other != person]
            return commands.direct(person, rng.choice(others)) if others else None
        case "accept" if client.context.invitations:
            return commands.accept(person, rng.choice(client.context.invitations[-5:])[1])
        case "part" if canonical_name(room) != LOBBY:
            return commands.part(person, room)
        case "ban" if not is_public(room) and not is_personal(room):
            banned = rng.choice(list(client.context.tokens))
            return commands.ban(room, banned, rng.random() < 0.5)
        case "enter":
            return commands.enter(person, ROOMS[1])
    message = _find_message(client, room, rng)
    return None if message is None else _command_about_message(action, client, room, message, key, rng)


def _command_about_message(
    action: str, client: RawClient, room: str, message: Event, key: str, rng: random.Random
) -> Command | None:
    match action:
        case "edit":
            return commands.edit(room, message.seq, unique_text(client, key, rng))
        case "delete":
            return commands.delete(room, message.seq)
        case "react":
            return commands.react(room, message.seq, rng.choice(EMOJI), rng.random() < 0.6)
        case "pin":
            return commands.pin(room, message.seq, rng.random() < 0.6)
        case "personal":
            return _personal_command(client.person, room, message.seq, rng)
    return None


def _personal_command(person: str, room: str, seq: int, rng: random.Random) -> Command:
    match rng.randrange(4):
        case 0:
            return commands.star(person, room, seq, rng.random() < 0.7)
        case 1:
            return commands.star(person, room, seq, rng.random() < 0.7, what="hide")
        case 2:
            return commands.level(person, room, rng.choice(("all", "mentions", "none")))
        case _:
            return commands.unread(person, room, rng.choice((seq, None)))


def _message_command(client: RawClient, room: str, key: str, rng: random.Random) -> Command:
    text = unique_text(client, key, rng)
    if rng.random() < 0.8:
        return commands.send(room, text)
    message = _find_message(client, room, rng)
    return commands.send(
        room,
        text,
        reply_to=message.seq if message else 0,
        mentions=rng.choice(((), (client.person,))),  # of everybody are limited by time
    )


def unique_text(client: RawClient, key: str, rng: random.Random) -> str:
    """A text that no other command of the run has: it begins with the person and the key."""
    return f"{client.person} {key}: " + " ".join(rng.choices(WORDS, k=rng.randint(0, 3)))


def _find_message(client: RawClient, room: str, rng: random.Random) -> Event | None:
    """A recent message of a room, most often one's own; now and then an event of another kind."""
    events = list(islice(reversed(client.timelines[canonical_name(room)].events), RECENT_EVENTS))
    wanted: Sequence[Event] = [event for event in events if event.kind == "message"]
    if rng.random() < 0.5:
        wanted = [event for event in wanted if event.sender == client.person]
    if rng.random() < 0.03:
        wanted = events
    return rng.choice(wanted) if wanted else None


async def send_unlogged_command(client: RawClient, connection: V1Connection, rng: random.Random) -> None:
    """Send a command that is not logged, or is answered with something else than an ack."""
    room = rng.choice(client.pick_rooms())
    seen = client.timelines[room].last
    if room not in connection.joined or not seen:
        return
    dice = rng.random()
    if dice < 0.4:
        read = rng.randint(1, seen + (5 if rng.random() < 0.1 else 0))
        await connection.mark(room, delivered=rng.randint(1, seen), read=read)
    elif dice < 0.6:
        await connection.request("watch", room)
    elif dice < 0.7:
        await connection.request("info", room)
    elif dice < 0.75:
        await connection.rename(f"{client.name} {client.n_identities} {rng.choice(NICKNAMES)}")
    elif is_public(room) or is_personal(room) or room.startswith("~d"):
        await connection.request_history(spelled_name(room), rng.randint(1, seen))
    elif dice < 0.98:
        await connection.request("invite", room, uses=rng.choice((0, 1, 1, 2, 3)))
    else:
        await connection.request("uninvite", room)
