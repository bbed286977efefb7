"""What a v1 client may do next, and each code that it is told when it may not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio.testing

from tests.support.core import open_core, seqs_of
from trio_chat import __version__
from trio_chat.errors import INTERNAL_ERROR, Refused
from trio_chat.gateways.v1.handlers import DECODER
from trio_chat.gateways.v1.session import Session
from trio_chat.kinds.files import FileToSend
from trio_chat.kinds.messages import EditCommand, Send
from trio_chat.model.events import Person
from trio_chat.net.limits import TokenBucket
from trio_chat.protocol import commands

if TYPE_CHECKING:
    from trio.testing import MockClock

    from trio_chat.kinds.forms import Command

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"

HELLO = commands.Hello(name="Ada")
JOIN = commands.Join(id="c1", room="lobby")
SEND = Send(id="c2", room="lobby", text="hi")
COMMANDS: tuple[Command, ...] = (
    JOIN,
    SEND,
    commands.Leave(id="c3", room="lobby"),
    commands.History(id="c4", room="lobby", before=9),
    commands.Rename(id="c5", name="Bob"),
    commands.Pinging(id="c6"),
)


def make_session(
    *rooms: str, rate: float = 0, burst: int = 0, max_rooms: int = 0, greeted: bool = True
) -> Session:
    """A session, by default after hello."""
    session = Session(TokenBucket(rate, burst), rooms=rooms, max_text_chars=10, max_rooms=max_rooms)
    if greeted:
        session.person = Person("p-1", "Ada")
    return session


def refusal(session: Session, command: Command, now: float = 0) -> str:
    """The code with which this is refused."""
    with pytest.raises(Refused) as caught:
        session.admit(command, now)
    return caught.value.code


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_hello_comes_first(command: Command) -> None:
    assert refusal(make_session(greeted=False), command) == "hello_first"


def test_hello_comes_once_but_as_often_as_it_takes() -> None:
    session = make_session(greeted=False)
    assert session.admit(HELLO, 0) == HELLO
    assert session.admit(HELLO, 0) == HELLO
    session.person = Person("p-1", "Ada")
    assert refusal(session, HELLO) == "already_greeted"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_who_said_hello_and_joined_may_do_everything(command: Command) -> None:
    assert make_session("lobby").admit(command, 0) == command


@pytest.mark.parametrize("command_id", ["", "x" * 65, "line\nbreak", "\0", "\u200b"])
def test_every_command_needs_a_proper_id(command_id: str) -> None:
    assert refusal(make_session(), commands.Pinging(id=command_id)) == "bad_id"


def test_a_rooms_name_is_made_normal_before_it_is_compared() -> None:
    session = make_session("garden")
    assert session.admit(Send(id="c1", room="GARDEN", text="hi"), 0) == Send("c1", "garden", "hi")
    assert refusal(session, commands.Join(id="c1", room="no spaces")) == "bad_room"


def test_rooms_must_be_joined_before_they_are_used() -> None:
    session = make_session()
    for command in COMMANDS[1:4]:
        assert refusal(session, command) == "not_joined"


def test_joining_again_takes_no_more_room() -> None:
    session = make_session("lobby", "garden", max_rooms=2)
    assert session.admit(JOIN, 0) == JOIN
    assert refusal(session, commands.Join(id="c1", room="cellar")) == "too_many_rooms"


def test_a_text_has_something_in_it_and_not_too_much() -> None:
    session = make_session("lobby")
    assert refusal(session, Send(id="c1", room="lobby", text="x" * 11)) == "too_long"
    assert refusal(session, Send(id="c1", room="lobby", text=" \u200b\n")) == "empty"
    assert refusal(session, EditCommand(id="c1", room="lobby", seq=1, text="x" * 11)) == "too_long"
    with_file = Send(id="c1", room="lobby", text="", files=(FileToSend("u-1"),))
    assert session.admit(with_file, 0) == with_file
    assert (
        refusal(session, Send(id="c1", room="lobby", text="x" * 11, files=(FileToSend("u-1"),))) == "too_long"
    )
    emptied = EditCommand(id="c1", room="lobby", seq=1, text="")
    assert session.admit(emptied, 0) == emptied  # the message may have files: the rules know


def test_everything_counts_for_the_rate_and_who_waits_as_told_gets_on() -> None:
    session = make_session(rate=1, burst=2)
    session.admit(commands.Pinging(id="c1"), 0)
    assert refusal(session, commands.Pinging(id="")) == "bad_id"
    with pytest.raises(Refused) as caught:
        session.admit(commands.Pinging(id="c2"), 0)
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after_s is not None
    session.admit(commands.Pinging(id="c2"), caught.value.retry_after_s)


# Over the wire: each code of the protocol, the id it comes with, and that the connection lives

Frame = dict[str, Any]
SEND_LOBBY: Frame = {"type": "send", "id": "x", "room": "lobby", "text": "hi"}

REFUSED: dict[str, Frame] = {
    "name_taken": {"type": "rename", "id": "x", "name": "bob"},
    "bad_name": {"type": "rename", "id": "x", "name": ""},
    "already_greeted": {"type": "hello"},
    "bad_room": {"type": "join", "id": "x", "room": "no spaces"},
    "not_joined": SEND_LOBBY | {"room": "cellar"},
    "too_many_rooms": {"type": "join", "id": "x", "room": "cellar"},
    "too_long": SEND_LOBBY | {"text": "x" * 4001},
    "empty": SEND_LOBBY | {"text": " "},
    "bad_id": SEND_LOBBY | {"id": "x" * 65},
    "id_conflict": SEND_LOBBY | {"id": "used before"},
    "bad_field": SEND_LOBBY | {"text": 7},
}
OTHERWISE_TESTED = {"hello_first", "unknown_token", "rate_limited", "unavailable"}


@pytest.mark.parametrize(("code", "frame"), REFUSED.items(), ids=REFUSED)
async def test_what_is_refused_is_answered_and_the_connection_lives(
    code: str, frame: Frame, autojump_clock: MockClock
) -> None:
    async with open_core(max_rooms_per_connection=1) as core:
        await core.open_person("Bob")
        ada = await core.open_person("Ada")
        await ada.tell("send", id="used before", room="lobby", text="for something else")
        await ada.hear_frames()
        answer = await ada.ask(frame["type"], **{key: frame[key] for key in frame if key != "type"})
        assert (answer["type"], answer["code"]) == ("error", code)
        assert answer.get("id") == frame.get("id")
        assert answer["message"].endswith(".")
        assert (await ada.ask("ping", id="y"))["type"] == "pong"


async def test_the_connection_lives_whatever_is_said_before_a_hello_that_is_welcome(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        await core.open_person("Ada")
        client = await core.open_v1()
        assert (await client.ask("ping"))["code"] == "hello_first"
        assert (await client.ask("hello", token="nobody's"))["code"] == "unknown_token"
        assert (await client.ask("hello", name="ADA"))["code"] == "name_taken"
        assert (await client.ask("hello", name="x" * 41))["code"] == "bad_name"
        welcome = await client.ask("hello")
        assert welcome["type"] == "welcome"
        assert welcome["rooms"] == [{"room": "lobby", "head": 0, "epoch": core.lobby.epoch}]
        again = await core.open_v1()
        back = await again.ask("hello", token=welcome["token"])
        assert back["user"] == welcome["user"]
        assert "token" not in back


async def test_who_is_too_fast_is_told_how_long_to_wait_and_is_served_after_it(
    autojump_clock: MockClock,
) -> None:
    async with open_core(messages_per_second=2.0, burst=4) as core:
        ada = await core.open_person("Ada")
        answers = [await ada.ask("ping") for _ in range(3)]
        assert [answer["type"] for answer in answers] == ["pong", "pong", "error"]
        assert answers[2]["code"] == "rate_limited"
        await trio.sleep(answers[2]["retry_after"])
        assert (await ada.ask("ping"))["type"] == "pong"


async def test_while_the_log_cannot_be_used_one_is_told_and_afterwards_the_same_id_works(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada, bob = await core.open_person("Ada"), await core.open_person("Bob")
        with core.store.unavailable():
            for kind, fields in (
                ("send", {"room": "lobby", "text": "once"}),
                ("history", {"room": "lobby", "before": 9}),
                ("rename", {"name": "Ada L."}),
                ("join", {"room": "garden"}),
            ):
                answer = await ada.ask(kind, id="c9", **fields)
                assert (answer["type"], answer["code"], answer["id"]) == ("error", "unavailable", "c9")
                assert answer["retry_after"] > 0
        assert await bob.hear_frames() == []
        await ada.tell("send", id="c9", room="lobby", text="once")
        assert seqs_of(await bob.hear_frames()) == [1]


def test_every_code_of_the_protocol_is_tested() -> None:
    section = PROTOCOL.read_text().partition("### Errors")[2].partition("What breaks the protocol")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    elsewhere = {
        code
        for module in Path(__file__).parents[1].rglob("test_*.py")
        for code in re.findall(r'"(\w+)"', module.read_text())
        if module != Path(__file__)
    }
    assert set(REFUSED) | OTHERWISE_TESTED <= documented
    assert documented <= set(REFUSED) | OTHERWISE_TESTED | elsewhere


async def test_the_welcome_says_what_the_server_is_and_can(autojump_clock: MockClock) -> None:
    async with open_core(max_text_chars=9, max_message_bytes=999, messages_per_second=2.5) as core:
        welcome = await (await core.open_v1()).ask("hello", name="Ada")
        about = welcome["about"]
        assert about["version"] == __version__
        assert about["limits"] == {
            "text_chars": 9,
            "message_bytes": 999,
            "rooms": core.hub.config.max_rooms_per_connection,
            "commands_per_second": 2.5,
            "commands_at_once": core.hub.config.burst,
            "events_behind": core.hub.config.max_gap,
            "file_bytes": 100 * 1024**2,
            "files": 10,
            "files_left": 1024**3,
        }
        assert set(about["commands"]) == set(DECODER.by_type)
        assert len(json.dumps(about)) < 1_500


async def test_an_error_names_its_command_by_the_id_or_by_the_type(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        client = await core.open_v1()
        said = {
            '{"type":"vote","id":"v1"}': {"id": "v1", "code": "unknown_type"},
            '{"type":"vote"}': {"command": "vote", "code": "unknown_type"},
            '{"type":"ping","id":7}': {"command": "ping", "code": "bad_id"},
            '{"type":"typing","room":"garden"}': {"command": "typing", "code": "hello_first"},
            '{"type":"hello","name":""}': {"command": "hello", "code": "bad_name"},
        }
        for text, expected in said.items():
            await client.say(text)
            error = json.loads(await client.hear())
            assert {key: error.get(key) for key in ("id", "command", "code")} == {
                "id": None,
                "command": None,
                **expected,
            }
        assert (await client.ask("hello", name="Ada"))["type"] == "welcome"


async def test_nothing_is_answered_once_the_connection_is_to_end(autojump_clock: MockClock) -> None:
    """The room of a connection that ends may have failed: it is not gone, and who has joined it is not outside."""
    async with open_core() as core:
        ada = await core.open_person("Ada")
        ada.tap.stall()
        asked = await ada.tell("ping")
        await trio.testing.wait_all_tasks_blocked()
        core.lobby.disconnect_all(INTERNAL_ERROR)
        await ada.tell("history", room="garden", before=9)
        await trio.testing.wait_all_tasks_blocked()
        ada.tap.flow()
        assert [(frame["type"], frame["id"]) for frame in await ada.hear_frames()] == [("pong", asked)]
        assert await ada.hear_close() == INTERNAL_ERROR.code


async def test_who_says_only_what_is_unknown_is_slowed_down(autojump_clock: MockClock) -> None:
    async with open_core(messages_per_second=2.0, burst=3) as core:
        client = await core.open_v1()
        for _ in range(9):
            await client.say('{"type":"vote"}')
        codes = [json.loads(text)["code"] for text in await client.hear_rest()]
        assert codes[:3] == ["unknown_type"] * 3
        assert "rate_limited" in codes[3:]
