"""Moderation over the wire: what each connection hears of it, and what it hears no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from tests.support.core import AT_MS, open_core, seqs_of, texts_of
from tests.support.memory_store import MemoryDisk
from tests.support.v1 import ack, become_owner, hello, let_in, make_room
from trio_chat.kinds import moderation
from trio_chat.model.tokens import hash_of
from trio_chat.moderation.owner_links import first_owner_token

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

SERVER = "~server"


def moment(ms: int) -> str:
    """A moment after the server's clock, as clients say it."""
    return f"2026-11-22T21:00:0{ms // 1000}.{ms % 1000 + 123:03}Z"


async def test_a_server_without_an_owner_gets_one_by_a_link_that_works_once(
    autojump_clock: MockClock,
) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        (ada, ada_id), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        token = await first_owner_token(core.store, now_ms=AT_MS)
        assert token is not None
        assert (await ack(bob, "become_owner", token="another"))["code"] == "bad_link"
        await ada.tell("become_owner", id="own", token=token)
        frames = {frame["type"]: frame for frame in await ada.hear_frames()}
        assert frames["ack"]["room"] == SERVER
        assert frames["room_added"]["item"]["role"] == "owner"
        assert (await ack(bob, "become_owner", token=token))["code"] == "bad_link"
        assert (await ack(ada, "become_owner", id="own", token=token))["type"] == "ack", "a repeat"
        assert await first_owner_token(core.store, now_ms=AT_MS) is None
    async with open_core(disk) as core:
        assert core.hub.door.server.roles == {ada_id: "owner"}


async def test_an_owner_link_ends(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        await core.store.add_owner_link(hash_of("own"), ends_ms=AT_MS, at_ms=AT_MS - 1)
        assert (await ack(ada, "become_owner", token="own"))["code"] == "bad_link"


async def test_only_those_who_run_the_server_hear_its_room(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        assert (await bob.ask("join", room=SERVER))["code"] == "no_such_room"
        await ack(ada, "role", room=SERVER, person=bob_id, role="moderator")
        (added,) = await bob.hear_frames()
        assert (added["type"], added["item"]["kind"]) == ("room_added", "server")
        assert (await bob.ask("join", room=SERVER))["type"] == "joined"
        await bob.hear_frames()
        await ack(ada, "role", room=SERVER, person=bob_id, role="member")
        (heard, removed) = await bob.hear_frames()
        assert (heard["type"], removed["type"]) == ("role", "room_removed")
        assert (await ack(bob, "ban", room=SERVER, person="p-x"))["code"] in ("not_joined", "no_such_room")


async def test_who_is_banned_from_a_room_hears_nothing_later_and_does_not_come_back(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        token = await let_in(ada, room, bob)
        banned = await ack(ada, "ban", room=room, person=bob_id, reason="enough")
        await ack(ada, "send", room=room, text="after")
        heard = await bob.hear_frames()
        assert [frame["type"] for frame in heard] == ["ban", "room_removed"]
        assert max(frame.get("seq", 0) for frame in heard) == banned["seq"]
        assert (await ack(bob, "send", room=room, text="x"))["code"] == "no_such_room"
        assert (await bob.ask("join", room=room))["code"] == "no_such_room"
        assert (await ack(bob, "accept", token=token))["code"] == "banned"
        info = await ada.ask("info", room=room)
        assert [(one["person"]["id"], one["what"]) for one in info["restricted"]] == [(bob_id, "ban")]
        # Undone: they are back at once.
        await ack(ada, "admit", room=room, person=bob_id)
        assert "room_added" in {frame["type"] for frame in await bob.hear_frames()}
        assert (await bob.ask("join", room=room))["type"] == "joined"
        assert "restricted" not in await ada.ask("info", room=room)


async def test_who_is_banned_from_a_public_room_does_not_hear_it_any_more(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await ack(ada, "create", kind="public", room="garden")
        for client in (ada, bob):
            await client.tell("join", room="garden")
            await client.hear_frames()
        await ack(ada, "ban", room="garden", person=bob_id, until=moment(500))
        await ack(ada, "send", room="garden", text="after")
        assert texts_of(await bob.hear_frames()) == []
        assert (await bob.ask("join", room="garden"))["code"] == "no_such_room"


async def test_a_ban_from_the_server_ends_all_connections_and_lets_nobody_back_until_it_ends(
    autojump_clock: MockClock,
) -> None:
    now_ms = AT_MS
    disk = MemoryDisk()
    async with open_core(disk, now_ms=lambda: now_ms) as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        bob = await core.open_v1()
        welcome = await bob.ask("hello", name="Bob")
        devices = [bob]
        for _ in range(2):
            device = await core.open_v1()
            await device.ask("hello", token=welcome["token"])
            devices.append(device)
        for device in devices:
            await device.tell("join", room="lobby")
            await device.hear_frames()
        for number in range(9):  # what is on its way is written before the ban or not at all
            for device in devices:
                await device.tell("send", id=f"{devices.index(device)} {number}", room="lobby", text="spam")
        banned = await ack(ada, "ban", room=SERVER, person=welcome["user"]["id"], until=moment(5000))
        assert banned["type"] == "ack"
        head = core.lobby.head
        await ada.tell("join", room="lobby")
        await ack(ada, "send", room="lobby", text="after")
        for device in devices:
            frames = await device.hear_frames()
            assert all(seq <= head for seq in seqs_of(frames))
            assert await device.hear_close() == 4501
        assert (await (await core.open_v1()).ask("hello", token=welcome["token"]))["code"] == "banned"
        now_ms += 5000
        assert (await (await core.open_v1()).ask("hello", token=welcome["token"]))["type"] == "welcome"
        now_ms -= 5000
    async with open_core(disk, now_ms=lambda: now_ms) as core:
        assert (await (await core.open_v1()).ask("hello", token=welcome["token"]))["code"] == "banned"


async def test_who_is_banned_from_the_server_is_told_until_when_and_why(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    gone = "A moderator has removed you from this server"
    async with open_core(disk, now_ms=lambda: AT_MS) as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        tokens: list[str] = []

        async def removed(**how: object) -> tuple[str | None, str]:
            bob = await core.open_v1()
            if tokens:
                welcome = await bob.ask("hello", token=tokens[0])
            else:
                welcome = await bob.ask("hello", name="Bob")
                tokens.append(welcome["token"])
            person = welcome["user"]["id"]
            await ack(ada, "ban", room=SERVER, person=person, **how)
            await bob.hear_close()
            assert bob.closed is not None
            refused = await (await core.open_v1()).ask("hello", token=tokens[0])
            assert refused["code"] == "banned"
            if how != last:
                await ack(ada, "ban", room=SERVER, person=person, on=False)
            return bob.closed.reason, str(refused["message"])

        last = {"reason": "spam, again and again."}
        for how, text in (
            ({}, f"{gone}."),
            ({"reason": "spam"}, f"{gone}: spam."),
            ({"until": moment(5000)}, f"{gone} until 2026-11-22 21:00 UTC."),
            (last, f"{gone}: spam, again and again."),
        ):
            assert await removed(**how) == (text, text)
    async with open_core(disk, now_ms=lambda: AT_MS) as core:
        refused = await (await core.open_v1()).ask("hello", token=tokens[0])
        assert refused["message"] == f"{gone}: spam, again and again."


async def test_who_is_muted_on_the_server_writes_in_no_room_and_reads_in_all(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        room = await make_room(bob)
        await bob.tell("join", room="lobby")
        await bob.hear_frames()
        await ack(ada, "mute", room=SERVER, person=bob_id)
        for where in (room, "lobby"):
            assert (await ack(bob, "send", room=where, text="x"))["code"] == "muted"
        await ada.tell("join", room="lobby")
        await ack(ada, "send", room="lobby", text="hello")
        assert texts_of(await bob.hear_frames()) == ["hello"]
        await ack(ada, "mute", room=SERVER, person=bob_id, on=False)
        assert (await ack(bob, "send", room="lobby", text="x"))["type"] == "ack"


async def test_who_is_muted_is_told_at_once_and_whenever_they_come(autojump_clock: MockClock) -> None:
    now_ms, for_ever = AT_MS, "9998-12-31T23:59:59.000Z"
    async with open_core(now_ms=lambda: now_ms) as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        room = await make_room(ada)
        bob = await core.open_v1()
        welcome = await bob.ask("hello", name="Bob", lists=True)
        assert "muted_until" not in welcome
        bob_id = welcome["user"]["id"]
        await let_in(ada, room, bob)

        async def come() -> tuple[str | None, dict[str, str | None]]:
            told = await (await core.open_v1()).ask("hello", token=welcome["token"], lists=True)
            return told.get("muted_until"), {item["room"]: item.get("muted_until") for item in told["rooms"]}

        await bob.hear_frames()
        await ack(ada, "mute", room=SERVER, person=bob_id)
        assert await bob.hear_frames() == [{"type": "standing", "muted_until": for_ever}]
        assert await come() == (for_ever, {"lobby": None, room: None})
        await ack(ada, "mute", room=SERVER, person=bob_id, until=moment(500))
        assert await bob.hear_frames() == [{"type": "standing", "muted_until": moment(500)}]
        now_ms += 500
        assert await come() == (None, {"lobby": None, room: None})
        await ack(ada, "mute", room=SERVER, person=bob_id, on=False)
        assert await bob.hear_frames() == [{"type": "standing"}]

        await ack(ada, "mute", room=room, person=bob_id, until=moment(9000))
        await ada.tell("join", room="lobby")
        await ack(ada, "mute", room="lobby", person=bob_id)
        assert await come() == (None, {"lobby": for_ever, room: moment(9000)})
        await ack(ada, "mute", room=room, person=bob_id, on=False)
        assert await come() == (None, {"lobby": for_ever, room: None})


async def test_a_slow_room_of_announcements(autojump_clock: MockClock) -> None:
    now_ms = AT_MS
    async with open_core(now_ms=lambda: now_ms) as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        await ack(ada, "create", kind="public", room="news")
        for client in (ada, bob):
            await client.tell("join", room="news")
            await client.hear_frames()
        assert (await ack(bob, "settings", room="news", slow_s=5))["code"] == "not_yours"
        await ack(ada, "settings", room="news", slow_s=5)
        assert (await ack(bob, "send", room="news", text="1"))["type"] == "ack"
        refused = await ack(bob, "send", room="news", text="2")
        assert (refused["code"], refused["retry_after"]) == ("slow", 5)
        now_ms += 5000
        assert (await ack(bob, "send", room="news", text="2"))["type"] == "ack"
        await ack(ada, "settings", room="news", writers="moderators")
        now_ms += 5000
        assert (await ack(bob, "send", room="news", text="3"))["code"] == "announcements"
        info = await bob.ask("info", room="news")
        assert info["policy"] == {"slow_s": 5, "writers": "moderators"}
        await ack(ada, "settings", room="news", slow_s=0)
        await bob.hear_frames()
        info = await bob.ask("info", room="news")
        assert info["policy"] == {"writers": "moderators"}, "what is at its default does not stand there"


async def test_knocking_at_a_private_room(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        eve, eve_id = await hello(core, "Eve")
        room = await make_room(ada)
        await ack(ada, "settings", room=room, joining="knock", inviting="moderators")
        token = (await ada.ask("invite", room=room))["token"]
        for client in (bob, eve):
            answer = await ack(client, "accept", id="knock", token=token)
            assert answer["waiting"]
            assert (await ack(client, "accept", id="knock", token=token))["waiting"], "a repeat"
            assert (await client.ask("join", room=room))["code"] == "no_such_room"
        assert [frame["type"] for frame in await ada.hear_frames()] == ["knock", "knock"]
        assert [one["id"] for one in (await ada.ask("info", room=room))["knocking"]] == [bob_id, eve_id]
        await ack(ada, "admit", room=room, person=bob_id)
        await ack(ada, "admit", room=room, person=eve_id, on=False)
        assert "room_added" in {frame["type"] for frame in await bob.hear_frames()}
        assert (await bob.ask("join", room=room))["type"] == "joined"
        await bob.hear_frames()
        assert (await bob.ask("invite", room=room))["code"] == "not_yours"
        assert "knocking" not in await ada.ask("info", room=room)
        assert (await eve.ask("join", room=room))["code"] == "no_such_room"


async def test_an_owner_hands_a_room_on(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        await ack(ada, "role", room=room, person=bob_id, role="owner")
        info = await bob.ask("info", room=room)
        while info["type"] != "info":
            info = await bob.hear_frame()
        assert (info["owner"], roles(info)) == (bob_id, {ada_id: "moderator", bob_id: "owner"})
        assert (await ack(ada, "ban", room=room, person=bob_id))["code"] == "not_yours"
        await ack(bob, "role", room=room, person=ada_id, role="member")
        assert (await ack(ada, "mute", room=room, person=bob_id))["code"] == "not_yours"


def roles(info: dict[str, Any]) -> dict[str, str]:
    """The roles of the members."""
    return {member["id"]: member["role"] for member in info["members"]}


async def test_two_owners_demote_each_other_at_once_and_an_owner_remains(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await ack(ada, "role", room=SERVER, person=bob_id, role="owner")
        await bob.tell("join", room=SERVER)
        await bob.hear_frames()
        async with trio.open_nursery() as nursery:  # each gives up at the same moment: one of them cannot
            for client, person in ((ada, ada_id), (bob, bob_id)):
                nursery.start_soon(_give_up, client, person)
        await trio.testing.wait_all_tasks_blocked()
        assert sorted((await core.store.server()).roles.values()) == ["owner"]
        assert (await core.store.server()).roles == core.hub.door.server.roles


async def _give_up(client: Any, person: str) -> None:  # noqa: ANN401
    await client.tell("role", room=SERVER, person=person, role="member")


async def test_the_fold_in_memory_is_that_of_the_store(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        for number in range(4):
            _, person = await hello(core, f"Person {number}")
            await ack(ada, "role", room=SERVER, person=person, role="moderator")
            await ack(ada, "mute", room=SERVER, person=person)
            if number % 2:
                await ack(ada, "ban", room=SERVER, person=person)
            else:
                await ack(ada, "mute", room=SERVER, person=person, on=False)
            assert await core.store.server() == core.hub.door.server
        for step in (
            {"mode": "knock"},
            {"quiet_until": moment(5000)},
            {"mode": "invite"},
            {"quiet": False},
            {"mode": "probation"},
        ):
            await ack(ada, "mode", room=SERVER, **step)
            await (await core.open_v1()).ask("hello", name=f"New {step}"[:20])
            assert await core.store.server() == core.hub.door.server


async def test_nobody_is_put_into_a_room_by_banning_them_from_it_first(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        for _ in range(2):  # to ban them once more changes nothing
            await ack(ada, "ban", room=room, person=bob_id)
            assert (await ack(ada, "admit", room=room, person=bob_id))["code"] == "not_waiting"
        assert await bob.hear_frames() == []
        await ack(ada, "ban", room=room, person=bob_id, on=False)
        await let_in(ada, room, bob)
        for _ in range(2):
            await ack(ada, "ban", room=room, person=bob_id)
        assert (await ack(ada, "admit", room=room, person=bob_id))["type"] == "ack", "they were in it"


async def test_who_is_let_in_and_renamed_is_let_in_once(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        await ack(ada, "ban", room=room, person=bob_id)
        admitted = await ack(ada, "admit", id="a", room=room, person=bob_id)
        await bob.tell("rename", name="Bobby")
        await bob.hear_frames()
        assert await ack(ada, "admit", id="a", room=room, person=bob_id) == admitted, "a repeat"
        other = await ack(ada, "send", room=room, text="x")
        assert (await ack(ada, "admit", id=other["id"], room=room, person=bob_id))["code"] == "id_conflict"


async def test_restrictions_that_have_ended_take_no_place(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "MAX_RESTRICTED", 1)
    now_ms = AT_MS
    async with open_core(now_ms=lambda: now_ms) as core:
        ada, _ = await hello(core, "Ada")
        room = await make_room(ada)
        assert (await ack(ada, "mute", room=room, person="p-x", until=moment(500)))["type"] == "ack"
        assert (await ack(ada, "mute", room=room, person="p-y"))["code"] == "too_many"
        now_ms += 1000
        assert (await ack(ada, "mute", room=room, person="p-y"))["type"] == "ack"


async def test_the_directory_tells_nobody_of_a_room_from_which_they_are_banned(
    autojump_clock: MockClock,
) -> None:
    now_ms = AT_MS
    async with open_core(now_ms=lambda: now_ms) as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await ack(ada, "create", kind="public", room="garden")
        await ada.tell("join", room="garden")
        await ada.hear_frames()
        await ack(ada, "ban", room="garden", person=bob_id, until=moment(500))
        await ack(ada, "send", room="garden", text="after")
        assert (await bob.ask("directory"))["rooms"] == []
        now_ms += 1000
        assert [item["room"] for item in (await bob.ask("directory"))["rooms"]] == ["garden"]


async def test_a_ban_that_has_ended_takes_no_role_when_it_is_lifted(autojump_clock: MockClock) -> None:
    now_ms = AT_MS
    async with open_core(now_ms=lambda: now_ms) as core:
        (ada, _), (_, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await ack(ada, "ban", room=SERVER, person=bob_id, until=moment(500))
        now_ms += 1000
        await ack(ada, "role", room=SERVER, person=bob_id, role="moderator")
        await ack(ada, "ban", room=SERVER, person=bob_id, on=False)
        assert core.hub.door.server.roles[bob_id] == "moderator"
        assert await core.store.server() == core.hub.door.server


async def test_links_of_who_is_banned_lead_nowhere(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        eve, _ = await hello(core, "Eve")
        room, other = await make_room(ada), await make_room(bob)
        await let_in(ada, room, bob)
        mine = (await ada.ask("invite", room=room))["token"]
        token, elsewhere = [(await bob.ask("invite", room=name))["token"] for name in (room, other)]
        await ack(ada, "ban", room=room, person=bob_id)
        assert (await ack(eve, "accept", token=token))["code"] == "bad_invite"
        await ack(ada, "mode", room=SERVER, mode="invite")
        await ack(ada, "ban", room=SERVER, person=bob_id)
        stranger = await core.open_v1()
        assert (await stranger.ask("hello", name="Bobby", invite=elsewhere))["code"] == "invite_only"
        assert (await stranger.ask("hello", name="Bobby", invite=mine))["type"] == "welcome"
