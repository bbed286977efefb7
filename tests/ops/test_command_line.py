"""The command line as people meet it: help that can be read, output that cannot be written, and how far it is."""

# ruff: noqa: ASYNC240  # nothing else runs while these look at files

from __future__ import annotations

import os
import pty
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from tests.support.damage import small_log
from tests.support.forks import ROOT, environment
from tests.support.process import PATIENCE_S, command
from trio_chat.__main__ import main
from trio_chat.config.config import SECTIONS, SETTINGS
from trio_chat.ops.progress import LINE_EACH_S, showing


def help_of(*arguments: str) -> str:
    return CliRunner(env={}).invoke(main, arguments, prog_name="trio-chat").output


async def run_in_shell(line: str) -> tuple[int, str]:
    """The exit code of a command line, and what it says on stderr."""
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            ["bash", "-c", line],
            capture_stderr=True,
            check=False,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
    return done.returncode, done.stderr.decode()


def test_the_help_fits_on_two_screens_and_begins_with_what_is_needed_most() -> None:
    shown = help_of("--help")
    assert len(shown.splitlines()) < 80
    assert shown.startswith("Usage: trio-chat [OPTIONS] COMMAND [ARGS]...\n") or "Usage: trio-chat " in shown
    assert shown.index("--port N") < shown.index("--public-url URL") < shown.index("--outbox-bytes")
    assert "..." not in shown.partition("Commands:")[2].partition("More options")[0]


def test_the_whole_help_explains_every_setting_in_its_section() -> None:
    shown = help_of("--help-all")
    assert all(f"\n{title}:\n" in shown for title in SECTIONS)
    assert sum(map(len, SECTIONS.values())) == len(SETTINGS)
    together = "".join(shown.split())
    for setting in SETTINGS:
        assert "".join(setting.help.split()) in together


@pytest.mark.parametrize("arguments", ["--help", "--version", "verify --help", "verify", "audit", "backup -"])
async def test_output_that_cannot_be_written_is_one_sentence(arguments: str, tmp_path: Path) -> None:
    await small_log(tmp_path / "chat.db")
    line = shlex.join(command("--data", tmp_path, *arguments.split()))
    status, told = await run_in_shell(f"{line} > /dev/full")
    if arguments != "audit":  # it has nothing to say
        assert (status, told) == (1, "trio-chat: The output cannot be written: No space left on device.\n")
    _, told = await run_in_shell(f"set -o pipefail; {line} | true")
    assert "Traceback" not in told
    assert "Exception ignored" not in told


async def test_a_backup_to_stdout_is_the_log(tmp_path: Path) -> None:
    await small_log(tmp_path / "chat.db")
    backup = shlex.join(command("backup", "-", "--data", tmp_path))
    copy = tmp_path / "copy.db"
    status, told = await run_in_shell(f"{backup} > {copy} && {shlex.join(command('verify', copy))} >&2")
    assert status == 0
    assert told.startswith("7 events are in the copy.\n")
    assert told.endswith("The log is whole: 7 events, rooms: 2.\n")


async def test_in_a_terminal_there_is_a_bar_and_the_findings_stand_on_lines_of_their_own(
    tmp_path: Path,
) -> None:
    await small_log(tmp_path / "chat.db")
    ours, theirs = pty.openpty()
    with trio.fail_after(PATIENCE_S):
        await trio.run_process(
            command("verify", "--data", tmp_path), stdout=theirs, stderr=theirs, env=environment()
        )
    with open(theirs, "wb"), open(ours, "rb", buffering=0) as terminal:  # noqa: ASYNC230
        shown = terminal.read(4000).decode()
    assert "verify  [" in shown
    assert "\r\x1b[Kroom 'lobby': 5 events, all whole\r\n" in shown


@pytest.mark.parametrize(
    "arguments", ["verify", "backup copy.db", "audit", "owner-link", "person release Ada", "epoch --new"]
)
def test_a_log_that_may_not_be_read_or_is_none_is_one_sentence(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder" / "chat.db").mkdir(parents=True)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "chat.db").write_text("my diary " * 1000)
    for data, words in (
        ("nowhere", "There is no log at nowhere/chat.db."),
        ("text/chat.db", "There is no log at text/chat.db/chat.db."),
        ("folder", "folder/chat.db is no file."),
        ("text", "text/chat.db is not a database."),
        ("~nobody-has-this-name/chat", "cannot be found; write the path out."),
    ):
        result = CliRunner(env={}).invoke(main, [*arguments.split(), "--data", data], prog_name="trio-chat")
        assert (result.exit_code, words in result.stderr, result.stderr.count("\n")) == (1, True, 1), (
            result.stderr
        )
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv")
async def test_who_may_not_read_it_is_told_so() -> None:
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    if subprocess.run([*nobody.split(), sys.executable, "-c", ""], capture_output=True).returncode:  # noqa: ASYNC221
        pytest.skip("only root can run this Python")
    with tempfile.TemporaryDirectory(prefix="trio-chat-") as name:  # pytest's own are root's alone
        home = Path(name)
        await small_log(home / "data" / "chat.db")
        home.chmod(0o755)
        (home / "data").chmod(0o700)
        for arguments in ("verify", f"verify {home / 'data' / 'chat.db'}", "owner-link", "backup nothing.db"):
            line = shlex.join(command(*arguments.split(), "--data", home / "data"))
            status, told = await run_in_shell(f"cd {ROOT} && {nobody} {line}")
            why = f"trio-chat: {home / 'data' / 'chat.db'} cannot be read: Permission denied.\n"
            assert (status, told) == (1, why)


def test_elsewhere_there_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with showing("verify", "events", clock=lambda: now) as progress:
        for done in range(5):
            progress.report(done * 1000, 5_000_000)
            now += LINE_EACH_S / 2
        progress.say("done")
    shown = capsys.readouterr()
    assert shown.err == "verify: 2,000 of 5,000,000 events\nverify: 4,000 of 5,000,000 events\n"
    assert shown.out == "done\n"
