"""Uploads over HTTP: in pieces, over many connections, with everything that goes wrong in between."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.files import ask, open_file_server
from tests.support.raw import PATIENCE_S, Answer, get, open_raw

if TYPE_CHECKING:
    from pathlib import Path

KITE = os.urandom(700_000)


async def test_a_file_comes_in_one_piece(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        upload = await files.begin(ada, len(KITE), name="kite.bin")
        answer = await files.patch(upload, KITE, is_last=True)
        assert answer.status == 200
        assert (answer.headers["upload-offset"], answer.headers["upload-complete"]) == (str(len(KITE)), "?1")
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.body) == {
            "name": "kite.bin",
            "media_type": "application/octet-stream",
            "bytes": len(KITE),
        }
        target = f"/files/lobby/{await files.send(ada, upload)}/0/kite.bin"
        assert (await files.get(target, ada)).body == KITE


async def test_a_file_comes_in_pieces(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        upload = await files.begin(ada, len(KITE))
        for at in range(0, len(KITE), 300_000):
            some = KITE[at : at + 300_000]
            answer = await files.patch(upload, some, offset=at)
            assert (answer.status, answer.headers["upload-offset"]) == (204, str(at + len(some)))
        assert (await files.patch(upload, b"", offset=len(KITE), is_last=True)).status == 200
        target = f"/files/lobby/{await files.send(ada, upload)}/0/kite.bin"
        assert (await files.get(target, ada)).body == KITE


async def test_head_says_how_far_it_is(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        upload = await files.begin(ada, 10)

        async def state() -> tuple[int, str, str, str]:
            answer = await files.head(upload)
            fields = ("upload-offset", "upload-length", "upload-complete")
            return (answer.status, *(answer.headers[field] for field in fields))  # type: ignore[return-value]

        assert await state() == (204, "0", "10", "?0")
        await files.patch(upload, b"a red")
        assert await state() == (204, "5", "10", "?0")
        await files.patch(upload, b" kite", offset=5, is_last=True)
        assert await state() == (204, "10", "10", "?1")


async def test_an_empty_file_is_one_as_well(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        target = await files.sent(ada, b"")
        answer = await files.get(target, ada)
        assert (answer.status, answer.body) == (200, b"")


async def test_the_answer_to_the_end_may_be_lost(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        upload = await files.begin(ada, 4)
        first = await files.patch(upload, b"kite", is_last=True)
        again = await files.patch(upload, b"", offset=4, is_last=True)
        assert (again.status, again.body) == (200, first.body)


@pytest.mark.parametrize("offset", [3, 6, 10])
async def test_at_another_offset_the_right_one_is_said(tmp_path: Path, offset: int) -> None:
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10)
        await files.patch(upload, b"a red")
        answer = await files.patch(upload, b" kite", offset=offset)
        assert (answer.status, answer.headers["upload-offset"]) == (409, "5")
        assert b"goes on at byte 5" in answer.body
        assert (await files.head(upload)).headers["upload-offset"] == "5"


async def test_at_another_offset_it_is_said_while_the_body_still_comes(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10_000_000)
        async with open_raw(files.port) as peer:
            await peer.send(
                get(
                    f"/uploads/{upload}",
                    method="PATCH",
                    upload_offset="7",
                    content_type="application/partial-upload",
                    content_length="10000000",
                )
            )
            await peer.send(b"x" * 100_000)
            answer = await peer.receive_answer()
            assert (answer.status, answer.headers["upload-offset"]) == (409, "0")
            assert answer.headers["connection"] == "close"


async def test_the_end_comes_when_everything_is_there(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10)
        answer = await files.patch(upload, b"a red", is_last=True)
        assert (answer.status, answer.headers["upload-offset"]) == (409, "5")
        assert (await files.patch(upload, b" kite", offset=5, is_last=True)).status == 200


async def test_more_than_was_announced_is_refused(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10)
        answer = await files.patch(upload, b"a red kite.")
        assert answer.status == 413
        assert b"more than the 10 bytes" in answer.body


@pytest.mark.parametrize("upload", ["u-" + "0" * 22, "u-1", "nothing", "u-" + "%2F" * 22, "..", "%00"])
async def test_what_is_no_upload_is_not_there(tmp_path: Path, upload: str) -> None:
    async with open_file_server(tmp_path) as files:
        assert (await files.patch(upload, b"kite")).status == 404
        assert (await files.head(upload)).status == 404
        assert not files.directory.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "application/octet-stream"}, 415),
        ({"content_type": ""}, 415),
        ({"upload_offset": ""}, 400),
        ({"upload_offset": "-1"}, 400),
        ({"upload_offset": "1e3"}, 400),
        ({"upload_offset": "9" * 16}, 400),
        ({"upload_complete": "1"}, 400),
        ({"upload_complete": "?2"}, 400),
    ],
)
async def test_a_request_says_what_it_brings(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10)
        right = {"content_type": "application/partial-upload", "upload_offset": "0"}
        answer = await ask(
            files.port, f"/uploads/{upload}", method="PATCH", body=b"kite", headers=right | headers
        )
        assert answer.status == status
        assert answer.body.endswith(b".\n")


async def test_what_came_before_a_cut_is_kept(tmp_path: Path) -> None:
    """Also if it is little: else a network that always fails after a while would never let anything through."""
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 100_000)
        async with open_raw(files.port) as peer:
            await peer.send(_patch_head(upload, 100_000))
            await peer.send(KITE[:30_000])
            await peer.stream.send_eof()
            assert (await peer.receive_answer()).status == 400
        assert (files.directory / "parts" / upload).stat().st_size == 30_000
        assert (await files.head(upload)).headers["upload-offset"] == "30000"


async def test_the_newer_request_ends_the_older(tmp_path: Path) -> None:
    """That may hang in a connection which is dead, as only the page knows."""
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        upload = await files.begin(ada, 100_000)
        async with open_raw(files.port) as old:
            await old.send(_patch_head(upload, 100_000))
            await old.send(KITE[:30_000])
            await _wait_for_part(files.directory / "parts" / upload)
            offset = int((await files.head(upload)).headers["upload-offset"])
            answer = await files.patch(upload, KITE[offset:100_000], offset=offset, is_last=True)
            assert answer.status == 200
            ended = await old.receive_answer()
            assert ended.status == 409
            assert b"Another request goes on" in ended.body
        target = f"/files/lobby/{await files.send(ada, upload)}/0/kite.bin"
        assert (await files.get(target, ada)).body == KITE[:100_000]


async def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fstatvfs

    def nearly_full(descriptor: int) -> os.statvfs_result:
        found = list(real(descriptor))
        found[4] = 10  # f_bavail
        return os.statvfs_result(found)

    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstatvfs", nearly_full)
            answer = await files.patch(upload, b"a red kite")
        assert answer.status == 507
        assert b"nearly full" in answer.body
        assert (await files.patch(upload, b"a red kite", is_last=True)).status == 200


async def test_a_disk_that_is_full_to_the_last_byte_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite

    def write(descriptor: int, data: bytes, at: int) -> int:
        if bytes(data[:5]) == b"a red":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, at)

    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10)
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", write)
            assert (await files.patch(upload, b"a red kite")).status == 507
        assert (await files.patch(upload, b"a red kite", is_last=True)).status == 200


async def test_a_poster_is_small(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        upload = await files.begin(await files.person("Ada"), 10)
        target = f"/uploads/{upload}/poster"
        assert (await ask(files.port, target, method="PUT", body=b"x" * (1024 * 1024 + 1))).status == 413
        assert (await ask(files.port, target, method="PUT", body=b"a still")).status == 204
        assert (
            await ask(files.port, f"/uploads/u-{'0' * 22}/poster", method="PUT", body=b"a still")
        ).status == 404
        await files.patch(upload, b"a red kite", is_last=True)
        assert (await ask(files.port, target, method="PUT", body=b"a still")).status == 409
        assert [name for name in files.on_disk() if name.startswith("u-")] == []


async def test_a_program_sends_a_file_in_one_piece(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        target = "/files?room=Lobby&name=a%2Fk%C3%AFte.bin"
        shown = {"authorization": f"Bearer {ada.token}"}
        answer = await ask(files.port, target, method="POST", body=KITE, headers=shown)
        assert answer.status == 200
        said = json.loads(answer.body)
        assert said["file"] == {
            "name": "kïte.bin",
            "media_type": "application/octet-stream",
            "bytes": len(KITE),
        }
        seq = await files.send(ada, said["upload"])
        assert (await files.get(f"/files/lobby/{seq}/0/x", ada)).body == KITE


async def test_nobody_else_sends_a_file(tmp_path: Path) -> None:
    """Nor does a browser that is made to by another page: its cookie is for reading."""
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        cookie = (await files.get("/files/session", ada, method="POST")).headers["set-cookie"]
        for headers in ({}, {"authorization": "Bearer x"}, {"cookie": cookie.partition(";")[0]}):
            answer = await ask(
                files.port, "/files?room=lobby&name=x", method="POST", body=b"kite", headers=headers
            )
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "bearer")


@pytest.mark.parametrize(
    ("query", "length", "status"),
    [
        ("room=lobby&name=x", None, 411),
        ("room=lobby&name=x", "x", 400),
        ("room=lobby&name=x", "200000000", 413),
        ("room=garden&name=x", "4", 200),
        ("room=~3kfcmqz7&name=x", "4", 404),
        ("room=~server&name=x", "4", 404),
        ("name=x", "4", 403),
        ("room=lobby", "4", 200),
    ],
)
async def test_a_program_is_told_why_not(tmp_path: Path, query: str, length: str | None, status: int) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        fields = {"authorization": f"Bearer {ada.token}", "connection": "close"}
        if length is not None:
            fields["content_length"] = length
        async with open_raw(files.port) as peer:
            await peer.send(get(f"/files?{query}", method="POST", **fields) + b"kite")
            answer = Answer.of(await peer.receive_to_the_end())
        assert answer.status == status
        assert status == 200 or answer.body.endswith(b".\n")


async def test_what_a_program_does_not_finish_takes_no_space(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        fields = {"authorization": f"Bearer {ada.token}", "content_length": "1000"}
        async with open_raw(files.port) as peer:
            await peer.send(get("/files?room=lobby&name=x", method="POST", **fields) + b"kite")
            await peer.stream.send_eof()
            assert (await peer.receive_answer()).status == 400
        assert await files.serving.store.files_usage(ada.id) == 0
        assert files.on_disk() == []


def _patch_head(upload: str, length: int, *, offset: int = 0) -> bytes:
    return get(
        f"/uploads/{upload}",
        method="PATCH",
        upload_offset=str(offset),
        content_type="application/partial-upload",
        content_length=str(length),
    )


async def _wait_for_part(path: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        while not await trio.Path(path).exists():
            await trio.lowlevel.checkpoint()
