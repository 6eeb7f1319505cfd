"""`cancel` and `replay`: plan an action, ask for consent, and carry it out."""

import asyncio
from collections import Counter
from contextlib import suppress

import click

from tui.api.actions import ACTIONS, Action
from tui.api.errors import ApiError, NotFound
from tui.commands.options import RUN_ID, confirm
from tui.commands.output import ExitCode, Output, OutputClosed, Stop
from tui.domain.action import MAX_RUNS_FOR_YES, UNKNOWN, ActionPhase, ActionPlan, ActionStatus, Via, live_title
from tui.domain.filters import RunFilters
from tui.domain.run import Json, Run, RunId
from tui.domain.update import RunsRead
from tui.features.actions.words import phase_word
from tui.features.config.command import open_session, session_command
from tui.features.runs.printed import status_object
from tui.settings.settings import Settings
from tui.store.merge import merge
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.text.formatting import plural

# Plans a `cancel` or `replay`, and makes sure that the user consents before any run is changed.
#
# Consent is an answer at the terminal, or `--yes` with the options that its plan requires.


def plan_text(plan: ActionPlan) -> str:
    """Return which runs the plan would change: `at least 2 runs and 3 below (2 Executing, 1 Queued)`.

    It says `at least` where not all of the tree was read.
    """
    runs = plural(len(plan.runs), "run")
    titles = Counter(live_title(node) or UNKNOWN for node in plan.descendants)
    below = ", ".join(f"{count:,} {title}" for title, count in titles.most_common())
    if below:
        runs = f"{runs} and {len(plan.descendants):,} below ({below})"
    return f"at least {runs}" if plan.missing else runs


def plan_caveats(plan: ActionPlan) -> list[str]:
    """Return a sentence for each reason why the plan may be out of date or incomplete."""
    delay = ["The tree is about 1 s old."] if plan.is_from_replica else []
    return [*delay, *(f"Not all of the tree was read: {reason}." for reason in plan.missing)]


async def read_plan(session: Session, action: Action, run_ids: tuple[RunId, ...]) -> ActionPlan:
    """Read the runs and the runs below them. Raises `Stop` if a run does not exist, and `ApiError`."""
    from tui.sync.tree import ActionPlanner  # noqa: PLC0415

    runs: list[Run] = []
    for run_id in run_ids:
        try:
            response = await session.fetcher.fetch_run(run_id, Priority.ACTION)
        except NotFound as error:
            raise Stop(ExitCode.REFUSED, f"nothing was sent: {run_id}: {error}") from error
        runs.append(merge(None, response.patch))
    return await ActionPlanner(session.fetcher, session.clock, action, runs).read_plan()


def check_consent(
    session: Session, plan: ActionPlan, env_name: str | None, count: int | None, *, is_given: bool
) -> None:
    """Compare the options with the plan. Raises `Stop` (usage) if one contradicts it, or if `--yes` is not enough.

    `--yes` (`is_given`) needs `--env-name` in production, and `--count` for more than ten runs or an incomplete plan.
    """
    name = session.interlock.name or UNKNOWN
    refusal = ""
    if env_name is not None and env_name != name:
        refusal = f"this is {name}, not {env_name}"
    elif count is not None and count != plan.total:
        refusal = f"--count {count} does not match: the plan has {plan.total} runs ({plan_text(plan)})"
    elif is_given and session.interlock.is_production and env_name is None:
        reason = f"{name} is production" if name != UNKNOWN else "the environment is unknown"
        refusal = f"{reason}: --yes needs --env-name {name}"
    elif is_given and count is None and (plan.total > MAX_RUNS_FOR_YES or plan.missing):
        missing = f" ({'; '.join(plan.missing)})" if plan.missing else ""
        refusal = f"{plan_text(plan)}{missing}: --yes needs --count {plan.total}"
    if refusal:
        raise Stop(ExitCode.USAGE, f"nothing was sent: {refusal}")


def ask(output: Output, session: Session, plan: ActionPlan) -> None:
    """Print the plan, and ask at the terminal. Raises `Stop` unless the user confirms."""
    name = session.interlock.name
    for run in plan.runs:
        output.say(f"  {run.id}  {run.status_title}  {run.fixed.task or ''}")
    for caveat in plan_caveats(plan):
        output.say(f"  {caveat}")
    environment = name or "an unknown environment"
    if session.interlock.is_production:
        environment += " (PRODUCTION)" if name else ", which counts as production"
    is_guarded = session.interlock.is_production and len(plan.runs) > 1
    question = f"{plan.verb} {plan_text(plan)} in {environment}?"
    if is_guarded or plan.total > MAX_RUNS_FOR_YES:
        word = name if is_guarded and name is not None else str(plan.total)
        is_confirmed = output.ask(f"{question} (type {word} to confirm) ").strip() == word
    else:
        is_confirmed = confirm(output, f"{question} (y confirms) ", word=plan.verb.lower())
    if not is_confirmed:
        raise Stop(ExitCode.REFUSED, "nothing was sent")


# `cancel` and `replay`: one command for each action of `ACTIONS`. The session checks every action again before it sends
# a request.


def _command(action: Action) -> click.Command:
    """Return the command for an action."""

    @session_command(
        action.id,
        click.argument("run_ids", metavar="RUN...", nargs=-1, required=True, type=RUN_ID),
        click.option("--yes", is_flag=True, help="Do not ask. Required without a terminal."),
        click.option("--env-name", metavar="NAME", help="The environment's name: required with --yes in production."),
        click.option("--count", type=int, metavar="N", help="How many runs: required with --yes for more than ten."),
        click.option("--dry-run", is_flag=True, help="Print the plan, send nothing."),
        sentence=f"{action.description}. Prints each outcome; exit code 1 unless all succeed.",
    )
    async def act(
        output: Output,
        settings: Settings,
        *,
        run_ids: tuple[RunId, ...],
        yes: bool,
        env_name: str | None,
        count: int | None,
        dry_run: bool,
        as_json: bool,
    ) -> None:
        if not dry_run and not yes and output.keyboard is None:
            raise Stop(ExitCode.USAGE, f"{action.id} needs --yes without a terminal")
        async with open_session(settings, output) as session:
            await read_environment(session)
            plan = await read_plan(session, action, tuple(dict.fromkeys(run_ids)))
            if (block := session.block(action)) is not None:
                raise Stop(ExitCode.REFUSED, f"nothing was sent: {block}")
            if dry_run:
                _print_plan(output, session, action, plan, as_json=as_json)
                return
            check_consent(session, plan, env_name, count, is_given=yes)
            if not yes:
                ask(output, session, plan)
            all_confirmed = await _perform(output, session, action, plan, as_json=as_json)
            denial = session.denial(action)
        if not all_confirmed:
            raise Stop(ExitCode.REFUSED, "" if denial is None else f"{action.id}: {denial}")

    return act


async def read_environment(session: Session) -> None:
    """Read the environment's name, from `whoami` or, if the key has no access to that, from the newest run."""
    await session.fetcher.fetch_environment(Priority.ACTION)
    if session.interlock.name is None:
        with suppress(ApiError):
            page = await session.fetcher.fetch_page(RunFilters(), Priority.ACTION, size=1)
            await session.emit(RunsRead(page.patches))


async def _perform(output: Output, session: Session, action: Action, plan: ActionPlan, *, as_json: bool) -> bool:
    """Perform the action on each run in turn, and print each outcome. Return whether all were confirmed."""
    all_confirmed = True
    for unsent, run in zip(reversed(range(len(plan.runs))), plan.runs, strict=True):
        outcome: ActionStatus | None = None
        try:
            outcome = await session.perform(action, run, via=Via.COMMAND_LINE)
            all_confirmed &= outcome.phase is ActionPhase.CONFIRMED
            await session.settle()  # until the store has the read that verified the outcome
        except asyncio.CancelledError:
            unknown = f"the outcome for {run.id} is not known; " if outcome is None else ""
            output.say(f"interrupted: {unknown}the request was not sent for {plural(unsent, 'run')}")
            raise
        finally:
            if outcome is not None:
                with suppress(OutputClosed):  # the reader of stdout is gone: the other runs are still sent
                    _print_outcome(output, action, outcome, session.store.get(run.id), as_json=as_json)
    return all_confirmed


def _print_plan(output: Output, session: Session, action: Action, plan: ActionPlan, *, as_json: bool) -> None:
    for run in plan.runs:
        reason = action.forbidden(run)
        if as_json:
            entry: dict[str, Json] = {"run": run.id, "action": action.id, "wouldSend": reason is None}
            output.json_line(entry | status_object(run) | ({} if reason is None else {"message": reason}))
        else:
            output.print(f"{run.id}  {run.status_title}  {reason or 'would be ' + action.done_word}")
    for caveat in plan_caveats(plan):
        output.say(caveat)
    where = session.interlock.name or UNKNOWN
    output.say(f"Dry run: {plan.verb.lower()} {plan_text(plan)} in {where}; nothing was sent.")


def _print_outcome(output: Output, action: Action, outcome: ActionStatus, run: Run | None, *, as_json: bool) -> None:
    """Print the outcome of an action. The JSON also has the last known status of its run."""
    if as_json:
        entry: dict[str, Json] = {"run": outcome.run_id, "action": outcome.action, "phase": outcome.phase.value}
        if outcome.new_run_id is not None:
            entry["newRun"] = outcome.new_run_id
        if outcome.message:
            entry["message"] = outcome.message
        output.json_line(entry | ({} if run is None else status_object(run)))
        return
    words = action.done_word if outcome.phase is ActionPhase.CONFIRMED else phase_word(outcome.phase)
    parts = [outcome.run_id, words, *([f"as {outcome.new_run_id}"] if outcome.new_run_id else [])]
    output.print("  ".join(parts) + (f": {outcome.message}" if outcome.message else ""))


COMMANDS = tuple(_command(action) for action in ACTIONS)
