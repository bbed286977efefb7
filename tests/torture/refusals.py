"""Whether a refusal was right: whether there was a moment, since the command was sent, when the rules forbade it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.torture.history import Invited, Uninviting
from tests.torture.model import MAX_PINS, MAX_REACTIONS, Room, is_public
from tests.torture.oracle import of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.torture.history import AnyRecord, JoinRefused, Refused
    from tests.torture.oracle import Final, Truth

NOT_THEIRS = frozenset({"no_such_room", "not_joined"})
"""What is answered in a room that is not theirs to see."""

TOGGLING = frozenset({"no_such_room", "not_joined", "already_there", "not_member", "too_many"})
"""Refusals for what may be otherwise a moment later, so that the same command sent twice may be refused once."""


class Excuses:
    """What refusals are held against."""

    def __init__(self, records: Sequence[AnyRecord], truth: Truth) -> None:
        self._truth = truth
        self._is_damaged = truth.is_damaged
        self._links = Counter({invited.invite: invited.uses for invited in of_kind(records, Invited)})
        self._used = Counter(invite for log in truth.logs for invite in log.invites.values())
        self._voided = {record.room for record in of_kind(records, Uninviting)}
        self._rooms_of_links = {invited.invite: invited.room for invited in of_kind(records, Invited)}
        self._crowding: dict[str, _Crowding] = {}

    def excuses_join(self, refused: JoinRefused, person: str | None, since: int) -> bool:
        """Whether a person could not hear a room at some moment, with event ``since`` or a later one as the last."""
        final = self._truth[refused.room]
        since = 0 if self._is_damaged else since
        return refused.code == "no_such_room" and self._was_shut(final, person, since)

    def excuses(self, refused: Refused, since: int) -> bool:
        """Whether a command may have been refused, with event ``since`` of its room or a later one as the last."""
        final = self._truth[refused.room]
        since = 0 if self._is_damaged else since
        if refused.code in NOT_THEIRS and self._was_shut(final, refused.person, since):
            return True
        match refused.code:
            case "already_there":
                if refused.kind == "member" and refused.invite and not refused.room:
                    final, since = self._truth[self._rooms_of_links.get(refused.invite, "")], 0
                return refused.kind == "member" and final.was_once_in(refused.person, since)
            case "not_member":
                return is_public(refused.room) and final.was_out(refused.person, since)
            case "not_yours":
                return self._is_not_theirs(refused, final)
            case "deleted":
                return refused.target in final.deletions and refused.kind != "message"
            case "no_such_message":
                target = final.by_seq.get(refused.target)
                return target is None or target.kind != "message" or refused.target > since
            case "too_many":
                return self._crowds(final).is_too_much(refused, since)
            case "bad_invite":
                return self._is_void(refused)
            case "no_such_person":
                return self._is_damaged
        return False

    def _was_shut(self, final: Final, person: str | None, since: int) -> bool:
        return not is_public(final.room) and not final.room.startswith("~p-") and final.was_out(person, since)

    def _is_not_theirs(self, refused: Refused, final: Final) -> bool:
        room = Room(final.room)
        for line in final.whole[:1]:
            room.take(line)
        target = final.whole_by_seq.get(refused.target)
        match refused.kind:
            case "edit":
                return target is not None and target.sender != refused.person
            case "delete":
                return target is not None and refused.person not in (target.sender, room.owner)
            case "settings":
                return room.kind == "direct" or (is_public(final.room) and refused.person != room.owner)
            case "member":
                return room.kind == "direct"
        return False

    def _is_void(self, refused: Refused) -> bool:
        invite = refused.invite
        uses = self._links.get(invite)
        return (
            self._is_damaged
            or (uses is not None and uses > 0 and self._used[invite] >= uses)
            or self._rooms_of_links.get(invite) in self._voided
        )

    def _crowds(self, final: Final) -> _Crowding:
        if final.room not in self._crowding:
            self._crowding[final.room] = _Crowding(final)
        return self._crowding[final.room]


class _Crowding:
    """How many pins a room had, and reactions of one person a message, after which event."""

    def __init__(self, final: Final) -> None:
        room = Room(final.room)
        self._last_full = 0
        self._last_crowded: defaultdict[tuple[int, str], int] = defaultdict(int)
        is_full = False
        crowded: set[tuple[int, str]] = set()
        for line in final.whole:
            room.take(line)
            if line.kind in {"pin", "delete"}:
                is_full = len(room.pins) >= MAX_PINS
            if line.kind in {"reaction", "delete"} and line.target in room.messages:
                counts = Counter(person for _, person in room.messages[line.target].reactions)
                crowded = {place for place in crowded if place[0] != line.target}
                crowded |= {(line.target, who) for who, count in counts.items() if count >= MAX_REACTIONS}
            self._last_full = line.seq if is_full else self._last_full
            for place in crowded:
                self._last_crowded[place] = line.seq

    def is_too_much(self, refused: Refused, since: int) -> bool:
        if refused.kind == "pin":
            return self._last_full >= max(since, 1)
        return self._last_crowded[refused.target, refused.person or ""] >= max(since, 1)
