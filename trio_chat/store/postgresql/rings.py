"""Rings: what one node tells the others at a time, as texts that PostgreSQL's NOTIFY takes.

A ring says to which numbers the logs of rooms have come, brings messages, and, while all that waits fits one, the
events themselves: so most of what one node writes is heard at the others without being read. Whoever may connect to the
database may listen and notify as well, so the name of the channel is a secret (`channel_of`): it follows from a key
that only those know who may read the tables.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from trio_chat.kinds.table import CHANGE_ACCESS
from trio_chat.model.events import Event
from trio_chat.store.hints import EVERYTHING, Hint
from trio_chat.store.node_messages import Told, decode_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

RING_BYTES: Final = 7_900
"""PostgreSQL takes less than 8,000."""

RINGS_AT_ONCE: Final = 20
"""If what was committed does not fit so many, others are told to look at everything."""

FRESH_MS: Final = 500
"""Events that are heard so long after they were accepted are read instead: what was deleted meanwhile is told to nobody
any more."""


_EVENT: Final[msgspec.json.Decoder[tuple[str, int, str, str, str, str | None, int, str, bytes]]] = (
    msgspec.json.Decoder(tuple[str, int, str, str, str, str | None, int, str, bytes])
)
"""The fields of an `Event`, in their order; not of one whose text was deleted."""


class Ring(msgspec.Struct, array_like=True):
    """What is rung at a time: by which node, the rooms with the numbers that their logs have come to (None: anything
    may have happened to them), messages, and events; when the first of these was accepted, and how many epochs of
    everything the node knows of."""

    node: str
    rooms: list[tuple[str | None, int | None]] = []
    messages: list[msgspec.Raw] = []
    events: list[msgspec.Raw] = []
    at_ms: int = 0
    epochs: int = 0


class RungEvents:
    """Events that wait to be rung, as long as they fit one ring: else there are none. All of it is sync."""

    def __init__(self) -> None:
        self._encoded: list[bytes] = []
        self._size = 0
        self.since_ms: int | None = None
        """When the first of them was accepted."""

    def add(self, events: Sequence[Event]) -> None:
        """Ring these as well. Events by which it changes who may hear a room are read by whoever tells them."""
        if any(event.kind in CHANGE_ACCESS for event in events):
            return
        for event in events:
            if self._size > RING_BYTES:
                return
            if event.body is not None:
                self.since_ms = event.at_ms if self.since_ms is None else min(self.since_ms, event.at_ms)
                self._encoded.append(msgspec.json.encode(msgspec.structs.astuple(event)))
                self._size += len(self._encoded[-1]) + 1

    def take(self, space: int) -> list[bytes]:
        """The events, if all of them fit so many bytes; from now on there are none."""
        encoded, size = self._encoded, self._size
        self._encoded, self._size, self.since_ms = [], 0, None
        return encoded if size <= space else []


def channel_of(key: bytes) -> str:
    """The channel on which the nodes of a database ring, by its secret (`Store.proof_key`)."""
    return f"trio_chat_{hashlib.blake2b(b'rings', key=key, digest_size=12).hexdigest()}"


def rings_of(
    node: str,
    noted: Mapping[str, int | None],
    told: Sequence[bytes] = (),
    events: RungEvents | None = None,
    *,
    at_ms: int = 0,
    epochs: int = 0,
) -> Iterator[str]:
    """The texts to ring for these rooms, messages and events, one at least, each within `RING_BYTES`."""
    encode = msgspec.json.encode

    def new() -> Ring:
        return Ring(node, [], [], [], at_ms, epochs)

    rings = [new()]
    size = 100
    for item in noted.items():
        item_size = len(encode(item)) + 1
        if size + item_size > RING_BYTES:
            rings.append(new())
            size = 100
        rings[-1].rooms.append(item)
        size += item_size
    if len(rings) > RINGS_AT_ONCE:
        rings = [new()]
        rings[0].rooms.append((None, None))
        size = 200
    for message in told:
        if size + len(message) + 1 > RING_BYTES:
            rings.append(new())
            size = 100
        rings[-1].messages.append(msgspec.Raw(message))
        size += len(message) + 1
    if events is not None:
        rings[0].events += map(msgspec.Raw, events.take(RING_BYTES - size if len(rings) == 1 else 0))
    for ring in rings:
        yield encode(ring).decode()


def heard_in(
    ring: bytes, node: str, *, is_believed: Callable[[Ring], bool] = lambda ring: True
) -> tuple[list[Hint], list[Told]]:
    """The hints and messages of a ring; none in one of this node. What cannot be read (another version's) is about
    everything, but for single messages and events, which are left out. ``is_believed`` says whether its events are
    taken."""
    try:
        rung = msgspec.json.decode(ring, type=Ring)
    except msgspec.DecodeError:
        return [EVERYTHING], []
    if rung.node == node:
        return [], []
    events: dict[str, list[Event]] = {}
    if rung.events and is_believed(rung):
        try:
            for raw in rung.events:
                event = Event(*_EVENT.decode(raw))
                if event.kind not in CHANGE_ACCESS:
                    events.setdefault(event.room, []).append(event)
        except msgspec.DecodeError:
            events = {}
    messages = (decode_message(raw) for raw in rung.messages)
    return (
        [Hint(room, seq, tuple(events.get(room or "", ()))) for room, seq in rung.rooms],
        [Told(rung.node, message) for message in messages if message is not None],
    )
