"""Each kind of event, byte by byte: as it stands in the log, where a repeat is known by its body, and as it is told."""

from __future__ import annotations

import msgspec
import pytest

from trio_chat.gateways.v1.handlers import HANDLERS
from trio_chat.kinds.files import File
from trio_chat.kinds.forms import Body, Who, write_body
from trio_chat.kinds.kind import COMMON_FIELDS
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
from trio_chat.kinds.table import COMMANDS, KINDS, change_key, read_body, renamed, text_of
from trio_chat.model.events import MESSAGE, Event
from trio_chat.protocol.event_frames import to_frame
from trio_chat.store.sql.effects import EFFECTS

BOB = Who("p-2", "Bob")
AT_MS = 1_795_381_200_123
COMMON = '"room":"lobby","seq":9,"id":"c1","from":"p-1","name":"Ada"'
"""What stands for ``@`` in the frames below."""

KITE = File(
    "u-1",
    "kite.jpg",
    "image/jpeg",
    4183922,
    4000,
    3000,
    "1QcSHQ",
    previews=(480, 1600),
    is_animated=True,
    alt="A kite",
)
VOICE = File("u-2", "voice.webm", "audio/webm", 9, ms=3141, peaks="AAEC", as_file=True)

# The kind, its body, as it stands in the log, and the fields of its frame.
EXAMPLES: list[tuple[str, Body, str, str]] = [
    ("message", Post("hi"), "hi", '"type":"message",@,"text":"hi","at":"2026-11-22T21:00:00.123Z"'),
    ("post", Post("hi"), '{"text":"hi"}', '"type":"message",@,"text":"hi","at":"2026-11-22T21:00:00.123Z"'),
    (
        "post",
        Post("hi", 3, ("p-2", "all"), "Cy"),
        '{"text":"hi","reply_to":3,"mentions":["p-2","all"],"forwarded":"Cy"}',
        '"type":"message",@,"text":"hi","at":"2026-11-22T21:00:00.123Z","reply_to":3,"mentions":["p-2","all"],"forwarded":"Cy"',
    ),
    (
        "post",
        Post("", files=(KITE, VOICE)),
        '{"text":"","files":[{"upload":"u-1","name":"kite.jpg","media_type":"image/jpeg","bytes":4183922,"width":4000,'
        '"height":3000,"blur":"1QcSHQ","previews":[480,1600],"is_animated":true,"alt":"A kite"},'
        '{"upload":"u-2","name":"voice.webm","media_type":"audio/webm","bytes":9,"ms":3141,"peaks":"AAEC","as_file":true}]}',
        '"type":"message",@,"text":"","at":"2026-11-22T21:00:00.123Z","files":[{"name":"kite.jpg",'
        '"media_type":"image/jpeg","bytes":4183922,"width":4000,"height":3000,"blur":"1QcSHQ","previews":[480,1600],'
        '"animated":true,"alt":"A kite"},{"name":"voice.webm","media_type":"audio/webm","bytes":9,'
        '"voice":{"ms":3141,"peaks":"AAEC"},"as_file":true}]',
    ),
    (
        "edit",
        Edit(3, "ho"),
        '{"target":3,"text":"ho"}',
        '"type":"edit",@,"at":"2026-11-22T21:00:00.123Z","target":3,"text":"ho"',
    ),
    (
        "edit",
        Edit(3, "ho", ("p-2",)),
        '{"target":3,"text":"ho","mentions":["p-2"]}',
        '"type":"edit",@,"at":"2026-11-22T21:00:00.123Z","target":3,"text":"ho","mentions":["p-2"]',
    ),
    ("delete", Delete(3), '{"target":3}', '"type":"delete",@,"at":"2026-11-22T21:00:00.123Z","target":3'),
    (
        "reaction",
        Reaction(3, "🦀", True),
        '{"target":3,"emoji":"🦀","on":true}',
        '"type":"reaction",@,"at":"2026-11-22T21:00:00.123Z","target":3,"emoji":"🦀","on":true',
    ),
    (
        "pin",
        Pin(3, False),
        '{"target":3,"on":false}',
        '"type":"pin",@,"at":"2026-11-22T21:00:00.123Z","target":3,"on":false',
    ),
    (
        "created",
        Created("private", "T", "t", (BOB,)),
        '{"kind":"private","title":"T","topic":"t","members":[{"id":"p-2","name":"Bob"}]}',
        '"type":"created",@,"at":"2026-11-22T21:00:00.123Z","kind":"private","title":"T","topic":"t","members":[{"id":"p-2","name":"Bob"}]',
    ),
    (
        "created",
        Created("public"),
        '{"kind":"public"}',
        '"type":"created",@,"at":"2026-11-22T21:00:00.123Z","kind":"public"',
    ),
    (
        "settings",
        Settings("T"),
        '{"title":"T"}',
        '"type":"settings",@,"at":"2026-11-22T21:00:00.123Z","title":"T"',
    ),
    (
        "settings",
        Settings(slow_s=30, writers="moderators"),
        '{"slow_s":30,"writers":"moderators"}',
        '"type":"settings",@,"at":"2026-11-22T21:00:00.123Z","slow_s":30,"writers":"moderators"',
    ),
    (
        "settings",
        Settings(retention_days=30),
        '{"retention_days":30}',
        '"type":"settings",@,"at":"2026-11-22T21:00:00.123Z","retention_days":30',
    ),
    (
        "settings",
        Settings(picture="u-1"),
        '{"picture":"u-1"}',
        '"type":"settings",@,"at":"2026-11-22T21:00:00.123Z","picture":true',
    ),
    (
        "settings",
        Settings(picture=""),
        '{"picture":""}',
        '"type":"settings",@,"at":"2026-11-22T21:00:00.123Z","picture":false',
    ),
    (
        "role",
        Role("p-2", "moderator", "ab"),
        '{"person":"p-2","role":"moderator","link":"ab"}',
        '"type":"role",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","role":"moderator"',
    ),
    (
        "ban",
        Restriction("p-2", True, AT_MS, "spam"),
        '{"person":"p-2","on":true,"until_ms":1795381200123,"reason":"spam"}',
        '"type":"ban",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","on":true,"until":"2026-11-22T21:00:00.123Z","reason":"spam"',
    ),
    (
        "ban",
        Restriction("p-2", True, addresses=True),
        '{"person":"p-2","on":true,"addresses":true}',
        '"type":"ban",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","on":true,"addresses":true',
    ),
    (
        "mode",
        Mode("knock"),
        '{"mode":"knock"}',
        '"type":"mode",@,"at":"2026-11-22T21:00:00.123Z","mode":"knock"',
    ),
    (
        "mode",
        Mode(quiet_until_ms=AT_MS),
        '{"quiet_until_ms":1795381200123}',
        '"type":"mode",@,"at":"2026-11-22T21:00:00.123Z","quiet_until":"2026-11-22T21:00:00.123Z"',
    ),
    (
        "mode",
        Mode(quiet_until_ms=0),
        '{"quiet_until_ms":0}',
        '"type":"mode",@,"at":"2026-11-22T21:00:00.123Z","quiet":false',
    ),
    (
        "trust",
        Trust("p-2", True),
        '{"person":"p-2","on":true}',
        '"type":"trust",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","on":true',
    ),
    (
        "mute",
        Restriction("p-2", False),
        '{"person":"p-2","on":false}',
        '"type":"mute",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","on":false',
    ),
    (
        "report",
        Report("p-2", "garden", 3, "buy!", "spam"),
        '{"person":"p-2","room":"garden","target":3,"text":"buy!","why":"spam"}',
        '"type":"report",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","of":"garden","target":3,"text":"buy!","why":"spam"',
    ),
    (
        "resolve",
        Resolve(3, "done", "muted", "p-2"),
        '{"target":3,"state":"done","how":"muted","person":"p-2"}',
        '"type":"resolve",@,"at":"2026-11-22T21:00:00.123Z","target":3,"state":"done","how":"muted","person":"p-2"',
    ),
    (
        "wipe",
        Wipe("p-2", 23, AT_MS),
        '{"person":"p-2","n":23,"since_ms":1795381200123}',
        '"type":"wipe",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","n":23',
    ),
    (
        "release",
        Release("p-2", "Bob", "Blue Heron 7"),
        '{"person":"p-2","freed":"Bob","now":"Blue Heron 7"}',
        '"type":"release",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","freed":"Bob","now":"Blue Heron 7"',
    ),
    (
        "knock",
        Knock("p-2", True, "ab"),
        '{"person":"p-2","on":true,"invite":"ab"}',
        '"type":"knock",@,"at":"2026-11-22T21:00:00.123Z","person":"p-2","on":true',
    ),
    (
        "settings",
        Settings(topic=""),
        '{"topic":""}',
        '"type":"settings",@,"at":"2026-11-22T21:00:00.123Z","topic":""',
    ),
    (
        "member",
        Membership(BOB, True, "ab"),
        '{"person":{"id":"p-2","name":"Bob"},"on":true,"invite":"ab"}',
        '"type":"member",@,"at":"2026-11-22T21:00:00.123Z","person":{"id":"p-2","name":"Bob"},"on":true',
    ),
    (
        "member",
        Membership(BOB, False),
        '{"person":{"id":"p-2","name":"Bob"},"on":false}',
        '"type":"member",@,"at":"2026-11-22T21:00:00.123Z","person":{"id":"p-2","name":"Bob"},"on":false',
    ),
    (
        "star",
        Star("garden", 3, True),
        '{"room":"garden","target":3,"on":true}',
        '"type":"star",@,"at":"2026-11-22T21:00:00.123Z","of":"garden","target":3,"on":true',
    ),
    (
        "hide",
        Star("garden", 3, False),
        '{"room":"garden","target":3,"on":false}',
        '"type":"hide",@,"at":"2026-11-22T21:00:00.123Z","of":"garden","target":3,"on":false',
    ),
    (
        "level",
        Level("garden", "none", AT_MS),
        '{"room":"garden","level":"none","until_ms":1795381200123}',
        '"type":"level",@,"at":"2026-11-22T21:00:00.123Z","of":"garden","level":"none","until":"2026-11-22T21:00:00.123Z"',
    ),
    (
        "level",
        Level("garden", "all"),
        '{"room":"garden","level":"all"}',
        '"type":"level",@,"at":"2026-11-22T21:00:00.123Z","of":"garden","level":"all"',
    ),
    (
        "unread",
        Unread("garden", 3),
        '{"room":"garden","seq":3}',
        '"type":"unread",@,"at":"2026-11-22T21:00:00.123Z","of":"garden","from_seq":3',
    ),
    (
        "pin_room",
        PinRoom("garden", True),
        '{"room":"garden","on":true}',
        '"type":"pin_room",@,"at":"2026-11-22T21:00:00.123Z","of":"garden","on":true',
    ),
    (
        "created",
        Created("direct", members=(BOB,), asked=True),
        '{"kind":"direct","members":[{"id":"p-2","name":"Bob"}],"asked":true}',
        '"type":"created",@,"at":"2026-11-22T21:00:00.123Z","kind":"direct","members":[{"id":"p-2","name":"Bob"}],"asked":true',
    ),
    (
        "block",
        Block("p-2", True),
        '{"person":"p-2","on":true}',
        '"type":"block",@,"at":"2026-11-22T21:00:00.123Z","of":"p-2","on":true',
    ),
    (
        "unread",
        Unread("garden"),
        '{"room":"garden"}',
        '"type":"unread",@,"at":"2026-11-22T21:00:00.123Z","of":"garden","from_seq":null',
    ),
]

DELETED = [
    ("message", '"type":"message",@,"text":"","at":"2026-11-22T21:00:00.123Z","deleted":true'),
    ("post", '"type":"message",@,"text":"","at":"2026-11-22T21:00:00.123Z","deleted":true'),
    ("edit", '"type":"edit",@,"at":"2026-11-22T21:00:00.123Z","target":0,"text":"","deleted":true'),
    ("report", '"type":"report",@,"at":"2026-11-22T21:00:00.123Z","deleted":true'),
]


def event(kind: str, body: str | None) -> Event:
    return Event("lobby", 9, kind, "p-1", "Ada", "c1", AT_MS, body, b"")


def told(kind: str, body: str | None) -> str:
    """The frame in which this is told."""
    return msgspec.json.encode(to_frame(event(kind, body))).decode()


def test_every_kind_has_an_example_here_and_an_entry_in_the_effects() -> None:
    assert {kind for kind, *_ in EXAMPLES} == set(KINDS) == set(EFFECTS)
    assert {kind for kind, _ in DELETED} == {kind.name for kind in KINDS.values() if kind.deleted is not None}


@pytest.mark.parametrize(("kind", "body", "written", "frame"), EXAMPLES)
def test_a_kind_is_written_and_told_in_these_bytes(kind: str, body: Body, written: str, frame: str) -> None:
    if kind != MESSAGE:
        assert write_body(body) == written
    assert read_body(kind, written) == body
    assert told(kind, written) == f"{{{frame.replace('@', COMMON)}}}"


@pytest.mark.parametrize(("kind", "frame"), DELETED)
def test_what_was_deleted_is_told_as_such(kind: str, frame: str) -> None:
    assert told(kind, None) == f"{{{frame.replace('@', COMMON)}}}"
    assert text_of(event(kind, None)) == ""


@pytest.mark.parametrize(("kind", "body", "written", "frame"), EXAMPLES)
def test_all_fields_of_a_frame_are_filled(kind: str, body: Body, written: str, frame: str) -> None:
    of_frame = set(KINDS[kind].frame.__struct_fields__) - COMMON_FIELDS - {"deleted"}
    assert set(KINDS[kind].fields(body)) == of_frame


def test_the_invitation_that_let_somebody_in_is_not_told() -> None:
    assert "ab" not in told("member", write_body(Membership(BOB, True, "ab"))).replace("lobby", "")


def test_every_command_that_writes_an_event_is_carried_out() -> None:
    assert COMMANDS
    assert set(COMMANDS) <= set(HANDLERS)


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("message", Post("hi"), None),
        ("post", Post("hi", 3), None),
        ("edit", Edit(3, "ho"), (3, "edit")),
        ("delete", Delete(3), (3, "delete")),
        ("reaction", Reaction(3, "🦀", True), None),
        ("pin", Pin(3, True), (3, "pin")),
        ("created", Created("public"), None),
        ("settings", Settings("T"), None),
        ("member", Membership(BOB, True), None),
        ("star", Star("garden", 3, True), (0, "star:garden:3")),
        ("hide", Star("garden", 3, True), (0, "hide:garden:3")),
        ("level", Level("garden", "all"), (0, "level:garden")),
        ("unread", Unread("garden", 3), (0, "unread:garden")),
        ("pin_room", PinRoom("garden", True), (0, "pin_room:garden")),
    ],
)
def test_what_an_event_is_the_newest_word_on(kind: str, body: Body, key: tuple[int, str] | None) -> None:
    assert change_key(kind, "p-1", body) == key


def test_bodies_that_name_people_can_be_rewritten_with_another_name() -> None:
    created = write_body(Created("private", members=(BOB, Who("p-3", "Cy"))))
    assert renamed("created", created, "p-2", "Rob") == created.replace("Bob", "Rob")
    joined = write_body(Membership(BOB, True))
    assert renamed("member", joined, "p-2", "Rob") == joined.replace("Bob", "Rob")
    assert renamed("member", joined, "p-3", "Rob") == joined
    assert renamed("post", write_body(Post("Bob")), "p-2", "Rob") == write_body(Post("Bob"))
    assert renamed("message", "Bob", "p-2", "Rob") == "Bob"
