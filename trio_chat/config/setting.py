"""What a setting is: its names, its documentation, and how its value is read from a text or a TOML file.

One rule makes all names. A setting's flag is its field's name with dashes and without the ``_s`` of seconds:
``drain_timeout_s`` is ``--drain-timeout``. The same name is the key in the TOML file (dashes or underscores),
and in capitals, with underscores and after ``TRIO_CHAT_``, the environment variable:
``TRIO_CHAT_DRAIN_TIMEOUT``. A switch is ``--plain`` or ``--no-plain`` on the command line,
``TRIO_CHAT_PLAIN=no`` in the environment, and ``plain = false`` in the file.

Pure.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from trio_chat.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "TRIO_CHAT_"

LogLevel = Literal["debug", "info", "warning", "error"]
Origins = tuple[str, ...]


class BadSetting(StartError):
    """A setting is unknown, or its value is of no use; the sentence names it and where it came from."""


@attrs.frozen(kw_only=True)
class Setting:
    """What is known of one setting beside its value; all texts are for people."""

    field: str
    type: Any
    default: Any
    what: str
    """What it sets, as a phrase that can follow the flag."""
    why: str
    """Why the default is what it is, as a sentence."""
    zero: str | None
    """What 0 means, where it means something else than the number 0."""
    unit: str
    least: float | None
    most: float | None

    @property
    def key(self) -> str:
        """Its name in the file, and the flag without its dashes."""
        return self.field.removesuffix("_s").replace("_", "-")

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return f"--{self.key}"

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.key.upper().replace("-", "_")

    @property
    def default_text(self) -> str:
        """The default as one would type it; empty if that is nothing."""
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return "" if self.default in (None, ()) else str(self.default)

    @property
    def metavar(self) -> str:
        """What stands for the value where the flag is explained; empty for a switch."""
        return self.unit.upper() or KINDS[self.type].metavar

    @property
    def expected(self) -> str:
        """What a value must be."""
        noun = KINDS[self.type].noun
        if self.least is None:
            return noun
        if self.most is None:
            return f"{noun} of at least {self.least}"
        return f"{noun} from {self.least} to {self.most}"

    @property
    def help(self) -> str:
        """All there is to say, in sentences."""
        zero = f" 0: {self.zero}." if self.zero else ""
        return f"{self.what}. {self.why}{zero}"

    def read(self, text: str, source: str) -> object:
        """The value from a text, as `checked` answers it."""
        return self.checked(KINDS[self.type].read(text), source, text)

    def checked(self, value: object, source: str, shown: object = None) -> object:
        """The value as `Config` holds it, from what a TOML file would hold.

        Raises `BadSetting`, with ``source`` as the culprit's name.
        """
        good = KINDS[self.type].checked(value)
        is_out_of_range = good is not None and (
            (self.least is not None and good < self.least) or (self.most is not None and good > self.most)
        )
        if good is None or is_out_of_range:
            given = value if shown is None else shown
            raise BadSetting(f"{source} is {given!r}, but must be {self.expected}.")
        return good


@attrs.frozen
class Kind:
    """How the values of one type are read. Both functions answer None to what is no such value."""

    noun: str
    """What a value must be, for people."""
    metavar: str
    """What stands for the value in the list of options."""
    read: Callable[[str], object]
    """From a text to what a TOML file would hold."""
    checked: Callable[[object], Any]
    """From what a TOML file would hold to what `Config` holds."""


SWITCH = dict.fromkeys(("yes", "true", "on", "1"), True) | dict.fromkeys(("no", "false", "off", "0"), False)

# What a browser sends as Origin (RFC 6454 section 6.2): a scheme, a host, perhaps a port, and no path; or
# null. And * for any.
ORIGIN = re.compile(r"null|\*|([a-z][a-z0-9+.-]*)://[^/\s?#@,]+")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _number(convert: Callable[[str], float]) -> Callable[[str], float | None]:
    def read(text: str) -> float | None:
        try:
            return convert(text)
        except ValueError:
            return None

    return read


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _whole_number(value: object) -> int | None:
    return value if type(value) is int else None  # a bool is an int to Python, not to people


def _finite_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number of more than 300 digits
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value and "\0" not in value else None


def _path(value: object) -> Path | None:
    text = _text(value)
    return Path(text) if text else None


def _origins(value: object) -> Origins | None:
    """The origins as a browser spells them, so that they can be compared letter by letter."""
    if not isinstance(value, list | tuple) or not all(isinstance(origin, str) for origin in value):
        return None
    origins = []
    for origin in value:
        spelled = origin.strip().lower().removesuffix("/")
        match = ORIGIN.fullmatch(spelled)
        if match is None:
            return None
        default_port = DEFAULT_PORTS.get(match[1])
        origins.append(spelled.removesuffix(default_port) if default_port else spelled)
    return tuple(origins)


KINDS: dict[Any, Kind] = {
    bool: Kind("yes or no", "", lambda text: SWITCH.get(text.lower()), _switch),
    int: Kind("a whole number", "N", _number(int), _whole_number),
    float: Kind("a number", "N", _number(float), _finite_number),
    str | None: Kind("a text", "TEXT", str, _text),
    Path: Kind("a path", "PATH", str, _path),
    LogLevel: Kind(
        "one of " + ", ".join(get_args(LogLevel)),
        "LEVEL",
        str.lower,
        lambda value: value if value in get_args(LogLevel) else None,
    ),
    Origins: Kind(
        "origins such as https://example.org (scheme and host, no path)",
        "ORIGIN",
        lambda text: [origin for origin in text.split(",") if origin.strip()],
        _origins,
    ),
}


def setting(
    default: object,
    what: str,
    why: str,
    *,
    zero: str | None = None,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
) -> Any:  # noqa: ANN401
    """A field of `Config` with its documentation. Numbers are at least 0."""
    if least is None and type(default) in (int, float):
        least = 0
    about = {"what": what, "why": why, "zero": zero, "unit": unit, "least": least, "most": most}
    return attrs.field(default=default, metadata=about)
