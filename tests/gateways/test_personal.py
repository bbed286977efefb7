"""What people keep for themselves: on all their devices, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.core import Core, V1Client, open_core
from tests.support.v1 import ack

if TYPE_CHECKING:
    from trio.testing import MockClock

AT = "2026-11-22T21:00:00.123Z"


async def arrive(core: Core, name: str | None = None, **fields: object) -> tuple[V1Client, dict[str, Any]]:
    """Somebody who has joined their own room, and the welcome."""
    client = await core.open_v1()
    welcome = await client.ask("hello", **(fields if name is None else {"name": name}))
    await client.tell("join", room=f"~{welcome['user']['id']}")
    await client.hear_frames()
    return client, welcome


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"what": "star", "room": "lobby", "target": 4},
            {"type": "star", "of": "lobby", "target": 4, "on": True},
        ),
        (
            {"what": "hide", "room": "LOBBY", "target": 4, "on": False},
            {"type": "hide", "of": "lobby", "target": 4, "on": False},
        ),
        (
            {"what": "level", "room": "lobby", "level": "none", "until": "2026-11-23T08:00:00+01:00"},
            {"type": "level", "of": "lobby", "level": "none", "until": "2026-11-23T07:00:00.000Z"},
        ),
        (
            {"what": "level", "room": "lobby", "level": "mentions"},
            {"type": "level", "of": "lobby", "level": "mentions"},
        ),
        ({"what": "unread", "room": "lobby", "seq": 3}, {"type": "unread", "of": "lobby", "from_seq": 3}),
        ({"what": "unread", "room": "lobby"}, {"type": "unread", "of": "lobby", "from_seq": None}),
        ({"what": "pin_room", "room": "Lobby"}, {"type": "pin_room", "of": "lobby", "on": True}),
        (
            {"what": "pin_room", "room": "lobby", "on": False},
            {"type": "pin_room", "of": "lobby", "on": False},
        ),
    ],
)
async def test_what_somebody_keeps_stands_in_their_own_room_and_all_their_devices_hear_it(
    autojump_clock: MockClock, said: dict[str, Any], told: dict[str, Any]
) -> None:
    async with open_core() as core:
        await core.fill(list("abcd"))
        ada, welcome = await arrive(core, "Ada")
        laptop, _ = await arrive(core, token=welcome["token"])
        bob = await core.open_person("Bob")
        ada_id = welcome["user"]["id"]
        room = f"~{ada_id}"
        answer = await ack(ada, "mine", id="c9", **said)
        assert answer == {"type": "ack", "id": "c9", "room": room, "seq": 1}
        assert await ack(ada, "mine", id="c9", **said) == answer, "a repeat"
        common = {"room": room, "seq": 1, "id": "c9", "from": ada_id, "name": "Ada", "at": AT}
        heard = await laptop.hear_frames()
        common["proof"] = (await core.rooms.get(room)).prover.prove(1)
        assert heard == [told | common]
        assert await bob.hear_frames() == []
        assert (await bob.ask("join", room=room))["code"] == "no_such_room"


async def test_who_comes_back_is_told_what_they_keep_and_only_that(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["a", "b"])
        await core.fill(["c"], room="garden")
        ada, welcome = await arrive(core, "Ada")
        await ack(ada, "mine", what="star", room="lobby", target=1)
        await ack(ada, "mine", what="star", room="lobby", target=2)
        await ack(ada, "mine", what="star", room="lobby", target=1, on=False)
        await ack(ada, "mine", what="level", room="garden", level="none")
        again = await core.open_v1()
        mine = (await again.ask("hello", token=welcome["token"], lists=True))["mine"]
        assert (mine["room"], mine["head"]) == (f"~{welcome['user']['id']}", 4)
        assert [(one["type"], one["of"], one.get("target"), one.get("on")) for one in mine["events"]] == [
            ("star", "lobby", 2, True),
            ("star", "lobby", 1, False),
            ("level", "garden", None, None),
        ]


@pytest.mark.parametrize(
    "said",
    [
        {"what": "star", "room": "lobby"},
        {"what": "level", "room": "lobby"},
        {"what": "level", "room": "lobby", "level": "some"},
        {"what": "level", "room": "lobby", "level": "none", "until": "tomorrow"},
        {"what": "level", "room": "lobby", "level": "none", "until": "2026-11-23T08:00:00"},
        {"what": "dream", "room": "lobby"},
        {"what": "unread", "room": "lobby", "seq": 0},
    ],
)
async def test_what_is_not_right_is_refused(autojump_clock: MockClock, said: dict[str, Any]) -> None:
    async with open_core() as core:
        ada, _ = await arrive(core, "Ada")
        assert (await ack(ada, "mine", **said))["code"] == "bad_field"


async def test_nothing_else_stands_in_somebodys_own_room(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, welcome = await arrive(core, "Ada")
        own = f"~{welcome['user']['id']}"
        assert (await ack(ada, "send", room=own, text="to myself"))["code"] == "no_such_room"
        assert (await ack(ada, "mine", what="star", room="no room", target=1))["code"] == "bad_room"


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59.999-12:00", "0001-01-01T00:00:00+14:00"])
async def test_a_moment_that_cannot_be_told_is_not_written(autojump_clock: MockClock, until: str) -> None:
    async with open_core() as core:
        ada = await core.open_v1()
        token = (await ada.ask("hello", name="Ada"))["token"]
        answer = await ack(ada, "mine", what="level", room="lobby", level="none", until=until)
        assert answer["code"] == "bad_field"
        again = await core.open_v1()
        assert (await again.ask("hello", token=token, lists=True))["type"] == "welcome"
