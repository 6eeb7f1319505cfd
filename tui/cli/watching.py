"""`watch`: one line per transition, until the run ends or the user has seen enough.

What lives here: the same flow as the monitor's, with `output` at its end.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final, assert_never

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import (
    RUN,
    connection_options,
    following_options,
    json_option,
    open_session,
    run_async,
    settings_of,
)
from tui.config import Settings
from tui.domain.filters import period_text
from tui.domain.ids import RunId
from tui.domain.run import Precision, Run
from tui.domain.source_names import FEEDS
from tui.domain.status import RunStatus
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.output import Output
from tui.session import Session

TOO_EXPENSIVE: Final = 422
"""The server wants a narrower window of time."""


@click.command("watch")
@click.argument("run_id", metavar="[RUN]", required=False, type=RUN)
@following_options
@json_option
@connection_options
@click.pass_obj
def watch(output: Output, /, *, run_id: RunId | None, as_json: bool, **options: Any) -> None:
    """Print every change of status as it is seen. With RUN: until that run ends, exit code 0, or 4 if it failed."""
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
            watcher.look_at_the_connection()
            for transition in change.transitions:
                await watcher.see(transition.before, transition.after)


class _Watcher:
    """Decides what is news: what was there when we came is not, unless it is the one run that was asked for."""

    def __init__(self, session: Session, output: Output, run_id: RunId | None, *, as_json: bool) -> None:
        self._session = session
        self._output = output
        self._run_id = run_id
        self._as_json = as_json
        self._began: datetime | None = None
        self._trouble: SourceRetrying | None = None
        self._was_live: bool | None = None

    async def see(self, before: Run | None, after: Run) -> None:
        """Print a transition if it is news. Raises `Stop` when the run that was asked for has ended."""
        if self._run_id is not None and after.id != self._run_id:
            return
        if before is None and self._run_id is None and not self._is_new(after):
            return
        if self._run_id is not None and after.is_final:
            after = await self._whole(after)
        self._print(before, after)
        if self._run_id is not None and after.is_final:
            is_success = after.status is RunStatus.COMPLETED_SUCCESSFULLY
            raise Stop(ExitCode.OK if is_success else ExitCode.RUN_FAILED)

    async def _whole(self, run: Run) -> Run:
        """The run with what a feed does not tell of its end: the number of attempts, an output that is stored apart."""
        from tui.sources.budget import Priority
        from tui.wire.errors import ApiError

        if run.body is not None and run.body[0].precision is Precision.DETAIL:
            return run
        with suppress(ApiError):  # what is known tells how it ended
            await self._session.fetcher.fetch_run(run.id, Priority.SELECTED)
            await self._session.settle()
        return self._session.store.get(run.id) or run

    def _is_new(self, run: Run) -> bool:
        return self._began is not None and run.fixed.created_at is not None and run.fixed.created_at > self._began

    def _print(self, before: Run | None, after: Run) -> None:
        from tui.present.printed.schema import run_object, status_object
        from tui.present.printed.transition import transition_line

        if not self._as_json:
            self._output.lines([transition_line(before, after, self._session.now())])
            return
        line = run_object(after)
        if before is not None:
            previous = status_object(before)
            line |= {f"previous{key[0].upper()}{key[1:]}": word for key, word in previous.items()}
        self._output.json_line(line)

    def look_at_the_connection(self) -> None:
        """Say on stderr when the connection went or came back. Raises `Stop` when there never was one."""
        # Feeds last: where nothing can be read at all, that is the one thing to say.
        for name, state in sorted(self._session.store.source_statuses.items(), key=lambda source: source[0] in FEEDS):
            match state:
                case SourceRetrying() | SourceStopped() if name in FEEDS:
                    self._say_polling(state)
                case SourceConnected():
                    self._was_live = name in FEEDS or self._was_live
                    if self._trouble is not None and name == self._trouble.source:
                        self._output.say(f"connected again after {self._trouble.attempt} failed tries")
                        self._trouble = None
                    if self._began is None:
                        newest = self._session.store.newest()
                        self._began = newest.fixed.created_at if newest else None
                        self._began = self._began or state.at
                case SourceRetrying():
                    if self._began is None:
                        code = ExitCode.REFUSED if state.is_answered else ExitCode.NO_CONNECTION
                        raise Stop(code, self._reason(state))
                    if state != self._trouble:
                        self._trouble = state
                        wait_s = max(0.0, (state.next_at - state.at).total_seconds())
                        self._output.say(f"no data: {state.reason}; retrying in {wait_s:.0f} s (try {state.attempt})")
                case SourceStopped():
                    raise Stop(ExitCode.REFUSED, self._reason(state))
                case _:
                    assert_never(state)

    def _reason(self, state: SourceRetrying | SourceStopped) -> str:
        """Why there is nothing to watch, and what to do about a period that the server finds too long."""
        if state.status != TOO_EXPENSIVE or self._run_id is not None:
            return state.reason
        period = period_text(self._session.settings.history)
        return f"{state.reason} (the server wants less than the last {period}: watch one RUN, or ls --period 1h)"

    def _say_polling(self, state: SourceRetrying | SourceStopped) -> None:
        """The feed is not to be had, or was lost: said once, until it is back."""
        from tui.present.frame.trouble import feed_sentence

        if self._began is not None and self._was_live is not False:
            self._was_live = False
            self._output.say(feed_sentence(state))


COMMANDS = (watch,)
