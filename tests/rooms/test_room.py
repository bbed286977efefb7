"""The laws of a room: only logged events are fanned out, in one order for all, nothing twice, nothing missed."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import Client, V1Client, open_core, seqs_of, texts_of
from tests.support.memory_store import MemoryDisk
from trio_chat.model.events import Draft, Position
from trio_chat.rooms import broadcaster
from trio_chat.rooms.broadcaster import CROWD, CROWD_RESTS

if TYPE_CHECKING:
    from trio.testing import MockClock


async def say(client: V1Client, *texts: str, room: str = "lobby") -> None:
    """Send these, one after the other."""
    for text in texts:
        await client.tell("send", room=room, text=text)


def numbered(count: int, length: int = 100) -> list[str]:
    """So many different texts."""
    return [f"{number:03d} ".ljust(length, "x") for number in range(1, count + 1)]


# Only logged events are heard


async def test_messages_are_fanned_out_only_when_logged_to_the_sender_too(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, bob, plain = (
            await core.open_person("Ada"),
            await core.open_person("Bob"),
            await core.open_plain(),
        )
        with core.store.holding_commits():
            await say(ada, "from Ada")
            await plain.say("from nobody")
            assert await ada.hear_rest() == await bob.hear_rest() == await plain.hear_rest() == []
            assert core.lobby.head == 0
        assert sorted(await plain.hear_rest()) == ["from Ada", "from nobody"]
        assert sorted(texts_of(await ada.hear_frames())) == ["from Ada", "from nobody"]
        assert sorted(texts_of(await bob.hear_frames())) == ["from Ada", "from nobody"]


async def test_catching_up_stops_at_the_head(
    autojump_clock: MockClock,
) -> None:
    """Between its commit and its fan-out an event can be read, but is left to the fan-out, or it would come twice."""
    disk = MemoryDisk()
    async with open_core(disk) as core:
        await core.fill(["one"])
    async with open_core(disk) as core:  # with no recent events, so that pages come from the store
        draft = Draft(kind="message", sender="p", name="P", client_id=None, body="committed")
        await core.store.append("lobby", [draft], at_ms=0)
        ada = await core.open_v1()
        await ada.ask("hello")
        await ada.tell("join", room="lobby", after=0, epoch=disk.epoch)
        assert texts_of(await ada.hear_frames()) == ["one"]
        assert core.lobby.statistics().live_subscriptions == 1


async def test_when_the_log_cannot_be_written_nothing_is_fanned_out_and_the_room_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        speaker, listener = await core.open_plain(), await core.open_plain()
        await speaker.say("first")  # after which it has a name, and needs nothing more of the log
        for client in (ada, bob, speaker, listener):
            assert len(await client.hear_rest()) == 1
        with core.store.unavailable():
            await speaker.say("lost")
            await say(ada, "lost too")
            assert [frame["code"] for frame in await ada.hear_frames()] == ["unavailable"]
            assert await speaker.hear_close() == 1013
        assert await bob.hear_frames() == []
        await say(ada, "kept")
        assert texts_of(await bob.hear_frames()) == await listener.hear_rest() == ["kept"]


# One order, verbatim, exactly once


async def test_everybody_hears_every_message_once_in_one_order(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        people = [await core.open_person(f"P{number}") for number in range(4)]
        plain = [await core.open_plain() for _ in range(4)]

        async def talk(client: Client, name: str) -> None:
            for number in range(20):
                text = f"{name} {number}"
                await (say(client, text) if isinstance(client, V1Client) else client.say(text))

        async with trio.open_nursery() as nursery:
            for number, client in enumerate([*people, *plain]):
                nursery.start_soon(talk, client, f"speaker {number}")
        heard = [await client.hear_rest() for client in plain]
        heard += [texts_of(await client.hear_frames()) for client in people]
        assert all(texts == heard[0] for texts in heard)
        assert len(heard[0]) == len(set(heard[0])) == 160
        log = await core.store.read_after("lobby", 0, limit=999, max_bytes=10**9)
        assert [event.body for event in log] == heard[0]
        for number in range(8):  # each sender's messages stay in order
            own = [text for text in heard[0] if text.startswith(f"speaker {number} ")]
            assert own == [f"speaker {number} {index}" for index in range(20)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\0",
        "a\r\nb",
        "<b>&amp;",
        '{"type":"ping"}',
        "e\u0301",
        "\u202eabc",
        "👩‍👩‍👧",
        "\uffff\U0010ffff",
        "x" * 4000,
    ],
)
async def test_a_plain_clients_text_is_heard_verbatim(text: str, autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, speaker = await core.open_person("Ada"), await core.open_plain()
        await speaker.say(text)
        assert await speaker.hear() == text
        frame = await ada.hear_frame()
        assert frame["text"] == text
        assert frame["from"].startswith("g-")
        assert frame["at"] == "2026-11-22T21:00:00.123Z"
        assert "id" not in frame


async def test_the_sender_hears_its_message_and_then_the_ack(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        command_id = await ada.tell("send", room="lobby", text="hi")
        message, ack = await ada.hear_frames()
        assert (message["type"], message["id"], message["seq"]) == ("message", command_id, 1)
        assert ack == {"type": "ack", "id": command_id, "room": "lobby", "seq": 1}


async def test_a_repeat_gets_the_same_ack_on_any_connection_and_is_not_fanned_out(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        bob = await core.open_person("Bob")
        ada = await core.open_v1()
        token = (await ada.ask("hello", name="Ada"))["token"]
        await ada.ask("join", room="lobby")
        await ada.tell("send", id="c9", room="lobby", text="once")
        (_, ack) = await ada.hear_frames()
        await ada.tell("send", id="c9", room="lobby", text="once")
        assert await ada.hear_frames() == [ack]
        await ada.ask("rename", name="Ada L.")

        elsewhere = await core.open_v1()
        await elsewhere.ask("hello", token=token)
        await elsewhere.ask("join", room="lobby", after=1, epoch=core.lobby.epoch)
        await elsewhere.tell("send", id="c9", room="lobby", text="once")
        assert await elsewhere.hear_frames() == [ack]
        assert texts_of(await bob.hear_frames()) == ["once"]


async def test_an_idempotency_key_is_one_command_of_one_person_for_ever(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        await ada.tell("join", room="garden")
        await ada.tell("send", id="c9", room="lobby", text="one thing")
        await ada.hear_frames()
        for room, text in (("lobby", "another thing"), ("garden", "one thing")):
            assert (await ada.ask("send", id="c9", room=room, text=text))["code"] == "id_conflict"
        await bob.hear_frames()
        await bob.tell("send", id="c9", room="lobby", text="somebody else's")
        assert texts_of(await bob.hear_frames()) == ["somebody else's"]


# Joining with a cursor


async def test_the_events_after_joined_follow_on_from_its_position(
    autojump_clock: MockClock,
) -> None:
    async with open_core(page_size=3, max_gap=5) as core:
        await core.fill(numbered(8))
        epoch = core.lobby.epoch
        cases: list[tuple[dict[str, Any], int, bool]] = [
            ({}, 5, False),  # the latest page
            ({"after": 8, "epoch": epoch}, 8, False),  # at the head
            ({"after": 7, "epoch": epoch}, 7, False),  # behind
            ({"after": 3, "epoch": epoch}, 3, False),  # as far behind as allowed
            ({"after": 2, "epoch": epoch}, 5, True),  # farther
            ({"after": 7, "epoch": "another"}, 5, True),  # of another log
            ({"after": 7}, 5, True),  # of an unknown log
        ]  # a proven cursor beyond the head begins a new epoch: tests/rooms/test_epoch.py
        for cursor, after, is_reset in cases:
            ada = await core.open_v1()
            await ada.ask("hello")
            joined = await ada.ask("join", id="j", room="LOBBY", **cursor)
            expected: dict[str, Any] = {
                "room": "lobby",
                "head": 8,
                "epoch": epoch,
                "after": after,
                "reset": is_reset,
            }
            expected["proof"] = core.lobby.prover.prove(after)
            assert joined == {"type": "joined", "id": "j"} | expected
            assert seqs_of(await ada.hear_frames()) == list(range(after + 1, 9))


async def test_without_a_limit_a_gap_of_any_size_is_filled(autojump_clock: MockClock) -> None:
    async with open_core(max_gap=0, page_size=1) as core:
        await core.fill(numbered(30))
        ada = await core.open_person("Ada")
        await ada.tell("leave", room="lobby")
        await ada.tell("join", room="lobby", after=0, epoch=core.lobby.epoch)
        assert seqs_of(await ada.hear_frames()) == list(range(1, 31))


async def test_a_plain_client_hears_new_messages_only(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["before"])
        client = await core.open_plain()
        await core.fill(["after"])
        assert await client.hear_rest() == ["after"]


async def test_after_leaving_nothing_is_heard(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        assert (await ada.ask("leave", id="l", room="LOBBY")) == {"type": "left", "id": "l", "room": "lobby"}
        await core.fill(["too late"])
        assert await ada.hear_frames() == []
        assert (await ada.ask("history", room="lobby", before=9))["code"] == "not_joined"


async def test_pages_of_history_lead_back_to_the_first_message(autojump_clock: MockClock) -> None:
    async with open_core(page_size=2) as core:
        await core.fill(numbered(7))
        ada = await core.open_person("Ada")
        before, seqs = 6, list[int]()
        while before > 1:
            page = await ada.ask("history", room="lobby", before=before, limit=3)
            seqs = seqs_of(page["events"]) + seqs
            before = seqs[0]
            assert page["more"] == (before > 1)
        assert seqs == [1, 2, 3, 4, 5]
        assert (await ada.ask("history", room="lobby", before=1))["events"] == []
        beyond = await ada.ask("history", room="lobby", before=2**63 - 1, limit=2)
        assert seqs_of(beyond["events"]) == [6, 7]


async def test_a_cursor_is_resumed_after_a_restart(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        await core.fill(numbered(3))
        position = core.lobby.position
    async with open_core(disk) as core:
        assert core.lobby.position == position == Position(3, disk.epoch)
        ada = await core.open_person("Ada", after=2, epoch=position.epoch)
        await say(ada, "four")
        assert seqs_of(await ada.hear_frames()) == [4]


@pytest.mark.parametrize(("n_coming", "rest_s"), [(0, 0.02), (CROWD, CROWD_RESTS * 0.02)])
async def test_a_busy_room_rests_longer_while_a_crowd_comes(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, n_coming: int, rest_s: float
) -> None:
    """Those who are in the room took half of the processor from those who were coming back to it."""
    async with open_core(fan_out_pause_max_s=0.02) as core:
        ada = await core.open_person("Ada")
        await ada.tell("send", room="lobby", text="before")
        await ada.hear_frames()
        await trio.sleep(1)
        fan_out_s = itertools.count(0, 1)
        monkeypatch.setattr(broadcaster, "time", SimpleNamespace(perf_counter=lambda: next(fan_out_s)))
        for _ in range(n_coming):
            await core.open_plain()
        await ada.tell("send", room="lobby", text="one")
        assert texts_of(await ada.hear_frames()) == ["one"]
        began_s = trio.current_time()
        await ada.tell("send", room="lobby", text="two")
        assert '"two"' in await ada.hear()
        assert trio.current_time() - began_s == pytest.approx(rest_s, abs=0.005)
