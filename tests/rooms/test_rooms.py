"""The table of rooms: opened when needed, closed when idle, drained at the end; and a fault in one harms no other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.core import open_core, texts_of
from tests.support.memory_store import MemoryDisk, open_memory_store
from trio_chat.errors import Refused, StoreUnavailable
from trio_chat.rooms.registry import IDLE_S

if TYPE_CHECKING:
    from trio.testing import MockClock

    from trio_chat.rooms.room import Room


async def test_who_asks_for_a_room_at_the_same_time_gets_the_same(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        found: list[Room] = []

        async def get() -> None:
            found.append(await core.rooms.get("garden"))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(get)
        assert found[0] is found[1] is found[2]


async def test_who_waits_for_a_room_gets_it_though_who_opens_it_gives_up(autojump_clock: MockClock) -> None:
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


async def test_rooms_that_are_being_opened_count(autojump_clock: MockClock) -> None:
    async with open_core(max_open_rooms=2) as core:
        async with trio.open_nursery() as nursery:
            with core.store.holding_reads():
                nursery.start_soon(core.rooms.get, "garden")
                await trio.testing.wait_all_tasks_blocked()
                with pytest.raises(Refused, match="Too many rooms"):
                    await core.rooms.get("attic")
        assert {room.name for room in core.rooms} == {"lobby", "garden"}


async def test_rooms_do_not_hear_each_other(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada", room="attic"), await core.open_person("Bob", room="cellar")
        await ada.tell("send", room="attic", text="up here")
        assert texts_of(await ada.hear_frames()) == ["up here"]
        assert await bob.hear_frames() == []


async def test_a_room_that_nobody_uses_is_closed_and_opens_again_with_its_log(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        await core.fill(["kept"], room="garden")
        first = await core.rooms.get("garden")
        await trio.sleep(3 * IDLE_S)
        assert [room.name for room in core.rooms] == ["lobby"]
        second = await core.rooms.get("garden")
        assert second is not first
        assert second.position == first.position


async def test_a_room_with_somebody_in_it_stays_open(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada", room="garden")
        await trio.sleep(3 * IDLE_S)
        await ada.tell("send", room="garden", text="still here")
        assert texts_of(await ada.hear_frames()) == ["still here"]


async def test_a_room_is_not_closed_while_its_last_message_is_being_written(
    autojump_clock: MockClock,
) -> None:
    """Or it would be opened again at a head that the message is about to pass, and its new members would miss it."""
    async with open_core(max_open_rooms=2) as core:
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


async def test_one_room_too_many_takes_the_place_of_an_idle_one_or_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with open_core(max_open_rooms=2) as core:
        await core.rooms.get("idle")
        ada = await core.open_person("Ada", room="garden")
        assert {room.name for room in core.rooms} == {"lobby", "garden"}
        answer = await ada.ask("join", room="cellar")
        assert answer["code"] == "too_many_rooms"


async def test_a_room_whose_log_cannot_be_read_does_not_open_and_opens_later(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        with core.store.unavailable(), pytest.raises(StoreUnavailable):
            await core.rooms.get("garden")
        assert (await core.rooms.get("garden")).head == 0


async def test_draining_waits_until_what_was_said_is_logged_and_heard_and_takes_nothing_more(
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


async def test_leaving_the_rooms_logs_what_was_in_their_inboxes(autojump_clock: MockClock) -> None:
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


async def test_a_fault_in_one_room_sends_its_members_away_and_nobody_else(
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
