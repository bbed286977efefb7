"""Any bytes at all: a clean answer or a clean end, never a fault, and those who are well hear each other all along.

Peers are drawn from a seed: bytes of chance, and right requests, frames and commands that were spoiled by chance.
"""

from __future__ import annotations

import json
from contextlib import suppress
from random import Random

import pytest
import trio

from tests.support.core import open_core, texts_of
from tests.support.raw import PATIENCE_S, frame, get, open_peer, open_raw, upgrade
from tests.support.serving import unharmed
from trio_chat.protocol.encoding import V1

PEERS = 60
"""How many peers for each seed: some tenths of a second."""

GOOD_HEADS = (
    b"GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n",
    b"POST /static/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /static/js/boot/all-views.js HTTP/1.1\r\nHost: x\r\nRange: bytes=0-10\r\n\r\n",
    get("/healthz") + get("/") + get("/static/favicon.svg") + upgrade(),
    upgrade(),
    upgrade(sec_websocket_protocol=V1, origin="http://x"),
)

GOOD_COMMANDS = (
    {"type": "hello", "name": "Ada"},
    {"type": "join", "id": "c1", "room": "lobby", "after": 3, "epoch": "x"},
    {"type": "send", "id": "c2", "room": "lobby", "text": "hi"},
    {"type": "history", "id": "c3", "room": "lobby", "before": 9, "limit": 5},
    {"type": "rename", "id": "c4", "name": "Bob"},
    {"type": "leave", "id": "c5", "room": "lobby"},
    {"type": "ping", "id": "c6"},
)

CONTENT = (
    "\u202egnirts\u202c",
    "zero\u200bwidth\u200d\ufeff",
    "e" + "\u0301" * 500,
    "раураl paypal",
    "中文 ไทย العربية עברית हिन्दी ኢትዮጵያ 🇺🇳👩‍👩‍👧‍👦🏳️‍🌈",
    "nul\0bel\x07esc\x1b[31m",
    "line\u2028paragraph\u2029next\u0085",
    "\U0010ffff\ue000\ufffe",
    "<script>alert(1)</script>&amp;'\"",
    '{"type":"message"}',
)


def spoiled(rng: Random, data: bytes) -> bytes:
    """The same bytes with some of them changed, taken out, put in, or doubled."""
    spoilt = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(spoilt) + 1)
        match rng.randrange(4):
            case 0:
                spoilt[at : at + 1] = rng.randbytes(1)
            case 1:
                del spoilt[at : at + rng.randrange(1, 9)]
            case 2:
                spoilt[at:at] = rng.randbytes(rng.randrange(1, 9))
            case _:
                spoilt[at:at] = spoilt[at : at + rng.randrange(1, 50)]
    return bytes(spoilt)


def some_json(rng: Random) -> str:
    """A command with fields of chance."""
    command: dict[str, object] = dict(rng.choice(GOOD_COMMANDS))
    odd: tuple[object, ...] = (
        None,
        True,
        -1,
        2**64,
        1.5,
        "",
        "x" * 500,
        [],
        {},
        [[[]]],
        "\x00",
        rng.choice(CONTENT),
    )
    for _ in range(rng.randrange(3)):
        command[rng.choice([*command, "other"])] = rng.choice(odd)
    return json.dumps(command, ensure_ascii=rng.random() < 0.5)


async def send_and_read_to_the_end(peer_data: bytes, port: int) -> None:
    """Say this, then nothing more; read whatever comes until the server has closed."""
    async with open_raw(port) as peer:
        with suppress(trio.BrokenResourceError):
            await peer.send(peer_data)
            await peer.stream.send_eof()
        with suppress(trio.BrokenResourceError):
            await peer.receive_to_the_end()


@pytest.mark.parametrize("seed", range(4))
async def test_any_first_bytes_get_an_answer_or_an_end(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    rng = Random(seed)
    async with unharmed(caplog, handshake_timeout_s=2, close_timeout_s=1) as serving:
        for _ in range(PEERS // 10):
            with trio.fail_after(PATIENCE_S):
                async with trio.open_nursery() as nursery:
                    for _ in range(10):
                        head = rng.choice(GOOD_HEADS)
                        data = rng.randbytes(rng.randrange(300)) if rng.random() < 0.3 else spoiled(rng, head)
                        nursery.start_soon(send_and_read_to_the_end, data, serving.port)


@pytest.mark.parametrize("protocol", ["", V1])
@pytest.mark.parametrize("seed", range(3))
async def test_any_frames_get_an_answer_or_an_end(
    seed: int, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    rng = Random(seed)

    async def talk_nonsense(data: bytes) -> None:
        opened = (
            open_peer(serving.port, sec_websocket_protocol=protocol) if protocol else open_peer(serving.port)
        )
        async with opened as peer:
            with suppress(trio.BrokenResourceError):
                await peer.send(data)
                await peer.stream.send_eof()
            with suppress(trio.BrokenResourceError):
                await peer.receive_to_the_end()

    # What is a frame by chance is said in a room where the two who are well talk: they would hear it. So the plain
    # peers' frames are broken for certain, by a reserved bit in the first of them.
    async with unharmed(caplog, close_timeout_s=1) as serving:
        for _ in range(PEERS // 10):
            with trio.fail_after(PATIENCE_S):
                async with trio.open_nursery() as nursery:
                    for _ in range(10):
                        said = b"".join(frame(1, some_json(rng).encode()) for _ in range(rng.randrange(1, 6)))
                        data = (
                            rng.randbytes(rng.randrange(2, 300)) if rng.random() < 0.3 else spoiled(rng, said)
                        )
                        if not protocol:
                            data = bytes([0xF1]) + data[1:]
                        nursery.start_soon(talk_nonsense, data)


@pytest.mark.parametrize("seed", range(5))
async def test_any_json_gets_an_answer_or_an_end(seed: int) -> None:
    rng = Random(seed)
    async with open_core() as core:
        for _ in range(PEERS):
            client = await core.open_v1()
            await client.say('{"type": "hello"}')
            for _ in range(5):
                await client.say(some_json(rng))
            await client.tell("ping")
            heard = await client.hear_rest()
            assert heard
            assert core.server.statistics().faults == 0
            await client.websocket.aclose()


async def test_texts_of_every_kind_are_stored_and_told_unchanged() -> None:
    async with open_core() as core:
        plain, ada = await core.open_plain(), await core.open_person("Ada")
        for text in CONTENT:
            await plain.say(text)
            assert await plain.hear() == text
            await ada.tell("send", room="lobby", text=text)
            assert await plain.hear() == text
        twice = [text for text in CONTENT for _ in range(2)]
        assert texts_of(await ada.hear_frames()) == twice
        stored = await core.store.read_after("lobby", 0, limit=100, max_bytes=2**20)
        assert [event.body for event in stored] == twice
