"""`errors`: reads the failed runs of a period, groups them by the kind of their error, and prints the groups."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import connection_options, json_option, settings_of
from tui.cli.progress_line import ProgressLine
from tui.cli.sessions import open_session, run_async
from tui.domain.filters import parse_period
from tui.domain.ids import RunId
from tui.output import Output
from tui.session import Session
from tui.settings import Settings

if TYPE_CHECKING:
    from tui.domain.errors.progress import ServerGroupsRead
    from tui.sources.failures.whole_read import WholeRead
    from tui.store.errors.error_group import ErrorGroup
    from tui.store.errors.failures import TimeSpan
    from tui.store.errors.states import ErrorState
    from tui.wire.errors import ApiError

MAX_RUNS: Final = 500
"""Failed runs that are read: three queries, or 500 requests where the key may not query."""


@click.command("errors")
@click.option("--since", metavar="PERIOD", default="1h", show_default=True, help="Runs created within: 30m, 24h, 7d.")
@json_option
@connection_options
@click.pass_obj
def errors(output: Output, /, *, since: str, as_json: bool, **options: Any) -> None:
    """Group failed runs by the kind of their error: type, message without ids and numbers, and place in the code."""
    settings = settings_of(options)
    period = parse_period(since)
    if period is None:
        raise Stop(ExitCode.USAGE, f"--since {since!r} is not a period: 30m, 24h, 7d")
    run_async(_errors(output, settings, since, period, as_json=as_json))


async def _errors(output: Output, settings: Settings, since: str, period: timedelta, *, as_json: bool) -> None:
    from tui.domain.errors.progress import ServerGroupsRead
    from tui.present.printed.errors import group_lines, group_object
    from tui.sources.paging import ENDLESS

    progress = ProgressLine(output, time.monotonic)
    async with open_session(settings, progress) as session:
        # The user waits for the result, and nothing else reads in this session.
        session.budget.follow_headers()
        try:
            read, failure = await _read(session, period, progress)
            span = _span_of(session, read.run_ids, period)
            needs_states = read.run_ids and failure is None
            theirs = await _server_groups(session, period) if needs_states else ServerGroupsRead()
            is_before_known = bool(theirs.refusal) and await read.read_before(span.since, period)
        finally:
            progress.clear()
        groups = _groups(session, read.run_ids, span, theirs, is_before_known=is_before_known)
        if as_json:
            for group in groups:
                output.json_line(group_object(group, are_all_read=not (read.is_cut or read.missing)))
        else:
            output.lines(group_lines(groups, session.local_now(), output.width))
        for sentence in _remarks(read, since, theirs, is_before_known=is_before_known):
            output.say(sentence)
        if failure is not None:
            raise _stop_of(failure, read)
        if read.is_cut and len(read.run_ids) < MAX_RUNS:
            raise Stop(ExitCode.REFUSED, f"stopped after {len(read.run_ids)} failed runs: {ENDLESS}")


async def _read(session: Session, period: timedelta, progress: ProgressLine) -> "tuple[WholeRead, ApiError | None]":
    """Read the failed runs. The second value says why reading stopped after a part of them.

    Raises `ApiError` or `Stop` if no run was read.
    """
    from tui.wire.errors import ApiError, TooExpensive

    progress.show("reading failed runs")
    read = _whole_read(session, progress)
    try:
        await read.run(period)
    except ApiError as error:
        if read.run_ids:
            return read, error
        if isinstance(error, TooExpensive):
            raise Stop(ExitCode.REFUSED, f"{error} (give a shorter --since, such as 1h)") from error
        raise
    return read, None


def _whole_read(session: Session, progress: ProgressLine) -> "WholeRead":
    from tui.sources.failures.whole_read import WholeRead

    def report(read: "WholeRead") -> None:
        count = len(read.run_ids)
        wait = f" · {read.wait}, trying again" if read.wait else ""
        progress.show(f"reading {count:,} failed runs, {count - len(read.missing):,} so far{wait}")

    return WholeRead(
        session.fetcher,
        session.store,
        session.clock,
        emit=session.emit,
        settle=session.settle,
        report=report,
        max_runs=MAX_RUNS,
    )


async def _server_groups(session: Session, period: timedelta) -> "ServerGroupsRead":
    from tui.sources.budget import Priority
    from tui.sources.failures.group_reader import GroupReader

    reader = GroupReader(session.fetcher, session.clock, lambda _: None)
    await reader.read(period, Priority.SELECTED)
    return reader.result


def _span_of(session: Session, run_ids: list[RunId], period: timedelta) -> "TimeSpan":
    """Return the span of these runs. The oldest may have left the period since the list was read.

    A run without a creation time counts at its last update, which a clock that is ahead may put in the future.
    """
    from tui.store.errors.failures import TimeSpan

    now = session.now()
    runs = [run for run_id in run_ids if (run := session.store.get(run_id)) is not None]
    created = [run.created_at for run in runs if run.created_at is not None]
    return TimeSpan(min([now - period, *created]), max([now, *created]) + timedelta(hours=1))


def _groups(
    session: Session, run_ids: list[RunId], span: "TimeSpan", theirs: "ServerGroupsRead", *, is_before_known: bool
) -> list["ErrorGroup"]:
    """Return the groups of the runs that were read. Relatives of these are in the store too, without their errors.

    The server listed these runs for the span, so that one without a creation time belongs to it however old its last
    update is. States come from the server's groups. Without these, a group is new if all failed runs of the time before
    are known.
    """
    from tui.store.error_groups import ErrorGroups
    from tui.store.errors.error_group import rank
    from tui.store.errors.states import state_of

    now = session.now()
    groups = ErrorGroups(session.store)
    groups.on_server_groups(theirs.groups)

    def state(group: "ErrorGroup") -> "ErrorState | None":
        if group.server_groups:
            return state_of(group.server_groups, span.since, now)
        return group.state if is_before_known else None

    runs = [run for run_id in run_ids if (run := session.store.get(run_id)) is not None and run.state is not None]
    seen = [run.created_at or run.state.updated_at for run in runs if run.state is not None]
    listed = span._replace(since=min([span.since, *seen]))
    return sorted((replace(group, state=state(group)) for group in groups.groups(listed, now)), key=rank)


def _remarks(read: "WholeRead", since: str, theirs: "ServerGroupsRead", *, is_before_known: bool) -> list[str]:
    """Return sentences about what the groups do not contain."""
    if not read.run_ids:
        return [] if read.is_cut else [f"No run failed in the last {since}."]
    remarks = []
    if read.is_cut and len(read.run_ids) >= MAX_RUNS:
        newest = "failed run was" if len(read.run_ids) == 1 else f"{len(read.run_ids)} failed runs were"
        remarks.append(f"Only the newest {newest} read. A shorter --since has fewer.")
    if read.unreadable_rows:
        rows = "1 row" if read.unreadable_rows == 1 else f"{read.unreadable_rows} rows"
        remarks.append(f"Left out: {rows} of the list that could not be read.")
    if missing := len(read.missing):
        verb = "is in no group: its error was" if missing == 1 else "are in no group: their errors were"
        remarks.append(f"{missing} of {len(read.run_ids)} failed runs {verb} not read.")
    if reason := theirs.refusal or theirs.failure:
        known = "Only the state NEW is" if is_before_known else "The states are not"
        remarks.append(f"{known} known: {reason}.")
    return remarks


def _stop_of(error: "ApiError", read: "WholeRead") -> Stop:
    from tui.wire.errors import Unreachable

    code = ExitCode.NO_CONNECTION if isinstance(error, Unreachable) else ExitCode.REFUSED
    done = len(read.run_ids) - len(read.missing)
    return Stop(code, f"stopped after {done} of {len(read.run_ids)} failed runs: {error}")


COMMANDS = (errors,)
