"""Scripted server that takes and gives files over HTTP, too: for tests of the client.

Left alone it does what docs/protocol.md says; a test lets it deviate by `ScriptedFiles.next_request`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
import h11
import trio

from tests.support.scripted import ScriptedServer, StickySendStream, Visitor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@attrs.define
class Upload:
    """What has come of a file."""

    id: str
    size: int
    command: dict[str, Any]
    data: bytearray = attrs.field(factory=bytearray)
    is_complete: bool = False


@attrs.define
class Exchange:
    """A request, and the stream on which it is answered."""

    stream: trio.abc.Stream
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    """What of it has come."""

    async def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer, and keep the connection."""
        fields = {
            "content-length": str(len(body)),
            **{name.replace("_", "-"): headers[name] for name in headers},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.stream.send_all(f"HTTP/1.1 {status} .\r\n{head}\r\n".encode() + body)

    async def cut(self) -> None:
        """Break the connection."""
        await trio.aclose_forcefully(self.stream)


class ScriptedFiles(ScriptedServer):
    """A `ScriptedServer` with uploads and files."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__(nursery)
        self.uploads: dict[tuple[str, str], Upload] = {}
        """By person and command."""
        self.files: dict[str, bytes] = {}
        """By their paths."""
        self.requests: list[Exchange] = []
        self.deviations_of_requests: list[Callable[[Exchange], Awaitable[None]]] = []
        self.cut_after: list[int] = []
        """The next requests with a body are cut after so many bytes of it."""
        self.chunk = 1024
        self.http_open = 0
        """HTTP connections that are open."""

    def next_request(self, deviation: Callable[[Exchange], Awaitable[None]]) -> None:
        """Do this with the next request, in place of what is right."""
        self.deviations_of_requests.append(deviation)

    async def _serve(self, stream: trio.abc.Stream, network: StickySendStream) -> None:
        try:
            unread = _Unread(stream, bytes(await stream.receive_some()))
        except trio.BrokenResourceError:
            return
        if b"upgrade: websocket" in unread.data.lower():
            await self._visit(_FileVisitor(self, unread, network))
            return
        self.http_open += 1
        try:
            await self._speak_http(unread)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client may go as it likes
        finally:
            self.http_open -= 1
            await trio.aclose_forcefully(stream)

    async def _speak_http(self, stream: trio.abc.Stream) -> None:
        protocol = h11.Connection(h11.SERVER)
        while True:
            request, body = None, b""
            cut_after = None
            while True:
                event = protocol.next_event()
                if event is h11.NEED_DATA:
                    data = await stream.receive_some()
                    protocol.receive_data(bytes(data))
                    if not data:
                        return
                elif isinstance(event, h11.Request):
                    request = event
                    if request.method == b"PATCH" and self.cut_after:
                        cut_after = self.cut_after.pop(0)
                elif isinstance(event, h11.Data):
                    body += event.data
                    if cut_after is not None and len(body) >= cut_after:
                        body = body[:cut_after]
                        break
                else:
                    break
            assert request is not None
            headers = {name.decode(): value.decode() for name, value in request.headers}
            exchange = Exchange(stream, request.method.decode(), request.target.decode(), headers, body)
            self.requests.append(exchange)
            if self.deviations_of_requests:
                await self.deviations_of_requests.pop(0)(exchange)
            else:
                await self.handle_request(exchange)
            if cut_after is not None:
                await exchange.cut()
                return
            protocol = h11.Connection(h11.SERVER)

    async def handle_request(self, exchange: Exchange) -> None:
        """Answer as docs/protocol.md says."""
        path, _, _ = exchange.target.partition("?")
        if exchange.method == "PATCH":
            await self._take(exchange, path.rpartition("/")[2])
        elif exchange.headers.get("authorization") not in {f"Bearer {token}" for token in self.people}:
            await exchange.answer(401, b"Log in.\n")
        elif path in self.files:
            await self._give(exchange, self.files[path])
        else:
            await exchange.answer(404, b"no such file\n")

    async def _take(self, exchange: Exchange, upload_id: str) -> None:
        upload = next((upload for upload in self.uploads.values() if upload.id == upload_id), None)
        offset = int(exchange.headers["upload-offset"])
        if upload is None:
            await exchange.answer(404, b"There is no such upload.\n")
        elif offset != len(upload.data):
            await exchange.answer(409, b"It goes on elsewhere.\n", upload_offset=str(len(upload.data)))
        else:
            upload.data += exchange.body
            if exchange.headers["upload-complete"] == "?1" and len(upload.data) == upload.size:
                upload.is_complete = True
                await exchange.answer(200, b"{}")
            else:
                await exchange.answer(204, upload_offset=str(len(upload.data)))

    async def _give(self, exchange: Exchange, content: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", exchange.headers.get("range", ""))
        if asked and exchange.headers.get("if-range", '"tag"') == '"tag"':
            start = int(asked[1])
            fields = {"content_range": f"bytes {start}-{len(content) - 1}/{len(content)}", "etag": '"tag"'}
            await exchange.answer(206, content[start:], **fields)
        else:
            await exchange.answer(200, content, etag='"tag"')


class _FileVisitor(Visitor):
    def _on_upload(self, frame: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(self.server, ScriptedFiles)
        uploads = self.server.uploads
        new = Upload(f"u-{len(uploads)}", frame["bytes"], frame)
        upload = uploads.setdefault((self.user["id"], frame["id"]), new)
        answer = {"type": "upload", "room": frame["room"], "upload": upload.id, "offset": len(upload.data)}
        answer |= {"chunk": self.server.chunk, "expires": "2026-11-23T21:00:17.000Z"}
        return answer | ({"complete": True} if upload.is_complete else {})

    def more_of(self, frame: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(self.server, ScriptedFiles)
        names = {upload.id: upload.command["name"] for upload in self.server.uploads.values()}
        sent = frame.get("files", ())
        return {
            "files": [
                {"name": names[file["upload"]], "media_type": "text/plain", "bytes": 1} for file in sent
            ]
        }


class _Unread(trio.abc.Stream):
    """A stream of which some bytes were read already."""

    def __init__(self, stream: trio.abc.Stream, data: bytes) -> None:
        self.data = data
        self._stream = stream

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self.data:
            await trio.lowlevel.checkpoint()
            size = max_bytes or len(self.data)
            some, self.data = self.data[:size], self.data[size:]
            return some
        return await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()
