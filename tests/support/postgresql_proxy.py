"""A line to PostgreSQL that can be cut, and that loses what a test says."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

COMMIT = b"COMMIT"
PREPARED_COMMIT = re.compile(rb"(_pg3_\w+)\0COMMIT\0")
BATCH = b"note_batch"
"""What those connections say, once at least, by which a node writes."""
LISTEN = b"LISTEN "
SOCKET = ".s.PGSQL.5432"


class Writes:
    """Finds the COMMITs of what a node writes in what one connection carries."""

    def __init__(self) -> None:
        self._are_here = False
        self._name: bytes | None = None
        """Of the prepared statement, once it is one."""

    def commit_in(self, data: bytes | bytearray) -> bool:
        """Whether there is one in this piece."""
        self._are_here = self._are_here or BATCH in data
        if found := PREPARED_COMMIT.search(data):
            self._name = found[1]
        is_named = self._name is not None and b"\0" + self._name + b"\0" in data
        return self._are_here and (COMMIT in data or is_named)


class Proxy:
    """Made by `proxy`. Carries whatever comes, but what these say."""

    def __init__(self, folder: Path, server: Path) -> None:
        self._folder = folder
        self._server = server
        self._pairs: set[tuple[trio.SocketStream, trio.SocketStream]] = set()
        self.answers_to_lose = 0
        """Of so many COMMITs of what a node writes the answer is lost, and the connection then cut."""
        self.commits_to_lose = 0
        """So many of these COMMITs never come to the server: the connection is cut instead."""
        self.is_deaf = False
        """Whether all answers are lost, and nothing is cut."""
        self.hints_are_lost = False
        """Whether those connections are deaf that listen for hints."""
        self.n_lost = 0
        self.n_carried = 0
        """Pieces that came from the server."""
        self._flows = trio.Event()
        self._flows.set()

    def url(self, database_url: str) -> str:
        """The address of a database, on the way through this line."""
        return f"{database_url.partition('?')[0]}?host={quote(str(self._folder), safe='')}"

    def lead_to(self, server: Path) -> None:
        """Lead connections from now on to the server in another folder."""
        self._server = server / SOCKET

    def cut(self) -> None:
        """Cut all connections."""
        for pair in list(self._pairs):
            _close(pair)

    def stall(self) -> None:
        """Hold everything that comes, in both directions, until `flow`."""
        self._flows = trio.Event()

    def flow(self) -> None:
        """Carry what was held, and what comes."""
        self._flows.set()

    async def serve(self, client: trio.SocketStream) -> None:
        """Carry one connection, until one of its ends closes it."""
        try:
            server = await trio.open_unix_socket(str(self._server))
        except OSError:  # there is no server now
            client.socket.close()
            return
        pair = client, server
        self._pairs.add(pair)
        lose_answer = trio.Event()
        writes = Writes()
        listens = False

        async def up() -> None:
            nonlocal listens
            async for data in client:
                await self._flows.wait()
                listens = listens or LISTEN in data
                is_commit = writes.commit_in(data)
                if is_commit and self.commits_to_lose:
                    self.commits_to_lose -= 1
                    self.n_lost += 1
                    break
                if is_commit and self.answers_to_lose:
                    self.answers_to_lose -= 1
                    self.n_lost += 1
                    lose_answer.set()
                await server.send_all(data)

        async def down() -> None:
            async for data in server:
                await self._flows.wait()
                self.n_carried += 1
                if self.is_deaf or (listens and self.hints_are_lost):
                    continue
                if lose_answer.is_set():
                    break
                await client.send_all(data)

        try:
            async with trio.open_nursery() as nursery:
                # However one direction ends, the other does: a server whose client is gone must hear of it.
                nursery.start_soon(_until_its_end, up, nursery.cancel_scope)
                nursery.start_soon(_until_its_end, down, nursery.cancel_scope)
        finally:
            self._pairs.discard(pair)
            _close(pair)


async def _until_its_end(pump: Callable[[], Awaitable[None]], both: trio.CancelScope) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await pump()
    both.cancel()


def _close(pair: tuple[trio.SocketStream, trio.SocketStream]) -> None:
    for stream in pair:
        stream.socket.close()


@asynccontextmanager
async def proxy(folder: Path, server: Path) -> AsyncIterator[Proxy]:
    """A line to the server in that folder, whose socket is in another folder."""
    made = Proxy(folder, server / SOCKET)
    with trio.socket.socket(trio.socket.AF_UNIX) as listening:
        await listening.bind(str(folder / SOCKET))
        listening.listen()
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, made.serve, [trio.SocketListener(listening)])
            yield made
            nursery.cancel_scope.cancel()
