"""What is decided in the server room holds on every node, whoever wrote it, and whatever becomes of hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.core import AT_MS
from tests.support.nodes import open_nodes
from tests.support.v1 import ack, become_owner, hello
from trio_chat.errors import BANNED, POLICY_VIOLATION, StoreUnavailable
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.modes import Mode
from trio_chat.model.events import Draft, Event
from trio_chat.moderation.enforcement import RETRY_S
from trio_chat.moderation.server_room import LOOK_EACH_S
from trio_chat.rooms.registry import IDLE_S
from trio_chat.store.hints import EVERYTHING

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from tests.support.nodes import SharedStore

SERVER = "~server"


async def at_one(one: Core) -> V1Client:
    """An owner of the server, at the first node."""
    ada, _ = await hello(one, "Ada")
    await become_owner(one, ada)
    return ada


async def decide(
    admin: V1Client, store: SharedStore, kind: str, *, is_told: bool = True, **fields: object
) -> None:
    """Have somebody who runs the server decide something; the other node learns it by a hint, or by its look."""
    if not is_told:
        store.lose_hints()
    assert (await ack(admin, kind, room=SERVER, **fields))["type"] == "ack"
    if not is_told:
        store.bell.ring(EVERYTHING)  # as every two seconds
    await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("is_told", [True, False])
async def test_who_is_banned_at_one_node_is_cut_at_the_other_and_does_not_come_back(
    is_told: bool, autojump_clock: MockClock
) -> None:
    async with open_nodes() as (store, one, two):
        ada = await at_one(one)
        bob = await two.open_v1()
        welcome = await bob.ask("hello", name="Bob")
        await trio.sleep(3 * IDLE_S)  # nobody has the server room open there
        await decide(ada, store, "ban", is_told=is_told, person=welcome["user"]["id"], reason="enough")
        assert await bob.hear_close() == BANNED.code
        back = await two.open_v1()
        assert (await back.ask("hello", token=welcome["token"]))["code"] == "banned"
        await decide(ada, store, "ban", is_told=is_told, person=welcome["user"]["id"], on=False)
        assert (await back.ask("hello", token=welcome["token"]))["type"] == "welcome"


async def test_a_stranger_does_not_close_the_server_room(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        bob, bob_id = await hello(two, "Bob")
        assert (await bob.ask("join", room=SERVER))["code"] == "no_such_room"
        ada = await at_one(one)
        await decide(ada, store, "ban", person=bob_id)
        assert await bob.hear_close() == BANNED.code


async def test_an_address_that_is_banned_at_one_node_is_banned_at_the_other(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, two):
        ada = await at_one(one)
        _, bob_id = await hello(one, "Bob")
        await store.note_addresses([(bob_id, b"a hash")], AT_MS)
        await decide(ada, store, "ban", person=bob_id, addresses=True)
        assert two.hub.door.addresses.banned.keys() == {b"a hash"}
        read = store.banned_addresses

        async def fail(**_fields: object) -> dict[bytes, int]:
            raise StoreUnavailable("Not now.")

        with monkeypatch.context() as broken:
            broken.setattr(store, "banned_addresses", fail)
            for _ in range(3):
                for on in (True, False):
                    await decide(ada, store, "ban", person=bob_id, on=on)
            await trio.sleep(20 * RETRY_S)
        assert two.hub.door.addresses.banned, "it could not be read"
        counted = 0

        async def count(**fields: int) -> dict[bytes, int]:
            nonlocal counted
            counted += 1
            return await read(**fields)

        monkeypatch.setattr(store, "banned_addresses", count)
        await trio.sleep(20 * RETRY_S)
        assert not two.hub.door.addresses.banned
        assert counted == 2, "everybody is looked at once at each node, not for each decision that failed"


async def test_the_mode_roles_and_mutes_of_one_node_hold_at_the_other(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada = await at_one(one)
        (bob, bob_id), plain = await hello(two, "Bob"), await two.open_plain()
        await decide(ada, store, "mode", mode="probation")
        standing = await bob.hear_frame()
        assert (standing["type"], standing["mode"]) == ("standing", "probation")
        await decide(ada, store, "trust", person=bob_id)
        standing = await bob.hear_frame()
        assert standing.get("new_until") is None
        await decide(ada, store, "role", person=bob_id, role="moderator")
        assert two.hub.door.server.roles[bob_id] == "moderator"
        await decide(ada, store, "role", person=bob_id, role="member")
        assert bob_id not in two.hub.door.server.roles
        await bob.hear_frames()
        await decide(ada, store, "mute", person=bob_id, until="2026-11-22T21:00:30Z")
        assert (await bob.hear_frame())["muted_until"] == "2026-11-22T21:00:30.000Z"
        await decide(ada, store, "mode", mode="closed")
        assert await plain.hear_close() == 1008
        new = await two.open_v1()
        assert (await new.ask("hello", name="Eve"))["code"] == "closed"


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_guest_is_banned_from_another_node(is_told: bool, autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada = await at_one(one)
        guest, other = await two.open_plain(), await two.open_plain()
        await guest.say("spam")
        await other.say("hello")
        await trio.testing.wait_all_tasks_blocked()
        first, _ = await store.read_after("lobby", 0, limit=9, max_bytes=999)
        await decide(ada, store, "ban", is_told=is_told, person=first.sender)
        assert await guest.hear_close() == POLICY_VIOLATION.code
        assert other.closed is None


async def test_who_waits_at_one_node_is_let_in_at_the_other(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada = await at_one(one)
        await decide(ada, store, "mode", mode="knock")
        bob = await two.open_v1()
        welcome = await bob.ask("hello", name="Bob")
        assert welcome["waiting"]
        await decide(ada, store, "trust", person=welcome["user"]["id"])
        assert (await bob.hear_frames())[-1]["type"] == "standing"
        assert (await bob.ask("hello", token=welcome["token"])).get("waiting") is None


async def test_quiet_at_one_node_is_quiet_at_the_other(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada = await at_one(one)
        await decide(ada, store, "mode", quiet_until="2026-11-22T21:00:30Z")
        new = await two.open_v1()
        assert (await new.ask("hello", name="Eve"))["code"] == "quiet"


async def test_what_a_server_room_could_not_tell_is_read(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_nodes() as (store, one, two):
        ada = await at_one(one)
        (ada_id,) = two.hub.door.server.roles
        (bob, bob_id), guest = await hello(two, "Bob"), await two.open_plain()
        await guest.say("spam")
        await trio.testing.wait_all_tasks_blocked()
        room, said = two.rooms.find(SERVER), await store.read_after("lobby", 0, limit=9, max_bytes=999)
        assert room is not None
        store.lose_hints()
        for person in (bob_id, said[0].sender):
            await decide(ada, store, "ban", person=person)
        room.subscribers.head = 99  # a bug: what comes next is not directly behind it
        outcome = await room.inbox.write(Draft("mode", ada_id, "Ada", None, write_body(Mode("probation"))))
        assert isinstance(outcome, Event)  # it was written, whatever became of the room
        assert "NotDense" in caplog.text
        await trio.sleep(2 * LOOK_EACH_S)
        assert two.rooms.find(SERVER) is not room
        assert await bob.hear_close() == BANNED.code
        assert await guest.hear_close() == POLICY_VIOLATION.code
        store.bell.ring(EVERYTHING)
        await trio.testing.wait_all_tasks_blocked()
        assert two.hub.door.server == one.hub.door.server


async def test_a_server_room_whose_log_went_back_is_read_again(autojump_clock: MockClock) -> None:
    """As after a failover to a database that holds less: who was banned only there is not any more."""
    async with open_nodes() as (store, one, two):
        await at_one(one)
        room, door = two.rooms.find(SERVER), two.hub.door
        assert room is not None
        await trio.testing.wait_all_tasks_blocked()
        lost = Event(SERVER, room.head + 1, "ban", "p-ada", "Ada", None, AT_MS, "", b"")
        assert door.apply(lost, Restriction("p-eve", on=True))
        assert door.server.bans
        room.subscribers.head += 1
        await store.begin_epoch(SERVER)
        await trio.sleep(2 * LOOK_EACH_S)
        assert door.server == one.hub.door.server
        assert not door.server.bans
