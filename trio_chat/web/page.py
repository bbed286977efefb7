"""The page as it is served: few files, in the order in which a browser needs them.

The source files work without it too. `build_page` reads ``index.html`` and makes of what that names:

- packed modules, of the entry and all that it imports (`trio_chat.web.bundle`), without comments and needless space;
- inline style sheets and classic scripts, without which nothing is shown, and their digests for a
  Content-Security-Policy;
- the list in `LATER` of the packed modules that are imported later, to be preloaded when the browser is idle;
- addresses with the version, a digest of everything.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from base64 import b64encode
from typing import TYPE_CHECKING

import attrs

from trio_chat.errors import StartError
from trio_chat.web.bundle import pack
from trio_chat.web.minify import minify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAGE = "index.html"
"""The page itself. Its addresses begin with ``static/`` and are relative: a proxy may put it under any path."""

LATER = '<meta name="later" content="">'
"""The element that takes the names of the modules that are imported later."""

_MODULE = re.compile(r'<script type="module" src="static/([^"]+)"></script>')
_SCRIPTS = re.compile(r'(?:<script src="static/[^"]+"></script>\s*)+')
_STYLES = re.compile(r'(?:<link rel="stylesheet" href="static/[^"]+">\s*)+')
_NAME = re.compile(r'"static/([^"]+)"')
_STYLE_COMMENT = re.compile(r"\s*/\*.*?\*/", re.DOTALL)
_STYLE_ADDRESS = re.compile(r'url\("(\.[^"]+)"\)')


@attrs.frozen
class Page:
    """The built page, and the files it points to."""

    html: str
    files: Mapping[str, bytes]
    version: str
    scripts: str
    styles: str
    """Sources of a Content-Security-Policy, beside ``'self'``, that allow the inline scripts and styles."""


def build_page(bodies: Mapping[str, bytes]) -> Page:
    """Build the page of its source files, by name. Raises `StartError` where they do not fit together."""
    html = bodies.get(PAGE, b"").decode()
    files = {name: body for name, body in bodies.items() if name != PAGE}
    texts = {
        name: body.decode(errors="replace")
        for name, body in files.items()
        if name.endswith((".js", ".mjs", ".css"))
    }
    if module := _MODULE.search(html):
        packed = pack(texts, module[1])
        files |= {name: minify(text, keep_bang_comments=True).encode() for name, text in packed.items()}
        later = " ".join(name for name in packed if name != module[1])
        html = html.replace(LATER, LATER.replace('""', f'"{later}"'))
    html = _inline(_SCRIPTS, html, texts, "script", lambda _name, text: f"{minify(text)}\n")
    html = _inline(_STYLES, html, texts, "style", _style)
    digest = hashlib.sha256(html.encode())
    for name, body in sorted(files.items()):
        digest.update(f"{name} {len(body)}\n".encode() + body)
    version = digest.hexdigest()[:16]
    html = html.replace('"static/', f'"static/{version}/')
    return Page(html, files, version, _digests("script", html), _digests("style", html))


def _inline(
    pattern: re.Pattern[str],
    html: str,
    texts: Mapping[str, str],
    element: str,
    shorten: Callable[[str, str], str],
) -> str:
    """The page with files inlined in the place of the elements that name them, each without what nobody needs."""

    def inlined(name: str) -> str:
        text = shorten(name, texts[name]) if name in texts else None
        if text is None or "</" in text or "<!--" in text:
            raise StartError(
                f"{PAGE}: {name} is not there, or has </ or <!-- in it and cannot stand in the page"
            )
        return text

    def put(found: re.Match[str]) -> str:
        return f"<{element}>{''.join(map(inlined, _NAME.findall(found[0])))}</{element}>\n  "

    return pattern.sub(put, html)


def _style(name: str, text: str) -> str:
    """A style sheet without comments, with addresses relative to the page."""

    def seen(found: re.Match[str]) -> str:
        return f'url("{posixpath.normpath(posixpath.join("static", posixpath.dirname(name), found[1]))}")'

    return _STYLE_ADDRESS.sub(seen, _STYLE_COMMENT.sub("", text))


def _digests(element: str, html: str) -> str:
    texts = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return "".join(
        f" 'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts
    )
