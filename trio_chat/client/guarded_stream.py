"""The stream under a client's connection: its writes have a deadline, and a write that was cut is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

WRITE_S = 10.0
"""How long the network may take for one frame, in seconds. A frame is small: after that the network is gone."""


class GuardedStream(trio.abc.Stream):
    """A stream whose writes have a deadline; `is_torn` tells whether a write was cut in the middle.

    A deadline around the calls of trio-websocket would not do: its reader writes, too, and after a cancelled write
    it goes on as if nothing had happened, although after half a frame the connection is of no use.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.is_torn = False
        self.on_end: Callable[[], object] = lambda: None
        """Called when the stream has ended: nothing more can be read."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of ``data``. Raises `trio.BrokenResourceError` also when that takes longer than `WRITE_S`."""
        self.is_torn = True
        with trio.move_on_after(WRITE_S) as deadline:
            await self._stream.send_all(data)
            self.is_torn = False
        if deadline.cancelled_caught:
            raise trio.BrokenResourceError("the network takes nothing any more")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the stream might take something."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The next bytes; none at the end of the stream."""
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self.on_end()
            raise
        if not data:
            self.on_end()
        return data

    async def aclose(self) -> None:
        """Close the stream."""
        self.on_end()
        await self._stream.aclose()
