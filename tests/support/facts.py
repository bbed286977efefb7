"""Parts of the facts that rules ask for (`trio_chat.kinds.facts.Facts`), for tests of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from trio_chat.kinds.standing import DEFAULT_POLICY, Policy, Server

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@attrs.define(kw_only=True)
class SomeStanding:
    """Policy, restrictions, knocks, reports and when people came: as the fields say. By default nothing is limited."""

    policy: Policy = DEFAULT_POLICY
    server: Server = attrs.field(factory=Server)
    restrictions: Mapping[tuple[str, str], int] = attrs.field(factory=dict)
    n_restricted: int = 0
    banned_from_within: Collection[str] = ()
    knocking: Collection[object] = ()
    reports: Collection[int] = ()
    last_ms: int = 0
    last_anywhere_ms: int = 0
    came_ms: Mapping[str, int | None] = attrs.field(factory=dict)
    uploads: Collection[tuple[str, str]] = ()
    """(upload, person): those that can be sent."""

    pictures: Collection[tuple[str, str]] = ()
    """Likewise those that can be the room's picture."""
    with_files: Collection[int] = ()
    """Numbers of messages that have files."""

    def can_send(self, upload: str, person: str, *, as_picture: bool = False) -> bool:
        return (upload, person) in (self.pictures if as_picture else self.uploads)

    def has_files(self, seq: int) -> bool:
        return seq in self.with_files

    def is_restricted(self, restriction: str, person: str, at_ms: int) -> bool:
        return at_ms < self.restrictions.get((restriction, person), 0)

    def count_restricted(self, at_ms: int) -> int:
        return self.n_restricted

    def was_banned_from_within(self, person: str) -> bool:
        return person in self.banned_from_within

    def has_knocked(self, person: str) -> bool:
        return person in self.knocking

    def count_knocking(self) -> int:
        return len(self.knocking)

    def last_message_ms(self, person: str) -> int:
        return self.last_ms

    def open_reports(self) -> Collection[int]:
        return self.reports

    def last_message_anywhere_ms(self, person: str) -> int:
        return self.last_anywhere_ms

    def known_ms(self, person: str) -> int | None:
        return self.came_ms.get(person, 0)


class NotDirect:
    """Direct rooms and blocks, for rooms of another kind in which nobody blocks anybody."""

    @property
    def pair(self) -> frozenset[str]:
        return frozenset()

    def asked_at(self, person: str) -> int | None:
        return None

    def has_declined(self, person: str) -> bool:
        return False

    def count_messages(self, after: int) -> int:
        return 0

    def are_strangers(self, one: str, other: str) -> bool:
        return False

    def count_requests(self, person: str) -> int:
        return 0

    def blocks(self, person: str, other: str) -> bool:
        return False

    def count_blocks(self, person: str) -> int:
        return 0
