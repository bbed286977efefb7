"""History: pages of the log, single events, and versions of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_chat.errors import Refused
from trio_chat.kinds.facts import no_such_message
from trio_chat.kinds.rules import check_may_read_versions
from trio_chat.kinds.table import MESSAGES
from trio_chat.protocol.encoding import LIST_BYTES, fitting, size_of
from trio_chat.protocol.event_frames import EventFrame, to_frame
from trio_chat.protocol.replies import Fetched, HistoryPage, VersionsOf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.gateways.v1.client import Client
    from trio_chat.model.events import Event
    from trio_chat.protocol import commands
    from trio_chat.rooms.room import Room

HISTORY_BYTES = 256 * 1024
"""How much text one page of history holds at most: it is made for one reader, so it is not shared memory."""

CHANGES = 1_200
"""How many changes are read for one page at most: more than one message can have."""

FRAMES_AT_ONCE = 200
"""Others are served after so many events were told."""

VERSIONS = 100
"""How many versions of a message are told at once."""


async def history(client: Client, command: commands.History) -> HistoryPage:
    """Give a page of the log, with what holds of its messages now."""
    if [command.before, command.after, command.around].count(None) != 2:
        raise Refused("bad_field", "Say one of before, after and around.")
    room = client.room(command.room)
    upto = room.head
    anchor = next(at for at in (command.before, command.after, command.around) if at is not None)
    page = [event for event in await _page(client, room, command) if event.seq <= upto]
    events, changes = await _fitting(client, room, page, anchor, upto)
    more = bool(events) and events[0].seq > 1
    newer = bool(events) and events[-1].seq < upto
    if not events and command.after is not None:
        more = command.after > 0
    return HistoryPage(
        command.id,
        room.name,
        events,
        more=more,
        changes=changes,
        upto=upto,
        newer=newer,
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
    upto = room.head
    seqs = sorted({seq for seq in command.seqs if seq <= upto})
    found = await client.hub.store.read_some(room.name, seqs)
    events, changes = await _fitting(client, room, found, 0, upto)
    return Fetched(command.id, room.name, events, changes, upto, more=len(events) < len(found))


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


async def _fitting(
    client: Client, room: Room, events: Sequence[Event], anchor: int, upto: int
) -> tuple[list[EventFrame], list[EventFrame]]:
    """As many of the events as one answer holds, those nearest to number ``anchor``, with the changes that hold of them
    at number ``upto``; both in order."""
    nearest = sorted(events, key=lambda event: abs(event.seq - anchor))
    messages = [event.seq for event in nearest if event.kind in MESSAGES]
    changes = await client.hub.store.read_changes(room.name, messages, limit=CHANGES) if messages else []
    by_target: dict[int, list[EventFrame]] = {}
    for n, change in enumerate(changes, 1):
        if n % FRAMES_AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
        if change.seq <= upto:
            frame = to_frame(change)
            # Nobody knows what a damaged one is of.
            by_target.setdefault(getattr(frame, "target", messages[0]), []).append(frame)
    if len(changes) == CHANGES:  # the last message they are of may have more, and those behind it
        last = max(by_target, key=lambda seq: abs(seq - anchor))
        nearest = [one for one in nearest if abs(one.seq - anchor) < abs(last - anchor)] or nearest[:1]
    told: list[EventFrame] = []
    told_changes: list[EventFrame] = []
    left = LIST_BYTES
    for event in nearest:
        frame, of_it = to_frame(event), by_target.get(event.seq, [])
        left -= size_of(frame)
        if not told:  # it is told in any case, with its newest changes
            of_it = list(fitting(of_it[::-1], left))
        left -= sum(map(size_of, of_it))
        if told and left < 0:
            break
        told.append(frame)
        told_changes += of_it
    return sorted(told, key=_seq), sorted(told_changes, key=_seq)


def _seq(frame: EventFrame) -> int:
    return frame.seq
