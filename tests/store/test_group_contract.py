"""The promises of `trio_chat.store.base` about what follows from the log of a group, asked of every store."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.people import add_person, add_token, find_person
from trio_chat.errors import NameTaken
from trio_chat.kinds.facts import LOBBY
from trio_chat.kinds.forms import Body, Who, write_body
from trio_chat.kinds.messages import Delete, Edit, Post
from trio_chat.kinds.personal import Block, Level, Star, Unread
from trio_chat.kinds.pins import Pin
from trio_chat.kinds.reactions import Reaction
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.model.events import DAMAGED, Draft, Event, Person, Position
from trio_chat.model.files import FileLimits
from trio_chat.model.outcomes import Denied, Outcome, Repeat
from trio_chat.model.records import (
    MAX_UNREAD_COUNTED,
    DirectoryPlace,
    Invitation,
    MessageChanges,
    MessageReceipt,
    Picture,
    Profile,
    ReactionCount,
    ReadMarker,
    SearchHit,
)
from trio_chat.search.query import parse_query
from trio_chat.store.contract.people import MOVES_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from trio_chat.store.base import Store

    OpenStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]

BIG = 10**9
ADA, BOB, EVE = Who("p-ada", "Ada"), Who("p-bob", "Bob"), Who("p-eve", "Eve")
CLUB = "~aaaaaaaaaaaaaaaa"
HASH = b"h" * 32


def draft(kind: str, body: Body | str, by: Who = ADA, client_id: str | None = None) -> Draft:
    text = body if isinstance(body, str) else write_body(body)
    return Draft(kind, by.id, by.name, client_id, text)


def said(text: str, by: Who = ADA, client_id: str | None = None) -> Draft:
    return draft("message", text, by, client_id)


def post(text: str, *mentions: str, by: Who = ADA, reply_to: int | None = None) -> Draft:
    return draft("post", Post(text, reply_to, mentions), by)


def edit(target: int, text: str, by: Who = ADA) -> Draft:
    return draft("edit", Edit(target, text), by)


def delete(target: int, by: Who = ADA) -> Draft:
    return draft("delete", Delete(target), by)


def react(target: int, emoji: str, on: bool = True, by: Who = ADA) -> Draft:
    return draft("reaction", Reaction(target, emoji, on), by)


def pin(target: int, on: bool = True, by: Who = ADA) -> Draft:
    return draft("pin", Pin(target, on), by)


def create(kind: str, *members: Who, title: str = "", topic: str = "") -> Draft:
    return draft("created", Created(kind, title, topic, members), members[0])


def come(person: Who, invite: bytes | None = None) -> Draft:
    return draft("member", Membership(person, True, None if invite is None else invite.hex()), person)


def leave(person: Who) -> Draft:
    return draft("member", Membership(person, False), person)


def invite(room: str = CLUB, *, expires_ms: int | None = None, uses: int | None = None) -> Invitation:
    return Invitation(HASH, room, ADA.id, 1, expires_ms, uses)


async def changes(
    store: Store, seqs: Collection[int], *, room: str = LOBBY, reader: str = ADA.id
) -> MessageChanges:
    return await store.read_changes(room, seqs, reader=reader, limit=99)


async def append(store: Store, room: str, *drafts: Draft, at_ms: int = 1) -> list[int]:
    """Append what the rules allow; the numbers."""
    outcomes = await store.append(room, drafts, at_ms=at_ms)
    assert all(isinstance(outcome, Event) for outcome in outcomes), outcomes
    return [outcome.seq for outcome in outcomes if isinstance(outcome, Event)]


async def whole(store: Store, room: str = LOBBY) -> list[Event]:
    return await store.read_after(room, 0, limit=BIG, max_bytes=BIG)


def codes(outcomes: list[Outcome]) -> list[str]:
    """The codes of denials; of other outcomes what they are."""
    return [outcome.code if isinstance(outcome, Denied) else type(outcome).__name__ for outcome in outcomes]


# --- denials ---


async def test_a_draft_that_the_rules_forbid_is_denied_and_its_client_id_stays_free(store: Store) -> None:
    await append(store, LOBBY, said("by Ada"))
    forbidden = draft("edit", Edit(1, "not by Ada"), BOB, "c1")
    (denied,) = await store.append(LOBBY, [forbidden], at_ms=1)
    assert denied == Denied("not_yours", "Only who wrote a message can change it.")
    assert len(await whole(store)) == 1
    assert store.statistics().events == 1
    assert await append(store, LOBBY, said("under the same id", BOB, "c1")) == [2]


async def test_a_denied_draft_leaves_no_gap_in_the_numbers(store: Store) -> None:
    outcomes = await store.append(LOBBY, [said("a"), edit(9, "x"), said("b")], at_ms=1)
    assert codes(outcomes) == ["Event", "no_such_message", "Event"]
    assert [(event.seq, event.body) for event in await whole(store)] == [(1, "a"), (2, "b")]


async def test_the_rules_see_earlier_drafts_of_the_same_append(store: Store) -> None:
    outcomes = await store.append(
        LOBBY,
        [
            said("a"),
            edit(1, "b"),
            edit(1, "by Bob", BOB),
            react(1, "🦀", by=BOB),
            delete(1),
            react(1, "🐌"),
            edit(1, "c"),
            pin(7),
            post("d", reply_to=1),
            pin(5),
        ],
        at_ms=1,
    )
    assert codes(outcomes) == [
        *("Event", "Event", "not_yours", "Event", "Event"),
        *("deleted", "deleted", "no_such_message", "Event", "Event"),
    ]
    assert (await store.state(LOBBY)).pins == (5,)


async def test_the_rules_see_other_appends_of_the_same_commit(store: Store) -> None:
    """Messages by one append, what is about them by the next, whatever the order: nothing is missed."""
    found: list[str] = []

    async def one(*drafts: Draft) -> None:
        found.extend(codes(await store.append(LOBBY, drafts, at_ms=1)))

    await append(store, LOBBY, said("first"))
    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(one, said(f"m {number}"))
            nursery.start_soon(one, react(1, "🦀", by=Who(f"p-{number}", "X")))
    assert found == ["Event"] * 20
    assert len(await store.reactions(LOBBY, 1, limit=99)) == 10


async def test_reactions_and_pins_are_limited(store: Store) -> None:
    await append(store, LOBBY, *(said(str(number)) for number in range(1, 102)))
    outcomes = await store.append(LOBBY, [react(1, chr(0x1F600 + number)) for number in range(21)], at_ms=1)
    assert codes(outcomes) == ["Event"] * 20 + ["too_many"]
    assert codes(await store.append(LOBBY, [react(1, "🦀")], at_ms=1)) == ["too_many"]
    await append(store, LOBBY, react(1, chr(0x1F600), on=False), react(1, "🦀"), react(1, "🦀", by=BOB))
    outcomes = await store.append(LOBBY, [pin(number) for number in range(1, 102)], at_ms=1)
    assert codes(outcomes) == ["Event"] * 100 + ["too_many"]
    await append(store, LOBBY, pin(50, on=False), pin(101))
    assert (await store.state(LOBBY)).pins == (*range(1, 50), *range(51, 101), 101)


# --- changes ---


async def test_changes_of_a_message_are_the_newest_event_of_each_change_key(open_store: OpenStore) -> None:
    async with open_store() as store:
        await append(store, LOBBY, said("a"), said("b"), said("c", BOB))
        await append(store, LOBBY, edit(1, "a2"), react(1, "🦀"), react(1, "🐌"), react(1, "🦀", by=BOB))
        await append(
            store, LOBBY, edit(1, "a3"), react(1, "🦀", on=False), pin(1), pin(3, by=BOB), edit(2, "b2")
        )
    async with open_store() as store:
        log = await whole(store)
        found = await changes(store, [1])
        assert (found.upto, found.events) == (12, [log[n - 1] for n in (8, 10)])
        assert (await changes(store, [3, 2, 2])).events == [log[10], log[11]]
        assert await changes(store, [5, 99, 0, -1, 2**70]) == MessageChanges(12, [], [], 5)
        assert await changes(store, []) == MessageChanges(12, [], [], 0)
        assert await changes(store, [1], room="nowhere") == MessageChanges(0, [], [], 1)


async def test_reactions_are_counted_with_who_gave_the_first_of_them(open_store: OpenStore) -> None:
    people = [Who(f"p-{n}", "X") for n in range(1, 8)]
    async with open_store() as store:
        await add_person(store, Person(ADA.id, "Ada"), name_key="ada", token_hash=HASH, at_ms=1)
        await append(store, LOBBY, said("a"), said("b"))
        await append(store, LOBBY, react(1, "🐌", by=BOB), react(1, "🦀"), react(1, "🐌"), react(2, "🦀"))
        await append(store, LOBBY, *(react(1, "🦀", by=who) for who in people))
        # From the first to somebody's, an emoji stands where it came; after nobody's it comes anew.
        await append(store, LOBBY, react(1, "🐌", by=BOB, on=False), react(2, "🦀", on=False))
        await append(store, LOBBY, react(2, "🦀"), react(1, "🦀", by=people[0], on=False))
    async with open_store() as store:
        found = await changes(store, [1, 2], reader=people[1].id)
        assert found.upto == 17
        assert found.reactions == [
            ReactionCount(1, "🐌", 1, since=3, is_mine=False, people=[Person(ADA.id, "Ada")]),
            ReactionCount(
                1,
                "🦀",
                7,
                since=4,
                is_mine=True,
                people=[Person(ADA.id, "Ada"), *(Person(who.id, "") for who in people[1:5])],
            ),
            ReactionCount(2, "🦀", 1, since=16, is_mine=False, people=[Person(ADA.id, "Ada")]),
        ]
        assert [one.is_mine for one in (await changes(store, [1], reader=people[0].id)).reactions] == [
            False
        ] * 2
        given = await store.reactions(LOBBY, 1, limit=99)
        assert [(one.seq, one.emoji, one.person.id) for one in given] == [
            (4, "🦀", ADA.id),
            (5, "🐌", ADA.id),
            *((n + 7, "🦀", who.id) for n, who in enumerate(people) if n),
        ]
        assert await store.reactions(LOBBY, 1, after=5, limit=2) == given[2:4]
        assert await store.reactions(LOBBY, 1, emoji="🐌", limit=9) == [given[1]]
        assert await store.reactions(LOBBY, 99, limit=9) == await store.reactions("nowhere", 1, limit=9) == []


async def test_changes_of_many_messages_are_of_the_first_of_them(store: Store) -> None:
    await append(store, LOBBY, *(said(str(number)) for number in range(1, 7)))
    for target in (2, 4, 5):
        await append(store, LOBBY, react(target, "🦀"), react(target, "🐌"), pin(target), edit(target, "x"))
    found = await store.read_changes(LOBBY, [6, 5, 4, 3, 2, 1], reader=ADA.id, limit=3)
    assert (found.n_messages, [one.target for one in found.reactions]) == (2, [5, 5])
    assert [event.seq for event in found.events] == [14, 17, 18]
    found = await store.read_changes(LOBBY, [5, 4], reader=ADA.id, limit=1)
    assert (found.n_messages, len(found.events), [one.target for one in found.reactions]) == (1, 1, [5, 5])


async def test_what_is_so_already_is_not_written(store: Store) -> None:
    await append(store, LOBBY, said("a"))
    assert codes(await store.append(LOBBY, [react(1, "🦀", on=False)], at_ms=1)) == ["unchanged"]
    outcomes = await store.append(
        LOBBY, [react(1, "🦀"), react(1, "🦀"), react(1, "🦀", on=False), react(1, "🦀", on=False)], at_ms=1
    )
    assert codes(outcomes) == ["Event", "unchanged", "Event", "unchanged"]
    assert codes(await store.append(LOBBY, [react(1, "🦀", by=BOB)] * 2, at_ms=1)) == ["Event", "unchanged"]


async def test_an_event_is_found_by_its_command(store: Store) -> None:
    await store.append("lobby", [said("one", client_id="1"), said("two", client_id="2")], at_ms=1)
    found = await store.find_command(ADA.id, "2")
    assert found is not None
    assert (found.room, found.seq, found.body) == ("lobby", 2, "two")
    assert await store.find_command(BOB.id, "2") is None


async def test_single_events_are_read_in_order_and_missing_numbers_are_left_out(store: Store) -> None:
    await append(store, LOBBY, *(said(str(number)) for number in range(1, 300)))
    log = await whole(store)
    assert await store.read_some(LOBBY, [7, 1, 299, 300, 0, -3, 7, 2**70]) == [log[0], log[6], log[298]]
    assert await store.read_some(LOBBY, list(range(1, 300))) == log
    assert await store.read_some("nowhere", [1]) == []


async def test_versions_are_the_message_and_all_its_edits(store: Store) -> None:
    await append(
        store, LOBBY, said("a"), said("b"), edit(1, "a2"), edit(2, "b2"), react(1, "🦀"), edit(1, "a3")
    )
    log = await whole(store)
    assert await store.read_versions(LOBBY, 1, limit=9) == [log[0], log[2], log[5]]
    assert await store.read_versions(LOBBY, 1, limit=1) == [log[0], log[2]]
    assert await store.read_versions(LOBBY, 1, after=3, limit=9) == [log[0], log[5]]
    assert await store.read_versions(LOBBY, 3, limit=9) == [], "an edit is no message"
    assert (
        await store.read_versions(LOBBY, 99, limit=9)
        == await store.read_versions("nowhere", 1, limit=9)
        == []
    )


async def test_a_deleted_message_and_its_edits_have_no_text_in_any_read(
    open_store: OpenStore,
) -> None:
    async with open_store() as store:
        await append(
            store, LOBBY, said("secret"), said("other"), post("secret", BOB.id), edit(1, "secret too")
        )
        await append(store, LOBBY, react(1, "🦀"), pin(1), edit(3, "secret"))
        assert await append(store, LOBBY, delete(1), delete(3)) == [8, 9]
    async with open_store() as store:
        log = await whole(store)
        assert [event.body is None for event in log] == [n in (1, 3, 4, 7) for n in range(1, 10)]
        assert [event.kind for event in log if event.body is None] == ["message", "post", "edit", "edit"]
        assert await store.read_before(LOBBY, BIG, limit=BIG, max_bytes=BIG) == log
        for seq in range(1, 10):
            assert await store.read_after(LOBBY, seq - 1, limit=1, max_bytes=0) == [log[seq - 1]]
            assert await store.read_some(LOBBY, [seq]) == [log[seq - 1]]
        assert await store.read_versions(LOBBY, 1, limit=9) == [log[0], log[3]]
        found = await changes(store, range(1, 10))
        assert (found.events, found.reactions) == ([log[7], log[8]], []), "and nothing else about them"
        assert await store.reactions(LOBBY, 1, limit=9) == []
        assert (await store.state(LOBBY)).pins == ()
        assert codes(await store.append(LOBBY, [edit(1, "back")], at_ms=1)) == ["deleted"]
        assert await append(store, LOBBY, said("on")) == [10]
        assert "secret" not in str(await whole(store))


async def test_the_repeat_of_a_deleted_message_is_a_repeat(store: Store) -> None:
    await append(store, LOBBY, said("a", client_id="c1"), delete(1))
    for text in ("a", "another"):
        assert await store.append(LOBBY, [said(text, client_id="c1")], at_ms=1) == [Repeat(LOBBY, 1)]
    assert codes(await store.append(LOBBY, [draft("post", Post("a"), ADA, "c1")], at_ms=1)) == ["Conflict"]
    assert codes(await store.append("kitchen", [said("a", client_id="c1")], at_ms=1)) == ["Conflict"]


async def test_a_message_deleted_in_the_commit_that_writes_it_has_no_text(
    store: Store,
) -> None:
    await append(store, LOBBY, said("a"), edit(1, "b"), delete(1))
    assert [event.body is None for event in await whole(store)] == [True, True, False]


# --- rooms ---


async def test_a_room_that_nobody_wrote_to_is_of_the_kind_that_its_name_says(store: Store) -> None:
    epoch = (await store.position(LOBBY)).epoch
    for room, kind in ((LOBBY, "public"), ("garden", "public"), (CLUB, "private"), ("~p-ada", "personal")):
        state = await store.state(room)
        assert (state.position, state.kind) == (Position(0, epoch), kind)
        assert (state.title, state.owner, state.members, state.pins) == ("", None, {}, ())
    begun = await store.begin_epoch(CLUB)
    assert (await store.state(CLUB)).position == begun
    assert (await store.state(CLUB)).kind == "private"


async def test_the_state_of_a_room_follows_from_its_creation_and_later_settings(
    open_store: OpenStore,
) -> None:
    async with open_store() as store:
        await append(store, CLUB, create("private", ADA, title="Club", topic="Chess"))
        await store.add_invite(invite())
        await append(store, CLUB, come(BOB, HASH), draft("settings", Settings(topic="Go"), BOB))
        await append(
            store, CLUB, come(EVE, HASH), said("hi", EVE), said("ho", EVE), pin(6), pin(5), leave(BOB)
        )
    async with open_store() as store:
        state = await store.state(CLUB)
        assert (state.kind, state.title, state.topic, state.owner) == ("private", "Club", "Go", ADA.id)
        assert state.members == {ADA.id: "owner", EVE.id: "member"}
        assert state.pins == (6, 5)
        assert state.position == await store.position(CLUB)
        assert codes(await store.append(CLUB, [said("still here?", BOB)], at_ms=1)) == ["no_such_room"]
        await append(store, CLUB, draft("settings", Settings(title=""), EVE))
        assert (await store.state(CLUB)).title == ""


async def test_the_state_of_a_room_is_told_with_a_page_of_its_members(store: Store) -> None:
    people = [Who(f"p-{letter}", letter) for letter in "Zbac"]
    await append(store, "town", create("public", people[0]), *map(come, people[1:]))
    state = await store.state("town")
    first, n_members = await store.state_with_some("town", after="", limit=3)
    assert (list(first.members.items()), n_members) == (
        [("p-Z", "owner"), ("p-a", "member"), ("p-b", "member")],
        4,
    )
    rest, n_members = await store.state_with_some("town", after="p-b", limit=3)
    assert (dict(rest.members), n_members) == ({"p-c": "member"}, 4)
    assert attrs.evolve(rest, members=state.members) == state
    nowhere, n_members = await store.state_with_some("nowhere", after="", limit=3)
    assert (nowhere, n_members) == (await store.state("nowhere"), 0)


async def test_only_members_write_to_a_private_room_and_nobody_to_a_missing_one(store: Store) -> None:
    await append(store, CLUB, create("private", ADA))
    for room in (CLUB, "~bbbbbbbbbbbbbbbb"):
        (denied,) = await store.append(room, [said("let me in", EVE)], at_ms=1)
        assert isinstance(denied, Denied)
        assert denied.code == "no_such_room"
    assert await store.append(CLUB, [create("private", EVE)], at_ms=1) == [
        Denied("already_there", "There is a room of this name already.")
    ]
    assert (await store.position("~bbbbbbbbbbbbbbbb")).seq == 0
    await append(store, CLUB, said("mine"))


async def test_a_direct_room_has_two_members_and_no_owner(store: Store) -> None:
    await append(store, CLUB, create("private", ADA, BOB))  # or it would be a request
    await append(store, "~dx", create("direct", ADA, BOB), said("hi"), said("ho", BOB))
    state = await store.state("~dx")
    assert (state.kind, state.owner, state.members) == ("direct", None, {ADA.id: "member", BOB.id: "member"})
    assert codes(await store.append("~dx", [said("hm", EVE)], at_ms=1)) == ["no_such_room"]


async def test_joining_and_leaving_in_one_append_counts_for_its_later_drafts(store: Store) -> None:
    await append(store, CLUB, create("private", ADA))
    await store.add_invite(invite())
    outcomes = await store.append(
        CLUB, [said("?", BOB), come(BOB, HASH), said("hi", BOB), leave(BOB), said("?", BOB)], at_ms=1
    )
    assert codes(outcomes) == ["no_such_room", "Event", "Event", "Event", "no_such_room"]
    assert (await store.state(CLUB)).members == {ADA.id: "owner"}


async def test_anybody_joins_and_leaves_a_public_room(store: Store) -> None:
    await append(store, "garden", said("hi", BOB), come(ADA))
    assert (await store.state("garden")).members == {ADA.id: "member"}
    assert codes(await store.append("garden", [come(ADA)], at_ms=1)) == ["already_there"]
    await append(store, "garden", leave(ADA))
    assert codes(await store.append("garden", [leave(ADA), said("bye")], at_ms=1)) == ["not_member", "Event"]
    assert (await store.state("garden")).members == {}


async def test_a_personal_room_has_the_newest_event_of_each_change_key(open_store: OpenStore) -> None:
    async with open_store() as store:
        assert (await store.personal(ADA.id, limit=9))[1] == []
        await append(store, LOBBY, *(said(str(n)) for n in range(7)))
        await append(store, "garden", said("hi"))
        await append(
            store,
            "~p-ada",
            draft("star", Star(LOBBY, 1, True)),
            draft("star", Star(LOBBY, 2, True)),
            draft("hide", Star(LOBBY, 1, True)),
            draft("level", Level(LOBBY, "none")),
            draft("unread", Unread(LOBBY, 7)),
            draft("star", Star(LOBBY, 1, False)),
            draft("level", Level(LOBBY, "mentions", 99)),
            draft("level", Level("garden", "none")),
        )
        for person in (ADA, BOB):
            assert codes(await store.append("~p-ada", [said("hi", person)], at_ms=1)) == ["no_such_room"]
    async with open_store() as store:
        position, current = await store.personal(ADA.id, limit=9)
        assert position == await store.position("~p-ada")
        assert [event.seq for event in current] == [2, 3, 5, 6, 7, 8]
        assert await store.personal(BOB.id, limit=9) == (await store.position("~p-bob"), [])


async def test_only_messages_and_rooms_that_the_person_may_hear_are_noted(store: Store) -> None:
    await append(store, CLUB, create("private", ADA), said("hi"))
    star = draft("star", Star(CLUB, 2, True))
    of_bob = draft("star", Star(CLUB, 2, True), by=BOB)
    assert codes(await store.append("~p-bob", [of_bob], at_ms=1)) == ["no_such_room"]
    assert codes(await store.append("~p-ada", [star], at_ms=1)) == ["Event"]
    for noted, code in (
        (draft("star", Star(CLUB, 3, True)), "no_such_message"),
        (draft("star", Star("nowhere", 1, False)), "no_such_room"),
        (draft("level", Level("nowhere", "none")), "no_such_room"),
        (draft("level", Level(LOBBY, "none")), "Event"),
    ):
        assert codes(await store.append("~p-ada", [noted], at_ms=1)) == [code]
    await append(store, CLUB, leave(ADA))
    assert codes(await store.append("~p-ada", [draft("star", Star(CLUB, 2, False))], at_ms=1)) == ["Event"]
    assert codes(await store.append("~p-ada", [draft("hide", Star(CLUB, 2, True))], at_ms=1)) == [
        "no_such_room"
    ]


async def test_everybody_is_mentioned_once_a_minute_by_a_person_and_a_repeat_is_its_repeat(
    store: Store,
) -> None:
    first = draft("post", Post("first", mentions=("all",)), BOB, "c1")
    posts = [first, post("again", "all", by=BOB), post("@Ada", ADA.id, by=BOB), post("me too", "all")]
    outcomes = await store.append("garden", posts, at_ms=1)
    assert codes(outcomes) == ["Event", "too_many", "Event", "Event"]
    assert codes(await store.append("garden", [first, posts[1]], at_ms=60_000)) == ["Repeat", "too_many"]
    await append(store, "garden", delete(1, by=BOB))
    assert codes(await store.append("garden", [posts[1]], at_ms=60_000)) == ["too_many"]
    assert codes(await store.append("garden", [posts[1]], at_ms=60_001)) == ["Event"]
    assert codes(await store.append("lobby", [posts[1]], at_ms=60_001)) == ["Event"]


# --- invitations ---


async def test_an_invitation_is_found_until_it_is_revoked(open_store: OpenStore) -> None:
    async with open_store() as store:
        with pytest.raises(KeyError):
            await store.add_invite(invite())
        await append(store, CLUB, create("private", ADA))
        await store.add_invite(invite(uses=3, expires_ms=100))
    async with open_store() as store:
        assert await store.find_invite(HASH) == invite(uses=3, expires_ms=100)
        assert await store.invites(CLUB, at_ms=99) == [invite(uses=3, expires_ms=100)]
        assert await store.invites(CLUB, at_ms=100) == await store.invites(LOBBY, at_ms=1) == []
        await store.void_invites(CLUB)
        assert await store.find_invite(HASH) is None
        assert codes(await store.append(CLUB, [come(BOB, HASH)], at_ms=1)) == ["bad_invite"]


async def test_expired_invitations_admit_nobody_and_are_deleted(store: Store) -> None:
    await append(store, CLUB, create("private", ADA))
    await store.add_invite(invite(expires_ms=100))
    assert codes(await store.append(CLUB, [come(BOB, HASH)], at_ms=100)) == ["bad_invite"]
    await store.add_invite(Invitation(b"n" * 32, CLUB, ADA.id, 100, None, None))
    assert await store.find_invite(HASH) is None
    assert [found.hash for found in await store.invites(CLUB, at_ms=BIG)] == [b"n" * 32]


async def test_an_invitation_into_another_room_admits_nobody(store: Store) -> None:
    await append(store, CLUB, create("private", ADA))
    await append(store, "~bbbbbbbbbbbbbbbb", create("private", ADA))
    await store.add_invite(invite("~bbbbbbbbbbbbbbbb"))
    assert codes(await store.append(CLUB, [come(BOB, HASH)], at_ms=1)) == ["bad_invite"]


@pytest.mark.parametrize(("uses", "n_in"), [(1, 1), (3, 3), (None, 20)])
async def test_an_invitation_with_n_uses_admits_n_of_many_concurrent_joins(
    store: Store, uses: int | None, n_in: int
) -> None:
    await append(store, CLUB, create("private", ADA))
    await store.add_invite(invite(uses=uses))
    found: list[str] = []

    async def accept(number: int) -> None:
        drafts = [come(Who(f"p-{number}-{part}", "X"), HASH) for part in range(2)]
        found.extend(codes(await store.append(CLUB, drafts, at_ms=1)))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(accept, number)
    assert sorted(found) == ["Event"] * n_in + ["bad_invite"] * (20 - n_in)
    assert len((await store.state(CLUB)).members) == 1 + n_in
    assert (await store.find_invite(HASH) is None) == (uses is not None)


# --- lists of rooms ---


async def know(store: Store, *people: Who, at_ms: int = 0) -> None:
    for person in people:
        await add_person(
            store,
            Person(person.id, person.name),
            name_key=person.name.lower(),
            token_hash=person.id.encode(),
            at_ms=at_ms,
        )


async def test_the_lobby_is_in_everybodys_list_even_if_nobody_wrote_to_it(store: Store) -> None:
    await know(store, ADA, BOB)
    (lobby,) = await store.listing(ADA.id)
    assert (lobby.room, lobby.position, lobby.kind) == (LOBBY, await store.position(LOBBY), "public")
    assert (lobby.is_member, lobby.n_members, lobby.unread, lobby.last) == (True, 2, 0, None)
    assert await store.listing("p-nobody") == [lobby]


async def test_rooms_are_listed_by_their_newest_event_after_the_lobby(store: Store) -> None:
    await know(store, ADA, BOB, EVE)
    await append(store, LOBBY, said("old"), at_ms=1)
    await append(store, CLUB, create("private", ADA, BOB, title="Club"), said("hi", BOB), at_ms=2)
    await append(store, "garden", come(ADA), said("flowers", BOB), at_ms=4)
    await append(store, "~dx", create("direct", BOB, ADA), at_ms=3)
    await append(store, "elsewhere", said("not there", BOB), at_ms=5)
    await append(store, "~p-ada", draft("star", Star(LOBBY, 1, True)), at_ms=6)
    rooms = {item.room: item for item in await store.listing(ADA.id)}
    assert list(rooms) == [LOBBY, "garden", "~dx", CLUB]
    club, direct = rooms[CLUB], rooms["~dx"]
    assert (club.kind, club.title, club.owner, club.n_members) == ("private", "Club", ADA.id, 2)
    assert club.position == await store.position(CLUB)
    assert (club.other, direct.other, direct.kind, direct.owner) == (None, BOB.id, "direct", None)
    assert (direct.last, club.last) == (None, (await whole(store, CLUB))[1])
    assert rooms[LOBBY].n_members == 3
    assert [item.room for item in await store.listing(EVE.id)] == [LOBBY]
    assert await store.listing(ADA.id, only=CLUB) == [club]
    assert await store.listing(ADA.id, only=LOBBY) == [rooms[LOBBY]]
    assert await store.listing(ADA.id, only="elsewhere") == []


async def test_unread_are_messages_by_others_after_the_read_marker_that_were_not_deleted(
    store: Store,
) -> None:
    await know(store, ADA, BOB)
    await append(store, CLUB, create("private", ADA, BOB))

    async def seen_by(person: Who) -> tuple[int, int, int, int]:
        (club,) = await store.listing(person.id, only=CLUB)
        return club.read, club.delivered, club.unread, club.mentions

    assert await seen_by(BOB) == (1, 1, 0, 0)
    await append(
        store,
        CLUB,
        *(said("a"), post("b", BOB.id), post("c", "all"), post("d", EVE.id), said("mine", BOB)),
        *(react(2, "🦀"), delete(2), post('"mentions":["p-bob"]'), post("mine", "all", by=BOB)),
    )
    assert await seen_by(BOB) == (1, 1, 4, 2)
    assert await seen_by(ADA) == (1, 1, 2, 1)
    await store.move_read_markers([ReadMarker(CLUB, BOB.id, 9, 3)], 1)
    assert await seen_by(BOB) == (3, 9, 3, 1)
    await store.move_read_markers([ReadMarker(CLUB, BOB.id, 10, 10)], 1)
    assert await seen_by(BOB) == (10, 10, 0, 0)
    await append(store, CLUB, *(post(str(number), BOB.id) for number in range(MAX_UNREAD_COUNTED + 50)))
    assert await seen_by(BOB) == (10, 10, MAX_UNREAD_COUNTED, MAX_UNREAD_COUNTED)


async def test_whom_an_edit_mentions_counts_and_whom_it_no_longer_mentions_does_not(store: Store) -> None:
    await know(store, ADA, BOB)
    await append(store, CLUB, create("private", ADA, BOB))

    async def mentions_of(person: Who) -> int:
        (club,) = await store.listing(person.id, only=CLUB)
        return club.mentions

    await append(store, CLUB, post("gains"), post("loses", BOB.id), said("plain"), post("mine", by=BOB))
    assert await mentions_of(BOB) == 1
    gained = [draft("edit", Edit(seq, "now", (BOB.id,)), who) for seq, who in ((2, ADA), (4, ADA), (5, BOB))]
    await append(store, CLUB, *gained, edit(3, "no longer"))
    assert await mentions_of(BOB) == 2
    await append(store, CLUB, edit(2, "no longer"), draft("edit", Edit(3, "again", ("all",)), ADA))
    assert await mentions_of(BOB) == 2
    await append(store, CLUB, delete(3))
    assert await mentions_of(BOB) == 1
    await store.move_read_markers([ReadMarker(CLUB, BOB.id, 20, 4)], 1)
    assert await mentions_of(BOB) == 0


async def test_lobby_messages_from_before_a_person_registered_are_not_unread(store: Store) -> None:
    await append(store, LOBBY, said("old"), at_ms=5)
    await know(store, BOB, at_ms=10)
    await append(store, LOBBY, said("new"), at_ms=20)
    (lobby,) = await store.listing(BOB.id)
    assert lobby.unread == 1


async def test_who_arrives_is_told_in_one_answer_what_there_is_in_several(store: Store) -> None:
    await know(store, ADA, BOB, EVE)
    await append(store, LOBBY, said("old"), at_ms=1)
    await append(store, CLUB, create("private", ADA, BOB, title="Club"), said("hi"), at_ms=2)
    await append(store, "~dx", create("direct", BOB, ADA), at_ms=3)
    await append(
        store, "~p-ada", draft("star", Star(LOBBY, 1, True)), draft("block", Block(EVE.id, True)), at_ms=4
    )
    await store.move_read_markers([ReadMarker(CLUB, BOB.id, 2, 2), ReadMarker(LOBBY, BOB.id, 1, 1)], 5)
    limits = FileLimits(file_bytes=10, person_bytes=100, server_bytes=1_000, person_uploads=1)
    arrival = await store.arrival(ADA.id, with_lists=True, few=2, own_events=9, limits=limits)
    assert arrival.blocks == await store.blocks(ADA.id) == [(ADA.id, EVE.id)]
    assert arrival.files_left == 100
    assert arrival.lists is not None
    listed = arrival.lists.listed
    assert listed == await store.listed(ADA.id, few=2)
    assert listed.rooms == await store.listing(ADA.id)
    assert [other.id for other in listed.others] == [BOB.id]
    assert listed.markers == [ReadMarker(CLUB, BOB.id, 2, 2)]
    assert (await store.listed(ADA.id, few=1)).markers == []  # no small room
    assert arrival.lists.requests == await store.requests(ADA.id)
    assert arrival.lists.own == await store.personal(ADA.id, limit=9)
    without = await store.arrival(ADA.id, with_lists=False, few=2, own_events=9, limits=limits)
    assert (without.blocks, without.files_left, without.lists) == (arrival.blocks, 100, None)


async def test_a_listing_has_the_newest_message_with_its_newest_edit(store: Store) -> None:
    await append(
        store, LOBBY, said("a"), said("b"), react(1, "🦀"), edit(2, "b2"), edit(1, "a2"), edit(2, "b3")
    )
    log = await whole(store)
    (lobby,) = await store.listing(ADA.id)
    assert (lobby.last, lobby.last_edit) == (log[1], log[5])
    await append(store, LOBBY, delete(2))
    (lobby,) = await store.listing(ADA.id)
    assert lobby.last is not None
    assert (lobby.last.seq, lobby.last.body, lobby.last_edit) == (2, None, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["street", "wine", "kelvin", "percent"]),
        ("STRASSE", ["street"]),
        ("straße", ["street"]),
        ("STR", ["street"]),
        ("fine", ["wine"]),
        ("50%", ["percent"]),
        ("5%", []),
        ("a_b", ["percent"]),
        ("a\\", ["percent"]),
        ("a%", []),
        ("300 k", ["kelvin"]),
        ("ἀρχή", ["wine"]),
        ("t\ncold", ["percent"]),
        ("\0", []),
    ],
)
async def test_the_directory_is_searched_whatever_the_case(
    store: Store, query: str, found: list[str]
) -> None:
    for at_ms, (room, title, topic) in enumerate(
        [
            ("percent", "a\\a_b 50% hot", "Cold"),
            ("kelvin", "300 \N{KELVIN SIGN}", ""),
            ("wine", "\N{LATIN SMALL LIGATURE FI}ne", "ἈΡΧΉ"),
            ("street", "Hauptstraße", ""),
        ]
    ):
        await append(store, room, create("public", ADA, title=title, topic=topic), at_ms=at_ms)
    assert [item.room for item in await store.directory(query, 9)] == found


async def test_the_directory_lists_public_rooms_by_their_newest_event(store: Store) -> None:
    await append(store, LOBBY, said("a"), at_ms=1)
    await append(store, CLUB, create("private", ADA, title="Garden club"), at_ms=9)
    await append(store, "garden", said("a"), come(BOB), at_ms=2)
    await append(store, "cellar", create("public", ADA, title="Wine", topic="Old GARDEN wine"), at_ms=3)
    await store.begin_epoch("empty")

    async def found(query: str, limit: int = 9) -> list[str]:
        return [item.room for item in await store.directory(query, limit)]

    assert await found("") == ["cellar", "garden", LOBBY]
    assert await found("Garden") == ["cellar", "garden"]
    assert await found("WINE") == ["cellar"]
    assert await found("", 1) == ["cellar"]
    (cellar,) = await store.directory("", 1)
    after = DirectoryPlace(cellar.newest_ms, cellar.room)
    assert [item.room for item in await store.directory("", 9, after=after)] == ["garden", LOBBY]
    assert [item.room for item in await store.directory("", 9, after=DirectoryPlace(2, "a"))] == [
        "garden",
        LOBBY,
    ]
    assert await found("%") == []
    rooms = {item.room: item.is_member for item in await store.directory("", 9, person=BOB.id)}
    assert rooms == {"cellar": False, "garden": True, LOBBY: True}


# --- people ---


async def test_a_profile_is_changed_in_part(open_store: OpenStore) -> None:
    async with open_store() as store:
        await know(store, ADA, BOB)
        assert await store.people([ADA.id, "p-nobody"]) == [Profile(ADA.id, "Ada")]
        changed = await store.set_profile(ADA.id, at_ms=1, colour=7, shows_seen=False)
        assert changed == Profile(ADA.id, "Ada", 7, None, None, False)
        changed = await store.set_profile(ADA.id, at_ms=1, name="Ada L.", name_key="ada l.")
        assert changed == Profile(ADA.id, "Ada L.", 7, None, None, False)
        with pytest.raises(NameTaken):
            await store.set_profile(ADA.id, at_ms=1, name="BOB", name_key="bob", colour=1)
        with pytest.raises(KeyError):
            await store.set_profile("p-nobody", at_ms=1, colour=1)
        await store.note_seen([ADA.id, BOB.id, "p-nobody"], 50)
        await store.note_seen([BOB.id], 40)
    async with open_store() as store:
        assert await store.people([BOB.id, ADA.id]) == [
            Profile(ADA.id, "Ada L.", 7, None, 50, False),
            Profile(BOB.id, "Bob", seen_ms=50),
        ]
        assert await find_person(store, ADA.id.encode()) == Person(ADA.id, "Ada L.", 7)
        assert await store.is_name_known("ada l.")
        assert not await store.is_name_known("ada")


async def test_a_picture_is_kept_as_long_as_somebody_has_it(store: Store) -> None:
    await know(store, ADA, BOB)
    one, other = Picture("1", "image/png", b"\0png"), Picture("2", "image/webp", b"webp")
    assert (await store.set_profile(ADA.id, at_ms=1, picture=one)).picture == "1"
    await store.set_profile(BOB.id, at_ms=1, picture=one)
    assert await find_person(store, ADA.id.encode()) == Person(ADA.id, "Ada", None, "1")
    assert await store.picture("1") == one
    await store.set_profile(ADA.id, at_ms=1, picture=one)
    await store.set_profile(ADA.id, at_ms=1, picture=other)
    assert (await store.picture("1"), await store.picture("2")) == (one, other)
    assert (await store.set_profile(BOB.id, at_ms=1, no_picture=True)).picture is None
    assert (await store.picture("1"), await store.picture("2")) == (None, other)


async def test_a_person_is_found_by_the_hash_of_any_of_their_tokens(store: Store) -> None:
    await know(store, ADA)
    await add_token(store, ADA.id, b"another")
    assert (
        await find_person(store, b"another")
        == await find_person(store, ADA.id.encode())
        == Person(ADA.id, "Ada")
    )
    with pytest.raises(KeyError):
        await add_token(store, "p-nobody", b"third")


# --- marks ---


async def test_read_markers_never_go_back_and_what_is_read_is_delivered(open_store: OpenStore) -> None:
    async with open_store() as store:
        await append(store, LOBBY, said("a"))
        await store.move_read_markers(
            [ReadMarker(LOBBY, ADA.id, 5, 3), ReadMarker("nowhere", ADA.id, 1, 1)], 1
        )
        await store.move_read_markers([ReadMarker(LOBBY, ADA.id, 4, 4), ReadMarker(LOBBY, BOB.id, 0, 2)], 2)
        await store.move_read_markers([], 3)
    async with open_store() as store:
        assert await store.read_markers(LOBBY) == [
            ReadMarker(LOBBY, ADA.id, 5, 4),
            ReadMarker(LOBBY, BOB.id, 2, 2),
        ]
        assert await store.read_markers("nowhere") == []


async def test_a_receipt_has_the_time_when_the_read_marker_first_reached_the_message(store: Store) -> None:
    await append(store, LOBBY, said("a"))
    for at_ms, person, delivered, read in (
        (10, ADA, 1, 0),
        (20, BOB, 3, 0),
        (30, ADA, 3, 2),
        (40, ADA, 3, 2),
        (50, ADA, 4, 4),
        (60, EVE, 2, 2),
    ):
        await store.move_read_markers([ReadMarker(LOBBY, person.id, delivered, read)], at_ms)
    assert await store.receipts(LOBBY, 3, limit=9) == [
        MessageReceipt(ADA.id, 30, 50),
        MessageReceipt(BOB.id, 20, None),
    ]
    assert await store.receipts(LOBBY, 2, limit=9) == [
        MessageReceipt(ADA.id, 30, 30),
        MessageReceipt(BOB.id, 20, None),
        MessageReceipt(EVE.id, 60, 60),
    ]
    assert await store.receipts(LOBBY, 2, limit=1) == [MessageReceipt(ADA.id, 30, 30)]
    assert await store.receipts(LOBBY, 2, after=ADA.id, limit=1) == [MessageReceipt(BOB.id, 20, None)]
    assert await store.receipts(LOBBY, 2, after=EVE.id, limit=1) == []
    assert await store.receipts(LOBBY, 5, limit=9) == await store.receipts("nowhere", 1, limit=9) == []


async def test_the_last_moves_of_a_read_marker_are_kept(store: Store) -> None:
    await append(store, LOBBY, said("a"))
    for number in range(1, MOVES_KEPT + 11):
        await store.move_read_markers(
            [ReadMarker(LOBBY, ADA.id, number, number), ReadMarker(LOBBY, BOB.id, 1, 1)], number
        )
    assert await store.receipts(LOBBY, 1, limit=9) == [
        MessageReceipt(ADA.id, 11, 11),
        MessageReceipt(BOB.id, 1, 1),
    ]
    assert await store.receipts(LOBBY, 50, limit=9) == [MessageReceipt(ADA.id, 50, 50)]


async def test_several_moves_of_a_read_marker_in_one_call_are_one_move(store: Store) -> None:
    await append(store, LOBBY, said("a"))
    moves = [
        ReadMarker(LOBBY, ADA.id, 4, 1),
        ReadMarker(LOBBY, ADA.id, 2, 2),
        ReadMarker(LOBBY, ADA.id, 3, 0),
    ]
    await store.move_read_markers(moves, 7)
    assert await store.read_markers(LOBBY) == [ReadMarker(LOBBY, ADA.id, 4, 2)]
    assert await store.receipts(LOBBY, 2, limit=9) == [MessageReceipt(ADA.id, 7, 7)]


# --- cancellation ---


async def test_every_call_is_a_checkpoint(store: Store) -> None:
    for call in (
        partial(store.state, LOBBY),
        partial(store.listing, ADA.id),
        partial(store.read_changes, LOBBY, [1], reader=ADA.id, limit=9),
        partial(store.reactions, LOBBY, 1, limit=9),
        partial(store.personal, ADA.id, limit=9),
        partial(store.find_invite, HASH),
        partial(store.move_read_markers, [], 1),
        partial(store.set_profile, ADA.id, at_ms=1),
    ):
        with trio.CancelScope() as scope:
            scope.cancel()
            await call()
        assert scope.cancelled_caught


# --- search ---


async def test_a_search_finds_messages_as_events_with_their_text_of_now(store: Store) -> None:
    await append(
        store,
        LOBBY,
        said("an apple"),
        said("a pear"),
        post("two apples"),
        edit(2, "an apple pie"),
        edit(3, "x"),
    )
    await append(store, CLUB, create("private", BOB), said("an apple for Bob", by=BOB))
    first, second, *_ = await whole(store)
    results = await store.find(ADA.id, parse_query("apple"), limit=9)
    assert results.cursor is None
    assert results.hits == [
        SearchHit(second, "an apple pie", [(3, 8)]),
        SearchHit(first, "an apple", [(3, 8)]),
    ]
    assert [
        hit.text for hit in (await store.find(BOB.id, parse_query("apple"), room=CLUB, limit=9)).hits
    ] == ["an apple for Bob"]


async def test_a_search_does_not_find_what_was_deleted(store: Store) -> None:
    await append(store, LOBBY, said("an apple"), said("another apple"), edit(2, "an apple pie"), delete(2))
    results = await store.find(ADA.id, parse_query("apple"), limit=9)
    assert [hit.event.seq for hit in results.hits] == [1]


@pytest.mark.parametrize("what", ["message", "edit"])
async def test_a_search_says_of_a_damaged_message_only_that_it_is_damaged(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    disk = MemoryDisk()
    async with open_memory_store(disk) as store:
        await append(store, LOBBY, said("an apple"), said("a pear"), edit(2, "an apple pie"))
        disk.connection.execute(
            "UPDATE events SET name = 'Eve' WHERE seq = ?", (2 if what == "message" else 3,)
        )
        results = await store.find(ADA.id, parse_query("apple"), limit=9)
        damage, whole_one = results.hits
        assert (damage.event.kind, damage.event.body, damage.text, damage.highlights) == (
            DAMAGED,
            None,
            "",
            [],
        )
        assert (whole_one.event.seq, whole_one.text) == (1, "an apple")
    assert caplog.text.count("is damaged: it is told to nobody") == 1
