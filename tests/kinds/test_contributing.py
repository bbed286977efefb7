"""The worked example of CONTRIBUTING.md is a kind of event that works."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from trio_chat.kinds.forms import EventCommand
from trio_chat.model.events import Event, Person
from trio_chat.protocol.commands import CommandDecoder

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()

IMPORTS = """
from __future__ import annotations
from typing import Annotated, Final
import msgspec
from trio_chat.kinds.facts import Facts, check_is_message
from trio_chat.kinds.forms import Body, ChangeFrame, EventCommand, Number, write_body
from trio_chat.kinds.kind import Kind
from trio_chat.model.events import Person
"""


@pytest.fixture
def votes(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """The module of the example."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    module = ModuleType("votes")
    monkeypatch.setitem(sys.modules, "votes", module)  # where msgspec looks for the types of fields
    exec(IMPORTS + example, module.__dict__)
    return module


def test_the_example_of_a_kind_goes_from_the_command_to_the_log_and_to_the_frame(votes: Any) -> None:  # noqa: ANN401
    (kind,) = votes.KINDS
    command = CommandDecoder([kind.command]).decode(
        '{"type":"vote","id":"c1","room":"lobby","seq":3,"choice":2}'
    )
    assert isinstance(command, EventCommand)
    name, body = command.event(Person("p-1", "Ada"))
    assert (name, body) == ("vote", '{"target":3,"choice":2}')
    assert kind.change_key("p-1", kind.read(body)) == (3, "vote:p-1")
    told = msgspec.to_builtins(kind.to_frame(Event("lobby", 4, name, "p-1", "Ada", "c1", 0, body, b"")))
    assert told == {
        "type": "vote",
        "room": "lobby",
        "seq": 4,
        "id": "c1",
        "from": "p-1",
        "name": "Ada",
        "at": "1970-01-01T00:00:00.000Z",
        "target": 3,
        "choice": 2,
    }
