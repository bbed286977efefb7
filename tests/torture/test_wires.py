"""A network that is slow, or loses what is sent, is one."""

from __future__ import annotations

import pytest

from tests.torture.disk import Skipped
from tests.torture.network import open_network
from tests.torture.wires import Quality

N_PINGS = 20


@pytest.mark.thorough
async def test_a_wire_is_as_slow_and_loses_as_much_as_it_is_told() -> None:
    try:
        async with open_network(2) as (spoiled, good):
            await spoiled.set_quality(Quality(delay_s=0.05, loss=0.1, doubled=0.1))
            pings_s = [await spoiled.ping() for _ in range(N_PINGS)]
            assert min(ping_s or 0 for ping_s in pings_s) >= 0.1
            counts = await spoiled.counts()
            assert counts.late >= 2 * N_PINGS
            assert counts.lost
            assert counts.doubled
            assert await good.ping() is not None
            assert not (await good.counts()).late
            await spoiled.set_quality(Quality())
            counts = await spoiled.counts()
            assert await spoiled.ping() is not None
            assert await spoiled.counts() == counts
    except Skipped as skipped:
        pytest.skip(f"NOT TESTED: {skipped}")
