"""Catching up: a subscription is live or catching up, never lost. A slow reader gets everything and delays nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.core import Client, Core, V1Client, open_core, seqs_of, texts_of
from trio_chat.rooms import subscribers as subscribers_module

if TYPE_CHECKING:
    from trio.testing import MockClock

OUTBOX = 1024
"""Bytes, so that the outbox is full soon."""


async def say(client: V1Client, *texts: str) -> None:
    """Say these in the lobby."""
    for text in texts:
        await client.tell("send", room="lobby", text=text)


def numbered(count: int, start: int = 1) -> list[str]:
    """So many different texts of 100 characters."""
    return [f"{number:03d} ".ljust(100, "x") for number in range(start, start + count)]


def pending_bytes(core: Core) -> int:
    """The bytes that wait in all outboxes of the lobby's subscriptions."""
    return sum(subscription.outbox.statistics().pending_bytes for subscription in core.lobby.subscribers)


async def test_a_slow_reader_falls_behind_alone_and_gets_everything_in_order(
    autojump_clock: MockClock,
) -> None:
    async with open_core(outbox_bytes=OUTBOX) as core:
        ada, slow, slow_plain = (
            await core.open_person("Ada"),
            await core.open_person("Slow"),
            await core.open_plain(),
        )
        slow.tap.stall()
        slow_plain.tap.stall()
        texts = numbered(100)
        for text in texts:  # one by one, so that they are not one batch
            await say(ada, text)
            assert texts_of(await ada.hear_frames()) == [text]
        statistics = core.lobby.statistics()
        assert (statistics.subscriptions, statistics.live_subscriptions, statistics.fell_behind) == (3, 1, 2)
        assert await slow.hear_frames() == []
        slow.tap.flow()
        slow_plain.tap.flow()
        assert texts_of(await slow.hear_frames()) == await slow_plain.hear_rest() == texts
        assert core.lobby.statistics().live_subscriptions == 3
        await say(ada, "live again")
        assert texts_of(await slow.hear_frames()) == await slow_plain.hear_rest() == ["live again"]


async def test_memory_for_a_slow_reader_is_bounded(autojump_clock: MockClock) -> None:
    async with open_core(outbox_bytes=OUTBOX) as core:
        ada, slow = await core.open_person("Ada"), await core.open_person("Slow")
        slow.tap.stall()
        frame_bytes = 300
        for text in numbered(200):
            await say(ada, text)
            await trio.testing.wait_all_tasks_blocked()
            assert pending_bytes(core) < OUTBOX + frame_bytes


@pytest.mark.parametrize("recent_events", [4, 2048], ids=["from the store", "from memory"])
@pytest.mark.parametrize("page_bytes", [1, 500, 64 * 1024])
async def test_missed_events_come_from_memory_or_store_in_pages_of_any_size(
    recent_events: int, page_bytes: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers_module, "RECENT_EVENTS", recent_events)
    monkeypatch.setattr(subscribers_module, "PAGE_BYTES", page_bytes)
    monkeypatch.setattr(subscribers_module, "PAGE_EVENTS", 7)
    async with open_core(outbox_bytes=OUTBOX) as core:
        ada, slow, slow_plain = (
            await core.open_person("Ada"),
            await core.open_person("Slow"),
            await core.open_plain(),
        )
        slow.tap.stall()
        slow_plain.tap.stall()
        texts = numbered(60)
        await say(ada, *texts)
        await trio.testing.wait_all_tasks_blocked()
        slow.tap.flow()
        slow_plain.tap.flow()
        assert texts_of(await slow.hear_frames()) == await slow_plain.hear_rest() == texts


async def test_catching_up_ends_in_a_busy_room(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers_module, "PAGE_BYTES", 300)
    async with open_core(outbox_bytes=OUTBOX) as core:
        await core.fill(numbered(50))
        ada = await core.open_person("Ada", after=50, epoch=core.lobby.epoch)
        bob = await core.open_v1()
        await bob.ask("hello")
        await bob.tell("join", room="lobby", after=0, epoch=core.lobby.epoch)
        await say(ada, *numbered(50, start=51))
        assert seqs_of(await bob.hear_frames()) == list(range(1, 101))
        assert core.lobby.statistics().live_subscriptions == 2


async def test_one_connection_catches_up_in_two_rooms(autojump_clock: MockClock) -> None:
    async with open_core(outbox_bytes=OUTBOX) as core:
        await core.fill(numbered(30))
        await core.fill(numbered(30), room="garden")
        ada = await core.open_v1()
        await ada.ask("hello")
        for room in ("lobby", "garden"):
            await ada.tell("join", room=room, after=0, epoch=core.lobby.epoch)
        frames = await ada.hear_frames()
        for room in ("lobby", "garden"):
            told = [frame for frame in frames if frame["room"] == room]
            assert told[0]["type"] == "joined"
            assert seqs_of(told) == list(range(1, 31))


async def test_leaving_stops_catching_up(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers_module, "PAGE_BYTES", 300)
    async with open_core() as core:
        await core.fill(numbered(30))
        ada = await core.open_v1()
        await ada.ask("hello")
        ada.tap.stall()
        await ada.tell("join", room="lobby", after=0, epoch=core.lobby.epoch)
        await ada.tell("leave", room="lobby")
        await ada.tell("ping")
        await trio.testing.wait_all_tasks_blocked()
        ada.tap.flow()
        frames = await ada.hear_frames()
        kinds = [frame["type"] for frame in frames]
        assert kinds[0] == "joined"
        assert kinds[-2:] == ["left", "pong"]
        assert len(seqs_of(frames)) < 5
        assert core.lobby.is_idle


async def test_joining_again_while_catching_up_begins_afresh(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers_module, "PAGE_BYTES", 300)
    async with open_core() as core:
        await core.fill(numbered(30))
        ada = await core.open_v1()
        await ada.ask("hello")
        ada.tap.stall()
        await ada.tell("join", room="lobby", after=0, epoch=core.lobby.epoch)
        await trio.testing.wait_all_tasks_blocked()
        await ada.tell("join", room="lobby", after=20, epoch=core.lobby.epoch)
        await trio.testing.wait_all_tasks_blocked()
        ada.tap.flow()
        frames = await ada.hear_frames()
        last = max(index for index, frame in enumerate(frames) if frame["type"] == "joined")
        assert seqs_of(frames[:last]) == list(range(1, len(seqs_of(frames[:last])) + 1))
        assert seqs_of(frames[last:]) == list(range(21, 31))
        assert core.lobby.statistics().subscriptions == 1


async def test_leaving_and_joining_during_a_fan_out_misses_and_repeats_nothing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fan-out has checkpoints; the rest of it must fit what other tasks do there."""
    monkeypatch.setattr(subscribers_module, "FAN_OUT_STEP", 1)
    async with open_core(outbox_bytes=OUTBOX) as core:
        ada = await core.open_person("Ada")
        restless = [await core.open_person(f"R{number}") for number in range(4)]
        listeners: list[Client] = [await core.open_plain() for _ in range(3)]

        async def come_and_go(client: V1Client) -> None:
            for _ in range(10):
                await client.tell("leave", room="lobby")
                await client.tell("join", room="lobby", after=0, epoch=core.lobby.epoch)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(say, ada, *numbered(30))
            for client in restless:
                nursery.start_soon(come_and_go, client)
        for client in restless:
            frames = await client.hear_frames()
            joins = [index for index, frame in enumerate(frames) if frame["type"] == "joined"]
            for begin, end in zip(joins, [*joins[1:], None], strict=True):
                seqs = seqs_of(frames[begin:end])
                kinds = [frame["type"] for frame in frames[begin:end]]
                assert "left" not in kinds[:-1], "told something after leaving"
                assert seqs == list(range(1, len(seqs) + 1))
            assert len(seqs) == 30
        for listener in listeners:
            assert await listener.hear_rest() == numbered(30)


async def test_a_connection_that_needs_an_unreadable_log_is_ended_to_come_back(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers_module, "RECENT_EVENTS", 4)
    async with open_core() as core:
        await core.fill(numbered(30))
        live, ada = await core.open_plain(), await core.open_v1()
        await ada.ask("hello")
        with core.store.unavailable():
            await ada.tell("join", room="lobby", after=0, epoch=core.lobby.epoch)
            assert await ada.hear_close() == 1013
        back = await core.open_person("Ada")
        await say(back, "as before")
        assert await live.hear_rest() == ["as before"]
