"""Pictures of rooms and people over HTTP: squares, for those who may see them, and gone when there is another."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import trio
from PIL import Image

from tests.support.files import FileServing, Sender, ask, open_file_server
from tests.support.pictures import CANARY, exif, jpeg_bytes, photo
from tests.support.raw import PATIENCE_S, RawPeer, open_v1

if TYPE_CHECKING:
    from pathlib import Path

JPEG = jpeg_bytes(photo(1200, 900), exif=exif(), comment=CANARY)


async def command(peer: RawPeer, what: str, **fields: object) -> dict[str, Any]:
    """The answer to a command."""
    command_id = os.urandom(6).hex()
    await peer.say(**{"type": what, "id": command_id, **fields})
    return await peer.hear(
        lambda frame: (
            frame.get("id") == command_id and frame["type"] in ("ack", "upload", "profiled", "joined")
        )
    )


async def uploaded(files: FileServing, peer: RawPeer, content: bytes = JPEG, **fields: object) -> str:
    """A picture that the server has."""
    begun = await command(peer, "upload_picture", bytes=len(content), **fields)
    upload: str = begun["upload"]
    answer = await files.patch(upload, content, is_last=True)
    assert answer.status == 200, answer
    assert json.loads(answer.body)["media_type"] == "image/webp"
    return upload


def side_of(data: bytes) -> tuple[int, int]:
    assert CANARY not in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "WEBP"
        return image.size


async def test_the_picture_of_a_room_is_for_those_who_hear_it(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        bob = await files.person("Bob")
        async with open_v1(files.port, name="Ada") as (peer, welcome, _):
            ada = Sender(welcome["user"]["id"], "Ada", welcome["token"])
            room = (await command(peer, "create", kind="private", title="Plans"))["room"]
            await command(peer, "join", room=room)
            seq = (
                await command(peer, "settings", room=room, picture=await uploaded(files, peer, room=room))
            )["seq"]
            address = f"/files/{room}/{seq}/0/picture"
            for query, side in (("", 640), ("?size=96", 96), ("?size=256", 256)):
                answer = await files.get(address + query, ada)
                assert (answer.status, answer.headers["content-type"]) == (200, "image/webp")
                assert side_of(answer.body) == (side, side)
            assert (await files.get(f"{address}?size=480", ada)).status == 404
            for stranger in (bob, None):
                assert (await files.get(address, stranger)).status == 404
            await command(peer, "settings", room=room, picture="")
            assert (await files.get(address, ada)).status == 404
            await files.wait_until_gone()


async def test_the_picture_of_a_person_is_for_all_who_were_told_of_it(tmp_path: Path) -> None:
    async with (
        open_file_server(tmp_path) as files,
        open_v1(files.port, name="Ada") as (peer, _, _joined),
    ):
        upload = await uploaded(files, peer)
        name = (await command(peer, "profile", picture=upload))["user"]["picture"]
        for query, side in (("", 640), ("?size=96", 96), ("?size=256", 256), ("?size=480", 640)):
            answer = await ask(files.port, f"/pictures/{name}{query}")
            assert (answer.status, answer.headers["content-type"]) == (200, "image/webp"), query
            assert side_of(answer.body) == (side, side)
            assert answer.headers["cache-control"] == "private, max-age=3600"
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        again = (await command(peer, "profile", picture=await uploaded(files, peer)))["user"]["picture"]
        assert again != name
        assert (await ask(files.port, f"/pictures/{name}")).status == 404
        assert (await ask(files.port, f"/pictures/{again}")).status == 200, "the same content"
        await command(peer, "profile", picture="")
        assert (await ask(files.port, f"/pictures/{again}")).status == 404
        await files.wait_until_gone()


async def test_a_picture_is_never_made_larger_and_always_a_square(tmp_path: Path) -> None:
    async with (
        open_file_server(tmp_path) as files,
        open_v1(files.port, name="Ada") as (peer, _, _joined),
    ):
        upload = await uploaded(files, peer, jpeg_bytes(photo(300, 120)))
        name = (await command(peer, "profile", picture=upload))["user"]["picture"]
        sides = [
            side_of((await ask(files.port, f"/pictures/{name}{query}")).body)
            for query in ("", "?size=256", "?size=96")
        ]
        assert sides == [(120, 120), (120, 120), (96, 96)]


@pytest.mark.parametrize("content", [b"no picture", JPEG[:2000], b"%PDF-1.7"])
async def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    async with (
        open_file_server(tmp_path) as files,
        open_v1(files.port, name="Ada") as (peer, _, _joined),
    ):
        begun = await command(peer, "upload_picture", bytes=len(content))
        answer = await files.patch(begun["upload"], content, is_last=True)
        assert answer.status == 422
        with trio.fail_after(PATIENCE_S):
            while files.on_disk():
                await trio.lowlevel.checkpoint()


async def test_the_same_bytes_in_a_message_and_as_a_picture_have_previews_of_their_own(
    tmp_path: Path,
) -> None:
    async with (
        open_file_server(tmp_path) as files,
        open_v1(files.port, name="Ada") as (peer, welcome, _),
    ):
        ada = Sender(welcome["user"]["id"], "Ada", welcome["token"])
        upload = await uploaded(files, peer)
        name = (await command(peer, "profile", picture=upload))["user"]["picture"]
        square = (await ask(files.port, f"/pictures/{name}")).body
        target = await files.sent(ada, square, name="square.webp")
        assert (await files.get(f"{target}?size=480", ada)).status == 200
        assert (await files.get(f"{target}?size=96", ada)).status == 404
        await command(peer, "profile", picture="")
        assert (await files.get(f"{target}?size=480", ada)).status == 200
