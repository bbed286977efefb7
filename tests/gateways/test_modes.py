"""Server modes over the wire: how somebody new comes in, what they may do at once, and what changes for who is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import AT_MS, open_core, texts_of
from tests.support.memory_store import MemoryDisk
from tests.support.v1 import ack, become_owner, hello, let_in, make_room
from trio_chat.model.times import DAY_MS
from trio_chat.model.tokens import hash_of

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from trio_chat.model.records import Login

SERVER = "~server"


def moment(ms: int) -> str:
    """A moment so long after the server's clock (up to a minute), as clients say it."""
    return f"2026-11-22T21:00:{ms // 1000:02}.{ms % 1000 + 123:03}Z"


class Wall:
    """The server's clock."""

    def __init__(self) -> None:
        self.now_ms = AT_MS

    def __call__(self) -> int:
        return self.now_ms


async def set_mode(admin: V1Client, mode: str) -> None:
    assert (await ack(admin, "mode", room=SERVER, mode=mode))["type"] == "ack"


async def come(core: Core, **fields: object) -> tuple[V1Client, dict[str, Any]]:
    """Somebody who says hello, and the answer."""
    client = await core.open_v1()
    return client, await client.ask("hello", **fields)


async def plain_status(core: Core) -> bytes:
    """The status of a plain handshake."""
    peer = await core.open_raw(
        b"GET / HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    return (await peer.receive_head())[9:12]


async def test_without_configuration_a_server_is_open_and_says_nothing_of_it(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, welcome = await come(core, name="Ada")
        assert not {"mode", "waiting", "new_until", "quiet_until"} & welcome.keys()
        await ada.tell("join", room="lobby")
        await ada.hear_frames()
        for number in range(3):
            assert (await ack(ada, "send", room="lobby", text=f"https://a.example/{number}"))["type"] == "ack"


async def test_with_a_public_url_new_people_are_on_probation_for_a_day(autojump_clock: MockClock) -> None:
    wall = Wall()
    async with open_core(now_ms=wall, public_url="https://chat.example/") as core:
        (ada, _), (bob, welcome) = await come(core, name="Ada"), await come(core, name="Bob")
        assert welcome["mode"] == "probation"
        assert welcome["new_until"] == "2026-11-23T21:00:00.123Z"
        await become_owner(core, ada)
        for client in (ada, bob):
            await client.tell("join", room="lobby")
            await client.hear_frames()
        assert (await ack(bob, "send", room="lobby", text="hi"))["type"] == "ack"
        refused = await ack(bob, "send", room="lobby", text="again")
        assert (refused["code"], refused["retry_after"]) == ("slow", 5)
        wall.now_ms += 5_000
        sent = await ack(bob, "send", room="lobby", text="hi")
        refused = await ack(bob, "edit", room="lobby", seq=sent["seq"], text="www.spam.example")
        assert (refused["code"], refused["retry_after"]) == ("probation", DAY_MS / 1000 - 5)
        commands: list[tuple[str, dict[str, Any]]] = [
            ("settings", {"room": "lobby", "topic": "see https://spam.example"}),
            ("create", {"kind": "public", "room": "spam", "title": "www.spam.example"}),
            ("create", {"kind": "private", "title": "x", "topic": "http://spam.example"}),
        ]
        for kind, fields in commands:
            assert (await ack(bob, kind, **fields))["code"] == "probation", fields
        wall.now_ms = AT_MS + DAY_MS
        assert (await ack(bob, "send", room="lobby", text="https://a.example"))["type"] == "ack"
        assert (await come(core, token=welcome["token"]))[1].get("new_until") is None


async def test_on_probation_nobody_begins_a_conversation_or_mentions_everybody_until_looked_at(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await set_mode(ada, "probation")
        (told,) = await bob.hear_frames()
        assert (told["type"], told["mode"], told["new_until"]) == (
            "standing",
            "probation",
            "2026-11-23T21:00:00.123Z",
        )
        await bob.tell("join", room="lobby")
        await bob.hear_frames()
        commands: list[tuple[str, dict[str, Any]]] = [
            ("direct", {"person": ada_id}),
            ("send", {"room": "lobby", "text": "@all", "mentions": ["all"]}),
        ]
        for kind, fields in commands:
            assert (await ack(bob, kind, **fields))["code"] == "probation"
        assert (await ack(ada, "trust", room=SERVER, person=bob_id))["type"] == "ack"
        assert [frame["type"] for frame in await bob.hear_frames()] == ["standing"]
        for kind, fields in commands:
            assert (await ack(bob, kind, **fields))["type"] == "ack"
        await ack(ada, "trust", room=SERVER, person=bob_id, on=False)
        await bob.hear_frames()
        assert (await ack(bob, "send", room="lobby", text="https://a.example"))["code"] == "probation"


async def test_a_guest_on_probation_is_read_slowly_and_a_link_ends_the_connection(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        await set_mode(ada, "probation")
        guest = await core.open_plain()
        began = trio.current_time()
        for number in range(3):
            await guest.say(f"{number}")
        for number in range(3):
            assert await guest.hear() == f"{number}"
        assert trio.current_time() - began == pytest.approx(10, abs=0.1)
        await guest.say("see http://spam.example")
        assert await guest.hear_close() == 1008
        assert guest.closed is not None
        assert guest.closed.reason is not None
        assert "links" in guest.closed.reason


async def test_where_people_knock_who_is_new_waits_and_hears_nothing_until_let_in(
    autojump_clock: MockClock,
) -> None:
    disk, wall = MemoryDisk(), Wall()
    async with open_core(disk, now_ms=wall) as core:
        ada, welcome = await come(core, name="Ada")
        ada_id, ada_token = welcome["user"]["id"], welcome["token"]
        await become_owner(core, ada)
        await set_mode(ada, "knock")
        bob, welcome = await come(core, name="Bob", lists=True)
        bob_id, token = welcome["user"]["id"], welcome["token"]
        assert (welcome["waiting"], welcome["mode"], welcome["rooms"]) == (True, "knock", [])
        assert "mine" not in welcome
        (knock,) = await ada.hear_frames()
        assert (knock["type"], knock["person"], knock["name"], knock["on"]) == ("knock", bob_id, "Bob", True)
        for kind, fields in (
            ("join", {"room": "lobby"}),
            ("follow", {"rooms": [{"room": "lobby"}]}),
            ("create", {"kind": "public", "room": "garden"}),
            ("direct", {"person": ada_id}),
            ("search", {"query": "x"}),
            ("directory", {}),
            ("people", {"ids": [ada_id]}),
            ("profile", {"colour": 1}),
            ("accept", {"token": "x"}),
        ):
            assert (await bob.ask(kind, **fields))["code"] == "waiting", kind
        assert (await bob.ask("ping"))["type"] == "pong"
        await ada.ask("rename", name="Ada L.")
        await trio.sleep(5)
        assert await bob.hear_frames() == [], "not even that somebody is called otherwise"
        wall.now_ms += 2 * DAY_MS
    async with open_core(disk, now_ms=wall) as core:  # two days of waiting and a restart let nobody in
        assert core.hub.door.server == await core.store.server()
        assert core.hub.door.server.knocking == {bob_id}
        ada, _ = await come(core, token=ada_token)
        await ada.tell("join", room=SERVER)
        await ada.hear_frames()
        bob, again = await come(core, token=token)
        assert again["waiting"]
        assert await ada.hear_frames() == [], "they have knocked already"
        assert [one["id"] for one in (await ada.ask("info", room=SERVER))["knocking"]] == [bob_id]
        assert (await ack(ada, "trust", id="look", room=SERVER, person=bob_id))["type"] == "ack"
        (told,) = await bob.hear_frames()
        assert (told["type"], told.get("waiting", False)) == ("standing", False)
        assert (await bob.ask("directory"))["code"] == "waiting", "before they say hello"
        welcome = await bob.ask("hello", token=token, lists=True)
        assert [item["room"] for item in welcome["rooms"]] == ["lobby"]
        assert (await bob.ask("hello", token=token))["code"] == "already_greeted"
        await bob.tell("join", room="lobby")
        await bob.hear_frames()
        assert (await ack(bob, "send", room="lobby", text="https://a.example"))["type"] == "ack"
        assert "knocking" not in await ada.ask("info", room=SERVER)


async def test_who_waits_is_refused_by_a_ban_and_let_in_by_another_mode(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        await set_mode(ada, "knock")
        (bob, welcome), (cy, of_cy) = await come(core, name="Bob"), await come(core, name="Cy")
        await ack(ada, "ban", room=SERVER, person=welcome["user"]["id"])
        assert await bob.hear_close() == 4501
        assert core.hub.door.server.knocking == {of_cy["user"]["id"]}
        await set_mode(ada, "invite")
        assert (await cy.hear_frame())["waiting"], "nobody has let them in"
        await set_mode(ada, "open")
        told = await cy.hear_frame()
        assert (told["type"], told.get("mode"), told.get("waiting")) == ("standing", None, None)
        assert (await cy.ask("hello", token=of_cy["token"]))["rooms"][0]["room"] == "lobby"
        assert core.hub.door.server == await core.store.server()


async def test_when_people_begin_to_knock_who_is_new_is_sent_out_and_all_others_stay(
    autojump_clock: MockClock,
) -> None:
    wall = Wall()
    async with open_core(now_ms=wall) as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        old = await core.open_person("Old")
        wall.now_ms += DAY_MS
        new, welcome = await come(core, name="New")
        await new.tell("join", room="lobby")
        await new.hear_frames()
        guest = await core.open_plain()
        await set_mode(ada, "knock")
        assert await new.hear_close() == 4004
        assert await guest.hear_close() == 1008
        assert (await come(core, token=welcome["token"]))[1]["waiting"]
        assert (await ack(old, "send", room="lobby", text="hi"))["type"] == "ack"
        assert await plain_status(core) == b"403"


async def test_by_invitation_only_who_has_a_link_comes_in_and_is_known_by_who_gave_it(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, ada_id = await hello(core, "Ada")
        await become_owner(core, ada)
        room = await make_room(ada)
        token = await let_in(ada, room, uses=1)
        await set_mode(ada, "invite")
        client, answer = await come(core, name="Bob")
        assert answer["code"] == "invite_only"
        assert (await client.ask("hello", name="Bob", invite="another"))["code"] == "invite_only"
        bob = (await client.ask("hello", name="Bob", invite=token))["user"]["id"]
        assert (await ack(client, "accept", token=token))["type"] == "ack", "hello did not use it up"
        assert (await come(core, name="Cy", invite=token))[1]["code"] == "invite_only"
        branch = await ada.ask("branch", person=ada_id)
        while branch["type"] != "branch":
            branch = await ada.hear_frame()
        assert branch["people"] == [
            {"person": {"id": bob, "name": "Bob"}, "by": ada_id, "at": "2026-11-22T21:00:00.123Z"}
        ]
        assert (await client.ask("branch", person=ada_id))["type"] in {"error", "room_added"}


async def test_a_branch_is_followed_down_by_the_first_link_that_somebody_new_has_followed(
    autojump_clock: MockClock,
) -> None:
    wall = Wall()
    async with open_core(now_ms=wall) as core:
        people = [await hello(core, name) for name in ("Ada", "Bob", "Cy", "Dan")]
        (ada, ada_id), (bob, bob_id), (cy, cy_id), (dan, _) = people
        await become_owner(core, ada)
        await let_in(ada, await make_room(ada), bob)
        await let_in(bob, await make_room(bob), cy)
        await let_in(dan, await make_room(dan), cy, ada)  # not the first; and ada's link came first to her
        wall.now_ms += DAY_MS
        await let_in(cy, await make_room(cy), dan)  # not new any more
        answer = await ada.ask("branch", person=ada_id)
        while answer["type"] != "branch":
            answer = await ada.hear_frame()
        assert [(one["person"]["id"], one["by"]) for one in answer["people"]] == [
            (bob_id, ada_id),
            (cy_id, bob_id),
        ]


async def test_closed_to_everybody_new_but_to_who_has_an_owner_link(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, welcome = await come(core, name="Ada")
        await become_owner(core, ada)
        token = await let_in(ada, await make_room(ada))
        await set_mode(ada, "closed")
        assert (await come(core, name="Bob", invite=token))[1]["code"] == "closed"
        assert (await come(core, token=welcome["token"]))[1]["type"] == "welcome"
        assert await plain_status(core) == b"403"
        for mode in ("closed", "knock"):  # who has lost everything comes back by the command line
            await set_mode(ada, mode)
            await core.store.add_owner_link(hash_of(mode), ends_ms=AT_MS + 1, at_ms=AT_MS)
            client, answer = await come(core, name=f"Owner {mode}", invite=mode)
            assert answer["type"] == "welcome"
            assert (await ack(client, "become_owner", token=mode))["type"] == "ack"
            assert (await client.ask("hello", token=answer["token"]))["type"] in {"welcome", "error"}
            assert answer["user"]["id"] in core.hub.door.server.roles


async def test_in_an_emergency_only_those_write_who_are_known_for_three_days(
    autojump_clock: MockClock,
) -> None:
    wall = Wall()
    async with open_core(now_ms=wall) as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        old = await core.open_person("Old")
        wall.now_ms += 3 * DAY_MS
        fresh, trusted = await core.open_person("Fresh"), await core.open_person("Trusted")
        (person,) = [c.person.id for c in core.hub.connected.connections() if c.person.name == "Trusted"]
        await ack(ada, "trust", room=SERVER, person=person)
        guest = await core.open_plain()
        until = "2026-11-25T22:00:00.123Z"
        assert (await ack(ada, "mode", room=SERVER, quiet_until=until))["type"] == "ack"
        told = [frame for frame in await fresh.hear_frames() if frame["type"] == "standing"]
        assert [(frame["quiet_until"], frame["new_until"]) for frame in told] == [(until, until)]
        assert await guest.hear_close() == 1008
        refused = await ack(fresh, "send", room="lobby", text="x")
        assert (refused["code"], refused["retry_after"]) == ("quiet", 3600)
        assert (await come(core, name="New"))[1]["code"] == "quiet"
        for client in (old, trusted):
            assert (await ack(client, "send", room="lobby", text="y"))["type"] == "ack"
        assert texts_of(await fresh.hear_frames()) == ["y", "y"], "they hear as ever"
        wall.now_ms += 3_600_000
        assert (await ack(fresh, "send", room="lobby", text="x"))["type"] == "ack", "it ends by itself"
        wall.now_ms -= 1
        assert (await ack(fresh, "send", room="lobby", text="x"))["code"] == "quiet"
        await ack(ada, "mode", room=SERVER, quiet=False)
        assert (await ack(fresh, "send", room="lobby", text="x"))["type"] == "ack"
        assert core.hub.door.server == await core.store.server()


async def test_who_chooses_what(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await ack(ada, "role", room=SERVER, person=bob_id, role="moderator")
        await bob.tell("join", room=SERVER)
        await bob.hear_frames()
        assert (await ack(bob, "mode", room=SERVER, mode="closed"))["code"] == "not_yours"
        assert (await ack(bob, "mode", room=SERVER, quiet_until=moment(5000)))["type"] == "ack"
        for wrong in ({}, {"quiet": False, "quiet_until": moment(5000)}, {"mode": "shut"}):
            assert (await ack(ada, "mode", room=SERVER, **wrong))["code"] == "bad_field"
        info = await ada.ask("info", room=SERVER)
        while info["type"] != "info":
            info = await ada.hear_frame()
        assert info["policy"] == {"quiet_until_ms": AT_MS + 5000}


async def test_a_ban_without_addresses_takes_the_place_of_one_with_them(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (_, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await core.store.note_addresses([(bob_id, b"a hash")], AT_MS)
        for addresses in (True, False):
            await ack(ada, "ban", room=SERVER, person=bob_id, addresses=addresses)
            await trio.testing.wait_all_tasks_blocked()
            assert bool(core.hub.door.addresses.banned) is addresses


async def test_who_is_let_in_while_they_say_hello_does_not_wait(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        await set_mode(ada, "knock")
        bob, welcome = await come(core, name="Bob")
        await bob.stream.aclose()
        authenticate = core.hub.devices.authenticate

        async def trusted_meanwhile(token: str) -> Login:
            login = await authenticate(token)
            await ack(ada, "trust", room=SERVER, person=welcome["user"]["id"])
            await trio.testing.wait_all_tasks_blocked()
            return login

        monkeypatch.setattr(core.hub.devices, "authenticate", trusted_meanwhile)
        bob, _ = await come(core, token=welcome["token"])
        (standing,) = await bob.hear_frames()
        assert standing == {"type": "standing", "mode": "knock"}
        assert not core.hub.door.server.knocking
