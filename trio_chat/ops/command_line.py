"""The command line's help, in sections; and one sentence where its output cannot be written."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final

import click

from trio_chat.config.config import SECTIONS
from trio_chat.ops.output import OutputError, drop_output, writing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_chat.config.setting import Setting

_ALL: Final = "trio_chat.help_all"

_SHORT: Final = 2
"""So many sections of settings are in the short help; of the others only the names."""


def option_name(setting: Setting) -> str:
    """The setting's option as it is declared: a switch has two."""
    return f"{setting.flag}/--no-{setting.key}" if setting.is_switch else setting.flag


def help_all(context: click.Context, _parameter: click.Parameter, is_asked: bool) -> None:
    """Print the whole help, and end."""
    if is_asked and not context.resilient_parsing:
        context.meta[_ALL] = True
        click.echo(context.get_help(), color=context.color)
        context.exit()


class _Writing(click.Command):
    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401  (click's own)
        """As click's, which writes the help and the version. Raises `OutputError`."""
        with writing():
            return super().make_context(*args, **extra)


class Command(_Writing):
    """A command of it."""


class Commands(_Writing, click.Group):
    """Some commands of it."""

    command_class: type[click.Command] | None = Command


class Program(Commands):
    """The whole command line."""

    group_class: type[click.Group] | type[type] | None = Commands

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401  (click's own)
        """As click's; if stdout cannot be written, it ends with a sentence and code 1."""
        try:
            return super().main(*args, **extra)
        except OutputError as error:
            click.echo(f"trio-chat: The output cannot be written: {error}.", err=True)
            drop_output()
            sys.exit(1)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by sections; in the short help the most needed only."""
        is_all = ctx.meta.get(_ALL, False)
        records = {
            parameter.name: record
            for parameter in self.get_params(ctx)
            if (record := parameter.get_help_record(ctx)) is not None
        }
        by_section = {
            title: [(setting, records.pop(setting.field)) for setting in settings]
            for title, settings in SECTIONS.items()
        }
        with formatter.section("Options"):
            formatter.write_dl(list(records.values()))
        shown = list(by_section.items()) if is_all else list(by_section.items())[:_SHORT]
        for title, rows in shown:
            with formatter.section(title):
                formatter.write_dl(
                    [record if is_all else (record[0], setting.short_help) for setting, record in rows]
                )
        self.format_commands(ctx, formatter)
        if not is_all:
            with formatter.section("More options, which --help-all explains"):
                for title, rows in list(by_section.items())[_SHORT:]:
                    names = ", ".join(option_name(setting) for setting, _ in rows)
                    formatter.write(_wrapped(f"{title}: {names}"))


def _wrapped(text: str) -> str:
    lines: Iterable[str] = textwrap.wrap(
        text, 78, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )
    return "\n".join(lines) + "\n"
