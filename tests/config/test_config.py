"""The configuration and the command line, up to the point where the server itself would start."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner, Result

from trio_chat import __version__
from trio_chat.__main__ import main, read_config, run_server
from trio_chat.config.config import (
    SETTINGS,
    Config,
    build_config,
    orchestrators_variables,
    settings_table,
)
from trio_chat.config.setting import BadSetting, Setting
from trio_chat.errors import StartError
from trio_chat.ops.log_format import LINES_AT_ONCE, FloodFilter, LineFormatter

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def invoke(*arguments: str, **environment: str) -> Result:
    """Run the command line with only these variables set."""
    return CliRunner(env=environment).invoke(main, arguments, prog_name="trio-chat")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.delenv("TRIO_CHAT_CONFIG", raising=False)


# One class, many names


def test_without_any_source_the_defaults_hold() -> None:
    config = build_config()
    assert config == Config()
    assert (config.host, config.port, config.data) == (None, 8080, Path("trio-chat-data"))


def test_the_names_of_a_setting_follow_one_rule() -> None:
    names = {setting.field: (setting.flag, setting.variable) for setting in SETTINGS}
    assert names["drain_timeout_s"] == ("--drain-timeout", "TRIO_CHAT_DRAIN_TIMEOUT")
    assert names["max_message_bytes"] == ("--max-message-bytes", "TRIO_CHAT_MAX_MESSAGE_BYTES")


def test_every_setting_has_a_reason_and_is_in_the_help_and_the_table() -> None:
    shown = "".join(invoke("--help-all").output.split())  # the help breaks lines at dashes, too
    for setting in SETTINGS:
        assert setting.reason.endswith(".")
        assert "".join(setting.help.split()) in shown
        assert f"`{setting.flag}`" in settings_table()


@pytest.mark.parametrize(
    "setting", [setting for setting in SETTINGS if setting.default_text], ids=lambda setting: setting.key
)
def test_every_default_is_accepted_from_each_source(setting: Setting) -> None:
    typed = setting.default_text
    in_toml = str(setting.default) if isinstance(setting.default, Path) else setting.default
    flag = setting.default if setting.type is bool else typed
    assert build_config(flags={setting.field: flag}) == Config()
    assert build_config(environment={setting.variable: typed}) == Config()
    assert build_config(file={setting.key: in_toml}, file_name="chat.toml") == Config()


def test_the_operating_manual_has_the_table_of_settings() -> None:
    if not OPERATING.exists():
        pytest.skip("docs/operating.md is not written yet")
    assert settings_table() in OPERATING.read_text(encoding="utf-8"), (
        "Put the output of this into docs/operating.md: "
        "python -c 'from trio_chat.config.config import *; print(settings_table())'"
    )


# Which source wins


def test_flag_wins_over_environment_over_file_over_default() -> None:
    file = {"port": 1, "burst": 1, "max-gap": 1}
    environment = {"TRIO_CHAT_PORT": "2", "TRIO_CHAT_BURST": "2"}
    config = build_config(flags={"port": "3"}, environment=environment, file=file, file_name="chat.toml")
    assert (config.port, config.burst, config.max_gap, config.page_size) == (3, 2, 1, Config().page_size)


def test_a_bad_value_is_an_error_even_if_another_source_wins() -> None:
    with pytest.raises(BadSetting, match="TRIO_CHAT_PORT in the environment is 'x'"):
        build_config(flags={"burst": "3"}, environment={"TRIO_CHAT_PORT": "x"})
    with pytest.raises(BadSetting, match=r"port in chat\.toml is 'x'"):
        build_config(flags={"port": "3"}, file={"port": "x"}, file_name="chat.toml")


def test_a_variable_that_an_option_replaces_is_not_read() -> None:
    """Who sets it may be somebody else, and the option is the way out."""
    assert build_config(flags={"port": "3"}, environment={"TRIO_CHAT_PORT": "x"}).port == 3


ORCHESTRATORS = {
    "TRIO_CHAT_SERVICE_HOST": "10.0.0.1",
    "TRIO_CHAT_SERVICE_PORT": "8080",
    "TRIO_CHAT_SERVICE_PORT_HTTP": "8080",
    "TRIO_CHAT_PORT": "tcp://10.0.0.1:8080",
    "TRIO_CHAT_PORT_8080_TCP": "tcp://10.0.0.1:8080",
    "TRIO_CHAT_PORT_8080_TCP_PROTO": "tcp",
    "TRIO_CHAT_PORT_8080_TCP_PORT": "8080",
    "TRIO_CHAT_PORT_8080_TCP_ADDR": "10.0.0.1",
    "TRIO_CHAT_WEB_SERVICE_HOST": "10.0.0.2",
    "TRIO_CHAT_WEB_PORT": "udp://10.0.0.2:53",
    "TRIO_CHAT_WEB_PORT_53_UDP_ADDR": "10.0.0.2",
    "TRIO_CHAT_1_ENV_PATH": "/bin",
}
"""What Kubernetes and Docker's links set for services called ``trio-chat`` and ``trio-chat-web``."""


def test_variables_of_orchestrators_are_no_settings() -> None:
    assert build_config(environment=ORCHESTRATORS) == Config()
    assert set(orchestrators_variables(ORCHESTRATORS | {"TRIO_CHAT_BURST": "1"})) == set(ORCHESTRATORS)
    for variable in ("TRIO_CHAT_PORT", "TRIO_CHAT_SERVICE", "TRIO_CHAT_PORT_X_TCP"):
        with pytest.raises(BadSetting, match=variable):
            build_config(environment={variable: "x"})


def test_no_setting_looks_like_a_variable_of_an_orchestrator() -> None:
    assert orchestrators_variables({setting.variable: "1" for setting in SETTINGS}) == []


def test_keys_in_the_file_have_dashes_or_underscores_but_not_both() -> None:
    assert build_config(file={"max_gap": 7}, file_name="chat.toml").max_gap == 7
    with pytest.raises(BadSetting, match=r"max_gap in chat\.toml is there twice"):
        build_config(file={"max-gap": 7, "max_gap": 7}, file_name="chat.toml")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert build_config(environment={"TRIO_CHAT_PORT": ""}) == Config()


def test_other_variables_are_ignored() -> None:
    environment = {"PORT": "x", "TRIO_CHATTER": "x", "TRIO_CHAT_CONFIG": "x", "TRIO_CHAT_CHROMIUM": "x"}
    assert build_config(environment=environment) == Config()


# What is refused, and in which words


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("port", "abc", "--port is 'abc', but must be a whole number from 0 to 65535."),
        ("port", "70000", "--port is '70000', but must be a whole number from 0 to 65535."),
        ("burst", "-1", "--burst is '-1', but must be a whole number of at least 0."),
        ("idle_ping_s", "nan", "--idle-ping is 'nan', but must be a number of at least 0."),
        ("idle_ping_s", "inf", "--idle-ping is 'inf', but must be a number of at least 0."),
        ("log_level", "loud", "--log-level is 'loud', but must be one of debug, info, warning, error."),
        ("data", "", "--data is '', but must be a path."),
    ],
)
def test_a_bad_value_is_reported_with_its_source_and_what_is_valid(
    name: str, text: str, sentence: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        build_config(flags={name: text})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("port", "8080"),
        ("port", 80.5),
        ("port", True),
        ("plain", "no"),
        ("plain", 0),
        ("host", 7),
        ("host", "local\0host"),
        ("log-level", ["info"]),
        ("allow-origin", "https://example.org"),
        ("allow-origin", [7]),
        ("idle-ping", 10**400),
        ("idle-ping", {"seconds": 3}),
    ],
)
def test_a_value_of_the_wrong_type_in_the_file_is_refused(key: str, value: object) -> None:
    with pytest.raises(BadSetting, match=rf"^{key} in chat\.toml is "):
        build_config(file={key: value}, file_name="chat.toml")


def test_what_was_typed_is_shown_as_it_was_typed() -> None:
    with pytest.raises(
        BadSetting, match=r"^--allow-origin is 'example\.org, b', but must be origins such as"
    ):
        build_config(flags={"allow_origin": ("example.org", "b")})


def test_an_unknown_key_is_reported_with_a_suggestion() -> None:
    with pytest.raises(BadSetting) as caught:
        build_config(file={"prot": 8080}, file_name="chat.toml")
    assert str(caught.value) == "prot in chat.toml is no setting; perhaps port is meant."
    with pytest.raises(BadSetting) as caught:
        build_config(environment={"TRIO_CHAT_XYZZY_QUUX_XYZZY_QUUX_XYZZY_QUUX": "1"})
    assert str(caught.value) == "TRIO_CHAT_XYZZY_QUUX_XYZZY_QUUX_XYZZY_QUUX in the environment is no setting."


@pytest.mark.parametrize(("text", "is_plain"), [("yes", True), ("ON", True), ("no", False), ("False", False)])
def test_a_switch_in_the_environment_is_a_word(text: str, is_plain: bool) -> None:
    assert build_config(environment={"TRIO_CHAT_PLAIN": text}).plain is is_plain


def test_origins_are_normalised_to_a_browsers_spelling() -> None:
    environment = {"TRIO_CHAT_ALLOW_ORIGIN": "https://Chat.Example.org/, http://[::1]:80,https://a:8443"}
    origins = ("https://chat.example.org", "http://[::1]", "https://a:8443")
    assert build_config(environment=environment).allow_origin == origins
    assert build_config(flags={"allow_origin": ("null", "*")}).allow_origin == ("null", "*")


@pytest.mark.parametrize(
    "origin", ["example.org", "https://example.org/chat", "https://a@b", "https://a https://b"]
)
def test_an_origin_that_no_browser_would_send_is_refused(origin: str) -> None:
    with pytest.raises(BadSetting, match="--allow-origin"):
        build_config(flags={"allow_origin": (origin,)})


# The command line


def test_version_and_help_need_no_configuration() -> None:
    assert invoke("--version").output.split()[-1] == __version__
    assert invoke("--help").exit_code == 0
    assert invoke("--help-all").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("--port", "x"), {}, "trio-chat: --port is 'x', but must be"),
        ((), {"TRIO_CHAT_PROT": "1"}, "trio-chat: TRIO_CHAT_PROT in the environment is no setting"),
        (("--config", "none.toml"), {}, "trio-chat: The file none.toml (--config) cannot be read"),
        (("--prot", "1"), {}, "No such option"),
        (("serve",), {}, "No such command"),
    ],
)
def test_a_bad_command_line_gives_a_sentence_and_exit_code_2(
    arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    result = invoke(*arguments, **environment)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("content", [b"port = ", b"port = 1\nport = 2\n", b"\xff"])
def test_a_file_that_is_not_toml_gives_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "chat.toml"
    file.write_bytes(content)
    with pytest.raises(BadSetting, match=r"chat\.toml \(--config\) is not valid TOML: "):
        read_config(str(file), {}, {})


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text('port = 9000\nplain = false\nallow-origin = ["https://example.org"]\nidle-ping = 30\n')
    config = read_config(str(file), {}, {})
    changed = attrs.evolve(
        Config(), port=9000, plain=False, allow_origin=("https://example.org",), idle_ping_s=30.0
    )
    assert config == changed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows homes by other variables")
def test_the_data_directory_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert read_config(None, {"data": "~/chat"}, {}).data == Path("/home/ada/chat")
    with pytest.raises(BadSetting, match="home"):
        read_config(None, {"data": "~nobody-has-this-name/chat"}, {})


# Running to the end


async def _cannot_start(config: Config) -> None:
    raise StartError(f"Port {config.port} is in use. Choose another one with --port.")


async def _cannot_start_in_a_nursery(config: Config) -> None:
    raise ExceptionGroup(
        "outer", [ExceptionGroup("inner", [StartError("The data directory is not writable.")])]
    )


async def _breaks(config: Config) -> None:
    raise ExceptionGroup("outer", [StartError("Port in use."), ZeroDivisionError()])


async def _is_interrupted(config: Config) -> None:
    raise BaseExceptionGroup("outer", [KeyboardInterrupt()])


async def _ends(config: Config) -> None:
    pass


def test_a_server_that_cannot_start_gives_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_server(_cannot_start, Config())
    assert caught.value.code == 1
    assert capsys.readouterr().err == "trio-chat: Port 8080 is in use. Choose another one with --port.\n"


def test_a_start_error_is_found_inside_exception_groups(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_server(_cannot_start_in_a_nursery, Config())
    assert caught.value.code == 1
    assert capsys.readouterr().err == "trio-chat: The data directory is not writable.\n"


def test_a_bug_beside_a_start_error_is_not_hidden() -> None:
    with pytest.RaisesGroup(ZeroDivisionError):
        run_server(_breaks, Config())


def test_ctrl_c_gives_no_traceback() -> None:
    with pytest.raises(SystemExit) as caught:
        run_server(_is_interrupted, Config())
    assert caught.value.code == 130


def test_a_server_that_stops_gives_no_error() -> None:
    run_server(_ends, Config())


# The log


def _record(message: str, *arguments: object) -> logging.LogRecord:
    record = logging.LogRecord("trio_chat.app", logging.INFO, __file__, 1, message, arguments, None)
    record.created, record.msecs = 1795381200.123, 123.0
    return record


def test_a_log_line_has_time_level_logger_and_message() -> None:
    assert LineFormatter().format(_record("hello, %s", "Zoë")) == (
        "2026-11-22T21:00:00.123Z info trio_chat.app hello, Zoë"
    )


def test_user_text_cannot_forge_a_log_line_or_control_a_terminal() -> None:
    line = LineFormatter().format(_record("from %s", "a\r\nb\x1b[2J\u2028c\u202ed\x85"))
    assert line.endswith(r"from a\r\nb\x1b[2J\u2028c\u202ed\x85")


def test_a_line_that_repeats_is_told_some_times_and_then_once_a_second_with_how_many_there_were() -> None:
    flood = FloodFilter()

    def told(second: float, count: int = 1000) -> list[str]:
        lines = []
        for _ in range(count):
            record = _record("the log cannot be written: %s", "database or disk is full")
            record.created += second
            if flood.filter(record):
                lines.append(LineFormatter().format(record))
        return lines

    assert len(told(0)) == LINES_AT_ONCE
    assert told(0.5) == []
    (line,) = told(1.5)
    assert line.endswith("disk is full (1900 more of these lines were left out)")
    (line,) = told(2.75, 2)
    assert line.endswith("(999 more of these lines were left out)")
    later = told(1000)
    assert len(later) == LINES_AT_ONCE
    assert sum("left out" in line for line in later) == 1
    for name, level in (("trio_chat.security", logging.INFO), ("trio_chat.app", logging.DEBUG)):
        for _ in range(2000):
            record = _record("refused")
            record.name, record.levelno = name, level
            assert flood.filter(record)
    assert flood.filter(_record("another"))


def test_what_is_counted_is_bounded() -> None:
    flood = FloodFilter()
    for number in range(3000):
        flood.filter(_record(f"never twice {number}"))
    assert len(flood._places) <= 1000


def test_lines_of_a_traceback_are_indented_and_cannot_look_like_records() -> None:
    try:
        raise ValueError("x\n2026-11-22T21:00:00.123Z info trio_chat.app forged\x1b[2J")
    except ValueError:
        record = _record("failed")
        record.exc_info = sys.exc_info()
    first, *rest = LineFormatter().format(record).split("\n")
    assert first.endswith("failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)
    assert rest[-1].endswith(r"forged\x1b[2J")


# Addresses and names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://chat.example", "https://chat.example/"),
        ("HTTPS://Chat.Example.:443/", "https://chat.example/"),
        ("http://chat.example:8080/team", "http://chat.example:8080/team/"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_public_url_is_kept_as_browsers_spell_it(given: str, kept: str) -> None:
    config = build_config(flags={"public_url": given})
    assert config.public_url == kept
    assert kept.startswith(config.own_origins)


@pytest.mark.parametrize(
    "given",
    [
        "chat.example",
        "ftp://chat.example",
        "https://",
        "https://user@chat.example",
        "https://chat.example/?x",
        "https://chat.example/#x",
        "https://chat.example/a b",
        "https://chat example",
        "https://chat.example:port",
        "https://[::1",
    ],
)
def test_what_is_no_address_of_a_page_is_no_public_url(given: str) -> None:
    with pytest.raises(BadSetting, match="--public-url"):
        build_config(flags={"public_url": given})


def test_names_are_kept_as_browsers_send_them() -> None:
    config = build_config(environment={"TRIO_CHAT_ALLOW_HOST": "Chat.Example., b\u00fccher.example"})
    assert config.own_hosts == ("chat.example", "xn--bcher-kva.example")
    for name in ("https://chat.example", "chat.example:80", "", "a b", "chat.example/"):
        with pytest.raises(BadSetting, match="--allow-host"):
            build_config(flags={"allow_host": [name]})
