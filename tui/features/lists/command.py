"""The commands of lists: their rows as a table, or as JSON objects."""

from typing import Any

import click

from tui.commands.output import Output
from tui.features.config.command import listing, open_session, read_environment, session_command
from tui.kit.lists import ListView
from tui.settings.settings import Settings
from tui.text import formatting
from tui.text.table import Print


def list_command(view: ListView[Any]) -> click.Command:
    """Make the command of a declared list. It prints the rows in their usual order, then what they lack."""

    @session_command(view.name, sentence=f"{view.sentence} {view.orders[0].sentence}")
    async def command(output: Output, settings: Settings, *, as_json: bool) -> None:
        read, order = view.read, view.orders[0]
        assert read is not None, f"{view.name} has a command of its own"
        async with open_session(settings, output) as session:
            environment = await read_environment(session)
            with listing(settings, view.rows_name):
                rows, is_cut, _ = await session.fetcher.read_list(read, environment)
            rows.sort(key=lambda row: (*order.rank(row), view.key(row)))
            if as_json:
                output.json_lines(map(view.json_of, rows))
            else:
                output.lines(Print(view.table, output.width).page(rows, session.local_now()))
            if not rows:
                output.say(view.none_words(environment))
            if is_cut:
                count = formatting.plural(len(rows), view.noun)
                output.say(f"Only {count} are listed; the server has more, or some could not be read.")

    return command
