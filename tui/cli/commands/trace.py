"""`trace`: reads the trace of a run once, and prints its spans."""

from typing import Any

import click

from tui.cli.options import RUN_ID, connection_options, json_option, settings_of
from tui.cli.sessions import open_session, run_async
from tui.domain.ids import RunId
from tui.output import Output
from tui.session import Session
from tui.settings import Settings


@click.command("trace")
@click.argument("run_id", metavar="RUN", type=RUN_ID)
@json_option
@connection_options
@click.pass_obj
def trace(output: Output, /, *, run_id: RunId, as_json: bool, **options: Any) -> None:
    """Show where the time of a run went. Prints its spans as a tree, with bars on one time axis.

    With --json, one span a line as the server answered it, with the engine's.
    """
    run_async(_trace(output, settings_of(options), run_id, as_json=as_json))


async def _trace(output: Output, settings: Settings, run_id: RunId, *, as_json: bool) -> None:
    async with open_session(settings, output) as session:
        if as_json:
            await _print_objects(output, session, run_id)
        else:
            await _print_lines(output, session, run_id)


async def _print_objects(output: Output, session: Session, run_id: RunId) -> None:
    """Print every span of the one answer. A cut answer is reported on stderr."""
    from tui.present.printed.trace import record_object
    from tui.present.waterfall.words import cut_words
    from tui.sources.budget import Priority
    from tui.wire.traces.trace import read_records

    api = session.fetcher.api
    scanner = await session.budget.request(("spans", run_id), Priority.SELECTED, lambda: api.read_trace_nodes(run_id))
    output.json_lines(record_object(record) for record in read_records(scanner))
    if scanner.is_truncated:
        output.say(f"the trace is {cut_words(len(scanner.nodes))}; the rest is missing")


async def _print_lines(output: Output, session: Session, run_id: RunId) -> None:
    """Print the trace. The run itself is read too, because only it says for certain whether it has ended."""
    from tui.domain.traces.extent import extents_of
    from tui.domain.traces.waterfall import place
    from tui.present.printed.trace import trace_lines
    from tui.present.waterfall.look import run_ends
    from tui.sources.budget import Priority
    from tui.wire.errors import ApiError

    api, store = session.fetcher.api, session.store
    found = await session.budget.request(("trace", run_id), Priority.SELECTED, lambda: api.read_trace(run_id))
    try:
        await session.fetcher.fetch_run(run_id, Priority.SELECTED)
        await session.settle()
    except ApiError as error:
        output.say(f"the status of the run is not known: {error}")
    waterfall = place(found)
    extents = extents_of(waterfall, run_ends(store.get))
    width, has_colors, now = output.reading_width, output.has_color, session.local_now()
    output.lines(trace_lines(waterfall, extents, store.get, now=now, width=width, has_colors=has_colors))


COMMANDS = (trace,)
