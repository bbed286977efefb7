"""Presence at other nodes: who has one room on a screen there, and who is connected.

Pure: the time is passed in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import attrs

from trio_chat.presence.attendance import MAX_NAMES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from trio_chat.model.events import Person

MAX_NAMES_OF_NODE: Final = 2 * MAX_NAMES
"""So many people are known by name in one room at one node; of the others how many they are."""

TOLD_S: Final = 40.0
"""So long what another node told is taken for true: it tells it again and again."""


@attrs.define
class _AtNode:
    told_s: float
    people: dict[str, Person]
    count: int
    in_doubt: dict[str, None]
    """Who was named before and is not now, as long as not all are named: they may be among the others."""


class RoomElsewhere:
    """Presence in one room at other nodes, and the changes since the last broadcast."""

    def __init__(self) -> None:
        self._nodes: dict[str, _AtNode] = {}
        self._changed: dict[str, None] = {}
        self._is_recounted = False

    def __iter__(self) -> Iterator[str]:
        """The people who are known by name."""
        return iter({person: None for node in self._nodes.values() for person in node.people})

    @property
    def is_watched(self) -> bool:
        """Whether the room is on a screen at any other node, of whomever."""
        return bool(self._nodes)

    @property
    def count(self) -> int:
        """The number of people, those at several nodes counted for each."""
        return sum(node.count for node in self._nodes.values())

    @property
    def unnamed(self) -> int:
        """How many people are there beyond those whose names are known."""
        return sum(max(0, node.count - len(node.people)) for node in self._nodes.values())

    def has(self, person: str) -> bool:
        """Whether this person is known to be there."""
        return any(person in node.people for node in self._nodes.values())

    def person(self, person: str) -> Person:
        """Somebody who is there, with their name and looks. Raises `KeyError`."""
        for node in self._nodes.values():
            if person in node.people:
                return node.people[person]
        raise KeyError(person)

    def replace(self, node: str, count: int, people: Iterable[Person], now_s: float) -> None:
        """Note who is there at a node: so many, of whom these are named. More names may follow as a `change`."""
        now = {person.id: person for person in people}
        before = self._find(node)
        self._note_changed(person for person in now if person not in before.people)
        missing = [person for person in (*before.in_doubt, *before.people) if person not in now]
        self._set(node, _AtNode(now_s, now, count, dict.fromkeys(missing)))

    def change(
        self, node: str, count: int, came: Iterable[Person], went: Collection[str], now_s: float
    ) -> None:
        """Note who came to a node, and who went from it."""
        before = self._find(node)
        people, in_doubt = dict(before.people), before.in_doubt
        for person in came:
            if len(people) < MAX_NAMES_OF_NODE or person.id in people:
                people[person.id] = person
                if person.id in in_doubt:
                    del in_doubt[person.id]
                else:
                    self._changed[person.id] = None
        for gone in went:
            people.pop(gone, None)
            in_doubt.pop(gone, None)
            self._changed[gone] = None
        self._set(node, _AtNode(now_s, people, count, in_doubt))

    def drop(self, node: str) -> bool:
        """Forget a node; whether anybody was there."""
        at_node = self._nodes.pop(node, None)
        if at_node is None:
            return False
        self._note_changed(at_node.people)
        self._is_recounted = True
        return True

    def age(self, now_s: float) -> bool:
        """Forget what was told too long ago; whether that was anything."""
        old = [node for node, at_node in self._nodes.items() if now_s - at_node.told_s >= TOLD_S]
        for node in old:
            self.drop(node)
        return bool(old)

    def set_person(self, person: Person) -> None:
        """Note the name and looks that somebody has now."""
        for node in self._nodes.values():
            if person.id in node.people:
                node.people[person.id] = person

    def hide(self, person: str) -> bool:
        """Take somebody away who does not want to be seen; whether they were there."""
        is_there = False
        for node in self._nodes.values():
            if node.people.pop(person, None) is not None:
                node.count -= 1
                is_there = True
        if is_there:
            self._changed[person] = None
        return is_there

    def take_changed(self) -> tuple[list[str], bool]:
        """Those who came or went since the last call, and whether the number may be another one."""
        changed, is_recounted = list(self._changed), self._is_recounted
        self._changed.clear()
        self._is_recounted = False
        return changed, is_recounted

    def _note_changed(self, people: Iterable[str]) -> None:
        self._changed.update(dict.fromkeys(people))

    def _find(self, node: str) -> _AtNode:
        return self._nodes.get(node) or _AtNode(0, {}, 0, {})

    def _set(self, node: str, now: _AtNode) -> None:
        self._is_recounted |= self._find(node).count != now.count
        if len(now.people) >= now.count:
            self._note_changed(now.in_doubt)
            now.in_doubt = {}
        self._nodes[node] = now


class OnlineElsewhere:
    """Who is connected to other nodes, as they tell: until they say otherwise, say nothing for `TOLD_S`, or are
    gone."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, tuple[float, tuple[str, ...]]]] = {}
        """By node and person: when it was told last that they are there, and with which devices."""

    def has(self, person: str, now_s: float) -> bool:
        """Whether this person is connected to another node."""
        return bool(self.devices(person, now_s))

    def devices(self, person: str, now_s: float) -> set[str]:
        """The ids of this person's devices that are connected to other nodes."""
        found = (told.get(person, _NEVER) for told in self._told.values())
        return {device for at_s, devices in found if now_s - at_s < TOLD_S for device in devices}

    def add(self, node: str, people: Iterable[tuple[str, tuple[str, ...]]], now_s: float) -> None:
        """Note that these people are connected to a node, with these devices."""
        self._told.setdefault(node, {}).update((person, (now_s, devices)) for person, devices in people)

    def discard(self, node: str, people: Iterable[str]) -> None:
        """Note that these people are not connected to a node any more."""
        told = self._told.get(node, {})
        for person in people:
            told.pop(person, None)

    def drop(self, node: str) -> list[str]:
        """Forget a node; who was there."""
        return list(self._told.pop(node, ()))

    def age(self, now_s: float) -> None:
        """Forget what was told too long ago."""
        for told in self._told.values():
            for person in [person for person, (at_s, _) in told.items() if now_s - at_s >= TOLD_S]:
                del told[person]


_NEVER: Final[tuple[float, tuple[str, ...]]] = (-math.inf, ())
