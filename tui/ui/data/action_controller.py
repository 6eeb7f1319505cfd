"""Actions on runs from the screen: when a key works, the confirmation dialog, and the notices about the outcome.

`ActionQueue` sends the actions. The session checks each of them again before its request.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.actions import parse
from textual.binding import Binding

from tui.actions import ACTIONS, Action
from tui.domain.action import ActionPhase, Via
from tui.domain.action_plan import ActionPlan
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.update import SourceRetrying
from tui.lazy_dataclass import dataclass
from tui.present.actions.outcomes import (
    batch_words,
    cut_short,
    failure_words,
    need_connection,
    not_sent,
    outcome_words,
    withdrawn_words,
)
from tui.present.dialogs.confirm import Question, Target, objection_to
from tui.present.key_words import key_of, selecting_keys, with_key
from tui.present.styled import Line, Piece, Token
from tui.session.action_planner import ActionPlanner
from tui.store.changes import Changes, Topic
from tui.ui.base import AppBase
from tui.ui.data.action_queue import GRACE_S, ActionBatch, ActionQueue
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import bind
from tui.ui.model.replays import Replays
from tui.ui.widgets.footer import NOTICE_S

if TYPE_CHECKING:
    from tui.ui.screens.confirm import ConfirmScreen

MAX_CHECKED_RUNS: Final = 500
"""The footer asks after each key whether the action of a key is possible. So many runs take less than half a
millisecond."""


BY_ID: Final = {action.id: action for action in ACTIONS}

ACTION_BINDINGS: Final[tuple[Binding, ...]] = (
    *(
        bind(
            action.key,
            f"act('{action.id}')",
            action.title.lower(),
            f"{action.description}.",
            id=action.id,
            rank=20 + number,
        )
        for number, action in enumerate(ACTIONS)
    ),
    bind("u", "withdraw", "withdraw", "Withdraw the actions that wait to be sent.", rank=27, need=5),
    bind(
        "v",
        "go_to_new",
        "view the new run",
        "Go to the run that a replay of this one started.",
        id="new-run",
        rank=28,
        need=6,
    ),
)
"""Bound only where something may be written."""

ACTION_NAMES: Final = frozenset({"act", "withdraw", "go_to_new"})


def no_run_selected() -> str:
    """Return that no run is selected, and the key that selects one."""
    return f"no run is selected: {selecting_keys()} selects one"


def action_keys() -> list[str]:
    """Return the keys of the actions that have one."""
    return [key for action in ACTIONS if (key := key_of(action.id, action.key))]


def from_palette(action: str) -> str:
    """Return the action of a binding as the palette runs it: the action log distinguishes the two."""
    namespace, name, parameters = parse(action)
    if namespace or name not in {"act", "own_command"}:
        return action
    return f"{name}({', '.join(map(repr, (*parameters, Via.PALETTE.value)))})"


@dataclass(frozen=True, slots=True)
class ActionReports:
    """Where reports go: `add_message` to the messages, `show_notice` to the end of the footer for `NOTICE_S`."""

    add_message: Callable[[str], None]
    show_notice: Callable[[Line], None]


class ActionController:
    """The actions of one screen. `open_run` selects a run; `unmark` clears the marks of the confirmed runs."""

    def __init__(
        self,
        live: LiveModel,
        app: Callable[[], AppBase],
        reports: ActionReports,
        *,
        open_run: Callable[[RunId], None],
        unmark: Callable[[], None],
    ) -> None:
        self._live = live
        self._session = live.session
        self._writable = live.session.settings.key.writable_runs
        self._app = app
        self._reports = reports
        self._open_run = open_run
        self._unmark = unmark
        self._screen: ConfirmScreen | None = None
        self._plan_task: asyncio.Task[None] | None = None
        self.action_queue = ActionQueue(live.session, on_update=self._publish_update, on_done=self._on_done)
        self.overlay = self.action_queue.overlay
        self._replays = Replays(live.session.clock)

    @property
    def is_enabled(self) -> bool:
        """Whether the keys of actions exist in this session."""
        return self._session.offers_actions

    @property
    def block(self) -> str | None:
        """Why no action can be sent now, or None."""
        if (reason := self._session.write_block) is not None:
            return f"nothing is written: {reason}"
        freshness = self._live.freshness
        failure = freshness.failure
        is_offline = isinstance(failure, SourceRetrying) and not failure.is_answered
        if freshness.is_stale or is_offline:
            return need_connection(action_keys())
        return None

    def why_not(self, action: Action, run: Run) -> str | None:
        """Return why an action makes no sense on a run now, or None."""
        if (reason := action.forbidden(run)) is not None:
            return reason
        if self._writable is not None and run.id not in self._writable:
            return "the public token may write other runs only"
        if (pending := self.action_queue.pending(run.id)) is not None:
            return f"{pending.id} waits to be sent{with_key('withdraw', 'u', ', {} withdraws it')}"
        if (in_flight := self.action_queue.in_flight(run.id)) is not None:
            return f"{in_flight.id} is on its way"
        return None

    def can(self, action: Action, run: Run) -> bool:
        """Return whether the key of an action does something on a run now."""
        return self._is_allowed(action) and self.why_not(action, run) is None

    def _is_allowed(self, action: Action) -> bool:
        return self.is_enabled and self._session.denial(action) is None and self.block is None

    def can_any(self, action: Action, run_ids: Iterable[RunId]) -> bool:
        """Return whether the key of an action does something on at least one of these runs.

        Only the first `MAX_CHECKED_RUNS` are checked: with more, the key is taken for useful.
        """
        if not self._is_allowed(action):
            return False
        store = self._session.store
        for count, run_id in enumerate(run_ids):
            if count == MAX_CHECKED_RUNS or self.why_not(action, store.get(run_id) or Run(run_id)) is None:
                return True
        return False

    def check(self, name: str, parameters: tuple[object, ...], run: Run | None) -> bool | None:
        """Return whether a binding of `ACTION_BINDINGS` does something now.

        None: it would only show the reason why not. False: it does not exist in this session.
        """
        if not self.is_enabled:
            return False
        match name:
            case "act":
                return True if run is not None and self.can(BY_ID[str(parameters[0])], run) else None
            case "withdraw":
                return True if self.action_queue.is_withdrawable else None
            case _:
                return True if self._replays.of(None if run is None else run.id) is not None else None

    def denial(self, name: str, parameters: tuple[object, ...]) -> str:
        """Return why a binding of `ACTION_BINDINGS` does nothing in this session; empty if it may do something."""
        return (self._session.denial(BY_ID[str(parameters[0])]) or "") if name == "act" else ""

    def ask(self, action: Action, targets: Sequence[RunId], hidden_marks: int = 0, *, via: Via = Via.KEY) -> None:
        """Ask for confirmation of an action on these runs and send it, or show why that is not possible."""
        if not self.is_enabled or self._screen is not None:
            return
        reason = self._session.denial(action)
        if reason is None and not targets:
            reason = "the filter hides all marked runs" if hidden_marks else no_run_selected()
        if (reason := self.block if reason is None else f"{action.id}: {reason}") is not None:
            self._show_text(reason)
            return
        store = self._session.store
        runs = [store.get(run_id) or Run(run_id) for run_id in dict.fromkeys(targets)]
        possible = tuple(run for run in runs if self.why_not(action, run) is None)
        skipped = tuple(run for run in runs if run not in possible)
        if not possible:
            why = (
                self.why_not(action, skipped[0])
                if len(skipped) == 1
                else f"none of these {len(skipped)} runs allows it"
            )
            self._show_text(f"{action.id}: {why}")
            return
        self._open(action, ActionPlan(action.title, possible, skipped=skipped), hidden_marks, via)

    def withdraw(self) -> None:
        """Withdraw the actions that were not sent yet."""
        counts = self.action_queue.withdraw()
        if counts:
            self._show_text(withdrawn_words(counts))
        elif self.action_queue.is_busy:
            self._show_text("already sent: it cannot be withdrawn")
        else:
            self._show_text("nothing waits to be sent")

    def go_to_new(self, run_id: RunId | None = None) -> None:
        """Open the run that the last notice announced, else the newest replay of `run_id`."""
        if (new_run := self._replays.of(run_id)) is not None:
            self._replays.end_announcement()
            self._reports.show_notice(())
            self._open_run(new_run)
        elif self._replays:
            self._show_text("this run was not replayed here")
        else:
            self._show_text("no replay has started a run yet")

    def farewell(self) -> list[str]:
        """Drop all unsent actions at the end of the program. Return sentences about them and those in flight."""
        unsent = self.action_queue.abandon()
        return [
            *(not_sent(action.title, count, "the program ended before that") for action, count in unsent),
            *map(cut_short, self._session.actions_in_flight),
        ]

    def _open(self, action: Action, plan: ActionPlan, hidden_marks: int, via: Via) -> None:
        interlock = self._session.interlock
        planner = ActionPlanner(self._session, action, plan.runs)
        question = Question(
            plan=plan,
            target=Target(self._session.store.environment, interlock.name, interlock.is_production),
            safe_label="Keep running" if action.stops_descendants else "Do nothing",
            destroys=action.stops_descendants,
            effect="" if action.stops_descendants else f"{action.description}.",
            hidden_count=hidden_marks,
            is_reading=planner.needs_trees,
            grace_s=GRACE_S if len(plan.runs) > 1 else 0,
        )
        from tui.ui.screens.confirm import ConfirmScreen  # noqa: PLC0415  loaded when it is opened: the start must be fast

        self._reports.show_notice(())  # an earlier notice is not about this question
        app = self._app()
        screen = ConfirmScreen(self._live, action, question, app.type_ahead)
        self._screen = screen
        app.push_screen(
            screen, lambda is_confirmed: self._on_answer(action, screen, via, is_confirmed=bool(is_confirmed))
        )
        if question.is_reading:
            self._plan_task = self._session.spawn(self._plan(action, planner, plan, screen), f"plan {action.id}")

    async def _plan(
        self, action: Action, planner: ActionPlanner, confirmed: ActionPlan, screen: "ConfirmScreen"
    ) -> None:
        plan = await planner.read_plan(allow_partial=True)
        runs = [self._session.store.get(run.id) or run for run in confirmed.runs]
        possible = tuple(run for run in runs if action.forbidden(run) is None)
        skipped = (*confirmed.skipped, *(run for run in runs if run not in possible))
        objection = ""
        if not possible:
            forbidden = action.forbidden(runs[0]) if len(runs) == 1 else None
            objection = objection_to(forbidden or f"all {len(runs)} have ended")
            possible, skipped = tuple(runs), confirmed.skipped
        whole = replace(plan, runs=possible, skipped=skipped)
        self._app().call_later(screen.show_plan, whole, objection)

    def _on_answer(self, action: Action, screen: "ConfirmScreen", via: Via, *, is_confirmed: bool) -> None:
        self._screen = None
        if self._plan_task is not None:
            self._plan_task.cancel()
            self._plan_task = None
        if not is_confirmed:
            return
        question = screen.question
        check = self._check_for(action, question.target)
        if (reason := check() or self.block) is not None:
            self._show_text(reason)
            self._reports.add_message(not_sent(action.title, len(question.plan.runs), reason))
            return
        if len(question.plan.runs) > 1:
            self._unmark()
        self.action_queue.send(action, question.plan.runs, check, grace_s=question.grace_s, via=via)

    def _check_for(self, action: Action, target: Target) -> Callable[[], str | None]:
        """Return a check that the environment is still the one that the question named, and that the key may act."""
        session = self._session

        def check() -> str | None:
            current = Target(session.store.environment, session.interlock.name, session.interlock.is_production)
            if current != target:
                return "the environment has changed since the question"
            return session.block(action)

        return check

    def _publish_update(self) -> None:
        # The runs are the same, only their overlays differ.
        app = self._app()
        app.call_later(app.changed.publish, Changes(topics={Topic.ACTIONS}))

    def _on_done(self, batch: ActionBatch) -> None:
        # A task of the session calls this; widgets are changed on the app's own message loop.
        self._app().call_later(self._report, batch)

    def _report(self, batch: ActionBatch) -> None:
        """Show a notice about the outcome, and add messages about the failures."""
        for status in batch.outcomes:
            if (failure := failure_words(status)) is not None:
                self._reports.add_message(failure)
        if batch.stopped is not None:
            unsent = batch.size - len(batch.outcomes) - batch.withdrawn_count
            self._reports.add_message(not_sent(batch.action.title, unsent, batch.stopped))
        self._replays.end_announcement()
        for status in batch.outcomes:
            if status.new_run_id is not None:
                self._replays.record(status.run_id, status.new_run_id)
        if batch.stopped is not None:
            self._show_text(f"{batch.action.id} stopped: {batch.stopped}")
        elif batch.size == 1 and batch.outcomes:
            self._notice(outcome_words(batch.action.done, batch.outcomes[0]), batch.outcomes[0].phase)
        elif batch.outcomes:
            worst = next((each.phase for each in batch.outcomes if each.phase is not ActionPhase.CONFIRMED), None)
            self._notice(batch_words(batch.action.done, batch.outcomes), worst or ActionPhase.CONFIRMED, "to the last")

    def _notice(self, line: Line, phase: ActionPhase, where: str = "there") -> None:
        key: Line = ()
        if self._replays.is_new and phase is ActionPhase.CONFIRMED:
            self._replays.announce(NOTICE_S)
            key = (Piece("   "), Piece("v", Token.TEXT, is_bold=True), Piece(f" goes {where}", Token.FAINT))
        self._reports.show_notice((*line, *key))

    def _show_text(self, text: str) -> None:
        self._reports.show_notice((Piece(text, Token.MUTED),))
