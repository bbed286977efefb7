"""The built distributions: ``python -m tests.built DIST`` installs the wheel that is there and talks to its server.

The page must be in the wheel and in the source distribution. The wheel is installed into an empty environment, and its
server is started in another folder, by a user who is not root and can write into that folder only. It must serve the
page, health and a plain WebSocket, and stop politely. `echo` runs inside that environment.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

NOBODY = 65534
"""The user and group of the one who owns nothing, if root runs this."""

PATIENCE_S = 60.0

EXPECTED = ("LICENSE", "trio_chat/py.typed")
"""What both must have beside the page, at the end of a name."""


def lacking(names: list[str], page: str) -> list[str]:
    """What a distribution with these files lacks; its page is in the folder ``page``."""
    files = (path.relative_to(ROOT / "static") for path in (ROOT / "static").rglob("*") if path.is_file())
    expected = [f"{page}/{file.as_posix()}" for file in files] + list(EXPECTED)
    return [file for file in expected if not any(name.endswith(f"/{file}") for name in names)]


def find(dist: Path, pattern: str) -> Path:
    """The one file in ``dist`` with such a name."""
    (found,) = dist.glob(pattern)
    return found


def check_files(dist: Path) -> None:
    """Exit with a sentence if the page or the licence is not in one of the distributions."""
    with zipfile.ZipFile(find(dist, "*.whl")) as wheel:
        in_wheel = lacking([f"/{name}" for name in wheel.namelist()], "trio_chat/static")
    with tarfile.open(find(dist, "*.tar.gz")) as source:
        in_source = lacking(source.getnames(), "static")
    if in_wheel or in_source:
        sys.exit(f"not in the wheel: {in_wheel}; not in the source distribution: {in_source}")


def check_metadata(dist: Path) -> None:
    """Exit with a sentence if package indexes would show links that lead nowhere, or there is no command."""
    with zipfile.ZipFile(find(dist, "*.whl")) as wheel:
        texts = {
            Path(name).name: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name
        }
    broken = re.findall(r"\]\((?!https?:)[^)]*\)", texts["METADATA"])
    if broken or "trio-chat = trio_chat.__main__:main" not in texts["entry_points.txt"]:
        sys.exit(f"links of METADATA that lead nowhere: {broken}; commands: {texts.get('entry_points.txt')}")


def prefix_of_nobody() -> list[str]:
    """What to put before a command so that its user is not root, if that is not so already."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        print("NOT TESTED: that root is not needed, as there is no setpriv on this machine")
        return []
    return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """The server, started in a folder with nothing in its environment that could help it."""
    environment = {"PATH": os.defpath, "HOME": str(folder), "PYTHONWARNINGS": "error"}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def read(url: str) -> bytes:
    """The body of an answer with status 200."""
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        body: bytes = answer.read()
    return body


def check_server(python: Path, folder: Path) -> None:
    """Start it, talk to it, stop it; raises `AssertionError` where it is not as it should be."""
    prefix = prefix_of_nobody()
    # The interpreter itself may stand where only root can read it.
    if prefix and subprocess.run([*prefix, str(python), "-c", ""], cwd=folder).returncode:
        print(f"NOT TESTED: that root is not needed, as only root can run {python.resolve()}")
        prefix = []
    program = [str(python.with_name("trio-chat")), "--host=127.0.0.1", "--port=0"]
    process = start([*prefix, *program], folder)
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        found = re.search(r"ready at http://127\.0\.0\.1:(\d+)$", ready)
        assert found, f"it did not say that it is ready: {ready!r}"
        url = f"http://127.0.0.1:{found[1]}"
        page = read(f"{url}/").decode()
        assert page.startswith("<!doctype html>")
        module = re.search(r'<script type="module" src="([^"]+)"', page)
        assert module, "the page has no module"
        assert read(f"{url}/{module[1]}")
        assert read(f"{url}/healthz")
        subprocess.run([str(python), "-I", __file__, "echo", found[1]], cwd=folder, check=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, f"its exit code is {process.returncode}"
    finally:
        process.kill()
        process.wait()
    owner = (folder / "trio-chat-data" / "chat.db").stat().st_uid
    print(f"{ready.strip()}: the page, health and an echo, run by user {owner}; stopped with 0")


def check(dist: Path) -> None:
    """All of it."""
    check_files(dist)
    check_metadata(dist)
    with tempfile.TemporaryDirectory(prefix="trio-chat-built-") as name:
        home = Path(name)
        home.chmod(0o755)
        venv.create(home / "venv", with_pip=True)
        python = home / "venv" / "bin" / "python"
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", str(find(dist, "*.whl").resolve())],
            check=True,
            cwd=home,
        )
        folder = home / "elsewhere"
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        check_server(python, folder)


async def echo(port: int) -> None:
    """Say something over a plain WebSocket, and hear it; in the environment that has nothing but the wheel."""
    import trio
    from trio_websocket import open_websocket_url

    with trio.fail_after(PATIENCE_S):
        async with open_websocket_url(f"ws://127.0.0.1:{port}") as socket:
            await socket.send_message("hello from elsewhere")
            assert await socket.get_message() == "hello from elsewhere"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["echo", port]:
            import trio

            trio.run(echo, int(port))
        case [dist]:
            check(Path(dist))
        case _:
            sys.exit(__doc__)
