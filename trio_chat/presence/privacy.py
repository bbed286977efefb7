"""Privacy: who is shown what of whom. The one place that knows; everything that is told of presence, typing and read
markers asks it.

Who hides something does not see it of others either, and between two people of whom one blocks the other nothing is
shown in either direction. What people hide is known of everybody, whom they block of those who are connected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Set as AbstractSet

    from trio_chat.model.records import Profile
    from trio_chat.store.base import Store

What: TypeAlias = Literal["seen", "receipts", "typing"]
"""``seen``: being here, and when they were last; ``receipts``: what they have received and read."""

_NOBODY: Final[frozenset[str]] = frozenset()
"""Of most people; each made anew is 0.2 KiB."""


@attrs.define
class _Blocks:
    """Blocks between one person and others."""

    own: frozenset[str]
    """Whom the person blocks."""
    of_others: frozenset[str]
    """Who blocks the person."""
    n_noted: int = 0
    """How many changes were noted."""

    def note(self, person: str, block: tuple[str, str], *, on: bool) -> None:
        self.n_noted += 1
        who, blocked = block
        if who == person:
            self.own = self.own | {blocked} if on else self.own - {blocked}
        else:
            self.of_others = self.of_others | {who} if on else self.of_others - {who}


class Privacy:
    """What everybody hides, and the blocks of connected people. All of it is sync, but for reading from the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hidden: dict[str, frozenset[What]] = {}
        self._blocks: dict[str, _Blocks] = {}
        self._noted: dict[str, list[tuple[tuple[str, str], bool]]] = {}
        """Blocks that were made while those of a person are read."""

    async def learn(self) -> None:
        """Read what everybody hides. Raises `StoreError`."""
        for profile in await self._store.hiding():
            self.set_profile(profile)

    def set_profile(self, profile: Profile) -> bool:
        """Note what a person hides now; whether that is something else than before."""
        shows: dict[What, bool] = {
            "seen": profile.shows_seen,
            "receipts": profile.shows_receipts,
            "typing": profile.shows_typing,
        }
        hidden = frozenset(what for what, is_shown in shows.items() if not is_shown)
        before = self._hidden.pop(profile.id, frozenset())
        if hidden:
            self._hidden[profile.id] = hidden
        return hidden != before

    def expect_blocks(self, person: str) -> None:
        """Note what changes of the blocks of a person who has logged in, until `learn_blocks` says what was read. To be
        followed by `forget_blocks`."""
        self._noted.setdefault(person, [])

    def learn_blocks(self, person: str, found: Collection[tuple[str, str]]) -> None:
        """Know these blocks of a person, that were read since `expect_blocks`."""
        if person in self._blocks:  # another of their connections has read them
            return
        blocks = self._blocks[person] = _Blocks(
            own=frozenset(blocked for who, blocked in found if who == person) or _NOBODY,
            of_others=frozenset(who for who, _ in found if who != person) or _NOBODY,
        )
        for block, on in self._noted.pop(person, []):
            blocks.note(person, block, on=on)

    async def read_again(self, person: str) -> list[tuple[tuple[str, str], bool]] | None:
        """Read the blocks of a connected person anew: those that there are and that are not known, and those that are
        known and are not (False); None if others are being noted meanwhile, and it is to be done again. Raises
        `StoreError`."""
        blocks = self._blocks.get(person)
        n_noted = 0 if blocks is None else blocks.n_noted
        found = set(await self._store.blocks(person))
        if blocks is None or self._blocks.get(person) is not blocks:  # being read for the first time, or gone
            return None if person in self._blocks or person in self._noted else []
        if blocks.n_noted != n_noted:
            return None
        known = {(person, other) for other in blocks.own} | {(other, person) for other in blocks.of_others}
        return [(block, block in found) for block in sorted(found ^ known)]

    def forget_blocks(self, person: str) -> None:
        """Forget the blocks of a person who is not connected any more. Idempotent."""
        self._blocks.pop(person, None)
        self._noted.pop(person, None)

    def set_block(self, person: str, other: str, *, on: bool) -> None:
        """Note that a person blocks another one, or no longer."""
        for one in (person, other):
            if one in self._blocks:
                self._blocks[one].note(one, (person, other), on=on)
            elif one in self._noted:
                self._noted[one].append(((person, other), on))

    def shows(self, person: str, what: What) -> bool:
        """Whether a person shows this of themselves, and sees it of others."""
        return what not in self._hidden.get(person, ())

    def are_apart(self, viewer: str, person: str) -> bool:
        """Whether the viewer, who is connected, and this person are shown nothing of each other."""
        blocks = self._blocks.get(viewer)
        return blocks is not None and (person in blocks.own or person in blocks.of_others)

    def sees(self, viewer: str, person: str, what: What) -> bool:
        """Whether the viewer, who is connected, is shown this of a person. Everybody sees all of themselves."""
        return viewer == person or (
            self.shows(viewer, what) and self.shows(person, what) and not self.are_apart(viewer, person)
        )

    def apart_from(self, viewer: str) -> AbstractSet[str]:
        """All from whom the viewer, who is connected, is apart."""
        blocks = self._blocks.get(viewer)
        if blocks is None or not (blocks.own or blocks.of_others):
            return _NOBODY
        return blocks.own | blocks.of_others
