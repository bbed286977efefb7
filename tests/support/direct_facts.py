"""Facts about direct rooms and blocks, for rooms of another kind in which nobody blocks anybody."""

from __future__ import annotations


class NotDirect:
    """That part of `trio_chat.kinds.facts.Facts`."""

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
