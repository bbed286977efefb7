"""Lists of rooms by what changed of them: whoever keeps a list and is told only that has the whole list of now."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tests.support.people import add_person
from trio_chat.kinds.facts import LOBBY, personal_room
from trio_chat.kinds.forms import Body, Who, write_body
from trio_chat.kinds.messages import Delete, Edit, Post
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.personal import Block, Star
from trio_chat.kinds.pins import Pin
from trio_chat.kinds.reactions import Reaction
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.model.events import Draft, Person
from trio_chat.model.files import FileLimits
from trio_chat.model.records import ArrivalLists, ReadMarker
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.schema import MIGRATIONS, note_changes_of_lists

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from trio_chat.store.base import Store

ADA, BOB, EVE, ZOE = (Who(f"p-{name.lower()}", name) for name in ("Ada", "Bob", "Eve", "Zoe"))
PEOPLE = (ADA, BOB, EVE, ZOE)
CLUB, DUO, GARDEN = "~club", "~dduo", "garden"
LIMITS = FileLimits(file_bytes=10, person_bytes=100, server_bytes=1_000, person_uploads=1)
FEW = 3


def draft(kind: str, body: Body | str, by: Who = ADA) -> Draft:
    return Draft(kind, by.id, by.name, None, body if isinstance(body, str) else write_body(body))


async def arrive(store: Store, who: Who, since: str | None = None) -> ArrivalLists:
    arrival = await store.arrival(who.id, with_lists=True, since=since, few=FEW, own_events=99, limits=LIMITS)
    assert arrival.lists is not None
    return arrival.lists


def entries(lists: ArrivalLists) -> dict[str, Any]:
    """All that is told of each room that is listed."""
    others = {profile.id: attrs.evolve(profile, seen_ms=None) for profile in lists.listed.others}
    return {
        room.room: (
            room,
            others.get(room.other or ""),
            sorted((m.person, m.delivered, m.read) for m in lists.listed.markers if m.room == room.room),
        )
        for room in lists.listed.rooms
    }


@attrs.define
class Client:
    """Somebody who keeps a list, and asks what changed of it."""

    who: Who
    stamp: str | None = None
    entries: dict[str, Any] = attrs.field(factory=dict)
    own: Any = None
    n_partial: int = 0

    async def arrive(self, store: Store) -> ArrivalLists:
        """Ask, and hold what is known then against the whole list."""
        lists = await arrive(store, self.who, self.stamp)
        self.stamp = lists.stamp
        self.n_partial += not lists.is_whole
        self.entries = (self.entries if not lists.is_whole else {}) | entries(lists)
        self.own = self.own if lists.own is None else lists.own
        whole = await arrive(store, self.who)
        assert whole.is_whole
        assert self.entries == entries(whole)
        assert self.own == whole.own
        assert lists.requests == whole.requests
        return lists


async def know(store: Store) -> None:
    for n, who in enumerate(PEOPLE):
        await add_person(
            store, Person(who.id, who.name), name_key=who.name.lower(), token_hash=bytes([n]), at_ms=1
        )


async def begin(store: Store) -> Client:
    """Ada, who is in a club and a conversation with Bob, and in a garden, and knows her list."""
    await know(store)
    await store.append(CLUB, [draft("created", Created("private", "Club", "", (ADA, BOB)))], at_ms=1)
    await store.append(DUO, [draft("created", Created("direct", "", "", (ADA, BOB)))], at_ms=2)
    await store.append(GARDEN, [draft("created", Created("public", "", "", (ADA, BOB)))], at_ms=3)
    ada = Client(ADA)
    await ada.arrive(store)
    assert (await ada.arrive(store)).own is None
    return ada


def told(lists: ArrivalLists) -> list[str] | None:
    """The rooms but the lobby, if they are not all."""
    return None if lists.is_whole else sorted(room.room for room in lists.listed.rooms if room.room != LOBBY)


async def test_only_rooms_of_which_something_changed_are_told(store: Store) -> None:
    ada = await begin(store)
    assert told(await ada.arrive(store)) == []
    await store.append(CLUB, [draft("message", "hi", BOB)], at_ms=4)
    assert told(await ada.arrive(store)) == [CLUB]
    await store.move_read_markers([ReadMarker(GARDEN, ADA.id, 1, 1), ReadMarker(CLUB, BOB.id, 2, 2)], 5)
    assert told(await ada.arrive(store)) == [GARDEN, CLUB]
    await store.set_profile(BOB.id, at_ms=6, colour=3)
    assert told(await ada.arrive(store)) == [DUO]
    await store.append("elsewhere", [draft("message", "hi", BOB)], at_ms=7)
    await store.append(personal_room(BOB.id), [draft("star", Star(CLUB, 2, True), BOB)], at_ms=7)
    assert told(await ada.arrive(store)) == []
    await store.begin_epoch(GARDEN)
    assert told(await ada.arrive(store)) == [GARDEN]
    await store.append(GARDEN, [draft("settings", Settings(topic="What grows"))], at_ms=8)
    assert told(await ada.arrive(store)) == [GARDEN]
    await store.set_profile(BOB.id, at_ms=9, shows_receipts=False)
    assert told(await ada.arrive(store)) == [GARDEN, CLUB, DUO]


async def test_what_is_gone_or_hidden_is_told_by_the_whole_list(store: Store) -> None:
    ada = await begin(store)
    await store.append(GARDEN, [draft("member", Membership(ADA, False))], at_ms=4)
    assert GARDEN not in entries(await ada.arrive(store))
    assert told(await ada.arrive(store)) == []
    await store.append(GARDEN, [draft("member", Membership(ADA, True))], at_ms=5)
    assert told(await ada.arrive(store)) == [GARDEN]
    await store.append(GARDEN, [draft("ban", Restriction(BOB.id, on=True))], at_ms=6)
    assert told(await ada.arrive(store)) == [GARDEN]
    for on in (True, False):
        await store.append(personal_room(BOB.id), [draft("block", Block(ADA.id, on), BOB)], at_ms=7)
        assert told(await ada.arrive(store)) is None
    await store.set_profile(ADA.id, at_ms=8, shows_receipts=False)
    assert told(await ada.arrive(store)) is None


async def test_marks_are_listed_for_who_shows_them(store: Store) -> None:
    ada = await begin(store)
    await store.append(CLUB, [draft("message", "hi")], at_ms=4)
    await store.move_read_markers([ReadMarker(CLUB, who.id, 2, 2) for who in (ADA, BOB)], 5)
    mark = [(BOB.id, 2, 2)]

    async def marks() -> object:
        await ada.arrive(store)
        return ada.entries[CLUB][2]

    assert await marks() == mark
    for who in (ADA, BOB):
        await store.set_profile(who.id, at_ms=6, shows_receipts=False)
        assert await marks() == []
        await store.set_profile(who.id, at_ms=6, shows_receipts=True)
        assert await marks() == mark
    for one, other in ((ADA, BOB), (BOB, ADA)):
        await store.append(personal_room(one.id), [draft("block", Block(other.id, True), one)], at_ms=7)
        assert await marks() == []
        await store.append(personal_room(one.id), [draft("block", Block(other.id, False), one)], at_ms=7)
        assert await marks() == mark


async def test_a_stamp_of_somebody_else_or_of_another_log_or_none_at_all_gets_the_whole_list(
    store: Store,
) -> None:
    ada = await begin(store)
    assert ada.stamp is not None
    assert (await arrive(store, BOB, ada.stamp)).is_whole
    *place, number = ada.stamp.split(" ")
    for stamp in (
        "",
        "x",
        "   ",
        ada.stamp + "0" * 9,
        ada.stamp + "x",
        " ".join([*place, "-1"]),
        " ".join([place[0], place[1] + "x", place[2], number]),
        " ".join([place[0], place[1], place[2] + "x", number]) if place[2] else "",
        "9" * 200,
    ):
        assert (await arrive(store, ADA, stamp)).is_whole, stamp
    assert not (await arrive(store, ADA, ada.stamp)).is_whole


async def test_stamps_stay_good_when_the_store_is_opened_again(
    open_store: Callable[[], AbstractAsyncContextManager[Store]],
) -> None:
    async with open_store() as store:
        ada = await begin(store)
    for n in range(3):
        async with open_store() as store:
            assert told(await ada.arrive(store)) == ([] if n == 0 else [CLUB])
            await store.append(CLUB, [draft("message", "hi", BOB)], at_ms=4)


async def test_a_file_that_was_put_back_knows_no_stamps_of_what_came_after_it(tmp_path: Path) -> None:
    """Whatever is written to it then."""
    now, then = tmp_path / "now", tmp_path / "then"
    async with open_sqlite_store(now / "chat.db", synchronous="OFF") as store:
        ada = await begin(store)
        early = ada.stamp
    shutil.copytree(now, then)  # with its mark
    async with open_sqlite_store(now / "chat.db", synchronous="OFF") as store:
        await store.append(CLUB, [draft("settings", Settings(title="New"))], at_ms=4)
        await ada.arrive(store)
        late = ada.stamp
    for _ in range(3):
        async with open_sqlite_store(then / "chat.db", synchronous="OFF") as store:
            await store.append(GARDEN, [draft("message", "hi", BOB)], at_ms=4)
            assert (await arrive(store, ADA, late)).is_whole
            assert told(await arrive(store, ADA, early)) == [GARDEN]


async def test_what_is_committed_late_is_told_to_who_asked_before(database: str) -> None:
    """Transactions are not committed in the order of their numbers."""
    async with open_postgresql_store(database) as store:
        ada = await begin(store)
        with closing(PostgresqlConnection(connector(database))) as slow:
            slow.execute("BEGIN")
            slow.execute(
                f"UPDATE rooms SET title = 'Slow', changed = {slow.dialect.change} WHERE name = ?", (CLUB,)
            )
            await store.append(GARDEN, [draft("message", "hi", BOB)], at_ms=4)
            assert told(await ada.arrive(store)) == [GARDEN]
            slow.execute("COMMIT")
        assert CLUB in (told(await ada.arrive(store)) or ())
        assert ada.entries[CLUB][0].title == "Slow"
        assert told(await ada.arrive(store)) == []


def a_move(rng: random.Random) -> tuple[str, Draft]:
    """Something that somebody writes somewhere, if it is allowed."""
    by, other = rng.sample(PEOPLE, 2)
    room = rng.choice([CLUB, CLUB, DUO, GARDEN, LOBBY, "~dother", "~fourth"])
    seq = rng.randrange(1, 12)
    owns = personal_room(by.id)
    moves: list[tuple[str, str, Body | str]] = [
        *[(room, "message", f"text {seq}")] * 4,
        *[(room, "post", Post(f"text {seq}", None, (other.id,)))] * 2,
        (room, "edit", Edit(seq, "edited", (other.id,))),
        (room, "delete", Delete(seq)),
        (room, "reaction", Reaction(seq, "🦀", rng.random() < 0.5)),
        (room, "pin", Pin(seq, rng.random() < 0.5)),
        (room, "settings", Settings(title=f"Title {seq}")),
        (room, "member", Membership(other, rng.random() < 0.6)),
        (room, "member", Membership(by, rng.random() < 0.6)),
        (room, "ban", Restriction(other.id, on=rng.random() < 0.5)),
        (room, "mute", Restriction(other.id, on=rng.random() < 0.5)),
        (room, "role", Role(other.id, rng.choice(["member", "moderator", "owner"]))),
        ("~fourth", "created", Created("private", "Fourth", "", (by, other))),
        ("~dother", "created", Created("direct", "", "", (by, other), asked=True)),
        *[(owns, "block", Block(other.id, rng.random() < 0.5))] * 2,
        (owns, "star", Star(room, seq, rng.random() < 0.5)),
    ]
    where, kind, body = rng.choice(moves)
    return where, draft(kind, body, by)


async def play(store: Store, rng: random.Random, n: int) -> None:
    if rng.random() < 0.6:
        room, move = a_move(rng)
        await store.append(room, [move], at_ms=10 + n)
    elif rng.random() < 0.6:
        markers = [
            ReadMarker(rng.choice([CLUB, DUO, GARDEN, LOBBY]), who.id, n // 6, rng.randrange(n // 12 + 1))
            for who in rng.sample(PEOPLE, 2)
        ]
        await store.move_read_markers(markers, 10 + n)
    elif rng.random() < 0.3:
        await store.begin_epoch(rng.choice([CLUB, DUO, GARDEN, LOBBY]))
    else:
        who = rng.choice(PEOPLE)
        name = f"{who.name} {rng.randrange(3)}"
        changes: list[dict[str, Any]] = [
            {"name": name, "name_key": name.lower()},
            {"colour": rng.randrange(8)},
            {"shows_receipts": rng.random() < 0.6},
        ]
        await store.set_profile(who.id, at_ms=10 + n, **rng.choice(changes))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_a_list_kept_by_changes_is_the_whole_list(store: Store, seed: int) -> None:
    rng = random.Random(seed)
    await begin(store)
    clients = [Client(who) for who in PEOPLE for _ in range(2)]
    for n in range(120):
        client = rng.choice(clients)
        if rng.random() < 0.7:  # else it has missed more than the next move
            await client.arrive(store)
        await play(store, rng, n)
        await client.arrive(store)
    for client in clients:
        await client.arrive(store)
        await client.arrive(store)
    assert sum(client.n_partial for client in clients) > 60, "it is not the whole list each time"


def test_databases_of_before_have_nothing_changed_and_know_how_many_people_there_are() -> None:
    before = MIGRATIONS[: MIGRATIONS.index(note_changes_of_lists)]
    with closing(SqliteConnection(":memory:")) as connection:
        for migration in before:
            migration(connection)
        connection.execute("INSERT INTO rooms (id, name, epoch) VALUES (7, 'garden', 'e')")
        insert = "INSERT INTO people (id, name, name_key, created_at_ms) VALUES (?1, ?1, ?1, 1)"
        connection.executemany(insert, [("p-ada",), ("p-bob",)])
        for migration in MIGRATIONS[len(before) :]:
            migration(connection)
        assert connection.execute("SELECT n FROM people_count").get == 2
        connection.execute(insert, ("p-eve",))
        assert connection.execute("SELECT n FROM people_count").get == 3
        assert connection.execute("SELECT changed FROM rooms").get == 0
        assert connection.execute(connection.dialect.last_change).get == 0
