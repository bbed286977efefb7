"""Presence, typing and read markers, over connections; and their cost."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import AT_MS, Core, V1Client, open_core
from tests.support.memory_store import MemoryDisk
from tests.support.v1 import ack
from trio_chat.kinds.forms import timestamp
from trio_chat.model.records import ReadMarker
from trio_chat.presence import service
from trio_chat.presence.attendance import MAX_NAMES, TYPING_PAUSE_S
from trio_chat.presence.service import INTERVAL_S, SHARE

if TYPE_CHECKING:
    from trio.testing import MockClock


async def arrive(core: Core, name: str, *, room: str = "lobby") -> tuple[V1Client, str]:
    """A connection of a new person that joined the lobby, and the person's id."""
    client = await core.open_v1()
    welcome = await client.ask("hello", name=name)
    await client.tell("join", room=room)
    await client.hear_frames()
    return client, welcome["user"]["id"]


async def arrive_again(core: Core, client: V1Client) -> V1Client:
    """Another device of the same person, which joined the lobby."""
    other = await core.open_v1()
    await other.ask("hello", link=(await client.ask("link"))["code"])
    await other.tell("join", room="lobby")
    await other.hear_frames()
    return other


async def watch(client: V1Client, room: str | None = "lobby") -> dict[str, Any]:
    """Watch the room; the reply."""
    await client.tell("watch", room=room)
    (answer,) = (frame for frame in await client.hear_frames() if frame["type"] in {"watching", "error"})
    return answer


async def told(client: V1Client, kind: str) -> list[dict[str, Any]]:
    """The frames of this type that it hears within one interval."""
    await trio.sleep(INTERVAL_S)
    return [frame for frame in await client.hear_frames() if frame["type"] == kind]


def ids(users: list[dict[str, Any]]) -> set[str]:
    return {user["id"] for user in users}


# Presence


async def test_watching_gives_the_present_people_and_then_the_changes(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await ack(ada, "send", room="lobby", text="hello")
        answer = await ada.ask("watch", id="c9", room="LOBBY")
        assert answer == {
            "type": "watching",
            "id": "c9",
            "room": "lobby",
            "here": [{"id": ada_id, "name": "Ada"}],
            "count": 1,
        }
        await told(ada, "presence")
        assert ids((await watch(bob))["here"]) == {ada_id, bob_id}
        assert await told(ada, "presence") == [
            {"type": "presence", "room": "lobby", "count": 2, "came": [{"id": bob_id, "name": "Bob"}]}
        ]
        await watch(bob, None)
        assert await told(ada, "presence") == [
            {"type": "presence", "room": "lobby", "count": 1, "went": [bob_id]}
        ]
        assert await told(bob, "presence") == []


@pytest.mark.parametrize("how", ["leaves", "goes elsewhere", "is cut"])
async def test_a_person_goes_when_no_screen_shows_the_room(autojump_clock: MockClock, how: str) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await watch(ada)
        await watch(bob)
        await told(ada, "presence")
        if how == "leaves":
            await bob.tell("leave", room="lobby")
        elif how == "goes elsewhere":
            await bob.tell("join", room="garden")
            await watch(bob, "garden")
        else:
            await bob.stream.aclose()
        await bob.hear_rest()
        assert [frame.get("went") for frame in await told(ada, "presence")] == [[bob_id]]


async def test_joining_again_keeps_presence(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await watch(ada)
        await watch(bob)
        await told(ada, "presence")
        await bob.tell("join", room="lobby")
        assert await told(ada, "presence") == []
        assert (await watch(bob))["count"] == 2


async def test_a_person_with_two_screens_is_present_once(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        laptop = await arrive_again(core, ada)
        await watch(bob)
        await watch(ada)
        assert (await watch(laptop))["count"] == 2
        await told(bob, "presence")
        await watch(ada, None)
        assert await told(bob, "presence") == []
        await watch(laptop, None)
        assert [frame.get("went") for frame in await told(bob, "presence")] == [[ada_id]]


async def test_changes_within_a_second_are_one_broadcast(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _) = await arrive(core, "Ada")
        await watch(ada)
        await trio.sleep(2 * INTERVAL_S)
        await ada.hear_frames()
        others = [await arrive(core, f"X{number}") for number in range(5)]
        for other, _ in others:
            await watch(other)
        (presence,) = await told(ada, "presence")
        assert ids(presence["came"]) == {other_id for _, other_id in others}


async def test_of_too_many_changes_only_the_count_is_broadcast(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.presence.attendance.MAX_NAMES_SENT", 5)
    async with open_core() as core:
        people = [await arrive(core, f"X{number}") for number in range(3)]
        for person, _ in people:
            await watch(person)
        assert await told(people[0][0], "presence") == [{"type": "presence", "room": "lobby", "count": 3}]


async def test_what_costs_much_is_broadcast_rarely(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 15,000 watchers, of whom some come and go all the time, presence took half of a processor."""
    cost_s, seconds = 0.2, 60
    spent_s = itertools.count(0, cost_s)
    async with open_core() as core:
        (ada, _), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await watch(ada)
        await told(ada, "presence")
        monkeypatch.setattr(service, "time", SimpleNamespace(thread_time=lambda: next(spent_s)))
        for second in range(seconds):
            await watch(bob, None if second % 2 else "lobby")
            await trio.sleep(1)
        broadcasts = [frame for frame in await ada.hear_frames() if frame["type"] == "presence"]
        assert 0.8 * SHARE < len(broadcasts) * cost_s / seconds < 1.1 * SHARE


async def test_only_a_joined_room_can_be_watched(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await arrive(core, "Ada")
        assert (await watch(ada, "garden"))["code"] == "not_joined"
        assert (await watch(ada, "no room"))["code"] == "bad_room"
        assert (await watch(ada, None))["type"] == "watching"


async def test_who_may_no_longer_hear_a_room_gets_no_notices_of_it(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await arrive(core, "Ada"), await arrive(core, "Bob")
        bobs_phone = await arrive_again(core, bob)
        room = (await ack(ada, "create", kind="private", title="Plans"))["room"]
        await ada.tell("join", room=room)
        await ada.hear_frames()
        await ada.tell("invite", room=room)
        (invited,) = (frame for frame in await ada.hear_frames() if frame["type"] == "invited")
        await ack(bob, "accept", token=invited["token"])
        for device in (bob, bobs_phone):
            await device.tell("join", room=room)
            await device.hear_frames()
            assert (await watch(device, room))["type"] == "watching"
        await watch(ada, room)
        await bob.tell("mark", room=room, read=1)
        await told(ada, "presence")
        for device in (bob, bobs_phone):
            await device.hear_frames()
        await ack(bob, "part", room=room)
        await ada.tell("typing", room=room)
        await ada.tell("mark", room=room, read=3)
        frames = await told(ada, "presence")
        assert [frame.get("went") for frame in frames] == [[bob_id]]
        for device in (bob, bobs_phone):
            kinds = {frame["type"] for frame in await device.hear_frames()}
            assert kinds <= {"room_removed", "member"}, "nothing of typing, presence, marks"
        assert (await watch(bob, room))["code"] == "no_such_room"
        await bobs_phone.tell("typing", room=room)
        await bobs_phone.tell("mark", room=room, read=3)
        assert await told(ada, "marks") == []
        assert ids((await watch(ada, room))["here"]) == {ada_id}


# Typing


async def test_typing_is_notified_to_the_others_at_once_but_with_pauses(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, _), (cleo, _) = [await arrive(core, name) for name in ("Ada", "Bob", "Cleo")]
        laptop = await arrive_again(core, ada)
        for client in (ada, laptop, bob):
            await watch(client)
        for client in (ada, laptop, bob):
            await told(client, "presence")
        await ada.tell("typing", room="lobby")
        await laptop.tell("typing", room="lobby")
        notice = {"type": "typing", "room": "lobby", "person": {"id": ada_id, "name": "Ada"}}
        assert await bob.hear_frames() == [notice]
        assert await ada.hear_frames() == await laptop.hear_frames() == await cleo.hear_frames() == []
        await trio.sleep(TYPING_PAUSE_S)
        await ada.tell("typing", room="lobby")
        assert await bob.hear_frames() == [notice]


async def test_a_room_on_very_many_screens_gets_no_typing_notices(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_TYPING", 1)
    async with open_core() as core:
        (ada, _), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await watch(bob)
        await told(bob, "presence")
        await ada.tell("typing", room="lobby")
        assert [frame["type"] for frame in await bob.hear_frames()] == ["typing"]
        await watch(ada)
        await trio.sleep(TYPING_PAUSE_S)
        await bob.hear_frames()
        await ada.tell("typing", room="lobby")
        assert await bob.hear_frames() == []


# Read markers


async def test_read_markers_are_broadcast_and_saved(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        (ada, ada_id), (bob, bob_id) = await arrive(core, "Ada"), await arrive(core, "Bob")
        for text in ("one", "two", "three"):
            await ack(ada, "send", room="lobby", text=text)
        await watch(ada)
        await told(ada, "presence")
        await bob.tell("mark", room="lobby", delivered=3)
        await bob.tell("mark", room="lobby", read=1)
        await bob.tell("mark", room="lobby", delivered=2)
        mark = {"person": bob_id, "delivered": 3, "read": 1}
        assert await told(ada, "marks") == [{"type": "marks", "room": "lobby", "marks": [mark]}]
        assert await core.store.read_markers("lobby") == [ReadMarker("lobby", bob_id, 3, 1)]
        assert await told(bob, "marks") == [], "it said so itself"
        assert (await watch(bob))["marks"] == [mark]
    async with open_core(disk) as core:
        cleo, _ = await arrive(core, "Cleo")
        assert (await watch(cleo))["marks"] == [mark]
        assert ada_id


async def test_a_read_marker_is_never_beyond_the_head_and_never_goes_back(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await watch(ada)
        await told(ada, "presence")
        await bob.tell("mark", room="lobby", read=5)
        assert await told(ada, "marks") == [], "there is nothing yet"
        await ack(ada, "send", room="lobby", text="one")
        await bob.tell("mark", room="lobby", read=2**62)
        (frame,) = await told(ada, "marks")
        assert frame["marks"] == [{"person": bob_id, "delivered": 1, "read": 1}]
        await bob.tell("mark", room="lobby", read=0, delivered=0)
        assert await told(ada, "marks") == []


async def test_a_moved_read_marker_reaches_the_persons_other_devices(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        laptop = await arrive_again(core, ada)
        tablet = await arrive_again(core, ada)
        await tablet.ask("leave", room="lobby")
        await ack(bob, "send", room="lobby", text="one")
        for client in (ada, laptop):
            await client.hear_frames()
        await ada.tell("mark", room="lobby", read=1)
        marks = [{"person": ada_id, "delivered": 1, "read": 1}]
        assert await told(laptop, "marks") == [{"type": "marks", "room": "lobby", "marks": marks}]
        for client in (ada, tablet, bob):
            assert await told(client, "marks") == []


async def test_read_markers_are_not_broadcast_before_they_are_saved(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await ack(ada, "send", room="lobby", text="one")
        await watch(ada)
        await told(ada, "presence")
        with core.store.unavailable():
            await bob.tell("mark", room="lobby", read=1)
            assert await told(ada, "marks") == []
            assert "marks" not in await watch(bob)
        assert "could not be saved" in caplog.text
        (frame,) = await told(ada, "marks")
        assert frame["marks"] == [{"person": bob_id, "delivered": 1, "read": 1}]
        assert await core.store.read_markers("lobby") == [ReadMarker("lobby", bob_id, 1, 1)]


async def test_read_markers_are_saved_when_the_server_stops(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        (ada, ada_id) = await arrive(core, "Ada")
        await ack(ada, "send", room="lobby", text="one")
        await ada.tell("mark", room="lobby", read=1)
        await ada.hear_frames()
        assert await core.store.read_markers("lobby") == []
    async with open_core(disk) as core:
        assert await core.store.read_markers("lobby") == [ReadMarker("lobby", ada_id, 1, 1)]
        (profile,) = await core.store.people([ada_id])
        assert profile.seen_ms == AT_MS


async def test_receipts_say_who_has_received_and_read_a_message(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id), (cleo, cleo_id) = [
            await arrive(core, name) for name in ("Ada", "Bob", "Cleo")
        ]
        await ack(ada, "send", room="lobby", text="one")
        await bob.tell("mark", room="lobby", read=1)
        await cleo.tell("mark", room="lobby", delivered=1)
        await told(ada, "marks")
        at = timestamp(AT_MS)
        answer = await ada.ask("receipts", id="c9", room="lobby", seq=1)
        bobs = {"person": {"id": bob_id, "name": "Bob"}, "at": at}
        cleos = {"person": {"id": cleo_id, "name": "Cleo"}, "at": at}
        assert answer.pop("read") == [bobs]
        assert sorted(answer.pop("delivered"), key=lambda one: str(one["person"]["name"])) == [bobs, cleos]
        assert answer == {"type": "receipts", "id": "c9", "room": "lobby", "seq": 1}
        assert (await ada.ask("receipts", room="lobby", seq=2))["code"] == "no_such_message"
        assert (await ada.ask("receipts", room="garden", seq=1))["code"] == "not_joined"


# Last seen


async def test_last_seen_is_shown_unless_hidden(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id), (cleo, cleo_id) = [
            await arrive(core, name) for name in ("Ada", "Bob", "Cleo")
        ]
        assert (await ada.ask("people", ids=[bob_id]))["people"] == [
            {"id": bob_id, "name": "Bob", "here": True}
        ]
        answer = await cleo.ask("profile", show_seen=False)
        assert answer["show_seen"] is False
        await bob.stream.aclose()
        await cleo.stream.aclose()
        await trio.sleep(INTERVAL_S)
        await ada.hear_frames()
        assert (await ada.ask("people", ids=[bob_id, cleo_id, "p-nobody"]))["people"] == [
            {"id": bob_id, "name": "Bob", "seen": timestamp(AT_MS)},
            {"id": cleo_id, "name": "Cleo"},
        ]


async def test_room_info_shows_presence_and_last_seen(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await arrive(core, "Ada"), await arrive(core, "Bob")
        for client in (ada, bob):
            await ack(
                client,
                "create" if client is ada else "enter",
                room="garden",
                **({"kind": "public"} if client is ada else {}),
            )
        await ada.tell("join", room="garden")
        await bob.stream.aclose()
        await trio.sleep(INTERVAL_S)
        await ada.hear_frames()
        info = await ada.ask("info", room="garden")
        members = {user["id"]: (user.get("here"), user.get("seen")) for user in info["members"]}
        assert members == {ada_id: (True, None), bob_id: (None, timestamp(AT_MS))}


# Cost and faults


async def test_a_slow_reader_misses_notices_and_stays_connected(autojump_clock: MockClock) -> None:
    async with open_core(outbox_bytes=100) as core:
        (ada, _), (bob, _), (cleo, _) = [await arrive(core, name) for name in ("Ada", "Bob", "Cleo")]
        await watch(ada)
        await told(ada, "presence")
        ada.tap.stall()
        for _ in range(50):
            await watch(bob)
            await trio.sleep(INTERVAL_S)
            await watch(bob, None)
            await trio.sleep(INTERVAL_S)
            await cleo.tell("typing", room="lobby")
        assert core.server.statistics().waiting_bytes < 1_000
        ada.tap.flow()
        assert len(await told(ada, "presence")) < 10
        assert (await watch(ada))["count"] == 1


async def test_no_state_is_kept_of_a_room_that_nobody_watches(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _) = await arrive(core, "Ada")
        await ack(ada, "send", room="lobby", text="one")
        for _ in range(2):
            await watch(ada)
            await ada.tell("mark", room="lobby", read=1)
            await ada.tell("typing", room="lobby")
            await watch(ada, None)
            await trio.sleep(2 * INTERVAL_S)
        assert not core.hub.presence._rooms
        assert not core.hub.presence._watched
        assert not core.hub.presence._changed_rooms


async def test_a_connection_that_never_watches_does_not_wake_the_task(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        for _ in range(3):
            await ack(ada, "send", room="lobby", text="hi")
            await trio.sleep(INTERVAL_S)
        assert {frame["type"] for frame in await bob.hear_frames()} == {"message"}
        assert core.hub.presence._has_changed.statistics().tasks_waiting == 1
        assert not core.hub.presence._rooms


async def test_markers_are_read_once_for_all_who_reconnect_together(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        people = [await arrive(core, f"X{number}") for number in range(10)]
        asked = []
        read_from_store = core.store.read_markers

        async def read_markers(room: str) -> list[ReadMarker]:
            asked.append(room)
            return await read_from_store(room)

        monkeypatch.setattr(core.store, "read_markers", read_markers)
        for person, _ in people:
            await person.tell("watch", room="lobby")
        await told(people[0][0], "presence")
        assert asked == ["lobby"]


async def test_a_bug_in_a_broadcast_is_logged_and_the_next_broadcast_comes(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        with monkeypatch.context() as patched:
            patched.setattr(core.hub.presence, "_broadcast_room", None)
            await watch(ada)
            assert await told(ada, "presence") == []
        assert "presence could not be broadcast" in caplog.text
        await watch(bob)
        assert len(await told(ada, "presence")) == 1


def test_the_names_of_a_frame_fit_into_it() -> None:
    assert MAX_NAMES * 250 < 64 * 1024, "a person with a long name and a picture takes some 250 bytes"
