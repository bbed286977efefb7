"""Who may do what, as a table: each kind of event, by whom, in which kind of room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from tests.support.facts import SomeStanding
from trio_chat.errors import Refused
from trio_chat.kinds import rules
from trio_chat.kinds.direct import (
    MAX_REQUESTS,
    MAX_REQUESTS_OF_NEW,
    MAX_UNANSWERED,
    MAX_UNANSWERED_EVENTS,
)
from trio_chat.kinds.facts import DIRECT, LOBBY, PERSONAL_ROOM, PRIVATE, PUBLIC, kind_of_new
from trio_chat.kinds.forms import Body, Who, write_body
from trio_chat.kinds.messages import MAX_EDITS, Delete, Edit, Post
from trio_chat.kinds.personal import MAX_BLOCKS, MAX_PERSONAL, Block, Level, PinRoom, Star, Unread
from trio_chat.kinds.pins import MAX_PINS, Pin
from trio_chat.kinds.reactions import MAX_EMOJI, MAX_OF_MESSAGE, MAX_REACTIONS, Reaction
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.kinds.rules import judge
from trio_chat.kinds.standing import DEFAULT_POLICY, MODERATOR, NEW_MS, Policy
from trio_chat.model.events import MESSAGE, Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

OUTSIDER, LEFT, MEMBER, OWNER = WHO = ("p-outsider", "p-left", "p-member", "p-owner")
"""`LEFT` was a member, and wrote message 4."""

INVITE = "ab" * 32
OF_OWNER, OF_MEMBER, DELETED, OF_LEFT, NONE = 1, 2, 3, 4, 99
"""Numbers of messages. `DELETED` was by the member; `NONE` is not there."""

ROOMS = {PUBLIC: "garden", PRIVATE: "~aaaaaaaaaaaaaaaa", DIRECT: "~dbbbb", PERSONAL_ROOM: f"~{MEMBER}"}


@attrs.define
class SomeFacts(SomeStanding):
    """A room with four messages."""

    room: str
    kind: str
    owner: str | None = OWNER
    head: int = 10
    members: tuple[str, ...] = (MEMBER, OWNER)
    given: Mapping[str, Collection[str]] = attrs.field(factory=lambda: {"🐌": WHO})
    """Everybody has put the snail to each message."""
    n_pins: int = 0
    n_edits: int = 0
    keys: Collection[str] = ()
    mentioned_all_ms: Collection[int] = ()
    to_note: Collection[tuple[str, int]] = tuple(
        (room, seq) for room in (LOBBY, "garden") for seq in range(10)
    )
    moderators: tuple[str, ...] = ()

    def role_of(self, person: str) -> str | None:
        if person in self.moderators:
            return MODERATOR
        return "member" if person in self.members else None

    def is_known(self, person: str) -> bool:
        return person.startswith("p-")

    def admits_owner(self, link: str, at_ms: int) -> bool:
        return link == INVITE and at_ms < 100

    asked: str | None = None
    declined: str | None = None
    n_messages: int = 0
    strangers: bool = False
    n_requests: int = 0
    blocking: Collection[tuple[str, str]] = ()

    @property
    def pair(self) -> frozenset[str]:
        return frozenset({MEMBER, OWNER}) if self.kind == DIRECT else frozenset()

    def asked_at(self, person: str) -> int | None:
        return 1 if person == self.asked else None

    def has_declined(self, person: str) -> bool:
        return person == self.declined

    def count_messages(self, after: int) -> int:
        return self.n_messages

    def are_strangers(self, one: str, other: str) -> bool:
        return self.strangers

    def count_requests(self, person: str) -> int:
        return self.n_requests

    def blocks(self, person: str, other: str) -> bool:
        return (person, other) in self.blocking

    def count_blocks(self, person: str) -> int:
        return len(self.blocking)

    def author_of(self, seq: int) -> str | None:
        return {OF_OWNER: OWNER, OF_MEMBER: MEMBER, DELETED: MEMBER, OF_LEFT: LEFT}.get(seq)

    def is_deleted(self, seq: int) -> bool:
        return seq == DELETED

    def count_edits(self, seq: int) -> int:
        return self.n_edits

    def is_member(self, person: str) -> bool:
        return person in self.members

    def reactions_to(self, seq: int) -> Mapping[str, Collection[str]]:
        return self.given

    def has_change(self, target: int, key: str) -> bool:
        return key in self.keys

    def count_changes(self, target: int) -> int:
        return len(self.keys)

    def count_pins(self) -> int:
        return self.n_pins

    def admits(self, invite: str, at_ms: int) -> bool:
        return invite == INVITE and at_ms < 100

    def mentions_of_all(self, person: str, since_ms: int) -> list[int]:
        return sorted((at_ms for at_ms in self.mentioned_all_ms if at_ms > since_ms), reverse=True)

    def is_theirs_to_note(self, person: str, room: str, seq: int) -> bool:
        return (room, seq) in self.to_note


def room_of(kind: str) -> SomeFacts:
    """A room of this kind; a direct one has no owner, a personal one no members."""
    return SomeFacts(
        ROOMS[kind],
        kind,
        owner=OWNER if kind in (PUBLIC, PRIVATE) else None,
        members=() if kind == PERSONAL_ROOM else (MEMBER, OWNER),
    )


def verdict(sender: str, kind: str, body: Body | str, facts: SomeFacts, at_ms: int = 1) -> str:
    """The code of the refusal, or ``ok``."""
    text = body if isinstance(body, str) else write_body(body)
    refused = judge(Draft(kind, sender, "Name", None, text), facts, at_ms)
    return "ok" if refused is None else refused.code


def coming(person: str, invite: str | None = None) -> Membership:
    return Membership(Who(person, "Name"), True, invite)


def leaving(person: str) -> Membership:
    return Membership(Who(person, "Name"), False)


NO_ROOM = "no_such_room"
EVERYBODY = dict.fromkeys(WHO, "ok")
NOBODY_THERE = dict.fromkeys(WHO, NO_ROOM)
MEMBERS = {OUTSIDER: NO_ROOM, LEFT: NO_ROOM, MEMBER: "ok", OWNER: "ok"}


def everybody(code: str) -> dict[str, str]:
    return dict.fromkeys(WHO, code)


def members(code: str) -> dict[str, str]:
    return MEMBERS | {MEMBER: code, OWNER: code}


# By kind and body: in a public, a private, a direct room, what becomes of it by each.
TABLE: list[tuple[str, Body | str, dict[str, str], dict[str, str], dict[str, str]]] = [
    (MESSAGE, "hello", EVERYBODY, MEMBERS, MEMBERS),
    ("post", Post("hello"), EVERYBODY, MEMBERS, MEMBERS),
    ("post", Post("hello", reply_to=OF_OWNER), EVERYBODY, MEMBERS, MEMBERS),
    ("post", Post("hello", reply_to=DELETED), EVERYBODY, MEMBERS, MEMBERS),
    (
        "post",
        Post("hello", reply_to=NONE),
        everybody("no_such_message"),
        members("no_such_message"),
        members("no_such_message"),
    ),
    (
        "edit",
        Edit(OF_MEMBER, "better"),
        everybody("not_yours") | {MEMBER: "ok"},
        members("not_yours") | {MEMBER: "ok"},
        members("not_yours") | {MEMBER: "ok"},
    ),
    (
        "edit",
        Edit(OF_LEFT, "better"),
        everybody("not_yours") | {LEFT: "ok"},
        members("not_yours"),
        members("not_yours"),
    ),
    (
        "edit",
        Edit(DELETED, "better"),
        everybody("not_yours") | {MEMBER: "deleted"},
        members("not_yours") | {MEMBER: "deleted"},
        members("not_yours") | {MEMBER: "deleted"},
    ),
    (
        "edit",
        Edit(NONE, "better"),
        everybody("no_such_message"),
        members("no_such_message"),
        members("no_such_message"),
    ),
    (
        "delete",
        Delete(OF_MEMBER),
        everybody("not_yours") | {MEMBER: "ok", OWNER: "ok"},
        MEMBERS,
        members("not_yours") | {MEMBER: "ok"},
    ),
    (
        "delete",
        Delete(OF_LEFT),
        everybody("not_yours") | {LEFT: "ok", OWNER: "ok"},
        members("not_yours") | {OWNER: "ok"},
        members("not_yours"),
    ),
    (
        "delete",
        Delete(DELETED),
        everybody("not_yours") | {MEMBER: "deleted", OWNER: "deleted"},
        members("deleted"),
        members("not_yours") | {MEMBER: "deleted"},
    ),
    ("reaction", Reaction(OF_OWNER, "🦀", True), EVERYBODY, MEMBERS, MEMBERS),
    ("reaction", Reaction(OF_OWNER, "🐌", False), EVERYBODY, MEMBERS, MEMBERS),
    *(
        (
            "reaction",
            Reaction(OF_OWNER, emoji, is_given),
            everybody("unchanged"),
            members("unchanged"),
            members("unchanged"),
        )
        for emoji, is_given in (("🦀", False), ("🐌", True))
    ),
    (
        "reaction",
        Reaction(DELETED, "🦀", True),
        everybody("deleted"),
        members("deleted"),
        members("deleted"),
    ),
    ("pin", Pin(OF_LEFT, True), EVERYBODY, MEMBERS, MEMBERS),
    (
        "pin",
        Pin(NONE, True),
        everybody("no_such_message"),
        members("no_such_message"),
        members("no_such_message"),
    ),
    (
        "created",
        Created(PUBLIC),
        everybody("already_there"),
        everybody("already_there"),
        everybody("already_there"),
    ),
    (
        "settings",
        Settings(title="Title"),
        everybody("not_yours") | {OWNER: "ok"},
        MEMBERS,
        members("not_yours"),
    ),
    (
        "settings",
        Settings(picture=""),
        everybody("not_yours") | {OWNER: "ok"},
        MEMBERS,
        members("not_yours"),
    ),
    ("settings", Settings(topic="Topic"), EVERYBODY, MEMBERS, members("not_yours")),
    ("star", Star("garden", 1, True), NOBODY_THERE, NOBODY_THERE, NOBODY_THERE),
    ("hide", Star("garden", 1, True), NOBODY_THERE, NOBODY_THERE, NOBODY_THERE),
    ("level", Level("garden", "none"), NOBODY_THERE, NOBODY_THERE, NOBODY_THERE),
    ("unread", Unread("garden", 1), NOBODY_THERE, NOBODY_THERE, NOBODY_THERE),
    ("pin_room", PinRoom("garden", True), NOBODY_THERE, NOBODY_THERE, NOBODY_THERE),
]


@pytest.mark.parametrize(
    ("kind", "body", "public", "private", "direct"),
    TABLE,
    ids=[f"{n}-{row[0]}" for n, row in enumerate(TABLE)],
)
def test_who_may_do_what_where(
    kind: str, body: Body | str, public: dict[str, str], private: dict[str, str], direct: dict[str, str]
) -> None:
    for room, expected in ((PUBLIC, public), (PRIVATE, private), (DIRECT, direct)):
        found = {who: verdict(who, kind, body, room_of(room)) for who in WHO}
        assert found == expected, room


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (PUBLIC, {OUTSIDER: "ok", LEFT: "ok", MEMBER: "already_there", OWNER: "already_there"}),
        (
            PRIVATE,
            {OUTSIDER: "bad_invite", LEFT: "bad_invite", MEMBER: "already_there", OWNER: "already_there"},
        ),
        (
            DIRECT,
            {OUTSIDER: NO_ROOM, LEFT: NO_ROOM, MEMBER: "already_there", OWNER: "already_there"},
        ),
        (PERSONAL_ROOM, NOBODY_THERE),
    ],
)
def test_who_may_come_in_without_an_invitation(room: str, expected: dict[str, str]) -> None:
    assert {who: verdict(who, "member", coming(who), room_of(room)) for who in WHO} == expected


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (PUBLIC, {OUTSIDER: "not_member", LEFT: "not_member", MEMBER: "ok", OWNER: "ok"}),
        (PRIVATE, MEMBERS),
        (DIRECT, MEMBERS),
        (PERSONAL_ROOM, NOBODY_THERE),
    ],
)
def test_who_may_leave(room: str, expected: dict[str, str]) -> None:
    assert {who: verdict(who, "member", leaving(who), room_of(room)) for who in WHO} == expected


def test_an_invitation_lets_somebody_into_a_private_room_as_long_as_it_is_valid() -> None:
    assert verdict(OUTSIDER, "member", coming(OUTSIDER, INVITE), room_of(PRIVATE)) == "ok"
    assert verdict(LEFT, "member", coming(LEFT, INVITE), room_of(PRIVATE), at_ms=99) == "ok"
    assert verdict(LEFT, "member", coming(LEFT, INVITE), room_of(PRIVATE), at_ms=100) == "bad_invite"
    assert verdict(LEFT, "member", coming(LEFT, "cd" * 32), room_of(PRIVATE)) == "bad_invite"
    assert verdict(OUTSIDER, "member", coming(OUTSIDER, INVITE), room_of(DIRECT)) == NO_ROOM


@pytest.mark.parametrize("room", [PUBLIC, PRIVATE, DIRECT])
def test_nobody_brings_or_sends_away_somebody_else(room: str) -> None:
    for sender in (MEMBER, OWNER):
        expected = "not_waiting" if sender == OWNER else "not_yours"
        if room == DIRECT:  # it is of two people, for good
            expected = NO_ROOM
        assert verdict(sender, "member", coming(OUTSIDER, INVITE), room_of(room)) == expected
        assert (
            verdict(sender, "member", leaving(MEMBER if sender == OWNER else OWNER), room_of(room))
            == "not_yours"
        )
    expected = "not_yours" if room == PUBLIC else NO_ROOM
    assert verdict(OUTSIDER, "member", leaving(MEMBER), room_of(room)) == expected


ASKED = attrs.evolve(room_of(DIRECT), asked=MEMBER, strangers=True)
"""A direct room into which the owner has asked the member."""
WAS_LEFT = attrs.evolve(room_of(DIRECT), members=(OWNER,), strangers=True)
"""A direct room that the member has left."""
HI = Post("hi")
BEGINNING = Created(DIRECT, members=(Who(OWNER, "Name"), Who(MEMBER, "Name")))
ASKING = Created(DIRECT, members=BEGINNING.members, asked=True)
NEW = SomeFacts(ROOMS[DIRECT], PRIVATE, owner=None, head=0, members=())
KNOWN = attrs.evolve(NEW, came_ms={OWNER: -NEW_MS})
"""The same, where who begins it came a day ago."""


@pytest.mark.parametrize(
    ("facts", "sender", "kind", "body", "code"),
    [
        # Beginning
        (NEW, OWNER, "created", BEGINNING, "ok"),
        (attrs.evolve(NEW, strangers=True), OWNER, "created", BEGINNING, "not_accepted"),
        (attrs.evolve(NEW, strangers=True), OWNER, "created", ASKING, "ok"),
        (attrs.evolve(NEW, n_requests=MAX_REQUESTS_OF_NEW - 1), OWNER, "created", ASKING, "ok"),
        (attrs.evolve(NEW, n_requests=MAX_REQUESTS_OF_NEW), OWNER, "created", ASKING, "too_many_requests"),
        (attrs.evolve(KNOWN, n_requests=MAX_REQUESTS - 1), OWNER, "created", ASKING, "ok"),
        (attrs.evolve(KNOWN, n_requests=MAX_REQUESTS), OWNER, "created", ASKING, "too_many_requests"),
        (attrs.evolve(NEW, n_requests=MAX_REQUESTS), OWNER, "created", BEGINNING, "ok"),
        (attrs.evolve(NEW, blocking=[(MEMBER, OWNER)]), OWNER, "created", BEGINNING, "not_accepted"),
        (attrs.evolve(NEW, blocking=[(MEMBER, OWNER)]), OWNER, "created", ASKING, "not_accepted"),
        (attrs.evolve(NEW, blocking=[(OWNER, MEMBER)]), OWNER, "created", ASKING, "blocked"),
        # Waiting for an answer
        (attrs.evolve(ASKED, n_messages=MAX_UNANSWERED - 1), OWNER, "post", HI, "ok"),
        (attrs.evolve(ASKED, n_messages=MAX_UNANSWERED), OWNER, "post", HI, "not_answered"),
        (attrs.evolve(ASKED, n_messages=MAX_UNANSWERED), OWNER, "edit", Edit(OF_OWNER, "x"), "ok"),
        (attrs.evolve(ASKED, head=MAX_UNANSWERED_EVENTS), OWNER, "edit", Edit(OF_OWNER, "x"), "ok"),
        (
            attrs.evolve(ASKED, head=MAX_UNANSWERED_EVENTS + 1),
            OWNER,
            "edit",
            Edit(OF_OWNER, "x"),
            "not_answered",
        ),
        (attrs.evolve(ASKED, head=MAX_UNANSWERED_EVENTS + 1), OWNER, "delete", Delete(OF_OWNER), "ok"),
        (ASKED, OUTSIDER, "post", HI, NO_ROOM),
        # Answering
        (ASKED, MEMBER, "post", HI, "answer_first"),
        (ASKED, MEMBER, "reaction", Reaction(OF_OWNER, "🦀", True), "answer_first"),
        (ASKED, MEMBER, "member", coming(MEMBER), "ok"),
        (ASKED, MEMBER, "member", leaving(MEMBER), "ok"),
        (ASKED, OWNER, "member", coming(MEMBER), "already_there"),
        (ASKED, OWNER, "member", leaving(MEMBER), "not_yours"),
        (attrs.evolve(ASKED, blocking=[(MEMBER, OWNER)]), MEMBER, "member", coming(MEMBER), "blocked"),
        (attrs.evolve(ASKED, blocking=[(OWNER, MEMBER)]), MEMBER, "member", coming(MEMBER), "not_accepted"),
        (attrs.evolve(ASKED, blocking=[(MEMBER, OWNER)]), MEMBER, "member", leaving(MEMBER), "ok"),
        # One has left
        (WAS_LEFT, OWNER, "post", HI, "not_accepted"),
        (WAS_LEFT, MEMBER, "post", HI, NO_ROOM),
        (WAS_LEFT, MEMBER, "member", coming(MEMBER), "ok"),
        (WAS_LEFT, MEMBER, "member", coming(OWNER), NO_ROOM),
        (WAS_LEFT, OWNER, "member", coming(MEMBER), "ok"),
        (WAS_LEFT, OWNER, "member", coming(OUTSIDER), NO_ROOM),
        (
            attrs.evolve(WAS_LEFT, n_requests=MAX_REQUESTS),
            OWNER,
            "member",
            coming(MEMBER),
            "too_many_requests",
        ),
        (attrs.evolve(WAS_LEFT, n_requests=MAX_REQUESTS), MEMBER, "member", coming(MEMBER), "ok"),
        (attrs.evolve(WAS_LEFT, declined=MEMBER), OWNER, "member", coming(MEMBER), "not_accepted"),
        (attrs.evolve(WAS_LEFT, declined=MEMBER), MEMBER, "member", coming(MEMBER), "ok"),
        (
            attrs.evolve(attrs.evolve(WAS_LEFT, declined=MEMBER), strangers=False),
            OWNER,
            "member",
            coming(MEMBER),
            "ok",
        ),
        (attrs.evolve(WAS_LEFT, blocking=[(MEMBER, OWNER)]), OWNER, "member", coming(MEMBER), "not_accepted"),
        # One blocks the other
        (attrs.evolve(room_of(DIRECT), blocking=[(MEMBER, OWNER)]), OWNER, "post", HI, "not_accepted"),
        (attrs.evolve(room_of(DIRECT), blocking=[(MEMBER, OWNER)]), MEMBER, "post", HI, "blocked"),
        (attrs.evolve(room_of(DIRECT), blocking=[(MEMBER, OWNER)]), OWNER, "delete", Delete(OF_OWNER), "ok"),
        (attrs.evolve(room_of(DIRECT), blocking=[(MEMBER, OWNER)]), OWNER, "member", leaving(OWNER), "ok"),
        (attrs.evolve(room_of(PRIVATE), blocking=[(MEMBER, OWNER)]), OWNER, "post", HI, "ok"),
    ],
)
def test_who_may_write_to_whom(facts: SomeFacts, sender: str, kind: str, body: Body, code: str) -> None:
    assert verdict(sender, kind, body, facts) == code


def test_one_blocks_only_so_many_people() -> None:
    blocking = [(MEMBER, f"p-{number}") for number in range(MAX_BLOCKS)]
    facts = attrs.evolve(room_of(PERSONAL_ROOM), blocking=blocking)
    assert verdict(MEMBER, "block", Block("p-new", True), facts) == "too_many"
    assert verdict(MEMBER, "block", Block("p-1", True), facts) == "ok"
    assert verdict(MEMBER, "block", Block("p-1", False), facts) == "ok"
    assert verdict(OWNER, "block", Block("p-1", True), facts) == NO_ROOM


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    "kind", [MESSAGE, "post", "edit", "delete", "reaction", "pin", "created", "settings"]
)
def test_nothing_but_ones_own_notes_goes_into_a_personal_room(kind: str, who: str) -> None:
    body = next(row[1] for row in TABLE if row[0] == kind)
    assert verdict(who, kind, body, room_of(PERSONAL_ROOM)) == NO_ROOM


@pytest.mark.parametrize("kind", ["star", "hide", "level", "unread", "pin_room"])
def test_ones_own_notes_are_written_by_oneself_only(kind: str) -> None:
    body = next(row[1] for row in TABLE if row[0] == kind)
    found = {who: verdict(who, kind, body, room_of(PERSONAL_ROOM)) for who in WHO}
    assert found == NOBODY_THERE | {MEMBER: "ok"}


def test_nobody_is_anything_in_a_private_room_that_is_not_there() -> None:
    facts = SomeFacts(ROOMS[PRIVATE], PRIVATE, owner=None, head=0, members=())
    for row in TABLE:
        if row[0] != "created":
            assert {verdict(who, row[0], row[1], facts) for who in WHO} == {NO_ROOM}, row[0]
    assert verdict(OWNER, "member", leaving(OWNER), facts) == NO_ROOM
    assert verdict(OWNER, "member", coming(OWNER, INVITE[::-1]), facts) == "bad_invite"


def test_a_room_begins_once_with_a_name_that_goes_with_its_kind() -> None:
    def begun(kind: str, room: str) -> str:
        facts = SomeFacts(room, kind_of_new(room), owner=None, head=0, members=())
        return verdict(OWNER, "created", Created(kind, members=(Who(OWNER, "Name"),)), facts)

    assert (
        begun(PUBLIC, ROOMS[PUBLIC]) == begun(PRIVATE, ROOMS[PRIVATE]) == begun(DIRECT, ROOMS[DIRECT]) == "ok"
    )
    assert (
        begun(PRIVATE, ROOMS[PUBLIC])
        == begun(PUBLIC, ROOMS[PRIVATE])
        == begun(PRIVATE, f"~{OWNER}")
        == NO_ROOM
    )
    assert begun(PUBLIC, LOBBY) == "already_there"


def test_everybody_is_in_the_lobby_and_stays() -> None:
    facts = SomeFacts(LOBBY, PUBLIC, owner=None, members=())
    for who in WHO:
        assert verdict(who, "member", coming(who), facts) == "already_there"
        assert verdict(who, "member", leaving(who), facts) == "not_yours"
        assert verdict(who, "settings", Settings(title="Hall"), facts) == "ok", "it has no owner"


def test_there_are_bounds_to_reactions_and_pins_but_not_to_taking_them_away() -> None:
    own = {str(n): [MEMBER] for n in range(MAX_REACTIONS)}
    facts = attrs.evolve(room_of(PUBLIC), given=own, n_pins=MAX_PINS)
    assert verdict(MEMBER, "reaction", Reaction(1, "🦀", True), facts) == "too_many"
    assert verdict(MEMBER, "reaction", Reaction(1, "1", False), facts) == "ok"
    assert verdict(OWNER, "reaction", Reaction(1, "🦀", True), facts) == "ok"
    assert verdict(MEMBER, "pin", Pin(1, True), facts) == "too_many"
    assert verdict(MEMBER, "pin", Pin(1, False), facts) == "ok"


def test_a_message_has_so_many_reactions_and_so_many_different_ones() -> None:
    def react(given: Mapping[str, Collection[str]], emoji: str, *, on: bool = True) -> str:
        return verdict(MEMBER, "reaction", Reaction(1, emoji, on), attrs.evolve(room_of(PUBLIC), given=given))

    others = [f"p-{n}" for n in range(MAX_OF_MESSAGE - 1)]
    assert react({"🦀": others}, "🦀") == react({"🦀": others}, "🐌") == "ok"
    assert react({"🦀": [*others, "p-x"]}, "🦀") == react({"🦀": [*others, "p-x"]}, "🐌") == "too_many"
    assert react({"🦀": [*others, MEMBER]}, "🦀", on=False) == "ok"
    many = {str(n): [OWNER] for n in range(MAX_EMOJI - 1)}
    assert react(many, "🦀") == react(many | {"🐌": [OWNER]}, "🐌") == "ok"
    assert react(many | {"🐌": [OWNER]}, "🦀") == "too_many"


def test_people_keep_so_much_for_themselves_and_may_change_all_of_it() -> None:
    keys = {f"star:lobby:{n}" for n in range(MAX_PERSONAL - 1)}
    facts = attrs.evolve(room_of(PERSONAL_ROOM), keys=keys)
    assert verdict(MEMBER, "level", Level(LOBBY, "none"), facts) == "ok"
    full = attrs.evolve(facts, keys=keys | {"hide:lobby:1"})
    for on in (True, False):
        assert verdict(MEMBER, "star", Star(LOBBY, 7, on), full) == "ok"
        assert verdict(MEMBER, "hide", Star(LOBBY, 7, on), full) == "too_many"
    assert verdict(MEMBER, "level", Level(LOBBY, "none"), full) == "too_many"
    assert verdict(MEMBER, "unread", Unread(LOBBY, 1), full) == "too_many"
    assert verdict(MEMBER, "pin_room", PinRoom(LOBBY, True), full) == "too_many"


@pytest.mark.parametrize("kind", ["star", "hide"])
def test_only_what_one_may_hear_is_noted_but_notes_can_always_be_changed(kind: str) -> None:
    facts = room_of(PERSONAL_ROOM)
    for on in (True, False):
        assert verdict(MEMBER, kind, Star("garden", 99, on), facts) == "no_such_message"
        assert verdict(MEMBER, kind, Star("~secret", 1, on), facts) == NO_ROOM
        kept = attrs.evolve(facts, keys={f"{kind}:~secret:1"})
        assert verdict(MEMBER, kind, Star("~secret", 1, on), kept) == "ok"
    assert verdict(MEMBER, "level", Level("~secret", "none"), facts) == NO_ROOM
    assert verdict(MEMBER, "unread", Unread("~secret"), facts) == NO_ROOM
    assert verdict(MEMBER, "pin_room", PinRoom("~secret", True), facts) == NO_ROOM
    assert verdict(MEMBER, "unread", Unread("garden", 99), facts) == "no_such_message"


def test_everybody_is_mentioned_now_and_then_and_by_the_rooms_owner_more_often() -> None:
    hour = 3_600_000
    at_all = Post("@all", mentions=("all",))

    def post(who: str, *earlier_ms: int, kind: str = PUBLIC) -> str:
        facts = attrs.evolve(room_of(kind), mentioned_all_ms=earlier_ms)
        return verdict(who, "post", at_all, facts, at_ms=hour)

    assert post(MEMBER) == post(MEMBER, hour - 60_000) == "ok"
    assert post(MEMBER, hour - 59_999) == "too_many"
    assert post(OWNER, *[hour - 1] * 4) == "ok"
    assert post(OWNER, *[hour - 1] * 5) == "too_many"
    in_the_hour = [hour - 60_000 * n for n in range(1, 11)]
    assert post(MEMBER, *in_the_hour[1:]) == "ok"
    assert post(MEMBER, *in_the_hour) == "too_many"
    assert post(OWNER, *in_the_hour) == "ok"
    assert post(MEMBER, hour, kind=DIRECT) == "ok", "it is only the other one"


def test_a_message_is_edited_so_often_and_no_more() -> None:
    facts = attrs.evolve(room_of(PUBLIC), n_edits=MAX_EDITS - 1)
    assert verdict(MEMBER, "edit", Edit(OF_MEMBER, "ho"), facts) == "ok"
    assert (
        verdict(MEMBER, "edit", Edit(OF_MEMBER, "ho"), attrs.evolve(facts, n_edits=MAX_EDITS)) == "too_many"
    )


def test_the_text_of_a_message_with_files_can_be_edited_away() -> None:
    facts = room_of(PUBLIC)
    assert verdict(MEMBER, "edit", Edit(OF_MEMBER, " "), facts) == "empty"
    with_files = attrs.evolve(facts, with_files=(OF_MEMBER,))
    assert verdict(MEMBER, "edit", Edit(OF_MEMBER, ""), with_files) == "ok"
    assert verdict(OUTSIDER, "edit", Edit(OF_MEMBER, ""), with_files) == "not_yours"


def test_a_picture_is_one_that_was_uploaded_as_the_rooms_by_who_sets_it() -> None:
    facts = attrs.evolve(room_of(PRIVATE), pictures=(("u-picture", MEMBER),), uploads=(("u-file", MEMBER),))
    assert verdict(MEMBER, "settings", Settings(picture="u-picture"), facts) == "ok"
    assert verdict(OWNER, "settings", Settings(picture="u-picture"), facts) == "no_such_upload"
    assert verdict(MEMBER, "settings", Settings(picture="u-file"), facts) == "no_such_upload"
    by_moderators = attrs.evolve(facts, policy=Policy(titling="moderators"))
    assert verdict(MEMBER, "settings", Settings(picture="u-picture"), by_moderators) == "not_yours"
    assert verdict(MEMBER, "settings", Settings(picture=""), by_moderators) == "not_yours"


@pytest.mark.parametrize(
    ("room", "kind"),
    [("lobby", PUBLIC), ("p-1", PUBLIC), ("~p-1", PERSONAL_ROOM), ("~abcd", PRIVATE), ("~dabcd", PRIVATE)],
)
def test_the_name_of_a_room_says_what_kind_it_is_before_it_begins(room: str, kind: str) -> None:
    assert kind_of_new(room) == kind


def test_who_may_hear_a_room() -> None:
    assert rules.may_hear("garden", PUBLIC, False, None)
    assert not rules.may_hear("~abcd", PRIVATE, False, OUTSIDER)
    assert rules.may_hear("~abcd", PRIVATE, True, MEMBER)
    assert rules.may_hear(f"~{MEMBER}", PERSONAL_ROOM, False, MEMBER)
    assert not rules.may_hear(f"~{MEMBER}", PERSONAL_ROOM, True, OWNER)
    assert not rules.may_hear("~None", PERSONAL_ROOM, False, None)


def refusal(check: Callable[[], object]) -> str:
    """The code with which something is refused, or ``ok``."""
    try:
        check()
    except Refused as refused:
        return refused.code
    return "ok"


@pytest.mark.parametrize(
    ("kind", "find", "invite"),
    [
        (PUBLIC, "ok", "not_yours"),
        (PRIVATE, NO_ROOM, "ok"),
        (DIRECT, NO_ROOM, "not_yours"),
        (PERSONAL_ROOM, NO_ROOM, "not_yours"),
    ],
)
def test_who_may_find_a_room_and_who_may_invite_to_it(kind: str, find: str, invite: str) -> None:
    assert refusal(lambda: rules.check_may_find(kind)) == find
    assert refusal(lambda: rules.check_may_invite(kind, DEFAULT_POLICY, "member")) == invite


def test_versions_are_read_by_the_author_and_the_owner() -> None:
    def of(person: str, owner: str | None = OWNER) -> str:
        return refusal(lambda: rules.check_may_read_versions(person, author=MEMBER, owner=owner))

    assert of(MEMBER) == of(OWNER) == of(MEMBER, None) == "ok"
    assert of(OUTSIDER) == of(OWNER, None) == "not_yours"
