"""The checker finds what it is for, in rooms and in what is changed: each kind of damage, planted into what is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.torture import commands
from tests.torture.checker import check
from tests.torture.events import Line
from tests.torture.history import (
    Acked,
    Delivered,
    Invited,
    Joined,
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
from tests.torture.history_builder import ADA, BOB, CLUB, EPOCH, EVE, LINK, LOBBY, everything
from tests.torture.mutations import DAMAGES as OF_MESSAGES
from tests.torture.shrink import shrink, told
from tests.torture.violations import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.torture.commands import Deed
    from tests.torture.history import AnyRecord
    from tests.torture.mutations import Damage, History

replace = msgspec.structs.replace

GOOD = everything().records

DELETED = 2
"""The number of the deleted message in the lobby."""


def place_of(records: History, kind: type, /, **fields: object) -> int:
    """Where the last record of a kind stands with these fields."""
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


def logged(records: History, person: str, room: str, deed: Deed, invite: str = "") -> History:
    """The history with one event more at the end of a room's log, which nobody was told of; as if it had been sent
    just before the end."""
    log = records[place_of(records, Log, room=room)]
    assert isinstance(log, Log)
    line = Line(
        len(log.lines) + 1,
        "planted",
        person,
        person,
        deed.said.text,
        "at",
        deed.said.kind,
        deed.said.target,
        deed.said.detail,
    )
    about: dict[str, Any] = {"client": person, "connection": 99, "person": person, "command": "planted"}
    submitted = Submitted(**about, room=deed.room, **deed.said._asdict())
    bad = changed(records, Log, {"room": room}, lines=[*log.lines, line])
    if invite:
        bad = changed(bad, Log, {"room": room}, invites={**log.invites, line.seq: invite})
    return inserted(bad, place_of(bad, Joined), submitted)


def an_edit_of_somebody_elses_message(records: History) -> History:
    return logged(records, BOB, LOBBY, commands.edit(LOBBY, 1, "bob: not one"))


def somebody_elses_message_is_deleted(records: History) -> History:
    return logged(records, BOB, LOBBY, commands.delete(LOBBY, 1))


def a_change_of_a_deleted_message(records: History) -> History:
    return logged(records, EVE, LOBBY, commands.react(LOBBY, DELETED, "👍", True))


def a_change_of_what_is_no_message(records: History) -> History:
    return logged(records, EVE, LOBBY, commands.pin(LOBBY, 4, True))


def a_message_by_somebody_who_is_no_member(records: History) -> History:
    return logged(records, EVE, CLUB, commands.send(CLUB, "eve: hello?"))


def a_message_by_somebody_who_has_left(records: History) -> History:
    return logged(records, BOB, CLUB, commands.send(CLUB, "bob: still here"))


def a_link_for_one_lets_two_in(records: History) -> History:
    return logged(records, EVE, CLUB, commands.accept(EVE, "link"), LINK)


def somebody_comes_without_a_link(records: History) -> History:
    return logged(records, EVE, CLUB, commands.accept(EVE, "another"), commands.hash_of("another"))


def somebody_comes_by_a_void_link(records: History) -> History:
    invited = Invited(client=ADA, connection=1, room=CLUB, invite=commands.hash_of("two"), uses=0)
    voided = Uninviting(client=ADA, connection=1, room=CLUB, done=True)
    bad = inserted(records, 1, invited, voided)
    return logged(bad, EVE, CLUB, commands.accept(EVE, "two"), commands.hash_of("two"))


def somebody_comes_twice(records: History) -> History:
    return logged(records, ADA, CLUB, commands.accept(ADA, "link"), LINK)


def somebody_writes_into_the_own_room_of_another(records: History) -> History:
    deed = commands.star(EVE, LOBBY, 1, True)
    return logged(records, EVE, f"~{BOB}", deed)


def the_lobby_is_left(records: History) -> History:
    return logged(records, EVE, LOBBY, commands.part(EVE, LOBBY))


def an_ack_of_a_change_is_of_nothing(records: History) -> History:
    place = place_of(records, Acked, kind="reaction")
    return [*records[: place + 1], replace(records[place], command="never", seq=99), *records[place + 1 :]]


def somebody_is_told_what_was_said_after_they_left(records: History) -> History:
    place = place_of(records, Delivered, client=ADA, room=CLUB)
    delivered = records[place]
    assert isinstance(delivered, Delivered)
    return inserted(records, place + 1, replace(delivered, client=BOB, connection=2))


def somebody_is_told_after_they_left_what_the_room_is(records: History) -> History:
    place = place_of(records, Told, room=CLUB)
    return inserted(records, place, replace(records[place], client=BOB, connection=2))


def somebody_joins_a_room_that_is_not_theirs(records: History) -> History:
    joined = Joined(client=EVE, connection=4, room=CLUB, epoch=EPOCH, head=0, after=0)
    return inserted(records, place_of(records, Acked, room=CLUB) + 1, joined)


def somebody_is_given_a_page_of_a_room_that_is_not_theirs(records: History) -> History:
    page = records[place_of(records, Paged)]
    log = records[place_of(records, Log, room=CLUB)]
    assert isinstance(page, Paged)
    assert isinstance(log, Log)
    stolen = replace(page, room=CLUB, before=3, lines=log.lines[:2], more=False, changes=[], upto=3)
    return inserted(records, place_of(records, Acked, room=CLUB) + 1, stolen)


def a_deleted_text_is_told_to_somebody_who_comes_later(records: History) -> History:
    said = records[place_of(records, Submitted, text="ada: two, a mistake")]
    page = records[place_of(records, Paged)]
    assert isinstance(said, Submitted)
    assert isinstance(page, Paged)
    lines = [
        replace(line, text=said.text, deleted=False) if line.seq == DELETED else line for line in page.lines
    ]
    return changed(records, Paged, {}, lines=lines)


def the_text_of_an_edit_of_a_deleted_message_is_told_later(records: History) -> History:
    said = records[place_of(records, Submitted, text="ada: two, still a mistake")]
    page = records[place_of(records, Paged)]
    assert isinstance(said, Submitted)
    assert isinstance(page, Paged)
    lines = [
        replace(line, text=said.text, target=DELETED, deleted=False) if line.seq == 5 else line
        for line in page.lines
    ]
    return changed(records, Paged, {}, lines=lines)


def a_deleted_text_is_in_a_file(records: History) -> History:
    return [*records, Remains(file="chat.db", text="ada: two, a mistake")]


def a_page_leaves_a_change_out(records: History) -> History:
    page = records[place_of(records, Paged)]
    assert isinstance(page, Paged)
    return changed(records, Paged, {}, changes=[line for line in page.changes if line.kind != "pin"])


def a_page_has_a_change_that_comes_later(records: History) -> History:
    return changed(records, Paged, {}, upto=6)


def a_client_was_told_another_title(records: History) -> History:
    return changed(records, Told, {"client": ADA, "room": LOBBY, "connection": 5}, title="Hall")


def somebody_new_is_not_told_of_a_change(records: History) -> History:
    loaded = records[place_of(records, Loaded, room=LOBBY)]
    assert isinstance(loaded, Loaded)
    kept = [line for line in loaded.changes if line.kind != "edit"]
    return changed(records, Loaded, {"room": LOBBY}, changes=kept)


def somebody_new_is_told_other_members(records: History) -> History:
    loaded = records[place_of(records, Loaded, room=CLUB)]
    assert isinstance(loaded, Loaded)
    assert loaded.told is not None
    return changed(records, Loaded, {"room": CLUB}, told=replace(loaded.told, members=[ADA, BOB]))


def somebody_new_is_told_other_pins(records: History) -> History:
    loaded = records[place_of(records, Loaded, room=LOBBY)]
    assert isinstance(loaded, Loaded)
    assert loaded.told is not None
    return changed(records, Loaded, {"room": LOBBY}, told=replace(loaded.told, pins=[]))


def a_client_missed_a_change(records: History) -> History:
    """It is told of a page, at a number beyond what it has heard, that leaves a change out which it then ignores."""
    place = place_of(records, Delivered, client=EVE, room=LOBBY)
    page = records[place_of(records, Paged)]
    assert isinstance(page, Paged)
    early = replace(page, client=BOB, connection=2, upto=10**6, changes=[])
    return inserted(records, place, early)


def a_room_is_not_in_the_list(records: History) -> History:
    listed = records[place_of(records, Listed, person=ADA)]
    assert isinstance(listed, Listed)
    return changed(records, Listed, {"person": ADA}, rooms=listed.rooms[:1])


def a_room_in_the_list_has_more_unread(records: History) -> History:
    listed = records[place_of(records, Listed, person=ADA)]
    assert isinstance(listed, Listed)
    rooms = [listed.rooms[0], replace(listed.rooms[1], unread=2)]
    return changed(records, Listed, {"person": ADA}, rooms=rooms)


def a_star_is_not_told(records: History) -> History:
    return changed(records, Listed, {"person": BOB}, mine=[])


def a_mark_goes_back(records: History) -> History:
    return changed(records, MarksTold, {}, marks=[(BOB, 2, 2)])


def a_mark_is_gone(records: History) -> History:
    return changed(records, MarksTold, {}, marks=[])


def a_mark_that_was_told_is_not_saved(records: History) -> History:
    return changed(records, Log, {"room": LOBBY}, marks=[])


def a_mark_is_further_than_was_said(records: History) -> History:
    return changed(records, MarksTold, {}, marks=[(BOB, 4, 3)])


def a_saved_mark_is_further_than_was_said(records: History) -> History:
    return changed(records, Log, {"room": LOBBY}, marks=[(BOB, 4, 4)])


def refused(person: str, deed: Deed, code: str) -> Damage:
    def plant(records: History) -> History:
        about: dict[str, Any] = {"client": person, "connection": 99, "person": person, "command": "planted"}
        what: dict[str, Any] = {"room": deed.room, "invite": deed.invite, **deed.said._asdict()}
        end = place_of(records, Told, client=ADA, connection=5, room=LOBBY)
        return inserted(records, end, Submitted(**about, **what), Refused(**about, **what, code=code))

    plant.__name__ = f"{deed.said.kind}_refused_with_{code}"
    return plant


def a_repeat_is_refused_although_it_is_in_the_log(records: History) -> History:
    ack = records[place_of(records, Acked, kind="member", room=CLUB, person=BOB, seq=2)]
    assert isinstance(ack, Acked)
    fields = {key: value for key, value in msgspec.structs.asdict(ack).items() if key not in {"seq", "at"}}
    fields["room"] = ""
    end = place_of(records, Told, client=ADA, connection=5, room=LOBBY)
    return inserted(records, end, Submitted(**fields), Refused(**fields, code="bad_invite"))


DAMAGES: dict[Damage, Rule] = {
    an_edit_of_somebody_elses_message: Rule.FORBIDDEN,
    somebody_elses_message_is_deleted: Rule.FORBIDDEN,
    a_change_of_a_deleted_message: Rule.FORBIDDEN,
    a_change_of_what_is_no_message: Rule.FORBIDDEN,
    a_message_by_somebody_who_is_no_member: Rule.FORBIDDEN,
    a_message_by_somebody_who_has_left: Rule.FORBIDDEN,
    a_link_for_one_lets_two_in: Rule.FORBIDDEN,
    somebody_comes_without_a_link: Rule.FORBIDDEN,
    somebody_comes_by_a_void_link: Rule.FORBIDDEN,
    somebody_comes_twice: Rule.FORBIDDEN,
    somebody_writes_into_the_own_room_of_another: Rule.FORBIDDEN,
    the_lobby_is_left: Rule.FORBIDDEN,
    an_ack_of_a_change_is_of_nothing: Rule.LOST,
    somebody_is_told_what_was_said_after_they_left: Rule.SECRET,
    somebody_is_told_after_they_left_what_the_room_is: Rule.SECRET,
    somebody_joins_a_room_that_is_not_theirs: Rule.SECRET,
    somebody_is_given_a_page_of_a_room_that_is_not_theirs: Rule.SECRET,
    a_deleted_text_is_told_to_somebody_who_comes_later: Rule.DELETED_TOLD,
    the_text_of_an_edit_of_a_deleted_message_is_told_later: Rule.DELETED_TOLD,
    a_deleted_text_is_in_a_file: Rule.REMAINS,
    a_page_leaves_a_change_out: Rule.UNEQUAL,
    a_page_has_a_change_that_comes_later: Rule.UNEQUAL,
    a_client_was_told_another_title: Rule.UNEQUAL,
    a_client_missed_a_change: Rule.DIVERGED,
    somebody_new_is_not_told_of_a_change: Rule.LOAD,
    somebody_new_is_told_other_members: Rule.LOAD,
    somebody_new_is_told_other_pins: Rule.LOAD,
    a_room_is_not_in_the_list: Rule.LISTED,
    a_room_in_the_list_has_more_unread: Rule.LISTED,
    a_star_is_not_told: Rule.LISTED,
    a_mark_goes_back: Rule.MARK_BACK,
    a_mark_is_gone: Rule.MARK_BACK,
    a_mark_that_was_told_is_not_saved: Rule.MARK_BACK,
    a_mark_is_further_than_was_said: Rule.MARK_INVENTED,
    a_saved_mark_is_further_than_was_said: Rule.MARK_INVENTED,
    refused(ADA, commands.edit(LOBBY, 1, "ada: first"), "not_yours"): Rule.UNEXPECTED,
    refused(EVE, commands.react(LOBBY, 1, "👍", True), "deleted"): Rule.UNEXPECTED,
    refused(EVE, commands.pin(LOBBY, 3, True), "no_such_message"): Rule.UNEXPECTED,
    refused(EVE, commands.pin(LOBBY, 3, True), "too_many"): Rule.UNEXPECTED,
    refused(ADA, commands.send(CLUB, "ada: hello"), "no_such_room"): Rule.UNEXPECTED,
    refused(EVE, commands.enter(EVE, "workshop"), "already_there"): Rule.UNEXPECTED,
    refused(EVE, commands.accept(EVE, "link"), "already_there"): Rule.UNEXPECTED,
    refused(ADA, commands.part(ADA, CLUB), "not_member"): Rule.UNEXPECTED,
    refused(EVE, commands.accept(EVE, "another"), "bad_invite"): Rule.UNEXPECTED,
    a_repeat_is_refused_although_it_is_in_the_log: Rule.UNEXPECTED,
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_each_kind_of_damage_is_noticed(damage: Damage) -> None:
    assert DAMAGES[damage] in {violation.rule for violation in check(damage(GOOD))}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_bad_history_shrinks_to_a_few_steps_that_show_the_same(damage: Damage) -> None:
    bad = damage(GOOD)
    violation = next(violation for violation in check(bad) if violation.rule is DAMAGES[damage])
    short = shrink(bad, violation)
    assert violation in check(short)
    assert len(short) <= 12
    assert len(told(short).splitlines()) == len(short)


def test_a_history_of_all_that_people_do_is_good() -> None:
    assert check(GOOD) == []


def test_every_rule_has_a_damage_that_breaks_it() -> None:
    assert {*DAMAGES.values(), *OF_MESSAGES.values(), Rule.HOLE} == set(Rule)


def test_a_history_survives_the_disk(tmp_path: Path) -> None:
    write_history(tmp_path / "run.jsonl", GOOD)
    assert read_history(tmp_path / "run.jsonl") == GOOD
