"""Devices on the wire: the server's id, the list, logging out, recovery, and whom a code stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import open_core
from tests.support.memory_store import MemoryDisk
from trio_chat.errors import LOGGED_OUT

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.support.core import Core, V1Client


async def on_another_device(core: Core, client: V1Client, **hello: object) -> tuple[V1Client, dict[str, Any]]:
    """One more device of this client's person, and its welcome."""
    code = (await client.ask("link"))["code"]
    device = await core.open_v1()
    return device, await device.ask("hello", link=code, **hello)


async def devices_of(client: V1Client) -> list[dict[str, Any]]:
    """The person's devices."""
    devices: list[dict[str, Any]] = (await client.ask("devices"))["devices"]
    return devices


async def is_ended(client: V1Client) -> bool:
    """Whether the connection was ended because its device was logged out, within a second."""
    await trio.sleep(1)
    reason = client.closed
    return reason is not None and (reason.code, reason.reason) == (LOGGED_OUT.code, LOGGED_OUT.reason)


async def test_the_server_says_who_it_is_with_the_welcome_and_with_an_unknown_token(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        client = await core.open_v1()
        refused = await client.ask("hello", token="nobody's")
        assert (refused["code"], refused["server"]) == ("unknown_token", core.hub.server_id)
        elsewhere = await client.ask("hello", token="nobody's", server="another")
        assert "another server" in elsewhere["message"]
        welcome = await client.ask("hello", name="Ada")
        assert welcome["server"] == core.hub.server_id
        again = await core.open_v1()
        back = await again.ask("hello", token=welcome["token"], server="another")
        assert back["user"] == welcome["user"], "what counts is the token"


async def test_devices_are_listed_with_the_name_they_give_themselves(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        phone = await core.open_v1()
        await phone.ask("hello", name="Ada", device=" Chrome on  Android ")
        laptop, _ = await on_another_device(core, phone, device="Firefox")
        here, other = await devices_of(phone)
        if other.get("this"):
            here, other = other, here
        assert (here["name"], here["this"], here["here"]) == ("Chrome on Android", True, True)
        assert (other["name"], other["here"], "this" in other) == ("Firefox", True, False)
        await laptop.websocket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert [device.get("here", False) for device in await devices_of(phone) if "this" not in device] == [
            False
        ]
        for name in ("x" * 65, "a\u202eb"):
            assert (await (await core.open_v1()).ask("hello", device=name))["code"] == "bad_field"


async def test_a_device_that_stays_connected_is_noted_as_used(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.hub.USE_NOTED_MS", 60_000)
    disk = MemoryDisk()
    async with open_core(disk) as core:
        ada = await core.open_person("Ada")
        (device,) = await devices_of(ada)
        disk.connection.execute("UPDATE devices SET used_ms = 1")
        await trio.sleep(61)
        assert await devices_of(ada) == [device]


async def test_a_device_that_is_logged_out_ends_within_a_second_and_hears_nothing_more(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        phone = await core.open_person("Ada")
        laptop, welcome = await on_another_device(core, phone)
        tab = await core.open_v1()
        await tab.ask("hello", token=welcome["token"])
        for client in (laptop, tab):
            await client.tell("join", room="lobby")
            await client.hear_frames()
        (device,) = [item["id"] for item in await devices_of(phone) if "this" not in item]
        assert (await phone.ask("log_out", device=device))["type"] == "done"
        await phone.tell("send", room="lobby", text="not for a thief")
        for client in (laptop, tab):
            assert await is_ended(client)
            assert [frame for frame in await client.hear_frames() if frame["type"] == "message"] == []
        again = await core.open_v1()
        assert (await again.ask("hello", token=welcome["token"]))["code"] == "unknown_token"
        await phone.hear_frames()
        assert (await phone.ask("log_out", device=device))["code"] == "no_such_device"
        assert len(await devices_of(phone)) == 1


async def test_a_device_logged_out_carries_out_nothing_more_even_if_it_reads_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        phone = await core.open_person("Ada")
        laptop, _ = await on_another_device(core, phone)
        await laptop.tell("join", room="lobby")
        await laptop.hear_frames()
        (device,) = [item["id"] for item in await devices_of(phone) if "this" not in item]
        with core.store.holding_commits():
            await laptop.tell("send", room="lobby", text="on its way")
            await trio.testing.wait_all_tasks_blocked()
            await laptop.tell("send", room="lobby", text="behind it")
            core.hub.connected.cut(
                core.hub.connected.connections()[0].person.id, LOGGED_OUT, devices={device}
            )
            await laptop.tell("send", room="lobby", text="too late")
        await trio.testing.wait_all_tasks_blocked()
        texts = [frame["text"] for frame in await phone.hear_frames() if frame["type"] == "message"]
        assert "too late" not in texts
        assert await is_ended(laptop)


async def test_all_other_devices_are_logged_out_and_oneself_by_name(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        phone = await core.open_person("Ada")
        others = [(await on_another_device(core, phone))[0] for _ in range(3)]
        bob = await core.open_person("Bob")
        assert (await phone.ask("log_out", all=True))["type"] == "done"
        assert [await is_ended(other) for other in others] == [True] * 3
        assert not await is_ended(phone)
        (own,) = await devices_of(phone)
        for fields in ({}, {"device": own["id"], "all": True}):
            assert (await phone.ask("log_out", **fields))["code"] == "bad_field"
        assert (await phone.ask("log_out", device=own["id"]))["type"] == "done"
        assert await is_ended(phone)
        assert not await is_ended(bob)


async def test_a_hello_under_way_while_its_device_is_logged_out_is_refused(autojump_clock: MockClock) -> None:
    """Its token was read before it was void."""
    async with open_core() as core:
        phone = await core.open_person("Ada")
        laptop, welcome = await on_another_device(core, phone)
        await laptop.websocket.aclose()
        (device,) = [item["id"] for item in await devices_of(phone) if "this" not in item]
        thief = await core.open_v1()
        with core.store.holding_commits():
            await phone.tell("log_out", device=device)
            await trio.testing.wait_all_tasks_blocked()
            await thief.tell(
                "hello", token=welcome["token"], device="another name"
            )  # which waits to be saved
            await trio.testing.wait_all_tasks_blocked()
        (answer,) = await thief.hear_frames()
        assert answer["code"] == "unknown_token"
        assert len(core.hub.connected.connections()) == 1


async def test_with_the_recovery_code_one_is_oneself_on_a_fresh_device(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        phone = await core.open_v1()
        welcome = await phone.ask("hello", name="Ada")
        assert "recovery" not in welcome
        assert "recovery" not in await phone.ask("devices")
        made = await phone.ask("recovery", id="c1")
        assert made == {"type": "recovery", "id": "c1", "code": made["code"]}
        assert "recovery" in await phone.ask("devices")
        fresh = await core.open_v1()
        assert (await fresh.ask("peek_link", recover=made["code"]))["user"] == welcome["user"]
        assert (await fresh.ask("hello", recover="WRNG"))["code"] == "bad_link"
        back = await fresh.ask("hello", recover=made["code"], device="Fresh")
        assert (back["user"], back["recovery"]) == (welcome["user"], True)
        assert back["token"] != welcome["token"]
        again = await core.open_v1()
        assert (await again.ask("hello", token=back["token"]))["user"] == welcome["user"]


@pytest.mark.parametrize("is_welcome", [False, True])
async def test_a_code_says_whom_one_becomes_and_stays_good(
    autojump_clock: MockClock, *, is_welcome: bool
) -> None:
    async with open_core() as core:
        phone = await core.open_person("Ada")
        await phone.ask("profile", colour=4)
        code = (await phone.ask("link"))["code"]
        eve = await core.open_v1()
        if is_welcome:
            await eve.ask("hello", name="Eve")
        peeked = await eve.ask("peek_link", id="c1", link=code)
        assert (peeked["type"], peeked["user"]["name"], peeked["user"]["colour"]) == ("peek_link", "Ada", 4)
        assert (await eve.ask("peek_link", link="WRNG-CDE2"))["code"] == "bad_link"
        laptop = await core.open_v1()
        assert (await laptop.ask("hello", link=code))["user"]["name"] == "Ada"
        assert (await eve.ask("peek_link", link=code))["code"] == "bad_link", "used up"


async def test_a_device_that_is_logged_out_leaves_no_code_behind(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada = await core.open_v1()
        await ada.ask("hello", name="Ada")
        thief, _ = await on_another_device(core, ada)
        code = (await thief.ask("link"))["code"]
        await ada.ask("log_out", all=True)
        stranger = await core.open_v1()
        assert (await stranger.ask("hello", link=code))["code"] == "bad_link"
