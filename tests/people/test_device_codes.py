"""Device codes: one-time codes by which another device becomes the same person."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.core import open_core, texts_of
from trio_chat.errors import Refused
from trio_chat.people.device_codes import (
    ALPHABET,
    GUESSES_AT_ONCE,
    GUESSES_PER_SECOND,
    LIFE_S,
    MAX_CODES,
    DeviceCodes,
)

if TYPE_CHECKING:
    from trio.testing import MockClock


def refusal(codes: DeviceCodes, code: str, now: float) -> str:
    """The error code with which this device code is refused."""
    with pytest.raises(Refused) as caught:
        codes.redeem(code, "192.0.2.7", now)
    return caught.value.code


@pytest.fixture
def codes() -> DeviceCodes:
    return DeviceCodes(random.Random(7))


def test_a_code_is_valid_once_however_it_is_typed(codes: DeviceCodes) -> None:
    code = codes.make("p-ada", 0)
    assert len(code) == 9
    assert code[4] == "-"
    assert set(code) - {"-"} <= set(ALPHABET)
    assert codes.redeem(f" {code.lower().replace('-', '')} ", "192.0.2.7", 1) == "p-ada"
    assert refusal(codes, code, 2) == "bad_link"


def test_a_code_expires(codes: DeviceCodes) -> None:
    first, second = codes.make("p-ada", 0), codes.make("p-bob", 1)
    assert refusal(codes, first, LIFE_S) == "bad_link"
    assert codes.redeem(second, "192.0.2.7", LIFE_S) == "p-bob"


def test_a_person_has_few_codes_and_a_new_one_replaces_the_oldest(codes: DeviceCodes) -> None:
    made = [codes.make("p-ada", 0) for _ in range(MAX_CODES + 1)]
    other = codes.make("p-bob", 0)
    assert refusal(codes, made[0], 1) == "bad_link"
    assert {codes.redeem(code, "192.0.2.7", 1) for code in made[1:]} == {"p-ada"}
    assert codes.redeem(other, "192.0.2.7", 1) == "p-bob"


@pytest.mark.parametrize("typed", ["", "-", "K7QM-2XHD", "x" * 60_000, "\0", "K7QM\n2XHD", "ſſſſſſſſ"])
def test_text_that_is_no_code_is_refused(codes: DeviceCodes, typed: str) -> None:
    codes.make("p-ada", 0)
    assert refusal(codes, typed, 0) == "bad_link"


def test_guesses_are_rate_limited_over_all_clients_of_an_address(codes: DeviceCodes) -> None:
    code = codes.make("p-ada", 0)
    assert {refusal(codes, "AAAAAAAA", 0) for _ in range(2 * GUESSES_AT_ONCE)} == {"bad_link"}
    assert refusal(codes, code, 0) == "rate_limited"
    assert codes.redeem(code, "192.0.2.7", 1 / GUESSES_PER_SECOND) == "p-ada"


def test_guesses_of_many_addresses_do_not_hold_up_another(codes: DeviceCodes) -> None:
    code = codes.make("p-ada", 0)
    for n in range(3):
        guesser = f"198.51.100.{n}"
        for _ in range(3 * GUESSES_AT_ONCE):
            with pytest.raises(Refused):
                codes.redeem("AAAAAAAA", guesser, 0)
    with pytest.raises(Refused, match="Too many codes"):
        codes.redeem(code, guesser, 0)
    assert codes.redeem(code, "192.0.2.7", 0) == "p-ada"


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
    async with open_core() as core:
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
