"""Links: which web addresses in a text the page makes links of (``static/js/core/links.js``).

``tests/js/links.json`` has the cases for both. Browsers are stricter about names in other letters than Latin ones: of
those that cannot be (IDNA) the page makes no link.

Pure, and linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDS: Final = (
    '\\s\0-\x20\x7f-\xa0<>"`{}|\\\\^\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff'
    "\U000e0000-\U000e0fff\u3000-\u3004\u3008-\u3020\u3030\u303d\u30fb\uff01-\uff65\uffe0-\uffee"
)
"""White space, what cannot stand in an address, invisible characters, which could disguise it, and the punctuation of
scripts without spaces and of full width."""

_UNSPACED: Final = (
    "\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u30fa\u30fc-\u318f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Letters that need no space around a word: where they follow a Latin letter or a digit, the text goes on behind the
address."""

_START: Final = re.compile(
    rf"(?<![a-z0-9])(?:(https?://)|(?<![-.@/:])(?=www\.))([^{_ENDS}/?#]{{1,320}})", re.IGNORECASE
)
_IPV6: Final = re.compile(r"\[([0-9a-f:.]+)\]", re.IGNORECASE)
_END_OF_HOST: Final = re.compile(rf"(?:[^.]*\.)+?[a-z]{{2,63}}(?=[{_UNSPACED}])", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)
_WWW: Final = re.compile(r"www(?:\.[^.]+)+\.[^.]{2,}", re.IGNORECASE)
_PORT: Final = re.compile(r":([0-9]+)")
_ONLY_CLOSING: Final = re.compile(r"[.,;:!?'*_~…।॥،؛؟»›”’)\]]*")

_LONGEST_HOST: Final = 253
_LAST_PORT: Final = 65_535

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]|(?<![a-z0-9])www\.[^\s<>\"]", re.IGNORECASE)


def has_link(text: str) -> bool:
    """Whether the page makes a link in this text."""
    return any(
        _is_link(match[1], match[2], followed_by=text[match.end() : match.end() + 1])
        for match in _beginnings(text)
    )


def has_address(text: str) -> bool:
    """Whether a text has anything that is like a web address, also if the page makes no link of it."""
    return _ADDRESS.search(text) is not None


def _beginnings(text: str) -> Iterator[re.Match[str]]:
    """Where addresses may begin. One in the path of another one is not looked at: the other one counts."""
    place = 0
    while match := _START.search(text, place):
        yield match
        place = match.end()


def _is_link(scheme: str | None, authority: str, *, followed_by: str) -> bool:
    host = _host_of(authority)
    if not host or "@" in authority or not (scheme or _WWW.fullmatch(host)):
        return False
    rest = authority[len(host) :]
    port = _PORT.match(rest)
    if port:
        if len(port[1]) > len(str(_LAST_PORT)) or int(port[1]) > _LAST_PORT:
            return False
        rest = rest[port.end() :]
    is_at_end = not rest or (_ONLY_CLOSING.fullmatch(rest) is not None and followed_by not in set("/?#"))
    is_whole = "." in host or host.startswith("[") or (host.isascii() and (port is not None or is_at_end))
    return is_whole and not rest.startswith("%")


def _host_of(authority: str) -> str:
    """The host with which this begins, or nothing."""
    if address := _IPV6.match(authority):
        return address[0] if _is_ip(IPv6Address, address[1]) else ""
    length = next((place for place, char in enumerate(authority) if not _is_of_host(char)), len(authority))
    host = authority[:length].rstrip("_.-")
    if end := _END_OF_HOST.match(host):
        host = end[0]
    if len(host) > _LONGEST_HOST or "" in host.split("."):
        return ""
    # Browsers read such a host as an IPv4 address, in forms that people do not.
    return "" if _NUMBER.fullmatch(host) and not _is_ip(IPv4Address, host) else host


def _is_of_host(char: str) -> bool:
    return char in "_.-" or unicodedata.category(char)[0] in "LNM"


def _is_ip(kind: type[IPv4Address | IPv6Address], address: str) -> bool:
    try:
        kind(address)
    except AddressValueError:
        return False
    return True
