"""What an application has in hand: `open_chat` and the `Chat` it gives."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.client import frames
from trio_chat.client.address import Address
from trio_chat.client.conversation import Conversation, new_id
from trio_chat.errors import Refused
from trio_chat.kinds.messages import DeleteCommand, EditCommand, Send
from trio_chat.model.events import Position
from trio_chat.protocol.commands import Join, Leave, Rename

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable
    from typing import Self

    from trio_chat.client.connection import Connect
    from trio_chat.client.events import Event, History
    from trio_chat.model.events import Person

MAX_UNREAD = 1000
"""How many events wait for the application: some 500 KiB of ordinary ones."""


@asynccontextmanager
async def open_chat(
    url: str,
    *,
    name: str | None = None,
    token: str | None = None,
    rooms: Iterable[str] = ("lobby",),
    retry_first: bool = False,
    max_unread: int = MAX_UNREAD,
    connect: Connect | None = None,
    jitter: Callable[[], float] = random.random,
) -> AsyncGenerator[Chat]:
    """Be in a chat as long as the block lasts, over as many connections as that takes.

    With a ``token`` one comes back as oneself, and ``name`` does not count. Without one, one is somebody new, called
    ``name``, or something the server makes up. ``rooms`` are joined, from their latest page on, before the block
    begins.

    Raises `CannotConnect` if there is no chat at ``url`` (with ``retry_first`` it goes on trying, as after a lost
    connection), `Refused` if one is not welcome under this name or token or in these rooms, `ConnectionLost` if the
    server ends the first connection, `ValueError` for what is no URL.

    Leaving the block says goodbye to the server (close code 1000), for which it takes two seconds at most; when
    cancelled, it drops the connection. Either way nothing stays behind. An exception from the block comes out as it
    is, not in a group.

    ``max_unread`` events wait for the application, see `Chat`. ``connect`` makes the stream to the server, in place of
    one to the URL's host; the chat closes it. ``jitter`` is where chance comes from, like `random.random`.
    """
    address = Address.parse(url)
    conversation = Conversation(
        address,
        connect or address.connect,
        name=name,
        token=token,
        retry_first=retry_first,
        max_unread=max_unread,
        jitter=jitter,
    )
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
    """What a chat has done, and what waits."""

    connections: int
    """How often the server said welcome: once, and once more each time that the connection came back."""
    unread: int
    """Events that wait for the application."""
    calls: int
    """Calls that wait for their answer."""


class Chat:
    """One person's conversation with a server. Made by `open_chat`.

    Iterate over it for the events of all joined rooms: of each room in order, each once, none missing, whatever happens
    to the connection. The iteration ends when the block of `open_chat` is left, and raises what ends the chat for good.
    Several tasks may iterate; each event goes to one of them. Cancelling loses nothing.

    When ``max_unread`` events wait, the server is not listened to any more, and waits in its turn. While a call waits
    for its answer, further events are skipped instead, and fetched again when all that wait were taken.

    A call that finds no connection waits for the next one, and is carried out then, once. Timeouts belong to the
    caller; a cancelled call may have been carried out or not. Calls raise `Refused` when the server says no (but
    ``rate_limited`` and ``unavailable`` are waited out, and asked again), `ConnectionLost` when the chat has ended for
    good.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @property
    def user(self) -> Person:
        """Who one is: ``id``, for good, and ``name``, of today."""
        return self._conversation.user

    @property
    def token(self) -> str:
        """What makes one oneself again: ``open_chat(url, token=…)``. Keep it, and keep it secret."""
        assert self._conversation.token is not None
        return self._conversation.token

    async def send(
        self,
        room: str,
        text: str,
        id: str | None = None,  # noqa: A002  # the protocol's word
        *,
        reply_to: int | None = None,
        mentions: Iterable[str] = (),
    ) -> int:
        """Say something. Returns its sequence number, when it is on the server's disk.

        It stands in the log once, however often the connection breaks meanwhile. With an ``id`` of one's own (1 to 64
        characters, never used for anything else) that holds across restarts of the program, too: sending the same
        again under the same id changes nothing and returns the same number.

        It can answer message number ``reply_to`` of the room, and mention people by their ids (``all``: everybody).
        """
        command = Send(id=id or new_id(), room=room, text=text, reply_to=reply_to, mentions=tuple(mentions))
        return (await self._conversation.call(command, frames.Ack)).seq

    async def edit(self, room: str, seq: int, text: str, *, mentions: Iterable[str] = ()) -> int:
        """Have one's own message number ``seq`` say something else. Returns the number of the change."""
        command = EditCommand(id=new_id(), room=room, seq=seq, text=text, mentions=tuple(mentions))
        return (await self._conversation.call(command, frames.Ack)).seq

    async def delete(self, room: str, seq: int) -> int:
        """Have message number ``seq`` say nothing any more, to anybody. Returns the number of the change."""
        command = DeleteCommand(id=new_id(), room=room, seq=seq)
        return (await self._conversation.call(command, frames.Ack)).seq

    async def react(self, room: str, seq: int, emoji: str, *, on: bool = True) -> int:
        """Put an emoji to message number ``seq``, or take it away. Returns the number of the change."""
        command = frames.React(id=new_id(), room=room, seq=seq, emoji=emoji, on=on)
        return (await self._conversation.call(command, frames.Ack)).seq

    async def join(self, room: str, after: int | None = None, epoch: str | None = None) -> Position:
        """Hear a room: from a cursor on (the `position` of an earlier time), or else from its latest page on.

        Returns where the room's log ended at that moment: what has a greater number happened later. If the server
        cannot go on from the cursor, a `Reset` comes first, and then the latest page. In a room one is in, nothing
        changes.
        """
        known = self._conversation.rooms.get(room)
        if known is not None:
            await trio.lowlevel.checkpoint()
            return known.received
        command = Join(id=new_id(), room=room, after=after, epoch=epoch)
        joined = await self._conversation.call(command, frames.Joined)
        return Position(joined.head, joined.epoch)

    async def leave(self, room: str) -> None:
        """Hear no more of a room; from this moment on, not even what waits to be taken."""
        self._conversation.rooms.forget(room)
        try:
            await self._conversation.call(Leave(id=new_id(), room=room), frames.Left)
        except Refused as refused:
            if refused.code != "not_joined":  # the connection was another one, or one was not there anyway
                raise

    async def history(self, room: str, *, before: int, limit: int = 50) -> History:
        """The messages directly before number ``before``: at most ``limit`` (up to 200), perhaps fewer."""
        command = frames.History(id=new_id(), room=room, before=before, limit=limit)
        return frames.history_of(await self._conversation.call(command, frames.HistoryPage))

    async def rename(self, name: str) -> Person:
        """Be called something else. Returns the new `user`; the server tidies up spaces and the like."""
        renamed = await self._conversation.call(Rename(id=new_id(), name=name), frames.Renamed)
        self._conversation.user = renamed.user
        return renamed.user

    def position(self, room: str) -> Position:
        """The cursor of a joined room: up to where its events were taken out of the iteration.

        Keep it, and `join` with it another time to go on from there. Raises `LookupError` for a room one is not in.
        """
        known = self._conversation.rooms.get(room)
        if known is None:
            raise LookupError(f"There is no position in the room {room!r}: join it first.")
        return known.taken

    def statistics(self) -> ChatStatistics:
        """What was done, and what waits."""
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
