"""Those who hear a room: who is live, who is catching up, and how one becomes the other.

A member is live or catching up, never lost. Live: it has been posted everything up to the head. Catching up: it stands
at a cursor, and its connection's speaker reads it pages from the log. One changes into the other without a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.kinds import bodies
from trio_chat.protocol.encoding import Format, encode_event
from trio_chat.rooms.recent_events import CachedEvent, RecentEvents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Self

    from trio_chat.model.events import Event
    from trio_chat.net.outbox import Outbox
    from trio_chat.store.base import Store

PAGE_BYTES = 64 * 1024
"""How much is read from the log at a time for a member that catches up."""

PAGE_EVENTS = 500
"""How many events are read at a time: as many as a page of ordinary chat lines holds."""

TAIL_LINES = 2048
"""How many lines are kept in memory: ten seconds of a very busy room (200 a second), some 3 MiB."""

OLD_TAIL_LINES = 64
"""How many of those that are a minute or two old: more than the page that everybody gets who comes.

A line takes 1.4 KiB with its event and frames. Without this memory grew by 100 MiB in a quarter of an hour in which a
hundred rooms came into being."""

FAN_OUT_STEP = 1000
"""After how many posts others get their turn: some 8 ms of system calls."""


@attrs.define(eq=False)
class Subscription:
    """A connection's place in a room. It ends with the ``with`` block, or with `leave`."""

    subscribers: Subscribers
    outbox: Outbox
    form: Format
    person: str | None
    """Whose connection it is; None for plain ones, which nobody knows again."""
    cursor: int
    """The last number it was told; only kept while it is catching up."""
    is_live: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.leave()

    @property
    def is_here(self) -> bool:
        """Whether it has not left, and was not sent away."""
        return self in self.subscribers

    def leave(self) -> None:
        """Be told nothing more. Sync and idempotent: safe in any ``finally``."""
        self.subscribers.remove(self)
        self.outbox.discard_laggard(self)

    async def read_page(self) -> bytes:
        """The next frames after the cursor, which moves past them."""
        frames, self.cursor = await self.subscribers.read_page(self.cursor, self.form)
        return frames

    def try_go_live(self) -> bool:
        """Go live if the cursor stands at the head."""
        return self.subscribers.promote(self)


class Subscribers:
    """The members of one room, and the head up to which they have been told. All but `read_page` and `fan_out` is sync,
    so that nothing is missed or told twice."""

    def __init__(self, room: str, head: int, store: Store) -> None:
        self.head = head
        self._room = room
        self._store = store
        self._members: set[Subscription] = set()
        # Live members by format, in the order in which they joined: dictionaries, so that leaving is cheap.
        self._live: dict[Format, dict[Subscription, None]] = {form: {} for form in Format}
        self._recent = RecentEvents(max_lines=TAIL_LINES)
        self.deliveries = self.fell_behind = 0

    def age(self) -> None:
        """A minute has passed: keep little of what was said before it in memory."""
        self._recent.age(keep=OLD_TAIL_LINES)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._members))

    @property
    def n_live(self) -> int:
        """How many members are live."""
        return sum(map(len, self._live.values()))

    def join(self, outbox: Outbox, form: Format, *, person: str | None, after: int | None) -> Subscription:
        """Take somebody in who is to be told everything after number ``after`` (None: from now on)."""
        member = Subscription(self, outbox, form, person, self.head if after is None else after)
        self._members.add(member)
        if not self.promote(member):
            outbox.add_laggard(member)
        return member

    def promote(self, member: Subscription) -> bool:
        """Make a member live if it has been told everything. (One that has left has nothing left to be told.)"""
        if member not in self._members:
            return True
        if member.cursor != self.head:
            return False
        member.is_live = True
        self._live[member.form][member] = None
        return True

    def remove(self, member: Subscription) -> None:
        """Forget a member."""
        self._members.discard(member)
        self._live[member.form].pop(member, None)
        member.is_live = False

    async def read_page(self, after: int, form: Format) -> tuple[bytes, int]:
        """The frames directly after number ``after``, and the number of the last of them."""
        page = self._recent.page_after(after, max_bytes=PAGE_BYTES, form=form)
        if page is not None:
            await trio.lowlevel.checkpoint()
            return page
        events = await self._store.read_after(self._room, after, limit=PAGE_EVENTS, max_bytes=PAGE_BYTES)
        # What is in the log but was not fanned out yet is left to the fan-out, or it would be told twice.
        events = [event for event in events if event.seq <= self.head]
        return b"".join(encode_event(event, form) for event in events), events[-1].seq if events else after

    async def fan_out(self, events: Sequence[Event]) -> None:
        """Tell the next events of the log to everybody who is live, and move the head."""
        lines = [CachedEvent(event) for event in events]
        before = self.head
        # Who is not live at this moment will find these lines in the log: they are at the head from here on.
        listeners = [(form, list(members)) for form, members in self._live.items() if members]
        self._recent.extend(lines)
        self._redact(events)
        self.head = lines[-1].event.seq
        posted = 0
        for form, members in listeners:
            frames = b"".join([line.frame(form) for line in lines])
            for member in members:
                # Others had their turn meanwhile: it may have left, and even joined again as another member.
                if member.is_live and frames and not member.outbox.post(frames):
                    self._fall_behind(member, before)
                posted += 1
                if posted % FAN_OUT_STEP == 0:
                    await trio.lowlevel.cancel_shielded_checkpoint()
        self.deliveries += posted * len(lines)

    def _redact(self, events: Iterable[Event]) -> None:
        """What these events delete is told to nobody who catches up from now on."""
        for event in events:
            if event.kind == bodies.DELETE and event.body is not None:
                body = bodies.read_body(event.kind, event.body)
                assert isinstance(body, bodies.Delete)
                self._recent.redact(body.target)

    def _fall_behind(self, member: Subscription, cursor: int) -> None:
        self.fell_behind += 1
        member.is_live = False
        member.cursor = cursor
        del self._live[member.form][member]
        member.outbox.add_laggard(member)
