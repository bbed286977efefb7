"""Oracle of refusals: a refusal is right if the rules forbade the command at some moment since it was sent."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.torture.history import Greeted, Invited, Uninviting
from tests.torture.model import MAX_PINS, MAX_REACTIONS, RoomModel, is_public
from tests.torture.oracle import records_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.torture.history import AnyRecord, JoinRefused, Refused
    from tests.torture.oracle import FinalLog, Oracle

HIDDEN = frozenset({"no_such_room", "not_joined"})
"""Refusals in a room that the person may not hear."""

STATE_DEPENDENT = frozenset(
    {"no_such_room", "not_joined", "already_there", "not_member", "too_many", "unchanged", "banned"}
)
"""Refusals that depend on state which changes back: of two copies of one command one may be refused."""


class RefusalOracle:
    """Decides for each refusal whether the final logs justify it."""

    def __init__(self, records: Sequence[AnyRecord], oracle: Oracle) -> None:
        self._oracle = oracle
        self._is_damaged = oracle.is_damaged
        self._uses_allowed = Counter(
            {invited.invite: invited.uses for invited in records_of(records, Invited)}
        )
        self._uses = Counter(invite for log in oracle.logs for invite in log.invites.values())
        self._rooms_uninvited = {record.room for record in records_of(records, Uninviting)}
        person_of = {greeted.connection: greeted.person for greeted in records_of(records, Greeted)}
        self._inviters = {
            invited.invite: person_of.get(invited.connection, "") for invited in records_of(records, Invited)
        }
        self._room_of_invitation = {invited.invite: invited.room for invited in records_of(records, Invited)}
        self._limits: dict[str, _Limits] = {}

    def allows_join(self, refused: JoinRefused, person: str | None, since: int) -> bool:
        """Whether a person could not hear the room at some moment when event ``since`` or a later one was the last."""
        final = self._oracle[refused.room]
        since = 0 if self._is_damaged else since
        return refused.code == "no_such_room" and self._was_hidden(final, person, since)

    def allows(self, refused: Refused, since: int) -> bool:
        """Whether the rules forbade the command at some moment when event ``since`` or a later one was the last."""
        final = self._oracle[refused.room]
        since = 0 if self._is_damaged else since
        if refused.code in HIDDEN and self._was_hidden(final, refused.person, since):
            return True
        if refused.code == "no_such_room" and refused.kind in ("star", "hide", "unread", "level"):
            # Of a room that they had left.
            return self._was_hidden(self._oracle[json.loads(refused.detail)["of"]], refused.person, 0)
        match refused.code:
            case "already_there":
                if refused.kind == "member" and refused.invite and not refused.room:
                    final, since = self._oracle[self._room_of_invitation.get(refused.invite, "")], 0
                return refused.kind == "member" and final.was_member_since(refused.person, since)
            case "not_accepted" | "not_answered" | "answer_first":  # how often is tested in tests/gateways
                return refused.room.startswith("~d")
            case "banned":
                if refused.kind == "member" and refused.invite and not refused.room:
                    final, since = self._oracle[self._room_of_invitation.get(refused.invite, "")], 0
                return final.was_banned_since(refused.person, since)
            case "not_member":
                return is_public(refused.room) and final.was_outsider_since(refused.person, since)
            case "not_yours":
                return self._is_not_own(refused, final)
            case "deleted":
                return refused.target in final.deletions and refused.kind != "message"
            case "no_such_message":
                target = final.by_seq.get(refused.target)
                return target is None or target.kind != "message" or refused.target > since
            case "too_many":
                return self._limits_of(final).is_reached(refused, since)
            case "unchanged":
                return refused.kind == "reaction" and _was_so(refused, final, since)
            case "bad_invite":
                return self._is_void_invitation(refused)
            case "no_such_person":
                return self._is_damaged
        return False

    def _was_hidden(self, final: FinalLog, person: str | None, since: int) -> bool:
        return (
            not is_public(final.room)
            and not final.room.startswith("~p-")
            and final.was_outsider_since(person, since)
        )

    def _is_not_own(self, refused: Refused, final: FinalLog) -> bool:
        room = RoomModel(final.room)
        for event in final.restored[:1]:
            room.apply(event)
        target = final.restored_by_seq.get(refused.target)
        match refused.kind:
            case "edit":
                return target is not None and target.sender != refused.person
            case "delete":
                return target is not None and refused.person not in (target.sender, room.owner)
            case "settings":
                return room.kind == "direct" or (is_public(final.room) and refused.person != room.owner)
            case "ban":
                banned = json.loads(refused.detail)["person"]
                return room.kind == "direct" or refused.person != room.owner or banned == room.owner
        return False

    def _is_void_invitation(self, refused: Refused) -> bool:
        invite = refused.invite
        uses = self._uses_allowed.get(invite)
        room = self._room_of_invitation.get(invite, "")
        return (
            self._is_damaged
            or (uses is not None and uses > 0 and self._uses[invite] >= uses)
            or room in self._rooms_uninvited
            or self._inviters.get(invite, "") in self._oracle[room].bans
        )

    def _limits_of(self, final: FinalLog) -> _Limits:
        if final.room not in self._limits:
            self._limits[final.room] = _Limits(final)
        return self._limits[final.room]


def _was_so(refused: Refused, final: FinalLog, since: int) -> bool:
    """Whether the reaction was as the command wants it when event ``since`` or a later one was the last."""
    wanted = json.loads(refused.detail)
    was_on, found = False, set[bool]()
    for event in final.changes[refused.target]:
        details = event.details
        if (event.kind, event.sender, details.get("emoji")) != ("reaction", refused.person, wanted["emoji"]):
            continue
        if event.seq > since:
            found.add(details["on"])
        else:
            was_on = details["on"]
    return wanted["on"] in {*found, was_on}


class _Limits:
    """Last events at which a room was at its limit of pins, and each person at the limit of reactions to a message."""

    def __init__(self, final: FinalLog) -> None:
        room = RoomModel(final.room)
        self._last_full_pins = 0
        self._last_full_reactions: defaultdict[tuple[int, str], int] = defaultdict(int)
        has_full_pins = False
        full_reactions: set[tuple[int, str]] = set()
        for event in final.restored:
            room.apply(event)
            if event.kind in {"pin", "delete"}:
                has_full_pins = len(room.pins) >= MAX_PINS
            if event.kind in {"reaction", "delete"} and event.target in room.messages:
                given = room.messages[event.target].reactions.values()
                counts = Counter(person for reactions in given for person in reactions.people)
                full_reactions = {place for place in full_reactions if place[0] != event.target}
                full_reactions |= {
                    (event.target, who) for who, count in counts.items() if count >= MAX_REACTIONS
                }
            self._last_full_pins = event.seq if has_full_pins else self._last_full_pins
            for place in full_reactions:
                self._last_full_reactions[place] = event.seq

    def is_reached(self, refused: Refused, since: int) -> bool:
        if refused.kind == "pin":
            return self._last_full_pins >= max(since, 1)
        return self._last_full_reactions[refused.target, refused.person or ""] >= max(since, 1)
