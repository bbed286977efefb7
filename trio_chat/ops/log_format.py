"""The operator's log, on stderr: one line for each record, which no user's text can forge, and a bound for repeats."""

from __future__ import annotations

import logging
import time

SECURITY_LOGGER = "trio_chat.security"

LINES_AT_ONCE = 100.0
MAX_PLACES = 1000

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
        left_out = getattr(record, "left_out", 0)
        if left_out:
            message += f" ({left_out} more of these lines were left out)"
        lines = [f"{at}.{int(record.msecs):03}Z {record.levelname.lower()} {record.name} {message}"]
        if record.exc_info:
            lines += self.formatException(record.exc_info).split("\n")
        if record.stack_info:
            lines += record.stack_info.split("\n")
        return "\n    ".join([lines[0], *(line.translate(_ESCAPES) for line in lines[1:])])


class FloodFilter(logging.Filter):
    """Lets some records of one place in the program through at once, and then one a second, which tells how many were
    left out. A disk that fails, or a stranger who has found a fault, repeats a line thousands of times, and the disk
    that the log is on may be the full one.

    Details (debug) are as many as they are; the security log counts by itself, for each address.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[tuple[str, str], tuple[float, float, int]] = {}
        """Of each place: how many more records it may have, as of when, and how many it had to leave out."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if record.levelno < logging.INFO or record.name == SECURITY_LOGGER:
            return True
        place = (record.name, str(record.msg))
        now = record.created
        allowed, since, left_out = self._places.get(place, (LINES_AT_ONCE, now, 0))
        allowed = min(LINES_AT_ONCE, allowed + max(0.0, now - since))
        if len(self._places) >= MAX_PLACES:  # there are some dozens; whatever the reason, it is bounded
            self._places.clear()
        if allowed < 1:
            self._places[place] = (allowed, now, left_out + 1)
            return False
        self._places[place] = (allowed - 1, now, 0)
        record.left_out = left_out
        return True


def set_up_logging(level: str) -> None:
    """Log to stderr from ``level`` up (one of `trio_chat.config.setting.LogLevel`); called once, at start."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    handler.addFilter(FloodFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # It logs each frame at debug and each connection at info, which `trio_chat` logs better.
    logging.getLogger("trio-websocket").setLevel(logging.WARNING)
