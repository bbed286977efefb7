"""The API for applications: `open_chat`, and the `Chat` that it gives."""

from __future__ import annotations

import hashlib
import random
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.client import frames
from trio_chat.client.address import Address
from trio_chat.client.conversation import Conversation, new_id
from trio_chat.client.downloads import open_download, save
from trio_chat.client.state import open_state
from trio_chat.client.uploads import Uploaded, upload, upload_picture
from trio_chat.errors import Refused
from trio_chat.kinds.files import FileToSend
from trio_chat.kinds.messages import DeleteCommand, EditCommand, Send
from trio_chat.model.events import Position
from trio_chat.protocol.commands import (
    AskReactions,
    FilePlace,
    Join,
    Leave,
    Rename,
    SetProfile,
    UploadCommand,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable, Iterable
    from contextlib import AbstractAsyncContextManager
    from typing import Self

    from trio_chat.client.connection import Connect
    from trio_chat.client.downloads import Download
    from trio_chat.client.events import Event, GivenReaction, History, Message
    from trio_chat.client.uploads import Sendable
    from trio_chat.model.events import Person

MAX_UNREAD = 1000
"""How many events may wait for the application: some 500 KiB of ordinary ones."""


@asynccontextmanager
async def open_chat(
    url: str,
    *,
    name: str | None = None,
    token: str | None = None,
    state: str | Path | None = None,
    device: str | None = None,
    on_token: Callable[[str, str], object] | None = None,
    rooms: Iterable[str] = ("lobby",),
    retry_first: bool = False,
    max_unread: int = MAX_UNREAD,
    connect: Connect | None = None,
    ssl_context: ssl.SSLContext | None = None,
    jitter: Callable[[], float] = random.random,
) -> AsyncGenerator[Chat]:
    """Connect to a chat, log in, and stay connected until the block is left, over as many connections as that takes.

    A ``token`` logs in as the person it belongs to; ``name`` does not count then. Without one, a new person is made,
    called ``name``, or a name that the server makes up. ``rooms`` are joined, from their latest page on, before the
    block begins.

    ``state`` is a file in which the token is kept (with the mode 0600, and as soon as it is told): a program that is
    started again with the same file is the same person, and ``name`` counts the first time only. While the block lasts
    no other program can use the file. ``token`` counts only as long as there is no file. Not together with
    ``on_token``.

    ``device`` is what this program is called in the person's list of devices. ``on_token`` is called with the server's
    id and a token that is to be used from now on: it keeps both, at once. Without it the server never replaces a token.

    Raises `CannotConnect` if there is no chat at ``url`` (with ``retry_first`` it goes on trying, as after a lost
    connection), `Refused` if the server refuses the name, the token or one of the rooms, `ConnectionLost` if the server
    ends the first connection for good, `StateError` if the file of ``state`` cannot be used, `ValueError` if ``url``
    is no WebSocket URL.

    Leaving the block closes the connection with a close frame (1000), within two seconds; when cancelled, it drops the
    connection. Either way no task and no socket is left. An exception from the block comes out as it is, not in a
    group.

    At most ``max_unread`` events wait for the application, see `Chat`. ``connect`` makes the stream to the server, in
    place of one to the URL's host; the chat closes it. ``ssl_context`` is used for ``wss``, by default one that trusts
    whom the system trusts. ``jitter`` gives random numbers, like `random.random`.
    """
    address = Address.parse(url)
    with ExitStack() as stack:
        if state is not None:
            if on_token is not None:
                raise ValueError("state= keeps the token itself: leave on_token= out.")
            kept = stack.enter_context(open_state(Path(state)))
            token = kept.token or token
        conversation = Conversation(
            address,
            connect or partial(address.connect, ssl_context),
            name=name,
            token=token,
            device=device,
            on_token=on_token,
            state=None if state is None else kept,
            retry_first=retry_first,
            max_unread=max_unread,
            jitter=jitter,
        )
        async with _connected(conversation, url, rooms) as chat:
            yield chat


@asynccontextmanager
async def _connected(conversation: Conversation, url: str, rooms: Iterable[str]) -> AsyncGenerator[Chat]:
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(conversation.keep_connected, name=f"chat at {url}")
            try:
                await conversation.wait_welcome()
                chat = Chat(conversation)
                for room in rooms:
                    await chat.join(room)
                yield chat
            except Exception as error:
                failure = error  # carried around the nursery, which would put it into a group
            finally:
                conversation.leave()
    finally:
        conversation.rooms.close()
        if failure is not None:
            raise failure


@attrs.frozen
class ChatStatistics:
    """Counts of a chat's connections, and of what waits in it."""

    connections: int
    """Logins: one, and one more for each reconnect."""
    unread: int
    """Events that wait for the application."""
    calls: int
    """Calls that wait for their answers."""


class Chat:
    """One person's chat with a server. Made by `open_chat`.

    Iterating gives the events of all joined rooms: of each room in order, each once, none missing, over all reconnects.
    The iteration ends when the block of `open_chat` is left, and raises what ends the chat for good. Several tasks may
    iterate; each event goes to one of them. When cancelled, no event is lost.

    Back-pressure: when ``max_unread`` events wait, the socket is not read any more. While a call waits for its answer,
    further events are skipped instead, and asked for again when all that wait were taken.

    A call without a connection waits for the next one, and is carried out then, once. Timeouts belong to the caller; a
    cancelled call may have been carried out or not. Calls raise `Refused` when the server refuses them (but
    ``rate_limited``, ``unavailable`` and ``too_many_connections`` are waited out, and the call is repeated),
    `ConnectionLost` when the chat has ended for good.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @property
    def user(self) -> Person:
        """The person: ``id`` stays, ``name`` is the one of now."""
        return self._conversation.user

    @property
    def token(self) -> str:
        """The token that logs in as the same person: ``open_chat(url, token=…)``. Keep it, and keep it secret."""
        assert self._conversation.token is not None
        return self._conversation.token

    @property
    def server_id(self) -> str:
        """Tells the server from others, by its log. Keep it beside the token, which is good there only."""
        return self._conversation.server_id

    async def send(
        self,
        room: str,
        text: str,
        id: str | None = None,  # noqa: A002  # the protocol's word
        *,
        reply_to: int | None = None,
        mentions: Iterable[str] = (),
        files: Iterable[Sendable | Uploaded] = (),
    ) -> int:
        """Send a message. Returns its sequence number, once it is on the server's disk.

        It is in the log once, however often the connection breaks meanwhile. ``id`` is the idempotency key (1 to 64
        characters, never used for another command; by default a new one). With a key of one's own that holds across
        restarts of the program, too: sending the same again changes nothing and returns the same number.

        It can reply to message ``reply_to`` of the room, and mention people by their ids (``all``: everybody).

        ``files`` (at most 10) are paths, contents as bytes, an `Attachment` of either, or what `upload` returned. They
        are uploaded before the message is sent, one after the other; sent again with the same ``id``, they go on where
        they were. The text may then be empty.

        Raises `ValueError` if a call with this ``id`` is under way, `OSError` if a file cannot be read.
        """
        key = id or new_id()
        sent = [
            file
            if isinstance(file, Uploaded)
            else await upload(self._conversation, room, file, _part_of(key, n))
            for n, file in enumerate(files)
        ]
        command = Send(
            id=key,
            room=room,
            text=text,
            reply_to=reply_to,
            mentions=tuple(mentions),
            files=tuple(FileToSend(file.id, file.alt) for file in sent),
        )
        return (await self._conversation.call(command, frames.Ack)).seq

    async def upload(
        self,
        room: str,
        file: Sendable,
        id: str | None = None,  # noqa: A002  # the protocol's word
    ) -> Uploaded:
        """Give the server a file, to be sent in one message of this room: `send` takes it. Else it is forgotten after a
        day.

        Lost connections do no harm: it goes on with what the server does not have yet. With an ``id`` of one's own
        (the idempotency key) that holds across restarts of the program, too.

        Raises `Refused` (``too_large``, ``quota``, ``bad_file`` for a picture that cannot be shown: send it with
        ``as_file``; ``not_transferred`` when it does not get through), `OSError` if it cannot be read.
        """
        return await upload(self._conversation, room, file, id or new_id())

    async def forward(
        self,
        room: str,
        message: Message,
        n: int = 0,
        id: str | None = None,  # noqa: A002  # the protocol's word
    ) -> Uploaded:
        """Have file ``n`` of a message for a message in this room, without its bytes: `send` takes what this returns.

        Raises `LookupError` if the message has no such file, `Refused` (``no_such_file``) if it is gone.
        """
        place = FilePlace(message.room, message.seq, range(len(message.files))[n])
        command = UploadCommand(id=id or new_id(), room=room, of=place)
        begun = await self._conversation.call(command, frames.Uploading)
        return Uploaded(begun.upload, message.files[n].alt)

    def download(
        self, message: Message, n: int = 0, *, preview: int | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """Fetch file ``n`` of a message, or its ``preview`` of that size (one of its ``previews``): ``async with``
        gives what to iterate over for its bytes, see `Download`. Raises `LookupError` if there is no such file."""
        return open_download(self._conversation, message, n, preview)

    async def save(
        self, message: Message, path: str | Path, n: int = 0, *, preview: int | None = None
    ) -> None:
        """Fetch file ``n`` of a message into a file of one's own, in place of an earlier one: whole, or not at all.

        Until it is whole it is called ``….part``. Raises what `download` does, and `OSError`. (What a file is called
        was chosen by who sent it: do not use its name as a path.)
        """
        async with self.download(message, n, preview=preview) as pieces:
            await save(pieces, path)

    async def edit(self, room: str, seq: int, text: str, *, mentions: Iterable[str] = ()) -> int:
        """Edit one's own message ``seq``; if it has files the text may be empty. Returns the number of the edit."""
        command = EditCommand(id=new_id(), room=room, seq=seq, text=text, mentions=tuple(mentions))
        return (await self._conversation.call(command, frames.Ack)).seq

    async def delete(
        self,
        room: str,
        seq: int,
        id: str | None = None,  # noqa: A002  # the protocol's word
    ) -> int:
        """Delete message ``seq`` with its files, for everybody and for good. Returns the number of the deletion.

        ``id`` is the idempotency key, as in `send`.
        """
        command = DeleteCommand(id=id or new_id(), room=room, seq=seq)
        return (await self._conversation.call(command, frames.Ack)).seq

    async def react(self, room: str, seq: int, emoji: str, *, on: bool = True) -> int:
        """Put an emoji to message ``seq``, or (``on`` false) take it away. Returns the number of the reaction.

        Raises `Refused` (``unchanged``) if it is so already.
        """
        command = frames.React(id=new_id(), room=room, seq=seq, emoji=emoji, on=on)
        return (await self._conversation.call(command, frames.Ack)).seq

    async def reactions(self, room: str, seq: int, emoji: str | None = None) -> list[GivenReaction]:
        """Who has put what to message ``seq``, or put this emoji to it, in the order in which they did."""
        found: list[GivenReaction] = []
        while True:
            after = found[-1].seq if found else 0
            command = AskReactions(id=new_id(), room=room, seq=seq, emoji=emoji, after=after)
            page = await self._conversation.call(command, frames.ReactionsPage)
            found += page.reactions
            if not page.more:
                return found

    async def join(
        self, room: str, after: int | None = None, epoch: str | None = None, proof: str | None = None
    ) -> Position:
        """Join a room: subscribe to it from a cursor (an earlier `position`), or else from its latest page on.

        Returns the position of its newest event at that moment: greater numbers came later. If the server cannot go on
        from the cursor, a `Reset` comes first, and then the latest page. For a room that is joined already nothing
        changes.
        """
        known = self._conversation.rooms.get(room)
        if known is not None:
            await trio.lowlevel.checkpoint()
            return known.received
        command = Join(id=new_id(), room=room, after=after, epoch=epoch, proof=proof)
        joined = await self._conversation.call(command, frames.Joined)
        return Position(joined.head, joined.epoch)

    async def leave(self, room: str) -> None:
        """Leave a room: from now on none of its events is given out, not even of those that wait."""
        self._conversation.rooms.forget(room)
        try:
            await self._conversation.call(Leave(id=new_id(), room=room), frames.Left)
        except Refused as refused:
            if refused.code != "not_joined":  # on a new connection, or never joined
                raise

    async def history(self, room: str, *, before: int, limit: int = 50) -> History:
        """A page of history: the messages directly before ``before``, at most ``limit`` (up to 200), perhaps fewer."""
        command = frames.History(id=new_id(), room=room, before=before, limit=limit)
        return frames.history_of(await self._conversation.call(command, frames.HistoryPage))

    async def rename(self, name: str) -> Person:
        """Change the person's name. Returns the new `user`; the server normalises spaces and the like."""
        renamed = await self._conversation.call(Rename(id=new_id(), name=name), frames.Renamed)
        self._conversation.user = renamed.user
        return renamed.user

    async def set_room_picture(
        self,
        room: str,
        picture: str | Path | bytes | None,
        id: str | None = None,  # noqa: A002  # the protocol's word
    ) -> int:
        """Give a joined room this picture (a path, or its content), or (None) take away the one it has. Returns the
        number of the event. The server makes its middle square of it.

        ``id`` is the idempotency key, as in `send`. Raises `Refused` (``not_yours`` for who may not change the room's
        title, ``bad_file`` for what is no picture) and as `upload` does.
        """
        key = id or new_id()
        uploaded = (
            ""
            if picture is None
            else await upload_picture(self._conversation, room, picture, _part_of(key, 0))
        )
        command = frames.SetRoom(id=key, room=room, picture=uploaded)
        return (await self._conversation.call(command, frames.Ack)).seq

    async def set_picture(self, picture: str | Path | bytes | None) -> Person:
        """Show this picture of the person (a path, or its content), or (None) none. Returns the `user` of now.

        Raises `Refused` (``bad_file`` for what is no picture), and as `upload` does.
        """
        uploaded = (
            "" if picture is None else await upload_picture(self._conversation, None, picture, new_id())
        )
        command = SetProfile(id=new_id(), picture=uploaded)
        self._conversation.user = (await self._conversation.call(command, frames.Profiled)).user
        return self.user

    def position(self, room: str) -> Position:
        """The cursor of a joined room: up to where its events were taken out of the iteration.

        Keep it, and `join` from it another time to go on from there. Raises `LookupError` for a room not joined.
        """
        known = self._conversation.rooms.get(room)
        if known is None:
            raise LookupError(f"There is no position in the room {room!r}: join it first.")
        return known.taken

    def statistics(self) -> ChatStatistics:
        """The counts of now."""
        return ChatStatistics(
            connections=self._conversation.welcomes,
            unread=self._conversation.rooms.unread,
            calls=len(self._conversation.calls),
        )

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._conversation.next_event()
        if event is None:
            raise StopAsyncIteration
        return event


def _part_of(key: str, n: int) -> str:
    """The idempotency key of the upload of file ``n`` of the message that has this key."""
    return hashlib.sha256(f"file {n} of {key}".encode()).hexdigest()[:32]
