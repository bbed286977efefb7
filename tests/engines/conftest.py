"""Fixtures: a real server, and people, each with a browser of the engine that is tried."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.page_server import UNHURRIED, Server, open_server

from .engine import ENGINES, Engine
from .page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver.remote.webdriver import WebDriver


class Browsers:
    """The browsers of a run. They are used again: each server has a port, and so an origin, of its own."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started = 0
        self._running = ExitStack()
        self._free: dict[tuple[Engine, bool], list[WebDriver]] = {}

    def take(self, engine: Engine, *, is_dark: bool) -> WebDriver:
        """One that nobody has, with one empty window."""
        free = self._free.setdefault((engine, is_dark), [])
        if free:
            return free.pop()
        self._started += 1
        log = self._logs / f"{engine.name}-{self._started}.log"
        browser = engine.start(log, is_dark=is_dark)
        self._running.callback(browser.quit)  # which does no harm to one that has ended
        return browser

    def give_back(self, browser: WebDriver, page: Page | None, engine: Engine, *, is_dark: bool) -> None:
        """Close all its windows but one, for the next one who takes it; end it if it is of no use any more."""
        if page is None or page.is_spent:
            browser.quit()
            return
        first, *others = browser.window_handles
        for window in others:
            browser.switch_to.window(window)
            browser.close()
        browser.switch_to.window(first)
        browser.get("about:blank")
        self._free[engine, is_dark].append(browser)

    def close(self) -> None:
        """End all of them."""
        self._running.close()


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """The browsers of this run."""
    browsers = Browsers(tmp_path_factory.mktemp("drivers"))
    yield browsers
    browsers.close()


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name, scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    engine: Engine = request.param
    return engine


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server with a data directory of its own."""
    with open_server(tmp_path, *UNHURRIED) as server:
        yield server


@pytest.fixture
def open_page(browsers: Browsers, engine: Engine, server: Server) -> Iterator[Callable[..., Page]]:
    """A function that opens the chat for one more person; at the end no page may have complained of anything."""
    with ExitStack() as given_back:
        pages: list[Page] = []

        def open_one(name: str, *, is_dark: bool = False) -> Page:
            browser = browsers.take(engine, is_dark=is_dark)
            page = None
            given_back.callback(lambda: browsers.give_back(browser, page, engine, is_dark=is_dark))
            page = Page.open(browser, server.url, name)
            pages.append(page)
            return page

        yield open_one
        assert [fault for page in pages for fault in page.faults()] == []


@pytest.fixture
def ada(open_page: Callable[..., Page]) -> Page:
    """A person, Ada."""
    return open_page("Ada")


@pytest.fixture
def bob(open_page: Callable[..., Page]) -> Page:
    """Another person, Bob."""
    return open_page("Bob")
