"""A setting: its names, its documentation, and how its value is parsed from a text or a TOML file.

One rule makes all names. A setting's flag is its field's name with dashes and without the ``_s`` of seconds:
``drain_timeout_s`` is ``--drain-timeout``. The same name is the key in the TOML file (dashes or underscores). In
capitals, with underscores and after ``TRIO_CHAT_``, it is the environment variable: ``TRIO_CHAT_DRAIN_TIMEOUT``. A
switch is ``--plain`` or ``--no-plain`` on the command line, ``TRIO_CHAT_PLAIN=no`` in the environment, and
``plain = false`` in the file.

Pure.
"""

from __future__ import annotations

import ipaddress
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NewType, get_args
from urllib.parse import urlsplit

import attrs

from trio_chat.blobs.places import BlobsPlace, read_place
from trio_chat.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "TRIO_CHAT_"

LogLevel = Literal["debug", "info", "warning", "error"]
Origins = tuple[str, ...]
Networks = NewType("Networks", tuple[str, ...])
Names = NewType("Names", tuple[str, ...])
Url = NewType("Url", str)
StoreAddress = NewType("StoreAddress", str)


class BadSetting(StartError):
    """A setting is unknown, or its value is not valid; the sentence names it and its source."""


@attrs.frozen(kw_only=True)
class Setting:
    """One setting, without its value; all texts are for people."""

    field: str
    type: Any
    default: Any
    summary: str
    """The thing that is set, as a phrase that can follow the flag."""
    reason: str
    """The reason for the default, as a sentence."""
    zero: str | None
    """The meaning of 0, where it is not the number 0."""
    unit: str
    minimum: float | None
    maximum: float | None

    @property
    def key(self) -> str:
        """The key in the file, and the flag without its dashes."""
        return self.field.removesuffix("_s").replace("_", "-")

    @property
    def is_switch(self) -> bool:
        """Whether it is yes or no."""
        return self.type in (bool, bool | None)

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return f"--{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.key.upper().replace("-", "_")

    @property
    def default_text(self) -> str:
        """The default, as it would be typed; empty if there is none."""
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return "" if self.default in (None, ()) else str(self.default)

    @property
    def metavar(self) -> str:
        """The placeholder for the value in the help; empty for a switch."""
        return self.unit.upper() or VALUE_TYPES[self.type].metavar

    @property
    def expected(self) -> str:
        """The description of a valid value."""
        noun = VALUE_TYPES[self.type].noun
        if self.minimum is None:
            return noun
        if self.maximum is None:
            return f"{noun} of at least {self.minimum}"
        return f"{noun} from {self.minimum} to {self.maximum}"

    @property
    def help(self) -> str:
        """The whole documentation, in sentences."""
        zero = f" 0: {self.zero}." if self.zero else ""
        return f"{self.summary}. {self.reason}{zero}"

    @property
    def short_help(self) -> str:
        """What is set, without the reason."""
        return f"{self.summary}.{self._default_note}"

    @property
    def long_help(self) -> str:
        """The whole documentation, with the default."""
        return f"{self.help}{self._default_note}"

    @property
    def _default_note(self) -> str:
        return f"  [default: {self.default_text}]" if self.default_text else ""

    def parse(self, text: str, source: str) -> object:
        """The value as `Config` holds it, from a text. Raises `BadSetting` as `check` does."""
        return self.check(VALUE_TYPES[self.type].parse(text), source, text)

    def check(self, value: object, source: str, shown: object = None) -> object:
        """The value as `Config` holds it, from a value of a TOML file.

        Raises `BadSetting`, which names ``source``, and the value as ``shown`` if that is given.
        """
        valid = VALUE_TYPES[self.type].check(value)
        is_out_of_range = valid is not None and (
            (self.minimum is not None and valid < self.minimum)
            or (self.maximum is not None and valid > self.maximum)
        )
        if valid is None or is_out_of_range:
            given = value if shown is None else shown
            if isinstance(given, tuple):  # of an option that may be repeated
                given = ", ".join(map(str, given))
            raise BadSetting(f"{source} is {given!r}, but must be {self.expected}.")
        return valid


@attrs.frozen
class ValueType:
    """How values of one type are parsed and checked. Both functions return None for what is not valid."""

    noun: str
    """The description of a valid value, for people."""
    metavar: str
    """The placeholder for the value in the help."""
    parse: Callable[[str], object]
    """From a text to a value of a TOML file."""
    check: Callable[[object], Any]
    """From a value of a TOML file to the value in `Config`."""


SWITCH = dict.fromkeys(("yes", "true", "on", "1"), True) | dict.fromkeys(("no", "false", "off", "0"), False)

# An Origin as browsers send it (RFC 6454 section 6.2): a scheme, a host, perhaps a port, and no path; or null.
# And * for any.
ORIGIN = re.compile(r"null|\*|([a-z][a-z0-9+.-]*)://[^/\s?#@,]+")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}

NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f]*:[0-9a-f:.]+")


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
    """Origins as browsers spell them, so that they can be compared as strings."""
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


def _networks(value: object) -> Networks | None:
    if not isinstance(value, list | tuple):
        return None
    try:
        return Networks(tuple(str(ipaddress.ip_network(str(network).strip())) for network in value))
    except ValueError:
        return None


def _names(value: object) -> Names | None:
    """Names of hosts as browsers send them: lower case, in ASCII, without a port."""
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return None
    try:
        names = tuple(name.strip().lower().rstrip(".").encode("idna").decode() for name in value)
    except UnicodeError:
        return None
    return Names(names) if all(map(NAME.fullmatch, names)) else None


def _url(value: object) -> Url | None:
    """A URL of a page as browsers spell it, with a slash at its end."""
    if not isinstance(value, str):
        return None
    try:
        parts = urlsplit(value.strip())
        port, names = parts.port, _names([parts.hostname or ""])
    except ValueError:
        return None
    is_plain = not (
        parts.query or parts.fragment or "@" in parts.netloc or re.search(r"[\s\"'<>]", parts.path)
    )
    if parts.scheme not in DEFAULT_PORTS or names is None or not is_plain:
        return None
    host = f"[{names[0]}]" if ":" in names[0] else names[0]
    is_default = port is None or f":{port}" == DEFAULT_PORTS[parts.scheme]
    return Url(f"{parts.scheme}://{host}{'' if is_default else f':{port}'}{parts.path.rstrip('/')}/")


def _store_address(value: object) -> StoreAddress | None:
    is_one = (
        isinstance(value, str) and value.startswith(("postgresql://", "postgres://")) and "\0" not in value
    )
    return StoreAddress(str(value)) if is_one else None


VALUE_TYPES: dict[Any, ValueType] = {
    bool: ValueType("yes or no", "", lambda text: SWITCH.get(text.lower()), _switch),
    bool | None: ValueType("yes or no", "", lambda text: SWITCH.get(text.lower()), _switch),
    int: ValueType("a whole number", "N", _number(int), _whole_number),
    float: ValueType("a number", "N", _number(float), _finite_number),
    str | None: ValueType("a text", "TEXT", str, _text),
    Path: ValueType("a path", "PATH", str, _path),
    BlobsPlace | None: ValueType(
        "a path, shared: and a path, or s3://bucket/prefix?endpoint=https://…&region=…",
        "PLACE",
        str,
        lambda value: read_place(value) if isinstance(value, str) else None,
    ),
    StoreAddress | None: ValueType(
        "an address such as postgresql://name:password@host/database", "URL", str, _store_address
    ),
    Path | None: ValueType("a path", "PATH", str, _path),
    LogLevel: ValueType(
        "one of " + ", ".join(get_args(LogLevel)),
        "LEVEL",
        str.lower,
        lambda value: value if value in get_args(LogLevel) else None,
    ),
    Origins: ValueType(
        "origins such as https://example.org (scheme and host, no path)",
        "ORIGIN",
        lambda text: [origin for origin in text.split(",") if origin.strip()],
        _origins,
    ),
    Networks: ValueType(
        "networks such as 10.0.0.0/8 or ::1",
        "CIDR",
        lambda text: [network for network in text.split(",") if network.strip()],
        _networks,
    ),
    Names: ValueType(
        "names such as chat.example.org (no scheme, no port)",
        "NAME",
        lambda text: [name for name in text.split(",") if name.strip()],
        _names,
    ),
    Url | None: ValueType("an address such as https://chat.example.org", "URL", str, _url),
}


def setting_field(
    default: object,
    summary: str,
    reason: str,
    *,
    zero: str | None = None,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:  # noqa: ANN401
    """A field of `Config` with its documentation. Numbers are at least 0."""
    if minimum is None and type(default) in (int, float):
        minimum = 0
    metadata = {
        "summary": summary,
        "reason": reason,
        "zero": zero,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
    }
    return attrs.field(default=default, metadata=metadata)
