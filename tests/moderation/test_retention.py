"""Retention: what has expired is deleted, everywhere where messages expire and nowhere else, and for good."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.core import AT_MS, open_core, texts_of
from tests.support.memory_store import MemoryDisk
from tests.support.v1 import ack, become_owner, hello, let_in, make_room
from trio_chat.model.times import DAY_MS
from trio_chat.moderation import retention
from trio_chat.moderation.retention import WALK_S
from trio_chat.store.space import SpaceLevel
from trio_chat.store.sql.search_index import MAX_CHARS, index_more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome
    from trio_chat.rooms.room import Room

A_WALK_S = WALK_S + 10


class Clock:
    """The wall clock, which a test sets."""

    def __init__(self) -> None:
        self.now_ms = AT_MS

    def __call__(self) -> int:
        return self.now_ms

    async def go_on(self, days: float) -> None:
        """So many days pass, and a walk over all rooms."""
        self.now_ms += int(days * DAY_MS)
        await trio.sleep(A_WALK_S)


async def events_of(client: V1Client, room: str) -> list[dict[str, Any]]:
    """The events of a room."""
    await client.hear_frames()
    events: list[dict[str, Any]] = (await client.ask("history", room=room, before=999))["events"]
    return events


async def texts_in(client: V1Client, room: str) -> list[str]:
    """The texts of the messages of a room; a deleted one is empty."""
    return texts_of(await events_of(client, room))


async def test_a_message_is_deleted_when_it_has_expired_and_stays_until_then(
    autojump_clock: MockClock,
) -> None:
    disk, clock = MemoryDisk(), Clock()
    async with open_core(disk, now_ms=clock, retention=30) as core:
        ada = await core.open_person("Ada")
        seq = (await ack(ada, "send", room="lobby", text="a secret word"))["seq"]
        await ack(ada, "edit", room="lobby", seq=seq, text="a secret sentence")
        await ack(ada, "react", room="lobby", seq=seq, emoji="🦀")
        await clock.go_on(20)
        await ack(ada, "send", room="lobby", text="young")
        await clock.go_on(9.9)
        assert await texts_in(ada, "lobby") == ["a secret word", "young"]
        await clock.go_on(0.2)
        (deletion,) = await ada.hear_frames()
        assert (deletion["type"], deletion["target"]) == ("delete", seq)
        assert (deletion["from"], deletion["name"]) == ("system", "trio-chat")
        assert await texts_in(ada, "lobby") == ["", "young"]
        page = await ada.ask("history", room="lobby", before=999)
        assert [change["type"] for change in page["changes"]] == ["delete"]
        assert b"secret" not in disk.contents()
        await clock.go_on(0)
        assert await ada.hear_frames() == [], "it is deleted once"
        await clock.go_on(30)
        assert await texts_in(ada, "lobby") == ["", ""]
        assert (await ada.ask("send", room="lobby", text="new"))["type"] == "message"


async def test_without_retention_nothing_is_ever_deleted(autojump_clock: MockClock) -> None:
    clock = Clock()
    async with open_core(now_ms=clock) as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="for ever")
        await clock.go_on(99_999)
        assert await texts_in(ada, "lobby") == ["for ever"]


@pytest.mark.parametrize(("server", "room", "days"), [(0, 7, 7), (30, 7, 7), (7, 30, 7), (7, 0, 7)])
async def test_the_shorter_of_the_retention_of_a_room_and_of_the_server_holds(
    autojump_clock: MockClock, server: int, room: int, days: int
) -> None:
    clock = Clock()
    async with open_core(now_ms=clock, retention=server) as core:
        ada, _ = await hello(core, "Ada")
        name = await make_room(ada)
        await ack(ada, "send", room=name, text="hello")
        await ack(ada, "settings", room=name, retention_days=room)
        await clock.go_on(days - 0.1)
        assert await texts_in(ada, name) == ["hello"]
        await clock.go_on(0.2)
        assert await texts_in(ada, name) == [""]


async def test_moderators_say_how_long_a_room_keeps_its_messages_and_everybody_can_know(
    autojump_clock: MockClock,
) -> None:
    clock = Clock()
    async with open_core(now_ms=clock) as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        assert (await ack(bob, "settings", room=room, retention_days=1))["code"] == "not_yours"
        assert (await ack(ada, "settings", room=room, retention_days=3651))["code"] == "bad_field"
        await ack(ada, "settings", room=room, retention_days=1)
        (told,) = (frame for frame in await bob.hear_frames() if frame["type"] == "settings")
        assert told["retention_days"] == 1
        assert (await bob.ask("info", room=room))["policy"] == {"retention_days": 1}
        await ack(bob, "send", room=room, text="hello")
        await ack(ada, "settings", room=room, retention_days=0)
        await clock.go_on(2)
        assert await texts_in(bob, room) == ["hello"], "it was changed back in time"
        await ack(ada, "settings", room=room, retention_days=1)
        await clock.go_on(0)
        assert await texts_in(bob, room) == [""]


async def test_the_welcome_tells_the_retention_of_the_server(autojump_clock: MockClock) -> None:
    for days in (0, 30):
        async with open_core(retention=days) as core:
            welcome = await (await core.open_v1()).ask("hello", name="Ada")
            assert welcome.get("retention_days", 0) == days


async def test_messages_expire_in_direct_rooms_and_not_in_personal_ones_nor_in_that_of_the_server(
    autojump_clock: MockClock,
) -> None:
    clock = Clock()
    async with open_core(now_ms=clock, retention=30) as core:
        (ada, ada_id), (_, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await ack(ada, "send", room="~server", text="who looks after this?")
        room = (await ack(ada, "direct", person=bob_id))["room"]
        await ada.tell("join", room=room)
        await ack(ada, "send", room=room, text="hello Bob")
        assert (await ack(ada, "settings", room=room, retention_days=1))["code"] == "not_yours"
        await ada.tell("join", room="lobby")
        seq = (await ack(ada, "send", room="lobby", text="hello all"))["seq"]
        await ack(ada, "mine", what="star", room="lobby", target=seq)
        await clock.go_on(31)
        assert await texts_in(ada, room) == [""]
        assert await texts_in(ada, "lobby") == [""]
        assert await texts_in(ada, "~server") == ["who looks after this?"]
        assert len((await core.store.personal(ada_id, limit=9))[1]) == 1


async def test_messages_expire_in_rooms_of_any_mode_and_policy_and_on_a_full_disk(
    autojump_clock: MockClock,
) -> None:
    clock = Clock()
    async with open_core(now_ms=clock, retention=30) as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        room = await make_room(ada)
        await ack(ada, "send", room=room, text="hello")
        await ack(ada, "settings", room=room, writers="moderators", slow_s=3600)
        await ack(ada, "mode", room="~server", mode="knock")
        core.store.space.level = SpaceLevel.FULL
        await clock.go_on(31)
        assert await texts_in(ada, room) == [""]


async def test_rooms_are_opened_only_to_delete_and_close_again(autojump_clock: MockClock) -> None:
    disk, clock = MemoryDisk(), Clock()
    async with open_core(disk, now_ms=clock) as core:
        for name in ("garden", "kitchen"):
            await core.fill(["hello"], room=name)
        await core.fill([], room="cellar")
    clock.now_ms += 31 * DAY_MS
    async with open_core(disk, now_ms=clock) as core:
        await core.fill(["young"], room="kitchen")
    async with open_core(disk, now_ms=clock, retention=30) as core:
        opened = spy_on_opening(core)
        await trio.sleep(A_WALK_S)
        assert sorted(opened) == ["garden", "kitchen"]
        await trio.sleep(A_WALK_S)
        assert sorted(opened) == ["garden", "kitchen"]
        assert [room.name for room in core.rooms] == ["lobby", "~server"]


def spy_on_opening(core: Core) -> list[str]:
    """The names of the rooms that are asked for from here on."""
    asked: list[str] = []
    get = core.rooms.get

    async def noted(name: str) -> Room:
        asked.append(name)
        return await get(name)

    core.rooms.get = noted  # type: ignore[method-assign]
    return asked


async def test_a_room_is_read_on_from_where_the_last_walk_ended(autojump_clock: MockClock) -> None:
    clock = Clock()
    async with open_core(now_ms=clock, retention=30) as core:
        await core.fill([f"old {number}" for number in range(60)])
        await clock.go_on(31)
        read: list[int] = []
        expired_messages = core.store.expired_messages

        async def noted(room: str, **bounds: int) -> tuple[list[int], int]:
            read.append(bounds["after"])
            return await expired_messages(room, **bounds)

        core.store.expired_messages = noted  # type: ignore[method-assign]
        await clock.go_on(1)
        assert read
        assert set(read) == {60}


async def test_many_messages_are_deleted_in_bounded_steps_and_rooms_take_turns(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EVENTS_READ", 10)
    monkeypatch.setattr(retention, "STEPS", 2)
    monkeypatch.setattr(retention, "ROOMS_READ", 1)
    disk, clock = MemoryDisk(), Clock()
    async with open_core(disk, now_ms=clock) as core:
        for name in ("a", "b"):
            await core.fill([str(number) for number in range(45)], room=name)
    clock.now_ms += 31 * DAY_MS
    async with open_core(disk, now_ms=clock, retention=30) as core:
        appended: list[tuple[str, int, float]] = []
        append = core.store.append

        async def noted(room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
            appended.append((room, len(drafts), trio.current_time()))
            return await append(room, drafts, at_ms=at_ms)

        core.store.append = noted  # type: ignore[method-assign]
        await trio.sleep(WALK_S / 2)
        assert [(room, n) for room, n, _ in appended] == [
            *[("a", 10)] * 2,
            *[("b", 10)] * 2,
            *[("a", 10)] * 2,
            *[("b", 10)] * 2,
            ("a", 5),
            ("b", 5),
        ]
        times = [at for _, _, at in appended]
        assert all(later - at >= retention.PAUSE_S for at, later in pairwise(times))


async def test_what_cannot_be_deleted_now_is_deleted_later(autojump_clock: MockClock) -> None:
    clock = Clock()
    async with open_core(now_ms=clock, retention=30) as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="hello")
        with core.store.unavailable():
            await clock.go_on(31)
        assert await texts_in(ada, "lobby") == ["hello"]
        await clock.go_on(0)
        assert await texts_in(ada, "lobby") == [""]


async def test_a_room_in_which_only_expired_messages_are_deleted_keeps_its_place_in_the_lists(
    autojump_clock: MockClock,
) -> None:
    clock = Clock()
    async with open_core(now_ms=clock, retention=30) as core:
        ada, _ = await hello(core, "Ada")
        for name in ("garden", "kitchen"):
            await ack(ada, "create", kind="public", room=name)
            await ada.tell("join", room=name)
            await ack(ada, "send", room=name, text="hello")
            clock.now_ms += DAY_MS
        await clock.go_on(28.5)
        assert await texts_in(ada, "garden") == [""]
        assert await texts_in(ada, "kitchen") == ["hello"]
        found = (await ada.ask("directory"))["rooms"]
        assert [item["room"] for item in found] == ["kitchen", "garden"]


async def test_what_has_expired_is_found_no_more(autojump_clock: MockClock) -> None:
    disk, clock = MemoryDisk(), Clock()
    async with open_core(disk, now_ms=clock, retention=30) as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="pineapple")
        with disk.connection:
            index_more(disk.connection, 99)
        assert len((await ada.ask("search", query="pineapple"))["hits"]) == 1
        await clock.go_on(31)
        await ada.hear_frames()
        assert (await ada.ask("search", query="pineapple"))["hits"] == []


async def test_rooms_and_their_retention_are_read_page_by_page_and_events_up_to_the_first_younger_one(
    autojump_clock: MockClock,
) -> None:
    clock = Clock()
    async with open_core(now_ms=clock) as core:
        ada, _ = await hello(core, "Ada")
        for name in ("garden", "kitchen"):
            await ack(ada, "create", kind="public", room=name)
        await ada.tell("join", room="garden")
        await ack(ada, "settings", room="garden", retention_days=7)
        store = core.store
        assert await store.retentions(after="", limit=1) == [("garden", "public", 7)]
        assert await store.retentions(after="garden", limit=9) == [("kitchen", "public", 0)]
        assert await store.retentions(after="kitchen", limit=9) == []
        for seq in (3, 4, 5):
            assert (await ack(ada, "send", room="garden", text="hello"))["seq"] == seq
        clock.now_ms += 1
        await ack(ada, "send", room="garden", text="younger")
        clock.now_ms -= 1
        await ack(ada, "send", room="garden", text="by a clock that was set back")
        await ack(ada, "delete", room="garden", seq=4)

        async def read(after: int, limit: int, before_ms: int = AT_MS + 1) -> tuple[list[int], int]:
            return await store.expired_messages("garden", before_ms=before_ms, after=after, limit=limit)

        assert await read(0, 99) == ([3, 5], 5)
        assert await read(0, 3) == ([3], 3)
        assert await read(5, 99) == ([], 5)
        assert await read(0, 99, AT_MS) == ([], 0)
        assert await read(0, 99, AT_MS + 2) == ([3, 5, 6, 7], 8)
        assert await store.expired_messages("nowhere", before_ms=AT_MS, after=0, limit=9) == ([], 0)


async def test_of_long_messages_few_are_deleted_in_one_go(autojump_clock: MockClock) -> None:
    """Each is taken out of the index of the search, and others wait for it."""
    async with open_core(now_ms=Clock()) as core:
        ada, _ = await hello(core, "Ada")
        await ack(ada, "create", kind="public", room="garden")
        await ada.tell("join", room="garden")
        for _ in range(7):
            await ack(ada, "send", room="garden", text="x" * (MAX_CHARS // 5))
        expired, upto = await core.store.expired_messages("garden", before_ms=AT_MS + 1, after=0, limit=50)
        assert (expired, upto) == ([2, 3, 4, 5, 6], 6)
        rest = await core.store.expired_messages("garden", before_ms=AT_MS + 1, after=upto, limit=50)
        assert rest == ([7, 8], 8)
