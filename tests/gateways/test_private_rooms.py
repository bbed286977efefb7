"""Rooms that are not everybody's: who hears what, from when on, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.support.core import open_core, texts_of
from tests.support.v1 import ack, become_owner, hello, let_in, make_room
from trio_chat.errors import StoreUnavailable
from trio_chat.kinds.facts import LOBBY
from trio_chat.rooms.registry import IDLE_S

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

    from trio_chat.model.records import ListedRooms
    from trio_chat.net.rate_limits import Daily

OUTSIDE = "no_such_room"


async def test_a_private_room_is_nobody_elses_and_does_not_even_exist_for_them(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, _), (eve, _) = await hello(core, "Ada"), await hello(core, "Eve")
        room = await make_room(ada)
        await ack(ada, "send", room=room, text="secret")
        for name in (room, "~nosuchroom", "~p-somebody"):
            refused = await eve.ask("join", room=name)
            assert refused.pop("id")
            assert refused == {
                "type": "error",
                "code": OUTSIDE,
                "message": "There is no such room, or it is not yours to see.",
            }
        assert (await eve.ask("enter", room=room))["code"] == OUTSIDE
        assert (await eve.ask("part", room=room))["code"] == "not_joined"
        assert await eve.hear_frames() == []


async def test_whoever_has_a_link_sees_where_it_leads_and_comes_in(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await ack(ada, "send", room=room, text="before")
        token = (await ada.ask("invite", room=room))["token"]
        peeked = await bob.ask("peek", token=token)
        assert (peeked["title"], peeked["members"], peeked["by"]["name"]) == ("Plans", 1, "Ada")
        assert "room" not in peeked
        await bob.tell("accept", token=token)
        frames = {frame["type"]: frame for frame in await bob.hear_frames()}
        assert frames["ack"]["room"] == room
        assert frames["room_added"]["item"]["title"] == "Plans"
        await bob.tell("join", room=room)
        heard = await bob.hear_frames()
        assert texts_of(heard) == ["before"], "who comes in sees what was said"
        (member,) = [frame for frame in await ada.hear_frames() if frame["type"] == "member"]
        assert (member["person"], member["on"]) == ({"id": bob_id, "name": "Bob"}, True)


async def test_a_link_ends_by_time_by_use_and_by_reset(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _), (eve, _) = [await hello(core, name) for name in ("Ada", "Bob", "Eve")]
        room = await make_room(ada)
        once = await let_in(ada, room, bob, uses=1)
        assert (await ack(eve, "accept", token=once))["code"] == "bad_invite"
        reset = await let_in(ada, room)
        listed = await ada.ask("invites", room=room)
        assert [item["by"]["name"] for item in listed["invites"]] == ["Ada"]
        assert (await ada.ask("uninvite", room=room))["type"] == "done"
        for token in (reset, "guessed"):
            assert (await ack(eve, "accept", token=token))["code"] == "bad_invite"
            assert (await eve.ask("peek", token=token))["code"] == "bad_invite"


async def test_of_many_who_use_a_link_for_one_at_once_one_comes_in(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        room = await make_room(ada)
        others = [(await hello(core, f"Bob {number}"))[0] for number in range(5)]
        token = (await ada.ask("invite", room=room, uses=1))["token"]
        with core.store.holding_commits():
            for other in others:
                await other.tell("accept", token=token)
        answers = [
            frame["type"]
            for other in others
            for frame in await other.hear_frames()
            if frame["type"] in {"ack", "error"}
        ]
        assert sorted(answers) == ["ack", "error", "error", "error", "error"]


async def test_whoever_leaves_is_told_nothing_that_comes_after_it(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        with core.store.holding_commits():  # all of it waits in one inbox, and would go out in one batch
            await ada.tell("send", room=room, text="one")
            await bob.tell("part", room=room)
            await ada.tell("send", room=room, text="two")
        heard = await bob.hear_frames()
        assert texts_of(heard) == ["one"]
        assert {"member", "ack", "room_removed"} <= {frame["type"] for frame in heard}
        for kind in ("history", "fetch", "info", "send"):
            fields: dict[str, Any] = {"history": {"before": 9}, "fetch": {"seqs": [1]}, "send": {"text": "x"}}
            answer = await bob.ask(kind, room=room, **fields.get(kind, {}))
            assert answer["code"] in {OUTSIDE, "not_joined"}, kind
        assert texts_of(await ada.hear_frames()) == ["one", "two"]


async def test_the_conversation_of_two_is_the_same_from_both_sides(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id), (eve, _) = [await hello(core, name) for name in ("Ada", "Bob", "Eve")]
        await let_in(ada, await make_room(ada), bob)  # else it would be a request: see test_direct.py
        room = (await ack(ada, "direct", person=bob_id))["room"]
        (added,) = await bob.hear_frames()
        assert (added["type"], added["item"]["with"]) == ("room_added", {"id": ada_id, "name": "Ada"})
        assert (await ack(bob, "direct", person=ada_id))["room"] == room
        assert (await eve.ask("join", room=room))["code"] == OUTSIDE
        await bob.tell("join", room=room)
        await bob.hear_frames()
        assert (await eve.ask("direct", person="p-nobody"))["code"] == "no_such_person"
        assert (await ada.ask("direct", person=ada_id))["code"] == "direct_self"


async def test_a_repeat_of_create_finds_what_it_made(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        first = await ack(ada, "create", id="x", kind="private", title="Plans")
        assert await ack(ada, "create", id="x", kind="private", title="Plans") == first
        assert (await ack(ada, "create", id="x", kind="private", title="Other"))["code"] == "id_conflict"
        garden = await ack(ada, "create", kind="public", room="Garden")
        assert (garden["room"], garden["seq"]) == ("garden", 1)
        assert (await ack(ada, "create", kind="public", room="garden"))["code"] == "already_there"


async def test_the_list_of_rooms_is_told_to_whoever_asks_for_it_and_follows_what_happens(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada = await core.open_v1()
        welcome = await ada.ask("hello", name="Ada")
        assert set(welcome["rooms"][0]) == {"room", "head", "epoch"}
        room = await make_room(ada)
        await ack(ada, "create", kind="public", room="garden")
        phone = await core.open_v1()
        welcome = await phone.ask("hello", token=welcome["token"], lists=True)
        assert welcome["rooms"][0]["room"] == "lobby"
        assert {item["room"] for item in welcome["rooms"]} == {"lobby", "garden", room}
        assert welcome["mine"]["room"].startswith("~p-")
        await ack(ada, "create", kind="private", title="More")
        (added,) = await phone.hear_frames()
        assert added["item"]["title"] == "More"


async def test_many_rooms_are_followed_with_one_command(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["a", "b"], room="garden")
        ada, _ = await hello(core, "Ada")
        garden = await core.rooms.get("garden")
        rooms = [
            {"room": "Garden", "after": 1, "epoch": garden.epoch},
            {"room": "cellar"},
            {"room": "~nosuchroom"},
            {"room": "no spaces"},
        ]
        await ada.tell("follow", rooms=rooms)
        told = [
            (frame["type"], frame["room"], frame.get("text", frame.get("code")))
            for frame in await ada.hear_frames()
        ]
        assert set(told) == {
            ("joined", "garden", None),
            ("message", "garden", "b"),
            ("joined", "cellar", None),
            ("error", "~nosuchroom", OUTSIDE),
            ("error", "no spaces", "bad_room"),
        }
        assert told.index(("joined", "garden", None)) < told.index(("message", "garden", "b"))


async def test_a_public_room_comes_into_the_list_and_goes(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill(["a"], room="garden")
        ada, _ = await hello(core, "Ada")
        assert (await ack(ada, "enter", room="garden"))["type"] == "ack"
        directory = await ada.ask("directory", query="GARD")
        assert [(item["room"], item["joined"]) for item in directory["rooms"]] == [("garden", True)]
        await ada.tell("join", room="garden")
        await ada.hear_frames()
        await ack(ada, "part", room="garden")
        directory = await ada.ask("directory")
        assert [(item["room"], item.get("joined", False)) for item in directory["rooms"]] == [
            ("garden", False)
        ]
        for room in ("lobby",):
            await ada.tell("join", room=room)
            await ada.hear_frames()
            assert (await ack(ada, "part", room=room))["code"] == "not_yours"


async def test_title_and_topic_are_changed_by_those_who_may(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        await ack(ada, "create", kind="public", room="garden", title="The garden")
        for client in (ada, bob):
            await client.tell("join", room="garden")
            await client.hear_frames()
        assert (await ack(bob, "settings", room="garden", title="Mine"))["code"] == "not_yours"
        await ack(bob, "settings", room="garden", topic="What grows")
        await ack(ada, "settings", room="garden", title="Our garden")
        await ada.hear_frames()
        info = await ada.ask("info", room="garden")
        assert (info["title"], info["topic"], info["upto"]) == ("Our garden", "What grows", 3)
        for title in ("", " ", "x" * 81, "a\u202eb"):
            assert (await ack(ada, "settings", room="garden", title=title))["code"] == "bad_title"


async def test_whoever_was_sent_out_and_let_in_again_joins_again(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        token = await let_in(ada, room, bob)
        phone = await core.open_v1()
        await phone.ask("hello", link=(await bob.ask("link"))["code"])
        await phone.tell("join", room=room)
        await ack(phone, "part", room=room)
        assert (await ack(phone, "accept", token=token))["type"] == "ack"
        await ada.websocket.aclose()
        await trio.sleep(3 * IDLE_S)  # nobody hears the room, so it is closed
        assert (await ack(bob, "send", room=room, text="x"))["code"] == OUTSIDE
        assert (await ack(bob, "send", room=room, text="x"))["code"] == "not_joined"
        await bob.tell("join", room=room)
        await bob.hear_frames()
        assert (await ack(bob, "send", room=room, text="x"))["type"] == "ack"


async def test_whoever_both_begin_their_conversation_at_once_are_both_in_it(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await let_in(ada, await make_room(ada), bob)
        with core.store.holding_commits():
            await ada.tell("direct", person=bob_id)
            await bob.tell("direct", person=ada_id)
        for client in (ada, bob):
            ack_, added = await client.hear_frames()
            assert (ack_["type"], ack_["seq"], ack_["room"]) == ("ack", 1, added["item"]["room"])


async def test_there_are_only_so_many_links_at_a_time(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.gateways.v1.invitations.MAX_INVITES", 2)
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        room = await make_room(ada)
        answers = [await ada.ask("invite", room=room) for _ in range(3)]
        assert [answer.get("code") for answer in answers] == [None, None, "too_many"]
        await ada.ask("uninvite", room=room)
        assert (await ada.ask("invite", room=room))["type"] == "invited"


async def test_what_must_not_be_missed_does_not_wait_for_ever_for_who_does_not_read(
    autojump_clock: MockClock,
) -> None:
    async with open_core(outbox_bytes=1_000) as core:
        bob, _ = await hello(core, "Bob")
        phone = await core.open_v1()
        await phone.ask("hello", link=(await bob.ask("link"))["code"])
        phone.tap.stall()
        await core.fill(["x"], room="garden")
        for _ in range(20):
            await ack(bob, "enter", room="garden")
            await bob.tell("join", room="garden")
            await ack(bob, "part", room="garden")
        waiting = core.server.statistics().waiting_bytes
        assert waiting < 3_000
        phone.tap.flow()
        assert await phone.hear_close() == 4000


async def test_accepting_once_more_after_the_link_is_used_up_is_answered_as_the_first_time(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        token = (await ada.ask("invite", room=room, uses=1))["token"]
        first = await ack(bob, "accept", id="b1", token=token)
        await ack(ada, "send", room=room, text="welcome")
        await ada.ask("uninvite", room=room)
        assert await ack(bob, "accept", id="b1", token=token) == first
        assert (await ack(bob, "accept", id="b1", token="another"))["code"] == "id_conflict"


async def test_accepting_where_one_is_already_logs_nothing_and_acknowledges_nothing(
    autojump_clock: MockClock,
) -> None:
    """Else the same command, come late once more, would be answered otherwise when one has left meanwhile."""
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        token = await let_in(ada, room, bob)
        answer = await ack(bob, "accept", id="b1", token=token)
        assert (answer["type"], answer["code"], answer["room"]) == ("error", "already_there", room)
        await ack(bob, "part", room=room)
        assert (await ack(bob, "accept", id="b1", token=token))["type"] == "ack"


async def test_concurrent_accepts_and_concurrent_directs_join_once_and_make_one_room(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        (ada, ada_id), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        tokens = [(await ada.ask("invite", room=room))["token"] for _ in range(2)]
        with core.store.holding_commits():
            for token in tokens:
                await bob.tell("accept", token=token)
            await ada.tell("direct", person=bob_id)
            await bob.tell("direct", person=ada_id)
        errors = [frame for client in (ada, bob) for frame in await client.hear_frames() if "code" in frame]
        assert [(error["code"], error["room"]) for error in errors] == [("already_there", room)]
        names = {
            (await ack(client, "direct", person=other))["room"]
            for client, other in ((ada, bob_id), (bob, ada_id))
        }
        assert len(names) == 1


async def test_a_command_is_answered_once_although_the_list_cannot_be_read(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        token = (await ada.ask("invite", room=room))["token"]
        await ack(bob, "accept", id="again", token=token)
        await ack(ada, "direct", person=bob_id)

        async def fail(person: str, *, only: str | None = None, few: int) -> ListedRooms:
            raise StoreUnavailable("The disk is gone.")

        monkeypatch.setattr(core.store, "listed", fail)
        for client, kind, fields in ((ada, "direct", {"person": bob_id}), (bob, "accept", {"token": token})):
            await client.hear_frames()
            await client.tell(kind, id="again", **fields)
            answers = [frame for frame in await client.hear_frames() if frame.get("id") == "again"]
            assert [answer.get("code") for answer in answers] == ["unavailable"]


async def test_a_room_may_be_closed_while_its_beginning_is_counted(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        (ada, _), (_, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        count = core.hub.counts.check_daily

        async def count_and_close(what: Daily, person: str) -> None:
            await count(what, person)
            for room in core.hub.rooms:
                if room.is_empty and room.is_idle and room.name != LOBBY:
                    core.hub.rooms._close(room.name)

        monkeypatch.setattr(core.hub.counts, "check_daily", count_and_close)
        made = await ack(ada, "create", kind="private", title="Plans")
        begun = await ack(ada, "direct", person=bob_id)
        for room in (made["room"], begun["room"]):
            assert (await core.hub.rooms.get(room)).head == 1


async def test_a_repeat_after_one_was_renamed_is_a_repeat(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        made = await ack(ada, "create", id="a1", kind="private", title="Plans")
        entered = await ack(ada, "enter", id="a2", room="garden")
        await ada.ask("rename", name="Ada L.")
        assert await ack(ada, "create", id="a1", kind="private", title="Plans") == made
        assert await ack(ada, "enter", id="a2", room="garden") == entered
        assert (await ack(ada, "create", id="a1", kind="private", title="Others"))["code"] == "id_conflict"


async def test_no_other_room_is_titled_like_the_lobby(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        room = await make_room(ada)
        for title in (
            *("Lobby", " LOBBY ", "L\u043ebby", "Lobby!", "L o b b y", "\U0001f3e0 Lobby", "lobby\u0323"),
            *("Running this server", "RUNNING  THIS SERVER.", "Running this s\u0435rver"),
        ):
            assert (await ack(ada, "create", kind="private", title=title))["code"] == "bad_title", title
            assert (await ack(ada, "create", kind="public", room="hall", title=title))[
                "code"
            ] == "bad_title", title
            assert (await ack(ada, "settings", room=room, title=title))["code"] == "bad_title", title
        assert (await ack(ada, "settings", room=room, title="Lobbyists"))["type"] == "ack"
        await ada.tell("join", room="lobby")
        await ada.hear_frames()
        assert (await ack(ada, "settings", room="lobby", title="Lobby"))["type"] == "ack"


async def test_no_room_begins_with_a_name_like_the_lobbys(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        for name in ("l\u043ebby", "l0bby", "1obby", "lobby.", "lobby_"):
            assert (await ack(ada, "create", kind="public", room=name))["code"] == "bad_room", name
            await ada.ask("join", room=name)
            assert (await ack(ada, "send", room=name, text="hi"))["code"] == "bad_room", name
        assert (await ack(ada, "create", kind="public", room="hotel-lobby"))["type"] == "ack"


async def test_the_title_of_the_lobby_is_that_of_those_who_run_the_server(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (eve, _) = await hello(core, "Ada"), await hello(core, "Eve")
        await become_owner(core, ada)
        for person in (ada, eve):
            await person.tell("join", room="lobby")
            await person.hear_frames()
        assert (await ack(eve, "settings", room="lobby", title="Buy now"))["code"] == "not_yours"
        assert (await ack(ada, "settings", room="lobby", title="Hall"))["type"] == "ack"


async def test_titles_and_topics_stand_on_one_line(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        room = await make_room(ada)
        for text in ("a\0b", "a\u202eb", "a\u200bb", "Z" + "\u0323\u0308" * 6):
            assert (await ack(ada, "settings", room=room, title=text))["code"] == "bad_title", text
            assert (await ack(ada, "settings", room=room, topic=text))["code"] == "bad_title", text
            assert (await ack(ada, "create", kind="private", title="x", topic=text))["code"] == "bad_title", (
                text
            )
        await ack(ada, "settings", room=room, title="Our\nplans ", topic=" What \r\n grows")
        await ada.hear_frames()
        info = await ada.ask("info", room=room)
        assert (info["title"], info["topic"]) == ("Our plans", "What grows")
        await ack(ada, "settings", room=room, topic="")
        await ada.hear_frames()
        assert "topic" not in await ada.ask("info", room=room)
