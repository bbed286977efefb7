"""The command ``epoch --new``, for who has put back a snapshot of the disk."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.support.process import open_process, run_server
from tests.support.raw import open_v1

if TYPE_CHECKING:
    from pathlib import Path


async def epoch_at(port: int) -> str:
    """The epoch of the lobby, as somebody new is told who joins it."""
    async with open_v1(port) as (_, _, joined):
        epoch: str = joined["epoch"]
        return epoch


async def test_a_new_epoch_begins_for_those_who_are_there_or_at_the_next_start(
    tmp_path: Path, where: tuple[str, ...]
) -> None:
    async with open_process(tmp_path, *where) as server, open_v1(server.port) as (peer, _, joined):
        before = joined["epoch"]
        made = await run_server(*where, "epoch", "--new", "--data", tmp_path)
        if where:  # nodes look now and then
            assert "A new epoch has begun" in made.stdout
            assert await peer.receive_close_code() == 4002
            assert await epoch_at(server.port) != before
        else:
            assert "the next start" in made.stdout
        server.signal(signal.SIGTERM)
        await server.wait()
    async with open_process(tmp_path, *where) as server:
        assert await epoch_at(server.port) != before


async def test_without_new_nothing_begins(tmp_path: Path) -> None:
    said = await run_server("epoch", "--data", tmp_path)
    assert said.status == 2
    assert "Say --new" in said.stderr
