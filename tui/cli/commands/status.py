"""`status`: prints the findings once, for a cron job or a shell prompt."""

from dataclasses import replace
from typing import Any, Final

import click

from tui.cli.commands.monitor import relay_options
from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.findings import FindingsWatch, settings_of_watch
from tui.cli.options import connection_options, json_option
from tui.cli.sessions import open_session, run_async
from tui.output import Output
from tui.settings import Settings

WITHIN_S: Final = 24.0
"""All of it takes less than 30 s, its start and its end included."""


@click.command("status")
@json_option
@relay_options
@connection_options
@click.pass_obj
def status(output: Output, /, *, as_json: bool, **options: Any) -> None:
    """Print what is wrong, one finding a line, or OK.

    Exit code 0: OK. 4: something is wrong. 3: not known, or no answer. 1: the API refused.
    """
    run_async(_status(output, settings_of_watch(options), as_json=as_json))


async def _status(output: Output, settings: Settings, *, as_json: bool) -> None:
    from tui.domain.findings.finding import NOT_KNOWN
    from tui.present.findings.printed import FindingState, verdict_lines, verdict_objects
    from tui.present.findings.verdict_words import refusals

    async with open_session(settings, output) as session:
        watch = FindingsWatch(session)
        try:
            unread = [] if await watch.settled(WITHIN_S) and not watch.has_unasked_schedules else [watch.late_source]
        finally:
            watch.close()
        verdict = watch.verdict
        if verdict is not None and unread and not verdict.unread:
            verdict = replace(verdict, unread=tuple(unread))
        now = session.local_now()
        if as_json:
            output.json_lines(verdict_objects(verdict, FindingState.PRESENT, now))
        else:
            output.lines(verdict_lines(verdict, now))
        if verdict is None or not verdict.is_known:
            raise Stop(ExitCode.NO_CONNECTION, watch.failure or "")
        for sentence in refusals(verdict):
            output.say(sentence)
        if verdict.word == NOT_KNOWN:
            raise Stop(ExitCode.NO_CONNECTION)
        raise Stop(ExitCode.RUN_FAILED if verdict.findings else ExitCode.OK)


COMMANDS: Final = (status,)
