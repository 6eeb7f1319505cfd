"""`logs`: prints the log of a run, line by line, and follows it until the run ends."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

import click

from tui.api.errors import NotFound, RateLimited, ServerFault, Unreachable
from tui.commands.options import run_argument
from tui.commands.output import Output
from tui.domain.log import LogLevel, LogLine, RunLog, level_of
from tui.domain.run import Run, RunId
from tui.features.config.command import connected_again, open_session, session_command
from tui.settings.settings import Settings
from tui.store.merge import merge
from tui.sync.reads import Priority
from tui.text.status import style_of

if TYPE_CHECKING:
    from tui.sync.session import Session

LEVELS: Final = {
    "all": LogLevel.DEBUG,
    "debug": LogLevel.DEBUG,
    "log": LogLevel.INFO,
    "info": LogLevel.INFO,
    "warn": LogLevel.WARN,
    "error": LogLevel.ERROR,
}
READER_CHECK_INTERVAL_S: Final = 0.2
MIN_INTERVAL_S: Final = 2.0
"""The least time from the end of one read of a live log to the next read."""

MIN_RETRY_S: Final = 1.0
MAX_RETRY_S: Final = 10.0
"""The waits after failed reads double from the first to the second."""


@session_command(
    "logs",
    run_argument,
    click.option("--follow", is_flag=True, help="Follow the log until the run ends."),
    click.option(
        "--level",
        type=click.Choice(tuple(LEVELS), case_sensitive=False),
        default="all",
        show_default=True,
        help="Only lines of this level and above; LOG counts as info.",
    ),
)
async def logs(output: Output, settings: Settings, *, run_id: RunId, follow: bool, level: str, as_json: bool) -> None:
    """Print what the code of a run logged, in order of time.

    With --follow, print new lines until the run ends.
    """
    from tui.features.logs.words import log_lines, log_object  # noqa: PLC0415

    known: RunLog | None = None
    printed, failures = Counter[_LineKey](), 0
    async with open_session(settings, output) as session:
        while True:
            try:
                run, log, is_complete, cost_s = await _read(session, output, run_id, known, follows=follow)
            except (Unreachable, ServerFault, RateLimited) as error:
                if known is None:
                    raise
                wait_s = min(MIN_RETRY_S * 2**failures, MAX_RETRY_S)
                failures += 1
                output.say(f"no data: {error}; retrying in {wait_s:.0f} s (try {failures})")
                await _rest(session, output, wait_s)
                continue
            if failures:
                output.say(connected_again(failures))
            known, failures = log, 0
            started_at = (None if run.state is None else run.state.started_at) or log.started_at
            lines = _new_lines(log, printed, LEVELS[level])
            if as_json:
                output.json_lines(log_object(line, started_at) for line in lines)
            else:
                output.lines(chain.from_iterable(log_lines(line, started_at) for line in lines))
            if log.is_cut or not follow or is_complete:
                break
            await _rest(session, output, max(MIN_INTERVAL_S, session.budget.refill.interval_s(cost_s=cost_s)))
        _explain_end(output, run, log, follow=follow)


async def _rest(session: "Session", output: Output, wait_s: float) -> None:
    """Wait. Raises `OutputClosed` soon after the reader is gone (`| head`): the next line may be hours away."""
    until_s = session.clock.monotonic_s() + wait_s
    while (left_s := until_s - session.clock.monotonic_s()) > 0:
        output.check_reader()
        await session.clock.sleep(min(left_s, READER_CHECK_INTERVAL_S))


def _explain_end(output: Output, run: Run, log: RunLog, *, follow: bool) -> None:
    """Say on stderr why there are no more lines."""
    from tui.features.logs.words import CUT, NO_LOGS  # noqa: PLC0415

    if log.is_cut:
        output.say(f"{CUT} Stopped following." if follow and not run.is_final else CUT)
    elif not len(log):
        output.say(NO_LOGS if run.is_final else "No lines yet; --follow waits for them.")
    if follow and run.is_final:
        output.say(f"the run has ended: {style_of(run).name.text}")


async def _read(
    session: "Session", output: Output, run_id: RunId, known: RunLog | None, *, follows: bool
) -> tuple[Run, RunLog, bool, float]:
    """Return the run, its log, whether nothing can be added to it, and the cost of the read. Raises `ApiError`.

    Without following, a log whose run cannot be read is enough.
    """
    from tui.sync.fetch import is_settled  # noqa: PLC0415  loads httpx2

    run_error: NotFound | ServerFault | None = None
    try:
        response = await session.fetcher.fetch_run(run_id, Priority.SELECTED)
        await session.settle()
        run = session.store.get(run_id) or merge(None, response.patch)
    except (NotFound, ServerFault) as error:
        if follows:
            raise
        run, run_error = Run(run_id), error
    is_complete = is_settled(run, session.now())
    try:
        log, cost_s = await session.fetcher.fetch_log(run_id, known, Priority.SELECTED)
    except NotFound:
        # The run itself was found. One that has just been triggered has no events yet, even if it has ended.
        if run_error is not None or is_complete or (run.is_final and not follows):
            raise
        log, cost_s = RunLog(), 0.0
    if run_error is not None:
        output.say(f"only the log could be read: {run_error}")
    return run, log, is_complete, cost_s


_LineKey = tuple[str, int, int]
"""The span of a line, its time, and the hash of its message."""


def _new_lines(log: RunLog, printed: Counter[_LineKey], least: LogLevel) -> Iterator[LogLine]:
    """Yield the lines that were not printed and have a wanted level. Every answer has all lines.

    `printed` counts how often each line was printed, since equal lines are not one. All lines are added to it.
    """
    seen = Counter[_LineKey]()
    for line in log:
        key = (line.span_id, line.time_ns, hash(line.message))
        seen[key] += 1
        if seen[key] > printed[key] and level_of(line.word) >= least:
            yield line
    printed |= seen


COMMANDS = (logs,)
