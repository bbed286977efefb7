"""HTTP/1.1 to the server, for the bytes of files: requests one after the other, over the chat's kind of stream.

h11 speaks the protocol, and the chat's own ``connect`` makes the stream: so files go through the same tunnels and with
the same TLS, and in tests over streams in memory.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import h11
import trio

from trio_chat.errors import ChatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trio_chat.client.connection import Connect

STALLED_S: Final = 30.0
"""How long the network, or the server, may take for the next piece of a request or of its answer, in seconds."""

FINISHING_S: Final = 120.0
"""How long the server may take to begin its answer: it looks at a picture before it answers the end of an upload."""

PIECE_BYTES: Final = 64 * 1024
"""So much is written or read at a time."""

MAX_SENTENCE_BYTES: Final = 4096
"""So much of an answer that is a sentence is read."""


class TransferLost(ChatError):
    """A request got no whole answer, and may be made once more; ``retry_after_s`` if the server says when."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class HttpConnection:
    """A connection for requests, one at a time: opened by the first, and anew after one that ended it.

    It is for one task. When that is cancelled in a request, it is closed. `aclose` closes it.
    """

    def __init__(self, connect: Connect, authority: str) -> None:
        self._connect = connect
        self._authority = authority
        self._stream: trio.abc.Stream | None = None
        self._h11 = h11.Connection(h11.CLIENT)

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        """Make a request; returns when the head of its answer is there. What is left of an earlier answer is not read
        any more. Raises `TransferLost`."""
        try:
            stream = await self._ready()
            await self._write(stream, method, target, headers, body)
            response = Response(stream, self._h11)
            await response.read_head()
        except BaseException:
            await self.aclose()
            raise
        return response

    async def aclose(self) -> None:
        """Close the connection, at once."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await trio.aclose_forcefully(stream)

    async def _ready(self) -> trio.abc.Stream:
        """The stream, with nothing left on it of an earlier answer."""
        if self._stream is not None and _is_done(self._h11):
            self._h11.start_next_cycle()
            return self._stream
        await self.aclose()
        return await self._open()

    async def _open(self) -> trio.abc.Stream:
        with _within(STALLED_S):
            self._stream = await self._connect()
        self._h11 = h11.Connection(h11.CLIENT)
        assert self._stream is not None
        return self._stream

    async def _write(
        self,
        stream: trio.abc.Stream,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> None:
        fields = {"Host": self._authority, **headers}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        request = h11.Request(method=method, target=target, headers=list(fields.items()))
        parts: list[h11.Event] = [request]
        if body is not None:
            data = memoryview(body)
            parts += [
                h11.Data(data=bytes(data[start : start + PIECE_BYTES]))
                for start in range(0, len(data), PIECE_BYTES)
            ]
        for part in [*parts, h11.EndOfMessage()]:
            written = self._h11.send(part)
            try:
                with _within(STALLED_S):
                    await stream.send_all(written or b"")
            except TransferLost as lost:
                if not isinstance(lost.__cause__, trio.BrokenResourceError):
                    raise
                return  # who refuses a body may answer, and close, before they have read it


class Response:
    """An answer: its head, and its body as it comes."""

    def __init__(self, stream: trio.abc.Stream, connection: h11.Connection) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        """By names in lower case."""
        self._stream = stream
        self._h11 = connection

    async def read_head(self) -> None:
        """Wait for the head. Raises `TransferLost`."""
        head = await self._next_event(FINISHING_S)
        while isinstance(head, h11.InformationalResponse):
            head = await self._next_event(FINISHING_S)
        if not isinstance(head, h11.Response):
            raise TransferLost("the server closed the connection")
        self.status = head.status_code
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}

    async def receive_some(self) -> bytes:
        """The next piece of the body; none at its end. Raises `TransferLost`, also if it ends too soon."""
        if self._h11.their_state is not h11.SEND_BODY:
            await trio.lowlevel.checkpoint()
            return b""
        event = await self._next_event(STALLED_S)
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def sentence(self) -> str:
        """The body as a sentence for people."""
        text = b""
        while len(text) < MAX_SENTENCE_BYTES and (more := await self.receive_some()):
            text += more
        return text[:MAX_SENTENCE_BYTES].decode(errors="replace").strip()

    async def _next_event(self, within_s: float) -> object:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                with _within(within_s):
                    data = await self._stream.receive_some(PIECE_BYTES)
                self._h11.receive_data(bytes(data))
        except h11.RemoteProtocolError as error:
            raise TransferLost(f"the answer of the server was cut, or is none: {error}") from error
        return event


def _is_done(connection: h11.Connection) -> bool:
    """Whether both sides have said all of it, and may go on."""
    if connection.our_state is not h11.DONE:
        return False
    return connection.their_state is h11.DONE or isinstance(connection.next_event(), h11.EndOfMessage)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise `TransferLost` for what a stream raises in the block, and when it takes longer."""
    try:
        with trio.fail_after(seconds):
            yield
    except trio.TooSlowError:
        raise TransferLost(f"nothing came or went for {seconds:g} seconds") from None
    except (OSError, trio.BrokenResourceError) as error:
        reason = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
        raise TransferLost(f"the connection broke ({reason or error})") from error
