"""Who is connected: the connections of each person, to tell them what stands in no room's log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from trio_chat.errors import TOO_SLOW
from trio_chat.protocol.encoding import encode_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.model.events import Person
    from trio_chat.net.outbox import Outbox
    from trio_chat.protocol.replies import Answer

TOO_SLOW_FOR_THIS: Final = TOO_SLOW.because("too much waits to be read; come back and resume")


class UserConnection(Protocol):
    """A v1 connection of somebody."""

    @property
    def outbox(self) -> Outbox:
        """Its way out."""
        ...

    @property
    def person(self) -> Person:
        """Who that is, as they are called now."""
        ...

    def hears(self, room: str) -> bool:
        """Whether it has joined the room, and may hear it still."""
        ...

    def be(self, person: Person) -> None:
        """Its person is called so, and looks so, from now on."""
        ...


class ConnectedUsers:
    """The v1 connections that said hello, by person. All of it is sync."""

    def __init__(self) -> None:
        self._devices: dict[str, dict[UserConnection, None]] = {}
        self.on_gone: Callable[[str], object] = lambda person: None
        """Called with the id of a person whose last connection has ended."""

    def __contains__(self, person: object) -> bool:
        return person in self._devices

    def add(self, device: UserConnection) -> None:
        """One more connection of its person, who is called as on the others."""
        devices = self._devices.setdefault(device.person.id, {})
        if devices:  # renamed perhaps, since this one was told who it is
            device.be(next(iter(devices)).person)
        devices[device] = None

    def discard(self, device: UserConnection) -> None:
        """This connection has ended. Idempotent."""
        person = device.person.id
        devices = self._devices.get(person)
        if devices is None or device not in devices:
            return
        del devices[device]
        if not devices:
            del self._devices[person]
            self.on_gone(person)

    def devices(self, person: str | None = None) -> list[UserConnection]:
        """The connections of a person, or all."""
        if person is not None:
            return list(self._devices.get(person, ()))
        return [device for devices in self._devices.values() for device in devices]

    def change(self, person: Person) -> None:
        """The person is called so, and looks so, from now on, on all connections."""
        for device in self._devices.get(person.id, ()):
            device.be(person)

    def tell(self, person: str, answer: Answer) -> None:
        """Tell something that must not be missed to all connections of a person.

        One that reads too slowly for it ends, to come back and be told everything anew.
        """
        devices = self._devices.get(person)
        if devices:
            frame = encode_answer(answer)
            for device in devices:
                if not device.outbox.post(frame):
                    device.outbox.end(TOO_SLOW_FOR_THIS)
