"""Engines: browsers other than Chromium, and how each is started with its driver.

Both speak WebDriver, and Selenium speaks it to both. Playwright has builds of its own of these two, which are neither
what people have nor in a distribution.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import attrs
import pytest
from selenium import webdriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from selenium.webdriver.remote.webdriver import WebDriver

PAGE_LOAD_TIMEOUT_S = 60
SCRIPT_TIMEOUT_S = 60


@attrs.frozen
class Engine:
    """A browser and its driver, by the environment variables that name their programs."""

    name: str
    browser: str
    driver: str
    _start: Callable[[str, str, str, bool], WebDriver]

    def start(self, log: Path, *, is_dark: bool) -> WebDriver:
        """Start the browser, in a dark or a light system; skips the test where it cannot be had."""
        browser, driver = os.environ.get(self.browser), os.environ.get(self.driver)
        if not browser or not driver:
            pytest.skip(f"NOT TESTED: {self.name}, as {self.browser} or {self.driver} names no program")
        started = self._start(browser, driver, str(log), is_dark)
        started.set_page_load_timeout(PAGE_LOAD_TIMEOUT_S)
        started.set_script_timeout(SCRIPT_TIMEOUT_S)
        return started


def start_firefox(browser: str, driver: str, log: str, is_dark: bool) -> WebDriver:
    """Firefox, headless: it says of itself that it has no mouse."""
    options = webdriver.FirefoxOptions()
    options.binary_location = browser
    options.add_argument("-headless")
    options.set_preference("layout.css.prefers-color-scheme.content-override", 0 if is_dark else 1)
    options.set_preference("widget.gtk.overlay-scrollbars.enabled", False)  # they can be seen at all times
    options.set_preference("media.cubeb.force_mock_device", True)  # machines that run tests make no sound
    return webdriver.Firefox(options=options, service=webdriver.FirefoxService(driver, log_output=log))


def start_webkit(browser: str, driver: str, log: str, is_dark: bool) -> WebDriver:
    """WebKitGTK's MiniBrowser; it needs a display."""
    options = webdriver.WebKitGTKOptions()
    options.binary_location = browser
    for argument in ["--automation", *(["--dark-mode"] if is_dark else [])]:
        options.add_argument(argument)
    # Without a graphics card its pictures are made by the processor, and this way takes half of its time.
    environment = os.environ | {"WEBKIT_DISABLE_COMPOSITING_MODE": "1"}
    service = webdriver.WebKitGTKService(driver, log_output=log, env=environment)
    with warnings.catch_warnings():
        # Selenium's own class for it calls Selenium in a way that is to go.
        warnings.filterwarnings("ignore", "setting remote_server_addr", DeprecationWarning)
        return webdriver.WebKitGTK(options=options, service=service)


ENGINES = (
    Engine("Firefox", "TRIO_CHAT_FIREFOX", "TRIO_CHAT_GECKODRIVER", start_firefox),
    Engine("WebKit", "TRIO_CHAT_MINIBROWSER", "TRIO_CHAT_WEBKITDRIVER", start_webkit),
)
