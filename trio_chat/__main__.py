"""The command line: ``python -m trio_chat`` serves."""

from __future__ import annotations

import logging
import os
import sys
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import attrs
import click
import trio

from trio_chat import __version__
from trio_chat.blobs.places import S3Place, SharedDirectory, directory_of
from trio_chat.config.config import SETTINGS, Config, build_config, orchestrators_variables
from trio_chat.config.setting import BadSetting
from trio_chat.errors import StartError
from trio_chat.ops.command_line import Program, help_all, option_name
from trio_chat.ops.log_format import set_up_logging
from trio_chat.ops.output import say, write_bytes
from trio_chat.ops.progress import showing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from trio_chat.blobs.places import BlobsPlace
    from trio_chat.ops.stores import CommandStore

    Command = Callable[..., None]

LOGGER = logging.getLogger("trio_chat.settings")

FILES: Final = "files"
"""Beside a copy of the log the contents of files stand in ``files/blobs``: as they do in a data directory."""

EPILOG = """
Each option is also an environment variable: TRIO_CHAT_ and the option's name in capitals, with underscores
(TRIO_CHAT_MAX_CONNECTIONS=500, TRIO_CHAT_PLAIN=no); and a key in the TOML file that --config names
(max-connections = 500, plain = false). An option wins over the environment, that over the file.
"""


def _with_settings(command: Command) -> Command:
    """Give a command one option for each setting of `Config`, named after its field."""
    for setting in reversed(SETTINGS):  # decorators apply from the bottom up
        command = click.option(
            option_name(setting),
            setting.field,
            type=bool if setting.is_switch else str,
            default=None,
            multiple=isinstance(setting.default, tuple),
            metavar=setting.metavar or None,
            help=setting.long_help,
        )(command)
    return command


@click.group(
    cls=Program,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--config", "config_file", metavar="FILE", envvar="TRIO_CHAT_CONFIG", help="A TOML file of settings."
)
@_with_settings
@click.option(
    "--help-all",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=help_all,
    help="Show all settings, with the reasons for their defaults.",
)
@click.version_option(__version__, prog_name="trio-chat")
@click.pass_context
def main(context: click.Context, /, *, config_file: str | None, **flags: object) -> None:
    """A real-time group chat. Without a command, serve it until SIGTERM or Ctrl-C."""
    try:
        config = read_config(config_file, flags, os.environ)
    except BadSetting as error:
        exit_with(str(error), status=2)
    set_up_logging(config.log_level)
    context.obj = config
    if context.invoked_subcommand is None:
        foreign = orchestrators_variables(os.environ)
        if foreign:
            LOGGER.warning("not settings, but of a service with this name: %s", ", ".join(sorted(foreign)))
        from trio_chat import app  # everything else answers without waiting for the server's imports

        run_server(app.run, config)


def _with_data(command: Command) -> Command:
    """Give a command the option --data as well, so that it may follow the command's name."""
    return click.option(
        "--data",
        metavar="PATH",
        type=click.Path(readable=False, path_type=Path),
        help="The data directory.  [default: as for the server]",
    )(command)


@main.command(short_help="Check that the log, or a backup of it, is whole.")
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(readable=False, path_type=Path))
@_with_data
@click.pass_obj
def verify(config: Config, /, *, data: Path | None, file: Path | None) -> None:
    """Check that the log (or a backup of it, FILE) is what was written, and so are all files that people have sent. It
    may be in use, and of an older format.

    Says what it found in each room. Exit code 0: all whole; 1: damaged, or there is no log.
    """
    from trio_chat.ops.stores import StoreFile

    is_damaged = False
    with _explaining(), showing("verify", "events") as progress:
        store, blobs = (
            (StoreFile(file, "Name another file."), directory_of(file.parent / FILES))
            if file
            else (_store(config, data), _blobs(config, data))
        )
        for found in store.verify(progress.report):
            progress.say(str(found))
            is_damaged |= found.is_damage
    with _explaining(), showing("verify", "files") as progress:
        for flaw in store.verify_files(blobs, progress.report):
            progress.say(str(flaw))
            is_damaged |= flaw.is_damage
    sys.exit(1 if is_damaged else 0)


@main.command(short_help="Copy the log into a file, while it may be in use.")
@click.argument(
    "file", metavar="FILE|DIR|-", type=click.Path(readable=False, path_type=Path, allow_dash=True)
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Make a file named after the time in the directory DIR, and keep the N newest of those.",
)
@_with_data
@click.pass_obj
def backup(config: Config, /, *, data: Path | None, file: Path, keep: int | None) -> None:
    """Copy the log, as it is at this moment, into the new file FILE (-: to stdout). It may be in use.

    The files that people have sent are copied into the directory "files" beside it, those that are not there yet; none
    go to stdout.
    """
    from trio_chat.ops.file_copies import FilesBackup, forget_files
    from trio_chat.store.sqlite.backup import back_up, back_up_into, back_up_to

    removed: list[Path] = []
    is_to_stdout = str(file) == "-"
    if is_to_stdout and (keep is not None or sys.stdout.isatty()):
        exit_with(
            "A backup to stdout (-) goes into a pipe or a file, and there is nothing to keep.", status=2
        )
    with _explaining(), showing("backup", "parts") as progress:
        database = _store(config, data).file_to_copy()
        beside = None if is_to_stdout else file.parent if keep is None else file
        files = FilesBackup(_blobs(config, data), beside and directory_of(beside / FILES), progress.report)
        if beside is None:
            events = back_up_to(database, write_bytes, report=progress.report, copy_files=files)
        elif keep is None:
            events = back_up(database, file, report=progress.report, copy_files=files)
        else:
            file, events, removed = back_up_into(
                database, file, keep=keep, report=progress.report, copy_files=files
            )
            forget_files(beside, directory_of(beside / FILES))
    if is_to_stdout:
        click.echo(f"{events} events are in the copy.", err=True)
    else:
        say(f"{events} events are in {file}.")
    for line in files.result():
        click.echo(line, err=True)
    for path in removed:
        say(f"{path} was removed.")


@main.group()
def person() -> None:
    """Set a name free that somebody has lost."""


@person.command(short_help="Set the name of somebody free who has lost their token.")
@click.argument("name")
@_with_data
@click.pass_obj
def release(config: Config, /, *, data: Path | None, name: str) -> None:
    """Set the name NAME free, of a person or program that has lost its token. The server may be running.

    Who is called so gets a made-up name, and keeps all else. The server, or the next one, tells everybody, and writes
    it into the log of those who run it.
    """
    from trio_chat.store.sql.names import release_name

    with _explaining(), _store(config, data).writing() as connection:
        said = release_name(connection, name)
    say(said)


@main.command(short_help="Make a link by which somebody becomes an owner.")
@_with_data
@click.pass_obj
def owner_link(config: Config, /, *, data: Path | None) -> None:
    """Make a link by which somebody becomes an owner of the server. It holds for a day, and once.

    The server may be running. Only give it to whom you trust with everything.
    """
    from trio_chat.app import owner_links
    from trio_chat.model.tokens import hash_of
    from trio_chat.moderation.owner_links import LIFE_MS, new_token
    from trio_chat.store.sql.standing import add_owner_link

    token, now_ms = new_token(), time.time_ns() // 1_000_000
    with _explaining(), _store(config, data).writing() as connection:
        add_owner_link(connection, hash_of(token), ends_ms=now_ms + LIFE_MS, at_ms=now_ms)
    link, others = owner_links(config, config.port, token)
    say(link)
    if others is not None:
        click.echo(f"From another machine: {others}", err=True)


@main.command(short_help="Begin a new epoch, after an older state of the disk was put back.")
@click.option("--new", "is_new", is_flag=True, help="Begin it.")
@_with_data
@click.pass_obj
def epoch(config: Config, /, *, data: Path | None, is_new: bool) -> None:
    """Begin a new epoch of everything: everybody loads the latest page anew, and no number is used twice.

    For who has put back a snapshot of the disk with everything on it. A server finds by itself that its log was
    restored from a backup, a dump or a copy, and that a database lacks what was written to it.
    """
    if not is_new:
        exit_with("Say --new to begin a new epoch: everybody will load the latest page anew.", status=2)
    with _explaining():
        said = _store(config, data).begin_epoch()
    say(said)


@main.command(short_help="Print what those who run the server have decided.")
@_with_data
@click.pass_obj
def audit(config: Config, /, *, data: Path | None) -> None:
    """Print what those who run the server have decided: one JSON object a line, oldest first. The log may be in use."""
    from trio_chat.protocol.encoding import json_of
    from trio_chat.protocol.event_frames import to_frame
    from trio_chat.store.sql.audit import read_audit_log

    with _explaining(), _store(config, data).reading() as connection:
        for event in read_audit_log(connection):
            say(json_of(to_frame(event)))


@main.command(short_help="Move the chat to another database, while people chat.")
@click.option(
    "--to",
    metavar="URL|sqlite",
    help="Where to: postgresql://name:password@host/database, an empty one; or sqlite, a file in the data directory.",
)
@click.option("--give-up", is_flag=True, help="Forget a move that was begun: the chat stays where it is.")
@_with_data
@click.pass_obj
def move(config: Config, /, *, data: Path | None, to: str | None, give_up: bool) -> None:
    """Move the chat to another database, with everything in it, while people chat: from the file in the data directory
    to PostgreSQL (--to postgresql://…), or back (trio-chat --store postgresql://… move --to sqlite).

    Nothing is lost, and nobody has to reload. All is copied and compared; then writing waits for a moment, the chat is
    in the other database, and a server that is running goes on there by itself. If it is interrupted, run it again.
    Files that people have sent stay where they are.
    """
    from trio_chat.ops.move import give_up_move, move_chat

    if give_up == (to is not None):
        exit_with("Say where the chat is to be moved to, with --to; or --give-up.", status=2)
    with _explaining():
        config = _with_data_of(config, data)
        if to is None:
            said = give_up_move(config)
        else:
            with showing("move", "events") as progress:
                said = move_chat(config, to, report=progress.report)
    say(said)


@contextmanager
def _explaining() -> Iterator[None]:
    """Let a command that cannot do its work end with the sentence that says why, and code 1."""
    try:
        yield
    except StartError as error:
        exit_with(str(error), status=1)


def _store(config: Config, data: Path | None) -> CommandStore:
    """The store that a command is about."""
    from trio_chat.ops.stores import store_of

    return store_of(_with_data_of(config, data))


def _with_data_of(config: Config, data: Path | None) -> Config:
    return config if data is None else attrs.evolve(config, data=_expanded("--data", data))


def _blobs(config: Config, data: Path | None) -> Path | S3Place:
    """Where the contents of files are, of a server with this configuration."""
    place = _with_data_of(config, data).files_place
    return place if isinstance(place, S3Place) else directory_of(place)


def read_config(file_name: str | None, flags: Mapping[str, object], environment: Mapping[str, str]) -> Config:
    """The configuration from the command line, the environment and an optional TOML file. Raises `BadSetting`."""
    file: dict[str, object] = {}
    if file_name:
        try:
            file = tomllib.loads(Path(file_name).read_text(encoding="utf-8"))
        except OSError as error:
            raise BadSetting(f"The file {file_name} (--config) cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise BadSetting(f"The file {file_name} (--config) is not valid TOML: {error}.") from error
    config = build_config(flags=flags, environment=environment, file=file, file_name=file_name or "")
    if config.tls_key is not None and config.tls_certificate is None:
        raise BadSetting("--tls-key is given without --tls-certificate, the certificate it is for.")
    return attrs.evolve(
        config,
        data=_expanded("--data", config.data),
        files=_expanded_place(config.files),
        tls_certificate=config.tls_certificate and _expanded("--tls-certificate", config.tls_certificate),
        tls_key=config.tls_key and _expanded("--tls-key", config.tls_key),
    )


def _expanded_place(files: BlobsPlace | None) -> BlobsPlace | None:
    match files:
        case Path():
            return _expanded("--files", files)
        case SharedDirectory():
            return SharedDirectory(_expanded("--files", files.path))
        case _:
            return files


def _expanded(flag: str, path: Path) -> Path:
    """Shells do not expand the ~ of --data=~/chat, and nothing expands that of a file."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise BadSetting(f"The home of {flag} {path} cannot be found; write the path out.") from error


def run_server(run: Callable[[Config], Awaitable[None]], config: Config) -> None:
    """Run the server's main task, and exit the process: with the sentence of a `StartError`, also of one in a group,
    and code 1; with code 130 after a Ctrl-C that came before the server handled signals."""
    sentences: list[str] = []
    interrupted = False
    try:
        trio.run(run, config)
    except* StartError as group:
        sentences = [str(error) for error in _leaves(group)]
    except* KeyboardInterrupt:
        interrupted = True
    if sentences:
        exit_with(" ".join(sentences), status=1)
    if interrupted:
        sys.exit(130)  # 128 + SIGINT, as in a shell


def exit_with(sentence: str, *, status: int) -> NoReturn:
    """Write the sentence to stderr and exit the process."""
    click.echo(f"trio-chat: {sentence}", err=True)
    sys.exit(status)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


if __name__ == "__main__":
    main()
