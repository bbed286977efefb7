"""Who may moderate whom: roles, ranks, restrictions and policies, as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tests.support.facts import NotDirect, SomeStanding
from trio_chat.errors import Refused
from trio_chat.kinds.facts import DIRECT, LOBBY, PRIVATE, PUBLIC, SERVER, SERVER_ROOM, SYSTEM
from trio_chat.kinds.files import File
from trio_chat.kinds.forms import Body, Who, write_body
from trio_chat.kinds.messages import Delete, Edit, Post
from trio_chat.kinds.moderation import (
    MAX_KNOCKING,
    MAX_RESTRICTED,
    MAX_RESTRICTED_ON_SERVER,
    Knock,
    Restriction,
)
from trio_chat.kinds.modes import Mode, Trust
from trio_chat.kinds.newcomers import NOT_YET, check_may_upload
from trio_chat.kinds.pins import Pin
from trio_chat.kinds.releases import Release
from trio_chat.kinds.reports import MAX_OPEN_REPORTS, Report, Resolve, Wipe
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.kinds.rules import judge
from trio_chat.kinds.server import after
from trio_chat.kinds.standing import FOR_EVER, Policy, Server
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PEOPLE = ("outsider", "member", "moderator", "owner", "s-moderator", "s-admin", "s-owner")
"""By their ranks. All but the outsider are members of the room."""

SERVER_ROLES = {"s-moderator": "moderator", "s-admin": "admin", "s-owner": "owner"}
MESSAGES = dict(enumerate(PEOPLE, start=1))
AT_MS = 1_000_000


@attrs.define
class Room(SomeStanding, NotDirect):
    """A room in which there is somebody of each rank, and a message of each."""

    room: str = "garden"
    kind: str = PUBLIC
    owner: str | None = "owner"
    head: int = 10
    server: Server = attrs.field(factory=lambda: Server(roles=SERVER_ROLES))

    def author_of(self, seq: int) -> str | None:
        return MESSAGES.get(seq)

    def is_deleted(self, seq: int) -> bool:
        return False

    def count_edits(self, seq: int) -> int:
        return 0

    def is_member(self, person: str) -> bool:
        if self.kind == SERVER:
            return person in self.server.roles
        return person in PEOPLE and person != "outsider"

    def role_of(self, person: str) -> str | None:
        return person if person in ("moderator", "owner") else "member" if self.is_member(person) else None

    def is_known(self, person: str) -> bool:
        return person != "nobody"

    def admits_owner(self, link: str, at_ms: int) -> bool:
        return link == "ab"

    def mentions_of_all(self, person: str, since_ms: int) -> list[int]:
        return []

    def is_theirs_to_note(self, person: str, room: str, seq: int) -> bool:
        return True

    def reactions_to(self, seq: int) -> Mapping[str, Collection[str]]:
        return {}

    def has_change(self, target: int, key: str) -> bool:
        return False

    def count_changes(self, target: int) -> int:
        return 0

    def count_pins(self) -> int:
        return 0

    def admits(self, invite: str, at_ms: int) -> bool:
        return invite == "ab"


def verdict(facts: Room, sender: str, kind: str, body: Body | str) -> str:
    """The code of the refusal, or ``ok``."""
    text = body if isinstance(body, str) else write_body(body)
    refused = judge(Draft(kind, sender, sender, None, text), facts, AT_MS)
    return "ok" if refused is None else refused.code


def allowed(facts: Room, kind: str, body: Body | str) -> set[str]:
    """Who may write this."""
    return {person for person in PEOPLE if verdict(facts, person, kind, body) == "ok"}


def above(person: str, least: str = "moderator") -> set[str]:
    """Those of higher rank than this person, and at least of this one."""
    return {one for n, one in enumerate(PEOPLE) if n > PEOPLE.index(person) and n >= PEOPLE.index(least)}


@pytest.mark.parametrize("kind", [PUBLIC, PRIVATE])
@pytest.mark.parametrize("target", PEOPLE)
@pytest.mark.parametrize("event", ["ban", "mute"])
def test_only_who_is_above_somebody_can_ban_or_mute_them(event: str, target: str, kind: str) -> None:
    facts = Room(room="garden" if kind == PUBLIC else "~aaa", kind=kind)
    assert allowed(facts, event, Restriction(target, on=True)) == above(target)
    assert allowed(facts, event, Restriction(target, on=False)) == above(target)


@pytest.mark.parametrize("target", PEOPLE)
def test_only_who_is_above_the_author_can_delete_a_message_but_the_room_is_its_owners(target: str) -> None:
    facts = Room()
    expected = above(target) | {target, "owner"}
    number = PEOPLE.index(target) + 1
    assert allowed(facts, "delete", Delete(number)) == expected
    lobby = Room(room=LOBBY, owner=None)
    in_lobby = {"s-moderator", "s-admin", "s-owner"} & above(target) | {target}
    assert allowed(lobby, "delete", Delete(number)) - {"moderator", "owner"} == in_lobby - {
        "moderator",
        "owner",
    }


@pytest.mark.parametrize("event", ["ban", "mute", "role", "settings"])
def test_in_a_conversation_of_two_nobody_has_a_rank(event: str) -> None:
    bodies: dict[str, Body] = {
        "ban": Restriction("member", on=True),
        "mute": Restriction("member", on=True),
        "role": Role("member", "moderator"),
        "settings": Settings(slow_s=5),
    }
    assert allowed(Room(room="~daaa", kind=DIRECT, owner=None), event, bodies[event]) == set()


def test_roles_of_a_room_are_given_by_its_owner_and_the_servers_staff() -> None:
    givers = {"owner", "s-moderator", "s-admin", "s-owner"}
    assert allowed(Room(), "role", Role("member", "moderator")) == givers
    assert allowed(Room(), "role", Role("moderator", "member")) == givers | {"moderator"}
    assert allowed(Room(), "role", Role("member", "owner")) == givers
    assert allowed(Room(), "role", Role("owner", "member")) == givers - {"owner"}
    assert verdict(Room(), "owner", "role", Role("member", "admin")) == "bad_field"
    assert verdict(Room(), "owner", "role", Role("outsider", "moderator")) == "not_member"
    assert (
        verdict(Room(room="~aaa", kind=PRIVATE), "outsider", "role", Role("member", "member"))
        == "no_such_room"
    )


@pytest.mark.parametrize(
    ("target", "role", "expected"),
    [
        ("member", "moderator", {"s-admin", "s-owner"}),
        ("member", "admin", {"s-owner"}),
        ("member", "owner", {"s-owner"}),
        ("s-moderator", "admin", {"s-owner"}),
        ("s-moderator", "member", {"s-moderator", "s-admin", "s-owner"}),
        ("s-admin", "moderator", {"s-admin", "s-owner"}),
        ("s-admin", "owner", {"s-owner"}),
        ("s-owner", "member", set()),  # the last owner stays
        ("nobody", "moderator", set()),
    ],
)
def test_who_may_give_which_role_on_the_server(target: str, role: str, expected: set[str]) -> None:
    facts = Room(room=SERVER_ROOM, kind=SERVER, owner=None)
    assert allowed(facts, "role", Role(target, role)) == expected


def test_the_last_owner_of_the_server_cannot_go_but_one_of_two_can() -> None:
    facts = Room(room=SERVER_ROOM, kind=SERVER, owner=None)
    assert verdict(facts, "s-owner", "role", Role("s-owner", "member")) == "last_owner"
    facts.server = Server(roles=SERVER_ROLES | {"second": "owner"})
    assert verdict(facts, "s-owner", "role", Role("s-owner", "member")) == "ok"
    assert verdict(facts, "s-owner", "role", Role("second", "member")) == "not_yours"


def test_an_owner_link_makes_an_owner_of_who_has_it_and_of_nobody_else() -> None:
    facts = Room(room=SERVER_ROOM, kind=SERVER, owner=None)
    assert verdict(facts, "outsider", "role", Role("outsider", "owner", "ab")) == "ok"
    for body in (
        Role("outsider", "owner", "cd"),
        Role("member", "owner", "ab"),
        Role("outsider", "admin", "ab"),
    ):
        assert verdict(facts, "outsider", "role", body) == "bad_link"
    assert verdict(facts, "outsider", "role", Role("outsider", "owner")) == "no_such_room"


EVERYTHING: list[tuple[str, Body | str]] = [
    (MESSAGE, "hello"),
    ("post", Post("hello", reply_to=1)),
    ("edit", Edit(2, "better")),
    ("delete", Delete(2)),
    ("pin", Pin(2, on=True)),
    ("settings", Settings(topic="x")),
    ("member", Membership(Who("member", "member"), on=False)),
]


@pytest.mark.parametrize("where", ["server", "room"])
def test_who_is_muted_can_only_delete_and_leave_and_who_is_banned_nothing(where: str) -> None:
    def codes(restriction: str, ends_ms: int = FOR_EVER) -> dict[str, str]:
        facts = Room()
        if where == "room":
            facts.restrictions = {(restriction, "member"): ends_ms}
        else:
            restricted = {"member": ends_ms}
            facts.server = Server(bans=restricted) if restriction == "ban" else Server(mutes=restricted)
        return {kind: verdict(facts, "member", kind, body) for kind, body in EVERYTHING}

    muted = dict.fromkeys(dict(EVERYTHING), "muted") | {"delete": "ok", "member": "ok"}
    assert codes("mute") == muted
    assert codes("ban") == dict.fromkeys(dict(EVERYTHING), "banned")
    for over in ("mute", "ban"):
        assert set(codes(over, AT_MS).values()) == {"ok"}, "it has ended"


def test_restrictions_end_later_than_now_and_are_not_without_number() -> None:
    assert verdict(Room(), "owner", "ban", Restriction("member", True, AT_MS)) == "bad_field"
    assert verdict(Room(), "owner", "ban", Restriction("member", True, AT_MS + 1)) == "ok"
    full = Room(n_restricted=MAX_RESTRICTED)
    assert verdict(full, "owner", "ban", Restriction("member", on=True)) == "too_many"
    assert verdict(full, "owner", "ban", Restriction("member", on=False)) == "ok"
    server = Room(room=SERVER_ROOM, kind=SERVER, owner=None, n_restricted=MAX_RESTRICTED)
    assert verdict(server, "s-admin", "ban", Restriction("member", on=True)) == "ok", "strangers are many"
    server.n_restricted = MAX_RESTRICTED_ON_SERVER
    assert verdict(server, "s-admin", "ban", Restriction("member", on=True)) == "too_many"
    lobby = Room(room=LOBBY, owner=None)
    assert verdict(lobby, "s-admin", "ban", Restriction("member", on=True)) == "not_yours"
    assert verdict(lobby, "s-admin", "mute", Restriction("member", on=True)) == "ok"


MODERATORS = above("member")


@pytest.mark.parametrize(
    ("policy", "kind", "body", "expected"),
    [
        ({"writers": "moderators"}, MESSAGE, "hi", MODERATORS),
        ({"writers": "moderators"}, "post", Post("hi", mentions=("all",)), MODERATORS),
        ({"writers": "moderators"}, "pin", Pin(1, on=True), set(PEOPLE)),
        ({"pinning": "moderators"}, "pin", Pin(1, on=True), MODERATORS),
        ({"titling": "moderators"}, "settings", Settings(topic="x"), MODERATORS),
        ({}, "settings", Settings(slow_s=5), MODERATORS),
        ({}, "settings", Settings(topic="x"), set(PEOPLE)),
    ],
)
def test_what_the_policy_of_a_room_leaves_to_moderators(
    policy: dict[str, Any], kind: str, body: Body | str, expected: set[str]
) -> None:
    assert allowed(Room(policy=Policy(**policy)), kind, body) == expected


def test_in_a_slow_room_members_wait_and_moderators_do_not() -> None:
    facts = Room(policy=Policy(slow_s=5), last_ms=AT_MS - 4_999)
    assert allowed(facts, MESSAGE, "hi") == MODERATORS
    assert verdict(facts, "member", MESSAGE, "hi") == "slow"
    facts.last_ms = AT_MS - 5_000
    assert allowed(facts, MESSAGE, "hi") == set(PEOPLE)


def test_a_moderator_lets_in_who_knocks_or_was_banned_and_nobody_else() -> None:
    private = Room(room="~aaa", kind=PRIVATE)
    coming = Membership(Who("outsider", "Eve"), on=True)
    assert allowed(private, "member", coming) == set()
    private.knocking = ("outsider",)
    assert allowed(private, "member", coming) == MODERATORS
    assert allowed(private, "knock", Knock("outsider", on=False)) == MODERATORS | {"outsider"}
    banned = Room(room="~aaa", kind=PRIVATE, restrictions={("ban", "outsider"): FOR_EVER})
    assert allowed(banned, "member", coming) == set()
    banned.banned_from_within = ("outsider",)
    assert allowed(banned, "member", coming) == MODERATORS


def test_where_people_knock_a_link_alone_lets_nobody_in() -> None:
    private = Room(room="~aaa", kind=PRIVATE, policy=Policy(joining="knock"))
    coming = Membership(Who("outsider", "Eve"), on=True, invite="ab")
    assert verdict(private, "outsider", "member", coming) == "must_knock"
    assert verdict(private, "outsider", "knock", Knock("outsider", True, "ab")) == "ok"
    assert verdict(private, "outsider", "knock", Knock("outsider", True, "cd")) == "bad_invite"
    private.knocking = range(MAX_KNOCKING)
    assert verdict(private, "outsider", "knock", Knock("outsider", True, "ab")) == "too_many"
    assert verdict(private, "member", "knock", Knock("member", True, "ab")) == "already_there"
    assert verdict(Room(), "owner", "settings", Settings(joining="knock")) == "bad_field"


def test_everybody_reports_and_those_who_run_the_server_look_after_it() -> None:
    facts = Room(room=SERVER_ROOM, kind=SERVER, owner=None, reports=[3])
    assert allowed(facts, "report", Report("somebody", "garden", 3, "spam")) == set(PEOPLE)
    assert verdict(facts, "member", "report", Report("member")) == "not_yours"
    assert verdict(Room(), "member", "report", Report("owner")) == "no_such_room"
    for state in ("taken", "open", "done"):
        assert allowed(facts, "resolve", Resolve(3, state)) == {"s-moderator", "s-admin", "s-owner"}
        assert verdict(facts, "s-admin", "resolve", Resolve(4, state)) == "no_such_report"
    facts.reports = range(MAX_OPEN_REPORTS)
    assert verdict(facts, "member", "report", Report("somebody")) == "too_many"
    facts.reports = range(MAX_OPEN_REPORTS // 2)
    facts.came_ms = {"member": AT_MS - DAY_MS, "outsider": AT_MS}
    assert verdict(facts, "member", "report", Report("somebody")) == "ok"
    assert verdict(facts, "outsider", "report", Report("somebody")) == "too_many", "as they are new"
    assert allowed(Room(), "wipe", Wipe("member", 3)) == MODERATORS


def test_nobody_but_the_server_says_that_a_name_was_set_free() -> None:
    facts = Room(room=SERVER_ROOM, kind=SERVER, owner=None)
    release = Release("member", "Mia", "Blue Heron 7")
    assert allowed(facts, "release", release) == set()
    assert verdict(facts, SYSTEM, "release", release) == "ok"
    assert verdict(Room(), SYSTEM, "release", release) == "not_yours"


def test_the_fold_of_the_server_room() -> None:
    server = Server()
    for kind, body in [
        ("role", Role("ann", "owner")),
        ("role", Role("bob", "admin")),
        ("mute", Restriction("cy", on=True)),
        ("ban", Restriction("bob", True, AT_MS)),
        ("role", Role("dan", "moderator")),
        ("role", Role("dan", "member")),
        ("mute", Restriction("cy", on=False)),
        ("message", Post("hello")),
        ("mode", Mode("knock")),
        *[("knock", Knock(person, on=True)) for person in ("eve", "fay", "gil", "hal", "ida")],
        ("knock", Knock("eve", on=False)),
        ("trust", Trust("fay", on=True)),
        ("ban", Restriction("gil", True, AT_MS)),
        ("role", Role("hal", "moderator")),
        ("mode", Mode(quiet_until_ms=AT_MS)),
        ("mode", Mode("closed")),
    ]:
        server = after(server, kind, body)
    roles, bans = {"ann": "owner", "hal": "moderator"}, {"bob": AT_MS, "gil": AT_MS}
    assert server == Server(roles, bans, {}, "closed", AT_MS, frozenset({"ida"}))
    assert after(server, "mode", Mode("probation")).knocking == frozenset()
    assert after(server, "mode", Mode(quiet_until_ms=0)).quiet_until_ms == 0


# -- newcomers --

NOW_MS = 10 * DAY_MS

NEWCOMERS: dict[str, int | None] = {
    "new": NOW_MS - 3600_000,
    "of a day": NOW_MS - DAY_MS,
    "of three": NOW_MS - 3 * DAY_MS,
    "looked at": 0,
    "waiting": NOT_YET,
    "guest": None,
    "s-moderator": NOW_MS,
}
"""By since when they are known."""

SOMETHING: dict[str, tuple[str, Body | str]] = {
    "text": (MESSAGE, "hi"),
    "link": (MESSAGE, "see https://example.org"),
    "link in an answer": ("post", Post("WWW.example.org", reply_to=1)),
    "link in an edit": ("edit", Edit(2, "http://1.2.3.4/")),
    "all": ("post", Post("hi", mentions=("all",))),
    "file": ("post", Post("", files=(File("u-1", "kite.jpg"),))),
    "conversation": ("created", Created("direct", members=(Who("a", "A"), Who("b", "B")))),
    "room": ("created", Created("private", "Mine", members=(Who("a", "A"),))),
    "pin": ("pin", Pin(1, on=True)),
    "leave": ("member", Membership(Who("member", "M"), on=False)),
}


def verdicts(server: Server, person: str) -> dict[str, str]:
    """What happens to everything that this newcomer writes: ``ok``, the code, or the rule's own for other reasons."""
    found = {}
    for what, (kind, body) in SOMETHING.items():
        room = {"conversation": "~daaa", "room": "~aaa"}.get(what, "garden")
        facts = Room(
            room=room,
            kind=PUBLIC if room == "garden" else PRIVATE,
            server=server,
            came_ms=NEWCOMERS,
            uploads={("u-1", person)},
        )
        facts.head = 0 if kind == "created" else 10
        text = body if isinstance(body, str) else write_body(body)
        refused = judge(Draft(kind, person, person, None, text), facts, NOW_MS)
        code = "ok" if refused is None else refused.code
        found[what] = "ok" if code in ("not_yours", "not_member") else code  # another rule's
    return found


ALL_OK = dict.fromkeys(SOMETHING, "ok")
ON_PROBATION = ALL_OK | dict.fromkeys(
    ("link", "link in an answer", "link in an edit", "all", "file", "conversation"), "probation"
)
QUIET = dict.fromkeys(SOMETHING, "quiet") | {"leave": "ok"}
WAITING = dict.fromkeys(SOMETHING, "waiting")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (Server(), {}),
        (Server(mode="invite"), {}),
        (Server(mode="closed"), {}),
        (Server(mode="probation"), dict.fromkeys(("new", "waiting", "guest"), ON_PROBATION)),
        (Server(mode="knock"), dict.fromkeys(("new", "waiting", "guest"), WAITING)),
        (Server(mode="invite", knocking=frozenset({"waiting"})), {"waiting": WAITING}),
        (
            Server(quiet_until_ms=NOW_MS + 1),
            dict.fromkeys(("new", "of a day", "waiting", "guest"), QUIET),
        ),
        (Server(quiet_until_ms=NOW_MS), {}),
        (
            Server(mode="probation", quiet_until_ms=NOW_MS + 1),
            dict.fromkeys(("new", "of a day", "waiting", "guest"), QUIET),
        ),
    ],
    ids=lambda value: f"{value.mode} {value.quiet_until_ms}" if isinstance(value, Server) else "",
)
def test_what_newcomers_may_write_in_each_mode(server: Server, expected: dict[str, dict[str, str]]) -> None:
    server = attrs.evolve(server, roles=SERVER_ROLES)
    for person in NEWCOMERS:
        assert verdicts(server, person) == expected.get(person, ALL_OK), person


def test_on_probation_people_write_slowly_in_all_rooms_together_and_guests_are_read_slowly_instead() -> None:
    def code(person: str, last_ms: int) -> str:
        facts = Room(
            server=Server(mode="probation", roles=SERVER_ROLES),
            came_ms=NEWCOMERS,
            last_anywhere_ms=NOW_MS - last_ms,
        )
        refused = judge(Draft(MESSAGE, person, person, None, "hi"), facts, NOW_MS)
        return "ok" if refused is None else refused.code

    assert code("new", 4_999) == "slow"
    assert code("new", 5_000) == "ok"
    assert {code(person, 0) for person in NEWCOMERS if person not in ("new", "waiting")} == {"ok"}


def test_the_refusals_of_newcomers_say_until_when() -> None:
    def refusal(server: Server, body: str) -> Refused:
        facts = Room(server=server, came_ms=NEWCOMERS)
        refused = judge(Draft(MESSAGE, "new", "new", None, body), facts, NOW_MS)
        assert refused is not None
        return refused

    link = refusal(Server(mode="probation"), "https://example.org")
    assert (link.retry_after_s, "in 23 hours" in link.message) == (23 * 3600, True)
    quiet = refusal(Server(quiet_until_ms=NOW_MS + 600_000), "hi")
    assert (quiet.retry_after_s, "in 10 minutes" in quiet.message) == (600, True)


@pytest.mark.parametrize(
    ("server", "refused"),
    [
        (Server(), {}),
        (Server(mode="probation"), {"new": "probation", "waiting": "probation"}),
        (Server(quiet_until_ms=NOW_MS + 1), dict.fromkeys(("new", "of a day", "waiting"), "quiet")),
        (Server(mutes={"of three": NOW_MS + 1}), {"of three": "muted"}),
    ],
)
def test_nobody_uploads_what_they_could_not_send(server: Server, refused: dict[str, str]) -> None:
    found = {}
    for person, known_ms in NEWCOMERS.items():
        if known_ms is not None:  # guests have no uploads
            try:
                check_may_upload(person, known_ms, attrs.evolve(server, roles=SERVER_ROLES), NOW_MS)
            except Refused as error:
                found[person] = error.code
    assert found == refused


def test_who_chooses_the_mode_makes_the_server_quiet_and_looks_at_people() -> None:
    facts = Room(room=SERVER_ROOM, kind=SERVER, owner=None)
    admins, staff = {"s-admin", "s-owner"}, set(SERVER_ROLES)
    assert allowed(facts, "mode", Mode("closed")) == admins
    assert allowed(facts, "mode", Mode(quiet_until_ms=AT_MS + 1)) == staff
    assert allowed(facts, "mode", Mode(quiet_until_ms=0)) == staff
    assert allowed(facts, "trust", Trust("member", on=True)) == staff
    assert allowed(facts, "ban", Restriction("member", on=True)) == staff
    assert allowed(facts, "ban", Restriction("member", on=True, addresses=True)) == admins
    assert verdict(facts, "s-owner", "trust", Trust("nobody", on=True)) == "no_such_person"
    for wrong_ms in (AT_MS, AT_MS + DAY_MS + 1):
        assert verdict(facts, "s-owner", "mode", Mode(quiet_until_ms=wrong_ms)) == "bad_field"
    assert allowed(Room(), "mode", Mode("closed")) == set()
    assert allowed(Room(), "trust", Trust("member", on=True)) == set()
    assert verdict(Room(), "owner", "ban", Restriction("member", on=True, addresses=True)) == "bad_field"


def test_people_knock_at_the_server_only_where_that_is_its_mode_and_not_without_number() -> None:
    def code(server: Server) -> str:
        facts = Room(room=SERVER_ROOM, kind=SERVER, owner=None, server=server, knocking=("member",))
        return verdict(facts, "outsider", "knock", Knock("outsider", on=True))

    assert code(Server(mode="knock")) == "ok"
    assert code(Server(mode="invite")) == "no_such_room"
    many = frozenset(str(n) for n in range(MAX_KNOCKING))
    assert code(Server(mode="knock", knocking=many)) == "too_many"
    again = Room(room=SERVER_ROOM, kind=SERVER, server=Server(mode="knock"), knocking=("outsider",))
    assert verdict(again, "outsider", "knock", Knock("outsider", on=True)) == "already_there"


# -- the same for the page --

PAGE_TABLE = Path(__file__).parents[1] / "js" / "standing.json"
"""Who may do what, as `static/js/core/standing.js` is tested against it."""

PAGE_ROOMS = {
    "garden": (PUBLIC, "owner"),
    "~private": (PRIVATE, "owner"),
    "~dconversation": (DIRECT, None),
    LOBBY: (PUBLIC, None),
    SERVER_ROOM: (SERVER, None),
}


def page_table() -> list[dict[str, Any]]:
    """Each room x who acts x on whom: what is allowed."""
    rows: list[dict[str, Any]] = []
    for room, (kind, owner) in PAGE_ROOMS.items():
        facts = Room(room=room, kind=kind, owner=owner)
        for sender in PEOPLE:
            settings = verdict(facts, sender, "settings", Settings(slow_s=5)) == "ok"
            for seq, person in MESSAGES.items():
                present = _present_role(facts, person)
                roles = [
                    role
                    for role in ("owner", "admin", "moderator", "member")
                    if role != present and verdict(facts, sender, "role", Role(person, role)) == "ok"
                ]
                row = {"room": room, "kind": kind, "sender": sender, "person": person, "settings": settings}
                row |= {
                    "mute": verdict(facts, sender, "mute", Restriction(person, on=True)) == "ok",
                    "ban": verdict(facts, sender, "ban", Restriction(person, on=True)) == "ok",
                    "delete": verdict(facts, sender, "delete", Delete(seq)) == "ok",
                }
                if kind != DIRECT and room != LOBBY:  # where nobody has a role
                    row["roles"] = roles
                rows.append(row)
    return rows


def _present_role(facts: Room, person: str) -> str:
    if facts.kind == SERVER:
        return SERVER_ROLES.get(person, "member")
    return "owner" if person == facts.owner else "moderator" if person == "moderator" else "member"


def test_the_page_is_tested_against_the_same_table() -> None:
    """After a change of the rules write `page_table()` there, and see what the page says to it."""
    assert json.loads(PAGE_TABLE.read_text()) == page_table()
