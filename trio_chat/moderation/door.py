"""The door: whom the server lets in at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.kinds.server import after
from trio_chat.kinds.standing import banned

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.standing import Server
    from trio_chat.model.events import Event


class Door:
    """How the server is run now, as far as its room was fanned out. All of it is sync."""

    def __init__(self, server: Server, *, now_ms: Callable[[], int]) -> None:
        self.server = server
        self._now_ms = now_ms

    def apply(self, event: Event, body: Body) -> None:
        """Take into account an event of the server room."""
        self.server = after(self.server, event.kind, body)

    def check_person(self, person: str) -> None:
        """Raises `Refused` (``banned``) for somebody who is banned."""
        if self.server.is_banned(person, self._now_ms()):
            raise banned("this server")
