"""Profiles: names, colours and pictures, on all devices and for everybody."""

from __future__ import annotations

import base64
import struct
import zlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import pytest
import trio

from tests.support.core import Core, V1Client, open_core
from tests.support.raw import open_raw, open_v1
from tests.support.serving import open_server
from tests.support.v1 import ack
from trio_chat.errors import Refused, StoreUnavailable
from trio_chat.gateways.v1.encoding import ENCODING
from trio_chat.model.events import Person
from trio_chat.people.avatars import MAX_PICTURE_BYTES, MAX_SIDE, read_picture
from trio_chat.presence.connected import ConnectedUsers
from trio_chat.presence.service import INTERVAL_S
from trio_chat.web.http import make_app

if TYPE_CHECKING:
    from trio.testing import MockClock

    from trio_chat.errors import Close
    from trio_chat.net.outbox import Outbox
    from trio_chat.rooms.encoding import Encoding


def png(width: int = 2, height: int = 2, *, padding: int = 0) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * min(width, 100)) * min(height, 100))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""), b"\0" * padding)
    )


def jpeg(width: int = 2, height: int = 2) -> bytes:
    """A JPEG up to its frame header, with a comment before that and padding."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return (
        b"\xff\xd8\xff\xfe\x00\x06abcd\xff\xff\xfe\x00\x02"
        + b"\xff\xc2"
        + struct.pack(">H", len(frame) + 2)
        + frame
        + b"\xff\xd9"
    )


def webp(kind: bytes, width: int = 2, height: int = 2) -> bytes:
    """A WebP up to its size."""
    match kind:
        case b"VP8 ":
            body = b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
        case b"VP8L":
            body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0" * 5
        case _:
            body = b"\0" * 4 + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def arrive(core: Core, name: str) -> tuple[V1Client, dict[str, Any]]:
    """A connection of a new person that joined the lobby, and their user."""
    client = await core.open_v1()
    user: dict[str, Any] = (await client.ask("hello", name=name))["user"]
    await client.tell("join", room="lobby")
    await client.hear_frames()
    return client, user


async def told(client: V1Client) -> list[dict[str, Any]]:
    """The changed people that it hears of within one interval."""
    await trio.sleep(INTERVAL_S)
    return [frame["person"] for frame in await client.hear_frames() if frame["type"] == "person"]


# Pictures


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (png(), "image/png"),
        (png(MAX_SIDE, MAX_SIDE), "image/png"),
        (jpeg(MAX_SIDE, 1), "image/jpeg"),
        (webp(b"VP8 ", MAX_SIDE, MAX_SIDE), "image/webp"),
        (webp(b"VP8L", MAX_SIDE, MAX_SIDE), "image/webp"),
        (webp(b"VP8X", MAX_SIDE, MAX_SIDE), "image/webp"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_picture_has_the_type_of_its_bytes(data: bytes, media_type: str) -> None:
    picture = read_picture(text(data))
    assert (picture.media_type, picture.data, len(picture.hash)) == (media_type, data, 32)


BAD = {
    "not Base64": "§$%&",
    "nothing": "====",
    "another alphabet": "_-_-",
    "a page": text(b"<script>alert(1)</script>"),
    "a drawing": text(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "a GIF": text(b"GIF89a\1\0\1\0"),
    "only the beginning": text(png()[:20]),
    "a JPEG without an end": text(b"\xff\xd8\xff"),
    "a JPEG that goes nowhere": text(b"\xff\xd8\xff\xfe\x00\x00" + b"\xff" * 50),
    "something else in RIFF": text(webp(b"VP8X").replace(b"WEBP", b"WAVE")),
    "an unknown WebP": text(webp(b"VP8X").replace(b"VP8X", b"VP9X")),
    "too many bytes": text(png(padding=MAX_PICTURE_BYTES)),
    "one byte too many": text(png(padding=MAX_PICTURE_BYTES - len(png()) + 1)),
    "no pixels": text(png(0, 2)),
    "too wide": text(png(MAX_SIDE + 1, 2)),
    "too high": text(jpeg(2, MAX_SIDE + 1)),
    "very large": text(webp(b"VP8X", 2**24, 2**24)),
    "large": text(webp(b"VP8L", 2**14, 2**14)),
    "larger than one may see": text(webp(b"VP8 ", 2**14 - 1, 1)),
}


@pytest.mark.parametrize("said", BAD.values(), ids=BAD)
def test_bytes_that_are_no_small_picture_are_refused(said: str) -> None:
    with pytest.raises(Refused) as caught:
        read_picture(said)
    assert caught.value.code == "bad_picture"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def get(port: int, target: str) -> Answer:
    """The answer to one request, on a connection of its own."""
    async with open_raw(port) as peer:
        await peer.send(f"GET {target} HTTP/1.1\r\nhost: chat.example\r\nconnection: close\r\n\r\n".encode())
        head, _, body = (await peer.receive_to_the_end()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return Answer(int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body)


async def test_a_picture_is_served_to_everybody_and_cannot_run_scripts() -> None:
    async with open_server() as serving, open_v1(serving.port, name="Ada") as (ada, _, _):
        await ada.say(type="profile", id="c1", picture=text(png()))
        name = (await ada.hear("profiled"))["user"]["picture"]
        answer = await get(serving.port, f"/pictures/{name}")
        assert (answer.status, answer.body) == (200, png())
        expected = {
            "content-type": "image/png",
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; sandbox",
            "content-disposition": "inline",
            "cache-control": "private, max-age=31536000, immutable",
            "cross-origin-resource-policy": "same-origin",
        }
        assert expected.items() <= answer.headers.items()
        await ada.say(type="profile", id="c2", picture="")
        assert "picture" not in (await ada.hear("profiled"))["user"]
        assert (await get(serving.port, f"/pictures/{name}")).status == 404


@pytest.mark.parametrize("name", ["", "x", "0" * 32, "0" * 31 + "/", "..%2f..%2fchat.db", "F" * 32])
async def test_an_unknown_picture_is_not_found(name: str) -> None:
    async with open_server() as serving:
        answer = await get(serving.port, f"/pictures/{name}")
        assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")


async def test_a_picture_that_cannot_be_read_now_gives_503() -> None:
    async def find(name: str, size: int) -> None:
        raise StoreUnavailable("The disk is ill.")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    said: list[Any] = []

    async def send(message: Any) -> None:  # noqa: ANN401
        said.append(message)

    path = f"/pictures/{'0' * 32}"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    no_files: Any = SimpleNamespace(beginning=None, uploads=None, downloads=None, keys=None)
    await make_app(readiness=lambda: (True, "ready"), picture=find, files=no_files)(scope, receive, send)
    assert said[0]["status"] == 503


# Profiles


async def test_a_profile_is_shown_to_everybody_and_saved(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_v1(), (await arrive(core, "Bob"))[0]
        welcome = await ada.ask("hello", name="Ada")
        answer = await ada.ask("profile", id="c9", name="Ada L.", colour=11, picture=text(png()))
        user = {
            "id": welcome["user"]["id"],
            "name": "Ada L.",
            "colour": 11,
            "picture": read_picture(text(png())).hash,
        }
        assert answer == {"type": "profiled", "id": "c9", "user": user}
        assert await told(bob) == [user]
        again = await core.open_v1()
        assert (await again.ask("hello", token=welcome["token"]))["user"] == user
        assert (await bob.ask("people", ids=[user["id"]]))["people"] == [user | {"here": True}]


async def test_fields_left_out_of_a_profile_stay(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, user), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        await ada.ask("profile", colour=3)
        await ada.ask("profile", picture=text(png()), show_seen=False)
        await ada.ask("rename", name="Ada L.")
        await told(bob)
        await ada.hear_frames()
        answer = await ada.ask("profile")
        picture = read_picture(text(png())).hash
        shown = {"id": user["id"], "name": "Ada L.", "colour": 3, "picture": picture}
        assert answer["user"] == shown
        assert answer["show_seen"] is False
        assert await told(bob) == [], "nothing has changed"


async def test_an_invalid_profile_is_refused_and_nothing_changes(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, user), _ = await arrive(core, "Ada"), await arrive(core, "Bob")
        for fields, code in (
            ({"name": "BOB", "colour": 3}, "name_taken"),
            ({"name": "", "colour": 3}, "bad_name"),
            ({"colour": 12}, "bad_field"),
            ({"picture": "x", "colour": 3}, "bad_picture"),
        ):
            assert (await ada.ask("profile", **fields))["code"] == code
        assert (await ada.ask("profile"))["user"] == user


async def test_a_guests_name_is_taken(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _) = await arrive(core, "Ada")
        plain = await core.open_plain()
        await plain.say("hello")
        (message,) = [frame for frame in await ada.hear_frames() if frame["type"] == "message"]
        assert (await ada.ask("profile", name=message["name"]))["code"] == "name_taken"


@pytest.mark.parametrize("how", ["rename", "profile"])
async def test_a_new_name_holds_on_all_devices_of_the_person(autojump_clock: MockClock, how: str) -> None:
    async with open_core() as core:
        phone, laptop = await core.open_v1(), await core.open_v1()
        token = (await phone.ask("hello", name="Ada"))["token"]
        await laptop.ask("hello", token=token)
        for device in (phone, laptop):
            await device.ask("join", room="lobby")
        await phone.ask(how, name="Ada L.")
        await ack(laptop, "send", room="lobby", text="hi")
        (message,) = [frame for frame in await phone.hear_frames() if frame["type"] == "message"]
        assert message["name"] == "Ada L."
        await trio.sleep(INTERVAL_S)
        people = [
            frame["person"]["name"] for frame in await laptop.hear_frames() if frame["type"] == "person"
        ]
        assert people == ["Ada L."]


async def test_a_device_that_logs_in_during_a_rename_has_the_new_name(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        phone, laptop = await core.open_v1(), await core.open_v1()
        token = (await phone.ask("hello", name="Ada"))["token"]
        await phone.ask("join", room="lobby")
        with core.store.holding_commits():
            await phone.tell("rename", name="Ada L.")
            await laptop.ask("hello", token=token)
        await phone.hear_frames()
        await laptop.tell("join", room="lobby")
        await laptop.hear_frames()
        await ack(laptop, "send", room="lobby", text="hi")
        (message,) = [frame for frame in await phone.hear_frames() if frame["type"] == "message"]
        assert message["name"] == "Ada L."


@attrs.define(eq=False)
class SomeConnection:
    """A connection that knows only its person."""

    outbox: Outbox
    person: Person
    encoding: Encoding = ENCODING
    device: str = "d-1"

    def hears(self, room: str) -> bool:
        return False

    def set_person(self, person: Person) -> None:
        self.person = person

    def membership_changed(self, room: str, *, is_member: bool) -> None:
        pass

    def cut(self, close: Close) -> None:
        self.outbox.end(close)

    def standing_changed(self, known_ms: int) -> None:
        pass


async def test_a_login_that_read_the_old_name_still_ends_with_the_new_one(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        await arrive(core, "Eve")
        (eve,) = core.hub.connected.connections()
        connected = ConnectedUsers()
        before = Person("p-ada", "Ada")
        phone, laptop = SomeConnection(eve.outbox, before), SomeConnection(eve.outbox, before)
        connected.add(phone)
        connected.set_person(Person("p-ada", "Ada L."))
        connected.add(laptop)
        assert laptop.person == phone.person == Person("p-ada", "Ada L.")
        assert len(connected.connections()) == 2
        for _ in range(2):
            connected.discard(laptop)
        assert len(connected.connections()) == 1


async def test_changes_of_a_profile_are_broadcast_at_most_once_a_second(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await arrive(core, "Ada"), await arrive(core, "Bob")
        for colour in range(12):
            await ada.ask("profile", colour=colour)
        assert [user["colour"] for user in await told(bob)] == [11]


async def test_many_changed_profiles_are_spread_over_several_broadcasts(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.presence.service.MAX_NAMES_SENT", 4)
    async with open_core() as core:
        people = [await arrive(core, f"X{number}") for number in range(3)]
        for person, _ in people:
            await person.ask("profile", colour=1)
        for expected in ("X0", "X1", "X2"):
            assert [user["name"] for user in await told(people[0][0])] == [expected]
