"""Lists of rooms over two nodes that lose, delay, double and swap what they tell each other: whatever people do, each
of their connections ends with the list that the store has."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
import trio.testing

from tests.support.nodes import open_nodes
from trio_chat.nodes.look import LOOK_EACH_S
from trio_chat.store.hints import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from tests.support.nodes import SharedStore

STEPS = 60


class Line:
    """What nodes tell each other, as a bad line carries it."""

    def __init__(self, rng: random.Random, deliver: Callable[[Any], object]) -> None:
        self._rng = rng
        self._deliver = deliver
        self._late: list[Any] = []

    def carry(self, told: Any) -> None:  # noqa: ANN401
        for _ in range(self._rng.choice((0, 0, 1, 1, 2))):
            if self._rng.random() < 0.5:
                self._deliver(told)
            else:
                self._late.append(told)
        if self._rng.random() < 0.3:
            self._rng.shuffle(self._late)
            late, self._late = self._late, []
            for one in late:
                self._deliver(one)


@attrs.define
class Device:
    """A connection of a person, and the lists that its client keeps."""

    client: V1Client
    person: str
    token: str
    rooms: set[str] = attrs.field(factory=set)
    requests: set[str] = attrs.field(factory=set)

    async def hear(self) -> list[dict[str, Any]]:
        """Apply what it is told, and return it."""
        frames = await self.client.hear_frames()
        for frame in frames:
            match frame["type"]:
                case "room_added":
                    self.rooms.add(frame["item"]["room"])
                    self.requests.discard(frame["item"]["room"])
                case "request":
                    self.requests.add(frame["item"]["room"])
                case "room_removed":
                    self.rooms.discard(frame["room"])
                    self.requests.discard(frame["room"])
        return frames


async def come(core: Core, **fields: object) -> Device:
    """A connection that has said hello."""
    client = await core.open_v1()
    welcome = await client.ask("hello", lists=True, **fields)
    token = str(fields.get("token") or welcome["token"])
    device = Device(client, welcome["user"]["id"], token)
    device.rooms |= {item["room"] for item in welcome["rooms"]}
    device.requests |= set(welcome.get("requests", ()))
    return device


class People:
    """What some people do, each from either node."""

    def __init__(self, rng: random.Random, store: SharedStore, devices: list[Device]) -> None:
        self._rng = rng
        self._store = store
        self._devices = devices
        self._rooms: list[str] = []
        self._links: list[str] = []

    async def act(self) -> None:
        """One of them does something; it may be refused."""
        device = self._rng.choice(self._devices)
        other = self._rng.choice(self._devices)
        room = self._rng.choice(self._rooms) if self._rooms else "none"
        acts: list[tuple[str, dict[str, object]]] = [
            ("create", {"kind": "private", "title": "Plans"}),
            ("direct", {"person": other.person}),
            ("join", {"room": room}),
            ("leave", {"room": room}),
            ("part", {"room": room}),
            ("ban", {"room": room, "person": other.person, "on": self._rng.random() < 0.6}),
            ("admit", {"room": room, "person": other.person}),
            ("answer_request", {"room": room, "accept": self._rng.random() < 0.5}),
            ("send", {"room": room, "text": "x"}),
            ("invite", {"room": room}),
            ("mine", {"what": "block", "person": other.person, "on": self._rng.random() < 0.5}),
        ]
        if self._links:
            acts += [("accept", {"token": self._rng.choice(self._links)})] * 3
        kind, fields = self._rng.choice(acts)
        if kind in ("part", "ban", "admit", "invite", "send"):
            await device.client.tell("join", room=room)
        command = await device.client.tell(kind, **fields)
        for frame in await device.hear():
            if frame.get("id") != command:
                continue
            if frame["type"] == "ack" and kind in ("create", "direct") and frame["room"] not in self._rooms:
                self._rooms.append(frame["room"])
            if "token" in frame and kind == "invite":
                self._links.append(frame["token"])


@pytest.mark.parametrize("seed", range(8))
async def test_lists_end_as_the_store_has_them(seed: int, autojump_clock: MockClock) -> None:
    rng = random.Random(seed)
    async with open_nodes() as (store, one, two):
        store.deliver = Line(rng, store.deliver).carry
        store.deliver_message = Line(rng, store.deliver_message).carry
        devices = [await come(rng.choice((one, two)), name=name) for name in ("Ada", "Bob", "Eve", "Joe")]
        devices += [await come(core, token=first.token) for first in devices for core in (one, two)]
        people = People(rng, store, devices)
        for _ in range(STEPS):
            await people.act()
        for _ in range(2):
            store.bell.ring(EVERYTHING)
            await trio.sleep(2 * LOOK_EACH_S)
        for device in devices:
            await device.hear()
            listed = {item.room for item in await store.listing(device.person)}
            assert device.rooms == listed, seed
            assert device.requests == {item.room for item in await store.requests(device.person)}, seed
        assert people._rooms, "nobody did anything"
