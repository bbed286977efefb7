"""Presence, typing and read markers of one room, without connections."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.model.records import ReadMarker
from trio_chat.presence.attendance import (
    MAX_NAMES,
    MAX_NAMES_SENT,
    TYPING_PAUSE_S,
    Attendance,
    Typists,
    may_name,
)
from trio_chat.presence.read_markers import ReadMarkers


def marker(person: str, delivered: int, read: int = 0) -> ReadMarker:
    return ReadMarker("lobby", person, delivered, read)


# Attendance


def test_a_person_is_present_from_their_first_screen_to_their_last() -> None:
    attendance = Attendance[str]()
    attendance.add("phone", "ada")
    attendance.add("laptop", "ada")
    assert attendance.take_changes() == (["ada"], [])
    assert (attendance.count, len(attendance), attendance.people()) == (1, 2, ["ada"])
    attendance.discard("phone")
    assert attendance.take_changes() == ([], [])
    attendance.discard("laptop")
    attendance.discard("laptop")
    assert attendance.take_changes() == ([], ["ada"])
    assert (attendance.count, len(attendance), attendance.people()) == (0, 0, [])


def test_between_broadcasts_come_and_gone_is_gone_and_back_is_come() -> None:
    attendance = Attendance[str]()
    attendance.add("a", "ada")
    attendance.discard("a")
    attendance.add("b", "bob")
    assert attendance.take_changes() == (["bob"], ["ada"])
    attendance.discard("b")
    attendance.add("b again", "bob")
    assert attendance.take_changes() == (["bob"], []), "who came in between has not heard of Bob"


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["come", "go", "tell", "look"]))))
def test_applying_all_changes_gives_the_present_people(steps: list[tuple[str, str]]) -> None:
    attendance, here, looking = Attendance[str](), set[str](), set[str]()
    for name, step in steps:
        if step == "come":
            attendance.add(name, name.upper())
        elif step == "go":
            attendance.discard(name)
        elif step == "look":  # another client asks, between two broadcasts
            looking = set(attendance.people())
        else:
            came, went = attendance.take_changes()
            here = (here | set(came)) - set(went)
            looking = (looking | set(came)) - set(went)
            assert here == looking == set(attendance.people())
    assert {attendance.connection_of(person).upper() for person in attendance.people()} == set(
        attendance.people()
    )


def test_the_list_of_present_people_is_bounded() -> None:
    attendance = Attendance[int]()
    for number in range(MAX_NAMES + 5):
        attendance.add(number, f"p-{number}")
    assert (len(attendance.people()), attendance.count) == (MAX_NAMES, MAX_NAMES + 5)


def test_in_a_large_room_only_few_people_are_named() -> None:
    assert may_name(MAX_NAMES, MAX_NAMES_SENT // MAX_NAMES)
    assert not may_name(MAX_NAMES + 1, 1)
    assert may_name(5, 10_000)
    assert not may_name(6, 10_000)


# Typing


def test_typing_notices_of_a_person_have_a_pause_between_them() -> None:
    typists = Typists()
    assert typists.may_notify("ada", 0)
    assert not typists.may_notify("ada", TYPING_PAUSE_S - 0.1)
    assert typists.may_notify("bob", TYPING_PAUSE_S - 0.1)
    assert typists.may_notify("ada", TYPING_PAUSE_S)
    assert not typists.may_notify("bob", TYPING_PAUSE_S)


# Read markers


def test_read_markers_never_go_back_and_reading_implies_receiving() -> None:
    markers = ReadMarkers("lobby")
    assert markers.move("ada", delivered=5, read=0)
    assert not markers.move("ada", delivered=3, read=0)
    assert markers.move("ada", delivered=0, read=7)
    assert markers.take_moved() == [marker("ada", 7, 7)]
    assert not markers.move("ada", delivered=7, read=6)
    assert (markers.take_moved(), markers.has_moved) == ([], False)


def test_learning_saved_markers_keeps_newer_ones() -> None:
    markers = ReadMarkers("lobby")
    markers.move("ada", delivered=5, read=1)
    markers.note_saved(markers.take_moved())
    markers.learn([marker("ada", 3, 2), marker("bob", 4, 4)])
    assert markers.latest() == [marker("ada", 5, 2), marker("bob", 4, 4)]
    assert not markers.move("bob", delivered=4, read=3)


def test_unsaved_markers_are_not_given_out() -> None:
    markers = ReadMarkers("lobby")
    markers.learn([marker("ada", 3, 2)])
    markers.move("ada", delivered=5, read=5)
    assert markers.latest() == [marker("ada", 3, 2)]
    taken = markers.take_moved()
    markers.move("ada", delivered=7, read=5)
    assert markers.latest() == [marker("ada", 3, 2)]
    markers.note_saved(taken)
    assert markers.latest() == [marker("ada", 5, 5)]
    assert not markers.move("ada", delivered=6, read=5)
    assert markers.take_moved() == [marker("ada", 7, 5)]


def test_the_markers_saved_last_come_first() -> None:
    markers = ReadMarkers("lobby")
    markers.learn([marker("ada", 3), marker("bob", 4)])
    markers.move("cleo", delivered=1, read=0)
    markers.move("ada", delivered=4, read=0)
    markers.note_saved(markers.take_moved())
    assert [one.person for one in markers.latest(2)] == ["ada", "cleo"]


def test_markers_put_back_are_taken_again_in_their_newest_state() -> None:
    markers = ReadMarkers("lobby")
    markers.move("ada", delivered=1, read=0)
    markers.move("bob", delivered=1, read=0)
    taken = markers.take_moved()
    markers.move("ada", delivered=2, read=0)
    markers.put_back(taken)
    assert sorted(one.delivered for one in markers.take_moved()) == [1, 2]
    fresh = ReadMarkers("lobby")
    fresh.put_back(taken)
    assert fresh.take_moved() == taken


def test_what_another_node_has_saved_as_well_is_not_saved_again() -> None:
    markers = ReadMarkers("lobby")
    markers.move("ada", delivered=5, read=5)
    markers.move("bob", delivered=5, read=5)
    assert markers.note_elsewhere([marker("ada", 5, 5), marker("bob", 4, 4)])
    assert markers.take_moved() == [marker("bob", 5, 5)]
    assert markers.latest() == [marker("bob", 4, 4), marker("ada", 5, 5)]
