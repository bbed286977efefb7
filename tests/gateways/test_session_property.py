"""Whatever a v1 client says, in whatever order: it is admitted or refused as the protocol says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.thorough import share
from trio_chat.errors import Refused
from trio_chat.gateways.v1.session import Session
from trio_chat.kinds.messages import Send
from trio_chat.model.events import Person
from trio_chat.net.limits import TokenBucket
from trio_chat.protocol import commands

if TYPE_CHECKING:
    from trio_chat.kinds.forms import Command

MAX_ROOMS, MAX_CHARS = 2, 5

IDS = st.sampled_from(["c1", "c2", "", "x" * 65])
ROOMS = st.sampled_from(["lobby", "Lobby", "kitchen", "garden", "no room"])
TEXTS = st.sampled_from(["hi", "much too long", " ", ""])
NORMAL = {"lobby": "lobby", "Lobby": "lobby", "kitchen": "kitchen", "garden": "garden"}


class Conversation(RuleBasedStateMachine):
    """A session, and beside it what the protocol says that it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms: set[str] = set()
        self.joined: set[str] = set()
        self.is_greeted = False
        self.session = Session(
            TokenBucket(0, 0), rooms=self.rooms, max_text_chars=MAX_CHARS, max_rooms=MAX_ROOMS
        )

    def answer(self, command: Command) -> str:
        """Say it: the code it is refused with, "" if it is carried out."""
        try:
            command = self.session.admit(command, 0.0)
        except Refused as refused:
            return refused.code
        match command:
            case commands.Hello():
                self.session.person = Person("p-1", "Ada")
            case commands.Join():
                self.rooms.add(command.room)
            case commands.Leave():
                self.rooms.remove(command.room)
        return ""

    def expected(self, command_id: str, room: str | None = None, *, is_join: bool = False) -> str:
        """What every command but hello is refused for first."""
        if not self.is_greeted:
            return "hello_first"
        if not 1 <= len(command_id) <= 64:
            return "bad_id"
        if room is None:
            return ""
        if room not in NORMAL:
            return "bad_room"
        is_in = NORMAL[room] in self.joined
        if is_join:
            return "too_many_rooms" if not is_in and len(self.joined) == MAX_ROOMS else ""
        return "" if is_in else "not_joined"

    @rule()
    def hello(self) -> None:
        assert self.answer(commands.Hello()) == ("already_greeted" if self.is_greeted else "")
        self.is_greeted = True

    @rule(id=IDS, room=ROOMS)
    def join(self, id: str, room: str) -> None:  # noqa: A002
        code = self.expected(id, room, is_join=True)
        assert self.answer(commands.Join(id=id, room=room)) == code
        if not code:
            self.joined.add(NORMAL[room])

    @rule(id=IDS, room=ROOMS)
    def leave(self, id: str, room: str) -> None:  # noqa: A002
        code = self.expected(id, room)
        assert self.answer(commands.Leave(id=id, room=room)) == code
        if not code:
            self.joined.remove(NORMAL[room])

    @rule(id=IDS, room=ROOMS, text=TEXTS)
    def send(self, id: str, room: str, text: str) -> None:  # noqa: A002
        code = self.expected(id, room)
        if not code and len(text) > MAX_CHARS:
            code = "too_long"
        elif not code and not text.strip():
            code = "empty"
        assert self.answer(Send(id=id, room=room, text=text)) == code

    @rule(id=IDS, room=ROOMS)
    def page(self, id: str, room: str) -> None:  # noqa: A002
        assert self.answer(commands.History(id=id, room=room, before=9)) == self.expected(id, room)

    @rule(id=IDS, command=st.sampled_from([commands.Pinging(id=""), commands.Rename(id="", name="Bob")]))
    def other(self, id: str, command: commands.Pinging | commands.Rename) -> None:  # noqa: A002
        command.id = id
        assert self.answer(command) == self.expected(id)

    @invariant()
    def is_in_the_rooms_it_was_let_into(self) -> None:
        assert self.rooms == self.joined


Conversation.TestCase.settings = settings(max_examples=share(150), stateful_step_count=30)
TestConversation = Conversation.TestCase
