"""Blobs in a bucket: what is in it when, and what is said when the store of objects cannot be used."""

from __future__ import annotations

import hashlib
import logging
import threading
import tracemalloc
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from trio_chat.blobs import s3 as s3_module
from trio_chat.blobs.base import NoSuchBlob
from trio_chat.blobs.opening import open_blobs
from trio_chat.blobs.places import S3Place
from trio_chat.blobs.s3 import FETCHED_BYTES, FIRST_BYTES, S3Blobs
from trio_chat.errors import StartError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.s3_server import S3Server

pytestmark = pytest.mark.trio

MIB = 1024 * 1024

NAME = "0" * 64


def part(tmp_path: Path, content: bytes = b"a red kite") -> tuple[Path, str]:
    path = tmp_path / "part"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def keys(s3: S3Server, place: S3Place) -> list[str]:
    found = s3.client.list_objects_v2(Bucket=place.bucket)
    return [each["Key"] for each in found.get("Contents", ())]


def unfinished(s3: S3Server, place: S3Place) -> list[str]:
    found = s3.client.list_multipart_uploads(Bucket=place.bucket)
    return [each["Key"] for each in found.get("Uploads", ())]


# -- what is in the bucket --


async def test_a_blob_stands_behind_the_prefix(s3: S3Server, tmp_path: Path) -> None:
    place = s3.bucket()
    path, name = part(tmp_path)
    await S3Blobs(place).put(path, name)
    assert keys(s3, place) == [f"files/{name}"]


async def test_what_is_not_ours_is_left_alone(s3: S3Server, tmp_path: Path) -> None:
    place = s3.bucket()
    client = s3.client
    for key in (f"other/{NAME}", "files/notes.txt", f"files/{NAME}/x", f"filesx{NAME}"):
        client.put_object(Bucket=place.bucket, Key=key, Body=b"x")
    blobs = S3Blobs(place)
    path, name = part(tmp_path)
    await blobs.put(path, name)
    assert await blobs.names(limit=1) == [name]
    assert await blobs.names(limit=10) == [name]


async def test_what_is_large_comes_in_parts(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_module, "PART_BYTES", 5 * MIB)
    content = hashlib.shake_128(b"kite").digest(11 * MIB)
    place = s3.bucket()
    path, name = part(tmp_path, content)
    blobs = S3Blobs(place)
    await blobs.put(path, name)
    found = s3.client.head_object(Bucket=place.bucket, Key=f"files/{name}")
    assert found["ETag"].endswith('-3"')
    async with await blobs.open(name) as blob:
        digest = hashlib.sha256()
        for start in range(0, blob.size, MIB):
            digest.update(await blob.read(start, MIB))
    assert digest.hexdigest() == name
    assert unfinished(s3, place) == []


async def test_a_file_is_never_in_memory(s3: S3Server, tmp_path: Path) -> None:
    """Neither on its way up nor down: little more than what is fetched at a time."""
    path, name = part(tmp_path, bytes(24 * MIB))
    blobs = S3Blobs(s3.bucket())
    await blobs.names(limit=1)  # so that what the client keeps is there
    tracemalloc.start()
    try:
        await blobs.put(path, name)
        async with await blobs.open(name) as blob:
            for start in range(0, blob.size, 256 * 1024):
                assert len(await blob.read(start, 256 * 1024)) == 256 * 1024
        assert tracemalloc.get_traced_memory()[1] < 4 * FETCHED_BYTES
    finally:
        tracemalloc.stop()


async def test_what_was_removed_can_be_read_as_far_as_it_was_fetched(s3: S3Server, tmp_path: Path) -> None:
    path, name = part(tmp_path, bytes(FIRST_BYTES + 1))
    blobs = S3Blobs(s3.bucket())
    await blobs.put(path, name)
    async with await blobs.open(name) as blob:
        await blobs.remove(name)
        assert await blob.read(0, FIRST_BYTES) == bytes(FIRST_BYTES)
        with pytest.raises(OSError, match="was removed from s3://"):
            await blob.read(0, FIRST_BYTES + 1)


async def test_of_what_was_cancelled_nothing_is_there(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_module, "PART_BYTES", 5 * MIB)
    second_part, has_ended = threading.Event(), threading.Event()
    place = s3.bucket()
    path, name = part(tmp_path, bytes(11 * MIB))
    blobs = S3Blobs(place)
    upload_part, abort = blobs._client.upload_part, blobs._client.abort_multipart_upload

    def slow_part(**given: Any) -> Any:  # noqa: ANN401
        if given["PartNumber"] == 2:
            second_part.set()
            given["Body"]._stop.wait(30)
        return upload_part(**given)

    def ending(**given: Any) -> None:  # noqa: ANN401
        abort(**given)
        has_ended.set()

    monkeypatch.setattr(blobs._client, "upload_part", slow_part)
    monkeypatch.setattr(blobs._client, "abort_multipart_upload", ending)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(blobs.put, path, name)
        await trio.to_thread.run_sync(second_part.wait, 30)
        nursery.cancel_scope.cancel()
    await trio.to_thread.run_sync(has_ended.wait, 30)
    assert keys(s3, place) == unfinished(s3, place) == []
    monkeypatch.setattr(blobs._client, "upload_part", upload_part)
    await blobs.put(path, name)
    assert keys(s3, place) == [f"files/{name}"]


async def test_what_a_killed_server_left_unfinished_is_discarded(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = s3.bucket()
    client = s3.client
    for key in (f"files/{NAME}", f"other/{NAME}", "files/notes.txt"):
        client.create_multipart_upload(Bucket=place.bucket, Key=key)
    blobs = S3Blobs(place)
    with monkeypatch.context() as patched:  # moto says that all were begun in 2010
        patched.setattr(s3_module, "UNFINISHED_FOR", timedelta(days=36_500))
        await blobs.discard_unfinished()
    assert len(unfinished(s3, place)) == 3  # they may be going on
    await blobs.discard_unfinished()
    assert sorted(unfinished(s3, place)) == ["files/notes.txt", f"other/{NAME}"]


# -- when the store cannot be used --


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """The endpoint of a server that answers everything with this; None: with nothing."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            while await stream.receive_some():
                if answer is not None:
                    await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


def response(status: str, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>Of this test.</Message></Error>".encode()
    return b"HTTP/1.1 %s\r\ncontent-type: application/xml\r\ncontent-length: %d\r\n\r\n%s" % (
        status.encode(),
        len(body),
        body,
    )


async def all_fail(blobs: S3Blobs, tmp_path: Path, sentence: str) -> None:
    path, name = part(tmp_path)
    with pytest.raises(OSError, match=sentence):
        await blobs.put(path, name)
    with pytest.raises(OSError, match=sentence):
        await blobs.open(name)
    with pytest.raises(OSError, match=sentence):
        await blobs.remove(name)
    with pytest.raises(OSError, match=sentence):
        await blobs.names(limit=10)
    with pytest.raises(OSError, match=sentence):
        await blobs.discard_unfinished()


async def test_a_store_that_is_away_is_no_reason_not_to_start(
    s3: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with trio.socket.socket() as reserved:
        await reserved.bind(("127.0.0.1", 0))
        place = S3Place("chat", "", f"http://127.0.0.1:{reserved.getsockname()[1]}")
        blobs = await open_blobs(place)
        assert isinstance(blobs, S3Blobs)
        await all_fail(blobs, tmp_path, "cannot be reached just now")
    (record,) = caplog.records  # told once
    assert (record.levelno, "cannot be reached" in record.message) == (logging.ERROR, True)


async def test_that_it_works_again_is_told(
    s3: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trio_chat")
    place = s3.bucket()
    blobs = S3Blobs(attrs.evolve(place, endpoint="http://127.0.0.1:9"))
    with pytest.raises(OSError, match="cannot be reached"):
        await blobs.names(limit=1)
    blobs._client = s3.client
    await blobs.names(limit=1)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_store_that_does_not_answer_is_not_waited_for(s3: S3Server, tmp_path: Path) -> None:
    async with answering(None) as endpoint:
        blobs = S3Blobs(S3Place("chat", "", endpoint), deadline_s=0.2)
        with trio.fail_after(20):
            await all_fail(blobs, tmp_path, "did not answer within")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        ("500 Internal Server Error", "InternalError", "answers 500 just now"),
        ("503 Slow Down", "SlowDown", "answers 503 just now"),
        ("507 Insufficient Storage", "XMinioStorageFull", "is full"),
        ("403 Forbidden", "SignatureDoesNotMatch", "does not take these credentials"),
        ("403 Forbidden", "AccessDenied", "does not allow this"),
        ("403 Forbidden", "RequestTimeTooSkewed", "clock of this machine is wrong"),
        ("404 Not Found", "NoSuchBucket", "There is no bucket chat"),
        ("400 Bad Request", "IllegalLocationConstraintException", "is in another region"),
    ],
)
async def test_what_it_refuses_is_told_in_a_sentence(
    s3: S3Server, tmp_path: Path, status: str, code: str, sentence: str
) -> None:
    async with answering(response(status, code)) as endpoint:
        blobs = S3Blobs(S3Place("chat", "", endpoint, "eu-central-1"))
        with pytest.raises(OSError, match=sentence):
            await blobs.names(limit=10)
        with pytest.raises(OSError, match=sentence):
            await blobs.open(NAME)


async def test_wrong_credentials_are_a_reason_not_to_start(s3: S3Server) -> None:
    place = s3.bucket()
    s3.check_credentials(is_on=True)
    try:
        with pytest.raises(StartError, match="does not take these credentials"):
            await open_blobs(place)
    finally:
        s3.check_credentials(is_on=False)


async def test_so_are_none(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StartError, match="There are no credentials"):
        await open_blobs(s3.bucket())
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(StartError, match="Set AWS_ACCESS_KEY_ID"):
        await open_blobs(s3.bucket())


async def test_and_no_bucket(s3: S3Server) -> None:
    with pytest.raises(StartError, match="There is no bucket no-such-bucket"):
        await open_blobs(attrs.evolve(s3.bucket(), bucket="no-such-bucket"))


async def test_without_the_extra_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trio_chat.blobs.s3", None)
    with pytest.raises(StartError, match=r"install trio-chat\[s3\]"):
        await open_blobs(S3Place("chat"))


async def test_a_removal_without_an_answer_may_still_come(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the same content is not believed to be there, else a message would name what is just going."""
    place = s3.bucket()
    path, name = part(tmp_path)
    blobs = S3Blobs(place, deadline_s=5)
    await blobs.put(path, name)
    goes_on, has_come = threading.Event(), threading.Event()
    delete = blobs._client.delete_object

    def late(**given: Any) -> None:  # noqa: ANN401
        goes_on.wait(30)
        delete(**given)
        has_come.set()

    monkeypatch.setattr(blobs._client, "delete_object", late)
    with trio.move_on_after(0.05):
        await blobs.remove(name)
    with pytest.raises(OSError, match="just being removed"):
        await blobs.put(path, name)
    monkeypatch.setattr(blobs._client, "delete_object", delete)
    await blobs.remove(name)  # this one has an answer
    with pytest.raises(OSError, match="just being removed"):
        await blobs.put(path, name)
    goes_on.set()
    assert await trio.to_thread.run_sync(has_come.wait, 30)
    blobs._in_doubt[name] = trio.current_time() - 1  # some time later
    await blobs.put(path, name)
    await blobs.remove(name)
    await blobs.put(path, name)
    assert keys(s3, place) == [f"files/{name}"]


async def test_a_blob_that_is_replaced_as_it_is_read_is_not_mixed_up(s3: S3Server, tmp_path: Path) -> None:
    path, name = part(tmp_path, bytes(FIRST_BYTES + 10))
    place = s3.bucket()
    blobs = S3Blobs(place)
    await blobs.put(path, name)
    async with await blobs.open(name) as blob:
        s3.client.put_object(Bucket=place.bucket, Key=f"files/{name}", Body=b"x" * blob.size)
        with pytest.raises(OSError, match="was removed"):
            await blob.read(FIRST_BYTES, 10)
    await blobs.remove(name)
    with pytest.raises(NoSuchBlob):
        await blobs.open(name)
