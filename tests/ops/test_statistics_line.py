"""The statistics line in the operator's log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from tests.support.core import open_core
from tests.support.nodes import open_nodes
from trio_chat.ops import statistics_line
from trio_chat.ops.statistics_line import LOG_EVERY_S, log_statistics
from trio_chat.store.contract.statistics import NodeStatistics

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock


async def test_statistics_are_logged_at_intervals_and_at_the_end(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trio_chat.ops.statistics_line")
    async with open_core() as core, trio.open_nursery() as nursery:
        nursery.start_soon(log_statistics, core.server, core.rooms, core.store)
        ada, _bob = await core.open_person("Ada"), await core.open_person("Bob")
        await ada.tell("send", room="lobby", text="counted")
        await trio.sleep(2.5 * LOG_EVERY_S)
        (line,) = _lines(caplog)  # the second time it had not changed
        assert line.startswith("clients 2 (of 2, 0 turned away, 0 faults); rooms 2, messages 1 in 1 batches")
        assert "deliveries 2," in line
        assert "waiting 0 bytes" in line
        nursery.cancel_scope.cancel()
    assert len(_lines(caplog)) == 2


async def test_where_there_are_nodes_the_line_ends_with_them(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trio_chat.ops.statistics_line")
    async with open_nodes() as (store, one, two), trio.open_nursery() as nursery:
        store.nodes = NodeStatistics(retries=3, in_doubt=1, rings=70, heard=140)
        nursery.start_soon(log_statistics, one.server, one.rooms, one.store)
        bob = await two.open_person("Bob")
        await bob.tell("send", room="lobby", text="counted")
        await trio.sleep(1.5 * LOG_EVERY_S)
        (line,) = _lines(caplog)
        assert line.endswith(
            "; nodes 2, behind the log 0 events for 0.0 s, 1 events of others read, "
            "3 retries, 1 in doubt, rings 70 sent, 140 heard"
        )
        nursery.cancel_scope.cancel()


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What this module has logged; others do as well, if a test before has set the level for all."""
    return [record.getMessage() for record in caplog.records if record.name == statistics_line.__name__]
