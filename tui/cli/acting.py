"""`cancel` and `replay`: the verbs of `ACTIONS`, for scripts and for people at a prompt.

What lives here: what is asked before anything is sent, and how the truth is told afterwards. The guards that hold
for every way to act are the session's; these are those of a command line. Source: DESIGN §1, §8.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import click

from tui.actions import ACTIONS, Action
from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import RUN, connection_options, json_option, open_session, run_async, settings_of
from tui.config import Settings
from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import RunStatus, title_of
from tui.output import Output
from tui.session import Session

MANY = 10
"""Above this many runs, those counted that stop with them, a yes is not enough."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What was given on the command line in place of answers."""

    yes: bool
    env_name: str | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an action would touch: the runs, and what else stops below them (`missing`: why that may not be all)."""

    action: Action
    runs: tuple[Run, ...]
    others: Counter[RunStatus]
    missing: tuple[str, ...]

    @property
    def total(self) -> int:
        """Every run that would change."""
        return len(self.runs) + self.others.total()


def _command(action: Action) -> click.Command:
    """The CLI verb of an action."""

    @click.command(action.id, help=f"{action.description}. Prints what became of each; exit code 1 if not all were.")
    @click.argument("run_ids", metavar="RUN...", nargs=-1, required=True, type=RUN)
    @click.option("--yes", is_flag=True, help="Do not ask. Needed without a terminal.")
    @click.option("--env-name", metavar="NAME", help="The environment's name: needed with --yes in production.")
    @click.option("--count", type=int, metavar="N", help="How many runs it is: needed with --yes for more than ten.")
    @click.option("--dry-run", is_flag=True, help="Say what would be done, send nothing.")
    @json_option
    @connection_options
    @click.pass_obj
    def act(output: Output, /, *, run_ids: tuple[RunId, ...], dry_run: bool, as_json: bool, **options: Any) -> None:
        consent = Consent(options.pop("yes"), options.pop("env_name"), options.pop("count"))
        settings = settings_of(options)
        unique = tuple(dict.fromkeys(run_ids))
        if not dry_run and not consent.yes and not output.can_ask:
            raise Stop(ExitCode.USAGE, f"{action.id} needs --yes where nobody can be asked (no terminal)")
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
        from tui.sources.budget import Priority

        await session.reads.environment(Priority.ACTION)
        plan = await _plan(session, action, run_ids)
        if (block := session.write_block) is not None:
            raise Stop(ExitCode.REFUSED, f"nothing was sent: {block}")
        if dry_run:
            _say_plan(output, session, plan, as_json=as_json)
            return
        if consent.yes:
            _check_consent(session, plan, consent)
        else:
            _ask(output, session, plan)
        outcomes = [await session.perform(action, run) for run in plan.runs]
        for outcome in outcomes:
            _say_outcome(output, action, outcome, as_json=as_json)
        if session.action_log.trouble is not None:
            output.say(session.action_log.trouble)
    if any(outcome.phase is not ActionPhase.CONFIRMED for outcome in outcomes):
        raise Stop(ExitCode.REFUSED)


async def _plan(session: Session, action: Action, run_ids: tuple[RunId, ...]) -> Plan:
    """Read every run before anything is sent: a wrong id stops the whole command."""
    from tui.sources.budget import Priority
    from tui.store.merge import merge
    from tui.wire.errors import NotFound

    runs: list[Run] = []
    others: dict[RunId, RunStatus] = {}
    missing: list[str] = []
    for run_id in run_ids:
        try:
            answer = await session.reads.run(run_id, Priority.SELECTED)
        except NotFound as error:
            raise Stop(ExitCode.REFUSED, f"nothing was sent: {run_id}: {error}") from error
        run = merge(None, answer.patch)
        runs.append(run)
        if action.stops_others and answer.related and not run.is_final:
            tree = await session.tree(run_id)
            missing.extend(tree.missing)
            node = tree.find(run_id)
            for below in () if node is None else node.walk():
                status = below.run.status if below.run else below.status.canonical if below.status else None
                if status is not None and not status.is_final:
                    others[below.id] = status
    for run_id in run_ids:
        others.pop(run_id, None)
    await session.settle()
    return Plan(action, tuple(runs), Counter(others.values()), tuple(dict.fromkeys(missing)))


def _check_consent(session: Session, plan: Plan, consent: Consent) -> None:
    """`--yes` alone is not enough in production, nor for many. Raises `Stop` (usage), nothing was sent."""
    name = session.interlock.name
    if session.interlock.is_production and consent.env_name is None:
        known = f"{name} is an environment of type PRODUCTION" if session.interlock.is_known else "may be production"
        raise Stop(ExitCode.USAGE, f"nothing was sent: {known}: --yes needs --env-name {name or 'NAME'} there")
    if consent.env_name is not None and consent.env_name != name:
        raise Stop(ExitCode.USAGE, f"nothing was sent: this is {name or 'unknown'}, not {consent.env_name}")
    if plan.total > MANY and consent.count is None:
        raise Stop(ExitCode.USAGE, f"nothing was sent: {_what(plan)}: --yes needs --count {plan.total} for that many")
    if consent.count is not None and consent.count not in {plan.total, len(plan.runs)}:
        raise Stop(ExitCode.USAGE, f"nothing was sent: it is {plan.total} runs, not {consent.count} ({_what(plan)})")
    if plan.total > MANY and consent.count != plan.total:
        raise Stop(ExitCode.USAGE, f"nothing was sent: {plan.total} runs would change: --count {plan.total}")


def _ask(output: Output, session: Session, plan: Plan) -> None:
    """Ask at the terminal. Raises `Stop` unless the answer is the one that acts."""
    name = session.interlock.name or "an unknown environment"
    is_production = session.interlock.is_production
    for run in plan.runs:
        output.say(f"  {run.id}  {run.title}  {run.fixed.task or ''}")
    if plan.missing:
        output.say(f"  not fully loaded: {', '.join(plan.missing)}")
    place = f"{name} (PRODUCTION)" if is_production else name
    question = f"{plan.action.title} {_what(plan)} in {place}?"
    if is_production and len(plan.runs) > 1 and session.interlock.name is not None:
        wanted, how = session.interlock.name, f"type {session.interlock.name} to do it"
    elif plan.total > MANY:
        wanted, how = str(plan.total), f"type {plan.total} to do it"
    else:
        wanted, how = "y", "y does it, anything else does nothing"
    if output.ask(f"{question} ({how}) ").strip() != wanted:
        raise Stop(ExitCode.REFUSED, "nothing was sent")


def _what(plan: Plan) -> str:
    runs = "1 run" if len(plan.runs) == 1 else f"{len(plan.runs):,} runs"
    if not plan.others:
        return runs
    below = ", ".join(f"{count:,} {title_of(status)}" for status, count in plan.others.most_common())
    return f"{runs} and {plan.others.total():,} below ({below})"


def _say_plan(output: Output, session: Session, plan: Plan, *, as_json: bool) -> None:
    for run in plan.runs:
        reason = plan.action.forbidden(run)
        if as_json:
            entry = {"run": run.id, "action": plan.action.id, "wouldSend": reason is None, "status": run.status.value}
            output.json_line(entry | ({} if reason is None else {"message": reason}))
        else:
            output.print(f"{run.id}  {run.title}  {reason or 'would be ' + plan.action.done}")
    for reason in plan.missing:
        output.say(f"Not fully loaded: {reason}.")
    output.say(f"Dry run: {plan.action.title.lower()} {_what(plan)} in {session.interlock.name}; nothing was sent.")


def _say_outcome(output: Output, action: Action, outcome: ActionStatus, *, as_json: bool) -> None:
    if as_json:
        entry: dict[str, str] = {"run": outcome.run_id, "action": outcome.action, "phase": outcome.phase.value}
        if outcome.new_run_id is not None:
            entry["newRun"] = outcome.new_run_id
        if outcome.message:
            entry["message"] = outcome.message
        output.json_line(entry)
        return
    words = action.done if outcome.phase is ActionPhase.CONFIRMED else outcome.phase.value
    parts = [outcome.run_id, words, *([f"as {outcome.new_run_id}"] if outcome.new_run_id else [])]
    output.print("  ".join(parts) + (f": {outcome.message}" if outcome.message else ""))


COMMANDS = tuple(_command(action) for action in ACTIONS)
