"""What people hide from others, and do not see of them then; and blocks, between which two people nothing is shown."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.core import AT_MS, Core, V1Client, open_core
from tests.support.memory_store import MemoryDisk
from tests.support.nodes import open_nodes
from tests.support.v1 import ack, hello, let_in, make_room
from trio_chat.kinds.forms import timestamp
from trio_chat.presence.service import INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trio.testing import MockClock

WHAT = ["here", "seen", "typing", "read", "receipts", "people", "info", "read elsewhere", "listed"]
HIDDEN_BY = {
    "show_seen": {"here", "seen", "people", "info"},
    "show_typing": {"typing"},
    "show_receipts": {"read", "receipts", "read elsewhere", "listed"},
    "block": set(WHAT),
}


class Scene:
    """Ada, Bob and Cy in a private room, where Ada has written a message; Old is a member who went away. All are at one
    node, or Bob is at another one."""

    def __init__(
        self, core: Core, room: str, people: dict[str, V1Client], ids: dict[str, str], *, settles_s: float
    ) -> None:
        self.core = core
        self.settles_s = settles_s
        self.room = room
        self.people = people
        self.ids = ids

    async def does(self, viewer: str, person: str) -> set[str]:
        """What the viewer is shown of a person who reads and types in the room meanwhile."""
        watching, acting, who = self.people[viewer], self.people[person], self.ids[person]
        shown = set()
        await watching.tell("watch", room=self.room)
        await watching.hear_frames()
        await trio.sleep(self.settles_s)
        await watching.hear_frames()
        await acting.tell("watch", room=self.room)
        seq = (await ack(self.people["Ada"], "send", room=self.room, text="x"))["seq"]
        await acting.tell("mark", room=self.room, read=seq)
        await acting.tell("typing", room=self.room)
        await trio.sleep(self.settles_s)
        for frame in await watching.hear_frames():
            text = json.dumps(frame)
            if frame["type"] == "presence" and who in text:
                shown.add("here")
            if frame["type"] == "typing" and who in text:
                shown.add("typing")
            if frame["type"] == "marks" and who in text:
                shown.add("read")
        view = await answer_to(watching, "watch", room=self.room)
        assert (who in json.dumps(view.get("here"))) == ("here" in shown)
        assert view.get("count", 0) >= len(view.get("here", []))
        assert (who in json.dumps(view.get("marks"))) == ("read" in shown)
        receipts = await answer_to(watching, "receipts", room=self.room, seq=seq)
        assert (who in json.dumps(receipts["read"])) == (who in json.dumps(receipts["delivered"]))
        if who in json.dumps(receipts["read"]):
            shown.add("receipts")
        for kind, field, name in (("people", "people", "people"), ("info", "members", "info")):
            fields = {"ids": [who]} if kind == "people" else {"room": self.room}
            (user,) = [one for one in (await answer_to(watching, kind, **fields))[field] if one["id"] == who]
            if user.get("here"):
                shown.add(name)
        shown |= await self._away(viewer, person)
        await acting.tell("watch", room=None)
        await acting.stream.aclose()
        await trio.sleep(self.settles_s)
        (user,) = (await answer_to(watching, "people", ids=[who]))["people"]
        assert user.get("seen") in (None, timestamp(AT_MS))
        if "seen" in user:
            shown.add("seen")
        return shown

    async def _away(self, viewer: str, person: str) -> set[str]:
        """What the viewer, who looks at no room, is shown of a person who reads what the viewer writes."""
        watching, acting, who = self.people[viewer], self.people[person], self.ids[person]
        await watching.tell("watch")
        seq = (await ack(watching, "send", room=self.room, text="y"))["seq"]
        await acting.tell("mark", room=self.room, read=seq)
        await trio.sleep(self.settles_s)
        heard = [frame for frame in await watching.hear_frames() if frame["type"] == "marks"]
        mark = {"person": who, "delivered": seq, "read": seq}
        item = (await answer_to(watching, "listing", room=self.room))["item"]
        shown = {"read elsewhere"} if any(mark in frame["marks"] for frame in heard) else set()
        return shown | ({"listed"} if mark in item.get("marks", []) else set())


async def answer_to(client: V1Client, kind: str, **fields: object) -> dict[str, Any]:
    command_id = await client.tell(kind, **fields)
    heard = await client.hear_frames()
    return next(frame for frame in heard if frame.get("id") == command_id and "from" not in frame)


async def set_the_scene(core: Core, elsewhere: Core | None = None) -> Scene:
    people, ids = {}, {}
    for name in ("Ada", "Bob", "Cy"):
        there = elsewhere if elsewhere is not None and name == "Bob" else core
        people[name], ids[name] = await hello(there, name)
    room = await make_room(people["Ada"])
    await let_in(people["Ada"], room, people["Bob"], people["Cy"])
    scene = Scene(core, room, people, ids, settles_s=(2 if elsewhere is None else 5) * INTERVAL_S)
    await trio.sleep(scene.settles_s)
    for client in people.values():
        await client.hear_frames()
    return scene


@asynccontextmanager
async def open_scene(nodes: int) -> AsyncIterator[Scene]:
    if nodes == 1:
        async with open_core() as core:
            yield await set_the_scene(core)
    else:
        async with open_nodes() as (_, one, two):
            yield await set_the_scene(one, two)


async def changes_heard(client: V1Client) -> list[dict[str, Any]]:
    return [frame for frame in await client.hear_frames() if frame["type"] == "presence"]


async def hide(scene: Scene, who: str, what: str, other: str) -> None:
    if what == "block":
        answer = await ack(scene.people[who], "mine", what="block", person=scene.ids[other])
        assert answer["type"] == "ack"
    else:
        assert (await answer_to(scene.people[who], "profile", **{what: False}))[what] is False
    await trio.sleep(INTERVAL_S)


@pytest.mark.parametrize("nodes", [1, 2])
async def test_nothing_is_hidden_by_default(autojump_clock: MockClock, nodes: int) -> None:
    async with open_scene(nodes) as scene:
        assert await scene.does("Ada", "Bob") == set(WHAT)


@pytest.mark.parametrize("what", HIDDEN_BY)
@pytest.mark.parametrize("who", ["viewer", "viewed"])
@pytest.mark.parametrize("nodes", [1, 2])
async def test_who_hides_something_does_not_see_it_of_others_either(
    autojump_clock: MockClock, what: str, who: str, nodes: int
) -> None:
    async with open_scene(nodes) as scene:
        hider, other = ("Cy", "Bob") if who == "viewer" else ("Bob", "Cy")
        await hide(scene, hider, what, other)
        assert await scene.does("Cy", "Bob") == set(WHAT) - HIDDEN_BY[what]


@pytest.mark.parametrize("what", HIDDEN_BY)
@pytest.mark.parametrize("nodes", [1, 2])
async def test_between_others_all_is_shown(autojump_clock: MockClock, what: str, nodes: int) -> None:
    async with open_scene(nodes) as scene:
        await hide(scene, "Cy", what, "Bob")
        await scene.people["Cy"].tell("watch", room=scene.room)
        assert await scene.does("Ada", "Bob") == set(WHAT)


@pytest.mark.parametrize("what", HIDDEN_BY)
async def test_what_is_hidden_stays_hidden_after_a_restart(autojump_clock: MockClock, what: str) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        scene = await set_the_scene(core)
        tokens = {}
        for name, client in scene.people.items():
            other = await core.open_v1()
            code = (await answer_to(client, "link"))["code"]
            tokens[name] = (await other.ask("hello", link=code))["token"]
        await hide(scene, "Bob", what, "Cy")
    async with open_core(disk) as core:
        people = {}
        for name, token in tokens.items():
            people[name] = await core.open_v1()
            await people[name].ask("hello", token=token)
            await people[name].tell("join", room=scene.room)
            await people[name].hear_frames()
        again = Scene(core, scene.room, people, scene.ids, settles_s=scene.settles_s)
        assert await again.does("Cy", "Bob") == set(WHAT) - HIDDEN_BY[what]


@pytest.mark.parametrize("what", ["show_seen", "block"])
@pytest.mark.parametrize("nodes", [1, 2])
async def test_who_hides_while_others_look_goes_at_once_and_comes_back(
    autojump_clock: MockClock, what: str, nodes: int
) -> None:
    async with open_scene(nodes) as scene:
        bob, cy = scene.people["Bob"], scene.people["Cy"]
        for client in (bob, cy):
            await client.tell("watch", room=scene.room)
        await trio.sleep(scene.settles_s)
        await cy.hear_frames()
        await hide(scene, "Bob", what, "Cy")
        await trio.sleep(scene.settles_s)
        (gone,) = await changes_heard(cy)
        assert (gone["type"], gone["went"], gone["count"]) == ("presence", [scene.ids["Bob"]], 1)
        if what == "block":
            await ack(bob, "mine", what="block", person=scene.ids["Cy"], on=False)
        else:
            await answer_to(bob, "profile", show_seen=True)
        await trio.sleep(scene.settles_s)
        (back,) = await changes_heard(cy)
        assert (back["type"], back["came"][0]["id"], back["count"]) == ("presence", scene.ids["Bob"], 2)


async def test_ones_own_devices_are_told_of_ones_own_marks_whatever_is_hidden(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        scene = await set_the_scene(core)
        bob = scene.people["Bob"]
        await hide(scene, "Bob", "show_receipts", "")
        laptop = await core.open_v1()
        await laptop.ask("hello", link=(await answer_to(bob, "link"))["code"])
        await laptop.tell("join", room=scene.room)
        await laptop.tell("watch", room=scene.room)
        await laptop.hear_frames()
        await bob.tell("mark", room=scene.room, read=2)
        await trio.sleep(2 * INTERVAL_S)
        (frame,) = [frame for frame in await laptop.hear_frames() if frame["type"] == "marks"]
        assert frame["marks"] == [{"person": scene.ids["Bob"], "delivered": 2, "read": 2}]


async def test_a_block_that_is_made_while_somebody_logs_in_counts(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        scene = await set_the_scene(core)
        bob, cy = scene.people["Bob"], scene.people["Cy"]
        code = (await answer_to(cy, "link"))["code"]
        await cy.stream.aclose()
        await trio.sleep(2 * INTERVAL_S)
        read: Callable[..., Any] = core.store.arrival

        async def read_and_wait(person: str, **limits: object) -> object:
            found = await read(person, **limits)
            if person == scene.ids["Cy"]:
                await ack(bob, "mine", what="block", person=person)
            return found

        monkeypatch.setattr(core.store, "arrival", read_and_wait)
        again = await core.open_v1()
        await again.ask("hello", link=code)
        (user,) = (await answer_to(again, "people", ids=[scene.ids["Bob"]]))["people"]
        assert "here" not in user
