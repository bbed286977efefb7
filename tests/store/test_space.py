"""Space: who may write what when the disk is nearly full or a quota is used up, and what the quotas count."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.people import add_person, add_token
from trio_chat.errors import Refused
from trio_chat.kinds.facts import SERVER_ROOM, SYSTEM
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.messages import Delete, Edit, Post
from trio_chat.kinds.moderation import Knock, Restriction
from trio_chat.kinds.modes import Mode, Trust
from trio_chat.kinds.personal import Block, Level, PinRoom, Star, Unread
from trio_chat.kinds.pins import Pin
from trio_chat.kinds.reactions import Reaction
from trio_chat.kinds.releases import Release
from trio_chat.kinds.reports import Report, Resolve, Wipe
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.kinds.table import KINDS
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.outcomes import Denied, Repeat
from trio_chat.model.records import Invitation, ReadMarker
from trio_chat.model.times import DAY_MS
from trio_chat.store.space import EVENT_BYTES, NEWCOMER_MS, Space, SpaceLevel, floor_of, level_at
from trio_chat.store.sqlite.schema import MIGRATIONS

if TYPE_CHECKING:
    from tests.support.memory_store import MemoryStore
    from trio_chat.kinds.forms import Body

ADA = Person("p-ada", "Ada")
BOB = Person("p-bob", "Bob")
ADA_WHO = Who(ADA.id, ADA.name)

AT_MS = 1_000 * DAY_MS
LONG_AGO = AT_MS - NEWCOMER_MS


def say(text: str, *, sender: str = ADA.id, client_id: str | None = None) -> Draft:
    return Draft("message", sender, "Somebody", client_id, text)


def change(kind: str, body: Body, *, sender: str = ADA.id) -> Draft:
    return Draft(kind, sender, "Ada", None, write_body(body))


async def denied(store: MemoryStore, *drafts: Draft, room: str = "lobby", at_ms: int = AT_MS) -> list[str]:
    """The code with which each draft is denied; empty for what is written."""
    outcomes = await store.append(room, drafts, at_ms=at_ms)
    return [outcome.code if isinstance(outcome, Denied) else "" for outcome in outcomes]


async def register(store: MemoryStore, person: Person, at_ms: int) -> None:
    await add_person(store, person, name_key=person.name.lower(), token_hash=person.id.encode(), at_ms=at_ms)


def counted(disk: MemoryDisk) -> list[tuple[object, ...]]:
    """What is counted of each room that is not what is in it."""
    return disk.connection.execute(
        """
        SELECT rooms.name, bytes, sum(?1 + coalesce(octet_length(body), 0)) AS found
        FROM rooms JOIN events ON room_id = id GROUP BY id HAVING bytes <> found
        """,
        (EVENT_BYTES,),
    ).fetchall()


# --- the floor ---


async def test_on_a_full_disk_every_kind_of_event_is_refused_but_what_takes_away() -> None:
    before = [
        ("garden", change("created", Created("public", "Garden", members=(ADA_WHO,)))),
        *[("garden", say(f"{n}")) for n in range(3)],
        ("garden", change("member", Membership(Who("p-cy", "Cy"), True), sender="p-cy")),
        (SERVER_ROOM, change("role", Role(ADA.id, "owner", "cd" * 32))),
        (SERVER_ROOM, change("report", Report(BOB.id))),
        ("~club", change("created", Created("private", "Club", members=(ADA_WHO,)))),
    ]
    when_full = {
        "message": ("garden", say("more"), "disk_full"),
        "post": ("garden", change("post", Post("an answer", 2)), "disk_full"),
        "edit": ("garden", change("edit", Edit(2, "other words")), "disk_full"),
        "reaction": ("garden", change("reaction", Reaction(2, "👍", True)), "disk_full"),
        "pin": ("garden", change("pin", Pin(2, True)), "disk_full"),
        "created": ("shed", change("created", Created("public", "Shed", members=(ADA_WHO,))), "disk_full"),
        "settings": ("garden", change("settings", Settings("Park")), "disk_full"),
        "knock": ("~club", change("knock", Knock(BOB.id, True, "ab" * 32), sender=BOB.id), "disk_full"),
        "report": (SERVER_ROOM, change("report", Report(BOB.id)), "disk_full"),
        "resolve": (SERVER_ROOM, change("resolve", Resolve(2, "done")), ""),
        "release": (SERVER_ROOM, change("release", Release(BOB.id, "Bob"), sender=SYSTEM), ""),
        "wipe": ("garden", change("wipe", Wipe(BOB.id, 3)), ""),
        "star": (f"~{ADA.id}", change("star", Star("garden", 2, True)), "disk_full"),
        "hide": (f"~{ADA.id}", change("hide", Star("garden", 2, True)), "disk_full"),
        "level": (f"~{ADA.id}", change("level", Level("garden", "none")), "disk_full"),
        "unread": (f"~{ADA.id}", change("unread", Unread("garden", 2)), "disk_full"),
        "pin_room": (f"~{ADA.id}", change("pin_room", PinRoom("garden", True)), "disk_full"),
        "block": (f"~{ADA.id}", change("block", Block("p-cy", True)), ""),
        "delete": ("garden", change("delete", Delete(2)), ""),
        "mute": ("garden", change("mute", Restriction(BOB.id, on=True)), ""),
        "ban": ("garden", change("ban", Restriction(BOB.id, on=True)), ""),
        "mode": (SERVER_ROOM, change("mode", Mode("invite")), ""),
        "trust": (SERVER_ROOM, change("trust", Trust(ADA.id, on=True)), ""),
        "role": ("garden", change("role", Role("p-cy", "moderator")), ""),
        "member": ("garden", change("member", Membership(ADA_WHO, False)), ""),
    }
    assert when_full.keys() == KINDS.keys(), "a new kind: may it be written when the disk is full?"
    coming = change("member", Membership(Who(BOB.id, "Bob"), True), sender=BOB.id)
    async with open_memory_store() as store:
        await register(store, ADA, LONG_AGO)
        await store.add_owner_link(b"\xcd" * 32, ends_ms=AT_MS + 1, at_ms=AT_MS)
        for room, draft in before:
            assert await denied(store, draft, room=room) == [""]
        await store.add_invite(Invitation(b"\xab" * 32, "~club", ADA.id, AT_MS, None, None))
        store.space.level = SpaceLevel.FULL
        assert await denied(store, coming, room="garden") == ["disk_full"]
        for room, draft, code in when_full.values():
            assert await denied(store, draft, room=room) == [code], draft.kind
        assert await denied(store, change("settings", Settings(picture="")), room="garden") == [""]
        store.space.level = SpaceLevel.ENOUGH
        assert await denied(store, say("again"), room="garden") == [""]


async def test_a_rule_is_told_before_the_lack_of_space() -> None:
    """Nobody learns by a full disk that there is a private room."""
    async with open_memory_store() as store:
        store.space.level = SpaceLevel.FULL
        assert await denied(store, say("hello"), room="~r-guessed") == ["no_such_room"]


async def test_what_is_in_the_log_is_acknowledged_again_on_a_full_disk() -> None:
    async with open_memory_store() as store:
        await store.append("lobby", [say("once", client_id="c1")], at_ms=AT_MS)
        store.space.level = SpaceLevel.FULL
        assert await store.append("lobby", [say("once", client_id="c1")], at_ms=AT_MS) == [Repeat("lobby", 1)]


async def test_when_space_is_low_only_guests_and_newcomers_are_refused() -> None:
    async with open_memory_store() as store:
        await register(store, ADA, LONG_AGO)
        await register(store, BOB, LONG_AGO + 1)
        store.space.level = SpaceLevel.LOW
        some = [say("a"), say("b", sender=BOB.id), say("c", sender="g-1"), say("d", sender="p-nobody")]
        assert await denied(store, *some) == ["", "disk_full", "disk_full", "disk_full"]
        assert await denied(store, *some[:2], at_ms=AT_MS + 1) == ["", ""]
        delete = change("delete", Delete(1), sender=BOB.id)
        assert await denied(store, delete) == ["not_yours"]  # it was asked, so it may be written


async def test_nobody_new_comes_while_space_is_low_and_nothing_is_made_while_the_disk_is_full() -> None:
    async with open_memory_store() as store:
        await register(store, ADA, LONG_AGO)
        await store.append("garden", [say("hello")], at_ms=AT_MS)
        store.space.level = SpaceLevel.LOW
        with pytest.raises(Refused, match="nobody new"):
            await register(store, BOB, AT_MS)
        await store.set_profile(ADA.id, at_ms=AT_MS, colour=3)
        store.space.level = SpaceLevel.FULL
        with pytest.raises(Refused, match="nearly full"):
            await store.set_profile(ADA.id, at_ms=AT_MS, name="Ida", name_key="ida")
        with pytest.raises(Refused, match="nearly full"):
            await store.add_invite(Invitation(b"hash", "garden", ADA.id, AT_MS, None, None))
        # What reading needs goes on.
        await add_token(store, ADA.id, b"another device")
        await store.note_seen([ADA.id], AT_MS)
        await store.move_read_markers([ReadMarker("garden", ADA.id, 1, 1)], AT_MS)
        assert len(await store.read_markers("garden")) == 1
        assert [person.name for person in await store.people([ADA.id, BOB.id])] == ["Ada"]


def test_the_floor_of_a_small_disk_is_a_twentieth_of_it() -> None:
    assert floor_of(500, 1_000_000) == 500
    assert floor_of(500, 2_000) == 100


def test_the_level_follows_the_free_space_and_does_not_go_back_and_forth() -> None:
    full, low, enough = SpaceLevel.FULL, SpaceLevel.LOW, SpaceLevel.ENOUGH
    level, levels = enough, []
    for free in (200, 199, 200, 219, 220, 199, 100, 99, 100, 109, 110, 219, 220, 50, 1000):
        level = level_at(free, 100, level)
        levels.append(level)
    assert levels == [
        *(enough, low, low, low, enough),
        *(low, low, full, full, full, low, low, enough),
        *(full, enough),
    ]
    assert level_at(0, 0, enough) is enough


# --- quotas ---


async def test_a_person_writes_so_much_in_a_day_in_all_rooms_edits_included() -> None:
    async with open_memory_store() as store:
        store.space.person_quota = 5 * (EVENT_BYTES + 1)
        assert await denied(store, say("1"), say("2")) == ["", ""]
        assert await denied(store, say("3"), room="garden") == [""]
        edit = Draft("edit", ADA.id, "Ada", None, write_body(Edit(1, "x" * (EVENT_BYTES - 50))))
        assert await denied(store, edit, say("4"), say("5"), say("6")) == ["", "quota", "quota", "quota"]
        assert await denied(store, say("7", sender=BOB.id)) == [""]
        assert await denied(store, change("delete", Delete(2))) == [""]
        assert await denied(store, say("8"), at_ms=AT_MS + DAY_MS) == [""]


async def test_the_refusal_says_the_figure() -> None:
    async with open_memory_store() as store:
        store.space.person_quota = store.space.room_quota = EVENT_BYTES
        (outcome,) = await store.append("lobby", [say("1")], at_ms=AT_MS)
        assert isinstance(outcome, Denied)
        assert outcome.message.startswith("This room holds 300 bytes, which is all")
        store.space.room_quota = 0
        store.space.person_quota = 20 * 1024**3
        (outcome,) = await store.append("lobby", [say("1" * 20 * 1024**2)], at_ms=AT_MS)
        assert isinstance(outcome, Event)
        store.space.person_quota = 20 * 1024**2
        (outcome,) = await store.append("lobby", [say("1")], at_ms=AT_MS)
        assert isinstance(outcome, Denied)
        assert "You have written 20 MiB today" in outcome.message


async def test_all_guests_together_have_ten_quotas() -> None:
    async with open_memory_store() as store:
        store.space.person_quota = EVENT_BYTES + 1
        guests = [say("1", sender=f"g-{n}") for n in range(12)]
        assert await denied(store, *guests) == [""] * 10 + ["quota"] * 2


async def test_what_was_not_written_is_not_counted() -> None:
    """Neither a repeat, nor a refusal, nor what a full disk gave back."""
    async with open_memory_store() as store:
        store.space.person_quota = 2 * (EVENT_BYTES + 1)
        once = say("1", client_id="c1")
        for _ in range(3):
            assert await denied(store, once) == [""]
            assert await denied(store, change("delete", Delete(99))) == ["no_such_message"]
            with pytest.raises(UnicodeEncodeError):
                await denied(store, say("2"), say("\udcff"))
        assert await denied(store, say("2"), say("3")) == ["", "quota"]


async def test_a_room_holds_so_much_and_deleting_makes_space() -> None:
    disk = MemoryDisk()
    async with open_memory_store(disk) as store:
        store.space.room_quota = 2 * EVENT_BYTES + 1_000
        assert await denied(store, say("x" * 900), say("yy", sender=BOB.id)) == ["", ""]
        assert await denied(store, say("z" * 900), room="garden") == [""]
        assert await denied(store, say("z")) == ["quota"]
    async with open_memory_store(disk) as store:  # it is kept in the database
        store.space.room_quota = 3 * EVENT_BYTES + 1_000
        assert await denied(store, say("z" * 99)) == ["quota"]
        assert await denied(store, change("delete", Delete(1))) == [""]
        assert await denied(store, say("z" * 700)) == ["quota"]  # the deletion is an event as well
        store.space.room_quota += EVENT_BYTES
        assert await denied(store, say("z" * 700)) == [""]
    assert counted(disk) == []


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_counted_of_a_room_is_what_is_in_it(seed: int) -> None:
    rng = random.Random(seed)
    disk = MemoryDisk()
    rooms = ("lobby", "garden")
    async with open_memory_store(disk) as store:
        for _ in range(60):
            room = rng.choice(rooms)
            drafts = []
            for _ in range(rng.randrange(1, 6)):
                target = rng.randrange(1, 40)
                drafts.append(
                    rng.choice(
                        [
                            say("ä" * rng.randrange(1, 200)),
                            change("edit", Edit(target, "ü" * rng.randrange(1, 200))),
                            change("delete", Delete(target)),
                            change("reaction", Reaction(target, "👍", True)),
                        ]
                    )
                )
            await store.append(room, drafts, at_ms=AT_MS)
            assert counted(disk) == []


def test_an_older_log_is_counted_when_it_is_migrated() -> None:
    with closing(apsw.Connection(":memory:")) as connection:
        number = next(n for n, one in enumerate(MIGRATIONS) if one.__name__ == "_count_the_bytes")
        for migration in MIGRATIONS[:number]:
            migration(connection)
        connection.execute(
            """
            INSERT INTO rooms (id, name, epoch) VALUES (1, 'lobby', 'e'), (2, 'empty', 'e');
            INSERT INTO events VALUES
                (1, 1, 'message', 'p-1', 'Ada', NULL, 1, 'grüße', x'00', x'00', x'00'),
                (1, 2, 'message', 'p-1', 'Ada', NULL, 1, NULL, NULL, x'00', x'00');
            """
        )
        MIGRATIONS[number](connection)
        assert connection.execute("SELECT name, bytes FROM rooms ORDER BY id").fetchall() == [
            ("lobby", 2 * EVENT_BYTES + len("grüße".encode())),
            ("empty", 0),
        ]


def test_a_clock_that_goes_back_forgets_the_day() -> None:
    space = Space(person_quota=1)
    space.count({"p-1": 5}, AT_MS)
    space.count({"p-1": 5}, AT_MS + 1)
    assert space.written(AT_MS) == {"p-1": 10}
    assert space.written(AT_MS - 1) == {}
    space.count({}, AT_MS - 1)
    assert space.written(AT_MS) == {}
