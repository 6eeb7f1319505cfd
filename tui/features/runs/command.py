"""`ls`, `show`, `tree` and `watch`: read runs, and print them."""

import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, assert_never

import click

from tui.api.errors import ApiError, Refused, TooExpensive
from tui.commands.completion import complete_values
from tui.commands.options import RUN_ID, F, following_options, run_argument
from tui.commands.output import ExitCode, Output, Stop
from tui.domain.filters import (
    InvalidPeriod,
    RunFilters,
    TypedSpan,
    period_text,
    queue_names,
    read_period,
    time_span_text,
)
from tui.domain.finding import QueueState, Standstill, StandstillReason, hold_of
from tui.domain.run import (
    FEEDS,
    RUN,
    RUN_FEED,
    STATUS_TABLE,
    Environment,
    Precision,
    Run,
    RunId,
    RunStatus,
    live_statuses,
    typed_words,
)
from tui.domain.text import Raw, clean
from tui.domain.tree import RunTree, TreeNode
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.features.config.command import connected_again, open_session, read_environment, session_command
from tui.features.runs.columns import PRINTED_TABLE, short_id
from tui.features.runs.printed import run_object, status_object, transition_line, tree_objects
from tui.settings.settings import Settings
from tui.store.merge import merge
from tui.store.server_filter import status_words
from tui.sync.reads import ENDLESS, Paging, Priority
from tui.text import formatting
from tui.text.blocks import Now, labelled
from tui.text.formatting import zone_name
from tui.text.status import StatusStyle, style_of, style_of_status
from tui.text.styled import ELLIPSIS, Line, Piece, Token, line_width, wrap
from tui.text.table import GAP, GLYPH_CELLS, Column, Print, Table

if TYPE_CHECKING:
    from tui.features.detail.words import Relatives
    from tui.features.tree.words import Branch
    from tui.sync.session import Session

# `ls`, `show` and `tree`: read runs once, and print them.


DEFAULT_LIMIT = 50
"""Runs that `ls` prints: about two screens, read by one request."""

BODY_MAX_BYTES = 64 * 1024 * 1024
"""The largest payload or output that `--fetch` downloads; a task cannot return more."""


def _filter(word: str, sentence: str) -> Callable[[F], F]:
    """Return an option for a list of `RunFilters`. Its values, split at commas, are collected in `filters`."""

    def read(context: click.Context, _: click.Parameter, given: tuple[str, ...]) -> None:
        values = tuple(dict.fromkeys(value.strip() for text in given for value in text.split(",") if value.strip()))
        if given and not values:
            raise click.BadParameter("an empty filter would match all runs: give it a value, or leave it out")
        for value in values:
            if not value.isprintable() and clean(value) != value:
                raise click.BadParameter(f"the filter {clean(value)!r} contains invalid characters")
        context.params.setdefault("filters", {})[word] = _words(values) if word == "status" else values

    return click.option(
        f"--{word}",
        multiple=True,
        callback=read,
        expose_value=False,
        metavar=word.upper(),
        help=sentence,
        shell_complete=complete_values,
    )


def _words(statuses: Iterable[str]) -> tuple[str, ...]:
    """Return the API's words for statuses, and for groups of them such as `failed`."""
    words = {name: status_words(name) for name in statuses}
    for name, found in words.items():
        if not found:
            known = ", ".join(["failed", *(row.word for row in STATUS_TABLE if row.filter)])
            raise click.BadParameter(f"{name!r} is not a status that the API can filter by; use one of: {known}")
    return tuple(dict.fromkeys(word for found in words.values() for word in found))


@session_command(
    "ls",
    _filter("status", "Only this status: executing, timed-out …; failed: every kind of failure."),
    _filter("task", "Only this task."),
    _filter("tag", "Only this tag."),
    _filter("version", "Only this version (20261124.1)."),
    _filter("queue", "Only this queue; for the queue of a task, the name of the task."),
    click.option(
        "--period",
        metavar="PERIOD",
        help="Only runs created in this period: 30m, 24h, 7d, 02:50-03:20, 'yesterday 23:30-00:30', "
        "2026-11-26 [default: 24h, plus older live runs].",
    ),
    click.option(
        "--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help="At most this many runs."
    ),
)
async def ls(
    output: Output,
    settings: Settings,
    *,
    filters: dict[str, tuple[str, ...]],
    period: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List runs, newest first. An option with several values (repeated, or with commas) matches any of them."""
    wanted = RunFilters.of(filters, **_window(period, datetime.now(settings.zone)))
    async with open_session(settings, output) as session:
        table, count = Print(PRINTED_TABLE, output.width), 0
        try:
            async for runs, read_at in _pages(session, wanted, limit, output.say):
                count += len(runs)
                if as_json:
                    output.json_lines(map(run_object, runs))
                else:
                    output.lines(table.page(runs, read_at.astimezone(settings.zone)))
        except TooExpensive as error:
            raise Stop(ExitCode.REFUSED, f"{error} (give a shorter --period, such as 1h)") from error
        if count == 0:
            output.say(nothing_found(wanted, settings.history))


async def _pages(
    session: "Session", filters: RunFilters, limit: int, say: Callable[[str], None]
) -> AsyncIterator[tuple[list[Run], datetime]]:
    """Yield pages of runs up to the limit, each run once.

    Without a period in the filters these are the runs of the default period, then older live runs. A short or empty
    page is not the last one. Source: tests/wire/recordings/README.md §3. Raises `Stop` if the pages do not end, and if
    the server requires a shorter period.
    """
    printed_ids, live, passes = set[RunId](), live_statuses(filters.statuses), [filters]
    # Only live runs are listed: there are few, so a request without a period finds all of them.
    if not filters.has_window and live != filters.statuses:
        passes = [replace(filters, period=period_text(session.settings.history))]
        passes += [replace(filters, statuses=live)] if live else []
    for wanted in passes:
        paging, unreadable = Paging(max_pages=sys.maxsize), 0  # the limit bounds the pages that have runs
        while (left := limit - len(printed_ids)) > 0 and not paging.is_done:
            try:
                page = await session.fetcher.fetch_page(
                    wanted, Priority.SELECTED, after=paging.cursor, size=min(100, left)
                )
            except Refused as error:
                if wanted is passes[0] or error.is_about_the_key:
                    raise
                say(f"older live runs were not read: {error}")
                return
            # A run that is created between two requests moves another one to the next page.
            new = [patch for patch in page.patches if patch.id not in printed_ids][:left]
            printed_ids.update(patch.id for patch in new)
            unreadable += page.unreadable
            if new:
                yield [merge(None, patch) for patch in new], page.read_at
            paging.add([patch.id for patch in page.patches], page.next)
        if unreadable:
            say(f"{formatting.plural(unreadable, 'row')} could not be read and are left out")
        if paging.is_endless and len(printed_ids) < limit:
            raise Stop(ExitCode.REFUSED, f"stopped after {formatting.plural(len(printed_ids), 'run')}: {ENDLESS}")


@session_command(
    "show",
    run_argument,
    click.option(
        "--fetch", is_flag=True, help="Also download a payload or output that the API stores separately (over 512 KB)."
    ),
    click.option("--markdown", is_flag=True, help="Print a ticket in Markdown, as Y t copies it in the monitor."),
    click.option(
        "--payload", is_flag=True, help="Put the payload into the ticket. Without --markdown it is always printed."
    ),
)
async def show(
    output: Output, settings: Settings, *, run_id: RunId, fetch: bool, markdown: bool, payload: bool, as_json: bool
) -> None:
    """Show one run in full: status, times, error, attempts with stacks, payload, output, parent and child runs."""
    if markdown and as_json:
        raise Stop(ExitCode.USAGE, "--markdown and --json are two forms of output: give one of them")
    async with open_session(settings, output) as session:
        run, failure = await session.fetcher.fetch_run_with_attempts(run_id)
        if failure is not None:
            output.say(failure)
        if fetch:
            run = await session.fetcher.fetch_bodies(run, max_bytes=BODY_MAX_BYTES)
        if markdown:
            _print_ticket(output, settings, run, await read_environment(session), has_payload=payload)
        else:
            await _print_run(output, session, run, failure, as_json=as_json)


def _print_ticket(
    output: Output, settings: Settings, run: Run, environment: Environment | None, *, has_payload: bool
) -> None:
    from tui.features.copying.words import Ticket  # noqa: PLC0415

    for secret in (settings.key, settings.relay_token):
        output.hide(secret)
    if environment is not None:
        environment = environment.at_dashboard(settings.dashboard.url or None)
    text = Ticket(run, environment, output.redact, settings.zone).text(has_payload=has_payload)
    output.print_lines(text.removesuffix("\n"))


async def _print_run(output: Output, session: "Session", run: Run, failure: str | None, *, as_json: bool) -> None:
    """Print a run with its relatives. `failure` says why attempts may be missing."""
    from tui.features.detail.words import Relatives  # noqa: PLC0415  `ls` does not need it

    around = Relatives.of(run, session.store, session.store.get)
    if (queue := await _read_queue(session, run)) is not None:
        run = replace(run, fixed=replace(run.fixed, queue=Raw(queue.queue.stored_name)))
    if as_json:
        printed = run_object(run, around=around, hold=hold_of(run, queue, session.now()))
        if failure is not None and not printed.get("attemptsComplete"):
            printed |= {"attemptsComplete": False, "attemptsMissing": failure}
        output.json_line(printed)
    else:
        output.lines(run_page(run, around, now=session.local_now(), width=output.reading_width, queue=queue))


async def _read_queue(session: "Session", run: Run) -> "QueueState | None":
    """Read the queue of a run that waits in it. If that fails, the page does not mention it."""
    from tui.sync.facts import QueueFetcher  # noqa: PLC0415

    if run.status is not RunStatus.QUEUED or run.state is None or run.is_gone:
        return None
    state = None
    with suppress(ApiError):
        state = await QueueFetcher(session.fetcher).read_state(run, None)
    if state is not None and (environment := await read_environment(session)) is not None and environment.is_paused:
        state = replace(state, standstill=Standstill(StandstillReason.ENVIRONMENT_PAUSED))
    return state


@session_command("tree", run_argument)
async def tree(output: Output, settings: Settings, *, run_id: RunId, as_json: bool) -> None:
    """Show which run triggered which. Prints the whole tree around a run, from its root."""
    async with open_session(settings, output) as session:
        found = await session.fetch_tree(run_id)
        if as_json:
            output.json_lines(tree_objects(found))
            for reason in found.missing:
                output.say(f"Not all of the tree was read: {reason}.")
        else:
            output.lines(tree_lines(found, now=session.local_now(), width=output.width))


def _window(text: str | None, now: datetime) -> dict[str, Any]:
    """Return the fields of filters for `--period`. Raises `Stop` (usage) for one that the API would ignore."""
    if text is None:
        return {}
    try:
        period = read_period(text, now)
    except InvalidPeriod as error:
        forms = f"30m, 24h, 7d, or past times in {zone_name(now)}: 02:50-03:20"
        raise Stop(ExitCode.USAGE, f"--period {text!r} {error} ({forms})") from None
    return (
        {"created_from": period.begin, "created_to": period.end} if isinstance(period, TypedSpan) else {"period": text}
    )


def nothing_found(filters: RunFilters, history: timedelta) -> str:
    """Return a sentence that repeats the filters, and names an option that finds more."""
    lists = filters.lists | {"queue": queue_names(filters.queues), "status": typed_words(filters.statuses)}
    conditions = [f"{word} {' or '.join(map(clean, values))}" for word, values in lists.items() if values]
    if filters.period is not None:
        return f"No runs match: {', '.join([*conditions, f'last {filters.period}'])}."
    if filters.created_from is not None:
        span = time_span_text(filters.created_from, filters.created_to)
        return f"No runs match: {', '.join([*conditions, f'{span} {zone_name(filters.created_from)}'])}."
    if (live := live_statuses(filters.statuses)) == filters.statuses:
        return f"No runs match: {', '.join([*conditions, 'of any age'])}."
    window = f"last {period_text(history)}" + (" or still live" if live else "")
    return f"No runs match: {', '.join([*conditions, window])}. --period 30d looks further back."


# `watch`: prints one line for each transition, until the run ends or the user presses Ctrl-C.


TOO_EXPENSIVE: Final = 422
"""The server requires a shorter period."""


@session_command(
    "watch",
    click.argument("run_id", metavar="[RUN]", required=False, type=RUN_ID),
    following_options,
)
async def watch(output: Output, settings: Settings, *, run_id: RunId | None, as_json: bool) -> None:
    """Print every change of status. With RUN, stop when that run ends: exit code 0 if it completed, else 4."""
    async with open_session(settings, output) as session:
        watcher = _Watcher(session, output, run_id, as_json=as_json)
        changes = session.changes()
        if run_id is None:
            session.sources.follow_runs()
        else:
            session.sources.follow(RUN, RUN_FEED, run_id=run_id)
        async for change in changes:
            watcher.check_connection()
            for transition in change.transitions:
                await watcher.on_transition(transition.before, transition.after)


class _Watcher:
    """Decides which transitions to print: those of the given run, or those of runs created after the start."""

    def __init__(self, session: "Session", output: Output, run_id: RunId | None, *, as_json: bool) -> None:
        self._session = session
        self._output = output
        self._run_id = run_id
        self._as_json = as_json
        # Runs created later are new. None before the first connection.
        self._since: datetime | None = None
        self._failure: SourceRetrying | None = None
        self._was_live: bool | None = None

    async def on_transition(self, before: Run | None, after: Run) -> None:
        """Print a transition if it is new. Raises `Stop` when the given run has ended."""
        is_given = after.id == self._run_id
        is_new = self._since is not None and after.created_at is not None and after.created_at > self._since
        if not is_given and (self._run_id is not None or (before is None and not is_new)):
            return
        is_end = is_given and after.is_final
        if is_end:
            after = await self._read_details(after)
        self._print(before, after)
        if is_end:
            raise Stop(ExitCode.OK if after.status is RunStatus.COMPLETED_SUCCESSFULLY else ExitCode.RUN_FAILED)

    async def _read_details(self, run: Run) -> Run:
        """Read what the feed omits of an ended run: the number of attempts, and a large output (stored separately)."""
        if run.body is not None and run.body[0].precision is Precision.DETAIL:
            return run
        with suppress(ApiError):  # the status, which is known already, is enough
            await self._session.fetcher.fetch_run(run.id, Priority.SELECTED)
            await self._session.settle()
        return self._session.store.get(run.id) or run

    def _print(self, before: Run | None, after: Run) -> None:
        if not self._as_json:
            self._output.lines([transition_line(before, after, self._session.local_now())])
            return
        line = run_object(after)
        if before is not None:
            line |= {f"previous{key[0].upper()}{key[1:]}": word for key, word in status_object(before).items()}
        self._output.json_line(line)

    def check_connection(self) -> None:
        """Report on stderr that a connection was lost or restored. Raises `Stop` if the first one fails."""
        # Feeds last: if polling fails too, its `Stop` is the only report.
        for name, state in sorted(self._session.store.source_statuses.items(), key=lambda source: source[0] in FEEDS):
            match state:
                case SourceRetrying() | SourceStopped() if name in FEEDS:
                    self._report_feed_failure(state)
                case SourceConnected():
                    self._was_live = name in FEEDS or self._was_live
                    if self._failure is not None and name == self._failure.source:
                        self._output.say(connected_again(self._failure.attempt))
                        self._failure = None
                    if self._since is None:
                        newest = self._session.store.newest()
                        created_at = newest.created_at if newest else None
                        self._since = state.at if created_at is None else min(created_at, state.at)
                case SourceRetrying():
                    if self._since is None:
                        code = ExitCode.REFUSED if state.is_answered else ExitCode.NO_CONNECTION
                        raise Stop(code, self._reason(state))
                    if state != self._failure:
                        self._failure = state
                        wait_s = max(0.0, (state.next_at - state.at).total_seconds())
                        self._output.say(f"no data: {state.reason}; retrying in {wait_s:.0f} s (try {state.attempt})")
                case SourceStopped():
                    raise Stop(ExitCode.REFUSED, self._reason(state))
                case _:
                    assert_never(state)

    def _reason(self, state: SourceRetrying | SourceStopped) -> str:
        """Return why runs cannot be read, with advice if the server requires a shorter period."""
        if state.status != TOO_EXPENSIVE or self._run_id is not None:
            return state.reason
        period = period_text(self._session.settings.history)
        return f"{state.reason} (the server wants a shorter period than {period}: watch one RUN, or use ls --period 1h)"

    def _report_feed_failure(self, state: SourceRetrying | SourceStopped) -> None:
        """Report that the feed does not work, once until it works again."""
        from tui.kit.words import feed_sentence  # noqa: PLC0415

        if self._since is not None and self._was_live is not False:
            self._was_live = False
            self._output.say(feed_sentence(state))


COMMANDS = (ls, show, tree, watch)


# The page about one run that `show` prints. It takes its lines from `features.detail`.


MIN_WIDTH: Final = 40
MAX_CHILDREN: Final = 10
"""The page names at most this many children with one status, except failed ones."""


def run_page(
    run: Run, around: "Relatives | None" = None, *, now: datetime, width: int, queue: QueueState | None = None
) -> list[Line]:
    """Return the page in lines of at most `width` cells (at least 40), with an empty line between blocks.

    `queue` is the queue of a run that waits in it.
    """
    from tui.features.attempts.words import attempt_lines  # noqa: PLC0415  `ls` does not need it
    from tui.features.detail import words as detail_page  # noqa: PLC0415  as above

    limit, at = max(width, MIN_WIDTH), Now(now)
    tags = [row.line for row in detail_page.tag_rows(run, limit)]
    blocks = (
        detail_page.head_lines(run, at, limit),
        _error(run, limit),
        detail_page.time_lines(run, at, limit, shows_zone=True) + detail_page.updated_lines(run, at, limit),
        detail_page.fact_lines(run, limit, detail_page.hold_words(run, queue, at)) + tags,
        _relatives(run, around or detail_page.Relatives(), limit),
        detail_page.body_lines(run, limit),
        attempt_lines(run, now, limit),
    )
    lines: list[Line] = [line for block in blocks if block for line in ((), *block)]
    return lines[1:]


def _error(run: Run, limit: int) -> list[Line]:
    """Return the error, without its stack where an attempt below shows it."""
    from tui.features.detail.words import best_error  # noqa: PLC0415  `ls` does not need it
    from tui.features.errors.error import error_lines  # noqa: PLC0415  as above

    if (error := best_error(run)) is None:
        return []
    is_shown_below = any(attempt.error and attempt.error.stack for attempt in run.history.attempts)
    return error_lines(replace(error, stack=None, causes=()) if is_shown_below else error, limit)


def _relatives(run: Run, around: "Relatives", limit: int) -> list[Line]:
    """Return the root and the parent, and the children by status: all that failed, and the first ten of each other."""
    from tui.features.detail.words import children_by_status, children_summary  # noqa: PLC0415  `ls` does not need it

    lines: list[Line] = []
    ids = (run.fixed.root_id, run.fixed.parent_id)
    for label, relative, run_id in zip(("root", "parent"), (around.root, around.parent), ids, strict=True):
        if run_id is not None:
            lines += labelled(label, _relative(relative, run_id), limit)
    if around.children is None:
        return lines
    groups, hidden = children_by_status(around.children), 0
    lines += children_summary(groups, limit)
    for style, runs in groups.items():
        shown = len(runs) if style.is_bold else MAX_CHILDREN
        hidden += len(runs[shown:])
        for child in runs[:shown]:
            lines += labelled("", _relative(child, child.id), limit)
    if hidden:
        note = Piece(f"… and {formatting.count(hidden)} more; tree prints them", Token.FAINT)
        lines += labelled("", [(note,)], limit)
    return lines


def _relative(run: Run | None, run_id: RunId) -> list[Line]:
    if run is None:
        return [(Piece(run_id),)]
    style = style_of(run)
    return [(Piece(run.fixed.task or formatting.NONE),), (Piece(run.id),), (style.mark, Piece(" "), style.name)]


# The tree that `tree` prints: guides, one run a line, whole ids, any depth and width.


_MIN_HEAD: Final = 22
_MIN_TASK: Final = 14  # Of the head, with the glyph.


def tree_lines(tree: RunTree, *, now: datetime, width: int | None) -> list[Line]:
    """Return the tree in lines of at most `width` cells (None: no limit). `▌` marks the current run.

    In a narrow terminal the status words are dropped first, then the durations, then the ids are shortened. Guides that
    are too long lose their first levels. The last lines say what is missing.
    """
    from tui.features.tree.words import GUIDE_STEP, branches_below  # noqa: PLC0415  `ls` does not need it

    rows = branches_below(tree.root, lambda node: node.children, lambda _: True, GUIDE_STEP)
    least = GLYPH_CELLS + _MIN_HEAD + GAP + max(len(row.entry.id) for row in rows)
    table = _TREE_TABLE if width is None or width >= least else _NARROW_TREE
    table = replace(table, glyph=lambda row: Piece("▌", Token.ACCENT) if row.entry.id == tree.current else Piece(" "))
    _, *lines = Print(table, width).page(rows, now)
    if tree.missing:
        text = f"Not all of the tree was read: {'; '.join(tree.missing)}."
        lines += [(Piece(row, Token.MUTED),) for row in wrap(text, width or 10_000)]
    return lines


def _style(node: TreeNode) -> StatusStyle:
    run = node.run
    return style_of(run) if run is not None and run.state is not None else style_of_status(node.status)


def _head(row: "Branch[TreeNode]", _now: Now, width: int) -> Line:
    """Return guides, task, tags and attempts. The task stays visible at any depth."""
    from tui.features.tree.words import guide_tail  # noqa: PLC0415  `ls` does not need it

    node, guides, style = row.entry, row.guides, _style(row.entry)
    task: Line = (style.mark, Piece(" "), Piece(node.task or formatting.NONE, style.row.task))
    if width:
        # A cut guide shows its depth, since all lines below the cut start alike.
        guides = guide_tail(guides, width - min(line_width(task), _MIN_TASK), f"{node.depth}{ELLIPSIS}")
    return (Piece(guides, Token.GUIDE), *task, *_remark(node.run))


def _took(row: "Branch[TreeNode]", now: Now, _width: int) -> Line:
    from tui.features.tree.words import node_took  # noqa: PLC0415  `ls` does not need it

    return (Piece(formatting.duration(node_took(row.entry, row.entry.run, now.at)), _style(row.entry).row.took),)


_HEAD: Final = Column("head", "", _head, cut_to=_MIN_HEAD)
_TREE_TABLE: Final = Table(
    (
        _HEAD,
        Column("status", "", lambda row, *_: (_style(row.entry).name,), cut_to=15, drop_rank=2),
        Column("took", "", _took, align="right", drop_rank=1),
        Column("id", "", lambda row, *_: (Piece(row.entry.id, _style(row.entry).row.rest),)),
    ),
    lambda _: Piece(" "),
    growth=("head",),
)
_NARROW_TREE: Final = replace(
    _TREE_TABLE, columns=(_HEAD, Column("id", "", lambda row, *_: short_id(row.entry.id, _style(row.entry).row.rest)))
)


def _remark(run: Run | None) -> Line:
    if run is None:
        return ()
    attempt = run.attempt_count or 0
    parts = [*(run.state.tags if run.state else ()), *([f"attempt {attempt}"] if attempt > 1 else [])]
    return (Piece(f"  {'  '.join(parts)}", Token.FAINT),) if parts else ()
