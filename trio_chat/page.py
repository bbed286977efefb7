"""What a browser gets instead of the page's files as they stand: few, and in the order in which it needs them.

Whoever edits the page sees none of this: its files work as they are. `put_together` reads in the page what is its own:

- the module that it runs, and what that imports, are packed (`trio_chat.pack`);
- the style sheets that it names become one, in the same order;
- the classic scripts in its head, which must run before anything is shown, stand in the page itself;
- `LATER` names the packed modules that are imported later, to be fetched when there is nothing else to do.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import attrs

from trio_chat.errors import StartError
from trio_chat.pack import pack, without_comments

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = "index.html"
"""The page itself, whose addresses of files begin with ``static/`` and are relative: a proxy may put it anywhere."""

LATER = '<meta name="later" content="">'

STYLES = "css/page.css"
"""The style sheet that stands for all."""

_MODULE = re.compile(r'<script type="module" src="static/([^"]+)"></script>')
_SCRIPT = re.compile(r' *<script src="static/([^"]+)"></script>\n')
_STYLE = re.compile(r' *<link rel="stylesheet" href="static/([^"]+)">\n')
_STYLE_COMMENT = re.compile(r"\s*/\*.*?\*/", re.DOTALL)


@attrs.frozen
class Page:
    """The page, and the files it points to."""

    html: str
    files: Mapping[str, bytes]
    script: str | None
    """What a Content-Security-Policy must say to allow the script that stands in the page."""


def put_together(bodies: Mapping[str, bytes]) -> Page:
    """The page and its files, made of the files as they stand. Raises `StartError` where they do not fit."""
    html = bodies.get(PAGE, b"").decode()
    files = {name: body for name, body in bodies.items() if name != PAGE}
    if module := _MODULE.search(html):
        sources = {name: body.decode() for name, body in files.items() if name.endswith((".js", ".mjs"))}
        packed = pack(sources, module[1])
        files |= {name: text.encode() for name, text in packed.items()}
        later = " ".join(name for name in packed if name != module[1])
        html = html.replace(LATER, LATER.replace('""', f'"{later}"'))
    html, sheets = _take_out(_STYLE, html, f'  <link rel="stylesheet" href="static/{STYLES}">\n')
    if sheets:
        styles = _contents(sheets, bodies)
        if "@import" in styles or len({name.rpartition("/")[0] for name in (STYLES, *sheets)}) > 1:
            raise StartError(
                f"style sheets of {PAGE} cannot import others, and stand in the directory of {STYLES}"
            )
        files[STYLES] = _STYLE_COMMENT.sub("", styles).encode()
    html, scripts = _take_out(_SCRIPT, html, "  <script></script>\n")
    if not scripts:
        return Page(html, files, None)
    script = without_comments(_contents(scripts, bodies))
    if "</" in script or "<!--" in script:
        raise StartError(
            f"a script that stands in {PAGE} itself cannot contain </ or <!--: {', '.join(scripts)}"
        )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Page(html.replace("<script></script>", f"<script>{script}</script>"), files, f"'sha256-{digest}'")


def _take_out(pattern: re.Pattern[str], html: str, instead: str) -> tuple[str, list[str]]:
    """The page with `instead` in the place of all that it names in this way, and the names."""
    names: list[str] = []

    def take(found: re.Match[str]) -> str:
        names.append(found[1])
        return instead if len(names) == 1 else ""

    return pattern.sub(take, html), names


def _contents(names: list[str], bodies: Mapping[str, bytes]) -> str:
    """All these files, one after the other."""
    for name in names:
        if name not in bodies:
            raise StartError(f"{PAGE} names static/{name}, and there is no such file")
    return "".join(bodies[name].decode() for name in names)
