"""Minifying loses no letter that somebody reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from trio_chat.web.minify import minify, templates

SCRIPTS = sorted((Path(__file__).parent.parent.parent / "static" / "js").rglob("*.js"))


@pytest.mark.parametrize(
    "template",
    [
        '`${unread > 0 ? `(${unread}) ` : ""}${name} · chat`',
        '`Muted${time ? ` until ${time} or so` : ""}.  You can read.`',
        '`a ${f({ b: `c  ${`d  { ` + "}`"} e` })} f`',
        "`\\` ${`x  y`}`",
        "`${/[`}]  \\//.test(x) ? ` a b ` : 1} c`",
    ],
)
def test_a_template_within_a_template_stays_as_it_is(template: str) -> None:
    script = f"// a comment: `\nconst quote = /`  x/;\nconst a = {template};\nconst b = 'it`s';\n"
    packed = minify(script)
    assert template in packed
    assert "comment" not in packed


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_template_of_the_page_stays_as_it_is(path: Path) -> None:
    script = path.read_text("utf-8")
    packed = minify(script)
    for start, end in templates(script):
        assert script[start:end] in packed


def test_the_templates_of_the_page_are_found() -> None:
    found = [len(list(templates(path.read_text("utf-8")))) for path in SCRIPTS]
    assert sum(found) > 200
