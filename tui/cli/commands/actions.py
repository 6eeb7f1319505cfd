"""`cancel` and `replay`: one command for each action of `ACTIONS`.

`tui.cli.consent` asks the user first. The session checks every action again before it sends a request.
"""

import asyncio
from contextlib import suppress
from typing import Any

import click

from tui.actions import ACTIONS, Action
from tui.cli.consent import Consent, ask, check_consent, plan_caveats, plan_text, read_plan
from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import RUN_ID, connection_options, json_option, settings_of
from tui.cli.sessions import open_session, run_async
from tui.domain.action import ActionPhase, ActionStatus, Via
from tui.domain.action_plan import UNKNOWN, ActionPlan
from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.run import Json, Run
from tui.output import Output, OutputClosed
from tui.session import Session
from tui.settings import Settings


def _command(action: Action) -> click.Command:
    """Return the command for an action."""

    @click.command(action.id, help=f"{action.description}. Prints each outcome; exit code 1 unless all succeed.")
    @click.argument("run_ids", metavar="RUN...", nargs=-1, required=True, type=RUN_ID)
    @click.option("--yes", is_flag=True, help="Do not ask. Required without a terminal.")
    @click.option("--env-name", metavar="NAME", help="The environment's name: required with --yes in production.")
    @click.option("--count", type=int, metavar="N", help="The number of runs: required with --yes for more than ten.")
    @click.option("--dry-run", is_flag=True, help="Print the plan, send nothing.")
    @json_option
    @connection_options
    @click.pass_obj
    def act(output: Output, /, *, run_ids: tuple[RunId, ...], dry_run: bool, as_json: bool, **options: Any) -> None:
        consent = Consent(options.pop("yes"), options.pop("env_name"), options.pop("count"))
        settings = settings_of(options)
        unique = tuple(dict.fromkeys(run_ids))
        if not dry_run and not consent.yes and not output.can_ask:
            raise Stop(ExitCode.USAGE, f"{action.id} needs --yes without a terminal")
        run_async(_act(output, settings, action, unique, consent, dry_run=dry_run, as_json=as_json))

    return act


async def _act(
    output: Output,
    settings: Settings,
    action: Action,
    run_ids: tuple[RunId, ...],
    consent: Consent,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    async with open_session(settings, output) as session:
        await read_environment(session)
        plan = await read_plan(session, action, run_ids)
        if (block := session.block(action)) is not None:
            raise Stop(ExitCode.REFUSED, f"nothing was sent: {block}")
        if dry_run:
            _print_plan(output, session, action, plan, as_json=as_json)
            return
        check_consent(session, plan, consent)
        if not consent.yes:
            ask(output, session, plan)
        all_confirmed = await _perform(output, session, action, plan, as_json=as_json)
        denial = session.denial(action)
    if not all_confirmed:
        raise Stop(ExitCode.REFUSED, f"{action.id}: {denial}") if denial is not None else Stop(ExitCode.REFUSED)


async def read_environment(session: Session) -> None:
    """Read the environment's name, from `whoami` or, if the key has no access to that, from the newest run."""
    from tui.domain.update import RunsRead
    from tui.sources.budget import Priority
    from tui.wire.errors import ApiError

    await session.fetcher.fetch_environment(Priority.ACTION)
    if session.interlock.name is None:
        with suppress(ApiError):
            page = await session.fetcher.fetch_page(RunFilters(), Priority.ACTION, size=1)
            await session.emit(RunsRead(page.patches))


async def _perform(output: Output, session: Session, action: Action, plan: ActionPlan, *, as_json: bool) -> bool:
    """Perform the action on each run in turn, and print each outcome. Return whether all were confirmed."""
    all_confirmed = True
    for unsent, run in zip(reversed(range(len(plan.runs))), plan.runs, strict=True):
        try:
            outcome = await session.perform(action, run, via=Via.COMMAND_LINE)
        except asyncio.CancelledError:
            output.say(f"interrupted: the outcome for {run.id} is unknown; {unsent} were not sent")
            raise
        all_confirmed &= outcome.phase is ActionPhase.CONFIRMED
        try:
            await session.settle()  # until the store has the read that verified the outcome
        except asyncio.CancelledError:
            output.say(f"interrupted: {unsent} were not sent")
            raise
        finally:
            with suppress(OutputClosed):  # the reader of stdout is gone: the other runs are still sent
                _print_outcome(output, action, outcome, session.store.get(run.id), as_json=as_json)
    return all_confirmed


def _print_plan(output: Output, session: Session, action: Action, plan: ActionPlan, *, as_json: bool) -> None:
    from tui.present.printed.schema import status_object

    for run in plan.runs:
        reason = action.forbidden(run)
        if as_json:
            entry: dict[str, Json] = {"run": run.id, "action": action.id, "wouldSend": reason is None}
            output.json_line(entry | status_object(run) | ({} if reason is None else {"message": reason}))
        else:
            output.print(f"{run.id}  {run.status_title}  {reason or 'would be ' + action.done}")
    for caveat in plan_caveats(plan):
        output.say(caveat)
    output.say(
        f"Dry run: {plan.verb.lower()} {plan_text(plan)} in {session.interlock.name or UNKNOWN}; nothing was sent."
    )


def _print_outcome(output: Output, action: Action, outcome: ActionStatus, run: Run | None, *, as_json: bool) -> None:
    """Print the outcome of an action. The JSON also has the last known status of its run."""
    from tui.present.printed.schema import status_object

    if as_json:
        entry: dict[str, Json] = {"run": outcome.run_id, "action": outcome.action, "phase": outcome.phase.value}
        if outcome.new_run_id is not None:
            entry["newRun"] = outcome.new_run_id
        if outcome.message:
            entry["message"] = outcome.message
        output.json_line(entry | ({} if run is None else status_object(run)))
        return
    words = action.done if outcome.phase is ActionPhase.CONFIRMED else outcome.phase.value
    parts = [outcome.run_id, words, *([f"as {outcome.new_run_id}"] if outcome.new_run_id else [])]
    output.print("  ".join(parts) + (f": {outcome.message}" if outcome.message else ""))


COMMANDS = tuple(_command(action) for action in ACTIONS)
