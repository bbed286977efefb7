"""What other nodes changed lately is found in PostgreSQL, by its own clock: what was changed, and nothing else."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tests.support.people import add_person
from trio_chat.model.events import MESSAGE, Draft, Person
from trio_chat.model.records import ReadMarker
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from trio_chat.store.base import Store

AGO = "now() - interval '1 hour'"


async def register(store: Store, *names: str) -> None:
    """Register people of these names, whose ids are ``p-`` and the name in small letters."""
    for name in names:
        person = Person(f"p-{name.lower()}", name)
        await add_person(store, person, name_key=name.lower(), token_hash=name.encode(), at_ms=1)


async def names_changed(store: Store, *, limit: int = 100) -> list[str]:
    """The names of those whose profiles were changed in the last minute."""
    return sorted(profile.name for profile in await store.changed_profiles(within_s=60, limit=limit))


async def test_a_store_of_one_node_finds_nothing(store: Store) -> None:
    if not store.has_nodes:
        await register(store, "Ada")
        await store.set_profile("p-ada", at_ms=1, colour=3)
        assert await names_changed(store) == []
        assert await store.moved_read_markers(["lobby"], within_s=60, limit=100) == []


async def test_profiles_that_were_changed_are_found_for_a_while(database: str) -> None:
    async with open_postgresql_store(database) as store:
        await register(store, "Ada", "Bob", "Cy", "Di")
        assert await names_changed(store) == []
        await store.set_profile("p-ada", at_ms=1)
        await store.note_seen(["p-ada", "p-bob"], 5)
        assert await names_changed(store) == [], "nothing of it has changed"
        await store.set_profile("p-ada", at_ms=1, shows_seen=False)
        await store.set_profile("p-bob", at_ms=1, name="Robert", name_key="robert")
        await store.set_profile("p-cy", at_ms=1, colour=3)
        assert await names_changed(store) == ["Ada", "Cy", "Robert"]
        assert len(await names_changed(store, limit=2)) == 2
        with closing(PostgresqlConnection(connector(database))) as connection:
            connection.execute(f"UPDATE people SET changed_at = {AGO} WHERE id IN ('p-ada', 'p-bob')")
        assert await names_changed(store) == ["Cy"]
        await store.set_profile("p-ada", at_ms=1, shows_seen=True)
        assert await names_changed(store) == ["Ada", "Cy"]


async def test_markers_that_moved_are_found_for_a_while(database: str) -> None:
    async with open_postgresql_store(database) as store:
        for room in ("lobby", "garden", "attic"):
            await store.append(room, [Draft(MESSAGE, "p-ada", "Ada", None, "x")] * 5, at_ms=1)
            await store.move_read_markers(
                [ReadMarker(room, "p-ada", 1, 1), ReadMarker(room, "p-bob", 2, 0)], 1
            )

        async def found() -> set[ReadMarker]:
            return set(await store.moved_read_markers(["lobby", "garden", "none"], within_s=60, limit=100))

        assert len(await found()) == 4
        with closing(PostgresqlConnection(connector(database))) as connection:
            connection.execute(f"UPDATE marks SET moved_at = {AGO}")
        assert await found() == set()
        await store.move_read_markers(
            [ReadMarker("lobby", "p-ada", 1, 1), ReadMarker("lobby", "p-bob", 2, 1)], 2
        )
        assert await found() == {ReadMarker("lobby", "p-bob", 2, 1)}
        await store.move_read_markers([ReadMarker("garden", "p-ada", 3, 1)], 3)
        assert await found() == {ReadMarker("lobby", "p-bob", 2, 1), ReadMarker("garden", "p-ada", 3, 1)}
        assert len(await store.moved_read_markers(["lobby", "garden"], within_s=60, limit=1)) == 1
