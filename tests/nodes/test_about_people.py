"""What one node decides about somebody who is connected to another: their list of rooms, their devices, their blocks.
It is told at once, and found within seconds when no hint and no message comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import AT_MS
from tests.support.nodes import open_nodes
from tests.support.v1 import ack, hello, let_in, make_room
from trio_chat.errors import LOGGED_OUT, StoreUnavailable
from trio_chat.kinds.facts import LOBBY, personal_room
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.personal import Block
from trio_chat.kinds.rooms import Created
from trio_chat.model.events import Draft
from trio_chat.model.records import EventPlace
from trio_chat.nodes import look as look_module
from trio_chat.nodes.known import MAX_KNOWN, KnownChanges
from trio_chat.nodes.list_changes import RETRY_S
from trio_chat.nodes.look import LOOK_EACH_S
from trio_chat.store.hints import EVERYTHING
from trio_chat.store.node_messages import BlockChanged, DevicesLoggedOut, ListsChanged

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from tests.support.nodes import SharedStore

told_or_lost = pytest.mark.parametrize("is_told", [True, False], ids=["told", "lost"])


def lose(store: SharedStore, *, is_told: bool) -> None:
    """Lose all hints, and messages as well unless they are told."""
    store.lose_hints()
    if not is_told:
        store.lose_messages()


async def wait(*, is_told: bool) -> None:
    """Until it must be known at the other node: at once, or after a look."""
    if is_told:
        await trio.testing.wait_all_tasks_blocked()
    else:
        await trio.sleep(2 * LOOK_EACH_S)


async def come(core: Core, token: str) -> V1Client:
    """One more connection of a person, by their token."""
    client = await core.open_v1()
    assert (await client.ask("hello", token=token))["type"] == "welcome"
    return client


async def new(core: Core, name: str) -> tuple[V1Client, str, str]:
    """A connection of a new person, their id, and their token."""
    client = await core.open_v1()
    welcome = await client.ask("hello", name=name)
    return client, welcome["user"]["id"], welcome["token"]


async def kinds(client: V1Client) -> list[tuple[str, str]]:
    """What it is told of rooms: the types of the frames, and which rooms."""
    frames = [frame for frame in await client.hear_frames() if frame["type"] != "standing"]
    return [(frame["type"], frame.get("room") or frame["item"]["room"]) for frame in frames]


# Lists of rooms


@told_or_lost
async def test_a_request_that_is_made_at_one_node_is_told_at_the_other(
    is_told: bool, autojump_clock: MockClock
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, _), (bob, bob_id, token) = await hello(one, "Ada"), await new(two, "Bob")
        lose(store, is_told=is_told)
        room = (await ack(ada, "direct", person=bob_id))["room"]
        await wait(is_told=is_told)
        assert room not in [open_room.name for open_room in two.rooms]
        assert await kinds(bob) == [("request", room)]
        await trio.sleep(3 * LOOK_EACH_S)
        assert await bob.hear_frames() == [], "it is told once"
        phone = await come(one, token)
        assert (await ack(bob, "answer_request", room=room, accept=True))["type"] == "ack"
        store.bell.ring(EVERYTHING)  # the room is open at the first node, and goes by its log
        await wait(is_told=is_told)
        assert await kinds(phone) == [("room_added", room)]


@told_or_lost
async def test_who_comes_to_a_room_or_goes_at_one_node_is_told_at_the_other(
    is_told: bool, autojump_clock: MockClock
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, _), (bob, bob_id, token) = await hello(one, "Ada"), await new(one, "Bob")
        there = await come(two, token)
        room = await make_room(ada)
        lose(store, is_told=is_told)
        await let_in(ada, room, bob)
        await ack(ada, "send", room=room, text="hello")
        await wait(is_told=is_told)
        (added,) = await there.hear_frames()
        assert (added["type"], added["item"]["room"]) == ("room_added", room)
        assert added["item"].get("unread", 0) == (0 if is_told else 1), "as it is when it is read"
        await ack(ada, "ban", room=room, person=bob_id)
        await wait(is_told=is_told)
        assert await kinds(there) == [("room_removed", room)]
        await ack(ada, "admit", room=room, person=bob_id)
        await wait(is_told=is_told)
        assert await kinds(there) == [("room_added", room)]
        assert (await there.ask("join", room=room))["type"] == "joined"


async def test_a_room_that_is_open_at_both_nodes_is_told_once(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        (ada, _, ada_token), (bob, _, token) = await new(one, "Ada"), await new(one, "Bob")
        there, writer = await come(two, token), await come(two, ada_token)
        room = await make_room(ada)
        await writer.tell("join", room=room)
        await writer.hear_frames()
        await let_in(ada, room, bob)
        await trio.sleep(3 * LOOK_EACH_S)
        assert await kinds(there) == [("room_added", room)]


async def test_a_room_that_is_opened_when_the_change_was_made_is_told(autojump_clock: MockClock) -> None:
    """The message comes when the room is open here, and the event will never be fanned out: it was read with it."""
    async with open_nodes() as (store, one, two):
        (ada, _, ada_token), (bob, _, token) = await new(one, "Ada"), await new(one, "Bob")
        there, writer = await come(two, token), await come(two, ada_token)
        room = await make_room(ada)
        await writer.hear_frames()
        lose(store, is_told=False)
        await let_in(ada, room, bob)
        await writer.tell("join", room=room)
        assert await there.hear_frames() == []
        await wait(is_told=False)
        assert await kinds(there) == [("room_added", room)]


async def test_what_is_told_late_or_in_another_order_ends_as_it_is(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        (ada, _), (bob, bob_id, token) = await hello(one, "Ada"), await new(one, "Bob")
        there = await come(two, token)
        room = await make_room(ada)
        lose(store, is_told=False)
        await let_in(ada, room, bob)
        await ack(ada, "ban", room=room, person=bob_id)
        handler = two.hub.list_changes
        # The last one was written when the log had gone back.
        for at_ms, seq in ((AT_MS, 9), (AT_MS, 8), (AT_MS, 8), (AT_MS + 1, 8)):
            handler.note("", ListsChanged(at_ms, room, seq, (bob_id, "p-nobody")))
        assert await kinds(there) == [("room_removed", room)] * 3


async def test_who_says_hello_after_a_change_is_not_told_of_it_again_by_a_message(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (_, one, two):
        (ada, _), (bob, _, token) = await hello(one, "Ada"), await new(one, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        there = await two.open_v1()
        welcome = await there.ask("hello", token=token, lists=True)
        assert room in [item["room"] for item in welcome["rooms"]]
        await trio.sleep(3 * LOOK_EACH_S)
        assert await there.hear_frames() == []


async def test_the_look_reads_page_by_page_and_goes_on_after_trouble(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_module, "PLACES_AT_ONCE", 2)
    async with open_nodes() as (store, _, two):
        bob, bob_id, _ = await new(two, "Bob")
        lose(store, is_told=False)
        rooms = [f"~{n:016d}" for n in range(7)]
        for room in rooms:
            created = Created("private", "", "", (Who("p-x", "X"), Who(bob_id, "Bob")))
            await store.append(room, [Draft("created", "p-x", "X", None, write_body(created))], at_ms=AT_MS)
        with store.unavailable():
            await trio.sleep(2 * LOOK_EACH_S)
            assert await bob.hear_frames() == []
        await wait(is_told=False)
        assert await kinds(bob) == [("room_added", room) for room in rooms]


async def test_who_cannot_be_told_at_once_is_told_when_the_store_can_be_read(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, _), (bob, _, token) = await hello(one, "Ada"), await new(one, "Bob")
        there = await come(two, token)
        room = await make_room(ada)

        async def fail(*_args: object, **_fields: object) -> list[object]:
            raise StoreUnavailable("Not now.")

        with monkeypatch.context() as broken:
            broken.setattr(store, "listing", fail)
            await let_in(ada, room, bob)
            await trio.sleep(2 * RETRY_S)
            assert await there.hear_frames() == []
        await trio.sleep(2 * RETRY_S)
        assert await kinds(there) == [("room_added", room)]


async def test_what_was_written_long_ago_is_not_looked_at(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, _, two):
        bob, bob_id, _ = await new(two, "Bob")
        lose(store, is_told=False)
        for n, age_ms in enumerate((look_module.MARGIN_MS, look_module.MARGIN_MS + 1)):
            created = Created("private", "", "", (Who("p-x", "X"), Who(bob_id, "Bob")))
            draft = Draft("created", "p-x", "X", None, write_body(created))
            await store.append(f"~{n:016d}", [draft], at_ms=AT_MS - age_ms)
        await wait(is_told=False)
        assert await kinds(bob) == [("room_added", "~0000000000000000")]


def test_only_so_many_changes_are_remembered() -> None:
    known, first = KnownChanges(), EventPlace(1, "a", 1)
    assert [known.add(first) for _ in range(2)] == [True, False]
    for n in range(MAX_KNOWN):
        known.add(EventPlace(1, "b", n))
    assert first not in known
    assert EventPlace(1, "b", 0) in known


# Log-outs


@told_or_lost
async def test_a_device_that_is_logged_out_at_one_node_is_cut_at_the_other(
    is_told: bool, autojump_clock: MockClock
) -> None:
    async with open_nodes() as (store, one, two):
        ada, _, _ = await new(one, "Ada")
        code = (await ada.ask("link"))["code"]
        phone = await two.open_v1()
        token = (await phone.ask("hello", link=code))["token"]
        stays, _, _ = await new(two, "Bob")
        lose(store, is_told=is_told)
        assert (await ada.ask("log_out", all=True))["type"] == "done"
        await wait(is_told=is_told)
        assert phone.closed is not None
        assert await phone.hear_close() == LOGGED_OUT.code
        assert (await (await two.open_v1()).ask("hello", token=token))["code"] == "unknown_token"
        assert stays.closed is None
        assert (await ada.ask("ping"))["type"] == "pong"


async def test_who_is_logged_out_at_one_node_while_logging_in_at_the_other_does_not_come_in(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, two):
        ada, _, _ = await new(one, "Ada")
        code = (await ada.ask("link"))["code"]
        phone = await one.open_v1()
        token = (await phone.ask("hello", link=code))["token"]
        find_login = store.find_login

        async def found_before(token_hash: bytes) -> Any:  # noqa: ANN401
            login = await find_login(token_hash)
            assert (await ada.ask("log_out", all=True))["type"] == "done"
            await trio.testing.wait_all_tasks_blocked()
            return login

        there = await two.open_v1()
        with monkeypatch.context() as patch:
            patch.setattr(store, "find_login", found_before)
            assert (await there.ask("hello", token=token))["code"] == "unknown_token"


async def test_devices_are_looked_for_some_at_a_time(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_module, "DEVICES_AT_ONCE", 2)
    async with open_nodes() as (store, _, two):
        people = [await new(two, f"P{n}") for n in range(5)]
        lose(store, is_told=False)
        for _, person, _ in people[2:]:
            await store.remove_devices(person)
        await wait(is_told=False)
        assert [client.closed is not None for client, _, _ in people] == [False] * 2 + [True] * 3


# Blocks


@pytest.mark.parametrize("how", ["told", "lost", "never told"])
async def test_who_is_blocked_at_one_node_is_shown_nothing_at_the_other(
    how: str, autojump_clock: MockClock
) -> None:
    """Never told: the node at which it was written ended before it could."""
    is_told = how == "told"
    async with open_nodes() as (store, one, two):
        (ada, ada_id, token), (bob, bob_id, _) = await new(one, "Ada"), await new(two, "Bob")
        there = await come(two, token)
        for client in (there, bob):
            await client.tell("join", room=LOBBY)
            await client.tell("watch", room=LOBBY)
        await trio.sleep(3)
        await bob.hear_frames()
        lose(store, is_told=is_told)
        for on in (True, False):
            if how != "never told":
                blocked = await ack(ada, "mine", what="block", person=bob_id, on=on)
                assert blocked["type"] == "ack"
            else:
                draft = Draft("block", ada_id, "Ada", None, write_body(Block(bob_id, on)))
                await store.append(personal_room(ada_id), [draft], at_ms=AT_MS)
            await trio.sleep(1 if is_told else 2 * LOOK_EACH_S)
            assert two.hub.presence.privacy.are_apart(bob_id, ada_id) is on
            assert two.hub.presence.privacy.are_apart(ada_id, bob_id) is on
            (told,) = [frame for frame in await bob.hear_frames() if frame["type"] == "presence"]
            gone = told.get("went", [])
            assert (gone or [person["id"] for person in told["came"]]) == [ada_id]
            assert bool(gone) is on


async def test_blocks_that_cannot_be_read_or_are_made_meanwhile_are_read_again(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, _, two):
        (_, ada_id, _), (_, bob_id, _) = await new(two, "Ada"), await new(two, "Bob")
        body = write_body(Block(bob_id, on=True))
        await store.append(personal_room(ada_id), [Draft("block", ada_id, "Ada", None, body)], at_ms=AT_MS)
        store.lose_messages()
        presence = two.hub.presence
        tries = 0
        blocks = store.blocks

        async def trouble(person: str) -> list[tuple[str, str]]:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise StoreUnavailable("Not now.")
            found = await blocks(person)
            if tries == 2:
                presence.set_block(ada_id, "p-eve", on=True)  # it is not in what was read
            return [*found, (ada_id, "p-eve")] if tries > 3 else found

        with monkeypatch.context() as patch:
            patch.setattr(store, "blocks", trouble)
            presence.others_blocks.note("", BlockChanged(ada_id, bob_id))
            await trio.sleep(4)
        assert tries > 3
        assert presence.privacy.apart_from(ada_id) == {bob_id, "p-eve"}
        assert presence.privacy.apart_from(bob_id) == {ada_id}


async def test_messages_of_devices_end_only_those(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada, ada_id, token = await new(two, "Ada")
        there = await come(two, token)
        one.store.tell_nodes(DevicesLoggedOut(ada_id, ("d-another",)))
        await trio.testing.wait_all_tasks_blocked()
        assert ada.closed is there.closed is None
