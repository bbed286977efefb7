"""The promises of `trio_chat.store.base`, asked of every store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import psycopg
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.damage import by_hand
from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.people import add_person, find_person
from tests.support.thorough import share
from trio_chat.errors import NameTaken, StoreUnavailable
from trio_chat.kinds.facts import personal_room
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.personal import Block, Star
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.model.chain import GENESIS
from trio_chat.model.events import Draft, Event, Person, Position, damaged
from trio_chat.model.names import KEPT_NAME_MS, KEPT_NAMES
from trio_chat.model.outcomes import Conflict, Denied, Outcome, Repeat
from trio_chat.model.records import EventPlace
from trio_chat.store.base import Store
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from pathlib import Path

OpenStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]

BIG = 10**9


def draft(body: str = "hi", *, sender: str = "p-1", client_id: str | None = None, name: str = "Ada") -> Draft:
    return Draft("message", sender, name, client_id, body)


def events(outcomes: list[Outcome]) -> list[Event]:
    found = [outcome for outcome in outcomes if isinstance(outcome, Event)]
    assert len(found) == len(outcomes)
    return found


async def whole(store: Store, room: str = "lobby") -> list[Event]:
    return await store.read_after(room, 0, limit=BIG, max_bytes=BIG)


async def bodies(store: Store, room: str = "lobby") -> list[str]:
    """All texts of a room in which nothing was deleted."""
    return [event.body or "" for event in await whole(store, room)]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenStore:
    """Opens a store; each time on the same data."""
    match request.param:
        case "memory":
            return partial(open_memory_store, MemoryDisk())
        case "sqlite":
            return partial(open_sqlite_store, tmp_path_factory.mktemp("data") / "chat.db")
        case _:
            return partial(open_postgresql_store, request.getfixturevalue("database"))


# --- dense, in order, whole ---


async def test_events_are_numbered_from_one_without_a_gap_in_the_order_of_the_drafts(store: Store) -> None:
    first = events(await store.append("lobby", [draft("a"), draft("b")], at_ms=1))
    second = events(await store.append("lobby", [draft("c")], at_ms=2))
    assert [(event.seq, event.body, event.at_ms) for event in first + second] == [
        (1, "a", 1),
        (2, "b", 1),
        (3, "c", 2),
    ]
    assert await whole(store) == first + second


async def test_each_room_has_numbers_of_its_own(store: Store) -> None:
    await store.append("lobby", [draft("a"), draft("b")], at_ms=1)
    (event,) = events(await store.append("kitchen", [draft("c")], at_ms=1))
    assert (event.room, event.seq) == ("kitchen", 1)
    assert await bodies(store, "lobby") == ["a", "b"]
    assert await bodies(store, "kitchen") == ["c"]


async def test_an_event_reads_as_the_append_returned_it(store: Store) -> None:
    sent = Draft("message", "p-é", "Ada 🦀", "c 1", "line\nline")
    (event,) = events(await store.append("lobby", [sent], at_ms=1_700_000_000_000))
    assert event == Event(
        "lobby", 1, "message", "p-é", "Ada 🦀", "c 1", 1_700_000_000_000, "line\nline", event.digest
    )
    assert await whole(store) == [event]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "a\0b",
        "\0\0",
        "🦀👩‍👩‍👧‍👦",
        "e\u0301",
        "\u202eabc",
        "\ufeff",
        "\U0010ffff",
        "'; DROP TABLE events; --",
        "x" * 100_000,
    ],
    ids=ascii,
)
async def test_any_text_is_kept_unchanged(store: Store, text: str) -> None:
    await store.append("lobby", [Draft("message", f"p{text}", f"n{text}", f"c{text}", text)], at_ms=1)
    (event,) = await whole(store)
    assert (event.sender, event.name, event.client_id, event.body) == (
        f"p{text}",
        f"n{text}",
        f"c{text}",
        text,
    )
    again = await store.append("lobby", [Draft("message", f"p{text}", "", f"c{text}", text)], at_ms=2)
    assert again == [Repeat("lobby", 1)]


@pytest.mark.parametrize("size", [1, 2, 15, 84, 341, 1000])
async def test_a_batch_of_any_size_is_written_whole(store: Store, size: int) -> None:
    drafts = [draft(str(number), client_id=str(number)) for number in range(size)]
    written = events(await store.append("lobby", drafts, at_ms=1))
    assert [event.seq for event in written] == list(range(1, size + 1))
    assert await whole(store) == written
    assert await store.append("lobby", drafts, at_ms=1) == [Repeat("lobby", n + 1) for n in range(size)]


async def test_appending_nothing_writes_nothing(store: Store) -> None:
    assert await store.append("lobby", [], at_ms=1) == []
    assert await whole(store) == []


async def test_a_text_without_a_utf8_form_harms_only_its_own_append(store: Store) -> None:
    outcomes: dict[str, list[Outcome]] = {}

    async def append(room: str, text: str, client_id: str | None = None) -> None:
        try:
            outcomes[room] = await store.append(room, [draft("a"), draft(text, client_id=client_id)], at_ms=1)
        except UnicodeEncodeError:
            outcomes[room] = []

    async with trio.open_nursery() as nursery:
        nursery.start_soon(append, "one", "b")
        nursery.start_soon(append, "two", "\ud800")
        nursery.start_soon(append, "three", "b")
        nursery.start_soon(append, "four", "b", "\ud800")
    assert {room: len(found) for room, found in outcomes.items()} == {
        "one": 2,
        "two": 0,
        "three": 2,
        "four": 0,
    }
    assert await bodies(store, "two") == await bodies(store, "four") == []
    assert await bodies(store, "three") == ["a", "b"]


async def test_a_message_that_was_not_written_does_not_count_in_a_slow_room(store: Store) -> None:
    ada = Who("p-owner", "Ada")
    for kind, body in (("created", Created("public", members=(ada,))), ("settings", Settings(slow_s=60))):
        await store.append("garden", [Draft(kind, ada.id, ada.name, None, write_body(body))], at_ms=1)
    said = draft("hello", client_id="c1")
    outcomes: list[Outcome] = []

    async def append() -> None:
        outcomes.extend(await store.append("garden", [said], at_ms=10**6))

    async def fail() -> None:
        with pytest.raises(UnicodeEncodeError):
            await store.append("lobby", [draft("\ud800")], at_ms=10**6)

    async with trio.open_nursery() as nursery:  # in one transaction, which fails
        nursery.start_soon(append)
        nursery.start_soon(fail)
    assert [type(outcome) for outcome in outcomes] == [Event]


# --- exactly once ---


async def test_a_repeat_in_the_same_batch_is_answered_with_the_first_number(store: Store) -> None:
    one = draft("a", client_id="c1")
    first, other, repeat = await store.append("lobby", [one, draft("b"), one], at_ms=1)
    assert isinstance(first, Event)
    assert isinstance(other, Event)
    assert (first.seq, other.seq, repeat) == (1, 2, Repeat("lobby", 1))
    assert await bodies(store) == ["a", "b"]


async def test_a_repeat_in_a_later_batch_is_answered_with_the_first_number(store: Store) -> None:
    await store.append("lobby", [draft("x"), draft("a", client_id="c1")], at_ms=1)
    outcomes = await store.append("lobby", [draft("y"), draft("a", client_id="c1"), draft("z")], at_ms=2)
    assert outcomes[1] == Repeat("lobby", 2)
    assert await bodies(store) == ["x", "a", "y", "z"]


async def test_a_repeat_that_waits_for_the_same_commit_is_recognised(store: Store) -> None:
    outcomes: list[Outcome] = []

    async def append() -> None:
        outcomes.extend(await store.append("lobby", [draft("a", client_id="c1")], at_ms=1))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(append)
    assert await bodies(store) == ["a"]
    assert sum(isinstance(outcome, Event) for outcome in outcomes) == 1
    assert outcomes.count(Repeat("lobby", 1)) == 9


async def test_a_repeat_after_reopening_is_answered_with_the_first_number(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store.append("lobby", [draft("a", client_id="c1")], at_ms=1)
    async with open_store() as store:
        assert await store.append("lobby", [draft("a", client_id="c1")], at_ms=9) == [Repeat("lobby", 1)]
        assert await bodies(store) == ["a"]


async def test_a_repeat_after_a_change_of_name_is_still_a_repeat(store: Store) -> None:
    await store.append("lobby", [draft("a", client_id="c1", name="Ada")], at_ms=1)
    outcomes = await store.append("lobby", [draft("a", client_id="c1", name="Ada L.")], at_ms=2)
    assert outcomes == [Repeat("lobby", 1)]
    assert [event.name for event in await whole(store)] == ["Ada"]


async def test_the_same_client_id_with_another_text_is_a_conflict(store: Store) -> None:
    first, conflict = await store.append(
        "lobby", [draft("a", client_id="c1"), draft("b", client_id="c1")], at_ms=1
    )
    assert isinstance(first, Event)
    assert conflict == Conflict("lobby", 1)
    assert await store.append("lobby", [draft("c", client_id="c1")], at_ms=1) == [Conflict("lobby", 1)]
    assert await bodies(store) == ["a"]


async def test_the_same_client_id_in_another_room_is_a_conflict(store: Store) -> None:
    await store.append("lobby", [draft("a", client_id="c1")], at_ms=1)
    assert await store.append("kitchen", [draft("a", client_id="c1")], at_ms=1) == [Conflict("lobby", 1)]
    assert await bodies(store, "kitchen") == []


async def test_the_same_client_id_for_another_kind_is_a_conflict(store: Store) -> None:
    await store.append("lobby", [draft("a", client_id="c1")], at_ms=1)
    other = Draft("post", "p-1", "Ada", "c1", '{"text":"a"}')
    assert await store.append("lobby", [other], at_ms=1) == [Conflict("lobby", 1)]


async def test_the_same_client_id_of_another_sender_is_another_command(store: Store) -> None:
    drafts = [draft("a", client_id="c1", sender="p-1"), draft("a", client_id="c1", sender="p-2")]
    assert [event.seq for event in events(await store.append("lobby", drafts, at_ms=1))] == [1, 2]


async def test_sender_and_client_id_are_not_concatenated(store: Store) -> None:
    drafts = [draft("a", client_id="bc", sender="a"), draft("a", client_id="c", sender="ab")]
    assert [event.seq for event in events(await store.append("lobby", drafts, at_ms=1))] == [1, 2]


async def test_drafts_without_a_client_id_are_never_repeats(store: Store) -> None:
    written = events(await store.append("lobby", [draft("a"), draft("a")], at_ms=1))
    assert [event.seq for event in written] == [1, 2]


# --- chained ---


async def test_each_digest_is_chained_to_the_one_before_across_appends_and_reopening(
    open_store: OpenStore,
) -> None:
    async with open_store() as store:
        first = events(await store.append("lobby", [draft("a"), draft("b")], at_ms=1))
        second = events(await store.append("lobby", [draft("c")], at_ms=1))
    async with open_store() as store:
        third = events(await store.append("lobby", [draft("d")], at_ms=1))
        written = first + second + third
        assert await whole(store) == written
    digests = [event.digest for event in written]
    assert len({GENESIS, *digests}) == 5
    assert all(len(digest) == 32 for digest in digests)


async def test_the_same_events_in_two_rooms_have_different_digests(store: Store) -> None:
    (one,) = events(await store.append("one", [draft("a")], at_ms=1))
    (two,) = events(await store.append("two", [draft("a")], at_ms=1))
    assert one.digest != two.digest


# --- group commit ---


async def test_appends_of_many_rooms_share_commits(store: Store) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(partial(store.append, f"room-{number % 50}", [draft(str(number))], at_ms=1))
    statistics = store.statistics()
    assert statistics.events == 200
    assert statistics.commits <= 20
    for number in range(50):
        assert [event.seq for event in await whole(store, f"room-{number}")] == [1, 2, 3, 4]


async def test_appends_to_one_room_at_the_same_time_keep_their_batches_together(store: Store) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(20):
            batch = [draft(f"{number}-{part}") for part in range(5)]
            nursery.start_soon(partial(store.append, "lobby", batch, at_ms=1))
    found = await bodies(store)
    batches = [found[start : start + 5] for start in range(0, 100, 5)]
    assert sorted(batches, key=lambda batch: int(batch[0].split("-")[0])) == [
        [f"{number}-{part}" for part in range(5)] for number in range(20)
    ]


async def test_a_refused_name_does_not_spoil_the_appends_in_its_commit(store: Store) -> None:
    await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
    refused: list[str] = []

    async def add(person_id: str, name_key: str) -> None:
        try:
            await add_person(
                store, Person(person_id, name_key), name_key=name_key, token_hash=person_id.encode(), at_ms=1
            )
        except NameTaken:
            refused.append(person_id)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(store.append, "lobby", [draft("a")], at_ms=1))
        nursery.start_soon(add, "p-2", "ada")
        nursery.start_soon(add, "p-3", "bob")
        nursery.start_soon(partial(store.append, "lobby", [draft("b")], at_ms=1))
    assert refused == ["p-2"]
    assert sorted(await bodies(store)) == ["a", "b"]
    assert await find_person(store, b"p-2") is None
    assert await find_person(store, b"p-3") == Person("p-3", "bob")


async def test_statistics_count_what_was_done(store: Store) -> None:
    assert store.statistics().commits == 0
    await store.append("lobby", [draft("a", client_id="c1"), draft("b")], at_ms=1)
    await store.append("lobby", [draft("a", client_id="c1")], at_ms=1)
    statistics = store.statistics()
    assert (statistics.commits, statistics.events, statistics.repeats) == (2, 2, 1)
    assert 0 <= statistics.longest_commit_s <= statistics.commit_s
    assert statistics.failures == 0


# --- positions and pages ---


async def test_a_room_that_nobody_wrote_to_is_at_zero_of_the_logs_epoch(store: Store) -> None:
    unknown = await store.position("nowhere")
    assert unknown.seq == 0
    assert unknown.epoch
    assert await whole(store, "nowhere") == []
    assert await store.read_before("nowhere", 5, limit=5, max_bytes=BIG) == []
    await store.append("nowhere", [draft()], at_ms=1)
    assert await store.position("nowhere") == Position(1, unknown.epoch)


async def test_positions_of_many_rooms_are_those_of_each(store: Store) -> None:
    await store.append("lobby", [draft(), draft()], at_ms=1)
    await store.append("kitchen", [draft()], at_ms=1)
    await store.begin_epoch("kitchen")
    await store.begin_epoch("cellar")
    rooms = ["kitchen", "lobby", "nowhere", "cellar"]
    assert await store.positions(rooms) == {room: await store.position(room) for room in rooms}
    assert await store.positions([]) == {}
    many = [f"room {n}" for n in range(600)]
    assert set((await store.positions(many)).values()) == {await store.position("nowhere")}


async def test_positions_hold_whatever_was_appended_before(store: Store) -> None:
    """What a client says of a number is judged by it."""
    for seq in range(1, 30):
        await store.append("lobby", [draft()], at_ms=1)
        assert (await store.positions(["lobby"]))["lobby"].seq == seq


async def test_hints_end_with_their_block(store: Store) -> None:
    async with store.hints() as hints:
        await store.append("lobby", [draft()], at_ms=1)
    with pytest.raises(trio.ClosedResourceError):
        await hints.receive()


async def test_positions_and_epochs_survive_reopening(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store.append("lobby", [draft(), draft()], at_ms=1)
        before = await store.position("lobby"), await store.position("nowhere")
    async with open_store() as store:
        assert (await store.position("lobby"), await store.position("nowhere")) == before


async def test_two_logs_have_different_epochs() -> None:
    async with open_memory_store() as one, open_memory_store() as two:
        assert (await one.position("lobby")).epoch != (await two.position("lobby")).epoch


async def test_reading_a_room_does_not_create_it(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store.position("nowhere")
        await store.append("lobby", [draft("a", client_id="c1")], at_ms=1)
        await store.append("nowhere", [draft("a", client_id="c1")], at_ms=1)
        assert (await store.position("nowhere")).seq == 0


@pytest.fixture
async def ten(store: Store) -> Store:
    """A store whose lobby has ten events of ten bytes each, by number: 1111111111 to 10."""
    await store.append("lobby", [draft((str(n) * 10)[:10]) for n in range(1, 11)], at_ms=1)
    return store


def numbers(page: list[Event]) -> list[int]:
    return [event.seq for event in page]


@pytest.mark.parametrize(
    ("after", "limit", "max_bytes", "expected"),
    [
        (0, 3, BIG, [1, 2, 3]),
        (-5, 3, BIG, [1, 2, 3]),
        (7, 100, BIG, [8, 9, 10]),
        (9, 1, BIG, [10]),
        (10, 100, BIG, []),
        (99, 100, BIG, []),
        (0, 100, 30, [1, 2, 3]),
        (0, 100, 39, [1, 2, 3]),
        (5, 100, 10, [6]),
        (5, 100, 9, [6]),
        (5, 100, 0, [6]),
        (5, 0, BIG, []),
    ],
)
async def test_a_page_after_a_number_is_bounded_by_count_and_bytes(
    ten: Store, after: int, limit: int, max_bytes: int, expected: list[int]
) -> None:
    assert numbers(await ten.read_after("lobby", after, limit=limit, max_bytes=max_bytes)) == expected


@pytest.mark.parametrize(
    ("before", "limit", "max_bytes", "expected"),
    [
        (11, 3, BIG, [8, 9, 10]),
        (99, 3, BIG, [8, 9, 10]),
        (4, 100, BIG, [1, 2, 3]),
        (4, 3, BIG, [1, 2, 3]),
        (2, 100, BIG, [1]),
        (1, 100, BIG, []),
        (0, 100, BIG, []),
        (-3, 100, BIG, []),
        (11, 100, 30, [8, 9, 10]),
        (11, 100, 39, [8, 9, 10]),
        (6, 100, 0, [5]),
        (6, 0, BIG, []),
    ],
)
async def test_a_page_before_a_number_is_bounded_by_count_and_bytes(
    ten: Store, before: int, limit: int, max_bytes: int, expected: list[int]
) -> None:
    assert numbers(await ten.read_before("lobby", before, limit=limit, max_bytes=max_bytes)) == expected


async def test_bytes_of_a_page_are_counted_in_utf8(store: Store) -> None:
    await store.append("lobby", [draft("🦀") for _ in range(4)], at_ms=1)
    assert numbers(await store.read_after("lobby", 0, limit=9, max_bytes=8)) == [1, 2]


async def test_what_was_appended_is_read_at_once(store: Store) -> None:
    for number in range(1, 20):
        await store.append("lobby", [draft()], at_ms=1)
        assert (await store.position("lobby")).seq == number
        assert numbers(await store.read_before("lobby", BIG, limit=1, max_bytes=BIG)) == [number]


# --- people ---


async def test_a_person_is_found_by_the_hash_of_their_token(open_store: OpenStore) -> None:
    ada = Person("p-1", "Ada")
    async with open_store() as store:
        assert await find_person(store, b"hash") is None
        await add_person(store, ada, name_key="ada", token_hash=b"hash", at_ms=1)
        assert await find_person(store, b"hash") == ada
    async with open_store() as store:
        assert await find_person(store, b"hash") == ada
        assert await find_person(store, b"other") is None


async def test_a_name_is_taken_only_once(store: Store) -> None:
    await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
    with pytest.raises(NameTaken):
        await add_person(store, Person("p-2", "ADA"), name_key="ada", token_hash=b"2", at_ms=1)
    assert await find_person(store, b"2") is None
    assert await store.is_name_known("ada")
    assert not await store.is_name_known("bob")


async def test_a_guest_gets_no_name_that_somebody_has(store: Store) -> None:
    await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
    assert not await store.claim_name("node", "ADA", "ada", at_ms=1, ends_ms=2)
    assert not await store.claim_name("node", "\u0410da", "\u0430da", at_ms=1, ends_ms=2)
    assert await store.claim_name("node", "Bob", "bob", at_ms=1, ends_ms=2)
    await store.keep_claims("node", [], ends_ms=3)
    await add_person(store, Person("p-2", "Bob"), name_key="bob", token_hash=b"2", at_ms=1)


async def test_renaming_takes_the_new_name_and_frees_the_old_one_later(store: Store) -> None:
    await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
    await store.set_profile("p-1", at_ms=1, name="Ada L.", name_key="ada l.")
    assert await find_person(store, b"1") == Person("p-1", "Ada L.")
    assert await store.is_name_known("ada l.")
    assert not await store.is_name_known("ada")
    other = Person("p-2", "Ada")
    with pytest.raises(NameTaken):
        await add_person(store, other, name_key="ada", token_hash=b"2", at_ms=KEPT_NAME_MS)
    await add_person(store, other, name_key="ada", token_hash=b"2", at_ms=KEPT_NAME_MS + 1)


async def test_who_gave_a_name_up_can_take_it_back(store: Store) -> None:
    await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
    await add_person(store, Person("p-2", "Bob"), name_key="bob", token_hash=b"2", at_ms=1)
    await store.set_profile("p-1", at_ms=2, name="Ann", name_key="ann")
    with pytest.raises(NameTaken):
        await store.set_profile("p-2", at_ms=3, name="Ada", name_key="ada")
    await store.set_profile("p-1", at_ms=4, name="Ada", name_key="ada")
    with pytest.raises(NameTaken):  # it is the name of the person again, and not only kept for them
        await store.set_profile("p-2", at_ms=5 + KEPT_NAME_MS, name="Ada", name_key="ada")
    await store.set_profile("p-2", at_ms=5 + KEPT_NAME_MS, name="Ann", name_key="ann")


async def test_of_many_names_that_somebody_gave_up_the_latest_are_kept(store: Store) -> None:
    await add_person(store, Person("p-1", "A1"), name_key="a1", token_hash=b"1", at_ms=1)
    await add_person(store, Person("p-2", "Bob"), name_key="bob", token_hash=b"2", at_ms=1)
    for n in range(2, 3 + KEPT_NAMES):
        await store.set_profile("p-1", at_ms=n, name=f"A{n}", name_key=f"a{n}")
    for n in range(2, 3 + KEPT_NAMES):
        with pytest.raises(NameTaken):
            await store.set_profile("p-2", at_ms=10, name=f"A{n}", name_key=f"a{n}")
    await store.set_profile("p-2", at_ms=10, name="A1", name_key="a1")


@pytest.mark.parametrize(
    ("name", "twin"),
    [("Mary", "\u041cary"), ("Привет", "Пp\u0438вет"), ("Ada Miller", "Ada Mi11er")],
)
async def test_of_two_names_that_look_alike_the_first_is_taken(store: Store, name: str, twin: str) -> None:
    for n, (first, second) in enumerate([(name, twin), (f"{twin} 2", f"{name} 2")]):
        key, other_key = first.casefold(), second.casefold()
        await add_person(store, Person(f"p-{n}", first), name_key=key, token_hash=bytes([n]), at_ms=1)
        with pytest.raises(NameTaken):
            await add_person(store, Person("p-9", second), name_key=other_key, token_hash=b"9", at_ms=1)


async def test_renaming_to_a_taken_name_changes_nothing(store: Store) -> None:
    await add_person(store, Person("p-1", "Ada"), name_key="ada", token_hash=b"1", at_ms=1)
    await add_person(store, Person("p-2", "Bob"), name_key="bob", token_hash=b"2", at_ms=1)
    with pytest.raises(NameTaken):
        await store.set_profile("p-2", at_ms=1, name="ada", name_key="ada")
    assert await find_person(store, b"2") == Person("p-2", "Bob")
    assert await store.is_name_known("bob")


async def test_renaming_to_another_form_of_the_same_name_is_allowed(store: Store) -> None:
    await add_person(store, Person("p-1", "ada"), name_key="ada", token_hash=b"1", at_ms=1)
    await store.set_profile("p-1", at_ms=1, name="Ada", name_key="ada")
    assert await find_person(store, b"1") == Person("p-1", "Ada")


async def test_renaming_an_unknown_person_raises_key_error(store: Store) -> None:
    with pytest.raises(KeyError):
        await store.set_profile("p-9", at_ms=1, name="Ada", name_key="ada")
    assert not await store.is_name_known("ada")


# --- cancellation and closing ---


async def all_started() -> None:
    """Until every task that was started before has had its first step: Trio steps them in any order."""
    await trio.lowlevel.checkpoint()
    await trio.lowlevel.checkpoint()


async def test_a_cancelled_append_is_written_whole_or_not_at_all(open_store: OpenStore) -> None:
    """Cancelled at each of its awaits in turn; what it left, the next append continues from."""
    async with open_store() as store:
        for patience in range(12):
            room = f"room-{patience}"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(store.append, room, [draft("a"), draft("b")], at_ms=1))
                for _ in range(patience):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            await store.append(room, [draft("c")], at_ms=2)
            assert await bodies(store, room) in (["c"], ["a", "b", "c"])


async def test_an_append_accepted_before_its_caller_was_cancelled_is_written(store: Store) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(store.append, "lobby", [draft("a")], at_ms=1))
        await all_started()
        nursery.cancel_scope.cancel()
    await store.append("lobby", [draft("b")], at_ms=1)
    assert await bodies(store) == ["a", "b"]


async def test_every_call_is_a_checkpoint(store: Store) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.append("lobby", [draft()], at_ms=1)
    assert scope.cancelled_caught
    for call in (
        partial(store.position, "lobby"),
        partial(store.positions, ["lobby"]),
        partial(store.read_after, "lobby", 0, limit=1, max_bytes=1),
        partial(store.read_before, "lobby", 9, limit=1, max_bytes=1),
        partial(find_person, store, b"1"),
        partial(store.is_name_known, "ada"),
        partial(store.claim_name, "node", "Ada", "ada", at_ms=1, ends_ms=2),
        partial(store.keep_claims, "node", [], ends_ms=2),
        partial(store.set_profile, "p-1", at_ms=1, name="Ada", name_key="ada"),
    ):
        with trio.CancelScope() as scope:
            scope.cancel()
            await call()
        assert scope.cancelled_caught


async def test_closing_finishes_what_was_accepted(open_store: OpenStore) -> None:
    async with trio.open_nursery() as nursery, open_store() as store:
        for number in range(20):
            nursery.start_soon(partial(store.append, "lobby", [draft(str(number))], at_ms=1))
        await all_started()
    async with open_store() as store:
        assert sorted(await bodies(store), key=int) == [str(number) for number in range(20)]


async def test_cancelling_everything_still_finishes_what_was_accepted(open_store: OpenStore) -> None:
    with trio.CancelScope() as scope:
        async with open_store() as store, trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(partial(store.append, "lobby", [draft(str(number))], at_ms=1))
            await all_started()
            scope.cancel()
    async with open_store() as store:
        assert sorted(await bodies(store), key=int) == [str(number) for number in range(20)]


async def test_a_closed_store_says_so(open_store: OpenStore) -> None:
    async with open_store() as store:
        pass
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.append("lobby", [draft()], at_ms=1)


# --- epochs ---


async def test_an_epoch_is_begun_once_in_place_of_another(store: Store) -> None:
    """So of several nodes that are told of one loss one begins it."""
    for room in ("lobby", "nowhere yet"):
        first = (await store.position(room)).epoch
        begun = await store.begin_epoch(room, replacing=first)
        assert begun.epoch != first
        assert await store.begin_epoch(room, replacing=first) == begun == await store.position(room)
        assert (await store.begin_epoch(room, replacing=begun.epoch)).epoch not in (first, begun.epoch)


async def test_a_new_epoch_of_a_room_is_durable_and_concerns_no_other(open_store: OpenStore) -> None:
    async with open_store() as store:
        for room in ("lobby", "kitchen"):
            await store.append(room, [draft("a"), draft("b")], at_ms=1)
        before = {room: await store.position(room) for room in ("lobby", "kitchen", "nowhere yet")}
        begun = await store.begin_epoch("lobby")
        assert begun.seq == 2
        assert begun.epoch != before["lobby"].epoch
        assert await store.begin_epoch("lobby") != begun
        begun = await store.begin_epoch("lobby")
    async with open_store() as store:
        assert await store.position("lobby") == begun
        assert await store.position("kitchen") == before["kitchen"]
        assert await store.position("nowhere yet") == before["nowhere yet"]


async def test_events_stay_and_numbers_go_on_in_a_new_epoch(store: Store) -> None:
    first = events(await store.append("lobby", [draft("a", client_id="c1")], at_ms=1))
    await store.begin_epoch("lobby")
    second = events(await store.append("lobby", [draft("b")], at_ms=1))
    assert second[0].seq == 2
    assert await whole(store) == first + second
    assert await store.append("lobby", [draft("a", client_id="c1")], at_ms=1) == [Repeat("lobby", 1)]


async def test_a_room_that_nobody_wrote_to_can_begin_a_new_epoch(open_store: OpenStore) -> None:
    async with open_store() as store:
        begun = await store.begin_epoch("cellar")
        assert begun.seq == 0
        assert begun.epoch != (await store.position("nowhere yet")).epoch
        await store.append("cellar", [draft("a")], at_ms=1)
    async with open_store() as store:
        assert await store.position("cellar") == Position(1, begun.epoch)


async def test_a_new_epoch_is_in_order_with_concurrent_appends(store: Store) -> None:
    found: list[Position] = []

    async def begin() -> None:
        found.append(await store.begin_epoch("lobby"))

    await store.append("lobby", [draft("a")], at_ms=1)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(partial(store.append, "lobby", [draft("b"), draft("c")], at_ms=1))
            nursery.start_soon(begin)
    assert len({position.epoch for position in found}) == 5
    assert all(1 <= position.seq <= 11 for position in found)
    assert (await store.position("lobby")).seq == 11
    assert [event.seq for event in await whole(store)] == list(range(1, 12))


# --- damage ---


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_and_spoil(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[OpenStore, Callable[[str, int], object]]:
    """Opens a store; damages an event of one that is closed."""
    if request.param == "memory":
        disk = MemoryDisk()
        return partial(open_memory_store, disk), disk.damage
    if request.param == "postgresql":
        url: str = request.getfixturevalue("database")

        def spoil(room: str, seq: int) -> None:
            with psycopg.connect(url) as by_hand:
                by_hand.execute(
                    "UPDATE events SET body = 'spoilt' WHERE seq = %s "
                    "AND room_id = (SELECT id FROM rooms WHERE name = %s)",
                    (seq, room),
                )

        return partial(open_postgresql_store, url), spoil
    path = tmp_path / "chat.db"
    return (
        partial(open_sqlite_store, path),
        lambda room, seq: by_hand(
            path,
            f"UPDATE events SET body = 'spoilt' WHERE seq = {seq} "
            f"AND room_id = (SELECT id FROM rooms WHERE name = '{room}')",
        ),
    )


async def test_a_damaged_event_reads_as_damaged_and_the_events_around_it_as_they_are(
    open_and_spoil: tuple[OpenStore, Callable[[str, int], object]],
) -> None:
    open_store, spoil = open_and_spoil
    async with open_store() as store:
        written = events(await store.append("lobby", [draft(text) for text in "abcde"], at_ms=1))
        await store.append("kitchen", [draft("k")], at_ms=1)
    spoil("lobby", 2)
    spoil("lobby", 5)
    async with open_store() as store:
        told = [written[0], damaged("lobby", 2), written[2], written[3], damaged("lobby", 5)]
        assert await whole(store) == told
        for limit in range(1, 6):
            page = await store.read_after("lobby", 1, limit=limit, max_bytes=BIG)
            assert page == told[1 : 1 + limit]
            assert await store.read_before("lobby", 6, limit=limit, max_bytes=BIG) == told[-limit:]
        assert (await store.position("lobby")).seq == 5
        (event,) = events(await store.append("lobby", [draft("f")], at_ms=1))
        assert await whole(store) == [*told, event]
        assert await bodies(store, "kitchen") == ["k"]


# --- the handles of the memory store ---


async def test_a_memory_store_can_hold_its_commits() -> None:
    async with open_memory_store() as store, trio.open_nursery() as nursery:
        with store.holding_commits():
            nursery.start_soon(partial(store.append, "lobby", [draft("a")], at_ms=1))
            await trio.testing.wait_all_tasks_blocked()
            assert await bodies(store) == []
        await store.append("lobby", [draft("b")], at_ms=1)
        assert await bodies(store) == ["a", "b"]


async def test_a_memory_store_can_be_unavailable() -> None:
    async with open_memory_store() as store:
        await store.append("lobby", [draft("a")], at_ms=1)
        with store.unavailable("The disk is full."):
            with pytest.raises(StoreUnavailable, match="disk is full"):
                await store.append("lobby", [draft("b")], at_ms=1)
            with pytest.raises(StoreUnavailable):
                await whole(store)
        await store.append("lobby", [draft("c")], at_ms=1)
        assert await bodies(store) == ["a", "c"]
        assert store.statistics().failures == 2


# --- both alike, whatever is done ---

DRAFTS = st.builds(
    Draft,
    kind=st.sampled_from(["message", "post"]),
    sender=st.sampled_from(["p-1", "p-2"]),
    name=st.just("Ada"),
    client_id=st.sampled_from([None, "c1", "c2", "c3"]),
    body=st.sampled_from(['{"text":"a"}', '{"text":"b"}', '{"text":"b\\u0000"}']),
)
APPENDS = st.lists(st.tuples(st.sampled_from(["one", "two"]), st.lists(DRAFTS, max_size=5)), max_size=8)


@settings(max_examples=share(40))
@given(appends=APPENDS)
def test_both_stores_answer_any_appends_alike_and_by_the_rules(
    appends: list[tuple[str, list[Draft]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The rules once more, in the plainest words, as a judge of both."""
    logs: dict[str, list[Draft]] = {"one": [], "two": []}
    first: dict[tuple[str, str], tuple[str, int, str, str]] = {}
    expected: list[tuple[str, str, int]] = []
    for room, drafts in appends:
        for one in drafts:
            command = (one.sender, one.client_id or "")
            if one.client_id is not None and command in first:
                known_room, seq, kind, body = first[command]
                is_same = (known_room, kind, body) == (room, one.kind, one.body)
                expected.append(("Repeat" if is_same else "Conflict", known_room, seq))
            else:
                logs[room].append(one)
                expected.append(("Event", room, len(logs[room])))
                if one.client_id is not None:
                    first[command] = (room, len(logs[room]), one.kind, one.body)

    async def check(opening: AbstractAsyncContextManager[Store]) -> None:
        async with opening as store:
            found = [
                (type(outcome).__name__, outcome.room, outcome.seq)
                for room, drafts in appends
                for outcome in await store.append(room, drafts, at_ms=1)
                if not isinstance(outcome, Denied)
            ]
            assert found == expected
            for room, log in logs.items():
                assert await bodies(store, room) == [one.body for one in log]
                assert (await store.position(room)).seq == len(log)

    trio.run(check, open_memory_store())
    trio.run(check, open_sqlite_store(tmp_path_factory.mktemp("data") / "chat.db", synchronous="OFF"))


async def test_devices_that_are_gone_are_known(open_store: OpenStore) -> None:
    async with open_store() as store:
        for n in range(3):
            await add_person(
                store, Person(f"p-{n}", f"P{n}"), name_key=f"p{n}", token_hash=b"%d" % n, at_ms=1
            )
        ids = [f"d-{(b'%d' % n).hex()}" for n in range(3)]
        assert await store.gone_devices([]) == await store.gone_devices(ids) == []
        await store.remove_devices("p-1")
        assert sorted(await store.gone_devices(["d-never", *ids])) == sorted(["d-never", ids[1]])


async def test_changes_about_people_are_found_in_the_order_in_which_they_were_written(
    open_store: OpenStore,
) -> None:
    async with open_store() as store:
        club, own = "~aaaaaaaaaaaaaaaa", personal_room("p-1")
        created = write_body(Created("private", "", "", (Who("p-1", "Ada"), Who("p-2", "Bob"))))
        left = write_body(Membership(Who("p-2", "Bob"), on=False))
        drafts = [
            (club, Draft("created", "p-1", "Ada", None, created), 5),
            (club, draft(), 6),
            (own, Draft("block", "p-1", "Ada", None, write_body(Block("p-2", on=True))), 7),
            (own, Draft("star", "p-1", "Ada", None, write_body(Star("lobby", 1, on=True))), 7),
            (club, Draft("ban", "p-1", "Ada", None, write_body(Restriction("p-3", on=True))), 7),
            (club, Draft("member", "p-2", "Bob", None, left), 9),
        ]
        for room, one, at_ms in drafts:
            await store.append(room, [one], at_ms=at_ms)
        places = [(5, club, 1), (7, club, 3), (7, own, 1), (9, club, 4)]
        assert await store.changes_about_people(since_ms=0, limit=9) == places
        assert await store.changes_about_people(since_ms=7, limit=2) == places[1:3]
        for n in range(4):
            found = await store.changes_about_people(since_ms=0, after=EventPlace(*places[n]), limit=9)
            assert found == places[n + 1 :]
