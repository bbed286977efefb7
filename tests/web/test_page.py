"""The page as it is served: what it needs first is in it, and nothing else may run there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re

import pytest

from tests.support.http import ask
from tests.support.serving import open_server
from trio_chat.errors import StartError
from trio_chat.web.http import STATIC
from trio_chat.web.page import LATER, build_page

HTML = f"""<head>
  {LATER}
  <link rel="icon" href="static/icon.svg">
  <script src="static/js/theme.js"></script>
  <script src="static/js/early.js"></script>
  <script type="module" src="static/js/main.js"></script>
  <link rel="stylesheet" href="static/css/one.css">
  <link rel="stylesheet" href="static/css/two.css">
</head>
"""

FILES = {
    "index.html": HTML,
    "icon.svg": "<svg/>",
    "js/theme.js": "// why\n{ first(); }\n",
    "js/early.js": "{ second(); }\n",
    "js/main.js": 'import { a } from "./a.js";\nimport("./later.js");\n',
    "js/a.js": "export const a = 1;\n",
    "js/later.js": "export const b = 2;\n",
    "css/one.css": "/* why */\np { color: red; }\n",
    "css/two.css": """p { background: url("../icon.svg"), url("data:image/svg+xml,x"); }\n""",
}


def encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


def test_what_is_needed_first_stands_in_the_page_in_its_order() -> None:
    page = build_page(encoded(FILES))
    static = f"static/{page.version}"
    assert (
        page.html
        == f"""<head>
  <meta name="later" content="js/later.js">
  <link rel="icon" href="{static}/icon.svg">
  <script>{{first();}}
{{second();}}
</script>
  <script type="module" src="{static}/js/main.js"></script>
  <style>
p {{ color: red; }}
p {{ background: url("{static}/icon.svg"), url("data:image/svg+xml,x"); }}
</style>
  </head>
"""
    )
    assert b"const $0=" in page.files["js/main.js"]
    assert page.files["css/one.css"] == FILES["css/one.css"].encode()


def test_a_change_of_anything_is_another_version() -> None:
    versions = {build_page(encoded(FILES)).version}
    for name, text in FILES.items():
        versions.add(build_page(encoded(FILES | {name: text + "\n/* x */ x"})).version)
    assert len(versions) == 1 + len(FILES)


@pytest.mark.parametrize("body", ["a = '</script>'", "x = '<!--'"])
def test_what_would_end_its_element_is_refused(body: str) -> None:
    with pytest.raises(StartError, match=r"js/early\.js .* cannot stand in the page"):
        build_page(encoded(FILES | {"js/early.js": body}))


def test_a_file_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(StartError, match=r"css/one\.css is not there"):
        build_page(encoded({name: text for name, text in FILES.items() if name != "css/one.css"}))


async def test_only_what_stands_in_the_page_may_run_there() -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, "/")
        policy = answer.headers["content-security-policy"]
        for element, directive in (("script", "script-src"), ("style", "style-src")):
            [text] = re.findall(rf"<{element}>(.*?)</{element}>", answer.body.decode(), re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{directive} 'self' 'sha256-{digest}';".lower() in policy  # the headers of an Answer are
        assert "unsafe" not in policy


def test_scripts_stay_small_enough_for_a_phone() -> None:
    page = build_page(
        {
            path.relative_to(STATIC).as_posix(): path.read_bytes()
            for path in STATIC.rglob("*")
            if path.is_file()
        }
    )
    [entry] = re.findall(r'<script type="module" src="static/\w+/([^"]+)"></script>', page.html)
    [later] = re.findall(r'<meta name="later" content="([^"]+)">', page.html)
    sizes = {name: len(gzip.compress(page.files[name], 9)) for name in (entry, *later.split())}
    assert sizes[entry] <= 50_000, "before the first message"
    assert sum(sizes.values()) <= 181_000, "with files, pictures and voice notes, fetched when idle"
