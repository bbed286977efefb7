"""What is in no log, over two nodes: who is here and there, who types, read markers and profiles; also when all
messages between the nodes are lost, and when one of them dies without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.core import AT_MS, open_core
from tests.support.nodes import open_nodes
from tests.support.people import add_person
from tests.support.v1 import ack, hello, let_in, make_room
from trio_chat.hub import node_handlers
from trio_chat.kinds.forms import timestamp
from trio_chat.model.events import Person
from trio_chat.presence import profiles, service
from trio_chat.presence.attendance import MAX_NAMES
from trio_chat.presence.elsewhere import TOLD_S
from trio_chat.presence.other_nodes import AGAIN_EACH_S, LEASES_EACH_S
from trio_chat.presence.others_markers import LOOK_EACH_S as MARKERS_EACH_S
from trio_chat.presence.profiles import LOOK_EACH_S as PROFILES_EACH_S
from trio_chat.presence.service import INTERVAL_S
from trio_chat.store.node_messages import (
    MESSAGES,
    PeopleOffline,
    PeopleOnline,
    RoomLeft,
    RoomMoves,
    RoomPeople,
    Told,
    TypingThere,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from tests.support.nodes import SharedStore
    from trio_chat.store.node_messages import NodeMessage

SETTLED_S = 4 * INTERVAL_S


async def arrive(core: Core, name: str, *, watching: bool = False) -> tuple[V1Client, str]:
    """A connection of a new person that joined the lobby, and the person's id."""
    client, person = await hello(core, name)
    await client.tell("join", room="lobby")
    if watching:
        await client.tell("watch", room="lobby")
    await client.hear_frames()
    return client, person


async def arrive_again(core: Core, client: V1Client) -> V1Client:
    """Another device of the same person, at this node."""
    other = await core.open_v1()
    await other.ask("hello", link=(await client.ask("link"))["code"])
    await other.tell("join", room="lobby")
    await other.hear_frames()
    return other


async def answer_to(client: V1Client, kind: str, **fields: object) -> dict[str, Any]:
    """The answer to this command."""
    command_id = await client.tell(kind, **fields)
    return next(frame for frame in await client.hear_frames() if frame.get("id") == command_id)


async def told(client: V1Client, kind: str, *, within_s: float = SETTLED_S) -> list[dict[str, Any]]:
    """The frames of this type that it hears within this time."""
    await trio.sleep(within_s)
    return [frame for frame in await client.hear_frames() if frame["type"] == kind]


async def here(client: V1Client) -> tuple[int, set[str]]:
    """How many people the lobby has on a screen, and those of them that are named, as this client is shown them."""
    view = await answer_to(client, "watch", room="lobby")
    return view["count"], {user["id"] for user in view["here"]}


async def looked_up(client: V1Client, person: str) -> dict[str, Any]:
    """Somebody, as this client is shown them."""
    (user,) = (await answer_to(client, "people", ids=[person]))["people"]
    found: dict[str, Any] = user
    return found


def person(of: str) -> Person:
    """Somebody of this id."""
    return Person(of, "Somebody")


def lose(store: SharedStore, *kinds: type[NodeMessage]) -> None:
    """Deliver no message of these kinds from now on."""

    def deliver(told: Told) -> None:
        if not isinstance(told.message, kinds):
            store.ring_nodes(told)

    store.deliver_message = deliver


async def test_every_message_has_a_handler(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        assert set(node_handlers(core.hub)) == set(MESSAGES)


async def test_a_message_that_breaks_its_handler_ends_nothing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_nodes() as (_, one, two):
        ada, _ = await arrive(one, "Ada", watching=True)
        await arrive(two, "Bob", watching=True)
        await trio.sleep(SETTLED_S)
        with monkeypatch.context() as broken:
            broken.setattr(one.hub.presence, "_may_type", lambda *_: 1 / 0)
            one.store.node_bell.ring(Told(two.store.node, TypingThere("lobby", person("p-x"), "text")))
            await trio.testing.wait_all_tasks_blocked()
        assert "was not understood" in caplog.text
        await arrive(two, "Cy", watching=True)
        assert await told(ada, "presence")


# Presence


async def test_people_at_both_nodes_see_each_other_come_and_go(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        (ada, ada_id), (bob, bob_id) = await arrive(one, "Ada"), await arrive(two, "Bob")
        assert await here(ada) == (1, {ada_id})
        await told(ada, "presence")
        await here(bob)
        (presence,) = await told(ada, "presence")
        assert presence == {
            "type": "presence",
            "room": "lobby",
            "count": 2,
            "came": [{"id": bob_id, "name": "Bob"}],
        }
        assert [frame["count"] for frame in await told(bob, "presence")][-1:] == [2]
        assert await here(ada) == await here(bob) == (2, {ada_id, bob_id})
        await bob.tell("watch", room=None)
        assert [(one["went"], one["count"]) for one in await told(ada, "presence")] == [([bob_id], 1)]
        await here(bob)
        assert [one["count"] for one in await told(ada, "presence")] == [2]
        await bob.stream.aclose()
        assert [(one["went"], one["count"]) for one in await told(ada, "presence")] == [([bob_id], 1)]


async def test_who_is_told_nothing_new_hears_nothing(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada, _ = await arrive(one, "Ada", watching=True)
        await arrive(two, "Bob", watching=True)
        await told(ada, "presence")
        assert await told(ada, "presence", within_s=5 * AGAIN_EACH_S) == []


async def test_a_person_at_two_nodes_is_one_and_goes_when_they_have_left_both(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (_, one, two):
        (ada, ada_id), (bob, bob_id) = await arrive(one, "Ada", watching=True), await arrive(one, "Bob")
        laptop = await arrive_again(two, bob)
        await here(bob)
        await here(laptop)
        await trio.sleep(SETTLED_S)
        assert await here(ada) == await here(laptop) == (2, {ada_id, bob_id})
        await ada.hear_frames()
        await bob.tell("watch", room=None)
        assert [frame for frame in await told(ada, "presence") if "went" in frame] == []
        assert await here(ada) == (2, {ada_id, bob_id})
        await laptop.tell("watch", room=None)
        (gone,) = await told(ada, "presence")
        assert (gone["went"], gone["count"]) == ([bob_id], 1)


async def test_rooms_that_nobody_else_has_on_a_screen_are_told_of_seldom(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, _):
        told_kinds: list[type[NodeMessage]] = []
        store.deliver_message = lambda told: told_kinds.append(type(told.message))
        await arrive(one, "Ada", watching=True)
        await trio.sleep(INTERVAL_S)
        for number in range(5):
            await arrive(one, f"X{number}", watching=True)
            await trio.sleep(INTERVAL_S)
        assert told_kinds.count(RoomPeople) == 1
        assert RoomMoves not in told_kinds


async def test_of_many_only_some_are_named_and_all_are_counted(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.presence.attendance.MAX_NAMES_SENT", 5)
    async with open_nodes() as (_, one, two):
        ada, _ = await arrive(one, "Ada", watching=True)
        for number in range(8):
            await arrive(two, f"X{number}", watching=True)
        frames = await told(ada, "presence")
        assert frames[-1] == {"type": "presence", "room": "lobby", "count": 9}
        assert (await here(ada))[0] == 9


async def test_long_lists_come_whole(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        (ada, ada_id) = await arrive(one, "Ada")
        people = [await arrive(two, f"{number} {'é' * 30}", watching=True) for number in range(MAX_NAMES - 1)]
        await here(ada)
        await trio.sleep(SETTLED_S)
        assert await here(ada) == (MAX_NAMES, {ada_id, *(person for _, person in people)})
        for client, _ in people[:-1]:
            await client.stream.aclose()
        await trio.sleep(SETTLED_S)
        assert await here(ada) == (2, {ada_id, people[-1][1]})


async def test_what_was_lost_is_right_again_soon(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        store.lose_messages()
        ada, ada_id = await arrive(one, "Ada", watching=True)
        (bob, bob_id), (cy, cy_id) = [await arrive(two, name, watching=True) for name in ("Bob", "Cy")]
        await trio.sleep(SETTLED_S)
        assert await here(ada) == (1, {ada_id})
        store.deliver_message = store.ring_nodes
        await trio.sleep(AGAIN_EACH_S + SETTLED_S)
        assert await here(ada) == await here(bob) == (3, {ada_id, bob_id, cy_id})
        store.lose_messages()
        await cy.tell("watch", room=None)
        await trio.sleep(SETTLED_S)
        assert await here(ada) == (3, {ada_id, bob_id, cy_id})
        store.deliver_message = store.ring_nodes
        await trio.sleep(AGAIN_EACH_S + SETTLED_S)
        assert await here(ada) == (2, {ada_id, bob_id})


async def test_a_room_that_is_on_no_screen_there_any_more_is_not_also_if_that_was_lost(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, two):
        ada, ada_id = await arrive(one, "Ada", watching=True)
        bob, bob_id = await arrive(two, "Bob", watching=True)
        await trio.sleep(SETTLED_S)
        assert await here(ada) == (2, {ada_id, bob_id})
        await ada.hear_frames()
        lose(store, RoomLeft)
        await bob.tell("watch", room=None)
        (gone,) = await told(ada, "presence", within_s=TOLD_S + LEASES_EACH_S + SETTLED_S)
        assert (gone["went"], gone["count"]) == ([bob_id], 1)


async def test_a_node_that_begins_is_told_who_is_there(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, _):
        _, ada_id = await arrive(one, "Ada", watching=True)
        await trio.sleep(SETTLED_S)
        async with open_core(store=store.as_node()) as three:
            cy, cy_id = await arrive(three, "Cy")
            await trio.sleep(SETTLED_S)
            assert (await looked_up(cy, ada_id))["here"] is True
            await here(cy)
            await trio.sleep(SETTLED_S)
            assert await here(cy) == (2, {ada_id, cy_id})


async def test_the_people_of_a_node_that_died_are_gone_and_were_here_until_now(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, ada_id), (_, bob_id) = (
            await arrive(one, "Ada", watching=True),
            await arrive(two, "Bob", watching=True),
        )
        await trio.sleep(SETTLED_S)
        assert await here(ada) == (2, {ada_id, bob_id})
        assert (await looked_up(ada, bob_id))["here"] is True
        store.die(two)
        (gone,) = await told(ada, "presence", within_s=2 * LEASES_EACH_S + SETTLED_S)
        assert (gone["went"], gone["count"]) == ([bob_id], 1)
        user = await looked_up(ada, bob_id)
        assert "here" not in user
        assert user["seen"] == timestamp(AT_MS)


async def test_a_node_that_is_missing_once_is_not_gone(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, two):
        ada, ada_id = await arrive(one, "Ada", watching=True)
        _, bob_id = await arrive(two, "Bob", watching=True)
        await trio.sleep(SETTLED_S)
        answers = [frozenset[str](), frozenset(store.live)]
        looks = 0

        async def every_other() -> frozenset[str]:
            nonlocal looks
            looks += 1
            await trio.lowlevel.checkpoint()
            return answers[looks % 2]

        monkeypatch.setattr(one.store, "live_nodes", every_other)
        await ada.hear_frames()
        assert await told(ada, "presence", within_s=6 * LEASES_EACH_S) == []
        assert looks > 2
        assert await here(ada) == (2, {ada_id, bob_id})


# Here, and last seen


async def test_nobody_is_told_when_somebody_was_last_seen_who_is_at_another_node(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (_, one, two):
        (ada, _), (bob, bob_id) = await arrive(one, "Ada"), await arrive(one, "Bob")
        laptop = await arrive_again(two, bob)
        await trio.sleep(SETTLED_S)
        await bob.stream.aclose()
        for _ in range(10):  # whatever is told again meanwhile
            await trio.sleep(TOLD_S / 4)
            user = await looked_up(ada, bob_id)
            assert user == {"id": bob_id, "name": "Bob", "here": True}
        await laptop.stream.aclose()
        await trio.sleep(SETTLED_S)
        assert await looked_up(ada, bob_id) == {"id": bob_id, "name": "Bob", "seen": timestamp(AT_MS)}


async def test_ones_devices_at_another_node_are_here(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada, _ = await arrive(one, "Ada")
        laptop, phone = await arrive_again(two, ada), await arrive_again(two, ada)

        async def devices_here(client: V1Client) -> int:
            return sum(
                device.get("here", False) for device in (await answer_to(client, "devices"))["devices"]
            )

        await trio.sleep(SETTLED_S)
        assert await devices_here(ada) == await devices_here(laptop) == 3
        await phone.stream.aclose()
        await trio.sleep(SETTLED_S)
        assert await devices_here(ada) == 2


async def test_who_is_not_heard_of_any_more_is_not_here(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        (ada, _), (bob, bob_id) = await arrive(one, "Ada"), await arrive(two, "Bob")
        await trio.sleep(SETTLED_S)
        assert (await looked_up(ada, bob_id))["here"] is True
        lose(store, PeopleOffline, PeopleOnline)
        await bob.stream.aclose()
        await trio.sleep(TOLD_S)
        user = await looked_up(ada, bob_id)
        assert ("here" in user, user["seen"]) == (False, timestamp(AT_MS))


# Typing


async def test_typing_is_told_at_the_other_node_and_paced(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        (ada, _), (bob, bob_id) = await arrive(one, "Ada"), await arrive(two, "Bob")
        await here(ada)
        await here(bob)
        for _ in range(3):
            await bob.tell("typing", room="lobby", what="voice")
        frames = await told(ada, "typing")
        assert [(frame["person"]["id"], frame["what"]) for frame in frames] == [(bob_id, "voice")]
        assert await told(bob, "typing") == []
        await bob.tell("typing", room="lobby")
        assert len(await told(ada, "typing")) == 1


async def test_a_room_that_is_full_over_all_nodes_is_told_of_nobody_who_types(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_TYPING", 3)
    async with open_nodes() as (_, one, two):
        (ada, _), (bob, _) = [await arrive(one, name, watching=True) for name in ("Ada", "Bob")]
        cy, _ = await arrive(two, "Cy", watching=True)
        await trio.sleep(SETTLED_S)
        await bob.tell("typing", room="lobby")
        assert [len(await told(client, "typing")) for client in (ada, cy)] == [1, 1]
        await arrive(two, "Di", watching=True)
        await trio.sleep(SETTLED_S)
        for client in (bob, cy):
            await client.tell("typing", room="lobby")
        assert await told(ada, "typing") == await told(cy, "typing") == []


# Read markers


@pytest.mark.parametrize("is_lost", [False, True])
async def test_markers_are_told_to_who_watches_at_the_other_node(
    autojump_clock: MockClock, is_lost: bool
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, _), (bob, bob_id) = await arrive(one, "Ada", watching=True), await arrive(two, "Bob")
        await ack(ada, "send", room="lobby", text="hello")
        await trio.sleep(SETTLED_S)
        await ada.hear_frames()
        if is_lost:
            store.lose_messages()
        await bob.tell("mark", room="lobby", read=1)
        (frame,) = await told(
            ada, "marks", within_s=MARKERS_EACH_S + 2 * INTERVAL_S if is_lost else SETTLED_S
        )
        assert frame["marks"] == [{"person": bob_id, "delivered": 1, "read": 1}]
        assert await told(ada, "marks", within_s=5 * MARKERS_EACH_S) == []
        assert (await answer_to(ada, "watch", room="lobby"))["marks"] == frame["marks"]


async def test_markers_are_told_to_the_few_and_to_ones_own_devices_at_the_other_node(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (_, one, two):
        (ada, _), (bob, bob_id) = await hello(one, "Ada"), await hello(two, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        phone = await one.open_v1()
        await phone.ask("hello", link=(await bob.ask("link"))["code"])
        stranger, _ = await arrive(one, "Cy", watching=True)
        seq = (await ack(ada, "send", room=room, text="hello"))["seq"]
        await phone.hear_frames()
        await phone.tell("join", room=room)
        await phone.hear_frames()
        await bob.tell("mark", room=room, read=seq)
        mark = {"person": bob_id, "delivered": seq, "read": seq}
        assert [frame["marks"] for frame in await told(ada, "marks")] == [[mark]]
        assert [frame["marks"] for frame in await told(phone, "marks", within_s=0)] == [[mark]]
        assert await told(stranger, "marks", within_s=0) == []
        assert room not in one.hub.presence._rooms


# Profiles


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_rename_is_shown_at_the_other_node_once(autojump_clock: MockClock, is_lost: bool) -> None:
    async with open_nodes() as (store, one, two):
        (ada, ada_id), (bob, _) = await arrive(one, "Ada"), await arrive(two, "Bob", watching=True)
        phone = await arrive_again(two, ada)
        await here(ada)
        await trio.sleep(SETTLED_S)
        await bob.hear_frames()
        if is_lost:
            store.lose_messages()
        await ada.tell("rename", name="Ada Lovelace")
        within_s = PROFILES_EACH_S + 2 * INTERVAL_S if is_lost else SETTLED_S
        (frame,) = await told(bob, "person", within_s=within_s)
        assert frame["person"] == {"id": ada_id, "name": "Ada Lovelace"}
        assert len(await told(ada, "person", within_s=0)) == 1
        view = await answer_to(bob, "watch", room="lobby")
        assert {"id": ada_id, "name": "Ada Lovelace"} in view["here"]
        await phone.tell("send", room="lobby", text="I am new")
        assert [frame["name"] for frame in await told(bob, "message")] == ["Ada Lovelace"]
        assert await told(bob, "person", within_s=5 * PROFILES_EACH_S) == []
        assert await told(ada, "person") == []


async def test_whoever_hides_is_found_however_many_others_have_changed_since(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "AT_ONCE", 80)
    async with open_nodes() as (store, one, two):
        (ada, _), (bob, bob_id) = await arrive(one, "Ada", watching=True), await arrive(two, "Bob")
        await trio.sleep(SETTLED_S)
        assert "here" in await looked_up(ada, bob_id)
        store.lose_messages()
        await answer_to(bob, "profile", show_seen=False)
        for n in range(90):
            await add_person(
                store, Person(f"p-{n}", f"P {n}"), name_key=f"p {n}", token_hash=b"%d" % n, at_ms=AT_MS
            )
            store.changed[f"p-{n}"] = None
        await trio.sleep(PROFILES_EACH_S + 2 * INTERVAL_S)
        assert "here" not in await looked_up(ada, bob_id)


async def test_who_hides_at_one_node_is_hidden_at_the_other_also_when_nothing_is_told(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, two):
        (ada, ada_id), (bob, bob_id) = (
            await arrive(one, "Ada", watching=True),
            await arrive(two, "Bob", watching=True),
        )
        await trio.sleep(SETTLED_S)
        assert await here(ada) == (2, {ada_id, bob_id})
        await ada.hear_frames()
        store.lose_messages()
        await answer_to(bob, "profile", show_seen=False, show_typing=False, show_receipts=False)
        (gone,) = await told(ada, "presence", within_s=PROFILES_EACH_S + 2 * INTERVAL_S)
        assert (gone["went"], gone["count"]) == ([bob_id], 1)
        assert "here" not in await looked_up(ada, bob_id)
        one.store.node_bell.ring(Told(two.store.node, TypingThere("lobby", person(bob_id), "text")))
        one.store.node_bell.ring(Told(two.store.node, RoomPeople("lobby", 1, (person(bob_id),))))
        assert await told(ada, "typing") == []
        assert await here(ada) == (1, {ada_id})


async def test_one_node_tells_nothing_and_looks_for_nothing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        asked: list[str] = []

        def noting(name: str) -> Callable[..., object]:
            method: Callable[..., object] = getattr(core.store, name)

            def noted(*args: object, **more: object) -> object:
                asked.append(name)
                return method(*args, **more)

            return noted

        for name in ("live_nodes", "changed_profiles", "moved_read_markers", "read_markers", "tell_nodes"):
            monkeypatch.setattr(core.store, name, noting(name))
        ada, _ = await arrive(core, "Ada", watching=True)
        await ack(ada, "send", room="lobby", text="hello")
        await ada.tell("mark", room="lobby", read=1)
        await trio.sleep(5 * AGAIN_EACH_S)
        await here(ada)
        assert asked == ["read_markers"]
