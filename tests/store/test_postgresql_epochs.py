"""Epochs over PostgreSQL: whenever the database may hold less than what people were told, no number is used twice.

With real standbys that are promoted, with and without what they should have, and with copies, dumps and snapshots that
are put in place of the database.
"""

# ruff: noqa: ASYNC110, ASYNC240  # what is waited for is in another process; nothing else runs while files are read

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import attrs
import psycopg
import pytest
import trio

from tests.support.postgresql import cluster, new_cluster
from trio_chat.config.config import Config
from trio_chat.errors import StoreUnavailable
from trio_chat.model.events import Draft, Event
from trio_chat.rooms.registry import open_rooms
from trio_chat.store.mark_file import TornMark, encoded_mark
from trio_chat.store.postgresql import transactions
from trio_chat.store.postgresql.epochs import Found, loss
from trio_chat.store.postgresql.mark import NAME, SIZE, Mark, read_node_mark
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.postgresql import Cluster
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.store.postgresql.store import PostgresqlStore

LIMIT_S = 300
"""A crowded machine is slow."""


# -- what is told of losses, and what is not --

MARK = Mark("1/2/3", timeline=4, epochs=5, node="n-1", batch=6, is_replicated=True)
FOUND = Found("1/2/3", 4, True, True, 5, "1/2/3", 4, 6)  # as the database says it


@pytest.mark.parametrize(
    ("found", "mark", "beginning"),
    [
        (FOUND, None, None),
        (FOUND, MARK, None),
        (FOUND._replace(batch=7), MARK, None),
        (FOUND._replace(batch=5), MARK, "LOST"),
        (FOUND._replace(batch=None), MARK, "LOST"),
        (FOUND._replace(batch=None), MARK._replace(batch=0), None),
        (FOUND._replace(epochs=6, batch=None), MARK, None),
        (FOUND._replace(epochs=4), MARK, "is older"),
        (FOUND._replace(known_database=None, batch=None), None, None),
        (FOUND._replace(database="9/2/3"), None, "is a copy"),
        (FOUND, MARK._replace(database="9/2/3"), "is not the one"),
        (FOUND._replace(timeline=5), MARK, None),
        (FOUND._replace(timeline=5), None, None),
        (FOUND._replace(timeline=5), MARK._replace(is_replicated=False), "was promoted"),
        (FOUND._replace(timeline=5, known_timeline=5), MARK._replace(is_replicated=False), "was promoted"),
        (FOUND._replace(timeline=5, is_replicated=False), MARK, "was promoted"),
        (FOUND._replace(timeline=5, was_replicated=False), None, "was promoted"),
        (FOUND._replace(timeline=5, was_replicated=False, epochs=6, known_timeline=5), MARK, None),
    ],
)
def test_what_may_be_lost_is_told(found: Found, mark: Mark | None, beginning: str | None) -> None:
    why = loss(found, mark)
    assert (why is None) if beginning is None else (why is not None and why.startswith(beginning))


def test_a_mark_is_read_as_it_was_written_and_else_not_believed(tmp_path: Path) -> None:
    path = tmp_path / NAME
    assert read_node_mark(path) is None
    largest = Mark(f"{2**63}/{2**32}/{2**32}", 2**31, 2**62, "n" * 12, 2**62, is_replicated=True)
    for mark in (MARK, MARK._replace(is_replicated=False), largest):
        path.write_bytes(encoded_mark(str(mark), SIZE))
        assert path.stat().st_size == SIZE
        assert read_node_mark(path) == mark
    whole = path.read_bytes()
    for content in (
        b"",
        whole[:-1],
        whole[:50] + b"x" + whole[51:],
        encoded_mark("trio-chat-node 1 a b", SIZE),
    ):
        path.write_bytes(content)
        assert read_node_mark(path) is None
    with pytest.raises(TornMark):
        Mark.of("trio-chat-node 2 1/2/3 4 5 n-1 6 1")


# -- what people were told --


@attrs.define
class Told:
    """What was acknowledged: under which epoch and number which text."""

    numbers: dict[tuple[str, int], str] = attrs.field(factory=dict)
    n: int = 0

    async def say(self, *stores: PostgresqlStore) -> None:
        """Write a message at each of the nodes. No number of an epoch may be another message's."""
        for store in stores:
            self.n += 1
            (outcome,) = await store.append(
                "lobby", [Draft("message", "p-1", "Ada", None, f"{self.n}")], at_ms=1
            )
            assert isinstance(outcome, Event)
            place = (await store.position("lobby")).epoch, outcome.seq
            assert self.numbers.setdefault(place, f"{self.n}") == f"{self.n}"

    @property
    def epochs(self) -> list[str]:
        """The epochs, in their order."""
        return list(dict.fromkeys(epoch for epoch, _ in self.numbers))

    async def are_all_in(self, store: PostgresqlStore) -> bool:
        """Whether the log has everything."""
        log = await store.read_after("lobby", 0, limit=1000, max_bytes=10**6)
        return [event.body for event in log] == list(self.numbers.values())


@asynccontextmanager
async def node(url: str, data: Path) -> AsyncIterator[tuple[PostgresqlStore, RoomRegistry]]:
    """A node with rooms."""
    data.mkdir(exist_ok=True)
    async with (
        open_postgresql_store(url, data=data) as store,
        open_rooms(store, Config(), now_ms=lambda: 1) as rooms,
    ):
        yield store, rooms


async def has_epoch_of(rooms: RoomRegistry, store: PostgresqlStore) -> None:
    """Wait until the lobby is in the epoch of the log."""
    lobby = await rooms.get("lobby")
    with trio.fail_after(LIMIT_S):
        while lobby.epoch != (await store.position("lobby")).epoch:
            await trio.sleep(0.05)


def n_epochs(url: str) -> int:
    """How many epochs of everything were begun in the database."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = 'epochs'").fetchone()
        assert row is not None
        return int(row[0])


# -- standbys --


@attrs.frozen
class Servers:
    """A primary and its standby."""

    primary: Cluster
    standby: Cluster

    @property
    def url(self) -> str:
        """The address of the database, at whichever is written to."""
        return f"postgresql://postgres@/chat?host={self.primary.folder},{self.standby.folder}"

    async def fail_over(self) -> None:
        """The primary dies, and the standby takes its place."""
        await trio.to_thread.run_sync(self.primary.kill)
        await trio.to_thread.run_sync(self.standby.promote)


@contextmanager
def servers(*, waits_for_standbys: bool) -> Iterator[Servers]:
    """Both, started, with an empty database. ``waits_for_standbys``: whether commits do; those of the standby, once it
    is a primary, wait for a third server that follows it."""
    primary = new_cluster()
    primary.settings["full_page_writes"] = "on"  # a copy of a standby needs them
    primary.start()
    primary.ask("CREATE DATABASE chat TEMPLATE template0")
    standby = new_cluster(source=primary, name="standby")
    started = [primary, standby]
    if waits_for_standbys:
        standby.settings["synchronous_standby_names"] = "last"
    standby.start()
    if waits_for_standbys:
        last = new_cluster(source=standby, name="last")
        last.start()
        started.append(last)
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.ask("SELECT pg_reload_conf()")
        primary.wait_for("SELECT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync')")
    try:
        yield Servers(primary, standby)
    finally:
        for server in reversed(started):
            server.stop()


async def test_after_the_promotion_of_a_standby_that_lacks_messages_no_number_is_used_twice(
    tmp_path: Path,
) -> None:
    told = Told()
    with trio.fail_after(LIMIT_S), servers(waits_for_standbys=False) as at:
        async with (
            node(at.url, tmp_path / "one") as (one, rooms_one),
            node(at.url, tmp_path / "two") as (two, rooms_two),
        ):
            await told.say(one, two, one)
            at.standby.wait_for("SELECT count(*) > 0 FROM pg_stat_wal_receiver")
            await trio.to_thread.run_sync(at.standby.kill)
            await told.say(one, two, one, two)  # what the standby lacks
            await trio.to_thread.run_sync(at.primary.kill)
            await trio.to_thread.run_sync(at.standby.start)
            await trio.to_thread.run_sync(at.standby.promote)
            await told.say(two, one, two)
            for rooms, store in ((rooms_one, one), (rooms_two, two)):
                await has_epoch_of(rooms, store)
            assert len(told.epochs) == 2
            assert not await told.are_all_in(one), "a standby that is not waited for may lack something"
            assert n_epochs(at.standby.url("chat")) == 1, "both found the same loss"


async def test_the_promotion_of_a_standby_that_was_waited_for_changes_nothing(tmp_path: Path) -> None:
    told = Told()
    with trio.fail_after(LIMIT_S), servers(waits_for_standbys=True) as at:
        async with (
            node(at.url, tmp_path / "one") as (one, rooms),
            node(at.url, tmp_path / "two") as (two, _),
        ):
            await told.say(one, two, one)
            await at.fail_over()
            await told.say(two, one)
            await has_epoch_of(rooms, one)
            assert len(told.epochs) == 1
            assert await told.are_all_in(two)
        async with node(at.url, tmp_path / "one") as (one, _):
            await told.say(one)
            assert len(told.epochs) == 1


async def test_a_wait_for_a_standby_that_was_given_up_is_no_acknowledgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "DOUBT_S", 1.0)
    monkeypatch.setattr(transactions, "RETRIED_S", 1.0)
    told = Told()
    with trio.fail_after(LIMIT_S), servers(waits_for_standbys=True) as at:
        async with node(at.url, tmp_path / "one") as (store, _):
            await told.say(store)
            before = await trio.to_thread.run_sync(read_node_mark, tmp_path / "one" / NAME)
            assert before is not None
            assert before.is_replicated
            await trio.to_thread.run_sync(at.standby.kill)
            is_over = trio.Event()

            async def give_waits_up() -> None:
                while not is_over.is_set():
                    at.primary.ask(
                        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    )
                    await trio.sleep(0.05)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(give_waits_up)
                with pytest.raises(StoreUnavailable, match="not known"):
                    await store.append("lobby", [Draft("message", "p-1", "Ada", None, "waived")], at_ms=1)
                is_over.set()
            assert (await store.position("lobby")).seq == 2, "whoever reads sees it all the same"
            mark = await trio.to_thread.run_sync(read_node_mark, tmp_path / "one" / NAME)
            assert mark is not None
            assert (mark.batch, mark.is_replicated) == (before.batch, False)
            await trio.to_thread.run_sync(at.primary.kill)
            await trio.to_thread.run_sync(at.standby.start)
            await trio.to_thread.run_sync(at.standby.promote)
            monkeypatch.setattr(transactions, "RETRIED_S", 30.0)
            await told.say(store)
            assert len(told.epochs) == 2, "somebody may have been told of it"


# -- copies --


def name_of(url: str) -> str:
    """The name of the database at this address."""
    return url.partition("?")[0].rpartition("/")[2]


async def test_marks_follow_what_is_told_and_outlive_a_restart(database: str, tmp_path: Path) -> None:
    told = Told()
    for _ in range(3):
        async with open_postgresql_store(database, data=tmp_path) as store:
            await told.say(store)
            mark = read_node_mark(tmp_path / NAME)
            assert mark is not None
            with psycopg.connect(database) as connection:
                rows = connection.execute("SELECT id, batch FROM nodes").fetchall()
            assert rows == [(mark.node, mark.batch)], "the node of before is forgotten"
    assert len(told.epochs) == 1


async def test_a_database_that_was_copied_is_another_one(database: str, tmp_path: Path) -> None:
    told = Told()
    async with open_postgresql_store(database, data=tmp_path) as store:
        await told.say(store)
    copy = cluster().new_database(name_of(database))
    async with open_postgresql_store(cluster().url(copy)) as store:
        await told.say(store)
    assert len(told.epochs) == 2
    cluster().drop(copy)


async def test_a_dump_that_was_restored_is_another_one(database: str, tmp_path: Path) -> None:
    told = Told()
    dump = str(cluster().folder / "dump")
    async with open_postgresql_store(database, data=tmp_path) as store:
        await told.say(store)
        cluster().run("pg_dump", "-Fc", "-f", dump, "-d", database)
        await told.say(store)
    cluster().run("pg_restore", "--clean", "-d", database, dump)
    for _ in range(2):
        async with open_postgresql_store(database) as store:  # whose mark says nothing, as it has none
            await told.say(store)
    assert len(told.epochs) == 2


async def test_a_snapshot_of_the_disk_that_was_put_back_is_found_by_who_wrote_since(tmp_path: Path) -> None:
    told = Told()
    server = new_cluster()
    server.start()
    server.ask("CREATE DATABASE chat TEMPLATE template0")
    data, snapshot = server.folder / "data", server.folder / "snapshot"
    async with open_postgresql_store(server.url("chat"), data=tmp_path) as store:
        await told.say(store)
        await trio.to_thread.run_sync(server.halt)
        server.copy(data, snapshot)
        server.start()
        await told.say(store, store)
        await trio.to_thread.run_sync(server.halt)
        await trio.to_thread.run_sync(data.rename, server.folder / "newer")
        await trio.to_thread.run_sync(snapshot.rename, data)
        server.start()
        await told.say(store)
        assert len(told.epochs) == 2
    assert n_epochs(server.url("chat")) == 1
    server.stop()


async def test_nodes_that_are_told_of_one_loss_at_once_begin_one_epoch(database: str) -> None:
    async with open_postgresql_store(database) as one, open_postgresql_store(database) as two:
        await Told().say(one)
        for room in ("lobby", "nobody-wrote-here"):
            before = (await one.position(room)).epoch
            begun: list[str] = []

            async def begin(store: PostgresqlStore, room: str = room, before: str = before) -> None:
                begun.append((await store.begin_epoch(room, replacing=before)).epoch)  # noqa: B023

            async with trio.open_nursery() as nursery:
                for store in (one, two) * 5:
                    nursery.start_soon(begin, store)
            assert len(set(begun)) == 1
            assert begun[0] != before
            assert (await two.position(room)).epoch == begun[0]


async def test_whoever_owns_the_database_and_nothing_else_can_use_it() -> None:
    """Nothing that is asked of the server needs more than that."""
    cluster().ask("CREATE ROLE chatter LOGIN")
    cluster().ask("CREATE DATABASE of_chatter OWNER chatter TEMPLATE template0")
    async with open_postgresql_store(cluster().url("of_chatter").replace("postgres@", "chatter@")) as store:
        await Told().say(store)
    cluster().drop("of_chatter")
