"""Access to a room: what each event changes is told without looking at all members."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.core import AT_MS
from trio_chat.kinds.facts import DIRECT, PRIVATE, PUBLIC
from trio_chat.kinds.forms import Body, Who
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.kinds.standing import BAN, MEMBER, MODERATOR, OWNER
from trio_chat.model.events import Event, Position
from trio_chat.model.records import RoomState
from trio_chat.rooms.access import RoomAccess

PEOPLE = st.sampled_from(["p-1", "p-2", "p-3", "p-4"])
WHO = PEOPLE.map(lambda person: Who(person, person.upper()))
BODIES: st.SearchStrategy[Body] = st.one_of(
    st.builds(
        Created,
        kind=st.sampled_from([PUBLIC, PRIVATE, DIRECT]),
        members=st.lists(WHO, min_size=1, max_size=2).map(tuple),
        asked=st.booleans(),
    ),
    st.builds(Membership, person=WHO, on=st.booleans()),
    st.builds(Role, person=PEOPLE, role=st.sampled_from([MEMBER, MODERATOR, OWNER])),
    st.builds(Restriction, person=PEOPLE, on=st.booleans()),
    st.builds(Settings, title=st.just("A title")),
)
EVENTS = st.tuples(PEOPLE, BODIES)


@given(kind=st.sampled_from([PUBLIC, PRIVATE, DIRECT]), events=st.lists(EVENTS, max_size=12))
def test_what_an_event_changes_is_what_is_different_after_it(
    kind: str, events: list[tuple[str, Body]]
) -> None:
    access = RoomAccess("room", RoomState(Position(0, "e"), kind, "", "", None, {}, ()), now_ms=lambda: AT_MS)
    for seq, (sender, body) in enumerate(events, 1):
        members, asked, was_direct = access.members, access.asked, access.kind == DIRECT
        event_kind = BAN if isinstance(body, Restriction) else "any"
        event = Event("room", seq, event_kind, sender, sender, None, AT_MS, "{}", b"")
        changed = access.apply(event, body)
        if was_direct == (access.kind == DIRECT):  # a room begins once
            assert changed == (members ^ access.members) | (asked ^ access.asked)
