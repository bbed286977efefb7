"""The curves of `bench.growth`: what grows, and what is measured at each size."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import attrs

from bench.chatter import Chatter
from bench.growing_server import QUIET_S, SAMPLE, command, hello, scratch, serving
from bench.population import Population, name_of_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.crowd import Client
    from bench.growing_server import Server


REPEATS = 5
"""So often a thing is measured that is done once."""

WATCHING_S = 12.0


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


# -- connections --


def _connections(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    with scratch() as directory, serving(directory) as server:
        empty_kib = server.rss_kib()
        members: list[Client] = []
        for size in sizes:
            _come(server, members, size - REPEATS * SAMPLE - len(members), f"first {size}")
            server.settle()
            each = []
            for repeat in range(REPEATS):  # in some of them all were told of presence meanwhile
                each.append(_come(server, members, SAMPLE, f"last {size}-{repeat}"))
                server.settle()
            costs = {name: statistics.median(one[name] for one in each) for name in each[0]}
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
            lambda: crowd.say(came, lambda one: hello(name=f"{name} {one}"), "welcome"), count
        ),
        "join": server.cost_us(
            lambda: crowd.say(came, lambda one: command("join", one, room="lobby"), "joined"), count
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
            lambda _: command("send", 0, room="lobby", text="." * 100),
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
    server.crowd.say(clients, lambda one: command("watch", one, room=room), "watching")


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
        "hello": server.cost_us(lambda: crowd.say(known, lambda one: hello(tokens[one]), "welcome"), SAMPLE),
        "new": server.cost_us(
            lambda: crowd.say(new, lambda one: hello(name=f"new {size} {one}"), "welcome"), SAMPLE
        ),
    }
    crowd.say(known[:1], lambda one: command("join", one, room="lobby"), "joined")
    costs["mention"] = server.each(
        known[0], lambda one: command("mentionable", one, room="lobby", query=f"person 00{one}"), "people"
    )
    costs["profile"] = server.each(known[0], lambda one: command("people", one, ids=[f"p-{one}"]), "people")
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
    joining = iter(clients[1:])
    costs = {
        "open": server.cost_us(
            lambda: crowd.say(clients[:1], lambda one: command("join", one, room="town"), "joined")
        )
        / 1000,
        "join": statistics.median(
            server.cost_us(
                lambda: crowd.say([next(joining)], lambda one: command("join", one, room="town"), "joined")
            )
            for _ in clients[1:]
        ),
        "send": server.each(clients[0], lambda one: command("send", one, room="town", text="."), "ack"),
        "info": server.each(clients[0], lambda one: command("info", one, room="town"), "info") / 1000,
    }
    entering = iter(new)
    costs["enter"] = statistics.median(
        server.cost_us(
            lambda: crowd.say([next(entering)], lambda one: command("enter", one, room="town"), "ack")
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
        "directory": server.each(client, lambda one: command("directory", one), "directory") / 1000,
        "find": server.each(
            client, lambda one: command("directory", one, query=f"room-{size - 1 - one}"), "directory"
        )
        / 1000,
        "create": server.each(
            client, lambda one: command("create", one, kind="public", room=f"new-{size}-{one}"), "ack"
        ),
        "join": server.each(client, lambda one: command("join", one, room=name_of_room(one)), "joined"),
        "send": server.each(
            client, lambda one: command("send", one, room=name_of_room(one), text="."), "ack"
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
                    "hello": _cost_of_hello(server, hello(token)) / 1000,
                    "back": _cost_of_hello(server, {**hello(token), "since": first.stamp}),
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
    server.crowd.say([client, other], lambda one: command("join", one, room="lobby"), "joined")
    words = chatter.words["english"]

    def search(first: int) -> float:
        return (
            server.each(
                client, lambda one: command("search", one, room="lobby", query=words[first + one]), "found"
            )
            / 1000
        )

    return {
        "start": server.start_s * 1000,
        "send": server.each(client, lambda one: command("send", one, room="lobby", text="."), "ack"),
        "join": server.each(other, lambda one: command("join", one, room="lobby"), "joined"),
        "history": server.each(
            client, lambda one: command("history", one, room="lobby", after=10 * one), "history"
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
            Cost("join", "its join", why="all are told meanwhile of those who came; where nobody looks it is flat"),
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
            Cost("info", "a page of its members", "ms", why="a page has 1,000"),
            Cost("enter", "become a member", why="its list tells how many there are: they are counted"),
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
            Cost("back", "hello of who has them, and nothing changed", why="what changed is looked for in all of them"),
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
