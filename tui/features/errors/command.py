"""`errors`: reads the failed runs of a period, groups them by the kind of their error, and prints the groups."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from tui.api.errors import ApiError, TooExpensive, Unreachable
from tui.commands.options import ProgressLine
from tui.commands.output import ExitCode, Output, Stop
from tui.domain.facts import ErrorState, ServerGroupsRead
from tui.domain.filters import parse_period
from tui.domain.run import Json, RunId
from tui.features.config.command import open_session, session_command
from tui.features.errors.model import GROUP_TABLE, GroupRow
from tui.features.errors.words import frame_text, state_piece
from tui.settings.settings import Settings
from tui.store.error_groups import ErrorGroup, ErrorGroups, TimeSpan, rank
from tui.sync.reads import ENDLESS, Priority
from tui.text import formatting
from tui.text.blocks import Now
from tui.text.json import as_json
from tui.text.styled import Line, Piece, Token
from tui.text.table import Column, Print, shows, value_cell

if TYPE_CHECKING:
    from tui.sync.failures import WholeRead
    from tui.sync.session import Session


MAX_RUNS: Final = 500
"""Failed runs that are read: three queries, or 500 requests where the key may not query."""


def _read_since(_: click.Context, __: click.Parameter, text: str) -> tuple[str, timedelta]:
    if (period := parse_period(text)) is None:
        raise click.BadParameter(f"{text!r} is not a period: 30m, 24h, 7d")
    return text, period


@session_command(
    "errors",
    click.option(
        "--since",
        metavar="PERIOD",
        default="1h",
        show_default=True,
        callback=_read_since,
        help="Failed runs that were created in this period: 30m, 24h, 7d.",
    ),
)
async def errors(output: Output, settings: Settings, *, since: tuple[str, timedelta], as_json: bool) -> None:
    """Group failed runs by the kind of their error: type, message without ids and numbers, and place in the code."""
    words, period = since
    from tui.sync.failures import GroupReader, WholeRead  # noqa: PLC0415  loads httpx2

    progress, failure = ProgressLine(output, time.monotonic), None

    def report(read: WholeRead) -> None:
        count = len(read.run_ids)
        wait = f" · {read.wait}, trying again" if read.wait else ""
        progress.show(f"reading {count:,} failed runs, {count - len(read.missing):,} so far{wait}")

    async with open_session(settings, progress) as session:
        # The user waits for the result, and nothing else reads in this session.
        session.budget.follows_headers = True
        read, reader = WholeRead(session, report, MAX_RUNS), GroupReader(session)
        try:
            progress.show("reading failed runs")
            try:
                await read.run(period)
            except ApiError as error:
                if not read.run_ids and isinstance(error, TooExpensive):
                    raise Stop(ExitCode.REFUSED, f"{error} (give a shorter --since, such as 1h)") from error
                if not read.run_ids:
                    raise
                failure = error
            span = _span_of(session, read.run_ids, period)
            if read.run_ids and failure is None:
                await reader.read(period, Priority.SELECTED)
            theirs = reader.result
            is_before_known = bool(theirs.refusal) and await read.read_before(span.since, period)
        finally:
            progress.clear()
        groups = _groups(session, span, theirs, is_before_known=is_before_known)
        if as_json:
            are_all_read = not (read.is_cut or read.missing)
            output.json_lines(group_object(group, are_all_read=are_all_read) for group in groups)
        else:
            rows = [GroupRow(group, ()) for group in groups]
            output.lines(Print(PRINTED, output.width).page(rows, session.local_now()))
        for sentence in _remarks(read, words, theirs, is_before_known=is_before_known):
            output.say(sentence)
        if failure is not None:
            code = ExitCode.NO_CONNECTION if isinstance(failure, Unreachable) else ExitCode.REFUSED
            done = len(read.run_ids) - len(read.missing)
            raise Stop(code, f"stopped after {done} of {len(read.run_ids)} failed runs: {failure}")
        if read.is_cut and len(read.run_ids) < MAX_RUNS:
            raise Stop(ExitCode.REFUSED, f"stopped after {len(read.run_ids)} failed runs: {ENDLESS}")


def _span_of(session: "Session", run_ids: list[RunId], period: timedelta) -> TimeSpan:
    """Return the span of the runs that were read. The oldest may have left the period since the list was read.

    A run without a creation time counts at its last update, which a clock that is ahead may put in the future.
    """
    now, runs = session.now(), map(session.store.get, run_ids)
    seen = [run.created_at or run.state.updated_at for run in runs if run is not None and run.state is not None]
    return TimeSpan(min([now - period, *seen]), max([now, *seen]) + timedelta(hours=1))


def _groups(session: "Session", span: TimeSpan, theirs: ServerGroupsRead, *, is_before_known: bool) -> list[ErrorGroup]:
    """Return the groups of the runs that were read. Relatives of these are in the store too, without their errors.

    States come from the server's groups. Without these, a group is new if all failed runs of the time before are known.
    """
    now, groups = session.now(), ErrorGroups(session.store)
    groups.on_server_groups(theirs.groups)
    found = groups.groups(span, now)
    return sorted(
        (each if each.server_groups or is_before_known else replace(each, state=None) for each in found), key=rank
    )


def _remarks(read: "WholeRead", since: str, theirs: ServerGroupsRead, *, is_before_known: bool) -> list[str]:
    """Return sentences about what the groups do not contain."""
    if not read.run_ids:
        return [] if read.is_cut else [f"No run failed in the last {since}."]
    remarks = []
    if read.is_cut and len(read.run_ids) >= MAX_RUNS:
        remarks.append(f"Only the newest {MAX_RUNS} failed runs were read. Give a shorter --since.")
    if read.unreadable_rows:
        rows = formatting.plural(read.unreadable_rows, "row")
        remarks.append(f"{rows} of the list could not be read: left out.")
    if missing := len(read.missing):
        verb = "is in no group: its error was" if missing == 1 else "are in no group: their errors were"
        remarks.append(f"{missing} of {len(read.run_ids)} failed runs {verb} not read.")
    if reason := theirs.refusal or theirs.failure:
        known = "Regressed and acknowledged groups are not marked" if is_before_known else "The states are not known"
        remarks.append(f"{known}: {reason}.")
    return remarks


COMMANDS = (errors,)


# The error groups that `errors` prints: as a table for people, and as JSON objects of raw values.


def group_object(group: ErrorGroup, *, are_all_read: bool) -> dict[str, Json]:
    """Return a group with every key of `errors --json`, None where its value is not known.

    `are_all_read`: the errors of all failed runs of the span are known. Any other run may be of this group too.

    * `fingerprint`: the same in every session and for every environment
    * `type`: the class of the exception, or Trigger.dev's code; None for a thrown string
    * `message`: normalised
    * `frame`: the first own frame, as `function (file)`; None without one
    * `count`: failed runs of the span
    * `tasks`, `versions`: the most frequent first
    * `firstSeen`, `lastSeen`: the creation times of the oldest and the newest of the runs
    * `state`: new, regressed, acknowledged or unresolved
    * `runIds`: the newest first; `runIdsComplete`: whether these are all runs of the group
    """
    kind = group.kind
    return {
        "fingerprint": kind.fingerprint,
        "type": kind.type,
        "message": kind.message,
        "frame": None if kind.frame is None else frame_text(kind.frame),
        "count": group.count,
        "tasks": [task for task, _ in group.tasks],
        "versions": [version for version, _ in group.versions],
        "firstSeen": as_json(group.first_seen),
        "lastSeen": as_json(group.last_seen),
        "state": None if group.state is None else group.state.value,
        "runIds": list(group.run_ids),
        "runIdsComplete": len(group.run_ids) == group.count and are_all_read,
    }


def _state(row: GroupRow, _now: Now, _width: int) -> Line:
    state = row.group.state
    return (Piece(state.value, Token.MUTED) if state is ErrorState.UNRESOLVED else state_piece(state),)


def _task(row: GroupRow, now: Now, width: int) -> Line:
    """Return the most frequent task and how many others there are. The list of the monitor only counts them."""
    first = row._replace(group=replace(row.group, tasks=row.group.tasks[:1]))
    more = len(row.group.tasks) - 1
    return (*_SHOWN["task"].cell(first, now, width), *((Piece(f" +{more}", Token.FAINT),) if more > 0 else ()))


def _error(row: GroupRow, now: Now, width: int) -> Line:
    """Return type and message, also where the type is a code, which the list of the monitor omits."""
    name, line = row.group.kind.type, _SHOWN["error"].cell(row, now, width)
    is_named = name is None or line[0].text == name
    return line if is_named else (Piece(name or "", Token.ROSE), Piece(" "), *line)


def _frame(row: GroupRow, _now: Now, _width: int) -> Line:
    frame = row.group.kind.frame
    if frame is None:
        return (Piece(formatting.NONE, Token.FAINT),)
    # The file is first, since the end of the cell may be cut.
    return (Piece(frame.file, Token.MUTED), Piece(f" {frame.function or ''}", Token.FAINT))


_SHOWN: Final = {column.id: column for column in GROUP_TABLE.columns}
PRINTED: Final = replace(
    GROUP_TABLE,
    columns=(
        _SHOWN["runs"],
        Column("state", "state", _state, drop_rank=1),
        replace(_SHOWN["task"], cell=_task, cut_to=14),
        replace(_SHOWN["error"], cell=_error, cut_to=32),
        Column("place", "your code", _frame, cut_to=20, drop_rank=3),
        Column("versions", "versions", lambda row, now, _: value_cell(len(row.group.versions), now, Token.MUTED),
               align="right", drop_rank=4),
        Column("first", "first", shows("group.first_seen", Token.MUTED), align="right", drop_rank=2),
        Column("last", "last", shows("group.last_seen"), align="right"),
    ),
    growth=("error", "task", "place"),
)  # fmt: skip
"""The groups as `errors` prints them."""
