"""Checks the benchmark itself: `python -m bench.selfcheck`.

The audit must find every kind of fault, and none where there is none. The C broadcaster is made to drop,
double or swap one delivery in a thousand.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench import build
from bench.measure import measure, raise_file_limit
from bench.peers import LIMIT, PEERS, Peer

if TYPE_CHECKING:
    from bench.workloads import Report

RATE = {"workload": "rate", "clients": 50, "senders": 10, "rate": 2000, "seconds": 1, "warmup": 0.2}
WINDOW = {"workload": "window", "clients": 50, "seconds": 1, "warmup": 0.2}
BURST = {"workload": "burst", "clients": 200, "senders": 200}
STALL = {"workload": "stall", "clients": 50, "live": 40, "senders": 10, "rate": 500, "seconds": 1, "away": 1,
         "payload": 4000}  # fmt: skip


def _faulty(fault: str) -> Peer:
    return Peer(fault, fault, lambda port, _: [build.C_LIMIT, "--port", str(port), f"--{fault}", "1000"])


def _is_clean(report: Report) -> bool:
    wrong = ("lost", "undelivered", "duplicates", "misordered", "disagreeing_clients", "corrupt", "foreign")
    complete: bool = report["accepted"] == report["sent"] * report["clients"] > 0
    return complete and not any(report[key] for key in wrong)


def _dropped(report: Report) -> bool:
    missing = report["sent"] * report["clients"] - report["accepted"]
    exactly: bool = report["lost"] + report["undelivered"] == missing and report["duplicates"] == 0
    return exactly and _about_one_in_a_thousand(report, missing)


def _doubled(report: Report) -> bool:
    nothing_else: bool = report["lost"] + report["misordered"] == 0
    return nothing_else and _about_one_in_a_thousand(report, report["duplicates"])


def _swapped(report: Report) -> bool:
    nothing_else: bool = report["lost"] + report["duplicates"] + report["undelivered"] == 0
    return nothing_else and report["disagreeing_clients"] > 1


def _about_one_in_a_thousand(report: Report, count: int) -> bool:
    expected: float = report["sent"] * report["clients"] / 1000
    return 0.9 * expected < count < 1.1 * expected


def main() -> None:
    """Exits with 1 and a sentence for each check that failed."""
    raise_file_limit()
    build.build_c()
    sound, naive = (peer for peer in PEERS if peer.name in (LIMIT, "c-naive"))
    checks = [
        ("a sound server at a rate is clean", sound, RATE, _is_clean),
        ("a sound server with a window is clean", sound, WINDOW, _is_clean),
        ("a sound server in a burst is clean", sound, BURST, _is_clean),
        ("clients that stop reading for a while and then hear everything are clean", sound, STALL, _is_clean),
        ("a send per message is clean", naive, RATE, _is_clean),
        ("dropped deliveries are counted as lost", _faulty("drop"), RATE, _dropped),
        ("doubled deliveries are counted as duplicates", _faulty("dup"), RATE, _doubled),
        ("swapped deliveries are found as another order", _faulty("swap"), BURST, _swapped),
    ]
    failures = 0
    for what, peer, arguments, check in checks:
        report = measure(peer, arguments)
        good = check(report)
        failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}" + ("" if good else f": {report}"))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
