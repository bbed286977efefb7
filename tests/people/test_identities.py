"""Identities: tokens, names, guests."""

from __future__ import annotations

import hashlib
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.memory_store import MemoryDisk, MemoryStore, open_memory_store
from tests.support.people import add_person
from tests.support.raw import PATIENCE_S
from trio_chat.errors import Refused, StoreUnavailable
from trio_chat.kinds.newcomers import NOT_YET
from trio_chat.model.events import Person
from trio_chat.model.names import KEPT_NAME_MS, generated_name, normal_name
from trio_chat.model.tokens import hash_of
from trio_chat.people.devices import Devices
from trio_chat.people.identities import Identities

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


class SameName(random.Random):
    """A random generator that always chooses the first, so that every generated name is the same."""

    def choice(self, seq):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        return seq[0]


FIRST_NAME = generated_name(SameName())


@asynccontextmanager
async def open_people(
    disk: MemoryDisk | None = None, *, now_ms: Callable[[], int] = lambda: 1000
) -> AsyncIterator[tuple[Identities, MemoryStore]]:
    """Identities over an empty store; all generated names are the same at first."""
    with trio.fail_after(PATIENCE_S):
        async with open_memory_store(disk) as store:
            yield Identities(store, rng=SameName(7), now_ms=now_ms), store


async def authenticate(store: MemoryStore, token: str) -> Person:
    """The person of this token."""
    devices = Devices(
        store, await store.server_identity(), now_ms=lambda: 1000, on_logged_out=lambda person, ids: None
    )
    return (await devices.authenticate(token)).person


async def refusal(made: Awaitable[object]) -> str:
    """The error code with which this is refused."""
    with pytest.raises(Refused) as caught:
        await made
    return caught.value.code


async def test_a_token_gives_back_the_same_person() -> None:
    disk = MemoryDisk()
    async with open_people(disk) as (people, store):
        login, token = await people.register("Ada")
        ada = login.person
        assert await authenticate(store, token) == ada
    async with open_people(disk) as (people, store):
        assert await authenticate(store, token) == ada


@pytest.mark.parametrize("known_ms", [None, NOT_YET, 5])
async def test_who_registers_need_not_be_asked_for(known_ms: int | None) -> None:
    async with open_people() as (people, store):
        login, token = await people.register("Ada", device_name="Firefox on Linux", known_ms=known_ms)
        assert login == await store.find_login(hash_of(token))


async def test_an_unknown_token_is_refused() -> None:
    async with open_people() as (people, store):
        _, token = await people.register("Ada")
        for wrong in ("", token[:-1], token + "x", token.swapcase()):
            assert await refusal(authenticate(store, wrong)) == "unknown_token"


async def test_the_store_never_sees_a_token() -> None:
    disk = MemoryDisk()
    async with open_people(disk) as (people, _):
        _, token = await people.register("Ada")
    assert token.encode() not in disk.contents()


async def test_a_name_is_taken_whatever_its_case_or_unicode_form() -> None:
    async with open_people() as (people, _):
        await people.register("Straße")
        for name in ("Straße", "straße", "STRASSE", "  Straße "):
            assert await refusal(people.register(name)) == "name_taken"


async def test_a_name_that_breaks_a_rule_is_refused() -> None:
    async with open_people() as (people, _):
        assert await refusal(people.register("")) == "bad_name"
        assert await refusal(people.register("x" * 41)) == "bad_name"


async def test_of_two_concurrent_registrations_of_a_name_one_succeeds() -> None:
    async with open_people() as (people, _):
        got: list[str] = []

        async def want() -> None:
            try:
                got.append((await people.register("Ada"))[0].person.name)
            except Refused as refused:
                got.append(refused.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(want)
            nursery.start_soon(want)
        assert sorted(got) == ["Ada", "name_taken"]


async def test_without_a_name_a_free_one_is_generated() -> None:
    async with open_people() as (people, _):
        names = [(await people.register(None))[0].person.name for _ in range(5)]
        assert names[0] == FIRST_NAME
        assert len({normal_name(name)[1] for name in names}) == 5


async def test_renaming_keeps_the_person_and_the_old_name_for_a_time() -> None:
    now = 1000
    async with open_people(now_ms=lambda: now) as (people, store):
        login, token = await people.register("Ada")
        ada = login.person
        renamed = await people.rename(ada, "Ada L.")
        assert (renamed.id, renamed.name) == (ada.id, "Ada L.")
        assert await authenticate(store, token) == renamed
        assert await refusal(people.register("Ada")) == "name_taken"
        now += KEPT_NAME_MS
        await people.register("Ada")
        assert await refusal(people.rename(renamed, "ada")) == "name_taken"
        assert (await people.rename(renamed, "ADA L.")).name == "ADA L."  # one's own, written otherwise


async def test_guests_have_names_that_nobody_has() -> None:
    async with open_people() as (people, _):
        await people.register(FIRST_NAME)
        guests = [await people.add_guest() for _ in range(5)]
        keys = {normal_name(guest.name)[1] for guest in guests} | {normal_name(FIRST_NAME)[1]}
        assert len(keys) == 6
        assert len({guest.id for guest in guests}) == 5


async def test_a_guests_name_is_free_again_after_they_left() -> None:
    async with open_people() as (people, _):
        guest = await people.add_guest()
        login, _ = await people.register("Ada")
        ada = login.person
        assert await refusal(people.register(guest.name)) == "name_taken"
        assert await refusal(people.rename(ada, guest.name)) == "name_taken"
        people.remove_guest(guest)
        await people.register(guest.name)


async def test_a_guest_and_a_new_person_never_get_the_same_name() -> None:
    async with open_people() as (people, store), trio.open_nursery() as nursery:
        with store.holding_commits():
            nursery.start_soon(people.register, FIRST_NAME)
            await trio.testing.wait_all_tasks_blocked()
            guest = await people.add_guest()
        assert guest.name != FIRST_NAME


async def test_a_guest_who_cannot_be_added_reserves_no_name() -> None:
    async with open_people() as (people, store):
        with store.unavailable(), pytest.raises(StoreUnavailable):
            await people.add_guest()
        with trio.CancelScope() as scope:
            scope.cancel()
            await people.add_guest()
        assert (await people.add_guest()).name == FIRST_NAME


async def test_a_name_that_looks_like_another_persons_is_taken() -> None:
    async with open_people() as (people, _):
        await people.register("Alice")
        login, _ = await people.register("Роса")  # Cyrillic through and through, and nobody is called Poca
        guest = login.person
        for name in ("\u0430lice", "\u0410LICE", "Al\u0456ce"):  # with a Cyrillic a, A, i
            with pytest.raises(Refused, match="looks so"):
                await people.register(name)
            with pytest.raises(Refused, match="looks so"):
                await people.rename(guest, name)


async def test_a_name_cannot_have_stacked_combining_marks() -> None:
    async with open_people() as (people, _):
        with pytest.raises(Refused, match="marks"):
            await people.register("Z" + "\u0323\u0308" * 6)
        await people.register("Nguyễn Thị Ngọc")
        await people.register("कृष्णा")


async def test_a_reserved_name_is_refused_but_kept_by_a_person_who_has_it() -> None:
    async with open_people() as (people, store):
        login, _ = await people.register("Ada")
        ada = login.person
        for name in ("Admin", "\u0410D\u041c\u0406N", "Ada (admin)", "Ada \u2713"):
            assert await refusal(people.register(name)) == "bad_name"
            assert await refusal(people.rename(ada, name)) == "bad_name"
        token = "of before there were reserved names"
        token_hash = hashlib.sha256(token.encode()).digest()
        await add_person(store, Person("p-1", "Admin"), name_key="admin", token_hash=token_hash, at_ms=1)
        root = await authenticate(store, token)
        assert (await people.set_profile(root, name="Admin", colour=3)).name == "Admin"


async def test_a_new_name_that_looks_like_a_guests_is_refused() -> None:
    async with open_people() as (people, _):
        guest = await people.add_guest()
        assert await refusal(people.register(in_other_letters(guest.name))) == "name_taken"


async def test_a_guest_gets_no_name_that_looks_like_a_persons() -> None:
    async with open_people() as (people, _):
        await people.register(in_other_letters(FIRST_NAME))
        assert (await people.add_guest()).name != FIRST_NAME


def in_other_letters(name: str) -> str:
    """A name that looks the same, with Cyrillic letters."""
    twin = name.translate(str.maketrans("AaEeOo", "\u0410\u0430\u0415\u0435\u041e\u043e"))
    assert twin != name
    return twin
