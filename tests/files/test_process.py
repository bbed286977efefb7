"""Files of a server process: transfers go on after it was stopped, and after it was killed."""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.files import ask
from tests.support.process import ServerProcess, open_process
from tests.support.raw import PATIENCE_S, RawPeer, get, open_raw, open_v1

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MIB = 1024 * 1024

DRAIN = ("--drain-timeout", "1000")
"""Stopping takes a second with transfers under way, on an idle machine; without care for them all this."""


@asynccontextmanager
async def open_ada(port: int, token: str | None = None) -> AsyncIterator[tuple[RawPeer, dict[str, Any]]]:
    """Ada's connection, in the lobby, and her welcome."""
    said: dict[str, Any] = {"name": "Ada"} if token is None else {"token": token}
    async with open_v1(port, **said) as (peer, welcome, _):
        yield peer, welcome


async def begin(peer: RawPeer, size: int, command_id: str) -> str:
    await peer.say(type="upload", id=command_id, room="lobby", name="kite.bin", bytes=size)
    return str((await peer.hear("upload"))["upload"])


def patch(upload: str, *, offset: int, length: int, is_last: bool) -> bytes:
    return get(
        f"/uploads/{upload}",
        method="PATCH",
        upload_offset=str(offset),
        upload_complete="?1" if is_last else "?0",
        content_type="application/partial-upload",
        content_length=str(length),
    )


async def upload(port: int, upload_id: str, content: bytes, *, offset: int = 0) -> None:
    """Bring the rest of an upload."""
    async with open_raw(port) as peer:
        rest = content[offset:]
        await peer.send(patch(upload_id, offset=offset, length=len(rest), is_last=True) + rest)
        assert (await peer.receive_answer()).status == 200


async def send(peer: RawPeer, upload_id: str, command_id: str) -> str:
    """Send a message with a file; the file's address."""
    await peer.say(type="send", id=command_id, room="lobby", text="", files=[{"upload": upload_id}])
    ack = await peer.hear("ack")
    return f"/files/lobby/{ack['seq']}/0/kite.bin"


async def offset_of(port: int, upload_id: str) -> int:
    return int((await ask(port, f"/uploads/{upload_id}", method="HEAD")).headers["upload-offset"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_transfers_end_with_the_server_and_go_on_at_the_next(
    tmp_path: Path, how: signal.Signals
) -> None:
    content, other = os.urandom(8 * MIB), os.urandom(3 * MIB)
    async with open_process(tmp_path, *DRAIN) as server:
        async with open_ada(server.port) as (ada, welcome):
            token = welcome["token"]
            target = await _sent(server, ada, content)
            slow = await begin(ada, len(other), "c3")
        async with open_raw(server.port) as up, open_raw(server.port, receive_buffer=4096) as down:
            await up.send(patch(slow, offset=0, length=len(other), is_last=True) + other[: 2 * MIB])
            await down.send(get(target, authorization=f"Bearer {token}"))
            head = await down.receive_head()
            assert head.startswith(b"HTTP/1.1 200 ")
            tag = head.decode().lower().partition("etag: ")[2].partition("\r\n")[0]
            await _wait_for_size(tmp_path / "files" / "parts" / slow, MIB)
            server.signal(how)
            with trio.fail_after(PATIENCE_S):
                await server.process.wait()
            got = await _received(down)
        assert len(got) < len(content)
    async with open_process(tmp_path) as server, open_ada(server.port, token) as (ada, _):
        offset = await offset_of(server.port, slow)
        assert MIB <= offset <= 2 * MIB
        await upload(server.port, slow, other, offset=offset)
        fields = {"authorization": f"Bearer {token}", "range": f"bytes={len(got)}-", "if_range": tag}
        rest = await ask(server.port, target, headers=fields)
        assert rest.status == 206
        assert got + rest.body == content
        target = await send(ada, slow, "c4")
        assert (await ask(server.port, target, headers={"authorization": f"Bearer {token}"})).body == other


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux")
async def test_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    n_pieces, piece = 200, os.urandom(MIB)
    async with (
        open_process(
            tmp_path, "--max-file-bytes", "0", "--idle-ping", "0"
        ) as server,  # Ada says nothing meanwhile
        open_ada(server.port) as (ada, welcome),
    ):
        small = await begin(ada, MIB, "c0")
        await upload(server.port, small, piece)
        before = peak_bytes(server)
        large = await begin(ada, n_pieces * MIB, "c1")
        async with open_raw(server.port) as peer:
            peer.patience_s = 120
            await peer.send(patch(large, offset=0, length=n_pieces * MIB, is_last=True))
            for _ in range(n_pieces):
                await peer.send(piece)
            assert (await peer.receive_answer()).status == 200
        target = await send(ada, large, "c2")
        async with open_raw(server.port) as peer:
            peer.patience_s = 120
            await peer.send(get(target, authorization=f"Bearer {welcome['token']}", connection="close"))
            await peer.receive_head()
            received = 0
            while some := await peer.receive():
                received += len(some)
        assert received == n_pieces * MIB
        assert peak_bytes(server) - before < 10 * MIB


def peak_bytes(server: ServerProcess) -> int:
    """The most memory that the server has had."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def _sent(server: ServerProcess, ada: RawPeer, content: bytes) -> str:
    upload_id = await begin(ada, len(content), "c1")
    await upload(server.port, upload_id, content)
    return await send(ada, upload_id, "c2")


async def _received(peer: RawPeer) -> bytes:
    """What still comes of a body whose head was read."""
    return await peer.receive_to_the_end()


async def _wait_for_size(path: Path, size: int) -> None:
    with trio.fail_after(PATIENCE_S):
        while not await trio.Path(path).exists() or (await trio.Path(path).stat()).st_size < size:
            await trio.lowlevel.checkpoint()
