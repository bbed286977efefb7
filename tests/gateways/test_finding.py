"""Finding messages, as a client does it; what the index itself promises stands in `test_search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.support.core import V1Client, open_core
from tests.support.raw import PATIENCE_S
from tests.support.v1 import ack, hello, make_room
from trio_chat.model.events import Draft
from trio_chat.search.query import parse_query
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from pathlib import Path

    from trio.testing import MockClock


async def find(client: V1Client, query: str, **fields: object) -> list[dict[str, Any]]:
    """The messages that are found."""
    found = await client.ask("search", query=query, **fields)
    return [hit["event"] for hit in found["hits"]]


async def test_one_finds_what_was_said_in_ones_rooms_and_nothing_else(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (eve, _) = await hello(core, "Ada"), await hello(core, "Eve")
        room = await make_room(ada)
        for client in (ada, eve):
            await client.tell("join", room="lobby")
            await client.hear_frames()
        await ack(ada, "send", room="lobby", text="The apple tree")
        await ack(ada, "send", room=room, text="Apple secrets")
        await eve.hear_frames()
        assert {event["text"] for event in await find(ada, "APPL")} == {"Apple secrets", "The apple tree"}
        assert [event["text"] for event in await find(ada, "apple", room="lobby")] == ["The apple tree"]
        assert [event["text"] for event in await find(eve, "apple")] == ["The apple tree"]
        assert (await eve.ask("search", query="apple", room=room))["code"] == "not_joined"
        assert (await eve.ask("search", query="x"))["code"] == "bad_query"


async def test_one_finds_what_a_message_says_now_and_where(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="a pear")
        await ack(ada, "edit", room="lobby", seq=1, text="a ripe apple")
        await ada.hear_frames()
        found = await ada.ask("search", query="apple")
        (hit,) = found["hits"]
        assert (hit["event"]["text"], hit["marks"]) == ("a ripe apple", [[7, 12]])
        assert await find(ada, "pear") == []
        await ack(ada, "delete", room="lobby", seq=1)
        await ada.hear_frames()
        assert await find(ada, "apple") == []


async def test_the_album_of_a_room_has_its_links_as_they_are_now(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (eve, _) = await hello(core, "Ada"), await hello(core, "Eve")
        room = await make_room(ada)
        texts = ["see https://a.example/", "nothing", "see https://b.example/", "https://c.example/"]
        first, _, third, fourth = [(await ack(ada, "send", room=room, text=text))["seq"] for text in texts]
        await ack(ada, "edit", room=room, seq=third, text="it is www.b.example now")
        await ack(ada, "delete", room=room, seq=fourth)
        await ada.hear_frames()
        page = await ada.ask("history", room=room, only="links", limit=1)
        assert [event["seq"] for event in page["events"]] == [third]
        assert [change["text"] for change in page["changes"]] == ["it is www.b.example now"]
        assert (page["more"], page["before"]) == (True, third)
        page = await ada.ask("history", room=room, only="links", before=third)
        assert [event["text"] for event in page["events"]] == [texts[0]]
        assert (page["more"], "before" in page) == (False, False)
        assert (await ada.ask("history", room=room, only="pictures"))["events"] == []
        assert (await ada.ask("history", room=room, only="links", after=1))["code"] == "bad_field"
        assert (await ada.ask("history", room=room, only="words"))["code"] == "bad_field"
        assert (await eve.ask("history", room=room, only="links"))["code"] == "not_joined"
        assert first < third


async def test_the_index_follows_the_log_by_itself_and_forgets_what_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"

    def holds(text: bytes) -> bool:
        return any(text in file.read_bytes() for file in tmp_path.iterdir())

    async with open_sqlite_store(path) as store:

        async def n_indexed() -> int:
            count: int = await store.reads.submit(
                lambda connection: connection.execute("SELECT count(*) FROM docs").get
            )
            return count

        drafts = [Draft("message", "p-1", "Ada", f"{number}", f"apple {number}") for number in range(300)]
        secret = Draft("message", "p-1", "Ada", "s", "xylophone")
        await store.append("lobby", [*drafts, secret], at_ms=1)
        with trio.fail_after(PATIENCE_S):
            while await n_indexed() < 301:
                await trio.lowlevel.checkpoint()
            assert len((await store.find("p-1", parse_query("apple"), limit=50)).hits) == 50
            assert holds(b"xylophone")
            await store.append("lobby", [Draft("delete", "p-1", "Ada", "d", '{"target":301}')], at_ms=2)
            while holds(b"xylophone") or holds(b"xyl"):
                await trio.lowlevel.checkpoint()
            assert not (await store.find("p-1", parse_query("xylophone"), limit=50)).hits


async def named(client: V1Client, room: str, query: str) -> list[str]:
    """Those whom one may mention, by the beginning of their name."""
    return [person["name"] for person in (await client.ask("mentionable", room=room, query=query))["people"]]


async def test_one_finds_whom_one_may_mention_by_the_beginning_of_their_name(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob Smith")
        await core.open_person("Bobby")
        assert await named(ada, "lobby", "bo") == [], "nobody is known who has written nothing"
        await ack(bob, "send", room="lobby", text="hi")
        await ada.hear_frames()
        for query in ("b", "bob", "BOB", "Bob S", "Ｂob", " bob"):
            assert await named(ada, "lobby", query) == ["Bob Smith"]
        for query in ("smith", "bobby", "%", "_", "*", "\U0010ffff"):
            assert await named(ada, "lobby", query) == []


async def test_in_a_private_room_its_members_are_found_and_nobody_else(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        room = await make_room(ada)
        await bob.tell("join", room="lobby")
        await bob.hear_frames()
        await ack(bob, "send", room="lobby", text="hi")
        assert await named(ada, room, "a") == ["Ada"]
        assert await named(ada, room, "b") == []
        assert (await bob.ask("mentionable", room=room, query="a"))["code"] == "not_joined"
        assert (await ada.ask("mentionable", room=room, query=""))["code"] == "bad_field"


async def test_of_many_whom_one_may_mention_the_first_are_told(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        for number in range(12):
            other = await core.open_person(f"Bob {number:02}")
            await ack(other, "send", room="lobby", text="hi")
        await ada.hear_frames()
        assert await named(ada, "lobby", "bob") == [f"Bob {number:02}" for number in range(10)]
        assert await named(ada, "lobby", "bob 1") == ["Bob 10", "Bob 11"]
