"""A morning in the lobby: what the pictures of the guide and the contact sheets show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from .test_messages_ui import does, message

if TYPE_CHECKING:
    from .conftest import Person

CODE = "Got it. The new rule:\n```python\ndef hall(day):\n    return 'ours' if day == 'Thu' else None\n```"


def talk_in_the_morning(ada: Person, grace: Person, linus: Person) -> None:
    """Formatted text, code of several lines, an answer with a link, reactions and a pin."""
    grace.say("Morning! Did everybody get the *new timetable*?", "The hall is ours from six on Thursday 🎉")
    expect(message(linus, "The hall is ours")).to_be_visible()
    linus.page.locator("#msg").press("Shift+Enter")
    linus.page.locator("#editor").fill(CODE)
    linus.page.locator("#send").click()
    expect(message(ada, "Got it. The new rule")).to_be_visible()
    does(ada, "The hall is ours", "Reply")
    ada.say("Perfect. I bring the big projector, the list is at https://example.org/parts?list=42")
    expect(message(grace, "I bring the big projector")).to_be_visible()
    for person in (grace, linus):
        message(person, "I bring the big projector").locator(".text").click(button="right")
        person.page.get_by_role("button", name="React with 👍").click()
    does(grace, "The hall is ours", "Pin for everybody")
