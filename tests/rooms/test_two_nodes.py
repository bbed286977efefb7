"""Two nodes over one store: both tell the one log, in its order, whoever wrote it, and whatever becomes of hints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
import trio.testing

from tests.support.core import AT_MS, open_core, seqs_of, texts_of
from tests.support.nodes import open_nodes
from tests.support.v1 import ack, let_in, make_room
from trio_chat.errors import StoreUnavailable
from trio_chat.kinds.facts import LOBBY
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.rooms import follower as follower_module
from trio_chat.rooms.follower import RETRY_S, RUNG_S
from trio_chat.rooms.registry import IDLE_S
from trio_chat.store.hints import EVERYTHING, Hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from tests.support.nodes import SharedStore
    from trio_chat.model.events import Event, Position


async def say(client: V1Client, *texts: str, room: str = LOBBY) -> None:
    """Send these, one after the other."""
    for text in texts:
        await client.tell("send", room=room, text=text)
        await trio.testing.wait_all_tasks_blocked()


@attrs.frozen
class Person:
    """Somebody who comes to nodes."""

    id: str
    token: str

    async def come_to(self, core: Core, room: str = LOBBY, **cursor: object) -> V1Client:
        """A connection to a node that has joined the room; what it was told of that waits."""
        client = await core.open_v1()
        await client.ask("hello", token=self.token)
        await client.tell("join", room=room, **cursor)
        return client


async def somebody(core: Core, name: str) -> tuple[V1Client, Person]:
    """A connection of a new person that has joined nothing, and the person."""
    client = await core.open_v1()
    welcome = await client.ask("hello", name=name)
    return client, Person(welcome["user"]["id"], welcome["token"])


def cursor_at(core: Core, seq: int) -> dict[str, Any]:
    """The cursor of a client that was told of this number of the lobby."""
    return {"after": seq, "epoch": core.lobby.epoch, "proof": core.lobby.prover.prove(seq)}


async def write_elsewhere(store: SharedStore, count: int, *, room: str = LOBBY) -> None:
    """Have somebody who is on neither node write so many messages."""
    drafts = [Draft(MESSAGE, "p-else", "Else", f"else {n}", f"{n:04d}") for n in range(1, count + 1)]
    await store.append(room, drafts, at_ms=AT_MS)


# The log is the order


async def test_what_is_written_at_one_node_is_heard_at_the_other(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada, bob, plain = await one.open_person("Ada"), await two.open_person("Bob"), await two.open_plain()
        await say(ada, "1", "2")
        await say(bob, "3")
        await plain.say("4")
        everything = ["1", "2", "3", "4"]
        heard = [texts_of(await client.hear_frames()) for client in (ada, bob)]
        assert [*heard, await plain.hear_rest()] == [everything] * 3


async def test_what_others_wrote_is_told_before_what_is_written_here(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob, plain = await one.open_person("Ada"), await two.open_person("Bob"), await two.open_plain()
        store.lose_hints()
        await say(ada, "1", "2", "3")
        assert await bob.hear_rest() == await plain.hear_rest() == []
        await say(bob, "4")
        frames = await bob.hear_frames()
        assert [(frame["type"], frame["seq"]) for frame in frames] == [
            ("message", 1),
            ("message", 2),
            ("message", 3),
            ("message", 4),
            ("ack", 4),
        ]
        assert await plain.hear_rest() == ["1", "2", "3", "4"]
        late = await two.open_person("Late", after=0, epoch=two.lobby.epoch)
        await late.hear_frames()
        assert two.lobby.head == 4
        assert two.lobby.statistics().broadcast.read == 3


@pytest.mark.parametrize("comes_by", ["join", "follow", "plain"])
async def test_who_comes_after_a_deletion_is_told_no_text_at_any_node(
    autojump_clock: MockClock, comes_by: str
) -> None:
    async with open_nodes() as (store, one, two):
        ada = await one.open_person("Ada")
        for room in (LOBBY, "den"):
            await ada.tell("join", room=room)
            await two.open_person(room=room)
        await say(ada, "a secret")
        await say(ada, "another", room="den")
        store.lose_hints()
        await say(ada, "the last")  # which is behind what the other node has told
        for room, seq in ((LOBBY, 1), (LOBBY, 2), ("den", 1)):
            await ada.tell("delete", room=room, seq=seq)
        acked = [frame for frame in await ada.hear_frames() if frame["type"] == "ack"]
        assert len(acked) == 6
        if comes_by == "plain":
            heard = "".join(await (await two.open_plain()).hear_rest())
        else:
            late = await two.open_v1()
            await late.ask("hello")
            cursors = [{"room": LOBBY, **cursor_at(two, 0)}, {"room": "den", **cursor_at(two, 0)}]
            if comes_by == "follow":
                await late.tell("follow", rooms=cursors)
            else:
                for cursor in cursors:
                    await late.tell("join", **cursor)
            frames = await late.hear_frames()
            assert [frame["seq"] for frame in frames if "seq" in frame] == [*range(1, 5), 1, 2]
            heard = str(frames)
        assert not [text for text in ("a secret", "another", "the last") if text in heard]


async def test_nodes_that_write_at_once_tell_one_order(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        clients = [await (one, two)[n % 2].open_person(f"P{n}") for n in range(6)]
        async with trio.open_nursery() as nursery:

            async def talk(client: V1Client, who: int) -> None:
                for number in range(20):
                    await client.tell("send", room=LOBBY, text=f"{who} {number}")

            for who, client in enumerate(clients):
                nursery.start_soon(talk, client, who)
        heard = [await client.hear_frames() for client in clients]
        log = await store.read_after(LOBBY, 0, limit=999, max_bytes=10**9)
        assert len(log) == 120
        for frames in heard:
            assert texts_of(frames) == [event.body for event in log]
            told = 0
            for frame in frames:  # no ack comes before the event
                if frame["type"] == "ack":
                    assert frame["seq"] <= told
                else:
                    told = frame["seq"]


async def test_the_ack_of_a_repeat_comes_after_its_event(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada, person = await somebody(one, "Ada")
        await ada.ask("join", room=LOBBY)
        here = await person.come_to(two)
        await here.hear_frames()
        store.lose_hints()
        await ada.tell("send", id="mine", room=LOBBY, text="once")
        await ada.hear_frames()
        await here.tell("send", id="mine", room=LOBBY, text="once")
        assert [(frame["type"], frame["id"], frame["seq"]) for frame in await here.hear_frames()] == [
            ("message", "mine", 1),
            ("ack", "mine", 1),
        ]


async def test_a_node_that_was_slow_tells_everything_in_order(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, _, two):
        bob, plain = await two.open_person("Bob"), await two.open_plain()
        with store.holding_reads():
            await write_elsewhere(store, 1200)
            await say(bob, "mine")
            assert await bob.hear_rest() == await plain.hear_rest() == [], "an ack would be too early"
        assert seqs_of(await bob.hear_frames()) == list(range(1, 1202))
        assert await plain.hear_rest() == [f"{n:04d}" for n in range(1, 1201)] + ["mine"]


async def test_while_the_log_cannot_be_read_nobody_is_told_a_part(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        kept = store.keep_hints()
        await say(ada, "1", "2")

        async def fail(*_args: object, **_kwargs: object) -> list[object]:
            raise StoreUnavailable("Not now.")

        with monkeypatch.context() as broken:
            broken.setattr(store, "read_after", fail)
            for hint in kept:
                store.bell.ring(hint)
            await trio.sleep(3 * RETRY_S)
            assert await bob.hear_frames() == []
        await trio.sleep(2 * RETRY_S)
        assert texts_of(await bob.hear_frames()) == ["1", "2"]
        await say(ada, "3")
        with monkeypatch.context() as broken:
            broken.setattr(store, "read_after", fail)
            await bob.tell("send", id="c", room=LOBBY, text="4")
            await trio.sleep(3 * RETRY_S)
            assert await bob.hear_frames() == []
        await trio.sleep(2 * RETRY_S)
        frames = await bob.hear_frames()
        assert [(frame["type"], frame["seq"]) for frame in frames] == [
            ("message", 3),
            ("message", 4),
            ("ack", 4),
        ]


async def test_who_follows_many_rooms_while_the_store_does_not_answer_waits_for_it_once(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, _, two):
        rooms = ("den", "hall", LOBBY)
        for room in rooms:
            await two.open_person(room=room)
        late = await two.open_v1()
        await late.ask("hello")

        async def fail(*_args: object) -> object:
            await trio.sleep(10)
            raise StoreUnavailable("Not now.")

        with monkeypatch.context() as broken:
            broken.setattr(store, "positions", fail)
            await late.tell("follow", rooms=[{"room": room} for room in rooms])
            await trio.sleep(11)
            frames = await late.hear_frames()
        assert [(frame["code"], frame["room"]) for frame in frames] == [
            ("unavailable", room) for room in rooms
        ]
        await late.tell("follow", rooms=[{"room": room} for room in rooms])
        assert [frame["type"] for frame in await late.hear_frames()] == ["joined"] * 3


async def test_a_log_with_a_hole_ends_the_room_and_everybody_comes_back_to_what_there_is(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_core() as core:
        ada, plain = await core.open_person("Ada"), await core.open_plain()
        await say(ada, "1")
        core.lobby.subscribers.head = 7
        await say(ada, "2")
        assert await ada.hear_close() == await plain.hear_close() == 1011
        assert "came behind 7" in caplog.text
        back = await core.open_person("Bob")
        await say(back, "3")
        assert [frame["seq"] for frame in await back.hear_frames() if frame["type"] == "ack"] == [3]


# Hints

HINTS: dict[str, Callable[[int], list[Hint]]] = {
    "right": lambda n: [Hint(LOBBY, n)],
    "doubled": lambda n: [Hint(LOBBY, n)] * 3,
    "too high": lambda n: [Hint(LOBBY, n + 1000)],
    "too low, then right": lambda n: [Hint(LOBBY, 1), Hint(LOBBY, n)],
    "late": lambda n: [Hint(LOBBY, seq) for seq in range(1, n + 1)],
    "of the room": lambda n: [Hint(LOBBY)],
    "of another room first": lambda n: [Hint("nowhere", 3), Hint("nowhere"), Hint(LOBBY, n)],
    "everything": lambda n: [EVERYTHING],
}


@pytest.mark.parametrize("kind", HINTS)
async def test_whatever_a_hint_says_the_log_is_told(kind: str, autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob, plain = await one.open_person("Ada"), await two.open_person("Bob"), await two.open_plain()
        store.lose_hints()
        for texts in (["1", "2", "3"], ["4", "5"]):
            await say(ada, *texts)
            assert await bob.hear_frames() == []
            for hint in HINTS[kind](int(texts[-1])):
                store.bell.ring(hint)
            assert texts_of(await bob.hear_frames()) == await plain.hear_rest() == texts
        await say(bob, "6")
        assert texts_of(await bob.hear_frames()) == ["6"]


async def test_hints_for_rooms_that_are_not_open_open_none(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada = await one.open_person("Ada", room="garden")
        tasks = two.tasks
        await say(ada, "1", room="garden")
        assert "garden" not in [room.name for room in two.rooms]
        bob = await two.open_person("Bob", room="garden", after=0, epoch=two.lobby.epoch)
        assert (await two.rooms.get("garden")).head == 1
        await say(ada, "2", room="garden")
        assert texts_of(await bob.hear_frames()) == ["2"]
        assert two.tasks > tasks


async def test_a_dormant_room_wakes_for_a_hint_and_is_counted_as_begun(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada, bob = await one.open_person("Ada", room="garden"), await two.open_person("Bob", room="garden")
        garden = await two.rooms.get("garden")
        assert garden.is_empty
        await say(ada, "1", room="garden")
        assert texts_of(await bob.hear_frames()) == ["1"]
        assert not garden.is_empty
        await bob.websocket.aclose()
        await trio.sleep(3 * IDLE_S)
        assert "garden" not in [room.name for room in two.rooms], "it is closed as others are"


async def test_a_room_that_was_begun_elsewhere_takes_a_place(autojump_clock: MockClock) -> None:
    async with open_nodes(max_open_rooms=1) as (_, one, two):
        ada, bob = await one.open_person("Ada", room="garden"), await two.open_person("Bob", room="garden")
        await say(ada, "1", room="garden")
        await bob.tell("join", room="shed")
        await bob.hear_frames()
        assert (await ack(bob, "send", room="shed", text="here?"))["code"] == "too_many_rooms"


async def test_a_wrong_hint_makes_no_room_of_an_empty_one(autojump_clock: MockClock) -> None:
    """Who only listens at a name must not take a place from those who write."""
    async with open_nodes(max_open_rooms=2) as (store, _, two):
        await two.open_person("Ada", room="garden")
        store.bell.ring(Hint("garden", 5))
        await trio.testing.wait_all_tasks_blocked()
        assert (await two.rooms.get("garden")).is_empty
        bob = await two.open_person("Bob", room="shed")
        for room in ("shed", "attic"):
            await bob.tell("join", room=room)
            assert (await ack(bob, "send", room=room, text="a place"))["type"] == "ack"


async def test_what_is_written_while_a_room_is_being_opened_is_not_missed(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada = await one.open_person("Ada", room="garden")
        await say(ada, "1", room="garden")
        bob = await two.open_v1()
        await bob.ask("hello", name="Bob")
        state = store.state

        async def old_state(room: str) -> Any:  # noqa: ANN401
            found = await state(room)
            await say(ada, "2", room="garden")
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "state", old_state)
            await bob.tell("join", room="garden")
            await trio.testing.wait_all_tasks_blocked()
        assert texts_of(await bob.hear_frames()) == ["1", "2"]


async def test_a_busy_log_keeps_nobody_from_writing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "PAGE_EVENTS", 2)
    async with open_nodes() as (store, _, two):
        bob = await two.open_person("Bob")
        read_after = store.read_after
        left = 100

        async def busy_read(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            nonlocal left
            if left:
                left -= 1
                await store.append(LOBBY, [Draft(MESSAGE, "p-else", "Else", None, "busy")], at_ms=AT_MS)
            return await read_after(*args, **kwargs)

        monkeypatch.setattr(store, "read_after", busy_read)
        await write_elsewhere(store, 1)
        await bob.tell("send", id="c", room=LOBBY, text="mine")
        frames = await bob.hear_frames()
        (mine,) = [frame["seq"] for frame in frames if frame["type"] == "ack"]
        assert mine < 20, "it waited for what came after it"
        assert seqs_of(frames) == list(range(1, 103))


# Who may hear


async def test_whoever_was_sent_away_at_one_node_hears_nothing_later_at_the_other(
    autojump_clock: MockClock,
) -> None:
    for is_told in (True, False):
        async with open_nodes() as (store, one, two):
            (ada, ada_person), (bob, bob_person) = await somebody(one, "Ada"), await somebody(one, "Bob")
            room = await make_room(ada)
            await let_in(ada, room, bob)
            there, writer = await bob_person.come_to(two, room), await ada_person.come_to(two, room)
            for client in (ada, there, writer):
                await client.hear_frames()
            kept = store.keep_hints()
            await say(ada, "before", room=room)
            await ada.tell("ban", room=room, person=bob_person.id)
            await trio.testing.wait_all_tasks_blocked()
            await say(ada, "after", room=room)
            if is_told:
                for hint in kept:
                    store.bell.ring(hint)
            else:
                await say(writer, "mine", room=room)
            heard = [frame["type"] for frame in await there.hear_frames()]
            assert heard == ["message", "ban", "room_removed"]
            assert (await there.ask("join", room=room))["code"] == "no_such_room"
            texts = ["before", "after"] if is_told else ["before", "after", "mine"]
            assert texts_of(await writer.hear_frames()) == texts


async def test_a_page_with_many_changes_of_access_is_told_in_order(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        (ada, ada_person), (bob, bob_person) = await somebody(one, "Ada"), await somebody(one, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        writer = await ada_person.come_to(two, room)
        for client in (ada, writer):
            await client.hear_frames()
        store.lose_hints()
        for number in range(10):
            for on in (True, False):
                await ada.tell("ban", room=room, person=bob_person.id, on=on)
                await trio.testing.wait_all_tasks_blocked()
                await say(ada, f"{number} {on}", room=room)
        store.bell.ring(EVERYTHING)
        frames = await writer.hear_frames()
        seqs = [frame["seq"] for frame in frames]
        assert seqs == list(range(seqs[0], seqs[0] + 40))
        assert (await two.rooms.get(room)).access.members == (await one.rooms.get(room)).access.members


async def test_whoever_was_let_in_at_one_node_can_join_at_the_other_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, a), (bob, b), (eve, e) = [await somebody(one, name) for name in ("Ada", "Bob", "Eve")]
        room = await make_room(ada)
        await a.come_to(two, room)
        there, outside = await b.come_to(two), await e.come_to(two)
        store.lose_hints()
        await let_in(ada, room, bob)
        for client in (there, outside):
            await client.hear_frames()
        assert (await there.ask("join", room=room))["type"] == "joined"
        assert (await outside.ask("join", room=room))["code"] == "no_such_room"
        assert not await two.rooms.may_hear(room, e.id)
        await let_in(ada, room, eve)
        assert await two.rooms.may_hear(room, e.id)  # who fetches a file, say


# Cursors and numbers


@pytest.mark.parametrize("is_proven", [True, False])
async def test_a_cursor_of_another_node_is_no_loss_and_no_reset(
    is_proven: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, person), bob = await somebody(one, "Ada"), await two.open_person("Bob")
        await ada.ask("join", room=LOBBY)
        epoch = two.lobby.epoch
        store.lose_hints()
        await say(ada, "1", "2", "3")
        cursor = cursor_at(one, 3) if is_proven else cursor_at(one, 3) | {"proof": None}
        back = await person.come_to(two, **cursor)
        joined = await back.hear_frame()
        assert (joined["head"], joined["after"], joined["reset"], joined["epoch"]) == (3, 3, False, epoch)
        assert texts_of(await bob.hear_frames()) == ["1", "2", "3"], "who was here hears it, too"
        await say(bob, "4")
        assert texts_of(await back.hear_frames()) == ["4"]
        assert "LOST" not in caplog.text


async def test_a_proven_loss_begins_one_epoch_on_both_nodes(autojump_clock: MockClock) -> None:
    for hint in (Hint(LOBBY), EVERYTHING):
        async with open_nodes() as (store, one, two):
            ada, bob, plain = (
                await one.open_person("Ada"),
                await two.open_person("Bob"),
                await two.open_plain(),
            )
            await say(ada, "1", "2")
            before = two.lobby.epoch
            store.lose_hints()
            lost = cursor_at(one, 99)
            claimant = await one.open_person("Cleo", **lost)
            assert one.lobby.epoch != before == two.lobby.epoch
            assert await ada.hear_close() == 4002
            other = await two.open_person("Dora", **lost)  # lost the same, and comes to the other node
            assert two.lobby.epoch == one.lobby.epoch, "and no other one was begun"
            assert await bob.hear_close() == 4002
            store.bell.ring(hint)
            await say(claimant, "3")
            store.bell.ring(EVERYTHING)
            assert seqs_of(await claimant.hear_frames()) == seqs_of(await other.hear_frames()) == [3]
            assert await plain.hear_rest() == ["1", "2", "3"]
            assert (await store.position(LOBBY)).epoch == one.lobby.epoch


@pytest.mark.parametrize("hint", [Hint(LOBBY), EVERYTHING])
async def test_an_epoch_begun_at_one_node_comes_to_the_other(hint: Hint, autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob, plain = await one.open_person("Ada"), await two.open_person("Bob"), await two.open_plain()
        await say(ada, "1", "2")
        store.lose_hints()
        await one.open_person("Cleo", **cursor_at(one, 99))
        assert two.lobby.epoch != one.lobby.epoch
        store.bell.ring(hint)
        assert await bob.hear_close() == 4002
        assert two.lobby.position == one.lobby.position
        back = await two.open_person("Dora", after=2, epoch=one.lobby.epoch)
        await say(back, "3")
        assert texts_of(await back.hear_frames()) == ["3"]
        assert await plain.hear_rest() == ["1", "2", "3"]


async def test_two_claims_at_two_nodes_at_once_begin_one_epoch(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada = await one.open_person("Ada")
        await say(ada, "1")
        begun: list[str] = []
        begin_epoch = store.begin_epoch

        async def noting(room: str, *, replacing: str | None = None) -> Position:
            position = await begin_epoch(room, replacing=replacing)
            begun.append(position.epoch)
            return position

        lost = cursor_at(one, 99)
        clients = [await node.open_v1() for node in (one, two)]
        for client in clients:
            await client.ask("hello")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "begin_epoch", noting)
            with store.holding_commits():
                for client in clients:
                    await client.tell("join", room=LOBBY, **lost)
                await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        assert len(set(begun)) == 1
        assert len(begun) == 2, "both nodes were told the same loss"
        assert one.lobby.epoch == two.lobby.epoch == begun[0]


async def test_a_log_that_went_back_in_a_new_epoch_is_told_from_there(autojump_clock: MockClock) -> None:
    """As after a failover to a database that holds less."""
    async with open_nodes() as (store, one, two):
        ada, bob, plain = await one.open_person("Ada"), await two.open_person("Bob"), await two.open_plain()
        await say(ada, "1", "2")
        two.lobby.subscribers.head = 7  # numbers 3 to 7 were told, and lost
        store.lose_hints()
        await store.begin_epoch(LOBBY)
        store.bell.ring(EVERYTHING)
        assert await bob.hear_close() == 4002
        assert two.lobby.position == await store.position(LOBBY)
        back = await two.open_person("Dora", after=0, epoch=two.lobby.epoch)
        await say(back, "3")
        assert seqs_of(await back.hear_frames()) == [3]
        assert await plain.hear_rest() == ["1", "2", "3"]


async def test_who_may_hear_is_what_the_log_says_after_it_went_back(autojump_clock: MockClock) -> None:
    """Who was let in by an event that was lost is not in any more."""
    async with open_nodes() as (store, one, two):
        ada = await one.open_person("Ada")
        bob, bobs = await somebody(two, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        there = await two.rooms.get(room)
        assert there.may_hear(bobs.id)
        lost = (await store.position(room)).seq
        store.lose_hints()
        store.lose_last(room)
        await store.begin_epoch(room)
        store.bell.ring(EVERYTHING)
        assert await bob.hear_close() == 4002
        assert there.head == lost - 1
        assert not there.may_hear(bobs.id)


async def test_in_a_new_epoch_nothing_is_told_that_was_kept_of_the_one_before(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        await say(ada, "lost")
        assert texts_of(await bob.hear_frames()) == ["lost"]
        store.lose_hints()
        # What has its number now says nothing.
        store.disk.connection.execute("UPDATE events SET body = NULL WHERE seq = 1")
        await store.begin_epoch(LOBBY)
        store.bell.ring(EVERYTHING)
        assert await bob.hear_close() == 4002
        late = await two.open_v1()
        await late.ask("hello")
        await late.tell("join", room=LOBBY, **cursor_at(two, 0))
        frames = await late.hear_frames()
        assert [frame["seq"] for frame in frames if "seq" in frame] == [1]
        assert "lost" not in str(frames)


async def test_what_is_read_over_a_new_connection_is_not_told_under_the_old_epoch(
    autojump_clock: MockClock,
) -> None:
    """A standby was promoted, and a hint of a number comes before one that all is to be looked at."""
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        await say(ada, "1")
        assert texts_of(await bob.hear_frames()) == ["1"]
        store.lose_hints()
        await store.begin_epoch(LOBBY)
        await store.append(LOBBY, [Draft(MESSAGE, "p-1", "Eve", None, "2")], at_ms=1)
        store.reconnects += 1
        store.bell.ring(Hint(LOBBY, 2))
        assert texts_of(await bob.hear_frames()) == []
        assert await bob.hear_close() == 4002


@pytest.mark.parametrize("is_known", [False, True])
async def test_pages_that_are_read_over_a_new_connection_are_not_told_under_the_old_epoch(
    is_known: bool, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of who is catching up, and of who asks for one; whether or not the room knows of the epoch by then."""
    async with open_nodes() as (store, one, two):
        await say(await one.open_person("Ada", room="den"), "old", room="den")
        epoch, reads, may_read = (await store.position("den")).epoch, store.read_after, trio.Event()

        async def read_late(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            await may_read.wait()
            return await reads(*args, **kwargs)

        monkeypatch.setattr(store, "read_after", read_late)
        late = await two.open_person("Late", room="den", after=0, epoch=epoch)
        asking = await two.open_person("Asking", room="den")
        await asking.tell("history", room="den", after=0, limit=9)
        store.lose_hints()
        store.disk.connection.execute("UPDATE events SET body = 'new' WHERE body = 'old'")
        await store.begin_epoch("den")
        store.reconnects += 1
        if is_known:
            store.bell.ring(EVERYTHING)
            await trio.testing.wait_all_tasks_blocked()
        may_read.set()
        for client in (late, asking):
            assert "new" not in str(await client.hear_frames())
            with trio.fail_after(5):
                assert await client.hear_close() == 4002


async def test_pages_are_not_told_while_it_is_not_known_of_which_log_they_are(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, two):
        await say(await one.open_person("Ada", room="den"), "1", room="den")
        bob = await two.open_person("Bob", room="den")

        async def fail(*_args: object) -> object:
            raise StoreUnavailable("Not now.")

        store.reconnects += 1
        with monkeypatch.context() as broken:
            broken.setattr(store, "positions", fail)
            await bob.tell("history", id="h", room="den", after=0, limit=9)
            (frame,) = await bob.hear_frames()
            assert (frame["type"], frame["code"]) == ("error", "unavailable")
        await bob.tell("history", id="h", room="den", after=0, limit=9)
        (frame,) = await bob.hear_frames()
        assert texts_of(frame["events"]) == ["1"]


async def test_what_is_written_to_a_log_that_lost_events_is_not_told_to_have_failed(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_nodes() as (store, one, _):
        ada = await one.open_person("Ada")
        await say(ada, "1", "2")
        await ada.hear_frames()
        one.lobby.subscribers.head = 99  # it was told more than the log has now
        await ada.tell("send", room=LOBBY, text="3")
        frame = await ada.hear_frame()
        assert (frame["type"], frame["seq"]) == ("ack", 3)
        assert await ada.hear_close() == 1011  # to come back with its proof of what is lost
        (written,) = await store.read_after(LOBBY, 2, limit=9, max_bytes=999)
        assert written.body == "3"
        assert "lost events" in caplog.text
        assert "Traceback" not in caplog.text


# Events that come with hints


def rung_by(hints: list[Hint]) -> list[Event]:
    """The events that the hints bring."""
    return [event for hint in hints for event in hint.events]


async def test_events_that_come_with_hints_are_told_without_reading(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        store.brings_events = True
        ada, bob, plain = await one.open_person("Ada"), await two.open_person("Bob"), await two.open_plain()
        with store.holding_reads():
            await write_elsewhere(store, 3)
            assert texts_of(await bob.hear_frames()) == await plain.hear_rest() == ["0001", "0002", "0003"]
            assert texts_of(await ada.hear_frames()) == ["0001", "0002", "0003"]
        late = await two.open_person("Late", after=0, epoch=two.lobby.epoch)
        assert two.lobby.statistics().broadcast.rung == 3
        assert await late.hear_rest() == []
        assert two.lobby.position == await store.position(LOBBY)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 2, 1, 1), (2, 0), (2,)])
async def test_whatever_comes_with_hints_the_log_is_told(
    order: tuple[int, ...], autojump_clock: MockClock
) -> None:
    """Late, doubled, lost and out of order: everything once, in its order."""
    async with open_nodes() as (store, _, two):
        store.brings_events = True
        bob, plain = await two.open_person("Bob"), await two.open_plain()
        kept = store.keep_hints()
        for number in range(3):
            await store.append(
                LOBBY, [Draft(MESSAGE, "p-else", "Else", f"{number}", f"{number}")], at_ms=AT_MS
            )
        for place in order:
            store.bell.ring(kept[place])
            await trio.testing.wait_all_tasks_blocked()
        assert texts_of(await bob.hear_frames()) == await plain.hear_rest() == ["0", "1", "2"]


async def test_events_that_waited_for_too_long_are_read_as_they_are_now(autojump_clock: MockClock) -> None:
    """What was deleted meanwhile is told to nobody any more."""
    async with open_nodes() as (store, one, two):
        store.brings_events = True
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        kept = store.keep_hints()
        with store.holding_commits():  # the broadcaster of the other node waits for its own
            await bob.tell("send", room=LOBBY, text="mine")
            await trio.testing.wait_all_tasks_blocked()
        await bob.hear_frames()
        await ada.hear_frames()
        await say(ada, "secret")
        (secret,) = [event for event in rung_by(kept) if event.body == "secret"]
        with store.holding_commits():
            await bob.tell("send", room=LOBBY, text="more")
            await trio.testing.wait_all_tasks_blocked()
            store.bell.ring(Hint(LOBBY, secret.seq, (secret,)))
            await trio.sleep(RUNG_S + 0.1)
        frames = await bob.hear_frames()
        assert texts_of(frames) == ["secret", "more"]
        assert two.lobby.statistics().broadcast.rung == 0


async def test_marks_and_receipts_beyond_the_own_head_are_not_cut(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada = await one.open_person("Ada")
        bob = await two.open_person("Bob")
        store.lose_hints()
        await say(ada, "1", "2", "3")
        await bob.tell("mark", room=LOBBY, delivered=3, read=2)
        await trio.sleep(2)
        (marker,) = await store.read_markers(LOBBY)
        assert (marker.delivered, marker.read) == (3, 2)
        await bob.hear_frames()
        await say(ada, "4")
        receipts = await bob.ask("receipts", room=LOBBY, seq=4)
        assert receipts["type"] == "message"  # what it asks about is heard first
        assert (await bob.hear_frame())["type"] == "receipts"
        await bob.tell("mark", room=LOBBY, read=99)  # a lie
        await trio.sleep(2)
        (marker,) = await store.read_markers(LOBBY)
        assert marker.read == 4


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("fetch", {"seqs": [2]}),
        ("history", {"around": 2}),
        ("history", {"before": 3}),
        ("reactions", {"seq": 2}),
        ("receipts", {"seq": 2}),
    ],
)
async def test_what_is_asked_about_a_number_of_another_node_is_answered(
    kind: str, fields: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        store.lose_hints()
        await say(ada, "1", "2")
        await bob.tell(kind, room=LOBBY, **fields)
        frames = await bob.hear_frames()
        assert [frame["type"] for frame in frames[:2]] == ["message", "message"]
        answer = frames[2]
        assert answer["type"] == {"fetch": "fetched"}.get(kind, kind)
        if "events" in answer:
            assert answer["events"][-1]["seq"] == 2


async def test_a_message_of_another_node_is_reported(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        store.lose_hints()
        await say(ada, "1", "2")
        await bob.tell("report", room=LOBBY, seq=2, why="spam")
        assert [frame["type"] for frame in await bob.hear_frames()] == ["message", "message", "ack"]


async def test_markers_that_moved_at_another_node_are_read_again(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        await say(ada, "1")
        await bob.tell("watch", room=LOBBY)
        await bob.hear_frames()
        await ada.tell("mark", room=LOBBY, read=1)
        await trio.sleep(20)
        await bob.hear_frames()
        watching = await bob.ask("watch", room=LOBBY)
        assert [mark["read"] for mark in watching["marks"]] == [1]


async def test_whoever_begins_to_watch_is_told_all_markers_that_anybody_was_told(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob, late = [
            await node.open_person(name) for node, name in zip((one, two, two), "ABL", strict=True)
        ]
        await say(ada, "1", "2")
        for client in (ada, bob):
            await client.tell("watch", room=LOBBY)
        await ada.tell("mark", room=LOBBY, read=1)
        await trio.sleep(3)
        store.lose_messages()
        await ada.tell("mark", room=LOBBY, read=2)
        await trio.sleep(3)
        await late.hear_frames()
        watching = await late.ask("watch", room=LOBBY)
        assert [mark["read"] for mark in watching["marks"]] == [2]
