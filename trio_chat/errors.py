"""Errors, sorted by whose fault they are and what helps; and the registry of closes, the ways a connection ends.

- `RemoteProtocolError`: the peer's; carries the `Close` to end its connection with.
- `Refused`: a rule of content or policy; the peer is told why and its connection lives.
- `StoreError`: the log cannot do it now (`StoreUnavailable`) or not with what it holds (`NameTaken`, `BlobGone`).
- `StartError`: the server cannot start; its text is the whole message to the operator.
"""

from __future__ import annotations

import math

import attrs


@attrs.frozen
class Close:
    """How a connection ends: a WebSocket close code, a sentence, and whether the client should come back.

    The reason must fit into a close frame: at most 123 bytes of UTF-8 (RFC 6455 section 5.5).
    """

    code: int
    reason: str
    come_back: bool

    def because(self, reason: str) -> Close:
        """The same close with another reason, cut to the length that a close frame can carry."""
        if len(reason.encode()) > 123:
            reason = reason.encode()[:120].decode(errors="ignore") + "…"
        return attrs.evolve(self, reason=reason)


# RFC 6455 section 7.4.1 and the IANA registry for the codes below 4000. Private codes follow one rule:
# 4000-4499 come back and resume, 4500-4999 do not.
NORMAL = Close(1000, "", come_back=False)
GOING_AWAY = Close(1001, "the server is stopping; come back in a moment", come_back=True)
PROTOCOL_ERROR = Close(1002, "that is not WebSocket", come_back=False)
UNSUPPORTED_DATA = Close(1003, "text messages only", come_back=False)
INVALID_DATA = Close(1007, "that is not what this protocol carries", come_back=False)
POLICY_VIOLATION = Close(1008, "that is not allowed here", come_back=False)
TOO_BIG = Close(1009, "that message is too big", come_back=False)
INTERNAL_ERROR = Close(1011, "something broke on the server; come back and resume", come_back=True)
SERVICE_RESTART = Close(1012, "the server is restarting; come back and resume", come_back=True)
TRY_AGAIN_LATER = Close(1013, "the log cannot be written or read just now; come back later", come_back=True)
TOO_SLOW = Close(4000, "no byte was taken for too long; come back and resume", come_back=True)
SILENT = Close(4001, "nothing was heard for too long; come back and resume", come_back=True)
LOG_REPLACED = Close(4002, "the log was replaced; come back and start afresh", come_back=True)
MAKE_WAY = Close(1013, "the server is full, and you did not say who you are; come back later", come_back=True)
NO_HELLO = Close(4003, "nobody said hello in time; come back and say it", come_back=True)
STANDING_CHANGED = Close(4004, "the server's mode has changed; come back and say hello", come_back=True)
BANNED = Close(4501, "a moderator has removed you from this server", come_back=False)
LOGGED_OUT = Close(4510, "this device was logged out", come_back=False)


class ChatError(Exception):
    """Base class of all errors that this package raises on purpose; never raised itself."""


class RemoteProtocolError(ChatError):
    """The peer broke the protocol; `close` says how its connection ends."""

    def __init__(self, close: Close) -> None:
        super().__init__(f"{close.code} {close.reason}")
        self.close = close


class Refused(ChatError):
    """A command was refused: `code` for programs, the text for people, `retry_after_s` where waiting helps.

    Where a limit is the reason, ``limit`` and ``left`` are its figures for programs, in bytes or in number, and ``of``
    says whose limit it is: the ``person``'s or the ``server``'s.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        limit: int | None = None,
        left: int | None = None,
        of: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.limit = limit
        self.left = left
        self.of = of
        self.server_id: str | None = None
        """The id of the server, where a token is refused: it may be another one's."""
        self.command_id: str | None = None
        """The id of the refused command, if only the raiser could read it (a frame that did not decode)."""
        self.command: str | None = None
        """The type of the refused command, the same."""


class TransferRefused(Refused):
    """A transfer of a file was refused, or ended: its code goes into the status of an HTTP answer."""


class WrongOffset(ChatError):
    """An upload goes on at ``offset``, and nowhere else."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"The upload goes on at byte {offset}.")
        self.offset = offset


class StoreError(ChatError):
    """The store could not do what was asked; nothing was changed."""


class StoreUnavailable(StoreError):
    """The store cannot read or write just now (disk full, I/O error): trying again later may help."""


class NameTaken(StoreError):
    """Another person has this name."""


class BlobGone(StoreError):
    """What was to be needed is gone, or was never coming: the content has to be put once more."""


class StartError(ChatError):
    """The server cannot start; the text is one sentence that says why and what to do."""


def moment_in(seconds: float) -> str:
    """When something works again that must wait so long, in the words of a sentence: ``in 3 minutes``."""
    if seconds < 120:
        return f"in {math.ceil(seconds)} seconds"
    if seconds < 7200:
        return f"in {math.ceil(seconds / 60)} minutes"
    return f"in {math.ceil(seconds / 3600)} hours"
