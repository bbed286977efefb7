"""How a connection ended, and whether coming back makes sense.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from trio_chat import errors
from trio_chat.errors import ChatError, Close

if TYPE_CHECKING:
    from trio_websocket import CloseReason

_E = TypeVar("_E", bound=BaseException)

ABNORMAL: Final = Close(1006, "the connection broke", come_back=True)
"""No close frame came (RFC 6455 section 7.1.5)."""


class ConnectionLost(ChatError):
    """The connection to the server ended, and how: ``close.code``, ``close.reason``, ``close.come_back``.

    Applications only see those that end a chat for good.
    """

    def __init__(self, close: Close, message: str | None = None) -> None:
        super().__init__(message or f"The connection ended: {close.reason or 'goodbye'} ({close.code}).")
        self.close = close


class CannotConnect(ConnectionLost):
    """No connection came about; the text says why and what to do."""

    def __init__(self, message: str, *, come_back: bool = True) -> None:
        super().__init__(Close(ABNORMAL.code, message, come_back=come_back), message)


# The protocol's close codes. One that is not here and below 4000 is somebody else's (a proxy's): it may pass.
_CLOSES: Final = {close.code: close for close in vars(errors).values() if isinstance(close, Close)}


_NOT_OF_A_COMMAND: Final = {code for code in _CLOSES if code >= 4000 or code in {1000, 1001, 1012, 1013}}


def may_be_of_a_command(close: Close) -> bool:
    """Whether what was said last may be why the connection ended: not if the code says what else it is."""
    return close.code not in _NOT_OF_A_COMMAND


def close_of(reason: CloseReason | None) -> Close:
    """What a close frame means; None stands for a connection that ended without one."""
    if reason is None:
        return ABNORMAL
    code = reason.code
    known = _CLOSES.get(code) or Close(code, ABNORMAL.reason, come_back=code < 4500)
    return known.because(reason.reason) if reason.reason else known


def first_of(group: BaseExceptionGroup[_E]) -> _E:
    """The first error in a group. For the endings of a connection: one says as much as another."""
    error: _E | BaseExceptionGroup[_E] = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
