"""What is measured: for each workload the generator's arguments, and the figures taken from its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

Report = Mapping[str, Any]
"""What the generator printed."""


@attrs.frozen
class Figure:
    """One number of a workload. `best` says which end is better, for the ratios in the table."""

    name: str
    title: str
    take: Callable[[Report], float | None]
    best: Callable[[float, float], float] = min
    form: str = "{:.1f}"


@attrs.frozen
class Workload:
    """One way to load a server. `only` names the peers it makes sense for; `none` means all."""

    name: str
    title: str
    arguments: Mapping[str, object]
    figures: tuple[Figure, ...]
    only: frozenset[str] | None = None
    timed: bool = True
    """Whether `--quick` may shorten it."""


def phase(report: Report, name: str) -> Mapping[str, Any]:
    """What was measured in a phase."""
    found: Mapping[str, Any] = report["phases"][name]
    return found


def per(amount: str, divisor: str, during: str = "steady") -> Callable[[Report], float | None]:
    """A quotient of two figures of a phase, or nothing when it would divide by nothing."""

    def take(report: Report) -> float | None:
        found = phase(report, during)
        return found[amount] / found[divisor] if found[divisor] else None

    return take


def latency(during: str, who: str, share: str) -> Callable[[Report], float | None]:
    """This share of the latencies of a phase; nothing when there were none."""

    def take(report: Report) -> float | None:
        found = phase(report, during).get(who)
        return found[share] if found else None

    return take


def _delivered_share(report: Report) -> float | None:
    """Of what was offered in the steady phase, how much was heard within it."""
    steady = phase(report, "steady")
    offered = steady["sent"] * report["clients"]
    return 100 * steady["deliveries"] / offered if offered else None


def _last_heard(report: Report) -> float | None:
    """When the last delivery of a burst was heard; nothing when some never was."""
    complete = report["accepted"] == report["sent"] * report["clients"]
    return phase(report, "burst")["last_heard_s"] if complete else None


def resident_per_connection(report: Report) -> float | None:
    """KiB by which the server's memory grew for each idle connection."""
    grown = phase(report, "idle")["server_rss"] - phase(report, "before")["server_rss"]
    return float(grown / report["clients"] / 1024)


def connections_per_second(report: Report) -> float | None:
    """How many connections were accepted in a second."""
    return float(report["clients"] / phase(report, "open")["seconds"])


def cpu_per_connection(whose: str = "server_cpu_s") -> Callable[[Report], float | None]:
    """The processor's time for accepting a connection, in µs. ``whose``: the name of that time in a phase."""
    return lambda report: float(phase(report, "open")[whose] / report["clients"] * 1e6)


def cpu_per_message(whose: str = "server_cpu_s") -> Callable[[Report], float | None]:
    """The same for a message of the steady phase; nothing when none was sent."""

    def take(report: Report) -> float | None:
        steady = phase(report, "steady")
        return 1e6 * steady[whose] / steady["sent"] if steady["sent"] else None

    return take


def _memory_peak(report: Report) -> float | None:
    """By how much the server's memory grew at most from its steady state on."""
    steady = phase(report, "steady")["server_rss"]
    peak = max(phase(report, name)["server_rss_peak"] for name in ("stalled", "resumed", "drain"))
    return float(peak - steady) / 2**20


def _burst_memory(report: Report) -> float:
    """By how much the server's memory grew at most while all spoke at once."""
    return float(phase(report, "burst")["server_rss_peak"] - phase(report, "open")["server_rss"]) / 2**20


def _stalled_share(report: Report) -> float | None:
    """What all clients, the stalled ones included, have heard in the end, of what they should have."""
    return float(100 * report["accepted"] / (report["sent"] * report["clients"]))


def _returned(report: Report) -> float | None:
    return float(phase(report, "return")["seconds"])


_THROUGHPUT = (
    Figure("per_second", "deliveries/s", per("deliveries", "seconds"), max, "{:,.0f}"),
    Figure("per_cpu_second", "per server-CPU-second", per("deliveries", "server_cpu_s"), max, "{:,.0f}"),
    Figure("p50_ms", "p50 ms", latency("steady", "live", "p50_ms")),
    Figure("p99_ms", "p99 ms", latency("steady", "live", "p99_ms")),
)
_RATE = (
    Figure("delivered", "heard in time %", _delivered_share, max),
    Figure("p50_ms", "p50 ms", latency("steady", "live", "p50_ms")),
    Figure("p99_ms", "p99 ms", latency("steady", "live", "p99_ms")),
    Figure("last_p50_ms", "last client p50 ms", latency("steady", "last", "p50_ms")),
    Figure("cores", "cores", per("server_cpu_s", "seconds"), form="{:.2f}"),
    Figure("per_cpu_second", "per server-CPU-second", per("deliveries", "server_cpu_s"), max, "{:,.0f}"),
)
_IDLE = (
    Figure("resident_kib", "KiB per connection", resident_per_connection),
    Figure("cpu_us", "CPU µs per accept", cpu_per_connection(), form="{:,.0f}"),
    Figure("accepts", "accepts/s", connections_per_second, max, "{:,.0f}"),
    Figure("opening_p99_ms", "opening p99 ms", lambda report: report["opening"]["p99_ms"]),
)
_STALL = (
    Figure("before_p99_ms", "live p99 ms before", latency("steady", "live", "p99_ms")),
    Figure("stalled_p50_ms", "live p50 ms meanwhile", latency("stalled", "live", "p50_ms")),
    Figure("stalled_p99_ms", "live p99 ms meanwhile", latency("stalled", "live", "p99_ms")),
    Figure("resumed_p99_ms", "live p99 ms after", latency("resumed", "live", "p99_ms")),
    Figure("heard", "heard in the end %", _stalled_share, max, "{:.2f}"),
    Figure("memory_mib", "memory grew MiB", _memory_peak),
)
_STORM = (
    Figure("returned_s", "all back after s", _returned, form="{:.2f}"),
    Figure("return_cpu_s", "CPU s of that", lambda r: phase(r, "return")["server_cpu_s"], form="{:.2f}"),
    Figure("live_p99_ms", "live p99 ms before", latency("steady", "live", "p99_ms")),
    Figure("cut_p99_ms", "live p99 ms while away", latency("cut", "live", "p99_ms")),
    Figure("return_p50_ms", "live p50 ms during return", latency("return", "live", "p50_ms")),
    Figure("return_p99_ms", "live p99 ms during return", latency("return", "live", "p99_ms")),
    Figure("return_max_ms", "live max ms during return", latency("return", "live", "max_ms")),
    Figure("heard", "heard in the end %", _stalled_share, max, "{:.2f}"),
)
_INGEST = (
    Figure("messages", "messages/s", per("sent", "seconds"), max, "{:,.0f}"),
    Figure("message_us", "CPU µs per message", cpu_per_message()),
    Figure("p99_ms", "p99 ms", latency("steady", "live", "p99_ms")),
)

_WINDOW = {"workload": "window", "senders": 10, "window": 100, "seconds": 5, "warmup": 2}
_AT_RATE = {"workload": "rate", "senders": 100, "seconds": 8, "warmup": 2, "drain": 10}
RATES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Messages per second of the sweep, for the plot."""

WORKLOADS = (
    Workload("W1", "100 clients, 100 messages outstanding", {**_WINDOW, "clients": 100}, _THROUGHPUT),
    Workload("W2", "1,000 clients, 100 messages outstanding", {**_WINDOW, "clients": 1000}, _THROUGHPUT),
    Workload("light", "100 clients, 20 messages/s",
             {**_AT_RATE, "clients": 100, "rate": 20, "seconds": 15}, _RATE),
    Workload("W3", "1,000 clients, 200 messages/s", {**_AT_RATE, "clients": 1000, "rate": 200}, _RATE),
    Workload("W4", "1,000 clients, 20 messages/s", {**_AT_RATE, "clients": 1000, "rate": 20}, _RATE),
    Workload(
        "W5", "1,000 clients send at the same instant",
        {"workload": "burst", "clients": 1000, "senders": 1000, "drain": 40},
        (
            Figure("last_heard_s", "last heard s", _last_heard, form="{:.2f}"),
            Figure("cpu_s", "server CPU s", lambda r: phase(r, "burst")["server_cpu_s"], form="{:.2f}"),
            Figure("memory_mib", "memory grew MiB", _burst_memory),
        ),
    ),
    Workload("W6", "2,000 idle connections, accepting them (W7)",
             {"workload": "idle", "clients": 2000, "seconds": 2}, _IDLE),
    Workload("W6-10k", "10,000 idle connections",
             {"workload": "idle", "clients": 10000, "seconds": 2}, _IDLE),
    Workload("W7-storm", "5,000 clients cut off, back with lists and cursors 128 at a time; 50 messages/s",
             {"workload": "storm", "clients": 5000, "live": 50, "senders": 10, "rate": 50, "seconds": 4,
              "away": 2, "drain": 60, "concurrency": 128}, _STORM, only=frozenset({"trio-chat-v1"})),
    Workload("W8", "1,000 clients, 200 messages/s, one in ten stops reading for 10 s",
             {**_AT_RATE, "workload": "stall", "clients": 1000, "live": 900, "rate": 200, "seconds": 4,
              "away": 10, "drain": 20}, _STALL, timed=False),
    Workload("W8-large", "200 clients, 200 messages/s of 4,000 bytes, one in ten stops reading for 10 s",
             {**_AT_RATE, "workload": "stall", "clients": 200, "live": 180, "rate": 200, "seconds": 4,
              "away": 10, "drain": 20, "payload": 4000}, _STALL, timed=False),
    Workload("ingest", "10 clients, all senders, 1,000 messages outstanding",
             {**_WINDOW, "clients": 10, "window": 1000}, _INGEST),
    *(Workload(f"sweep-{rate}", f"1,000 clients, {rate} messages/s",
               {**_AT_RATE, "clients": 1000, "rate": rate, "seconds": 4, "warmup": 1, "drain": 1}, _RATE,
               only=frozenset({"trio-chat", "c-limit", "nats", "uws", "websockets", "node-ws"}))
      for rate in RATES),
)  # fmt: skip


def faults(report: Report) -> list[str]:
    """What the audit found wrong, in words; empty when every message was heard once, in one order, by all.

    Not heard by the end of the wait: the server fell behind. Missing between messages that were heard: lost.
    """
    found = [
        (report["lost"], "deliveries lost"),
        (report["duplicates"], "doubled"),
        (report["misordered"], "out of a sender's order"),
        (report["disagreeing_clients"], f"of {report['clients']} clients heard another order"),
        (report["undelivered"], "deliveries not heard at the end"),
        (report["corrupt"], "frames damaged"),
        (report["seq_gaps"], "gaps in seq"),
        (report["resets"], "told to start again"),
        (report["errors"], "errors answered"),
        (report["connections_lost"], "connections lost"),
    ]
    texts = [f"{count:,} {what}" for count, what in found if count]
    if texts and report["first_error"]:
        texts.append(f"first: {report['first_error']}")
    return texts


def disturbance(report: Report) -> float:
    """How many cores other programs used while it was measured. Above a tenth, figures are worth little."""
    phases = report["phases"].values()
    seconds = sum(each["seconds"] for each in phases)
    return float(sum(each["others_cpu_s"] for each in phases) / seconds)
