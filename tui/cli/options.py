"""The options that several commands share, and the settings that they make."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from tui.domain.ids import RunId
from tui.settings import MIN_INTERVAL_S, ConfigFile, Settings, read_settings
from tui.settings.config_file import load_config

F = TypeVar("F", bound=Callable[..., Any])

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


class RunIdType(click.ParamType[RunId]):
    """The id of a run. It may contain only characters that are safe in the path of a URL."""

    name = "run"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> RunId:
        """Return the id, or fail with a usage error."""
        if not _RUN_ID.match(value):
            self.fail(f"{value!r} is not a run id (run_…)", param, ctx)
        return RunId(value)


RUN_ID = RunIdType()


def config_option(command: F) -> F:
    """Add `--config`."""
    return click.option(
        "--config",
        "config_path",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The config file [default: TRIGGER_TUI_CONFIG, or ~/.config/trigger-tui/config.toml].",
    )(command)


def config_file_of(options: dict[str, Any]) -> ConfigFile:
    """Remove the option from a command's options, and read the config file."""
    return load_config(os.environ, options.pop("config_path", None))


def connection_options(command: F) -> F:
    """Add the options of every command that connects to the API."""
    command = config_option(command)
    for option in (
        click.option("--ascii", "ascii_only", is_flag=True, help="Use only ASCII characters."),
        click.option("--expect-env", metavar="NAME", help="Refuse to act in any other environment (dev, prod …)."),
        click.option("--api-url", metavar="URL", help="The API's address [default: TRIGGER_API_URL, or the cloud]."),
    ):
        command = option(command)
    return command


def following_options(command: F) -> F:
    """Add the options for following runs: the polling interval, and whether to use the realtime feed."""
    for option in (
        click.option("--no-realtime", "realtime", is_flag=True, flag_value=False, default=True, help="Poll only."),
        click.option(
            "--interval",
            "interval_s",
            type=click.FloatRange(MIN_INTERVAL_S, 3600),
            help="Seconds between polls [default: 2, or as in the config file].",
        ),
    ):
        command = option(command)
    return command


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with raw values.")(
        command
    )


def settings_of(options: dict[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings from the environment variables, the config file and a command's options.

    The shared options are removed from `options`. Raises `SettingsError`.
    """
    options.pop("ascii_only", None)
    return read_settings(
        environ,
        api_url=options.pop("api_url", None),
        expect_env=options.pop("expect_env", None),
        interval_s=options.pop("interval_s", None),
        realtime=options.pop("realtime", True),
        read_only=options.pop("read_only", False),
        has_title=options.pop("has_title", True),
        slow_link=options.pop("slow_link", None),
        theme=options.pop("theme", None),
        file=config_file_of(options),
    )
