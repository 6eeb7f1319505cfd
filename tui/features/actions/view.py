"""Actions on runs from the screen: when a key works, the dialog, the queue, and the outcome."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Final

from textual import events
from textual.actions import parse
from textual.binding import Binding

from tui.api.actions import ACTIONS, REPLAY, Action
from tui.api.errors import ApiError
from tui.domain.action import ActionPhase, ActionPlan, ActionStatus, Via
from tui.domain.run import Run, RunId
from tui.domain.update import SourceRetrying
from tui.features.actions import words
from tui.kit.app import AppBase
from tui.kit.bars import NOTICE_S
from tui.kit.keys import Help, bind
from tui.kit.live_model import LiveModel
from tui.kit.painted import YesNoDialog
from tui.kit.words import Replayed, without_request
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Topic
from tui.sync.session import Session
from tui.text.blocks import key_of, need_connection, no_run_selected, with_key
from tui.text.styled import Line, Piece, Token

# Sends the actions that the user confirmed, after a wait in which they can be withdrawn.


GRACE_S: Final = 5
"""How long a batch waits before its first request."""

MAX_WORKERS: Final = 8
"""The maximum number of actions of one batch in flight."""

Check = Callable[[], str | None]
"""Returns why nothing may be sent any more, or None."""


@dataclass
class ActionBatch:
    """One confirmed action on several runs.

    * `waiting`: the runs that no worker has started yet, in order
    * `check`: is called before each request
    * `due_at`: the end of the wait
    * `outcomes`: the final status of the action on each run that a worker has finished
    * `stopped`: why `check` stopped the batch
    * `withdrawn_count`: the runs that were withdrawn
    """

    action: Action
    size: int
    waiting: dict[RunId, Run]
    check: Check
    due_at: datetime
    via: Via = Via.KEY
    outcomes: list[ActionStatus] = field(default_factory=list)
    stopped: str | None = None
    withdrawn_count: int = 0


class ActionQueue:
    """Sends batches.

    Calls `on_outcome` after each run, `on_update` when rows may look different, and `on_done` with a finished batch.
    """

    def __init__(
        self,
        session: Session,
        *,
        on_outcome: Callable[[ActionStatus], None],
        on_update: Callable[[], None],
        on_done: Callable[[ActionBatch], None],
    ) -> None:
        self._session = session
        self._on_outcome = on_outcome
        self._on_update = on_update
        self._on_done = on_done
        self._batches: list[ActionBatch] = []
        self._started: dict[RunId, tuple[ActionBatch, ActionStatus | None]] = {}
        """The runs whose action a worker has started, with the status of an earlier action on them."""

    @property
    def is_busy(self) -> bool:
        """Whether an action was sent whose outcome is not known."""
        return bool(self._started)

    @property
    def waiting_counts(self) -> Counter[str]:
        """The number of runs that wait to be sent, by title of the action."""
        return +Counter({batch.action.title: len(batch.waiting) for batch in self._batches})

    def busy_words(self, run_id: RunId) -> str | None:
        """Return which action on a run waits or has no outcome yet, or None."""
        if (batch := self._waits_in(run_id)) is not None:
            return f"{batch.action.id} is not sent yet{with_key('withdraw', 'u', ', {} withdraws it')}"
        if run_id in self._started:
            return f"{self._started[run_id][0].action.id} was sent, without an answer yet"
        return None

    def send(self, action: Action, runs: Sequence[Run], check: Check, *, grace_s: int = 0, via: Via = Via.KEY) -> None:
        """Send an action for each run after `grace_s`."""
        due_at = self._session.now() + timedelta(seconds=grace_s)
        batch = ActionBatch(action, len(runs), {run.id: run for run in runs}, check, due_at, via)
        self._batches.append(batch)
        if grace_s:
            self._on_update()
        self._session.spawn(self._run(batch, grace_s), action.id)

    def withdraw(self) -> Counter[str]:
        """Withdraw everything that was not sent. Return the number of runs by id of the action."""
        counts: Counter[str] = Counter()
        for batch in self._batches:
            counts[batch.action.id] += len(batch.waiting)
            batch.withdrawn_count += len(batch.waiting)
            batch.waiting.clear()
        self._on_update()
        return +counts

    def abandon(self) -> list[tuple[Action, int]]:
        """Drop everything that was not sent, because the program ends. Return the number of runs of each batch."""
        sent = {status.run_id for status in self._session.actions_in_flight}
        unsent = Counter(id(batch) for run_id, (batch, _) in self._started.items() if run_id not in sent)
        counts = [(batch.action, len(batch.waiting) + unsent[id(batch)]) for batch in self._batches]
        for batch in self._batches:
            batch.waiting.clear()
        return [(action, count) for action, count in counts if count]

    def overlay(self, run_id: RunId) -> Piece | None:
        """Return the piece that the row of a run shows in place of its status."""
        if (batch := self._waits_in(run_id)) is not None:
            return words.countdown(batch.action.id, batch.due_at - self._session.now())
        status = self._session.store.actions.get(run_id)
        batch, earlier = self._started.get(run_id, (None, None))
        if batch is not None and earlier is status:
            return words.countdown(batch.action.id, timedelta())  # the run is read once more before the request
        return None if status is None else words.overlay(status, self._session.now())

    async def _run(self, batch: ActionBatch, grace_s: int) -> None:
        for _ in range(grace_s):
            await self._session.clock.sleep(1.0)
            self._on_update()
        await asyncio.gather(*(self._work(batch) for _ in range(min(MAX_WORKERS, len(batch.waiting)))))
        self._batches.remove(batch)
        if batch.outcomes or batch.stopped is not None:
            self._on_done(batch)

    async def _work(self, batch: ActionBatch) -> None:
        while batch.waiting:
            if (reason := batch.check()) is not None:
                batch.stopped = reason
                batch.waiting.clear()
                self._on_update()
            else:
                await self._perform(batch, batch.waiting.pop(next(iter(batch.waiting))))

    async def _perform(self, batch: ActionBatch, run: Run) -> None:
        self._started[run.id] = batch, self._session.store.actions.get(run.id)
        self._on_update()
        known = self._session.store.get(run.id)
        # A run that has ended since the confirmation is passed as it was then, so that the outcome is "already ended".
        before = run if known is None or known.is_final > run.is_final else known
        try:
            status = await self._session.perform(batch.action, before, via=batch.via)
        finally:
            del self._started[run.id]
        batch.outcomes.append(status)
        self._on_outcome(status)
        self._session.clock.call_later(words.SHOWN_FOR.total_seconds(), self._on_update)

    def _waits_in(self, run_id: RunId) -> ActionBatch | None:
        """Return the batch in which a run waits to be sent, if there is one."""
        return next((batch for batch in self._batches if run_id in batch.waiting), None)


# Actions on runs from the screen: when a key works, the confirmation dialog, and the notices about the outcome.
#
# `ActionQueue` sends the actions. The session checks each of them again before its request.


MAX_CHECKED_RUNS: Final = 500
"""After each key, the footer checks whether actions are possible. Checking this many runs takes less than half a
millisecond.
"""


MAX_REPLAYS_KEPT: Final = 1_000
"""For at most this many runs, the last replay is remembered."""

BY_ID: Final = {action.id: action for action in ACTIONS}

ACTION_BINDINGS: Final[tuple[Binding, ...]] = (
    *(
        bind(each.key, f"act('{each.id}')", each.title.lower(), f"{each.description}.", id=each.id, rank=rank,
             help=Help("act", rank))
        for rank, each in enumerate(ACTIONS, 20)
    ),
    bind("u", "withdraw", "withdraw", "Withdraw the actions that are not sent yet.", rank=27, need=5,
         help=Help("act", 40, "withdraw what is not sent yet")),
    bind("v", "go_to_new", "view the new run", "Go to the run that a replay of this one started.", id="new-run",
         rank=28, need=6, help=Help("act", 50, "the new run of a replay")),
)  # fmt: skip
"""Bound only where something may be written."""


def from_palette(action: str) -> str:
    """Return the action of a binding as the palette runs it: the action log distinguishes the two."""
    namespace, name, parameters = parse(action)
    if namespace or name not in {"act", "own_command"}:
        return action
    return f"{name}({', '.join(map(repr, (*parameters, Via.PALETTE.value)))})"


@dataclass(eq=False)
class ActionController:
    """The actions of one screen.

    * `add_message`, `show_notice`: report, in the messages or at the end of the footer for `NOTICE_S`
    * `open_run`: selects a run
    * `unmark`: clears the marks of the confirmed runs
    """

    live: LiveModel
    app: Callable[[], AppBase]
    add_message: Callable[[str], None]
    show_notice: Callable[[Line], None]
    open_run: Callable[[RunId], None]
    unmark: Callable[[], None]

    def __post_init__(self) -> None:
        self._session = self.live.session
        self._writable = self._session.settings.key.writable_runs
        self._screen: ConfirmScreen | None = None
        self._plan_task: asyncio.Task[None] | None = None
        self.action_queue = ActionQueue(
            self._session, on_outcome=self._remember, on_update=self._publish_update, on_done=self._on_done
        )
        self.live.overlay, self.live.replayed = self.action_queue.overlay, self.replayed
        self._replays: dict[RunId, ActionStatus] = {}
        """The last replay of each run that was replayed, or may have been."""
        self._announced: tuple[RunId | None, float] = None, 0.0
        """The new run that a notice names, and when the notice is gone."""

    @property
    def is_enabled(self) -> bool:
        """Whether the keys of actions exist in this session."""
        return self._session.offers_actions

    @property
    def block(self) -> str | None:
        """Why no action can be sent now, or None."""
        if (reason := self._session.write_block) is not None:
            return f"actions are blocked: {reason}"
        failure = self.live.freshness.failure
        is_offline = isinstance(failure, SourceRetrying) and not failure.is_answered
        keys = (key for action in ACTIONS if (key := key_of(action.id, action.key)))
        return need_connection(keys) if self.live.freshness.is_stale or is_offline else None

    def why_not(self, action: Action, run: Run) -> str | None:
        """Return why an action makes no sense on a run now, or None."""
        if (reason := action.forbidden(run)) is not None:
            return reason
        if self._writable is not None and run.id not in self._writable:
            return "the public token may not change this run"
        return self.action_queue.busy_words(run.id)

    def has_use_for(self, name: str, parameters: tuple[object, ...], run_ids: Iterable[RunId]) -> bool:
        """Return whether a binding of `ACTION_BINDINGS` does something now, for one of these runs at least.

        Only the first `MAX_CHECKED_RUNS` are checked. If there are more, the key counts as useful.
        """
        if not self.is_enabled:
            return False
        if name == "withdraw":
            return bool(self.action_queue.waiting_counts)
        if name == "go_to_new":
            return self._new_run_of(next(iter(run_ids), None)) is not None
        action, store = BY_ID[str(parameters[0])], self._session.store
        if self._session.denial(action) is not None or self.block is not None:
            return False
        return any(
            count == MAX_CHECKED_RUNS or self.why_not(action, store.get(run_id) or Run(run_id)) is None
            for count, run_id in enumerate(run_ids)
        )

    def denial(self, name: str, parameters: tuple[object, ...]) -> str:
        """Return why a binding of `ACTION_BINDINGS` does nothing in this session; empty if it may do something."""
        return (self._session.denial(BY_ID[str(parameters[0])]) or "") if name == "act" else ""

    def ask(
        self,
        action: Action,
        targets: Sequence[RunId],
        hidden_marks: int = 0,
        at_cursor: RunId | None = None,
        *,
        via: Via = Via.KEY,
    ) -> None:
        """Ask for confirmation of an action on these runs and send it, or show why that is not possible.

        `at_cursor` is the run under the cursor where the marked runs are meant.
        """
        if not self.is_enabled or self._screen is not None:
            return
        reason = self._session.denial(action)
        if reason is None and not targets:
            reason = "the filter hides all marked runs" if hidden_marks else no_run_selected()
        if (reason := self.block if reason is None else f"{action.id}: {reason}") is not None:
            self._show_text(reason)
            return
        runs = [self._session.store.get(run_id) or Run(run_id) for run_id in dict.fromkeys(targets)]
        possible = tuple(run for run in runs if self.why_not(action, run) is None)
        skipped = tuple(run for run in runs if run not in possible)
        if not possible:
            of_all = f"it is not possible for any of these {len(skipped)} runs"
            why = self.why_not(action, skipped[0]) if len(skipped) == 1 else of_all
            self._show_text(f"{action.id}: {why}")
            return
        is_replay = action.id == REPLAY.id
        replayed = tuple(run for run in possible if is_replay and len(possible) > 1 and run.id in self._replays)
        plan = ActionPlan(action.title, possible, skipped=skipped)
        question = words.Question(
            plan=plan,
            target=words.target_of(self._session),
            action=action,
            hidden_count=hidden_marks,
            leaves_cursor=at_cursor is not None and at_cursor not in targets,
            is_reading=action.stops_descendants and not all(run.is_final for run in possible),
            grace_s=GRACE_S if len(possible) > 1 else 0,
            replayed=replayed,
            version="Version: reading which one is current…" if is_replay else "",
        )
        question = question.toggled() if replayed else question
        self.show_notice(())  # remove an earlier notice, which is not about this question
        self._screen = screen = ConfirmScreen(self.live, question)
        self.app().push_screen(screen, lambda answer: self._on_answer(screen, via, is_confirmed=bool(answer)))
        if question.is_reading:
            self._plan_task = self._session.spawn(self._plan(plan, screen), f"plan {action.id}")
        elif is_replay:
            self._plan_task = self._session.spawn(self._read_version(screen), "read the current version")

    def withdraw(self) -> None:
        """Withdraw the actions that were not sent yet."""
        counts = self.action_queue.withdraw()
        said = "already sent: too late to withdraw it" if self.action_queue.is_busy else "nothing to withdraw"
        self._show_text(words.withdrawn_words(counts) if counts else said)

    def go_to_new(self, run_id: RunId | None = None) -> None:
        """Open the run that the last notice announced, else the newest replay of `run_id`."""
        if (new_run := self._new_run_of(run_id)) is not None:
            self._announced = None, 0.0
            self.show_notice(())
            self.open_run(new_run)
        elif self._replays:
            self._show_text("this session has not replayed this run")
        else:
            self._show_text("no run was replayed in this session")

    def _new_run_of(self, run_id: RunId | None) -> RunId | None:
        """Return the target of `v`: the announced run while its notice is shown, else the replay of this run."""
        announced, until_s = self._announced
        is_shown = self._session.clock.monotonic_s() < until_s
        replay = None if run_id is None else self._replays.get(run_id)
        return announced if is_shown else None if replay is None else replay.new_run_id

    def replayed(self, run_id: RunId) -> Replayed | None:
        """Return the state of the last replay of a run, None if this session has not replayed it."""
        if (status := self._replays.get(run_id)) is None:
            return None
        new_run = None if status.new_run_id is None else self.live.get(status.new_run_id)
        return words.replayed(status, new_run, self.live.now)

    def _remember(self, status: ActionStatus) -> None:
        """Keep the outcome of a replay that started a run, or may have done so."""
        if status.action == REPLAY.id and (status.new_run_id is not None or status.phase is ActionPhase.UNKNOWN):
            self._replays.pop(status.run_id, None)
            self._replays[status.run_id] = status
            if len(self._replays) > MAX_REPLAYS_KEPT:
                del self._replays[next(iter(self._replays))]

    def farewell(self) -> list[str]:
        """Drop all unsent actions at the end of the program. Return sentences about them and those in flight."""
        unsent = self.action_queue.abandon()
        return [
            *(words.not_sent(action.title, count, "the program was closed first") for action, count in unsent),
            *map(words.cut_short, self._session.actions_in_flight),
        ]

    async def _plan(self, confirmed: ActionPlan, screen: "ConfirmScreen") -> None:
        from tui.sync.tree import ActionPlanner  # noqa: PLC0415  loads pydantic

        session, action = self._session, screen.question.action
        plan = await ActionPlanner(session.fetcher, session.clock, action, confirmed.runs).read_plan(allow_partial=True)
        runs = [self._session.store.get(run.id) or run for run in confirmed.runs]
        possible = tuple(run for run in runs if action.forbidden(run) is None)
        skipped = (*confirmed.skipped, *(run for run in runs if run not in possible))
        objection = ""
        if not possible:
            forbidden = action.forbidden(runs[0]) if len(runs) == 1 else None
            objection = forbidden or f"all {len(runs)} have ended"
            possible, skipped = tuple(runs), confirmed.skipped
        self.app().call_later(screen.show_plan, replace(plan, runs=possible, skipped=skipped), objection)

    async def _read_version(self, screen: "ConfirmScreen") -> None:
        """Show the version that a replay would run in now."""
        session, environment = self._session, screen.question.target.environment
        if environment is not None and environment.type == "DEVELOPMENT":
            runs = (session.store.get(run_id) for _, run_id in session.store.newest_first_keys())
            newest = next((run.fixed.version for run in runs if run is not None and run.fixed.version), None)
            seen = "" if newest is None else f"; the newest run has {newest}"
            text = f"Version: that of your dev CLI{seen}."
        else:
            try:
                text = f"Version: {await session.fetch_current_version()}, the current deployment."
            except ApiError as error:
                text = f"Version: not known, {without_request(str(error)).removesuffix('.')}."
        self.app().call_later(screen.show_version, text)

    def _on_answer(self, screen: "ConfirmScreen", via: Via, *, is_confirmed: bool) -> None:
        self._screen = None
        if self._plan_task is not None:
            self._plan_task.cancel()
            self._plan_task = None
        if not is_confirmed:
            return
        question, action = screen.question, screen.question.action

        def check() -> str | None:
            """Return why nothing may be sent, for example because the question named another environment."""
            changed = "the environment changed after the question was asked"
            return self._session.block(action) if words.target_of(self._session) == question.target else changed

        if (reason := check() or self.block) is not None:
            self._show_text(reason)
            self.add_message(words.not_sent(action.title, len(question.plan.runs), reason))
            return
        if len(question.plan.runs) > 1:
            self.unmark()
        self.action_queue.send(action, question.plan.runs, check, grace_s=question.grace_s, via=via)

    def _publish_update(self) -> None:
        # The runs have not changed, only their overlays.
        app = self.app()
        app.call_later(app.changed.publish, Changes(topics={Topic.ACTIONS}))

    def _on_done(self, batch: ActionBatch) -> None:
        # A task of the session calls this, but widgets must be changed on the app's own message loop.
        self.app().call_later(self._report, batch)

    def _report(self, batch: ActionBatch) -> None:
        """Show a notice about the outcome, and add messages about the failures."""
        for status in batch.outcomes:
            if (failure := words.failure_words(status)) is not None:
                self.add_message(failure)
        if batch.stopped is not None:
            unsent = batch.size - len(batch.outcomes) - batch.withdrawn_count
            self.add_message(words.not_sent(batch.action.title, unsent, batch.stopped))
        self._announced = None, 0.0
        if batch.stopped is not None:
            self._show_text(f"{batch.action.id} stopped: {batch.stopped}")
        elif batch.outcomes:
            is_one, ends = batch.size == 1, batch.outcomes
            done = batch.action.done_word
            line = words.outcome_words(done, ends[0]) if is_one else words.batch_words(done, ends)
            newest = next((each.new_run_id for each in reversed(ends) if each.new_run_id is not None), None)
            if newest is not None and all(each.phase is ActionPhase.CONFIRMED for each in ends):
                self._announced = newest, self._session.clock.monotonic_s() + NOTICE_S
                v, goes = Piece("v", Token.TEXT, is_bold=True), f" opens {'it' if is_one else 'the last'}"
                line = (*line, Piece("   "), v, Piece(goes, Token.FAINT))
            self.show_notice(line)

    def _show_text(self, text: str) -> None:
        self.show_notice((Piece(text, Token.MUTED),))


# The dialog that asks for confirmation of an action.
#
# A key counts only after the terminal has shown the dialog: keys that were typed before it appeared must not confirm.


class ConfirmScreen(YesNoDialog):
    """Asks one question. Returns whether the user confirmed."""

    cells = words.WIDTH

    def __init__(self, live: LiveModel, question: words.Question) -> None:
        super().__init__(has_band=True)
        self.word = question.action.id
        self.question = replace(question, answer=self.answer)
        self._live = live

    @property
    def texts(self) -> tuple[str, ...]:
        return self.question.texts

    @property
    def may_agree(self) -> bool:
        return not self.question.is_reading and not self.question.objection

    def show_plan(self, plan: ActionPlan, objection: str) -> None:
        """Show the complete plan. It can be confirmed once the terminal has shown it."""
        if self.is_attached:
            self.question = replace(self.question, plan=plan, is_reading=False, objection=objection)
            self.ask_again()  # an answer to the last question would be about the incomplete plan

    def show_version(self, text: str) -> None:
        """Show the version that would run, in place of the words that it is being read."""
        self.question = replace(self.question, version=text)
        self.draw()

    def on_key(self, event: events.Key) -> None:
        """Leave out the runs that were replayed before, or include them. In a field, the letter is typed."""
        may_answer = self.answer.accepts_keys and self.app_base.pastes.may_answer
        if event.key == ("ctrl+r" if self.texts else "r") and self.question.replayed and may_answer:
            event.stop()
            event.prevent_default()
            self.answer.typed = ""
            self.question = self.question.toggled()
            self.ask_again()  # an answer to the last question would be about other runs

    def on_click(self, event: events.Click) -> None:
        lines = len(self.box.lines)
        is_low = event.widget is self.box and lines - 2 <= self.box.line_at(event.y) < lines
        if self.answer.accepts_keys and is_low and event.x < words.WIDTH // 2:
            self.dismiss(result=False)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        self._update_run()
        return words.confirm_lines(self.question, self._live.now, width, height)

    def _update_run(self) -> None:
        """Show a single run in its newest state, and an objection if the action is no longer possible."""
        session, plan, action = self._live.session, self.question.plan, self.question.action
        reason = session.block(action)
        run = session.store.get(plan.runs[0].id) if reason is None and len(plan.runs) == 1 else None
        replayed = self._live.replayed(plan.runs[0].id) if action.id == REPLAY.id and len(plan.runs) == 1 else None
        self.question = replace(self.question, earlier=() if replayed is None else replayed.line)
        if run is not None and run is not plan.runs[0]:
            reason = action.forbidden(run)
            self.question = replace(self.question, plan=replace(plan, runs=(run,)))
        if reason is not None:
            self.question = replace(self.question, objection=reason)
