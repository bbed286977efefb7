"""Script without needless space, by rjsmin; templates that have templates inside are kept from it, as it takes what
stands in the inner ones for code. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rjsmin import jsmin

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE: Final = re.compile(
    r"/\*.*?\*/|//[^\n]*"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'"
    r"|(?<=[=(,:?&|!{};\[+>])\s*/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/"  # a regular expression
    r"|[`{}]",
    re.DOTALL,
)
_TEMPLATE: Final = re.compile(r"\\.|`|\$\{", re.DOTALL)
_KEPT: Final = re.compile('"\x1a(\\d+)\x1a"')


def minify(script: str, *, keep_bang_comments: bool = False) -> str:
    """The script without comments and needless space; with comments that begin with ``/*!`` if they are to be kept."""
    kept: list[str] = []
    pieces: list[str] = []
    at = 0
    for start, end in templates(script):
        if script.count("`", start, end) > 2:
            pieces += [script[at:start], f'"\x1a{len(kept)}\x1a"']
            kept.append(script[start:end])
            at = end
    text = jsmin("".join([*pieces, script[at:]]), keep_bang_comments=keep_bang_comments)
    return _KEPT.sub(lambda found: kept[int(found[1])], text)


def templates(script: str) -> Iterator[tuple[int, int]]:
    """Where each template begins and ends that is in no other."""
    # For each template around this place: None in its text, else how many braces are open in its substitution.
    around: list[int | None] = []
    at = start = 0
    while found := (_TEMPLATE if around and around[-1] is None else _CODE).search(script, at):
        at = found.end()
        token = found[0]
        inner = around[-1] if around else 0
        if inner is None:
            if token == "`":
                around.pop()
                if not around:
                    yield start, at
            elif token == "${":
                around[-1] = 0
        elif token == "`":
            start = start if around else found.start()
            around.append(None)
        elif around and token == "{":
            around[-1] = inner + 1
        elif around and token == "}":
            around[-1] = inner - 1 if inner else None
