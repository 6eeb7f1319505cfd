"""`watch`: prints one line for each transition, until the run ends or the user presses Ctrl-C."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final, assert_never

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import RUN_ID, connection_options, following_options, json_option, settings_of
from tui.cli.sessions import open_session, run_async
from tui.domain.filters import period_text
from tui.domain.ids import RunId
from tui.domain.run import Precision, Run
from tui.domain.source_names import FEEDS
from tui.domain.status import RunStatus
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.output import Output
from tui.session import Session
from tui.settings import Settings

TOO_EXPENSIVE: Final = 422
"""The server requires a shorter period."""


@click.command("watch")
@click.argument("run_id", metavar="[RUN]", required=False, type=RUN_ID)
@following_options
@json_option
@connection_options
@click.pass_obj
def watch(output: Output, /, *, run_id: RunId | None, as_json: bool, **options: Any) -> None:
    """Print every change of status. With RUN, stop when that run ends: exit code 0, or 4 unless it completed."""
    settings = settings_of(options)
    run_async(_watch(output, settings, run_id, as_json=as_json))


async def _watch(output: Output, settings: Settings, run_id: RunId | None, *, as_json: bool) -> None:
    async with open_session(settings, output) as session:
        watcher = _Watcher(session, output, run_id, as_json=as_json)
        changes = session.changes()
        if run_id is None:
            session.sources.follow_runs()
        else:
            session.sources.follow_run(run_id)
        async for change in changes:
            watcher.check_connection()
            for transition in change.transitions:
                await watcher.on_transition(transition.before, transition.after)


class _Watcher:
    """Decides which transitions to print: those of the given run, or those of runs created after the start."""

    def __init__(self, session: Session, output: Output, run_id: RunId | None, *, as_json: bool) -> None:
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
        if self._run_id is not None and after.id != self._run_id:
            return
        if before is None and self._run_id is None and not self._is_new(after):
            return
        if self._run_id is not None and after.is_final:
            after = await self._read_details(after)
        self._print(before, after)
        if self._run_id is not None and after.is_final:
            is_success = after.status is RunStatus.COMPLETED_SUCCESSFULLY
            raise Stop(ExitCode.OK if is_success else ExitCode.RUN_FAILED)

    async def _read_details(self, run: Run) -> Run:
        """Read what the feed omits of an ended run: the number of attempts, and a large output (stored apart)."""
        from tui.sources.budget import Priority
        from tui.wire.errors import ApiError

        if run.body is not None and run.body[0].precision is Precision.DETAIL:
            return run
        with suppress(ApiError):  # the status, which is known already, is enough
            await self._session.fetcher.fetch_run(run.id, Priority.SELECTED)
            await self._session.settle()
        return self._session.store.get(run.id) or run

    def _is_new(self, run: Run) -> bool:
        return self._since is not None and run.created_at is not None and run.created_at > self._since

    def _print(self, before: Run | None, after: Run) -> None:
        from tui.present.printed.schema import run_object, status_object
        from tui.present.printed.transition import transition_line

        if not self._as_json:
            self._output.lines([transition_line(before, after, self._session.local_now())])
            return
        line = run_object(after)
        if before is not None:
            previous = status_object(before)
            line |= {f"previous{key[0].upper()}{key[1:]}": word for key, word in previous.items()}
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
                        self._output.say(f"connected again after {_tries(self._failure.attempt)}")
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
        return f"{state.reason} (the server requires less than the last {period}: watch one RUN, or use ls --period 1h)"

    def _report_feed_failure(self, state: SourceRetrying | SourceStopped) -> None:
        """Report that the feed does not work, once until it works again."""
        from tui.present.frame.failure import feed_sentence

        if self._since is not None and self._was_live is not False:
            self._was_live = False
            self._output.say(feed_sentence(state))


def _tries(count: int) -> str:
    return "1 failed try" if count == 1 else f"{count} failed tries"


COMMANDS = (watch,)
