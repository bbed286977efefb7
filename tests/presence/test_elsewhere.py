"""Presence at other nodes: whoever follows the changes knows who is there, whatever was told in parts, twice or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.model.events import Person
from trio_chat.presence.attendance import MAX_NAMES
from trio_chat.presence.elsewhere import MAX_NAMES_OF_NODE, TOLD_S, OnlineElsewhere, RoomElsewhere


def people(ids: set[str] | list[str]) -> list[Person]:
    """People of these ids."""
    return [Person(one, one.upper()) for one in sorted(ids)]


SOME = st.sets(st.sampled_from("abcdef"))
NODES = st.sampled_from(["one", "two"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("is"), NODES, SOME, SOME),
        st.tuples(st.just("begins"), NODES, SOME, SOME),
        st.tuples(st.just("moves"), NODES, SOME, SOME),
        st.tuples(st.just("drop"), NODES, SOME, SOME),
        st.tuples(st.just("hide"), NODES, SOME, SOME),
    ),
    max_size=12,
)


@given(steps=STEPS)
def test_who_follows_the_changes_knows_who_is_there(
    steps: list[tuple[str, str, set[str], set[str]]],
) -> None:
    room = RoomElsewhere()
    known: set[str] = set()
    for what, node, some, others in steps:
        match what:
            case "is":
                room.replace(node, len(some), people(some), 0)
            case "begins":  # the rest of the names follows, or is lost
                room.replace(node, len(some | others), people(some), 0)
                room.change(node, len(some | others), people(others), [], 0)
            case "moves":
                before = {one for one in room if room.has(one)}
                room.change(node, len(before), people(some - others), sorted(others), 0)
            case "drop":
                room.drop(node)
            case _:
                for one in some:
                    room.hide(one)
        changed, _ = room.take_changed()
        for one in changed:
            (known.add if room.has(one) else known.discard)(one)
        assert set(room) <= known
        assert {room.person(one).name for one in room} == {one.upper() for one in room}
    for node in ("one", "two"):
        room.replace(node, 2, people(["a", "b"]), 0)
    changed, _ = room.take_changed()
    for one in changed:
        (known.add if room.has(one) else known.discard)(one)
    assert known == set(room) == {"a", "b"}


def test_who_is_not_named_any_more_is_gone_only_when_all_are_named() -> None:
    room = RoomElsewhere()
    room.replace("one", 3, people(["a", "b", "c"]), 0)
    room.take_changed()
    room.replace("one", 3, people(["a"]), 0)
    assert room.take_changed() == ([], False)
    assert room.unnamed == 2
    room.change("one", 2, people(["c"]), [], 0)
    assert room.take_changed() == (["b"], True)
    assert (list(room), room.count, room.unnamed) == (["a", "c"], 2, 0)


def test_names_are_bounded_and_the_count_is_not() -> None:
    room = RoomElsewhere()
    room.replace("one", 10_000, people([f"p{number}" for number in range(MAX_NAMES)]), 0)
    for part in range(10):
        room.change("one", 10_000, people([f"q{part} {number}" for number in range(MAX_NAMES)]), [], 0)
    assert len(list(room)) == MAX_NAMES_OF_NODE
    assert len(list(room)) + room.unnamed == room.count == 10_000


def test_the_count_alone_is_a_change() -> None:
    room = RoomElsewhere()
    room.replace("one", 5, [], 0)
    assert room.take_changed() == ([], True)
    room.replace("one", 5, [], 0)
    assert room.take_changed() == ([], False)
    assert room.drop("one")
    assert room.take_changed() == ([], True)
    assert not room.drop("one")
    assert not room.is_watched


def test_what_is_not_told_again_is_forgotten() -> None:
    room = RoomElsewhere()
    room.replace("one", 1, people(["a"]), 0)
    room.replace("two", 1, people(["b"]), 1)
    room.change("two", 2, people(["c"]), [], 2)
    room.take_changed()
    assert not room.age(TOLD_S - 1)
    assert room.age(TOLD_S)
    assert (list(room), room.take_changed()) == (["b", "c"], (["a"], True))
    assert not room.age(TOLD_S + 1)


def test_who_is_renamed_has_the_name() -> None:
    room = RoomElsewhere()
    room.replace("one", 1, people(["a"]), 0)
    room.set_person(Person("a", "Ada"))
    room.set_person(Person("b", "Bob"))
    assert room.person("a").name == "Ada"
    assert not room.has("b")


def test_who_is_connected_is_so_until_it_is_said_or_nothing_is_said_for_long() -> None:
    online = OnlineElsewhere()
    online.add("one", [("a", ("d1",)), ("b", ("d2", "d3"))], 0)
    online.add("two", [("a", ("d4",))], 1)
    assert online.devices("a", 1) == {"d1", "d4"}
    online.discard("one", ["a", "c"])
    online.discard("three", ["a"])
    assert [online.has(one, TOLD_S - 1) for one in "abc"] == [True, True, False]
    assert online.devices("b", 1) == {"d2", "d3"}
    assert [online.has(one, TOLD_S) for one in "abc"] == [True, False, False]
    online.age(TOLD_S)
    assert online.drop("one") == []
    assert online.drop("two") == ["a"]
    assert online.drop("two") == []
    assert not online.has("a", 0)
