"""Beginning uploads over HTTP alone, for programs that speak no WebSocket until they send."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import attrs

from trio_chat.files.uploads import new_upload_id
from trio_chat.kinds.facts import PERSONAL_ROOM, kind_of_new, no_such_room
from trio_chat.model.file_names import normal_file_name
from trio_chat.model.files import Upload
from trio_chat.model.names import normal_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.files.keys import Keys
    from trio_chat.model.files import FileLimits
    from trio_chat.moderation.door import Door
    from trio_chat.net.credentials import Credentials
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.store.base import Store


@attrs.frozen
class Beginning:
    """Begins uploads, for whoever could send them."""

    store: Store
    rooms: RoomRegistry
    door: Door
    keys: Keys
    limits: FileLimits
    now_ms: Callable[[], int]

    async def begin(
        self, shown: Credentials, *, room: str, name: str, size: int, as_file: bool = False
    ) -> str:
        """The id of a new upload of so many bytes, for a message in this room.

        Raises `Refused` as `Keys.login`, `normal_room`, `Door.check_upload` and `FileTable.begin_upload` do, and
        ``no_such_room`` for whoever may not hear it.
        """
        login = await self.keys.login(shown)
        room, person = normal_room(room), login.person.id
        if kind_of_new(room) == PERSONAL_ROOM or not await self.rooms.may_hear(room, person):
            raise no_such_room()
        self.door.check_upload(person, login.known_ms)
        client_id = f"http-{secrets.token_urlsafe(16)}"  # nobody asks for it again
        wanted = Upload(
            new_upload_id(), person, room, client_id, normal_file_name(name), size, as_file=as_file
        )
        begun = await self.store.begin_upload(wanted, limits=self.limits, at_ms=self.now_ms())
        return begun.id
