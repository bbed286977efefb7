"""Reports and wiping over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.support.core import AT_MS, open_core, texts_of
from tests.support.memory_store import MemoryDisk
from tests.support.v1 import ack, become_owner, hello, let_in, make_room
from trio_chat.errors import StoreUnavailable
from trio_chat.gateways.v1 import moderation

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

    from tests.support.core import Core, V1Client

SERVER = "~server"


async def test_a_report_brings_a_copy_which_is_gone_when_it_is_done(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        (ada, ada_id), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        cy, _ = await hello(core, "Cy")
        await become_owner(core, ada)
        room = await make_room(bob)
        await let_in(bob, room, cy)
        seq = (await ack(bob, "send", room=room, text="first words"))["seq"]
        await ack(bob, "edit", room=room, seq=seq, text="poisonous words")
        answer = await ack(cy, "report", id="r", room=room, seq=seq, why="it hurts")
        assert answer["room"] == SERVER
        assert (await ack(cy, "report", id="r", room=room, seq=seq, why="it hurts")) == answer, "a repeat"
        (report,) = await ada.hear_frames()
        report.pop("proof")  # it comes with what is live, not with answers
        said = {key: report[key] for key in ("type", "person", "of", "target", "text", "why")}
        assert said == {
            "type": "report",
            "person": bob_id,
            "of": room,
            "target": seq,
            "text": "poisonous words",
            "why": "it hurts",
        }
        await ack(bob, "delete", room=room, seq=seq)  # it can still be judged
        await ack(ada, "resolve", report=report["seq"], state="taken")
        (item,) = (await ada.ask("reports", room=SERVER))["reports"]
        assert (item["event"], item["taken_by"]) == (report, ada_id)
        assert b"poisonous words" in disk.contents()
        done = await ack(ada, "resolve", id="d", report=report["seq"], state="done", how="talked to him")
        assert (
            await ack(ada, "resolve", id="d", report=report["seq"], state="done", how="talked to him")
        ) == done
        assert (await ack(ada, "resolve", report=report["seq"], state="open"))["code"] == "no_such_report"
        assert (await ada.ask("reports", room=SERVER))["reports"] == []
        (told,) = (await ada.ask("fetch", room=SERVER, seqs=[report["seq"]]))["events"]
        assert told["deleted"]
        assert "text" not in told
        (resolved,) = (await ada.ask("fetch", room=SERVER, seqs=[done["seq"]]))["events"]
        assert (resolved["person"], resolved["how"]) == (bob_id, "talked to him")
    assert b"poisonous words" not in disk.contents()


async def test_who_may_report_what(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        seq = (await ack(ada, "send", room=room, text="hello"))["seq"]
        assert (await ack(bob, "report", room=room, seq=seq))["code"] == "not_joined"
        assert (await ack(ada, "report", room=room, seq=seq))["code"] == "not_yours", "oneself"
        assert (await ack(ada, "report", room=room, seq=99))["code"] == "no_such_message"
        assert (await ack(bob, "report", person="p-nobody"))["code"] == "no_such_person"
        assert (await ack(bob, "report", person=ada_id))["type"] == "ack"
        for fields in ({}, {"room": room}, {"room": room, "seq": seq, "person": bob_id}):
            assert (await ack(ada, "report", **fields))["code"] == "bad_field"
        assert (await ack(bob, "reports", room=SERVER))["code"] == "not_joined"
        assert (await ack(bob, "resolve", report=1, state="done"))["code"] == "not_joined"


async def test_a_moderator_wipes_what_a_person_has_said_lately_in_a_room(autojump_clock: MockClock) -> None:
    now_ms = AT_MS
    async with open_core(now_ms=lambda: now_ms) as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        await ack(bob, "send", room=room, text="long ago")
        now_ms += 5000
        for number in range(3):
            await ack(bob, "send", room=room, text=f"spam {number}")
        await ack(ada, "send", room=room, text="mine")
        assert (await ack(bob, "wipe", room=room, person=bob_id))["code"] == "not_yours"
        wiped = await ack(ada, "wipe", id="w", room=room, person=bob_id, since="2026-11-22T21:00:05Z")
        assert (
            await ack(ada, "wipe", id="w", room=room, person=bob_id, since="2026-11-22T21:00:05Z")
        ) == wiped
        page = await ada.ask("history", room=room, before=99)
        assert texts_of(page["events"]) == ["long ago", "", "", "", "mine"]
        assert [frame["n"] for frame in page["events"] if frame["type"] == "wipe"] == [3]
        again = await ack(ada, "wipe", room=room, person=bob_id, since="2026-11-22T21:00:05Z")
        assert again["code"] == "no_such_message"


async def test_who_runs_the_server_wipes_in_all_public_rooms_and_in_no_private_one(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "MAX_WIPED", 3)
    monkeypatch.setattr(moderation, "WIPED_AT_ONCE", 2)
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        private = await make_room(bob)
        for where in ("lobby", "garden", private):
            await bob.tell("join", room=where)
            for _ in range(2):
                await ack(bob, "send", room=where, text="spam")
        ns = []
        for _ in range(2):
            wiped = await ack(ada, "wipe", room=SERVER, person=bob_id)
            (told,) = (await ada.ask("fetch", room=SERVER, seqs=[wiped["seq"]]))["events"]
            ns.append(told["n"])
        assert ns == [3, 1]
        assert (await ack(ada, "wipe", room=SERVER, person=bob_id))["code"] == "no_such_message"
        for where, left in (("lobby", ["", ""]), ("garden", ["", ""]), (private, ["spam", "spam"])):
            assert texts_of(await history_of(bob, where)) == left


async def history_of(client: V1Client, room: str) -> list[dict[str, Any]]:
    """The events of a room."""
    await client.hear_frames()
    events: list[dict[str, Any]] = (await client.ask("history", room=room, before=99))["events"]
    return events


async def test_messages_of_guests_are_wiped_too(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        guest = await core.open_plain()
        await guest.say("spam")
        assert await guest.hear() == "spam"
        (event,) = await core.store.read_after("lobby", 0, limit=9, max_bytes=99_999)
        assert (await ack(ada, "wipe", room=SERVER, person=event.sender))["type"] == "ack"
        (event,) = await core.store.read_some("lobby", [event.seq])
        assert event.body is None


async def test_nobody_wipes_what_their_equals_have_said(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await ack(ada, "role", room=SERVER, person=bob_id, role="owner")
        await bob.tell("join", room="lobby")
        await ack(bob, "send", room="lobby", text="hello")
        assert (await ack(ada, "wipe", room=SERVER, person=bob_id))["code"] == "not_yours"


async def test_a_report_that_is_done_is_told_without_its_text_to_who_comes_later(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        cy, cy_id = await hello(core, "Cy")
        await become_owner(core, ada)
        room = await make_room(bob)
        await let_in(bob, room, cy)
        seq = (await ack(bob, "send", room=room, text="poisonous words"))["seq"]
        report = await ack(cy, "report", room=room, seq=seq)
        await ack(ada, "resolve", report=report["seq"], state="done")
        await ack(ada, "role", room=SERVER, person=cy_id, role="moderator")
        await cy.hear_frames()
        await cy.tell("join", room=SERVER)
        (told,) = [frame for frame in await cy.hear_frames() if frame["type"] == "report"]
        assert told["deleted"]
        assert "text" not in told


async def _spam(core: Core) -> tuple[V1Client, V1Client, str, str]:
    """Ada, and Bob, who has written four messages in her room; his id, and the room."""
    (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
    room = await make_room(ada)
    await let_in(ada, room, bob)
    for _ in range(4):
        await ack(bob, "send", room=room, text="spam")
    return ada, bob, bob_id, room


async def test_what_was_wiped_is_said_even_if_something_is_in_the_way_of_the_rest(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "WIPED_AT_ONCE", 2)
    async with open_core() as core:
        ada, _, bob_id, room = await _spam(core)
        append, n_appended = core.store.append, 0

        async def failing_later(*args: Any, **more: Any) -> Any:  # noqa: ANN401
            nonlocal n_appended
            n_appended += 1
            if n_appended == 2:
                raise StoreUnavailable("The disk is full.")
            return await append(*args, **more)

        monkeypatch.setattr(core.store, "append", failing_later)
        wiped = await ack(ada, "wipe", room=room, person=bob_id)
        (told,) = (await ada.ask("fetch", room=room, seqs=[wiped["seq"]]))["events"]
        assert told["n"] == texts_of(await history_of(ada, room)).count("") > 0


async def test_wiping_is_finished_and_said_when_the_connection_is_lost(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "WIPED_AT_ONCE", 2)
    async with open_core() as core:
        ada, bob, bob_id, room = await _spam(core)
        append = core.store.append

        async def append_slowly(*args: Any, **more: Any) -> Any:  # noqa: ANN401
            await trio.sleep(1)
            return await append(*args, **more)

        monkeypatch.setattr(core.store, "append", append_slowly)
        await ada.tell("wipe", room=room, person=bob_id)
        await trio.sleep(0.5)
        await ada.stream.aclose()
        await trio.sleep(10)
        page = await history_of(bob, room)
        assert texts_of(page).count("") == 4
        assert [frame["n"] for frame in page if frame["type"] == "wipe"] == [4]


async def test_an_id_that_said_something_else_is_no_repeat(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        await become_owner(core, ada)
        bob_id = (await bob.ask("profile"))["user"]["id"]
        for text in ("one", "two"):
            await ack(bob, "send", room="lobby", text=text)
        since = "2026-11-22T20:00:00Z"
        for kind, said, others in (
            (
                "report",
                {"room": "lobby", "seq": 1, "why": "spam"},
                (
                    {"seq": 2},
                    {"why": "rude"},
                    {"room": None, "seq": None, "person": bob_id},
                ),
            ),
            ("report", {"person": bob_id, "why": "spam"}, ({"person": "p-else"}, {"why": ""})),
            ("resolve", {"report": 3, "state": "taken"}, ({"state": "open"}, {"report": 4})),
            (
                "wipe",
                {"room": "lobby", "person": bob_id, "since": since},
                ({"since": None}, {"person": "p-else"}, {"since": "2026-11-22T20:30:00Z"}),
            ),
        ):
            first = await ack(ada, kind, **said)
            assert first["type"] == "ack", (kind, first)
            for other in others:
                answer = await ack(ada, kind, id=first["id"], **{**said, **other})
                assert answer["code"] == "id_conflict", (kind, other)
            assert await ack(ada, kind, id=first["id"], **said) == first
