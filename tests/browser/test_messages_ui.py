"""What people do with messages: answer, react, change, delete, forward, pin, find, and how they write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .axe import add_axe, finds_nothing
from .viewports import SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from .conftest import Person

pytestmark = pytest.mark.browser


# A finger goes along a message, as fast as fingers do.
SWIPE = """(message, distance) => {
  const { left, top, height } = message.querySelector(".bubble").getBoundingClientRect();
  const at = (x) => ({ bubbles: true, pointerType: "touch", isPrimary: true, clientX: x, clientY: top + height / 2 });
  const bubble = message.querySelector(".bubble");
  bubble.dispatchEvent(new PointerEvent("pointerdown", at(left + 10)));
  for (let step = 1; step <= 8; step += 1) {
    bubble.dispatchEvent(new PointerEvent("pointermove", at(left + 10 + (distance * step) / 8)));
  }
  bubble.dispatchEvent(new PointerEvent("pointerup", at(left + 10 + distance)));
}"""


def message(person: Person, text: str) -> Locator:
    """The message with this text."""
    return person.page.locator("#chat p").filter(has=person.page.locator(".text", has_text=text))


def does(person: Person, text: str, what: str) -> None:
    """Choose something from the menu of a message."""
    message(person, text).locator(".text").click(button="right")
    person.page.get_by_role("menuitem", name=what, exact=True).click()


def say_and_hear(ada: Person, bob: Person, *texts: str) -> None:
    """Ada says it, and both have it."""
    ada.say(*texts)
    ada.hears(*texts)
    bob.hears(*texts)


def test_a_reply_quotes_its_message_and_leads_to_it(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "Who brings the cake?", "And the plates?")
    does(bob, "Who brings the cake?", "Reply")
    expect(bob.page.locator(".composer-bar")).to_contain_text("Reply to Ada")
    expect(bob.page.locator("#msg")).to_be_focused()
    bob.say("I do")
    expect(bob.page.locator(".composer-bar")).to_be_hidden()
    quote = message(ada, "I do").get_by_role("button", name="In answer to You: Who brings the cake?")
    quote.click()
    expect(message(ada, "Who brings the cake?")).to_have_class(re.compile(r"\bgoal\b"))
    does(ada, "Who brings the cake?", "Delete")
    ada.page.get_by_role("button", name="Delete for everybody").click()
    expect(message(bob, "I do").locator(".quoted-text")).to_have_attribute(
        "data-label", "This message was deleted"
    )


def test_a_reply_can_be_cancelled(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "Hello")
    does(bob, "Hello", "Reply")
    expect(bob.page.locator(".composer-bar")).to_contain_text("Reply to Ada")
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator(".composer-bar")).to_be_hidden()
    bob.say("just so")
    expect(message(ada, "just so")).to_be_visible()
    expect(ada.page.locator(".quoted")).to_have_count(0)


def test_reactions_are_counted_named_and_taken_back(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "We won!")
    message(bob, "We won!").locator(".text").click(button="right")
    bob.page.get_by_role("button", name="React with 🎉").click()
    chip = message(ada, "We won!").locator(".reaction")
    expect(chip).to_have_attribute("aria-label", "🎉 1: Bob")
    expect(chip).to_have_attribute("aria-pressed", "false")
    chip.click()
    expect(chip).to_have_attribute("aria-label", "🎉 2: Bob and You")
    expect(message(bob, "We won!").locator(".reaction")).to_have_attribute("data-count", "2")
    chip.click()
    expect(message(bob, "We won!").locator(".reaction")).to_have_attribute("data-count", "1")
    assert ada.texts() == ["We won!"], "a reaction is not part of the text"


def test_who_has_reacted_is_seen_by_holding_the_reaction(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "We won!")
    message(bob, "We won!").locator(".text").click(button="right")
    bob.page.get_by_role("button", name="React with 🎉").click()
    chip = message(ada, "We won!").locator(".reaction")
    chip.click(button="right")
    who = ada.page.get_by_role("dialog", name="Reactions")
    expect(who.get_by_role("listitem")).to_have_text(re.compile("Bob"))
    message(bob, "We won!").locator(".reaction").click()
    expect(who).to_contain_text("Nobody has reacted any more.")
    ada.page.keyboard.press("Escape")
    expect(who).to_be_hidden()
    expect(chip).to_have_count(0)


def test_any_emoji_can_be_a_reaction(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "Look at this")
    message(ada, "Look at this").hover()
    ada.page.locator(".tool").first.click()
    ada.page.get_by_role("searchbox", name="Search emoji").fill("octopus")
    ada.page.get_by_role("button", name="octopus").click()
    expect(message(bob, "Look at this").locator(".reaction")).to_have_attribute("data-emoji", "🐙")


def test_an_edited_message_says_so(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "at five")
    ada.page.keyboard.press("ArrowUp")
    expect(ada.page.locator(".composer-bar")).to_contain_text("Edit message")
    expect(ada.page.locator("#msg")).to_have_value("at five")
    ada.say("at six")
    bob.hears("at six")
    expect(message(bob, "at six").locator(".edited")).to_be_visible()
    expect(ada.page.locator("#msg")).to_have_value("")
    does(ada, "at six", "Message info")
    expect(ada.page.get_by_role("dialog")).to_contain_text("at five")


def test_cancelling_an_edit_brings_back_the_draft(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "at five")
    ada.page.fill("#msg", "half a sen")
    does(ada, "at five", "Edit")
    expect(ada.page.locator("#msg")).to_have_value("at five")
    ada.page.keyboard.press("Escape")
    expect(ada.page.locator("#msg")).to_have_value("half a sen")


def test_a_deleted_message_is_gone_for_everybody(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "my password is hunter2", "sorry")
    does(ada, "hunter2", "Delete")
    ada.page.get_by_role("button", name="Delete for everybody").click()
    for person in (ada, bob):
        person.hears("This message was deleted", "sorry")
    bob.open()
    bob.hears("This message was deleted", "sorry")
    assert "hunter2" not in bob.page.content()


def test_a_message_is_deleted_for_oneself_and_brought_back(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "spoiler", "hello")
    does(bob, "spoiler", "Delete")
    expect(bob.page.get_by_role("button", name="Delete for everybody")).to_have_count(0)
    bob.page.get_by_role("button", name="Delete for me").click()
    bob.hears("hello")
    ada.hears("spoiler", "hello")
    bob.page.get_by_role("button", name="Undo").click()
    bob.hears("spoiler", "hello")


def test_a_mention_is_completed_from_a_few_letters(ada: Person, bob: Person) -> None:
    say_and_hear(bob, ada, "I am here")
    ada.page.locator("#msg").press_sequentially("Hi @b")
    option = ada.page.get_by_role("option", name="@Bob")
    expect(option).to_have_attribute("aria-selected", "true")
    ada.page.keyboard.press("Enter")
    expect(ada.page.locator("#msg")).to_have_value("Hi @Bob ")
    ada.page.keyboard.press("Enter")
    expect(message(bob, "Hi @Bob").locator(".mention.mine")).to_have_text("@Bob")
    expect(message(bob, "Hi @Bob")).to_have_class(re.compile(r"\bmentioned\b"))
    expect(message(ada, "Hi @Bob").locator(".mention")).not_to_have_class(re.compile(r"\bmine\b"))


def test_a_forwarded_message_names_its_author(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "The door code is 4711")
    bob.page.goto(f"{bob.url}#room=workshop")
    bob.is_in("workshop")
    bob.page.get_by_role("button", name="Make “workshop”").click()
    bob.page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(bob.page.locator("#empty")).to_contain_text("Nobody has written here yet.")
    expect(bob.page.locator("#visit")).to_be_hidden()
    bob.opens("Lobby")
    does(bob, "The door code", "Forward")
    bob.page.get_by_role("dialog").get_by_role("button", name="workshop").click()
    bob.opens("workshop")
    bob.hears("The door code is 4711")
    expect(message(bob, "The door code").locator(".forwarded")).to_have_attribute(
        "data-label", "Forwarded from Ada"
    )


def test_a_pinned_message_stands_above_the_log_for_everybody(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "Thursday at six", *(f"line {number}" for number in range(30)))
    message(ada, "Thursday at six").scroll_into_view_if_needed()
    does(ada, "Thursday at six", "Pin for everybody")
    bar = bob.page.get_by_role("group", name="Pinned")
    expect(bar).to_contain_text("Thursday at six")
    bar.get_by_role("button").first.click()
    expect(message(bob, "Thursday at six")).to_be_in_viewport()
    bob.open()
    expect(bar).to_contain_text("Thursday at six")
    message(bob, "Thursday at six").scroll_into_view_if_needed()
    does(bob, "Thursday at six", "Unpin")
    expect(ada.page.get_by_role("group", name="Pinned")).to_have_count(0)


def test_the_author_sees_who_has_read_a_message(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "Did you see this?")
    expect(ada.page.locator("p.own .status")).to_have_attribute("aria-label", "Read")
    does(ada, "Did you see this?", "Message info")
    expect(ada.page.get_by_role("dialog", name="Message info").get_by_role("listitem")).to_contain_text("Bob")


def test_a_message_read_just_before_the_page_closes_counts_as_read(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "Last words")
    bob.page.goto("about:blank")
    expect(message(ada, "Last words")).to_have_attribute("data-status", "read")


def test_a_room_is_marked_as_unread_from_a_message_on(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "one", "two", "three")
    bob.page.goto(f"{bob.url}#room=workshop")
    bob.is_in("workshop")
    bob.opens("Lobby")
    does(bob, "two", "Mark as unread from here")
    bob.page.goto(f"{bob.url}#room=workshop")
    bob.is_in("workshop")
    expect(bob.page.locator("#rail-list a", has_text="Lobby")).to_contain_text("marked as unread")
    bob.opens("Lobby")
    expect(bob.page.locator("#chat .divider.unread + p .text")).to_have_text("two")


def test_a_link_to_a_message_leads_to_it(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, *(f"line {number}" for number in range(1, 31)))
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    message(ada, "line 2").first.scroll_into_view_if_needed()
    ada.page.locator('#chat p[data-seq="2"] .text').click(button="right")
    ada.page.get_by_role("menuitem", name="Copy link").click()
    expect(ada.page.locator(".toast")).to_contain_text("Copied")
    link = ada.page.evaluate("() => navigator.clipboard.readText()")
    assert link == f"{ada.url}#room=lobby&m=2"
    bob.page.goto(link)
    expect(bob.page.locator('#chat p[data-seq="2"]')).to_be_in_viewport()
    expect(bob.page.locator('#chat p[data-seq="2"]')).to_have_class(re.compile(r"\bgoal\b"))


def test_a_draft_stays_in_its_room(ada: Person) -> None:
    ada.is_online()
    ada.page.fill("#msg", "half a thought")
    ada.page.goto(f"{ada.url}#room=workshop")
    ada.is_in("workshop")
    expect(ada.page.locator("#msg")).to_have_value("")
    ada.opens("Lobby")
    expect(ada.page.locator("#msg")).to_have_value("half a thought")
    ada.open()
    expect(ada.page.locator("#msg")).to_have_value("half a thought")


def test_a_message_of_several_lines_is_written_in_an_editor(ada: Person, bob: Person) -> None:
    page = ada.page
    page.locator("#msg").press_sequentially("first")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#editor")).to_be_focused()
    page.keyboard.type("second")
    page.keyboard.press("Enter")
    bob.hears("first\nsecond")
    expect(page.locator("#msg")).to_be_focused()
    expect(page.locator("#msg")).to_have_value("")
    page.keyboard.press("Shift+Enter")
    page.locator("#editor").fill("```python\nprint(1)\n```")
    page.click("#send")
    expect(page.locator("#editor")).to_have_count(0)
    expect(bob.page.locator("#chat p .code-block code")).to_have_text("print(1)")


def test_pasted_lines_stay_lines(ada: Person, bob: Person) -> None:
    ada.page.locator("#msg").evaluate("""(input) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", "- milk\\r\\n- bread");
        input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }""")
    expect(ada.page.locator("#editor")).to_have_value("- milk\n- bread")
    ada.page.locator("#editor").press("Enter")
    expect(bob.page.locator("#chat .item")).to_have_text([re.compile("milk"), re.compile("bread")])


def test_others_see_that_somebody_is_typing(ada: Person, bob: Person) -> None:
    say_and_hear(bob, ada, "anybody?")
    ada.page.locator("#msg").press_sequentially("ye")
    expect(bob.page.locator(".typing-line")).to_contain_text("Ada is typing…")
    ada.page.keyboard.press("Enter")
    expect(bob.page.locator(".typing-line")).to_be_hidden()


def test_slash_commands_work_and_a_wrong_one_is_explained(ada: Person, bob: Person) -> None:
    ada.say("/me waves")
    expect(message(bob, "waves")).to_have_class(re.compile(r"\baction\b"))
    ada.say("/tpoic Cake")
    expect(ada.page.get_by_role("alert").filter(has_text="Do you mean /topic?")).to_be_visible()
    expect(ada.page.locator("#msg")).to_have_value("/tpoic Cake")
    ada.say("/topic Cake on Thursday")
    expect(bob.page.locator("#chat .note")).to_contain_text("Ada set the topic: Cake on Thursday")
    expect(ada.page.locator("#msg")).to_have_value("")
    ada.page.locator("#msg").press_sequentially("/sh")
    ada.page.keyboard.press("Tab")
    expect(ada.page.locator("#msg")).to_have_value("/shrug ")


def test_messages_are_formatted_and_long_ones_folded(ada: Person, bob: Person) -> None:
    ada.say("*bold* _italic_ ~strike~ `code`", "🎉", "word " * 400)
    first = bob.page.locator("#chat p").first
    for tag, text in {"strong": "bold", "em": "italic", "s": "strike", "code": "code"}.items():
        expect(first.locator(tag)).to_have_text(text)
    expect(bob.page.locator("#chat p").nth(1)).to_have_class(re.compile(r"\bbig\b"))
    long = bob.page.locator("#chat p").nth(2)
    height = long.evaluate("(paragraph) => paragraph.offsetHeight")
    long.get_by_role("button", name="Read more").click()
    assert long.evaluate("(paragraph) => paragraph.offsetHeight") > height


def test_messages_are_reached_by_keyboard(ada: Person, bob: Person) -> None:
    say_and_hear(bob, ada, "one", "two", "three")
    page = ada.page
    page.locator("#chat").focus()
    page.keyboard.press("ArrowUp")
    expect(message(ada, "three")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(message(ada, "two")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
    page.keyboard.press("Escape")
    expect(message(ada, "two")).to_be_focused()
    page.keyboard.type("x")
    expect(page.locator("#msg")).to_be_focused()
    expect(page.locator("#msg")).to_have_value("x")


def test_a_swipe_replies_and_a_long_press_opens_the_menu(
    open_person: Callable[..., Person], ada: Person
) -> None:
    bob = open_person(name="Bob", **SMALL_PHONE)
    say_and_hear(ada, bob, "Hello")
    message(bob, "Hello").evaluate(SWIPE, 100)
    expect(bob.page.locator(".composer-bar")).to_contain_text("Reply to Ada")
    message(bob, "Hello").locator(".bubble").dispatch_event(
        "pointerdown", {"pointerType": "touch", "isPrimary": True, "clientX": 80, "clientY": 600}
    )
    expect(bob.page.get_by_role("menu")).to_be_visible()


def test_unread_messages_begin_below_a_mark(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "old")
    bob.say("read")
    ada.hears("old", "read")
    expect(message(ada, "old").locator(".status")).to_have_attribute("aria-label", "Read")
    bob.page.goto("about:blank")
    ada.say("new", "newer")
    ada.hears("old", "read", "new", "newer")
    bob.open()
    expect(bob.page.locator("#chat .divider.unread + p .text")).to_have_text("new")


def test_a_button_leads_to_the_first_of_many_unread_messages(ada: Person, bob: Person) -> None:
    say_and_hear(ada, bob, "old")
    expect(message(ada, "old").locator(".status")).to_have_attribute("aria-label", "Read")
    bob.page.goto("about:blank")
    lines = [f"line {number}" for number in range(1, 61)]
    ada.say(*lines)
    ada.hears("old", *lines)
    bob.open()
    expect(bob.page.locator("#chat p .text").last).to_have_text("line 60")
    bob.page.get_by_role("button", name="Go to the first unread message").click()
    expect(bob.page.locator("#chat .divider.unread")).to_be_in_viewport()
    expect(bob.page.locator("#chat .divider.unread + p .text")).to_have_text("line 1")
    expect(bob.page.locator(".to-unread")).to_be_hidden()


def test_a_conversation_with_every_feature_is_accessible_to_axe(
    open_person: Callable[..., Person], bob: Person
) -> None:
    ada = open_person(name="Ada")
    add_axe(ada.page)
    ada.open()
    bob.say("hello *you*", "the `code` is", "🎉")
    expect(message(ada, "🎉")).to_be_visible()
    ada.is_online()
    does(ada, "hello", "Reply")
    ada.say("answer @Bob")
    expect(message(bob, "answer")).to_be_visible()
    does(ada, "hello", "Pin for everybody")
    does(ada, "hello", "Star")
    message(ada, "hello").locator(".text").click(button="right")
    finds_nothing(ada.page)
    ada.page.get_by_role("button", name="React with ❤️").click()
    expect(message(bob, "hello").locator(".reaction")).to_be_visible()
    finds_nothing(ada.page)
    does(ada, "answer", "Message info")
    expect(ada.page.get_by_role("dialog")).to_contain_text("Bob")
    finds_nothing(ada.page)
