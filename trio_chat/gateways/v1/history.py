"""History: pages of the log, single events, and a message's reactions and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import msgspec
import trio

from trio_chat.errors import Refused
from trio_chat.gateways.v1.message_now import room_with
from trio_chat.kinds.facts import no_such_message
from trio_chat.kinds.forms import Who
from trio_chat.kinds.rules import check_may_read_versions
from trio_chat.kinds.table import MESSAGES
from trio_chat.protocol.encoding import LIST_BYTES, fitting, size_of
from trio_chat.protocol.event_frames import EventFrame, to_frame
from trio_chat.protocol.parts import Given, Reactions
from trio_chat.protocol.replies import Fetched, HistoryPage, ReactionsOf, VersionsOf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.gateways.v1.client import Client
    from trio_chat.kinds.files import Album
    from trio_chat.model.events import Event
    from trio_chat.model.records import ReactionCount
    from trio_chat.protocol import commands
    from trio_chat.rooms.room import Room

HISTORY_BYTES = 256 * 1024
"""How much text one page of history holds at most: it is made for one reader, so it is not shared memory."""

CHANGES = 2_000
"""How many changes, and how many emoji put to messages, are read for one page at most: as fit an answer."""

REACTIONS = 1_000
"""How many reactions to a message are told at once."""

FRAMES_AT_ONCE = 200
"""Others are served after so many events were told."""

VERSIONS = 100
"""How many versions of a message are told at once."""


async def history(client: Client, command: commands.History) -> HistoryPage:
    """Give a page of the log, with what holds of its messages now."""
    if command.only is not None:
        return await _album(client, command, command.only)
    if [command.before, command.after, command.around].count(None) != 2:
        raise Refused("bad_field", "Say one of before, after and around.")
    room = client.room(command.room)
    anchor = next(at for at in (command.before, command.after, command.around) if at is not None)
    await room.catch_up(anchor if command.before is None else anchor - 1)
    head = room.head
    page = [event for event in await _page(client, room, command) if event.seq <= head]
    told = await _fitting(client, room, page, anchor, head)
    more = bool(told.events) and told.events[0].seq > 1
    newer = bool(told.events) and told.events[-1].seq < told.upto
    if not told.events and command.after is not None:
        more = command.after > 0
    return HistoryPage(
        command.id,
        room.name,
        told.events,
        more=more,
        changes=told.changes,
        reactions=tuple(told.reactions),
        upto=told.upto,
        newer=newer,
    )


async def _album(client: Client, command: commands.History, only: Album) -> HistoryPage:
    """Give messages with pictures, files or links, with what holds of them now."""
    if command.after is not None or command.around is not None:
        raise Refused(
            "bad_field", 'With "only" a page is read "before" a number, or without one from the newest.'
        )
    room = client.room(command.room)
    await room.catch_up(max(0, (command.before or 0) - 1))
    head = room.head
    before = min(command.before or head + 1, head + 1)
    page = await client.hub.store.album(
        room.name, only, before=before, limit=command.limit, max_bytes=HISTORY_BYTES
    )
    found = [event for event in page.events if event.kind in MESSAGES]
    told = await _fitting(client, room, found, before, head)
    following = told.events[0].seq if len(told.events) < len(found) else page.before
    return HistoryPage(
        command.id,
        room.name,
        told.events,
        more=following is not None,
        changes=told.changes,
        reactions=tuple(told.reactions),
        upto=told.upto,
        before=following,
    )


async def _page(client: Client, room: Room, command: commands.History) -> list[Event]:
    if command.before is not None:
        return await room.read_before(command.before, limit=command.limit, max_bytes=HISTORY_BYTES)
    if command.after is not None:
        return await room.read_after(command.after, limit=command.limit, max_bytes=HISTORY_BYTES)
    assert command.around is not None
    half = max(1, command.limit // 2)
    before = await room.read_before(command.around + 1, limit=half, max_bytes=HISTORY_BYTES // 2)
    after = await room.read_after(command.around, limit=half, max_bytes=HISTORY_BYTES // 2)
    return before + after


async def fetch(client: Client, command: commands.Fetch) -> Fetched:
    """Give single events, with what holds of them now."""
    room = client.room(command.room)
    await room.catch_up(max(command.seqs, default=0))
    head = room.head
    seqs = sorted({seq for seq in command.seqs if seq <= head})
    found = await client.hub.store.read_some(room.name, seqs)
    told = await _fitting(client, room, found, 0, head)
    return Fetched(
        command.id,
        room.name,
        told.events,
        told.changes,
        told.upto,
        more=len(told.events) < len(found),
        reactions=tuple(told.reactions),
    )


async def reactions(client: Client, command: commands.AskReactions) -> ReactionsOf:
    """List who has put what to a message: a page of them, in the order in which they were given."""
    room = await room_with(client, command.room, command.seq)
    found = await client.hub.store.reactions(
        room.name, command.seq, emoji=command.emoji, after=command.after, limit=REACTIONS + 1
    )
    given = [Given(one.seq, one.emoji, Who.of(one.person)) for one in found[:REACTIONS]]
    told = fitting(given)
    return ReactionsOf(command.id, room.name, command.seq, told, more=len(told) < len(found))


async def versions(client: Client, command: commands.Versions) -> VersionsOf:
    """Give a page of what a message has said: to who wrote it, and to the room's owner."""
    room = client.room(command.room)
    events = await client.hub.store.read_versions(
        room.name, command.seq, after=command.after, limit=VERSIONS + 1
    )
    if not events or events[0].kind not in MESSAGES:
        raise no_such_message()
    check_may_read_versions(client.person.id, author=events[0].sender, owner=room.access.owner)
    frames = [to_frame(event) for event in events if event.seq > command.after]
    told = fitting(frames[:VERSIONS])
    return VersionsOf(command.id, room.name, command.seq, told, more=len(told) < len(frames))


@attrs.define
class _Told:
    """What an answer says of messages, all in order: events, and what holds of them at number ``upto``."""

    events: list[EventFrame]
    changes: list[EventFrame]
    reactions: list[Reactions]
    upto: int


async def _fitting(client: Client, room: Room, events: Sequence[Event], anchor: int, head: int) -> _Told:
    """As many of the events, of which ``head`` was the newest, as one answer holds: those nearest to number ``anchor``.

    What holds of them is read at one moment after that, and may be ahead of what was fanned out.
    """
    nearest = sorted(events, key=lambda event: abs(event.seq - anchor))
    messages = [event.seq for event in nearest if event.kind in MESSAGES]
    told = _Told([], [], [], head)
    found = None
    if messages:
        found = await client.hub.store.read_changes(
            room.name, messages, reader=client.person.id, limit=CHANGES
        )
        told.upto = found.upto
    changes: dict[int, list[EventFrame]] = {}
    reactions: dict[int, list[Reactions]] = {}
    for n, change in enumerate(found.events if found else (), 1):
        if n % FRAMES_AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
        frame = to_frame(change)
        # Nobody knows what a damaged one is of.
        changes.setdefault(getattr(frame, "target", messages[0]), []).append(frame)
    for n, count in enumerate(found.reactions if found else (), 1):
        if n % FRAMES_AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
        reactions.setdefault(count.target, []).append(_reactions_of(count))
    unread = set(messages[found.n_messages :] if found else ())
    left = LIST_BYTES
    for event in nearest:
        frame, of_it, counts = to_frame(event), changes.get(event.seq, []), reactions.get(event.seq, [])
        left -= size_of(frame)
        if not told.events:  # it is told in any case, with its newest changes
            of_it = list(fitting(of_it[::-1], left))
            if sum(map(size_of, (*of_it, *counts))) > left:
                counts = [msgspec.structs.replace(one, people=()) for one in counts]
        left -= sum(map(size_of, (*of_it, *counts)))
        if told.events and (left < 0 or event.seq in unread):
            break
        told.events.append(frame)
        told.changes += of_it
        told.reactions += counts
    told.events.sort(key=_seq)
    told.changes.sort(key=_seq)
    told.reactions.sort(key=lambda one: one.since)
    return told


def _reactions_of(count: ReactionCount) -> Reactions:
    people = tuple(map(Who.of, count.people))
    return Reactions(count.target, count.emoji, count.count, count.since, mine=count.is_mine, people=people)


def _seq(frame: EventFrame) -> int:
    return frame.seq
