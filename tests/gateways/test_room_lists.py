"""Lists of rooms: when a room was active, and who has received the person's own newest message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.support.core import AT_MS, Core, V1Client, open_core
from tests.support.v1 import ack, hello, let_in, make_room
from trio_chat.gateways.v1 import people
from trio_chat.kinds.forms import timestamp
from trio_chat.presence import service
from trio_chat.presence.service import INTERVAL_S
from trio_chat.protocol.parts import RoomItem, User
from trio_chat.protocol.replies import RoomAdded, Welcome

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock


async def item_of(client: V1Client, room: str) -> dict[str, Any]:
    """The room as it stands in the person's list."""
    await client.tell("listing", room=room)
    (item,) = [frame["item"] for frame in await client.hear_frames() if frame["type"] == "listing"]
    return dict(item)


async def in_the_lobby(core: Core, name: str) -> tuple[V1Client, str]:
    """Somebody who hears the lobby, and their id."""
    client, person = await hello(core, name)
    await client.tell("join", room="lobby")
    await client.hear_frames()
    return client, person


async def two_in_a_room(core: Core) -> tuple[V1Client, V1Client, str, str]:
    """Ada, Bob, Bob's id, and a private room of them."""
    (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
    room = await make_room(ada)
    await let_in(ada, room, bob)
    await ada.hear_frames()
    return ada, bob, bob_id, room


async def reads(client: V1Client, room: str, seq: int) -> None:
    """They read the room up to there, and it is told."""
    await client.tell("mark", room=room, read=seq)
    await trio.sleep(2 * INTERVAL_S)


async def test_a_list_says_when_a_room_was_active_also_of_one_without_a_message(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, _ = await in_the_lobby(core, "Ada")
        room = await make_room(ada)
        await ada.hear_frames()
        item = await item_of(ada, room)
        assert ("last" in item, item["active"]) == (False, timestamp(AT_MS))
        assert "active" not in await item_of(ada, "lobby"), "nothing ever happened there"


async def test_the_list_tells_who_has_received_ones_own_newest_message(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob, bob_id, room = await two_in_a_room(core)
        await ack(ada, "send", room=room, text="first")
        await reads(bob, room, 3)
        seq = (await ack(ada, "send", room=room, text="second"))["seq"]
        assert "marks" not in await item_of(ada, room), "nobody has it"
        await bob.tell("mark", room=room, delivered=seq)
        await trio.sleep(2 * INTERVAL_S)
        await ada.hear_frames()
        assert (await item_of(ada, room))["marks"] == [{"person": bob_id, "delivered": seq, "read": 3}]
        assert "marks" not in await item_of(bob, room), "it is not his"
        await ack(bob, "send", room=room, text="third")
        await ada.hear_frames()
        assert "marks" not in await item_of(ada, room), "the newest is not hers"


async def test_all_of_a_few_are_told_of_moved_marks_wherever_they_look(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        ada, bob, bob_id, room = await two_in_a_room(core)
        eve, _ = await hello(core, "Eve")
        await ada.tell("watch")
        await ada.hear_frames()
        seq = (await ack(ada, "send", room=room, text="hello"))["seq"]
        await ada.hear_frames()
        await reads(bob, room, seq)
        mark = {"person": bob_id, "delivered": seq, "read": seq}
        heard = [frame for frame in await ada.hear_frames() if frame["type"] == "marks"]
        assert heard == [{"type": "marks", "room": room, "marks": [mark]}]
        assert "marks" not in {frame["type"] for frame in await bob.hear_frames()}, "he said so himself"
        assert await eve.hear_frames() == []
        monkeypatch.setattr(service, "FEW", 1)  # of more members only who watches is told
        seq = (await ack(ada, "send", room=room, text="again"))["seq"]
        await reads(bob, room, seq)
        assert "marks" not in {frame["type"] for frame in await ada.hear_frames()}


async def test_of_a_public_room_only_who_watches_it_is_told(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await in_the_lobby(core, "Ada"), await in_the_lobby(core, "Bob")
        seq = (await ack(ada, "send", room="lobby", text="hello"))["seq"]
        await ada.hear_frames()
        await reads(bob, "lobby", seq)
        assert "marks" not in {frame["type"] for frame in await ada.hear_frames()}
        assert "marks" not in await item_of(ada, "lobby")


async def test_who_comes_back_with_the_stamp_is_told_what_changed(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_v1()
        first = await ada.ask("hello", name="Ada", lists=True)
        assert not {"partial", "more"} & first.keys()
        garden = (await ack(ada, "create", kind="private", title="Garden"))["room"]
        club = (await ack(ada, "create", kind="private", title="Club"))["room"]
        again = await core.open_v1()
        welcome = await again.ask("hello", token=first["token"], lists=True, since=first["stamp"])
        assert welcome["partial"] is True
        assert {item["room"] for item in welcome["rooms"]} == {"lobby", garden, club}
        await ada.tell("join", room=club)
        await ada.hear_frames()
        await ack(ada, "send", room=club, text="hi")
        later = await core.open_v1()
        welcome = await later.ask("hello", token=first["token"], lists=True, since=welcome["stamp"])
        assert [item["room"] for item in welcome["rooms"]] == ["lobby", club]
        assert "mine" not in welcome
        stranger = await core.open_v1()
        other = await stranger.ask("hello", name="Bob", lists=True, since=welcome["stamp"])
        assert "partial" not in other, "it is not his"
        assert other["mine"]["head"] == 0
        unlisted = await core.open_v1()
        assert "stamp" not in await unlisted.ask("hello", token=first["token"], since=welcome["stamp"])


async def test_the_stamp_comes_with_the_last_room_of_a_long_list(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "WELCOME_ROOMS_BYTES", 1)
    async with open_core() as core:
        ada = await core.open_v1()
        token = (await ada.ask("hello", name="Ada", lists=True))["token"]
        for title in ("Garden", "Club"):
            await ack(ada, "create", kind="private", title=title)
        again = await core.open_v1()
        await again.tell("hello", token=token, lists=True)
        frames = await again.hear_frames()
        assert [(frame["type"], "stamp" in frame) for frame in frames] == [
            ("welcome", False),
            ("room_added", False),
            ("room_added", True),
        ]
        last = await core.open_v1()
        welcome = await last.ask("hello", token=token, lists=True, since=frames[-1]["stamp"])
        assert (welcome["partial"], len(welcome["rooms"])) == (True, 1)
        assert "stamp" in welcome


def test_what_is_told_without_some_rooms_has_no_stamp() -> None:
    """Who was removed may be let in again since: then it would stand for more than was told."""
    item = RoomItem(room="~p", head=1, epoch="e")
    other = RoomItem(room="~q", head=1, epoch="e")
    assert RoomAdded(item, "stamp").without({"~p"}) is None
    assert RoomAdded(item, "stamp").without({"~q"}) == RoomAdded(item)
    welcome = Welcome(user=User("p-a", "A"), rooms=[item, other], stamp="stamp")
    told = welcome.without({"~q"})
    assert (told.rooms, told.stamp) == ([item], None)
