"""Messages that live: edited, deleted, reacted to and pinned, and what is told of them to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.core import Core, V1Client, open_core
from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.v1 import ack
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import MAX_MENTIONS
from trio_chat.kinds.reactions import Reaction
from trio_chat.model.events import Draft, Event
from trio_chat.model.records import FIRST_NAMES

if TYPE_CHECKING:
    from trio.testing import MockClock


async def person_of(client: V1Client, core: Core) -> str:
    """The id of the client's person."""
    answer = await client.ask("rename", name=f"X{id(client)}")
    await client.hear_frames()
    person: str = answer["user"]["id"]
    return person


async def test_a_message_with_more_than_a_text_is_told_with_it(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, plain = await core.open_person("Ada"), await core.open_plain()
        await ack(ada, "send", room="lobby", text="first")
        await ada.tell(
            "send", room="lobby", text="@Bob yes", reply_to=1, mentions=["p-b", "all"], forwarded="Eve"
        )
        told = (await ada.hear_frames())[0]
        assert (told["text"], told["reply_to"], told["mentions"], told["forwarded"]) == (
            "@Bob yes",
            1,
            ["p-b", "all"],
            "Eve",
        )
        assert await plain.hear_rest() == ["first", "@Bob yes"]


async def test_a_reply_needs_a_message_to_reply_to(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        answer = await ack(ada, "send", room="lobby", text="yes", reply_to=7)
        assert answer["code"] == "no_such_message"


async def test_every_change_is_an_event_that_everybody_hears_but_plain_clients(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, bob, plain = (
            await core.open_person("Ada"),
            await core.open_person("Bob"),
            await core.open_plain(),
        )
        for kind, fields in (
            ("send", {"text": "hi"}),
            ("edit", {"seq": 1, "text": "ho"}),
            ("react", {"seq": 1, "emoji": "👍"}),
            ("pin", {"seq": 1}),
            ("delete", {"seq": 1}),
        ):
            await ack(ada, kind, room="lobby", **fields)
        heard = await bob.hear_frames()
        assert [(frame["type"], frame["seq"], frame.get("target")) for frame in heard] == [
            ("message", 1, None),
            ("edit", 2, 1),
            ("reaction", 3, 1),
            ("pin", 4, 1),
            ("delete", 5, 1),
        ]
        assert await plain.hear_rest() == ["hi"]


async def test_what_is_not_ones_own_is_not_changed(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        await ack(ada, "send", room="lobby", text="hi")
        await bob.hear_frames()
        assert (await ack(bob, "edit", room="lobby", seq=1, text="ho"))["code"] == "not_yours"
        assert (await ack(bob, "delete", room="lobby", seq=1))["code"] == "not_yours"
        assert (await ack(bob, "edit", room="lobby", seq=9, text="ho"))["code"] == "no_such_message"
        assert core.lobby.head == 1


async def test_a_repeat_of_a_change_changes_nothing_and_a_refusal_does_not_use_up_the_id(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        assert (await ack(ada, "edit", id="e", room="lobby", seq=1, text="ho"))["code"] == "no_such_message"
        await ack(ada, "send", room="lobby", text="hi")
        first = await ack(ada, "edit", id="e", room="lobby", seq=1, text="ho")
        assert await ack(ada, "edit", id="e", room="lobby", seq=1, text="ho") == first
        assert (await ack(ada, "edit", id="e", room="lobby", seq=1, text="hu"))["code"] == "id_conflict"
        assert core.lobby.head == 2


async def test_a_deleted_text_is_told_to_nobody_who_comes_later(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="secret")
        await ack(ada, "edit", room="lobby", seq=1, text="secret too")
        await ack(ada, "delete", room="lobby", seq=1)
        for _ in ("from memory", "from the log"):
            bob = await core.open_v1()
            await bob.ask("hello")
            await bob.tell("join", room="lobby", after=0, epoch=core.lobby.epoch)
            _, message, edit, delete = await bob.hear_frames()
            assert (message["text"], message["deleted"]) == ("", True)
            assert (edit["text"], edit["deleted"], edit["target"]) == ("", True, 0)
            assert delete["target"] == 1
            history = await bob.ask("history", room="lobby", before=4)
            assert "secret" not in str(history)
            core.lobby.subscribers._recent._events.clear()


async def test_a_page_of_history_brings_what_counts_for_its_messages(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        for text in ("one", "two"):
            await ack(ada, "send", room="lobby", text=text)
        await ack(ada, "edit", room="lobby", seq=1, text="uno")
        await ack(ada, "edit", room="lobby", seq=1, text="eins")
        for on in (True, False, True):
            await ack(bob, "react", room="lobby", seq=2, emoji="🎉", on=on)
        await ada.hear_frames()
        page = await ada.ask("history", room="lobby", before=2)
        assert ([event["seq"] for event in page["events"]], page["upto"]) == ([1], 7)
        assert [(change["seq"], change["text"]) for change in page["changes"]] == [(4, "eins")]
        assert page["newer"]
        fetched = await ada.ask("fetch", room="lobby", seqs=[2, 99])
        assert [event["text"] for event in fetched["events"]] == ["two"]
        bobs = {"target": 2, "emoji": "🎉", "count": 1, "since": 7, "people": [await user_of(bob)]}
        assert (fetched["changes"], fetched["reactions"], fetched["upto"]) == ([], [bobs], 7)
        assert "reactions" not in page
        assert (await bob.ask("fetch", room="lobby", seqs=[2]))["reactions"] == [bobs | {"mine": True}]


async def user_of(client: V1Client) -> dict[str, Any]:
    """The client's person."""
    await client.hear_frames()
    user: dict[str, Any] = (await client.ask("profile"))["user"]
    return user


async def test_reactions_are_counted_and_who_gave_them_is_asked_for(autojump_clock: MockClock) -> None:
    async with open_core(burst=1_000) as core:
        ada = await core.open_person("Ada")
        others = [await core.open_person(f"Person {n}") for n in range(FIRST_NAMES)]
        await ack(ada, "send", room="lobby", text="hi")
        users = [await user_of(one) for one in (ada, *others)]
        for one in (ada, *others):
            await ack(one, "react", room="lobby", seq=1, emoji="🎉")
        await ack(others[0], "react", room="lobby", seq=1, emoji="👍")
        await ada.hear_frames()
        n_people = len(users)
        party = {"target": 1, "emoji": "🎉", "count": n_people, "since": 2, "people": users[:FIRST_NAMES]}
        thumb = {"target": 1, "emoji": "👍", "count": 1, "since": n_people + 2, "people": [users[1]]}
        page = await ada.ask("history", room="lobby", before=2)
        assert page["reactions"] == [party | {"mine": True}, thumb]
        assert page["changes"] == []
        # The first takes it away: the next one is first, and the emoji stays where it stands.
        await ack(ada, "react", room="lobby", seq=1, emoji="🎉", on=False)
        await ada.hear_frames()
        page = await ada.ask("history", room="lobby", before=2)
        assert page["reactions"] == [party | {"count": n_people - 1, "people": users[1:]}, thumb]
        given = [{"seq": n + 2, "emoji": "🎉", "person": user} for n, user in enumerate(users) if n]
        told = await ada.ask("reactions", room="lobby", seq=1)
        assert told["reactions"] == [*given, {"seq": n_people + 2, "emoji": "👍", "person": users[1]}]
        assert "more" not in told
        told = await ada.ask("reactions", room="lobby", seq=1, emoji="🎉", after=given[2]["seq"])
        assert told["reactions"] == given[3:]
        assert (await ada.ask("reactions", room="lobby", seq=99))["code"] == "no_such_message"
        await ack(ada, "delete", room="lobby", seq=1)
        await ada.hear_frames()
        assert (await ada.ask("reactions", room="lobby", seq=1))["reactions"] == []
        assert "reactions" not in await ada.ask("history", room="lobby", before=2)


async def test_a_reaction_that_changes_nothing_is_no_event(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="hi")
        assert (await ack(ada, "react", room="lobby", seq=1, emoji="👍", on=False))["code"] == "unchanged"
        first = await ack(ada, "react", id="r", room="lobby", seq=1, emoji="👍")
        assert (await ack(ada, "react", room="lobby", seq=1, emoji="👍"))["code"] == "unchanged"
        assert await ack(ada, "react", id="r", room="lobby", seq=1, emoji="👍") == first
        assert core.lobby.head == 2


async def test_what_holds_of_a_page_is_told_at_one_number_however_far_the_log_is(
    autojump_clock: MockClock,
) -> None:
    """A page is read, then somebody reacts, then it is read what holds of it."""
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        await ack(ada, "send", room="lobby", text="hi")
        await ack(bob, "react", room="lobby", seq=1, emoji="👍")
        await ada.hear_frames()
        read_before = core.lobby.read_before

        async def read_and_then(*args: Any, **fields: Any) -> list[Event]:  # noqa: ANN401
            events = await read_before(*args, **fields)
            await ack(bob, "react", room="lobby", seq=1, emoji="👍", on=False)
            await ack(bob, "react", room="lobby", seq=1, emoji="🎉")
            return events

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(core.lobby, "read_before", read_and_then)
            await ada.tell("history", room="lobby", before=2)
            page = await ada.wait_frame("history")
        assert page["upto"] == 4
        assert [(one["emoji"], one["count"], one["since"]) for one in page["reactions"]] == [("🎉", 1, 4)]


async def test_history_reads_both_ways_and_around(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        await core.fill([f"{number}" for number in range(1, 21)])
        ada = await core.open_person("Ada")
        pages = {
            "before": await ada.ask("history", room="lobby", before=6, limit=3),
            "after": await ada.ask("history", room="lobby", after=5, limit=3),
            "around": await ada.ask("history", room="lobby", around=10, limit=4),
            "end": await ada.ask("history", room="lobby", after=18, limit=5),
        }
        assert {
            name: ([event["seq"] for event in page["events"]], page["more"], page.get("newer", False))
            for name, page in pages.items()
        } == {
            "before": ([3, 4, 5], True, True),
            "after": ([6, 7, 8], True, True),
            "around": ([9, 10, 11, 12], True, True),
            "end": ([19, 20], True, False),
        }
        assert (await ada.ask("history", room="lobby", before=3, after=3))["code"] == "bad_field"
        assert (await ada.ask("history", room="lobby"))["code"] == "bad_field"


async def test_the_versions_of_a_message_are_for_who_wrote_it(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        await ack(ada, "send", room="lobby", text="one")
        await ack(ada, "edit", room="lobby", seq=1, text="two")
        await bob.hear_frames()
        versions = await ada.ask("versions", room="lobby", seq=1)
        assert [event["text"] for event in versions["events"]] == ["one", "two"]
        assert (await bob.ask("versions", room="lobby", seq=1))["code"] == "not_yours"
        assert (await bob.ask("versions", room="lobby", seq=2))["code"] == "no_such_message"


async def test_what_is_no_emoji_is_no_reaction(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="hi")
        for emoji in ("", "a", "ok", "<b>", " ", "👍" * 20, "\u202e"):
            answer = await ack(ada, "react", room="lobby", seq=1, emoji=emoji)
            assert answer["code"] == "bad_emoji", emoji
        for emoji in ("👍", "👍🏽", "❤️", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇫🇷", "1️⃣", "☺"):
            answer = await ack(ada, "react", room="lobby", seq=1, emoji=emoji)
            assert answer["type"] == "ack", emoji


async def test_one_emoji_in_two_spellings_is_one_reaction(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="hi")
        await ack(ada, "react", room="lobby", seq=1, emoji="❤", on=True)
        page = await ada.ask("history", room="lobby", before=2)
        assert [(one["emoji"], one["count"]) for one in page["reactions"]] == [("❤\ufe0f", 1)]
        assert (await ack(ada, "react", room="lobby", seq=1, emoji="❤\ufe0f"))["code"] == "unchanged"
        answer = await ack(ada, "react", room="lobby", seq=1, emoji="❤\ufe0f", on=False)
        assert answer["type"] == "ack"
        assert "reactions" not in await ada.ask("history", room="lobby", before=2)


async def test_who_said_it_elsewhere_stands_on_one_line(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        for name in ("a\0b", "a\u202eb", "a\u200bb"):
            answer = await ack(ada, "send", room="lobby", text="hi", forwarded=name)
            assert answer["code"] == "bad_field", ascii(name)
        await ada.tell("send", id="c1", room="lobby", text="hi", forwarded=" Grace\nHopper " + "x" * 40)
        (told,) = (frame for frame in await ada.hear_frames() if frame["type"] == "message")
        assert told["forwarded"] == "Grace Hopper " + "x" * 27


async def test_a_reaction_of_before_they_were_one_emoji_is_still_told(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    reaction = write_body(Reaction(1, "18+5=23", on=True))
    async with open_memory_store(disk) as store:
        message = Draft("message", "p-1", "Ada", "c1", "hi")
        await store.append("lobby", [message, Draft("reaction", "p-1", "Ada", "c2", reaction)], at_ms=1)
    async with open_core(disk) as core:
        bob = await core.open_person("Bob")
        (told,) = (await bob.ask("history", room="lobby", before=2))["reactions"]
        assert (told["emoji"], told["count"]) == ("18+5=23", 1)
        answer = await bob.ask("reactions", room="lobby", seq=1, emoji="18+5=23")
        assert [one["person"]["id"] for one in answer["reactions"]] == ["p-1"]


async def test_so_many_people_are_mentioned_in_a_message_and_no_more(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        people = [f"p-{n}" for n in range(MAX_MENTIONS)]
        assert (await ack(ada, "send", room="lobby", text="hi", mentions=people))["type"] == "ack"
        assert (await ack(ada, "send", room="lobby", text="hi", mentions=[*people, "p-x"]))[
            "code"
        ] == "too_many"
        refused = await ack(ada, "edit", room="lobby", seq=1, text="ho", mentions=[*people, "all"])
        assert refused["code"] == "too_many"
