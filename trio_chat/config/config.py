"""The configuration: every setting once, as a field of `Config` that carries its own documentation.

The flags, the environment variables, the keys of the file and the manual's table are all made from these fields, by the
rule in `trio_chat.config.setting`.

Pure: the environment and the parsed file are passed in.
"""

# No `from __future__ import annotations` here: the fields' types are used at run time.
# ruff: noqa: RUF009  (`setting_field` makes an attrs field)
import difflib
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs

from trio_chat.blobs.places import BlobsPlace, SharedDirectory
from trio_chat.config.setting import (
    PREFIX,
    BadSetting,
    LogLevel,
    Names,
    Networks,
    Origins,
    Setting,
    StoreAddress,
    Url,
    setting_field,
)

OTHER_VARIABLES = frozenset({"TRIO_CHAT_CONFIG", "TRIO_CHAT_CHROMIUM", "TRIO_CHAT_AXE"})
"""Variables with the prefix that are no settings: the name of the file, and what the tests of the page need."""

_OF_AN_ORCHESTRATOR = re.compile(
    r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?|\w+_ENV_\w+"
)
_ADDRESS_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://")
"""What Kubernetes and Docker's links tell a container of services whose names begin with this one's."""


@attrs.frozen(kw_only=True)
class Config:
    """The configuration of a server. Times are in seconds; for a limit, 0 means none."""

    host: str | None = setting_field(
        None,
        "The address to listen on; all interfaces if left out",
        "People on the same network can join without any configuration.",
    )
    port: int = setting_field(
        8080,
        "The TCP port for everything: page, WebSocket and health",
        "It needs no privileges and is where people look for a web server of their own.",
        zero="any free port",
        maximum=65535,
    )
    data: Path = setting_field(
        Path("trio-chat-data"),
        "The directory that holds everything worth keeping; made if it is not there",
        "Beside where the server is started, so that it is easily found.",
    )
    store: StoreAddress | None = setting_field(
        None,
        "The PostgreSQL database for messages and people, such as postgresql://name:password@host/database; a file in "
        "the data directory if left out",
        "A file needs nothing to be installed, and is as fast.",
    )
    log_level: LogLevel = setting_field(
        "info",
        "How much to say on stderr",
        "It tells starting, stopping, trouble, and who comes from where; never what is said.",
    )
    public_url: Url | None = setting_field(
        None,
        "The address at which people reach the server, such as https://chat.example.org",
        "Its host is answered, links begin with it; without it the server is one for private networks.",
    )
    tls_certificate: Path | None = setting_field(
        None,
        "A PEM file with a certificate and its chain: the server speaks TLS by itself; read again at SIGHUP",
        "Without it, let a proxy do that wherever the network is not yours.",
    )
    tls_key: Path | None = setting_field(
        None,
        "A PEM file with the certificate's key, without a password",
        "It may stand in the certificate's file as well.",
    )
    allow_host: Names = setting_field(
        Names(()),
        "A further name by which the server may be asked for; may be repeated (environment: commas)",
        "A foreign page could have any other name point here; addresses and private names need no mention.",
    )
    plain: bool | None = setting_field(
        None,
        "Let WebSocket clients without a subprotocol talk in the lobby; if left out, unless there is a public URL",
        "On a private network any WebSocket client and any page can join; in public that is for you to say.",
    )
    allow_origin: Origins = setting_field(
        (),
        "Another site whose pages may speak trio-chat.v1, * for any; may be repeated (environment: commas)",
        "That protocol carries an identity, so only the server's own page may speak it.",
    )

    trusted_proxy: Networks = setting_field(
        Networks(()),
        "A proxy, or a network of them, whose X-Forwarded-For or Forwarded is believed; may be repeated",
        "Limits per address then count the real clients; anybody else could invent such a field.",
    )

    max_message_bytes: int = setting_field(
        65536,
        "The largest WebSocket message to accept",
        "It holds the longest text however it is escaped, and bounds what a client can make us keep.",
        zero="no limit",
        unit="bytes",
    )
    max_text_chars: int = setting_field(
        4000,
        "The longest text of one message",
        "More than a page of a book; what is longer is a file.",
        zero="no limit",
        unit="characters",
    )
    max_connections: int = setting_field(
        10_000,
        "How many connections there may be",
        "About what one core serves well; it is never more than the system's limit of open files allows. "
        "A tenth is kept for people with a token; where all are taken, who has not said hello makes place.",
        zero="no limit of its own",
    )
    max_connections_per_address: int = setting_field(
        1000,
        "How many of them may come from one address (an IPv6 /64 counts as one)",
        "A whole office behind one address fits, and nobody can take all places alone. "
        "A tenth is kept for people with a token here as well.",
        zero="no limit",
    )
    messages_per_second: float = setting_field(
        20.0,
        "How many commands a person may send for long, over all their connections",
        "Faster than anybody types, fast enough for bots.",
        zero="no limit, nor of what a person may do within a minute or a day",
    )
    burst: int = setting_field(
        100,
        "How many commands a person may send at once before that rate counts",
        "Somebody who comes back with an outbox full of waiting messages is not held up.",
        zero="no limit of the rate",
    )
    messages_per_second_per_address: float = setting_field(
        200.0,
        "How many commands all who come from one address may send together for long",
        "Five hundred busy people in an office send half of that. Of no effect if a person has no limit.",
        zero="no limit",
    )
    burst_per_address: int = setting_field(
        5000,
        "How many commands they may send at once before that rate counts",
        "After a restart all in an office come back within seconds, with some commands each.",
        zero="no limit of the rate",
    )
    new_people_per_address_per_hour: int = setting_field(
        600,
        "How many new people may come from one address within an hour",
        "A school or an office behind one address can begin in the same minute; inventing people stays slow.",
        zero="no limit",
    )
    new_people_per_hour: int = setting_field(
        6000,
        "How many new people may come within an hour from everywhere",
        "Ten such offices; each new person takes some disk for ever.",
        zero="no limit",
    )
    disk_floor: int = setting_field(
        500,
        "The free space below which nobody may write; below twice that, guests and people who came within a day",
        "Deleting, reading and the work of an operator still have space. Of a small disk it is a twentieth at most.",
        zero="no floor",
        unit="MiB",
    )
    person_quota: int = setting_field(
        200,
        "How much a person may write in a day of UTC; all guests together ten times that, "
        "all of an address twenty times",
        "Four messages a second all day long, by one person.",
        zero="no quota",
        unit="MiB",
    )
    room_quota: int = setting_field(
        50 * 1024,
        "How much may be in one room",
        "A hundred million messages; it keeps one room from taking the whole disk of all others.",
        zero="no quota",
        unit="MiB",
    )
    retention: int = setting_field(
        0,
        "After how many days messages are deleted, in all rooms; a room may say fewer for itself",
        "What is not there any more cannot leak. It cannot be brought back either, so nothing is deleted unasked.",
        zero="never",
        unit="days",
        maximum=36_500,
    )
    files: BlobsPlace | None = setting_field(
        None,
        "The directory for files; or s3://bucket/prefix?endpoint=https://…, or shared: and a directory that several "
        "machines have; files in the data directory if left out",
        "On another disk they take no space, and no time, from the messages.",
    )
    max_file_bytes: int = setting_field(
        100 * 1024 * 1024,
        "The largest file",
        "Some minutes of video from a phone.",
        zero="no limit",
        unit="bytes",
    )
    files_quota: int = setting_field(
        10 * 1024,
        "How much all files may take, with their previews; what two messages have counts once",
        "Thirty thousand photos; small enough for nearly every disk.",
        zero="no quota",
        unit="MiB",
    )
    files_per_person: int = setting_field(
        1024,
        "How much all files of one person may take",
        "Nobody fills the server alone.",
        zero="no quota",
        unit="MiB",
    )
    uploads_at_once: int = setting_field(
        3,
        "How many uploads a person may have begun within an hour that are not finished; as many of each move at a "
        "time, thirty times that of all together, and twenty times of an address",
        "More at once are no faster; one that hardly moves goes on later if others wait.",
        zero="no limit",
    )
    rooms_per_person_per_day: int = setting_field(
        20,
        "How many rooms a person may make within a day",
        "More than anybody needs; the names of public rooms are for all.",
        zero="no limit",
    )
    invitations_per_person_per_day: int = setting_field(
        30,
        "How many links into private rooms a person may make within a day",
        "One link lets in as many people as one likes.",
        zero="no limit",
    )
    conversations_per_person_per_day: int = setting_field(
        50,
        "With how many people a person may begin a conversation within a day",
        "Somebody new can write to a whole class; writing to everybody takes weeks.",
        zero="no limit",
    )
    searches_per_minute: int = setting_field(
        120,
        "How many searches a person may make within a minute, looks into the directory included",
        "The page searches while one types, some times a second at most.",
        zero="no limit",
    )
    searches_per_minute_per_address: int = setting_field(
        1200,
        "How many searches all who come from one address may make together within a minute",
        "An office that looks for something; each takes a millisecond or some more.",
        zero="no limit",
    )
    max_rooms_per_connection: int = setting_field(
        1_000,
        "How many rooms a connection may be in at once",
        "A page follows all rooms of its person's list; each costs memory and work with every message.",
        zero="no limit",
    )
    max_open_rooms: int = setting_field(
        10_000,
        "How many rooms without members may be open at once, and how many empty ones",
        "This keeps inventing room names from filling the memory. Rooms that have members always have a place.",
        zero="no limit",
    )

    handshake_timeout_s: float = setting_field(
        10.0,
        "How long a client may take for the request and the handshake",
        "Enough for a phone with a bad connection, too little to collect idle sockets.",
        zero="no limit",
        unit="seconds",
    )
    hello_timeout_s: float = setting_field(
        10.0,
        "How long a connection of trio-chat.v1 may exist without a login",
        "Programs say hello at once; who never does takes a place from somebody.",
        zero="no limit",
        unit="seconds",
    )
    max_head_bytes: int = setting_field(
        16384,
        "The largest head of a request",
        "What other servers allow (h11 16 KiB, nginx 8 KiB a line); a browser with many cookies fits.",
        zero="no limit",
        unit="bytes",
    )
    write_stall_s: float = setting_field(
        60.0,
        "How long a connection may take no byte at all before it is closed, to come back and resume",
        "A phone in a lift or a tunnel is back within a minute.",
        zero="no limit",
        unit="seconds",
    )
    idle_ping_s: float = setting_field(
        25.0,
        "The silence after which a connection is pinged; twice that without a sign of life ends it",
        "NATs and proxies forget a silent connection after some 60 seconds.",
        zero="no pings, no limit",
        unit="seconds",
    )
    stop_delay_s: float = setting_field(
        0.0,
        "How long to go on when it is to stop, with /readyz at 503, before anybody is sent away",
        "A balancer that only asks now and then leads nobody there any more by that time. "
        "One that tries another node at once needs none.",
        unit="seconds",
    )
    drain_timeout_s: float = setting_field(
        10.0,
        "How long stopping may take to hand everybody the last messages",
        "Init systems and containers kill after 10 to 90 seconds.",
        zero="do not wait",
        unit="seconds",
    )
    close_timeout_s: float = setting_field(
        5.0,
        "How long to wait for the other side's goodbye",
        "Several round trips of the worst network; who has not answered by then is not there.",
        zero="do not wait",
        unit="seconds",
    )

    outbox_bytes: int = setting_field(
        65536,
        "What may wait in memory for one connection before it falls back to catching up from the log",
        "Some seconds of a busy room; 10,000 connections that read nothing cost 640 MiB at the worst.",
        unit="bytes",
        minimum=1024,
    )
    max_gap: int = setting_field(
        10_000,
        "How many events a client may be behind and still get them all; beyond, it gets the latest page",
        "Reading so much at once helps nobody, and older pages can always be asked for.",
        zero="no limit",
    )
    page_size: int = setting_field(
        50,
        "How many events are in the latest page that somebody new to a room gets",
        "It fills a large screen.",
        minimum=1,
        maximum=200,
    )
    inbox_messages: int = setting_field(
        1024,
        "How many commands may wait for a room's broadcaster before its senders are slowed",
        "A group commit of that size takes some ten milliseconds, which is what a sender then waits.",
        minimum=1,
    )
    link_previews: bool = setting_field(
        False,
        "Show what linked pages say of themselves: the server fetches them, from public addresses only",
        "It tells sites that somebody here has their address; whoever runs the server decides whether that may be.",
    )
    fan_out_pause_max_s: float = setting_field(
        0.02,
        "The longest pause of a busy room's broadcaster, in which messages gather to be sent together",
        "Nobody sees 20 milliseconds, and halving the number of system calls again gains little beyond. "
        "While many come in at once it is three times as long.",
        zero="no pause",
        unit="seconds",
    )

    @property
    def is_plain_on(self) -> bool:
        """Whether plain access is on: as it is set, else where there is no public URL."""
        return self.public_url is None if self.plain is None else self.plain

    @property
    def files_place(self) -> BlobsPlace:
        """Where files are."""
        return self.data / "files" if self.files is None else self.files

    @property
    def parts_directory(self) -> Path:
        """The directory for what is coming of files: where they are themselves, unless that is a bucket."""
        place = self.files_place
        if isinstance(place, SharedDirectory):
            place = place.path
        return (place if isinstance(place, Path) else self.data / "files") / "parts"

    @property
    def workshops_directory(self) -> Path | None:
        """The directory in which previews are made, if others have that of the parts as well."""
        return self.data / "files" / "made" if isinstance(self.files_place, SharedDirectory) else None

    @property
    def default_mode(self) -> Literal["open", "probation"]:
        """The server's mode, as long as those who run it have chosen none: where strangers can come, new people are on
        probation."""
        return "open" if self.public_url is None else "probation"

    @property
    def own_hosts(self) -> tuple[str, ...]:
        """The names that the operator gave the server."""
        public = urlsplit(self.public_url or "").hostname
        return (*self.allow_host, *([public] if public else []))

    @property
    def own_origins(self) -> Origins:
        """The origins whose pages may speak trio-chat.v1, beside that of the host that was asked for."""
        public = urlsplit(self.public_url or "")
        return (*self.allow_origin, *([f"{public.scheme}://{public.netloc}"] if public.netloc else []))


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(field=field.name, type=field.type, default=field.default, **field.metadata)
    for field in attrs.fields(Config)
)


_SECTIONS = {
    "host": "Where it runs",
    "public_url": "Who reaches it",
    "max_message_bytes": "Limits of messages, connections and rates",
    "disk_floor": "Disk",
    "files": "Files",
    "rooms_per_person_per_day": "Limits of what people do",
    "handshake_timeout_s": "Times",
    "outbox_bytes": "Memory and catching up",
}
"""The sections of the settings, by their first fields."""


def _sections() -> dict[str, tuple[Setting, ...]]:
    sections: dict[str, tuple[Setting, ...]] = {}
    title = ""
    for setting in SETTINGS:
        title = _SECTIONS.get(setting.field, title)
        sections[title] = (*sections.get(title, ()), setting)
    return sections


SECTIONS: dict[str, tuple[Setting, ...]] = _sections()
"""All settings in order, by the titles of their sections; the first two are what most operators need."""


def build_config(
    *,
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Mapping[str, object] | None = None,
    file_name: str = "",
) -> Config:
    """The configuration from the command line, the environment and the parsed file. The first of them that has a
    setting wins; the values of the others are checked as well, but for a variable that an option replaces. Raises
    `BadSetting`.

    The keys of ``flags`` are names of fields; None and () mean that a flag was not given. An empty variable counts as
    not set, and so does one of an orchestrator (`orchestrators_variables`).
    """
    from_flags = _from_flags(flags or {})
    from_environment = _from_environment(environment or {}, replaced=from_flags)
    return Config(**(_from_file(file or {}, file_name) | from_environment | from_flags))


def orchestrators_variables(environment: Mapping[str, str]) -> list[str]:
    """The variables with our prefix that Kubernetes or Docker has set for a service of that name, and nobody else."""
    return [
        variable
        for variable, text in environment.items()
        if variable.startswith(PREFIX)
        and (
            _OF_AN_ORCHESTRATOR.fullmatch(variable)
            or (variable.endswith("_PORT") and _ADDRESS_OF_A_SERVICE.match(text))
        )
    ]


def _from_flags(flags: Mapping[str, object]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        given = flags.get(setting.field)
        if isinstance(given, str):
            values[setting.field] = setting.parse(given, setting.flag)
        elif given is not None and given != ():
            values[setting.field] = setting.check(given, setting.flag)
    return values


def _from_environment(environment: Mapping[str, str], *, replaced: Container[str]) -> dict[str, Any]:
    """The values of the variables; ``replaced`` are fields whose variables do not count."""
    by_variable = {setting.variable: setting for setting in SETTINGS}
    values: dict[str, Any] = {}
    skipped = OTHER_VARIABLES.union(orchestrators_variables(environment))
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable in skipped or not text:
            continue
        if variable not in by_variable:
            raise BadSetting(
                f"{variable} in the environment is no setting{_suggestion(variable, by_variable)}."
            )
        setting = by_variable[variable]
        if setting.field not in replaced:
            values[setting.field] = setting.parse(text, f"{variable} in the environment")
    return values


def _from_file(file: Mapping[str, object], file_name: str) -> dict[str, Any]:
    by_key = {setting.key: setting for setting in SETTINGS}
    values: dict[str, Any] = {}
    for given_key, value in file.items():
        key = given_key.replace("_", "-")
        if key not in by_key:
            raise BadSetting(f"{given_key} in {file_name} is no setting{_suggestion(key, by_key)}.")
        setting = by_key[key]
        if setting.field in values:
            raise BadSetting(f"{given_key} in {file_name} is there twice, with dashes and with underscores.")
        values[setting.field] = setting.check(value, f"{given_key} in {file_name}")
    return values


def _suggestion(name: str, names: Mapping[str, object]) -> str:
    matches = difflib.get_close_matches(name, names, n=1)
    return f"; perhaps {matches[0]} is meant" if matches else ""


def settings_table() -> str:
    """The tables of all settings in Markdown, for docs/operating.md (a test compares them)."""
    lines: list[str] = []
    for title, settings in SECTIONS.items():
        lines += [f"**{title}**", "", "| option | default | what it sets, and why |", "|---|---|---|"]
        for setting in settings:
            flag = f"{setting.flag}`, `--no-{setting.key}" if setting.is_switch else setting.flag
            default = f"`{setting.default_text}` {setting.unit}".strip() if setting.default_text else "none"
            lines.append(f"| `{flag}` | {default} | {setting.help} |")
        lines.append("")
    return "\n".join(lines)
