"""No answer is longer than `ANSWER_BYTES`, however much there is; its cursor leads to all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.core import Core, V1Client, open_core
from tests.support.people import add_person
from tests.support.v1 import ack, hello
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.messages import MAX_EDITS, Edit
from trio_chat.kinds.personal import MAX_PERSONAL, Star
from trio_chat.kinds.reactions import MAX_EMOJI, MAX_OF_MESSAGE, Reaction
from trio_chat.kinds.rooms import Created
from trio_chat.model.events import Draft, Person
from trio_chat.model.outcomes import Denied
from trio_chat.model.records import FIRST_NAMES, ReadMarker
from trio_chat.protocol.encoding import ANSWER_BYTES

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

LONGEST = "x" + "\x01" * 3_999
"""Each of its characters but the first, which can be seen, takes six bytes in JSON."""


async def answer(client: V1Client, kind: str, /, **fields: object) -> dict[str, Any]:
    """The answer to a command, which is not too long."""
    await client.tell(kind, **fields)
    text = await client.hear()
    assert len(text.encode()) <= ANSWER_BYTES, f"{kind}: {len(text):,}"
    frame: dict[str, Any] = json.loads(text)
    return frame


def drafts(client_id: str, kind: str, *bodies: str) -> list[Draft]:
    """Drafts of a client's person."""
    return [Draft(kind, client_id, "Ada", f"{kind}-{n}", body) for n, body in enumerate(bodies)]


async def test_the_versions_of_a_message_come_in_pages_and_are_bounded(autojump_clock: MockClock) -> None:
    async with open_core(burst=10_000) as core:
        ada = await core.open_person("Ada")
        person = (await ada.ask("profile"))["user"]["id"]
        await ack(ada, "send", room="lobby", text="first")
        texts = [LONGEST if n < 30 else f"version {n}" for n in range(MAX_EDITS + 1)]
        edits = drafts(person, "edit", *(write_body(Edit(1, text)) for text in texts))
        outcomes = await core.store.append("lobby", edits[:600], at_ms=1)
        outcomes += await core.store.append("lobby", edits[600:], at_ms=1)
        assert [getattr(outcome, "seq", None) for outcome in outcomes] == [*range(2, MAX_EDITS + 2), None]
        found: list[dict[str, Any]] = []
        pages = 0
        page: dict[str, Any] = {"more": True}
        while page.get("more"):
            after = {"after": found[-1]["seq"]} if found else {}
            page = await answer(ada, "versions", room="lobby", seq=1, **after)
            found += page["events"]
            pages += 1
        assert [event["text"] for event in found] == ["first", *texts[:MAX_EDITS]]
        assert 11 < pages < 16
        refused = await ada.ask("edit", room="lobby", seq=1, text="once more")
        assert refused["code"] == "too_many"


async def test_the_directory_comes_in_pages_however_long_its_rooms_topics(
    autojump_clock: MockClock,
) -> None:
    async with open_core(burst=10_000) as core:
        ada, person = await hello(core, "Ada")
        names = [f"room-{n:03}" for n in range(250)]
        for n, name in enumerate(names):
            body = write_body(Created("public", topic="\x01" * 500 if n >= 150 else ""))
            begun = [Draft("created", person, "Ada", f"c-{n}", body)]
            said = [Draft("message", person, "Ada", f"m-{n}", LONGEST)]
            await core.store.append(name, begun + said, at_ms=n // 3)
        found: list[dict[str, Any]] = []
        pages = 0
        cursor: dict[str, str] = {}
        while pages == 0 or cursor:
            page = await answer(ada, "directory", query="room", **cursor)
            found += page["rooms"]
            cursor = {"cursor": page["cursor"]} if "cursor" in page else {}
            pages += 1
        by_newest = sorted(range(250), key=lambda n: (-(n // 3), n))
        assert [item["room"] for item in found] == [names[n] for n in by_newest]
        assert 3 <= pages < 9
        assert {len(item["last"]["text"]) for item in found} == {200}
        assert (await ada.ask("directory", cursor="what"))["code"] == "bad_field"


async def test_a_welcome_is_bounded_and_the_rest_of_it_follows_or_is_asked_for(
    autojump_clock: MockClock,
) -> None:
    async with open_core(burst=10_000) as core:
        ada, person = await hello(core, "Ada")
        token = await token_of(core, ada)
        for n in range(400):
            members = (Who(person, "Ada"),)
            begun = Draft(
                "created",
                person,
                "Ada",
                f"c-{n}",
                write_body(Created("private", "Plans", "\x01" * 500, members)),
            )
            said = Draft("message", person, "Ada", f"m-{n}", LONGEST)
            await core.store.append(f"~room{n:03}", [begun, said], at_ms=n)
        starred = "r" * 64
        for n in range(0, MAX_PERSONAL + 1, 1_000):
            said_there = [Draft("message", person, "Ada", f"r-{n}-{i}", "hi") for i in range(1_001)]
            await core.store.append(starred, said_there, at_ms=1)
        stars = drafts(
            person, "star", *(write_body(Star(starred, n, True)) for n in range(1, MAX_PERSONAL + 2))
        )
        outcomes = await core.store.append(f"~{person}", stars, at_ms=1)
        assert [isinstance(outcome, Denied) for outcome in outcomes] == [False] * MAX_PERSONAL + [True]
        client = await core.open_v1()
        welcome = await answer(client, "hello", token=token, lists=True)
        added = await client.hear_frames()
        assert welcome["more"]
        assert {frame["type"] for frame in added} == {"room_added"}
        items = welcome["rooms"] + [frame["item"] for frame in added]
        assert [item["room"] for item in items] == ["lobby", *(f"~room{n:03}" for n in reversed(range(400)))]
        page = welcome["mine"]
        kept = page["events"]
        while page.get("more"):
            page = await answer(client, "own", before=kept[0]["seq"])
            kept = page["events"] + kept
        assert [event["target"] for event in kept] == [*range(1, MAX_PERSONAL + 1)]


async def token_of(core: Core, ada: V1Client) -> str:
    """A token of the client's person, by a device code."""
    other = await core.open_v1()
    welcome = await other.ask("hello", link=(await ada.ask("link"))["code"])
    token: str = welcome["token"]
    return token


async def test_a_page_of_history_has_fewer_messages_when_they_have_many_reactions(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core(burst=10_000) as core:
        ada, person = await hello(core, "Ada")
        people = [Who(f"p-{n}", "\U00020000" * 36 + f"{n:04}") for n in range(MAX_OF_MESSAGE + 1)]
        for n, who in enumerate(people):
            known = Person(who.id, who.name)
            await add_person(core.store, known, name_key=who.name, token_hash=b"%d" % n, at_ms=1)
        said = drafts(person, "message", *(f"text {n}" for n in range(1, 13)), LONGEST)
        await core.store.append("garden", said, at_ms=1)
        emoji = [chr(0x1F400 + n) for n in range(MAX_OF_MESSAGE + 1)]

        async def react(seq: int, n_emoji: int) -> None:
            reactions = [
                Draft(
                    "reaction", who.id, "X", f"r-{seq}", write_body(Reaction(seq, emoji[n % n_emoji], True))
                )
                for n, who in enumerate(people)
            ]
            outcomes = await core.store.append("garden", reactions, at_ms=1)
            assert [isinstance(one, Denied) for one in outcomes] == [False] * MAX_OF_MESSAGE + [True]

        for seq in range(1, 11):
            await react(seq, MAX_EMOJI)
        await ada.ask("join", room="garden")
        await ada.hear_frames()
        found: list[dict[str, Any]] = []
        before = 13
        pages = 0
        while before > 1:
            page = await answer(ada, "history", room="garden", before=before)
            assert {one["target"] for one in page["reactions"]} <= {event["seq"] for event in page["events"]}
            found = page["events"] + found
            before = page["events"][0]["seq"]
            assert page.get("more") == (before > 1)
            for event in page["events"]:
                of_it = [one for one in page["reactions"] if one["target"] == event["seq"]]
                assert len(of_it) == (MAX_EMOJI if event["seq"] <= 10 else 0)
                assert {(one["count"], len(one["people"])) for one in of_it} <= {(20, FIRST_NAMES)}
            pages += 1
        assert [event["seq"] for event in found] == [*range(1, 13)]
        assert pages == 2
        page = await answer(ada, "history", room="garden", around=5)
        assert [event["seq"] for event in page["events"]] == [3, 4, 5, 6, 7]
        assert page["more"]
        assert page["newer"]
        page = await answer(ada, "history", room="garden", after=2)
        assert [event["seq"] for event in page["events"]] == [3, 4, 5, 6, 7]
        page = await answer(ada, "fetch", room="garden", seqs=[*range(1, 8), 12])
        assert ([event["seq"] for event in page["events"]], page["more"]) == ([1, 2, 3, 4, 5], True)
        # All of them, page by page.
        given: list[dict[str, Any]] = []
        page = {"more": True}
        while page.get("more"):
            after = given[-1]["seq"] if given else 0
            page = await answer(ada, "reactions", room="garden", seq=1, after=after)
            given += page["reactions"]
        assert [one["person"] for one in given] == [
            {"id": who.id, "name": who.name} for who in people[:MAX_OF_MESSAGE]
        ]
        # Of before there was a bound to different ones: they are counted, without names.
        monkeypatch.setattr("trio_chat.kinds.reactions.MAX_EMOJI", MAX_OF_MESSAGE)
        await react(13, MAX_OF_MESSAGE)
        for page in (
            await answer(ada, "history", room="garden", before=14),
            await answer(ada, "fetch", room="garden", seqs=[13]),
        ):
            of_it = [one for one in page["reactions"] if one["target"] == 13]
            assert [(one["count"], "people" in one) for one in of_it] == [(1, False)] * MAX_OF_MESSAGE


async def test_a_page_of_the_longest_messages_fits(autojump_clock: MockClock) -> None:
    async with open_core(burst=10_000) as core:
        ada, person = await hello(core, "Ada")
        await core.store.append("garden", drafts(person, "message", *[LONGEST] * 120), at_ms=1)
        await ada.ask("join", room="garden")
        await ada.hear_frames()
        for fields in ({"before": 100}, {"after": 3}, {"around": 50}):
            page = await answer(ada, "history", room="garden", limit=200, **fields)
            assert len(page["events"]) == 10
        page = await answer(ada, "fetch", room="garden", seqs=[*range(1, 100)])
        assert [event["seq"] for event in page["events"]] == [*range(1, 11)]


async def test_very_long_messages_are_found_few_at_a_time(autojump_clock: MockClock) -> None:
    async with open_core(burst=10_000) as core:
        ada, person = await hello(core, "Ada")
        texts = ["apple" + LONGEST[5:]] * 40
        await core.store.append("lobby", drafts(person, "message", *texts), at_ms=1)
        found: list[int] = []
        cursor: dict[str, str] = {}
        while not found or cursor:
            page = await answer(ada, "search", query="apple", limit=50, **cursor)
            found += [hit["event"]["seq"] for hit in page["hits"]]
            cursor = {"cursor": page["cursor"]} if "cursor" in page else {}
        assert found == [*range(40, 0, -1)]


async def test_the_members_of_a_room_come_in_pages(autojump_clock: MockClock) -> None:
    async with open_core(burst=10_000) as core:
        ada, person = await hello(core, "Ada")
        members = (Who(person, "Ada"), *(Who(f"p-{n:060}", "") for n in range(3_000)))
        body = write_body(Created("private", "Plans", "\x01" * 500, members))
        await core.store.append("~plans", [Draft("created", person, "Ada", "c", body)], at_ms=1)
        await ada.ask("join", room="~plans", after=1)
        await ada.hear_frames()
        found: list[str] = []
        cursor: dict[str, str] = {}
        while not found or cursor:
            info = await answer(ada, "info", room="~plans", **cursor)
            assert info["count"] == 3_001
            found += [member["id"] for member in info["members"]]
            cursor = {"cursor": info["cursor"]} if "cursor" in info else {}
        assert found == sorted(who.id for who in members)


async def test_the_receipts_of_a_message_come_in_pages(autojump_clock: MockClock) -> None:
    async with open_core(burst=10_000) as core:
        ada, _ = await hello(core, "Ada")
        await core.fill(["hi"])
        people = [f"p-{n:04}" for n in range(2_500)]
        for n, who in enumerate(people):
            known = Person(who, f"\U00020000{n:035}")
            await add_person(core.store, known, name_key=known.name, token_hash=who.encode(), at_ms=1)
        for at_ms in (2, 3):
            moves = [ReadMarker("lobby", who, 1, at_ms - 2) for who in people]
            await core.store.move_read_markers(moves, at_ms)
        await ada.ask("join", room="lobby")
        await ada.hear_frames()
        read: list[str] = []
        delivered: list[str] = []
        cursor: dict[str, str] = {}
        while not read or cursor:
            page = await answer(ada, "receipts", room="lobby", seq=1, **cursor)
            read += [one["person"]["id"] for one in page["read"]]
            delivered += [one["person"]["id"] for one in page["delivered"]]
            cursor = {"cursor": page["cursor"]} if "cursor" in page else {}
        assert sorted(read) == sorted(delivered) == people
