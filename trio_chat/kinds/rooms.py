"""Rooms: how they begin, what they are called, and who is a member.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from trio_chat.errors import Refused
from trio_chat.kinds import direct
from trio_chat.kinds.facts import DIRECT, LOBBY, PRIVATE, PUBLIC, SERVER, no_such_room
from trio_chat.kinds.files import UploadId  # noqa: TC001  (msgspec reads it)
from trio_chat.kinds.forms import Body, ChangeFrame, EventCommand, ShortText, Who, write_body
from trio_chat.kinds.kind import Kind, Writers
from trio_chat.kinds.standing import (
    BAN,
    OWNER,
    OWNS,
    Allowed,
    Joining,
    Policy,
    RetentionDays,
    SlowS,
    check_allowed,
    check_rank,
    rank,
)
from trio_chat.model.lookalikes import folded_forms, squeezed
from trio_chat.model.names import check_title
from trio_chat.model.texts import check_length, check_text, normal_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

CREATED: Final = "created"
SETTINGS: Final = "settings"
MEMBER: Final = "member"

MAX_TOPIC_CHARS: Final = 500

SERVER_TITLE: Final = "Running this server"
"""What the page calls the room of those who run the server."""

POLICY_FIELDS: Final = Policy.__struct_fields__
"""The fields of `Settings` that change the room's policy."""


# -- creation --


class Created(Body, frozen=True):
    """The room begins, with these members; who created it is its owner, unless it is direct."""

    kind: str
    """``public``, ``private`` or ``direct``."""
    title: str = ""
    topic: str = ""
    members: tuple[Who, ...] = ()
    asked: bool = False
    """Whether the other person of a direct room is asked, and not a member yet (`trio_chat.kinds.direct`)."""


class CreatedFrame(ChangeFrame, tag="created", kw_only=True):
    """The room began."""

    kind: str
    title: str = ""
    topic: str = ""
    members: tuple[Who, ...] = ()
    asked: bool = False


def check_created(sender: str, body: Created, facts: Facts, at_ms: int) -> None:
    """A room begins once, with a name that goes with its kind."""
    if facts.head or facts.room == LOBBY:
        raise Refused("already_there", "There is a room of this name already.")
    if (body.kind == PUBLIC) != (facts.kind == PUBLIC):
        raise no_such_room()
    _check_title_is_no_others(body.title, facts.room)
    if body.kind == DIRECT:
        direct.check_beginning(sender, body, facts, at_ms)


def _renamed_in_created(body: Created, person: str, name: str) -> Created:
    members = tuple(Who(who.id, name) if who.id == person else who for who in body.members)
    return msgspec.structs.replace(body, members=members)


# -- title and topic --


class Settings(Body, frozen=True):
    """The room has this title, topic or policy (see `Policy`) now; None: as before."""

    title: str | None = None
    topic: str | None = None
    slow_s: int | None = None
    writers: str | None = None
    joining: str | None = None
    inviting: str | None = None
    pinning: str | None = None
    titling: str | None = None
    retention_days: int | None = None
    picture: str | None = None
    """The upload that is its picture, which is file 0 of this event then; empty: it has none any more."""

    @property
    def policy(self) -> dict[str, int | str]:
        """What of the policy it changes."""
        fields = {name: getattr(self, name) for name in POLICY_FIELDS}
        return {name: value for name, value in fields.items() if value is not None}


class SettingsFrame(ChangeFrame, tag="settings", kw_only=True):
    """The room has this title, topic or policy now; with ``picture`` another picture, or (false) none any more."""

    title: str | None = None
    topic: str | None = None
    slow_s: int | None = None
    writers: str | None = None
    joining: str | None = None
    inviting: str | None = None
    pinning: str | None = None
    titling: str | None = None
    retention_days: int | None = None
    picture: bool | None = None


class SettingsCommand(EventCommand, tag="settings"):
    """Give the room another title, topic, policy or picture (an upload; empty: none)."""

    title: ShortText | None = None
    topic: ShortText | None = None
    slow_s: SlowS | None = None
    writers: Allowed | None = None
    joining: Joining | None = None
    inviting: Allowed | None = None
    pinning: Allowed | None = None
    titling: Allowed | None = None
    retention_days: RetentionDays | None = None
    picture: UploadId | None = None

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`. Raises `Refused` (``bad_field``, ``bad_title``, ``too_long``, ``empty``)."""
        policy = {name: getattr(self, name) for name in POLICY_FIELDS}
        said = (self.title, self.topic, self.picture, *policy.values())
        if all(value is None for value in said):
            raise Refused("bad_field", "Say a title, a topic, or another setting.")
        title = None if self.title is None else check_title(self.title)
        topic = None if self.topic is None else check_topic(self.topic)
        return SETTINGS, write_body(Settings(title, topic, **policy, picture=self.picture))


def check_topic(raw: str) -> str:
    """Normal form of a room's topic, which may be none: empty.

    Raises `Refused` (``bad_title``, ``too_long``, ``empty``).
    """
    if raw:
        check_text(raw, MAX_TOPIC_CHARS)
    topic = normal_line(raw, "bad_title", "A topic")
    check_length(topic, MAX_TOPIC_CHARS)  # normalising can lengthen it
    return topic


def _check_title_is_no_others(title: str, room: str) -> None:
    if room != LOBBY and _looks_like(title, LOBBY):
        raise Refused("bad_title", "Only the lobby can be called so. Choose another title.")
    if _looks_like(title, SERVER_TITLE):
        raise Refused(
            "bad_title", "Only the room of those who run the server is called so. Choose another title."
        )


def check_name_of_new(room: str) -> None:
    """Raises `Refused` (``bad_room``) if nothing may be written to a public room of this name, as the first thing."""
    if room != LOBBY and _looks_like(room, LOBBY):
        raise Refused("bad_room", "Only the lobby can be called so. Choose another name.")


def _looks_like(text: str, other: str) -> bool:
    return not folded_forms(squeezed(text)).isdisjoint(folded_forms(squeezed(other)))


def check_has_settings(kind: str) -> None:
    """Raises `Refused` (``not_yours``) for a room of a kind that has none."""
    if kind not in (PUBLIC, PRIVATE):
        raise Refused("not_yours", "This room has no title, no picture, no topic and no settings.")


def check_settings(sender: str, body: Settings, facts: Facts, at_ms: int) -> None:
    """Members change the topic, unless the room leaves that to moderators. Title and picture of a public room are its
    owner's, the policy its moderators'; the lobby is those people's who run the server."""
    check_has_settings(facts.kind)
    if body.policy:
        check_rank(sender, facts)
        if facts.kind == PUBLIC and body.joining == "knock":
            raise Refused("bad_field", "A public room is open to all. Nobody knocks there.")
    is_named = body.title is not None or body.picture is not None
    if is_named or body.topic is not None:
        check_allowed(sender, facts.policy.titling, facts)
    is_free = facts.owner is None and not (facts.room == LOBBY and OWNER in facts.server.roles.values())
    may_name = facts.kind == PRIVATE or is_free or sender == facts.owner or rank(sender, facts) > OWNS
    if is_named and not may_name:
        raise Refused("not_yours", "Only the room's owner can change its title, and its picture.")
    if body.title is not None:
        _check_title_is_no_others(body.title, facts.room)
    if body.picture and not facts.can_send(body.picture, sender, as_picture=True):
        raise Refused(
            "no_such_upload", "This picture is not ready: it is uploaded for this room. Upload it again."
        )


def _told_of_settings(body: Settings) -> Mapping[str, Any]:
    picture = None if body.picture is None else bool(body.picture)
    return {name: getattr(body, name) for name in Settings.__struct_fields__} | {"picture": picture}


# -- members --


class Membership(Body, frozen=True):
    """The person joins the members, or (``on`` false) leaves them. In a direct room the other one asks them to."""

    person: Who
    on: bool
    invite: str | None = None
    """The hash of the invitation that let them in, in hexadecimal; not told to anybody."""


class MembershipFrame(ChangeFrame, tag="member", kw_only=True):
    """The person joined the members (or was asked to, by another one), or (``on`` false) left them."""

    person: Who
    on: bool


class Part(EventCommand, tag="part"):
    """Leave the members of this room."""

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`."""
        return MEMBER, write_body(Membership(Who.of(person), on=False))


def check_membership(sender: str, body: Membership, facts: Facts, at_ms: int) -> None:
    """People come and leave by themselves; into a private room by an invitation, or when a moderator lets them in."""
    if facts.kind == SERVER:
        raise no_such_room()  # who gives up a role leaves
    if facts.kind == DIRECT:
        direct.check_membership(sender, body, facts, at_ms)
        return
    person = body.person.id
    is_there = facts.is_member(person) or facts.room == LOBBY
    if facts.kind != PUBLIC and not facts.is_member(sender) and (not body.on or is_there):
        raise no_such_room()
    if person != sender:
        _check_letting_in(sender, body, facts, at_ms, is_there=is_there)
        return
    if body.on:
        _check_coming(body, facts, at_ms, is_there=is_there)
    else:
        _check_leaving(facts, is_there=is_there)


def _check_letting_in(sender: str, body: Membership, facts: Facts, at_ms: int, *, is_there: bool) -> None:
    if not body.on or facts.kind not in (PUBLIC, PRIVATE):
        raise Refused("not_yours", "Everybody comes and leaves by themselves.")
    check_rank(sender, facts)
    if is_there:
        raise Refused("already_there", "They are in this room already.")
    # Nobody is put into a room that they did not ask for, or were in: not by banning them from it first either.
    person = body.person.id
    is_brought_back = facts.is_restricted(BAN, person, at_ms) and facts.was_banned_from_within(person)
    if not facts.has_knocked(person) and not is_brought_back:
        raise Refused("not_waiting", "They do not wait here any more.")


def _check_coming(body: Membership, facts: Facts, at_ms: int, *, is_there: bool) -> None:
    if is_there:
        raise Refused("already_there", "You are in this room already.")
    if facts.kind == PUBLIC:
        return
    if facts.policy.joining == "knock":
        raise Refused("must_knock", "A moderator lets people into this room. Knock, and wait.")
    if body.invite is None or not facts.admits(body.invite, at_ms):
        raise Refused("bad_invite", "This invitation is not valid any more. Ask for a new one.")


def _check_leaving(facts: Facts, *, is_there: bool) -> None:
    if not is_there:
        raise Refused("not_member", "You are not in this room.")
    if facts.room == LOBBY:
        raise Refused("not_yours", "Everybody is in the lobby, always.")


def _renamed_in_membership(body: Membership, person: str, name: str) -> Membership:
    return msgspec.structs.replace(body, person=Who(person, name)) if body.person.id == person else body


KINDS: Final = (
    Kind(
        name=CREATED,
        body=Created,
        frame=CreatedFrame,
        written_by=Writers.ANYBODY,
        check=check_created,
        renamed=_renamed_in_created,
        changes_access=True,
    ),
    Kind(
        name=SETTINGS,
        body=Settings,
        frame=SettingsFrame,
        fields=_told_of_settings,
        command=SettingsCommand,
        check=check_settings,
        needs_no_space=lambda body: body == Settings(picture=""),
        changes_access=True,
    ),
    Kind(
        name=MEMBER,
        body=Membership,
        frame=MembershipFrame,
        command=Part,
        written_by=Writers.ANYBODY,
        check=check_membership,
        renamed=_renamed_in_membership,
        needs_no_space=lambda body: not body.on,
        changes_access=True,
        is_silenced=False,
    ),
)
