"""Who may do what, tried on a whole server: each command, by everybody, in rooms of every kind and in every mode.

python -m tests.support.permissions_table > docs/permissions.md
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio
import trio.testing

from tests.support.core import AT_MS, Core, V1Client, open_core
from tests.support.trials import TRIALS
from tests.support.v1 import ack, become_owner
from trio_chat.model.times import DAY_MS
from trio_chat.presence.service import INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SERVER: Final = "~server"

PEOPLE: Final = (
    "outsider",
    "newcomer",
    "member",
    "room moderator",
    "room owner",
    "server moderator",
    "server admin",
    "server owner",
    "removed",
)
"""The outsider is in no room; the newcomer has just come, and is a member; all others but the removed are members too,
and have been here for days. Who is banned from the server cannot say hello at all: a test of its own."""

ROOMS: Final = ("public", "private", "lobby", "direct", "server")
MODES: Final = ("open", "probation", "knock", "quiet")
"""Those in which people who are here already may do different things. (`invite` and `closed` differ at the door.)"""

SCENES: Final = [("open", room) for room in ROOMS] + [(mode, "public") for mode in MODES[1:]]


HEAD: Final = """# Who may do what

Each command, tried on a whole server by people of every role. Made by `python -m tests.support.permissions_table`; a
test holds the server to it. A dash: it is done. Else it is the code of the refusal ([protocol](protocol.md#errors)).
Commands that nobody is refused are left out; what is refused to all alike is said once.

The *outsider* is in no room; the *newcomer* has just come; *removed* was banned from the room. All others are members,
and have been here for days. What is done to somebody is done to a plain member; *theirs* is what another member has
written. In a conversation are the room owner and the member; the others are outsiders there.
"""


@attrs.define
class Clock:
    """The wall clock of the server."""

    now_ms: int = AT_MS


@attrs.define
class Scene:
    """A server with a room of each kind, and one person of each role."""

    core: Core
    clients: dict[str, V1Client] = attrs.field(factory=dict)
    ids: dict[str, str] = attrs.field(factory=dict)
    tokens: dict[str, str] = attrs.field(factory=dict)
    rooms: dict[str, str] = attrs.field(factory=dict)
    seqs: dict[tuple[str, str], int] = attrs.field(factory=dict)
    """The number of a message, by the kind of its room and who wrote it."""

    async def come(self, who: str, name: str) -> None:
        """Somebody new comes."""
        client = await self.core.open_v1()
        welcome = await client.ask("hello", name=name)
        self.clients[who], self.ids[who], self.tokens[who] = client, welcome["user"]["id"], welcome["token"]

    async def again(self, who: str) -> V1Client:
        """A connection of somebody that has joined what they may hear."""
        client = await self.core.open_v1()
        await client.ask("hello", token=self.tokens[who])
        for room in self.rooms.values():
            await client.tell("join", room=room)
        await client.hear_frames()
        return client


async def set_the_scene(core: Core, clock: Clock) -> Scene:
    """People of all roles, in all the rooms."""
    scene = Scene(core)
    for n, who in enumerate((*PEOPLE, "target")):
        if who != "newcomer":
            await scene.come(who, f"Person {chr(65 + n)}")
    owner = scene.clients["room owner"]
    await become_owner(core, scene.clients["server owner"])
    for who in ("moderator", "admin"):
        await ack(
            scene.clients["server owner"], "role", room=SERVER, person=scene.ids[f"server {who}"], role=who
        )
    clock.now_ms += 5 * DAY_MS
    await scene.come("newcomer", "Person Z")
    await ack(owner, "create", kind="public", room="garden")
    private = (await ack(owner, "create", kind="private", title="Plans"))["room"]
    direct = (await ack(owner, "direct", person=scene.ids["member"]))["room"]
    scene.rooms = {
        "public": "garden",
        "private": private,
        "lobby": "lobby",
        "direct": direct,
        "server": SERVER,
    }
    await owner.tell("join", room=private)
    await owner.hear_frames()
    token = (await owner.ask("invite", room=private))["token"]
    for who, client in scene.clients.items():
        if who not in ("outsider", "room owner"):
            await ack(client, "enter", room="garden")
            await ack(client, "accept", token=token)
        for kind, room in scene.rooms.items():
            await client.tell("join", room=room)
            await client.hear_frames()
            answer = await ack(client, "send", room=room, text=f"secret of {who}")
            scene.seqs[kind, who] = answer.get("seq", 999)
    for room in ("garden", private):
        await owner.tell("join", room=room)
        await owner.hear_frames()
        await ack(owner, "role", room=room, person=scene.ids["room moderator"], role="moderator")
        await ack(owner, "ban", room=room, person=scene.ids["removed"])
    await ack(scene.clients["server owner"], "send", room=SERVER, text="secret of those who run it")
    return scene


async def codes(mode: str, kind: str, who: str) -> dict[str, str]:
    """What each command is answered to this person, in a room of this kind: the code of the refusal, or a dash."""
    clock = Clock()
    found = {}
    async with open_core(now_ms=lambda: clock.now_ms) as core:
        scene = await set_the_scene(core, clock)
        admin = scene.clients["server owner"]
        if mode == "quiet":
            await ack(admin, "mode", room=SERVER, quiet_until="2026-11-27T22:00:00Z")
        elif mode != "open":
            await ack(admin, "mode", room=SERVER, mode=mode)
        client = await scene.again(who)
        mine = scene.seqs[kind, who]
        theirs = scene.seqs[kind, "target"]
        if kind == "direct":
            theirs = scene.seqs[kind, "room owner" if who == "member" else "member"]
        for trial in ORDER:
            command, fields = TRIALS[trial]
            clock.now_ms += 10_000  # nobody is too fast
            said = (
                json.dumps(fields).replace("ROOM", scene.rooms[kind]).replace("p-nobody", scene.ids["target"])
            )
            said = said.replace('"MINE"', str(mine)).replace('"THEIRS"', str(theirs))
            extra = {} if command == "hello" else {"id": f"{trial}!"}
            await client.tell(command, **json.loads(said), **extra)
            await trio.sleep(2 * INTERVAL_S)
            found[trial] = _code(await client.hear_frames(), extra.get("id"))
            if client.closed is not None:
                client = await scene.again(who)
    return found


def _code(frames: Sequence[dict[str, Any]], command_id: str | None) -> str:
    refusals = [
        frame["code"] for frame in frames if frame["type"] == "error" and frame.get("id") == command_id
    ]
    return refusals[0] if refusals else "–"


async def table() -> str:
    """The whole document."""
    return HEAD + "".join([text async for text in _sections()])


async def _sections() -> Any:  # noqa: ANN401
    for mode, kind in SCENES:
        found = {who: await codes(mode, kind, who) for who in PEOPLE}
        yield f"\n## Mode {mode}, {NAMES[kind]}\n\n" + "\n".join(_lines(found)) + "\n"


_GOING: Final = ("part", "enter", "leave")
ORDER: Final = [trial for trial in TRIALS if trial not in ("wipe", *_GOING)] + ["wipe", *_GOING]
"""Wiping leaves nothing to delete, so it comes late, and before one goes."""

NAMES: Final = {
    "public": "a public room",
    "private": "a private room",
    "lobby": "the lobby",
    "direct": "a conversation of two",
    "server": "the room of those who run the server",
}


def _lines(found: dict[str, dict[str, str]]) -> Iterator[str]:
    alike = []
    rows = []
    for trial in TRIALS:
        row = [found[who][trial] for who in PEOPLE]
        if set(row) == {"–"}:
            continue
        if len(set(row)) == 1:
            alike.append(f"{trial} `{row[0]}`")
        else:
            rows.append(
                f"| {trial} | " + " | ".join(code if code == "–" else f"`{code}`" for code in row) + " |"
            )
    yield "| | " + " | ".join(PEOPLE) + " |"
    yield "|---" * (len(PEOPLE) + 1) + "|"
    yield from rows
    yield ""
    yield "To all: " + ", ".join(alike) + "."


def main() -> None:
    """Print the document."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    sys.stdout.write(trio.run(table, clock=clock))


if __name__ == "__main__":
    main()
