"""Measures what each thing costs as the server grows: `python -m bench.growth --out docs`.

For each curve one number grows: connections, people, members of a room, rooms, rooms in a list, messages. The costs are
the server's processor time, which other programs on the machine make longer far less than the time it takes; medians of
some samples. Whatever costs more at the end than at the beginning says why, or is told as growing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from bench import build, plot
from bench.chatter import Chatter
from bench.crowd import Crowd
from bench.measure import MeasureError, cores, free_port, raise_file_limit, stop, wait_until_serving
from bench.peers import trio_chat
from bench.population import Population, name_of_room
from bench.run import machine, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.crowd import Client

BEGIN = "<!-- growth: written by bench.growth -->"
END = "<!-- end of growth -->"

SAMPLE = 64
"""So many clients take a measured step."""

REPEATS = 5
"""So often a thing is measured that is done once."""

QUIET_S = 3.5
QUIET_SHARE = 0.03
SETTLE_S = 30.0
"""A server is quiet when it used less than this share of a core for so long: presence follows that late. It may take so
long to become quiet."""

WATCHING_S = 12.0

LEVEL = 1.6
"""What grew by less than this from the smallest to the largest size did not grow: caches, and noise."""

FREE: Mapping[str, object] = {
    "max-connections": 19_000,
    "max-open-rooms": 20_000,
    "rooms-per-person-per-day": 0,
    "searches-per-minute": 0,
    "searches-per-minute-per-address": 0,
    "idle-ping": 0,
    "hello-timeout": 0,
}
"""Settings with which nobody is refused, and nothing happens by itself."""


@attrs.frozen
class Cost:
    """One thing that costs something. ``why`` says why it may grow; ``each``: of what there are so many as the size, if
    the cost is to be told for one of them as well."""

    name: str
    title: str
    unit: str = "µs"
    why: str = ""
    each: str = ""


@attrs.frozen
class Curve:
    """Costs against one number. ``measure`` gives them for each size in turn."""

    name: str
    title: str
    sizes: Sequence[int]
    quick_sizes: Sequence[int]
    costs: Sequence[Cost]
    measure: Callable[[Sequence[int]], Iterator[dict[str, float]]]


# -- the server --


class Server:
    """A server that is measured. Made by `serving`."""

    def __init__(self, pid: int, crowd: Crowd) -> None:
        self._pid = pid
        self.crowd = crowd
        self.start_s = self.cpu_s()
        """The processor time until it served."""

    def cpu_s(self) -> float:
        """The processor time that it has used."""
        return time.clock_gettime((~self._pid << 3) | 2)  # the process's clock: `clock_getcpuclockid`

    def rss_kib(self) -> float:
        """Its resident memory."""
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024

    def cost_us(self, action: Callable[[], object], count: int = 1) -> float:
        """The processor time of an action, for each of so many."""
        before = self.cpu_s()
        action()
        return (self.cpu_s() - before) / count * 1e6

    def settle(self) -> None:
        """Wait until it does nothing more."""
        end, quiet_since = time.monotonic() + SETTLE_S, time.monotonic()
        while (now := time.monotonic()) < min(end, quiet_since + QUIET_S):
            before = self.cpu_s()
            self.crowd.listen(0.25)
            if self.cpu_s() - before > QUIET_SHARE * (time.monotonic() - now):
                quiet_since = time.monotonic()

    def log_in(self, tokens: Sequence[str]) -> list[Client]:
        """These people, connected and with their lists."""
        clients = self.crowd.open(len(tokens))
        self.crowd.say(clients, lambda number: _hello(tokens[number]), "welcome")
        return clients

    def each(self, client: Client, make: Callable[[int], Mapping[str, object]], answer: str) -> float:
        """What a command costs that one client says again and again."""
        numbers = iter(range(SAMPLE))
        return statistics.median(
            self.cost_us(lambda: self.crowd.say([client], lambda _: make(next(numbers)), answer))
            for _ in range(SAMPLE // 2)
        )


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[Server]:
    """A server over this directory, alone on its core, and a crowd for it."""
    port, log = free_port(), directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            trio_chat(port, directory, more={**FREE, "data": directory}),
            stdout=output,
            stderr=output,
            preexec_fn=lambda: os.sched_setaffinity(0, {cores()[0]}),
        )
    try:
        wait_until_serving(process, port, log)
        with Crowd(port) as crowd:
            server = Server(process.pid, crowd)
            server.settle()
            yield server
        if process.poll() is not None:
            raise MeasureError(f"The server died: {log.read_text()[-300:]!r}")
    finally:
        stop(process)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """An empty directory."""
    directory = build.BUILD / "growth"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _hello(token: str | None = None, name: str | None = None) -> dict[str, object]:
    who = {"name": name} if token is None else {"token": token}
    return {"type": "hello", "lists": True, **who}


def _command(kind: str, number: int, /, **fields: object) -> dict[str, object]:
    return {"type": kind, "id": f"{kind}-{number}-{time.monotonic_ns():x}", **fields}


# -- connections --


def _connections(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    with scratch() as directory, serving(directory) as server:
        empty_kib = server.rss_kib()
        members: list[Client] = []
        for size in sizes:
            _come(server, members, size - SAMPLE - len(members), f"first {size}")
            server.settle()
            costs = _come(server, members, SAMPLE, f"last {size}")
            server.settle()
            costs["memory"] = (server.rss_kib() - empty_kib) / len(members)
            costs["message"] = statistics.median(_tell_all(server, members) for _ in range(REPEATS))
            costs["tick"] = statistics.median(_one_goes(server, members) for _ in range(3)) / 1000
            costs["presence"] = _share_of_presence(server, members)
            costs["lost"] = _go(server, members, SAMPLE)
            yield costs


def _come(server: Server, members: list[Client], count: int, name: str) -> dict[str, float]:
    """So many more come into the lobby and look at it; what each step of it cost for one of them."""
    came: list[Client] = []
    crowd = server.crowd
    costs = {
        "accept": server.cost_us(lambda: came.extend(crowd.open(count)), count),
        "hello": server.cost_us(
            lambda: crowd.say(came, lambda one: _hello(name=f"{name} {one}"), "welcome"), count
        ),
        "join": server.cost_us(
            lambda: crowd.say(came, lambda one: _command("join", one, room="lobby"), "joined"), count
        ),
        "watch": server.cost_us(lambda: _look(server, came, "lobby"), count),
    }
    members += came
    return costs


def _tell_all(server: Server, members: Sequence[Client]) -> float:
    """One message, until all have heard it."""

    def tell() -> None:
        server.crowd.say(
            members[:1],
            lambda _: _command("send", 0, room="lobby", text="." * 100),
            "message",
            heard_by=members,
        )

    return server.cost_us(tell)


def _one_goes(server: Server, members: Sequence[Client]) -> float:
    """One looks away, or back; until all were told who are."""
    idle_us = server.cost_us(lambda: server.crowd.listen(QUIET_S))
    _look(server, members[-1:], None)
    cost = server.cost_us(server.settle) - idle_us
    _look(server, members[-1:], "lobby")
    server.settle()
    return cost


def _look(server: Server, clients: Sequence[Client], room: str | None) -> None:
    """They look at this room, or at none."""
    server.crowd.say(clients, lambda one: _command("watch", one, room=room), "watching")


def _share_of_presence(server: Server, members: Sequence[Client]) -> float:
    """The share of a core, in percent, while somebody comes or goes all the time."""

    def come_and_go(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _look(server, members[-1:], None)
            server.crowd.listen(0.25)
            _look(server, members[-1:], "lobby")
            server.crowd.listen(0.25)

    come_and_go(4.0)
    started = time.monotonic()
    cost = server.cost_us(lambda: come_and_go(WATCHING_S))
    return cost / 1e4 / (time.monotonic() - started)


def _go(server: Server, members: list[Client], count: int) -> float:
    """The last ones look away, and are lost."""
    gone = members[-count:]
    _look(server, gone, None)
    server.settle()
    del members[-count:]

    def lose() -> None:
        server.crowd.cut(gone)
        server.crowd.listen(0.5)

    return server.cost_us(lose, count)


# -- people, members, rooms, lists --


def _people(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    with scratch() as directory:
        population = Population(directory)
        for size in sizes:
            population.add_people(size)
            with serving(directory) as server:
                yield _cost_of_people(server, population, size)


def _cost_of_people(server: Server, population: Population, size: int) -> dict[str, float]:
    crowd = server.crowd
    server.log_in(population.tokens[: SAMPLE // 2])  # warm
    known, new = crowd.open(SAMPLE), crowd.open(SAMPLE)
    tokens = population.tokens[-SAMPLE:]
    costs = {
        "hello": server.cost_us(lambda: crowd.say(known, lambda one: _hello(tokens[one]), "welcome"), SAMPLE),
        "new": server.cost_us(
            lambda: crowd.say(new, lambda one: _hello(name=f"new {size} {one}"), "welcome"), SAMPLE
        ),
    }
    crowd.say(known[:1], lambda one: _command("join", one, room="lobby"), "joined")
    costs["mention"] = server.each(
        known[0], lambda one: _command("mentionable", one, room="lobby", query=f"person 00{one}"), "people"
    )
    costs["profile"] = server.each(known[0], lambda one: _command("people", one, ids=[f"p-{one}"]), "people")
    return costs


def _members(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    with scratch() as directory:
        population = Population(directory)
        population.add_people(sizes[-1] + SAMPLE)
        so_far = 0
        for size in sizes:
            population.add_members("town", range(so_far, size))
            so_far = size
            with serving(directory) as server:
                yield _cost_of_members(server, population, size)
            so_far += SAMPLE  # they entered


def _cost_of_members(server: Server, population: Population, size: int) -> dict[str, float]:
    crowd = server.crowd
    clients = server.log_in(population.tokens[: SAMPLE // 2])
    new = server.log_in(population.tokens[size : size + SAMPLE])
    costs = {
        "open": server.cost_us(
            lambda: crowd.say(clients[:1], lambda one: _command("join", one, room="town"), "joined")
        )
        / 1000,
        "join": server.cost_us(
            lambda: crowd.say(clients[1:], lambda one: _command("join", one, room="town"), "joined"),
            len(clients) - 1,
        ),
        "send": server.each(clients[0], lambda one: _command("send", one, room="town", text="."), "ack"),
        "info": server.each(clients[0], lambda one: _command("info", one, room="town"), "info") / 1000,
    }
    entering = iter(new)
    costs["enter"] = statistics.median(
        server.cost_us(
            lambda: crowd.say([next(entering)], lambda one: _command("enter", one, room="town"), "ack")
        )
        for _ in new
    )
    return costs


def _rooms(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    with scratch() as directory:
        population = Population(directory)
        population.add_people(4 * SAMPLE)
        for size in sizes:
            population.add_rooms(size)
            with serving(directory) as server:
                yield _cost_of_rooms(server, population, size)


def _cost_of_rooms(server: Server, population: Population, size: int) -> dict[str, float]:
    (client,) = server.log_in(population.tokens[:1])
    return {
        "directory": server.each(client, lambda one: _command("directory", one), "directory") / 1000,
        "find": server.each(
            client, lambda one: _command("directory", one, query=f"room-{size - 1 - one}"), "directory"
        )
        / 1000,
        "create": server.each(
            client, lambda one: _command("create", one, kind="public", room=f"new-{size}-{one}"), "ack"
        ),
        "join": server.each(client, lambda one: _command("join", one, room=name_of_room(one)), "joined"),
        "send": server.each(
            client, lambda one: _command("send", one, room=name_of_room(one), text="."), "ack"
        ),
    }


def _lists(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    with scratch() as directory:
        population = Population(directory)
        population.add_people(4 * SAMPLE)
        population.add_rooms(sizes[-1])
        for person, size in enumerate(sizes):
            population.add_to_list(person, range(size))
        with serving(directory) as server:
            for person, _ in enumerate(sizes):
                token = population.tokens[person]
                (first,) = server.log_in([token])
                server.settle()
                yield {
                    "hello": _cost_of_hello(server, _hello(token)) / 1000,
                    "back": _cost_of_hello(server, {**_hello(token), "since": first.stamp}),
                }


def _cost_of_hello(server: Server, hello: Mapping[str, object]) -> float:
    clients = iter(server.crowd.open(SAMPLE // 2))
    return statistics.median(
        server.cost_us(lambda: server.crowd.say([next(clients)], lambda _: hello, "welcome"))
        for _ in range(SAMPLE // 2)
    )


# -- messages --


def _messages(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    with scratch() as directory:
        population = Population(directory)
        population.add_people(2)
        chatter = Chatter(1)
        so_far = 0
        for size in sizes:
            population.add_messages(chatter.text() for _ in range(size - so_far))
            so_far = size
            with serving(directory) as server:
                yield _cost_of_messages(server, population, chatter)


def _cost_of_messages(server: Server, population: Population, chatter: Chatter) -> dict[str, float]:
    client, other = server.log_in(population.tokens[:2])
    server.crowd.say([client, other], lambda one: _command("join", one, room="lobby"), "joined")
    words = chatter.words["english"]

    def search(first: int) -> float:
        return (
            server.each(
                client, lambda one: _command("search", one, room="lobby", query=words[first + one]), "found"
            )
            / 1000
        )

    return {
        "start": server.start_s * 1000,
        "send": server.each(client, lambda one: _command("send", one, room="lobby", text="."), "ack"),
        "join": server.each(other, lambda one: _command("join", one, room="lobby"), "joined"),
        "history": server.each(
            client, lambda one: _command("history", one, room="lobby", after=10 * one), "history"
        ),
        "common": search(20),
        "rare": search(20_000),
    }


CURVES = (
    Curve(
        "connections", "connections: v1 clients that all look at the lobby",
        (1_000, 2_000, 4_000, 8_000, 16_000), (500, 1_000, 2_000),
        (
            Cost("accept", "accept one"),
            Cost("hello", "its hello, with lists"),
            Cost("join", "its join"),
            Cost("watch", "it looks at the room"),
            Cost("lost", "lose one"),
            Cost("message", "tell all of one message", why="each is written to", each="connection"),
            Cost("tick", "tell all that one has gone", "ms", why="each is written to", each="connection"),
            Cost("presence", "all the time some come and go", "% of a core",
                 why="told more rarely the more it costs: 5 % at most"),
            Cost("memory", "memory of one", "KiB"),
        ),
        _connections,
    ),
    Curve(
        "people", "people known to the server", (1_000, 10_000, 100_000), (1_000, 5_000),
        (
            Cost("hello", "hello with a token, with lists"),
            Cost("new", "hello of somebody new"),
            Cost("mention", "find whom to mention, by the beginning of a name"),
            Cost("profile", "read a profile"),
        ),
        _people,
    ),
    Curve(
        "members", "members of one public room", (100, 1_000, 10_000, 100_000), (100, 1_000),
        (
            Cost("open", "open it: the first who joins", "ms", why="who may hear it is read into memory once"),
            Cost("join", "join it"),
            Cost("send", "send a message"),
            Cost("info", "a page of its members", "ms", why="a page has 1,000, but all are read for it"),
            Cost("enter", "become a member"),
        ),
        _members,
    ),
    Curve(
        "rooms", "public rooms", (1_000, 10_000, 100_000), (300, 1_000),
        (
            Cost("directory", "the first page of the directory", "ms"),
            Cost("find", "find a room by its name", "ms", why="all names are looked through"),
            Cost("create", "create a room"),
            Cost("join", "join a room"),
            Cost("send", "send a message"),
        ),
        _rooms,
    ),
    Curve(
        "lists", "rooms in one's list", (10, 100, 500, 2_000), (10, 100),
        (
            Cost("hello", "hello with lists", "ms", why="each room is told", each="room"),
            Cost("back", "hello of who has them, and nothing changed"),
        ),
        _lists,
    ),
    Curve(
        "messages", "messages in one room", (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000),
        (
            Cost("start", "start the server", "ms"),
            Cost("send", "send a message"),
            Cost("join", "join, with the latest page"),
            Cost("history", "read the oldest pages"),
            Cost("common", "search for a common word", "ms", why="bounded: docs/decisions/search.md"),
            Cost("rare", "search for a rare word", "ms", why="bounded: docs/decisions/search.md"),
        ),
        _messages,
    ),
)  # fmt: skip


# -- telling --


@attrs.frozen
class Result:
    """What was measured of one curve."""

    sizes: Sequence[int]
    costs: Sequence[Mapping[str, float]]
    others: float
    """How many cores other programs used meanwhile."""
    failed: str = ""


def run_curve(curve: Curve, sizes: Sequence[int]) -> Result:
    """Measure one curve, as far as it goes."""
    costs: list[dict[str, float]] = []
    failed = ""
    started, others = time.monotonic(), _Others()
    try:
        for size, of_size in zip(sizes, curve.measure(sizes), strict=True):
            costs.append(of_size)
            told = ", ".join(f"{cost.title} {_form(of_size[cost.name])} {cost.unit}" for cost in curve.costs)
            say(f"{curve.name:12} {size:9,}  {told}")
    except (MeasureError, OSError, ExceptionGroup) as error:
        failed = str(error)
        say(f"{curve.name:12} FAILED: {failed}")
    say(f"{curve.name:12} took {time.monotonic() - started:.0f} s")
    return Result(list(sizes[: len(costs)]), costs, others.cores(), failed)


class _Others:
    """What other programs use of the machine: all but this process and those that it started and that have ended."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before = self._used_s()

    def _used_s(self) -> float:
        user, nice, system, _, _, irq, softirq, steal = map(
            int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        )
        own = os.times()
        ticks = user + nice + system + irq + softirq + steal
        return ticks / os.sysconf("SC_CLK_TCK") - sum(own[:4])

    def cores(self) -> float:
        """How many cores, on average since this was made."""
        return (self._used_s() - self._before) / (time.monotonic() - self._started)


def _form(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def table(results: Mapping[str, Result]) -> str:
    """Markdown: for each curve a table, a row for each cost, and its plot."""
    parts = []
    for curve in CURVES:
        result = results.get(curve.name)
        if result is None or not result.costs:
            continue
        head = [curve.title, *(f"{size:,}" for size in result.sizes), "grew", ""]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        lines += [_row(cost, result) for cost in curve.costs]
        remarks = [f"It did not go further: {result.failed}\n"] if result.failed else []
        if result.others > 0.1:
            remarks.append(f"Disturbed: other programs used {result.others:.2f} cores.\n")
        parts.append(
            "\n".join([*lines, "", *remarks, f"![Costs by {curve.title}](growth-{curve.name}.svg)", ""])
        )
    return "\n".join(parts)


def _row(cost: Cost, result: Result) -> str:
    values = [of_size[cost.name] for of_size in result.costs]
    cells = [_form(value) for value in values]
    if cost.each:
        scale = {"ms": 1000, "µs": 1}[cost.unit]
        cells = [
            f"{cell} <small>({_form(value * scale / size)} µs each)</small>"
            for cell, value, size in zip(cells, values, result.sizes, strict=True)
        ]
    growth = values[-1] / values[0] if values[0] else 1.0
    grew = f"×{growth:.2g}" if growth < 100 else f"×{growth:.0f}"
    remark = "" if growth < LEVEL else cost.why or "**grows**"
    return f"| {' | '.join([f'{cost.title}, {cost.unit}', *cells, grew, remark])} |"


def drawing(curve: Curve, result: Result) -> str:
    """The plot of a curve: each cost against its own at the smallest size."""
    lines = {
        cost.title: [
            (float(size), max(of_size[cost.name] / (result.costs[0][cost.name] or 1), 0.01))
            for size, of_size in zip(result.sizes, result.costs, strict=True)
        ]
        for cost in curve.costs
    }
    return plot.svg(f"By {curve.title}", "size", "times its cost at the smallest size", lines)


def write_results(results: Mapping[str, Result], directory: Path) -> None:
    """`growth.json`, a plot for each curve, and the tables: into the page `performance.md`, if there is one."""
    directory.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "results": {name: attrs.asdict(one) for name, one in results.items()}}
    (directory / "growth.json").write_text(json.dumps(document, indent=1) + "\n")
    for curve in CURVES:
        if curve.name in results and results[curve.name].costs:
            image = drawing(curve, results[curve.name])
            (directory / f"growth-{curve.name}.svg").write_text(image)
    page = directory / "performance.md"
    before, _, rest = (page.read_text() if page.exists() else f"{BEGIN}{END}").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{rest.partition(END)[2] or chr(10)}")


def earlier_results(directory: Path) -> dict[str, Result]:
    """What earlier runs left in the directory: kept for the curves that are not measured again."""
    try:
        found = json.loads((directory / "growth.json").read_text())["results"]
    except FileNotFoundError:
        return {}
    return {name: Result(**one) for name, one in found.items()}


@click.command(help=__doc__)
@click.option("--curves", help="Curves to measure, with commas between them.", metavar="NAMES")
@click.option("--quick", is_flag=True, help="Smaller sizes: some minutes.")
@click.option("--out", type=click.Path(path_type=Path), default=build.BUILD / "results", show_default=True,
              help="The directory for the results; other curves' earlier ones are kept.")  # fmt: skip
def main(curves: str | None, quick: bool, out: Path) -> None:
    """Runs the benchmark."""
    raise_file_limit()
    results = earlier_results(out)
    for curve in CURVES:
        if curves is None or curve.name in curves.split(","):
            results[curve.name] = run_curve(curve, curve.quick_sizes if quick else curve.sizes)
            write_results(results, out)
    print(table(results))


if __name__ == "__main__":
    main()
