"""Newcomers in the store: since when people are known, who brought whom in, and which addresses are kept."""

from __future__ import annotations

from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.people import add_person
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.forms import Body, write_body
from trio_chat.kinds.moderation import Knock, Restriction
from trio_chat.kinds.modes import Mode, Trust
from trio_chat.kinds.newcomers import NOT_YET
from trio_chat.kinds.roles import Role
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.records import Device
from trio_chat.model.times import DAY_MS
from trio_chat.store.sql.newcomers import ADDRESSES_KEPT_MS, ADDRESSES_OF_GUESTS, ADDRESSES_OF_PERSON

AT_MS = 1_000 * DAY_MS
ADA = "p-ada"


def draft(kind: str, body: Body, sender: str = ADA) -> Draft:
    return Draft(kind, sender, "Name", None, write_body(body))


def _device(person: str) -> Device:
    return Device(f"d-{person}", "", 7, 7)


async def test_what_is_decided_in_the_server_room_says_since_when_people_are_known() -> None:
    async with open_memory_store() as store:
        people = (ADA, "p-new", "p-late", "p-staff")
        for person in people:
            await store.add_person(
                Person(person, person),
                name_key=person,
                device=_device(person),
                token_hash=person.encode(),
                known_ms=None if person == ADA else NOT_YET,
            )
        await store.add_owner_link(b"\xcd" * 32, ends_ms=AT_MS + 1, at_ms=AT_MS)

        async def known(*drafts: Draft) -> dict[str, int]:
            for one in drafts:
                (outcome,) = await store.append(SERVER_ROOM, [one], at_ms=AT_MS)
                assert isinstance(outcome, Event), outcome
            return await store.known_ms([*people, "p-nobody"])

        assert await known() == {ADA: 7, "p-new": NOT_YET, "p-late": NOT_YET, "p-staff": NOT_YET}
        after = await known(
            draft("role", Role(ADA, "owner", "cd" * 32)),
            draft("mode", Mode("knock")),
            *[draft("knock", Knock(person, on=True), sender=person) for person in people[1:]],
            draft("trust", Trust("p-new", on=True)),
            draft("role", Role("p-staff", "moderator")),
        )
        assert after == {ADA: 0, "p-new": 0, "p-late": NOT_YET, "p-staff": 0}
        assert (await store.server()).knocking == {"p-late"}
        after = await known(draft("trust", Trust("p-new", on=False)), draft("mode", Mode("open")))
        assert after == {ADA: 0, "p-new": 7, "p-late": 7, "p-staff": 0}
        assert (await store.state(SERVER_ROOM)).knocking == ()


async def test_of_each_person_few_addresses_are_kept_for_a_month_and_of_all_guests_together_many() -> None:
    disk = MemoryDisk()
    async with open_memory_store(disk) as store:
        for n in range(ADDRESSES_OF_PERSON + 5):
            await store.note_addresses([("p-1", b"%d" % n), ("p-2", b"same")], AT_MS + n)
        kept = store.addresses()
        assert {address for person, address in kept if person == "p-1"} == {
            b"%d" % n for n in range(5, ADDRESSES_OF_PERSON + 5)
        }
        assert [address for person, address in kept if person == "p-2"] == [b"same"]
        for n in range(3):
            guests = [(f"g-{n}-{k}", b"x") for k in range(ADDRESSES_OF_GUESTS // 2)]
            await store.note_addresses(guests, AT_MS + 100 + n)
        kept = store.addresses()
        assert sum(person.startswith("g-") for person, _ in kept) == ADDRESSES_OF_GUESTS
        assert "p-2" in dict(kept)
        await store.note_addresses([("p-3", b"y")], AT_MS + ADDRESSES_KEPT_MS + 1000)
        assert store.addresses() == [("p-3", b"y")]


async def test_bans_of_addresses_end_with_the_ban_or_after_a_month() -> None:
    async with open_memory_store() as store:
        await add_person(store, Person(ADA, "Ada"), name_key="ada", token_hash=b"ada", at_ms=1)
        await store.add_owner_link(b"\xcd" * 32, ends_ms=AT_MS + 1, at_ms=AT_MS)
        await store.append(SERVER_ROOM, [draft("role", Role(ADA, "owner", "cd" * 32))], at_ms=AT_MS)
        await store.note_addresses([("p-1", b"long ago")], AT_MS - ADDRESSES_KEPT_MS)
        await store.note_addresses([("p-1", b"home")], AT_MS)

        async def banned(body: Restriction) -> dict[bytes, int]:
            await store.append(SERVER_ROOM, [draft("ban", body)], at_ms=AT_MS)
            return await store.banned_addresses(at_ms=AT_MS)

        soon = AT_MS + DAY_MS
        assert await banned(Restriction("p-1", on=True)) == {}
        for_ever = await banned(Restriction("p-1", on=True, addresses=True))
        assert for_ever == {b"home": AT_MS + ADDRESSES_KEPT_MS}
        assert await banned(Restriction("p-1", on=True, until_ms=soon, addresses=True)) == {b"home": soon}
        assert await store.banned_addresses(at_ms=soon) == {}
        assert await banned(Restriction("p-1", on=False)) == {}


async def test_a_branch_is_bounded_and_ends_where_it_comes_back_to_itself() -> None:
    async with open_memory_store() as store:
        for n in range(6):
            await add_person(
                store,
                Person(f"p-{n}", f"{n}"),
                name_key=f"{n}",
                token_hash=b"%d" % n,
                at_ms=n,
                invited_by=f"p-{(n - 1) % 6}",
            )
        found = await store.branch("p-0", limit=10)
        assert [(one.id, one.by, one.at_ms) for one in found] == [
            (f"p-{n}", f"p-{n - 1}", n) for n in range(1, 6)
        ]
        assert [one.id for one in await store.branch("p-0", limit=2)] == ["p-1", "p-2"]
