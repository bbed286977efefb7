"""Loss and restore as an operator and a client meet them: real processes, one data directory."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from tests.support.process import ServerProcess, open_process, run_server
from tests.support.raw import open_v1
from trio_chat.ops.stores import DATABASE

if TYPE_CHECKING:
    from pathlib import Path


async def say(server: ServerProcess, *texts: str) -> dict[str, Any]:
    """Somebody new says these, and hears that they are in the log; where that person then stands."""
    async with open_v1(server.port) as (peer, _, joined):
        seq = joined["head"]
        for text in texts:
            await peer.say(type="send", id=f"c{seq}", room="lobby", text=text)
            while (told := await peer.hear("message"))["text"] != text:
                pass
            seq = (await peer.hear("ack"))["seq"]
            assert told["seq"] == seq
        return {"after": seq, "epoch": joined["epoch"], "proof": told["proof"]}


async def come_back(server: ServerProcess, cursor: dict[str, Any]) -> dict[str, Any]:
    """The answer to somebody who comes back with this cursor."""
    async with open_v1(server.port, **cursor) as (_, _, joined):
        return joined


async def test_a_client_shows_the_loss_of_events_that_the_mark_does_not(tmp_path: Path) -> None:
    """Who has the proof of a lost event begins a new epoch; who only says so does not."""
    database, aside = tmp_path / DATABASE, tmp_path / "aside.db"
    async with open_process(tmp_path) as server:
        await say(server, "a", "b")
        await stop(server)
    aside.write_bytes(database.read_bytes())
    async with open_process(tmp_path) as server:
        cursor = await say(server, "c", "d")
        await stop(server)
    aside.replace(database)
    (tmp_path / f"{DATABASE}.mark").unlink()
    async with open_process(tmp_path) as server, open_v1(server.port) as (bystander, _, joined):
        assert (joined["head"], joined["epoch"]) == (2, cursor["epoch"]), (
            "nothing shows that events are missing"
        )
        for proof in (None, joined["proof"]):
            answer = await come_back(server, cursor | {"proof": proof})
            assert (answer["reset"], answer["epoch"]) == (True, cursor["epoch"])
        answer = await come_back(server, cursor)
        assert answer["reset"] is True
        assert answer["epoch"] != cursor["epoch"]
        assert await bystander.receive_close_code() == 4002
        assert (await come_back(server, cursor | {"after": 2}))["epoch"] == answer["epoch"]
        await server.kill()
        stderr = (await server.wait()).stderr
        assert stderr.count("THE LOG LOST EVENTS") == 1
        assert "has seen number 4 of the room lobby, which ends at 2, and has the proof" in stderr


async def stop(server: ServerProcess) -> None:
    """Stop it in order: all is in the one file then."""
    server.signal(signal.SIGTERM)
    assert (await server.wait()).status == 0


def cut(file: Path) -> None:
    """Take a third off the end of a file."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 2 // 3])


async def test_lost_events_are_reported_and_clients_that_saw_them_are_reset(
    tmp_path: Path,
) -> None:
    async with open_process(tmp_path) as server:
        cursor = await say(server, *(f"{n} " + "x" * 2000 for n in range(8)))
        assert not (await come_back(server, cursor))["reset"]
        await server.kill()
    assert (await run_server("verify", "--data", tmp_path)).status == 0
    cut(tmp_path / f"{DATABASE}-wal")
    checked = await run_server("verify", "--data", tmp_path)
    assert checked.status == 1
    assert "the log ends too early: it held 8 events" in checked.stdout
    async with open_process(tmp_path) as server:
        back = await come_back(server, cursor)
        assert back["reset"] is True
        assert back["epoch"] != cursor["epoch"]
        assert 0 < back["head"] < 8
        await server.kill()
        assert "error trio_chat.store.sqlite.epochs THE LOG LOST EVENTS" in (await server.wait()).stderr
    assert (await run_server("verify", "--data", tmp_path)).status == 0


async def test_a_restored_backup_resets_the_clients_that_saw_more(
    tmp_path: Path,
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with open_process(data) as server:
        await say(server, "a", "b")
        made = await run_server("backup", copy, "--data", data)
        assert (made.status, made.stdout) == (0, f"2 events are in {copy}.\n")
        cursor = await say(server, "after the backup")
        await server.kill()
    assert (await run_server("verify", copy)).status == 0
    restored = tmp_path / "restored"
    restored.mkdir()
    copy.rename(restored / DATABASE)
    async with open_process(restored) as server:
        back = await come_back(server, cursor)
        assert (back["reset"], back["head"]) == (True, 2)
        await say(server, "c")
        assert (await come_back(server, cursor))["reset"] is True, "number 3 is another now"
        await server.kill()
