"""The tests' own line to PostgreSQL: however one end goes, the other hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from tests.support.postgresql_proxy import SOCKET, proxy

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_server_hears_that_its_client_was_killed(tmp_path: Path) -> None:
    """Else it waits for the rest of what that was saying, and holds the locks of the transaction."""
    near, far = tmp_path / "near", tmp_path / "far"
    near.mkdir()
    far.mkdir()
    with trio.socket.socket(trio.socket.AF_UNIX) as listening, trio.fail_after(30):
        await listening.bind(str(far / SOCKET))
        listening.listen()
        async with proxy(near, far):
            client = await trio.open_unix_socket(str(near / SOCKET))
            sock, _ = await listening.accept()
            server = trio.SocketStream(sock)
            await client.send_all(b"SELECT")
            assert await server.receive_some() == b"SELECT"
            await server.send_all(b"answer")
            await trio.lowlevel.wait_readable(client.socket)
            client.socket.close()  # with what it has not read: a reset
            assert await server.receive_some() == b""
            await server.aclose()
