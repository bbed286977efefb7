"""What people send is text and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from .conftest import Person

pytestmark = pytest.mark.browser

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1&#41;</script></svg>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>click</a>",
    "<math><mi xlink:href='data:x,<script>alert(1)</script>'></mi></math>",
    "</p></div><script>alert(1)</script>",
    '"><input autofocus onfocus=alert(1)>',
    "'-alert(1)-'",
    "${alert(1)} {{constructor.constructor('alert(1)')()}}",
    "javascript:alert(1)",
    'https://example.org/"onmouseover="alert(1)',
    "https://example.org/'><script>alert(1)</script>",
    '<!--<img src="--><img src=x onerror=alert(1)//">',
    "<style>@import 'http://attacker.example/x.css';</style>",
    "<meta http-equiv=refresh content='0;url=http://attacker.example'>",
    "<base href=http://attacker.example/>",
    "<p id=msg>not the input</p>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202egnirts desrever <b>",
    "\u2066\u2067\u202a unclosed isolates <i>",
    "zero\u200bwidth\u200d\ufeff\u2060",
    "e" + "\u0301" * 500,
    "раураl is not paypal",
    "中文 ไทย العربية עברית हिन्दी ኢትዮጵያ 🇺🇳👩‍👩‍👧‍👦🏳️‍🌈",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<template><script>alert(1)</script></template>",
    "__proto__",
]

COUNT_ELEMENTS = """() => {
  const allowed = new Set(["P", "SPAN", "BDI", "TIME", "A"]);
  const chat = document.querySelector("#chat");
  return [...chat.querySelectorAll("p, p *")].filter((element) => !allowed.has(element.tagName)).length;
}"""


def test_an_attack_in_a_text_is_shown_as_it_was_typed(ada: Person, bob: Person) -> None:
    for person in (ada, bob):
        person.is_online()
        person.page.evaluate(
            "() => { addEventListener('securitypolicyviolation', () => { window.violated = true; }); }"
        )
    ada.say(*ATTACKS)
    for person in (bob, ada):
        expect(person.page.locator("#chat p")).to_have_count(len(ATTACKS))
        assert person.texts() == ATTACKS
        assert person.page.evaluate(COUNT_ELEMENTS) == 0
        hrefs = person.page.locator("#chat a").evaluate_all("(links) => links.map((link) => link.protocol)")
        assert set(hrefs) <= {"http:", "https:"}
        assert person.page.evaluate("() => window.violated") is None
        assert person.page.locator("script").count() == 2  # the page's own, and the theme's


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "<b>Bold</b>", "\"'><svg/onload=alert(1)>"])
def test_an_attack_in_a_name_is_shown_as_it_was_typed(ada: Person, bob: Person, name: str) -> None:
    ada.rename(name)
    ada.say("hello")
    expect(bob.page.locator("#chat p .author")).to_have_text(name)
    assert bob.page.evaluate(COUNT_ELEMENTS) == 0


def test_right_to_left_names_and_texts_leave_their_surroundings_alone(ada: Person, bob: Person) -> None:
    ada.rename("نور")
    ada.say("مرحبا", "hello")
    bob.hears("مرحبا", "hello")
    for index, direction in enumerate(("rtl", "ltr")):
        expect(bob.page.locator("#chat p .bubble").nth(index)).to_have_css("direction", direction)
