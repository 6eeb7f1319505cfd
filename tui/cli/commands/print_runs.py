"""`ls`, `show` and `tree`: read runs once, and print them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import RUN_ID, connection_options, json_option, settings_of
from tui.cli.sessions import open_session, run_async
from tui.domain.filters import RunFilters, parse_period, period_text, queue_names
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import STATUS_TABLE, RunStatus, filter_word, live_statuses
from tui.domain.text import Raw, clean
from tui.domain.time_span import InvalidSpan, read_time_span, time_span_text
from tui.output import Output
from tui.present.formatting import zone_name
from tui.present.styled import Piece
from tui.session import Session
from tui.settings import Settings

if TYPE_CHECKING:
    from tui.domain.hold import QueueState

DEFAULT_LIMIT = 50
"""Runs that `ls` prints: about two screens, read by one request."""

BODY_MAX_BYTES = 64 * 1024 * 1024
"""The largest payload or output that `--fetch` downloads; a task cannot return more."""


@click.command("ls")
@click.option("--status", multiple=True, metavar="STATUS", help="Only this status: failed, executing, timed-out …")
@click.option("--task", multiple=True, metavar="TASK", help="Only this task.")
@click.option("--tag", multiple=True, metavar="TAG", help="Only this tag.")
@click.option("--version", multiple=True, metavar="VERSION", help="Only this version (20261124.1).")
@click.option("--queue", multiple=True, metavar="QUEUE", help="Only this queue: the name of a queue, or of a task.")
@click.option(
    "--period",
    metavar="PERIOD",
    help="Only runs created within: 30m, 24h, 7d, or from-until: 02:50-03:20, 'yesterday 23:30-00:30', "
    "2026-11-26 [default: 24h, and older live runs].",
)
@click.option(
    "--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help="At most this many runs."
)
@json_option
@connection_options
@click.pass_obj
def ls(output: Output, /, *, limit: int, as_json: bool, **options: Any) -> None:
    """List runs, newest first. An option that is repeated, or has values with commas, matches any of them."""
    settings = settings_of(options)
    run_async(_ls(output, settings, _filters(options, settings.zone), limit=limit, as_json=as_json))


async def _ls(output: Output, settings: Settings, filters: RunFilters, *, limit: int, as_json: bool) -> None:
    from tui.present.printed.schema import run_object

    async with open_session(settings, output) as session:
        table = None if as_json else output.run_table()
        count = 0
        async for runs, read_at in _pages(session, filters, limit, output.say):
            count += len(runs)
            if table is None:
                for run in runs:
                    output.json_line(run_object(run))
            else:
                table.rows(runs, read_at.astimezone(session.settings.zone))
        if count == 0:
            output.say(nothing_found(filters, settings.history))


async def _pages(
    session: Session, filters: RunFilters, limit: int, say: Callable[[str], None]
) -> AsyncIterator[tuple[list[Run], datetime]]:
    """Yield pages of runs up to the limit.

    Without a period in the filters these are the runs of the default period, then older live runs. Raises `Stop` if the
    server requires a shorter period.
    """
    from tui.wire.errors import Refused, TooExpensive

    printed_ids, live = set[RunId](), live_statuses(filters.statuses)
    # Only live runs: they are few, so that a request without a period finds all of them.
    is_one_pass = filters.has_window or live == filters.statuses
    first = filters if is_one_pass else replace(filters, period=period_text(session.settings.history))
    try:
        async for page in _pages_of_period(session, first, limit, printed_ids, say):
            yield page
    except TooExpensive as error:
        raise Stop(ExitCode.REFUSED, f"{error} (give a shorter --period, such as 1h)") from error
    if is_one_pass or not live or len(printed_ids) >= limit:
        return
    try:
        async for page in _pages_of_period(session, replace(filters, statuses=live), limit, printed_ids, say):
            yield page
    except Refused as error:
        if error.is_about_the_key:
            raise
        say(f"older live runs were not read: {error}")


async def _pages_of_period(
    session: Session, filters: RunFilters, limit: int, printed_ids: set[RunId], say: Callable[[str], None]
) -> AsyncIterator[tuple[list[Run], datetime]]:
    """Yield pages of one period, up to the limit. Runs in `printed_ids` are left out, the others added to it.

    A short or empty page is not the last one. Source: tests/wire/recordings/README.md §3. Raises `Stop` if the pages do
    not end.
    """
    from tui.sources.budget import Priority
    from tui.sources.paging import ENDLESS, Paging
    from tui.store.merge import merge

    paging, unreadable = Paging(max_pages=sys.maxsize), 0  # the limit bounds those that bring runs
    while len(printed_ids) < limit and not paging.is_done:
        size = min(100, limit - len(printed_ids))
        page = await session.fetcher.fetch_page(filters, Priority.SELECTED, after=paging.cursor, size=size)
        # A run that is created between two requests moves another one to the next page: print that one only once.
        new = [patch for patch in page.patches if patch.id not in printed_ids][: limit - len(printed_ids)]
        printed_ids.update(patch.id for patch in new)
        unreadable += page.unreadable
        if new:
            yield [merge(None, patch) for patch in new], page.read_at
        paging.add([patch.id for patch in page.patches], page.next)
    if unreadable:
        say(f"{unreadable} {'row' if unreadable == 1 else 'rows'} could not be read and are left out")
    if paging.is_endless and len(printed_ids) < limit:
        runs = "run" if len(printed_ids) == 1 else "runs"
        raise Stop(ExitCode.REFUSED, f"stopped after {len(printed_ids):,} {runs}: {ENDLESS}")


@click.command("show")
@click.argument("run_id", metavar="RUN", type=RUN_ID)
@click.option(
    "--fetch", is_flag=True, help="Also download a payload or output that the API stores apart (over 512 KB)."
)
@click.option("--markdown", is_flag=True, help="Print a ticket in Markdown, the same that Y t copies in the monitor.")
@click.option(
    "--payload", is_flag=True, help="Put the payload into the ticket; without --markdown it is printed anyway."
)
@json_option
@connection_options
@click.pass_obj
def show(
    output: Output,
    /,
    *,
    run_id: RunId,
    fetch: bool,
    markdown: bool,
    payload: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Show one run in full. Prints status, times, error, attempts with their stacks, payload, output and relatives."""
    if markdown and as_json:
        raise Stop(ExitCode.USAGE, "--markdown and --json are two forms of output: give one of them")
    settings = settings_of(options)
    if markdown:
        run_async(_show_ticket(output, settings, run_id, fetch=fetch, has_payload=payload))
    else:
        run_async(_show(output, settings, run_id, fetch=fetch, as_json=as_json))


async def _show_ticket(output: Output, settings: Settings, run_id: RunId, *, fetch: bool, has_payload: bool) -> None:
    from tui.present.printed.ticket import ticket

    for secret in (settings.key, settings.relay_token):
        output.hide(secret)
    async with open_session(settings, output) as session:
        (run, failure), _ = await asyncio.gather(session.fetch_run_with_attempts(run_id), _read_environment(session))
        if failure is not None:
            output.say(failure)
        if fetch:
            run = await session.fetcher.fetch_bodies(run, max_bytes=BODY_MAX_BYTES)
        environment = session.store.environment
        text = ticket(
            run,
            environment=None if environment is None else environment.at_dashboard(settings.dashboard_url),
            has_payload=has_payload,
            redact=output.redact,
            zone=settings.zone,
        )
        output.lines((Piece(line),) for line in text.removesuffix("\n").split("\n"))


async def _read_environment(session: Session) -> None:
    """Read the names of the environment for a ticket. It does without them where the key may not read them."""
    from tui.sources.budget import Priority
    from tui.wire.errors import ApiError

    with suppress(ApiError):
        await session.fetcher.fetch_environment(Priority.SELECTED)


async def _show(output: Output, settings: Settings, run_id: RunId, *, fetch: bool, as_json: bool) -> None:
    from tui.domain.hold import hold_of
    from tui.present.printed.run import run_page
    from tui.present.printed.schema import run_object

    async with open_session(settings, output) as session:
        run, failure = await session.fetch_run_with_attempts(run_id)
        if failure is not None:
            output.say(failure)
        if fetch:
            run = await session.fetcher.fetch_bodies(run, max_bytes=BODY_MAX_BYTES)
        store = session.store
        root = store.get(run.fixed.root_id) if run.fixed.root_id else None
        parent = store.get(run.fixed.parent_id) if run.fixed.parent_id else None
        children = store.children_of(run.id) if run.children_read_at is not None else None
        if (queue := await _read_queue(session, run)) is not None:
            run = replace(run, fixed=replace(run.fixed, queue=Raw(queue.queue.stored_name)))
        if as_json:
            hold = hold_of(run, queue, session.now())
            printed = run_object(run, root=root, parent=parent, children=children, hold=hold)
            if failure is not None and not printed.get("attemptsComplete"):
                printed |= {"attemptsComplete": False, "attemptsMissing": failure}
            output.json_line(printed)
        else:
            output.lines(
                run_page(
                    run,
                    root=root,
                    parent=parent,
                    children=children,
                    now=session.local_now(),
                    width=output.reading_width,
                    queue=queue,
                )
            )


async def _read_queue(session: Session, run: Run) -> "QueueState | None":
    """Read the queue of a run that waits in it. Where that fails, the page says nothing of it."""
    from tui.domain.findings.finding import Standstill, StandstillReason
    from tui.sources.budget import Priority
    from tui.sources.queue_fetcher import QueueFetcher
    from tui.wire.errors import ApiError

    if run.status is not RunStatus.QUEUED or run.state is None or run.is_gone:
        return None
    state = None
    with suppress(ApiError):
        state = await QueueFetcher(session.fetcher, session.emit).read_state(run, None)
    if state is not None:
        with suppress(ApiError):
            await session.fetcher.fetch_environment(Priority.SELECTED)
        await session.settle()
        environment = session.store.environment
        if environment is not None and environment.is_paused:
            state = replace(state, standstill=Standstill(StandstillReason.ENVIRONMENT_PAUSED))
    return state


@click.command("tree")
@click.argument("run_id", metavar="RUN", type=RUN_ID)
@json_option
@connection_options
@click.pass_obj
def tree(output: Output, /, *, run_id: RunId, as_json: bool, **options: Any) -> None:
    """Show which run triggered which. Prints the whole tree around a run, from its root."""
    run_async(_tree(output, settings_of(options), run_id, as_json=as_json))


async def _tree(output: Output, settings: Settings, run_id: RunId, *, as_json: bool) -> None:
    from tui.present.printed.schema import tree_objects
    from tui.present.printed.tree import tree_lines

    async with open_session(settings, output) as session:
        found = await session.fetch_tree(run_id)
        if as_json:
            for node in tree_objects(found):
                output.json_line(node)
            for reason in found.missing:
                output.say(f"Not fully loaded: {reason}.")
        else:
            output.lines(tree_lines(found, now=session.local_now(), width=output.width))


def _filters(options: dict[str, Any], zone: tzinfo) -> RunFilters:
    """Return the filters for the API. Raises `Stop` (usage) for a status or period that the API would ignore."""
    period, span = options["period"], None
    if period is not None and parse_period(period) is None:
        now = datetime.now(zone)
        forms = f"30m, 24h, 7d, or from-until in {zone_name(now)}, begun already: 02:50-03:20"
        try:
            span = read_time_span(period, now)
        except InvalidSpan as error:
            raise Stop(ExitCode.USAGE, f"--period {period!r} {error} ({forms})") from None
        if span is None:
            raise Stop(ExitCode.USAGE, f"--period {period!r} is not a period: {forms} (the API would ignore it)")
    statuses = []
    for name in _values(options["status"]):
        word = filter_word(name)
        if word is None:
            known = ", ".join(row.title for row in STATUS_TABLE if filter_word(row.title))
            raise Stop(ExitCode.USAGE, f"--status {name!r} is not a status that the API filters by: {known}")
        statuses.append(word)
    return RunFilters(
        statuses=tuple(dict.fromkeys(statuses)),
        tasks=tuple(TaskId(task) for task in _values(options["task"])),
        tags=_values(options["tag"]),
        versions=_values(options["version"]),
        queues=_values(options["queue"]),
        period=period if span is None else None,
        created_from=span.begin if span is not None else None,
        created_to=span.end if span is not None else None,
    )


def nothing_found(filters: RunFilters, history: timedelta) -> str:
    """Return a sentence that repeats the filters, and names an option that finds more."""
    fields = (
        ("status", filters.statuses),
        ("task", filters.tasks),
        ("tag", filters.tags),
        ("version", filters.versions),
        ("queue", queue_names(filters.queues)),
    )
    conditions = [f"{name} {' or '.join(map(clean, values))}" for name, values in fields if values]
    if filters.period is not None:
        return f"No runs match: {', '.join([*conditions, f'last {filters.period}'])}."
    if filters.created_from is not None:
        span = time_span_text(filters.created_from, filters.created_to)
        return f"No runs match: {', '.join([*conditions, f'{span} {zone_name(filters.created_from)}'])}."
    live = live_statuses(filters.statuses)
    if live == filters.statuses:
        return f"No runs match: {', '.join([*conditions, 'of any age'])}."
    window = f"last {period_text(history)}" + (" or live" if live else "")
    return f"No runs match: {', '.join([*conditions, window])}. --period 30d looks further back."


def _values(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of a repeated option, split at commas. Raises `Stop` (usage) for an invalid value."""
    values = tuple(dict.fromkeys(value.strip() for text in given for value in text.split(",") if value.strip()))
    if given and not values:
        raise Stop(ExitCode.USAGE, "an empty filter would match all runs: give it a value, or leave it out")
    for value in values:
        if not value.isprintable() and clean(value) != value:
            raise Stop(ExitCode.USAGE, f"the filter {clean(value)!r} contains invalid characters")
    return values


COMMANDS = (ls, show, tree)
