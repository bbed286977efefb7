"""Starting the server: it says where it is when it is there, or in one sentence why it cannot be."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.forks import environment
from tests.support.process import NAME, PATIENCE_S, Finished, command, open_process, run_server
from tests.support.raw import open_peer, upgrade
from tests.support.tls import make_authority, open_tls
from trio_chat import __version__
from trio_chat.ops.stores import DATABASE

if TYPE_CHECKING:
    from pathlib import Path


def said_why(finished: Finished) -> str:
    """The sentence on stderr of a server that could not start."""
    assert finished.status == 1, finished
    assert finished.stdout == ""
    (line,) = finished.stderr.splitlines()
    assert line.startswith("trio-chat: ")
    assert line.endswith(".")
    return line


async def test_a_client_can_connect_once_the_ready_line_is_written(tmp_path: Path) -> None:
    async with open_process(tmp_path / "made" / "for" / "it") as server:
        assert server.ready_line == f"trio-chat {__version__} is ready at http://127.0.0.1:{server.port}"
        async with open_peer(server.port) as peer:
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"


async def test_the_ready_line_says_the_public_url(tmp_path: Path) -> None:
    async with open_process(tmp_path, "--public-url", "https://chat.example") as server:
        here = f"http://127.0.0.1:{server.port}"
        assert server.ready_line.endswith(f" is ready at https://chat.example/ (on this machine: {here})")
        server.signal(signal.SIGTERM)
        said = (await server.wait()).stderr
        assert "plain access is off, as there is a public URL; --plain switches it on" in said
        assert "the server's mode is probation: new people write slowly" in said


async def test_a_server_with_a_certificate_speaks_tls_and_reads_it_again_at_sighup(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    files = ("--tls-certificate", str(authority.certificate), "--tls-key", str(authority.key))
    async with open_process(tmp_path / "data", *files) as server:
        assert server.ready_line.endswith(f" is ready at https://127.0.0.1:{server.port}")
        context = authority.client_context()
        async with open_tls(server.port, context) as (peer, stream):
            first = stream.getpeercert()["serialNumber"]
            authority.renew()
            server.signal(signal.SIGHUP)
            serial = first
            with trio.fail_after(PATIENCE_S):
                while serial == first:
                    async with open_tls(server.port, context) as (_, stream):
                        serial = stream.getpeercert()["serialNumber"]
            await peer.send(upgrade())
            assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")
        server.signal(signal.SIGTERM)
        finished = await server.wait()
        assert finished.status == 0
        assert f"the certificate was read again from {authority.certificate}" in finished.stderr


async def test_files_that_are_no_certificate_are_reported_in_one_sentence(tmp_path: Path) -> None:
    where = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path)
    assert "--tls-key" in said_why(await run_server(*where, "--tls-certificate", tmp_path / "nothing.pem"))
    finished = await run_server(*where, "--tls-key", tmp_path / "nothing.pem")
    assert finished.status == 2
    assert "--tls-certificate" in finished.stderr


async def test_a_port_in_use_is_reported_in_one_sentence_and_nothing_is_changed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        why = said_why(await run_server("--host", "127.0.0.1", "--port", port, "--data", tmp_path / "data"))
    assert f"Cannot listen on port {port} of 127.0.0.1" in why
    assert "--port" in why
    assert not (tmp_path / "data").exists()


async def test_a_foreign_host_is_reported_in_one_sentence(tmp_path: Path) -> None:
    why = said_why(await run_server("--host", "192.0.2.1", "--port", "0", "--data", tmp_path))
    assert "192.0.2.1" in why


async def test_the_advice_fits_the_reason_why_it_cannot_listen(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        why = said_why(await run_server("--host", host, "--port", "0", "--data", tmp_path))
        assert f"of {host}: " in why
        assert why.endswith(". Give an address of this machine with --host, or leave it out for all.")


@pytest.mark.parametrize("host", ["::", "[::]"])
async def test_all_interfaces_are_those_of_both_families(host: str, tmp_path: Path) -> None:
    async with open_process(tmp_path, "--host", host, ready=r"ready at http://localhost:(\d+)") as server:
        for address in ("127.0.0.1", "::1"):
            with trio.fail_after(PATIENCE_S):
                async with await trio.open_tcp_stream(address, server.port):
                    pass


async def test_variables_of_orchestrators_are_noted_and_the_server_starts(tmp_path: Path) -> None:
    variables = {"TRIO_CHAT_PORT": "tcp://10.0.0.1:8080", "TRIO_CHAT_SERVICE_HOST": "10.0.0.1"}
    async with open_process(tmp_path, variables=variables) as server:
        server.signal(signal.SIGTERM)
        finished = await server.wait()
    assert finished.status == 0
    assert (
        "not settings, but of a service with this name: TRIO_CHAT_PORT, TRIO_CHAT_SERVICE_HOST"
        in finished.stderr
    )


async def test_a_stdout_that_cannot_be_written_does_not_stop_the_server(tmp_path: Path) -> None:
    started = shlex.join(command("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data", *NAME))
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                ["sh", "-c", f"exec {started} > /dev/full"],
                stderr=subprocess.PIPE,
                check=False,
                env=environment(),
            )
        )
        assert process.stderr is not None
        told = b""
        with trio.fail_after(PATIENCE_S):
            while (found := re.search(rb"is ready at http://127\.0\.0\.1:(\d+)", told)) is None:
                told += await process.stderr.receive_some()
            async with open_peer(int(found[1])) as peer:
                await peer.send_text("hello")
                assert await peer.receive_text() == "hello"
            process.send_signal(signal.SIGTERM)
            async for more in process.stderr:
                told += more
            assert await process.wait() == 0
    assert b"stdout cannot be written (No space left on device): trio-chat" in told
    assert b"Traceback" not in told
    assert b"#own=" not in told


async def test_sighup_without_a_certificate_changes_nothing(tmp_path: Path) -> None:
    async with open_process(tmp_path) as server, open_peer(server.port) as peer:
        server.signal(signal.SIGHUP)
        await peer.send_text("still here")
        assert await peer.receive_text() == "still here"
        await peer.stream.aclose()
        server.signal(signal.SIGTERM)
        finished = await server.wait()
    assert finished.status == 0
    assert "SIGHUP: there is nothing to read again, as there is no certificate" in finished.stderr


IN_A_TERMINAL = """
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), 2)
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
while b"ready at" not in os.read(terminal, 1000):
    pass
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Starts a program in a terminal of its own, and closes that once the program says that it is ready."""


async def test_a_server_ends_politely_with_the_terminal_that_it_was_started_from(tmp_path: Path) -> None:
    log = tmp_path / "log"
    started = command("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data")[1:]
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            [sys.executable, "-c", IN_A_TERMINAL, str(log), *started], check=False, env=environment()
        )
    assert (done.returncode, "SIGHUP: stopping" in log.read_text()) == (0, True), log.read_text()


@pytest.mark.parametrize("place", ["file", "file/inside"])
async def test_an_impossible_data_directory_is_reported_in_one_sentence(place: str, tmp_path: Path) -> None:
    """Root may write everywhere but where there can be no directory."""
    (tmp_path / "file").write_text("I was here first.")
    why = said_why(await run_server("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / place))
    assert str(tmp_path / place) in why
    assert (tmp_path / "file").read_text() == "I was here first."


async def test_a_file_that_is_no_database_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"This is no database. " * 1000)
    assert DATABASE in said_why(await run_server("--host", "127.0.0.1", "--port", "0", "--data", tmp_path))


async def test_a_database_of_a_newer_version_is_reported_in_one_sentence(tmp_path: Path) -> None:
    async with open_process(tmp_path) as server:
        await server.kill()
    with sqlite3.connect(f"file:{tmp_path / DATABASE}", uri=True) as database:
        database.execute("PRAGMA user_version = 1000")
    database.close()
    why = said_why(await run_server("--host", "127.0.0.1", "--port", "0", "--data", tmp_path))
    assert "newer" in why


async def test_a_damaged_index_is_reported_in_one_sentence(tmp_path: Path) -> None:
    """What is found only when the lobby is opened, behind all that is checked at first."""
    async with open_process(tmp_path) as server, open_peer(server.port) as peer:
        await peer.send_text("hello")
        await peer.receive_text()
        server.signal(signal.SIGTERM)
        await server.wait()
    with sqlite3.connect(tmp_path / DATABASE) as database:
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'pinned'")
        ((size,),) = database.execute("PRAGMA page_size")
    database.close()
    with (tmp_path / DATABASE).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    status, told, complaints = await run_server("--host", "127.0.0.1", "--port", "0", "--data", tmp_path)
    assert (status, told) == (1, "")
    logged, sentence = complaints.splitlines()
    assert "malformed" in logged
    assert sentence.startswith("trio-chat: The lobby cannot be read.")


async def test_two_servers_cannot_share_a_data_directory(tmp_path: Path, where: tuple[str, ...]) -> None:
    """Wherever their logs are: of two nodes each would overwrite the mark of the other."""
    async with open_process(tmp_path, *where) as server:
        for log in {(), where}:
            why = said_why(await run_server("--host", "127.0.0.1", "--port", "0", "--data", tmp_path, *log))
            assert re.search(rf"\(process \d+\) is using {re.escape(str(tmp_path))}\.", why)
            assert "choose another data directory" in why
        async with open_peer(server.port) as peer:
            await peer.send_text("still here")
            assert await peer.receive_text() == "still here"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--port", "many"], "--port"),
        (["--log-level", "loud"], "--log-level"),
        (["--prot", "1"], "--prot"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["serve"], "serve"),
    ],
)
async def test_a_bad_option_is_named(arguments: list[str], named: str) -> None:
    finished = await run_server(*arguments)
    assert (finished.status, finished.stdout) == (2, "")
    assert named in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_a_bad_environment_variable_is_named() -> None:
    finished = await run_server(TRIO_CHAT_PORT="many")
    assert finished.status == 2
    assert "TRIO_CHAT_PORT" in finished.stderr


async def test_version_prints_the_version() -> None:
    assert await run_server("--version") == (0, f"trio-chat, version {__version__}\n", "")


async def test_help_lists_every_setting() -> None:
    status, told, complaints = await run_server("--help")
    assert (status, complaints) == (0, "")
    assert all(f"--{option}" in told for option in ("host", "port", "data", "no-plain", "drain-timeout"))
