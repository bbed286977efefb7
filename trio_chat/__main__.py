"""The command line: ``python -m trio_chat`` serves."""

from __future__ import annotations

import logging
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import attrs
import click
import trio

from trio_chat import __version__
from trio_chat.config.config import SETTINGS, Config, build_config, orchestrators_variables
from trio_chat.config.setting import BadSetting
from trio_chat.errors import StartError
from trio_chat.ops.log_format import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    Command = Callable[..., None]

LOGGER = logging.getLogger("trio_chat.settings")

EPILOG = """
Each option is also an environment variable: TRIO_CHAT_ and the option's name in capitals, with underscores
(TRIO_CHAT_MAX_CONNECTIONS=500, TRIO_CHAT_PLAIN=no); and a key in the TOML file that --config names
(max-connections = 500, plain = false). An option wins over the environment, that over the file.
"""


def _with_settings(command: Command) -> Command:
    """Give a command one option for each setting of `Config`, named after its field."""
    for setting in reversed(SETTINGS):  # decorators apply from the bottom up
        default = f"  [default: {setting.default_text}]" if setting.default_text else ""
        command = click.option(
            f"{setting.flag}/--no-{setting.key}" if setting.is_switch else setting.flag,
            setting.field,
            type=bool if setting.is_switch else str,
            default=None,
            multiple=isinstance(setting.default, tuple),
            metavar=setting.metavar or None,
            help=setting.help + default,
        )(command)
    return command


@click.group(
    invoke_without_command=True, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--config", "config_file", metavar="FILE", envvar="TRIO_CHAT_CONFIG", help="A TOML file of settings."
)
@_with_settings
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
        type=click.Path(path_type=Path),
        help="The data directory.  [default: as for the server]",
    )(command)


@main.command()
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@_with_data
@click.pass_obj
def verify(config: Config, /, *, data: Path | None, file: Path | None) -> None:
    """Check that the log (or a backup of it, FILE) is what was written. It may be in use.

    Says what it found in each room. Exit code 0: all whole; 1: damaged, or there is no log.
    """
    from trio_chat.store.sqlite.verify import verify

    is_damaged = False
    try:
        for found in verify(file or _database(config, data)):
            click.echo(str(found))
            is_damaged |= found.is_damage
    except StartError as error:
        exit_with(str(error), status=1)
    sys.exit(1 if is_damaged else 0)


@main.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@_with_data
@click.pass_obj
def backup(config: Config, /, *, data: Path | None, file: Path) -> None:
    """Copy the log, as it is at this moment, into the new file FILE. It may be in use."""
    from trio_chat.store.sqlite.backup import back_up

    try:
        events = back_up(_database(config, data), file)
    except StartError as error:
        exit_with(str(error), status=1)
    click.echo(f"{events} events are in {file}.")


@main.command()
@_with_data
@click.pass_obj
def owner_link(config: Config, /, *, data: Path | None) -> None:
    """Make a link by which somebody becomes an owner of the server. It holds for a day, and once.

    The server may be running. Only give it to whom you trust with everything.
    """
    from trio_chat.app import owner_links
    from trio_chat.moderation.owner_links import LIFE_MS, new_token
    from trio_chat.store.sqlite.owner_links import save_owner_link

    token = new_token()
    try:
        save_owner_link(_database(config, data), token, life_ms=LIFE_MS)
    except StartError as error:
        exit_with(str(error), status=1)
    link, others = owner_links(config, config.port, token)
    click.echo(link)
    if others is not None:
        click.echo(f"From another machine: {others}", err=True)


@main.command()
@_with_data
@click.pass_obj
def audit(config: Config, /, *, data: Path | None) -> None:
    """Print what those who run the server have decided: one JSON object a line, oldest first. The log may be in use."""
    from trio_chat.protocol.encoding import json_of
    from trio_chat.protocol.event_frames import to_frame
    from trio_chat.store.sqlite.audit import read_audit_log

    try:
        for event in read_audit_log(_database(config, data)):
            click.echo(json_of(to_frame(event)))
    except StartError as error:
        exit_with(str(error), status=1)


def _database(config: Config, data: Path | None) -> Path:
    from trio_chat.app import DATABASE

    return (data or config.data) / DATABASE


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
        tls_certificate=config.tls_certificate and _expanded("--tls-certificate", config.tls_certificate),
        tls_key=config.tls_key and _expanded("--tls-key", config.tls_key),
    )


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
