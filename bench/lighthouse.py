"""Measures the page on a slow phone: `python -m bench.lighthouse`, or `nox -s lighthouse`.

Lighthouse with its defaults for phones, and the time at which the first message is there, which Lighthouse does not
know, for somebody who comes for the first time and for somebody who comes back.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import trio
from playwright.sync_api import sync_playwright

from trio_chat.client import open_chat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext

ROUND_TRIP_MS, DOWN_KBIT, UP_KBIT, CPU_SLOWDOWN = 150, 1638.4, 675, 4
"""Lighthouse's phone: "slow 4G", and a processor of so much less than this machine's."""

MESSAGES = 60
PATIENCE_MS = 60_000

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

WATCH = """
new MutationObserver((_, observer) => {
  if (document.querySelector("#chat p")) {
    window.firstMessageMs = performance.now();
    observer.disconnect();
  }
}).observe(document, { childList: true, subtree: true });
"""


@contextmanager
def open_process(*arguments: str) -> Iterator[str]:
    """A program of ours, as long as the block lasts; gives the line that says where it listens."""
    with subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()


async def _talk(port: int) -> None:
    async with open_chat(f"ws://127.0.0.1:{port}", name="Ada") as chat:
        for number in range(MESSAGES):
            await chat.send(
                "lobby", f"Message {number}, of about the length that people write. " + "la " * (number % 9)
            )


@contextmanager
def open_server(data: str) -> Iterator[int]:
    """A server with some messages in it; gives its port."""
    options = ("--host=127.0.0.1", "--port=0", "--messages-per-second=0", f"--data={data}")
    with open_process("trio_chat", *options) as line:
        found = re.search(r"http://\S+?:(\d+)", line)
        if found is None:
            raise click.ClickException(f"the server did not start: {line!r}")
        trio.run(_talk, int(found[1]))
        yield int(found[1])


def run_lighthouse(program: str, chromium: str, url: str) -> dict[str, Any]:
    """Lighthouse's report on the page, as its phone sees it."""
    command = [program, url, "--quiet", "--output=json", "--output-path=stdout"]
    flags = f"--chrome-flags={' '.join(FLAGS)}"
    done = subprocess.run(
        [*command, flags], env=os.environ | {"CHROME_PATH": chromium}, stdout=subprocess.PIPE, check=True
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def summarise(report: dict[str, Any]) -> dict[str, float]:
    """The numbers of a report that are looked at."""
    audits = report["audits"]
    requests = audits["network-requests"]["details"]["items"]
    scripts = [item for item in requests if item["resourceType"] == "Script"]
    scores = {f"{name} score": round(100 * part["score"]) for name, part in report["categories"].items()}
    times = {
        name: round(audits[name]["numericValue"])
        for name in (
            "first-contentful-paint",
            "largest-contentful-paint",
            "total-blocking-time",
            "speed-index",
        )
    }
    return (
        scores
        | times
        | {
            "requests": len(requests),
            "script requests": len(scripts),
            "script bytes on the wire": sum(item["transferSize"] for item in scripts),
            "script bytes": sum(item["resourceSize"] for item in scripts),
            "all bytes on the wire": sum(item["transferSize"] for item in requests),
        }
    )


def first_message_ms(context: BrowserContext, url: str, *, emulated: bool) -> float:
    """When the first message is on the page, from the moment at which it was asked for."""
    page = context.new_page()
    try:
        devtools = context.new_cdp_session(page)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
        if emulated:
            devtools.send(
                "Network.emulateNetworkConditions",
                {
                    "offline": False,
                    "latency": ROUND_TRIP_MS,
                    "downloadThroughput": DOWN_KBIT * 125,
                    "uploadThroughput": UP_KBIT * 125,
                },
            )
        page.goto(url, wait_until="commit", timeout=PATIENCE_MS)
        page.wait_for_selector("#chat p", state="attached", timeout=PATIENCE_MS)
        milliseconds: float = page.evaluate("() => window.firstMessageMs")
        return milliseconds
    finally:
        page.close()


def visit(browser: Browser, url: str, *, emulated: bool) -> tuple[float, float]:
    """The first message's time in a browser that was never here, and in the same when it comes back."""
    context = browser.new_context(
        viewport={"width": 412, "height": 823}, device_scale_factor=1.75, is_mobile=True, has_touch=True
    )
    try:
        context.add_init_script(WATCH)
        first = first_message_ms(context, url, emulated=emulated)
        return first, first_message_ms(context, url, emulated=emulated)
    finally:
        context.close()


def measure_first_message(chromium: str, port: int, rounds: int) -> dict[str, float]:
    """Medians, in milliseconds."""
    figures: dict[str, float] = {}
    link = map(str, (port, ROUND_TRIP_MS, DOWN_KBIT, UP_KBIT))
    with sync_playwright() as playwright, open_process("bench.slow_link", *link) as slow_port:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for how, to, emulated in (
            ("over a slow link", int(slow_port), False),
            ("as the browser emulates one", port, True),
        ):
            visits = [visit(browser, f"http://127.0.0.1:{to}/", emulated=emulated) for _ in range(rounds)]
            for who, times in zip(("first visit", "visit again"), zip(*visits, strict=True), strict=True):
                figures[f"first message, {who}, {how}"] = round(statistics.median(times))
        browser.close()
    return figures


@click.command()
@click.option("--lighthouse", default="lighthouse", help="Lighthouse's program; empty: do without it.")
@click.option("--chromium", default="/usr/bin/chromium", help="The browser's program.")
@click.option("--rounds", default=5, help="How often each visit is measured.")
@click.option("--report", type=click.Path(path_type=Path), help="Where to write Lighthouse's whole report.")
def main(lighthouse: str, chromium: str, rounds: int, report: Path | None) -> None:
    """Measure the page on a slow phone; times are in milliseconds."""
    with tempfile.TemporaryDirectory() as data, open_server(data) as port:
        figures = measure_first_message(chromium, port, rounds)
        if lighthouse:
            found = run_lighthouse(lighthouse, chromium, f"http://127.0.0.1:{port}/")
            figures |= summarise(found)
            if report is not None:
                report.write_text(json.dumps(found))
    for name, value in figures.items():
        print(f"{value:8.0f}  {name}")


if __name__ == "__main__":
    main()
