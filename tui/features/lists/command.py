"""The command of a declared list: its rows as a table, or as JSON objects."""

from contextlib import suppress
from typing import Any

import click

from tui.api.errors import ApiError, Refused
from tui.commands.options import connection_options, json_option, settings_of
from tui.commands.output import ExitCode, Output, Stop
from tui.features.config.command import open_session, run_async
from tui.kit.lists import ListView
from tui.settings.settings import Settings
from tui.sync.budget import Priority
from tui.text import formatting
from tui.text.table import Print


def list_command(view: ListView[Any]) -> click.Command:
    """Make the command of a list."""

    @click.command(view.name, help=f"{view.sentence} {view.orders[0].sentence}")
    @json_option
    @connection_options
    @click.pass_obj
    def command(output: Output, /, *, as_json: bool, **options: Any) -> None:
        run_async(_print(view, output, settings_of(options), as_json=as_json))

    return command


async def _print(view: ListView[Any], output: Output, settings: Settings, *, as_json: bool) -> None:
    """Print the rows in their usual order, then what they lack."""
    read = view.read
    assert read is not None, f"{view.name} has a command of its own"
    async with open_session(settings, output) as session:
        with suppress(ApiError):
            await session.fetcher.fetch_environment(Priority.SELECTED)
        await session.settle()
        environment = session.store.environment
        try:
            rows, is_cut, _ = await session.fetcher.read_list(read, Priority.SELECTED, environment)
        except Refused as error:
            if settings.key.is_public and error.is_about_the_key:
                line = f"a public token may not read the list of {view.rows_name}, a secret key may ({error})"
                raise Stop(ExitCode.REFUSED, line) from None
            raise
        rows.sort(key=lambda row: (*view.orders[0].rank(row), view.key(row)))
        if as_json:
            output.json_lines(map(view.json_of, rows))
        else:
            output.lines(Print(view.table, output.width).page(rows, session.local_now()))
        if not rows:
            output.say(view.none_words(environment))
        if is_cut:
            count = formatting.plural(len(rows), view.noun)
            output.say(f"Only {count} were read; the server has more, or some could not be read.")
