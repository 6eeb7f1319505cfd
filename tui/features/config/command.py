"""`config`, and for all commands: the session of a command, and what is wrong in the config file."""

import gc
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from tui.api.errors import ApiError, Refused, Unreachable
from tui.commands.options import (
    F,
    all_of,
    config_file_of,
    connection_options,
    json_option,
    monitor_options,
    settings_of,
)
from tui.commands.output import ExitCode, Output, Stop
from tui.features import checked_file
from tui.settings.file import config_path, create_config, shown_path
from tui.settings.secret import NO_SECRET
from tui.settings.settings import UNBIND, Complaint, ConfigFile, Settings, places_of, with_file
from tui.text.styled import Piece, Token

if TYPE_CHECKING:
    from tui.domain.run import Environment
    from tui.sync.session import Session


# What is wrong in the config file: also what other rooms know, such as which columns there are.


def complaints_of(settings: Settings) -> Iterator[Complaint]:
    """Yield everything that is wrong in the file of these settings."""
    file = settings.file
    yield from file.complaints
    if columns := settings.columns.filled:
        from tui.features.columns.words import columns_of_file  # noqa: PLC0415

        yield from columns_of_file(columns, file)[1]
    if settings.views:
        from tui.store.addresses import read_address  # noqa: PLC0415

        for place, view in zip(places_of(file, "views"), settings.views, strict=True):
            for problem in read_address(view.address).problems:
                yield Complaint(f"{place}.address", problem, file=file.shown)


# Runs the session of a command that prints or acts, and turns its errors into exit codes.


class StderrWriter(Protocol):
    """Writes lines to stderr: `Output` or `StderrLines`."""

    def say(self, text: str) -> None:
        """Write one line."""


MIN_WAIT_NOTICE_INTERVAL_S = 60.0
"""The least time between two lines about waiting. A command that follows runs may wait before every request."""


def report_complaints(settings: Settings, output: StderrWriter) -> None:
    """Say what is wrong in the config file."""
    for complaint in complaints_of(settings):
        output.say(str(complaint))


@asynccontextmanager
async def open_session(settings: Settings, output: StderrWriter) -> AsyncIterator["Session"]:
    """Start a session, which ends with the block.

    What is wrong in the config file, and waits for the request budget, are reported on stderr.
    """
    from tui.sync.session import Session  # noqa: PLC0415  `config` needs none

    report_complaints(settings, output)
    reported_s: float | None = None

    def report_wait(seconds: float) -> None:
        nonlocal reported_s
        now_s = session.clock.monotonic_s()
        if reported_s is None or now_s - reported_s >= MIN_WAIT_NOTICE_INTERVAL_S:
            reported_s = now_s
            output.say(f"waiting {seconds:.0f} s for the rate limit")

    session = Session(settings, on_rate_limit_wait=report_wait, on_truncated=output.say)
    try:
        async with session:
            await session.start()
            gc.freeze()
            gc.enable()
            yield session
    finally:
        # Only after the end of the session is it known whether the last lines of the log were written.
        if session.action_log.failure is not None:
            output.say(session.action_log.failure)


def run_async(work: Coroutine[None, None, None]) -> None:
    """Run a command's coroutine. Raises `Stop` for API errors."""
    import asyncio  # noqa: PLC0415

    try:
        asyncio.run(work)
    except Unreachable as error:
        raise Stop(ExitCode.NO_CONNECTION, str(error)) from error
    except ApiError as error:
        raise Stop(ExitCode.REFUSED, str(error)) from error


def session_command(
    name: str, *parameters: Callable[[F], F], sentence: str | None = None
) -> Callable[[Callable[..., Coroutine[None, None, None]]], click.Command]:
    """Return a decorator that makes a command of a coroutine, with `--json` and the options of a connection.

    The coroutine is called with the output, the settings, and its own parameters by their names. `sentence` is the help
    where the coroutine has no docstring for users.
    """

    def decorate(work: Callable[..., Coroutine[None, None, None]]) -> click.Command:
        names = list(signature(work).parameters)[2:]

        @click.command(name, help=sentence or work.__doc__)
        @all_of(connection_options, json_option, *reversed(parameters))
        @click.pass_obj
        def command(output: Output, /, **options: Any) -> None:
            own = {each: options.pop(each) for each in names}
            run_async(work(output, settings_of(options), **own))

        return command

    return decorate


def connected_again(failures: int) -> str:
    """Return what a command that follows says once it can read again."""
    return f"connected again after {failures} failed {'try' if failures == 1 else 'tries'}"


async def read_environment(session: "Session") -> "Environment | None":
    """Return the environment of the key. Commands do without it where the key may not read it."""
    from tui.sync.reads import Priority  # noqa: PLC0415  `config` needs none

    with suppress(ApiError):
        await session.fetcher.fetch_environment(Priority.SELECTED)
    await session.settle()
    return session.store.environment


@contextmanager
def listing(settings: Settings, rows_name: str) -> Iterator[None]:
    """Say of a public token that it may not read a list: the server calls it invalid."""
    try:
        yield
    except Refused as error:
        if not (settings.key.is_public and error.is_about_the_key):
            raise
        line = f"a public token cannot read the list of {rows_name}; use a secret key ({error})"
        raise Stop(ExitCode.REFUSED, line) from None


# `config`: show the settings in effect, describe the config file, write a new one, check one.


_SECRET: Final = "TRIGGER_SECRET_KEY"  # noqa: S105  the name of the variable
_NO_SECRET: Final = {_SECRET: "tr_dev_none"}
"""In place of a key that is not set: the other settings can be shown without one."""


@click.command("config")
@click.option("--check", is_flag=True, help="Check the file and print its errors; exit code 2 if it has any.")
@click.option("--init", is_flag=True, help="Write a new file with every setting and its explanation.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file.")
@click.option("--keys", is_flag=True, help="List all keys with their ids for the config file.")
@json_option
@monitor_options
@connection_options
@click.pass_obj
def config(output: Output, /, *, as_json: bool, **options: Any) -> None:
    """Show the settings in effect, and where each comes from: a flag, a variable, the config file, or the default."""
    wanted = [name for name in ("check", "init", "schema", "keys") if options.pop(name)]
    path = config_path(os.environ, options["config_path"])
    if len(wanted) > 1:
        raise Stop(ExitCode.USAGE, "--check, --init, --schema and --keys exclude each other")
    if wanted == ["schema"]:
        from tui.settings.description import config_schema  # noqa: PLC0415

        output.print_lines(json.dumps(config_schema(), indent=2))
    elif wanted == ["keys"]:
        _print_keys(output, checked_file(config_file_of(options)), as_json=as_json)
    elif path is None:
        raise Stop(ExitCode.USAGE, "there is no place for a config file: HOME is not set (--config names one)")
    elif wanted == ["init"]:
        _init(output, path)
    elif wanted == ["check"]:
        _check(output, checked_file(config_file_of(options)))
    else:
        _show(output, options, as_json=as_json)


def _print_keys(output: Output, file: ConfigFile, *, as_json: bool) -> None:
    from tui.features import key_table  # noqa: PLC0415  imports all screens

    rows = [(row, file.values.keys.get(row.id, row.names)) for row in key_table().rows.values()]
    if as_json:
        output.json_lines(
            {"id": row.id, "keys": keys, "default": row.names, "sentence": row.sentence} for row, keys in rows
        )
        return
    ids, texts = max(len(row.id) for row, _ in rows), [" ".join(keys) or UNBIND for _, keys in rows]
    cells = max(map(len, texts))
    for (row, keys), text in zip(rows, texts, strict=True):
        is_own = keys != row.names
        was = f" By default {' '.join(row.names) or UNBIND}." if is_own else ""
        key = Piece(f"{text:<{cells}}  ", Token.ACCENT if is_own else Token.TEXT)
        output.lines([(Piece(f"{row.id:<{ids}}  "), key, Piece(f"{row.sentence}{was}", Token.FAINT))])


def _init(output: Output, path: Path) -> None:
    from tui.features import key_table  # noqa: PLC0415  imports all screens
    from tui.features.columns.words import ERRORS, RUNS, columns_of  # noqa: PLC0415
    from tui.kit.colors import PALETTES, ColorMode  # noqa: PLC0415
    from tui.settings.description import commented_file  # noqa: PLC0415

    shown = shown_path(path, os.environ)
    try:
        names = {view: tuple(column.id for column in columns_of(view)) for view in (RUNS, ERRORS)}
        create_config(path, commented_file(PALETTES[ColorMode.DARK], names, key_table().rows.values()))
    except FileExistsError:
        raise Stop(ExitCode.USAGE, f"{shown} already exists; it was not changed") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Stop(ExitCode.REFUSED, f"{shown} cannot be written: {reason}") from None
    output.print(f"Wrote {shown} with every setting explained. Nothing changes until you edit it.")


def _check(output: Output, file: ConfigFile) -> None:
    """Print what is wrong. Raises `Stop` (usage) if anything is."""
    from tui.kit.colors import contrast_remarks, detect_color_mode  # noqa: PLC0415

    mode = detect_color_mode(os.environ, file.values.theme)
    settings = with_file(Settings("", NO_SECRET), file)
    complaints = (*complaints_of(settings), *contrast_remarks(file, mode, file.shown))
    for complaint in complaints:
        output.say(str(complaint))
    if any(not complaint.is_remark for complaint in complaints):
        raise Stop(ExitCode.USAGE)


def _show(output: Output, options: dict[str, Any], *, as_json: bool) -> None:
    from tui.kit.colors import PALETTES, ColorMode, detect_color_mode  # noqa: PLC0415
    from tui.settings.description import effective_settings  # noqa: PLC0415

    has_key = bool(os.environ.get(_SECRET, "").strip())
    file = checked_file(config_file_of(options))
    settings = settings_of(options, {**os.environ, **({} if has_key else _NO_SECRET)}, file)
    output.hide(settings.key)
    mode = detect_color_mode(os.environ, settings.theme)
    palette = PALETTES[mode if mode is ColorMode.LIGHT else ColorMode.DARK]
    rows = list(effective_settings(settings, os.environ, palette, has_key=has_key))
    report_complaints(settings, output)
    if as_json:
        output.json_lines({"name": row.name, "value": row.value, "origin": row.origin} for row in rows)
        return
    state = "" if settings.file.is_read or settings.file.complaints else " (nothing is set there)"
    output.print(f"config file: {settings.file.shown or 'none'}{state}")
    names, values = max(len(row.name) for row in rows), min(40, max(len(_text(row.value)) for row in rows))
    for row in rows:
        origin = Piece(row.origin, Token.FAINT if row.origin == "default" else Token.ACCENT)
        output.lines([(Piece(f"{row.name:<{names}}  {_text(row.value):<{values}}  "), origin)])


def _text(value: str | float | bool | list[str] | None) -> str:  # noqa: FBT001  a value of JSON
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:g}"
        case list():
            return ", ".join(value) or "-"
        case _:
            return "-" if value is None else value


COMMANDS: Final = (config,)
