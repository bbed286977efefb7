"""Files of the Python client: they come through whatever breaks, once, and byte for byte."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.pictures import jpeg_bytes, photo
from tests.support.raw import PATIENCE_S
from tests.support.scripted_files import ScriptedFiles
from tests.support.serving import open_server
from trio_chat.client import (
    Attachment,
    Chat,
    ConnectionLost,
    FileItem,
    Message,
    OtherEvent,
    Refused,
    Voice,
    open_chat,
)
from trio_chat.client.address import Address
from trio_chat.client.http import STALLED_S
from trio_chat.client.transfers import LOST_AT_MOST
from trio_chat.client.uploads import LEAST_CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from trio.testing import MockClock

    from tests.support.scripted_files import Exchange

CONTENT = bytes(range(256)) * 20
"""Five chunks."""


@pytest.fixture
def server(nursery: trio.Nursery) -> ScriptedFiles:
    return ScriptedFiles(nursery)


@pytest.fixture
async def chat(server: ScriptedFiles) -> AsyncIterator[Chat]:
    async with open_chat("ws://chat.test/there/", name="Ada", connect=server.connect) as chat:
        yield chat


def kite(name: str = "kite.jpg") -> Message:
    """A message with a file."""
    fields = {"room": "garden", "seq": 7, "sender": "p-2", "name": "Bob", "at": None, "text": ""}
    return Message(**fields, files=(FileItem(name, "image/jpeg", len(CONTENT)),))  # type: ignore[arg-type]


async def fetch(chat: Chat, message: Message) -> bytes:
    content = b""
    async with chat.download(message) as pieces:
        async for piece in pieces:
            assert piece
            content += piece
    return content


def held(directory: Path) -> dict[str, bytes]:
    """The files of a directory."""
    return {file.name: file.read_bytes() for file in directory.iterdir()}


# -- sending --


async def test_a_message_is_sent_with_files_of_every_sort(
    chat: Chat, server: ScriptedFiles, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(CONTENT)
    voice = Attachment(b"sound", name="note.webm", voice=Voice(3_141, bytes(64)))
    picture = Attachment(path, name="kite.jpg", alt="A kite", as_file=True)
    assert await chat.send("lobby", "", files=[path, str(path), b"bytes", voice, picture]) == 1
    commands = [upload.command for upload in server.uploads.values()]
    assert [command["name"] for command in commands] == [
        "notes.txt",
        "notes.txt",
        "file",
        "note.webm",
        "kite.jpg",
    ]
    assert [bytes(upload.data) for upload in server.uploads.values()] == [
        CONTENT,
        CONTENT,
        b"bytes",
        b"sound",
        CONTENT,
    ]
    assert all(upload.is_complete for upload in server.uploads.values())
    assert commands[3]["voice"] == {"ms": 3_141, "peaks": "A" * 86 + "=="}
    assert commands[4]["as_file"] is True
    (sent,) = server.heard("send")
    assert sent["files"][3:] == [{"upload": "u-3"}, {"upload": "u-4", "alt": "A kite"}]
    event = await anext(chat)
    assert isinstance(event, Message)
    assert [file.name for file in event.files][:2] == ["notes.txt", "notes.txt"]
    assert server.http_open == 0


async def test_an_upload_is_sent_in_chunks_relative_to_the_address(chat: Chat, server: ScriptedFiles) -> None:
    uploaded = await chat.upload("lobby", CONTENT)
    assert [exchange.target for exchange in server.requests] == ["/there/uploads/u-0"] * 5
    assert [int(exchange.headers["upload-offset"]) for exchange in server.requests] == [
        0,
        1024,
        2048,
        3072,
        4096,
    ]
    assert [exchange.headers["upload-complete"] for exchange in server.requests] == ["?0"] * 4 + ["?1"]
    assert {exchange.headers["host"] for exchange in server.requests} == {"chat.test"}
    assert len({id(exchange.stream) for exchange in server.requests}) == 1, "one connection does for all"
    await chat.send("lobby", "here", files=[uploaded])
    assert server.heard("send")[0]["files"] == [{"upload": "u-0"}]


async def test_an_empty_file_is_sent(chat: Chat, server: ScriptedFiles) -> None:
    await chat.upload("lobby", b"")
    (upload,) = server.uploads.values()
    assert upload.is_complete


async def test_an_upload_goes_on_where_it_was_cut(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    server.chunk = 100_000
    server.cut_after = [1, 1_000, 0, 2_000, 500]
    await chat.upload("lobby", CONTENT)
    (upload,) = server.uploads.values()
    assert bytes(upload.data) == CONTENT
    assert [len(exchange.body) for exchange in server.requests] == [1, 1_000, 0, 2_000, 500, 5_120 - 3_501]
    assert len({frame["id"] for frame in server.heard("upload")}) == 1


async def test_an_upload_goes_on_where_each_of_several_servers_has_it_to(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    """Of several behind one address the one may have nothing of what came to the other."""

    async def have_nothing(exchange: Exchange) -> None:
        await exchange.answer(409, b"The upload goes on at byte 0.", upload_offset="0")

    server.next_request(server.handle_request)
    server.next_request(have_nothing)
    await chat.upload("lobby", CONTENT)
    (upload,) = server.uploads.values()
    assert bytes(upload.data) == CONTENT
    offsets = [int(exchange.headers["upload-offset"]) for exchange in server.requests]
    assert offsets[:4] == [0, 1024, 0, 1024]
    assert len(server.heard("upload")) == 1


async def test_an_upload_does_not_go_to_and_fro_for_ever(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    async def have_nothing(exchange: Exchange) -> None:
        await exchange.answer(409, b"The upload goes on at byte 0.", upload_offset="0")

    for _ in range(1_000):
        server.next_request(have_nothing)
    with pytest.raises(Refused) as refused:
        await chat.upload("lobby", CONTENT)
    assert refused.value.code == "not_transferred"


async def test_a_file_is_uploaded_once_whatever_is_lost(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    """The answer to the last piece, the connection of the chat with the answer to the command, and all together."""

    async def answer_nothing(exchange: Exchange) -> None:
        await server.handle_request(exchange)  # it is done, but nobody hears of it
        await exchange.cut()

    async def break_off(exchange: Exchange) -> None:
        await server.visitor.cut()
        await exchange.cut()

    for deviation in (server.handle_request, break_off, answer_nothing, answer_nothing):
        server.next_request(deviation)
    for number in range(2):
        assert await chat.send("lobby", "hi", "mine", files=[CONTENT]) == 1, number
    (upload,) = server.uploads.values()
    assert (bytes(upload.data), upload.is_complete) == (CONTENT, True)


async def test_an_upload_that_is_gone_is_begun_anew(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    async def forget(exchange: Exchange) -> None:
        server.uploads.clear()
        await server.handle_request(exchange)

    server.next_request(server.handle_request)
    server.next_request(forget)
    await chat.upload("lobby", CONTENT)
    (upload,) = server.uploads.values()
    assert bytes(upload.data) == CONTENT


async def test_a_busy_server_is_given_the_time_that_it_asks_for(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    async def busy(exchange: Exchange) -> None:
        await exchange.answer(503, b"Too much is going on.", retry_after="17")

    server.next_request(busy)
    began = trio.current_time()
    await chat.upload("lobby", CONTENT)
    assert 17 <= trio.current_time() - began < 18


async def test_behind_a_proxy_that_takes_little_at_a_time_pieces_are_smaller(
    chat: Chat, server: ScriptedFiles
) -> None:
    content, most = bytes(4 * LEAST_CHUNK_BYTES), 2 * LEAST_CHUNK_BYTES
    server.chunk = len(content)

    async def proxy(exchange: Exchange) -> None:
        server.next_request(proxy)
        if len(exchange.body) > most:
            await exchange.answer(413, b"<html>nginx</html>", connection="close")
            await exchange.cut()
        else:
            await server.handle_request(exchange)

    server.next_request(proxy)
    await chat.upload("lobby", content)
    assert [len(exchange.body) for exchange in server.requests] == [len(content), most, most]
    most = LEAST_CHUNK_BYTES // 2
    with pytest.raises(Refused) as refused:
        await chat.upload("lobby", content)
    assert refused.value.code == "too_large"


async def test_who_refuses_a_body_may_answer_before_it_has_come(chat: Chat, server: ScriptedFiles) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.answer(422, b"This is no picture. Send it as a file.\n", connection="close")
        await exchange.cut()

    server.chunk = len(CONTENT)
    server.cut_after = [100]
    server.next_request(refuse)
    with pytest.raises(Refused, match=r"^This is no picture\. Send it as a file\.$") as refused:
        await chat.upload("lobby", CONTENT)
    assert refused.value.code == "bad_file"
    await wait_all_tasks_blocked()
    assert server.http_open == 0


@pytest.mark.parametrize(
    ("status", "code"),
    [(507, "disk_full"), (413, "too_large"), (403, "not_transferred"), (301, "not_transferred")],
)
async def test_what_is_refused_over_http_is_refused_to_the_caller(
    chat: Chat, server: ScriptedFiles, status: int, code: str
) -> None:
    server.next_request(lambda exchange: exchange.answer(status, b"No.\n"))
    with pytest.raises(Refused) as refused:
        await chat.upload("lobby", CONTENT)
    assert (refused.value.code, refused.value.message) == (code, "No.")
    assert await chat.send("lobby", "the chat goes on") == 1


async def test_what_the_server_does_not_want_is_refused_before_a_byte_is_sent(
    chat: Chat, server: ScriptedFiles
) -> None:
    async def refuse(visitor: object, frame: dict[str, object]) -> None:
        server.visitor.refuse(frame, "quota")

    server.next_time("upload", refuse)
    with pytest.raises(Refused) as refused:
        await chat.send("lobby", "", files=[CONTENT])
    assert refused.value.code == "quota"
    assert server.requests == []
    assert server.heard("send") == []


async def test_a_transfer_that_never_gets_on_is_given_up(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    for _ in range(LOST_AT_MOST + 1):
        server.next_request(lambda exchange: exchange.answer(502, b"Bad Gateway"))
    with pytest.raises(Refused, match=r"does not get through, after 10 attempts: Bad Gateway\.") as refused:
        await chat.upload("lobby", CONTENT)
    assert refused.value.code == "not_transferred"
    await chat.upload("lobby", CONTENT)


async def test_a_network_that_takes_nothing_any_more_is_left(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    async def wait(_exchange: Exchange) -> None:
        await trio.sleep(10 * STALLED_S)

    server.next_request(server.handle_request)
    server.next_request(wait)
    await chat.upload("lobby", CONTENT)
    (upload,) = server.uploads.values()
    assert bytes(upload.data) == CONTENT


async def test_a_file_that_cannot_be_read_is_the_callers_to_mend(chat: Chat, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await chat.send("lobby", "", files=[tmp_path / "none"])
    with pytest.raises(IsADirectoryError):
        await chat.send("lobby", "", files=[tmp_path])


async def test_a_file_that_becomes_shorter_is_not_sent(
    chat: Chat, server: ScriptedFiles, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(CONTENT)

    async def shorten(exchange: Exchange) -> None:
        os.truncate(path, 100)
        await server.handle_request(exchange)

    server.next_request(shorten)
    with pytest.raises(OSError, match="became shorter"):
        await chat.upload("lobby", path)


async def test_a_cancelled_upload_leaves_no_connection_and_can_go_on(
    chat: Chat, server: ScriptedFiles
) -> None:
    with trio.CancelScope() as scope:

        async def cancel(_exchange: Exchange) -> None:
            scope.cancel()

        server.next_request(server.handle_request)
        server.next_request(cancel)
        await chat.upload("lobby", CONTENT, "mine")
    assert scope.cancelled_caught
    await wait_all_tasks_blocked()
    assert server.http_open == 0
    await chat.upload("lobby", CONTENT, "mine")
    assert [int(exchange.headers["upload-offset"]) for exchange in server.requests][2:] == [
        1024,
        2048,
        3072,
        4096,
    ]


async def test_leaving_the_chat_ends_its_transfers(server: ScriptedFiles, nursery: trio.Nursery) -> None:
    ended: list[str] = []

    async def end_with(job: str, leaving: Chat) -> None:
        with pytest.raises(ConnectionLost, match="this chat was left"):
            await (leaving.upload("lobby", CONTENT) if job == "upload" else fetch(leaving, kite()))
        ended.append(job)

    async def wait(exchange: Exchange) -> None:
        await exchange.stream.receive_some()

    async with open_chat("ws://chat.test", connect=server.connect) as left:
        for job in ("upload", "download"):
            server.next_request(wait)
            nursery.start_soon(end_with, job, left)
        await wait_all_tasks_blocked()
    await wait_all_tasks_blocked()
    assert sorted(ended) == ["download", "upload"]
    assert server.http_open == 0
    with pytest.raises(ConnectionLost):
        await left.upload("lobby", CONTENT)


# -- fetching --


async def test_a_file_is_fetched(chat: Chat, server: ScriptedFiles) -> None:
    server.files["/there/files/garden/7/0/a%20%2F%20k%C3%AFte.jpg"] = CONTENT
    async with chat.download(kite("a / kïte.jpg"), preview=480) as pieces:
        assert (pieces.size, pieces.received) == (None, 0)
        assert b"".join([piece async for piece in pieces]) == CONTENT
        assert (pieces.size, pieces.received) == (len(CONTENT), len(CONTENT))
        assert [piece async for piece in pieces] == []
    assert server.requests[0].target.endswith("?size=480")
    assert server.requests[0].headers["authorization"] == f"Bearer {chat.token}"
    await wait_all_tasks_blocked()
    assert server.http_open == 0
    for n in (1, 10, -2):
        with pytest.raises(LookupError):
            async with chat.download(kite(), n):
                pass


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_download_goes_on_where_it_was_cut(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock, ranges: bool
) -> None:
    server.files["/there/files/garden/7/0/kite.jpg"] = CONTENT

    def cut_after(count: int) -> None:
        async def answer(exchange: Exchange) -> None:
            start = int(exchange.headers.get("range", "bytes=0-")[6:-1]) if ranges else 0
            fields = f'content-length: {len(CONTENT) - start}\r\netag: "tag"\r\n'
            head = f"HTTP/1.1 {206 if start else 200} .\r\n{fields}\r\n"
            await exchange.stream.send_all(head.encode() + CONTENT[start : start + count])
            await exchange.cut()

        server.next_request(answer)

    for count in (0, 1, 700, 1_300):
        cut_after(count)
    if not ranges:
        server.next_request(lambda exchange: exchange.answer(200, CONTENT, etag='"tag"'))
    assert await fetch(chat, kite()) == CONTENT
    asked = [exchange.headers.get("range") for exchange in server.requests]
    expected = [None, None, 1, 701, 2_001] if ranges else [None, None, 1, 700, 1_300]
    assert asked == [start and f"bytes={start}-" for start in expected]


async def test_a_transfer_waits_for_a_server_that_is_away_for_long(
    chat: Chat, server: ScriptedFiles, autojump_clock: MockClock
) -> None:
    server.files["/there/files/garden/7/0/kite.jpg"] = CONTENT
    await chat.upload("lobby", b"")

    async def go_away(exchange: Exchange) -> None:
        server.is_down = True
        await server.visitor.cut()
        await exchange.cut()

    for transfer in (fetch(chat, kite()), chat.upload("lobby", CONTENT)):
        server.next_request(go_away)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(_run, transfer))
            await trio.sleep(3_600)
            server.is_down = False


async def _run(transfer: Coroutine[object, object, object]) -> None:
    await transfer


async def test_a_file_that_is_gone_is_refused(chat: Chat, server: ScriptedFiles) -> None:
    with pytest.raises(Refused) as refused:
        await fetch(chat, kite())
    assert refused.value.code == "no_such_file"


async def test_a_file_is_saved_whole_or_not_at_all(chat: Chat, server: ScriptedFiles, tmp_path: Path) -> None:
    path = tmp_path / "kite"
    path.write_bytes(b"an earlier one")
    with pytest.raises(Refused):
        await chat.save(kite(), path)
    assert held(tmp_path) == {"kite": b"an earlier one"}
    server.files["/there/files/garden/7/0/kite.jpg"] = CONTENT
    with trio.CancelScope() as scope:

        async def cancel(_exchange: Exchange) -> None:
            scope.cancel()

        server.next_request(cancel)
        await chat.save(kite(), path)
    assert held(tmp_path) == {"kite": b"an earlier one"}
    await chat.save(kite(), path)
    assert held(tmp_path) == {"kite": CONTENT}


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("ws://chat.test", "/"),
        ("ws://chat.test/", "/"),
        ("wss://chat.test/there", "/there/"),
        ("wss://chat.test/there/?x=1", "/there/"),
    ],
)
def test_files_are_below_the_address_of_the_chat(url: str, folder: str) -> None:
    assert Address.parse(url).folder == folder


# -- the real server --


class Cutter:
    """Makes streams to a server, of which those for files break after so many bytes, up or down."""

    def __init__(self, port: int, *after: int) -> None:
        self.cuts = 0
        self._port = port
        self._after = list(after)

    async def connect(self) -> trio.abc.Stream:
        """See `open_chat`."""
        return _Cut(self, await trio.open_tcp_stream("127.0.0.1", self._port))

    def next_cut(self) -> int | None:
        """After how many bytes the next stream breaks."""
        return self._after.pop(0) if self._after else None


class _Cut(trio.abc.Stream):
    def __init__(self, cutter: Cutter, stream: trio.SocketStream) -> None:
        self._cutter = cutter
        self._stream = stream
        self._left: int | None = None
        self._is_for_files: bool | None = None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_for_files is None:
            self._is_for_files = b"upgrade: websocket" not in bytes(data).lower()
            self._left = self._cutter.next_cut() if self._is_for_files else None
        await self._stream.send_all(data)
        await self._count(len(data))

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        await self._count(0)
        data = await self._stream.receive_some(max_bytes)
        await self._count(len(data))
        return data

    async def _count(self, count: int) -> None:
        if self._left is not None:
            self._left -= count
            if self._left <= 0:
                self._cutter.cuts += count > 0
                await self._stream.aclose()
                raise trio.BrokenResourceError

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_files_go_to_the_real_server_and_back_over_a_network_that_breaks(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    path = tmp_path / "noise.bin"
    path.write_bytes(content)
    with trio.fail_after(PATIENCE_S):
        async with open_server(data=tmp_path / "data") as serving:
            cutter = Cutter(serving.port, 300_000, 1_200_000, 10, 500_000, 900_000)
            url = "ws://chat.example"
            async with open_chat(url, name="Ada", connect=cutter.connect, jitter=lambda: 0.01) as ada:
                seq = await ada.send("lobby", "", "noise", files=[path, b"a text"])
                event = await anext(ada)
                assert isinstance(event, Message)
                noise, text = event.files
                assert (event.seq, noise.name, noise.bytes) == (seq, "noise.bin", len(content))
                assert (text.name, text.media_type, text.bytes) == (
                    "file",
                    "text/plain",
                    6,
                ) or text.bytes == 6
                assert cutter.cuts >= 3
                cutter = Cutter(serving.port, 1_000_000, 50, 700_000)
                async with open_chat(
                    url, token=ada.token, connect=cutter.connect, jitter=lambda: 0.01
                ) as other:
                    copy = tmp_path / "copy.bin"
                    await other.save(event, copy)
                    assert copy.read_bytes() == content
                    assert cutter.cuts >= 2
                    assert await fetch(other, event) == content
                    assert await ada.send("lobby", "", "noise", files=[path, b"a text"]) == seq
                    forwarded = await other.forward("lobby", event, -2)
                    again = await other.send("lobby", "once more", files=[forwarded])
                    assert await ada.delete("lobby", seq, "gone") == await ada.delete("lobby", seq, "gone")
                    with pytest.raises(Refused) as refused:
                        await fetch(other, event)
                    assert refused.value.code == "no_such_file"
                    with pytest.raises(Refused):
                        await other.forward("lobby", event)
                    with pytest.raises(LookupError):
                        await other.forward("lobby", event, 2)
                    while (event := await anext(other)).seq != again:  # type: ignore[union-attr]
                        pass
                    assert isinstance(event, Message)
                    assert await fetch(other, event) == content


# -- pictures of rooms and people --


async def test_rooms_and_people_get_pictures_and_lose_them(tmp_path: Path) -> None:
    path = tmp_path / "kite.jpg"
    path.write_bytes(jpeg_bytes(photo(300, 200)))
    with trio.fail_after(PATIENCE_S):
        async with (
            open_server(data=tmp_path / "data") as serving,
            open_chat(f"ws://127.0.0.1:{serving.port}", name="Ada") as ada,
        ):
            seq = await ada.set_room_picture("lobby", path, "s1")
            assert await ada.set_room_picture("lobby", path, "s1") == seq
            event = await anext(ada)
            assert isinstance(event, OtherEvent)
            assert (event.seq, event.kind, event.fields["picture"]) == (seq, "settings", True)
            assert await ada.set_room_picture("lobby", None) == seq + 1
            user = await ada.set_picture(path.read_bytes())
            assert user == ada.user
            assert user.picture is not None
            assert (await ada.set_picture(None)).picture is None
            with pytest.raises(Refused) as refused:
                await ada.set_picture(b"no picture")
            assert refused.value.code == "bad_file"
