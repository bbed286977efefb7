"""Two nodes over one PostgreSQL at once: names, devices, codes, invitations, markers and pictures are exact."""

from __future__ import annotations

import hashlib
import random
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.nodes_in_postgresql import Nodes, open_nodes
from tests.support.people import add_person
from trio_chat.errors import NameTaken, Refused
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.names import normal_name
from trio_chat.model.outcomes import Denied, Repeat
from trio_chat.model.records import Device, Invitation, Picture, ReadMarker
from trio_chat.people.identities import CLAIM_S, Identities
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sql import device_codes, devices, name_claims, names, people, read_markers, rooms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.base import Store

CLUB = "~aaaaaaaaaaaaaaaa"
ADA = Who("p-ada", "Ada")
CREATED = Draft("created", ADA.id, ADA.name, None, write_body(Created("private", "", "", (ADA,))))
HASH = b"h" * 32


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[Nodes]:
    async with open_nodes(database) as nodes:
        yield nodes


async def at_once(*calls: Callable[[], Awaitable[object]]) -> list[object]:
    """What each call returned; all begin at the same moment."""
    results: list[object] = [None] * len(calls)

    async def run(number: int, call: Callable[[], Awaitable[object]]) -> None:
        results[number] = await call()

    async with trio.open_nursery() as nursery:
        for number, call in enumerate(calls):
            nursery.start_soon(run, number, call)
    return results


def register(connection: PostgresqlConnection, person: str, name: str) -> None:
    display, key = normal_name(name)
    device = Device(f"d-{person}", "", 1, 1)
    people.add_person(
        connection, Person(person, display), name_key=key, device=device, token_hash=person.encode()
    )


async def know(store: Store, *ids: str) -> None:
    """Register people under names like their ids."""
    for person in ids:
        await add_person(store, Person(person, person), name_key=person, token_hash=person.encode(), at_ms=1)


async def come(store: Store, person: str) -> Outcome:
    body = write_body(Membership(Who(person, "X"), True, HASH.hex()))
    (outcome,) = await store.append(CLUB, [Draft("member", person, "X", None, body)], at_ms=1)
    return outcome


# -- names --


@pytest.mark.parametrize(
    "name", ["Mary", "MARY", "\u041cary", "Mary."], ids=["same", "case", "Cyrillic", "punctuation"]
)
async def test_of_two_who_register_names_that_look_alike_the_first_gets_it(nodes: Nodes, name: str) -> None:
    display, key = normal_name(name)
    register_here = partial(
        add_person, nodes.here, Person("p-2", display), name_key=key, token_hash=b"2", at_ms=1
    )
    result = await nodes.meanwhile(lambda there: register(there, "p-1", "Mary"), register_here)
    assert isinstance(result, NameTaken)
    assert [one.id for one in await nodes.here.people(["p-1", "p-2"])] == ["p-1"]
    (lobby,) = await nodes.here.listing("p-1")
    assert lobby.n_members == 1


async def test_a_person_whom_two_devices_rename_at_once_has_one_name_and_the_other_is_kept(
    nodes: Nodes,
) -> None:
    await know(nodes.here, ADA.id)
    await nodes.meanwhile(
        lambda there: people.set_profile(there, ADA.id, at_ms=1, name="Lady", name_key="lady"),
        partial(nodes.here.set_profile, ADA.id, at_ms=1, name="Countess", name_key="countess"),
    )
    assert [await nodes.here.is_name_known(name) for name in ("lady", "countess")] == [False, True]


async def test_a_name_is_set_free_beside_the_servers_and_whoever_asks_meanwhile_gets_it_after_that(
    nodes: Nodes,
) -> None:
    await know(nodes.here, ADA.id)
    await nodes.here.set_profile(ADA.id, at_ms=1, name="Ada", name_key="ada")
    register_here = partial(
        add_person, nodes.here, Person("p-2", "ADA"), name_key="ada", token_hash=b"2", at_ms=2
    )
    assert await nodes.meanwhile(lambda there: names.release_name(there, "ada"), register_here) is None
    called = {one.id: one.name for one in await nodes.here.people([ADA.id, "p-2"])}
    assert called["p-2"] == "ADA"
    (release,) = await nodes.here.releases(9)
    assert (release.person, release.freed, release.now) == (ADA.id, "Ada", called[ADA.id])


@pytest.mark.parametrize("is_taken_first", [True, False])
async def test_a_picture_that_somebody_takes_is_not_deleted_by_who_gives_it_up(
    nodes: Nodes, is_taken_first: bool
) -> None:
    await know(nodes.here, "p-ada", "p-bob")
    picture = Picture("hash", "image/png", b"\0")
    await nodes.here.set_profile("p-ada", at_ms=1, picture=picture)
    if is_taken_first:
        await nodes.meanwhile(
            lambda there: people.set_profile(there, "p-bob", at_ms=1, picture=picture),
            partial(nodes.here.set_profile, "p-ada", at_ms=1, no_picture=True),
        )
    else:
        await nodes.meanwhile(
            lambda there: people.set_profile(there, "p-ada", at_ms=1, no_picture=True),
            partial(nodes.here.set_profile, "p-bob", at_ms=1, picture=picture),
        )
    assert await nodes.here.picture("hash") == picture


# -- guests --


async def test_a_guest_of_one_node_and_anybody_on_another_never_have_the_same_name(database: str) -> None:
    now_s = 1000

    def identities(store: Store) -> Identities:
        return Identities(store, now_ms=lambda: now_s * 1000, rng=random.Random(7))

    async with open_postgresql_store(database) as here, open_postgresql_store(database) as there:
        of_here, of_there = identities(here), identities(there)
        guest = await of_here.add_guest()
        assert (await of_there.add_guest()).name != guest.name, "though chance would have given the same"
        login, _ = await of_there.register("Ada")
        ada = login.person
        taking = (partial(of_there.register, guest.name), partial(of_there.rename, ada, guest.name.upper()))
        for take in taking:
            with pytest.raises(Refused, match="is called"):
                await take()
        now_s += CLAIM_S - 1
        await of_here.keep_claims()
        now_s += CLAIM_S - 1
        with pytest.raises(Refused):
            await of_there.register(guest.name)
        of_here.remove_guest(guest)
        await of_here.keep_claims()
        await of_there.register(guest.name)


async def test_the_names_of_a_node_that_is_gone_are_free_after_a_while(nodes: Nodes) -> None:
    assert await nodes.here.claim_name("gone", "Bob", "bob", at_ms=1, ends_ms=100)
    assert not await nodes.here.claim_name("other", "Bob", "bob", at_ms=99, ends_ms=200)
    assert await nodes.here.claim_name("other", "Bob", "bob", at_ms=100, ends_ms=200)
    await nodes.here.keep_claims("gone", [], ends_ms=300)
    assert not await nodes.here.claim_name("third", "Bob", "bob", at_ms=199, ends_ms=200)


async def test_of_a_guest_and_somebody_who_registers_at_once_one_gets_the_name(nodes: Nodes) -> None:
    claim = partial(nodes.here.claim_name, "node", "Bob", "bob", at_ms=1, ends_ms=100)
    assert await nodes.meanwhile(lambda there: register(there, "p-1", "Bob"), claim) is False
    registered = await nodes.meanwhile(
        lambda there: name_claims.claim_name(there, "node", "Eve", "eve", at_ms=1, ends_ms=100),
        partial(add_person, nodes.here, Person("p-2", "Eve"), name_key="eve", token_hash=b"2", at_ms=1),
    )
    assert isinstance(registered, NameTaken)


# -- devices --


async def test_a_device_that_is_logged_out_gets_no_other_token(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    use = partial(nodes.here.use_device, ADA.id.encode(), 2, next_hash=b"next")
    assert await nodes.meanwhile(lambda there: devices.remove_devices(there, ADA.id), use) is False
    assert await nodes.here.find_login(b"next") is None


async def test_who_logs_a_device_out_ends_the_token_that_it_just_got_as_well(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    removed = await nodes.meanwhile(
        lambda there: devices.use_device(there, ADA.id.encode(), 2, next_hash=b"next"),
        partial(nodes.here.remove_devices, ADA.id),
    )
    assert removed == [f"d-{ADA.id.encode().hex()}"]
    assert await nodes.here.find_login(b"next") is await nodes.here.find_login(ADA.id.encode()) is None


async def test_a_token_is_replaced_by_one_other_whoever_asks(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    use = partial(nodes.here.use_device, ADA.id.encode(), 3, next_hash=b"next")
    assert await nodes.meanwhile(
        lambda there: devices.use_device(there, ADA.id.encode(), 2, next_hash=b"next"), use
    )
    assert nodes.observer.execute("SELECT count(*) FROM tokens").get == 2
    assert await nodes.here.use_device(b"next", 4, is_settled=True)
    assert await nodes.here.find_login(ADA.id.encode()) is None


async def test_a_person_never_has_more_devices_than_may_be(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    one, other = Device("d-1", "", 2, 2), Device("d-2", "", 2, 2)
    removed = await nodes.meanwhile(
        lambda there: devices.add_device(there, ADA.id, one, token_hash=b"1", max_devices=2),
        partial(nodes.here.add_device, ADA.id, other, token_hash=b"2", max_devices=2),
    )
    assert removed == [f"d-{ADA.id.encode().hex()}"]
    assert len(await nodes.here.devices(ADA.id)) == 2


# -- device codes --


async def test_a_device_code_is_good_once(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    await nodes.here.add_device_code(ADA.id, HASH, at_ms=1, ends_ms=100, max_codes=3)
    use = partial(nodes.here.use_device_code, HASH, at_ms=2)
    assert (
        await nodes.meanwhile(lambda there: device_codes.use_device_code(there, HASH, at_ms=2), use) is None
    )


async def test_a_person_has_few_device_codes_on_all_nodes_together(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    codes = [b"1", b"2", b"3"]
    await nodes.here.add_device_code(ADA.id, b"1", at_ms=1, ends_ms=100, max_codes=2)
    await nodes.meanwhile(
        lambda there: device_codes.add_device_code(there, ADA.id, b"2", at_ms=1, ends_ms=100, max_codes=2),
        partial(nodes.here.add_device_code, ADA.id, b"3", at_ms=1, ends_ms=100, max_codes=2),
    )
    found = [await nodes.here.find_device_code(code, at_ms=2) for code in codes]
    assert found == [None, ADA.id, ADA.id]


async def test_guesses_are_counted_over_all_nodes(nodes: Nodes) -> None:
    def guess_there(there: PostgresqlConnection) -> None:
        for _ in range(6):
            assert device_codes.charge_guess(there, b"eve", 7, per_guess_ms=1000, at_once=5) == 0

    guess = partial(nodes.here.charge_guess, b"eve", 7, per_guess_ms=1000, at_once=5)
    assert await nodes.meanwhile(guess_there, guess) == 0
    assert [await guess() for _ in range(4)] == [0, 0, 0, 1000], "those of all are used up as well"


# -- invitations --


async def test_of_the_uses_of_an_invitation_the_last_is_had_once(database: str) -> None:
    async with open_postgresql_store(database) as here, open_postgresql_store(database) as there:
        await here.append(CLUB, [CREATED], at_ms=1)
        for n in range(6):
            await here.add_invite(Invitation(HASH, CLUB, ADA.id, 1, None, 1))
            outcomes = await at_once(partial(come, here, f"p-a{n}"), partial(come, there, f"p-b{n}"))
            assert {type(outcome) for outcome in outcomes} == {Denied, Event}, outcomes
            assert await there.find_invite(HASH) is None


async def test_nobody_comes_by_an_invitation_after_it_was_revoked(nodes: Nodes) -> None:
    await nodes.here.append(CLUB, [CREATED], at_ms=1)
    await nodes.here.add_invite(Invitation(HASH, CLUB, ADA.id, 1, None, None))
    accept = partial(come, nodes.here, "p-bob")
    outcome = await nodes.meanwhile(lambda there: rooms.void_invites(there, CLUB), accept)
    assert isinstance(outcome, Denied)


@pytest.mark.parametrize("is_same", [True, False], ids=["one person", "two people"])
async def test_an_owner_link_makes_one_owner(database: str, is_same: bool) -> None:
    async with open_postgresql_store(database) as here, open_postgresql_store(database) as there:
        await know(here, "p-a", "p-b")
        for n in range(6):
            link = hashlib.sha256(bytes([n])).digest()
            await here.add_owner_link(link, ends_ms=100, at_ms=1)

            async def own(store: Store, person: str, link: bytes = link, n: int = n) -> Outcome:
                draft = Draft("role", person, "X", f"own {n}", write_body(Role(person, "owner", link.hex())))
                (outcome,) = await store.append(SERVER_ROOM, [draft], at_ms=2)
                return outcome

            one, other = ("p-a", "p-a") if is_same else ("p-a", "p-b")
            outcomes = await at_once(partial(own, here, one), partial(own, there, other))
            first = {type(outcome) for outcome in outcomes}
            assert first == ({Event, Repeat} if is_same else {Event, Denied}), outcomes
            assert not await there.is_owner_link(link, at_ms=2)
            assert (await here.server()).roles == (await there.server()).roles


async def test_of_two_recovery_codes_that_are_made_at_once_one_is_good(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    await nodes.meanwhile(
        lambda there: devices.set_recovery_code(there, ADA.id, b"there", 1),
        partial(nodes.here.set_recovery_code, ADA.id, b"here", 2),
    )
    assert [await nodes.here.find_recovery_code(code) for code in (b"there", b"here")] == [None, ADA.id]


# -- what never goes back --


async def test_a_read_marker_never_goes_back_whoever_moves_it(nodes: Nodes) -> None:
    await nodes.here.append(CLUB, [CREATED], at_ms=1)
    await nodes.meanwhile(
        lambda there: read_markers.move_read_markers(there, [ReadMarker(CLUB, ADA.id, 9, 8)], 1),
        partial(nodes.here.move_read_markers, [ReadMarker(CLUB, ADA.id, 7, 7)], 2),
    )
    assert await nodes.here.read_markers(CLUB) == [ReadMarker(CLUB, ADA.id, 9, 8)]


async def test_when_somebody_was_here_never_goes_back(nodes: Nodes) -> None:
    await know(nodes.here, ADA.id)
    device = f"d-{ADA.id.encode().hex()}"

    def note_there(there: PostgresqlConnection) -> None:
        people.note_seen(there, [ADA.id], 9)
        devices.note_devices_used(there, [device], 9)

    await nodes.meanwhile(note_there, partial(nodes.here.note_seen, [ADA.id], 7))
    await nodes.meanwhile(note_there, partial(nodes.here.note_devices_used, [device], 7))
    assert [profile.seen_ms for profile in await nodes.here.people([ADA.id])] == [9]
    assert [device.used_ms for device in await nodes.here.devices(ADA.id)] == [9]


async def test_nodes_that_write_the_same_in_other_orders_do_not_wait_for_each_other_for_ever(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [f"p-{n}" for n in range(40)]

    def calls(store: Store, order: Sequence[str]) -> list[Callable[[], Awaitable[object]]]:
        moves = [ReadMarker(CLUB, person, 2, 2) for person in order]
        return [
            partial(store.move_read_markers, moves, 2),
            partial(store.note_seen, order, 2),
            partial(store.note_devices_used, [f"d-{person.encode().hex()}" for person in order], 2),
            partial(store.note_addresses, [(person, HASH) for person in order], 2),
        ]

    async with open_postgresql_store(database) as here, open_postgresql_store(database) as there:
        await here.append(CLUB, [CREATED], at_ms=1)
        await know(here, *ids)
        for call, same in zip(calls(here, ids), calls(there, ids[::-1]), strict=True):
            for _ in range(6):
                await at_once(call, same)
        with closing(PostgresqlConnection(connector(database))) as observer:
            deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            assert observer.execute(deadlocks).get == 0
    assert not caplog.records
