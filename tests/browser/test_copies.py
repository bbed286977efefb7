"""Places that hold a copy of a message outside the log: each follows an edit, and is empty when the message is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import TimeoutError, expect  # noqa: A004

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from .conftest import Person

pytestmark = pytest.mark.browser

NOTIFICATIONS = """
    window.shown = new Set();
    class Told {
      constructor(title, { body, tag }) {
        for (const other of shown) if (other.tag === tag) shown.delete(other);
        Object.assign(this, { text: `${title}: ${body}`, tag });
        shown.add(this);
      }
      close() { shown.delete(this); }
    }
    Told.permission = "granted";
    Told.requestPermission = async () => "granted";
    window.Notification = Told;
    Object.defineProperty(document, "hidden", { get: () => window.isAway ?? false });
    localStorage.setItem("trio-chat.notifications", "on");
"""

KEPT = """() => new Promise((resolve) => {
  const request = indexedDB.open("trio-chat");
  request.onsuccess = () => {
    const all = ["outbox", "cache"].map((store) => new Promise((done) => {
      const values = request.result.transaction(store).objectStore(store).getAll();
      values.onsuccess = () => done(values.result);
    }));
    const others = JSON.stringify({ ...localStorage, ...sessionStorage });
    Promise.all(all).then((values) => resolve(JSON.stringify(values) + others));
  };
})"""


HAS = """([place, text]) => {
  const element = document.querySelector(place);
  return (element.outerHTML + element.textContent).includes(text);
}"""

WHERE = """(text) => [...document.querySelectorAll("*")].filter((element) =>
  [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.includes(text))
    || [...element.attributes].some(({ value }) => value.includes(text)) || element.value?.includes?.(text),
).map((element) => element.outerHTML.slice(0, 300))
  .concat(document.body.textContent.includes(text) ? ["in pieces"] : [])"""


def is_nowhere(page: Page, text: str) -> None:
    """Wait until nothing on the page has this text: no element, no attribute, no field."""
    try:
        page.wait_for_function(f"(text) => ({WHERE})(text).length === 0", arg=text)
    except TimeoutError:
        raise AssertionError(page.evaluate(WHERE, text)) from None


def tidy(*pages: Page) -> None:
    """Close what is open, and take the toasts away, which would lie over what is pressed next."""
    for page in pages:
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open], #side:not([hidden])")).to_have_count(0)
        page.evaluate("() => document.querySelectorAll('.toast').forEach((toast) => toast.remove())")


def message(page: Page, text: str) -> Locator:
    """The message with this text."""
    return page.locator("#chat p").filter(has=page.locator(".text", has_text=text))


def does(page: Page, text: str, what: str) -> None:
    """Choose something from the menu of a message."""
    message(page, text).locator(".text").click(button="right")
    page.get_by_role("menuitem", name=what, exact=True).click()


def edit(page: Page, text: str, to: str) -> None:
    """Change one's message."""
    does(page, text, "Edit")
    page.fill("#msg", to)
    page.press("#msg", "Enter")


def delete(page: Page, text: str, *, whose: str = "everybody") -> None:
    """Delete a message."""
    does(page, text, "Delete")
    page.get_by_role("button", name=f"Delete for {'me' if whose == 'me' else 'everybody'}").click()


def answers(page: Page, text: str) -> str:
    """Answer it."""
    does(page, text, "Reply")
    return ".composer-bar"


def quotes(page: Page, text: str) -> str:
    """Answer it, and send that."""
    does(page, text, "Reply")
    page.fill("#msg", f"an answer {len(text)}")
    page.press("#msg", "Enter")
    expect(page.locator(".quoted").last).to_be_visible()
    return "#chat p:last-child .quoted"


def sees_it_pinned(page: Page, text: str) -> str:
    """Pin it."""
    does(page, text, "Pin for everybody")
    return ".pinned"


def lists_pins(page: Page, text: str) -> str:
    """Pin it, and open the list of what is pinned."""
    does(page, text, "Pin for everybody")
    page.click("#info")
    return "#side .info section:has(.message-entry)"


def stars(page: Page, text: str) -> str:
    """Star it, and open the list of what is starred."""
    does(page, text, "Star")
    page.click("#search")
    return "#side .hits"


def finds(page: Page, text: str) -> str:
    """Search for it."""
    page.click("#search")
    page.get_by_role("searchbox", name="Search in messages").fill("secret")
    return "#side .hits"


def has_a_row(_page: Page, _text: str) -> str:
    """Look at the list of rooms."""
    return '#rail-list a[data-room="lobby"]'


def opens_its_menu(page: Page, text: str) -> str:
    """Open what one can do with it."""
    message(page, text).locator(".text").click(button="right")
    expect(page.get_by_role("menu")).to_be_visible()
    return "dialog.menu-sheet"


def opens_its_info(page: Page, text: str) -> str:
    """Open what there is to know about it."""
    does(page, text, "Message info")
    return "dialog.message-info"


def forwards(page: Page, text: str) -> str:
    """Choose where to forward it."""
    does(page, text, "Forward")
    return "dialog.chooser"


def is_asked_whether_to_delete(page: Page, text: str) -> str:
    """Be asked whether it is to be deleted."""
    does(page, text, "Delete")
    return "dialog.small"


PLACES: tuple[Callable[[Page, str], str], ...] = (
    has_a_row,
    answers,
    quotes,
    sees_it_pinned,
    lists_pins,
    stars,
    finds,
    opens_its_menu,
    opens_its_info,
    forwards,
    is_asked_whether_to_delete,
)

WITHOUT_ITS_TEXT = (opens_its_menu, forwards, is_asked_whether_to_delete)


def test_each_place_outside_the_log_follows_an_edit_and_is_empty_after_deleting(
    ada: Person, bob: Person
) -> None:
    for number, opens in enumerate(PLACES):
        before, after = f"secret {number}", f"secret {number} changed"
        ada.say(before)
        expect(message(bob.page, before)).to_be_visible()
        where = opens(bob.page, before)
        place = bob.page.locator(where)
        expect(place).to_be_visible()
        edit(ada.page, before, after)
        expect(message(bob.page, after)).to_be_visible()
        if opens not in WITHOUT_ITS_TEXT:
            bob.page.wait_for_function(
                HAS,
                arg=[where, after],
            )
        delete(ada.page, after)
        if opens in (opens_its_info, *WITHOUT_ITS_TEXT):
            expect(place).to_have_count(0)
            expect(bob.page.locator(".toast")).to_contain_text("not there any more")
        expect(bob.page.locator("#chat")).not_to_contain_text(f"secret {number}")
        is_nowhere(bob.page, f"secret {number}")
        tidy(ada.page, bob.page)
    bob.page.wait_for_timeout(1_500)  # the cache is written once a second
    bob.page.wait_for_function(f"async () => !(await ({KEPT})()).includes('secret')")


def test_each_place_is_empty_when_the_message_is_hidden_or_its_author_blocked_in_another_tab(
    ada: Person, bob: Person
) -> None:
    other = bob.context.new_page()
    other.goto(bob.url)
    places = [one for one in PLACES if one is not has_a_row]
    for number, opens in enumerate(places):
        text = f"secret {number}"
        ada.say(text)
        expect(message(bob.page, text)).to_be_visible()
        place = bob.page.locator(opens(bob.page, text))
        delete(other, text, whose="me")
        if opens in (opens_its_info, *WITHOUT_ITS_TEXT):
            expect(place).to_have_count(0)
        is_nowhere(bob.page, text)
        tidy(other, bob.page)
    ada.say("secret of somebody")
    expect(message(bob.page, "secret of somebody")).to_be_visible()
    finds(bob.page, "secret of somebody")
    expect(bob.page.locator("#side .hits")).to_contain_text("secret of somebody")
    answers(bob.page, "secret of somebody")
    message(other, "secret of somebody").locator(".avatar").click()
    other.get_by_role("button", name="Block").click()
    other.get_by_role("dialog", name="Block Ada?").get_by_role("button", name="Block").click()
    is_nowhere(bob.page, "secret of somebody")
    expect(bob.page.locator(".composer-bar")).to_be_hidden()
    expect(bob.page.locator("#side .hits")).not_to_contain_text("secret")


def test_an_edit_that_is_begun_follows_another_tab_and_ends_when_its_message_is_deleted(ada: Person) -> None:
    ada.say("at five")
    other = ada.context.new_page()
    other.goto(ada.url)
    does(other, "at five", "Edit")
    edit(ada.page, "at five", "at six")
    expect(other.locator(".composer-bar")).to_contain_text("at six")
    expect(other.locator("#msg")).to_have_value("at six")
    delete(ada.page, "at six")
    expect(other.locator(".composer-bar")).to_be_hidden()
    expect(other.locator("#msg")).to_have_value("")
    ada.say("at seven")
    does(other, "at seven", "Edit")
    other.fill("#msg", "at eight, and bring cake")
    delete(ada.page, "at seven")
    expect(other.locator(".complaint")).to_contain_text("What you wrote is kept here")
    expect(other.locator("#msg")).to_have_value("at eight, and bring cake")


def test_what_is_forwarded_is_what_the_message_says_at_that_moment(ada: Person, bob: Person) -> None:
    ada.say("the code is 4711")
    does(bob.page, "the code is 4711", "Forward")
    edit(ada.page, "the code is 4711", "the code is 4712")
    expect(message(bob.page, "4712")).to_be_visible()
    bob.page.get_by_role("dialog").get_by_role("button", name="Lobby").click()
    ada.hears("the code is 4712", "the code is 4712")


def test_a_notification_follows_its_message_and_goes_when_that_was_deleted_or_read(
    ada: Person, bob: Person
) -> None:
    bob.page.add_init_script(NOTIFICATIONS)
    bob.open()
    bob.settings()
    bob.page.get_by_role("switch", name="Show notifications").check()
    bob.page.keyboard.press("Escape")

    def shows(*texts: str) -> None:
        bob.page.wait_for_function(
            "(texts) => JSON.stringify([...shown].map(({ text }) => text)) === JSON.stringify(texts)",
            arg=list(texts),
        )

    def is_away(value: bool) -> None:
        bob.page.evaluate(
            "(value) => { window.isAway = value; document.dispatchEvent(new Event('visibilitychange')); }",
            value,
        )

    is_away(True)
    ada.say("secret")
    shows("Ada in Lobby: secret")
    edit(ada.page, "secret", "no secret")
    shows("Ada in Lobby: no secret")
    ada.rename("Ada L")
    shows("Ada L in Lobby: no secret")
    ada.page.keyboard.press("Escape")
    delete(ada.page, "no secret")
    shows()
    ada.say("are you there?")
    shows("Ada L in Lobby: are you there?")
    is_away(False)
    shows()
