"""Device codes: one-time codes by which another device becomes the same person."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.support.core import AT_MS, open_core, texts_of
from tests.support.memory_store import open_memory_store
from tests.support.people import add_person
from trio_chat.errors import Refused
from trio_chat.model.events import Person
from trio_chat.people.device_codes import (
    ALPHABET,
    GUESSES_AT_ONCE,
    GUESSES_PER_SECOND,
    LIFE_S,
    MAX_CODES,
    DeviceCodes,
    Guesses,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio.testing import MockClock

    from trio_chat.store.base import Store

HERE = "192.0.2.7"
ADA, BOB = "p-ada", "p-bob"


@attrs.define
class Node:
    """Device codes of one node, at a moment that the test chooses, in seconds."""

    codes: DeviceCodes
    now: float = 0.0

    async def refusal(self, code: str, address: str = HERE) -> str:
        """The error code with which this device code is refused."""
        with pytest.raises(Refused) as caught:
            await self.codes.redeem(code, address)
        return caught.value.code


async def node_over(store: Store, seed: int = 7) -> Node:
    server = await store.server_identity()
    node: Node

    def now_ms() -> int:
        return AT_MS + round(node.now * 1000)

    node = Node(DeviceCodes(store, Guesses(store, server, now_ms=now_ms), random.Random(seed), now_ms=now_ms))
    return node


@asynccontextmanager
async def open_node() -> AsyncIterator[Node]:
    """A node of its own, with Ada and Bob."""
    async with open_memory_store() as store:
        for person in (ADA, BOB):
            await add_person(
                store, Person(person, person), name_key=person, token_hash=person.encode(), at_ms=1
            )
        yield await node_over(store)


async def test_a_code_is_valid_once_however_it_is_typed() -> None:
    async with open_node() as node:
        code = await node.codes.make(ADA)
        assert len(code) == 9
        assert code[4] == "-"
        assert set(code) - {"-"} <= set(ALPHABET)
        node.now = 1
        assert await node.codes.redeem(f" {code.lower().replace('-', '')} ", HERE) == ADA
        node.now = 2
        assert await node.refusal(code) == "bad_link"


async def test_a_code_expires() -> None:
    async with open_node() as node:
        first = await node.codes.make(ADA)
        node.now = 1
        second = await node.codes.make(BOB)
        node.now = LIFE_S
        assert await node.refusal(first) == "bad_link"
        assert await node.codes.redeem(second, HERE) == BOB


async def test_a_person_has_few_codes_and_a_new_one_replaces_the_oldest() -> None:
    async with open_node() as node:
        made = [await node.codes.make(ADA) for _ in range(MAX_CODES + 1)]
        other = await node.codes.make(BOB)
        node.now = 1
        assert await node.refusal(made[0]) == "bad_link"
        assert {await node.codes.redeem(code, HERE) for code in made[1:]} == {ADA}
        assert await node.codes.redeem(other, HERE) == BOB


@pytest.mark.parametrize("typed", ["", "-", "K7QM-2XHD", "x" * 60_000, "\0", "K7QM\n2XHD", "ſſſſſſſſ"])
async def test_text_that_is_no_code_is_refused(typed: str) -> None:
    async with open_node() as node:
        await node.codes.make(ADA)
        assert await node.refusal(typed) == "bad_link"


async def test_guesses_are_rate_limited_over_all_clients_of_an_address() -> None:
    async with open_node() as node:
        code = await node.codes.make(ADA)
        assert {await node.refusal("AAAAAAAA") for _ in range(2 * GUESSES_AT_ONCE)} == {"bad_link"}
        assert await node.refusal(code) == "rate_limited"
        node.now = 1 / GUESSES_PER_SECOND
        assert await node.codes.redeem(code, HERE) == ADA


async def test_guesses_of_many_addresses_do_not_hold_up_another() -> None:
    async with open_node() as node:
        code = await node.codes.make(ADA)
        for n in range(3):
            guesser = f"198.51.100.{n}"
            for _ in range(3 * GUESSES_AT_ONCE):
                with pytest.raises(Refused):
                    await node.codes.redeem("AAAAAAAA", guesser)
        with pytest.raises(Refused, match="Too many codes"):
            await node.codes.redeem(code, guesser)
        assert await node.codes.redeem(code, HERE) == ADA


async def test_who_guesses_steadily_at_the_rate_is_never_refused_for_it() -> None:
    async with open_node() as node:
        for _ in range(2 * GUESSES_AT_ONCE):
            assert await node.refusal("AAAAAAAA") == "bad_link"
        for second in range(1, 200):
            node.now = second / GUESSES_PER_SECOND
            assert await node.refusal("AAAAAAAA") == "bad_link", second
            assert await node.refusal("AAAAAAAA", "198.51.100.1") == "bad_link"


async def test_a_code_of_one_node_is_good_on_another_once_and_more_nodes_give_no_more_guesses() -> None:
    async with open_memory_store() as store:
        await add_person(store, Person(ADA, "Ada"), name_key="ada", token_hash=b"ada", at_ms=1)
        here, there = await node_over(store), await node_over(store, seed=8)
        code = await here.codes.make(ADA)
        assert await there.codes.peek(code, HERE) == ADA
        assert await there.codes.redeem(code, HERE) == ADA
        assert await here.refusal(code) == "bad_link"
        refusals = [await node.refusal("AAAAAAAA") for _ in range(GUESSES_AT_ONCE) for node in (here, there)]
        assert refusals.count("rate_limited") == 3


async def test_another_device_becomes_the_same_person_with_a_token_of_its_own(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        phone, laptop = await core.open_v1(), await core.open_v1()
        welcome = await phone.ask("hello", name="Ada")
        linked = await phone.ask("link", id="c1")
        assert linked == {"type": "link", "id": "c1", "code": linked["code"], "expires_s": LIFE_S}
        there = await laptop.ask("hello", link=linked["code"])
        assert there["user"] == welcome["user"]
        assert there["token"] != welcome["token"]
        again = await core.open_v1()
        assert (await again.ask("hello", link=linked["code"]))["code"] == "bad_link"
        for token in (welcome["token"], there["token"]):
            device = await core.open_v1()
            assert (await device.ask("hello", token=token))["user"] == welcome["user"]
        await laptop.ask("join", room="lobby")
        await phone.ask("join", room="lobby")
        await laptop.tell("send", room="lobby", text="from the laptop")
        assert texts_of(await phone.hear_frames()) == ["from the laptop"]


async def test_an_expired_code_is_refused(autojump_clock: MockClock) -> None:
    async with open_core(now_ms=lambda: AT_MS + round(trio.current_time() * 1000)) as core:
        phone, laptop = await core.open_v1(), await core.open_v1()
        await phone.ask("hello", name="Ada")
        code = (await phone.ask("link"))["code"]
        await trio.sleep(LIFE_S)
        assert (await laptop.ask("hello", link=code))["code"] == "bad_link"


async def test_a_guesser_must_wait_but_can_log_in_otherwise(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        eve = await core.open_v1()
        for _ in range(2 * GUESSES_AT_ONCE):  # her address's own, and those for addresses that used up theirs
            assert (await eve.ask("hello", link="WRNG-CDE2"))["code"] == "bad_link"
        refused = await eve.ask("hello", link="WRNG-CDE2")
        assert (refused["code"], refused["retry_after"]) == ("rate_limited", 1)
        assert (await eve.ask("hello", name="Eve"))["type"] == "welcome"


async def test_asking_for_a_code_needs_a_login(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        assert (await (await core.open_v1()).ask("link"))["code"] == "hello_first"
