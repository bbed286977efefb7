"""docs/protocol.md says what the program does: its frames, its codes, its closes, its limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from trio_chat import errors
from trio_chat.config.config import Config
from trio_chat.errors import Close
from trio_chat.gateways.v1.handlers import DECODER
from trio_chat.protocol import commands, replies
from trio_chat.protocol.encoding import encode_frame

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "protocol.md").read_text()

COMMANDS = DECODER.by_type
ANSWERS: dict[str, Any] = {struct.__struct_config__.tag: struct for struct in get_args(replies.Answer)}


def blocks(language: str) -> list[str]:
    """The code blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)\n```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("json client"))
def test_what_clients_say_is_understood(block: str) -> None:
    said = json.loads(block)
    command = DECODER.decode(block)
    assert type(command) is COMMANDS[said["type"]]
    understood = msgspec.to_builtins(command)
    assert understood | said == said, "nothing was made up (what stands at its default is left out)"
    assert DECODER.decode(json.dumps(understood)) == command


@pytest.mark.parametrize("block", blocks("json server"))
def test_what_the_server_says_is_said_just_so(block: str) -> None:
    client = Connection(ConnectionType.CLIENT)
    answer = msgspec.json.decode(block, type=ANSWERS[json.loads(block)["type"]])
    client.receive_data(encode_frame(answer))
    (frame,) = client.events()
    assert isinstance(frame, TextMessage)
    assert json.loads(frame.data) == json.loads(block)
    assert list(json.loads(frame.data)) == list(json.loads(block)), "the fields come in the documented order"


def test_every_frame_has_an_example() -> None:
    assert {json.loads(block)["type"] for block in blocks("json client")} == set(COMMANDS)
    assert {json.loads(block)["type"] for block in blocks("json server")} == set(ANSWERS)


def test_the_plain_side_is_shown_as_a_page_uses_it() -> None:
    (example,) = blocks("js")
    assert 'new WebSocket("ws://localhost:8080")' in example
    assert "onmessage" in example
    assert ".send(" in example


def test_the_codes_of_refusals_are_those_of_the_source() -> None:
    table = TEXT.partition("### Errors")[2].partition("What breaks the protocol")[0]
    documented = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    sources = "".join(
        path.read_text() for path in (ROOT / "trio_chat").rglob("*.py") if "client" not in path.parent.name
    )
    raised = set(re.findall(r'\bRefused\(\s*"(\w+)"', sources))
    assert sorted(documented) == sorted(raised)


def test_the_codes_of_closes_are_those_of_the_registry() -> None:
    registry = [
        close for close in vars(errors).values() if isinstance(close, Close) and close != errors.NORMAL
    ]
    table = TEXT.partition("What breaks the protocol")[2].partition("Codes from 4000")[0]
    documented = dict(re.findall(r"^\| (\d{4}) \|.*\| (yes|no)\b[^|]*\|$", table, re.MULTILINE))
    assert documented == {str(close.code): "yes" if close.come_back else "no" for close in registry}
    for close in registry:
        assert len(close.reason.encode()) <= 123, "RFC 6455 section 5.5: it must fit a control frame"
        assert close.code < 4000 or close.come_back == (close.code < 4500)


def test_the_limits_are_those_of_the_configuration() -> None:
    config = Config()
    assert TEXT.count(f"{config.max_text_chars:,} characters") == 2
    assert f"more than {config.max_message_bytes // 1024} KiB" in TEXT
    assert f"{config.max_gap:,} events" in TEXT
    assert f"({commands.History('c', 'r', 1).limit} if left out, 200 at most)" in TEXT
