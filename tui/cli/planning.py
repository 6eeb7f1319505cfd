"""What an action would touch, and the consent that it takes: everything before the first request that changes a run."""

from dataclasses import dataclass

from tui.actions import Action
from tui.cli.asking import agrees
from tui.cli.exit_codes import ExitCode, Stop
from tui.domain.action_plan import MAX_RUNS_FOR_YES, UNKNOWN, ActionPlan
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.output import Output
from tui.session import Session


@dataclass(frozen=True, slots=True)
class Consent:
    """What was given on the command line in place of answers."""

    yes: bool
    env_name: str | None
    count: int | None


def words_of(plan: ActionPlan) -> str:
    """`2 runs and 3 below (2 Executing, 1 Queued)`."""
    runs = "1 run" if len(plan.runs) == 1 else f"{len(plan.runs):,} runs"
    below = ", ".join(f"{count:,} {title}" for title, count in plan.descendants_by_title.most_common())
    if below:
        runs = f"{runs} and {len(plan.descendants):,} below ({below})"
    return f"{runs}, or more: not fully loaded" if plan.missing else runs


def notes_on(plan: ActionPlan) -> list[str]:
    """What a plan does not know, in sentences."""
    late = ["What is below is as of about a second ago."] if plan.is_from_replica else []
    return [*late, *(f"Not fully loaded: {reason}." for reason in plan.missing)]


async def make_plan(session: Session, action: Action, run_ids: tuple[RunId, ...]) -> ActionPlan:
    """Read every run before anything is sent: a wrong id stops the whole command. Raises `Stop` and `ApiError`."""
    from tui.session.action_planner import ActionPlanner
    from tui.sources.budget import Priority
    from tui.store.merge import merge
    from tui.wire.errors import NotFound

    runs: list[Run] = []
    for run_id in run_ids:
        try:
            answer = await session.fetcher.fetch_run(run_id, Priority.ACTION)
        except NotFound as error:
            raise Stop(ExitCode.REFUSED, f"nothing was sent: {run_id}: {error}") from error
        runs.append(merge(None, answer.patch))
    return await ActionPlanner(session, action, runs).read_plan()


def check_consent(session: Session, plan: ActionPlan, consent: Consent) -> None:
    """Hold what was given against what is so. Raises `Stop` (usage) before anything was sent.

    `--yes` alone is not enough in production, for more than ten runs, or where nobody knows how many it would be.
    What was given wrongly is refused with a person at the terminal too.
    """
    name = session.interlock.name or UNKNOWN
    if consent.env_name is not None and consent.env_name != name:
        _refuse(f"this is {name}, not {consent.env_name}")
    if consent.count is not None and consent.count != plan.total:
        _refuse(f"--count {consent.count} was given, but it is {plan.total} ({words_of(plan)})")
    if not consent.yes:
        return
    if session.interlock.is_production and consent.env_name is None:
        known = f"{name} is production" if name != UNKNOWN else "nobody tells which environment this is"
        _refuse(f"{known}: --yes needs --env-name {name} there")
    if consent.count is None and (plan.total > MAX_RUNS_FOR_YES or plan.missing):
        why = f" ({'; '.join(plan.missing)})" if plan.missing else ""
        _refuse(f"{words_of(plan)}{why}: --yes needs --count {plan.total} for that")


def ask(output: Output, session: Session, plan: ActionPlan) -> None:
    """Ask at the terminal. Raises `Stop` unless the answer is the one that acts."""
    name = session.interlock.name
    for run in plan.runs:
        output.say(f"  {run.id}  {run.title}  {run.fixed.task or ''}")
    for note in notes_on(plan):
        output.say(f"  {note}")
    place = name or "an unknown environment"
    if session.interlock.is_production:
        place += " (PRODUCTION)" if name else ", which counts as production"
    is_guarded = session.interlock.is_production and len(plan.runs) > 1
    asked = f"{plan.verb} {words_of(plan)} in {place}?"
    if is_guarded or plan.total > MAX_RUNS_FOR_YES:
        wanted = name if is_guarded and name is not None else str(plan.total)
        is_meant = output.ask(f"{asked} (type {wanted} to do it) ").strip() == wanted
    else:
        is_meant = agrees(output, f"{asked} (y does it, anything else does nothing) ", word=plan.verb.lower())
    if not is_meant:
        raise Stop(ExitCode.REFUSED, "nothing was sent")


def _refuse(line: str) -> None:
    raise Stop(ExitCode.USAGE, f"nothing was sent: {line}")
