"""Downloads over HTTP: whole, in ranges, and for those alone who may hear the room."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
import trio
from PIL import Image

from tests.support.files import ask, open_file_server
from tests.support.pictures import CANARY, exif, mp4, photo, saved
from tests.support.raw import PATIENCE_S, open_raw
from trio_chat.model.tokens import hash_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3_server import S3Server

KITE = os.urandom(700_000)


async def test_a_file_is_fetched_whole(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        answer = await files.get(await files.sent(ada, KITE), ada)
        assert (answer.status, answer.body) == (200, KITE)
        expected = {
            "content-length": str(len(KITE)),
            "accept-ranges": "bytes",
            "cache-control": "private, no-cache",
            "content-type": "application/octet-stream",
            "content-disposition": "attachment; filename=\"kite.bin\"; filename*=utf-8''kite.bin",
            "content-security-policy": "default-src 'none'; sandbox",
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
        }
        assert answer.headers.items() >= expected.items()


async def test_head_is_the_answer_without_the_file(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        target = await files.sent(ada, KITE)
        whole, head = await files.get(target, ada), await files.get(target, ada, method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert {name: value for name, value in head.headers.items() if name != "date"} == {
            name: value for name, value in whole.headers.items() if name != "date"
        }
        part = await files.get(target, ada, method="HEAD", range="bytes=0-3")
        assert (part.status, part.headers["content-length"]) == (200, head.headers["content-length"])


async def test_the_name_in_the_address_is_for_the_eye(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        target = (await files.sent(ada, b"kite")).rpartition("/")[0]
        for name in ("", "x", "a%2Fb/c", "%F0%9F%AA%81.bin"):
            answer = await files.get(f"{target}/{name}", ada)
            assert (answer.status, answer.body) == (200, b"kite")
            assert 'filename="kite.bin"' in answer.headers["content-disposition"]


async def test_what_browsers_show_is_shown_and_all_else_is_saved(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        picture = saved(photo(), "GIF")

        async def told(target: str) -> tuple[str, str]:
            headers = (await files.get(target, ada)).headers
            return headers["content-type"], headers["content-disposition"].partition(";")[0]

        shown = await files.sent(ada, picture, name="kite.gif")
        assert await told(shown) == ("image/gif", "inline")
        assert await told(f"{shown}?download") == ("image/gif", "attachment")
        as_file = await files.sent(ada, picture, name="kite.gif", as_file=True)
        assert await told(as_file) == ("application/octet-stream", "attachment")
        for name in ("kite.html", "kite.svg", "kite.pdf", "kite.gif"):
            target = await files.sent(ada, b"<!doctype html><script>alert(1)</script>", name=name)
            assert await told(target) == ("application/octet-stream", "attachment")


@pytest.mark.parametrize(
    ("name", "plain", "whole"),
    [
        ("Übersicht 2026.txt", "_bersicht 2026.txt", "%C3%9Cbersicht%202026.txt"),
        ('a"b\\c;d.txt', "a_b_c_d.txt", "a%22b%5Cc%3Bd.txt"),
        ("凧🪁.txt", "__.txt", "%E5%87%A7%F0%9F%AA%81.txt"),
    ],
)
async def test_a_name_is_told_in_both_ways(tmp_path: Path, name: str, plain: str, whole: str) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        seq = await files.send(ada, await files.upload(ada, b"kite", name=name))
        answer = await files.get(f"/files/lobby/{seq}/0/x", ada)
        told = answer.headers["content-disposition"]
        assert told == f"attachment; filename=\"{plain}\"; filename*=utf-8''{whole.lower()}"


@pytest.mark.parametrize(
    ("asked", "status", "told", "start", "end"),
    [
        ("bytes=0-", 206, "bytes 0-699999/700000", 0, 700_000),
        ("bytes=0-0", 206, "bytes 0-0/700000", 0, 1),
        ("bytes=1000-300999", 206, "bytes 1000-300999/700000", 1000, 301_000),
        ("bytes=699999-", 206, "bytes 699999-699999/700000", 699_999, 700_000),
        ("bytes=699000-800000", 206, "bytes 699000-699999/700000", 699_000, 700_000),
        ("bytes=-5", 206, "bytes 699995-699999/700000", 699_995, 700_000),
        ("bytes=-900000", 206, "bytes 0-699999/700000", 0, 700_000),
        ("bytes=700000-", 416, "bytes */700000", 0, 0),
        ("bytes=-0", 416, "bytes */700000", 0, 0),
        ("bytes=5-2", 200, None, 0, 700_000),
        ("bytes=0-1,4-5", 200, None, 0, 700_000),
        ("lines=0-1", 200, None, 0, 700_000),
        ("bytes=-", 200, None, 0, 700_000),
        ("nonsense", 200, None, 0, 700_000),
    ],
)
async def test_a_part_of_it_can_be_asked_for(
    tmp_path: Path, asked: str, status: int, told: str | None, start: int, end: int
) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        answer = await files.get(await files.sent(ada, KITE), ada, range=asked)
        assert (answer.status, answer.headers.get("content-range")) == (status, told)
        assert answer.headers["content-length"] == str(end - start)
        assert answer.body == KITE[start:end]


async def test_a_part_is_of_what_the_client_has_or_all_of_it(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        target = await files.sent(ada, KITE)
        tag = (await files.get(target, ada)).headers["etag"]
        assert (await files.get(target, ada, range="bytes=0-4", if_range=tag)).body == KITE[:5]
        assert (await files.get(target, ada, range="bytes=0-4", if_range='"other"')).body == KITE
        date = "Mon, 30 Nov 2026 02:00:00 GMT"
        assert (await files.get(target, ada, range="bytes=0-4", if_range=date)).body == KITE


async def test_what_the_client_has_is_not_sent_again(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        target = await files.sent(ada, KITE)
        tag = (await files.get(target, ada)).headers["etag"]
        answer = await files.get(target, ada, if_none_match=tag)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["cache-control"] == "private, no-cache"


async def test_the_tag_tells_nothing_of_the_content(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        tag = (await files.get(await files.sent(ada, KITE), ada)).headers["etag"].strip('"')
        (blob,) = [path.name for path in files.directory.rglob("blobs/*/*")]
        assert tag not in blob
        assert len(tag) == 32


# Previews


async def test_a_picture_has_previews_and_nothing_says_where_it_was_taken(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        taken = saved(photo(2000, 1500), "JPEG", exif=exif())
        assert CANARY in taken
        target = await files.sent(ada, taken, name="kite.jpg")
        whole = await files.get(target, ada)
        assert (whole.headers["content-type"], CANARY in whole.body) == ("image/jpeg", False)
        for size in (480, 1600):
            answer = await files.get(f"{target}?size={size}", ada)
            assert answer.status == 200
            assert max(Image.open(io.BytesIO(answer.body)).size) == size
            assert answer.headers["etag"] != whole.headers["etag"]
            expected = {
                "content-type": "image/webp",
                "cache-control": "private, max-age=3600",
                "content-disposition": "inline; filename=\"kite.webp\"; filename*=utf-8''kite.webp",
                "content-security-policy": "default-src 'none'; sandbox",
            }
            assert answer.headers.items() >= expected.items()
        on_disk = [path.read_bytes() for path in files.directory.rglob("*") if path.is_file()]
        assert len(on_disk) == 3
        assert not any(CANARY in content for content in on_disk)


async def test_what_cannot_be_shown_can_be_sent_as_a_file(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        broken = saved(photo(), "PNG")[:100]
        answer = await files.patch(await files.begin(ada, len(broken)), broken, is_last=True)
        assert answer.status == 422
        assert answer.body.endswith(b"Send it as a file.\n")
        assert files.on_disk() == []
        assert (await files.get(await files.sent(ada, broken, as_file=True), ada)).body == broken


async def test_a_film_shows_the_poster_of_who_sent_it(tmp_path: Path) -> None:
    """And not that of somebody who has sent the same film before."""
    async with open_file_server(tmp_path) as files:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        film, colours = mp4(), []
        for who, colour in ((ada, "red"), (bob, "blue")):
            upload = await files.begin(who, len(film), name="kite.mp4")
            poster = saved(Image.new("RGB", (1000, 500), colour), "JPEG")
            answer = await ask(files.port, f"/uploads/{upload}/poster", method="PUT", body=poster)
            assert answer.status == 204
            assert (await files.patch(upload, film, is_last=True)).status == 200
            seq = await files.send(who, upload)
            shown = await files.get(f"/files/lobby/{seq}/0/kite.mp4?size=480", ada)
            assert shown.headers["content-type"] == "image/webp"
            colours.append(Image.open(io.BytesIO(shown.body)).convert("RGB").tobytes()[:3])
        (red, _, _), (_, _, blue) = colours
        assert red > 200 < blue


# Who may


async def test_a_browser_asks_with_a_cookie(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        answer = await files.get("/files/session", ada, method="POST")
        assert answer.status == 204
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert attributes == ["httponly", "samesite=strict"]
        assert cookie.startswith("files=")
        assert ada.token.lower() not in cookie


async def test_with_tls_the_cookie_is_of_this_host_alone(tmp_path: Path) -> None:
    """A page of a neighbouring name can set cookies for the whole domain, but none of such a name."""
    async with open_file_server(tmp_path, public_url="https://chat.example/") as files:
        files.serving.store.default_mode = "open"
        ada, bob = await files.person("Ada"), await files.person("Bob")
        target = await files.sent(ada, KITE)
        answer = await files.get("/files/session", ada, method="POST")
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert attributes == ["path=/", "secure", "httponly", "samesite=strict"]
        name = f"__Host-files-{files.serving.hub.server_id}"
        assert cookie.startswith(f"{name}=".lower())
        key, others = [(await _cookie(files.port, who.token)).partition("=")[2] for who in (ada, bob)]
        for cookies in (f"files=x; {name}={key}", f"__Secure-files=x; {name}={key}; files=x"):
            assert (await ask(files.port, target, headers={"cookie": cookies})).status == 200
        assert (await ask(files.port, target, headers={"cookie": f"{name}=x; files={others}"})).status == 404
        for earlier in ("__Secure-files", "files"):  # of pages that are open since before
            assert (await ask(files.port, target, headers={"cookie": f"{earlier}={key}"})).status == 200


async def test_all_tabs_get_the_same_cookie(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        target = await files.sent(ada, KITE)
        cookies = [await _cookie(files.port, who.token) for who in (ada, ada, bob)]
        assert cookies[0] == cookies[1] != cookies[2]
        for cookie in cookies:
            assert (await ask(files.port, target, headers={"cookie": cookie})).body == KITE


async def test_nobody_unknown_gets_a_cookie(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}):
            answer = await ask(files.port, "/files/session", method="POST", headers=headers)
            assert (answer.status, answer.headers.get("set-cookie")) == (401, None)


async def test_the_cookie_goes_with_the_device(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada, bob = await files.person("Ada"), await files.person("Bob")
        target = await files.sent(ada, KITE)
        cookie = await _cookie(files.port, bob.token)
        assert (await ask(files.port, target, headers={"cookie": cookie})).status == 200
        await files.serving.store.remove_devices(bob.id)
        assert (await ask(files.port, target, headers={"cookie": cookie})).status == 404


async def test_the_cookie_of_a_token_that_was_replaced_serves_until_its_device_has_the_next(
    tmp_path: Path,
) -> None:
    """Its other tabs may not know the next token yet."""
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        target, store = await files.sent(ada, KITE), files.serving.store
        before = await _cookie(files.port, ada.token)
        assert await store.use_device(hash_of(ada.token), files.now_ms(), next_hash=hash_of("next"))
        after = await _cookie(files.port, "next")
        assert before != after
        for cookie in (before, after):
            assert (await ask(files.port, target, headers={"cookie": cookie})).status == 200
        assert await store.use_device(hash_of("next"), files.now_ms(), is_settled=True)
        assert (await ask(files.port, target, headers={"cookie": before})).status == 404
        assert (await ask(files.port, target, headers={"cookie": after})).status == 200
        again = await ask(
            files.port, "/files/session", method="POST", headers={"authorization": f"Bearer {ada.token}"}
        )
        assert again.status == 401


async def test_the_answer_is_the_same_whyever_there_is_none(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        there = await files.sent(ada, KITE)
        deleted = await files.sent(ada, b"gone")
        await files.delete(ada, int(deleted.split("/")[3]))
        answers = [
            await files.get(there, None),
            await files.get(there, None, cookie="files=x"),
            await files.get(there, None, cookie="files=" + "A" * 43),
            await files.get(there, None, authorization="Bearer nobody"),
            await files.get(deleted, ada),
            await files.get("/files/lobby/99/0/kite.bin", ada),
            await files.get(there.replace("/0/", "/1/"), ada),
            await files.get(f"{there}?size=480", ada),
            await files.get(f"{there}?size=481", ada),
            await files.get("/files/garden/1/0/kite.bin", ada),
            await files.get("/files/~p-0123456789ab/1/0/kite.bin", ada),
            await files.get("/files/~server/1/0/kite.bin", ada),
            await files.get("/files/%00/1/0/kite.bin", ada),
            await files.get("/files/lobby/" + "9" * 5000 + "/0/kite.bin", ada),
            await files.get("/files/lobby/1/-1/kite.bin", ada),
        ]
        assert {answer.status for answer in answers} == {404}
        assert len({answer.body for answer in answers}) == 1
        told = [
            {name: value for name, value in answer.headers.items() if name != "date"} for answer in answers
        ]
        assert all(one == told[0] for one in told)
        assert (await files.get(there, ada)).status == 200


async def _cookie(port: int, token: str) -> str:
    """The cookie as it is set; `Answer` knows fields in lower case only."""
    async with open_raw(port) as peer:
        await peer.send(
            b"POST /files/session HTTP/1.1\r\nhost: chat.example\r\nauthorization: Bearer %s\r\n"
            b"connection: close\r\n\r\n" % token.encode()
        )
        head = (await peer.receive_to_the_end()).decode()
    (line,) = [line for line in head.split("\r\n") if line.lower().startswith("set-cookie: ")]
    return line.partition(": ")[2].partition(";")[0]


async def test_a_file_goes_into_a_bucket_and_out_of_it_again(tmp_path: Path, s3: S3Server) -> None:
    place = s3.bucket()
    async with open_file_server(tmp_path, files=place) as files:
        ada = await files.person("Ada")
        target = await files.sent(ada, KITE)
        assert (await files.get(target, ada)).body == KITE
        part = await files.get(target, ada, range="bytes=300000-300003")
        assert (part.status, part.body) == (206, KITE[300_000:300_004])
        assert files.on_disk() == []
        await files.delete(ada, int(target.split("/")[3]))
        with trio.fail_after(PATIENCE_S):
            while s3.client.list_objects_v2(Bucket=place.bucket)["KeyCount"]:
                await trio.lowlevel.checkpoint()
        assert (await files.get(target, ada)).status == 404
