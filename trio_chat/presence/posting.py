"""Posting what changed beside the log: to each connection what its person may see, a step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_chat.model.notices import ReadMarkersMoved, Typing
from trio_chat.rooms.encoding import EncodedNotices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trio_chat.model.events import Person
    from trio_chat.model.records import ReadMarker
    from trio_chat.presence.connected import ConnectedUsers, UserConnection
    from trio_chat.presence.privacy import Privacy
    from trio_chat.presence.room_state import RoomChange, RoomState

POST_STEP = 1000
"""A checkpoint follows so many posts: some 8 ms of system calls."""


class Posting:
    """Posts notices, as far as privacy allows them. What finds no space in an outbox is dropped."""

    def __init__(self, connected: ConnectedUsers, privacy: Privacy) -> None:
        self._connected = connected
        self._privacy = privacy
        self._posted = 0

    async def post(
        self, connections: Iterable[UserConnection], encoded: EncodedNotices, *, room: str | None = None
    ) -> None:
        """Post notices to those of the connections that hear the room at that moment; without a room, to all."""
        for connection in connections:
            _post_to(connection, encoded, room)
            self._posted += 1
            if self._posted % POST_STEP == 0:
                await trio.lowlevel.checkpoint()

    async def post_change(self, watching: Sequence[UserConnection], change: RoomChange) -> None:
        """Post to each connection what its person may see of the change: encoded once for all who see the same."""
        room, attendance = change.state.room, change.state.attendance
        shared: dict[tuple[bool, bool], EncodedNotices] = {}
        for connection in watching:
            sees = (attendance.shows(connection), self._privacy.shows(connection.person.id, "receipts"))
            apart = self._privacy.apart_from(connection.person.id)
            encoded = None if apart else shared.get(sees)
            if encoded is None:
                encoded = EncodedNotices(change.notices(*sees, apart=apart))
            if not apart:
                shared[sees] = encoded
            _post_to(connection, encoded, room)
            self._posted += 1
            if apart or self._posted % POST_STEP == 0:  # encoding takes longer
                await trio.lowlevel.checkpoint()

    def post_typing(self, state: RoomState, person: Person, what: str) -> None:
        """Tell the other people who watch a room that this one is typing. Sync."""
        notice = EncodedNotices([Typing(state.room, person, what)])
        for other in state.attendance:
            may_see = other.person.id != person.id and self._privacy.sees(
                other.person.id, person.id, "typing"
            )
            if may_see and other.hears(state.room):
                other.outbox.post(notice.frames(other.encoding))

    async def post_to_few(
        self, state: RoomState, shown: Sequence[ReadMarker], notified: set[UserConnection]
    ) -> set[UserConnection]:
        """Post the markers to those of the few who do not watch the room, for their lists of rooms; who they are."""
        others = [
            connection
            for person in state.few
            if self._privacy.shows(person, "receipts")
            for connection in self._connected.connections(person)
            if connection not in notified
        ]
        for connection in others:
            apart = self._privacy.apart_from(connection.person.id)
            markers = [
                marker
                for marker in shown
                if marker.person not in apart and state.moved_by.get(marker.person) is not connection
            ]
            if markers:
                await self.post(
                    [connection], EncodedNotices([ReadMarkersMoved(state.room, markers)]), room=state.room
                )
        return set(others)

    async def post_to_own_devices(
        self, state: RoomState, moved: Sequence[ReadMarker], notified: set[UserConnection]
    ) -> None:
        """Post each moved marker to the other connections of its person that were not ``notified`` yet."""
        for marker in moved:
            mover = state.moved_by.pop(marker.person, None)
            if not self._privacy.shows(marker.person, "receipts"):
                notified = set()
            others = [
                connection
                for connection in self._connected.connections(marker.person)
                if connection is not mover and connection not in notified
            ]
            if others:
                await self.post(
                    others, EncodedNotices([ReadMarkersMoved(state.room, [marker])]), room=state.room
                )


def _post_to(connection: UserConnection, encoded: EncodedNotices, room: str | None) -> None:
    frames = encoded.frames(connection.encoding)
    if frames and (room is None or connection.hears(room)):
        connection.outbox.post(frames)
