"""Who runs the server, reports to them, and wiping what somebody has written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_chat.errors import Refused, StoreError, StoreUnavailable
from trio_chat.gateways.v1.message_now import message_now
from trio_chat.gateways.v1.outcomes import ack_of
from trio_chat.gateways.v1.room_lists import user_of
from trio_chat.kinds.facts import PUBLIC, SERVER, SERVER_ROOM, no_such_room
from trio_chat.kinds.forms import timestamp, write_body
from trio_chat.kinds.messages import DELETE, Delete
from trio_chat.kinds.reports import MAX_WHY_CHARS, REPORT, RESOLVE, WIPE, Report, Resolve, Wipe
from trio_chat.kinds.roles import ROLE, Role
from trio_chat.kinds.standing import MODERATES, OWNER
from trio_chat.kinds.table import plain_text_of, read_body
from trio_chat.model.events import Draft
from trio_chat.model.names import normal_room
from trio_chat.model.outcomes import Denied
from trio_chat.model.texts import check_length, normal_line
from trio_chat.model.tokens import hash_of
from trio_chat.protocol.encoding import fitting
from trio_chat.protocol.event_frames import to_frame
from trio_chat.protocol.parts import BranchItem, ReportItem
from trio_chat.protocol.replies import Ack, Branch, ReportList

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands

MAX_REPORTS_LISTED = 100

MAX_WIPED = 500
"""So many messages are deleted by one command: the log writes nothing else meanwhile for some tenths of a second."""

WIPED_AT_ONCE = 100

FINISH_S = 5.0
"""So long wiping may take: ten times what it does on a busy machine, and less than a stopping server waits."""

MAX_BRANCH = 200
"""So many are told of those whom somebody brought in."""


async def branch(client: Client, command: commands.AskBranch) -> Branch:
    """Say whom a person brought in, and whom those did, and so on."""
    hub = client.hub
    _check_runs_server(client)
    found = await hub.store.branch(command.person, limit=MAX_BRANCH + 1)
    told = found[:MAX_BRANCH]
    profiles = {one.id: one for one in await hub.store.people({one.id for one in told})}
    _check_runs_server(client)  # still
    items = [BranchItem(user_of(profiles.get(one.id), one.id), one.by, timestamp(one.at_ms)) for one in told]
    return Branch(command.id, command.person, items, more=len(found) > MAX_BRANCH)


def _check_runs_server(client: Client) -> None:
    if client.person.id not in client.hub.door.server.roles:
        raise Refused("not_yours", "Only those who run the server are told that.")


async def become_owner(client: Client, command: commands.BecomeOwner) -> None:
    """Make the client's person an owner of the server. Whether the link still holds is decided when it is written."""
    room = await client.hub.rooms.get(SERVER_ROOM)
    body = Role(client.person.id, OWNER, hash_of(command.token).hex())
    await client.submit_body(room, ROLE, command.id, body)


# -- reports --


async def report(client: Client, command: commands.ReportCommand) -> Ack | None:
    """Write a report to the server room, with a copy of what the message says now."""
    why = normal_line(command.why, "bad_field", "A reason")
    check_length(why, MAX_WHY_CHARS)
    before = await client.hub.store.find_command(client.person.id, command.id)
    if before is not None:  # the message may say something else by now
        of = None if command.room is None else normal_room(command.room)
        said = (of, command.seq, why)
        return ack_of(
            before,
            command.id,
            REPORT,
            says=lambda body: (
                (body.room, body.target, body.why) == said and command.person in (None, body.person)
            ),
        )
    if (command.room is None) != (command.seq is None) or (command.seq is None) != (
        command.person is not None
    ):
        raise Refused("bad_field", "Say a room and the number of a message in it, or a person.")
    await client.hub.counts.check_daily("reports", client.person.id)
    if command.room is None or command.seq is None:
        assert command.person is not None
        if not await client.hub.store.people([command.person]):
            raise Refused("no_such_person", "There is nobody of this id.")
        body = Report(command.person, why=why)
    else:
        about = client.room(command.room)
        message, edit = await message_now(client, about, command.seq)
        body = Report(message.sender, about.name, command.seq, plain_text_of(message, edit=edit), why)
    room = await client.hub.rooms.get(SERVER_ROOM)
    await client.submit_body(room, REPORT, command.id, body)
    return None


async def reports(client: Client, command: commands.Reports) -> ReportList:
    """List the reports that are not done, to moderators of the server."""
    room = client.room(command.room)
    if room.kind != SERVER:
        raise Refused("not_yours", "Reports are in the room of those who run the server.")
    taken_by = await client.hub.store.open_reports()
    first = list(taken_by)[:MAX_REPORTS_LISTED]
    events = await client.hub.store.read_some(room.name, first)
    items = fitting([ReportItem(to_frame(event), taken_by[event.seq]) for event in events])
    return ReportList(command.id, room.name, items, more=len(items) < len(taken_by))


async def resolve(client: Client, command: commands.ResolveCommand) -> Ack | None:
    """Take a report, leave it to others, or be done with it."""
    room = client.room(SERVER_ROOM)
    how = normal_line(command.how, "bad_field", "What was done")
    check_length(how, MAX_WHY_CHARS)
    before = await client.hub.store.find_command(client.person.id, command.id)
    if before is not None:  # what the report said may be gone
        said = (command.report, command.state, how)
        return ack_of(
            before, command.id, RESOLVE, says=lambda body: (body.target, body.state, body.how) == said
        )
    found = await client.hub.store.read_some(room.name, [command.report])
    about = read_body(REPORT, found[0].body) if found and found[0].kind == REPORT and found[0].body else None
    if not isinstance(about, Report):
        raise Refused("no_such_report", "This report is done already, or there is none of this number.")
    body = Resolve(command.report, command.state, how, about.person)
    await client.submit_body(client.room(SERVER_ROOM), RESOLVE, command.id, body)
    return None


# -- wiping --


async def wipe(client: Client, command: commands.WipeCommand) -> Ack | None:
    """Delete what a person has written, the newest first, and say so in the room. There may be more: whoever says it
    again, under another id, goes on, until there is nothing left (``no_such_message``)."""
    room = client.room(command.room)
    since_ms = 0 if command.since is None else max(0, int(command.since.timestamp() * 1000))
    before = await client.hub.store.find_command(client.person.id, command.id)
    if before is not None:
        said = (command.person, since_ms or None)
        return ack_of(
            before,
            command.id,
            WIPE,
            room=room.name,
            says=lambda body: (body.person, body.since_ms) == said,
        )
    if client.rank_in(room) < MODERATES:
        raise Refused("not_yours", "Only moderators delete what others have written.")
    found = await client.hub.store.messages_of(
        command.person,
        room=None if room.name == SERVER_ROOM else room.name,
        since_ms=since_ms,
        limit=MAX_WIPED,
    )
    if not found:
        raise Refused("no_such_message", "They have written nothing there that could be deleted.")
    by_room: dict[str, list[int]] = {}
    for name, seq in found:
        by_room.setdefault(name, []).append(seq)
    # What was begun is finished, and said, if the connection ends meanwhile.
    with trio.move_on_after(FINISH_S, shield=True) as scope:
        n = 0
        try:
            for name, seqs in by_room.items():
                for start in range(0, len(seqs), WIPED_AT_ONCE):
                    n += await _delete(client, name, seqs[start : start + WIPED_AT_ONCE])
        except (Refused, StoreError):
            if not n:
                raise  # else what was deleted is said, and who goes on is told what is in the way
        body = Wipe(command.person, n, since_ms or None)
        await client.submit_body(room, WIPE, command.id, body)
    if scope.cancelled_caught:
        raise StoreUnavailable("It took too long.")
    return None


async def _delete(client: Client, name: str, seqs: list[int]) -> int:
    """Delete these messages of a room; how many there were to delete. Raises `Refused` for those of somebody who is not
    below the client's person."""
    room = await client.hub.rooms.get(name)
    if room.kind != PUBLIC and not client.hears(name):
        raise no_such_room()
    person = client.person
    drafts = [Draft(DELETE, person.id, person.name, None, write_body(Delete(seq))) for seq in seqs]
    n = 0
    for outcome in await room.inbox.write_all(drafts):
        if isinstance(outcome, Denied) and outcome.code != "deleted":
            raise Refused(outcome.code, outcome.message)
        n += not isinstance(outcome, Denied)
    return n
