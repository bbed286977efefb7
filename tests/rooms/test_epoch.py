"""Epochs: a proven claim beyond the head is logged and begins a new epoch, so that no number is used twice."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from tests.support.core import open_core, seqs_of, texts_of
from tests.support.memory_store import MemoryDisk
from trio_chat.model.proofs import Prover

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

    from tests.support.core import Core, V1Client


def proven(core: Core, after: int) -> dict[str, Any]:
    """The cursor of a client that was told of event number ``after`` of the lobby."""
    lobby = core.lobby
    return {"room": "lobby", "after": after, "epoch": lobby.epoch, "proof": lobby.prover.prove(after)}


async def claim(core: Core, after: int = 99, epoch: str | None = None, **hello: str) -> tuple[V1Client, Any]:
    """A client that can prove that it has seen everything up to this number, and the reply to its join."""
    client = await core.open_v1()
    await client.ask("hello", **hello)
    cursor = proven(core, after)
    joined = await client.ask("join", **(cursor | {"epoch": epoch} if epoch else cursor))
    return client, joined


async def test_a_claim_beyond_the_head_begins_a_new_epoch(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_core() as core:
        await core.fill(["a", "b"])
        before = core.lobby.epoch
        client, joined = await claim(core, 99)
        assert joined["reset"] is True
        assert joined["epoch"] == core.lobby.epoch != before
        assert (joined["head"], joined["after"]) == (2, 0)
        assert texts_of(await client.hear_frames()) == ["a", "b"]
        assert (await core.store.position("lobby")).epoch == core.lobby.epoch, "it is durable"
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "seen number 99 of the room lobby, which ends at 2" in record.getMessage()
        assert core.lobby.statistics().claims_ahead == 1


async def test_numbers_go_on_from_the_head_and_the_claimant_hears_them(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["a", "b"])
        client, _ = await claim(core)
        await client.hear_frames()
        await client.tell("send", room="lobby", text="c")
        assert seqs_of(await client.hear_frames()) == [3]


async def test_a_new_epoch_ends_connections_and_they_start_afresh(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["a", "b"])
        ada = await core.open_person("Ada")
        before = core.lobby.epoch
        await claim(core)
        assert await ada.hear_close() == 4002
        back, joined = await claim(core, 2, before)
        assert joined["reset"] is True
        assert joined["epoch"] == core.lobby.epoch != before
        assert texts_of(await back.hear_frames()) == ["a", "b"]


async def test_a_new_epoch_does_not_end_plain_connections(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        plain = await core.open_plain()
        client, _ = await claim(core)
        await client.tell("send", room="lobby", text="still here?")
        assert await plain.hear_rest() == ["still here?"]
        await plain.say("yes")
        assert texts_of(await client.hear_frames()) == ["still here?", "yes"]


async def test_a_new_epoch_does_not_concern_other_rooms(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        bob = await core.open_person("Bob", room="garden")
        garden = (await core.rooms.get("garden")).epoch
        await claim(core)
        await bob.tell("send", room="garden", text="peace")
        assert texts_of(await bob.hear_frames()) == ["peace"]
        assert (await core.rooms.get("garden")).epoch == garden


async def test_a_claim_on_a_subscribed_connection_does_not_end_it(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["a"])
        ada = await core.open_person("Ada")
        joined = await ada.ask("join", **proven(core, 99))
        assert joined["reset"] is True
        await ada.tell("send", room="lobby", text="b")
        assert texts_of(await ada.hear_frames()) == ["a", "b"]


async def test_a_claim_without_proof_is_answered_with_reset_alone_and_nobody_else_notices(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_core() as core:
        await core.fill(["a", "b"])
        ada = await core.open_person("Ada")
        epoch = core.lobby.epoch
        for number in range(10):
            liar = await core.open_v1()
            await liar.ask("hello")
            joined = await liar.ask(
                "join", room="lobby", after=99, epoch=epoch, proof="a" * 12 if number % 2 else None
            )
            assert (joined["reset"], joined["epoch"], joined["head"]) == (True, epoch, 2)
            assert texts_of(await liar.hear_frames()) == ["a", "b"]
        told = [record for record in caplog.records if "claims number 99 " in record.getMessage()]
        assert [record.levelname for record in told] == ["DEBUG"] * 10
        assert core.lobby.statistics().claims_ahead == 10
        await ada.tell("send", room="lobby", text="undisturbed")
        assert texts_of(await ada.hear_frames()) == ["undisturbed"]
        await claim(core)
        assert core.lobby.epoch != epoch
        assert await ada.hear_close() == 4002


async def test_an_epoch_is_begun_once_by_those_who_lost_the_same_events(autojump_clock: MockClock) -> None:
    """In the new epoch the proofs of the old one prove nothing."""
    async with open_core() as core:
        await core.fill(["a", "b"])
        lost = proven(core, 99)
        await claim(core)
        ada = await core.open_person("Ada")
        epoch = core.lobby.epoch
        for cursor in (lost, lost | {"epoch": epoch}):
            client = await core.open_v1()
            await client.ask("hello")
            joined = await client.ask("join", **cursor)
            assert (joined["reset"], joined["epoch"]) == (True, epoch)
        await ada.tell("send", room="lobby", text="undisturbed")
        assert texts_of(await ada.hear_frames()) == ["undisturbed"]


async def test_the_proof_of_another_number_room_or_epoch_is_none(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["a", "b"])
        lobby = core.lobby
        key, epoch = await core.store.proof_key(), lobby.epoch
        others = [
            Prover(key, "lobby", epoch).prove(98),
            Prover(key, "lobby", epoch).prove(2),
            Prover(key, "garden", epoch).prove(99),
            Prover(key, "lobby", epoch[:-1]).prove(99),
            Prover(b"another key", "lobby", epoch).prove(99),
            "",
            "ß" * 12,
        ]
        for proof in others:
            client = await core.open_v1()
            await client.ask("hello")
            joined = await client.ask("join", room="lobby", after=99, epoch=epoch, proof=proof)
            assert (joined["reset"], joined["epoch"]) == (True, epoch), proof
        assert lobby.statistics().claims_ahead == len(others)


async def test_every_way_to_a_cursor_brings_its_proof(autojump_clock: MockClock) -> None:
    """With `joined`, live, and catching up: in the epoch of the moment."""
    async with open_core() as core:
        await core.fill(["a"])
        ada = await core.open_person("Ada")
        await ada.tell("send", room="lobby", text="b")
        (live,) = [frame for frame in await ada.hear_frames() if frame["type"] == "message"]
        assert live["proof"] == core.lobby.prover.prove(2)
        for _ in range(2):
            client, joined = await claim(core, 0)
            assert (joined["after"], joined["proof"]) == (0, core.lobby.prover.prove(0))
            events = await client.hear_frames()
            assert [event["proof"] for event in events] == [core.lobby.prover.prove(seq) for seq in (1, 2)]
            await claim(core, 99)


async def test_an_empty_room_can_begin_a_new_epoch(autojump_clock: MockClock) -> None:
    """As when all events of a room were lost."""
    async with open_core() as core:
        client = await core.open_v1()
        welcome = await client.ask("hello")
        epoch = welcome["rooms"][0]["epoch"]
        proof = Prover(await core.store.proof_key(), "cellar", epoch).prove(3)
        joined = await client.ask("join", room="cellar", after=3, epoch=epoch, proof=proof)
        assert joined["reset"] is True
        assert joined["epoch"] != epoch
        assert (await core.store.position("cellar")).epoch == joined["epoch"]


async def test_an_epoch_that_cannot_be_written_is_tried_again_later(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        await core.fill(["a"])
        ada = await core.open_person("Ada")
        before = core.lobby.epoch
        client = await core.open_v1()
        await client.ask("hello")
        with core.store.unavailable():
            refused = await client.ask("join", **proven(core, 99))
            assert refused["code"] == "unavailable"
            assert core.lobby.epoch == before
        await ada.tell("send", room="lobby", text="b")
        assert texts_of(await ada.hear_frames()) == ["b"]
        joined = await client.ask("join", **proven(core, 99))
        assert joined["reset"] is True
        assert core.lobby.epoch != before


async def test_submissions_under_way_during_a_new_epoch_are_logged_acked_and_heard(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        await core.fill(["a"])
        ada = await core.open_person("Ada")
        before = core.lobby.epoch
        client = await core.open_v1()
        await client.ask("hello")
        with core.store.holding_commits():
            await ada.tell("send", id="mine", room="lobby", text="b")
            await client.tell("join", **proven(core, 99))
            await trio.testing.wait_all_tasks_blocked()
            assert await client.hear_frames() == []
        frames = await ada.hear_frames()
        assert [frame["seq"] for frame in frames if frame["type"] == "ack"] == [2]
        assert await ada.hear_close() == 4002
        frames = await client.hear_frames()
        assert frames[0]["reset"] is True
        assert frames[0]["epoch"] == core.lobby.epoch != before
        assert texts_of(frames) == ["a", "b"]


async def test_two_concurrent_claims_begin_one_epoch_that_both_join(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        await core.fill(["a"])
        before = core.lobby.epoch
        claimants = [await core.open_v1() for _ in range(2)]
        for client in claimants:
            await client.ask("hello")
        with core.store.holding_commits():
            for client in claimants:
                await client.tell("join", **proven(core, 99))
                await trio.testing.wait_all_tasks_blocked()
        first, second = [await client.hear_frames() for client in claimants]
        assert (first[0]["reset"], first[0]["epoch"]) == (True, core.lobby.epoch)
        assert second[0]["reset"] is True, "answered before the epoch had begun"
        assert await claimants[1].hear_close() == 4002
        _, joined = await claim(core, 1, before)
        assert (joined["reset"], joined["epoch"]) == (True, core.lobby.epoch)


# Damaged events


async def core_with_damage(disk: MemoryDisk) -> None:
    async with open_core(disk) as core:
        await core.fill(["a", "b", "c", "d"])
    disk.damage("lobby", 2, 3)


DAMAGE = [{"type": "damaged", "room": "lobby", "seq": seq} for seq in (2, 3)]


async def test_catching_up_has_a_damaged_frame_in_the_place_of_a_damaged_event(
    autojump_clock: MockClock,
) -> None:
    disk = MemoryDisk()
    await core_with_damage(disk)
    async with open_core(disk) as core:
        client, joined = await claim(core, 0)
        assert joined["reset"] is False
        frames = await client.hear_frames()
        assert [frame["seq"] for frame in frames] == [1, 2, 3, 4], "no gap"
        prove = core.lobby.prover.prove
        assert frames[1:3] == [
            frame | {"proof": prove(seq)} for frame, seq in zip(DAMAGE, (2, 3), strict=True)
        ]
        assert texts_of(frames) == ["a", "d"]
        await client.tell("send", room="lobby", text="e")
        assert texts_of(await client.hear_frames()) == ["e"]


async def test_history_has_a_damaged_frame_in_the_place_of_a_damaged_event(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    await core_with_damage(disk)
    async with open_core(disk) as core:
        client, _ = await claim(core, 4)
        page = await client.ask("history", room="lobby", before=4, limit=2)
        assert (page["events"], page["more"]) == (DAMAGE, True)


async def test_a_plain_client_catching_up_passes_over_a_damaged_event(
    autojump_clock: MockClock,
) -> None:
    disk = MemoryDisk()
    await core_with_damage(disk)
    async with open_core(disk) as core:
        plain = await core.open_plain()
        (subscription,) = core.lobby.subscribers
        core.lobby.subscribers._fall_behind(subscription, 0)
        assert await plain.hear_rest() == ["a", "d"]
