"""Web sites on this machine, for what the server asks of others; and names for them."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import trio

from trio_chat.outgoing.guard import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HTML = b'HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset="utf-8"\r\nConnection: close\r\n\r\n'


class Site:
    """A web server on this machine that gives the same bytes to everybody, and keeps what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, bytes] = {}
        self.asked: list[bytes] = []

    def guard(self, allowed: str = "127.0.0.1") -> Guard:
        return Guard(is_allowed=lambda address: address == allowed, ports={self.port})

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                more = await stream.receive_some()
                if not more:
                    return
                head += more
            self.asked.append(head)
            with suppress(trio.BrokenResourceError):  # it has had enough
                await stream.send_all(self.answers[head.split()[1].decode()])


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        site = Site(listener.socket.getsockname()[1])
        await nursery.start(trio.serve_listeners, site.serve, [listener])
        yield site
        nursery.cancel_scope.cancel()


class Resolver(trio.abc.HostnameResolver):
    """Names this machine in other ways each time it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> Any:  # noqa: ANN401
        addresses = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    async def getnameinfo(self, sockaddr: Any, flags: Any) -> Any:  # noqa: ANN401
        raise NotImplementedError
