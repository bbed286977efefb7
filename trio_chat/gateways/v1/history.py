"""History: pages of the log, single events, and versions of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import Refused
from trio_chat.kinds.facts import no_such_message
from trio_chat.kinds.rules import check_may_read_versions
from trio_chat.kinds.table import MESSAGES
from trio_chat.protocol.encoding import fitting
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

VERSIONS = 100
"""How many versions of a message are told at once."""


async def history(client: Client, command: commands.History) -> HistoryPage:
    """Give a page of the log, with what holds of its messages now."""
    if [command.before, command.after, command.around].count(None) != 2:
        raise Refused("bad_field", "Say one of before, after and around.")
    room = client.room(command.room)
    upto = room.head
    events = [event for event in await _page(client, room, command) if event.seq <= upto]
    changes = await _changes(client, room, events, upto)
    more = bool(events) and events[0].seq > 1
    newer = bool(events) and events[-1].seq < upto
    if not events and command.after is not None:
        more = command.after > 0
    return HistoryPage(
        command.id,
        room.name,
        [to_frame(event) for event in events],
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
    events = await client.hub.store.read_some(room.name, seqs)
    changes = await _changes(client, room, events, upto)
    return Fetched(command.id, room.name, [to_frame(event) for event in events], changes, upto)


async def versions(client: Client, command: commands.Versions) -> VersionsOf:
    """Give a page of what a message has said: to who wrote it, and to the room's owner."""
    room = client.room(command.room)
    events = await client.hub.store.read_versions(
        room.name, command.seq, after=command.after, limit=VERSIONS + 1
    )
    if not events or events[0].kind not in MESSAGES:
        raise no_such_message()
    check_may_read_versions(client.person.id, author=events[0].sender, owner=room.owner)
    frames = [to_frame(event) for event in events if event.seq > command.after]
    told = fitting(frames[:VERSIONS])
    return VersionsOf(command.id, room.name, command.seq, told, more=len(told) < len(frames))


async def _changes(client: Client, room: Room, events: Sequence[Event], upto: int) -> list[EventFrame]:
    """The events that say what holds of these messages at number ``upto``."""
    seqs = [event.seq for event in events if event.kind in MESSAGES]
    if not seqs:
        return []
    changes = await client.hub.store.read_changes(room.name, seqs)
    return [to_frame(change) for change in changes if change.seq <= upto]
