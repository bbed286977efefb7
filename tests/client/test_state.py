"""The file in which a program keeps who it is: so it is the same person whenever it starts."""

# ruff: noqa: ASYNC240  # nothing else runs while these look at files

from __future__ import annotations

import json
import os
import stat
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.support.serving import open_server
from tests.support.tls import make_authority
from trio_chat.client import CannotConnect, Refused, StateError, open_chat
from trio_chat.server.certificates import Certificates

ROOT = Path(__file__).parents[2]


ANOTHER_PROGRAM = """
import pathlib, sys, trio_chat.client.state
with trio_chat.client.state.open_state(pathlib.Path(sys.argv[1])):
    pass
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ada.json"


async def test_a_program_that_is_started_again_is_the_same_person(path: Path) -> None:
    async with open_server() as serving:
        url = f"ws://127.0.0.1:{serving.port}"
        async with open_chat(url, name="Ada", state=path) as chat:
            ada = chat.user
        for name in ("Ada", "Somebody", None):
            async with open_chat(url, name=name, state=str(path)) as chat:
                assert chat.user == ada
        kept = json.loads(path.read_bytes())
        assert (kept["server"], kept["person"], kept["token"]) == (chat.server_id, ada.id, chat.token)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == ["ada.json", "ada.json.lock"]


async def test_the_token_is_kept_before_the_block_begins(path: Path) -> None:
    async with open_server() as serving:
        url = f"ws://127.0.0.1:{serving.port}"
        with pytest.raises(Refused):
            async with open_chat(url, name="Ada", state=path, rooms=("no room!",)):
                pass
        async with open_chat(url, state=path) as chat:
            assert chat.user.name == "Ada"


async def test_a_token_of_before_goes_into_the_file(path: Path) -> None:
    async with open_server() as serving:
        url = f"ws://127.0.0.1:{serving.port}"
        async with open_chat(url, name="Ada") as chat:
            ada, token = chat.user, chat.token
        async with open_chat(url, token=token, state=path) as chat:
            assert chat.user == ada
        async with open_chat(url, state=path) as chat:
            assert chat.user == ada


async def test_two_programs_cannot_use_one_file(path: Path) -> None:
    async with open_server() as serving:
        url = f"ws://127.0.0.1:{serving.port}"
        async with open_chat(url, name="Ada", state=path):
            with pytest.raises(StateError, match="in use by another program"):
                async with open_chat(url, name="Ada", state=path):
                    pass
            done = await trio.run_process(
                [sys.executable, "-c", ANOTHER_PROGRAM, str(path)],
                capture_stderr=True,
                check=False,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
            assert b"in use by another program" in done.stderr
        async with open_chat(url, state=path):
            pass


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"7", b"my diary", b"\xff", b'{"token": 7}', b'{"token": ""}']
)
async def test_a_file_that_is_something_else_is_left_as_it_is(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(StateError, match="holds no state of a chat"):
        async with open_chat("ws://127.0.0.1:1", name="Ada", state=path):
            pass
    assert path.read_bytes() == content


async def test_where_nothing_can_be_kept_nobody_is_made(path: Path) -> None:
    (path.parent / "folder").mkdir()
    async with open_server() as serving:
        url = f"ws://127.0.0.1:{serving.port}"
        for place in (path / "there" / "ada.json", path.parent / "folder"):
            with pytest.raises(StateError, match=r"cannot be kept in|holds no state"):
                async with open_chat(url, name="Ada", state=place):
                    pass
        async with open_chat(url, name="Ada"):
            pass  # the name is free


async def test_a_server_that_is_not_there_leaves_no_state(path: Path) -> None:
    with pytest.raises(CannotConnect):
        async with open_chat("ws://127.0.0.1:1", name="Ada", state=path):
            pass
    assert not path.exists()


async def test_the_file_and_a_keeper_of_ones_own_exclude_each_other(path: Path) -> None:
    with pytest.raises(ValueError, match="leave on_token= out"):
        async with open_chat("ws://127.0.0.1:1", state=path, on_token=lambda server, token: None):
            pass


async def test_a_certificate_of_ones_own_authority_is_trusted_by_a_context(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    certificates = Certificates(authority.certificate, authority.key)
    async with open_server(certificates) as serving:
        opened = partial(open_chat, f"wss://127.0.0.1:{serving.port}", name="Ada")
        async with opened(ssl_context=authority.client_context()) as chat:
            assert chat.user.name == "Ada"
        with pytest.raises(CannotConnect, match="certificate verify failed"):
            async with opened(name="Bob"):
                pass
