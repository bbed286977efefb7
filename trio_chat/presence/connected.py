"""Connected users: the registry of connections by person, for notices that are in no room's log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from trio_chat.errors import TOO_SLOW
from trio_chat.rooms.encoding import EncodedNotices, Encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from trio_chat.errors import Close
    from trio_chat.model.events import Person
    from trio_chat.model.notices import Notice
    from trio_chat.net.outbox import Outbox

TOO_SLOW_FOR_NOTICES: Final = TOO_SLOW.because("too much waits to be read; come back and resume")
"""How a connection ends whose outbox has no space for a notice that must not be missed."""


class UserConnection(Protocol):
    """A connection of a person who logged in, as presence and the hub see it."""

    @property
    def outbox(self) -> Outbox:
        """Where frames for it are posted."""
        ...

    @property
    def encoding(self) -> Encoding:
        """The encoding of its gateway."""
        ...

    @property
    def person(self) -> Person:
        """Its person, with their present name and looks."""
        ...

    @property
    def device(self) -> str:
        """The id of its device."""
        ...

    def set_person(self, person: Person) -> None:
        """Update the cached name and looks of its person."""
        ...

    def hears(self, room: str) -> bool:
        """Whether it has a subscription to the room."""
        ...

    def membership_changed(self, room: str, *, is_member: bool) -> None:
        """Note, at once, that its person became a member of the room, or is no longer one."""
        ...

    def cut(self, close: Close) -> None:
        """Hear nothing more and carry out nothing more, at once, and end with ``close``."""
        ...

    def standing_changed(self, known_ms: int) -> None:
        """Note, at once, since when its person is known, and that how the server is run may have changed for them."""
        ...


class ConnectedUsers:
    """The connections of people who logged in, by person. All of it is sync."""

    def __init__(self) -> None:
        self._connections: dict[str, tuple[UserConnection, ...]] = {}
        self.on_change: Callable[[str], object] = lambda person: None
        """Called with the id of a person who has one connection more or less. Sync, and it must not raise."""
        self.on_offline: Callable[[str], object] = lambda person: None
        """Called with the id of a person whose last connection has ended. Sync, and it must not raise."""

    def __contains__(self, person: object) -> bool:
        return person in self._connections

    def add(self, connection: UserConnection) -> None:
        """Register a connection of its person, and give it the name and looks that their others have."""
        person = connection.person.id
        connections = self._connections.get(person, ())
        if connections:  # they may have been renamed since this one read their profile
            connection.set_person(connections[0].person)
        self._connections[person] = (*connections, connection)
        self.on_change(person)

    def discard(self, connection: UserConnection) -> None:
        """Forget a connection that has ended. Idempotent."""
        person = connection.person.id
        connections = self._connections.get(person, ())
        if connection not in connections:
            return
        at = connections.index(connection)
        self._connections[person] = connections[:at] + connections[at + 1 :]
        if len(connections) == 1:
            del self._connections[person]
            self.on_offline(person)
        self.on_change(person)

    @property
    def people(self) -> list[str]:
        """The ids of all who are connected."""
        return list(self._connections)

    def connections(self, person: str | None = None) -> list[UserConnection]:
        """The connections of a person, or all."""
        if person is not None:
            return list(self._connections.get(person, ()))
        return [connection for connections in self._connections.values() for connection in connections]

    def devices(self, person: str | None = None) -> set[str]:
        """The ids of the devices that are connected, of a person or of all."""
        return {connection.device for connection in self.connections(person)}

    def set_person(self, person: Person) -> None:
        """Update the name and looks of a person on all their connections."""
        for connection in self.connections(person.id):
            connection.set_person(person)

    def membership_changed(self, room: str, person: str, *, is_member: bool) -> None:
        """Tell all connections of a person, at once, that they became a member of the room, or are no longer one."""
        for connection in self.connections(person):
            connection.membership_changed(room, is_member=is_member)

    def cut(self, person: str, close: Close, *, devices: Collection[str] | None = None) -> None:
        """End all connections of a person, or of some of their devices; nothing more is posted to them."""
        for connection in self.connections(person):
            if devices is None or connection.device in devices:
                connection.cut(close)

    def notify(self, person: str, notice: Notice) -> None:
        """Post a notice that must not be missed to all connections of a person.

        A connection whose outbox has no space for it is ended (4000), to come back and read everything anew.
        """
        encoded = EncodedNotices([notice])
        for connection in self.connections(person):
            frames = encoded.frames(connection.encoding)
            if frames and not connection.outbox.post(frames):
                connection.outbox.end(TOO_SLOW_FOR_NOTICES)
