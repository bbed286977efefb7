"""The format of the operator's log, on stderr: one line for each record, which no user's text can forge."""

from __future__ import annotations

import logging
import time

# Control characters, those that some viewers take for a line break, and those that reorder a line on screen.
_UNSAFE = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x2028,
    0x2029,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
_ESCAPES = {char: ascii(chr(char))[1:-1] for char in _UNSAFE}


class LineFormatter(logging.Formatter):
    """``2026-11-22T21:00:00.123Z info trio_chat.app message``, in UTC; a traceback follows indented.

    Characters that would start a line, hide or reorder text, or control a terminal are escaped, since names and texts
    of users are part of messages and of tracebacks.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as text without a line break at its end."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        message = record.getMessage().translate(_ESCAPES)
        lines = [f"{at}.{int(record.msecs):03}Z {record.levelname.lower()} {record.name} {message}"]
        if record.exc_info:
            lines += self.formatException(record.exc_info).split("\n")
        if record.stack_info:
            lines += record.stack_info.split("\n")
        return "\n    ".join([lines[0], *(line.translate(_ESCAPES) for line in lines[1:])])


def set_up_logging(level: str) -> None:
    """Log to stderr from ``level`` up (one of `trio_chat.config.setting.LogLevel`); called once, at start."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # It logs each frame at debug and each connection at info, which `trio_chat` logs better.
    logging.getLogger("trio-websocket").setLevel(logging.WARNING)
