"""The Python client: messages are sent exactly once and received in order without gaps, over all reconnects.

    async with open_chat("ws://localhost:8080", name="Ada") as chat:
        await chat.send("lobby", "hi")
        async for event in chat:
            print(event)

See docs/client.md.

Imports: errors, kinds, model, protocol.
"""

from trio_chat.client.chat import Chat, ChatStatistics, open_chat
from trio_chat.client.downloads import Download
from trio_chat.client.endings import CannotConnect, ConnectionLost
from trio_chat.client.events import (
    Change,
    Deleted,
    Edited,
    Event,
    GivenReaction,
    History,
    Message,
    OtherEvent,
    Reacted,
    Reactions,
    Reset,
)
from trio_chat.client.state import StateError
from trio_chat.client.uploads import Attachment, Uploaded, Voice
from trio_chat.errors import ChatError, Refused
from trio_chat.kinds.files import FileItem
from trio_chat.model.events import Person, Position

__all__ = [
    "Attachment",
    "CannotConnect",
    "Change",
    "Chat",
    "ChatError",
    "ChatStatistics",
    "ConnectionLost",
    "Deleted",
    "Download",
    "Edited",
    "Event",
    "FileItem",
    "GivenReaction",
    "History",
    "Message",
    "OtherEvent",
    "Person",
    "Position",
    "Reacted",
    "Reactions",
    "Refused",
    "Reset",
    "StateError",
    "Uploaded",
    "Voice",
    "open_chat",
]
