"""The checker finds each mutation of a good history with rooms, changes, invitations and read markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.torture import commands
from tests.torture.check_delivery import LATE_NS
from tests.torture.checker import check
from tests.torture.events import Event
from tests.torture.history import (
    Acked,
    Delivered,
    Fault,
    Invited,
    Joined,
    Joining,
    Listed,
    Loaded,
    Log,
    MarksTold,
    Paged,
    Refused,
    Remains,
    Submitted,
    Told,
    Uninviting,
    read_history,
    write_history,
)
from tests.torture.history_builder import (
    ADA,
    BOB,
    CLUB,
    EPOCH,
    EVE,
    LINK,
    LOBBY,
    HistoryBuilder,
    complete_history,
)
from tests.torture.mutations import MUTATIONS as MUTATIONS_OF_MESSAGES
from tests.torture.shrink import render, shrink
from tests.torture.violations import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.torture.commands import Command
    from tests.torture.history import AnyRecord
    from tests.torture.mutations import History, Mutation

replace = msgspec.structs.replace

GOOD = complete_history().records

PAIR = "~dada"
"""A direct conversation."""

DELETED = 2
"""Number of the deleted message in the lobby."""


def place_of(records: History, kind: type, /, **fields: object) -> int:
    """Index of the last record of a kind with these fields."""
    return max(
        place
        for place, record in enumerate(records)
        if isinstance(record, kind) and all(getattr(record, key) == value for key, value in fields.items())
    )


def changed(records: History, kind: type, where: dict[str, object], **fields: object) -> History:
    place = place_of(records, kind, **where)
    return [*records[:place], replace(records[place], **fields), *records[place + 1 :]]


def inserted(records: History, before: int, *more: AnyRecord) -> History:
    return [*records[:before], *more, *records[before:]]


def logged(records: History, person: str, room: str, command: Command, invite: str = "") -> History:
    """The history with one event more at the end of a room's log, submitted just before the end and never delivered."""
    log = records[place_of(records, Log, room=room)]
    assert isinstance(log, Log)
    event = Event(
        len(log.events) + 1,
        "planted",
        person,
        person,
        command.content.text,
        "at",
        command.content.kind,
        command.content.target,
        command.content.detail,
    )
    about: dict[str, Any] = {"client": person, "connection": 99, "person": person, "key": "planted"}
    submitted = Submitted(**about, room=command.room, **command.content._asdict())
    bad = changed(records, Log, {"room": room}, events=[*log.events, event])
    if invite:
        bad = changed(bad, Log, {"room": room}, invites={**log.invites, event.seq: invite})
    return inserted(bad, place_of(bad, Joined), submitted)


def a_message_is_edited_by_another_person(records: History) -> History:
    return logged(records, BOB, LOBBY, commands.edit(LOBBY, 1, "bob: not one"))


def a_message_is_deleted_by_another_person(records: History) -> History:
    return logged(records, BOB, LOBBY, commands.delete(LOBBY, 1))


def a_deleted_message_is_changed(records: History) -> History:
    return logged(records, EVE, LOBBY, commands.react(LOBBY, DELETED, "👍", True))


def an_event_that_is_no_message_is_pinned(records: History) -> History:
    return logged(records, EVE, LOBBY, commands.pin(LOBBY, 4, True))


def a_message_comes_from_no_member(records: History) -> History:
    return logged(records, EVE, CLUB, commands.send(CLUB, "eve: hello?"))


def a_message_comes_from_a_former_member(records: History) -> History:
    return logged(records, BOB, CLUB, commands.send(CLUB, "bob: still here"))


def an_invitation_for_one_is_used_twice(records: History) -> History:
    return logged(records, EVE, CLUB, commands.accept(EVE, "link"), LINK)


def a_member_has_no_invitation(records: History) -> History:
    return logged(records, EVE, CLUB, commands.accept(EVE, "another"), commands.invitation_hash("another"))


def a_member_has_a_void_invitation(records: History) -> History:
    invited = Invited(client=ADA, connection=1, room=CLUB, invite=commands.invitation_hash("two"), uses=0)
    voided = Uninviting(client=ADA, connection=1, room=CLUB, done=True)
    bad = inserted(records, 1, invited, voided)
    return logged(bad, EVE, CLUB, commands.accept(EVE, "two"), commands.invitation_hash("two"))


def a_member_is_added_twice(records: History) -> History:
    return logged(records, ADA, CLUB, commands.accept(ADA, "link"), LINK)


def an_event_is_in_another_persons_own_room(records: History) -> History:
    command = commands.star(EVE, LOBBY, 1, True)
    return logged(records, EVE, f"~{BOB}", command)


def the_lobby_is_left(records: History) -> History:
    return logged(records, EVE, LOBBY, commands.part(EVE, LOBBY))


def an_ack_is_of_no_event(records: History) -> History:
    place = place_of(records, Acked, kind="reaction")
    return [*records[: place + 1], replace(records[place], key="never", seq=99), *records[place + 1 :]]


def a_former_member_receives_a_message(records: History) -> History:
    place = place_of(records, Delivered, client=ADA, room=CLUB)
    delivered = records[place]
    assert isinstance(delivered, Delivered)
    return inserted(records, place + 1, replace(delivered, client=BOB, connection=2))


def a_former_member_receives_the_info(records: History) -> History:
    place = place_of(records, Told, room=CLUB)
    return inserted(records, place, replace(records[place], client=BOB, connection=2))


def an_outsider_joins_a_private_room(records: History) -> History:
    joined = Joined(client=EVE, connection=4, room=CLUB, epoch=EPOCH, head=0, after=0)
    return inserted(records, place_of(records, Acked, room=CLUB) + 1, joined)


def an_outsider_receives_a_page(records: History) -> History:
    page = records[place_of(records, Paged)]
    log = records[place_of(records, Log, room=CLUB)]
    assert isinstance(page, Paged)
    assert isinstance(log, Log)
    stolen = replace(page, room=CLUB, before=3, events=log.events[:2], more=False, changes=[], upto=3)
    return inserted(records, place_of(records, Acked, room=CLUB) + 1, stolen)


def a_later_page_has_a_deleted_text(records: History) -> History:
    said = records[place_of(records, Submitted, text="ada: two, a mistake")]
    page = records[place_of(records, Paged)]
    assert isinstance(said, Submitted)
    assert isinstance(page, Paged)
    events = [
        replace(event, text=said.text, deleted=False) if event.seq == DELETED else event
        for event in page.events
    ]
    return changed(records, Paged, {}, events=events)


def a_later_page_has_the_edit_of_a_deleted_message(records: History) -> History:
    said = records[place_of(records, Submitted, text="ada: two, still a mistake")]
    page = records[place_of(records, Paged)]
    assert isinstance(said, Submitted)
    assert isinstance(page, Paged)
    events = [
        replace(event, text=said.text, target=DELETED, deleted=False) if event.seq == 5 else event
        for event in page.events
    ]
    return changed(records, Paged, {}, events=events)


def told_again(records: History, *before: AnyRecord) -> History:
    """The history with the deleted text told at the end to who had heard it, after ``before``."""
    told = records[place_of(records, Delivered, client=BOB, room=LOBBY)]
    said = records[place_of(records, Submitted, text="ada: two, a mistake")]
    logs = [record for record in records if isinstance(record, Log) and record.room == LOBBY]
    assert isinstance(told, Delivered)
    assert isinstance(said, Submitted)
    (event,) = (event for event in logs[0].events if event.seq == DELETED)
    again = replace(told, event=replace(event, text=said.text, deleted=False))
    return inserted(records, place_of(records, Joined), *before, again)


def a_deleted_text_is_told_to_who_joins_again(records: History) -> History:
    joined = records[place_of(records, Joined, client=BOB, room=LOBBY)]
    assert isinstance(joined, Joined)
    joining = Joining(client=BOB, connection=joined.connection, room=LOBBY)
    return told_again(records, joining, replace(joined, reset=False, asked_after=None))


def a_deleted_text_is_told_much_later(records: History) -> History:
    joined = records[place_of(records, Joined, client=BOB, room=LOBBY)]
    assert isinstance(joined, Joined)
    about: dict[str, Any] = {"client": BOB, "connection": joined.connection, "room": LOBBY, "person": BOB}
    command: dict[str, Any] = {**about, "key": "late", "text": "bob: is it there?"}
    submitted = Submitted(**command, at=LATE_NS + 1)
    return told_again(records, submitted, Refused(**command, code="unavailable", at=LATE_NS + 2))


def a_deleted_text_is_in_a_file(records: History) -> History:
    return [*records, Remains(file="chat.db", text="ada: two, a mistake")]


def a_page_lacks_a_change(records: History) -> History:
    page = records[place_of(records, Paged)]
    assert isinstance(page, Paged)
    return changed(records, Paged, {}, changes=[event for event in page.changes if event.kind != "pin"])


def a_page_has_a_later_change(records: History) -> History:
    return changed(records, Paged, {}, upto=6)


def a_page_counts_a_reaction_that_was_taken_away(records: History) -> History:
    page = records[place_of(records, Paged)]
    assert isinstance(page, Paged)
    (reactions,) = page.reactions
    return changed(records, Paged, {}, reactions=[replace(reactions, count=2)])


def a_page_calls_a_reaction_the_readers(records: History) -> History:
    page = records[place_of(records, Paged)]
    assert isinstance(page, Paged)
    (reactions,) = page.reactions
    return changed(records, Paged, {}, reactions=[replace(reactions, is_mine=True)])


def a_fresh_load_lacks_a_reaction(records: History) -> History:
    return changed(records, Loaded, {"room": LOBBY}, reactions=[])


def a_reaction_is_logged_that_changes_nothing(records: History) -> History:
    return logged(records, BOB, LOBBY, commands.react(LOBBY, 1, "👍", True))


def the_info_has_another_title(records: History) -> History:
    return changed(records, Told, {"client": ADA, "room": LOBBY, "connection": 5}, title="Hall")


def a_fresh_load_lacks_a_change(records: History) -> History:
    loaded = records[place_of(records, Loaded, room=LOBBY)]
    assert isinstance(loaded, Loaded)
    kept = [event for event in loaded.changes if event.kind != "edit"]
    return changed(records, Loaded, {"room": LOBBY}, changes=kept)


def a_fresh_load_has_other_members(records: History) -> History:
    loaded = records[place_of(records, Loaded, room=CLUB)]
    assert isinstance(loaded, Loaded)
    assert loaded.told is not None
    return changed(records, Loaded, {"room": CLUB}, told=replace(loaded.told, members=[ADA, BOB]))


def a_fresh_load_has_other_pins(records: History) -> History:
    loaded = records[place_of(records, Loaded, room=LOBBY)]
    assert isinstance(loaded, Loaded)
    assert loaded.told is not None
    return changed(records, Loaded, {"room": LOBBY}, told=replace(loaded.told, pins=[]))


def a_client_misses_a_change(records: History) -> History:
    """A page at a later number lacks a change, which the client then ignores when it is delivered."""
    place = place_of(records, Delivered, client=EVE, room=LOBBY)
    page = records[place_of(records, Paged)]
    assert isinstance(page, Paged)
    early = replace(page, client=BOB, connection=2, upto=10**6, changes=[])
    return inserted(records, place, early)


def a_room_is_missing_in_the_list(records: History) -> History:
    listed = records[place_of(records, Listed, person=ADA)]
    assert isinstance(listed, Listed)
    return changed(records, Listed, {"person": ADA}, rooms=listed.rooms[:1])


def a_room_in_the_list_has_a_wrong_unread_count(records: History) -> History:
    listed = records[place_of(records, Listed, person=ADA)]
    assert isinstance(listed, Listed)
    rooms = [listed.rooms[0], replace(listed.rooms[1], unread=2)]
    return changed(records, Listed, {"person": ADA}, rooms=rooms)


def a_star_is_missing(records: History) -> History:
    return changed(records, Listed, {"person": BOB}, mine=[])


def a_read_marker_goes_back(records: History) -> History:
    return changed(records, MarksTold, {}, marks=[(BOB, 2, 2)])


def a_read_marker_is_missing(records: History) -> History:
    return changed(records, MarksTold, {}, marks=[])


def a_read_marker_is_not_saved(records: History) -> History:
    return changed(records, Log, {"room": LOBBY}, marks=[])


def a_read_marker_is_too_far(records: History) -> History:
    return changed(records, MarksTold, {}, marks=[(BOB, 4, 3)])


def a_saved_read_marker_is_too_far(records: History) -> History:
    return changed(records, Log, {"room": LOBBY}, marks=[(BOB, 4, 4)])


def refused(person: str, command: Command, code: str) -> Mutation:
    def plant(records: History) -> History:
        about: dict[str, Any] = {"client": person, "connection": 99, "person": person, "key": "planted"}
        what: dict[str, Any] = {"room": command.room, "invite": command.invite, **command.content._asdict()}
        end = place_of(records, Told, client=ADA, connection=5, room=LOBBY)
        return inserted(records, end, Submitted(**about, **what), Refused(**about, **what, code=code))

    plant.__name__ = f"{command.content.kind}_refused_with_{code}"
    return plant


def a_repeat_of_a_logged_command_is_refused(records: History) -> History:
    ack = records[place_of(records, Acked, kind="member", room=CLUB, person=BOB, seq=2)]
    assert isinstance(ack, Acked)
    fields = {key: value for key, value in msgspec.structs.asdict(ack).items() if key not in {"seq", "at"}}
    fields["room"] = ""
    end = place_of(records, Told, client=ADA, connection=5, room=LOBBY)
    return inserted(records, end, Submitted(**fields), Refused(**fields, code="bad_invite"))


MUTATIONS: dict[Mutation, Rule] = {
    a_message_is_edited_by_another_person: Rule.FORBIDDEN,
    a_message_is_deleted_by_another_person: Rule.FORBIDDEN,
    a_deleted_message_is_changed: Rule.FORBIDDEN,
    an_event_that_is_no_message_is_pinned: Rule.FORBIDDEN,
    a_message_comes_from_no_member: Rule.FORBIDDEN,
    a_message_comes_from_a_former_member: Rule.FORBIDDEN,
    an_invitation_for_one_is_used_twice: Rule.FORBIDDEN,
    a_member_has_no_invitation: Rule.FORBIDDEN,
    a_member_has_a_void_invitation: Rule.FORBIDDEN,
    a_member_is_added_twice: Rule.FORBIDDEN,
    an_event_is_in_another_persons_own_room: Rule.FORBIDDEN,
    the_lobby_is_left: Rule.FORBIDDEN,
    an_ack_is_of_no_event: Rule.LOST,
    a_former_member_receives_a_message: Rule.SECRET,
    a_former_member_receives_the_info: Rule.SECRET,
    an_outsider_joins_a_private_room: Rule.SECRET,
    an_outsider_receives_a_page: Rule.SECRET,
    a_later_page_has_a_deleted_text: Rule.DELETED_TOLD,
    a_later_page_has_the_edit_of_a_deleted_message: Rule.DELETED_TOLD,
    a_deleted_text_is_told_to_who_joins_again: Rule.DELETED_TOLD,
    a_deleted_text_is_told_much_later: Rule.DELETED_TOLD,
    a_deleted_text_is_in_a_file: Rule.REMAINS,
    a_page_lacks_a_change: Rule.UNEQUAL,
    a_page_has_a_later_change: Rule.UNEQUAL,
    a_page_counts_a_reaction_that_was_taken_away: Rule.UNEQUAL,
    a_page_calls_a_reaction_the_readers: Rule.UNEQUAL,
    a_reaction_is_logged_that_changes_nothing: Rule.FORBIDDEN,
    the_info_has_another_title: Rule.UNEQUAL,
    a_client_misses_a_change: Rule.DIVERGED,
    a_fresh_load_lacks_a_change: Rule.LOAD,
    a_fresh_load_lacks_a_reaction: Rule.LOAD,
    a_fresh_load_has_other_members: Rule.LOAD,
    a_fresh_load_has_other_pins: Rule.LOAD,
    a_room_is_missing_in_the_list: Rule.LISTED,
    a_room_in_the_list_has_a_wrong_unread_count: Rule.LISTED,
    a_star_is_missing: Rule.LISTED,
    a_read_marker_goes_back: Rule.MARK_BACK,
    a_read_marker_is_missing: Rule.MARK_BACK,
    a_read_marker_is_not_saved: Rule.MARK_BACK,
    a_read_marker_is_too_far: Rule.MARK_INVENTED,
    a_saved_read_marker_is_too_far: Rule.MARK_INVENTED,
    refused(ADA, commands.edit(LOBBY, 1, "ada: first"), "not_yours"): Rule.UNEXPECTED,
    refused(EVE, commands.react(LOBBY, 1, "👍", True), "deleted"): Rule.UNEXPECTED,
    refused(EVE, commands.react(LOBBY, 1, "👍", True), "unchanged"): Rule.UNEXPECTED,
    refused(EVE, commands.pin(LOBBY, 3, True), "no_such_message"): Rule.UNEXPECTED,
    refused(EVE, commands.pin(LOBBY, 3, True), "too_many"): Rule.UNEXPECTED,
    refused(ADA, commands.send(CLUB, "ada: hello"), "no_such_room"): Rule.UNEXPECTED,
    refused(EVE, commands.enter(EVE, "workshop"), "already_there"): Rule.UNEXPECTED,
    refused(EVE, commands.accept(EVE, "link"), "already_there"): Rule.UNEXPECTED,
    refused(ADA, commands.part(ADA, CLUB), "not_member"): Rule.UNEXPECTED,
    refused(ADA, commands.ban(CLUB, BOB, True), "not_yours"): Rule.UNEXPECTED,
    refused(BOB, commands.accept(BOB, "link"), "banned"): Rule.UNEXPECTED,
    refused(EVE, commands.accept(EVE, "another"), "bad_invite"): Rule.UNEXPECTED,
    a_repeat_of_a_logged_command_is_refused: Rule.UNEXPECTED,
}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_each_mutation_breaks_its_rule(mutation: Mutation) -> None:
    assert MUTATIONS[mutation] in {violation.rule for violation in check(mutation(GOOD))}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_bad_history_shrinks_to_a_few_records_with_the_same_violation(mutation: Mutation) -> None:
    bad = mutation(GOOD)
    violation = next(violation for violation in check(bad) if violation.rule is MUTATIONS[mutation])
    short = shrink(bad, violation)
    assert violation in check(short)
    assert len(short) <= 12
    assert len(render(short).splitlines()) == len(short)


def test_a_good_history_with_every_command_has_no_violation() -> None:
    assert check(GOOD) == []


@pytest.mark.parametrize("has_joined_again", [False, True])
def test_who_left_a_conversation_and_is_in_it_again_must_join_it_again(has_joined_again: bool) -> None:
    builder = HistoryBuilder()
    for person in (ADA, BOB):
        builder.connect(person)
    builder.submit(ADA, PAIR, commands.direct(ADA, BOB))
    for person in (ADA, BOB):
        builder.join(person, PAIR)
    builder.submit(BOB, PAIR, commands.enter(BOB, PAIR))  # who was asked accepts, and is one member still
    builder.submit(BOB, PAIR, commands.part(BOB, PAIR))
    builder.submit(ADA, PAIR, commands.enter(BOB, PAIR))
    if has_joined_again:
        builder.join(BOB, PAIR)
    builder.refuse(BOB, commands.send(PAIR, "bob: here I am"), "not_joined")
    builder.finish({}, {})
    expected = [Rule.UNEXPECTED] if has_joined_again else []
    assert [violation.rule for violation in check(builder.records)] == expected


def test_an_id_whose_event_was_lost_may_be_used_for_something_else() -> None:
    builder = HistoryBuilder()
    builder.connect(ADA)
    builder.join(ADA, LOBBY)
    said: dict[str, Any] = {**builder.about(ADA), "person": ADA, "room": LOBBY, "key": "lost"}
    builder.records.append(Submitted(**said, text="ada: lost"))
    builder.submit(ADA, LOBBY, commands.send(LOBBY, "ada: kept"))
    builder.records.append(Fault(kind="nodes: promote-late", proof="it had missed something"))
    builder.records.append(Submitted(**said, text="ada: something else"))
    events = [*builder.logs[LOBBY], Event(2, "lost", ADA, ADA, "", "at", deleted=True)]
    builder.records.append(Log(room=LOBBY, epoch=EPOCH, events=events, invites={}, marks=[]))
    assert Rule.SENDER_ORDER not in {violation.rule for violation in check(builder.records)}


def test_every_rule_is_broken_by_a_mutation() -> None:
    assert {*MUTATIONS.values(), *MUTATIONS_OF_MESSAGES.values(), Rule.HOLE} == set(Rule)


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_history(tmp_path / "run.jsonl", GOOD)
    assert read_history(tmp_path / "run.jsonl") == GOOD
