"""Full state: a store with as much of everything as there may be, and every command with its largest legal arguments.

`fill` writes it through the store, by the rules. `LARGEST` has an entry for each v1 command, which a test demands.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import trio

from tests.support.people import add_person
from trio_chat.kinds import (
    direct,
    messages,
    moderation,
    modes,
    personal,
    pins,
    reactions,
    reports,
    roles,
    rooms,
)
from trio_chat.kinds.facts import SERVER_ROOM, personal_room
from trio_chat.kinds.files import MAX_FILES, File, file_of
from trio_chat.kinds.forms import Body, Command, Who, write_body
from trio_chat.kinds.standing import MUTE
from trio_chat.model.events import MESSAGE, Draft, Person
from trio_chat.model.file_names import MAX_FILE_NAME_CHARS
from trio_chat.model.files import MAX_UNSENT, FileFacts, FileLimits, Upload
from trio_chat.model.outcomes import Denied
from trio_chat.model.records import Invitation, ReadMarker
from trio_chat.model.tokens import hash_of
from trio_chat.people.avatars import MAX_PICTURE_BYTES
from trio_chat.protocol import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trio_chat.store.base import Store

PUBLIC_ROOMS: Final = 3_000
CONVERSATIONS: Final = 1_200
PRIVATE_ROOMS: Final = 10_000 - PUBLIC_ROOMS - CONVERSATIONS
MEMBERS: Final = 3_000
"""Members of the large room, who all have received and read its first message."""
REACTED: Final = 10
"""So many messages have all the reactions they can have."""

ALBUM: Final = "public-0004"
FILER: Final = 11
FILED: Final = 200
"""So many messages of this person, in this room, have files."""

LARGE: Final = "~large"
"""The room that has most of everything."""
INVITED: Final = "~invited"
"""Another one, into which a link leads."""

AT_MS: Final = 1_700_000_000_000
UPLOADED_MS: Final = 4_000_000_000_000
"""Whatever the clock of the server says, no upload has expired."""

TEXT: Final = "xy" + "\x01" * 3_998
"""The longest text; nearly each of its characters takes six bytes in JSON."""
WORDS: Final = "apple " * 660
LINK: Final = f"http://10.0.0.1/{'l' * 1_984}"
"""The longest link; its server is not asked."""
TITLE: Final = "t" * 40
TOPIC: Final = "\u4e00" * 500
REASON: Final = "\u4e00" * moderation.MAX_REASON_CHARS
EMOJI: Final = "👍"
FILE_NAME: Final = "\u4e00" * MAX_FILE_NAME_CHARS
PEAKS: Final = "A" * 86 + "=="


@attrs.frozen
class FullState:
    """Whose eyes the state is seen with."""

    ada: Person
    token: str
    """Ada's: she owns the large room, and is in all conversations."""
    link: str
    """Leads into `INVITED`, makes an owner of the server, and is Ada's recovery code."""
    rooms: tuple[str, ...]
    """Her rooms."""
    people: tuple[str, ...]


def _draft(kind: str, sender: str, client_id: str, body: Body | str) -> Draft:
    return Draft(kind, sender, "Name", client_id, body if isinstance(body, str) else write_body(body))


async def _append(store: Store, room: str, drafts: list[Draft]) -> None:
    """Append to a room what the rules allow."""
    outcomes = await store.append(room, drafts, at_ms=AT_MS)
    assert not any(isinstance(outcome, Denied) for outcome in outcomes), (room, outcomes)


async def _append_all(store: Store, drafts: Iterable[tuple[str, list[Draft]]]) -> None:
    """Append to many rooms at a time, so that they share commits."""
    async with trio.open_nursery() as nursery:
        for room, of_room in drafts:
            nursery.start_soon(_append, store, room, of_room)


async def fill(store: Store) -> FullState:
    """Write the full state to an empty store."""
    ada = Person("p-ada", "Ada")
    state = FullState(
        ada,
        token="ada",
        link="7777777",
        rooms=tuple(f"~d{n:05}" for n in range(CONVERSATIONS)),
        people=tuple(f"p-{n:05}" for n in range(MEMBERS)),
    )
    await add_person(store, ada, name_key="ada", token_hash=hash_of(state.token), at_ms=1)
    async with trio.open_nursery() as nursery:
        for n, who in enumerate(state.people):
            person = Person(who, f"Person {n}")
            nursery.start_soon(
                partial(
                    add_person,
                    store,
                    person,
                    name_key=f"person {n}",
                    token_hash=who.encode(),
                    at_ms=1,
                    invited_by=ada.id,
                )
            )
    await _fill_large(store, state)  # where all come to know each other, so that they need not ask
    await _append_all(store, _many_rooms(state))
    await _fill_own(store, state)
    await _fill_server(store, state)
    await _fill_files(store, state)
    await _fill_album(store, state)
    return state


def _many_rooms(state: FullState) -> Iterable[tuple[str, list[Draft]]]:
    ada = Who(state.ada.id, "Ada")
    for n in range(PUBLIC_ROOMS):
        created = rooms.Created("public", TITLE, TOPIC, (ada,) if n % 2 else ())
        said = [_draft(MESSAGE, ada.id, f"p-{n}-{line}", TEXT if n < 100 else WORDS) for line in range(2)]
        yield f"public-{n:04}", [_draft(rooms.CREATED, f"p-{n:05}", f"c-{n}", created), *said]
    for n, name in enumerate(state.rooms):
        created = rooms.Created("direct", members=(Who(state.people[n], "Name"), ada))
        said = [_draft(MESSAGE, state.people[n], f"d-{n}", TEXT)]
        yield name, [_draft(rooms.CREATED, state.people[n], f"cd-{n}", created), *said]
    for n in range(direct.MAX_REQUESTS):
        asking = Who(state.people[CONVERSATIONS + n], "Name")
        created = rooms.Created("direct", members=(asking, ada), asked=True)
        said = [_draft(MESSAGE, asking.id, f"q-{n}", TEXT)]
        yield f"~dq{n:04}", [_draft(rooms.CREATED, asking.id, f"cq-{n}", created), *said]
    for n in range(PRIVATE_ROOMS):
        created = rooms.Created("private", TITLE, TOPIC, (Who(state.people[n % MEMBERS], "Name"),))
        yield f"~private-{n:05}", [_draft(rooms.CREATED, state.people[n % MEMBERS], f"cp-{n}", created)]


async def _fill_large(store: Store, state: FullState) -> None:
    """The large room: its messages are 2 to 201; the first of them has all edits, and ten have all reactions."""
    ada, everybody = state.ada.id, [Who(who, "Name") for who in (state.ada.id, *state.people)]
    created = rooms.Created("private", TITLE, TOPIC, tuple(everybody))
    texts = [TEXT, *[WORDS] * 198, f"{WORDS[:1_998]}{LINK}"]
    said = [_draft(MESSAGE, ada, f"large-{n}", text) for n, text in enumerate(texts)]
    await _append(store, LARGE, [_draft(rooms.CREATED, ada, "large", created), *said])
    edits = [
        _draft(messages.EDIT, ada, f"e-{n}", messages.Edit(2, TEXT)) for n in range(messages.MAX_EDITS - 1)
    ]
    pinned = [_draft(pins.PIN, ada, f"pin-{n}", pins.Pin(n + 20, True)) for n in range(pins.MAX_PINS - 1)]
    muted = [
        _draft(MUTE, ada, f"mute-{n}", moderation.Restriction(who, on=True, reason=REASON))
        for n, who in enumerate(state.people[: moderation.MAX_RESTRICTED - 2])
    ]
    await _append(store, LARGE, edits + pinned)
    for target in range(3, 3 + REACTED):
        reacted = [
            _draft(
                reactions.REACTION,
                who,
                f"r-{target}",
                reactions.Reaction(target, chr(0x1F44D + n % 50), True),
            )
            for n, who in enumerate(state.people[: reactions.MAX_OF_MESSAGE - 1])
        ]
        await _append(store, LARGE, reacted)
    await _append(store, LARGE, muted)  # who reacts cannot be muted yet
    await store.move_read_markers([ReadMarker(LARGE, who, 100, 100) for who in state.people], AT_MS)
    member = Who(state.people[0], "Name")
    invited = rooms.Created("private", TITLE, TOPIC, (member,))
    await _append(store, INVITED, [_draft(rooms.CREATED, member.id, "invited", invited)])
    for n in range(99):
        await store.add_invite(Invitation(f"{n}".encode(), LARGE, state.people[n], AT_MS, None, None))
    link = hash_of(state.link)
    await store.set_recovery_code(ada, link, AT_MS)
    await store.add_owner_link(link, ends_ms=2**62, at_ms=AT_MS)
    await store.add_invite(Invitation(link, INVITED, member.id, AT_MS, None, None))


async def _fill_server(store: Store, state: FullState) -> None:
    """All reports there can be but two, about long messages; and somebody who has written much."""
    reported = [
        _draft(reports.REPORT, who, "report", reports.Report(state.ada.id, LARGE, 2, TEXT, TOPIC))
        for who in state.people[: reports.MAX_OPEN_REPORTS - 2]
    ]
    await _append(store, SERVER_ROOM, reported)
    said = [_draft(MESSAGE, state.people[10], f"said-{n}", "hi") for n in range(600)]
    await _append(store, "public-0000", said)


async def _fill_files(store: Store, state: FullState) -> None:
    """A message with as many files as there may be in the first conversation, as number 3; and as many uploads that are
    in none, for the large room."""
    facts = FileFacts("image/jpeg", 10**9, 10_000, 10_000, "x" * 40, (480, 1600), is_animated=True)
    limits = FileLimits()
    sent: list[File] = []
    for n in range(MAX_UNSENT - 1 + MAX_FILES):
        room = state.rooms[0] if n < MAX_FILES else LARGE
        upload = Upload(
            f"u-{n:022}", state.ada.id, room, f"u-{n}", FILE_NAME, 10**9, ms=3_600_000, peaks=PEAKS
        )
        await store.begin_upload(upload, limits=limits, at_ms=UPLOADED_MS)
        finished = await store.finish_upload(upload.id, blob=f"{n:064}", stored_bytes=0, facts=facts)
        assert finished is not None
        sent.append(file_of(finished, alt=TOPIC))
        if len(sent) == MAX_FILES:
            said = messages.Post(TEXT, files=tuple(sent))
            await _append(store, room, [_draft(messages.POST, state.ada.id, "files", said)])


async def _fill_album(store: Store, state: FullState) -> None:
    """A room of which all messages have as many files as there may be, all of one person."""
    who, facts, limits = state.people[FILER], FileFacts("image/jpeg", 10**6, 800, 600, "x" * 40), FileLimits()

    async def finish(n: int, found: list[File]) -> None:
        upload = Upload(f"u-a{n:021}", who, ALBUM, f"a-{n}", FILE_NAME, 10**6)
        await store.begin_upload(upload, limits=limits, at_ms=UPLOADED_MS)
        finished = await store.finish_upload(upload.id, blob=f"a{n:063}", stored_bytes=0, facts=facts)
        assert finished is not None
        found.append(file_of(finished, alt=TOPIC))

    for start in range(0, FILED * MAX_FILES, MAX_UNSENT):
        found: list[File] = []
        async with trio.open_nursery() as nursery:
            for n in range(start, start + MAX_UNSENT):
                nursery.start_soon(finish, n, found)
        said = [
            _draft(
                messages.POST,
                who,
                f"a-{start}-{at}",
                messages.Post("", files=tuple(found[at : at + MAX_FILES])),
            )
            for at in range(0, MAX_UNSENT, MAX_FILES)
        ]
        await _append(store, ALBUM, said)


async def _fill_own(store: Store, state: FullState) -> None:
    own = personal_room(state.ada.id)
    stars = [
        _draft(personal.STAR, state.ada.id, f"s-{n}", personal.Star(LARGE, n % 1_000 + 1, True))
        for n in range(1_000)
    ]
    hidden = [
        _draft(personal.HIDE, state.ada.id, f"h-{n}", personal.Star(LARGE, n + 1, True))
        for n in range(personal.MAX_PERSONAL - 1_001)
    ]
    await _append(store, own, stars + hidden)


def _picture() -> str:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x02\x00\x00\x00\x02\x00"
    return base64.b64encode(png.ljust(MAX_PICTURE_BYTES, b"\0")).decode()


def _mentions(state: FullState) -> list[str]:
    return [*state.people[: messages.MAX_MENTIONS - 1], "all"]


Case: TypeAlias = "Callable[[FullState], list[dict[str, Any]]]"

LARGEST: Final[Mapping[type[Command], Case]] = {
    commands.Hello: lambda state: [{"token": state.token, "lists": True}],
    commands.BecomeOwner: lambda state: [{"token": state.link}],
    commands.Follow: lambda state: [{"rooms": [{"room": room} for room in state.rooms[:500]]}],
    commands.Join: lambda state: [
        {"room": room, **at} for room in (LARGE, SERVER_ROOM, ALBUM) for at in ({}, {"after": 1})
    ],
    commands.Pinging: lambda state: [{}],
    messages.Send: lambda state: [
        {
            "room": LARGE,
            "text": TEXT,
            "reply_to": 2,
            "mentions": _mentions(state),
            "forwarded": "f" * 500,
            "files": [{"upload": f"u-{MAX_FILES + n:022}", "alt": TOPIC} for n in range(MAX_FILES)],
        }
    ],
    commands.UploadCommand: lambda state: [
        {
            "room": LARGE,
            "name": "\u4e00" * 1_000,
            "bytes": 10**8,
            "media_type": "m" * 500,
            "voice": {"ms": 3_600_000, "peaks": PEAKS},
        },
        {"room": LARGE, "of": {"room": state.rooms[0], "seq": 3, "n": MAX_FILES - 1}},
    ],
    commands.UploadPicture: lambda state: [{"room": LARGE, "bytes": 10**8}, {"bytes": 10**8}],
    commands.CancelUpload: lambda state: [{"upload": f"u-{2 * MAX_FILES:022}"}],
    messages.EditCommand: lambda state: [
        {"room": LARGE, "seq": 2, "text": TEXT, "mentions": _mentions(state)}
    ],
    reactions.React: lambda state: [{"room": LARGE, "seq": 3, "emoji": EMOJI}],
    pins.PinCommand: lambda state: [{"room": LARGE, "seq": 150}],
    rooms.SettingsCommand: lambda state: [{"room": LARGE, "title": TITLE, "topic": TOPIC}],
    personal.Mine: lambda state: [{"what": "star", "room": LARGE, "target": 9}],
    commands.History: lambda state: [
        {"room": LARGE, "before": 202, "limit": 200},
        {"room": LARGE, "around": 8, "limit": 200},
        {"room": LARGE, "after": 1, "limit": 200},
        {"room": LARGE, "before": 2**63 - 1, "limit": 200},
        {"room": ALBUM, "only": "pictures", "limit": 200},
        {"room": ALBUM, "only": "files", "limit": 200},
    ],
    commands.Fetch: lambda state: [{"room": LARGE, "seqs": list(range(1, 101))}],
    commands.AskReactions: lambda state: [
        {"room": LARGE, "seq": 3},
        {"room": LARGE, "seq": 3, "emoji": EMOJI},
    ],
    commands.Versions: lambda state: [{"room": LARGE, "seq": 2}],
    commands.AskPreview: lambda state: [{"room": LARGE, "seq": 201, "link": LINK}],
    commands.Search: lambda state: [
        {"query": "apple", "limit": 50},
        {"query": "xy", "limit": 50},
        {"query": "before:2030-01-01 apple pple app", "limit": 50},
    ],
    commands.Info: lambda state: [{"room": LARGE}],
    commands.AskListing: lambda state: [{"room": LARGE}],
    commands.Directory: lambda state: [{"query": ""}, {"query": "zzz"}],
    commands.Create: lambda state: [
        {"kind": "private", "title": TITLE, "topic": TOPIC},
        {"kind": "public", "room": "r" * 60, "title": TITLE, "topic": TOPIC},
    ],
    commands.Direct: lambda state: [{"person": state.people[-1]}],
    commands.AskRequests: lambda state: [{}],
    commands.AnswerRequest: lambda state: [{"room": "~dq0000", "accept": True}],
    commands.Enter: lambda state: [{"room": "public-0002"}],
    commands.Invite: lambda state: [{"room": LARGE}],
    commands.Invites: lambda state: [{"room": LARGE}],
    commands.Uninvite: lambda state: [{"room": LARGE}],
    commands.Peek: lambda state: [{"token": state.link}],
    commands.Accept: lambda state: [{"token": state.link}],
    commands.AskOwn: lambda state: [{"before": 2**62}],
    commands.Rename: lambda state: [{"name": "М" * 20 + " Ελληνικά"}],
    commands.SetProfile: lambda state: [
        {"name": "n" * 40, "colour": 3, "picture": _picture(), "show_seen": False}
    ],
    commands.AskPeople: lambda state: [{"ids": list(state.people[:200])}],
    commands.Mentionable: lambda state: [
        {"room": LARGE, "query": "p"},
        {"room": LARGE, "query": "x" * 40},
    ],
    commands.Link: lambda state: [{}],
    commands.Watch: lambda state: [{"room": LARGE}],
    commands.Typing: lambda state: [{"room": LARGE}],
    commands.Mark: lambda state: [{"room": LARGE, "delivered": 200, "read": 200}],
    commands.Receipts: lambda state: [{"room": LARGE, "seq": 2}],
    roles.RoleCommand: lambda state: [{"room": LARGE, "person": state.people[-2], "role": "moderator"}],
    moderation.MuteCommand: lambda state: [{"room": LARGE, "person": state.people[-3], "reason": REASON}],
    moderation.BanCommand: lambda state: [{"room": LARGE, "person": state.people[-1], "reason": REASON}],
    commands.Admit: lambda state: [{"room": LARGE, "person": state.people[-1]}],
    commands.ReportCommand: lambda state: [
        {"room": state.rooms[0], "seq": 2, "why": TOPIC},
        {"person": state.people[0], "why": TOPIC},
    ],
    commands.Reports: lambda state: [{"room": SERVER_ROOM}],
    commands.ResolveCommand: lambda state: [{"report": 5, "state": "done", "how": TOPIC}],
    modes.TrustCommand: lambda state: [{"room": SERVER_ROOM, "person": state.people[10]}],
    modes.ModeCommand: lambda state: [
        {"room": SERVER_ROOM, "mode": mode} for mode in ("closed", "probation")
    ],
    commands.AskBranch: lambda state: [{"person": state.ada.id}],
    commands.WipeCommand: lambda state: [
        {"room": SERVER_ROOM, "person": state.people[10]},
        {"room": SERVER_ROOM, "person": state.people[FILER]},
    ],
    commands.AskDevices: lambda state: [{}],
    commands.PeekLink: lambda state: [{"recover": state.link}],
    commands.MakeRecoveryCode: lambda state: [{}],
    commands.LogOut: lambda state: [{"all": True}],
    messages.DeleteCommand: lambda state: [
        {"room": LARGE, "seq": 2},
        {"room": LARGE, "seq": 3},
        {"room": state.rooms[0], "seq": 3},
    ],
    rooms.Part: lambda state: [{"room": LARGE}],
    commands.Leave: lambda state: [{"room": state.rooms[0]}],
}
"""The fields of each command at its largest, in an order in which all can be carried out; several where it is not
plain which is the largest."""
