"""The examples of HTTP in docs/protocol.md: each request is made, and what its answer shows is what comes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from tests.support.files import NO_LIMITS, open_file_server
from tests.support.raw import open_raw
from trio_chat.model.files import Upload

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")

UPLOAD = "u-5kQ0b1XgTz8mWq2RhYcV4A"

TOKEN = "5kQ0b1XgTz8mWq2RhYcV4A7pLd3sNf9e"

RANDOM_ID = re.compile(r"u-[A-Za-z0-9_-]{22}")


class Message(NamedTuple):
    """A request or an answer: its first line, its fields and its body."""

    first: str
    fields: dict[str, str]
    body: str

    @classmethod
    def of(cls, text: str) -> Message:
        head, _, body = text.partition("\n\n")
        first, *lines = head.split("\n")
        pairs = (line.partition(": ") for line in lines)
        return cls(first, {name.lower(): value for name, _, value in pairs}, body)


def examples() -> list[tuple[Message, Message]]:
    """Requests, each with its answer."""
    blocks = [Message.of(block) for block in re.findall(r"```http\n(.*?)\n```", TEXT, re.DOTALL)]
    return list(zip(blocks[::2], blocks[1::2], strict=True))


async def _ask(port: int, request: Message, token: str) -> Message:
    fields = {"connection": "close", **request.fields}
    if "authorization" in fields:
        assert fields["authorization"] == f"Bearer {TOKEN}"
        fields["authorization"] = f"Bearer {token}"
    lines = [request.first, *(f"{name}: {value}" for name, value in fields.items()), "", request.body]
    async with open_raw(port) as peer:
        await peer.send("\r\n".join(lines).encode())
        return Message.of((await peer.receive_to_the_end()).decode().replace("\r\n", "\n"))


async def test_every_example_is_answered_as_it_says(tmp_path: Path) -> None:
    async with open_file_server(tmp_path) as files:
        ada = await files.person("Ada")
        wanted = Upload(UPLOAD, ada.id, "lobby", "c76", "kite.txt", 10)
        await files.serving.store.begin_upload(wanted, limits=NO_LIMITS, at_ms=files.now_ms())
        is_sent = False
        for request, expected in examples():
            if request.first.startswith("GET /files/lobby/1/0/") and not is_sent:
                is_sent = await files.send(ada, UPLOAD) == 1
            answer = await _ask(files.port, request, ada.token)
            assert answer.first == expected.first, request
            assert answer.fields.items() >= expected.fields.items(), request
            if expected.fields.get("content-type") == "application/json":
                said, told = (json.loads(RANDOM_ID.sub("u-", message.body)) for message in (answer, expected))
                assert said == told
            else:
                assert answer.body == expected.body
    assert is_sent
    assert len(examples()) > 5
