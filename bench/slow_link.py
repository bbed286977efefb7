"""A phone's connection between a browser and a server: `open_slow_link` is a proxy that delays and throttles.

What a browser emulates of a slow network is each answer's delay; here TCP's handshakes take their round trip as well,
and so do WebSockets, and all connections share one rate.
"""

from __future__ import annotations

import sys
from functools import partial

import attrs
import trio

CHUNK_BYTES = 1460
"""What is passed on at a time: a packet, so that connections that share the link take turns."""


@attrs.define
class Direction:
    """One way through the link: as a wire on which each packet begins when the one before it has ended."""

    bytes_per_s: float
    delay_s: float
    free_at: float = 0.0

    def arrival(self, size: int) -> float:
        """When a packet of this size, sent now, arrives."""
        self.free_at = max(self.free_at, trio.current_time()) + size / self.bytes_per_s
        return self.free_at + self.delay_s

    async def carry(self, source: trio.SocketStream, target: trio.SocketStream) -> None:
        """Carry all bytes, and then the end. Raises `trio.BrokenResourceError` when either side is gone."""
        async with trio.open_nursery() as nursery:
            send, receive = trio.open_memory_channel[tuple[float, bytes]](1000)
            nursery.start_soon(self._deliver, receive, target)
            async with send:
                while data := await source.receive_some(CHUNK_BYTES):
                    await send.send((self.arrival(len(data)), bytes(data)))
                await send.send((self.arrival(0), b""))

    async def _deliver(
        self, packets: trio.MemoryReceiveChannel[tuple[float, bytes]], target: trio.SocketStream
    ) -> None:
        async for at, data in packets:
            await trio.sleep_until(at)
            await (target.send_all(data) if data else target.send_eof())


@attrs.define
class SlowLink:
    """The link of one phone to the server on this port."""

    port: int
    round_trip_s: float
    down: Direction
    up: Direction

    async def serve(self, client: trio.SocketStream) -> None:
        """Carry one connection, which begins when TCP's handshake would have come back."""
        await trio.sleep(self.round_trip_s)
        try:
            async with (
                client,
                await trio.open_tcp_stream("127.0.0.1", self.port) as server,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(self.up.carry, client, server)
                nursery.start_soon(self.down.carry, server, client)
        except* (trio.BrokenResourceError, OSError):
            pass  # when one direction is broken, both end


async def serve_slow_link(port: int, *, round_trip_ms: float, down_kbit: float, up_kbit: float) -> None:
    """Serve for ever, on a free port that is printed first."""
    one_way_s = round_trip_ms / 2000
    link = SlowLink(
        port,
        round_trip_ms / 1000,
        Direction(down_kbit * 125, one_way_s),
        Direction(up_kbit * 125, one_way_s),
    )
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    print(listeners[0].socket.getsockname()[1], flush=True)
    await trio.serve_listeners(link.serve, listeners)


if __name__ == "__main__":
    server_port, rtt_ms, down, up = map(float, sys.argv[1:])
    trio.run(partial(serve_slow_link, int(server_port), round_trip_ms=rtt_ms, down_kbit=down, up_kbit=up))
