"""The dialog that asks for confirmation of an action.

A key counts only after the terminal has shown the dialog: keys that were typed before it appeared must not confirm.
"""

import math
from dataclasses import replace
from typing import Final, assert_never

from textual import events
from textual.app import ComposeResult

from tui.actions import Action
from tui.domain.action_plan import ActionPlan
from tui.present.dialogs.confirm import WIDTH, Question, confirm_lines, objection_to
from tui.ui.data.live_model import LiveModel
from tui.ui.input.type_ahead import FrameVisibility, TypeAhead
from tui.ui.look.ticking import Ticker
from tui.ui.screens.guarded import GuardedDialog
from tui.ui.widgets.dialog import Dialog

MAX_TYPED: Final = 40

BURST_GAP_S: Final = 0.1
"""A key this soon after an ignored one was typed or pasted together with it, and is ignored too."""


class ConfirmScreen(GuardedDialog):
    """Asks one question. Returns whether the user confirmed."""

    def __init__(self, live: LiveModel, action: Action, question: Question, type_ahead: TypeAhead) -> None:
        super().__init__(type_ahead)
        self.question = question
        self._live = live
        self._action = action
        self._ignored_at_s = -math.inf
        self._dialog = Dialog(has_band=True)
        self._ticker = Ticker(self, live.session.clock, self.draw)

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        if self._type_ahead.is_silent:
            self.question = replace(self.question, word=self._action.id)
        self.draw()
        self._ticker.begin()

    def on_unmount(self) -> None:
        self._ticker.stop()

    def forget_visibility(self) -> None:
        self.question = replace(self.question, accepts_keys=False, may_answer=False, is_waiting=False)

    def show_plan(self, plan: ActionPlan, objection: str) -> None:
        """Show the complete plan. It can be confirmed once the terminal has shown it."""
        if not self.is_attached:
            return
        self.question = replace(self.question, plan=plan, is_reading=False, objection=objection)
        self.ask_again()  # an answer to the last question would be about the incomplete plan

    def on_click(self, event: events.Click) -> None:
        lines = len(self._dialog.lines)
        is_low = event.widget is self._dialog and lines - 2 <= self._dialog.line_at(event.y) < lines
        is_button = is_low and event.x < WIDTH // 2
        if self.question.accepts_keys and is_button:
            self.dismiss(result=False)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        question = self.question
        if event.key == "escape":
            self.dismiss(result=False)
        elif not question.accepts_keys:
            self._ignore_key()
            # Not drawn now: the dialog is drawn when the terminal has shown it, and says it then.
            self.question = replace(question, was_early=True)
        elif question.needs_typing:
            self._type(event)
        elif not self.may_be_answered:
            self.question = replace(question, was_early=True)
            self.draw()
        elif event.key in {"enter", "q"}:
            self.dismiss(result=False)
        elif event.key == "y" and question.may_answer and not question.is_reading and not question.objection:
            self.dismiss(result=True)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if self.question.needs_typing and self.question.may_answer:
            self.question = replace(self.question, input_error=f"A paste does not count: type {self._word_choices}.")
            self.draw()

    def on_visibility(self, visibility: FrameVisibility) -> None:
        is_whole = not self.question.is_reading
        match visibility:
            case FrameVisibility.WAITING:
                self.question = replace(self.question, is_waiting=True)
            case FrameVisibility.SEEN:
                self.question = replace(self.question, accepts_keys=True, may_answer=is_whole, is_waiting=False)
            case FrameVisibility.UNKNOWN:
                self.question = replace(self.question, word=self._action.id, is_waiting=False)
                # The input field is drawn now: earlier keys do not belong into it.
                self.call_after_refresh(self._accept_typing, is_whole=is_whole)
            case _:
                assert_never(visibility)
        self.draw()

    def _accept_typing(self, *, is_whole: bool) -> None:
        self.question = replace(self.question, accepts_keys=True, may_answer=is_whole)
        self.draw()

    @property
    def _word_choices(self) -> str:
        return " or ".join(self.question.accepted_texts)

    @property
    def _is_in_burst(self) -> bool:
        """Whether a key now belongs to a burst of keys that began before the input field was visible.

        Needed only for terminals that do not answer: an answer separates the earlier keys from the later ones.
        """
        return bool(self.question.word) and self._now_s - self._ignored_at_s < BURST_GAP_S

    @property
    def _now_s(self) -> float:
        return self._live.session.clock.monotonic_s()

    def _ignore_key(self) -> None:
        self._ignored_at_s = self._now_s

    def _type(self, event: events.Key) -> None:
        question = self.question
        is_answer = event.key != "enter" or question.typed in question.accepted_texts
        if not question.may_answer or self._is_in_burst or (self.is_pasted and is_answer):
            self._ignore_key()
            return
        typed, input_error = question.typed, ""
        if event.key == "enter":
            if typed in question.accepted_texts:
                self.dismiss(result=True)
                return
            choices = self._word_choices
            input_error = f"That is not {choices}: nothing was done." if typed else f"Type {choices} first, or Esc."
        elif event.key in {"backspace", "ctrl+h"}:
            typed = typed[:-1]
        elif event.key in {"ctrl+u", "ctrl+w"}:
            typed = ""
        elif event.character is not None and event.is_printable and len(typed) < MAX_TYPED:
            typed += event.character
        self.question = replace(question, typed=typed, input_error=input_error, was_early=False)
        self.draw()

    def draw(self) -> None:
        self._update_run()
        width, height = self._dialog.room(WIDTH)
        self._dialog.show(confirm_lines(self.question, self._live.now, width, height), width)

    def _update_run(self) -> None:
        """Show a single run in its newest state, and an objection if the action is no longer possible."""
        plan, block = self.question.plan, self._live.session.block(self._action)
        if block is not None:
            self.question = replace(self.question, objection=objection_to(block))
            return
        if len(plan.runs) != 1:
            return
        run = self._live.session.store.get(plan.runs[0].id) or plan.runs[0]
        if run is plan.runs[0]:
            return
        objection = self.question.objection
        if (forbidden := self._action.forbidden(run)) is not None:
            objection = objection_to(forbidden)
        self.question = replace(self.question, plan=replace(plan, runs=(run,)), objection=objection)
