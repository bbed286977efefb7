"""The replies and notices to v1 clients: one struct for each type of frame. (Events of the log: `event_frames`.)

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence  # noqa: TC003  (tests decode what is encoded here)
from typing import TYPE_CHECKING

import msgspec

from trio_chat.kinds.forms import Frame, Who
from trio_chat.kinds.standing import OPEN
from trio_chat.protocol.event_frames import EventFrame
from trio_chat.protocol.parts import (  # noqa: TC001  (tests decode what is encoded here)
    About,
    BranchItem,
    DeviceItem,
    Given,
    Hit,
    InviteItem,
    MarkOf,
    Own,
    Reactions,
    Receipt,
    ReportItem,
    RestrictionItem,
    RoomItem,
    User,
)

if TYPE_CHECKING:
    from trio_chat.errors import Refused


class Welcome(Frame, tag="welcome", kw_only=True):
    """Login succeeded: the client is ``user``'s. ``token`` is for the next login; it comes only when it is new."""

    user: User
    token: str | None = None
    rooms: Sequence[RoomItem]
    requests: Sequence[str] = ()
    """The rooms into which the person was asked, and that they have not answered."""
    mine: Own | None = None
    more: bool = False
    """Further rooms follow, each as `RoomAdded`."""
    partial: bool = False
    """Only the rooms are told of which something changed since the stamp that the client gave; all others of its list
    are as they were."""
    stamp: str | None = None
    """By it a client asks later what changed of these lists; where further rooms follow, the last of them has it."""
    public_url: str | None = None
    """The server's address for people, with which links begin, if its operator gave one."""
    network_url: str | None = None
    """Where there is no public URL: the page's address for others in the server's network, if one is known."""
    mode: str = OPEN
    quiet_until: str | None = None
    waiting: bool = False
    new_until: str | None = None
    muted_until: str | None = None
    """See `Standing`."""

    server: str = ""
    """Tells this server from others: tokens are kept by it."""
    about: About | None = None
    """What the server is and can."""
    recovery: bool = False
    """The person has a recovery code."""
    retention_days: int = 0
    """After so many days messages are deleted, in all rooms; 0: never, unless a room's policy says so."""

    @property
    def standing(self) -> Standing:
        """What it says of the person's standing."""
        return Standing(
            mode=self.mode,
            quiet_until=self.quiet_until,
            waiting=self.waiting,
            new_until=self.new_until,
            muted_until=self.muted_until,
        )

    def without(self, rooms: Collection[str]) -> Welcome:
        """See `Frame`. Without a stamp, too: they may be in these rooms again, since before what it stands for."""
        return msgspec.structs.replace(
            self,
            stamp=None,
            rooms=[item for item in self.rooms if item.room not in rooms],
            requests=[room for room in self.requests if room not in rooms],
        )


class Standing(Frame, tag="standing", kw_only=True):
    """How the server is run now, and what that means for the person."""

    mode: str = OPEN
    quiet_until: str | None = None
    """Until then nobody new comes, and who came lately does not write."""
    waiting: bool = False
    """The person hears and writes nothing before a moderator has let them in."""
    new_until: str | None = None
    """Until then the person is new, and cannot write as others do."""
    muted_until: str | None = None
    """Until then the person is muted everywhere."""


class OwnPage(Frame, tag="own"):
    """Earlier events of the person's own room, of each change key the newest; ``more`` says that there are yet more."""

    id: str
    room: str
    events: Sequence[EventFrame]
    more: bool = False


class Joined(Frame, tag="joined"):
    """Subscribed: the events after ``after`` follow; ``reset`` says that what the client holds is of no use."""

    id: str
    room: str
    head: int
    epoch: str
    after: int
    reset: bool
    proof: str
    """The proof of number ``after``."""


class Left(Frame, tag="left"):
    """Unsubscribed: nothing more comes from the room."""

    id: str
    room: str


class Ack(Frame, tag="ack"):
    """Acknowledgement: the command is in the log, as number ``seq``; ``waiting`` says that whoever gave it has to be
    let in by a moderator."""

    id: str
    room: str
    seq: int
    waiting: bool = False


class HistoryPage(Frame, tag="history"):
    """A page of history, oldest first, with the changes of its messages that hold at ``upto``, and their reactions."""

    id: str
    room: str
    events: Sequence[EventFrame]
    more: bool
    """There are older ones."""
    changes: Sequence[EventFrame] = ()
    upto: int = 0
    newer: bool = False
    reactions: Sequence[Reactions] = ()
    before: int | None = None
    """Of an album: before which number there are more."""


class Fetched(Frame, tag="fetched"):
    """Single events, with the changes of them that hold at ``upto``, and their reactions; ``more`` says that those
    behind the last of them did not fit."""

    id: str
    room: str
    events: Sequence[EventFrame]
    changes: Sequence[EventFrame]
    upto: int
    more: bool = False
    reactions: Sequence[Reactions] = ()


class ReactionsOf(Frame, tag="reactions"):
    """Reactions to message ``seq`` that hold, the first given first; ``more`` says that there are more behind them."""

    id: str
    room: str
    seq: int
    reactions: Sequence[Given]
    more: bool = False


class VersionsOf(Frame, tag="versions"):
    """Versions of message ``seq``, oldest first; ``more`` says that there are newer ones than these."""

    id: str
    room: str
    seq: int
    events: Sequence[EventFrame]
    more: bool = False


class PreviewOf(Frame, tag="preview", kw_only=True):
    """What there is to show of a link; without a title nothing, or, if it is ``pending``, nothing yet: ask again in a
    second. ``image`` is a data URL."""

    id: str
    room: str
    seq: int
    link: str
    pending: bool = False
    title: str = ""
    description: str = ""
    site: str = ""
    image: str = ""
    width: int = 0
    height: int = 0
    alt: str = ""


class RoomInfo(Frame, tag="info", kw_only=True):
    """A room and its members, at ``upto``; ``cursor`` asks for more of them."""

    id: str
    room: str
    kind: str
    title: str = ""
    topic: str = ""
    owner: str | None = None
    members: Sequence[User] = ()
    count: int = 0
    pins: Sequence[int] = ()
    policy: Mapping[str, int | str] = msgspec.field(default_factory=dict)
    """What of how it is run is not at its default, by the name of the setting."""
    picture: int | None = None
    """The number of the event whose file 0 is its picture."""
    restricted: Sequence[RestrictionItem] = ()
    knocking: Sequence[User] = ()
    """To moderators: who is banned or muted, and who waits to be let in."""
    upto: int
    cursor: str | None = None


class RoomAdded(Frame, tag="room_added"):
    """A room was added to the person's list of rooms, or changed in it. ``stamp``: see `Welcome`."""

    item: RoomItem
    stamp: str | None = None

    def without(self, rooms: Collection[str]) -> RoomAdded | None:
        """See `Frame`."""
        return None if self.item.room in rooms else msgspec.structs.replace(self, stamp=None)


class Listed(Frame, tag="listing"):
    """What the list of rooms tells of a room now; None: it is not in the person's list."""

    id: str
    item: RoomItem | None = None

    def without(self, rooms: Collection[str]) -> Listed:
        """See `Frame`."""
        return Listed(self.id) if self.item is not None and self.item.room in rooms else self


class RoomRemoved(Frame, tag="room_removed"):
    """A room was removed from the person's list of rooms."""

    room: str


class RequestsOf(Frame, tag="requests"):
    """The direct rooms that wait for the person's answer, the newest first; ``cursor`` asks for more."""

    id: str
    requests: Sequence[RoomItem]
    cursor: str | None = None

    def without(self, rooms: Collection[str]) -> RequestsOf:
        """See `Frame`."""
        return msgspec.structs.replace(self, requests=[one for one in self.requests if one.room not in rooms])


class RequestAdded(Frame, tag="request"):
    """Somebody asks the person into a direct room."""

    item: RoomItem

    def without(self, rooms: Collection[str]) -> RequestAdded | None:
        """See `Frame`."""
        return None if self.item.room in rooms else self


class DirectoryPage(Frame, tag="directory"):
    """Public rooms; ``cursor`` asks for more."""

    id: str
    rooms: Sequence[RoomItem]
    cursor: str | None = None

    def without(self, rooms: Collection[str]) -> DirectoryPage:
        """See `Frame`. Public rooms may be heard by all, so they stay."""
        items = [
            msgspec.structs.replace(item, joined=item.joined and item.room not in rooms)
            for item in self.rooms
        ]
        return msgspec.structs.replace(self, rooms=items)


class Invited(Frame, tag="invited"):
    """A new invitation."""

    id: str
    room: str
    token: str
    expires_at: str | None = None
    uses: int | None = None


class InvitesOf(Frame, tag="invites"):
    """The invitations into a room that are valid."""

    id: str
    room: str
    invites: Sequence[InviteItem]


class ReportList(Frame, tag="reports"):
    """The reports that are not done, oldest first, and who looks after which; ``more``: there are later ones."""

    id: str
    room: str
    reports: Sequence[ReportItem]
    more: bool = False


class Done(Frame, tag="done"):
    """The command was carried out."""

    id: str


class Branch(Frame, tag="branch"):
    """Whom a person brought in, and whom those did; ``more`` says that there are more."""

    id: str
    person: str
    people: Sequence[BranchItem]
    more: bool = False


class Peeked(Frame, tag="peek", kw_only=True):
    """The room that an invitation leads to; its name (``room``) only for its members."""

    id: str
    room: str | None = None
    kind: str
    title: str = ""
    topic: str = ""
    members: int
    by: User

    def without(self, rooms: Collection[str]) -> Peeked:
        """See `Frame`."""
        return msgspec.structs.replace(self, room=None) if self.room in rooms else self


class Renamed(Frame, tag="renamed"):
    """The person's new name."""

    id: str
    user: User


class Profiled(Frame, tag="profiled"):
    """The person's profile."""

    id: str
    user: User
    show_seen: bool = True
    show_receipts: bool = True
    show_typing: bool = True


class PeopleFound(Frame, tag="people"):
    """Profiles, of those who are known."""

    id: str
    people: Sequence[User]


class PersonChanged(Frame, tag="person"):
    """Somebody's name or looks changed."""

    person: User


class LinkCode(Frame, tag="link"):
    """A device code, and how long it is valid."""

    id: str
    code: str
    expires_s: int


class LinkPeeked(Frame, tag="peek_link"):
    """Whom a code stands for."""

    id: str
    user: User


class RecoveryCode(Frame, tag="recovery"):
    """A recovery code, told this once."""

    id: str
    code: str


class DevicesOf(Frame, tag="devices"):
    """The person's devices, the one used last first, and when their recovery code was made, if they have one."""

    id: str
    devices: Sequence[DeviceItem]
    recovery: str | None = None


class Uploading(Frame, tag="upload"):
    """An upload: ``offset`` bytes of it are there, and it is best sent in pieces of ``chunk``. It ``expires`` unless it
    is sent; ``complete`` says that it can be, or was."""

    id: str
    room: str
    upload: str
    offset: int
    chunk: int
    expires: str
    complete: bool = False


class Watching(Frame, tag="watching"):
    """Presence and read markers of the room that is watched from now on."""

    id: str
    room: str | None
    here: Sequence[User] = ()
    count: int = 0
    marks: Sequence[MarkOf] = ()


class Presence(Frame, tag="presence"):
    """A change of presence in the watched room."""

    room: str
    count: int
    came: Sequence[User] = ()
    went: Sequence[str] = ()


class TypingIn(Frame, tag="typing"):
    """Somebody is typing, or recording a voice note."""

    room: str
    person: Who
    what: str = "text"


class Marks(Frame, tag="marks"):
    """Read markers that moved."""

    room: str
    marks: Sequence[MarkOf]


class ReceiptsOf(Frame, tag="receipts"):
    """Receipts of a message: who has received and who has read it, and when; ``cursor`` asks for more people."""

    id: str
    room: str
    seq: int
    read: Sequence[Receipt]
    delivered: Sequence[Receipt]
    cursor: str | None = None


class Found(Frame, tag="found"):
    """Search results, newest first; ``cursor`` asks for more."""

    id: str
    query: str
    hits: Sequence[Hit]
    cursor: str | None = None

    def without(self, rooms: Collection[str]) -> Found:
        """See `Frame`."""
        return msgspec.structs.replace(self, hits=[hit for hit in self.hits if hit.event.room not in rooms])


class Pong(Frame, tag="pong"):
    """A sign of life."""

    id: str


class Failure(Frame, tag="error", kw_only=True):
    """A command was refused, and why; ``retry_after`` in seconds where waiting helps."""

    id: str | None = None
    command: str | None = None
    """The type of the refused command, where there is no id to name it by."""
    room: str | None = None
    code: str
    message: str
    retry_after: float | None = None
    server: str | None = None
    """Which server this is, where a token is unknown to it."""
    limit: int | None = None
    left: int | None = None
    of_: str | None = msgspec.field(default=None, name="of")
    """Where a limit of files is the reason: its figures, and whose it is, the ``person``'s or the ``server``'s."""

    @classmethod
    def of(
        cls, refused: Refused, command_id: str | None, *, command: str | None = None, room: str | None = None
    ) -> Failure:
        """The frame that tells a client that its command, of this id or of this type, was refused."""
        return cls(
            id=command_id,
            command=command if command_id is None else None,
            room=room,
            code=refused.code,
            message=refused.message,
            retry_after=refused.retry_after_s,
            server=refused.server_id,
            limit=refused.limit,
            left=refused.left,
            of_=refused.of,
        )


Answer = (
    Welcome
    | Standing
    | Branch
    | OwnPage
    | Joined
    | Left
    | EventFrame
    | Ack
    | HistoryPage
    | Fetched
    | ReactionsOf
    | VersionsOf
    | PreviewOf
    | RoomInfo
    | ReportList
    | RoomAdded
    | RoomRemoved
    | RequestsOf
    | RequestAdded
    | DirectoryPage
    | Listed
    | Invited
    | InvitesOf
    | Done
    | Peeked
    | Renamed
    | Profiled
    | PeopleFound
    | PersonChanged
    | LinkCode
    | LinkPeeked
    | RecoveryCode
    | DevicesOf
    | Uploading
    | Watching
    | Presence
    | TypingIn
    | Marks
    | ReceiptsOf
    | Found
    | Pong
    | Failure
)
