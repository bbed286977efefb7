"""Direct rooms: opening one, requests, and their answers. Who may do what: `trio_chat.kinds.direct`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import Refused
from trio_chat.gateways.v1.outcomes import Outcomes, ack_of
from trio_chat.gateways.v1.room_lists import items_of
from trio_chat.gateways.v1.rooms import answer_repeat, cursor_behind, derived_name, place_of
from trio_chat.kinds.facts import DIRECT, no_such_room
from trio_chat.kinds.forms import Frame, Who, write_body
from trio_chat.kinds.rooms import CREATED, MEMBER, Created, Membership
from trio_chat.kinds.standing import ASKED
from trio_chat.model.events import Draft
from trio_chat.model.names import normal_room
from trio_chat.model.outcomes import Conflict, Denied
from trio_chat.protocol.encoding import fitting
from trio_chat.protocol.replies import Ack, RequestsOf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands
    from trio_chat.rooms.room import Room

MAX_LISTED = 50
"""So many requests are told at once."""


async def direct(client: Client, command: commands.Direct) -> Sequence[Frame]:
    """Go to the direct room with somebody, which begins if there is none yet: for a stranger as a request.

    Whoever left it comes back, and whoever was asked into it accepts.
    """
    person = client.person
    if command.person == person.id:
        raise Refused("direct_self", "That is you.")
    store = client.hub.store
    profiles = await store.people([command.person])
    if not profiles:
        raise Refused("no_such_person", "There is nobody of this id. (Guests cannot be written to.)")
    both = (Who.of(person), Who.of(profiles[0]))
    name = derived_name("d", *sorted(who.id for who in both))
    while True:
        room = await client.hub.rooms.get(name)
        if person.id in room.members - room.access.asked:
            return await answer_repeat(client, Ack(command.id, name, 1))
        if room.access.pair:
            await _write(client, room, Membership(both[0], on=True))
            continue
        await client.hub.counts.check_daily("conversations", person.id)
        while True:
            is_request = await store.are_strangers(person.id, command.person)
            room = await client.hub.rooms.get(name)  # it may have been closed meanwhile
            body = write_body(Created(DIRECT, members=both, asked=is_request))
            outcome = await room.inbox.write(Draft(CREATED, person.id, person.name, command.id, body))
            is_refused = isinstance(outcome, Denied) and outcome.code == "not_accepted" and not is_request
            if not (is_refused and await store.are_strangers(person.id, command.person)):
                break  # else they ceased to share a room before this was judged
        if isinstance(outcome, Conflict):  # another copy of the command was faster, as a request, or as none
            before = await store.find_command(person.id, command.id)
            assert before is not None
            await room.catch_up(before.seq)
            return [ack_of(before, command.id, CREATED, room=name, says=lambda body: body.kind == DIRECT)]
        if not (isinstance(outcome, Denied) and outcome.code == "already_there"):
            return [Outcomes(client.outbox).reply_to(outcome, command.id, name)]
        if person.id not in room.access.asked:  # the other one, or another device, was faster
            return [Ack(command.id, name, 1)]


async def requests(client: Client, command: commands.AskRequests) -> RequestsOf:
    """List the direct rooms that others began, and that the person has not answered: a page of them."""
    after = None if command.cursor is None else place_of(command.cursor)
    store = client.hub.store
    found = await store.requests(client.person.id)
    if after is not None:
        found = [one for one in found if (-one.newest_ms, one.room) > (-after.newest_ms, after.room)]
    items = fitting(await items_of(store, found[:MAX_LISTED]))
    return RequestsOf(command.id, items, cursor_behind(items, found))


async def answer_request(client: Client, command: commands.AnswerRequest) -> Ack | None:
    """Become a member of a direct room into which the person was asked, or decline."""
    name = normal_room(command.room)
    before = await client.hub.store.find_command(client.person.id, command.id)
    if before is not None:  # they are asked no more
        return ack_of(before, command.id, MEMBER, room=name, says=lambda body: body.on == command.accept)
    state = await client.hub.store.state(name)
    if state.members.get(client.person.id) != ASKED:
        raise no_such_room()
    room = await client.hub.rooms.get(name)
    await client.submit_body(room, MEMBER, command.id, Membership(Who.of(client.person), on=command.accept))
    return None


async def settle(client: Client, room: Room, draft: Draft) -> None:
    """Before the person writes this to a direct room: writing accepts a request, and asks again who has left. What
    would be refused does neither, nor does a repeat of what was written before.

    Raises `Refused` (what `trio_chat.kinds.direct` says), `StoreError`.
    """
    person, store = client.person, client.hub.store
    is_asked = person.id in room.access.asked
    if not is_asked and room.access.pair <= room.members:
        return
    if draft.client_id and await store.find_command(person.id, draft.client_id) is not None:
        return
    if is_asked:
        await _write(client, room, Membership(Who.of(client.person), on=True), leads_to=draft)
    absent = room.access.pair - room.members
    if absent and person.id in room.members:
        for profile in await store.people(absent):
            await _write(client, room, Membership(Who.of(profile), on=True), leads_to=draft)


async def _write(client: Client, room: Room, body: Membership, *, leads_to: Draft | None = None) -> None:
    person = client.person
    outcome = await room.inbox.write(Draft(MEMBER, person.id, person.name, None, write_body(body), leads_to))
    if isinstance(outcome, Denied) and outcome.code != "already_there":  # another device was faster
        raise Refused(outcome.code, outcome.message, retry_after_s=outcome.retry_after_s)
