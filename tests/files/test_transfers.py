"""Transfers: they end with the server, and when nobody may have them any more."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from trio_chat.errors import Refused, StoreUnavailable
from trio_chat.files.transfers import Transfers


async def test_stopping_ends_all_at_once_and_lets_none_begin(autojump_clock: trio.testing.MockClock) -> None:
    transfers = Transfers()
    codes: list[str] = []

    async def fetch() -> None:
        try:
            with transfers.transfer():
                await trio.sleep_forever()
        except Refused as refused:
            codes.append(refused.code)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(fetch)
        await trio.testing.wait_all_tasks_blocked()
        assert len(transfers) == 3
        transfers.stop()
    assert codes == ["stopping"] * 3
    with pytest.raises(Refused) as refused, transfers.transfer():
        pass
    assert refused.value.code == "stopping"


@pytest.mark.parametrize("how", ["no", "unknown"])
async def test_what_nobody_may_have_any_more_ends_within_a_second(
    autojump_clock: trio.testing.MockClock, how: str
) -> None:
    transfers = Transfers()
    may_go_on = True

    async def asked() -> bool:
        if not may_go_on and how == "unknown":
            raise StoreUnavailable("The disk is ill.")
        return may_go_on

    async with trio.open_nursery() as nursery:
        nursery.start_soon(transfers.run)
        changed_at = trio.current_time() + 10
        with pytest.raises(Refused) as refused:  # noqa: PT012, SIM117  (it is the inner block that is ended)
            with transfers.transfer(asked):
                await trio.sleep(10)
                may_go_on = False
                await trio.sleep_forever()
        assert refused.value.code == "forbidden"
        assert trio.current_time() - changed_at <= 1
        nursery.cancel_scope.cancel()


async def test_what_is_over_is_not_asked_about(autojump_clock: trio.testing.MockClock) -> None:
    transfers = Transfers()
    n_asked = 0

    async def asked() -> bool:
        nonlocal n_asked
        n_asked += 1
        return True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(transfers.run)
        with transfers.transfer(asked):
            await trio.sleep(10)
        n_before = n_asked
        await trio.sleep(10)
        assert n_asked == n_before >= 10
        nursery.cancel_scope.cancel()
