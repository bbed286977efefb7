"""Pictures of rooms and people over the wire, and texts of messages with files that are edited away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.support.core import Core, V1Client, open_core
from tests.support.v1 import ack, become_owner, let_in, make_room
from trio_chat.files.uploads import new_upload_id
from trio_chat.media.job import PICTURE_SIZES
from trio_chat.model.files import FileFacts, picture_name
from trio_chat.presence.service import INTERVAL_S

if TYPE_CHECKING:
    from trio.testing import MockClock

WEBP = FileFacts("image/webp", 900, 640, 640, "", PICTURE_SIZES)


async def ready(core: Core, client: V1Client, command_id: str = "u1", **fields: object) -> str:
    """The id of a picture that is there whole."""
    begun = await client.ask("upload_picture", id=command_id, bytes=1000, **fields)
    assert begun["type"] == "upload", begun
    upload: str = begun["upload"]
    assert await core.store.finish_upload(upload, blob="a" * 64, stored_bytes=950, facts=WEBP)
    return upload


async def heard(client: V1Client, kind: str) -> dict[str, Any]:
    """The only frame of this type that has come."""
    (frame,) = [frame for frame in await client.hear_frames() if frame["type"] == kind]
    return frame


async def test_a_room_gets_a_picture_and_all_are_told(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        room = await make_room(ada)
        await let_in(ada, room, bob)
        upload = await ready(core, ada, room=room)
        answer = await ack(ada, "settings", id="s1", room=room, picture=upload)
        assert answer["type"] == "ack"
        seq = answer["seq"]
        told = await heard(bob, "settings")
        assert (told["seq"], told["picture"]) == (seq, True)
        assert upload not in str(told), "it is who brought it that may add to it"
        assert (await bob.ask("info", room=room))["picture"] == seq
        assert (await bob.ask("listing", room=room))["item"]["picture"] == seq
        removed = await ack(bob, "settings", room=room, picture="")
        assert removed["type"] == "ack", "in a private room every member may, as its title"
        assert (await heard(ada, "settings"))["picture"] is False
        assert "picture" not in await ada.ask("info", room=room)


async def test_a_repeat_of_a_picture_is_its_repeat(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        room = await make_room(ada)
        begun = await ada.ask("upload_picture", id="u1", room=room, bytes=1000)
        assert begun | {"expires": ""} == {
            "type": "upload",
            "id": "u1",
            "room": room,
            "upload": begun["upload"],
            "offset": 0,
            "chunk": begun["chunk"],
            "expires": "",
        }
        upload = await ready(core, ada, room=room)
        assert upload == begun["upload"]
        first = await ack(ada, "settings", id="s1", room=room, picture=upload)
        assert await ack(ada, "settings", id="s1", room=room, picture=upload) == first
        assert (await ack(ada, "settings", id="s2", room=room, picture=upload))["code"] == "no_such_upload"
        assert (await ada.ask("upload_picture", id="u1", room=room, bytes=7))["code"] == "id_conflict"


async def test_who_may_not_change_the_title_may_not_change_the_picture(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        await ada.ask("create", kind="public", room="garden", title="Garden")
        for client in (ada, bob):
            await client.tell("join", room="garden")
            await client.hear_frames()
        of_bob = await ready(core, bob, room="garden")
        assert (await ack(bob, "settings", room="garden", picture=of_bob))["code"] == "not_yours"
        assert (await ack(bob, "settings", room="garden", picture=""))["code"] == "not_yours"
        of_ada = await ready(core, ada, room="garden")
        assert (await ack(ada, "settings", room="garden", picture=of_bob))["code"] == "no_such_upload"
        assert (await ack(ada, "settings", room="garden", picture=of_ada))["type"] == "ack"
        await bob.hear_frames()
        found = (await bob.ask("directory", query="garden"))["rooms"]
        assert [item["picture"] for item in found] == [2]


async def test_a_picture_of_a_room_that_one_is_not_in_is_not_taken(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        room = await make_room(ada)
        assert (await bob.ask("upload_picture", room=room, bytes=9))["code"] == "not_joined"
        assert (await ada.ask("upload_picture", room=room))["code"] == "bad_field"


async def test_a_person_shows_a_picture_that_was_uploaded(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        upload = await ready(core, ada)
        answer = await ada.ask("profile", id="p1", picture=upload)
        assert answer["user"]["picture"] == picture_name(upload)
        assert await ada.ask("profile", id="p1", picture=upload) == answer
        await trio.sleep(INTERVAL_S)
        assert (await heard(bob, "person"))["person"]["picture"] == picture_name(upload)
        await ada.hear_frames()
        for other in (new_upload_id(), "u-x", await ready(core, bob)):
            assert (await ada.ask("profile", picture=other))["code"] == "no_such_upload"
        assert "picture" not in (await ada.ask("profile", picture=""))["user"]


async def test_what_is_only_a_picture_is_sent_in_no_message(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        room = await make_room(ada)
        upload = await ready(core, ada, room=room)
        sent = await ack(ada, "send", room=room, text="", files=[{"upload": upload}])
        assert sent["code"] == "no_such_upload"


async def test_newcomers_on_probation_show_themselves_and_change_no_rooms_picture(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        owner, ada = await core.open_person("Olga"), await core.open_person("Ada")
        await become_owner(core, owner)
        await ack(owner, "mode", room="~server", mode="probation")
        room = await make_room(ada)
        assert (await ada.ask("upload_picture", room=room, bytes=9))["code"] == "probation"
        assert (await ada.ask("upload_picture", bytes=9))["type"] == "upload"


async def test_the_text_of_a_message_with_files_is_edited_away(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        begun = await ada.ask("upload", room="lobby", name="kite.jpg", bytes=1000)
        assert await core.store.finish_upload(
            begun["upload"], blob="a" * 64, stored_bytes=950, facts=FileFacts("image/jpeg", 900)
        )
        sent = await ack(ada, "send", room="lobby", text="words", files=[{"upload": begun["upload"]}])
        assert (await ack(ada, "edit", id="e1", room="lobby", seq=sent["seq"], text=""))["type"] == "ack"
        too_long = await ack(ada, "edit", room="lobby", seq=sent["seq"], text="x" * 20_000)
        assert too_long["code"] == "too_long"
        plain = await ack(ada, "send", room="lobby", text="words")
        assert (await ack(ada, "edit", room="lobby", seq=plain["seq"], text=" "))["code"] == "empty"
