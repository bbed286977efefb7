"""A log with many people, rooms, members or messages, written by the store itself, before a server is started on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

import trio

from bench.measure import MeasureError
from trio_chat.kinds.facts import LOBBY, PUBLIC
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.rooms import CREATED, MEMBER, Created, Membership
from trio_chat.model.events import MESSAGE, Draft, Event, Person
from trio_chat.model.names import normal_name
from trio_chat.model.tokens import hash_of
from trio_chat.ops.stores import DATABASE
from trio_chat.people.devices import new_device
from trio_chat.store.sql.search_index import index_more
from trio_chat.store.sqlite.file import connect_to_write
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from trio_chat.kinds.forms import Body
    from trio_chat.model.records import Device
    from trio_chat.store.base import Store

AT_ONCE = 1_000
AT_MS = 1_700_000_000_000


class Population:
    """What was written to the log in this directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tokens: list[str] = []
        """Of all people, by which they log in."""
        self._people: list[Person] = []
        self._n_events = 0
        self._n_rooms = 0

    def add_people(self, count: int) -> None:
        """More people, until there are so many."""
        trio.run(self._add_people, count)

    def add_rooms(self, count: int) -> None:
        """More public rooms (`name_of_room`), until there are so many."""
        trio.run(self._add_rooms, count)

    def add_members(self, room: str, people: range) -> None:
        """These people, by number, become members of a public room, which begins if there is none."""
        trio.run(self._add_members, room, people)

    def add_to_list(self, person: int, rooms: range) -> None:
        """These rooms are in the list of this person."""
        trio.run(self._add_to_list, person, rooms)

    def add_messages(self, texts: Iterable[str]) -> None:
        """More messages of one person in the lobby, with their index."""
        trio.run(self._add_messages, texts)
        connection = connect_to_write(self.directory / DATABASE, vfs=None)
        is_more = True
        while is_more:
            with connection:
                is_more = index_more(connection, 500)
        connection.close()

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        async with open_sqlite_store(self.directory / DATABASE, synchronous="OFF") as store:
            yield store

    async def _add_people(self, count: int) -> None:
        async with self._store() as store:
            while len(self._people) < count:
                numbers = range(len(self._people), min(count, len(self._people) + AT_ONCE))
                added = [Person(f"p-{number}", f"Person {number:06}") for number in numbers]
                self._people += added
                async with trio.open_nursery() as nursery:
                    for person in added:
                        token, device = new_device("", AT_MS)
                        self.tokens.append(token)
                        nursery.start_soon(_add_person, store, person, token, device)

    def _draft(self, kind: str, person: Person, body: str) -> Draft:
        self._n_events += 1
        return Draft(kind, person.id, person.name, f"e-{self._n_events}", body)

    async def _append(self, store: Store, room: str, drafts: Sequence[Draft]) -> None:
        for start in range(0, len(drafts), AT_ONCE):
            outcomes = await store.append(room, drafts[start : start + AT_ONCE], at_ms=AT_MS)
            wrong = [outcome for outcome in outcomes if not isinstance(outcome, Event)]
            if wrong:
                raise MeasureError(f"What was to be measured could not be written: {wrong[0]}")

    def _begin(self, owner: Person) -> Draft:
        return self._draft(CREATED, owner, write_body(Created(PUBLIC, "", "", (Who.of(owner),))))

    def _become_member(self, person: Person) -> Draft:
        body: Body = Membership(Who.of(person), on=True)
        return self._draft(MEMBER, person, write_body(body))

    async def _add_rooms(self, count: int) -> None:
        async with self._store() as store:
            while self._n_rooms < count:
                numbers = range(self._n_rooms, min(count, self._n_rooms + AT_ONCE))
                self._n_rooms = numbers.stop
                async with trio.open_nursery() as nursery:
                    for number in numbers:
                        owner = self._people[-1 - number % (len(self._people) // 2)]
                        drafts = [self._begin(owner), self._draft(MESSAGE, owner, "First!")]
                        nursery.start_soon(self._append, store, name_of_room(number), drafts)

    async def _add_members(self, room: str, people: range) -> None:
        async with self._store() as store:
            if (await store.position(room)).seq == 0:
                await self._append(store, room, [self._begin(self._people[people.start])])
                people = people[1:]
            await self._append(store, room, [self._become_member(self._people[one]) for one in people])

    async def _add_to_list(self, person: int, rooms: range) -> None:
        async with self._store() as store:
            for number in rooms:
                await self._append(store, name_of_room(number), [self._become_member(self._people[person])])

    async def _add_messages(self, texts: Iterable[str]) -> None:
        source = iter(texts)
        async with self._store() as store:
            while part := list(islice(source, AT_ONCE)):
                await self._append(
                    store, LOBBY, [self._draft(MESSAGE, self._people[0], text) for text in part]
                )


async def _add_person(store: Store, person: Person, token: str, device: Device) -> None:
    _, key = normal_name(person.name)
    await store.add_person(person, name_key=key, device=device, token_hash=hash_of(token), known_ms=0)


def name_of_room(number: int) -> str:
    """The name of a room that was made by `Population.add_rooms`."""
    return f"room-{number}"
