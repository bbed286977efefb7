"""A backup of a server in use, put in place of another one: files are byte for byte what was sent."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import trio

from tests.support.process import PATIENCE_S, open_process, run_server
from trio_chat.client import Message, open_chat

if TYPE_CHECKING:
    from pathlib import Path


async def test_files_come_back_from_a_backup_byte_for_byte(tmp_path: Path) -> None:
    data, copy, restored = tmp_path / "data", tmp_path / "copy", tmp_path / "restored"
    copy.mkdir()
    contents = [os.urandom(300_000), b"a text", b""]
    with trio.fail_after(2 * PATIENCE_S):
        async with (
            open_process(data) as server,
            open_chat(f"ws://127.0.0.1:{server.port}", name="Ada") as ada,
        ):
            await ada.send("lobby", "kept", files=contents)
            gone = await ada.send("lobby", "deleted", files=[b"secret"])
            await ada.delete("lobby", gone)
            made = await run_server("backup", copy / "chat.db", "--data", data)
            assert made.status == 0, made
            assert (await run_server("verify", copy / "chat.db")).status == 0
            token = ada.token
        shutil.copytree(copy, restored)
        async with (
            open_process(restored) as server,
            open_chat(f"ws://127.0.0.1:{server.port}", token=token) as ada,
        ):
            event = await anext(ada)
            assert isinstance(event, Message)
            for n, content in enumerate(contents):
                await ada.save(event, tmp_path / "file", n)
                assert (tmp_path / "file").read_bytes() == content
        verified = await run_server("verify", "--data", restored)
        assert verified.status == 0
        assert "All files are whole: 3" in verified.stdout
