"""The head of a web page: what it says of itself to those who show links to it (Open Graph, https://ogp.me, or HTML).

The page is a stranger's, so it is read by expressions that are linear in its length, and only its beginning: a parser
of all of HTML has had inputs for which it takes the square of that.

Pure.
"""

from __future__ import annotations

import html
import re
from typing import Final

import attrs

HEAD_BYTES: Final = 256 * 1024
"""So much of a page is looked at: heads with all their scripts and styles inside are seldom longer."""

TITLE_CHARS: Final = 200
DESCRIPTION_CHARS: Final = 300
SITE_CHARS: Final = 80

_TAGS_READ: Final = 300
"""So many tags of a head are looked at."""

_TAG: Final = re.compile(r"<(meta\s|title\b|/head\b|body\b)([^<>]*)>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([a-z:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_CHARSET: Final = re.compile(rb"""<meta[^<>]*charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_CHARSET_BYTES: Final = 1024
"""Within so many bytes a page says its encoding (HTML, 4.2.5.4)."""


@attrs.frozen
class PageHead:
    """What a page says of itself, as plain texts; empty: nothing. ``image`` is an address, perhaps a relative one."""

    title: str = ""
    description: str = ""
    site: str = ""
    image: str = ""
    image_alt: str = ""


def read_head(page: bytes, charset: str | None) -> PageHead:
    """Read the head of an HTML page, whose encoding is ``charset`` or what it says itself."""
    text = _decode(page[:HEAD_BYTES], charset)
    found: dict[str, str] = {}
    for number, tag in enumerate(_TAG.finditer(text)):
        name = tag[1].strip().lower()
        if name in ("/head", "body") or number >= _TAGS_READ:
            break
        if name == "title":
            end = text.find("<", tag.end())
            found.setdefault("title", text[tag.end() : end if end >= 0 else None][: 10 * TITLE_CHARS])
            continue
        attributes = {one[1].lower(): one[2] or one[3] or one[4] or "" for one in _ATTRIBUTE.finditer(tag[2])}
        what = attributes.get("property") or attributes.get("name") or ""
        found.setdefault(what.lower(), attributes.get("content", "")[: 10 * DESCRIPTION_CHARS])
    return PageHead(
        title=_first(found, "og:title", "twitter:title", "title", chars=TITLE_CHARS),
        description=_first(
            found, "og:description", "twitter:description", "description", chars=DESCRIPTION_CHARS
        ),
        site=_first(found, "og:site_name", "application-name", chars=SITE_CHARS),
        image=html.unescape(next((found[key] for key in _IMAGES if found.get(key)), "")).strip(),
        image_alt=_first(found, "og:image:alt", "twitter:image:alt", chars=DESCRIPTION_CHARS),
    )


_IMAGES: Final = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image")


def _decode(page: bytes, charset: str | None) -> str:
    said = _CHARSET.search(page[:_CHARSET_BYTES])
    for name in (charset, said[1].decode() if said else None):
        try:
            if name:
                return page.decode(name, "replace")
        except (LookupError, UnicodeError):
            continue  # an encoding that nobody knows, or that is none of texts
    return page.decode("utf-8", "replace")


def _first(found: dict[str, str], *keys: str, chars: int) -> str:
    """The first of these texts that says something, in one line, cut to so many characters."""
    for key in keys:
        line = " ".join("".join(filter(_is_shown, html.unescape(found.get(key, "")))).split())
        if line:
            return line if len(line) <= chars else f"{line[: chars - 1].rstrip()}…"
    return ""


def _is_shown(char: str) -> bool:
    return char.isprintable() or char.isspace()
