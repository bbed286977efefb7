"""The owner links of a real server: the one it prints, and the one of the command line while it runs."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

from trio_websocket import open_websocket

from tests.support.process import open_process, run_server
from trio_chat.protocol.encoding import V1

if TYPE_CHECKING:
    from pathlib import Path


async def become_owner(port: int, link: str) -> dict[str, Any]:
    """The answer to somebody new who opens this link."""
    address, _, token = link.strip().removeprefix("Become its owner, once: ").partition("#own=")
    assert address.startswith("http://")
    async with open_websocket("127.0.0.1", port, "/", use_ssl=False, subprotocols=[V1]) as websocket:
        for frame in ({"type": "hello"}, {"type": "become_owner", "id": "own", "token": token}):
            await websocket.send_message(json.dumps(frame))
        while True:
            answer: dict[str, Any] = json.loads(await websocket.get_message())
            if answer["type"] in ("ack", "error"):
                return answer


async def test_a_server_prints_a_link_to_its_owner_until_it_has_one(tmp_path: Path) -> None:
    async with open_process(tmp_path) as server:
        first = server.owner_line
        assert first.startswith(f"Become its owner, once: http://127.0.0.1:{server.port}/#own=")
        server.signal(signal.SIGTERM)
        await server.wait()
    async with open_process(tmp_path) as server:
        assert (await become_owner(server.port, server.owner_line))["type"] == "ack"
        assert (await become_owner(server.port, server.owner_line))["code"] == "bad_link"
        server.signal(signal.SIGTERM)
        await server.wait()
    async with open_process(tmp_path) as server:
        assert server.owner_line == ""


async def test_the_command_line_makes_an_owner_link_while_the_server_runs(
    tmp_path: Path, where: tuple[str, ...]
) -> None:
    async with open_process(tmp_path, *where) as server:
        options = ("--host", "127.0.0.1", "--port", str(server.port), *where)
        made = await run_server(*options, "owner-link", "--data", tmp_path)
        assert made.status == 0
        assert made.stdout.startswith(f"http://127.0.0.1:{server.port}/#own=")
        for _ in range(2):  # links that were made before end with the first one that is used
            answer = await become_owner(server.port, made.stdout)
        assert answer["code"] == "bad_link"
        assert (await become_owner(server.port, server.owner_line))["code"] == "bad_link"


async def test_the_audit_log_is_printed_line_by_line(tmp_path: Path, where: tuple[str, ...]) -> None:
    async with open_process(tmp_path, *where) as server:
        await become_owner(server.port, server.owner_line)
        printed = await run_server(*where, "audit", "--data", tmp_path)
    (line,) = printed.stdout.splitlines()
    told = json.loads(line)
    assert (told["type"], told["room"], told["seq"], told["role"]) == ("role", "~server", 1, "owner")
    assert "link" not in told


async def test_without_a_log_there_is_no_owner_link(tmp_path: Path) -> None:
    made = await run_server("owner-link", "--data", tmp_path / "none")
    assert (made.status, made.stderr.count("\n")) == (1, 1)
    assert "There is no log at" in made.stderr
