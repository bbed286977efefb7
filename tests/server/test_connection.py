"""One WebSocket client from its handshake to its last byte: who gets in, how each ending looks, and who is cut."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.core import Core, open_core, texts_of
from tests.support.raw import BINARY, CLOSE, PING, PONG, RSV1, TEXT, RawPeer, close_frame, frame, upgrade
from trio_chat.protocol.encoding import V1
from trio_chat.server.server import HANDSHAKES_AT_ONCE

if TYPE_CHECKING:
    from trio.testing import MockClock


def v1(**said: object) -> bytes:
    """A frame of v1."""
    return frame(TEXT, json.dumps(said).encode())


async def members(core: Core) -> int:
    """How many are in the lobby, once nothing moves any more."""
    await trio.testing.wait_all_tasks_blocked()
    return core.lobby.statistics().subscriptions


# The handshake


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (upgrade(), 101),
        (upgrade("/?room=7"), 101),
        (upgrade(origin="null"), 101),
        (upgrade(origin="http://evil.example"), 101),  # plain, so there is no identity to abuse
        (upgrade(sec_websocket_protocol=V1), 101),
        (upgrade(sec_websocket_protocol=f"other, {V1}"), 101),
        (upgrade(sec_websocket_protocol=V1, origin="http://chat.example"), 101),
        (upgrade(sec_websocket_protocol=V1, origin="https://friend.example"), 101),
        (upgrade(sec_websocket_protocol=V1, origin="http://evil.example"), 403),
        (upgrade(sec_websocket_protocol=V1, origin="null"), 403),
        (upgrade(sec_websocket_protocol="other"), 400),
        (upgrade("/elsewhere"), 404),
    ],
)
async def test_who_gets_in(head: bytes, status: int, autojump_clock: MockClock) -> None:
    async with open_core(allow_origin=("https://friend.example",)) as core:
        peer = await core.open_raw(head)
        answer = await peer.receive_head()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        if status == 101:
            assert (V1.encode() in answer) == (V1.encode() in head)
        else:
            assert (await peer.receive_to_the_end()).strip()  # and a sentence that says why
            assert core.server.statistics().connected == 0


async def test_the_plain_side_can_be_off(autojump_clock: MockClock) -> None:
    async with open_core(plain=False) as core:
        assert (await (await core.open_raw(upgrade())).receive_head()).startswith(b"HTTP/1.1 403 ")
        await core.open_person("Ada")


async def test_who_is_one_too_many_is_turned_away_until_somebody_leaves(autojump_clock: MockClock) -> None:
    async with open_core(max_connections=1) as core:
        first = await core.open_plain()
        assert (await (await core.open_raw(upgrade())).receive_head()).startswith(b"HTTP/1.1 503 ")
        await first.websocket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        await core.open_plain()


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\n"])
async def test_who_does_not_finish_the_handshake_is_cut(begin: bytes, autojump_clock: MockClock) -> None:
    async with open_core(handshake_timeout_s=7.0) as core:
        peer = await core.open_raw(begin)
        began = trio.current_time()
        await peer.receive_to_the_end()
        assert trio.current_time() - began == 7
        assert core.server.statistics().faults == 0


# Endings


@pytest.mark.parametrize(
    ("subprotocol", "said", "code"),
    [
        (None, close_frame(1000), 1000),
        (None, frame(BINARY, b"hi"), 1003),
        (None, frame(TEXT, b"\xff\xfe"), 1007),
        (None, frame(TEXT, b"\xed\xa0\x80"), 1007),  # half a surrogate pair
        (None, frame(TEXT, "é".encode()[:1]), 1007),
        (None, frame(0x3, b"hi"), 1002),
        (None, frame(0xB, b"hi"), 1002),
        (None, frame(TEXT, b"hi", rsv=RSV1), 1002),
        (None, frame(TEXT, b"hi", masked=False), 1002),
        (None, frame(PING, b"x" * 126), 1002),
        (None, frame(TEXT, b"x" * 65_537), 1009),
        (None, frame(TEXT, b"x" * 4001), 1009),
        (None, frame(TEXT, b"x" * 40_000, fin=False) + frame(0x0, b"x" * 40_000), 1009),
        (V1, frame(BINARY, b"{}"), 1003),
        (V1, frame(TEXT, b"\xff"), 1007),
        (V1, frame(TEXT, b"hello"), 1007),
        (V1, frame(TEXT, b"[]"), 1007),
        (V1, frame(TEXT, b"[" * 60_000), 1007),
        (V1, frame(TEXT, b"x" * 65_537), 1009),
        (V1, frame(0x3, b"hi"), 1002),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection_and_no_other(
    subprotocol: str | None, said: bytes, code: int, autojump_clock: MockClock
) -> None:
    async with open_core() as core:
        witness = await core.open_plain()
        peer = await core.open_raw_websocket(subprotocol)
        await peer.send(said)
        assert await peer.receive_close_code() == code
        assert await peer.receive_to_the_end() == b""
        assert await members(core) == 1
        await witness.say("unharmed")
        assert await witness.hear_rest() == ["unharmed"]
        assert core.server.statistics().faults == 0


async def test_what_was_said_before_the_connection_ended_is_heard(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        witness = await core.open_plain()
        peer = await core.open_raw_websocket()
        await peer.send(frame(TEXT, b"first") + frame(TEXT, b"second") + frame(BINARY, b"third"))
        assert await peer.receive_close_code() == 1003
        assert await witness.hear_rest() == ["first", "second"]


async def test_the_server_says_goodbye_after_everything_else(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, plain, slow = await core.open_person("Ada"), await core.open_plain(), await core.open_plain()
        slow.tap.stall()
        await ada.tell("send", room="lobby", text="last words")
        await trio.testing.wait_all_tasks_blocked()
        core.server.close_all()
        assert texts_of(await ada.hear_frames()) == ["last words"]
        assert await ada.hear_close() == 1012
        assert await plain.hear() == "last words"
        assert await plain.hear_close() == 1001
        slow.tap.flow()
        assert await slow.hear() == "last words"
        assert await slow.hear_close() == 1001
        assert await members(core) == 0
        assert not core.connections.child_tasks


@pytest.mark.parametrize("politely", [True, False])
async def test_who_goes_is_removed(politely: bool, autojump_clock: MockClock) -> None:
    async with open_core() as core:
        witness, peer = await core.open_plain(), await core.open_raw_websocket()
        assert await members(core) == 2
        if politely:
            await peer.send(close_frame())
            assert await peer.receive_close_code() == 1000
        else:
            await trio.aclose_forcefully(peer.stream)
        assert await members(core) == 1
        await witness.say("alone")
        assert await witness.hear_rest() == ["alone"]


async def test_a_fault_of_ours_ends_one_connection_with_1011(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async with open_core() as core:
        ada, victim = await core.open_person("Ada"), await core.open_plain()
        monkeypatch.setattr(core.people, "add_guest", fail)
        with caplog.at_level(logging.ERROR):
            await victim.say("boom")
            assert await victim.hear_close() == 1011
        assert "ZeroDivisionError" in caplog.text
        await ada.tell("send", room="lobby", text="unharmed")
        assert texts_of(await ada.hear_frames()) == ["unharmed"]


# Speed


async def test_a_plain_client_that_is_too_fast_is_slowed_and_nothing_is_dropped(
    autojump_clock: MockClock,
) -> None:
    async with open_core(messages_per_second=2.0, burst=10, idle_ping_s=5.0) as core:
        core.connections.start_soon(core.server.keep_alive)
        witness = await core.open_plain()
        flood = await core.open_plain()
        for number in range(300):  # its pongs wait behind these; but it is not silent, we do not listen
            await flood.say(str(number))
        began = trio.current_time()
        heard = [await witness.hear() for _ in range(300)]
        assert heard == [str(number) for number in range(300)]
        assert trio.current_time() - began == pytest.approx((300 - 10) / 2, abs=1)
        assert await members(core) == 2


async def test_who_reads_no_answers_is_not_heard(autojump_clock: MockClock) -> None:
    async with open_core(outbox_bytes=1024) as core:
        ada = await core.open_person("Ada")
        ada.tap.stall()
        for _ in range(500):
            await ada.tell("ping")
        await trio.testing.wait_all_tasks_blocked()
        (member,) = core.lobby.subscribers
        assert member.outbox.statistics().pending_bytes < 2 * 1024
        ada.tap.flow()
        assert len(await ada.hear_frames()) == 500


# Silence


async def ping_after(peer: RawPeer) -> float:
    """After how many seconds the server sends a ping."""
    began = trio.current_time()
    answer = await peer.receive_frame()
    assert answer is not None
    assert answer.opcode == PING
    return trio.current_time() - began


async def test_who_is_silent_is_pinged_and_then_cut(autojump_clock: MockClock) -> None:
    async with open_core(idle_ping_s=4.0) as core:
        core.connections.start_soon(core.server.keep_alive)
        peer = await core.open_raw_websocket()
        began = trio.current_time()
        assert 4 <= await ping_after(peer) <= 5
        assert await peer.receive_close_code() == 4001
        assert 8 <= trio.current_time() - began <= 9
        await peer.receive_to_the_end()
        assert await members(core) == 0


async def test_who_answers_pings_stays(autojump_clock: MockClock) -> None:
    async with open_core(idle_ping_s=4.0) as core:
        core.connections.start_soon(core.server.keep_alive)
        peer = await core.open_raw_websocket()
        for _ in range(10):
            assert 4 <= await ping_after(peer) <= 5
            await peer.send(frame(PONG))
        assert await members(core) == 1


async def test_who_talks_is_not_pinged(autojump_clock: MockClock) -> None:
    async with open_core(idle_ping_s=4.0) as core:
        core.connections.start_soon(core.server.keep_alive)
        peer = await core.open_raw_websocket()
        for _ in range(10):
            await trio.sleep(3)
            await peer.send_text("x")
            found = await peer.receive_frame()
            assert found is not None
            assert found.opcode == TEXT


# Who takes nothing


async def test_who_takes_no_byte_for_too_long_is_cut(autojump_clock: MockClock) -> None:
    async with open_core(write_stall_s=30.0) as core:
        ada, stuck = await core.open_person("Ada"), await core.open_plain()
        stuck.tap.stall()
        await ada.tell("send", room="lobby", text="hello?")
        await trio.sleep(29)
        assert await members(core) == 2
        await trio.sleep(2)
        assert await members(core) == 1


async def test_the_room_outlives_an_answer_to_somebody_who_was_cut_meanwhile(
    autojump_clock: MockClock,
) -> None:
    """What waited for it when its wire broke still counts as waiting; nobody is there to say it any more."""
    async with open_core(write_stall_s=30.0) as core:
        stuck, bob = await core.open_person("Stuck"), await core.open_person("Bob")
        stuck.tap.stall()
        await bob.tell("send", room="lobby", text="hello?")
        await trio.testing.wait_all_tasks_blocked()
        with core.store.holding_commits():
            await stuck.tell("send", room="lobby", text="my last words")
            await trio.sleep(60)
            assert await members(core) == 1
        assert texts_of(await bob.hear_frames()) == ["hello?", "my last words"]
        await bob.tell("send", room="lobby", text="rest in peace")
        assert texts_of(await bob.hear_frames()) == ["rest in peace"]


async def test_stopping_does_not_wait_for_who_takes_nothing(autojump_clock: MockClock) -> None:
    async with open_core(close_timeout_s=5.0) as core:
        stuck = await core.open_raw_websocket()
        await stuck.send(frame(CLOSE, b"\x03\xe8"))
        core.server.close_all()
        began = trio.current_time()
        await stuck.receive_to_the_end()
        assert trio.current_time() - began <= 5


async def test_a_handshake_that_comes_when_the_server_stops_is_refused(autojump_clock: MockClock) -> None:
    """Else its client would wait for a goodbye until the drain timeout: the others have had theirs."""
    async with open_core() as core:
        peer = await core.open_raw(b"GET / HTTP/1.1\r\n")
        await trio.testing.wait_all_tasks_blocked()
        core.server.close_all()
        await peer.send(upgrade().removeprefix(b"GET / HTTP/1.1\r\n"))
        assert (await peer.receive_head()).startswith(b"HTTP/1.1 503 ")


async def test_a_handshake_that_waits_for_its_turn_when_the_server_stops_is_refused(
    autojump_clock: MockClock,
) -> None:
    begin, rest = b"GET / HTTP/1.1\r\n", upgrade().removeprefix(b"GET / HTTP/1.1\r\n")
    async with open_core() as core, trio.open_nursery() as nursery:
        peers = [await core.open_raw(begin) for _ in range(2 * HANDSHAKES_AT_ONCE)]
        await trio.testing.wait_all_tasks_blocked()
        for peer in peers:
            nursery.start_soon(peer.send, rest)
        while not core.server.statistics().websockets:
            await trio.lowlevel.checkpoint()
        core.server.close_all()
        answers = [(await peer.receive_head())[:12] for peer in peers]
        assert answers.count(b"HTTP/1.1 503") >= HANDSHAKES_AT_ONCE
