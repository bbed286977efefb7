"""Files over the wire: beginning, forwarding and cancelling uploads, and messages with files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.core import Core, V1Client, open_core
from tests.support.memory_store import MemoryDisk
from tests.support.v1 import ack, become_owner, hello, let_in, make_room
from trio_chat.gateways.v1.files import CHUNK_BYTES
from trio_chat.model.files import FileFacts
from trio_chat.model.times import DAY_MS
from trio_chat.presence.service import INTERVAL_S
from trio_chat.store.space import MIB

if TYPE_CHECKING:
    from trio.testing import MockClock

KITE = "a" * 64
JPEG = FileFacts("image/jpeg", 900, 40, 30, "blur", (480, 1600))
TOLD = {
    "name": "kite.jpg",
    "media_type": "image/jpeg",
    "bytes": 900,
    "width": 40,
    "height": 30,
    "blur": "blur",
    "previews": [480, 1600],
}
PEAKS = "A" * 86 + "=="


async def begin(client: V1Client, command_id: str = "u1", **fields: object) -> dict[str, Any]:
    """What an upload for the lobby is answered."""
    said = {"room": "lobby", "name": "kite.jpg", "bytes": 1000} | fields
    return await client.ask("upload", id=command_id, **said)


async def finish(core: Core, upload: str, blob: str = KITE) -> None:
    """Make an upload finished, as if all of it had come."""
    assert await core.store.finish_upload(upload, blob=blob, stored_bytes=950, facts=JPEG)


async def ready(core: Core, client: V1Client, command_id: str = "u1", **fields: object) -> str:
    """The id of a finished upload."""
    upload: str = (await begin(client, command_id, **fields))["upload"]
    await finish(core, upload)
    return upload


async def send(client: V1Client, *uploads: str, **fields: object) -> dict[str, Any]:
    """What a message with these files is answered."""
    said = {"room": "lobby", "text": "", "files": [{"upload": upload} for upload in uploads]} | fields
    return await ack(client, "send", **said)


async def test_an_upload_is_begun_once_and_answered_as_it_is_now(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        begun = await begin(ada, media_type="image/jpeg")
        upload = begun["upload"]
        assert begun == {
            "type": "upload",
            "id": "u1",
            "room": "lobby",
            "upload": upload,
            "offset": 0,
            "chunk": CHUNK_BYTES,
            "expires": "2026-11-23T21:00:00.123Z",
        }
        assert len(upload) == 24
        assert await begin(ada) == begun
        await finish(core, upload)
        complete = begun | {"offset": 1000, "complete": True}
        assert await begin(ada) == complete
        assert (await send(ada, upload))["type"] == "ack"
        assert await begin(ada) == complete
        assert (await begin(ada, bytes=7))["code"] == "id_conflict"
        assert (await begin(ada, "u2"))["upload"] != upload


async def test_what_an_upload_says_of_itself_is_kept(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        upload = (await begin(ada, name="../a\u202eb.m4a", voice={"ms": 3141, "peaks": PEAKS}))["upload"]
        kept = await core.store.upload(upload)
        assert kept is not None
        assert (kept.name, kept.ms, kept.peaks, kept.as_file) == ("ab.m4a", 3141, PEAKS, False)
        await finish(core, upload)
        await send(ada, upload)
        as_file = await ready(core, ada, "u2", as_file=True, voice={"ms": 1, "peaks": PEAKS})
        await send(ada, as_file)
        history = await ada.ask("history", room="lobby", before=99)
        files = [event["files"] for event in history["events"]]
        assert files == [
            [TOLD | {"name": "ab.m4a", "voice": {"ms": 3141, "peaks": PEAKS}}],
            [TOLD | {"as_file": True}],
        ]


@pytest.mark.parametrize(
    "fields",
    [
        {"bytes": None},
        {"bytes": -1},
        {"name": "n" * 1_001},
        {"voice": {"ms": 0, "peaks": PEAKS}},
        {"voice": {"ms": 1, "peaks": "AAAA"}},
        {"voice": {"ms": 1, "peaks": "\n" + PEAKS[1:]}},
        {"of": {"room": "lobby", "seq": 1, "n": 10}},
        {"of": {"room": "lobby", "seq": 0, "n": 0}},
    ],
)
async def test_a_field_that_is_wrong_is_refused(autojump_clock: MockClock, fields: dict[str, Any]) -> None:
    async with open_core() as core:
        assert (await begin(await core.open_person("Ada"), **fields))["code"] == "bad_field"


async def test_a_limit_is_told_with_its_figures_before_anything_is_sent(autojump_clock: MockClock) -> None:
    async with open_core(
        max_file_bytes=2 * MIB, files_per_person=3, files_quota=4, uploads_at_once=2
    ) as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        for client in (ada, bob):
            await client.tell("join", room="lobby")
            await client.hear_frames()

        async def refused(client: V1Client, n: int, size: int) -> dict[str, Any]:
            answer = await begin(client, f"u{n}", bytes=size)
            return {key: answer.get(key) for key in ("code", "limit", "left", "of") if key in answer}

        assert await refused(ada, 1, 2 * MIB + 1) == {"code": "too_large", "limit": 2 * MIB}
        assert (await begin(ada, "u1", bytes=2 * MIB))["type"] == "upload"
        assert await refused(ada, 2, MIB + 1) == {"code": "quota", "left": MIB, "of": "person"}
        assert (await begin(bob, "u1", bytes=2 * MIB))["type"] == "upload"
        assert await refused(ada, 3, 1) == {"code": "quota", "left": 0, "of": "server"}
        assert (await begin(bob, "u2", bytes=0))["type"] == "upload"
        assert await refused(bob, 3, 0) == {"code": "too_many", "limit": 2, "of": "person"}
        welcome = await (await core.open_v1()).ask("hello", name="Cy")
        assert welcome["about"]["limits"]["files_left"] == 0


async def test_without_a_quota_nothing_is_said_of_what_is_left(autojump_clock: MockClock) -> None:
    async with open_core(files_per_person=0, files_quota=0) as core:
        limits = (await (await core.open_v1()).ask("hello", name="Ada"))["about"]["limits"]
        assert "files_left" not in limits
        assert limits["files"] == 10


async def test_whoever_could_not_send_it_uploads_nothing(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, bob_id) = await hello(core, "Ada"), await hello(core, "Bob")
        await become_owner(core, ada)
        await ack(ada, "create", kind="public", room="news")
        for client in (ada, bob):
            for room in ("lobby", "news"):
                await client.tell("join", room=room)
            await client.hear_frames()
        await ack(ada, "settings", room="news", writers="moderators")
        await bob.hear_frames()
        assert (await begin(bob, "u1", room="news"))["code"] == "announcements"
        assert (await begin(ada, "u1", room="news"))["type"] == "upload"
        upload = await ready(core, bob, "u2")
        await ack(ada, "mode", room="~server", mode="probation")
        await bob.hear_frames()
        refused = await begin(bob, "u3")
        assert (refused["code"], refused["retry_after"]) == ("probation", DAY_MS / 1000)
        assert (await send(bob, upload))["code"] == "probation"
        await ack(ada, "trust", room="~server", person=bob_id)
        await bob.hear_frames()
        assert (await send(bob, upload))["type"] == "ack"
        await ack(ada, "mute", room="~server", person=bob_id)
        await bob.hear_frames()
        assert (await begin(bob, "u4"))["code"] == "muted"
        assert (await begin(bob, "u5", room="garden"))["code"] == "not_joined"


async def test_a_message_with_files_is_told_with_them_until_it_is_deleted(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        first, second = await ready(core, ada), await ready(core, ada, "u2", name="boat.jpg")
        files = [{"upload": first, "alt": "A kite"}, {"upload": second}]
        sent = await ack(ada, "send", room="lobby", text="", files=files)
        (told,) = await bob.hear_frames()
        assert (told["text"], told["files"]) == ("", [TOLD | {"alt": "A kite"}, TOLD | {"name": "boat.jpg"}])
        assert first not in str(told)
        await ack(ada, "edit", room="lobby", seq=sent["seq"], text="with a caption")
        await ack(ada, "delete", room="lobby", seq=sent["seq"])
        await bob.hear_frames()
        (message,) = (
            event
            for event in (await bob.ask("history", room="lobby", before=99))["events"]
            if event["type"] == "message"
        )
        assert message.get("files") is None
        assert await core.store.known_blobs("", 9) == []


async def test_files_are_found_and_in_the_album_until_they_are_deleted(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="no kite")
        seq = (await send(ada, await ready(core, ada)))["seq"]
        await ada.hear_frames()
        (hit,) = (await ada.ask("search", query="has:image kite"))["hits"]
        page = await ada.ask("history", room="lobby", only="pictures")
        assert [event["seq"] for event in page["events"]] == [hit["event"]["seq"]] == [seq]
        assert hit["event"]["files"] == page["events"][0]["files"]
        assert hit["marks"] == []
        assert (await ada.ask("history", room="lobby", only="files"))["events"] == []
        await ack(ada, "delete", room="lobby", seq=seq)
        await ada.hear_frames()
        assert (await ada.ask("search", query="has:image"))["hits"] == []
        assert (await ada.ask("history", room="lobby", only="pictures"))["events"] == []


async def test_a_list_of_rooms_says_what_files_the_last_message_has(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        upload = await ready(core, ada, voice={"ms": 3141, "peaks": PEAKS})
        await ack(ada, "send", room="lobby", text="", files=[{"upload": upload, "alt": "A kite"}])
        item = (await ada.ask("listing", room="lobby"))["item"]
        assert item["last"]["files"] == [
            {
                "name": "kite.jpg",
                "media_type": "image/jpeg",
                "bytes": 900,
                "width": 40,
                "height": 30,
                "voice": {"ms": 3141, "peaks": ""},
            }
        ]


async def test_a_repeat_after_a_restart_is_the_message_that_is_there(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    async with open_core(disk) as core:
        client = await core.open_v1()
        token = (await client.ask("hello", name="Ada"))["token"]
        await client.tell("join", room="lobby")
        await client.hear_frames()
        upload = await ready(core, client)
        files = [{"upload": upload, "alt": "A kite"}]
        first = await ack(client, "send", id="c1", room="lobby", text="", files=files)
        other = await ready(core, client, "u2")
    async with open_core(disk) as core:
        ada = await core.open_v1()
        await ada.ask("hello", token=token)
        await ada.tell("join", room="lobby", after=9)
        await ada.hear_frames()
        assert await ack(ada, "send", id="c1", room="lobby", text="", files=files) == first
        for changed in ([{"upload": upload}], [{"upload": other, "alt": "A kite"}], []):
            answer = await ack(ada, "send", id="c1", room="lobby", text="x" * (not changed), files=changed)
            assert answer["code"] == "id_conflict"
        await ack(ada, "delete", room="lobby", seq=first["seq"])
        assert await ack(ada, "send", id="c1", room="lobby", text="", files=files) == first


async def test_only_own_whole_uploads_for_the_room_are_sent_and_each_once(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        whole = await ready(core, ada)
        unfinished = (await begin(ada, "u2"))["upload"]
        elsewhere = await ready(core, ada, "u3")
        await ada.tell("join", room="garden")
        await ada.hear_frames()
        of_bob = await ready(core, bob, "u1")
        for uploads, room in (
            ([unfinished], "lobby"),
            ([whole, unfinished], "lobby"),
            (["u-nobodys"], "lobby"),
            ([of_bob], "lobby"),
            ([elsewhere], "garden"),
            ([whole, whole], "lobby"),
        ):
            assert (await send(ada, *uploads, room=room))["code"] == "no_such_upload", uploads
        assert (await send(ada, whole, elsewhere))["type"] == "ack"
        assert (await send(ada, whole))["code"] == "no_such_upload"
        assert (await send(ada, *["x"] * 11))["code"] == "bad_field"
        assert (await send(ada))["code"] == "empty"


async def test_messages_with_and_without_files_keep_their_order(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        uploads = [await ready(core, ada, f"u{n}") for n in range(3)]
        with core.store.holding_reads():
            for n in range(6):
                files = [{"upload": uploads[n // 2]}] if n % 2 == 0 else []
                await ada.tell("send", id=f"c{n}", room="lobby", text=f"{n}", files=files)
            await trio.testing.wait_all_tasks_blocked()
        told = [frame["text"] for frame in await ada.hear_frames() if frame["type"] == "message"]
        assert told == [str(n) for n in range(6)]


async def test_a_file_is_forwarded_by_who_may_hear_its_room(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        (ada, _), (bob, _) = await hello(core, "Ada"), await hello(core, "Bob")
        for client in (ada, bob):
            await client.tell("join", room="lobby")
            await client.hear_frames()
        private = await make_room(ada)
        sent = await send(ada, await ready(core, ada, room=private), room=private, text="plans")
        of = {"room": private, "seq": sent["seq"], "n": 0}

        async def forward(client: V1Client, command_id: str, **other: object) -> dict[str, Any]:
            return await client.ask("upload", id=command_id, room="lobby", of=of | other)

        forwarded = await forward(ada, "f1")
        assert (forwarded["complete"], forwarded["offset"]) == (True, 900)
        assert await forward(ada, "f1") == forwarded
        refusals = [
            await forward(bob, "f1"),
            await forward(bob, "f2", room="~" + "a" * 24),
            await forward(ada, "f3", n=1),
        ]
        assert {refused["code"] for refused in refusals} == {"no_such_file"}
        assert len({refused["message"] for refused in refusals}) == 1
        await let_in(ada, private, bob)
        assert (await forward(bob, "f1"))["complete"]
        assert (await send(ada, forwarded["upload"], forwarded="Ada"))["type"] == "ack"
        (told,) = [frame for frame in await bob.hear_frames() if frame["type"] == "message"]
        assert (told["forwarded"], told["files"]) == ("Ada", [TOLD])


async def test_who_is_told_texts_only_is_told_what_files_there_are(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        plain = await core.open_plain()
        first, second = (
            await ready(core, ada),
            await ready(core, ada, "u2", name="voice.m4a", voice={"ms": 1, "peaks": PEAKS}),
        )
        await send(ada, first, second)
        assert await plain.hear() == "[image: kite.jpg]\n[voice: voice.m4a]"
        seq = (await send(ada, await ready(core, ada, "u3", as_file=True), text="look"))["seq"]
        assert await plain.hear() == "look\n[file: kite.jpg]"
        cy, _ = await hello(core, "Cy")
        moderator, _ = await hello(core, "Mo")
        await become_owner(core, moderator)
        await ack(ada, "edit", room="lobby", seq=seq, text="look here")
        await cy.tell("join", room="lobby")
        await cy.hear_frames()
        await ack(cy, "report", room="lobby", seq=seq)
        (report,) = [frame for frame in await moderator.hear_frames() if frame["type"] == "report"]
        assert report["text"] == "look here\n[file: kite.jpg]"


async def test_a_cancelled_upload_is_forgotten(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        upload = (await begin(ada))["upload"]
        done = {"type": "done", "id": "x1"}
        assert await bob.ask("cancel_upload", id="x1", upload=upload) == done
        assert await core.store.upload(upload) is not None
        for _ in range(2):
            assert await ada.ask("cancel_upload", id="x1", upload=upload) == done
        assert await core.store.upload(upload) is None
        sent = await ready(core, ada, "u2")
        await send(ada, sent)
        assert await ada.ask("cancel_upload", id="x2", upload=sent) == done | {"id": "x2"}
        assert await core.store.upload(sent) is not None


async def test_recording_is_told_like_typing(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        await bob.ask("watch", room="lobby")
        await bob.hear_frames()
        await ada.tell("typing", room="lobby", what="voice")
        await trio.sleep(2 * INTERVAL_S)
        (told,) = [frame for frame in await bob.hear_frames() if frame["type"] == "typing"]
        assert told["what"] == "voice"
        await ada.tell("typing", room="lobby")
        (told,) = [frame for frame in await bob.hear_frames() if frame["type"] == "typing"]
        assert "what" not in told
