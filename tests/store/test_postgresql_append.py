"""Appending to PostgreSQL's store: numbers and digests that the server gives, and what is judged without a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.postgresql_audit import audit
from tests.support.thorough import share
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.messages import POST, Post
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.model.chain import GENESIS, SALT_BYTES, chained, digest_of_body
from trio_chat.model.events import Draft, Event, Position
from trio_chat.model.outcomes import Conflict, Denied, Repeat
from trio_chat.store.plan import Row
from trio_chat.store.postgresql.append import PlannedRoom, append_events, find_written
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.postgresql.writer import MAX_ROOMS

if TYPE_CHECKING:
    import pytest

    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.postgresql.store import PostgresqlStore

ADA, BOB, EVE = Who("p-ada", "Ada"), Who("p-bob", "Bob"), Who("p-eve", "Eve")


def message(body: str, client_id: str | None = None, who: Who = ADA) -> Draft:
    return Draft("message", who.id, who.name, client_id, body)


# -- the chain --

TEXTS = st.text(max_size=8)


def row(kind: str, sender: str, name: str, client_id: str | None, at_ms: int, body: str, salt: bytes) -> Row:
    return Row(0, kind, sender, name, client_id, at_ms, body, salt, digest_of_body(salt, body), b"")


ROWS = st.builds(
    row,
    kind=st.sampled_from(["message", "post"]),
    sender=TEXTS,
    name=TEXTS,
    client_id=st.none() | TEXTS,
    at_ms=st.integers(0, 2**53),
    body=TEXTS,
    salt=st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES),
)


@settings(max_examples=share(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    room=TEXTS,
    head=st.sampled_from([0, 8, 9, 10**9]),
    rows=st.lists(ROWS, min_size=1, max_size=4, unique_by=id),
)
def test_the_servers_chain_is_that_of_the_model(room: str, head: int, rows: list[Row], database: str) -> None:
    connection = PostgresqlConnection(connector(database))
    try:
        connection.execute("BEGIN")
        room_id = connection.execute(
            "INSERT INTO rooms (name, epoch, head) VALUES (?, 'e', ?) RETURNING id", (room, head)
        ).get
        # Each command once, as in a plan.
        rows = list(
            {(each.sender, each.client_id or number): each for number, each in enumerate(rows)}.values()
        )
        planned = [PlannedRoom(room_id, room, 0, -1, rows, 7, 100)]
        seqs, digests = append_events(connection, 0, planned).fetchone()
        expected, digest = [], GENESIS
        for seq, each in enumerate(rows, start=head + 1):
            digest = chained(
                digest,
                room=room,
                seq=seq,
                kind=each.kind,
                sender=each.sender,
                name=each.name,
                client_id=each.client_id,
                at_ms=each.at_ms,
                body_digest=each.body_digest,
            )
            expected.append(digest)
        assert seqs == list(range(head + 1, head + 1 + len(rows)))
        assert digests == expected
        found = connection.execute(
            "SELECT head, digest, newest_ms, bytes FROM rooms WHERE id = ?", (room_id,)
        )
        assert found.get == (seqs[-1], digests[-1], 7, 100)
        placed = [each._replace(seq=seq) for seq, each in enumerate(rows, start=head + 1)]
        if len({each.body_digest for each in rows}) == len(rows):
            assert find_written(connection, [planned[0]._replace(rows=placed)]) == (seqs, digests)
        stored = connection.execute(
            "SELECT sender, name, client_id, body FROM events WHERE room_id = ? ORDER BY seq", (room_id,)
        )
        assert stored.fetchall() == [(each.sender, each.name, each.client_id, each.body) for each in rows]
    finally:
        connection.roll_back()
        connection.close()


# -- guards --


def test_nothing_is_written_to_a_room_that_has_moved_on(database: str) -> None:
    connection = PostgresqlConnection(connector(database))
    one, two, three = (
        row("message", f"p-{n}", "Ada", f"c{n}", 1, f"m{n}", bytes(SALT_BYTES)) for n in range(3)
    )
    ids = [
        connection.execute(
            "INSERT INTO rooms (name, epoch, rules_seq, head) VALUES (?, 'e', 5, 9) RETURNING id", (name,)
        ).get
        for name in ("one", "two", "three")
    ]

    def ask(rooms: list[PlannedRoom], server_rules: int = 0) -> list[int | None]:
        seqs: list[int | None] = append_events(connection, server_rules, rooms).fetchone()[0]
        return seqs

    good = PlannedRoom(ids[0], "one", 5, -1, [one], 1, 1)
    # Rules that are newer, a head that is another one.
    assert ask(
        [
            good,
            PlannedRoom(ids[1], "two", 4, -1, [two], 1, 1),
            PlannedRoom(ids[2], "three", 5, 8, [three], 1, 1),
        ]
    ) == [
        10,
        None,
        None,
    ]
    # A command that is known: all of that room is to be judged anew.
    assert ask([PlannedRoom(ids[1], "two", 5, 9, [one, two], 1, 1)]) == [None, None]
    # A server whose rules are newer.
    assert ask([PlannedRoom(ids[1], "two", 5, 9, [two], 1, 1)], server_rules=1) == [None]
    assert ask([PlannedRoom(ids[1], "two", 5, 9, [two], 1, 1)]) == [10]
    assert connection.execute("SELECT count(*) FROM events").get == 2
    connection.close()


async def test_what_another_node_has_decided_holds_for_the_next_message(database: str) -> None:
    async with open_postgresql_store(database) as one, open_postgresql_store(database) as other:
        created = Created("private", members=(ADA, BOB, EVE))
        room = "~aaaaaaaaaaaaaaaa"

        async def say(store: PostgresqlStore, body: str, who: Who) -> Outcome:
            (outcome,) = await store.append(room, [message(body, who=who)], at_ms=1)
            return outcome

        await one.append(room, [Draft("created", ADA.id, ADA.name, None, write_body(created))], at_ms=1)
        assert isinstance(await say(other, "a", BOB), Event)  # and now it remembers the members
        gone = Draft("member", BOB.id, BOB.name, None, write_body(Membership(BOB, on=False)))
        await one.append(room, [gone], at_ms=1)
        assert isinstance(await say(other, "b", BOB), Denied)
        quiet = Draft("settings", ADA.id, ADA.name, None, write_body(Settings(writers="moderators")))
        assert isinstance(await say(other, "c", EVE), Event)
        await one.append(room, [quiet], at_ms=1)
        assert isinstance(await say(other, "d", EVE), Denied)
        assert isinstance(await say(other, "e", ADA), Event)


async def test_a_slow_room_is_slow_on_all_nodes_together(database: str) -> None:
    slow = Draft("settings", ADA.id, ADA.name, None, write_body(Settings(slow_s=60)))
    created = Draft("created", ADA.id, ADA.name, None, write_body(Created("public", members=(ADA,))))
    async with open_postgresql_store(database) as one, open_postgresql_store(database) as other:
        await one.append("garden", [created, slow], at_ms=1)

        async def say(store: PostgresqlStore, at_ms: int) -> Outcome:
            (outcome,) = await store.append("garden", [message("hello", who=BOB)], at_ms=at_ms)
            return outcome

        assert isinstance(await say(one, 1_000_000), Event)
        assert isinstance(await say(other, 1_059_000), Denied)
        assert isinstance(await say(other, 1_060_000), Event)
        assert isinstance(await say(one, 1_119_000), Denied)
        both: list[Outcome] = []

        async def add(store: PostgresqlStore) -> None:
            both.append(await say(store, 2_000_000))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(add, one)
            nursery.start_soon(add, other)
        assert {type(outcome) for outcome in both} == {Event, Denied}


async def test_epochs_that_another_node_has_begun_are_seen(database: str) -> None:
    async with open_postgresql_store(database) as one, open_postgresql_store(database) as other:
        await one.append("lobby", [message("a")], at_ms=1)
        begun = await other.begin_epoch("lobby")
        assert begun.seq == 1
        assert await one.position("lobby") == begun == Position(1, begun.epoch)


async def test_what_was_judged_by_a_log_that_lost_events_since_is_judged_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer to a message that a failover lost: between the look at the log and the append."""
    async with open_postgresql_store(database) as store:
        await store.append("lobby", [message("a")], at_ms=1)
        await store.append("lobby", [message("lost")], at_ms=2)
        transactions = store._writer.transactions  # type: ignore[attr-defined]
        run = transactions.run

        def fail_over(*args: Any, **options: Any) -> Any:  # noqa: ANN401
            monkeypatch.undo()
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("DELETE FROM events WHERE seq = 2")
                connection.execute(
                    "UPDATE rooms SET head = 1, digest = (SELECT digest FROM events WHERE seq = 1) WHERE name = 'lobby'"
                )
                connection.execute("UPDATE meta SET value = '1' WHERE key = 'epochs'")
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            return run(*args, **options)

        monkeypatch.setattr(transactions, "run", fail_over)
        answer = Draft(POST, ADA.id, ADA.name, "c1", write_body(Post("yes", reply_to=2)))
        (outcome,) = await store.append("lobby", [answer], at_ms=3)
        assert isinstance(outcome, Denied)
        assert outcome.code == "no_such_message"
        assert (await store.position("lobby")).seq == 1


# -- groups --


async def test_more_rooms_than_fit_a_transaction_are_all_written(database: str) -> None:
    async with open_postgresql_store(database) as store:
        told: list[tuple[str, Outcome]] = []

        async def say(room: str, body: str) -> None:
            (outcome,) = await store.append(room, [message(body)], at_ms=1)
            told.append((body, outcome))

        rooms = [f"room-{number}" for number in range(2 * MAX_ROOMS + 3)]
        async with trio.open_nursery() as nursery:
            for number, room in enumerate(rooms):
                nursery.start_soon(say, room, f"message {number}")
        await audit(store, rooms, told)
        assert store.statistics().commits < 10


async def test_repeats_within_a_group_have_the_number_of_the_first(database: str) -> None:
    async with open_postgresql_store(database) as store, open_postgresql_store(database) as other:
        await other.append("one", [message("x")], at_ms=1)
        outcomes = await store.append(
            "one", [message("a", "c1"), message("b", "c2"), message("a", "c1"), message("z", "c2")], at_ms=1
        )
        assert [type(outcome) for outcome in outcomes] == [Event, Event, Repeat, Conflict]
        assert [outcome.seq for outcome in outcomes if not isinstance(outcome, Denied)] == [2, 3, 2, 3]
        told: list[Outcome] = []

        async def say(room: str) -> None:
            told.extend(await store.append(room, [message("d", "c4")], at_ms=1))

        async with trio.open_nursery() as nursery:
            for room in ("one", "two", "one", "three"):
                nursery.start_soon(say, room)
        assert len({(each.room, each.seq) for each in told if not isinstance(each, Denied)}) == 1
        assert sum(isinstance(each, Event) for each in told) == 1


async def test_a_deleted_row_of_the_node_is_made_again(database: str) -> None:
    async with open_postgresql_store(database) as store:
        with psycopg.connect(database, autocommit=True) as by_hand:
            by_hand.execute("DELETE FROM nodes")
        assert isinstance((await store.append("one", [message("a")], at_ms=1))[0], Event)
        with psycopg.connect(database, autocommit=True) as by_hand:
            assert by_hand.execute("SELECT count(*) FROM nodes").fetchone() == (1,)
