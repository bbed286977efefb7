"""Page: the chat in one tab of a browser, and what a person does with it."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable

    from selenium.webdriver.remote.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

PATIENCE_S = 30  # generous: machines that run tests are busy, and a success does not wait
POLL_S = 0.05

FIELD = "#msg, #editor"
"""Where a person writes: the editor while there are several lines."""

QUIET_FILE = "static/favicon.svg"
"""What the server has at its address that is no chat: a place to prepare one."""

# The next press opens the page in a window to which this one listens from the beginning: the page is of the same
# origin, so the window stays the same when it is loaded into it. A driver's scripts would come too late.
OPEN = """
  const [url, name] = arguments;
  if (name !== null) localStorage.setItem("trio-chat.name", name);
  window.faults ??= [];
  addEventListener("click", () => {
    const page = open(url, "_blank");
    let isLeft = false; // what is under way then fails
    page.addEventListener("beforeunload", () => (isLeft = true));
    const isHint = ({ target }) => target.rel === "modulepreload"; // may fail, as where tests end the server
    const note = (type, tell) =>
      page.addEventListener(type, (event) => isLeft || isHint(event) || faults.push(`${type}: ${tell(event)}`), true);
    note("error", (event) => event.message ?? event.target.outerHTML);
    note("unhandledrejection", (event) => event.reason?.stack ?? event.reason);
    note("securitypolicyviolation", (event) => `${event.violatedDirective} ${event.blockedURI}`);
    page.console.error = (...words) => faults.push(`console: ${words.join(" ")}`);
  }, { once: true });
"""

# The first that is seen with this name, as a screen reader would say it, in the topmost dialog.
NAMED = """
  const [css, name] = arguments;
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  const nameOf = (one) => (one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent).trim();
  const all = [...(dialog ?? document).querySelectorAll(css)];
  return all.find((one) => one.checkVisibility() && nameOf(one) === name) ?? null;
"""


class Page:
    """The chat in a tab of its own; its browser is a person's."""

    def __init__(self, browser: WebDriver, url: str, watcher: str, window: str) -> None:
        self.browser = browser
        self.url = url
        self._watcher = watcher
        self._window = window
        self.is_spent = False
        """After a right click WebKit's driver knows no other keys than those of small letters."""

    @classmethod
    def open(cls, browser: WebDriver, url: str, name: str | None = None) -> Page:
        """Open the chat as somebody whose browser remembers the name, and wait until one can talk."""
        browser.get(url + QUIET_FILE)
        watcher = browser.current_window_handle
        return cls._open_from(browser, url, watcher, name)

    @classmethod
    def _open_from(cls, browser: WebDriver, url: str, watcher: str, name: str | None) -> Page:
        before = set(browser.window_handles)
        browser.execute_script(OPEN, url, name)
        browser.find_element(By.CSS_SELECTOR, "svg").click()
        wait = WebDriverWait(browser, PATIENCE_S, POLL_S)
        (window,) = wait.until(lambda browser: set(browser.window_handles) - before)
        page = cls(browser, url, watcher, window)
        page.is_online()
        return page

    def another(self) -> Page:
        """The chat in a second tab of the same browser."""
        self.browser.switch_to.window(self._watcher)
        return self._open_from(self.browser, self.url, self._watcher, None)

    def faults(self) -> list[str]:
        """What went wrong in the pages of this browser: errors, what its policy forbade, what the console was told."""
        self.browser.switch_to.window(self._watcher)
        faults: list[str] = self.browser.execute_script("return faults")
        return faults

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the script returns
        """Run a script in the page, and return its value."""
        self.browser.switch_to.window(self._window)
        return self.browser.execute_script(script, *arguments)

    def wait(self, what: str, condition: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it becomes
        """Wait until it becomes true, and return that."""
        wait = WebDriverWait(
            self.browser, PATIENCE_S, POLL_S, ignored_exceptions=[StaleElementReferenceException]
        )
        try:
            return wait.until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"{what}: not so after {PATIENCE_S} s") from None

    def equals(self, expected: object, script: str, *arguments: object) -> None:
        """Wait until the script returns this."""
        last: list[object] = [None]

        def is_so() -> bool:
            last[0] = self.run(script, *arguments)
            return last[0] == expected

        try:
            self.wait("", is_so)
        except AssertionError:
            assert last[0] == expected, f"after {PATIENCE_S} s {script} still returns {last[0]!r}"

    def seen(self, css: str) -> WebElement:
        """Wait until it can be seen."""
        self.browser.switch_to.window(self._window)

        def find() -> WebElement | None:
            return next(
                (one for one in self.browser.find_elements(By.CSS_SELECTOR, css) if one.is_displayed()), None
            )

        element: WebElement = self.wait(f"{css} is seen", find)
        return element

    def gone(self, css: str) -> None:
        """Wait until nothing of this kind can be seen."""
        self.equals(
            0,
            "return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility()).length",
            css,
        )

    def named(self, css: str, name: str) -> WebElement:
        """Wait until something of this kind with this name can be seen."""
        element: WebElement = self.wait(f"{css} “{name}” is seen", lambda: self.run(NAMED, css, name))
        return element

    def click(self, css: str) -> None:
        """Press it with the mouse, once it can be seen."""
        self.seen(css).click()

    def choose(self, name: str, css: str = "[role^=menuitem]") -> None:
        """Press what has this name with the mouse, in a menu that is open, say."""
        self.named(css, name).click()

    def press_at(self, x: int, y: int) -> None:
        """Press this point of the page with the mouse."""
        self.browser.switch_to.window(self._window)
        actions = ActionBuilder(self.browser)
        actions.pointer_action.move_to_location(x, y).click()  # type: ignore[no-untyped-call]
        actions.perform()

    def press(self, *keys: str) -> None:
        """Press keys one after the other where the focus is: ``Shift+Tab``, ``Enter``, ``a``."""
        self.browser.switch_to.window(self._window)
        actions = ActionChains(self.browser, duration=0)
        for combination in keys:
            *modifiers, key = map(key_named, combination.split("+"))
            for modifier in modifiers:
                actions.key_down(modifier)
            actions.send_keys(key)
            for modifier in modifiers:
                actions.key_up(modifier)
        actions.perform()

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self.browser.switch_to.window(self._window)
        actions = ActionChains(self.browser, duration=0)
        # After a right click WebKit's driver writes capitals only with Shift, as hands do.
        for capital, letters in groupby(text, str.isupper):
            if capital:
                actions.key_down(Keys.SHIFT)
            actions.send_keys("".join(letters))
            if capital:
                actions.key_up(Keys.SHIFT)
        actions.perform()

    def is_online(self) -> None:
        """Wait until the page says that it is connected, and all its parts are there."""
        self.equals("Online", "return document.querySelector('#status')?.textContent")
        self.equals(False, "return document.querySelector('#me').disabled")

    def load(self) -> None:
        """Go to the chat's address, where the browser shows something else."""
        self.browser.switch_to.window(self._window)
        self.browser.get(self.url)
        self.is_online()

    def reload(self) -> None:
        """Load the page anew."""
        self.browser.switch_to.window(self._window)
        self.browser.refresh()
        self.is_online()

    def back(self) -> None:
        """The browser's "back"."""
        self.browser.switch_to.window(self._window)
        self.browser.back()

    def say(self, *texts: str) -> None:
        """Type and press Enter, for each text."""
        for text in texts:
            self.click(FIELD)
            self.type(text)
            self.press("Enter")

    def texts(self) -> list[str]:
        """The texts that the page shows now."""
        texts: list[str] = self.run(
            "return [...document.querySelectorAll('#chat p .text')].map((one) => one.textContent)"
        )
        return texts

    def hears(self, *texts: str) -> None:
        """Wait until the page shows exactly these texts, in this order, all of them logged."""
        self.equals(
            [list(texts), 0],
            """return [
                [...document.querySelectorAll("#chat p .text")].map((one) => one.textContent),
                document.querySelectorAll('#chat p[data-status="waiting"]').length,
            ]""",
        )

    def message(self, text: str) -> WebElement:
        """Wait until there is a message with this text."""
        script = """return [...document.querySelectorAll("#chat p")].find(
            (one) => one.querySelector(".text").textContent === arguments[0]) ?? null"""
        element: WebElement = self.wait(f"“{text}” is there", lambda: self.run(script, text))
        return element

    def menu(self, text: str) -> None:
        """Open the menu of a message with the other button of the mouse."""
        self.is_spent = True
        words = self.message(text).find_element(By.CSS_SELECTOR, ".text")
        ActionChains(self.browser, duration=0).context_click(words).perform()
        self.seen("dialog [role=menu]")

    def focus_is_on(self, css: str) -> None:
        """Wait until the focus is there."""
        self.equals(True, "return document.activeElement.matches(arguments[0])", css)


def key_named(name: str) -> str:
    """What WebDriver calls a key: ``ArrowUp``, ``Shift``, ``a``."""
    if len(name) == 1:
        return name
    key: str = getattr(Keys, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper())
    return key
