"""Two nodes over one PostgreSQL at once: names, devices, codes, invitations, markers and pictures are exact."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.people import add_person
from trio_chat.errors import NameTaken
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.rooms import Created, Membership
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.names import normal_name
from trio_chat.model.outcomes import Denied
from trio_chat.model.records import Device, Invitation, Picture, ReadMarker
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from trio_chat.store.base import Store

ROUNDS = 12
"""Enough to meet in the middle now and then, with two connections that begin at the same moment."""

CLUB = "~aaaaaaaaaaaaaaaa"
ADA = Who("p-ada", "Ada")
CREATED = Draft("created", ADA.id, ADA.name, None, write_body(Created("private", "", "", (ADA,))))


@pytest.fixture
async def two_stores(database: str) -> AsyncIterator[tuple[Store, Store]]:
    """The stores of two nodes over one database."""
    async with open_postgresql_store(database) as here, open_postgresql_store(database) as there:
        yield here, there


async def at_once(*calls: Callable[[], Awaitable[object]]) -> list[object]:
    """What each call returned or raised; all begin at the same moment."""
    results: list[object] = [None] * len(calls)

    async def one(number: int, call: Callable[[], Awaitable[object]]) -> None:
        try:
            results[number] = await call()
        except (NameTaken, KeyError) as error:
            results[number] = error

    async with trio.open_nursery() as nursery:
        for number, call in enumerate(calls):
            nursery.start_soon(one, number, call)
    return results


def register(store: Store, person: str, name: str) -> Callable[[], Awaitable[object]]:
    async def call() -> object:
        display, key = normal_name(name)
        await add_person(store, Person(person, display), name_key=key, token_hash=person.encode(), at_ms=1)
        return person

    return call


def rename(store: Store, person: str, name: str) -> Callable[[], Awaitable[object]]:
    async def call() -> object:
        display, key = normal_name(name)
        return (await store.set_profile(person, at_ms=1, name=display, name_key=key)).name

    return call


@pytest.mark.parametrize(
    ("one", "other"),
    [("Mary {}", "Mary {}"), ("Mary {}", "MARY {}"), ("Mary {}", "\u041cary {}"), ("Mary {}", "Mary-{}.")],
    ids=["same", "case", "Cyrillic", "punctuation"],
)
async def test_of_two_who_register_names_that_look_alike_at_once_one_gets_it(
    two_stores: tuple[Store, Store], one: str, other: str
) -> None:
    here, there = two_stores
    for n in range(ROUNDS):
        results = await at_once(
            register(here, f"p-a{n}", one.format(n)), register(there, f"p-b{n}", other.format(n))
        )
        assert sum(isinstance(result, NameTaken) for result in results) == 1, results
        assert len(await here.people([f"p-a{n}", f"p-b{n}"])) == 1


async def test_a_name_is_given_up_once_when_a_person_is_renamed_by_two_devices_at_once(
    two_stores: tuple[Store, Store],
) -> None:
    here, there = two_stores
    await register(here, "p-ada", "Ada")()
    for n in range(ROUNDS):
        await at_once(rename(here, "p-ada", f"Countess {n}"), rename(there, "p-ada", f"Lady {n}"))
        (profile,) = await here.people(["p-ada"])
        for name in (f"countess {n}", f"lady {n}"):
            assert await there.is_name_known(name) == (profile.name.casefold() == name)


async def test_of_the_uses_of_an_invitation_the_last_is_had_once(two_stores: tuple[Store, Store]) -> None:
    here, there = two_stores
    await here.append(CLUB, [CREATED], at_ms=1)

    def come(store: Store, person: str, invite: bytes) -> Callable[[], Awaitable[object]]:
        body = write_body(Membership(Who(person, "X"), True, invite.hex()))

        async def call() -> object:
            (outcome,) = await store.append(CLUB, [Draft("member", person, "X", None, body)], at_ms=1)
            return outcome

        return call

    for n in range(ROUNDS):
        invite = bytes([n]) * 32
        await here.add_invite(Invitation(invite, CLUB, ADA.id, 1, None, 1))
        outcomes = await at_once(come(here, f"p-a{n}", invite), come(there, f"p-b{n}", invite))
        assert {type(outcome) for outcome in outcomes} == {Denied, Event}, outcomes
        assert await there.find_invite(invite) is None


async def test_nobody_comes_by_an_invitation_after_it_was_revoked(two_stores: tuple[Store, Store]) -> None:
    here, there = two_stores
    await here.append(CLUB, [CREATED], at_ms=1)
    for n in range(ROUNDS):
        invite = bytes([n]) * 32
        await here.add_invite(Invitation(invite, CLUB, ADA.id, 1, None, None))
        order: list[str] = []

        async def come(person: str, invite: bytes = invite, order: list[str] = order) -> None:
            body = write_body(Membership(Who(person, "X"), True, invite.hex()))
            (outcome,) = await there.append(CLUB, [Draft("member", person, "X", None, body)], at_ms=1)
            order.append("came" if isinstance(outcome, Event) else "denied")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come, f"p-{n}")
            nursery.start_soon(here.void_invites, CLUB)
        await come(f"p-late-{n}")
        assert order[-1] == "denied"
        assert await there.find_invite(invite) is None


async def test_a_device_is_logged_out_for_good_whatever_its_token_does_meanwhile(
    two_stores: tuple[Store, Store],
) -> None:
    here, there = two_stores
    for n in range(ROUNDS):
        token, following = f"token {n}".encode(), f"next {n}".encode()
        await add_person(here, Person(f"p-{n}", f"P {n}"), name_key=f"p {n}", token_hash=token, at_ms=1)
        removed, _ = await at_once(
            partial(here.remove_devices, f"p-{n}"), partial(there.use_device, token, 2, next_hash=following)
        )
        assert removed == [f"d-{token.hex()}"]
        assert await here.find_login(token) is await there.find_login(following) is None


async def test_a_token_is_replaced_by_one_other_however_many_ask(two_stores: tuple[Store, Store]) -> None:
    here, there = two_stores
    await add_person(here, Person("p-ada", "Ada"), name_key="ada", token_hash=b"0", at_ms=1)
    for n in range(ROUNDS):
        now, following = b"%d" % n, b"%d" % (n + 1)
        calls = [partial(store.use_device, now, 10 * n + 10, next_hash=following) for store in two_stores]
        assert await at_once(*calls) == [True, True]
        login = await there.find_login(following)
        assert login is not None
        assert login.replaces_another
        assert await there.use_device(following, 10 * n + 15, is_settled=True)
        assert await here.find_login(now) is None
    assert len(await here.devices("p-ada")) == 1


async def test_a_person_never_has_more_devices_than_may_be(two_stores: tuple[Store, Store]) -> None:
    here, there = two_stores
    await add_person(here, Person("p-ada", "Ada"), name_key="ada", token_hash=b"0", at_ms=1)

    def log_in(store: Store, device: str, at_ms: int) -> Callable[[], Awaitable[object]]:
        added = Device(device, "", at_ms, at_ms)
        return partial(store.add_device, "p-ada", added, token_hash=device.encode(), max_devices=3)

    for n in range(2, ROUNDS):
        await at_once(log_in(here, f"d-a{n}", n), log_in(there, f"d-b{n}", n), log_in(there, f"d-c{n}", n))
        assert len(await here.devices("p-ada")) == 3


async def test_a_device_code_is_good_once_and_all_nodes_share_the_guesses(
    two_stores: tuple[Store, Store],
) -> None:
    here, _ = two_stores
    await add_person(here, Person("p-ada", "Ada"), name_key="ada", token_hash=b"0", at_ms=1)
    for n in range(ROUNDS):
        code = b"code %d" % n
        await here.add_device_code("p-ada", code, at_ms=1, ends_ms=100, max_codes=3)
        found = await at_once(*(partial(store.use_device_code, code, at_ms=2) for store in two_stores))
        assert sorted(map(str, found)) == ["None", "p-ada"]
    guess = [partial(store.charge_guess, b"eve", 7, per_guess_ms=1000, at_once=5) for store in two_stores]
    waits = await at_once(*guess * 12)
    assert waits.count(0) == 10, "its own, and those of all"


async def test_a_person_has_few_device_codes_on_all_nodes_together(two_stores: tuple[Store, Store]) -> None:
    here, there = two_stores
    await add_person(here, Person("p-ada", "Ada"), name_key="ada", token_hash=b"0", at_ms=1)
    codes = [b"code %d" % n for n in range(2 * ROUNDS)]
    add = [
        partial(store.add_device_code, "p-ada", code, at_ms=1, ends_ms=100, max_codes=3)
        for store, code in zip((here, there) * ROUNDS, codes, strict=True)
    ]
    await at_once(*add)
    assert [await here.find_device_code(code, at_ms=2) for code in codes].count("p-ada") == 3
    await there.remove_devices("p-ada", but="d-30")
    assert [await here.find_device_code(code, at_ms=2) for code in codes].count("p-ada") == 0


async def test_a_read_marker_never_goes_back_whoever_moves_it(two_stores: tuple[Store, Store]) -> None:
    here, there = two_stores
    await here.append(CLUB, [CREATED], at_ms=1)
    people = [f"p-{n}" for n in range(20)]

    def move(store: Store, seq: int, order: Sequence[str]) -> Callable[[], Awaitable[object]]:
        moves = [ReadMarker(CLUB, person, seq, seq - 1) for person in order]
        return partial(store.move_read_markers, moves, seq)

    for n in range(2, ROUNDS, 2):
        await at_once(move(here, n + 1, people), move(there, n, people[::-1]), move(there, n, people))
        assert {(mark.delivered, mark.read) for mark in await here.read_markers(CLUB)} == {(n + 1, n)}


async def test_when_people_were_here_never_goes_back(two_stores: tuple[Store, Store]) -> None:
    here, there = two_stores
    people = [f"p-{n}" for n in range(20)]
    for person in people:
        await register(here, person, person)()
    for n in range(2, ROUNDS, 2):
        await at_once(
            partial(here.note_seen, people, n + 1),
            partial(there.note_seen, people[::-1], n),
            partial(here.note_devices_used, [f"d-{person.encode().hex()}" for person in people], n),
            partial(
                there.note_devices_used, [f"d-{person.encode().hex()}" for person in people[::-1]], n + 1
            ),
        )
        assert {profile.seen_ms for profile in await there.people(people)} == {n + 1}
        assert {(await here.devices(person))[0].used_ms for person in people} == {n + 1}


async def test_a_picture_that_somebody_takes_is_not_deleted_by_who_gives_it_up(
    two_stores: tuple[Store, Store],
) -> None:
    here, there = two_stores
    await register(here, "p-ada", "Ada")()
    await register(here, "p-bob", "Bob")()
    for n in range(ROUNDS):
        picture = Picture(f"hash {n}", "image/png", b"\0")
        await here.set_profile("p-ada", at_ms=1, picture=picture)
        await at_once(
            partial(here.set_profile, "p-ada", at_ms=1, no_picture=True),
            partial(there.set_profile, "p-bob", at_ms=1, picture=picture),
        )
        assert await here.picture(picture.hash) == picture
