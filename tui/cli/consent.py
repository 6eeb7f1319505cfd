"""Plans a `cancel` or `replay`, and makes sure that the user consents before any run is changed.

Consent is an answer at the terminal, or `--yes` with the options that its plan requires.
"""

from tui.actions import Action
from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.prompt import confirm
from tui.domain.action_plan import MAX_RUNS_FOR_YES, UNKNOWN, ActionPlan
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.output import Output
from tui.session import Session


@dataclass(frozen=True, slots=True)
class Consent:
    """The user's options. `--yes` replaces the question; `--env-name` and `--count` must match the plan."""

    yes: bool
    env_name: str | None
    count: int | None


def plan_text(plan: ActionPlan) -> str:
    """Return which runs the plan would change: `2 runs and 3 below (2 Executing, 1 Queued)`."""
    runs = "1 run" if len(plan.runs) == 1 else f"{len(plan.runs):,} runs"
    below = ", ".join(f"{count:,} {title}" for title, count in plan.descendants_by_title.most_common())
    if below:
        runs = f"{runs} and {len(plan.descendants):,} below ({below})"
    return f"{runs}, or more: not fully loaded" if plan.missing else runs


def plan_caveats(plan: ActionPlan) -> list[str]:
    """Return a sentence for each reason why the plan may be out of date or incomplete."""
    delay = ["The runs below are from about a second ago."] if plan.is_from_replica else []
    return [*delay, *(f"Not fully loaded: {reason}." for reason in plan.missing)]


async def read_plan(session: Session, action: Action, run_ids: tuple[RunId, ...]) -> ActionPlan:
    """Read the runs and the runs below them. Raises `Stop` if a run does not exist, and `ApiError`."""
    from tui.session.action_planner import ActionPlanner
    from tui.sources.budget import Priority
    from tui.store.merge import merge
    from tui.wire.errors import NotFound

    runs: list[Run] = []
    for run_id in run_ids:
        try:
            response = await session.fetcher.fetch_run(run_id, Priority.ACTION)
        except NotFound as error:
            raise Stop(ExitCode.REFUSED, f"nothing was sent: {run_id}: {error}") from error
        runs.append(merge(None, response.patch))
    return await ActionPlanner(session, action, runs).read_plan()


def check_consent(session: Session, plan: ActionPlan, consent: Consent) -> None:
    """Compare the options with the plan. Raises `Stop` (usage) if one contradicts it, or if `--yes` is not enough.

    `--yes` needs `--env-name` in production, and `--count` for more than ten runs or an incomplete plan.
    """
    name = session.interlock.name or UNKNOWN
    if consent.env_name is not None and consent.env_name != name:
        _refuse(f"this is {name}, not {consent.env_name}")
    if consent.count is not None and consent.count != plan.total:
        _refuse(f"--count {consent.count} does not match: it is {plan.total} ({plan_text(plan)})")
    if not consent.yes:
        return
    if session.interlock.is_production and consent.env_name is None:
        reason = f"{name} is production" if name != UNKNOWN else "the environment is unknown"
        _refuse(f"{reason}: --yes needs --env-name {name}")
    if consent.count is None and (plan.total > MAX_RUNS_FOR_YES or plan.missing):
        missing = f" ({'; '.join(plan.missing)})" if plan.missing else ""
        _refuse(f"{plan_text(plan)}{missing}: --yes needs --count {plan.total}")


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


def _refuse(reason: str) -> None:
    raise Stop(ExitCode.USAGE, f"nothing was sent: {reason}")
