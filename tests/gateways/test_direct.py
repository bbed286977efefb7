"""Direct rooms: requests of strangers, their answers, leaving and coming back, and blocks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import Core, V1Client, open_core, texts_of
from tests.support.v1 import ack, become_owner, hello, let_in, make_room
from trio_chat.kinds import direct
from trio_chat.presence.service import INTERVAL_S
from trio_chat.protocol.encoding import ANSWER_BYTES

if TYPE_CHECKING:
    from trio.testing import MockClock

Somebody = tuple[V1Client, str]


async def ask(core: Core, sender: Somebody, to: Somebody, *texts: str) -> str:
    """Begin a conversation and write there; its room."""
    room: str = (await ack(sender[0], "direct", person=to[1]))["room"]
    await sender[0].tell("join", room=room)
    await sender[0].hear_frames()
    for text in texts:
        assert (await ack(sender[0], "send", room=room, text=text))["type"] == "ack"
    return room


async def write(client: V1Client, room: str, text: str = "x") -> str:
    """Join and write; ``ack``, or the code of the refusal."""
    await client.tell("join", room=room)
    await client.hear_frames()
    answer = await ack(client, "send", room=room, text=text)
    return str(answer.get("code", answer["type"]))


async def lists_of(core: Core, client: V1Client) -> tuple[set[str], list[str]]:
    """The rooms and the requests that another device of the person is welcomed with."""
    link = (await ack_of(client, "link"))["code"]
    other = await core.open_v1()
    welcome = await other.ask("hello", link=link, lists=True)
    await other.stream.aclose()
    return {item["room"] for item in welcome["rooms"]}, welcome.get("requests", [])


async def ack_of(client: V1Client, kind: str, **fields: object) -> dict[str, Any]:
    """Say something; the answer to it."""
    command_id = await client.tell(kind, **fields)
    heard = await client.hear_frames()
    return next(frame for frame in heard if frame.get("id") == command_id and "from" not in frame)


# Requests


@pytest.mark.parametrize("lists", [True, False])
async def test_a_conversation_of_a_stranger_is_a_request_and_not_in_the_list(
    autojump_clock: MockClock, lists: bool
) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob", lists=lists)
        room = await ask(core, ada, bob, "hello " + "x" * 1000)
        assert [(frame["type"], frame["item"]["with"]) for frame in await bob[0].hear_frames()] == [
            ("request", {"id": ada[1], "name": "Ada"})
        ]
        (item,) = (await bob[0].ask("requests"))["requests"]
        assert (item["room"], len(item["last"]["text"])) == (room, 200)
        assert await lists_of(core, bob[0]) == ({"lobby"}, [room])
        assert await lists_of(core, ada[0]) == ({"lobby", room}, [])


async def test_people_who_share_a_private_room_write_to_each_other_at_once(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        await let_in(ada[0], await make_room(ada[0]), bob[0])
        room = await ask(core, ada, bob, *"12345")
        assert (await bob[0].hear_frames())[-1]["type"] == "room_added"
        assert room in (await lists_of(core, bob[0]))[0]


@pytest.mark.parametrize("how", ["accept", "write", "react", "direct"])
async def test_a_request_that_is_answered_is_a_room_of_the_list(autojump_clock: MockClock, how: str) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "one")
        await bob[0].tell("join", room=room)
        assert texts_of(await bob[0].hear_frames()) == ["one"], "it is read before it is answered"
        said: dict[str, dict[str, object]] = {
            "accept": {"kind": "answer_request", "room": room, "accept": True},
            "write": {"kind": "send", "room": room, "text": "two"},
            "react": {"kind": "react", "room": room, "seq": 2, "emoji": "👍"},
            "direct": {"kind": "direct", "person": ada[1]},
        }
        kind = str(said[how].pop("kind"))
        await bob[0].tell(kind, **said[how])
        heard = await bob[0].hear_frames()
        assert {"member", "room_added", "ack"} <= {frame["type"] for frame in heard}
        assert await lists_of(core, bob[0]) == ({"lobby", room}, [])
        assert [await write(ada[0], room) for _ in range(5)] == ["ack"] * 5


@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("react", {"seq": 99, "emoji": "👍"}, "no_such_message"),
        ("react", {"seq": 2, "emoji": "👍", "on": False}, "unchanged"),
        ("edit", {"seq": 2, "text": "mine"}, "not_yours"),
        ("pin", {"seq": 1}, "no_such_message"),
        ("send", {"text": "yes", "reply_to": 99}, "no_such_message"),
        ("send", {"text": "", "reply_to": 2}, "empty"),
    ],
)
async def test_what_is_refused_answers_no_request_and_asks_nobody(
    autojump_clock: MockClock, kind: str, said: dict[str, object], code: str
) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "one")
        await bob[0].tell("join", room=room)
        await bob[0].hear_frames()
        assert (await ack(bob[0], kind, room=room, **said))["code"] == code
        assert await lists_of(core, bob[0]) == ({"lobby"}, [room]), "it is a request still"
        # Now they accept, and leave again: who writes what is refused does not ask them.
        assert (await ack(bob[0], "answer_request", room=room, accept=True))["type"] == "ack"
        assert (await ack(bob[0], "part", room=room))["type"] == "ack"
        await ada[0].hear_frames()
        said = {"seq": 99, "text": "x"} if kind == "edit" else said
        codes = {"edit": "no_such_message", "react": code, "pin": code, "send": code}
        assert (await ack(ada[0], kind, room=room, **said))["code"] == codes[kind]
        assert await lists_of(core, bob[0]) == ({"lobby"}, [])
        # What is written does both.
        assert await write(ada[0], room) == "ack"
        assert await lists_of(core, bob[0]) == ({"lobby"}, [room])
        assert await write(bob[0], room) == "ack"
        assert await lists_of(core, bob[0]) == ({"lobby", room}, [])


@pytest.mark.parametrize("how", ["answer_request", "part"])
async def test_a_request_that_is_declined_is_gone_for_good(autojump_clock: MockClock, how: str) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "one")
        await bob[0].tell("join", room=room)
        await bob[0].hear_frames()
        await ack(bob[0], how, room=room, **({"accept": False} if how == "answer_request" else {}))
        assert await lists_of(core, bob[0]) == ({"lobby"}, [])
        assert await write(ada[0], room) == "not_accepted"
        assert (await ack(ada[0], "direct", person=bob[1]))["room"] == room
        assert await write(ada[0], room) == "not_accepted"
        assert (await bob[0].ask("join", room=room))["code"] == "no_such_room"
        assert await lists_of(core, bob[0]) == ({"lobby"}, [])
        await let_in(ada[0], await make_room(ada[0]), bob[0])
        assert await write(ada[0], room) == "ack", "they are no strangers any more"
        assert (await lists_of(core, bob[0]))[1] == [room]
        await ack(bob[0], "direct", person=ada[1])
        assert room in (await lists_of(core, bob[0]))[0], "who declined may write as well"


async def test_three_messages_may_wait_for_an_answer(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "1", "2", "3")
        assert await write(ada[0], room) == "not_answered"
        assert (await ack(ada[0], "edit", room=room, seq=4, text="three"))["type"] == "ack"
        assert (await ack(ada[0], "delete", room=room, seq=2))["type"] == "ack"
        for n in range(direct.MAX_UNANSWERED_EVENTS):
            await ack(ada[0], "react", room=room, seq=3, emoji="👍", on=n % 2 == 0)
        assert (await core.rooms.get(room)).head == direct.MAX_UNANSWERED_EVENTS + 1
        assert (await ack(ada[0], "delete", room=room, seq=3))["type"] == "ack", "one may always take back"
        assert await write(bob[0], room) == "ack"
        assert [await write(ada[0], room) for _ in range(5)] == ["ack"] * 5


async def test_only_so_many_requests_wait_and_their_list_is_bounded(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_core() as core:
        bob = await hello(core, "Bob")
        rooms = []
        for number in range(direct.MAX_REQUESTS_OF_NEW):
            eve = await hello(core, "\u4e00" * 30 + f" {number}")
            mentions = ["p-" + "\u4e00" * 30 + str(n) for n in range(100)]
            rooms.append(await ask(core, eve, bob))
            await ack(eve[0], "send", room=rooms[-1], text="\x07" * 4000, mentions=mentions)
            await eve[0].stream.aclose()
        late = await hello(core, "Late")
        assert (await ack(late[0], "direct", person=bob[1]))["code"] == "too_many_requests"
        await become_owner(core, bob[0])
        await ack(bob[0], "trust", room="~server", person=late[1])
        rooms.append(await ask(core, late, bob))  # who is known is let in behind them
        await bob[0].hear_frames()
        told: list[str] = []
        page: dict[str, Any] = {"cursor": None}
        while "cursor" in page:
            await bob[0].tell("requests", cursor=page["cursor"])
            answer = await bob[0].hear()
            assert len(answer.encode()) < ANSWER_BYTES
            page = json.loads(answer)
            told += [item["room"] for item in page["requests"]]
        assert (len(told), set(told)) == (direct.MAX_REQUESTS_OF_NEW + 1, set(rooms))
        late = await hello(core, "Latest")
        assert (await ack(late[0], "direct", person=bob[1]))["code"] == "too_many_requests"
        assert (await ack(bob[0], "answer_request", room=rooms[1], accept=False))["type"] == "ack"
        assert (await ack(bob[0], "answer_request", room=rooms[0], accept=False))["type"] == "ack"
        assert (await ack(late[0], "direct", person=bob[1]))["type"] == "ack"


async def test_reading_a_request_tells_nobody(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "one")
        await ada[0].tell("watch", room=room)
        await bob[0].tell("join", room=room)
        await bob[0].hear_frames()
        assert (await ack_of(bob[0], "watch", room=room)).get("here", []) == []
        await bob[0].tell("mark", room=room, read=2)
        await bob[0].tell("typing", room=room)
        await trio.sleep(2 * INTERVAL_S)
        told = [frame for frame in await ada[0].hear_frames() if bob[1] in json.dumps(frame)]
        assert told == []
        assert (await ack_of(ada[0], "receipts", room=room, seq=2))["read"] == []


@pytest.mark.parametrize("person", ["asks", "neither"])
async def test_only_who_was_asked_answers(autojump_clock: MockClock, person: str) -> None:
    async with open_core() as core:
        ada, bob, eve = [await hello(core, name) for name in ("Ada", "Bob", "Eve")]
        room = await ask(core, ada, bob, "one")
        other = ada if person == "asks" else eve
        for accept in (True, False):
            answer = await ack(other[0], "answer_request", room=room, accept=accept)
            assert answer["code"] == "no_such_room"


async def test_requests_are_found_by_no_search(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        await ask(core, ada, bob, "buy my potion")
        assert (await ack_of(bob[0], "search", query="potion"))["hits"] == []


# Leaving


async def test_who_left_is_asked_again_by_the_next_message(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "one")
        assert await write(bob[0], room) == "ack"
        await ada[0].hear_frames()
        assert (await ack(bob[0], "part", room=room))["type"] == "ack"
        left = await ada[0].hear_frames()
        assert [(frame["type"], frame["from"], frame["on"]) for frame in left] == [("member", bob[1], False)]
        assert await lists_of(core, bob[0]) == ({"lobby"}, [])
        assert room in (await lists_of(core, ada[0]))[0]
        (item,) = [one for one in await rooms_of(core, ada[0]) if one["room"] == room]
        assert item["with"]["name"] == "Bob", "the history stays that of a conversation with Bob"
        assert [await write(ada[0], room) for _ in range(4)] == ["ack"] * 3 + ["not_answered"]
        assert await lists_of(core, bob[0]) == ({"lobby"}, [room])
        assert await write(bob[0], room) == "ack"
        assert await lists_of(core, bob[0]) == ({"lobby", room}, [])


async def rooms_of(core: Core, client: V1Client) -> list[dict[str, Any]]:
    link = (await ack_of(client, "link"))["code"]
    other = await core.open_v1()
    rooms: list[dict[str, Any]] = (await other.ask("hello", link=link, lists=True))["rooms"]
    return rooms


async def test_who_left_comes_back_by_themselves_even_if_both_left(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "one")
        assert await write(bob[0], room) == "ack"
        for client in (ada[0], bob[0]):
            assert (await ack(client, "part", room=room))["type"] == "ack"
        assert await ask(core, ada, bob, "again") == room
        assert await lists_of(core, bob[0]) == ({"lobby"}, [room])


# Blocks


async def block(client: V1Client, person: str, *, on: bool = True) -> None:
    assert (await ack(client, "mine", what="block", person=person, on=on))["type"] == "ack"


async def test_who_is_blocked_neither_begins_a_conversation_nor_writes_in_one(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, bob, eve = [await hello(core, name) for name in ("Ada", "Bob", "Eve")]
        room = await ask(core, ada, bob, "one")
        assert await write(bob[0], room) == "ack"
        for person in (ada, eve):
            await block(bob[0], person[1])
        assert await write(ada[0], room) == "not_accepted"
        assert (await ack(ada[0], "delete", room=room, seq=2))["type"] == "ack"
        assert await write(bob[0], room) == "blocked"
        assert (await ack(eve[0], "direct", person=bob[1]))["code"] == "not_accepted"
        assert (await ack(bob[0], "direct", person=eve[1]))["code"] == "blocked"
        for person in (ada, eve):
            await block(bob[0], person[1], on=False)
        assert await write(ada[0], room) == "ack"
        assert (await ack(eve[0], "direct", person=bob[1]))["type"] == "ack"


async def test_nobody_is_told_that_they_are_blocked(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        await ada[0].tell("join", room="lobby")
        await ada[0].hear_frames()
        await block(bob[0], ada[1])
        assert await ada[0].hear_frames() == []


async def test_what_the_blocked_write_is_not_counted(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob, cy = [await hello(core, name) for name in ("Ada", "Bob", "Cy")]
        room = await make_room(ada[0])
        await let_in(ada[0], room, bob[0], cy[0])
        await block(bob[0], ada[1])
        await ack(ada[0], "send", room=room, text="@Bob", mentions=[bob[1], "all"])
        await ack(cy[0], "send", room=room, text="@Bob", mentions=[bob[1]])
        item = next(one for one in await rooms_of(core, bob[0]) if one["room"] == room)
        assert (item["unread"], item["mentions"]) == (1, 1)
        await block(bob[0], ada[1], on=False)
        item = next(one for one in await rooms_of(core, bob[0]) if one["room"] == room)
        assert (item["unread"], item["mentions"]) == (2, 2)


async def test_one_may_block_only_so_many(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_chat.kinds.personal.MAX_BLOCKS", 2)
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        for name in ("p-1", "p-2"):
            await block(ada, name)
        for name, code in (("p-3", "too_many"), ("p-2", None)):
            assert (await ack(ada, "mine", what="block", person=name)).get("code") == code
        await block(ada, "p-1", on=False)
        await block(ada, "p-3")


@pytest.mark.parametrize("said", [{}, {"person": "ME"}, {"person": "p" * 65}])
async def test_a_block_says_whom(autojump_clock: MockClock, said: dict[str, str]) -> None:
    async with open_core() as core:
        ada, ada_id = await hello(core, "Ada")
        fields = {key: value.replace("ME", ada_id) for key, value in said.items()}
        assert (await ack(ada, "mine", what="block", **fields))["code"] == "bad_field"


# Whoever stops to share a room while somebody begins


@pytest.mark.parametrize("is_known_late", [False, True])
async def test_beginning_while_they_cease_to_share_a_room_is_a_request(
    autojump_clock: MockClock, is_known_late: bool
) -> None:
    """With ``is_known_late`` another copy of the command began it before, when they did still share one."""
    async with open_core() as core:
        ada, bob = await core.open_v1(), await hello(core, "Bob")
        welcome = await ada.ask("hello", name="Ada")
        copy = await core.open_v1()
        await copy.ask("hello", token=welcome["token"])
        room = await make_room(ada)
        await let_in(ada, room, bob[0])
        are_strangers, may_go_on, n_asked = core.store.are_strangers, trio.Event(), 0

        async def asked_slowly(one: str, other: str) -> bool:
            nonlocal n_asked
            n_asked += 1
            before = None if is_known_late else await are_strangers(one, other)
            if n_asked == 1:
                await may_go_on.wait()
            return await are_strangers(one, other) if before is None else before

        core.store.are_strangers = asked_slowly  # type: ignore[method-assign]
        await ada.tell("direct", id="begin", person=bob[1])
        await trio.testing.wait_all_tasks_blocked()
        if is_known_late:
            assert (await ack(copy, "direct", id="begin", person=bob[1]))["type"] == "ack"
        assert (await ack(bob[0], "part", room=room))["type"] == "ack"
        may_go_on.set()
        answers = [frame for frame in await ada.hear_frames() if frame.get("id") == "begin"]
        assert [(frame["type"], frame["seq"]) for frame in answers] == [("ack", 1)]
        requests = await ack_of(bob[0], "requests")
        assert len(requests["requests"]) == (0 if is_known_late else 1)


# An attack


async def test_a_flood_of_strangers_leaves_the_own_rooms_where_they_are(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        victim = await hello(core, "Victim")
        family = await make_room(victim[0], "Family")
        await ack(victim[0], "send", room=family, text="real")
        codes = []
        for number in range(direct.MAX_REQUESTS_OF_NEW + 10):
            eve = await hello(core, f"Eve {number}")
            answer = await ack(eve[0], "direct", person=victim[1])
            codes.append(answer.get("code", "ack"))
            if "room" in answer:
                await write(eve[0], answer["room"], "\u4e00" * 4000)
        assert codes == ["ack"] * direct.MAX_REQUESTS_OF_NEW + ["too_many_requests"] * 10
        link = (await ack_of(victim[0], "link"))["code"]
        again = await core.open_v1()
        await again.tell("hello", link=link, lists=True)
        welcome = await again.hear()
        assert len(welcome) < 4096
        rooms = [item["room"] for item in json.loads(welcome)["rooms"]]
        assert rooms == ["lobby", family]
        await again.tell("follow", rooms=[{"room": room} for room in rooms])
        assert {"joined"} <= {frame["type"] for frame in await again.hear_frames()}
        await ack(victim[0], "send", room=family, text="still")
        assert texts_of(await again.hear_frames()) == ["still"]


@pytest.mark.parametrize("accept", [True, False])
async def test_an_answer_that_is_repeated_is_the_same(autojump_clock: MockClock, accept: bool) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "hello")
        await bob[0].hear_frames()
        answered = await ack(bob[0], "answer_request", id="a", room=room, accept=accept)
        assert answered["type"] == "ack"
        assert await ack(bob[0], "answer_request", id="a", room=room, accept=accept) == answered
        other = await ack(bob[0], "answer_request", id="a", room=room, accept=not accept)
        assert other["code"] == "id_conflict"


async def test_a_repeat_is_acknowledged_whatever_the_other_one_did_since(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "hello")
        assert await write(bob[0], room) == "ack"
        await ada[0].hear_frames()
        said = await ack(ada[0], "send", id="s", room=room, text="once")
        await ack(bob[0], "part", room=room)
        await bob[0].hear_frames()
        await ada[0].hear_frames()
        assert await ack(ada[0], "send", id="s", room=room, text="once") == said
        assert (await lists_of(core, bob[0]))[1] == [], "nobody is asked by a repeat"
        await block(bob[0], ada[1])
        assert await ack(ada[0], "send", id="s", room=room, text="once") == said


async def test_who_reads_a_request_and_asks_for_their_profile_is_not_shown(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await hello(core, "Ada"), await hello(core, "Bob")
        room = await ask(core, ada, bob, "hello")
        await bob[0].tell("join", room=room)
        await bob[0].hear_frames()
        await ada[0].tell("watch", room=room)
        await bob[0].tell("watch", room=room)
        await bob[0].tell("profile")
        await trio.sleep(2 * INTERVAL_S)
        await ada[0].hear_frames()
        await ada[0].tell("watch", room=room)
        (watching,) = await ada[0].hear_frames()
        assert watching["count"] == 1
