"""The codec: whatever comes in is a command, refused, or against the protocol; and what goes out is exact."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

from trio_chat.errors import GOING_AWAY, TOO_BIG, Refused, RemoteProtocolError
from trio_chat.gateways import plain
from trio_chat.gateways.v1 import encoding as v1
from trio_chat.gateways.v1.handlers import DECODER
from trio_chat.kinds.messages import Send
from trio_chat.model.events import Event
from trio_chat.model.proofs import Prover
from trio_chat.net.websocket_frames import encode_close, encode_ping
from trio_chat.protocol import commands, replies
from trio_chat.protocol.encoding import encode_frame

EVENT = Event("lobby", 119, "message", "p-1", "Ada", "c2", 1_795_381_200_123, "hi", b"\0" * 32)

PROVER = Prover(b"key", "lobby", "e1")


def read(data: bytes) -> list[object]:
    """What a client's library makes of the server's frames."""
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(data)
    return list(client.events())


def code_for(text: str) -> int:
    """The close code that this frame brings."""
    with pytest.raises(RemoteProtocolError) as caught:
        DECODER.decode(text)
    return caught.value.close.code


# What comes in


def test_optional_fields_may_be_left_out_or_null() -> None:
    assert DECODER.decode('{"type":"hello"}') == commands.Hello()
    assert DECODER.decode('{"type":"hello","name":null}') == commands.Hello()
    assert DECODER.decode('{"type":"join","id":"c1","room":"lobby"}') == commands.Join("c1", "lobby")
    assert DECODER.decode('{"type":"history","id":"c1","room":"lobby","before":9}') == commands.History(
        "c1", "lobby", 9
    )


def test_unknown_keys_are_ignored_so_that_newer_clients_can_talk_to_older_servers() -> None:
    assert DECODER.decode('{"mood":["good"],"type":"ping","id":"c1"}') == commands.Pinging("c1")


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert DECODER.decode('{"type":"ping","id":"a","id":"b"}') == commands.Pinging("b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        '{"type":"ping","id":"c1"',
        '{"type":"ping","id":"c1"}}',
        '{"type":"ping","id":"c1"}{"type":"ping","id":"c2"}',
        "{'type':'ping','id':'c1'}",
        '{"type":"ping","id":"c1",}',
        '{"type":"ping","id":NaN}',
        '{"type":"ping","id":"line\nbreak"}',
        "[]",
        '[{"type":"ping","id":"c1"}]',
        "null",
        "7",
        '"ping"',
        "[" * 60_000,
        "[" * 30_000 + "]" * 30_000,
        '{"type":"ping","id":' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"x":' * 10_000 + "1" + "}" * 10_000,
        '{"type":"ping","id":"c1","deep":' + "[" * 30_000 + "]" * 30_000 + "}",
    ],
)
def test_a_frame_that_is_no_json_object_ends_the_connection_with_1007(text: str) -> None:
    assert code_for(text) == 1007


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"id":"c1"}',
        '{"type":"shout","id":"c1"}',
        '{"type":null}',
        '{"type":7}',
        '{"type":["ping"]}',
        '{"type":"Send","id":"c1","room":"lobby","text":"hi"}',
        json.dumps({"type": "x" * 60_000, "id": "c1"}),
    ],
)
def test_an_unknown_type_of_frame_is_refused_with_its_id_and_its_type(text: str) -> None:
    """It may be of a newer client: it is told, and stays."""
    said = json.loads(text)
    with pytest.raises(Refused) as caught:
        DECODER.decode(text)
    refused = caught.value
    assert (refused.code, refused.command_id) == ("unknown_type", said.get("id"))
    assert refused.command == (said["type"][:64] if isinstance(said.get("type"), str) else None)
    assert len(refused.message) < 300


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "send"},
        {"type": "send", "room": "lobby"},
        {"type": "send", "room": "lobby", "text": 7},
        {"type": "send", "room": "lobby", "text": None},
        {"type": "join", "room": ["lobby"]},
        {"type": "join", "room": "lobby", "after": -1},
        {"type": "join", "room": "lobby", "after": 1.5},
        {"type": "join", "room": "lobby", "after": "7"},
        {"type": "join", "room": "lobby", "after": 2**63},
        {"type": "join", "room": "lobby", "after": 10**4000},
        {"type": "history", "room": "lobby", "before": 0},
        {"type": "history", "room": "lobby", "before": 9, "limit": 0},
        {"type": "history", "room": "lobby", "before": 9, "limit": 201},
        {"type": "history", "room": "lobby", "before": True},
        {"type": "rename", "name": {}},
    ],
)
def test_a_field_that_is_wrong_is_refused_with_the_commands_id(fields: dict[str, object]) -> None:
    monster = fields.get("after") == 10**4000
    text = json.dumps({"id": "c9", **fields, **({"after": 0} if monster else {})})
    if monster:  # json.dumps will not write it
        text = text.replace('"after": 0', '"after": 1' + "0" * 4000)
    with pytest.raises(Refused) as caught:
        DECODER.decode(text)
    assert (caught.value.code, caught.value.command_id) == ("bad_field", "c9")
    assert str(fields["type"]) in caught.value.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('{"type":"ping","id":7}', 'such as "7"'),
        ('{"type":"ping","id":-7}', 'such as "-7"'),
        ('{"type":"ping","id":' + "9" * 4000 + "}", "must be a text."),
        ('{"type":"ping","id":true}', "must be a text."),
        ('{"type":"ping","id":1.5}', "must be a text."),
        ('{"type":"ping","id":{"a":1}}', "must be a text."),
        ('{"type":"ping","id":null}', "must be a text."),
        ('{"type":"ping"}', 'needs an "id"'),
        ('{"type":"ping","id":7,"room":7}', 'such as "7"'),
        ('{"type":"typing","room":"lobby","id":7}', 'such as "7"'),
    ],
)
def test_an_id_that_is_none_cannot_be_answered_with_but_the_command_is_named(text: str, hint: str) -> None:
    with pytest.raises(Refused) as caught:
        DECODER.decode(text)
    refused = caught.value
    assert refused.command_id is None
    assert (refused.code, refused.command) == ("bad_id", json.loads(text)["type"])
    assert hint in refused.message
    assert str(refused.command) in refused.message


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00", r"\ud83d", r"\ud83dx", r"\udc00\ud800"])
def test_half_a_surrogate_pair_never_gets_in(escape: str) -> None:
    """It is no character, has no UTF-8 form, and could neither be logged nor sent to anybody."""
    assert code_for('{"type":"send","id":"c1","room":"lobby","text":"%s"}' % escape) == 1007  # noqa: UP031


def test_a_whole_surrogate_pair_is_a_character() -> None:
    command = DECODER.decode(r'{"type":"send","id":"c1","room":"lobby","text":"\ud83d\ude00"}')
    assert command == Send("c1", "lobby", "😀")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FRAMES = st.dictionaries(
    st.sampled_from(["type", "id", "room", "text", "name", "token", "after", "epoch", "before", "limit"]),
    st.sampled_from(["hello", "join", "leave", "send", "history", "rename", "ping"]) | JSON,
)


@given(st.text() | JSON.map(json.dumps) | FRAMES.map(json.dumps))
def test_any_text_at_all_is_a_command_or_refused_or_against_the_protocol(text: str) -> None:
    assert outcome(text) in {"a command", "bad_field", "bad_id", "unknown_type", 1007}


def outcome(text: str) -> str | int:
    """What becomes of a frame."""
    try:
        DECODER.decode(text)
    except Refused as refused:
        return refused.code
    except RemoteProtocolError as error:
        return error.close.code
    return "a command"


# What goes out


def test_an_event_is_told_in_each_format() -> None:
    assert read(plain.encode_event(EVENT, PROVER)) == [TextMessage(data="hi")]
    (frame,) = read(v1.encode_event(EVENT, PROVER))
    assert isinstance(frame, TextMessage)
    assert json.loads(frame.data) == {
        "type": "message",
        "room": "lobby",
        "seq": 119,
        "id": "c2",
        "from": "p-1",
        "name": "Ada",
        "text": "hi",
        "at": "2026-11-22T21:00:00.123Z",
        "proof": PROVER.prove(119),
    }


def test_what_is_not_there_is_left_out() -> None:
    (frame,) = read(encode_frame(replies.Failure(code="empty", message="…")))
    assert isinstance(frame, TextMessage)
    assert json.loads(frame.data) == {"type": "error", "code": "empty", "message": "…"}


def test_frames_can_be_put_end_to_end() -> None:
    texts = ["short", "x" * 200, "y" * 70_000, ""]
    frames = b"".join(
        plain.encode_event(Event("lobby", 1, "message", "p", "P", None, 0, text, b""), PROVER)
        for text in texts
    )
    heard, text = [], ""
    for event in read(frames):
        assert isinstance(event, TextMessage)
        text += event.data
        if event.message_finished:
            heard.append(text)
            text = ""
    assert heard == texts


@given(st.text(max_size=300))
def test_a_text_comes_out_as_it_went_in(body: str) -> None:
    event = Event("lobby", 1, "message", "p", "P", None, 0, body, b"")
    as_text, as_json = read(plain.encode_event(event, PROVER) + v1.encode_event(event, PROVER))
    assert isinstance(as_text, TextMessage)
    assert as_text.data == body
    assert isinstance(as_json, TextMessage)
    assert json.loads(as_json.data)["text"] == body


def test_control_frames_are_made_without_a_memory_of_the_one_before() -> None:
    for _ in range(2):
        assert read(encode_ping()) == [Ping(payload=b"")]
        assert read(encode_close(GOING_AWAY)) == [CloseConnection(code=1001, reason=GOING_AWAY.reason)]
    assert read(plain.encode_event(EVENT, PROVER)) == [TextMessage(data="hi")]


def test_a_reason_is_cut_to_what_a_close_frame_can_carry_at_a_whole_character() -> None:
    close = TOO_BIG.because("ü" * 200)
    assert close.reason == "ü" * 60 + "…"
    assert TOO_BIG.because("ü" * 61).reason == "ü" * 61
    assert read(encode_close(close)) == [CloseConnection(code=1009, reason=close.reason)]
