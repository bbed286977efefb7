"""Who may do what, over the wire: every command, tried by everybody in rooms of every kind.

A new command needs a line in `TRIALS` (`tests/support/trials.py`), and has its turn in each of these tests.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

import attrs
import pytest
import trio
import trio.testing
from msgspec.structs import fields

from tests.support.core import Core, V1Client, open_core
from tests.support.trials import TRIALS
from tests.support.v1 import ack, hello, let_in, make_room
from trio_chat.gateways.v1 import handlers
from trio_chat.kinds.forms import Command, Frame
from trio_chat.presence.service import INTERVAL_S
from trio_chat.protocol.event_frames import EventFrame
from trio_chat.protocol.parts import RoomItem
from trio_chat.protocol.replies import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from trio.testing import MockClock

IN_ROOM: Final = {
    kind
    for kind, command in handlers.DECODER.by_type.items()
    if command.is_in_room and any(field.name == "room" and field.required for field in fields(command))
}

SAME: Final = {"private": "~" + "a" * 24, "direct": "~d" + "a" * 24, "personal": "~p-" + "a" * 12}
"""Of each kind a room that does not exist."""


def test_every_command_is_tried() -> None:
    assert {kind for kind, _ in TRIALS.values()} == set(handlers.DECODER.by_type)


def test_every_command_has_somebody_who_carries_it_out() -> None:
    assert set(handlers.HANDLERS) == set(all_commands(Command))


def all_commands(base: type[Command]) -> Iterator[type[Command]]:
    """The server's commands that derive from this one: those of which no others derive."""
    below = [
        command
        for command in base.__subclasses__()
        if command.__module__.startswith("trio_chat.")
        and not command.__module__.startswith("trio_chat.client.")
    ]
    for command in below:
        yield from all_commands(command)
    if not below:
        yield base


@attrs.frozen
class Scene:
    """Ada's rooms, of all kinds; Cy is in them too where that can be, and Bob was. Eve never was."""

    core: Core
    rooms: dict[str, str]
    messages: dict[str, dict[str, int]]
    """In which room which number is whose."""
    people: dict[str, V1Client]
    tokens: dict[str, str]
    said: list[str] = attrs.field(factory=list)

    async def settle(self) -> None:
        """Let everything that is told later be told, and forget what was heard so far."""
        await trio.sleep(2 * INTERVAL_S)
        for client in self.people.values():
            await client.hear_frames()

    async def again(self, name: str) -> V1Client:
        """Another connection of somebody."""
        client = await self.core.open_v1()
        await client.ask("hello", token=self.tokens[name])
        return client

    async def tried(self, client: V1Client, trial: str, room: str, **numbers: int) -> list[dict[str, Any]]:
        """What somebody is told who says this of a room: names, numbers and what comes by chance left out."""
        kind, fields = TRIALS[trial]
        if kind != "hello":
            fields = {"id": f"{trial} {len(self.said)}", **fields}
            self.said.append(trial)
        said = json.dumps(fields).replace("ROOM", room)
        for word in ("MINE", "THEIRS"):
            said = said.replace(f'"{word}"', str(numbers.get(word.lower(), 1)))
        await client.tell(kind, **json.loads(said))
        await trio.sleep(2 * INTERVAL_S)
        frames = []
        for frame in await client.hear_frames():
            for field in (
                "id",
                "code" if kind in {"link", "recovery"} else "",
                "seq",
                "at",
            ):  # what is another each time
                frame.pop(field, None)
            frames.append(json.loads(json.dumps(frame).replace(room, "ROOM")))
        return frames


async def set_the_scene(core: Core) -> Scene:
    people: dict[str, V1Client] = {}
    ids: dict[str, str] = {}
    tokens: dict[str, str] = {}
    for name in ("Ada", "Bob", "Cy", "Eve"):
        people[name] = client = await core.open_v1()
        welcome = await client.ask("hello", name=name)
        ids[name], tokens[name] = welcome["user"]["id"], welcome["token"]
    ada, bob, cy = people["Ada"], people["Bob"], people["Cy"]
    private = await make_room(ada, "Secret plans")
    await let_in(ada, private, bob, cy)
    direct = (await ack(ada, "direct", person=ids["Cy"]))["room"]
    await ack(ada, "create", kind="public", room="garden")
    rooms = {"private": private, "direct": direct, "public": "garden", "personal": f"~{ids['Ada']}"}
    messages: dict[str, dict[str, int]] = {}
    for kind, room in rooms.items():
        messages[kind] = {}
        for client, name in ((ada, "Ada"), (cy, "Cy")):
            await client.tell("join", room=room)
            await client.hear_frames()
            answer = await ack(client, "send", room=room, text=f"secret of {name}")
            messages[kind][name] = answer.get("seq", 1)
    await bob.tell("watch", room=private)
    await ack(bob, "send", room=private, text="secret of Bob")
    await ack(bob, "part", room=private)
    await ack(ada, "send", room=private, text="secret of later")
    scene = Scene(core, rooms, messages, people, tokens)
    await scene.settle()
    return scene


@pytest.mark.parametrize("kind", SAME)
async def test_whoever_may_not_hear_a_room_cannot_tell_it_from_one_that_is_not_there(
    autojump_clock: MockClock, kind: str
) -> None:
    async with open_core() as core:
        scene = await set_the_scene(core)
        room = scene.rooms[kind]
        head = (await core.rooms.get(room)).head
        told, told_of_none = {}, {}
        for name in ("Eve", "Bob"):
            for trial, (_, fields) in TRIALS.items():
                if "ROOM" in json.dumps(fields):
                    told[name, trial] = await scene.tried(await scene.again(name), trial, room)
                    told_of_none[name, trial] = await scene.tried(await scene.again(name), trial, SAME[kind])
            for trial in ("search", "directory"):
                told[name, trial] = await scene.tried(await scene.again(name), trial, room)
        assert told | told_of_none == told
        frames = [frame for frames in told.values() for frame in frames]
        assert not any(frame.get("hits") for frame in frames if frame["type"] == "found")
        assert "secret of" not in json.dumps(frames)
        assert (await core.rooms.get(room)).head == head
        assert await scene.people["Ada"].hear_frames() == [], "nobody in it noticed anything"


async def test_a_connection_whose_person_has_left_is_an_outsiders(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        scene = await set_the_scene(core)
        cy, room = scene.people["Cy"], scene.rooms["private"]
        trials = [trial for trial, (kind, _) in TRIALS.items() if kind in IN_ROOM]
        devices = [await scene.again("Cy") for _ in trials]
        for device in devices:
            await device.tell("join", room=room)
        await ack(cy, "part", room=room)
        await scene.settle()
        head = (await core.rooms.get(room)).head
        for trial, device in zip(trials, devices, strict=True):
            await device.hear_frames()
            told = await scene.tried(device, trial, room, mine=4, theirs=3)
            assert [frame.get("code", frame["type"]) for frame in told] == (
                ["left"] if trial == "leave" else ["no_such_room"]
            ), trial
        assert (await core.rooms.get(room)).head == head
        assert await scene.people["Ada"].hear_frames() == []


ANYBODY: Final = {
    "preview": "not_here",
    "hello": "already_greeted",
    "create public": "bad_room",
    "direct": "no_such_person",
    "admit": "no_such_person",
    "role": "not_member",
    "become_owner": "bad_link",
    "peek_link": "bad_link",
    "reports": "not_yours",
    "resolve": "not_joined",
    "answer_request": "no_such_room",
    "mode": "not_yours",
    "trust": "not_yours",
    "branch": "not_yours",
    "send, with a file": "no_such_upload",
    "upload, forwarding": "no_such_file",
} | dict.fromkeys(("peek", "accept"), "bad_invite")
"""What anybody is refused in these trials."""
NOT_THEIRS: Final = dict.fromkeys(("edit theirs", "delete theirs", "versions of theirs"), "not_yours")
NO_MODERATOR: Final = dict.fromkeys(("ban", "mute", "wipe"), "not_yours")
NOTHING_TO_WIPE: Final = {"wipe": "no_such_message"}
NO_LINKS: Final = dict.fromkeys(("invite", "invites", "uninvite"), "not_yours")
NOT_PUBLIC: Final = {"enter": "no_such_room"}
NO_MESSAGES: Final = dict.fromkeys(
    (
        *("send", "send, in reply", "edit", "edit theirs", "delete", "delete theirs", "react", "pin", "part"),
        *("send, with a file", "upload", "upload, forwarding"),
        *("settings", "settings, topic", "settings, no picture", "role", "ban", "mute", "mode", "trust"),
    ),
    "no_such_room",
) | {
    "versions": "no_such_message",
    "versions of theirs": "no_such_message",
    "upload_picture": "not_yours",
}
NO_SETTINGS: Final = dict.fromkeys(
    ("settings", "settings, topic", "settings, no picture", "upload_picture"), "not_yours"
)

REFUSED: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("private", "Ada"): NOT_PUBLIC | NOTHING_TO_WIPE | {"edit theirs": "not_yours"},
    ("private", "Cy"): NOT_PUBLIC | NOT_THEIRS | NO_MODERATOR,
    ("direct", "Ada"): NOT_PUBLIC | NOT_THEIRS | NO_LINKS | NO_MODERATOR | NO_SETTINGS,
    ("direct", "Cy"): NOT_PUBLIC | NOT_THEIRS | NO_LINKS | NO_MODERATOR | NO_SETTINGS,
    ("personal", "Ada"): {"wipe": "not_yours", "report": "no_such_message"}
    | NOT_PUBLIC
    | NO_LINKS
    | NO_MESSAGES
    | {"mine": "no_such_room", "receipts": "no_such_message", "reactions": "no_such_message"},
    ("public", "Ada"): NO_LINKS
    | NOTHING_TO_WIPE
    | {"edit theirs": "not_yours", "create public": "already_there"},
    ("public", "Cy"): NO_LINKS
    | NOT_THEIRS
    | NO_MODERATOR
    | dict.fromkeys(("settings", "settings, no picture"), "not_yours")
    | {"part": "not_member", "create public": "already_there"},
}
"""By the room's kind, and who it is, who has joined: what is refused, and how. Everything else is done."""


@pytest.mark.parametrize(("kind", "name"), REFUSED)
async def test_whoever_is_in_a_room_may_do_this(autojump_clock: MockClock, kind: str, name: str) -> None:
    async with open_core() as core:
        scene = await set_the_scene(core)
        numbers = scene.messages[kind]
        mine, theirs = numbers[name], numbers["Cy" if name == "Ada" else "Ada"]
        codes = {}
        for trial in TRIALS:
            told = await scene.tried(scene.people[name], trial, scene.rooms[kind], mine=mine, theirs=theirs)
            if errors := [frame["code"] for frame in told if frame["type"] == "error"]:
                (codes[trial],) = errors
            if trial == "search":
                said = {hit["event"]["text"] for frame in told for hit in frame["hits"]}
                assert "secret of later" in said
        assert codes == ANYBODY | REFUSED[kind, name]


async def test_numbers_beyond_the_end_and_of_other_rooms_are_no_messages(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        scene = await set_the_scene(core)
        cy = scene.people["Cy"]
        for room in (scene.rooms["private"], "garden"):
            head = (await core.rooms.get(room)).head
            for seq in (head + 1, 2**63 - 1):
                for kind, fields in (
                    ("send", {"text": "x", "reply_to": seq}),
                    ("edit", {"seq": seq, "text": "x"}),
                    ("delete", {"seq": seq}),
                    ("react", {"seq": seq, "emoji": "👍"}),
                    ("pin", {"seq": seq}),
                    ("versions", {"seq": seq}),
                    ("receipts", {"seq": seq}),
                    ("reactions", {"seq": seq}),
                ):
                    await cy.tell(kind, room=room, **fields)
                    (answer,) = await cy.hear_frames()
                    assert answer["code"] == "no_such_message", kind
                assert (await cy.ask("fetch", room=room, seqs=[seq]))["events"] == []
                assert "newer" not in await cy.ask("history", room=room, around=seq)
                await cy.tell("mark", room=room, read=seq)
            await trio.sleep(2 * INTERVAL_S)
            marks = (await ack_of(cy, "watch", room=room))["marks"]
            assert {mark["read"] for mark in marks} == {head}


async def ack_of(client: V1Client, kind: str, **fields: object) -> dict[str, Any]:
    """Say something; the last frame that comes back."""
    await client.tell(kind, **fields)
    return (await client.hear_frames())[-1]


async def test_a_repeat_by_somebody_who_has_left_is_an_outsiders_command(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        await ack(bob, "send", id="x", room=room, text="mine")
        await ack(bob, "part", room=room)
        assert (await ack(bob, "send", id="x", room=room, text="mine"))["code"] == "no_such_room"
        assert (await ack(bob, "send", id="x", room="lobby", text="mine"))["code"] == "not_joined"
        await bob.tell("join", room="lobby")
        await bob.hear_frames()
        assert (await ack(bob, "send", id="x", room="lobby", text="mine"))["code"] == "id_conflict"


@pytest.mark.parametrize(
    "trial",
    [
        "history",
        "history after",
        "history around",
        "fetch",
        "versions",
        "info",
        "receipts",
        "reactions",
        "search in it",
        "watch",
    ],
)
async def test_whoever_leaves_while_something_is_read_for_them_is_not_told_it(
    autojump_clock: MockClock, trial: str
) -> None:
    async with open_core() as core:
        scene = await set_the_scene(core)
        cy, room = scene.people["Cy"], scene.rooms["private"]
        phone = await scene.again("Cy")
        await phone.tell("join", room=room)
        await phone.hear_frames()
        with core.store.holding_reads():
            kind, fields = TRIALS[trial]
            said = json.dumps(fields).replace("ROOM", room).replace('"MINE"', "3").replace('"THEIRS"', "3")
            await phone.tell(kind, **json.loads(said))
            await trio.testing.wait_all_tasks_blocked()
            await ack(cy, "part", room=room)
            await ack(scene.people["Ada"], "send", room=room, text="secret of after")
        told = await phone.hear_frames()
        assert "no_such_room" in {frame.get("code") for frame in told}
        assert not {
            "history",
            "fetched",
            "versions",
            "info",
            "receipts",
            "reactions",
            "found",
            "watching",
        } & {frame["type"] for frame in told}
        assert "secret of after" not in json.dumps(told)


@asynccontextmanager
async def held(core: Core, patch: pytest.MonkeyPatch, question: str) -> AsyncIterator[None]:
    """Inside the block what the store answers to one kind of question is read, and then held back."""
    ask, may_answer = getattr(core.store, question), trio.Event()

    async def ask_and_wait(*args: object, **kwargs: object) -> object:
        answer = await ask(*args, **kwargs)
        await may_answer.wait()
        return answer

    with patch.context() as patched:
        patched.setattr(core.store, question, ask_and_wait)
        yield
    may_answer.set()
    await trio.testing.wait_all_tasks_blocked()


async def test_a_search_over_all_rooms_tells_nothing_of_a_room_that_was_left_meanwhile(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        ada, phone = await two_devices(core)
        room = await make_room(ada)
        for where in (room, "lobby"):
            await ada.tell("join", room=where)
            await ack(ada, "send", room=where, text=f"treasure in {where}")
        await ada.hear_frames()
        async with held(core, monkeypatch, "find"):
            await ada.tell("search", query="treasure")
            await trio.testing.wait_all_tasks_blocked()
            await phone.tell("join", room=room)
            assert (await ack(phone, "part", id="away", room=room))["type"] == "ack"
        (found,) = [frame for frame in await ada.hear_frames() if frame["type"] == "found"]
        assert [hit["event"]["text"] for hit in found["hits"]] == ["treasure in lobby"]


async def test_a_repeated_accept_adds_no_room_that_was_left_meanwhile(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        ada, phone = await two_devices(core)
        host, _ = await hello(core, "Host")
        token = (await host.ask("invite", room=await make_room(host)))["token"]
        room = (await ack(ada, "accept", id="in", token=token))["room"]
        await ada.hear_frames()
        async with held(core, monkeypatch, "listed"):
            await ada.tell("accept", id="in", token=token)
            await trio.testing.wait_all_tasks_blocked()
            await phone.tell("join", room=room)
            assert (await ack(phone, "part", id="away", room=room))["type"] == "ack"
        frames = await ada.hear_frames()
        assert [frame["type"] for frame in frames] == ["room_removed", "ack"]


@pytest.mark.parametrize("change", ["part", "accept"])
async def test_who_says_hello_while_their_rooms_change_is_welcomed_with_those_of_now(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    async with open_core() as core:
        ada, _phone = await two_devices(core)
        link = (await ada.ask("link"))["code"]
        host, _ = await hello(core, "Host")
        token = (await host.ask("invite", room=await make_room(host)))["token"]
        room = await make_room(ada)
        tablet = await core.open_v1()
        async with held(core, monkeypatch, "arrival"):
            await tablet.tell("hello", link=link, lists=True)
            await trio.testing.wait_all_tasks_blocked()
            if change == "part":
                assert (await ack(ada, "part", room=room))["type"] == "ack"
            else:
                room = (await ack(ada, "accept", token=token))["room"]
        welcome, *rest = await tablet.hear_frames()
        assert welcome["type"] == "welcome"
        assert (room in {item["room"] for item in welcome["rooms"]}) == (change == "accept")
        assert all(frame["item"]["room"] == room for frame in rest)


async def two_devices(core: Core) -> tuple[V1Client, V1Client]:
    """Two connections of one person."""
    ada, _ = await hello(core, "Ada")
    phone = await core.open_v1()
    await phone.ask("hello", link=(await ada.ask("link"))["code"])
    return ada, phone


def mentions_rooms(frame: type) -> bool:
    """Whether a frame has events or rooms in it, at any depth."""
    waiting, seen = [frame], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in {RoomItem, *get_args(EventFrame)}:
            return True
        if hasattr(current, "__struct_fields__"):
            waiting += get_type_hints(current).values()
        else:
            waiting += get_args(current)
    return False


@pytest.mark.parametrize("frame", sorted(set(get_args(Answer)) - set(get_args(EventFrame)), key=repr))
def test_every_reply_with_rooms_in_it_names_one_or_can_leave_them_out(frame: type[Frame]) -> None:
    if mentions_rooms(frame):
        assert "room" in frame.__struct_fields__ or frame.without is not Frame.without
