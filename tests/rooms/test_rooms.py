"""The registry of rooms: opened when needed, closed when idle, drained at the end; a bug in one harms no other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.core import open_core, texts_of
from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.v1 import ack, hello, make_room
from trio_chat.errors import Refused, StoreUnavailable
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.rooms.registry import IDLE_S

if TYPE_CHECKING:
    from trio.testing import MockClock

    from trio_chat.rooms.room import Room


async def test_concurrent_gets_of_a_room_give_the_same_room(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        found: list[Room] = []

        async def get() -> None:
            found.append(await core.rooms.get("garden"))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(get)
        assert found[0] is found[1] is found[2]


async def test_a_waiter_gets_the_room_although_its_opener_was_cancelled(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        found: list[Room] = []
        impatient = trio.CancelScope()

        async def get(scope: trio.CancelScope) -> None:
            with scope:
                found.append(await core.rooms.get("garden"))

        async with trio.open_nursery() as nursery:
            with core.store.holding_reads():
                nursery.start_soon(get, impatient)
                await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(get, trio.CancelScope())
                await trio.testing.wait_all_tasks_blocked()
                impatient.cancel()
                await trio.testing.wait_all_tasks_blocked()
        assert [room.name for room in found] == ["garden"]


async def test_an_empty_room_with_subscriptions_has_no_task_and_does_not_count(
    autojump_clock: MockClock,
) -> None:
    async with open_core(max_open_rooms=4) as core:
        ada, bob = await core.open_person("Ada", room="attic"), await core.open_person("Bob", room="shed")
        tasks = core.tasks
        for name in ("cellar", "shed"):
            await ada.tell("join", room=name)
            assert (await ada.hear_frame())["head"] == 0
        assert core.tasks == tasks
        await bob.tell("send", room="shed", text="anybody here?")
        assert texts_of(await ada.hear_frames()) == ["anybody here?"]
        assert core.tasks == tasks + 1  # the broadcaster


async def test_rooms_do_not_hear_each_other(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada", room="attic"), await core.open_person("Bob", room="cellar")
        await ada.tell("send", room="attic", text="up here")
        assert texts_of(await ada.hear_frames()) == ["up here"]
        assert await bob.hear_frames() == []


async def test_an_idle_room_is_closed_and_opens_again_with_its_log(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        await core.fill(["kept"], room="garden")
        first = await core.rooms.get("garden")
        await trio.sleep(3 * IDLE_S)
        assert [room.name for room in core.rooms] == ["lobby", "~server"]
        second = await core.rooms.get("garden")
        assert second is not first
        assert second.position == first.position


async def test_a_room_with_a_subscription_stays_open(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada", room="garden")
        await trio.sleep(3 * IDLE_S)
        await ada.tell("send", room="garden", text="still here")
        assert texts_of(await ada.hear_frames()) == ["still here"]


async def test_a_room_is_not_closed_while_a_message_is_being_logged(
    autojump_clock: MockClock,
) -> None:
    """Otherwise it would be opened again with an old head, and new subscriptions would miss the message."""
    async with open_core(max_open_rooms=1) as core:
        await core.fill(["some"], room="cellar")
        await trio.sleep(3 * IDLE_S)
        ada = await core.open_person("Ada", room="garden")
        with core.store.holding_commits():
            await ada.tell("send", room="garden", text="my last words")
            await ada.websocket.aclose()
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(Refused) as caught:
                await core.rooms.get("cellar")
            assert caught.value.code == "too_many_rooms"
        await trio.testing.wait_all_tasks_blocked()
        await core.rooms.get("cellar")


async def test_beyond_the_limit_an_idle_room_is_evicted_or_the_new_one_refused(
    autojump_clock: MockClock,
) -> None:
    async with open_core(max_open_rooms=1) as core:
        await core.fill(["some"], room="idle")
        ada = await core.open_person("Ada", room="garden")
        await ada.tell("send", room="garden", text="one more")
        assert texts_of(await ada.hear_frames()) == ["one more"]
        assert {room.name for room in core.rooms} == {"lobby", "~server", "garden"}
        assert (await ada.ask("join", room="idle"))["code"] == "too_many_rooms"
        await ada.tell("join", room="cellar")
        await ada.hear_frames()
        assert (await ada.ask("send", room="cellar", text="two more"))["code"] == "too_many_rooms"


async def test_strangers_who_use_all_rooms_do_not_lock_members_out_of_theirs(
    autojump_clock: MockClock,
) -> None:
    async with open_core(max_open_rooms=3) as core:
        ada, ada_id = await hello(core, "Ada")
        _, bob_id = await hello(core, "Bob")
        room = await make_room(ada)
        await ada.websocket.aclose()
        await trio.sleep(3 * IDLE_S)
        stranger = await core.open_person("Stranger")
        for number in range(8):
            await stranger.tell("join", room=f"invented-{number}")
            await stranger.tell("send", room=f"invented-{number}", text="mine")
        answers = {frame["code"] for frame in await stranger.hear_frames() if frame["type"] == "error"}
        assert answers == {"too_many_rooms", "not_joined"}
        ada = await core.open_v1()
        await ada.ask("hello", name="Ada again")
        other = await make_room(ada, "Another")
        assert (await ack(ada, "send", room=other, text="in it"))["type"] == "ack"
        assert (await ack(ada, "direct", person=bob_id))["type"] == "ack"
        assert (await ack(ada, "mine", what="level", room="lobby", level="none"))["type"] == "ack"
        assert (await core.rooms.get(room)).may_hear(ada_id)


async def test_rooms_that_are_opened_in_vain_do_not_stay_open(autojump_clock: MockClock) -> None:
    async with open_core(max_open_rooms=3) as core:
        stranger = await core.open_person("Stranger")
        for kind in ("follow", "enter"):
            for start in ("~x", "~p-", "~g-"):
                names = [f"{start}{number}" for number in range(30)]
                if kind == "follow":
                    await stranger.tell("follow", rooms=[{"room": name} for name in names])
                else:
                    for name in names:
                        await stranger.tell("enter", room=name)
                await stranger.hear_frames()
        assert len(list(core.rooms)) < 15
        bob = await core.open_person("Bob", room="fresh")
        await bob.tell("leave", room="fresh")
        assert (await bob.ask("join", room="another"))["type"] in {"left", "joined"}


async def test_an_idle_room_gives_its_place_away_however_many_are_in_use_or_empty(
    autojump_clock: MockClock,
) -> None:
    async with open_core(max_open_rooms=12) as core:
        for number in range(5):
            await core.rooms.get(f"empty-{number}")
        stranger = await core.open_person("Stranger")
        for number in range(11):
            await stranger.tell("join", room=f"busy-{number}")
            await stranger.tell("send", room=f"busy-{number}", text="mine")
        await stranger.hear_frames()
        await core.fill(["some"], room="idle")
        ada = await core.open_person("Ada", room="garden")
        await ada.tell("send", room="garden", text="hello")
        assert texts_of(await ada.hear_frames()) == ["hello"]


async def test_rooms_with_members_and_own_rooms_take_no_place(autojump_clock: MockClock) -> None:
    async with open_core(max_open_rooms=2) as core:
        ada, ada_id = await hello(core, "Ada")
        for number in range(4):
            await make_room(ada, f"Room {number}")
        assert (await ack(ada, "mine", what="level", room="lobby", level="none"))["type"] == "ack"
        await trio.sleep(3 * IDLE_S)
        stranger = await core.open_person("Stranger")
        for number in range(5):
            await stranger.tell("join", room=f"taken-{number}")
            await stranger.tell("send", room=f"taken-{number}", text="mine")
        frames = await stranger.hear_frames()
        assert texts_of(frames) == ["mine", "mine"]
        assert (await ada.ask("join", room=f"~{ada_id}"))["type"] == "joined"
        await ada.hear_frames()
        assert (await ack(ada, "mine", what="unread", room="lobby"))["type"] == "ack"


async def test_an_own_room_that_was_just_written_to_is_no_empty_room(autojump_clock: MockClock) -> None:
    async with open_core(max_open_rooms=2) as core:
        ada, ada_id = await hello(core, "Ada")
        stranger = await core.open_person("Stranger")
        for number in range(4):
            await stranger.tell("join", room=f"empty-{number}")
        await stranger.hear_frames()
        assert (await ack(ada, "mine", what="level", room="lobby", level="none"))["type"] == "ack"
        assert (await ada.ask("join", room=f"~{ada_id}"))["type"] == "joined"


async def test_follow_has_a_checkpoint_for_each_room(autojump_clock: MockClock) -> None:
    async with open_core(max_open_rooms=1) as core:
        stranger = await core.open_person("Stranger", room="taken")
        await stranger.tell("send", room="taken", text="mine")
        await stranger.hear_frames()
        for number in range(3):
            await core.rooms.get(f"empty-{number}")
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with trio.open_nursery() as nursery:
            await stranger.tell("follow", rooms=[{"room": f"x-{number}"} for number in range(100)])
            nursery.start_soon(count_turns)
            for _ in range(100):
                await stranger.hear_frame()
            nursery.cancel_scope.cancel()
        assert turns >= 100


async def test_a_room_whose_log_cannot_be_read_opens_later(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        with core.store.unavailable(), pytest.raises(StoreUnavailable):
            await core.rooms.get("garden")
        assert (await core.rooms.get("garden")).head == 0


async def test_draining_logs_and_fans_out_all_submissions_and_accepts_no_more(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        async with trio.open_nursery() as nursery:
            with core.store.holding_commits():
                await ada.tell("send", room="lobby", text="in time")
                await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(core.rooms.drain)
                await trio.testing.wait_all_tasks_blocked()
                await ada.tell("send", room="lobby", text="too late")
                assert await ada.hear_frames() == []
        assert texts_of(await ada.hear_frames()) == ["in time"]
        assert core.lobby.head == 1


async def test_closing_the_registry_logs_what_is_in_the_inboxes(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        ada = await core.open_person("Ada")
        core.store.may_commit = trio.Event()
        for text in ("one", "two"):
            await ada.tell("send", room="lobby", text=text)
        await trio.testing.wait_all_tasks_blocked()
        core.connections.cancel_scope.cancel()
        core.clients.cancel_scope.cancel()
        core.store.may_commit.set()
    async with open_memory_store(disk) as store:
        events = await store.read_after("lobby", 0, limit=9, max_bytes=999)
    assert [event.body for event in events] == ["one", "two"]


async def test_nobody_waits_for_ever_for_a_room_that_failed(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_args: object) -> None:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    failed = []

    async def write(room: Room, text: str) -> None:
        with pytest.raises(StoreUnavailable):
            await room.inbox.write(Draft(MESSAGE, "p-1", "Ada", None, text))
        failed.append(text)

    async with open_core() as core:
        with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
            patch.setattr("trio_chat.rooms.subscribers.Subscribers.fan_out", fail)
            async with trio.open_nursery() as nursery:
                with core.store.holding_commits():
                    for number in range(3):  # one is being logged, and two wait
                        nursery.start_soon(write, core.lobby, str(number))
                        await trio.testing.wait_all_tasks_blocked()
    assert sorted(failed) == ["0", "1", "2"]


async def test_a_bug_in_one_room_ends_only_its_connections(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob", room="garden")

        def answer_wrongly(*_args: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr("trio_chat.rooms.broadcaster.settle", answer_wrongly)
            with caplog.at_level(logging.CRITICAL):
                await ada.tell("send", room="lobby", text="boom")
                assert await ada.hear_close() == 1011
        await bob.tell("send", room="garden", text="unharmed")
        assert texts_of(await bob.hear_frames()) == ["unharmed"]
        back = await core.open_person("Ada again", after=0, epoch=core.lobby.epoch)
        await back.tell("send", room="lobby", text="as new")
        assert texts_of(await back.hear_frames()) == ["as new"]


async def test_a_room_that_was_closed_unused_takes_nothing_any_more(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        room = await core.rooms.get("garden")
        core.rooms._close("garden")
        with pytest.raises(trio.ClosedResourceError):
            await room.inbox.write(Draft(MESSAGE, "p-1", "Ada", None, "hello"))
