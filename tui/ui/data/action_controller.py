"""Acting on runs from the screen: when it is allowed, what is asked first, what is said afterwards.

It is the way of one key, from `C` to the words about its outcome. The dialog belongs to `screens.confirm`, waiting and
sending to `dispatch`, the guards of every action to the session. The class is longer than 200 lines: each step of the
way is guarded by what the steps before it left.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from textual.actions import parse
from textual.binding import Binding

from tui.actions import ACTIONS, Action
from tui.domain.action import ActionPhase, Via
from tui.domain.action_plan import ActionPlan
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.update import SourceRetrying
from tui.present.actions.outcomes import (
    batch_words,
    cut_short,
    need_connection,
    not_sent,
    outcome_words,
    trouble_words,
    withdrawn_words,
)
from tui.present.dialogs.confirm import Question, Target
from tui.present.styled import Line, Piece, Token
from tui.session.action_planner import ActionPlanner
from tui.store.changes import Changes, Topic
from tui.ui.base import AppBase
from tui.ui.data.action_queue import GRACE_S, ActionBatch, ActionQueue
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import bind
from tui.ui.model.replays import Replays
from tui.ui.screens.confirm import ConfirmScreen, objection_to

NOTHING_THERE: Final = "nothing is under the cursor: j or ↓ selects a run"

BY_ID: Final = {action.id: action for action in ACTIONS}

ACTION_BINDINGS: Final[tuple[Binding, ...]] = (
    *(
        bind(action.key, f"act('{action.id}')", action.title.lower(), f"{action.description}.", rank=20 + number)
        for number, action in enumerate(ACTIONS)
    ),
    bind("u", "withdraw", "withdraw", "Take back what waits to be sent.", rank=27, need=5),
    bind("v", "go_to_new", "view the new run", "Go to the run that a replay of this one started.", rank=28, need=6),
)
"""Bound only where something may be written."""

ACTION_NAMES: Final = frozenset({"act", "withdraw", "go_to_new"})


def from_palette(action: str) -> str:
    """The action of a binding as the palette starts it: the log of actions tells the two apart."""
    namespace, name, parameters = parse(action)
    if namespace or name != "act":
        return action
    return f"act({', '.join(map(repr, (*parameters, Via.PALETTE.value)))})"


@dataclass(frozen=True, slots=True)
class ActionReports:
    """Where words go: `tell` to the messages, `notice` to the end of the footer for `NOTICE_S`."""

    tell: Callable[[str], None]
    notice: Callable[[Line], None]


class ActionController:
    """The actions of one screen. `open_run` leads to a run, `unmark` takes the marks off what was agreed to."""

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
        self._app = app
        self._voice = reports
        self._open_run = open_run
        self._unmark = unmark
        self._screen: ConfirmScreen | None = None
        self._reading: asyncio.Task[None] | None = None
        self.action_queue = ActionQueue(live.session, changed=self._repaint, ended=self._end)
        self.overlay = self.action_queue.overlay
        self._replays = Replays(live.session.clock)

    @property
    def exists(self) -> bool:
        """Whether there is a trace of actions at all."""
        return self._session.settings.may_write

    @property
    def block(self) -> str | None:
        """Why nothing can be sent now, in words, or None."""
        if (reason := self._session.write_block) is not None:
            return f"nothing is written: {reason}"
        freshness = self._live.freshness
        trouble = freshness.trouble
        is_offline = isinstance(trouble, SourceRetrying) and not trouble.is_answered
        if freshness.is_stale or is_offline:
            return need_connection(action.key for action in ACTIONS)
        return None

    def why_not(self, action: Action, run: Run) -> str | None:
        """Why an action makes no sense on a run now, in words, or None."""
        if (reason := action.forbidden(run)) is not None:
            return reason
        if (pending := self.action_queue.pending(run.id)) is not None:
            return f"{pending.id} waits to be sent, u withdraws it"
        if (under_way := self.action_queue.under_way(run.id)) is not None:
            return f"{under_way.id} is on its way"
        return None

    def can(self, action: Action, run: Run) -> bool:
        """Whether the key of an action does something on a run now."""
        return self.exists and self.block is None and self.why_not(action, run) is None

    def check(self, name: str, parameters: tuple[object, ...], run: Run | None) -> bool | None:
        """Whether an action of `ACTION_BINDINGS` would do something: None where it would only say why not, False where
        there is no trace of it.
        """
        if not self.exists:
            return False
        match name:
            case "act":
                return True if run is not None and self.can(BY_ID[str(parameters[0])], run) else None
            case "withdraw":
                return True if self.action_queue.is_withdrawable else None
            case _:
                return True if self._replays.of(None if run is None else run.id) is not None else None

    def ask(self, action: Action, targets: Sequence[RunId], hidden_marks: int = 0, *, via: Via = Via.KEY) -> None:
        """Ask whether an action is meant on these runs, and carry it out after consent, or say why it cannot be."""
        if not self.exists or self._screen is not None:
            return
        if not targets:
            self._say(f"{action.id}: {'no marked run is shown' if hidden_marks else NOTHING_THERE}")
            return
        if (reason := self.block) is not None:
            self._say(reason)
            return
        store = self._session.store
        runs = [store.get(run_id) or Run(run_id) for run_id in dict.fromkeys(targets)]
        meant = tuple(run for run in runs if self.why_not(action, run) is None)
        skipped = tuple(run for run in runs if run not in meant)
        if not meant:
            why = self.why_not(action, skipped[0]) if len(skipped) == 1 else "it makes no sense on any of them"
            self._say(f"{action.id}: {why}")
            return
        self._open(action, ActionPlan(action.title, meant, skipped=skipped), hidden_marks, via)

    def withdraw(self) -> None:
        """Take back what was not sent; what was cannot be."""
        taken = self.action_queue.withdraw()
        if taken:
            self._say(withdrawn_words(taken))
        elif self.action_queue.is_busy:
            self._say("it is sent already: nothing to withdraw")
        else:
            self._say("nothing waits to be sent")

    def go_to_new(self, run_id: RunId | None = None) -> None:
        """Go to the run that the last outcome announced, else to the newest replay of `run_id`."""
        if (new_run := self._replays.of(run_id)) is not None:
            self._replays.end_announcement()
            self._voice.notice(())
            self._open_run(new_run)
        elif self._replays:
            self._say("this run was not replayed here")
        else:
            self._say("no replay has started a run since")

    def farewell(self) -> list[str]:
        """What was agreed to and has no end yet, in sentences, when the program ends; nothing more is sent then."""
        left = self.action_queue.abandon()
        under_way = self._session.actions_in_flight
        return [
            *(not_sent(action.title, count, "the program ended before its time") for action, count in left),
            *map(cut_short, under_way),
        ]

    def _open(self, action: Action, plan: ActionPlan, hidden_marks: int, via: Via) -> None:
        interlock = self._session.interlock
        planner = ActionPlanner(self._session, action, plan.runs)
        question = Question(
            plan=plan,
            place=Target(self._session.store.environment, interlock.name, interlock.is_production),
            safe="Keep running" if action.stops_others else "Do nothing",
            destroys=action.stops_others,
            promise="" if action.stops_others else f"{action.description}.",
            left_out=hidden_marks,
            is_reading=planner.needs_trees,
            grace_s=GRACE_S if len(plan.runs) > 1 else 0,
        )
        self._voice.notice(())  # what was said before is not about this question
        app = self._app()
        screen = ConfirmScreen(self._live, action, question, app.type_ahead)
        self._screen = screen
        app.push_screen(screen, lambda is_agreed: self._answered(action, screen, via, is_agreed=bool(is_agreed)))
        if question.is_reading:
            self._reading = self._session.spawn(self._plan(action, planner, plan, screen), f"plan {action.id}")

    async def _plan(self, action: Action, planner: ActionPlanner, asked: ActionPlan, screen: ConfirmScreen) -> None:
        plan = await planner.read_plan(allow_partial=True)
        runs = [self._session.store.get(run.id) or run for run in asked.runs]
        meant = tuple(run for run in runs if action.forbidden(run) is None)
        skipped = (*asked.skipped, *(run for run in runs if run not in meant))
        objection = ""
        if not meant:
            forbidden = action.forbidden(runs[0]) if len(runs) == 1 else None
            objection = objection_to(forbidden or f"all {len(runs)} have ended")
            meant, skipped = tuple(runs), asked.skipped
        whole = replace(plan, runs=meant, skipped=skipped)
        self._app().call_later(screen.show_plan, whole, objection)

    def _answered(self, action: Action, screen: ConfirmScreen, via: Via, *, is_agreed: bool) -> None:
        self._screen = None
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if not is_agreed:
            return
        question = screen.question
        check = self._same_place(question.place)
        if (reason := check() or self.block) is not None:
            self._say(reason)
            self._voice.tell(not_sent(action.title, len(question.plan.runs), reason))
            return
        if len(question.plan.runs) > 1:
            self._unmark()
        self.action_queue.send(action, question.plan.runs, check, grace_s=question.grace_s, via=via)

    def _same_place(self, asked: Target) -> Callable[[], str | None]:
        """Hold the environment of the question against the one in which it would be done."""
        session = self._session

        def check() -> str | None:
            place = Target(session.store.environment, session.interlock.name, session.interlock.is_production)
            if place != asked:
                return "the environment is another one than when it was asked"
            return session.write_block

        return check

    def _repaint(self) -> None:
        """No run is another one: only what is said over it."""
        app = self._app()
        app.call_later(app.changed.publish, Changes(topics={Topic.ACTIONS}))

    def _end(self, batch: ActionBatch) -> None:
        """A task of the session says it: it is told on the app's own turn."""
        self._app().call_later(self._tell_end, batch)

    def _tell_end(self, batch: ActionBatch) -> None:
        """Say how it ended: what went well for a while, what did not in the messages too."""
        for status in batch.ends:
            if (trouble := trouble_words(status)) is not None:
                self._voice.tell(trouble)
        if batch.stopped is not None:
            left = batch.size - len(batch.ends) - batch.withdrawn
            self._voice.tell(not_sent(batch.action.title, left, batch.stopped))
        self._replays.end_announcement()
        for status in batch.ends:
            if status.new_run_id is not None:
                self._replays.record(status.run_id, status.new_run_id)
        if batch.stopped is not None:
            self._say(f"{batch.action.id} stopped: {batch.stopped}")
        elif batch.size == 1 and batch.ends:
            self._notice(outcome_words(batch.action.done, batch.ends[0]), batch.ends[0].phase)
        elif batch.ends:
            worst = next((each.phase for each in batch.ends if each.phase is not ActionPhase.CONFIRMED), None)
            self._notice(batch_words(batch.action.done, batch.ends), worst or ActionPhase.CONFIRMED, "to the last")

    def _notice(self, line: Line, phase: ActionPhase, where: str = "there") -> None:
        key: Line = ()
        if self._replays.is_new and phase is ActionPhase.CONFIRMED:
            self._replays.announce()
            key = (Piece("   "), Piece("v", Token.TEXT, is_bold=True), Piece(f" goes {where}", Token.FAINT))
        self._voice.notice((*line, *key))

    def _say(self, text: str) -> None:
        self._voice.notice((Piece(text, Token.MUTED),))
