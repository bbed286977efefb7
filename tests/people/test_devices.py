"""Devices: tokens that are replaced without locking anybody out, recovery codes, and who is logged out."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from tests.support.memory_store import MemoryDisk, MemoryStore, open_memory_store
from tests.support.raw import PATIENCE_S
from trio_chat.errors import Refused
from trio_chat.people.device_codes import ALPHABET, GUESSES_AT_ONCE
from trio_chat.people.devices import (
    MAX_DEVICES,
    RECOVERY_CHARS,
    SETTLE_MS,
    TOKEN_LIFE_MS,
    USE_NOTED_MS,
    Devices,
)
from trio_chat.people.identities import Identities

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from trio_chat.model.events import Person
    from trio_chat.model.records import Device, Login

HERE = "192.0.2.7"


@attrs.define
class Scene:
    """Ada and her devices, at a moment that the test chooses."""

    store: MemoryStore
    people: Identities
    devices: Devices
    now_ms: int
    ended: list[tuple[str, Collection[str]]]

    async def log_in(self, token: str, *, may_replace: bool = True, name: str | None = None) -> str | None:
        """Log in with this token; the one that is told in its place."""
        login = await self.devices.authenticate(token)
        return await self.devices.note_login(login, token, may_replace=may_replace, name=name)

    async def is_known(self, token: str) -> bool:
        """Whether somebody can log in with this token."""
        with suppress(Refused):
            await self.devices.authenticate(token)
            return True
        return False

    async def login(self, token: str) -> Login:
        """What this token stands for."""
        return await self.devices.authenticate(token)

    async def of(self, person: Person) -> list[Device]:
        """The person's devices."""
        return (await self.devices.of_person(person))[0]


@asynccontextmanager
async def open_scene(disk: MemoryDisk | None = None) -> AsyncIterator[Scene]:
    """An empty store, or that of the disk."""
    with trio.fail_after(PATIENCE_S):
        async with open_memory_store(disk) as store:
            ended: list[tuple[str, Collection[str]]] = []
            scene: Scene
            people = Identities(store, now_ms=lambda: scene.now_ms)
            devices = Devices(
                store,
                await store.server_identity(),
                now_ms=lambda: scene.now_ms,
                on_logged_out=lambda person, ids: ended.append((person, ids)),
            )
            scene = Scene(store, people, devices, 1_000_000, ended)
            yield scene


async def test_the_server_is_the_same_after_a_restart_and_another_with_another_log() -> None:
    disk = MemoryDisk()
    async with open_memory_store(disk) as store:
        first = await store.server_identity()
    async with open_memory_store(disk) as store:
        assert await store.server_identity() == first
    async with open_memory_store() as store:
        other = await store.server_identity()
    assert other.id != first.id
    assert other.token_key != first.token_key
    assert first.token_key.hex() not in repr(first), "whatever is logged"


# --- tokens are replaced ---


async def test_a_token_is_replaced_when_it_is_old_and_only_for_who_asks() -> None:
    async with open_scene() as scene:
        _, token = await scene.people.register("Ada")
        assert await scene.log_in(token) is None
        scene.now_ms += TOKEN_LIFE_MS
        assert await scene.log_in(token, may_replace=False) is None
        new = await scene.log_in(token)
        assert new is not None
        assert new != token
        assert (await scene.login(new)).person == (await scene.login(token)).person
        assert (await scene.login(new)).device.id == (await scene.login(token)).device.id
        assert await scene.log_in(new) is None, "it is new"


async def test_a_lost_welcome_locks_nobody_out() -> None:
    async with open_scene() as scene:
        _, token = await scene.people.register("Ada")
        scene.now_ms += TOKEN_LIFE_MS
        first = await scene.log_in(token)
        scene.now_ms += 10 * TOKEN_LIFE_MS
        assert await scene.log_in(token) == first, "who asks again is told the same"
        assert await scene.is_known(token)


async def test_several_tabs_that_ask_at_once_are_told_the_same_token() -> None:
    async with open_scene() as scene:
        _, token = await scene.people.register("Ada")
        scene.now_ms += TOKEN_LIFE_MS
        told: list[str | None] = []

        async def tab() -> None:
            told.append(await scene.log_in(token))

        with scene.store.holding_commits():
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(tab)
                await trio.testing.wait_all_tasks_blocked()
                scene.store.may_commit.set()
        assert len(set(told)) == 1
        assert None not in told


async def test_the_old_token_goes_once_the_new_one_is_used_and_a_crash_cannot_bring_it_back() -> None:
    async with open_scene() as scene:
        _, token = await scene.people.register("Ada")
        scene.now_ms += TOKEN_LIFE_MS
        new = await scene.log_in(token)
        assert new is not None
        await scene.log_in(new)
        assert await scene.is_known(token), "a browser may not have written the new one to its disk yet"
        scene.now_ms += SETTLE_MS
        await scene.log_in(new)
        assert not await scene.is_known(token)
        assert await scene.is_known(new)


async def test_a_token_that_cannot_be_saved_is_not_told_and_the_login_succeeds() -> None:
    async with open_scene() as scene:
        _, token = await scene.people.register("Ada")
        scene.now_ms += TOKEN_LIFE_MS
        login = await scene.login(token)
        with scene.store.unavailable():
            assert await scene.devices.note_login(login, token, may_replace=True) is None
        assert await scene.log_in(token) is not None


async def test_after_a_restored_backup_the_old_token_is_replaced_by_the_same_new_one() -> None:
    disk = MemoryDisk()
    async with open_scene(disk) as scene:
        _, token = await scene.people.register("Ada")
        backup = MemoryDisk()
        backup.connection.deserialize("main", disk.connection.serialize("main"))
        scene.now_ms += TOKEN_LIFE_MS
        new = await scene.log_in(token)
    async with open_scene(backup) as scene:
        scene.now_ms += TOKEN_LIFE_MS
        assert not await scene.is_known(str(new))
        assert await scene.log_in(token) == new


async def test_nothing_of_a_token_or_a_code_is_kept_but_its_hash() -> None:
    disk = MemoryDisk()
    async with open_scene(disk) as scene:
        login, token = await scene.people.register("Ada")
        ada = login.person
        code = await scene.devices.make_recovery_code(ada)
        scene.now_ms += TOKEN_LIFE_MS
        new = await scene.log_in(token)
    for secret in (token, str(new), code, code.replace("-", "")):
        assert secret.encode() not in disk.contents()


# --- the list ---


async def test_when_a_device_was_used_is_known_to_the_hour() -> None:
    async with open_scene() as scene:
        login, token = await scene.people.register("Ada", device_name="Chrome on Android")
        ada = login.person
        made_at = scene.now_ms
        scene.now_ms += USE_NOTED_MS - 1
        await scene.log_in(token)
        (device,) = await scene.of(ada)
        assert (device.name, device.created_ms, device.used_ms) == ("Chrome on Android", made_at, made_at)
        scene.now_ms += 1
        await scene.log_in(token)
        (device,) = await scene.of(ada)
        assert (device.created_ms, device.used_ms) == (made_at, scene.now_ms)
        await scene.log_in(token, name="Firefox on Windows")
        assert [device.name for device in await scene.of(ada)] == ["Firefox on Windows"]


async def test_one_device_too_many_logs_out_the_one_not_used_for_longest() -> None:
    async with open_scene() as scene:
        login, first = await scene.people.register("Ada")
        ada = login.person
        await scene.people.register("Bob")
        code = await scene.devices.make_recovery_code(ada)
        tokens = [first]
        for _ in range(MAX_DEVICES - 1):
            scene.now_ms += USE_NOTED_MS
            address = f"2001:db8::{len(tokens) // GUESSES_AT_ONCE}"
            tokens.append(await scene.devices.add_by_recovery_code(code, address=address))
        await scene.log_in(first)
        oldest = (await scene.login(tokens[1])).device.id
        tokens.append(await scene.devices.add_by_recovery_code(code, address="192.0.2.8"))
        assert scene.ended == [(ada.id, [oldest])]
        assert [await scene.is_known(token) for token in tokens] == [True, False] + [True] * (MAX_DEVICES - 1)


async def test_logging_out_is_of_ones_own_devices_only() -> None:
    async with open_scene() as scene:
        login, token = await scene.people.register("Ada")
        ada = login.person
        login, other = await scene.people.register("Bob")
        bob = login.person
        (device,) = await scene.of(ada)
        with pytest.raises(Refused) as refused:
            await scene.devices.log_out(bob, only=device.id)
        assert refused.value.code == "no_such_device"
        assert await scene.is_known(token)
        await scene.devices.log_out(ada, only=device.id)
        assert not await scene.is_known(token)
        assert await scene.is_known(other)
        assert scene.ended == [(ada.id, [device.id])]


async def test_who_logs_in_while_the_device_is_logged_out_is_told_of_it() -> None:
    async with open_scene() as scene:
        login, token = await scene.people.register("Ada")
        ada = login.person
        with scene.devices.logging_in() as logged_out:
            login = await scene.login(token)
            await scene.devices.log_out(ada, only=login.device.id)
            assert logged_out == {login.device.id}
        with scene.devices.logging_in() as logged_out:
            pass
        assert logged_out == set()


# --- recovery ---


async def test_a_recovery_code_makes_new_devices_however_it_is_typed() -> None:
    async with open_scene() as scene:
        login, token = await scene.people.register("Ada")
        ada = login.person
        assert not (await scene.login(token)).has_recovery
        code = await scene.devices.make_recovery_code(ada)
        assert len(code.replace("-", "")) == RECOVERY_CHARS
        assert set(code) - {"-"} <= set(ALPHABET)
        assert (await scene.login(token)).has_recovery
        for typed in (code, code.lower(), code.replace("-", " ")):
            found = await scene.login(await scene.devices.add_by_recovery_code(typed, address=HERE, name="x"))
            assert found.person == ada
        assert len(await scene.of(ada)) == 4


async def test_a_new_recovery_code_makes_the_old_one_void() -> None:
    async with open_scene() as scene:
        login, _ = await scene.people.register("Ada")
        ada = login.person
        old = await scene.devices.make_recovery_code(ada)
        new = await scene.devices.make_recovery_code(ada)
        with pytest.raises(Refused) as refused:
            await scene.devices.add_by_recovery_code(old, address=HERE)
        assert refused.value.code == "bad_link"
        await scene.devices.add_by_recovery_code(new, address=HERE)


async def test_codes_of_all_kinds_are_tried_out_of_one_bucket() -> None:
    async with open_scene() as scene:
        login, _ = await scene.people.register("Ada")
        ada = login.person
        code = await scene.devices.make_device_code(ada)
        for address in ("198.51.100.1", "198.51.100.2"):  # the second has what is for all who used up theirs
            for _ in range(GUESSES_AT_ONCE):
                with pytest.raises(Refused):
                    await scene.devices.add_by_recovery_code("WRNG", address=address)
        refusals = set()
        for _ in range(GUESSES_AT_ONCE + 1):
            with pytest.raises(Refused) as refused:
                await scene.devices.whose(device_code="WRNG", recovery_code=None, address="198.51.100.1")
            refusals.add(refused.value.code)
        assert refusals == {"bad_link", "rate_limited"}
        whose = await scene.devices.whose(device_code=code, recovery_code=None, address=HERE)
        assert (whose.id, whose.name) == (ada.id, "Ada")
        await scene.devices.add_by_device_code(code, address=HERE)
