"""A short run of all attacks at once, which asserts no times. Long ones are for ``nox -s torture``."""

from __future__ import annotations

from tests.torture.attacks import ATTACKS
from tests.torture.strangers import besiege

MAX_MEMORY = 512 * 2**20


async def test_under_all_attacks_of_one_address_the_own_rooms_of_others_work_and_newcomers_come_in() -> None:
    noticed = await besiege(8)
    assert noticed.failures == []
    assert len(noticed.sent) == len(ATTACKS), "all of them took place"
    assert min(len(noticed.pings_s), len(noticed.acks_s)) > 5
    assert min(noticed.returns, noticed.newcomers) > 0
    assert max(noticed.rss) < MAX_MEMORY
